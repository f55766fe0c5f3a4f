"""What models cannot do, told in one line; needs no network."""

from __future__ import annotations


class NothingToTrainError(ValueError):
    """A model without weights that a training could adjust: it may be evaluated, but it cannot learn."""

    def __init__(self, model: str, method: str) -> None:
        super().__init__(f"{model} has nothing to train: its {method}() gives no weights; it can be evaluated, not trained")
