from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fail2progress.evaluation.rows import RowsError
from fail2progress.evaluation.studies import generators
from fail2progress.evaluation.studies.generators import VARIANTS, Comparison
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.targeted import TargetOptions

START: Any = SimpleNamespace(model=None, digest="d" * 64)


@dataclass(frozen=True)
class Teacher:
    """Gives the model that it took, as a learner that learns nothing."""

    finetuning: FinetuneOptions = field(default_factory=FinetuneOptions)
    targeting: TargetOptions = field(default_factory=TargetOptions)
    patience: float = 0.0
    simulator: None = None

    def learn(self, events: list[Any], model: Any, seed: int) -> Any:
        return SimpleNamespace(model=model, to_dict=lambda: {"gate": {"passed": True, "reason": ""}})


def test_rows_are_kept_and_those_of_another_model_or_setting_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generators, "loaded", lambda simulator, contents, count: iter(()))
    monkeypatch.setattr(generators, "meet", lambda start, seed, simulator: None)
    monkeypatch.setattr(generators, "contents_error", lambda model, outcomes: 0.25)
    heard: list[str] = []
    learner: Any = Teacher()
    report: Any = Comparison(tmp_path, seeds=1).run(START, learner, heard.append)
    assert len(report["rows"]) == len(VARIANTS) == len(heard)
    assert report["rows"][0]["contents_error_m"] == {"1": 0.25, "2": 0.25, "3": 0.25} and "key" not in report["rows"][0]
    again: Any = Comparison(tmp_path, seeds=2).run(START, learner, heard.append)
    assert again["rows"][: len(VARIANTS)] == report["rows"] and len(heard) == 2 * len(VARIANTS)
    other: Any = Teacher(FinetuneOptions(epochs=3))
    with pytest.raises(RowsError, match="another run"):
        Comparison(tmp_path, seeds=1).run(START, other, heard.append)
    with pytest.raises(RowsError, match="another run"):
        Comparison(tmp_path, seeds=1, tests=3).run(START, learner, heard.append)
    with pytest.raises(RowsError, match="another run"):
        Comparison(tmp_path, seeds=1).run(SimpleNamespace(model=None, digest="e" * 64), learner, heard.append)  # type: ignore[arg-type]
