"""Soft IoU against its closed form, matching against all permutations."""

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor

from vosbook.matching import assign, match, matched_loss, pairwise_soft_iou, soft_iou, soft_iou_loss, take_slots
from vosbook.metrics.region import jaccard


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _masks(*shape: int, seed: int = 1) -> Tensor:
    return (_random(*shape, seed=seed) > 0.7).double()


# ------------------------------------------------------------------------------------------------------------- soft IoU


def test_soft_iou_of_two_pixels_by_hand():
    p, y = torch.tensor([[0.5, 0.2]]), torch.tensor([[1.0, 0.0]])
    assert soft_iou(p, y).item() == pytest.approx(0.5 / (0.7 + 1 - 0.5), rel=1e-5)


def test_of_masks_it_is_the_jaccard_index():
    p, y = _masks(3, 4, 9, 11, seed=1), _masks(3, 4, 9, 11, seed=2)
    found = soft_iou(p, y)
    assert found.shape == (3, 4)
    for k in range(3):
        for n in range(4):
            expected = jaccard(p[k, n].bool().numpy(), y[k, n].bool().numpy())
            assert 0.05 < expected < 0.95
            assert found[k, n].item() == pytest.approx(expected, rel=1e-6)


def test_its_gradient_is_the_closed_form():
    """d/dp = (y U - I (1 - y)) / U^2, with I and U the soft intersection and union."""
    p, y = _random(2, 7, 8).requires_grad_(), _masks(2, 7, 8)
    soft_iou(p, y).sum().backward()
    both = (p * y).sum((1, 2), keepdim=True)
    union = (p + y - p * y).sum((1, 2), keepdim=True) + 1e-6
    torch.testing.assert_close(p.grad, ((y * union - both * (1 - y)) / union**2).detach())
    assert torch.autograd.gradcheck(soft_iou, (_random(2, 3, 4, seed=5).requires_grad_(), _masks(2, 3, 4)))


@pytest.mark.parametrize(
    ("p", "y", "expected"),
    [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.3, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 1.0, 1.0), (0.25, 1.0, 0.25)],
)
def test_empty_and_full_masks(p, y, expected):
    assert soft_iou(torch.full((5, 6), p), torch.full((5, 6), y)).item() == pytest.approx(expected, abs=1e-6)


def test_an_empty_truth_has_no_gradient_and_an_empty_answer_has():
    for p_value, y_value, some in ((0.4, 0.0, False), (0.0, 0.0, False), (0.0, 1.0, True)):
        p = torch.full((4, 4), p_value, requires_grad=True)
        soft_iou(p, torch.full((4, 4), y_value)).backward()
        assert p.grad.isfinite().all()
        assert p.grad.any() == some


def test_half_precision_and_bool_masks_are_summed_as_float():
    p, y = _random(400, 500).bfloat16(), _masks(400, 500)
    found = soft_iou(p, y.bool())
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(soft_iou(p.double(), y).item(), rel=1e-5)


