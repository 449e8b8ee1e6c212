"""Checks of chapter 09. Each compares values on several cases, and its message says what was seen, not the answer."""

import math
from fractions import Fraction

import torch
from checks import cases
from checks.gradients import compare_gradients, leaves
from checks.guard import guarded
from checks.whole import assert_integers
from torch import nn

from vosbook.nn.conv_lstm import ConvLSTM, SpaceTimeConvLSTM
from vosbook.nn.wavefront import two_loops


@guarded
def check_frames_until_half(frames_until_half):
    """Exercise 9.3. The answers are counted by multiplying; none lies at the edge but the first."""
    drawn = cases.generator().uniform(-3, 5.5, 6).round(3).tolist()
    for bias in (0, -2, 0.5, 1, 2, 3, 4, 5, *drawn):
        gate = Fraction(1 / (1 + math.exp(-bias)))
        left, want = gate, 1
        while left > Fraction(1, 2) + Fraction(1, 10**12):
            left, want = Fraction(float(left * gate)), want + 1
        if bias and abs(left - Fraction(1, 2)) < 1e-9:
            continue  # a matter of rounding
        got = frames_until_half(bias)
        assert got == want, (
            f"forget bias {bias}: at most half is left after {want} frames for the first time, got {got}"
        )
        assert_integers(f"forget bias {bias}", got)


@guarded
def check_kernel_for(kernel_for):
    """Exercise 9.4."""
    rng = cases.generator()
    pairs = [(0, 4), (1, 1), (3, 4), (4, 4), (5, 4), (8, 4), (9, 4), (30, 32), (7, 2), (65, 32)]
    slow, beyond = (0.25, 32), (16.5, 16)  # less than a cell, and a little more than one
    halves = [(whole + 0.5, stride) for whole, stride in rng.integers(1, 70, (4, 2)).tolist()]
    for speed, stride in [*pairs, slow, beyond, *halves, *rng.integers(1, 70, (6, 2)).tolist()]:
        want = 1
        while want // 2 * stride < speed:  # how far it sees to one side, in pixels
            want += 2
        got = kernel_for(speed, stride)
        case = f"{speed} pixels a frame at stride {stride}"
        assert got % 2 == 1, f"{case}: {got} is not odd"
        least = "cannot keep up" if got < want else "is larger than it must be"
        assert got == want, f"{case}: a kernel of {got} {least}"
        assert_integers(case, got)


@guarded
def check_conv_lstm_step(conv_lstm_step):
    """Exercise 9.1: values, and gradients, with ReLU as S2S has it and with tanh as RVOS has it."""
    rng, generator = cases.generator(), cases.torch_generator()

    def randn(*shape):
        return torch.randn(*shape, generator=generator)

    drawn = (*rng.integers(2, 6, 2).tolist(), int(rng.choice([1, 3, 5])))
    for c_in, channels, kernel in [(2, 3, 3), (5, 2, 1), (3, 3, 5), (1, 1, 3), drawn]:
        B, size = int(rng.integers(1, 4)), cases.draw_size(rng, 4, 8)
        for name_of_phi, phi in (("ReLU", torch.relu), ("tanh", torch.tanh)):
            given = leaves(
                x=randn(B, c_in, *size),
                h=randn(B, channels, *size),
                c=randn(B, channels, *size),
                weight=randn(4 * channels, c_in + channels, kernel, kernel) / kernel,
                bias=randn(4 * channels),
            )
            expected = library_step(**given, phi=phi)
            got = conv_lstm_step(*given.values(), phi)
            assert isinstance(got, (tuple, list)) and len(got) == 2, "return the two states (h, c)"
            case = f"{c_in} input channels, {channels} of the state, kernel {kernel}, {name_of_phi}"
            for name, a, b in zip("ch", got[::-1], expected[::-1]):
                assert a.shape == b.shape, f"{case}: {name} should be {tuple(b.shape)}, got {tuple(a.shape)}"
                off = (a - b).abs().max().item()
                assert off < 1e-4 * (1 + b.abs().max().item()), f"{case}: {name} is off by up to {off:.2g}"
            compare_gradients(case, got, expected, given)


def library_step(x, h, c, weight, bias, phi):
    """The library has ReLU in one of its cells and tanh in the other. Both are made without weights of their own."""
    sizes = x.shape[1], h.shape[1], weight.shape[-1]
    parameters = {"gates.weight": weight, "gates.bias": bias}
    with torch.device("meta"):
        cell = ConvLSTM(*sizes) if phi is torch.relu else SpaceTimeConvLSTM(*sizes, time=False)
    given = (x, (h, c)) if phi is torch.relu else (x, h, c)
    return torch.func.functional_call(cell, parameters, given)


class _Cell(nn.Module):
    """A cell that counts its calls, and begins with states of its own: None is not the same as zeros."""

    def __init__(self, inputs, channels, generator):
        super().__init__()
        self.cell, self.calls = SpaceTimeConvLSTM(inputs, channels), 0
        self.begin = torch.randn(3, channels, 1, 1, generator=generator)
        for parameter in self.cell.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) / 2  # so that every state tells

    def forward(self, x, h_space, c, h_time):
        self.calls += 1
        like = torch.zeros(len(x), self.begin.shape[1], *x.shape[-2:])
        states = [like + own if one is None else one for one, own in zip((h_space, c, h_time), self.begin)]
        return self.cell(x, *states)


@guarded
def check_run_grid(run_grid):
    """Exercise 9.2. The cell must be asked as often as there are cells in the grid, and in an order that can be."""
    rng, generator = cases.generator(), cases.torch_generator()
    for frames, objects in ((3, 3), (1, 4), (7, 1), (2, 3), (1, 1), tuple(rng.integers(2, 5, 2).tolist())):
        inputs, channels, B, size = int(rng.integers(1, 4)), int(rng.integers(2, 5)), 2, cases.draw_size(rng, 3, 6)
        cell = _Cell(inputs, channels, generator)
        given = leaves(x=torch.randn(frames, objects, B, inputs, *size, generator=generator))
        got = run_grid(cell, given["x"])
        case, calls = f"{frames} frames and {objects} objects", cell.calls
        shape = (frames, objects, B, channels, *size)
        assert tuple(got.shape) == shape, f"{case}: the answers are {shape}, got {tuple(got.shape)}"
        expected = torch.stack([torch.stack(row) for row in _reference(cell, given["x"])])
        off = (got - expected).abs().amax(dim=(2, 3, 4, 5))
        for t, i in (off > 1e-4).nonzero().tolist():
            raise AssertionError(f"of {case}: frame {t}, object {i} is off by {off[t, i]:.2g}")
        assert calls == frames * objects, f"{case}: the answers are right, but the cell was asked {calls} times"
        compare_gradients(case, got, expected, given)


def _reference(cell, x):
    frames, objects = x.shape[:2]
    h, c = [[None] * objects for _ in range(frames)], [[None] * objects for _ in range(frames)]
    for t in range(frames):
        for i in range(objects):
            before = (h[t][i - 1], c[t][i - 1]) if i else (None, None)
            h[t][i], c[t][i] = cell(x[t, i], *before, h[t - 1][i] if t else None)
    return h


def library_grid(cell, x):
    """All answers, by frame and object: the library's two loops."""

    def step(cells, space, time):
        h, c = cell(x[cells[0]], *(space or (None, None)), *(time or (None,)))
        return h, (h, c), (h,)

    answers = two_loops(step, range(len(x)), range(x.shape[1]))
    return torch.stack([answers[t, i] for t in range(len(x)) for i in range(x.shape[1])]).unflatten(0, x.shape[:2])
