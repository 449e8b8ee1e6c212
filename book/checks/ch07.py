"""Checks of chapter 07. Each compares values on several cases, and its message says what was seen, not the answer."""

import math
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from checks import cases
from checks.gradients import compare_gradients, leaves
from checks.guard import guarded
from torch import nn

from vosbook.nn.resize import resize_matrix

# ------------------------------------------------------------------------------------------------ exercise 7.3


@guarded
def check_bce(bce):
    """Exercise 7.3."""
    rng = cases.generator()
    size, share = cases.draw_size(rng), rng.uniform(0.1, 0.9)
    pixels = {
        "random logits": (rng.normal(scale=2, size=size), (rng.random(size) < share).astype(float)),
        "soft labels": (rng.normal(size=size), rng.random(size)),
        "one number": (rng.normal(size=1), np.ones(1)),
        "three axes": (rng.normal(scale=9, size=(2, *size)), (rng.random((2, *size)) < share).astype(float)),
        "logits all 0": (np.zeros((2, 3)), np.eye(2, 3)),
        "logits of 40, right": (np.array([40.0, -40.0]), np.array([1.0, 0.0])),
        "logits of 40, wrong": (np.array([40.0, -40.0]), np.array([0.0, 1.0])),
        "logits of 1000": (np.array([1000.0, -1000.0, 1000.0]), np.array([0.0, 1.0, 1.0])),
        "logits of thousands, soft labels": (rng.uniform(-9000, 9000, 7), rng.random(7)),
    }
    for name, (logits, y) in pixels.items():
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            got = bce(logits.copy(), y.copy())
        assert np.ndim(got) == 0, f"{name}: one number is asked for, got the shape {np.shape(got)}"
        assert np.isfinite(got), f"{name}: the loss is {got}, and it is finite for all finite logits"
        want = (y * np.logaddexp(0, -logits) + (1 - y) * np.logaddexp(0, logits)).mean()
        assert np.isclose(got, want, rtol=1e-6, atol=1e-12), f"{name}: the mean loss is {want:.6g}, got {got:.6g}"


# ------------------------------------------------------------------------------------------------ exercise 7.1


def attend(shallow, deep, gate):
    """What exercise 7.1 asks for. The chapter goes on with it until the reader's own has passed."""
    pooled = torch.cat([shallow.mean((2, 3), keepdim=True), deep.mean((2, 3), keepdim=True)], dim=1)  # (N, 2 C, 1, 1)
    up = F.interpolate(deep, shallow.shape[-2:], mode="bilinear", align_corners=False)
    return shallow * gate(pooled) + up


@guarded
def check_attend(attend):
    """Exercise 7.1: values, and gradients."""
    rng, generator = cases.generator(), cases.torch_generator()
    drawn = (*rng.integers(2, 6, 2).tolist(), cases.draw_size(rng, 6, 12), cases.draw_size(rng, 2, 5))
    for N, C, size, small in ((1, 4, (6, 10), (3, 5)), (3, 5, (7, 9), (4, 5)), (2, 4, (5, 8), (1, 1)), drawn):
        given = leaves(
            shallow=torch.randn(N, C, *size, generator=generator) + 0.5,
            deep=2 * torch.randn(N, C, *small, generator=generator) - 0.5,
        )
        layers = nn.Sequential(nn.Conv2d(2 * C, C, 1), nn.Sigmoid())
        for parameter in layers.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
        seen = []

        def gate(pooled, layers=layers, seen=seen, N=N, C=C):
            assert pooled.shape == (N, 2 * C, 1, 1), (
                f"the gate takes {(N, 2 * C, 1, 1)}, two averages for each channel; it was given {tuple(pooled.shape)}"
            )
            seen.append(pooled.detach().clone())
            return layers(pooled)

        case = f"{N} objects, {C} channels, shallow {size}, deep {small}"
        got = attend(given["shallow"], given["deep"], gate)
        assert got.shape == (N, C, *size), f"{case}: the result is shaped like shallow, got {tuple(got.shape)}"
        pooled = torch.cat([z.mean((2, 3)) for z in given.values()], dim=1)[..., None, None]
        assert seen, "the gate was never asked"
        off = (seen[0] - pooled).abs().max()
        assert off < 1e-5, f"{case}: what the gate is given is off by {off:.3f}"
        up = F.interpolate(given["deep"], size, mode="bilinear", align_corners=False)
        want = given["shallow"] * layers(pooled) + up
        off = (got - want).abs().max()
        assert off < 1e-4, f"{case}: the gate was asked rightly; the result is off by {off:.3f}"
        compare_gradients(case, got, want, given)


