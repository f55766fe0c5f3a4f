"""What a failure tells of the world's physics, as the prior of the particles' coordinates (stein.physics)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fail2progress.core.camera import Camera
from fail2progress.core.names import unknown
from fail2progress.core.scene import Array, Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.physics import PROPERTIES, SURPRISE, Inference, Posterior, UntoldError, disturbances, shifts
from fail2progress.simulation.base import Disturbances, OrdinaryPhysicsError, Simulator
from fail2progress.skills.base import SkillCall
from fail2progress.stein.physics import NOMINAL, PhysicsPrior


def known(names: Sequence[str]) -> tuple[str, ...]:
    """The names of properties, checked. ValueError names those that there are."""
    for name in names:
        if name not in PROPERTIES:
            raise ValueError(unknown("property of physics", name, tuple(PROPERTIES)))
    return tuple(names)


def told(event: FailureEvent, scene: Scene, simulator: Simulator, names: Sequence[str], seed: int) -> PhysicsPrior:
    """What a failed motion tells; see explained. `scene` is O_F rebuilt."""
    seen = shifts(event.before, event.after, scene.names)
    return explained(scene, event.header.call.call(), seen, simulator, names, seed)


def explained(scene: Scene, call: SkillCall, seen: Array, simulator: Simulator, names: Sequence[str], seed: int) -> PhysicsPrior:
    """The property that explains a motion best, with its posterior; NOMINAL where the ordinary one does as well.

    One property, not several: each alone is asked whether it explains what was seen: (N, 3) metres, NaN for what was not.
    """
    found = list[tuple[float, str, Posterior]]()
    for name in names:
        prop = PROPERTIES[name]
        try:
            posterior = Inference(simulator, Camera()).infer(scene, call, seen, prop, seed)
        except (UntoldError, OrdinaryPhysicsError):
            continue
        if posterior.surprise(prop.ordinary) >= SURPRISE:
            found.append((posterior.surprise(prop.ordinary), name, posterior))
    if not found:
        return NOMINAL
    _, name, posterior = max(found, key=lambda one: one[0])
    return PhysicsPrior((name,), (posterior.values,), (posterior.density,))


def drawn(prior: PhysicsPrior, count: int, seed: int) -> list[Disturbances]:
    """So many worlds with the physics that is believed."""
    generator = torch.Generator().manual_seed(seed)
    return [disturbances(shares) for shares in prior.shares(prior.draw(count, generator))]
