"""Long commands stopped at random moments, by Ctrl-C, kill -9 or a full disk: what is whole stays whole, and they go on.

As a program: python -m support.random_stops FOLDER --moments 20 --seed 1 [COMMAND ...]; a line of JSON for every command.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open

from support.processes import command, members, running, wait_until
from support.tabletop_frames import write_frames

LIMIT = 1500.0
"""Seconds that one start may take on a busy computer."""


@dataclass(frozen=True)
class LongCommand:
    """A command, what must be there before it, and what says afterwards that the next command finds everything."""

    words: str
    before: tuple[str, ...] = ()
    """Commands that are run once."""
    again: str = ""
    """How it goes on where that is another command line."""
    after: tuple[str, ...] = ()
    """Commands that must succeed after every stop in which something was made (`made`)."""
    made: str = ""
    """Pattern of what `after` needs; empty: never asked."""
    seconds: float | None = None
    """Between the start and the last moment at which it is stopped; None: as long as it takes when it is left alone."""


BUILT = "benchmark build --n 6 --out static.jsonl --processes 2"
ITEMS = "families make loaded-carried --count 8 --out items.jsonl --processes 2"
DATA = "generate --executions 60 --out data --processes 2"
QUICK = "--quick --trials 2 --processes 2"
DEMO = "demo --quick --robot hand --processes 2"

COMMANDS = {
    "demo": LongCommand(
        DEMO, after=("failures ls --json", "models ls --json", "runs ls --json"), made="runs/demo/*/models/CURRENT"
    ),
    "learn": LongCommand(
        "learn --samples 6 --epochs 40 --patience 10 --processes 2",
        (DEMO,),
        after=("models ls --json",),
        made="runs/demo/*/models/CURRENT",
    ),
    "evaluate": LongCommand("evaluate --trials 8 --processes 2 --out success.json"),
    "table3": LongCommand(f"reproduce table3 {QUICK} --models points2plans --methods original,replanning --objects 3"),
    "generate": LongCommand("generate --executions 150 --out data --processes 2"),
    "train": LongCommand("train --data data --out mine.safetensors --epochs 6 --batch 16 --processes 2", (DATA,)),
    "train-segmenter": LongCommand("train-segmenter --out seg.safetensors --scenes 8 --steps 12 --held-out 2"),
    "benchmark-run": LongCommand("benchmark run items.jsonl --processes 2 --out run.json", (ITEMS,)),
    "benchmark-build": LongCommand(BUILT),
    "benchmark-harness": LongCommand(
        "benchmark harness --slice static=static.jsonl --budget 4 --n-seeds 2 --n-boot 20 --processes 2 --out harness --resume",
        (BUILT,),
    ),
    "families": LongCommand("reproduce families --quick --families loaded-carried --parts data --trials 4 --processes 2"),
    "all": LongCommand(f"reproduce all {QUICK}", seconds=120.0),
    "perceive": LongCommand("perceive frames --picture seen --json"),
    "up-sim": LongCommand(
        "up sim --robot hand --out run --resume", after=("failures ls --store run --json",), made="run/failures.sqlite"
    ),
}


@dataclass
class Told:
    """What was seen of one command."""

    name: str
    interrupts: int = 0
    kills: int = 0
    full_disks: int = 0
    ends: int = 0
    """Starts that were through before their moment came; the next one begins from nothing."""
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    first_words: float | None = None
    """Seconds until it says something in a pipe, where it is left alone."""
    silence: float | None = None
    """The longest time (s) without a word after that."""
    unfinished: list[str] = field(default_factory=list)
    """Bars that were left below 100 %."""

    @property
    def stops(self) -> int:
        """How often it was stopped."""
        return self.interrupts + self.kills + self.full_disks


def stopped(name: str, folder: Path, moments: int, seed: int, within: float | None = None) -> Told:
    """Stop a command again and again, look at what is left each time, and let it come to its end.

    within: seconds after its start in which it is stopped; None: as the command has it.
    """
    told, long, began = Told(name), COMMANDS[name], time.monotonic()
    rng = np.random.default_rng([seed, list(COMMANDS).index(name)])
    longest = within or long.seconds or alone(told, long, folder)
    life = prepared(long, folder, 0)
    held: dict[str, int] = {}
    while told.stops < moments:
        stop = STOPS[rng.integers(len(STOPS))]
        code, said = started(long.again or long.words, life, float(rng.uniform(0.3, longest)), stop)
        if code is None:
            told.kills += 1
        elif code in (130, -signal.SIGINT):  # the second: before Python itself had begun
            told.interrupts += 1
        elif stop is full_disk and code in (1, 2) and "fail2progress: " in said and "Traceback" not in said:
            told.full_disks += 1
        else:
            told.ends += 1
            if code != 0:
                told.wrong.append(f"exit code {code}: {said[-300:]}")
            life, held = prepared(long, folder, told.ends), {}
            continue
        if code == 130 and ("Traceback" in said or not said.rpartition("fail2progress: ")[2].strip()):
            told.wrong.append(f"said after Ctrl-C: {said[-300:]}")
        held = looked_at(told, life, held)
        if long.made and list(life.glob(long.made)):
            told.wrong += [f"{words}: {said[-300:]}" for words in long.after for code, said in [finished(words, life)] if code]
    code, said = finished(long.again or long.words, life)
    if code != 0:
        told.wrong.append(f"it does not go on: exit code {code}: {said[-300:]}")
    looked_at(told, life, held)
    told.wrong += [f"{path.name}: left behind" for path in life.rglob(".*") if path.suffix[1:].isdecimal()]
    told.seconds = round(time.monotonic() - began, 1)
    return told


def alone(told: Told, long: LongCommand, folder: Path) -> float:
    """Seconds that the command takes when nobody stops it; meanwhile it is heard what it says in a pipe, and when."""
    life, began = prepared(long, folder, -1), time.monotonic()
    process, said, moments = _start(long.words, life), [], [began]
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        moments.append(time.monotonic())
    code, ended = process.wait(LIMIT), time.monotonic()
    if code != 0:
        told.wrong.append(f"left alone: exit code {code}: {''.join(said)[-300:]}")
    told.first_words = round(moments[min(1, len(moments) - 1)] - began, 1)
    told.silence = round(float(np.diff([*moments[1:], ended]).max(initial=0.0)), 1)
    told.unfinished = _unfinished_bars(said)
    return ended - began


def _unfinished_bars(said: list[str]) -> list[str]:
    """Last lines of bars that did not come to 100 %."""
    last = {line.partition(":")[0]: line.strip() for line in said if " %, " in line}
    return [line for line in last.values() if " 100 %, " not in line]


def prepared(long: LongCommand, folder: Path, number: int) -> Path:
    """A new folder with what the command needs, which is made once."""
    source = folder / "source"
    if not source.is_dir():
        source.mkdir(parents=True)
        for words in long.before:
            code, said = finished(words, source)
            assert code == 0, f"{words}: {said}"
        if "frames" in long.words.split():
            write_frames(source / "frames")
    life = folder / ("alone" if number < 0 else f"life_{number}")
    subprocess.run(["cp", "-a", str(source), str(life)], check=True)
    return life


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C reaches the whole group, as from a terminal."""
    os.killpg(process.pid, signal.SIGINT)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill -9 of one process."""
    process.kill()


def full_disk(process: subprocess.Popen[str]) -> None:
    """From now on no file grows, of this process and of those that it started; it is not told otherwise."""
    for number in members(process.pid):
        with suppress(ProcessLookupError):
            resource.prlimit(number, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


Stop = Callable[[subprocess.Popen[str]], None]
STOPS: tuple[Stop, ...] = (interrupt, kill, full_disk)


def started(words: str, folder: Path, seconds: float, stop: Stop) -> tuple[int | None, str]:
    """Exit code (None: killed) and what was said by a command that something happens to after so many seconds."""
    process = _start(words, folder)
    try:
        said = process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        stop(process)
        said = process.communicate(timeout=LIMIT)[1]
    wait_until(lambda: not running(process.pid), LIMIT)
    return (None if process.returncode == -signal.SIGKILL else process.returncode), said


def finished(words: str, folder: Path) -> tuple[int, str]:
    """A command that is left alone: exit code and what was said."""
    process = _start(words, folder)
    said = process.communicate(timeout=LIMIT)[1]
    return process.returncode, said


def _start(words: str, folder: Path) -> subprocess.Popen[str]:
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        command(*words.split()), cwd=folder, env=paths, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        start_new_session=True, preexec_fn=_heeds_ctrl_c,
    )  # fmt: skip


def _heeds_ctrl_c() -> None:
    """Who starts this in the background of a shell has Ctrl-C ignored, and processes inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def looked_at(told: Told, folder: Path, held: dict[str, int]) -> dict[str, int]:
    """Files by their number of whole lines, or 1. What is damaged, or was there before and is gone, is noted."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "log" not in path.parts and not _unfinished(path, folder):
            try:
                found[str(path.relative_to(folder))] = readable(path)
            except (OSError, ValueError, sqlite3.Error) as error:
                told.wrong.append(f"{path.relative_to(folder)}: {error}")
    for name, count in held.items():
        if count > found.get(name, 0):
            told.wrong.append(f"{name}: {found.get(name, 0)} left of {count}")
    return found


def _unfinished(path: Path, folder: Path) -> bool:
    """Written beside its place and not there yet: the process was killed meanwhile, or it is what `Rows` remove at the end."""
    return any(
        part.startswith(".") or part.endswith((".resume", ".codes", "-wal", "-shm")) for part in path.relative_to(folder).parts
    )


def readable(path: Path) -> int:
    """Whole lines of a text, 1 of another file. ValueError or OSError where it is damaged."""
    if path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".jsonl":
        lines = path.read_text().splitlines(keepends=True)
        for line in lines:
            if line.endswith("\n"):
                json.loads(line)
        return sum(line.endswith("\n") for line in lines)
    elif path.suffix == ".safetensors":
        with safe_open(path, "np") as file:
            sum(file.get_tensor(key).size for key in file.keys())  # noqa: SIM118 (no mapping)
    elif path.suffix == ".png":
        Image.open(path).load()
    elif path.suffix in (".npy", ".npz"):
        np.load(path)
    elif path.suffix == ".sqlite":
        (said,) = sqlite3.connect(path).execute("pragma integrity_check").fetchone()
        if said != "ok":
            raise ValueError(said)
    return 1


def main() -> None:
    """Every command that is named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("commands", nargs="*")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_intermixed_args()
    for name in asked.commands or COMMANDS:
        print(json.dumps(vars(stopped(name, asked.folder / name, asked.moments, asked.seed))), flush=True)


if __name__ == "__main__":
    main()
