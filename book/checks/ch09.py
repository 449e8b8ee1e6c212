"""Checks of chapter 09. Each compares values on several cases, and its message says what was seen, not the answer."""

import torch
from checks.guard import guarded

from vosbook.nn.conv_lstm import ConvLSTM, SpaceTimeConvLSTM


def _random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@guarded
def check_frames_until_half(frames_until_half):
    """Exercise 9.1. The answers were counted by multiplying; none lies at the edge but the first."""
    for bias, frames in ((0, 1), (-2, 1), (0.5, 2), (1, 3), (2, 6), (3, 15), (4, 39), (5, 104)):
        got = frames_until_half(bias)
        assert got == frames, f"forget bias {bias}: frame {got} is not the first after which at most half is left"


@guarded
def check_kernel_for(kernel_for):
    """Exercise 9.2."""
    cases = [(0, 4, 1), (1, 1, 3), (3, 4, 3), (4, 4, 3), (5, 4, 5), (8, 4, 5), (9, 4, 7), (30, 32, 3), (7, 2, 9)]
    for speed, stride, kernel in cases:
        got = kernel_for(speed, stride)
        assert got % 2 == 1, f"{got} is not odd"
        least = "cannot keep up" if got < kernel else "is larger than it must be"
        assert got == kernel, f"{speed} pixels a frame at stride {stride}: a kernel of {got} {least}"


@guarded
def check_conv_lstm_step(conv_lstm_step):
    """Exercise 9.3."""
    for seed, (c_in, channels, kernel) in enumerate([(2, 3, 3), (5, 2, 1), (3, 3, 5)]):
        torch.manual_seed(seed)
        cell = ConvLSTM(c_in, channels, kernel)
        cell.gates.bias.data = _random(4 * channels, seed=seed + 10)
        weight, bias = cell.gates.weight.detach() * 2, cell.gates.bias.detach()
        cell.gates.weight.data = weight.clone()
        x, (h, c) = _random(2, c_in, 6, 7, seed=seed + 20), _random(2, 2, channels, 6, 7, seed=seed + 30)
        with torch.no_grad():
            expected = cell(x, (h, c))
        kept = [t.clone() for t in (x, h, c, weight, bias)]
        got = conv_lstm_step(x, h, c, weight, bias)
        assert all(torch.equal(a, b) for a, b in zip(kept, (x, h, c, weight, bias))), "an argument was changed"
        assert isinstance(got, (tuple, list)) and len(got) == 2, "return the two states (h, c)"
        for name, a, b in zip("ch", got[::-1], expected[::-1]):
            assert a.shape == b.shape, f"{name} should be {tuple(b.shape)}, with a kernel of {kernel}: {tuple(a.shape)}"
            off = (a - b).abs().max().item()
            assert off < 1e-5, f"{name} is off by up to {off:.2g} ({c_in} input channels, {channels} of the state)"


@guarded
def check_run_grid(run_grid):
    """Exercise 9.4. The cell must be asked as often as there are cells in the grid, and in an order that can be."""
    torch.manual_seed(3)
    cell = SpaceTimeConvLSTM(2, 3)
    cell.gates.weight.data *= 4  # so that every state tells
    for frames, objects in ((3, 3), (1, 4), (4, 1), (2, 3)):
        x = _random(frames, objects, 2, 2, 5, 6, seed=frames)
        got = run_grid(cell, x)
        assert got.shape == (frames, objects, 2, 3, 5, 6), f"{frames} frames, {objects} objects: got {tuple(got.shape)}"
        with torch.no_grad():
            expected = _reference(cell, x)
        for t in range(frames):
            for i in range(objects):
                off = (got[t, i] - expected[t][i]).abs().max().item()
                assert off < 1e-5, (
                    f"of {frames} frames and {objects} objects: frame {t}, object {i} is off by {off:.2g}"
                )


def _reference(cell, x):
    frames, objects = x.shape[:2]
    h, c = [[None] * objects for _ in range(frames)], [[None] * objects for _ in range(frames)]
    for t in range(frames):
        for i in range(objects):
            space = (h[t][i - 1], c[t][i - 1]) if i else (None, None)
            h[t][i], c[t][i] = cell(x[t, i], *space, h[t - 1][i] if t else None)
    return h
