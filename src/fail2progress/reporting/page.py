"""HTML pages from the templates beside this module. All text from outside is escaped; a page holds all that it shows."""

from __future__ import annotations

import base64
import io
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from fail2progress.core.images import opened
from fail2progress.reporting.measures import split


def page(template: str, **values: Any) -> str:
    """A page of a template (without ".html.j2"), filled in."""
    return _environment().get_template(f"{template}.html.j2").render(**values)


def _environment() -> Environment:
    loader = PackageLoader("fail2progress.reporting", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["data_uri"] = _data_uri
    environment.filters["markdown"] = _markdown
    environment.filters["measures"] = split
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