# ------------------------------------------------------------------------------------------------ exercise 7.2


def _blocks(levels):
    """Encoders and refinements that are told apart by their results, for levels of any size."""

    def encoder(d):
        def encode(x, s):
            s = F.interpolate(s, size=x.shape[-2:], mode="bilinear", align_corners=False)
            return (d + 2) * x + s, x.roll(1, dims=1) + 0.1 * d

        return encode

    def refinement(d):
        def refine(encoding, deep):
            deep = F.interpolate(deep, size=encoding.shape[-2:], mode="bilinear", align_corners=False)
            return (0.5 + 0.1 * d) * encoding.tanh() + deep

        return refine

    return [encoder(d) for d in range(levels)], [refinement(d) for d in range(levels)]


def path(s, x, encoders, refinements):
    """What exercise 7.2 asks for. The chapter goes on with it until the reader's own has passed."""
    z = None
    for x_d, T, R in zip(x[::-1], encoders[::-1], refinements[::-1]):
        encoding, projection = T(x_d, s)
        z = R(encoding, projection.mean((2, 3), keepdim=True) if z is None else z)
    return z


@guarded
def check_path(answer):
    """Exercise 7.2: values, and gradients."""
    rng, generator = cases.generator(), cases.torch_generator()
    for levels in (1, 2, 4, 3):
        N, C, (H, W) = (
            1 if levels == 3 else int(rng.integers(2, 4)),
            int(rng.integers(3, 7)),
            cases.draw_size(rng, 20, 44),
        )
        x = {f"x[{d}]": torch.randn(N, C, H >> d, W >> d, generator=generator) for d in range(levels)}
        given = leaves(s=torch.rand(N, 1, 6, 10, generator=generator), **x)
        s, *x = given.values()
        encoders, refinements = _blocks(levels)
        got, want = answer(s, x, encoders, refinements), path(s, x, encoders, refinements)
        assert got.shape == want.shape, (
            f"{levels} levels: z of the shallowest has the shape {tuple(want.shape)}, got {tuple(got.shape)}"
        )
        off = (got - want).abs().max()
        assert off < 1e-4, f"{levels} levels: z of the shallowest is off by up to {off:.3f}"
        compare_gradients(f"{levels} levels", got, want, given)


# ------------------------------------------------------------------------------------------------ exercise 7.4


@guarded
def check_double_matrix(double_matrix):
    """Exercise 7.4."""
    for n in (8, 5, 4, 3, 2, 1, int(cases.generator().integers(9, 40))):
        got = np.asarray(double_matrix(n), float)
        assert got.shape == (2 * n, n), f"n = {n}: the matrix is {(2 * n, n)}, got {got.shape}"
        want = resize_matrix(2 * n, n, "bicubic").numpy()
        sums = got.sum(axis=1)
        assert np.allclose(sums, 1, atol=1e-6), (
            f"n = {n}: a constant signal stays as it is, but rows sum to {sums.round(3).tolist()}"
        )
        row = int(np.abs(got - want).max(axis=1).argmax())
        off = np.abs(got - want).max()
        assert off < 1e-5, f"n = {n}: row {row} is {got[row].round(3).tolist()}, off by up to {off:.3f}"


# ------------------------------------------------------------------------------------------------ exercise 7.5


class _Video:
    """Frames whose pixels say which frame they are, and on which side of it; and masks of so many pixels."""

    def __init__(self, visible, size=(8, 12)):
        T, columns = len(visible), np.arange(size[1])
        self.frames = np.zeros((T, *size, 3), np.uint8)
        self.frames[..., 0] = np.arange(T)[:, None, None]
        self.frames[..., 1] = columns
        self.masks = np.zeros((T, *size), bool)
        for t, count in enumerate(visible):
            begin = min(t, self.masks[t].size - count)
            self.masks[t].reshape(-1)[begin : begin + count] = True


def _number(frame):
    return int(frame[0, 0, 0])


def _flipped(frame):
    return bool(frame[0, 0, 1] > frame[0, -1, 1])


