"""How fast the parts are, against limits and against what is published, all in one run.

References are of three kinds, and each row says of which: a peer that runs in the same call; "published", a constant from
elsewhere (the public Points2Plans code trains at 10 to 19 samples/s and plans 25 to 50 candidates/s on two such cores); and
limits that the product sets itself.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from fail2progress.core.camera import Camera
from fail2progress.core.executor import at_work, end_with_parent
from fail2progress.core.provenance import provenance
from fail2progress.core.relations import SUPPORT
from fail2progress.evaluation import peers
from fail2progress.evaluation.lifelong import Lifelong
from fail2progress.evaluation.studies.perception import snapshot
from fail2progress.failures.classifier import Classifier
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.rehearsal import RehearsalSet
from fail2progress.learning.pretraining.pretrain import THINNED, pretrain
from fail2progress.models.base import LatentState, SkillEffectModel
from fail2progress.models.prediction import encode_observation
from fail2progress.models.registry import MODELS, configuration
from fail2progress.models.training.parallel import Share, together
from fail2progress.models.training.training import TrainingOptions
from fail2progress.models.training.transitions import Transitions, prepared_for, select
from fail2progress.perception.relations import geometric as geometric_relations
from fail2progress.perception.segmentation.registry import FUSED, GEOMETRIC
from fail2progress.perception.segmentation.registry import segmenter as segmenter_named
from fail2progress.planning.planner import Planner, score_units
from fail2progress.planning.relevance import Scene, achieving
from fail2progress.planning.steps import atom_rows, size
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.skills.samplers import Segments, Step
from fail2progress.skills.vocabulary import current
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.pretraining import job
from fail2progress.tasks.registry import task


@dataclass(frozen=True)
class Measurement:
    """One figure with what it is compared to; `ratio` is ours over the reference, the other way round for seconds and memory."""

    name: str
    ours: float
    reference: float
    reference_is: str
    unit: str

    @property
    def ratio(self) -> float:
        """Above 1 is better than the reference."""
        return self.reference / self.ours if self.unit in ("s", "GB") else self.ours / self.reference

    def to_dict(self) -> dict[str, object]:
        """For --json."""
        return {**asdict(self), "ratio": self.ratio}


def simulation(executions: int = 60) -> Iterator[Measurement]:
    """Executions of the pre-training distribution with both observations, on one core, as `generate` asks for them."""
    simulator = simulators.make()
    for _ in simulator.execute_all(job(1, number) for number in range(40)):  # every skill's modules are imported once
        pass
    start = time.perf_counter()
    outcomes = simulator.execute_all(job(1, number) for number in range(executions))
    seconds = [outcome.seconds for outcome in outcomes]
    total = time.perf_counter() - start
    inside = sum(s["stepping"] + s["rays"] for s in seconds) / total
    yield Measurement("simulation_share_in_physics", inside, 0.8, "limit: share in stepping and ray casting", "share")
    rate = executions / total
    yield Measurement("simulation_executions_per_s_per_core", rate, 40000 / 1200 / 2, "limit: 40,000 in 20 min on 2 cores", "1/s")


def peers_of_simulation(executions: int = 10) -> Iterator[Measurement]:
    """Whole executions beside MuJoCo alone on the same scenes; it neither plans a hand nor looks nor names relations."""
    ours, raw = peers.physics(executions)
    yield Measurement("simulated_seconds_per_s", ours, raw, "peer in this call: raw mj_step of the same scenes", "1/s")


def encoding(segments: int = 64) -> Measurement:
    """Segments of 128 points encoded, their neighbourhoods included."""
    ours, plain = peers.encoder(segments)
    return Measurement("encoder_segments_per_s", ours, plain, "peer in this call: PointConv as published, plain torch", "1/s")


def particles(steps: int = 40) -> Iterator[Measurement]:
    """Stein steps on one target beside Pyro's, where it is installed."""
    found = peers.svgd(steps)
    if found is not None:
        ours, theirs, version = found
        yield Measurement("stein_steps_per_s", ours, theirs, f"peer in this call: Pyro {version}, SVGD", "1/s")


def training(rehearsal: RehearsalSet, folder: Path, steps: int = 6, processes: int = 2) -> Measurement:
    """Pre-training steps, encoder included, batches of 64 executions, two processes; both kinds of epochs by their share."""
    meeting = folder / "meeting"
    meeting.unlink(missing_ok=True)
    context = torch.multiprocessing.get_context("spawn")
    rates = context.SimpleQueue()
    workers = [
        context.Process(target=_train_worker, args=(rank, processes, meeting, rehearsal, steps, rates))
        for rank in range(processes)
    ]
    with at_work(workers):
        pass
    if any(worker.exitcode for worker in workers):
        raise RuntimeError(f"training ended with exit codes {[worker.exitcode for worker in workers]}")
    return Measurement("training_samples_per_s", rates.get(), 19.0, "published: public Points2Plans code", "1/s")


def _train_worker(rank: int, world: int, meeting: Path, rehearsal: RehearsalSet, steps: int, rates: object) -> None:
    end_with_parent()
    with together(rank, world, meeting) as share:
        torch.manual_seed(0)
        kind = MODELS.get("points2plans")
        model = kind.from_config(configuration(kind, "plain", {}), current())
        source = select(prepared_for(model, rehearsal.replay), list(range(len(rehearsal.replay))) * 3)
        rough, whole = (_training_rate(model, source, thinned, share, steps) for thinned in (1.0, 0.0))
        if rank == 0:
            rates.put(1.0 / (THINNED / rough + (1.0 - THINNED) / whole))  # type: ignore[attr-defined]


