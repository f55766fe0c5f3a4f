"""Errors that are of what the user gave, whatever raises them: a line is enough, and a traceback would be too much."""

from __future__ import annotations

from fail2progress.core.holds import RunError
from fail2progress.core.observation import UnseenError
from fail2progress.core.parts import PartError
from fail2progress.core.registry import RegistryError
from fail2progress.core.vocabulary import VocabularyError
from fail2progress.evaluation.rows import RowsError
from fail2progress.failures.store import StoreError
from fail2progress.learning.pretraining.shards import DataError
from fail2progress.models.errors import NothingToTrainError
from fail2progress.models.notes import CheckpointError

MISTAKES = (
    CheckpointError,
    DataError,
    NothingToTrainError,
    PartError,
    RegistryError,
    RowsError,
    RunError,
    StoreError,
    UnseenError,
    VocabularyError,
)
