"""Checks of chapter 14. Each compares values on several cases, and its message says what was seen, not the answer."""

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from checks import cases
from checks.gradients import compare_gradients, leaves
from checks.guard import guarded

# ------------------------------------------------------------------------------------------------ ex14-1


@guarded
def check_share_of(share_of):
    """The formula of the chapter, applied to the answer, must lead back to p."""
    rng = cases.generator()
    beta = np.array([0.5, 0.8, 0.95, 0.3, *rng.uniform(0.02, 0.999, 4)])[:, None]
    pi = np.array([0, 1e-4, *np.sort(rng.random(9)), 0.9999, 1])
    p = beta * pi / (beta * pi + (1 - beta) * (1 - pi))
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        got = np.asarray(share_of(p.copy(), beta.copy()))
    assert got.shape == p.shape, f"p {p.shape} and beta {beta.shape} together give {p.shape}, got {got.shape}"
    for row, share in enumerate(beta[:, 0]):
        worst = np.argmax(np.where(np.isnan(got[row]), np.inf, abs(got[row] - pi)))
        assert np.allclose(got[row], pi, atol=1e-9), (
            f"beta {share:.4f}: p = {p[row, worst]:.5f} stands for a share of {pi[worst]:.5f}, got "
            f"{got[row, worst]:.5f}"
        )
    one = share_of(0.635, 0.95)
    assert abs(one - 0.03175 / 0.3785) < 1e-9, f"for p = .635 and beta = .95 the share is .084, got {one:.3f}"


# ------------------------------------------------------------------------------------------------ ex14-2


@guarded
def check_gradient_of_eq_1(gradient_of_eq_1):
    """The reference is automatic differentiation in double precision."""
    rng = cases.generator()
    small, size = np.zeros((9, 12)), cases.draw_size(rng)
    small[3:5, 4:6] = 1
    images = {
        "random logits": (rng.normal(size=size), (rng.random(size) < rng.uniform(0.1, 0.9)).astype(float)),
        "a small object": (rng.normal(size=small.shape) - 2, small),
        "an object larger than the background": (rng.normal(size=small.shape), 1 - small),
        "logits up to 40": (rng.uniform(-40, 40, size), (rng.random(size) < 0.4).astype(float)),
        "y in uint8": (rng.normal(size=size), (rng.random(size) < 0.4).astype(np.uint8)),
        "object everywhere": (rng.normal(size=(4, 5)), np.ones((4, 5))),
        "no object": (rng.normal(size=(4, 5)), np.zeros((4, 5))),
        "logits of -1000 and 1000": (np.array([[-1000.0, 1000.0], [-1000.0, 1000.0]]), np.array([[1.0, 0], [0, 1]])),
    }
    for name, (logits, y) in images.items():
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            got = np.asarray(gradient_of_eq_1(logits.copy(), y.copy()))
        assert not said, f"{name}: numpy warns: {said[0].message}"
        assert got.shape == logits.shape, f"{name}: a gradient has the shape of the logits, got {got.shape}"
        want = _autograd(logits, y)
        worst = np.unravel_index(np.argmax(np.where(np.isnan(got), np.inf, abs(got - want))), want.shape)
        side = "on" if y[worst] else "off"
        assert np.allclose(got, want, atol=1e-9), (
            f"{name}: at a pixel {side} the object with the logit {logits[worst]:.2f} it is {want[worst]:.6g}, got "
            f"{got[worst]:.6g}"
        )


