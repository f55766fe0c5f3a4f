"""Values that hold arrays, printed in a line: arrays by type and shape, what lies deeper by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

_MOST = 8
"""Elements of a sequence that are printed."""
_LONGEST = 100
"""Characters of a value of no kind that is known here."""
_DEEPEST = 1
"""Records within each other that are printed with what they hold."""


def brief(value: object) -> str:
    """A dataclass or a pydantic model with its fields, short: what `__repr__` of those that hold arrays says."""
    return _record(value, 0)


def _record(value: object, depth: int) -> str:
    kind = type(value)
    names = [field.name for field in fields(kind) if field.repr] if is_dataclass(kind) else list(kind.model_fields)  # type: ignore[attr-defined]
    return f"{kind.__name__}({', '.join(f'{name}={_short(getattr(value, name), depth + 1)}' for name in names)})"


def _short(value: object, depth: int) -> str:
    kind = type(value)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if value.shape:
            return f"<{str(value.dtype).rpartition('.')[2]} {'x'.join(map(str, value.shape))}>"
        value = value.item() if hasattr(value, "item") else value  # a number
    if isinstance(value, float):
        return f"{value:.4g}"
    if is_dataclass(value) or hasattr(kind, "model_fields"):
        if vars(kind).get("__str__", brief) is not brief:
            return str(value)
        return _record(value, depth) if depth <= _DEEPEST else f"{kind.__name__}(...)"
    if isinstance(value, (tuple, list)):
        more = f", ... {len(value)} in all" if len(value) > _MOST else ""
        return f"[{', '.join(_short(item, depth + 1) for item in value[:_MOST])}{more}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(map(str, value))}}}"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
