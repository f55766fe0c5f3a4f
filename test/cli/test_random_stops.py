"""Long commands stopped at random moments. FAIL2PROGRESS_STOPS=20: all of them, as often as that; this takes hours."""

import os
from pathlib import Path

import pytest

from support.random_stops import COMMANDS, stopped

STOPS = int(os.environ.get("FAIL2PROGRESS_STOPS", "0"))
FEW = {"generate": 5.0, "perceive": 8.0}
"""Without the variable: these commands, stopped twice within so many seconds."""


@pytest.mark.parametrize("name", COMMANDS if STOPS else FEW)
def test_what_is_finished_is_there_and_the_next_command_goes_on(name: str, tmp_path: Path) -> None:
    told = stopped(name, tmp_path / name, STOPS or 2, 3, None if STOPS else FEW[name])
    assert told.wrong == [] and told.stops == (STOPS or 2)
