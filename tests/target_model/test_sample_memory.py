"""The memory's weights and evictions against a plain simulation, and its contents against what was put in."""

import numpy as np
import pytest
import torch

from vosbook.target_model.loss import pixel_weights
from vosbook.target_model.memory import SampleMemory
from vosbook.target_model.stencil import normal_stencil

GRID, SIZE = (2, 3), (8, 12)
FIRST = [2 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6]


def filled(gamma=FIRST, **options) -> SampleMemory:
    """A memory whose first samples hold -1, -2, ... as features."""
    memory = SampleMemory(**options)
    k = len(gamma)
    z = -torch.arange(1.0, k + 1)[:, None, None, None].expand(k, 4, *GRID)
    memory.fill(z, torch.zeros(k, 2, 2, *GRID), torch.zeros(k, *GRID), torch.tensor(gamma))
    return memory


def insert(memory: SampleMemory, value: float) -> None:
    memory.insert(torch.full((1, 4, *GRID), value), label(value))


def label(value: float) -> torch.Tensor:
    y = torch.zeros(1, 1, *SIZE)
    y.flatten()[: 12 + int(value) % 40] = 1
    return y


def contents(memory: SampleMemory) -> dict[int, float]:
    """Feature value of every sample present -> its weight."""
    q = memory.quadratic()
    return {int(x[0, 0, 0]): float(g) for x, g in zip(q.x, q.gamma)}


def simulate(inserts: int, *, k_max: int, eta: float) -> dict[int, float]:
    """Section 3.4 in plain Python: name of the sample -> weight."""
    weights = {-k - 1: g for k, g in enumerate(FIRST)}
    newest = None
    for i in range(inserts):
        before = weights.get(newest)
        if len(weights) == k_max:
            del weights[min(weights, key=weights.get)]
        if newest is None:
            weights = {k: g * (1 - eta) for k, g in weights.items()}
            weights[i] = eta
        else:
            weights[i] = before / (1 - eta)
        newest = i
        total = sum(weights.values())
        weights = {k: g / total for k, g in weights.items()}
    return weights


@pytest.mark.parametrize(("k_max", "eta"), [(80, 0.1), (8, 0.1), (6, 0.3)])
def test_weights_and_evictions_follow_the_paper(k_max, eta):
    memory = filled(k_max=k_max, eta=eta)
    for i in range(120):
        assert contents(memory) == pytest.approx(simulate(i, k_max=k_max, eta=eta), rel=1e-5)
        insert(memory, i)
        assert memory.gamma.sum().item() == pytest.approx(1, abs=1e-12)


def test_steady_state():
    """The newest sample has weight 0.1, the memory acts like 19 equal samples."""
    memory = filled()
    for i in range(200):
        insert(memory, i)
    assert memory.gamma[memory.newest].item() == pytest.approx(0.1, abs=1e-4)
    assert 1 / memory.gamma.square().sum().item() == pytest.approx(19, abs=0.1)
    assert len(memory) == 80


def test_the_given_first_frame_is_not_protected():
    """0.6 % of the weight when frame 40 (counted from 1) is segmented; gone when frame 93 is."""
    memory = filled()
    share = {}
    for frame in range(2, 94):
        share[frame] = contents(memory).get(-1, 0.0)
        insert(memory, frame)
    assert share[2] == pytest.approx(1 / 3)
    assert share[40] == pytest.approx(0.006, abs=5e-4)
    assert share[92] > 0 and share[93] == 0


def test_a_sample_is_kept_as_stencil_of_its_own_label():
    memory = filled(k_max=7)
    for i in range(6):  # two of the first samples are overwritten, and some of these by the later
        insert(memory, i)
    q = memory.quadratic()
    for x, a, b in zip(q.x, q.a, q.b):
        if x[0, 0, 0] >= 0:
            y = label(float(x[0, 0, 0]))
            expected_a, expected_b = normal_stencil(y, pixel_weights(y), grid=GRID)
            torch.testing.assert_close(a, expected_a[0])
            torch.testing.assert_close(b, expected_b[0])


def test_storage_is_allocated_once():
    memory = filled(k_max=10)
    addresses = [t.data_ptr() for t in (memory._z, memory._a, memory._b)]
    for i in range(40):
        insert(memory, i)
    assert [t.data_ptr() for t in (memory._z, memory._a, memory._b)] == addresses
    assert len(memory._z) == 10


def test_first_weights_are_normalised_and_the_given_ones_kept():
    gamma = torch.tensor([4.0, 2.0, 2.0])
    memory = filled(gamma.tolist())
    np.testing.assert_allclose(memory.gamma, [0.5, 0.25, 0.25])
    assert gamma.tolist() == [4, 2, 2]


def test_more_first_samples_than_room_is_refused():
    with pytest.raises(ValueError, match="5 first samples do not fit a memory of 4"):
        filled(k_max=4)
