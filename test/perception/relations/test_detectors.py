"""Relation detectors by name: built in, and from outside `src` through the commands."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.memory import matched
from fail2progress.core.objects import Shape, is_container
from fail2progress.core.observation import Observation, SegmentedCloud, UnseenError
from fail2progress.core.parts import PartError
from fail2progress.core.registry import RegistryError
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.core.scene import pose
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.prediction import detect, encode_observation
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.perception.relations.geometric import A9, GeometricDetector
from fail2progress.perception.relations.geometric import detect as detect_geometrically
from fail2progress.perception.relations.registry import DETECTORS, relation_detector
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph
from fail2progress.tasks.registry import task
from support import box_detector
from support.plugins import install_plugin

GROUP = "fail2progress.relation_detectors"
INSIDE = BINARY.index("inside")
TWO = tuple[SegmentedCloud, Observation]


@pytest.fixture(scope="module")
def seen() -> SegmentedCloud:
    """Things on two tables; the order of segments is not that of a segmenter."""
    scene = task("hierarchical-tabletop").trial(3, 5).scene
    camera = Camera(eye=(-0.1, 0.35, 1.1), target=(0.6, 0.4, 0.5), focal=520.0)
    frame = photograph(compile_scene(scene), scene, camera, DepthNoise(0.001, 0.005), np.random.default_rng(0))
    cloud = LabelledSegmenter().segment(frame).cloud()
    order = np.random.default_rng(1).permutation(len(cloud))
    names, kinds = (tuple(values[i] for i in order) for values in (cloud.names, cloud.categories))
    return SegmentedCloud(names, kinds, cloud.points[order], cloud.visibility[order])


def test_the_learned_one_is_the_model_s_own(seen: SegmentedCloud) -> None:
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    observation = relation_detector("learned", start.model, start.digest).observe(seen)
    expected = detect(start.model, encode_observation(start.model, seen))
    binary, hollow = observation.relations.binary, [is_container(category) for category in seen.categories]
    np.testing.assert_array_equal(binary[..., :INSIDE], expected.binary[..., :INSIDE])
    np.testing.assert_array_equal(binary[:, hollow, INSIDE], expected.binary[:, hollow, INSIDE])
    assert observation.source == start.digest


class Credulous(RelationDetector):
    """Believes everything."""

    name = "credulous"

    def detect(self, cloud: SegmentedCloud) -> RelationState:
        n = len(cloud)
        return RelationState(cloud.names, np.ones((n, n, len(BINARY))), np.ones((n, len(UNARY))))


def test_nothing_is_inside_what_is_no_container_whatever_a_detector_believes(seen: SegmentedCloud) -> None:
    binary = Credulous().observe(seen).relations.binary
    hollow = np.array([is_container(category) for category in seen.categories])
    assert hollow.any() and not hollow.all()
    assert (binary[:, hollow] == 1).all() and (binary[:, ~hollow, INSIDE] == 0).all() and (binary[..., :INSIDE] == 1).all()


def test_a_thing_that_is_called_a_cup_holds_nothing_while_no_inside_of_it_was_seen() -> None:
    points = np.random.default_rng(0).uniform(0, 0.1, (50, 3)).astype(np.float32)
    parts = [
        Segment(name, "cup", Shape.OPEN_BOX, points, np.arange(50), pose(0, 0, 0), np.ones(3), 1.0, cavity=cavity)
        for name, cavity in (("open", 0.05), ("unseen", 0.0), ("labelled", None))
    ]
    state = Credulous().detect_perceived(Perceived(tuple(parts), (), np.eye(4), 10, 10))
    assert [state.value("inside", "labelled" if name != "labelled" else "open", name) for name in state.names] == [1.0, 0.0, 1.0]


def test_the_geometric_one_keeps_the_order_of_the_segments(seen: SegmentedCloud) -> None:
    found = relation_detector("geometric").observe(seen)
    assert found.source == "geometric" and found.relations.names == seen.names
    assert found.relations.value("contact", "cup_1", "table_a") > 0.9 and found.relations.value("above", "cup_1", "table_a") > 0.9
    assert [found.relations.value("movable", name) for name in ("cup_1", "capsule_1", "table_b")] == [1.0, 1.0, 0.0]
    ordered = matched(found, sorted_cloud(seen))
    again = GeometricDetector().detect(sorted_cloud(seen))
    np.testing.assert_allclose(ordered.relations.binary, again.binary, atol=0.2)  # boxes are drawn around in another order


def sorted_cloud(cloud: SegmentedCloud) -> SegmentedCloud:
    order = sorted(range(len(cloud)), key=lambda row: cloud.names[row])
    names, kinds = (tuple(values[i] for i in order) for values in (cloud.names, cloud.categories))
    return SegmentedCloud(names, kinds, cloud.points[order], cloud.visibility[order])


def test_a_frame_is_looked_at_with_all_its_points() -> None:
    scene = task("hierarchical-tabletop").trial(3, 5).scene
    camera = Camera(eye=(-0.1, 0.35, 1.1), target=(0.6, 0.4, 0.5), focal=520.0)
    frame = photograph(compile_scene(scene), scene, camera, DepthNoise(0.001, 0.005), np.random.default_rng(0))
    perceived = LabelledSegmenter().segment(frame)
    found = GeometricDetector().detect_perceived(perceived)
    np.testing.assert_array_equal(found.binary, detect_geometrically(perceived).binary)
    assert not np.array_equal(found.binary, detect_geometrically(perceived, A9).binary) or found.binary.max() <= 1.0


def test_nothing_to_see_is_refused(seen: SegmentedCloud) -> None:
    empty = SegmentedCloud(seen.names, seen.categories, np.full_like(seen.points, np.nan), np.zeros_like(seen.visibility))
    with pytest.raises(UnseenError, match="the camera sees nothing of"):
        GeometricDetector().detect(empty)


def test_one_that_needs_a_model_says_so() -> None:
    with pytest.raises(RegistryError, match="'learned' of fail2progress cannot be made: it needs a skill effect model"):
        relation_detector("learned")
    with pytest.raises(RegistryError, match="unknown relation detector 'learnd'; known: learned, combined, geometric"):
        DETECTORS.get("learnd")


def test_relations_of_other_segments_are_no_observation(seen: SegmentedCloud) -> None:
    with pytest.raises(ValueError, match="relations of"):
        Observation(seen, RelationState(("a",), np.zeros((1, 1, 9)), np.zeros((1, 3))), "x")


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    """Variables of a process that finds the package of one file."""
    folder = install_plugin(tmp_path, Path(box_detector.__file__).read_text(), {GROUP: {"boxes": "BoxDetector"}})
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))}


def command(variables: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "fail2progress.cli", *map(str, words)]
    return subprocess.run(program, env=variables, capture_output=True, text=True, timeout=300)


def test_one_from_outside_judges_trials(outside: dict[str, str]) -> None:
    words = ("evaluate", "--trials", 1, "--processes", 1, "--method", "replanning", "--relations", "boxes", "--json")
    done = command(outside, *words)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["relations"], said["trials"]) == ("boxes", 1) and said["skills"] > 0


def test_one_that_cannot_be_imported_is_named_in_one_line(tmp_path: Path) -> None:
    folder = install_plugin(tmp_path, "raise RuntimeError('no licence')", {GROUP: {"boxes": "BoxDetector"}})
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))}
    done = command(variables, "evaluate", "--relations", "boxes")
    assert (done.returncode, done.stdout) == (2, "")
    line = done.stderr.splitlines()[-1]  # a computer that is slow to load says so before
    assert "Traceback" not in done.stderr
    assert "outside_parts" in line and "no licence" in line


class Wrong(RelationDetector):
    """Gives what it is told to."""

    name = "wrong"

    def __init__(self, give: Callable[[RelationState], object]) -> None:
        self.give = give

    def detect(self, cloud: SegmentedCloud) -> RelationState:
        return self.give(GeometricDetector().detect(cloud))  # type: ignore[return-value]


WRONG: list[tuple[Callable[[RelationState], object], str]] = [
    (lambda state: replace(state, binary=state.binary * np.nan), r"raised ValueError: binary relations must be in \[0, 1\]"),
    (lambda state: replace(state, binary=state.binary * 10.0 - 5.0), "are not, as -5"),
    (lambda state: replace(state, unary=np.full(state.unary.shape, 100.0)), "unary relations must be in .* as 100"),
    (lambda state: replace(state, binary=state.binary[..., :5]), "relations of 5 objects: got shapes"),
    (lambda state: state.of(state.names[:-1]), "of the segments that it sees, in their order: "),
    (lambda state: state.of(state.names[::-1]), "of the segments that it sees, in their order: "),
    (lambda state: None, "gave NoneType, it must give a RelationState"),
    (lambda state: {}["weights"], "raised KeyError: 'weights' "),
]


@pytest.mark.parametrize(("give", "said"), WRONG)
def test_what_one_gives_is_looked_at(give: Callable[[RelationState], object], said: str) -> None:
    scene = task("hierarchical-tabletop").trial(3, 5).scene
    frame = photograph(compile_scene(scene), scene, Camera(), DepthNoise(0.0, 0.0), np.random.default_rng(0))
    perceived = LabelledSegmenter().segment(frame)
    for ask in (lambda: Wrong(give).observe(perceived.cloud()), lambda: Wrong(give).perceived(perceived)):
        with pytest.raises(PartError, match=f"relation detector 'wrong' of test .*{said}"):
            ask()


def test_one_that_fails_in_another_process_is_told_in_one_line(tmp_path: Path) -> None:
    source = Path(box_detector.__file__).read_text().replace("found.astype(float)", "found * np.nan")
    folder = install_plugin(tmp_path, source, {GROUP: {"boxes": "BoxDetector"}})
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))}
    done = command(variables, "evaluate", "--trials", 2, "--processes", 2, "--method", "replanning", "--relations", "boxes")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "relation detector 'boxes' of outside_parts raised ValueError: binary relations" in done.stderr.splitlines()[-1]