@guarded
def check_simulate(simulate):
    """Exercise 7.5."""
    rng = cases.generator()
    least = int(rng.choice([4, 5, 6, 7, 8, *range(12, 30)]))  # not 10, as in the other videos
    size = cases.draw_size(rng, 6, 12)
    visible = rng.integers(max(least, 12), 36, 9)
    visible[rng.choice(9, 4, replace=False)] = (least, 0, least - 1, least - 1)
    videos = {
        "always visible": ([20] * 6, 10, (8, 12)),
        "hidden in frames 1 and 3": ([20, 9, 20, 0, 20, 20], 10, (8, 12)),
        "visible in three frames": ([0, 20, 0, 0, 10, 20], 10, (8, 12)),
        f"{visible.tolist()} pixels, of which {least} are enough": (visible.tolist(), least, size),
    }
    for name, (pixels, least, size) in videos.items():
        usable = {t for t, count in enumerate(pixels) if count >= least}
        references, pairs, triples, video = set(), set(), set(), _Video(pixels, size)
        draws = 10 * len(usable)  # of 6 frames one is never a reference in one of ten thousand right answers
        for n in range(draws):
            seed = int(rng.integers(2**32))
            reference, chosen = _check_one(simulate, name, video, usable, least, seed, twice=n < 10)
            references.add(reference)
            pairs.update(chosen)
            triples.add((reference, frozenset(chosen)))
        assert references == usable, f"{name}: of the frames {sorted(usable)}, only {sorted(references)} are references"
        assert pairs == usable, f"{name}: of the frames {sorted(usable)}, only {sorted(pairs)} are ever segmented"
        kinds = len(usable) * math.comb(len(usable) - 1, 2)
        assert len(triples) >= min(kinds, 20) / 2, (
            f"{name}: there are {kinds} choices of a reference and two others, and in {draws} draws came {len(triples)}"
        )
    _check_mirrors(simulate, rng)


def _check_mirrors(simulate, rng):
    """With the probability 1/2, one of a million answers is turned away; with 2/5, one of forty is not. Most right
    answers are known after the first 400 samples.
    """
    video, flips = _Video([4] * 3, (3, 4)), []

    def learn(frame, mask):
        flips.append(_flipped(frame))
        return lambda other: np.zeros((2, 2))

    draws = np.random.default_rng(int(rng.integers(2**32)))
    for times, most in ((400, 0.04), (800, 0.07)):
        for _ in range(times):
            list(simulate(video.frames, video.masks, draws, learn, 2))
        if abs(np.mean(flips) - 0.5) < most:
            return
    raise AssertionError(f"{100 * np.mean(flips):.0f} % of {len(flips)} samples are mirrored")


def _draw(simulate, video, least, seed):
    """Samples, and for each call of `learn` the number of the frame, whether it was mirrored, and the mask."""
    learned = []

    def learn(frame, mask):
        learned.append((_number(frame), _flipped(frame), np.array(mask)))
        return lambda other: np.full((2, 3), 100.0 * learned[-1][0] + _number(other) + 0.5 * _flipped(other))

    return list(simulate(video.frames, video.masks, np.random.default_rng(seed), learn, least)), learned


def _check_one(simulate, name, video, usable, least, seed, *, twice):
    sample, learned = _draw(simulate, video, least, seed)
    assert len(sample) == 2, f"{name}: two validation frames are asked for, got {len(sample)}"
    assert len(learned) == 1, f"{name}: the target model is learned once, here it was learned {len(learned)} times"
    reference, flip, mask = learned[0]
    assert reference in usable, f"{name}: learned on frame {reference}, which shows too little of the target"
    right = video.masks[reference][:, ::-1] if flip else video.masks[reference]
    assert np.array_equal(mask, right), f"{name}: frame {reference} was learned with a mask that is not its own"
    chosen = [_number(frame) for frame, _, _ in sample]
    if twice:
        again, (first, *_) = _draw(simulate, video, least, seed)
        same = first[:2] == learned[0][:2] and [_number(frame) for frame, _, _ in again] == chosen
        assert same, f"{name}: two calls with equal generators draw different samples"
    for t, (frame, s, y) in zip(chosen, sample):
        assert t != reference, f"{name}: frame {t} is both reference and validation frame"
        assert t in usable, f"{name}: frame {t} is to be segmented, and shows too little of the target"
        assert _flipped(frame) == flip, f"{name}: reference and validation frames are not mirrored alike"
        whole = video.frames[t][:, ::-1] if flip else video.frames[t]
        assert np.array_equal(frame, whole), f"{name}: what is returned as frame {t} is not that view of all of it"
        want = 100.0 * reference + t + 0.5 * flip
        assert np.shape(s) == (2, 3) and np.all(np.asarray(s) == want), (
            f"{name}: the scores of frame {t} are not those that the model of frame {reference} gives it"
        )
        truth = video.masks[t][:, ::-1] if flip else video.masks[t]
        assert np.array_equal(np.asarray(y), truth), f"{name}: y of frame {t} is not the mask of that view of it"
    assert len(set(chosen)) == 2, f"{name}: frame {chosen[0]} was chosen twice"
    return reference, chosen
