"""Stages of long work: what each takes, and when it begins."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stages:
    """Seconds of each stage, which is reported as it begins."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.seconds: dict[str, float] = {}
        self._report = report

    def __call__(self, stage: str) -> Stages:
        """Names the stage that begins."""
        self._stage = stage
        return self

    def __enter__(self) -> None:
        self._report(self._stage)
        self._start = time.perf_counter()

    def __exit__(self, *raised: object) -> None:
        self.seconds[self._stage] = time.perf_counter() - self._start
