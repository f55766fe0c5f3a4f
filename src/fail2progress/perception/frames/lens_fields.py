"""Where in a camera file's fields the distortion of its lens is, and by what names programs call its models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fail2progress.perception.frames.camera_keys import joined
from fail2progress.perception.frames.distortion import BROWN_CONRADY, TERMS, Lens, lens_of, letters

_MODELS = re.compile(r"distortionmodel|(camera|cam|intrinsics?|lens|projection)*(model|type)+|distortion|distorsion")
"""Names of a model's name, the words of a key joined; all but the first may hold the name of the device instead."""
_OF_LENSES = (
    *("distort", "conrady", "radial", "prism", "division", "fisheye", "equidistant", "equisolid", "stereographic", "kannala"),
    *("ftheta", "omnidir", "mei", "unified", "eucm", "doublesphere", "scaramuzza", "ocam", "fov", "atan", "spherical", "none"),
    *("panoramic", "perspective"),
)
"""One of these, letters alone, is in the name of any other model of lenses."""
_REALSENSE = ("none", "modified_brown_conrady", "inverse_brown_conrady", "ftheta", "brown_conrady", "kannala_brandt4")
"""What the integers of rs2_distortion stand for."""
_LISTS = re.compile(r"d|coeffs|(lens)?dist(ort(ion)?)?(coefs?|coeffs?|coefficients?|params?|parameters?)?")
"""Names of its coefficients, letters alone: D, dist_coeffs, Distortion_Coefficients, distCoeffs and others."""
_FEWEST = 4


def is_coefficients(key: str) -> bool:
    """Whether a key is a name for the coefficients of a distortion."""
    return _LISTS.fullmatch(letters(key)) is not None


def lens_in(fields: Mapping[str, Any]) -> Lens | None:
    """The lens of a camera file's fields, as ROS, RealSense, OpenCV, Kalibr, ORB-SLAM and Nerfstudio write it."""
    model = _model(fields)
    named = [value for key, value in fields.items() if is_coefficients(key) and not _is_distance(key, value)]
    found: Any = next((value for value in named if isinstance(value, (list, tuple, dict))), None)
    if found is None:
        found = next((value for value in named if isinstance(value, str) and not _of_lens(letters(value))), None)
    if isinstance(found, dict):
        model = _model(found) or model
        found = next((found[key] for key in found if key in ("data", "coefficients") or is_coefficients(key)), _terms(found))
    if isinstance(found, str) and found.lower() in ("", "none"):
        found = None
    lens = lens_of(model, _terms(fields) or None if found is None else found)
    # Without coefficients a fisheye lens is no pinhole, either.
    return Lens(model, ()) if lens is None and _flagged(fields) else lens


def _is_distance(key: str, value: object) -> bool:
    """Whether what is called dist is rather distances: a lens has four coefficients or more."""
    return key == "dist" and isinstance(value, (list, tuple)) and np.size(np.array(value, object)) < _FEWEST


def _flagged(fields: Mapping[str, Any]) -> bool:
    return any("fisheye" in joined(key) and value is True for key, value in fields.items())


def _model(fields: Mapping[str, Any]) -> str:
    """The name of a model of lenses; "" where there is none, though there may be one of a device."""
    if _flagged(fields):
        return "fisheye"
    named = [(joined(key), value) for key, value in fields.items() if _MODELS.fullmatch(joined(key))]
    for name, value in sorted(named, key=lambda one: (one[0] != "distortionmodel", "distor" in one[0])):
        if isinstance(value, str) and (name == "distortionmodel" or _of_lens(letters(value))):
            return value
        of_realsense = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(_REALSENSE)
        if of_realsense and any(key in fields for key in ("coeffs", "ppx")):
            return _REALSENSE[value]
    return ""


def _of_lens(name: str) -> bool:
    return bool(name) and (name in BROWN_CONRADY or any(word in name for word in _OF_LENSES))


def _terms(fields: Mapping[str, Any]) -> list[Any]:
    """k1, k2, p1, p2 and those after them that are named, up to the last one."""
    found = {joined(key): value for key, value in fields.items() if not isinstance(value, (Mapping, list, tuple))}
    last = max((place for place, name in enumerate(TERMS, 1) if name in found), default=0)
    return [found.get(name, 0.0) for name in TERMS[:last]]
