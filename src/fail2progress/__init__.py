"""A robot manipulation stack that learns from its failures.

A skill effect model predicts which relations hold after each skill. Where the robot observes others, the failure is
rebuilt in simulation, Stein variational inference finds scenes and actions like it, and the model is fine-tuned on what
they teach (Fail2Progress, CoRL 2025). Units are SI throughout; frames follow REP-103 and REP-105.

As a library: `scene`, `task`, `simulate`, `perceive`, `detect`, `plan`, `run`, `pursue`, `learn`, `evaluate` and `picture`
(docs/guide/library.md). Importing the package imports none of what they need.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not from typing: the command line begins here, and hears Ctrl-C only after this module
if TYPE_CHECKING:
    from fail2progress.library.acting import Pursuit, TrialRun, plan, pursue, run, simulate
    from fail2progress.library.improving import evaluate, learn
    from fail2progress.library.pictures import picture
    from fail2progress.library.scenes import scene, task
    from fail2progress.library.seeing import detect, perceive
    from fail2progress.skills.base import SkillCall

__version__ = "0.2.0"

__all__ = [
    "Pursuit",
    "SkillCall",
    "TrialRun",
    "detect",
    "evaluate",
    "learn",
    "perceive",
    "picture",
    "plan",
    "pursue",
    "run",
    "scene",
    "simulate",
    "task",
]

_HOMES = {
    "Pursuit": "fail2progress.library.acting",
    "SkillCall": "fail2progress.skills.base",
    "TrialRun": "fail2progress.library.acting",
    "detect": "fail2progress.library.seeing",
    "evaluate": "fail2progress.library.improving",
    "learn": "fail2progress.library.improving",
    "perceive": "fail2progress.library.seeing",
    "picture": "fail2progress.library.pictures",
    "plan": "fail2progress.library.acting",
    "pursue": "fail2progress.library.acting",
    "run": "fail2progress.library.acting",
    "scene": "fail2progress.library.scenes",
    "simulate": "fail2progress.library.acting",
    "task": "fail2progress.library.scenes",
}


def __getattr__(name: str) -> object:
    """A public function, its module imported now (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
