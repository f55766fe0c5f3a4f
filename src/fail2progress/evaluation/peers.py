"""Peers that run in the same call as what they are compared with, so that a figure does not depend on whose computer it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

import mujoco
import torch
from torch import Tensor

from fail2progress.evaluation.encoder_peer import PlainEncoder
from fail2progress.models.pointconv.encoder import PointConvEncoder
from fail2progress.models.pointconv.neighbours import neighbours
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.mujoco.bodies import TIMESTEP, compile_scene
from fail2progress.stein.svgd import Stein, optimise
from fail2progress.tasks.pretraining import job

PARTICLES, DIMENSIONS = 50, 24
"""As many as a failure of five objects has."""


def physics(executions: int = 10) -> tuple[float, float]:
    """Simulated seconds a second: whole executions with clouds and relations, and the same scenes stepped by MuJoCo alone."""
    simulator, spent, raw, simulated = simulators.make("mujoco"), 0.0, 0.0, 0.0
    for number in range(executions):
        start = time.perf_counter()
        outcome = simulator.execute(job(1, number))
        spent += time.perf_counter() - start
        bodies = compile_scene(outcome.before.scene)
        steps = round(outcome.seconds["simulated"] / TIMESTEP)
        start = time.perf_counter()
        mujoco.mj_step(bodies.model, bodies.data, nstep=steps)
        raw += time.perf_counter() - start
        simulated += outcome.seconds["simulated"]
    return simulated / spent, simulated / raw


@torch.no_grad()
def encoder(segments: int = 64, points: int = 128) -> tuple[float, float]:
    """Segments encoded a second, neighbourhoods included: by our encoder and by PointConv as published, in plain torch."""
    torch.manual_seed(0)
    clouds = 0.1 * torch.randn(segments, points, 3)
    ours, plain = PointConvEncoder().eval(), PlainEncoder().eval()

    def by_ours() -> None:
        ours(clouds, neighbours(clouds))

    def by_plain() -> None:
        plain(clouds)

    return segments / _fastest(by_ours), segments / _fastest(by_plain)


def svgd(steps: int = 40) -> tuple[float, float, str] | None:
    """Stein steps a second of ours and of Pyro's SVGD towards a standard normal, and Pyro's version; None without Pyro."""
    if find_spec("pyro") is None:
        return None
    start = torch.randn(PARTICLES, DIMENSIONS, generator=torch.Generator().manual_seed(0))

    def ours() -> None:
        optimise(lambda x: -0.5 * x.square().sum(dim=1), start, Stein(), steps=steps, learning_rate=0.05)

    theirs = _pyro_step(start)

    def pyro() -> None:
        for _ in range(steps):
            theirs()

    return steps / _fastest(ours), steps / _fastest(pyro), metadata.version("pyro-ppl")


def _pyro_step(start: Tensor) -> Callable[[], object]:
    """One step of Pyro's SVGD from the same particles, with its own kernel and Adam."""
    pyro: Any = import_module("pyro")  # optional, and without types
    infer: Any = import_module("pyro.infer")

    def model() -> None:
        zeros = torch.zeros(start.shape[1])
        pyro.sample("x", pyro.distributions.Normal(zeros, torch.ones_like(zeros)).to_event(1))

    pyro.clear_param_store()
    inference = infer.SVGD(model, infer.RBFSteinKernel(), pyro.optim.Adam({"lr": 0.05}), len(start), 0, mode="multivariate")
    inference.guide()
    particles = pyro.param("svgd_particles")
    particles.data.copy_(start.reshape(particles.shape))
    step: Callable[[], object] = inference.step
    return step


def _fastest(work: Callable[[], None], times: int = 3) -> float:
    """Seconds of the fastest of some repetitions: the others were disturbed."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)
