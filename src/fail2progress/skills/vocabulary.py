"""The vocabulary that is spoken here: the registered skills and the relations of paper A.9."""

from __future__ import annotations

from fail2progress.core.relations import BINARY, UNARY
from fail2progress.core.vocabulary import SkillSignature, Vocabulary
from fail2progress.skills.registry import SKILLS


def current() -> Vocabulary:
    """All skills that are registered now, with the relations."""
    signatures = tuple(SkillSignature(skill.name, tuple((p.name, p.unit) for p in skill.parameters)) for skill in SKILLS.values())
    return Vocabulary(signatures, BINARY, UNARY)
