"""Checks of chapter 21. Each compares values on several cases, and its message says what was seen, not the answer."""

import math

import torch
from checks import cases
from checks.gradients import compare_gradients, leaves
from checks.guard import guarded


def _draw_sizes(rng):
    """C, T, h, w: none equal to another, so that who confuses them is seen."""
    return rng.choice([2, 3, 4, 5, 6, 7], 4, replace=False).tolist()


def _keys(rng, generator, sizes=None):
    """Keys of a memory (C, T, h, w) and of a query (C, h, w)."""
    C, T, h, w = sizes or _draw_sizes(rng)
    k_m = 2 * torch.randn(C, T, h, w, generator=generator)
    return k_m, 2 * torch.randn(C, h, w, generator=generator)


# ------------------------------------------------------------------------------------------------ exercise 21.1


def _affinity(k_m, k_q):
    fits = torch.einsum("cm,cq->mq", k_m.flatten(1), k_q.flatten(1)) / math.sqrt(len(k_m))
    return fits.softmax(dim=0)


@guarded
def check_affinity(affinity):
    """Exercise 21.1: the weights, for numbers that a softmax without care would not survive too."""
    rng, generator = cases.generator(), cases.torch_generator()
    drawn = [_keys(rng, generator) for _ in range(3)]
    one_frame = _keys(rng, generator, (3, 1, 2, 4))
    large = [60 * k for k in _keys(rng, generator, (4, 3, 2, 5))]
    named = [(f"{tuple(k_m.shape)} keys", k_m, k_q) for k_m, k_q in drawn]
    for name, k_m, k_q in (*named, ("one frame", *one_frame), ("keys of large numbers", *large)):
        given = leaves(k_m=k_m, k_q=k_q)
        got, want = affinity(**given), _affinity(**given)
        assert got.shape == want.shape, f"{name}: the weights are {tuple(want.shape)}, got {tuple(got.shape)}"
        assert got.isfinite().all(), f"{name}: some weights are not finite numbers"
        sums = got.detach().sum(dim=0)
        assert (sums - 1).abs().max() < 1e-4, (
            f"{name}: the weights of a query's cell should sum to one over the memory, and they sum to {sums[0]:.3f}"
        )
        off = (got - want).detach().abs().max()
        assert off < 1e-4, f"{name}: weights are off by up to {off:.3f}"
        if name != "keys of large numbers":  # there hardly any gradient is left
            compare_gradients(name, got, want, given)


# ------------------------------------------------------------------------------------------------ exercise 21.2


@guarded
def check_read(read):
    """Exercise 21.2: what each cell reads, of every object."""
    rng, generator = cases.generator(), cases.torch_generator()
    for N in (1, 3, int(rng.integers(2, 6))):
        C, T, h, w = _draw_sizes(rng)
        weights = (3 * torch.randn(T * h * w, h * w, generator=generator)).softmax(dim=0)
        v_m = torch.randn(N, C, T, h, w, generator=generator)
        given = leaves(weights=weights, v_m=v_m)
        name = f"{N} objects, values {tuple(v_m.shape)}"
        got = read(**given)
        want = torch.einsum("ncm,mq->ncq", given["v_m"].flatten(2), given["weights"]).unflatten(2, (h, w))
        assert got.shape == want.shape, f"{name}: what is read is {tuple(want.shape)}, got {tuple(got.shape)}"
        off = (got - want).detach().abs().amax(dim=(1, 2, 3))
        assert off.max() < 1e-4, f"{name}: what object {int(off.argmax())} reads is off by up to {off.max():.3f}"
        compare_gradients(name, got, want, given)


# ------------------------------------------------------------------------------------------------ exercise 21.3


def kept(t, every, most):
    stay = list(range(every, t - 1, every))
    frames = [0, *stay] if t == 1 else [0, *stay, t - 1]
    return frames if len(frames) <= most else [0, *frames[len(frames) - most + 1 :]]


