import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fail2progress.learning.pretraining.shards import digest, open_dataset, shard_names
from support.processes import running, wait_until

# Shards of 4 executions, so that there is something to interrupt between; with a guard, since workers import it again.
SMALL_SHARDS = """
import fail2progress.learning.pretraining.generate as room
from fail2progress.cli.main import app
if __name__ == "__main__":
    room.SHARD = 4
    app()
"""


def test_the_manifest_says_what_the_data_are(data: Path) -> None:
    manifest = json.loads((data / "manifest.json").read_text())
    assert manifest["seed"] == 3 and manifest["executions_asked"] == 24
    assert manifest["executions"] == sum(map(len, open_dataset(data, verify=True)))
    assert manifest["shards"] == {"shard_00000": digest(data / "shard_00000" / "shard.json")}
    seconds = manifest["seconds"]
    share = (seconds["stepping"] + seconds["rays"]) / seconds["total"]
    assert manifest["simulation_share_in_physics"] == pytest.approx(share) and 0.0 < share < 1.0


def test_json_stands_alone_on_standard_output_and_a_second_call_makes_nothing(run, data: Path) -> None:
    before = (data / "manifest.json").read_text()
    result = run("generate", "--executions", 24, "--seed", 3, "--out", data, "--processes", 1, "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["executions_asked"] == 24
    assert "24/24" in result.stderr and (data / "manifest.json").read_text() == before


def test_data_of_another_seed_are_left_alone(run, data: Path) -> None:
    shards = shard_names(data)
    result = run("generate", "--seed", 4, "--out", data)
    assert result.exit_code == 2 and "not of seed 4; choose another folder" in result.stderr.splitlines()[-1]
    assert shard_names(data) == shards


def test_a_data_set_can_be_extended(run, tmp_path: Path) -> None:
    for executions, there in ((5, 0), (9, 0), (9, 9)):  # a shard that ends too early is made again
        result = run("generate", "--executions", executions, "--seed", 3, "--out", tmp_path, "--processes", 1)
        assert result.exit_code == 0, result.output
        assert (
            f"executions: {there}/{executions}, " in result.stderr and f"executions: {executions}/{executions}, " in result.stderr
        )
    (shard,) = open_dataset(tmp_path, verify=True)
    assert max(shard.values["number"]) >= 5 and json.loads((tmp_path / "manifest.json").read_text())["executions_asked"] == 9


def test_mistakes(refuses, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "is a file" in refuses("generate", "--out", tmp_path / "file")
    assert "file: is a file; a folder is needed" in refuses("generate", "--out", tmp_path / "file" / "inside")
    assert "known: local, ray" in refuses("generate", "--executor", "slurm", "--out", tmp_path / "new")
    assert "--executions" in refuses("generate", "--executions", 0, "--out", tmp_path / "new")


def test_a_damaged_shard_is_found_before_the_work(refuses, tmp_path: Path) -> None:
    shard = tmp_path / "shard_00000"
    shard.mkdir()
    (shard / "shard.json").write_text('{"schema": 1, "files": {"count.npy": "0"}}')
    assert "damaged shard" in refuses("generate", "--executions", 300, "--out", tmp_path)


def test_ctrl_c_stops_the_workers_keeps_finished_shards_and_the_same_command_goes_on(tmp_path: Path) -> None:
    script, out = tmp_path / "small_shards.py", tmp_path / "data"
    script.write_text(SMALL_SHARDS)
    command = [sys.executable, str(script), "generate", "--seed", "3", "--out", str(out), "--processes", "2", "--executions"]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([*command, "100000"], start_new_session=True, text=True, stderr=subprocess.PIPE, env=paths) as process:
        wait_until(lambda: len(shard_names(out)) >= 2 or process.poll() is not None, 120.0)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    kept = shard_names(out)
    assert process.returncode == 130 and "Traceback" not in said
    line = f"fail2progress: stopped with {len(kept)} finished shards in {out}; the same command goes on from there"
    assert said.splitlines()[-1] == line
    assert list(out.glob(".shard_*")) == []
    wait_until(lambda: not running(process.pid), 20.0)

    times = {name: (out / name / "shard.json").stat().st_mtime_ns for name in kept}
    more = str(4 * (len(kept) + 1))
    done = subprocess.run([*command, more, "--json"], text=True, capture_output=True, timeout=120, check=True, env=paths)
    assert json.loads(done.stdout)["executions"] >= 4 * len(kept)
    assert {name: (out / name / "shard.json").stat().st_mtime_ns for name in kept} == times
    assert len(shard_names(out)) > len(kept)


def test_data_of_a_simulator_from_outside(run, kinematic: str, tmp_path: Path) -> None:
    result = run(
        "generate", "--executions", 3, "--seed", 8, "--out", tmp_path / "data", "--processes", 1, "--simulator", kinematic
    )
    assert result.exit_code == 0, result.output
    (shard,) = open_dataset(tmp_path / "data")
    assert len(shard) == 3
