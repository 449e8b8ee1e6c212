"""Checks of chapter 10. Each compares values on several cases, and its message says what was seen, not the answer."""

from functools import partial
from math import inf, nan
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from checks import cases
from checks.gradients import compare_gradients
from checks.guard import guarded
from checks.whole import assert_integers
from torch import Tensor, nn

from vosbook.methods.s2s import S2S, Memory

# ------------------------------------------------------------------------------------------------ exercise 10.4


@guarded
def check_painted(painted):
    """Exercise 10.4."""
    rng = cases.generator()
    drawn = zip((2 * rng.integers(0, 6, 12) + 1).tolist(), rng.integers(0, 7, 12).tolist())
    for kernel, layers in ((5, 0), (1, 3), (3, 1), (5, 1), (5, 5), (7, 2), *drawn):
        got, want = painted(kernel, layers), _painted_by_trial(kernel, layers)
        case = f"kernel {kernel}, {layers} layers"
        assert got == want, f"{case}: by trial a cell paints {want} pixels, got {got}"
        assert_integers(case, got)


def _painted_by_trial(kernel: int, layers: int) -> int:
    row, ones = torch.zeros(1, 1, 17), torch.ones(1, 1, kernel)
    row[0, 0, 8] = 1
    for _ in range(layers):
        row = F.conv_transpose1d(row, ones, stride=2, padding=kernel // 2, output_padding=1)
    return int((F.conv1d(row, ones, padding=kernel - 1) > 0).sum())


# ------------------------------------------------------------------------------------------------ exercise 10.2


@guarded
def check_clip_loss(clip_loss):
    """Exercise 10.2."""
    draw, rng = cases.torch_generator(), cases.generator()
    B, T, H, W = map(int, (*rng.permutation([2, 3]), *rng.choice(range(3, 9), 2, replace=False)))
    some = torch.rand(B, T, generator=draw) < 0.5
    some[0, :2] = torch.tensor([True, False])
    one, every = torch.zeros(B, T, dtype=torch.bool), torch.ones(B, T, dtype=torch.bool)
    one[rng.integers(B), rng.integers(T)] = True
    labels = {"all frames labelled": every, "some frames labelled": some, "one frame labelled": one}
    labels["no frame labelled"] = ~every
    for name, labelled in labels.items():
        y = (torch.rand(B, T, 1, H, W, generator=draw) < 0.3).float()
        for filling, size in ((0.0, 3), (1.0, 3), (nan, 3), (nan, 60), (inf, 3)):
            logits = (size * torch.randn(B, T, 1, H, W, generator=draw)).requires_grad_()
            given = torch.where(labelled[:, :, None, None, None], y, filling)
            got = clip_loss(logits, given, labelled.clone())
            want = _mean_of_frames(logits, y, labelled)
            where = f"{name} of {B} clips of {T}, y is {filling:g} in the others, logits up to {logits.abs().max():.0f}"
            assert isinstance(got, Tensor) and got.ndim == 0, f"{where}: one number as a tensor is asked for, got {got}"
            assert torch.allclose(got, want, rtol=1e-4, atol=1e-6), f"{where}: the loss is {want:.4f}, got {got:.4f}"
            compare_gradients(where, got, want, {"logits": logits})


def _mean_of_frames(logits: Tensor, y: Tensor, labelled: Tensor) -> Tensor:
    total = 0 * logits.sum()
    for b, t in labelled.nonzero().tolist():
        total = total + F.softplus(torch.where(y[b, t] > 0, -logits[b, t], logits[b, t])).mean()
    return total / labelled.numel()


# ------------------------------------------------------------------------------------------------ exercise 10.1


def _draw(network: nn.Module, draw: torch.Generator) -> None:
    with torch.no_grad():
        for weight in network.parameters():
            size = weight[0].numel() ** -0.5 if weight.ndim > 1 else 0.1  # else the sigmoids are flat
            weight.copy_(size * torch.randn(weight.shape, generator=draw))


class _Networks(nn.Module):
    """The four parts in small, which count their calls. h and c are of one shape and mean different things."""

    def __init__(self, draw):
        super().__init__()
        self.first, self.look = nn.Conv2d(4, 6, 2, stride=2), nn.Conv2d(3, 3, 2, stride=2)
        self.gates, self.paint = nn.Conv2d(6, 6, 3, padding=1), nn.ConvTranspose2d(3, 1, 2, stride=2)
        self.calls = {"encode": 0, "decode": 0}
        _draw(self, draw)

    def initialize(self, frames, masks):
        return self.first(torch.cat([frames, masks], dim=1)).chunk(2, dim=1)

    def encode(self, frames):
        self.calls["encode"] += 1
        return self.look(frames)

    def lstm(self, x, state):
        h, c = state
        keep, write = self.gates(torch.cat([x, h], dim=1)).chunk(2, dim=1)
        c = keep.sigmoid() * c + write
        return c.tanh(), c

    def decode(self, h):
        self.calls["decode"] += 1
        return self.paint(h)


@guarded
def check_unroll(unroll):
    """Exercise 10.1: the logits, and what they are to every weight of the four parts."""
    draw, rng = cases.torch_generator(), cases.generator()
    networks = _Networks(draw)
    for B, T in ((1, 2), (1, 4), (3, 5), (2, 3), *rng.integers(2, 6, (2, 2)).tolist()):
        H, W = (2 * rng.integers(2, 5, 2)).tolist()
        frames = torch.rand(B, T, 3, H, W, generator=draw)
        masks = (torch.rand(B, 1, H, W, generator=draw) < 0.5).float()
        want = _unrolled(networks, frames, masks)
        networks.calls = {"encode": 0, "decode": 0}
        got = unroll(networks.initialize, networks.encode, networks.lstm, networks.decode, frames, masks)
        case = f"{B} clips of {T} frames"
        assert isinstance(got, Tensor) and got.shape == want.shape, (
            f"{case}: the logits have the shape {tuple(want.shape)}, got {tuple(getattr(got, 'shape', ()))}"
        )
        off = (got - want).abs().amax(dim=(2, 3, 4))  # (B, T - 1)
        wrong = (off > 1e-4).nonzero().tolist()
        assert not wrong, f"{case}: wrong logits, the first in clip {wrong[0][0]}, frame {wrong[0][1] + 1} of the clip"
        assert networks.calls == {"encode": 1, "decode": 1}, f"{case}: the logits are right; calls: {networks.calls}"
        last = got[:, -1], want[:, -1]  # what leads there passes through all frames
        compare_gradients(case, *last, dict(networks.named_parameters()))


def _unrolled(networks: _Networks, frames: Tensor, masks: Tensor) -> Tensor:
    clips = []
    for clip, mask in zip(frames, masks):
        state, logits = networks.initialize(clip[:1], mask[None]), []
        for x in clip[1:]:
            state = networks.lstm(networks.encode(x[None]), state)
            logits.append(networks.decode(state[0])[0])
        clips.append(torch.stack(logits))
    return torch.stack(clips)


# ------------------------------------------------------------------------------------------------ exercise 10.3


class _Step(nn.Module):
    """A step that remembers what it was given."""

    def __init__(self, draw):
        super().__init__()
        self.look = nn.Conv2d(5, 2, 3, padding=1)
        _draw(self, draw)
        self.given: list[Tensor] = []

    def forward(self, images, state):
        self.given.append(images)
        state = torch.zeros_like(images[:, :1]) if state is None else state
        logits, state = (3 * self.look(torch.cat([images, state], dim=1))).chunk(2, dim=1)
        return logits, state.tanh()


@guarded
def check_answers(answers):
    """Exercise 10.3."""
    draw, rng = cases.torch_generator(), cases.generator()
    step = _Step(draw)
    drawn = [(*rng.integers(1, 5, 2), flag) for flag in (True, False)]
    for B, T, teacher in ((2, 4, True), (2, 4, False), (1, 2, True), (1, 2, False), (3, 5, False), *drawn):
        H, W = rng.integers(4, 9, 2).tolist()
        B, T = int(B), max(2, int(T))
        frames = torch.rand(B, T, 3, H, W, generator=draw)
        y = (torch.rand(B, T, 1, H, W, generator=draw) < 0.4).float()
        case = f"{B} clips of {T} frames, {'with' if teacher else 'without'} a teacher"
        step.given = []
        got = answers(step, frames.clone(), y.clone(), teacher)
        assert len(step.given) == T, (
            f"{case}: every frame passes through step once; it was called {len(step.given)} times"
        )
        masks, want = _masks_and_logits(step, step.given, frames, y, teacher)
        for t, (images, mask) in enumerate(zip(step.given, masks)):
            assert images.shape == (B, 4, H, W), (
                f"{case}: step takes {(B, 4, H, W)}, it was given {tuple(images.shape)}"
            )
            assert torch.equal(images[:, :3], frames[:, t]), f"{case}: call {t} was not given frame {t}"
            assert torch.allclose(images[:, 3:], mask, atol=1e-5), f"{case}: a wrong mask beside frame {t}"
        assert got.shape == want.shape, f"{case}: the logits have the shape {tuple(want.shape)}, got {tuple(got.shape)}"
        assert torch.allclose(got, want, atol=1e-5), f"{case}: step was given the right things; the logits are others"
        compare_gradients(case, got, want, dict(step.named_parameters()))


def _masks_and_logits(step, given, frames, y, teacher):
    """The masks that step should have been given, and the logits."""
    masks, logits, state = [y[:, 0], y[:, 0]], [], None
    for t in range(frames.shape[1]):
        one, state = step(torch.cat([frames[:, t], masks[t]], dim=1), state)
        if t > 0:
            masks.append(y[:, t] if teacher else one.detach().sigmoid())
            logits.append(one)
    del given[frames.shape[1] :]  # the calls made here
    return masks, torch.stack(logits, dim=1)


# ------------------------------------------------------------------------------------- where an answer has not passed


def library_unroll(initialize, encode, lstm, decode, frames, masks):
    """What `unroll` returns, by the library's network, which is given these four parts."""
    network = SimpleNamespace(
        begin=lambda first, mask: Memory(*initialize(first, mask)),
        encode=encode,
        lstm=lstm,
        decode=lambda h, size: decode(h),
    )
    return S2S.forward(network, frames, masks[:, None])


def library_answers(step, frames, y, teacher):
    """What `answers` returns, by the library's network, the parts of which are made of `step`."""
    network = SimpleNamespace(
        encode=lambda images: images,
        lstm=lambda images, memory: step(images, memory[1]),  # the logits take the place of h
        decode=lambda logits, size: logits,
    )
    network.step = partial(S2S.step, network)
    logits, state = step(torch.cat([frames[:, 0], y[:, 0]], dim=1), None)
    return S2S._step_by_step(network, frames, y, Memory(logits, state, y[:, 0]), teacher)
