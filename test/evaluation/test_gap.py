from dataclasses import replace

import numpy as np
import pytest

from fail2progress.agent.loop import AgentConfig
from fail2progress.core.camera import Camera
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.evaluation.evaluate import TrialJob, carry_out
from fail2progress.evaluation.gap import agreement, sim2real_gap
from fail2progress.evaluation.trials import run_trial
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.perception.relations.registry import DEFAULT, GEOMETRIC, LEARNED, relation_detector
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.registry import task


def state(names: tuple[str, ...], *held: tuple[int, int]) -> RelationState:
    binary = np.zeros((len(names), len(names), len(BINARY)))
    for one, other in held:
        binary[one, other, 0] = 1.0
    return RelationState(names, binary, np.zeros((len(names), 3)))


def test_agreement_is_of_what_both_know() -> None:
    one = state(("a", "b", "c"), (0, 1), (1, 0))
    assert agreement(one, one) == 1.0 and agreement(state(("a", "b")), state(("a", "b"))) == 1.0
    assert agreement(one, state(("b", "a"), (1, 0))) == pytest.approx(2 / 3)  # a-b of two and one
    assert agreement(one, state(("b", "c"), (0, 1))) == 0.0


def test_the_gap_is_small_where_the_scene_is_rebuilt_well_and_whole_where_it_cannot_be() -> None:
    simulator, start = MujocoSimulator(), load_checkpoint(weights.path(weights.RELATIONAL))
    trial, detector = task("short").trial(1, 4), relation_detector(DEFAULT, start.model, start.digest)
    _, _, episode, robot = run_trial(start.model, start.digest, trial, AgentConfig(replan=False), simulator=simulator)
    gap = sim2real_gap(detector, episode.taken, robot.outcomes, simulator, Camera())
    assert 0.0 <= gap < 0.3
    before = robot.outcomes[0].before
    blind = replace(before, cloud=replace(before.cloud, points=np.full_like(before.cloud.points, np.nan)))
    lost = [replace(robot.outcomes[0], before=blind)]
    assert sim2real_gap(detector, episode.taken[:1], lost, simulator, Camera()) == 1.0
    assert np.isnan(sim2real_gap(detector, (), [], simulator, Camera()))


@pytest.mark.parametrize("name", [GEOMETRIC, DEFAULT])
def test_that_two_detectors_differ_is_no_gap(name: str) -> None:
    simulator, path = MujocoSimulator(), weights.path(weights.RELATIONAL)
    start, trial = load_checkpoint(path), task("short").trial(1, 4)
    config = AgentConfig(replan=False, relations=name)
    _, _, episode, robot = run_trial(start.model, start.digest, trial, config, simulator=simulator)
    learned, own = (
        sim2real_gap(relation_detector(one, start.model, start.digest), episode.taken, robot.outcomes, simulator, Camera())
        for one in (LEARNED, name)
    )
    assert learned > own == 0.0  # the learned one errs in this scene, rebuilt or not
    assert carry_out(TrialJob(str(path), "short", 1, 4, replan=False, relations=name, gap=True)).gap == own
