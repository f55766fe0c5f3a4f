import math

import pytest
import torch

from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import encode_observation
from fail2progress.stein.around import state_space
from fail2progress.stein.commands import headings
from fail2progress.stein.planar import Footprints
from fail2progress.stein.states import StateSpace
from fail2progress.stein.turns import along_edges, turns
from support import failures

QUARTER = math.pi / 2
ALL = torch.tensor([9])


@pytest.mark.parametrize(("power", "along", "askew"), [(9, 0.7, 0.15), (3, 0.35, 0.4)])
def test_what_stands_along_an_edge_mostly_does_so_after_its_turn_and_every_turn_can_be(
    power: int, along: float, askew: float
) -> None:
    drawn = torch.linspace(-math.pi, math.pi, 20_001, dtype=torch.float64).unsqueeze(1)
    turned = turns(drawn, torch.tensor([power]))
    off = (torch.remainder(turned + QUARTER / 2, QUARTER) - QUARTER / 2).abs().rad2deg()
    assert float((off < 2.0).double().mean()) == pytest.approx(along, abs=0.02)
    assert float((off > 10.0).double().mean()) == pytest.approx(askew, abs=0.02)
    steps = turned.diff(dim=0)
    assert bool((steps >= -1e-12).all()) and bool((steps < 0.01).all())  # no gap and no way back
    assert torch.equal(turns(drawn, torch.tensor([1])), drawn)


@pytest.mark.parametrize("quarters", range(-2, 3))
def test_quarter_turns_stay_what_they_are(quarters: int) -> None:
    drawn = torch.tensor([[quarters * QUARTER]])
    torch.testing.assert_close(turns(drawn, ALL), drawn)


def test_clusters_stand_along_edges_if_all_of_them_do_and_furniture_faces_the_robot_anyway() -> None:
    yaw = torch.tensor([0.02, QUARTER - 0.03, 0.6, -math.pi, 0.0])
    boxes = Footprints(torch.zeros(5, 2), torch.ones(5, 2), yaw)
    found = along_edges([(0, 1), (1, 2), (3,), (3, 4)], boxes, {4}, {1: 0}, carried=False)
    assert found.tolist() == [9, 1, 9, 1]
    for carried, power in ((False, 3), (True, 9)):  # beside each other, so that a push turns with them
        assert along_edges([(0, 1)], boxes, {4}, {}, carried).tolist() == [power]


@pytest.mark.parametrize(("kind", "alone"), [("nested", True), ("row", False)])
def test_what_stands_alone_along_an_edge_is_pushed_to_all_sides(model: Points2Plans, kind: str, alone: bool) -> None:
    event, scene = failures.event(kind), failures.outcome(kind).before.scene
    space = state_space(encode_observation(model, event.before), observed(event), scene)
    particles = space.observed().repeat(50, 1)
    particles[:, 2] = torch.linspace(-3.1, 3.1, 50)
    turned = space.turn(particles)
    power, off = (9, 0.5) if alone else (3, 0.3)
    assert int(space.along[0]) == power and (turned - particles[:, 2]).abs().max() > off
    assert torch.equal(headings(space, particles), particles[:, 2] if alone else turned)


def test_furniture_faces_the_robot_unless_what_is_pushed_stands_on_top_of_it(model: Points2Plans) -> None:
    def turned(kind: str) -> tuple[StateSpace, torch.Tensor, int]:
        event, scene = failures.event(kind), failures.outcome(kind).before.scene
        belief = encode_observation(model, event.before)
        space = state_space(belief, observed(event), scene)
        drawn = space.chart().sample_uniform(400, torch.Generator().manual_seed(0))
        return space, space.turn(drawn), belief.index("cabinet")

    space, angle, cabinet = turned("on top")
    assert cabinet in space.group and not space.fixed
    for quarter in range(-2, 2):  # the row is pushed off every side
        off = torch.remainder(angle - quarter * QUARTER + math.pi, 2 * math.pi) - math.pi
        assert 40 < int((off.abs() < 0.3).sum()) < 140
    space, angle, cabinet = turned("drawer")
    assert cabinet in space.fixed and float(angle.abs().max()) <= 0.3
