"""The interval of an effect: the t-test's, and how often it holds the truth over sequences and seeds."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from vosbook.metrics.effects import Difference, paired_effect


def test_with_one_seed_it_is_the_paired_t_test():
    differences = np.random.default_rng(0).normal(0.02, 0.05, 11)
    effect = paired_effect(differences, [differences.mean()])
    interval = ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert effect.value == pytest.approx(differences.mean(), abs=1e-15)


def test_sequences_and_seeds_by_hand():
    # means of 1, 2, 3 have the variance 1/3, of 1 and 3 the variance 1: together 4/3, with
    # (4/3)^2 / ((1/3)^2 / 2 + 1^2 / 1) = 1.684 degrees of freedom
    effect = paired_effect([1.0, 2.0, 3.0], [1.0, 3.0])
    assert effect.value == 2.0
    # by simulation of the quotient: Student's t with 1.684 degrees exceeds this in 2.5 % of cases
    t = np.random.default_rng(0).standard_t(1.6842105263157894, 4_000_000)
    assert np.mean(t > (effect.high - 2) / (4 / 3) ** 0.5) == pytest.approx(0.025, abs=0.001)
    assert 2 - effect.low == pytest.approx(effect.high - 2)


@pytest.mark.parametrize(("of_sequences", "of_seeds"), [(1.0, 0.0), (1.0, 1.0), (0.3, 1.0), (0.0, 0.0)])
def test_the_interval_holds_the_truth_as_often_as_it_says(of_sequences, of_seeds):
    """Over 2,000 drawn tables of 12 sequences and 4 seeds with the true mean .5: at least 95 %, less three errors."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        table = 0.5 + rng.normal(0, of_sequences, (12, 1)) + rng.normal(0, of_seeds, (1, 4))
        table += rng.normal(0, 0.5, (12, 4))
        effect = paired_effect(table.mean(axis=1), table.mean(axis=0))
        held += effect.low <= 0.5 <= effect.high
    assert held / 2000 > 0.95 - 3 * (0.95 * 0.05 / 2000) ** 0.5


def test_what_is_certain_and_what_cannot_be_known():
    assert paired_effect([0.25, 0.25, 0.25]) == Difference(0.25, 0.25, 0.25)
    assert paired_effect([0.3]) is None
    assert Difference(0.1, -0.1, 0.3).inconclusive and not Difference(0.1, 0.01, 0.2).inconclusive
