"""Both cells against the same written plainly: every gate its own convolution, every pixel its own sum."""

import math

import pytest
import torch
from torch import Tensor, nn

from vosbook.nn.conv_lstm import ConvLSTM, SpaceTimeConvLSTM

B, IN, C, SIZE = 2, 3, 4, (4, 5)


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _new(cell_type: type, *arguments, **options) -> nn.Module:
    """A cell in double precision with random weights and biases."""
    cell = cell_type(*arguments, **options).double()
    for n, p in enumerate(cell.parameters()):
        p.data = _random(*p.shape, seed=100 + n) * 0.4
    return cell


def _states(n: int) -> list[Tensor]:
    return [_random(B, C, *SIZE, seed=10 + k) for k in range(n)]


# ------------------------------------------------------------------------------------------------------ written plainly


def plain_convolution(z: list, weight: list, bias: list) -> list:
    """A zero-padded convolution in loops: z `[channel][row][column]`, weight `[out][in][dy][dx]` -> as z."""
    rows, columns, k = len(z[0]), len(z[0][0]), len(weight[0][0])
    out = [[[b] * columns for _ in range(rows)] for b in bias]
    for n, kernel in enumerate(weight):
        for y in range(rows):
            for x in range(columns):
                for m in range(len(z)):
                    for dy in range(k):
                        for dx in range(k):
                            at_y, at_x = y + dy - k // 2, x + dx - k // 2
                            if 0 <= at_y < rows and 0 <= at_x < columns:
                                out[n][y][x] += kernel[m][dy][dx] * z[m][at_y][at_x]
    return out


def plain_cell(cell: nn.Module, inputs: list[Tensor], c: Tensor, *, phi) -> tuple[Tensor, Tensor]:
    """h and c for every sample, pixel by pixel, from all that the gates see and the cell state before."""
    sigmoid = lambda a: 1 / (1 + math.exp(-a))  # noqa: E731
    weight, bias = cell.gates.weight.tolist(), cell.gates.bias.tolist()
    h_new, c_new = torch.empty_like(c), torch.empty_like(c)
    for n in range(len(c)):
        z = [plane for part in inputs for plane in part[n].tolist()]
        i, f, o, g = (plain_convolution(z, weight[k * C : k * C + C], bias[k * C : k * C + C]) for k in range(4))
        for m in range(C):
            for y in range(SIZE[0]):
                for x in range(SIZE[1]):
                    kept = sigmoid(f[m][y][x]) * c[n, m, y, x].item()
                    value = kept + sigmoid(i[m][y][x]) * phi(g[m][y][x])
                    c_new[n, m, y, x], h_new[n, m, y, x] = value, sigmoid(o[m][y][x]) * phi(value)
    return h_new, c_new


def relu(a: float) -> float:
    return max(a, 0.0)


def assert_equal(found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> None:
    for name, a, b in zip("hc", found, expected):
        assert b.std() > 0.05, f"{name} says nothing"
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12, msg=f"{name} differs")


# --------------------------------------------------------------------------------------------------------- the S2S form


@pytest.mark.parametrize("kernel", [1, 3, 5])
@torch.no_grad()
def test_conv_lstm_equals_the_plain_form(kernel):
    cell, x, (h, c) = _new(ConvLSTM, IN, C, kernel), _random(B, IN, *SIZE, seed=1), _states(2)
    assert_equal(cell(x, (h, c)), plain_cell(cell, [x, h], c, phi=relu))


@torch.no_grad()
def test_conv_lstm_begins_with_zeros():
    cell, x, zero = _new(ConvLSTM, IN, C), _random(B, IN, *SIZE, seed=1), torch.zeros(B, C, *SIZE).double()
    assert_equal(cell(x), plain_cell(cell, [x, zero], zero, phi=relu))
    assert_equal(cell(x), cell(x, (zero, zero)))


@torch.no_grad()
def test_conv_lstm_over_three_frames():
    cell, frames = _new(ConvLSTM, IN, C), [_random(B, IN, *SIZE, seed=t) for t in range(3)]
    state, plain = None, (torch.zeros(B, C, *SIZE).double(),) * 2
    for x in frames:
        state, plain = cell(x, state), plain_cell(cell, [x, plain[0]], plain[1], phi=relu)
    assert_equal(state, plain)


def test_conv_lstm_starts_as_the_paper_says():
    """Xavier of each gate's own convolution; the forget gate open."""
    torch.manual_seed(0)
    cell = ConvLSTM(20, 30, 3)
    i, f, o, g = cell.gates.bias.chunk(4)
    assert (f == 1).all()
    assert not any(bias.any() for bias in (i, o, g))
    bound = math.sqrt(6 / (9 * (20 + 30) + 9 * 30))
    for weight in cell.gates.weight.detach().chunk(4):
        assert weight.abs().max().item() == pytest.approx(bound, rel=1e-2)
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)


@torch.no_grad()
def test_an_open_forget_gate_and_a_shut_input_gate_keep_the_memory():
    cell, (h, c) = _new(ConvLSTM, IN, C), _states(2)
    cell.gates.weight.zero_()
    for bias, value in zip(cell.gates.bias.chunk(4), (-50, 50, 50, 1)):  # i shut, f and o open
        bias.fill_(value)
    h_new, c_new = cell(_random(B, IN, *SIZE, seed=1), (h, c))
    torch.testing.assert_close(c_new, c)
    torch.testing.assert_close(h_new, c.clamp(min=0))


# -------------------------------------------------------------------------------------------------------- the RVOS form


