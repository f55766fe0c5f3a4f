from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from fail2progress.failures.event import Call, FailureEvent
from fail2progress.learning.finetuning.chosen import KEPT
from fail2progress.learning.finetuning.generators import GENERATORS, GeneratorError, Prior
from fail2progress.learning.finetuning.instantiate import Sample, kept
from fail2progress.learning.finetuning.targeted import Targeted, TargetOptions, target
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.simulation.base import Outcome, Simulator
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.stein.actions import ACQUISITIONS
from support import failures

BRIEF = TargetOptions(samples=4, oversampling=2.0, state_steps=4, action_steps=3)
Make = Callable[..., Targeted]


@pytest.fixture
def make(event: FailureEvent, model: Points2Plans, simulator: MujocoSimulator) -> Make:
    def call(seed: int = 0, event: FailureEvent = event, simulator: Simulator = simulator, **options: Any) -> Targeted:
        return target(event, model, simulator, replace(BRIEF, **options), seed)

    return call


def values(found: Targeted) -> np.ndarray:
    rows = [[*outcome.call.padded, *outcome.before.scene.poses.ravel()] for outcome in found.outcomes]
    return np.array(rows)


def kept_share(event: FailureEvent, found: Targeted, outcome: Outcome) -> float:
    """Of a scene that has not been turned."""
    return float(kept(event.relations_before, found.space, Sample(0, 0.0, outcome), robot=True).mean())


def check(found: Targeted, event: FailureEvent, samples: int) -> None:
    """What holds however the data were made."""
    assert 1 <= len(found.outcomes) <= samples <= found.tried
    assert len(found.outcomes) + len(found.spare) <= found.stable <= found.tried <= 4 * samples  # explorers among them
    assert all(outcome.stable and outcome.call.skill == "pick_place" for outcome in found.outcomes)
    assert all(outcome.call.object == "cup_1" for outcome in found.outcomes)
    shares = [kept_share(event, found, outcome) for outcome in found.outcomes]
    assert found.relations_kept.robot == pytest.approx(np.mean(shares)) and 0.0 <= found.kept <= 1.0 >= found.kept_of_all
    assert all(0.0 <= share <= 1.0 for share in (found.relations_kept.drawn, found.relations_kept.believed))
    assert set(found.seconds) == {"set-up", "states", "actions", "simulation"}
    assert bool(found.states.isfinite().all()) and bool(found.actions.isfinite().all())


@pytest.mark.parametrize("method", GENERATORS.names())
def test_all_methods(make: Make, event: FailureEvent, method: str) -> None:
    check(make(method=method), event, 4)


@pytest.mark.parametrize("acquisition", ACQUISITIONS[:3])
@pytest.mark.parametrize("method", ["stein", "gradient", "sampling"])
def test_all_acquisitions(make: Make, event: FailureEvent, method: str, acquisition: str) -> None:
    check(make(method=method, acquisition=acquisition, samples=2), event, 2)


def test_the_acquisition_that_has_no_preference_only_keeps_off_what_stands_there(make: Make, event: FailureEvent) -> None:
    check(make(acquisition="prior"), event, 4)


@pytest.mark.parametrize("scope", ["support", "all", "all-robot"])
def test_contents_stay_in_their_container(make: Make, event: FailureEvent, scope: str) -> None:
    found = make(samples=6, state_steps=8, scope=scope)
    whole = [o for o in found.outcomes if o.before.relations.value("inside", "capsule_1", "cup_1")]
    assert len(whole) >= 2 and found.kept > 0.6
    for outcome in whole:
        tables = [outcome.before.relations.value("above", "cup_1", table) for table in ("table_a", "table_b")]
        assert max(tables) == 1.0


def test_data_of_the_failures_kind_show_what_the_model_did_not_know(make: Make, event: FailureEvent) -> None:
    along = []
    for outcome in make(samples=6).outcomes:
        if outcome.before.relations.value("inside", "capsule_1", "cup_1"):
            names = outcome.before.scene.names
            cup, capsule = (outcome.displacements[names.index(name)] for name in ("cup_1", "capsule_1"))
            along.append(np.linalg.norm(cup[:2]) > 0.05 and np.linalg.norm(cup - capsule) < 0.03)
    assert sum(along) >= 0.6 * len(along) > 0


