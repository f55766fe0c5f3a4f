"""Ctrl-C at any moment from the first line of the console script on: one line, exit code 130, never a traceback."""

import importlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fail2progress.cli.common import STOPPED
from fail2progress.cli.interrupts import ctrl_c_ends
from support.processes import spoken

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, signal, sys

left = {moment}

def count(event, values):
    global left
    if event == "import" and (left < {moment} or values[0] == "fail2progress.cli.main"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGINT)

from {module} import {function}
sys.addaudithook(count)
{function}()
"""
"""The console script; Ctrl-C comes with so many modules read, counted from the first of the command line."""


@pytest.mark.parametrize("moment", [1, 60, 300, 900, 1500])
def test_while_modules_are_read(moment: int, tmp_path: Path) -> None:
    module, function = re.findall(r'^fail2progress = "(.+):(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[0]
    script = SCRIPT.format(moment=moment, module=module, function=function)
    ran = subprocess.run(
        [sys.executable, "-c", script, "evaluate", "--trials", "1", "--processes", "1", "--out", "success.json"],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, preexec_fn=_heeds_it,
    )  # fmt: skip
    said = spoken(ran.stderr)
    assert (ran.returncode, ran.stdout) == (STOPPED, "") and "Traceback" not in ran.stderr, ran.stderr
    assert said[-1].startswith("fail2progress: stopped") and list(tmp_path.glob("success.json")) == []
    # How many modules are read before the work begins depends on the computer; what is stopped then also says what is kept.
    assert len(said) == 1 or "trials:" in ran.stderr, ran.stderr


def test_without_what_the_command_line_needs_it_is_one_line() -> None:
    script = "import sys; sys.modules['typer'] = None; from fail2progress.cli.__main__ import main; main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env)
    said = "fail2progress: the package typer is missing; install fail2progress again\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", said)


def _heeds_it() -> None:
    """Who runs the tests in the background of a shell has Ctrl-C ignored, and processes inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_error_that_it_led_to_is_told_as_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, ctrl_c_ends():
        try:
            signal.raise_signal(signal.SIGINT)
            time.sleep(60.0)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None
    assert ended.value.code == STOPPED and capsys.readouterr().err == "fail2progress: stopped\n"
    with pytest.raises(ImportError, match="missing"), ctrl_c_ends():
        raise ImportError("missing")


def test_a_module_is_read_to_its_end_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module_with_ctrl_c.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\nread = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = None
    with pytest.raises(SystemExit), ctrl_c_ends():
        module = importlib.import_module("module_with_ctrl_c")
        time.sleep(60.0)
    assert module is not None and module.read


class _Interrupted:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_it_is_not_lost_in_a_finaliser(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), ctrl_c_ends():
        _Interrupted()
        time.sleep(60.0)
    assert capsys.readouterr().err == "fail2progress: stopped\n"
