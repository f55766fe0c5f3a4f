"""Shape priors as URDF texts, from the solid parts that a job states. Python 3.8."""

from __future__ import annotations

from typing import Any

from fail2progress.skills.limits import HANDLE_FORCE

BODY = "body"
"""Link of an object, or of the closed hand."""


def object_urdf(item: dict[str, Any], travel: float) -> str:
    """One rigid body; a drawer hangs on rails along its -x, on which it can be pulled out by `travel` m."""
    body = _link(BODY, item["parts"])
    if not item["drawer"]:
        return _robot(body)
    return _robot(_empty("rails"), _slide("opening", "rails", BODY, "-1 0 0", 0.0, travel, HANDLE_FORCE), body)


def bar_urdf(half: list[float], lifts: bool) -> str:
    """The closed hand: a box that slides along its own x, and upwards where it lifts. `half` sizes in metres."""
    part = {"cylinder": False, "half_m": half, "centre_m": [0.0, 0.0, 0.0]}
    middle = "lift" if lifts else "rail"
    links = [_empty("rail"), _link(BODY, [part], mass=1.0)]
    if lifts:
        links += [_empty("lift"), _slide("up", "rail", "lift", "0 0 1", -2.0, 2.0, 1000.0)]
    return _robot(*links, _slide("forward", middle, BODY, "1 0 0", -2.0, 2.0, 1000.0))


def _robot(*parts: str) -> str:
    return '<?xml version="1.0"?>\n<robot name="asset">\n' + "\n".join(parts) + "\n</robot>\n"


def _link(name: str, parts: list[dict[str, Any]], mass: float = 0.0) -> str:
    """Without a mass, it follows from the density of the asset."""
    shapes = "".join(_collision(part) for part in parts)
    return f'<link name="{name}">{_inertial(mass, 0.01) if mass > 0.0 else ""}{shapes}</link>'


def _empty(name: str) -> str:
    return f'<link name="{name}">{_inertial(0.01, 1e-4)}</link>'


def _inertial(mass: float, moment: float) -> str:
    moments = f'ixx="{moment}" ixy="0" ixz="0" iyy="{moment}" iyz="0" izz="{moment}"'
    return f'<inertial><mass value="{mass}"/><inertia {moments}/></inertial>'


def _collision(part: dict[str, Any]) -> str:
    (hx, hy, hz), (x, y, z) = part["half_m"], part["centre_m"]
    box = f'<box size="{2 * hx:.9g} {2 * hy:.9g} {2 * hz:.9g}"/>'
    shape = f'<cylinder radius="{hx:.9g}" length="{2 * hz:.9g}"/>' if part["cylinder"] else box
    return f'<collision><origin xyz="{x:.9g} {y:.9g} {z:.9g}"/><geometry>{shape}</geometry></collision>'


def _slide(name: str, parent: str, child: str, axis: str, low: float, high: float, effort: float) -> str:
    ends = f'<parent link="{parent}"/><child link="{child}"/><axis xyz="{axis}"/>'
    limit = f'<limit lower="{low:.9g}" upper="{high:.9g}" effort="{effort:g}" velocity="10"/>'
    return f'<joint name="{name}" type="prismatic">{ends}{limit}</joint>'
