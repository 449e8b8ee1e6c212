"""Checks of chapter 08. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
import torch
from checks.guard import guarded

from vosbook.merge import soft_aggregate, to_labels


@guarded
def check_updates_per_frame(updates_per_frame):
    """Exercise 8.1."""
    cases = {
        "one object": ({1: 0}, 20, 8, [8, 16]),
        "two objects from the start": ({1: 0, 2: 0}, 20, 8, [8, 8, 16, 16]),
        "one enters in frame 3": ({1: 0, 2: 3}, 20, 8, [8, 11, 16, 19]),
        "one enters in frame 8": ({4: 0, 9: 8}, 20, 8, [8, 16, 16]),
        "all late": ({1: 2, 2: 5, 3: 5}, 16, 4, [6, 9, 9, 10, 13, 13, 14]),
        "an update on the last frame": ({1: 0}, 9, 8, [8]),
        "an object of the last frame": ({1: 0, 2: 11}, 12, 3, [3, 6, 9]),
        "every frame": ({1: 1, 2: 2}, 5, 1, [2, 3, 3, 4, 4]),
    }
    for name, (first, frames, t_s, moments) in cases.items():
        got = np.asarray(updates_per_frame(dict(first), frames, t_s))
        assert got.shape == (frames,), f"{name}: {frames} numbers are asked for, got the shape {got.shape}"
        want = np.bincount(moments, minlength=frames)
        wrong = np.flatnonzero(got != want)
        assert len(wrong) == 0, (
            f"{name}, objects by first frame {first}, t_s = {t_s}: {got[wrong[0]]} updates after frame {wrong[0]} "
            f"are not right ({len(wrong)} of {frames} frames differ)"
        )


@guarded
def check_budget(budget):
    """Exercise 8.2."""
    plain = {"features": 24.0, "segment": 10.0, "score": 0.2, "insert": 0.4, "update": 524.0}
    even = {"features": 8.0, "segment": 4.0, "score": 1.0, "insert": 3.0, "update": 16.0}
    cases = [  # parts, objects, t_s, times as fast: seconds, share
        (plain, 1, 8, 1.0, 100.1, 65.5 / 100.1),
        (plain, 1, 8, 10.0, 41.15, 6.55 / 41.15),
        (even, 1, 8, 1.0, 18.0, 2 / 18),
        (even, 3, 8, 1.0, 38.0, 6 / 38),
        (even, 3, 4, 1.0, 44.0, 12 / 44),
        (even, 5, 1, 2.0, 88.0, 40 / 88),
        (even, 2, 16, 4.0, 24.5, 0.5 / 24.5),
    ]
    for parts, objects, t_s, faster, seconds, share in cases:
        got = budget(dict(parts), objects, t_s, faster)
        assert len(got) == 2, f"two numbers are asked for, got {got}"
        how = f"{objects} object(s), t_s = {t_s}, update {faster:g} times as fast, {parts}"
        assert np.isclose(got[0], seconds), f"{how}: a mean frame does not take {got[0]:g} s"
        assert np.isclose(got[1], share), f"{how}: the update's share is not {got[1]:.4f}"


def _three():
    """Probabilities (N, H, W): pixels that tell the rules apart, and random ones."""
    rng = np.random.default_rng(8)
    pixels = [(0.9, 0.05, 0.1), (0.45, 0.4, 0.4), (0.4, 0.3, 0.1), (0.3, 0.3, 0.3), (0.45, 0.1, 0.0), (0.7, 0.8, 0.6)]
    pixels += [
        (0.6, 0.6, 0.2),
        (0.2, 0.49, 0.48),
        (0.38, 0.38, 0.0),
        (0.1, 0.1, 0.1),
        (0.55, 0.0, 0.0),
        (0.0, 0.0, 0.51),
    ]
    made = np.array(pixels).T[:, None]  # (3, 1, 12)
    return [
        made,
        rng.uniform(0, 0.6, size=(3, 7, 9)),
        rng.uniform(0, 0.55, size=(2, 6, 6)),
        rng.uniform(size=(1, 5, 4)),
    ]


@guarded
def check_claimed_by_product(claimed_by_product):
    """Exercise 8.3."""
    for p in _three():
        kept = p.copy()
        got = np.asarray(claimed_by_product(p))
        assert np.array_equal(p, kept), "the caller's p was changed"
        assert got.shape == p.shape[1:], f"expected the shape {p.shape[1:]}, got {got.shape}"
        want = (p.max(axis=0) > (1 - p).prod(axis=0)) & (p.max(axis=0) <= 0.5)
        wrong = np.argwhere(got.astype(bool) != want)
        assert len(wrong) == 0, (
            f"objects with the probabilities {p[(slice(None), *wrong[0])].round(3).tolist()}: "
            f"{bool(got[tuple(wrong[0])])} is not right ({len(wrong)} of {want.size} pixels)"
        )


# ------------------------------------------------------------------------------------------------ exercise 8.4


def _one_by_one(p):
    """The maps of p (N, H, W) in turn, all in one array that is overwritten, as a tracker short of memory would."""
    buffer = np.empty(p.shape[1:])
    for p_i in p:
        buffer[:] = p_i
        yield buffer
    buffer[:] = np.nan


@guarded
def check_merge_stream(merge_stream):
    """Exercise 8.4."""
    rng = np.random.default_rng(4)
    certain = np.array([(1.0, 0.2), (0.0, 0.0), (0.5, 0.5), (0.9, 0.95), (0.95, 0.9), (0.999999, 1.0)]).T[:, None]
    cases = [
        *_three(),
        certain,
        certain[::-1],
        rng.uniform(size=(6, 5, 7)),
        np.sort(rng.uniform(size=(5, 4, 4)), axis=0),
    ]
    cases.append(np.sort(rng.uniform(size=(5, 4, 4)), axis=0)[::-1])
    for p in cases:
        with np.errstate(all="ignore"):
            got = merge_stream(_one_by_one(p))
        assert len(got) == 2, "labels and their probability are asked for"
        merged = soft_aggregate(torch.tensor(p.copy()))
        labels = to_labels(merged, list(range(1, len(p) + 1))).numpy()
        for what, ours, theirs in (("label", labels, got[0]), ("probability", merged.amax(0).numpy(), got[1])):
            theirs = np.asarray(theirs, float)
            assert theirs.shape == ours.shape, f"{what}: expected the shape {ours.shape}, got {theirs.shape}"
            wrong = np.argwhere(~(np.abs(theirs - ours) < 1e-6))
            assert len(wrong) == 0, (
                f"objects with the probabilities {p[(slice(None), *wrong[0])].round(6).tolist()}: the {what} "
                f"{theirs[tuple(wrong[0])]:.6g} is not what soft aggregation of all at once gives "
                f"({len(wrong)} of {ours.size} pixels)"
            )
