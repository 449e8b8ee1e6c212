"""The cells that run against the cells as they are written, over shapes, dtypes and seeds, forward and backward."""

import pytest
import torch
from rounding import rounding
from torch import Tensor, nn

from vosbook.nn.conv_lstm import ConvLSTM, SpaceTimeConvLSTM
from vosbook.nn.plain_conv_lstm import plain_conv_lstm, plain_space_time

SHAPES = [(2, 3, 4, 3, (4, 5)), (1, 1, 3, 1, (3, 4)), (3, 6, 5, 5, (7, 3))]  # B, in, C, kernel, (h, w)
DTYPES = [torch.float64, torch.float32, torch.bfloat16]
every_case = [
    pytest.mark.parametrize("shape", SHAPES),
    pytest.mark.parametrize("dtype", DTYPES),
    pytest.mark.parametrize("seed", range(3)),
]


def over_all(test):
    for mark in every_case:
        test = mark(test)
    return test


def material(kind: type, shape: tuple, dtype: torch.dtype, seed: int, **options) -> tuple[nn.Module, list[Tensor]]:
    """A cell with random weights, an input, and three states."""
    B, inputs, C, kernel, size = shape
    generator = torch.Generator().manual_seed(seed)
    cell = kind(inputs, C, kernel, **options).to(dtype)
    for p in cell.parameters():
        p.data = (0.4 * torch.randn(p.shape, generator=generator)).to(dtype)
    tensors = [torch.randn(B, channels, *size, generator=generator).to(dtype) for channels in (inputs, C, C, C)]
    return cell, [t.requires_grad_() for t in tensors]


def assert_same(found: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor], cell: nn.Module, inputs: list[Tensor]):
    """h and c, and, where a ReLU's side is no matter of rounding, the gradients in the inputs and the weights."""
    terms = cell.gates.weight[0].numel()
    for name, a, b in zip("hc", found, wanted):
        assert a.dtype == b.dtype and b.std() > 0.02
        assert (a - b).abs().max() < rounding(b.detach(), terms=terms, layers=6), name
    if wanted[0].dtype == torch.bfloat16:
        return
    factors = [torch.randn(z.shape, generator=torch.Generator().manual_seed(9)).to(z) for z in wanted]
    variables = [*inputs, *cell.parameters()]
    gradients = [
        torch.autograd.grad(sum((z * k).sum() for z, k in zip(pair, factors)), variables) for pair in (found, wanted)
    ]
    positions = wanted[0][:, 0].numel()  # B h w, over which a weight's gradient is a sum
    for n, (a, b) in enumerate(zip(*gradients)):
        assert b.any()
        assert (a - b).abs().max() < rounding(b, terms=terms + positions, layers=12), n


@over_all
def test_the_cell_of_s2s(shape, dtype, seed):
    cell, (x, h, c, _) = material(ConvLSTM, shape, dtype, seed)
    assert_same(cell(x, (h, c)), plain_conv_lstm(cell, x, h, c), cell, [x, h, c])


@over_all
def test_the_cell_of_s2s_begins_with_zeros(shape, dtype, seed):
    cell, (x, h, c, _) = material(ConvLSTM, shape, dtype, seed)
    assert_same(cell(x), plain_conv_lstm(cell, x, torch.zeros_like(h), torch.zeros_like(c)), cell, [x])


@over_all
def test_the_cell_of_rvos(shape, dtype, seed):
    cell, inputs = material(SpaceTimeConvLSTM, shape, dtype, seed)
    assert_same(cell(*inputs), plain_space_time(cell, *inputs), cell, inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("absent", [("h_space",), ("c",), ("h_time",), ("h_space", "c"), ("h_space", "c", "h_time")])
def test_what_is_left_out_is_zeros(absent, dtype):
    cell, inputs = material(SpaceTimeConvLSTM, SHAPES[0], dtype, 0)
    given = dict(zip(("x", "h_space", "c", "h_time"), inputs))
    zeroed = {name: torch.zeros_like(t) if name in absent else t for name, t in given.items()}
    left_out = {name: None if name in absent else t for name, t in given.items()}
    there = [t for name, t in given.items() if name not in absent]
    assert_same(cell(**left_out), plain_space_time(cell, **zeroed), cell, there)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("space", "time"), [(True, False), (False, True), (False, False)])
def test_a_cell_without_one_recurrence(space, time, dtype):
    cell, (x, h_space, c, h_time) = material(SpaceTimeConvLSTM, SHAPES[0], dtype, 0, space=space, time=time)
    if not space:
        h_space, c = torch.zeros_like(h_space), torch.zeros_like(c)
    given = [x, *([h_space, c] if space else [None, None]), h_time if time else None]
    there = [t for t in given if t is not None]
    assert_same(cell(*given), plain_space_time(cell, x, h_space, c, h_time), cell, there)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("first", [False, True])
def test_what_objects_share_is_convolved_once(first, count, dtype):
    """The first channels of x apart from the others; also for the first object of the first frame."""
    cell, (x, *states) = material(SpaceTimeConvLSTM, SHAPES[0], dtype, 0)
    rest = x[:, count:] if count < x.shape[1] else None
    zeros = [torch.zeros_like(s) for s in states]
    found = cell(rest, *([] if first else states), shared=cell.share(x[:, :count]))
    wanted = plain_space_time(cell, x, *(zeros if first else states))
    assert_same(found, wanted, cell, [x] if first else [x, *states])
