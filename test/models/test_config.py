import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.models.config import ModelConfig
from fail2progress.models.registry import MODELS
from support.relations_only import RelationsOnly


@dataclass(frozen=True)
class Sizes(ModelConfig):
    wide: bool = False
    hidden: int = 8
    slope: float = 1.5
    kind: str = "plain"


def test_a_whole_number_stands_for_one_with_a_point() -> None:
    found = Sizes.from_dict({"slope": 20})
    assert found == Sizes(slope=20.0) and isinstance(found.slope, float)
    assert json.dumps(found.to_dict()) == json.dumps(Sizes(slope=20.0).to_dict())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"slope": True}, "slope = True: a number is expected"),
        ({"slope": float("nan")}, "slope = nan: a number is expected"),
        ({"slope": 10**400}, "slope = 10+: a number is expected"),
        ({"slope": "20"}, "slope = '20': a number is expected"),
        ({"hidden": 8.0}, "hidden = 8.0: a whole number from 1 to 4096 is expected"),
        ({"hidden": True}, "hidden = True: a whole number"),
        ({"wide": 1}, "wide = 1: true or false is expected"),
        ({"kind": 1}, "kind = 1: a text is expected"),
        ({"slop": 1.0}, "unknown setting 'slop'.*'slope'"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Sizes.from_dict(values)


def test_a_checkpoint_whose_numbers_another_program_wrote_is_read(tmp_path: Path) -> None:
    path, note = tmp_path / "one.safetensors", tmp_path / "one.json"
    MODELS.register("relations-only", RelationsOnly)
    try:
        save_checkpoint(RelationsOnly(), path, {})
        text = note.read_text()
        assert text.count("20.0") == 1
        note.write_text(text.replace("20.0", "20"))  # as jq does
        assert load_checkpoint(path).model.config == RelationsOnly().config
    finally:
        MODELS.unregister("relations-only")