def test_every_pair_equals_single_calls():
    p, y = _random(2, 3, 6, 7), _masks(2, 4, 6, 7)
    y[1, 2] = 0
    found = pairwise_soft_iou(p, y)
    assert found.shape == (2, 3, 4)
    torch.testing.assert_close(found, soft_iou(p[:, :, None], y[:, None]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(pairwise_soft_iou(p.float(), y.float()), found.float())


# ------------------------------------------------------------------------------------------------------------- matching


def brute_force(iou: list[list[float]], valid: list[bool], slots: int) -> float:
    """The greatest sum of IoUs of the valid objects, over all ways to give objects different slots."""
    objects = range(len(valid))
    ways = permutations(range(slots), len(valid))
    return max(sum(iou[way[m]][m] for m in objects if valid[m]) for way in ways)


@pytest.mark.parametrize(("slots", "objects"), [(1, 1), (4, 4), (5, 3), (6, 2)])
def test_matching_is_the_best_of_all_permutations(slots, objects):
    batch = 12
    p, y = _random(batch, slots, 3, 3, seed=3) ** 3, _masks(batch, objects, 3, 3, seed=4)
    valid = _random(batch, objects, seed=5) > 0.3
    valid[0] = False
    found, iou = match(p, y, valid), pairwise_soft_iou(p, y)
    assert found.shape == (batch, objects)
    assert found.dtype == torch.int64
    for b in range(batch):
        assert len(set(found[b].tolist())) == objects, "a slot came twice"
        value = sum(iou[b, found[b, m], m].item() for m in range(objects) if valid[b, m])
        assert value == pytest.approx(brute_force(iou[b].tolist(), valid[b].tolist(), slots))


def test_matching_finds_the_order_that_slots_were_put_in():
    y = torch.eye(12).view(12, 3, 4)[:5].expand(2, -1, -1, -1)  # five disjoint objects
    orders = torch.tensor([[3, 0, 4, 2, 1], [1, 2, 3, 4, 0]])
    p = torch.zeros(2, 6, 3, 4)
    for b in range(2):
        p[b, orders[b]] = 0.1 + 0.8 * y[b]  # the slot of object m is orders[b, m]; slot 5 stays empty
    found = match(p, y, torch.ones(2, 5, dtype=torch.bool))
    assert torch.equal(found, orders)
    torch.testing.assert_close(take_slots(p, found), 0.1 + 0.8 * y)


def test_the_best_sum_is_not_the_greedy_choice():
    """Object 0 fits slot 0 best, but then object 1 would have nothing."""
    y = torch.tensor([[1.0, 1, 0, 0], [0, 1, 1, 0]]).view(1, 2, 1, 4)
    p = torch.tensor([[0.6, 1, 0.4, 0], [0.9, 0, 0, 0.9]]).view(1, 2, 1, 4)
    iou = pairwise_soft_iou(p, y)[0]
    assert iou[0].argmax() == 0
    assert iou[:, 0].argmax() == 0
    assert match(p, y, torch.ones(1, 2, dtype=torch.bool)).tolist() == [[1, 0]]


def test_what_is_invalid_has_no_say():
    p, y = _random(3, 4, 5, 5), _masks(3, 4, 5, 5)
    valid = torch.tensor([[True, True, False, False]] * 3)
    other = y.clone()
    other[:, 2:] = p[:, 2:] > 0.5
    assert torch.equal(match(p, y, valid)[:, :2], match(p, other, valid)[:, :2])


def test_columns_of_what_is_invalid_may_hold_anything():
    S = np.array([[0.9, np.nan, 0.1], [0.1, np.inf, 0.6], [0.3, -np.inf, 0.2], [0.2, 1e300, 0.3]])
    assert assign(S, np.array([True, False, True])).tolist() == [0, -1, 1]
    assert assign(S, np.zeros(3, bool)).tolist() == [-1, -1, -1]


def test_matching_leaves_no_gradient():
    p = _random(1, 2, 3, 3).requires_grad_()
    assert not match(p, _masks(1, 2, 3, 3), torch.ones(1, 2, dtype=torch.bool)).requires_grad


def test_more_objects_than_slots_are_refused():
    with pytest.raises(ValueError, match="3 objects cannot be matched with 2 slots"):
        match(_random(1, 2, 3, 3), _masks(1, 3, 3, 3), torch.ones(1, 3, dtype=torch.bool))


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 5, 3, 4, 4)])
def test_slots_are_taken_per_clip(shape):
    p, slots = _random(*shape), torch.tensor([[4, 0], [1, 3]])
    taken = take_slots(p, slots)
    for b in range(2):
        for m in range(2):
            assert torch.equal(taken[b, m], p[b, slots[b, m]])


# ----------------------------------------------------------------------------------------------------------------- loss


def test_the_loss_is_summed_over_frames_and_averaged_over_valid_objects():
    p, y = _random(2, 3, 4, 5, 6).requires_grad_(), _masks(2, 3, 4, 5, 6)
    valid = torch.tensor([[True, True, False, True], [False, False, True, False]])
    loss = soft_iou_loss(p, y, valid)
    each = [
        1 - (p[b, t, n] * y[b, t, n]).sum() / (p[b, t, n] + y[b, t, n] - p[b, t, n] * y[b, t, n]).sum()
        for b in range(2)
        for n in range(4)
        for t in range(3)
        if valid[b, n]
    ]
    assert loss.item() == pytest.approx(sum(e.item() for e in each) / 4, rel=1e-6)
    loss.backward()
    per_object = p.grad.abs().sum((1, 3, 4))  # (B, N)
    assert torch.equal(per_object > 0, valid)


def test_a_batch_without_an_object_costs_nothing():
    p = _random(1, 2, 3, 4, 4).requires_grad_()
    loss = soft_iou_loss(p, torch.zeros(1, 2, 3, 4, 4), torch.zeros(1, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert not p.grad.any()


@pytest.mark.parametrize("seed", range(3))
def test_slots_of_a_clip_are_matched_on_its_first_frame_and_kept(seed):
    """Against all ways to give each clip's objects different slots, tried on the first frame."""
    p = _random(2, 3, 4, 5, 6, seed=seed).requires_grad_()  # B, T, N, H, W
    y, valid = _masks(2, 3, 3, 5, 6, seed=seed + 10), torch.tensor([[True, True, True], [True, False, False]])
    losses = []
    for b in range(2):
        objects = valid[b].nonzero()[:, 0].tolist()
        ways = list(permutations(range(4), len(objects)))
        first = [sum(1 - soft_iou(p[b, 0, n], y[b, 0, m]) for n, m in zip(way, objects)).item() for way in ways]
        best = ways[first.index(min(first))]
        losses += [(1 - soft_iou(p[b, :, n], y[b, :, m])).sum() for n, m in zip(best, objects)]
    found, expected = matched_loss(p, y, valid), torch.stack(losses).mean()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(loss, p, retain_graph=True)[0] for loss in (found, expected)))
