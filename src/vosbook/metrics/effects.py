"""The effect of a change: a mean of differences, and the interval that other sequences and seeds could have given."""

from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """A mean of differences, and its interval at `CONFIDENCE`."""

    value: float
    low: float
    high: float

    @property
    def inconclusive(self) -> bool:
        """Whether other sequences or seeds could as well have given the opposite sign."""
        return self.low <= 0 <= self.high


def paired_effect(by_sequence: Many[float], by_seed: Many[float] = ()) -> Difference | None:
    """The mean of paired differences, with the interval of Student's t.

    `by_sequence` has the difference on each of S sequences, a mean over the seeds; `by_seed` that of each of K seeds, a
    mean over the sequences. With one seed its variance is unknown, and the interval is that of the sequences alone: the
    paired t-test's. With more, the variances of both means are added, and the degrees of freedom are those of Welch and
    Satterthwaite. What is left of the differences once sequence and seed are known is counted in both, so that the
    interval is rather too wide than too narrow. None for fewer than two sequences.
    """
    if len(by_sequence) < 2:
        return None
    groups = [np.asarray(values, float) for values in (by_sequence, by_seed) if len(values) > 1]
    variances = np.array([values.var(ddof=1) / len(values) for values in groups])  # of the mean
    spread = float(variances.sum())
    value = float(np.mean(by_sequence))
    if spread == 0:
        return Difference(value, value, value)
    freedom = spread**2 / sum(v**2 / (len(values) - 1) for v, values in zip(variances, groups))
    half = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * spread**0.5
    return Difference(value, value - half, value + half)
