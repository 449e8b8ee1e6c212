"""Checks of chapter 07. Each compares values on several cases, and its message says what was seen, not the answer."""

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from checks.guard import guarded
from torch import nn

from vosbook.nn.resize import resize_matrix

# ------------------------------------------------------------------------------------------------ exercise 7.1


@guarded
def check_bce(bce):
    """Exercise 7.1."""
    rng = np.random.default_rng(7)
    cases = {
        "random logits": (rng.normal(scale=2, size=(5, 7)), (rng.random((5, 7)) < 0.3).astype(float)),
        "soft labels": (rng.normal(size=(4, 4)), rng.random((4, 4))),
        "logits all 0": (np.zeros((2, 3)), np.eye(2, 3)),
        "logits of 40, right": (np.array([40.0, -40.0]), np.array([1.0, 0.0])),
        "logits of 40, wrong": (np.array([40.0, -40.0]), np.array([0.0, 1.0])),
        "logits of 1000": (np.array([1000.0, -1000.0, 1000.0]), np.array([0.0, 1.0, 1.0])),
    }
    for name, (logits, y) in cases.items():
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            got = bce(logits.copy(), y.copy())
        assert np.ndim(got) == 0, f"{name}: one number is asked for, got the shape {np.shape(got)}"
        assert np.isfinite(got), f"{name}: the loss is {got}, and it is finite for all finite logits"
        want = (y * np.logaddexp(0, -logits) + (1 - y) * np.logaddexp(0, logits)).mean()
        assert np.isclose(got, want, rtol=1e-6, atol=1e-12), f"{name}: the mean loss is {want:.6g}, got {got:.6g}"


# ------------------------------------------------------------------------------------------------ exercise 7.2


@guarded
def check_attend(attend):
    """Exercise 7.2."""
    torch.manual_seed(7)
    for N, C, size, small in ((1, 4, (6, 10), (3, 5)), (3, 5, (7, 9), (4, 5)), (2, 4, (5, 8), (1, 1))):
        shallow, deep = torch.randn(N, C, *size) + 0.5, torch.randn(N, C, *small)
        layers = nn.Sequential(nn.Conv2d(2 * C, C, 1), nn.Sigmoid())
        seen = []

        def gate(pooled, layers=layers, seen=seen, N=N, C=C):
            assert pooled.shape == (N, 2 * C, 1, 1), (
                f"the gate takes {(N, 2 * C, 1, 1)}, two averages for each channel; it was given {tuple(pooled.shape)}"
            )
            seen.append(pooled.detach().clone())
            return layers(pooled)

        kept = shallow.clone(), deep.clone()
        with torch.no_grad():
            got = attend(shallow, deep, gate)
        assert torch.equal(shallow, kept[0]) and torch.equal(deep, kept[1]), "the caller's tensors were changed"
        assert got.shape == shallow.shape, f"the result has the shape {tuple(shallow.shape)}, got {tuple(got.shape)}"
        pooled = torch.cat([shallow.mean((2, 3)), deep.mean((2, 3))], dim=1)[..., None, None]
        assert seen, "the gate was never asked"
        assert torch.allclose(seen[0], pooled, atol=1e-5), (
            f"{N} objects, {C} channels: what the gate is given is off by {(seen[0] - pooled).abs().max():.3f}"
        )
        with torch.no_grad():
            want = shallow * layers(pooled) + F.interpolate(deep, size, mode="bilinear", align_corners=False)
        off = (got - want).abs().max()
        assert off < 1e-4, f"shallow {size}, deep {small}: the gate was asked rightly; the result is off by {off:.3f}"


# ------------------------------------------------------------------------------------------------ exercise 7.3


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


def _path(s, x, encoders, refinements):
    """What exercise 7.3 asks for."""
    z = None
    for x_d, T, R in zip(x[::-1], encoders[::-1], refinements[::-1]):
        encoding, projection = T(x_d, s)
        z = R(encoding, projection.mean((2, 3), keepdim=True) if z is None else z)
    return z