def test_scenes_and_skills_differ(make: Make) -> None:
    found = make(samples=6)
    rows = values(found)
    assert len(np.unique(rows.round(4), axis=0)) == len(rows)
    expected = np.mean(np.std([outcome.call.parameters[:2] for outcome in found.outcomes], axis=0))
    assert found.spread == pytest.approx(expected) and found.spread > 0.01
    assert len({outcome.before.cloud.points.tobytes() for outcome in found.outcomes}) == len(rows)


@pytest.mark.parametrize("method", ["stein", "sampling"])
def test_the_same_seed_gives_the_same_data(make: Make, method: str) -> None:
    one, other, third = make(3, method=method), make(3, method=method), make(4, method=method)
    assert np.array_equal(values(one), values(other)) and torch.equal(one.states, other.states)
    assert not np.array_equal(values(one)[0], values(third)[0])


def test_what_is_unknown_is_named(make: Make) -> None:
    with pytest.raises(ValueError, match="unknown generator of samples 'magic'; known: stein, gradient, sampling, prior"):
        make(method="magic")
    with pytest.raises(ValueError, match="unknown acquisition 'luck'; known: entropy"):
        make(acquisition="luck")
    with pytest.raises(ValueError, match="samples must be at least 1, got 0"):
        make(samples=0)
    with pytest.raises(ValueError, match="unknown scope 'some'; known: all"):
        make(scope="some")
    with pytest.raises(ValueError, match="freedom must be more than 0 m, got -1"):
        make(freedom=-1.0)
    with pytest.raises(ValueError, match="explorers must be a share from 0 to below 1, got 1"):
        make(explorers=1.0)


@dataclass(frozen=True)
class Odd(Prior):
    """A generator of another package whose states or actions are not what they should be."""

    method: str
    spoilt: Callable[[torch.Tensor], Any]

    def states(self, density: Any, start: torch.Tensor, budget: Any, generator: torch.Generator) -> torch.Tensor:
        return self.spoilt(start) if self.method == "states" else start

    def actions(self, information: Any, budget: Any, generator: torch.Generator, failed: torch.Tensor) -> torch.Tensor:
        return self.spoilt(failed) if self.method == "actions" else failed


@pytest.mark.parametrize("method", ["states", "actions"])
@pytest.mark.parametrize(
    ("spoilt", "gave"),
    [
        (lambda like: like[:2], r"\(2, \d+\)"),
        (lambda like: like * float("nan"), "numbers that are not finite"),
        (lambda like: like.tolist(), "list"),
    ],
)
def test_a_generator_that_gives_something_else_is_named(
    make: Make, method: str, spoilt: Callable[[torch.Tensor], Any], gave: str
) -> None:
    GENERATORS.register("odd", Odd(method, spoilt), "mylab")
    should = rf"generator of samples 'odd' of mylab: {method}\(\) must give a tensor \(\d+, \d+\) of finite numbers"
    try:
        with pytest.raises(GeneratorError, match=f"{should}, a row for each particle, it gave {gave}$"):
            make(method="odd")
    finally:
        GENERATORS.unregister("odd")


def test_more_particles_than_samples() -> None:
    assert [TargetOptions(samples=n, explorers=0.0).particles for n in (1, 2, 20)] == [3, 5, 50]
    assert [TargetOptions(samples=n).particles for n in (1, 2, 20)] == [5, 8, 80]


def test_explorers_are_drawn_besides_and_leave_most_of_what_held(model: Points2Plans, simulator: MujocoSimulator) -> None:
    event, scene = failures.event("drawer"), failures.outcome("drawer").before.scene
    alone, some = (
        target(event, model, simulator, replace(BRIEF, samples=8, explorers=share), 0, rebuild=lambda _: scene)
        for share in (0.0, 0.5)
    )
    assert alone.tried == 16 and some.tried == 28 and len(some.outcomes) == len(alone.outcomes) == 8
    assert torch.equal(some.states[16:], some.drawn[16:]) and not torch.equal(some.states[:16], some.drawn[:16])
    assert some.kept >= min(KEPT, alone.kept) - 0.1


@pytest.mark.parametrize("call", [SkillCall("push", "row_0", (0.0, 0.4)), SkillCall("push", "row_0", (np.pi / 2, 0.4))], ids=str)
def test_a_call_that_asks_for_all_that_its_skill_can_do_is_carried_out(
    model: Points2Plans, simulator: MujocoSimulator, call: SkillCall
) -> None:
    """Particles are of single precision, in which 0.4 m is a little more than that."""
    failed, scene = failures.event("row"), failures.outcome("row").before.scene
    event = failed.model_copy(update={"header": failed.header.model_copy(update={"call": Call.of(call)})})
    found = target(event, model, simulator, replace(BRIEF, method="near-copies"), 0, rebuild=lambda _: scene)
    assert found.stable == found.tried == 8


