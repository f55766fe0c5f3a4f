from dataclasses import replace

import numpy as np
import pytest
import torch

from fail2progress.learning.finetuning.chance import shifted
from fail2progress.learning.finetuning.chosen import falling, foreseeable
from fail2progress.learning.finetuning.executions import Executed, Execution
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import encode_observation
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.stein.likelihood import FailureRelations
from fail2progress.stein.states import state_space
from support import failures


@pytest.fixture
def doing(model: Points2Plans, simulator: MujocoSimulator) -> Execution:
    """A plank over a table's edge falls when the block is carried away that held it down."""
    return execution("held down", model, simulator)


def execution(kind: str, model: Points2Plans, simulator: MujocoSimulator) -> Execution:
    """Of a failure, in the scene that it was."""
    event, scene = failures.event(kind), failures.outcome(kind).before.scene
    belief = encode_observation(model, event.before)
    density = FailureRelations(model, belief, state_space(belief, observed(event), scene), event.relations_before)
    return Execution(model, event, scene, density, simulator, 0)


def drawn(doing: Execution, count: int) -> Executed:
    """Draws of P(S), with the failed call's place."""
    states = doing.density.space.draw(count, torch.Generator().manual_seed(0))
    space = doing.action_space(states)
    return doing.carry_out(states, space.failed(), space.parameters(space.failed()))


def test_where_no_scene_shows_the_failure_more_are_drawn_from_the_one_that_does(doing: Execution) -> None:
    done, again = drawn(doing, 16), doing.again()
    assert not doing.alike(done.outcomes, again).any() and doing.alike(again, again).all()
    found, teaches = doing.conditioned(done, again, 4, torch.Generator().manual_seed(0))
    more = found.outcomes[len(done.samples) :]
    assert len(more) >= 4 and bool((teaches[len(done.samples) :] == 1).all()) and len(teaches) == len(found.samples)
    assert found.samples[: len(done.samples)] == done.samples and len(found.worlds) == len(found.states) == len(found.actions)
    falls = [float(-one.displacements[one.before.scene.index("plank"), 2]) for one in more]
    places = np.array([one.before.scene.position("plank")[:2] for one in more])
    assert min(falls) > 0.3 and float(places.std(axis=0).max()) > 0.02  # all fall, and from elsewhere


def test_where_enough_show_the_failure_nothing_is_added(doing: Execution) -> None:
    done, again = drawn(doing, 8), doing.again()
    assert doing.conditioned(done, again, 0, torch.Generator().manual_seed(0))[0] is done
    falls = tuple(replace(one, outcome=again[0]) for one in done.samples)
    shown = replace(done, samples=falls, wrong=np.ones(len(falls), bool))
    found, teaches = doing.conditioned(shown, again, len(done.samples), torch.Generator().manual_seed(0))
    assert found is shown and bool((teaches == 1).all())


def test_where_the_rebuilt_scene_mostly_does_not_show_the_failure_either_nothing_is_added(doing: Execution) -> None:
    done = drawn(doing, 8)
    again = (*done.outcomes[:2], doing.again()[0])
    assert doing.alike(again, again).tolist() == [False, False, True]
    found, teaches = doing.conditioned(done, again, 4, torch.Generator().manual_seed(0))
    assert found is done and not (teaches == 1).any()


def test_what_is_learnt_besides_falls_from_starts_some_millimetres_aside_as_well(
    model: Points2Plans, simulator: MujocoSimulator
) -> None:
    doing = execution("on top", model, simulator)
    done, again = drawn(doing, 8), doing.again()
    falls = replace(done, samples=tuple(replace(one, outcome=fell) for one, fell in zip(done.samples, again, strict=False)))
    rows = range(len(falls.samples))
    found = doing.besides(falls, rows, 3)
    assert 0 < len(found) <= 3 and all(any(one is outcome for outcome in again) for one in found)
    for one in found:
        (pair,) = shifted([one], [done.worlds[0]], doing.simulator, doing.seed)
        assert foreseeable(one, pair) and all(falling(other).any() for other in pair)
    assert doing.besides(falls, [], 3) == doing.besides(falls, rows, 0) == ()


def test_of_what_is_carried_nothing_is_learnt_besides(doing: Execution) -> None:
    done, again = drawn(doing, 2), doing.again()
    falls = replace(done, samples=tuple(replace(one, outcome=fell) for one, fell in zip(done.samples, again, strict=False)))
    assert all(falling(one.outcome).any() for one in falls.samples) and doing.besides(falls, range(2), 2) == ()
