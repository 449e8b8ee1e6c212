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


def test_while_nothing_is_evicted_every_insert_takes_eta():
    """Closed form of the rule: an exponential moving average, eta (1 - eta)^age."""
    memory = filled(k_max=60, eta=0.2)
    for i in range(50):
        insert(memory, i)
    expected = [0.8**50 * g for g in FIRST] + [0.2 * 0.8 ** (49 - i) for i in range(50)]
    np.testing.assert_allclose(memory.gamma, expected, rtol=1e-6)


# ---------------------------------------------------------------------------------------- our option: it is protected


def first_share(memory: SampleMemory) -> float:
    return sum(g for value, g in contents(memory).items() if value < 0)


def test_a_protected_first_frame_keeps_its_share_and_is_never_evicted():
    memory = filled(k_max=9, first_frame_share=0.3)
    for i in range(100):
        insert(memory, i)
        if i < 4:  # nothing was evicted yet, and its share is more than 0.3 by itself
            assert first_share(memory) == pytest.approx(0.9 ** (i + 1))
        assert first_share(memory) > 0.3 - 1e-6
        assert memory.gamma.sum().item() == pytest.approx(1, abs=1e-12)
    weights = contents(memory)
    assert sorted(weights) == [-5, -4, -3, -2, -1, 96, 97, 98, 99]
    np.testing.assert_allclose([weights[-k] for k in range(1, 6)], [0.3 * g for g in FIRST], rtol=1e-5)


def test_protection_lowers_all_other_weights_in_proportion():
    plain, protected = filled(), filled(first_frame_share=0.25)
    for i in range(40):
        insert(plain, i)
        insert(protected, i)
    ratio = protected.gamma[5:] / plain.gamma[5:]
    np.testing.assert_allclose(ratio, 0.75 / (1 - 0.9**40), rtol=1e-6)
    assert contents(filled(first_frame_share=0.25)) == contents(filled())  # before the first insert it does nothing


def test_protection_survives_a_video_without_end():
    """By section 3.4 alone the first frame's share is a number too small for a float."""
    memory = filled(k_max=7, eta=0.9, first_frame_share=0.2)
    for i in range(500):
        insert(memory, i)
    assert first_share(memory) == pytest.approx(0.2) and torch.isfinite(memory.gamma).all()


def test_protected_first_samples_must_leave_room():
    with pytest.raises(ValueError, match="5 first samples that stay leave no room in a memory of 5"):
        filled(k_max=5, first_frame_share=0.1)
    assert len(filled(k_max=5)) == 5


def test_the_released_codes_first_insert_weighs_less_and_later_ones_come_nearer_to_eta():
    """The first frame's weights are divided by 1 - eta, not multiplied: 0.1 / (0.1 + 1 / 0.9) is .0826."""
    memory = filled(first_insert="released")
    newest = []
    for i in range(40):
        insert(memory, i)
        newest.append(contents(memory)[i])
    g = 0.1 / (0.1 + 1 / 0.9)
    for expected in newest[:5]:
        assert expected == pytest.approx(g, rel=1e-5)
        g = g / 0.9 / (1 + g / 0.9)
    assert [round(w, 4) for w in newest[:2]] == [0.0826, 0.0840]
    assert newest[0] < newest[10] < newest[-1] < 0.1
    assert newest[-1] == pytest.approx(0.1, abs=5e-4)
