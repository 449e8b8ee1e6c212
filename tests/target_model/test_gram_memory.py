"""The memory of summed normal equations against the sample memory and the closed form of its weights."""

import pytest
import torch

from vosbook.target_model.gram import GramMemory, gram
from vosbook.target_model.loss import pixel_weights
from vosbook.target_model.memory import SampleMemory
from vosbook.target_model.stencil import FilterQuadratic, normal_stencil

GRID, SIZE, CHANNELS = (3, 5), (40, 61), 4
FIRST = torch.tensor([2, 1, 1, 1, 1], dtype=torch.double) / 6


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def samples(k: int, *, dtype=torch.double) -> tuple[torch.Tensor, torch.Tensor]:
    """Projected features `(k, c, h, w)` and soft labels `(k, 1, H, W)`."""
    return torch.randn(k, CHANNELS, *GRID, dtype=dtype), torch.rand(k, 1, *SIZE, dtype=dtype) ** 2


def equations(z: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return z, *normal_stencil(y, pixel_weights(y), grid=GRID)


def assert_same_quadratic(one, other, **tolerance):
    f = torch.randn(9, CHANNELS, dtype=torch.double)
    torch.testing.assert_close(one.hessian(f), other.hessian(f), **tolerance)
    torch.testing.assert_close(one.gradient(f), other.gradient(f), **tolerance)


@pytest.mark.parametrize("grid", [(4, 6), (5, 3), (1, 4), (2, 1)])
def test_the_matrix_is_the_quadratic_of_its_samples(grid):
    """And symmetric, although half of it is only mirrored."""
    z, y, gamma = torch.randn(3, 7, *grid).double(), torch.rand(3, 1, 32, 47).double(), torch.rand(3).double()
    a, b = normal_stencil(y, pixel_weights(y), grid=grid)
    q, expected, f = gram(z, a, b, gamma), FilterQuadratic(z, a, b, gamma), torch.randn(9, 7).double()
    torch.testing.assert_close(q.hessian(f), expected.hessian(f))
    torch.testing.assert_close(q.gradient(f), expected.gradient(f))
    torch.testing.assert_close(q.h, q.h.T)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.25])
@pytest.mark.parametrize("eta", [0.1, 0.4])
def test_it_is_a_sample_memory_that_never_evicts(share, eta):
    """After every one of 60 inserts; a share of 0.02 takes effect halfway, one of 0.25 almost at once."""
    endless = SampleMemory(k_max=5 + 60, eta=eta, first_frame_share=share)
    memory = GramMemory(eta=eta, first_frame_share=share)
    first = equations(*samples(5))
    for one in (endless, memory):
        one.fill(*first, FIRST)
    for z, y in zip(*samples(60)):
        assert_same_quadratic(memory.quadratic(), endless.quadratic(), rtol=1e-10, atol=1e-10)
        for one in (endless, memory):
            one.insert(z[None], y[None])
    assert_same_quadratic(memory.quadratic(), endless.quadratic(), rtol=1e-10, atol=1e-10)


def test_single_precision_stays_exact_over_a_long_video():
    z, y = samples(300, dtype=torch.float)
    single, double = GramMemory(), GramMemory()
    single.fill(*equations(z[:5], y[:5]), FIRST)
    double.fill(*equations(z[:5].double(), y[:5].double()), FIRST)
    for z_k, y_k in zip(z[5:, None], y[5:, None]):
        single.insert(z_k, y_k)
        double.insert(z_k.double(), y_k.double())
    h, expected = single.quadratic().h, double.quadratic().h
    assert (h - expected).norm() < 1e-6 * expected.norm()


def test_weights_are_an_exponential_moving_average():
    """Closed form: eta (1 - eta)^age for an inserted sample, (1 - eta)^n for the first frame's."""
    (z, y), eta, n = samples(5 + 7), 0.3, 7
    memory = GramMemory(eta=eta)
    memory.fill(*equations(z[:5], y[:5]), 4 * FIRST)
    for z_k, y_k in zip(z[5:, None], y[5:, None]):
        memory.insert(z_k, y_k)
    later = eta * (1 - eta) ** torch.arange(n - 1, -1, -1, dtype=torch.double)
    gamma = torch.cat([(1 - eta) ** n * FIRST, later])
    assert gamma.sum().item() == pytest.approx(1)
    assert_same_quadratic(memory.quadratic(), FilterQuadratic(*equations(z, y), gamma))


def test_it_is_of_constant_size():
    memory = GramMemory()
    memory.fill(*equations(*samples(5)), FIRST)
    sizes = set()
    for z, y in zip(*samples(40)):
        memory.insert(z[None], y[None])
        q = memory.quadratic()
        sizes.add((q.h.untyped_storage().nbytes(), q.g.untyped_storage().nbytes()))
    n = 9 * CHANNELS
    assert sizes == {(8 * n * n, 8 * n)}


def test_an_insert_leaves_the_quadratic_given_before():
    memory = GramMemory()
    memory.fill(*equations(*samples(5)), FIRST)
    before = memory.quadratic()
    h, g = before.h.clone(), before.g.clone()
    memory.insert(*(t[:1] for t in samples(1)))
    assert torch.equal(before.h, h) and torch.equal(before.g, g)
    assert not torch.allclose(memory.quadratic().h, h)


def test_the_given_tensors_stay_as_they_are():
    (z, y), memory = samples(6), GramMemory()
    given = *equations(z[:5], y[:5]), FIRST.clone(), z[5:], y[5:]
    before = [t.clone() for t in given]
    memory.fill(*given[:4])
    memory.insert(*given[4:])
    torch.testing.assert_close(list(given), before, rtol=0, atol=0)


def test_filling_again_begins_anew():
    (z, y), memory, fresh = samples(10), GramMemory(first_frame_share=0.2), GramMemory(first_frame_share=0.2)
    memory.fill(*equations(z[5:], y[5:]), FIRST)
    memory.insert(z[:1], y[:1])
    for one in (memory, fresh):
        one.fill(*equations(z[:5], y[:5]), FIRST)
        one.insert(z[5:6], y[5:6])
    assert_same_quadratic(memory.quadratic(), fresh.quadratic())


def test_kappa_min_weighs_the_labels():
    z, _ = samples(2)
    y = torch.zeros(2, 1, *SIZE).double()
    y[:, :, 5:15, 5:15] = 1  # 4 % of the frame
    memory = GramMemory(eta=0.5, kappa_min=0.4)
    a, b = normal_stencil(y, pixel_weights(y, kappa_min=0.4), grid=GRID)
    memory.fill(z[:1], a[:1], b[:1], torch.ones(1))
    memory.insert(z[1:], y[1:])
    assert_same_quadratic(memory.quadratic(), FilterQuadratic(z, a, b, torch.full((2,), 0.5).double()))
