"""Does it learn whatever fails? Families of failures, generators of samples, and what the model predicts afterwards.

Two kinds of cells, each a row, so that an interrupted study goes on. `learn`: from one failure to a judged model, measured on
executions of its family that it has not met, beside training on true executions, and on the observed transition alone. `data`: D+
by every generator around the same failures, from the same chart and with the same budget: how many of the failure's relations
hold, how far the samples spread; where a method learns, it tells this of its data as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fail2progress.core.executor import Executor
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.evaluation.studies.families_bars import NOT_RUN
from fail2progress.evaluation.studies.family_cells import ADAPT, ORACLES, Cell, Setting, Work, carry_out
from fail2progress.models.checkpoint import load_checkpoint

GENERATORS = ("stein", "gradient", "sampling", "prior")
OTHERS = ("near-copies", "domain-randomisation")
MOST_TRUE, FEW_TRUE = ORACLES
LEARNERS = (GENERATORS[0], MOST_TRUE, *GENERATORS[1:], *ADAPT, *OTHERS, FEW_TRUE)
"""The most telling first: they are run first, for all families and failures."""
EVERY = (*LEARNERS, "rejection")
"""Rejection is asked for by name: where many things are placed each by itself it takes its whole budget."""
PARTS = ("learn", "data")


@dataclass(frozen=True)
class Study:
    """Which cells to run. `learners` name generators, or data that need no generator: LEARNERS."""

    folder: Path
    families: tuple[str, ...]
    setting: Setting
    generators: tuple[str, ...] = GENERATORS
    learners: tuple[str, ...] = LEARNERS
    parts: tuple[str, ...] = PARTS

    def run(self, executor: Executor, progress: Callable[[str], None]) -> dict[str, object]:
        """Carry out what is missing and return the report. A cell that was not run says so.

        RowsError where the folder holds cells of another setting.
        """
        kept = study_rows(self.folder, "families", **self.setting.identity)
        missing = [Work(cell, self.setting) for cell in self.cells() if cell.key not in kept.by_key]
        for number, row in enumerate(executor.map_unordered(carry_out, missing) if missing else (), start=1):
            kept.add(row)
            progress(f"{row['key']}, {number} of {len(missing)}")
        return self._report(kept.by_key)

    def _report(self, kept: Mapping[str, Row]) -> dict[str, object]:
        """All rows, by family and failure, and their provenance."""
        rows = [row for cell in self.cells() for row in self._rows(cell, kept.get(cell.key))]
        rows.sort(key=lambda row: (row["kind"], self.families.index(row["family"]), row["failure"]))
        # The order of work is not that of the tables.
        grid = {key: value for key, value in asdict(self).items() if key not in ("folder", "setting")}
        setting = {key: value for key, value in asdict(self.setting).items() if key not in ("weights", "rehearsal")}
        model = load_checkpoint(self.setting.weights).digest
        return {"table": "families", "rows": rows, "provenance": provenance(model=model, **grid, **setting)}

    def cells(self) -> list[Cell]:
        """In the order in which they are run: the first method and the most true executions, then the others, by failures."""
        return sorted(self._all_cells(), key=lambda cell: (cell.method not in (GENERATORS[0], MOST_TRUE), cell.failure))

    def _all_cells(self) -> Iterator[Cell]:
        """Those of the parts that were asked for; a method that learns needs no cell of its own for its data."""
        learners = self.learners if "learn" in self.parts else ()
        generators = [name for name in self.generators if name not in learners] if "data" in self.parts else []
        for kind, methods in (("learn", learners), ("data", generators)):
            for method in methods:
                failures = 1 if method in ORACLES else self.setting.failures  # true executions do not depend on the failure
                yield from (Cell(kind, family, method, number) for number in range(failures) for family in self.families)

    def _rows(self, cell: Cell, kept: Row | None) -> Iterator[Row]:
        """What is kept of a cell: what was learnt, and of which data."""
        row = {**asdict(cell), "reason": NOT_RUN} if kept is None else kept
        data = row.get("data")
        yield {name: value for name, value in row.items() if name not in ("key", "data")}
        if data is not None and "data" in self.parts:
            yield {**asdict(cell), "kind": "data", **data}
