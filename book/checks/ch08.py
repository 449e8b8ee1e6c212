"""Checks of chapter 08. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
import torch
from checks import cases
from checks.guard import guarded
from checks.whole import assert_integers

from vosbook.merge import soft_aggregate, to_labels


def budget_of(parts, objects, t_s, faster):
    """What exercise 8.3 (ex08-2) asks for. The chapter goes on with it until the reader's own has passed."""
    update = parts["update"] * objects / (t_s * faster)
    once_an_object = [seconds for name, seconds in parts.items() if name not in ("features", "update")]
    whole = parts["features"] + sum(one * objects for one in once_an_object) + update
    return whole, update / whole


def by_product(p):
    """What exercise 8.2 (ex08-3) asks for."""
    return (p.max(axis=0) > (1 - p).prod(axis=0)) & (p.max(axis=0) <= 0.5)


@guarded
def check_updates_per_frame(updates_per_frame):
    """Exercise 8.1."""
    rng = cases.generator()
    videos = {
        "one object": ({1: 0}, 20, 8),
        "two objects from the start": ({1: 0, 2: 0}, 20, 8),
        "one enters in frame 3": ({1: 0, 2: 3}, 20, 8),
        "one enters in frame 8": ({4: 0, 9: 8}, 20, 8),
        "all late": ({1: 2, 2: 5, 3: 5}, 16, 4),
        "an update on the last frame": ({1: 0}, 9, 8),
        "an object of the last frame": ({1: 0, 2: 11}, 12, 3),
        "every frame": ({1: 1, 2: 2}, 5, 1),
        "no object": ({}, 4, 8),
    }
    for _ in range(3):
        frames, ids = int(rng.integers(10, 90)), cases.draw_ids(rng, 4)
        begins = rng.integers(0, frames, 4).tolist()
        videos[f"objects {ids}"] = (dict(zip(ids, begins)), frames, int(rng.integers(2, 12)))
    for name, (first, frames, t_s) in videos.items():
        got = np.asarray(updates_per_frame(dict(first), frames, t_s))
        assert got.shape == (frames,), f"{name}: {frames} numbers are asked for, got the shape {got.shape}"
        want = np.zeros(frames, int)
        for begin in first.values():
            want[begin + t_s :: t_s] += 1
        wrong = np.flatnonzero(got != want)
        assert len(wrong) == 0, (
            f"{name}, objects by first frame {first}, t_s = {t_s}: after frame {wrong[0]} there are {want[wrong[0]]} "
            f"updates, got {got[wrong[0]]} ({len(wrong)} of {frames} frames differ)"
        )
        assert_integers(name, got)


def _budgets(rng):
    """Parts, objects, t_s, times as fast. Names and their order are others every time."""
    plain = {"features": 24.0, "segment": 10.0, "score": 0.2, "insert": 0.4, "update": 524.0}
    even = {"features": 8.0, "segment": 4.0, "score": 1.0, "insert": 3.0, "update": 16.0}
    for parts, objects, t_s, faster in (
        (plain, 1, 8, 1.0),
        (plain, 1, 8, 10.0),
        (even, 3, 8, 1.0),
        (even, 3, 4, 1.0),
        (even, 5, 1, 2.0),
        (even, 2, 16, 4.0),
        ({"update": 3.0, "features": 5.0}, 4, 6, 1.5),
        ({"update": 3.0, "features": 5.0, "update the memory": 2.0, "features of D": 1.0, "up": 0.5}, 3, 4, 2.0),
        ({"decode": 2.0, "update": 3.0, "features": 5.0, "segment": 1.0}, 3, 2, 1.5),
    ):
        yield parts, objects, t_s, faster
    names = ["features", "update", "score", "merge", "snap", "refine"]
    for _ in range(4):
        some = rng.permutation(names[: int(rng.integers(3, 7))]).tolist()
        parts = dict(zip(some, (10 ** rng.uniform(-3, 1, len(some))).tolist()))
        yield parts, int(rng.integers(1, 9)), int(rng.integers(1, 20)), float(rng.uniform(0.5, 8))


@guarded
def check_budget(budget):
    """Exercise 8.3."""
    for parts, objects, t_s, faster in _budgets(cases.generator()):
        got = budget(dict(parts), objects, t_s, faster)
        assert len(got) == 2, f"two numbers are asked for, got {got}"
        want = budget_of(parts, objects, t_s, faster)
        how = f"{objects} object(s), t_s = {t_s}, update {faster:.3g} times as fast, {parts}"
        assert np.isclose(got[0], want[0]), f"{how}: a mean frame takes {want[0]:.6g} s, not {got[0]:.6g} s"
        assert np.isclose(got[1], want[1]), f"{how}: the update's share is {want[1]:.4f}, not {got[1]:.4f}"


