import math
from dataclasses import replace

import pytest
import torch

from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import encode_observation
from fail2progress.skills.base import SkillCall
from fail2progress.stein.around import state_space
from fail2progress.stein.commands import commands
from fail2progress.stein.room import Room, room
from fail2progress.stein.states import StateSpace
from support import failures


def space_of(model: Points2Plans, kind: str) -> StateSpace:
    event, scene = failures.event(kind), failures.outcome(kind).before.scene
    return state_space(encode_observation(model, event.before), observed(event), scene)


def test_a_drawer_goes_in_as_far_as_it_is_open_and_out_as_far_as_its_rails(model: Points2Plans) -> None:
    space = space_of(model, "drawer")
    space = replace(space, moved=next(iter(space.drawers)))
    particles = space.observed().repeat(2, 1)
    particles[:, -1] = torch.tensor([0.02, 0.09])
    yaw = space.solids.footprints.yaw[space.moved].repeat(2)
    inward, outward = room(space, particles, yaw), room(space, particles, yaw + math.pi)
    torch.testing.assert_close(inward.way, torch.tensor([0.02, 0.09]))
    torch.testing.assert_close(outward.way, space.drawers[space.moved][1] - inward.way)
    assert inward.stop and outward.stop


@pytest.mark.parametrize("direction", [0.0, math.pi / 2, math.pi, -math.pi / 2])
def test_a_row_on_a_table_goes_until_the_middle_of_one_leaves_it(model: Points2Plans, direction: float) -> None:
    space = space_of(model, "row")
    found = room(space, space.observed().unsqueeze(0), torch.tensor([direction]))
    assert not found.stop
    centres = space.solids.footprints.centre[list(space.group)]
    way = torch.tensor([math.cos(direction), math.sin(direction)])
    tables = space.surroundings.tables[:, :, :2]

    def on_some_table(distance: float) -> torch.Tensor:
        at = (centres + distance * way).unsqueeze(1)
        return ((at >= tables[:, 0]) & (at <= tables[:, 1])).all(dim=2).any(dim=1).all()

    assert on_some_table(0.98 * found.way.item()) and not on_some_table(1.02 * found.way.item() + 0.002)


def test_what_stands_between_walls_goes_as_far_as_the_wall(model: Points2Plans) -> None:
    space = space_of(model, "nested")
    cup, box = (
        space.points.new_tensor(0).long() + row for row in next((c, p) for c, p in space.parent.items() if p not in space.parent)
    )
    inner = replace(space, moved=int(cup))
    boxes, wall = space.solids.footprints, space.thickness[int(box)]
    yaw = boxes.yaw[box].repeat(1)
    found = room(inner, space.observed().unsqueeze(0), yaw)
    gap = boxes.half[box, 0] - wall - boxes.rows(cup).reach(yaw[0])
    forward = torch.stack([yaw[0].cos(), yaw[0].sin()])
    offset = (boxes.centre[cup] - boxes.centre[box]) @ forward
    torch.testing.assert_close(found.way[0], (gap - offset).clamp(min=0.0), rtol=0, atol=1e-5)
    assert found.stop


def test_more_may_be_asked_for_than_there_is_where_something_stops_it() -> None:
    way = torch.tensor([0.1])
    assert Room(way, True).most(0.9).item() == pytest.approx(0.125) and Room(way, False).most(0.8).item() == pytest.approx(0.1)
    assert Room(way, False).most(1.2).item() == pytest.approx(0.15)  # the failed one went over the edge
    assert Room(way, True).least(0.8).item() == pytest.approx(0.04) and Room(way, False).least(0.8).item() == 0.0


def test_a_drawer_that_is_open_a_little_is_not_shut_with_the_force_for_a_wide_one(model: Points2Plans) -> None:
    space = space_of(model, "drawer")
    drawer = next(iter(space.drawers))
    space, yaw = replace(space, moved=drawer), float(space.solids.footprints.yaw[drawer])
    particles = space.observed().repeat(2, 1)
    particles[:, -1] = torch.tensor([0.03, 0.12])
    found = commands(SkillCall("close_drawer", "drawer", (yaw, 0.9 * float(space.drawers[drawer][0]))), space, particles)
    assert bool((found.most[:, 1] <= 1.25 * torch.tensor([0.03, 0.12]) + 0.02 + 1e-6).all())
    assert bool((found.least[:, 1] < found.most[:, 1]).all())