class Shaky(MujocoSimulator):
    """Nothing ever comes to rest."""

    def execute_all(self, jobs: Any) -> Any:
        return [replace(outcome, stable=False) for outcome in super().execute_all(jobs)]


@dataclass
class Settling(MujocoSimulator):
    """No scene comes to rest at the first time, each does at the second."""

    met: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def execute_all(self, jobs: Any) -> Any:
        self.met += 1
        return [replace(self.execute(job), stable=self.met > 1) for job in jobs]


def test_scenes_that_do_not_stand_still_are_corrected_before_they_are_dropped(make: Make) -> None:
    found = make(simulator=Settling(), samples=2)
    assert 0 < found.recovered == found.stable <= found.tried and make(samples=2).recovered == 0


def test_no_stable_scene_is_an_error(make: Make) -> None:
    with pytest.raises(ValueError, match="none of 2 generated scenes was stable"):
        make(simulator=Shaky(), samples=1, explorers=0.0)


def test_a_failed_push_gives_pushes(make: Make, event: FailureEvent) -> None:
    push = SkillCall("push", "cup_1", (0.3, 0.1))
    pushed = event.model_copy(update={"header": event.header.model_copy(update={"call": Call.of(push)})})
    found = make(event=pushed)
    assert found.outcomes and all(outcome.call.skill == "push" for outcome in found.outcomes)
    assert all(0.0 <= outcome.call.parameters[1] <= 0.4 for outcome in found.outcomes)


def test_stages_are_reported_in_order(event: FailureEvent, model: Points2Plans, simulator: MujocoSimulator) -> None:
    heard: list[str] = []
    target(event, model, simulator, replace(BRIEF, samples=1), 0, heard.append)
    assert heard == ["set-up", "states", "actions", "simulation"]


def test_what_the_failure_itself_keeps(loaded_cup: Outcome, event: FailureEvent, make: Make) -> None:
    found = make(samples=1)
    assert kept_share(event, found, loaded_cup) == 1.0
    after = replace(loaded_cup, before=loaded_cup.after)  # on the other table: tables are exchangeable
    assert kept_share(event, found, after) >= 0.75  # the capsule may have rolled
    relations = loaded_cup.before.relations
    spilt = replace(relations, binary=np.zeros_like(relations.binary))
    nothing = replace(loaded_cup, before=replace(loaded_cup.before, relations=spilt))
    assert kept_share(event, found, nothing) == 0.0


@pytest.mark.parametrize("kind", failures.KINDS)
@pytest.mark.parametrize("method", ["stein", "prior"])
def test_data_contain_what_failed(model: Points2Plans, simulator: MujocoSimulator, kind: str, method: str) -> None:
    event, scene = failures.event(kind), failures.outcome(kind).before.scene
    found = target(event, model, simulator, replace(BRIEF, method=method, samples=6), 0, rebuild=lambda _: scene)
    assert len(found.outcomes) >= 3 and found.spreads.places > 0.05
    assert {outcome.call.skill for outcome in found.outcomes} == {event.header.call.skill}
    moved = [tuple(np.linalg.norm(outcome.displacements, axis=1) > 0.01) for outcome in found.outcomes]
    failed = np.linalg.norm(failures.outcome(kind).displacements, axis=1) > 0.01
    assert sum(bool(failed.sum() == np.sum(one)) for one in moved) >= len(moved) / 3  # as many things move as in the failure


def test_near_copies_are_near_and_other_generators_are_not(model: Points2Plans, simulator: MujocoSimulator) -> None:
    event, scene = failures.event("row"), failures.outcome("row").before.scene
    made = {
        method: target(event, model, simulator, replace(BRIEF, method=method), 0, rebuild=lambda _: scene)
        for method in ("near-copies", "domain-randomisation", "prior")
    }
    spreads = {method: found.spreads for method, found in made.items()}
    assert spreads["near-copies"].places < 0.02 < spreads["prior"].places
    assert 10 * spreads["near-copies"].actions < spreads["domain-randomisation"].actions  # directions turn with the cluster
    for method, found in made.items():
        ways = np.array([outcome.call.shift for outcome in found.outcomes])
        assert spreads[method].actions == pytest.approx(ways[:, :2].std(axis=0).mean())
        assert spreads[method].actions <= np.linalg.norm(ways, axis=1).max()  # metres, which 3.1 and -3.1 rad are not