def _autograd(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    z, y = torch.tensor(logits, requires_grad=True), torch.tensor(y, dtype=torch.float64)
    beta = 1 - y.mean()
    (-(beta * y * F.logsigmoid(z) + (1 - beta) * (1 - y) * F.logsigmoid(-z)).sum()).backward()
    return z.grad.numpy()


# ------------------------------------------------------------------------------------------------ ex14-3


@guarded
def check_enlarge_row(enlarge_row):
    """The reference is PyTorch's."""
    rng = cases.generator()
    w, stride = int(rng.integers(2, 12)), int(rng.integers(2, 20))
    rows = {
        "two cells, stride 2": (np.array([0.0, 1.0]), 2),
        "one cell": (np.array([3.0]), 4),
        "a single bump": (np.array([0.0, 0, 1, 0, 0]), 4),
        "random, stride 8": (rng.normal(size=5), 8),
        "an odd stride": (rng.normal(size=4), 3),
        "one cell, an odd stride": (rng.normal(size=1), 5),
        f"{w} cells, stride {stride}": (1000 * rng.normal(size=w), stride),
        "stride 1": (rng.normal(size=4), 1),
        "cells of a type of whole numbers": (rng.permutation(9), 4),
    }
    for name, (x, stride) in rows.items():
        got = np.asarray(enlarge_row(x.copy(), stride), float)
        row = torch.tensor(x.astype(float))[None, None]
        want = F.interpolate(row, scale_factor=stride, mode="linear", align_corners=False)[0, 0].numpy()
        assert got.shape == want.shape, f"{name}: {len(x)} cells give {len(want)} pixels, got {got.shape}"
        off = np.where(np.isnan(got), np.inf, abs(got - want))
        worst = int(np.argmax(off))
        assert off[worst] < 1e-6 * max(1, abs(x).max()), (
            f"{name}: of the cells {x.round(3).tolist()} pixel {worst} of {len(want)} is {want[worst]:.4f}, got "
            f"{got[worst]:.4f}"
        )


# ------------------------------------------------------------------------------------------------ ex14-4


class _Model:
    """A model whose losses and times are written down; its state is the number of its steps. Times are whole numbers
    of sixteenths of a second, so that sums of them are exact.
    """

    def __init__(self, losses, steps, looks, *, copying=0.0):
        self.losses, self.times = losses, {"step": [*steps], "look": [*looks], "state": [copying]}
        self.took = {what: [] for what in self.times}
        self.now, self.at, self.log, self.needed = 100.0, 0, [], 0.0

    def clock(self):
        return self.now

    def _pass(self, what):
        times = self.times[what]
        self.took[what].append(times.pop(0) if len(times) > 1 else times[0])
        self.now += self.took[what][-1]
        self.log.append(what)

    def step(self):
        looks = self.took["look"] or [0]
        longest = max(self.took["step"], default=4 * looks[0])
        self.needed = self.now - 100.0 + longest + max(looks)  # a budget in which this step may begin
        self._pass("step")
        self.at += 1

    def look(self):
        self._pass("look")
        return self.losses[min(self.at, len(self.losses) - 1)]

    def state(self):
        self._pass("state")
        return self.at

    def restore(self, state):
        self.log.append("restore")
        self.at = state


def _tuned(losses, steps, looks, seconds, every):
    """By the text, with lists of all that was timed: how many steps, the state that is left, and how many looks."""
    if seconds == 0:
        return 0, 0, 0
    stepped, looked = [], [looks[0]]
    seen = {0: losses[0]}
    while sum(stepped) + sum(looked) + max(stepped or [4 * looks[0]]) + max(looked) <= seconds:
        stepped.append(steps[min(len(stepped), len(steps) - 1)])
        if len(stepped) % every == 0:
            looked.append(looks[min(len(looked), len(looks) - 1)])
            seen[len(stepped)] = losses[min(len(stepped), len(losses) - 1)]
    if len(stepped) not in seen:
        looked.append(0)
        seen[len(stepped)] = losses[min(len(stepped), len(losses) - 1)]
    return len(stepped), min(seen, key=seen.get), len(looked)


def tuned_within(model, seconds, every, clock):
    """What the exercise asks for. The chapter goes on with it until the reader's own has passed."""
    start, looks, steps = clock(), [], []  # seconds of each

    def timed(function, times):
        begin = clock()
        value = function()
        times.append(clock() - begin)
        return value

    if seconds == 0:
        return 0
    best, state = timed(model.look, looks), model.state()
    while clock() - start + max(steps, default=4 * looks[0]) + max(looks) <= seconds:
        timed(model.step, steps)
        if len(steps) % every == 0 and (loss := timed(model.look, looks)) < best:
            best, state = loss, model.state()
    if len(steps) % every and model.look() < best:
        state = model.state()
    model.restore(state)
    return len(steps)


def _budgets():
    """By name: losses, times of steps and of looks, seconds, every."""
    rng, falling = cases.generator(), [10 - 0.1 * n for n in range(60)]
    found = {
        "a loss that falls": (falling, [1], [0.25], 10.5, 3),
        "a loss that rises at the end": ([5, 4, 3, 2, 3, 4, 5, 6, 7], [1], [0.25], 6.0, 1),
        "a last step between two looks": (falling, [1], [0.25], 7.0, 4),
        "better states between the looks": ([5, 1, 4, 1, 6, 1, 7], [1], [0.25], 7.0, 2),
        "a loss that only rises": ([1, 2, 3, 4], [1], [0.25], 4.0, 1),
        "equal losses": ([2, 1, 1, 1, 1, 1], [1], [0.25], 5.0, 1),
        "no room for a step": (falling, [1], [0.25], 1.4, 1),
        "one step, between two looks": (falling, [1], [0.25], 2.0, 3),
        "one step, between two looks, that changes nothing": ([1, 1, 1], [1], [0.25], 2.0, 3),
        "just room for a step": (falling, [0.5], [0.25], 1.5, 1),
        "a slow first step": (falling, [3, 1], [0.25], 12.0, 100),
        "a slow step in the middle": (falling, [0.5, 2, 0.5], [0.125], 8.0, 3),
        "a slow look": (falling, [0.5], [0.25, 0.25, 2, 0.25], 10.0, 1),
        "looks that take longer than steps": (falling, [0.25], [1], 9.0, 2),
        "no time": (falling, [1], [0.25], 0, 1),
    }
    for n in range(6):
        losses = rng.integers(0, 12, 40).astype(float).tolist()
        steps, looks = rng.integers(4, 24, 40) / 16, rng.integers(1, 12, 40) / 16
        seconds, every = float(rng.integers(4, 24)), int(rng.integers(1, 6))
        found[f"drawn {n}"] = losses, steps.tolist(), looks.tolist(), seconds, every
    return found


@guarded
def check_tune_within(tune_within):
    """The text, followed with lists of all that was timed."""
    for name, (losses, step, look, seconds, every) in _budgets().items():
        steps, left, looks = _tuned(losses, step, look, seconds, every)
        model = _Model([float(v) for v in losses], step, look)
        got = tune_within(model, seconds, every, model.clock)
        case = f"{name}: {seconds:g} s, a look every {every}, steps of {step[:6]} s, looks of {look[:6]} s"
        made, asked = model.log.count("step"), model.log.count("look")
        assert made == steps, f"{case}: {steps} steps fit, {made} were made"
        assert got == steps, f"{case}: {made} steps were made, and {got} is returned"
        assert asked == looks, f"{case}: {looks} looks are asked for, there were {asked}"
        assert model.at == left, (
            f"{case}, losses {losses[: steps + 1]}: the best state looked at is that of step {left}, left is that of "
            f"{model.at}"
        )
        assert seconds or not model.log, f"{case}: nothing is to be touched; called were {model.log}"
        slow = _Model(losses, step, look, copying=0.75)
        tune_within(slow, seconds, every, slow.clock)
        assert slow.needed <= seconds, (
            f"{case}, and a copy of the weights takes 0.75 s: the last step was begun where it needed a budget of "
            f"{slow.needed:g} s"
        )


# ------------------------------------------------------------------------------------------------ ex14-5


def _stages():
    """By name: maps, weights of the layers, strides, size."""
    rng, torch_rng = cases.generator(), cases.torch_generator()

    def draw(*shape):
        return torch.randn(shape, generator=torch_rng)

    found = {}
    for name, strides, batch in (
        ("two stages", (2, 4), 1),
        ("three stages, two images", (2, 4, 8), 2),
        ("strides that are no powers of two", (1, 3, 5), 3),
    ):
        H, W = (int(n) for n in rng.choice(np.arange(9, 24), 2, replace=False))
        H, W = H + (H % 2 == 0), W + (W % 2 == 0)  # odd, so that there is something to cut
        W += 2 * (H == W)
        widths, channels = rng.integers(1, 6, len(strides)).tolist(), int(rng.integers(2, 5))
        found[name] = {
            "maps": [draw(batch, C, -(-H // s), -(-W // s)) for C, s in zip(widths, strides)],
            "side": [(draw(channels, C, 3, 3), draw(channels)) for C in widths],
            "score": [(draw(1, channels, 1, 1), draw(1)) for _ in strides],
            "fuse": (draw(1, channels * len(strides), 1, 1), draw(1)),
            "strides": strides,
            "size": (H, W),
        }
    return found


def _layers(case):
    """The functions that the answer is given: side, score, fuse, enlarge."""

    def conv(weight, bias):
        return lambda x: F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)

    def bilinear(stride):
        return lambda x: F.interpolate(x, scale_factor=stride, mode="bilinear")

    side, score = ([conv(*pair) for pair in case[part]] for part in ("side", "score"))
    return side, score, conv(*case["fuse"]), [bilinear(stride) for stride in case["strides"]]


def _outputs(maps, side, score, fuse, enlarge, size):
    """In the order of the paper, stage by stage."""
    H, W = size
    u = [enlarge[k](side[k](x))[:, :, :H, :W] for k, x in enumerate(maps)]
    return fuse(torch.cat(u, 1)), [score[k](x) for k, x in enumerate(u)]


@guarded
def check_side_outputs(side_outputs):
    """Values and gradients, over stages, strides and sizes."""
    for name, case in _stages().items():
        given = leaves(**{f"the map of stage {k + 1}": x for k, x in enumerate(case["maps"])})
        layers, size = _layers(case), case["size"]
        got = side_outputs(list(given.values()), *layers, size)
        pair = isinstance(got, tuple | list) and len(got) == 2
        assert pair, f"{name}: two things are asked for, the fused logits and a list of scores, got {type(got)}"
        fused, scores = got
        want = _outputs(list(given.values()), *layers, size)
        assert len(scores) == len(want[1]), f"{name}: a score for each of {len(want[1])} stages, got {len(scores)}"
        names = ["the fused logits", *(f"the score of stage {k + 1}" for k in range(len(scores)))]
        for what, one, right in zip(names, [fused, *scores], [want[0], *want[1]]):
            assert isinstance(one, torch.Tensor), f"{name}: {what} should be a tensor, got {type(one).__name__}"
            shapes = tuple(one.shape), tuple(right.shape)
            assert shapes[0] == shapes[1], f"{name}: {what} should be {shapes[1]}, got {shapes[0]}"
            off = (one - right).abs().max().item()
            near = off <= 1e-4 * right.abs().max().item()  # False for NaN too
            assert near, f"{name}: {what} are off by up to {off:.3g}; the largest is {right.abs().max():.3g}"
        compare_gradients(name, [fused, *scores], [want[0], *want[1]], given)


# ------------------------------------------------------------------------------------------------ ex14-6


def _balanced(logits, y):
    """Pixel by pixel, and in double precision."""
    p, losses = torch.sigmoid(logits.double()), []
    for n in range(len(y)):
        on = y[n] > 0
        beta = (~on).sum() / on.numel()
        losses.append(-(beta * p[n][on].log()).sum() - ((1 - beta) * (1 - p[n][~on]).log()).sum())
    return torch.stack(losses).mean() / y[0].numel()


@guarded
def check_balanced_loss(balanced_loss):
    """Values and gradients of drawn images, and a loss that stays finite."""
    rng, torch_rng = cases.generator(), cases.torch_generator()
    H, W = cases.draw_size(rng)
    images = {}
    for name, shares, scale in (
        ("one image", [0.3], 1),
        ("one image, a large object", [0.8], 2),
        ("an image with a large object and one with a small one", [0.7, 0.1], 1),
        ("three images, sure logits", [0.2, 0.5, 0.9], 4),
        ("an image without an object beside another", [0, 0.4], 1),
        ("an image that is all object beside another", [0.3, 1], 1),
    ):
        y = torch.zeros(len(shares), 1, H, W)
        for n, share in enumerate(shares):
            least = 1 if share else 0
            chosen = rng.choice(H * W, max(least, round(share * H * W)), replace=False)
            y[n].view(-1)[torch.tensor(chosen)] = 1
        images[name] = scale * torch.randn(y.shape, generator=torch_rng), y
    for name, (logits, y) in images.items():
        given = leaves(logits=logits)
        got, want = balanced_loss(given["logits"], y), _balanced(given["logits"], y)
        assert isinstance(got, torch.Tensor), f"{name}: a loss is a tensor, got {type(got).__name__}"
        assert got.shape == (), f"{name}: a loss is one number, got a tensor {tuple(got.shape)}"
        near = abs(got.item() - want.item()) <= 1e-5 * want.item()
        assert near, f"{name}: the loss is {want.item():.6f}, got {got.item():.6f}"
        compare_gradients(name, got, want.float(), given)
    y = torch.tensor([[1.0, 0.0], [1.0, 0.0]])[None, None]
    given = leaves(logits=torch.tensor([[-1000.0, 1000.0], [1000.0, -1000.0]])[None, None])
    far = balanced_loss(given["logits"], y)
    right = abs(far.item() - 250) < 1e-3
    assert right, f"with logits of -1000 and 1000, half of them wrong, the loss is 250, got {far.item()}"
    want = 0.5 * F.softplus(torch.where(y > 0, -given["logits"], given["logits"])).mean()
    compare_gradients("logits of -1000 and 1000", far, want, given)
    none = balanced_loss(torch.zeros(1, 1, H, W), torch.zeros(1, 1, H, W)).item()
    assert none == 0, f"an image without an object has beta 1 and no positives: its loss is 0, got {none}"
