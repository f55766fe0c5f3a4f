from dataclasses import replace

import numpy as np
import pytest
import torch

from fail2progress.learning.finetuning import executions
from fail2progress.learning.finetuning.chosen import OTHERWISE, falling
from fail2progress.learning.finetuning.executions import Executed, Execution
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import encode_observation
from fail2progress.simulation.base import Outcome, Simulator
from fail2progress.stein.around import state_space
from fail2progress.stein.likelihood import FailureRelations
from support import failures
from support.remembering import Remembering


@pytest.fixture
def doing(model: Points2Plans, remembering: Remembering) -> Execution:
    """A plank over a table's edge falls when the block is carried away that held it down."""
    return execution("held down", model, remembering)


def execution(kind: str, model: Points2Plans, simulator: Simulator) -> Execution:
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


def test_where_there_is_no_relation_to_keep_all_are_kept(doing: Execution) -> None:
    done = drawn(doing, 2)
    assert len(done.samples) > 0 and doing.kept(done, among=()).tolist() == [1.0] * len(done.samples)


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


def test_what_is_held_up_each_time_is_held_up_in_executions_that_are_alike(
    model: Points2Plans, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    doing = execution("row", model, simulator)
    again = doing.again()
    assert doing.alike(again, again).all()
    monkeypatch.setattr(executions, "held_up", lambda model, outcome: outcome is not again[0])
    assert doing.alike(again, again).all()  # not each time
    assert doing.alike(again, again[1:]).tolist() == [False] + [True] * (len(again) - 1)


@pytest.fixture
def toppling(model: Points2Plans, remembering: Remembering) -> tuple[Execution, Executed]:
    """A tall block that topples and stays on its table, and draws of which some fall over the edge."""
    doing = execution("toppled", model, remembering)
    states = doing.density.space.draw(40, torch.Generator().manual_seed(0))
    space = doing.action_space(states)
    return doing, doing.carry_out(states, space.failed(), space.parameters(space.failed()))


def room(outcome: Outcome) -> float:
    """Metres from the middle of a block that has toppled over, or would have, to the nearest edge of its table."""
    scene, turn = outcome.before.scene, outcome.call.parameters[0]
    place = scene.position("tall")[:2] + (outcome.call.parameters[1] + 0.1) * np.array([np.cos(turn), np.sin(turn)])
    tables = [scene.bounds()[scene.index(name)] for name in ("table_a", "table_b")]
    return max(float(min((place - low[:2]).min(), (high[:2] - place).min())) for low, high in tables)


def test_half_of_what_is_learnt_besides_falls_near_where_others_stay(toppling: tuple[Execution, Executed]) -> None:
    doing, done = toppling
    again = doing.again()
    teaches = doing.teaches(done, again)
    falls = [row for row, value in enumerate(teaches) if value == OTHERWISE and falling(done.outcomes[row]).any()]
    assert len(falls) > 5 and (teaches == 1).sum() > 5
    found, drawn = doing.besides(done, falls, teaches, again, 10), [done.outcomes[row] for row in falls]
    assert len(found) == 10 and all(falling(one).any() for one in found)
    assert list(found[5:]) == [one for one in drawn if all(one is not other for other in found[:5])][:5]
    assert np.median([abs(room(one)) for one in found[:5]]) < 0.03 < np.median([abs(room(one)) for one in drawn])
    assert len(doing.besides(done, falls, teaches, again, 99)) <= 2 * len(falls)


def test_where_the_failure_is_a_fall_what_does_not_fall_is_learnt_besides(toppling: tuple[Execution, Executed]) -> None:
    doing, done = toppling
    teaches = np.array([1.0 if falling(one).any() else OTHERWISE for one in done.outcomes])
    again = [one for one in done.outcomes if falling(one).any()][:1]
    found = doing.besides(done, range(len(teaches)), teaches, again, 4)
    assert len(found) == 4 and not any(falling(one).any() for one in found)


def test_besides_there_is_nothing_where_nothing_falls_or_nothing_shows_the_failure(toppling: tuple[Execution, Executed]) -> None:
    doing, done = toppling
    again, rows = doing.again(), range(len(done.samples))
    teaches = doing.teaches(done, again)
    stays = [row for row in rows if not falling(done.outcomes[row]).any()]
    assert doing.besides(done, stays, teaches, again, 5) == doing.besides(done, rows, teaches, again, 0) == ()
    assert doing.besides(done, rows, np.full(len(teaches), OTHERWISE), again, 5) == ()


def test_what_tips_over_does_not_in_other_extents(toppling: tuple[Execution, Executed]) -> None:
    doing, done = toppling
    again, rows = doing.again(), range(4)
    found = doing.reshaped(done, rows, again, 12)
    sizes = np.array([one.before.scene.objects[one.before.scene.index("tall")].size for one in found])
    assert 4 <= len(found) <= 12 and len(np.unique(sizes[:, 2])) == len(found)
    first = [one.before.scene.position("other")[:2] for one in done.outcomes[:4]]
    assert all(min(np.linalg.norm(one.before.scene.position("other")[:2] - place) for place in first) < 0.003 for one in found)
    assert not doing.alike(found, again).any() and len(doing.reshaped(done, rows, again, 2)) <= 2
    stood = (*again, replace(again[0], after=again[0].before))
    assert doing.reshaped(done, [], again, 12) == doing.reshaped(done, rows, stood, 12) == ()  # it tips by chance


def test_what_does_not_tip_keeps_its_extents(doing: Execution) -> None:
    assert doing.reshaped(drawn(doing, 2), range(2), doing.again(), 2) == ()  # a plank that falls


def test_of_what_is_carried_nothing_is_learnt_besides(doing: Execution) -> None:
    done, again = drawn(doing, 2), doing.again()
    falls = replace(done, samples=tuple(replace(one, outcome=fell) for one, fell in zip(done.samples, again, strict=False)))
    rows, teaches = range(len(falls.samples)), np.ones(len(falls.samples))
    assert len(rows) and all(falling(one.outcome).any() for one in falls.samples)
    assert doing.besides(falls, rows, teaches, again, 2) == ()
