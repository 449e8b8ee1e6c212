"""Wrong answers to the exercises of chapter 18, named after the mistake."""

from math import ceil, comb

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 18.2


def as_fast_is_enough(first_a, later_a, first_b, later_b):
    """Ends where both take the same time."""
    if first_a <= first_b:
        return 1
    return None if later_a >= later_b else 1 + ceil((first_a - first_b) / (later_b - later_a))


def frames_after_the_first(first_a, later_a, first_b, later_b):
    """Counts the frames after the first, and forgets that one."""
    if first_a < first_b:
        return 1
    return None if later_a >= later_b else 1 + int((first_a - first_b) // (later_b - later_a))


def every_frame_costs_later(first_a, later_a, first_b, later_b):
    """Pays `later` for the first frame, too."""
    if first_a + later_a < first_b + later_b:
        return 1
    return None if later_a >= later_b else 1 + int((first_a - first_b) // (later_b - later_a))


def never_at_the_first(first_a, later_a, first_b, later_b):
    """Asks who is faster in the long run, and overlooks who is at once."""
    return None if later_a >= later_b else max(1, 2 + int((first_a - first_b) // (later_b - later_a)))


def in_parts_of_a_frame(first_a, later_a, first_b, later_b):
    """The point where two lines meet, which is no number of frames."""
    if first_a < first_b:
        return 1
    return None if later_a >= later_b else 1 + (first_a - first_b) / (later_b - later_a)


def rounded_to_the_nearest(first_a, later_a, first_b, later_b):
    """Rounds where it must go up."""
    if first_a < first_b:
        return 1
    return None if later_a >= later_b else 1 + round((first_a - first_b) / (later_b - later_a))


def methods_exchanged(first_a, later_a, first_b, later_b):
    """From when on b is the faster one."""
    if first_b < first_a:
        return 1
    return None if later_b >= later_a else 2 + int((first_b - first_a) // (later_a - later_b))


def long_videos_end(first_a, later_a, first_b, later_b):
    """Tries the lengths that DAVIS has, up to 104 frames."""
    lengths = range(1, 105)
    return next((n for n in lengths if first_a + later_a * (n - 1) < first_b + later_b * (n - 1)), None)


def zero_for_never(first_a, later_a, first_b, later_b):
    """Says 0 where a never takes less."""
    if first_a < first_b:
        return 1
    return 0 if later_a >= later_b else 2 + int((first_a - first_b) // (later_b - later_a))


def as_a_float(first_a, later_a, first_b, later_b):
    """The right number, as a float, that no range and no index takes."""
    if first_a < first_b:
        return 1.0
    return None if later_a >= later_b else 2 + (first_a - first_b) // (later_b - later_a)


def ten_thousand_frames_at_most(first_a, later_a, first_b, later_b):
    """Adds frame after frame, and gives up after 10000."""
    for n in range(10000):
        if first_a + n * later_a < first_b + n * later_b:
            return n + 1
    return None


# ------------------------------------------------------------------------------------------------ Exercise 18.3


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


def strictly_faster(seconds, quality):
    """Out if another is faster, and at least as good: one that is as fast and better does not count."""
    return _compare(seconds, quality, lambda s, t, q, r: (s < t) & (q >= r))


def strictly_better(seconds, quality):
    """Out if another is better, and at least as fast: one that is as good and faster does not count."""
    return _compare(seconds, quality, lambda s, t, q, r: (s <= t) & (q > r))


def outline_of_the_cloud(seconds, quality):
    """Keeps the convex hull: a method in a hollow of the front is lost."""
    right = _compare(seconds, quality, lambda s, t, q, r: (s <= t) & (q >= r) & ((s < t) | (q > r)))
    s, q = np.asarray(seconds, float), np.asarray(quality, float)
    for n in np.flatnonzero(right):
        for a in np.flatnonzero(right & (s < s[n])):
            for b in np.flatnonzero(right & (s > s[n])):
                line = q[a] + (q[b] - q[a]) * (s[n] - s[a]) / (s[b] - s[a])
                right[n] &= q[n] >= line
    return right


def rounded_to_two_digits(seconds, quality):
    """Compares what is printed."""
    return _compare(
        np.round(seconds, 2), np.round(quality, 2), lambda s, t, q, r: (s <= t) & (q >= r) & ((s < t) | (q > r))
    )


def rounded_to_three_digits(seconds, quality):
    """Compares with a digit more than what is printed."""
    return _compare(
        np.round(seconds, 3), np.round(quality, 3), lambda s, t, q, r: (s <= t) & (q >= r) & ((s < t) | (q > r))
    )


def nearly_equal_is_equal(seconds, quality):
    """Calls close numbers equal."""
    return _compare(
        seconds,
        quality,
        lambda s, t, q, r: (s <= t) & (q >= r) & ~(np.isclose(s, t) & np.isclose(q, r)),
    )


def best_ratio(seconds, quality):
    """Keeps those with more than the mean quality a second."""
    ratio = np.asarray(quality) / np.asarray(seconds)
    return ratio >= ratio.mean()


def who_is_beaten(seconds, quality):
    """Says who is out, not who stays."""
    return ~_compare(seconds, quality, lambda s, t, q, r: (s <= t) & (q >= r) & ((s < t) | (q > r)))


def sorted_in_place(seconds, quality):
    """Right, and sorts the caller's seconds."""
    right = _compare(seconds, quality, lambda s, t, q, r: (s <= t) & (q >= r) & ((s < t) | (q > r)))
    seconds[:] = np.sort(seconds)[::-1]
    return right


# ------------------------------------------------------------------------------------------------ Exercise 18.1


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


def with_a_correction(n, lost):
    """A bell curve, with the usual half a video taken off."""
    from scipy.stats import norm

    return float(min(1.0, 2 * norm.sf(max(0.0, abs(n - 2 * lost) - 1) / np.sqrt(n))))


def middle_in_both_tails(n, lost):
    """Adds both tails, which overlap where as many are lost as won, and clips nothing."""
    fewer = min(lost, n - lost)
    return _tail(n, fewer) + sum(comb(n, k) for k in range(n - fewer, n + 1)) / 2**n


def all_in_one_way(n, lost):
    """Forgets in how many ways so many videos can be lost."""
    return min(1.0, 2 * (min(lost, n - lost) + 1) / 2**n)


def coins_tossed(n, lost):
    """Tosses ten thousand times: about right."""
    heads = np.random.default_rng(0).binomial(n, 0.5, 10_000)
    return float((np.minimum(heads, n - heads) <= min(lost, n - lost)).mean())


def coin_of_this_result(n, lost):
    """Takes the share that was lost for the coin's."""
    share = lost / n
    return float(min(1, sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(min(lost, n - lost) + 1))))


def halves_in_whole_numbers(n, lost):
    """Divides by 2 to the power of n less one, which is right for one half of the coins only when n is odd."""
    fewer = min(lost, n - lost)
    return sum(comb(n, k) for k in range(fewer + 1)) / 2 ** (n - 1)


def begins_with_a_power_of_a_half(n, lost):
    """Makes each probability from the one before, from .5 to the power of n on, which is 0 for 1100 videos."""
    probability, total, fewer = 0.5**n, 0.0, min(lost, n - lost)
    for k in range(fewer + 1):
        total += probability
        probability *= (n - k) / (k + 1)
    return min(1.0, 2 * total)


def sweeps_by_seconds_alone(seconds, quality):
    """One sweep by seconds alone: of methods of one time a worse one stays if it is listed first."""
    keep, best = np.zeros(len(seconds), bool), -np.inf
    best_s = None
    for i in np.argsort(seconds, kind="stable"):
        if quality[i] > best or (quality[i] == best and seconds[i] == best_s):
            keep[i] = True
            best, best_s = quality[i], seconds[i]
    return keep


WRONG = {
    "ex18-1": [
        as_fast_is_enough,
        frames_after_the_first,
        every_frame_costs_later,
        never_at_the_first,
        in_parts_of_a_frame,
        rounded_to_the_nearest,
        methods_exchanged,
        long_videos_end,
        zero_for_never,
        as_a_float,
        ten_thousand_frames_at_most,
    ],
    "ex18-2": [
        both_strictly,
        either_is_enough,
        equals_beat_each_other,
        running_best,
        slow_is_good,
        answers_in_order_of_speed,
        strictly_faster,
        strictly_better,
        outline_of_the_cloud,
        rounded_to_two_digits,
        rounded_to_three_digits,
        nearly_equal_is_equal,
        best_ratio,
        who_is_beaten,
        sorted_in_place,
        sweeps_by_seconds_alone,
    ],
    "ex18-3": [
        one_direction,
        doubled,
        only_as_lopsided,
        more_lopsided_alone,
        lost_is_the_fewer,
        normal_approximation,
        with_a_correction,
        middle_in_both_tails,
        all_in_one_way,
        coins_tossed,
        coin_of_this_result,
        halves_in_whole_numbers,
        begins_with_a_power_of_a_half,
    ],
}
