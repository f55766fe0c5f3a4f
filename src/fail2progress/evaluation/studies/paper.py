"""What the paper reports, for the column beside ours: Tables 3 and 5 (Hierarchical Tabletop), 2 and 4 (Transport)."""

from __future__ import annotations

_COUNTS = (3, 5, 7)
_METHODS = ("original", "small", "large", "replanning", "sampling", "gradient", "fail2progress")
_TABLE3 = {
    "points2plans": ((16, 18, 21, 28, 64, 52, 90), (10, 13, 15, 26, 54, 45, 87), (8, 9, 12, 18, 42, 39, 82)),
    "stow-gnn": ((13, 15, 19, 24, 61, 51, 83), (9, 10, 14, 21, 52, 43, 81), (8, 7, 11, 17, 41, 37, 76)),
    "binary-pred": ((11, 13, 15, 23, 51, 47, 78), (8, 8, 13, 19, 43, 37, 73), (5, 7, 9, 14, 30, 29, 64)),
}
"""Percent, a row for each number of objects."""
_TABLE4 = {"fail2progress": (87, 81, 71), "gradient": (51, 40, 18), "sampling": (62, 45, 23)}

_VIEWS = {"view1": (83, 42, 51), "view2": (85, 44, 47)}
"""Transport with 3 objects from unseen viewpoints: fail2progress, gradient, sampling."""
_TABLE5 = (59, 49, 36)
"""Domain randomisation, Hierarchical Tabletop."""
GENERATED = {"stein": (0.962, 0.673), "gradient": (0.904, 0.347), "sampling": (0.897, 0.523)}
"""A.15, by our generators' names: share of relations kept, standard deviation of the action's parameters (m)."""

_PERCENT = {
    ("hierarchical-tabletop", model, method, objects): row[column]
    for model, rows in _TABLE3.items()
    for objects, row in zip(_COUNTS, rows, strict=True)
    for column, method in enumerate(_METHODS)
} | {
    ("multi-object-transport", "points2plans", method, objects): value
    for method, values in _TABLE4.items()
    for objects, value in zip(_COUNTS, values, strict=True)
}


_PERCENT |= {
    ("hierarchical-tabletop", "points2plans", "domain-randomisation", objects): value
    for objects, value in zip(_COUNTS, _TABLE5, strict=True)
}
_SEEN = {
    ("multi-object-transport", "points2plans", method, 3, view): value
    for view, values in _VIEWS.items()
    for method, value in zip(("fail2progress", "gradient", "sampling"), values, strict=True)
}


def rate(task: str, model: str, method: str, objects: int, condition: str = "usual") -> float | None:
    """The paper's success rate, or None where it reports none."""
    key = (task, model, method, objects)
    percent = _PERCENT.get(key) if condition == "usual" else _SEEN.get((*key, condition))
    return None if percent is None else percent / 100