@guarded
def check_frames(remembered):
    """Exercise 21.3: every frame of a long video, and memories that are too small for it."""
    drawn = cases.generator().integers((1, 1, 2), (60, 9, 12), (20, 3)).tolist()
    small = [(t, every, most) for t in range(1, 14) for every in (1, 2, 5) for most in (2, 3, 4, 100)]
    for t, every, most in (*small, *drawn):
        got, want = remembered(t, every, most), kept(t, every, most)
        name = f"frame {t}, every {every}, at most {most}"
        assert isinstance(got, list), f"{name}: a list of numbers is asked for, got {type(got).__name__}"
        assert sorted(set(got)) == got, f"{name}: frames in order, each once, got {got}"
        assert all(0 <= s < t for s in got), f"{name}: only earlier frames can be remembered, got {got}"
        assert len(got) <= most, f"{name}: {len(got)} frames, {got}"
        assert got[0] == 0, f"{name}: the first frame is missing in {got}"
        assert got[-1] == t - 1, f"{name}: the frame before is missing in {got}"
        assert got == want, f"{name}: the memory holds {want}, got {got}"


# ------------------------------------------------------------------------------------------------ exercise 21.4


def _best(k_m, k_q, top):
    distance = (k_m.flatten(1)[:, :, None] - k_q.flatten(1)[:, None]).square().sum(dim=0)
    fits = -distance / math.sqrt(len(k_m))
    best = fits.topk(min(top, len(fits)), dim=0)
    return torch.full_like(fits, -torch.inf).scatter(0, best.indices, best.values).softmax(dim=0)


@guarded
def check_best_alone(best_alone):
    """Exercise 21.4: the weights, how many are zero, and keys so far apart that all exponentials would vanish."""
    rng, generator = cases.generator(), cases.torch_generator()
    for top in (1, 3, int(rng.integers(4, 9)), 10**6):
        for far in (0, 40, 1000):
            k_m, k_q = _keys(rng, generator)
            k_m = 0.5 * k_m + far  # as far from all cells of the query
            given = leaves(k_m=k_m.double(), k_q=0.5 * k_q.double())
            (got, spent), want = best_alone.measured(*given.values(), top), _best(**given, top=top)
            name = f"keys {tuple(k_m.shape)}{', far from the query,' * (far > 0)} top {top}"
            assert got.shape == want.shape, f"{name}: the weights are {tuple(want.shape)}, got {tuple(got.shape)}"
            assert got.isfinite().all(), f"{name}: some weights are not finite numbers"
            count = (got.detach() > 0).sum(dim=0).max()
            assert count <= top, f"{name}: a cell of the query reads from {count} cells"
            sums = got.detach().sum(dim=0)
            assert (sums - 1).abs().max() < 1e-5, f"{name}: weights sum to one over the memory, got {sums[0]:.3f}"
            off = (got - want).detach().abs().max()
            assert off < 1e-5, f"{name}: weights are off by up to {off:.3f}"
            assert spent.largest < len(k_m) * want.numel(), (
                f"{name}: right, but it made an array of {spent.largest} numbers, for {want.numel()} weights"
            )
            if top > 1:  # the one best has the weight one, whatever its key
                compare_gradients(name, got, want, given)
    _check_ties(best_alone, rng)


def _check_ties(best_alone, rng):
    """Cells of one key: whichever of them are read, no more than `top` are."""
    T, h, w = rng.integers(2, 5, 3).tolist()
    k_m, k_q = torch.ones(3, T, h, w), torch.zeros(3, h, w)
    k_m[:, 0, 0, 0] = 0.0
    for top in (1, 2, 3):
        counts = (best_alone(k_m.clone(), k_q.clone(), top) > 0).sum(dim=0)
        other = counts[counts != top].tolist()
        assert not other, f"all cells but one alike, top {top}: a cell of the query reads from {other[0]} cells"