@guarded
def check_path(path):
    """Exercise 7.3."""
    torch.manual_seed(3)
    for levels in (1, 2, 4):
        sizes = [(24 >> d, 40 >> d) for d in range(levels)]
        x = [torch.randn(2, 6, *size) for size in sizes]
        s = torch.rand(2, 1, 6, 10)
        encoders, refinements = _blocks(levels)
        given = list(x), list(encoders), list(refinements)
        order = [list(map(id, one)) for one in given]
        got = path(s, *given)
        unchanged = order == [list(map(id, one)) for one in given]
        assert unchanged, f"{levels} levels: a list that was given is in another order now"
        want = _path(s, x, encoders, refinements)
        assert got.shape == want.shape, (
            f"{levels} levels: z of the shallowest has the shape {tuple(want.shape)}, got {tuple(got.shape)}"
        )
        off = (got - want).abs().max()
        assert off < 1e-5, f"{levels} levels: z of the shallowest is off by up to {off:.3f}"


# ------------------------------------------------------------------------------------------------ exercise 7.4


@guarded
def check_double_matrix(double_matrix):
    """Exercise 7.4."""
    for n in (8, 5, 4, 2, 1):
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
    """Frames whose pixels say which frame they are, and on which side of it; and masks of a shrinking target."""

    def __init__(self, visible, size=(8, 12)):
        T, columns = len(visible), np.arange(size[1])
        self.frames = np.zeros((T, *size, 3), np.uint8)
        self.frames[..., 0] = np.arange(T)[:, None, None]
        self.frames[..., 1] = columns
        self.masks = np.zeros((T, *size), bool)
        for t, count in enumerate(visible):
            self.masks[t].reshape(-1)[t : t + count] = True


def _number(frame):
    return int(frame[0, 0, 0])


def _flipped(frame):
    return bool(frame[0, 0, 1] > frame[0, -1, 1])


@guarded
def check_simulate(simulate):
    """Exercise 7.5."""
    videos = {
        "always visible": ([20] * 6, 10),
        "hidden in frames 1 and 3": ([20, 9, 20, 0, 20, 20], 10),
        "visible in three frames": ([0, 20, 0, 0, 10, 20], 10),
    }
    mirrored = 0
    for name, (visible, least) in videos.items():
        usable = {t for t, count in enumerate(visible) if count >= least}
        references, pairs = set(), set()
        for seed in range(40):
            reference, flip, chosen = _check_one(simulate, name, _Video(visible), usable, least, seed)
            references.add(reference)
            mirrored += flip
            pairs.update(chosen)
        assert references == usable, f"{name}: of the frames {sorted(usable)}, only {sorted(references)} are references"
        assert pairs == usable, f"{name}: of the frames {sorted(usable)}, only {sorted(pairs)} are ever segmented"
    drawn = 40 * len(videos)
    assert 0.3 < mirrored / drawn < 0.7, f"{mirrored} of {drawn} views are mirrored"


def _draw(simulate, video, least, seed):
    """Samples, and for each call of `learn` the number of the frame, whether it was mirrored, and the mask."""
    learned = []

    def learn(frame, mask):
        learned.append((_number(frame), _flipped(frame), np.array(mask)))
        return lambda other: np.full((2, 3), 100.0 * learned[-1][0] + _number(other) + 0.5 * _flipped(other))

    kept = video.frames.copy(), video.masks.copy()
    sample = list(simulate(video.frames, video.masks, np.random.default_rng(seed), learn, least))
    for name, array, before in zip(("frames", "masks"), (video.frames, video.masks), kept):
        assert np.array_equal(array, before), f"the caller's {name} were changed"
    return sample, learned


def _check_one(simulate, name, video, usable, least, seed):
    sample, learned = _draw(simulate, video, least, seed)
    assert len(sample) == 2, f"{name}: two validation frames are asked for, got {len(sample)}"
    assert len(learned) == 1, f"{name}: the target model is learned once, here it was learned {len(learned)} times"
    reference, flip, mask = learned[0]
    assert reference in usable, f"{name}: learned on frame {reference}, which shows too little of the target"
    right = video.masks[reference][:, ::-1] if flip else video.masks[reference]
    assert np.array_equal(mask, right), f"{name}: frame {reference} was learned with a mask that is not its own"
    chosen = [_number(frame) for frame, _, _ in sample]
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
    return reference, flip, chosen
