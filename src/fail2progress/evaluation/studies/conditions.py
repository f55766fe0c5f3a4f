"""Under which conditions a cell's trials run: where the camera is, how noisy its clouds are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from fail2progress.core.camera import Camera
from fail2progress.core.registry import Registry, instance_of
from fail2progress.evaluation.embodiment import STRETCH, Embodiment
from fail2progress.perception.segmentation.registry import FUSED


@dataclass(frozen=True)
class Condition:
    """What a trial is seen through. `learns`: failures are met under it too; otherwise under the usual one."""

    name: str
    camera: Camera = field(default_factory=Camera)
    learns: bool = False
    gap: bool = False
    """Whether the Sim2Real gap is measured: every skill is carried out again in the scene rebuilt from what was seen."""
    embodiment: Embodiment = field(default_factory=Embodiment)

    def to_dict(self) -> dict[str, object]:
        """All that decides results, for a cell's address."""
        content = asdict(self)
        del content["name"]
        return content


USUAL = Condition("usual")
CONDITIONS: Registry[Condition] = Registry("condition", "fail2progress.conditions", form=instance_of(Condition))
CONDITIONS.register(USUAL.name, USUAL)
# Fine-tuning data are seen from within 0.15 m of the middle and from 1.25 to 1.5 m above the floor (`tasks.layout`).
CONDITIONS.register("view1", Condition("view1", Camera(eye=(-0.05, 0.45, 1.40), target=(0.60, 0.0, 0.50))))
CONDITIONS.register("view2", Condition("view2", Camera(eye=(-0.25, -0.40, 1.70), target=(0.60, 0.0, 0.48))))

NOISES = (0.0, 0.002, 0.005, 0.010)
"""Standard deviations (m) of the noise on every point and axis of the clouds in figure 3b."""
for _noise in NOISES:
    _name = f"noise-{1000 * _noise:g}mm"
    CONDITIONS.register(_name, Condition(_name, Camera(noise=_noise), learns=True, gap=True))

TRUE_SEGMENTS = Condition("stretch", learns=True, embodiment=Embodiment(STRETCH))
PERCEIVED = Condition(f"stretch-{FUSED}", learns=True, embodiment=Embodiment(STRETCH, FUSED))
for _seen in (TRUE_SEGMENTS, PERCEIVED):
    CONDITIONS.register(_seen.name, _seen)