@torch.no_grad()
def test_space_time_cell_equals_the_plain_form():
    cell, x, (h_space, c, h_time) = _new(SpaceTimeConvLSTM, IN, C), _random(B, IN, *SIZE, seed=1), _states(3)
    assert_equal(cell(x, h_space, c, h_time), plain_cell(cell, [x, h_space, h_time], c, phi=math.tanh))


@pytest.mark.parametrize(("space", "time"), [(True, False), (False, True), (False, False)])
@torch.no_grad()
def test_cells_without_one_recurrence(space, time):
    cell, x = _new(SpaceTimeConvLSTM, IN, C, space=space, time=time), _random(B, IN, *SIZE, seed=1)
    h_space, c, h_time = _states(3)
    given = {"h_space": h_space, "c": c} if space else {}
    given |= {"h_time": h_time} if time else {}
    inputs = [x, *([h_space] if space else []), *([h_time] if time else [])]
    c = c if space else torch.zeros_like(c)
    assert_equal(cell(x, **given), plain_cell(cell, inputs, c, phi=math.tanh))


@pytest.mark.parametrize("absent", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
@torch.no_grad()
def test_absent_states_are_zeros(absent):
    cell, x, states = _new(SpaceTimeConvLSTM, IN, C), _random(B, IN, *SIZE, seed=1), _states(3)
    zeroed = [torch.zeros_like(s) if k in absent else s for k, s in enumerate(states)]
    left_out = [None if k in absent else s for k, s in enumerate(states)]
    h_space, c, h_time = zeroed
    expected = plain_cell(cell, [x, h_space, h_time], c, phi=math.tanh)
    assert_equal(cell(x, *left_out), expected)


@pytest.mark.parametrize("count", [1, 2, IN])
@pytest.mark.parametrize("absent", [(), (0, 2), (0, 1, 2)])
@torch.no_grad()
def test_channels_that_several_objects_share_are_summed_once(count, absent):
    cell, x = _new(SpaceTimeConvLSTM, IN, C), _random(B, IN, *SIZE, seed=1)
    states = [None if k in absent else s for k, s in enumerate(_states(3))]
    rest = x[:, count:] if count < IN else None
    assert_equal(cell(rest, *states, shared=cell.share(x[:, :count])), cell(x, *states))


def test_the_memory_goes_over_space_and_never_over_time():
    """In a grid of frames and objects, with the answers h cut off, c reaches the next object and not the next frame."""
    cell = _new(SpaceTimeConvLSTM, IN, C)
    c_first = torch.zeros(1, C, *SIZE, dtype=torch.float64, requires_grad=True)
    x = _random(1, IN, *SIZE, seed=1)
    h, c = cell(x, None, c_first)  # frame 0, object 0
    _, next_object = cell(x, h.detach(), c)  # frame 0, object 1
    h_next_frame, _ = cell(x, None, None, h.detach())  # frame 1, object 0
    assert torch.autograd.grad(next_object.sum(), c_first, retain_graph=True)[0].abs().max() > 0.01
    assert torch.autograd.grad(h_next_frame.sum(), c_first, allow_unused=True)[0] is None


# ------------------------------------------------------------------------------------------------------------ gradients


def test_conv_lstm_gradient_is_that_of_finite_differences():
    cell, states = _new(ConvLSTM, 2, 2), [_random(1, 2, 2, 3, seed=k).requires_grad_() for k in range(3)]

    def two_frames(x, h, c, *_):  # gradcheck changes in place the very parameters that the cell reads
        return cell(x.flip(-1), cell(x, (h, c)))

    assert torch.autograd.gradcheck(two_frames, (*states, *cell.parameters()))


@pytest.mark.parametrize(("space", "time"), [(True, True), (True, False), (False, True)])
def test_space_time_gradient_is_that_of_finite_differences(space, time):
    """Over two objects in two frames: every way that a state can go."""
    cell = _new(SpaceTimeConvLSTM, 2, 2, space=space, time=time)
    x = _random(1, 2, 2, 3, seed=1).requires_grad_()

    def grid(x, *_):
        h = {}
        for t in range(2):
            h_space = c = None
            for i in range(2):
                before = h.get((t - 1, i)) if time else None
                h[t, i], c = cell(x.roll(t + 2 * i, -1), h_space, c, before)
                h_space, c = (h[t, i], c) if space else (None, None)
        return tuple(h.values())

    assert torch.autograd.gradcheck(grid, (x, *cell.parameters()))


def test_states_given_are_not_changed():
    cell, states = _new(SpaceTimeConvLSTM, IN, C), _states(3)
    before = [s.clone() for s in states]
    cell(_random(B, IN, *SIZE, seed=1), *states)[0].sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(states, before))


# ---------------------------------------------------------------------------------------------------------- wrong input


def test_wrong_input_is_refused():
    x, (h, c) = _random(B, IN, *SIZE, seed=1), _states(2)
    with pytest.raises(ValueError, match="no recurrence over space"):
        SpaceTimeConvLSTM(IN, C, space=False)(x, h)
    with pytest.raises(ValueError, match="no recurrence over space"):
        SpaceTimeConvLSTM(IN, C, space=False)(x, None, c)
    with pytest.raises(ValueError, match="no recurrence over time"):
        SpaceTimeConvLSTM(IN, C, time=False)(x, h, c, h)
    with pytest.raises(ValueError, match="kernel must be odd, so that states keep their size, got 2"):
        ConvLSTM(IN, C, 2)
    cell = _new(ConvLSTM, IN, C)
    with pytest.raises(ValueError, match=r"x must be \(B, 3, 4, 5\), got \(2, 4, 4, 5\)"):
        cell(h, (h, c))
    with pytest.raises(ValueError, match=r"h must be \(B, 4, 4, 5\), got \(2, 4, 4, 4\)"):
        cell(x, (h[..., :4], c))
