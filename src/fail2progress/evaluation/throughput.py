"""How many executions a second a simulator makes, by the scenes that it simulates at once, beside another one."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from fail2progress.simulation.base import Job, Simulator
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.tasks.pretraining import job

SEED = 1
DISTINCT = 2048
"""Jobs that are drawn; where more are wanted they come again, with another seed for what the camera sees."""


@dataclass(frozen=True)
class Rate:
    """What was measured, without the first jobs, which warm up."""

    scenes: int
    jobs: int
    seconds: float
    stepping_s: float
    rays_s: float
    processor_s: float
    """Of this process: without what workers of its own spend."""

    @property
    def executions_per_s(self) -> float:
        """Executions a second."""
        return self.jobs / self.seconds

    def to_dict(self, reference: float | None = None) -> dict[str, object]:
        """For --json; `reference`: the rate that it is compared with."""
        shares = {"share_stepping": self.stepping_s / self.seconds, "share_rays": self.rays_s / self.seconds}
        times = {"times_reference": self.executions_per_s / reference} if reference is not None else {}
        return {**asdict(self), "executions_per_s": self.executions_per_s, **shares, **times}


def work(count: int) -> list[Job]:
    """So many jobs of the pre-training distribution."""
    drawn = [job(SEED, number) for number in range(min(count, DISTINCT))]
    again = (replace(one, seed=one.seed + k // len(drawn)) for k, one in enumerate(itertools.cycle(drawn)))
    return list(itertools.islice(again, count))


def rate(simulator: Simulator, jobs: Sequence[Job], warm: int, scenes: int = 1) -> Rate:
    """Executions a second; the first `warm` jobs are not counted: things are compiled and processes started for them."""
    for _ in simulator.execute_all(jobs[:warm]):
        pass
    start, busy = time.perf_counter(), time.process_time()
    spent = [outcome.seconds for outcome in simulator.execute_all(jobs[warm:])]
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    stepping, rays = (sum(one.get(name, 0.0) for one in spent) for name in ("stepping", "rays"))
    return Rate(scenes, len(spent), seconds, stepping, rays, busy)


def reference_rate(name: str, jobs: Sequence[Job], cores: int) -> Rate:
    """The rate of a simulator on so many processors, one process each."""
    with _on(cores), ParallelSimulator(cores, name) as simulator:
        return rate(simulator, jobs, warm=4 * cores)


@contextmanager
def _on(cores: int) -> Iterator[None]:
    """This process, and those that it starts meanwhile, keep to so many processors."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def rates(
    make: Callable[[int], Simulator], scenes: Sequence[int], times: int, tell: Callable[[Rate], None]
) -> tuple[list[Rate], str]:
    """Rates for several numbers of scenes at once, `times` so many jobs for each, and the device that they were measured on."""
    found, device = [], ""
    for number in scenes:
        with make(number) as simulator:
            found.append(rate(simulator, work((times + 1) * number), warm=number, scenes=number))
            device = simulator.device
        tell(found[-1])
    return found, device
