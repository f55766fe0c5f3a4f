"""Random draws as a list of numbers: what made an item can be kept, changed a little, and made again.

Every draw of a builder is one number between 0 and 1. The list of them says all about the item; a small change of some of them is
a similar item, whatever the builder does with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

DIGITS = 6
_INSIDE = 10.0**-DIGITS


class Choices(np.random.Generator):
    """A generator whose draws are recorded in `made`, and come from `given` as long as that lasts.

    Of the methods of numpy's generator, `random`, `uniform`, `integers`, `choice` (of one) and `normal` are recorded.
    """

    def __init__(self, seed: Sequence[int], given: Sequence[float] = ()) -> None:
        super().__init__(np.random.PCG64(np.random.SeedSequence(list(seed))))
        self.given = tuple(given)
        self.made: list[float] = []

    def _one(self) -> float:
        number = len(self.made)
        value = self.given[number] if number < len(self.given) else round(float(super().random()), DIGITS)
        self.made.append(min(value, 1.0 - _INSIDE))
        return self.made[-1]

    def _many(self, size: Any) -> Any:
        if size is None:
            return self._one()
        shape = (size,) if np.isscalar(size) else tuple(size)
        return np.array([self._one() for _ in range(int(np.prod(shape)))], float).reshape(shape)

    def random(self, size: Any = None, *_: Any, **__: Any) -> Any:
        """See numpy."""
        return self._many(size)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """See numpy."""
        bounds = np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))
        shape = size if size is not None else (bounds[0].shape or None)
        return np.asarray(low) + (np.asarray(high) - np.asarray(low)) * self._many(shape)

    def integers(self, low: Any, high: Any = None, size: Any = None, *_: Any, **__: Any) -> Any:
        """See numpy; the upper bound is left out."""
        first, last = (0, low) if high is None else (low, high)
        found = np.floor(first + (last - first) * np.asarray(self._many(size))).astype(int)
        return int(found) if size is None else found

    def choice(self, a: Any, *_: Any, **__: Any) -> Any:
        """One of a sequence, each as likely."""
        options = np.asarray(range(a) if isinstance(a, int) else a)
        return options[int(self._one() * len(options))]

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """See numpy."""
        return loc + scale * ndtri(np.clip(self._many(size), _INSIDE, 1 - _INSIDE))


def varied(choices: Sequence[float], rng: np.random.Generator, step: float, share: float = 0.5) -> tuple[float, ...]:
    """Choices with a share of them moved by normal steps, reflected at 0 and 1."""
    values: NDArray[np.float64] = np.asarray(choices, float)
    moved = values + step * rng.normal(size=len(values)) * (rng.random(len(values)) < share)
    folded = np.abs(moved) % 2.0
    folded = np.where(folded > 1.0, 2.0 - folded, folded)
    return tuple(round(float(value), DIGITS) for value in folded)
