import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fail2progress.models.training.parallel import Share, together
from support import shares

PROGRAM = Path(shares.__file__)
SOURCE = Path(__file__).resolve().parents[3] / "src"
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def alone() -> Weights:
    """What one process computes."""
    gradient: Weights = shares.gradient(Share())
    return gradient


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Weights]:
    """What each of two processes has in the end."""
    folder = tmp_path_factory.mktemp("shares")
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    processes, outs = [], []
    for rank, world in ((0, 2), (1, 2)):
        outs.append(folder / f"{rank}_{world}.safetensors")
        command = [sys.executable, str(PROGRAM), str(rank), str(world), str(folder / "meeting"), str(outs[-1])]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    return [load_file(out) for out in outs]


def test_two_halves_of_a_batch_have_the_gradient_of_the_whole(alone: Weights, found: list[Weights]) -> None:
    first, second = found
    names = list(alone)
    assert len(names) > 40
    for name in names:
        assert torch.equal(first[name], second[name])
        scale = float(alone[name].abs().max())
        torch.testing.assert_close(first[name], alone[name], rtol=0.02, atol=0.02 * scale + 1e-7)


def test_processes_that_train_together_have_the_same_weights(found: list[Weights]) -> None:
    first, second = found
    names = [name for name in first if name.startswith("weight.")]
    assert names and all(torch.equal(first[name], second[name]) for name in names)


def test_every_execution_is_in_one_share() -> None:
    executions = torch.arange(11)
    parts = [Share(rank, 3).of(executions) for rank in range(3)]
    assert torch.equal(torch.cat(parts).sort().values, executions)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_that_failed_before_all_met_is_not_waited_for(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from fail2progress.models.training.parallel import together\n"
        "looks = iter([False, True])\n"
        "try:\n"
        "    with together(0, 2, Path(sys.argv[1]), lambda: next(looks)): pass\n"
        "except RuntimeError as error: sys.exit(str(error))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "meeting")]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1 and ended.stderr == "another process failed before all had met\n"


def test_one_process_needs_no_meeting(tmp_path: Path) -> None:
    with together(0, 1, tmp_path / "meeting") as share:
        parameter = torch.nn.Parameter(torch.ones(2))
        share.average([parameter])
    assert share == Share() and parameter.grad is None and not (tmp_path / "meeting").exists()
