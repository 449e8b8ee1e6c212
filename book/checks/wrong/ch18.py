"""Wrong answers to the exercises of chapter 18, named after the mistake."""

from math import comb

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 18.1


def first_frame_counted_twice(first, later, frames):
    """Every frame costs `later`, the first one too."""
    frames = np.asarray(frames)
    return (first + later * frames) / frames


def first_frame_left_out(first, later, frames):
    """Only the frames after the first."""
    return later + 0 * np.asarray(frames, float)


def shared_among_the_others(first, later, frames):
    """Divides by the frames that follow."""
    others = np.maximum(np.asarray(frames) - 1, 1)
    return first / others + later


def not_shared(first, later, frames):
    """The whole video's time."""
    return first + later * (np.asarray(frames) - 1)


# ------------------------------------------------------------------------------------------------ Exercise 18.2


def _compare(seconds, quality, beats):
    s, q = np.asarray(seconds, float), np.asarray(quality, float)
    return ~beats(s[:, None], s, q[:, None], q).any(axis=0)


def both_strictly(seconds, quality):
    """The chapter's own rule: out only if another is faster and better."""
    return _compare(seconds, quality, lambda s, t, q, r: (s < t) & (q > r))


def either_is_enough(seconds, quality):
    """Out if another is faster, or better."""
    return _compare(seconds, quality, lambda s, t, q, r: (s < t) | (q > r))


def equals_beat_each_other(seconds, quality):
    """Two that are equal in both throw each other out."""
    s, q = np.asarray(seconds, float), np.asarray(quality, float)
    beaten = (s[:, None] <= s) & (q[:, None] >= q)
    np.fill_diagonal(beaten, False)
    return ~beaten.any(axis=0)


def running_best(seconds, quality):
    """Goes from fast to slow and keeps what is better than all before: of equals, only the first."""
    best, stays = -np.inf, np.zeros(len(seconds), bool)
    for n in np.argsort(seconds, kind="stable"):
        stays[n] = quality[n] > best
        best = max(best, quality[n])
    return stays


def slow_is_good(seconds, quality):
    """Takes more seconds for better."""
    return _compare(
        seconds, quality, lambda s, t, q, r: (s >= t) & (q >= r) & ((s > t) | (q > r))
    )  # fmt: skip


def answers_in_order_of_speed(seconds, quality):
    """The rule is right, but the answers are sorted."""
    order = np.argsort(seconds, kind="stable")
    right = _compare(seconds, quality, lambda s, t, q, r: (s <= t) & (q >= r) & ((s < t) | (q > r)))
    return right[order]


# ------------------------------------------------------------------------------------------------ Exercise 18.3


def _tail(n, lost):
    return sum(comb(n, k) for k in range(lost + 1)) / 2**n


def one_direction(n, lost):
    """Only that the same method wins."""
    return _tail(n, lost)


def doubled(n, lost):
    """Twice one tail, which passes 1 where the two overlap."""
    return 2 * _tail(n, min(lost, n - lost))


def only_as_lopsided(n, lost):
    """Exactly this result, without those more lopsided."""
    fewer = min(lost, n - lost)
    return comb(n, fewer) * (1 if 2 * fewer == n else 2) / 2**n


def more_lopsided_alone(n, lost):
    """Without the result itself."""
    fewer = min(lost, n - lost)
    return 2 * _tail(n, fewer - 1) if fewer else 0.0


def lost_is_the_fewer(n, lost):
    """Right as long as fewer than half are lost."""
    return min(2 * _tail(n, lost), 1.0) if 2 * lost <= n else 1.0


def normal_approximation(n, lost):
    """A bell curve in place of the coins."""
    from scipy.stats import norm

    z = (abs(n - 2 * lost)) / np.sqrt(n)
    return float(2 * norm.sf(z))


WRONG = {
    "ex18-1": [first_frame_counted_twice, first_frame_left_out, shared_among_the_others, not_shared],
    "ex18-2": [
        both_strictly,
        either_is_enough,
        equals_beat_each_other,
        running_best,
        slow_is_good,
        answers_in_order_of_speed,
    ],
    "ex18-3": [
        one_direction,
        doubled,
        only_as_lopsided,
        more_lopsided_alone,
        lost_is_the_fewer,
        normal_approximation,
    ],
}