def _three(rng):
    """Probabilities (N, H, W): pixels that tell the rules apart, ties among them, and random ones."""
    pixels = [(0.9, 0.05, 0.1), (0.45, 0.4, 0.4), (0.4, 0.3, 0.1), (0.3, 0.3, 0.3), (0.45, 0.1, 0.0), (0.7, 0.8, 0.6)]
    pixels += [
        (0.6, 0.6, 0.2),
        (0.2, 0.49, 0.48),
        (0.38, 0.38, 0.0),
        (0.1, 0.1, 0.1),
        (0.55, 0.0, 0.0),
        (0.0, 0.0, 0.51),
        (0.5, 0.0, 0.0),  # the product ties with the object, too
        (0.0, 0.5, 0.5),  # the minimum alone does
        (0.5, 0.25, 0.0),
        (1.0, 1.0, 0.3),
    ]
    yield np.array(pixels).T[:, None]  # (3, 1, number of pixels)
    for n, most in ((3, 0.6), (2, 0.55), (1, 1), (int(rng.integers(3, 7)), 0.55)):
        yield rng.uniform(0, most, size=(n, *cases.draw_size(rng)))


@guarded
def check_claimed_by_product(claimed_by_product):
    """Exercise 8.2."""
    for p in _three(cases.generator()):
        got = np.asarray(claimed_by_product(p.copy()))
        assert got.shape == p.shape[1:], f"expected the shape {p.shape[1:]}, got {got.shape}"
        assert got.dtype == bool, f"a bool array is asked for, which can choose pixels; got one of {got.dtype}"
        want = by_product(p)
        wrong = np.argwhere(got != want)
        assert len(wrong) == 0, (
            f"objects with the probabilities {p[(slice(None), *wrong[0])].round(3).tolist()}: "
            f"{bool(got[tuple(wrong[0])])} is not right ({len(wrong)} of {want.size} pixels)"
        )


# ------------------------------------------------------------------------------------------------ exercise 8.4


def _one_by_one(p, changed=None):
    """The maps of p (N, H, W) in turn, all in one array that is overwritten, as a tracker short of memory would.
    Into the list `changed` goes the number of each map that is not as it was when the next one is asked for.
    """
    buffer = np.empty(p.shape[1:])
    for i, p_i in enumerate(p):
        buffer[:] = p_i
        yield buffer
        if changed is not None and not np.array_equal(buffer, p_i):
            changed.append(i)
    buffer[:] = np.nan


@guarded
def check_merge_stream(merge_stream):
    """Exercise 8.4."""
    rng = cases.generator()
    certain = [(1.0, 0.2), (0.0, 0.0), (0.5, 0.5), (0.9, 0.95), (0.95, 0.9), (0.999999, 1.0), (1.0, 1.0), (0.5, 0.1)]
    certain = np.array(certain).T[:, None]
    near_one = np.array([(1, 1 - 1.5e-7), (1 - 7e-8, 1), (1 - 1.5e-7, 0.2)]).T[:, None]  # before and beyond the clamp
    rising = np.sort(rng.uniform(size=(5, 4, 4)), axis=0)
    many = [certain, certain[::-1], near_one, rng.uniform(size=(6, *cases.draw_size(rng))), rising, rising[::-1]]
    many.append(rng.uniform(0.2, 0.98, size=(int(rng.integers(130, 200)), 3, 4)))  # more objects than int8 can number
    many[-1][-1, 0, 0] = 0.99
    for p in (*_three(rng), *many):
        changed = []
        with np.errstate(all="ignore"):
            got = merge_stream(_one_by_one(p, changed))
        assert len(got) == 2, "labels and their probability are asked for"
        assert not changed, f"{len(changed)} of {len(p)} maps were changed before the next one was asked for"
        merged = soft_aggregate(torch.tensor(p.copy()))
        labels = to_labels(merged, list(range(1, len(p) + 1))).numpy()
        for what, ours, theirs in (("label", labels, got[0]), ("probability", merged.amax(0).numpy(), got[1])):
            theirs = np.asarray(theirs, float)
            assert theirs.shape == ours.shape, f"{what}: expected the shape {ours.shape}, got {theirs.shape}"
            wrong = np.argwhere(~(np.abs(theirs - ours) < 1e-6))
            assert len(wrong) == 0, (
                f"objects with the probabilities {p[(slice(None), *wrong[0])].round(6).tolist()[:9]}: the {what} "
                f"{theirs[tuple(wrong[0])]:.6g} is not what soft aggregation of all at once gives "
                f"({len(wrong)} of {ours.size} pixels)"
            )
        kind = np.asarray(got[0]).dtype
        assert kind == np.uint8, f"labels are uint8, got {kind}"
    _check_storage(merge_stream, rng)


def _check_storage(merge_stream, rng, size=(64, 64)):
    """What twenty-four more objects cost must not be a map for each."""
    p = rng.uniform(size=(32, *size))
    few, many = (merge_stream.measured(_one_by_one(some))[1].bytes for some in (p[:8], p))
    extra = (many - few) / p[0].nbytes
    assert extra < 12, f"right, but 32 objects need the storage of {extra:.0f} maps more than 8: none may be kept"
