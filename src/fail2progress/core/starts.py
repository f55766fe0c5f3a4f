"""When runs were begun: kept as local time for people, and ordered whatever zone that was in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

STAMP = "%Y-%m-%d_%H%M%S"
"""Of a run's start, with which its folder's name begins."""
_OFFSET = re.compile(r"[+-]\d\d:\d\d$")


@dataclass(frozen=True)
class Start:
    """One time that a run was begun or gone on with: local time, ISO 8601, and provenance, as a run has them."""

    started: str
    provenance: Mapping[str, object]

    @property
    def moment(self) -> float:
        """Seconds since 1970, wherever the clock stood: by the offset from UTC, or, of runs that were begun before it was kept,
        by the provenance; where neither tells, in the zone of this computer. Before all others where nothing tells."""
        texts = [self.started, str(self.provenance.get("time_utc"))]
        texts.sort(key=lambda text: _OFFSET.search(text) is None)
        for text in texts:
            with suppress(ValueError, OverflowError, OSError):  # no time, or none that a clock can show
                return datetime.fromisoformat(text).timestamp()
        return -math.inf


def started_by_name(name: str) -> str:
    """When a run began by its folder's name; empty where that does not tell."""
    try:
        return datetime.strptime(name[: len("2026-11-25_223452")], STAMP).isoformat()
    except ValueError:
        return ""
