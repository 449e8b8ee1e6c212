"""Random numbers that stay the same in every version of numpy, and smooth curves through them.

`numpy.random.Generator` may change how it turns bits into numbers; the bits of PCG64 themselves are fixed. So the
few distributions needed here are made from the bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """A stream of random choices, the same for the same numbers in `seed`."""

    def __init__(self, *seed: int):
        self._bits = np.random.PCG64(list(seed))

    def random(self) -> float:
        """A number in [0, 1): the top 53 of 64 random bits."""
        return float(self._bits.random_raw() >> 11) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, p: float) -> bool:
        return self.random() < p

    def choice(self, items: Sequence[T]) -> T:
        return items[self.integer(0, len(items) - 1)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        keys = [self.random() for _ in items]
        return [items[i] for i in sorted(range(len(items)), key=keys.__getitem__)]

    def noise(self, *shape: int) -> np.ndarray:
        """Bell-shaped noise, int8, standard deviation about 12: the mean of eight random bytes, less 128, halved."""
        count = int(np.prod(shape))
        octets = self._bits.random_raw(count).view(np.uint8).reshape(count, 8)
        return (octets.sum(axis=1, dtype=np.int32) // 16 - 64).astype(np.int8).reshape(shape)


@dataclass(frozen=True)
class Curve:
    """A smooth curve through `knots` (K, D), one every `every` frames: Catmull and Rom's cubic."""

    knots: np.ndarray
    every: float

    def __call__(self, t: float) -> np.ndarray:
        """The value (D,) at frame t, which need not be whole; constant beyond both ends."""
        last = len(self.knots) - 1
        place = min(max(t / self.every, 0.0), float(last))
        k = min(int(place), max(last - 1, 0))
        u = place - k
        a, b, c, d = (self.knots[min(max(i, 0), last)] for i in (k - 1, k, k + 1, k + 2))
        return b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)))


def constant(*values: float) -> Curve:
    return Curve(np.array([values], float), 1.0)
