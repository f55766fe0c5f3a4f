"""HTML pages from the templates beside this module. All text from outside is escaped; a page holds all that it shows."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from fail2progress.core.images import opened

MEASURES = {
    "failure_f1": "relations after the skill, F1 on the failure's kind",
    "failure_error": "displacement error of what moves, m, as far as it is no chance",
    "held_out_detection": "held-out detection F1",
    "held_out_prediction": "held-out prediction F1",
    "broken": "broken relations that come out right, in what was seen",
    "shifted": "the same in simulated repetitions with shifted starts",
    "motion": "displacement error of what moved, in these, m",
    "worst": "the lowest F1 of one kind of relation, on the failure's kind",
    "observed": "the greatest displacement error of what was seen to move, m",
    "far": "displacement error below which nine of ten are on the failure's kind, m",
    "calm": "share of the failure's kind in which it is no chance where things end",
    "asked": "share of the broken relations that are no chance, so that they can be asked for",
    "still": "displacement error below which nine of ten are of what stays, on the failure's kind, m",
    "luck": "how far aside what moved may end for bouncing, which is not asked for, m",
    "beyond": "below which nine of ten are of what is more than chance in it, m",
    "grain": "what a single relation counts in the F1 on the failure's kind",
}
"""Names of the acceptance test's figures; one that has no name here is shown by its own."""


def page(template: str, **values: Any) -> str:
    """A page of a template (without ".html.j2"), filled in."""
    return _environment().get_template(f"{template}.html.j2").render(**values)


def _environment() -> Environment:
    loader = PackageLoader("fail2progress.reporting", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["data_uri"] = _data_uri
    environment.filters["markdown"] = _markdown
    environment.filters["measures"] = lambda before, after: list(measures(before, after))
    return environment


def webp(picture: bytes) -> bytes:
    """A PNG as WebP, a tenth of its size where it shows surfaces: for pages with many of them."""
    buffer = io.BytesIO()
    with opened(io.BytesIO(picture)) as image:
        image.convert("RGB").save(buffer, "webp", quality=85, method=6)
    return buffer.getvalue()


def _data_uri(picture: bytes) -> Markup:
    """A PNG or WebP as the address of an image."""
    kind = "webp" if picture[8:12] == b"WEBP" else "png"
    return Markup(f"data:image/{kind};base64,") + base64.b64encode(picture).decode()


def _markdown(text: str) -> Markup:
    """Markdown as HTML; tags within it are text."""
    return Markup(MarkdownIt("commonmark", {"html": False}).render(text))


def measures(before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    """Name, value before and value after of every number that both have; dataclasses or mappings."""
    old, new = (asdict(side) if is_dataclass(side) and not isinstance(side, type) else side for side in (before, after))
    assert isinstance(old, Mapping) and isinstance(new, Mapping)
    for key in old:
        if key in new and all(isinstance(side[key], int | float) for side in (old, new)):
            yield MEASURES.get(key, key.replace("_", " ")), f"{old[key]:.3f}", f"{new[key]:.3f}"
