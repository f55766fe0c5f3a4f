import errno
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fail2progress import __version__
from fail2progress.cli import doctor
from fail2progress.cli.common import Commands, UserError, print_json, show_lines, to_json
from fail2progress.cli.main import app
from fail2progress.learning.pretraining.shards import DataError
from fail2progress.models import weights
from fail2progress.models.notes import CheckpointError
from support.processes import command

COMMANDS = (["generate"], ["train"], ["evaluate"], ["learn"], ["failures", "ls"], ["failures", "show"], ["failures", "export"],
            ["doctor"])  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_has_an_example(run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0 and f"Example: fail2progress {' '.join(command)}" in " ".join(result.stdout.split())


def test_every_command_is_registered_once() -> None:
    callbacks = [command.callback for command in app.registered_commands]
    assert len(set(callbacks)) == len(callbacks)


def test_version_and_unknown_commands_and_options(run, refuses) -> None:
    assert run("--version").stdout.strip() == __version__
    assert "No such command 'conquer'" in refuses("conquer")
    assert "--treils" in refuses("evaluate", "--treils", 3)


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("learn", "--help"), ("tasks", "ls", "--json")], ids=" ".join)
def test_what_cannot_be_printed_is_failed_work(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(command(*words), stdout=full, stderr=subprocess.PIPE, text=True)
    assert told.returncode == 1 and "No space left" in told.stderr and "Traceback" not in told.stderr


@pytest.mark.parametrize(("words", "code"), [(("runs", "show", "nope"), 2), (("tasks", "ls", "--json"), 0)])
@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-"])
def test_the_exit_code_is_the_same_where_nothing_can_be_said(
    words: tuple[str, ...], code: int, where: str, tmp_path: Path
) -> None:
    told = subprocess.run(f"{shlex.join(command(*words))} {where}", shell=True, cwd=tmp_path, stdout=subprocess.PIPE)
    assert told.returncode == code and told.stdout.startswith(b"[") == (code == 0)


def test_no_file_takes_the_number_of_a_closed_standard_stream(tmp_path: Path) -> None:
    text = "import os\nfrom fail2progress.cli import __main__ as begin\nbegin._run = lambda: None\nbegin.main()\n"
    text += f"kept = open({str(tmp_path / 'kept')!r}, 'w')\nos.write(2, b'said by a library')\nassert kept.fileno() > 2\n"
    done = subprocess.run(f"{shlex.join([sys.executable, '-c', text])} <&- >&- 2>&-", shell=True)
    assert done.returncode == 0 and (tmp_path / "kept").read_bytes() == b""


def test_names_and_values_are_told_to_nobody_where_standard_output_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    show_lines([("name", "value")])


@pytest.mark.parametrize("lacking", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE])
def test_what_a_computer_lacks_is_no_mistake_of_the_user(lacking: int) -> None:
    error = OSError(lacking, os.strerror(lacking), "file")
    result = CliRunner().invoke(failing(error), ["fail"])
    assert result.exit_code == 1 and result.stderr == f"fail2progress: {error}\n"
    told = UserError(f"out: cannot be written ({error.strerror})")
    told.__cause__ = error
    assert CliRunner().invoke(failing(told), ["fail"]).exit_code == 1
    other = OSError(errno.EACCES, os.strerror(errno.EACCES), "file")
    assert CliRunner().invoke(failing(other), ["fail"]).exit_code == 2


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @app.callback()
    def root() -> None: ...

    @app.command()
    def fail() -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError("shard 3:\n damaged"), 2, "fail2progress: shard 3: damaged"),
        (PermissionError(13, "Permission denied", "/there"), 2, "fail2progress: [Errno 13] Permission denied: '/there'"),
        (ModuleNotFoundError("no", name="mujoco"), 2, "fail2progress: the package mujoco is missing; see: fail2progress doctor"),
        (KeyboardInterrupt(), 130, "fail2progress: stopped"),
        (EOFError("No data left in file"), 2, "fail2progress: a file is empty or cut short (No data left in file)"),
    ],
)
def test_what_a_user_can_set_right_is_told_in_one_line(error: BaseException, code: int, line: str) -> None:
    result = CliRunner().invoke(failing(error), ["fail"])
    assert (result.exit_code, result.stderr.strip()) == (code, line)


@pytest.mark.parametrize("error", [ValueError("shapes do not match"), TypeError("no"), KeyError("x"), RuntimeError("y")])
def test_programming_errors_are_not_swallowed(error: Exception) -> None:
    assert CliRunner().invoke(failing(error), ["fail"]).exception is error


def test_json_has_no_nan() -> None:
    value = {"a": float("nan"), "b": (1, float("inf")), "c": Path("x")}
    assert json.loads(to_json(value)) == {"a": None, "b": [1, None], "c": "x"}


def test_json_for_a_closed_standard_output_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)  # as `>&-` in a shell leaves it
    print_json({"a": 1})


def test_doctor_is_content_with_whole_weights(
    run, checkpoint: Path, rehearsal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {weights.RELATIONAL: checkpoint, weights.KEEPSAKE: rehearsal}
    monkeypatch.setattr(weights, "path", files.__getitem__)
    result = run("doctor", "--json")
    values = json.loads(result.stdout)
    assert result.exit_code == 0 and values["fine"]
    assert {"python", "torch", "mujoco", "open3d", "rclpy", "stretch_body", "ray", "mujoco_warp"} <= {
        finding["name"] for finding in values["findings"]
    }
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(checkpoint.read_bytes()[:-4] + b"\1\2\3\4")
    damaged.with_suffix(".json").write_text(checkpoint.with_suffix(".json").read_text())
    files[weights.RELATIONAL] = damaged
    result = run("doctor")
    assert result.exit_code == 1 and "relational.safetensors" in result.stderr and "missing" in result.stdout
    assert "thousands of scenes on a GPU: pip install mujoco-warp" in result.stdout  # in a pipe, nothing is broken


def test_doctor_sees_too_little_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rclpy")
    (tmp_path / "huge.xml").write_text("<dds><segment_size>1000000000000000</segment_size></dds>")
    for profile, fine in ((tmp_path / "huge.xml", False), (tmp_path / "none.xml", True)):
        monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", str(profile))
        found = {finding.name: finding for finding in doctor._stack()}
        if not found["ROS 2 stack"].fine:
            pytest.skip(found["ROS 2 stack"].advice)
        memory = found["shared memory"]
        assert memory.fine is fine and ("--shm-size" in memory.advice) is not fine and not memory.needed


def test_doctor_says_what_to_do_about_a_missing_package() -> None:
    finding = doctor.package("no_such_package")
    assert not finding.fine and finding.needed and finding.advice


def test_weights_that_are_not_there_are_named() -> None:
    with pytest.raises(CheckpointError, match="no_such_file"):
        weights.path("no_such_file.safetensors")
