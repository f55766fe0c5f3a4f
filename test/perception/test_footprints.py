"""Whether something is round or square from above, and how it lies, from what one camera sees of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.scene import Array
from fail2progress.perception.footprints import Footprint, FootprintRules, footprint, squareness

RULES = FootprintRules()
NOISE = 0.001
"""Metres."""


def seen(points: Array, normals: Array, eye: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Those of convex things that face the camera, with noise."""
    facing = ((eye - points) * normals).sum(axis=1) > 0.1 * np.linalg.norm(eye - points, axis=1)
    return points[facing] + rng.normal(0, NOISE, (int(facing.sum()), 3)), normals[facing] + rng.normal(
        0, 0.15, (int(facing.sum()), 3)
    )


def box(size: tuple[float, float, float], yaw: float) -> tuple[Array, Array]:
    """Points and normals of the sides and the top of a box that stands at the origin."""
    u, v = (part.ravel() for part in np.meshgrid(np.linspace(-0.5, 0.5, 24), np.linspace(-0.5, 0.5, 24)))
    half, faces = np.full_like(u, 0.5), []
    for axis in (0, 1):
        for sign in (-1.0, 1.0):
            place = np.stack([sign * half, u] if axis == 0 else [u, sign * half], axis=1)
            normal = np.tile(np.eye(3)[axis] * sign, (len(u), 1))
            faces.append((np.column_stack([place, v + 0.5]), normal))
    faces.append((np.column_stack([u, v, 2 * half]), np.tile([0.0, 0.0, 1.0], (len(u), 1))))
    points, normals = (np.concatenate(part) for part in zip(*faces, strict=True))
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    return (points * size) @ turn.T, normals @ turn.T


def can(radius: float, height: float) -> tuple[Array, Array]:
    """Points and normals of the side and the top of a can that stands at the origin."""
    angle, level = (part.ravel() for part in np.meshgrid(np.linspace(0, 2 * np.pi, 90), np.linspace(0, 1, 24)))
    side = np.column_stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)])
    away = np.sqrt(level) * radius
    top = np.column_stack([away * np.cos(angle), away * np.sin(angle), np.full_like(away, height)])
    points = np.concatenate([side * radius + np.column_stack([0 * level, 0 * level, level * height]), top])
    return points, np.concatenate([side, np.tile([0.0, 0.0, 1.0], (len(top), 1))])


def looked_at(thing: tuple[Array, Array], eye: Array, hollow: bool = False, rules: FootprintRules = RULES) -> Footprint:
    points, normals = seen(*thing, eye, np.random.default_rng(3))
    return footprint(points, normals, eye, hollow, rules)


angles = st.floats(0, 2 * np.pi)
heights = st.floats(0.1, 1.5)


def eye_at(angle: float, height: float) -> Array:
    return np.array([0.7 * np.cos(angle), 0.7 * np.sin(angle), height])


@settings(max_examples=60, deadline=None)
@given(st.floats(0.025, 0.08), st.floats(0.05, 0.2), angles, heights)
def test_can(radius: float, height: float, angle: float, up: float) -> None:
    """It is round from wherever it is seen, and where it stands and how wide it is are told by the part in view."""
    found = looked_at(can(radius, height), eye_at(angle, height + up))
    assert found.round
    assert found.size == pytest.approx([2 * radius] * 2, rel=0.12)
    assert np.linalg.norm(found.middle) < 0.2 * radius


@settings(max_examples=60, deadline=None)
@given(st.floats(0.03, 0.2), st.floats(0.4, 1.0), st.floats(0.03, 0.2), angles, angles, heights)
def test_box(long: float, part: float, height: float, yaw: float, angle: float, up: float) -> None:
    """It is square from wherever it is seen; where two of its walls are in view it lies as they do."""
    eye = eye_at(angle, height + up)
    found = looked_at(box((long, part * long, height), yaw), eye)
    assert not found.round
    offset = (angle - yaw) % (np.pi / 2)
    if up < 0.4 and 0.3 < offset < np.pi / 2 - 0.3:
        askew = (found.yaw - yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4
        assert abs(askew) < 0.25


def test_front_of_a_can_alone() -> None:
    """From its own height no top is in view: its smallest rectangle is half as deep as it is wide."""
    found = looked_at(can(0.04, 0.12), np.array([0.7, 0.0, 0.06]))
    assert found.round
    assert found.size == pytest.approx([0.08, 0.08], rel=0.12)


def test_banana() -> None:
    """What lies and is long is no can, though its walls face all ways."""
    points, normals = can(0.02, 0.16)
    lying, ways = points[:, [2, 0, 1]], normals[:, [2, 0, 1]]
    assert not looked_at((lying + np.array([0, 0, 0.02]), ways), np.array([0.0, 0.7, 0.3])).round


def test_hollow() -> None:
    assert not looked_at(can(0.05, 0.1), np.array([0.5, 0.0, 0.6]), hollow=True).round


def test_large() -> None:
    assert not looked_at(can(0.15, 0.1), np.array([0.9, 0.0, 0.6])).round
    assert looked_at(can(0.15, 0.1), np.array([0.9, 0.0, 0.6]), rules=replace(RULES, large=0.5)).round


def test_few_points() -> None:
    """One point, and a line of them, have a rectangle still."""
    for points in (np.zeros((1, 3)), np.linspace(0, 1, 40)[:, None] * [0.1, 0.0, 0.0]):
        found = footprint(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)), np.array([0.0, 0.0, 1.0]), False, RULES)
        assert not found.round
        assert np.isfinite(found.size).all()


@given(angles)
def test_squareness(yaw: float) -> None:
    """Walls of a box tell its angle; those of a can face all ways."""
    _, normals = box((0.1, 0.2, 0.1), yaw)
    told = squareness(normals[np.abs(normals[:, 2]) < 0.5])
    assert abs(told) == pytest.approx(1)
    assert np.exp(1j * np.angle(told)) == pytest.approx(np.exp(4j * yaw), abs=1e-6)
    _, round_ones = can(0.05, 0.1)
    assert abs(squareness(round_ones[np.abs(round_ones[:, 2]) < 0.5])) < 0.02