def _training_rate(model: SkillEffectModel, source: Transitions, thinned: float, share: Share, steps: int) -> float:
    """Executions a second, by the clock."""
    options = TrainingOptions(epochs=4, fused=True, mixed=True, thinned=thinned)
    run = pretrain(model, source, options, torch.Generator().manual_seed(0), share=share)
    first = next(run)
    start = time.perf_counter()
    for _ in range(steps):
        last = next(run)
    return (last.samples - first.samples) / (time.perf_counter() - start)


@torch.no_grad()
def planning(model: SkillEffectModel, candidates: int = 512, repetitions: int = 3) -> Measurement:
    """Whole candidates of three skills in a scene of three objects on two tables, rolled out and scored as one batch."""
    trial = task(DEFAULT).trial(3, 1)
    belief = encode_observation(model, simulators.make().settle(trial.scene, Camera()).cloud)
    names = belief.names
    segments = Segments(names, belief.categories)
    scene = Scene.of(belief.state, model.detect(belief.state), segments, trial.goal)
    kept = [atom for atom in trial.goal.atoms if atom.relation in SUPPORT]
    steps = tuple(next(achieving(atom_rows(atom, names), scene)) for atom in kept)
    units = torch.rand(candidates, len(steps), size(steps), generator=torch.Generator().manual_seed(0))
    rate = _rate(model, belief.state, steps, units, segments, repetitions)
    return Measurement("planner_candidates_per_s", rate, 50.0, "published: public Points2Plans code", "1/s")


def plans(model: SkillEffectModel, repetitions: int = 3) -> Measurement:
    """Whole plans for the first trial of the default task with three objects."""
    trial = task(DEFAULT).trial(3, 1)
    belief = encode_observation(model, simulators.make().settle(trial.scene, Camera()).cloud)
    spent = []
    for number in range(repetitions):
        start = time.perf_counter()
        Planner(model, torch.Generator().manual_seed(number)).plan(belief, trial.stages)
        spent.append(time.perf_counter() - start)
    return Measurement("plans_per_s", 1.0 / statistics.median(spent), 1.0, "limit: a plan in a second", "1/s")


def _rate(
    model: SkillEffectModel, state: LatentState, steps: tuple[Step, ...], units: torch.Tensor, segments: Segments, times: int
) -> float:
    goal = task(DEFAULT).trial(3, 1).goal
    best = 0.0
    for _ in range(times):
        start = time.perf_counter()
        score_units(model, state, steps, units, [(len(steps), goal)], segments)
        best = max(best, len(units) / (time.perf_counter() - start))
    return best


def learning(model: SkillEffectModel, digest: str, rehearsal: RehearsalSet) -> Iterator[Measurement]:
    """From a failure to a judged model, ready to be swapped in: 20 samples, 200 epochs."""
    with ParallelSimulator() as simulator:
        life = Lifelong(task(DEFAULT))
        for found in life.run(model, digest, Learner(simulator, rehearsal), Classifier(simulator, Camera()), seed=1):
            seconds = found.lesson.seconds
            yield Measurement("learn_seconds", sum(seconds.values()), 60.0, "limit: failure to swapped model", "s")
            for stage, spent in seconds.items():
                yield Measurement(f"learn_seconds_{stage}", spent, 60.0, "limit of the whole", "s")


def perception(frames: int = 10) -> Iterator[Measurement]:
    """RGB-D frames of 640 x 480 to segments and relations: medians over cluttered simulated tables with depth noise, of the
    geometric and the fused segmenter in turns."""
    seen = [snapshot(seed)[1] for seed in range(frames)]
    segmenters = [segmenter_named(name) for name in (GEOMETRIC, FUSED)]
    for segmenter in segmenters:
        geometric_relations.detect(segmenter.segment(seen[0]))
    seconds: list[list[float]] = [[], []]
    for frame in seen:
        for segmenter, spent in zip(segmenters, seconds, strict=True):
            start = time.perf_counter()
            geometric_relations.detect(segmenter.segment(frame))
            spent.append(time.perf_counter() - start)
    geometric, fused = (statistics.median(spent) for spent in seconds)
    yield Measurement("perceive_seconds", geometric, 0.5, "limit: one frame of 640 x 480", "s")
    yield Measurement("perceive_fused_seconds", fused, 0.5, "limit: one frame of 640 x 480", "s")
    yield Measurement("perceive_fused_beside_geometric", fused, 2 * geometric, "limit: two geometric passes in this call", "s")


def measure(
    model: SkillEffectModel, digest: str, rehearsal: RehearsalSet, folder: Path, report: Callable[[str], None]
) -> dict[str, object]:
    """All of it, with provenance; a few minutes."""
    found: list[Measurement] = []
    report("perception")
    found += perception()
    report("simulation")
    found += simulation()
    found += peers_of_simulation()
    report("encoding")
    found.append(encoding())
    report("training")
    found.append(training(rehearsal, folder))
    report("particles")
    found += particles()
    report("planning")
    found += [planning(model), plans(model)]
    report("learning")
    found += learning(model, digest, rehearsal)
    return {"benchmarks": [m.to_dict() for m in found], "provenance": provenance(model=digest, threads=torch.get_num_threads())}
