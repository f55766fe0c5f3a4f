"""A skill effect model as a caller may give it: none, a file of weights, what was read of one, or the model itself."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from fail2progress.library.arguments import require
from fail2progress.models import weights
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import Checkpoint, digest_of, load_checkpoint

ModelLike = SkillEffectModel | Checkpoint | str | Path | None
"""None: the weights that travel with the package."""


def model_and_digest(model: ModelLike = None) -> tuple[SkillEffectModel, str]:
    """The model and the SHA-256 digest of its weights. ValueError (CheckpointError of a file) where it is none."""
    if isinstance(model, SkillEffectModel):
        return model.eval(), digest_of(model)
    require(
        model, (Checkpoint, str, PathLike, type(None)), "model", "a file of weights, a Checkpoint, a SkillEffectModel or None"
    )
    if not isinstance(model, Checkpoint):
        model = load_checkpoint(Path(model) if model is not None else weights.path(weights.RELATIONAL))
    return model.model, model.digest
