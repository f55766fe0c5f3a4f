import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.core.registry import RegistryError
from fail2progress.simulation import registry
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.mujoco.stage import open_stage
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.simulation.registry import (
    SIMULATORS,
    Options,
    SimulatorEntry,
    SimulatorError,
    make,
    resolve,
    stage,
    varies_physics,
)
from support.plugins import install_plugin

PLAIN = """
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.registry import Capabilities, Options, SimulatorEntry

class Slow(MujocoSimulator):
    pass

class SlowOptions(Options):
    patience: float = 1.0

SLOW = SimulatorEntry("slow", "in no hurry", lambda options: Slow(), SlowOptions, Capabilities(skills=("push",)))
"""


def test_the_interface_needs_no_physics_engine() -> None:
    code = (
        "import sys, fail2progress.simulation.base, fail2progress.simulation.registry as r, fail2progress.core.camera\n"
        "entries = list(r.SIMULATORS)\n"
        "engines = {'mujoco', 'mujoco_warp', 'warp', 'isaacgym', 'torch'} & set(sys.modules)\n"
        "assert entries and not engines, engines\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_folder_with_an_entry_is_a_simulator() -> None:
    folders = {path.parent.name for path in Path(registry.__file__).parent.glob("*/entry.py")}
    assert folders and {entry.name for entry in SIMULATORS} >= folders


def test_the_default_is_made_without_options() -> None:
    assert isinstance(make(), MujocoSimulator)


def test_an_unknown_one_lists_the_known_ones() -> None:
    with pytest.raises(RegistryError, match=r"unknown simulator 'bullet'; known: .*mujoco"):
        resolve("bullet")


def test_a_robot_with_an_arm_acts_only_where_scenes_can_be_entered(tmp_path: Path) -> None:
    assert stage() is open_stage
    (tmp_path / "far.yaml").write_text("simulator: worker\naddress: localhost:1")
    with pytest.raises(SimulatorError, match=r"'worker' runs whole skills only, .*; use mujoco"):
        stage(str(tmp_path / "far.yaml"))


def test_other_physics_is_refused_where_a_simulator_has_the_ordinary_one_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    varies_physics("mujoco")
    for name in ("mujoco_warp", "isaacgym"):
        entry = SIMULATORS.get(name)
        monkeypatch.setattr(registry, "resolve", lambda choice, entry=entry: (entry, entry.options()))
        with pytest.raises(SimulatorError, match=rf"{name!r} has the ordinary physics only, .*; use .*mujoco"):
            varies_physics(name)


def test_a_missing_package_is_the_reason() -> None:
    entry = SimulatorEntry("x", "", lambda options: MujocoSimulator(), requires=("mujoco", "no_such_engine"))
    assert entry.unavailable() == "package no_such_engine is not installed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("simulator: mujoco\nspeed: 3", r"sim.yaml: unknown key 'speed'; known: none"),
        ("speed: 3", r"sim.yaml: needs the key 'simulator'"),
        ("[", r"sim.yaml: cannot be read"),
        ("simulator: bullet", r"unknown simulator 'bullet'"),
    ],
)
def test_files_with_options_are_checked(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "sim.yaml").write_text(text)
    with pytest.raises(RegistryError, match=said):
        resolve(str(tmp_path / "sim.yaml"))
    with pytest.raises(SimulatorError, match=r"none.yaml: cannot be read"):
        resolve(str(tmp_path / "none.yaml"))


def test_another_package_brings_one_with_its_own_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(tmp_path, PLAIN, {"fail2progress.simulators": {"slow": "SLOW"}}, "slow_simulator")
    monkeypatch.syspath_prepend(str(tmp_path))
    fresh = registry.Registry[SimulatorEntry]("simulator", "fail2progress.simulators", lazy=dict(SIMULATORS.lazy))
    monkeypatch.setattr(registry, "SIMULATORS", fresh)
    (tmp_path / "slow.yaml").write_text("simulator: slow\npatience: 2.5\n")
    entry, options = resolve(str(tmp_path / "slow.yaml"))
    assert entry.capabilities.skills == ("push",)
    assert isinstance(options, Options) and options.model_dump() == {"patience": 2.5}
    assert isinstance(entry.make(options), MujocoSimulator)


def test_what_is_no_simulator_is_named() -> None:
    class Frozen:
        """Has what a simulator has, and derives from nothing."""

        execute, settle = MujocoSimulator.execute, MujocoSimulator.settle

    SIMULATORS.register("frozen", SimulatorEntry("frozen", "", lambda options: Frozen()), "mylab")  # type: ignore[arg-type]
    said = r"simulator 'frozen' makes an object of Frozen; its class must derive from fail2progress\.simulation\.base\.Simulator"
    try:
        for make_one in (make, lambda choice: ParallelSimulator(1, choice)):
            with pytest.raises(SimulatorError, match=said):
                make_one("frozen")
        for command in ("check", "bench"):
            done = CliRunner().invoke(app, ["simulators", command, "frozen"])
            assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1) and "an object of Frozen" in done.stderr
    finally:
        SIMULATORS.unregister("frozen")
