"""Soft aggregation against values worked out by hand, and against a plain loop over pixels."""

import math

import pytest
import torch

from vosbook.merge import normalised_odds, soft_aggregate, to_labels, where_it_wins, without_rivals


def _plain_pixel(p: list[float]) -> list[float]:
    """One pixel, in the order of the definition."""
    p = [min(max(x, 1e-7), 1 - 1e-7) for x in p]
    everything = [min(1 - x for x in p), *p]
    odds = [x / (1 - x) for x in everything]
    top = max(odds)
    powers = [math.exp(x - top) for x in odds]
    return [x / sum(powers) for x in powers]


def test_one_object_by_hand():
    # p = 0.8: odds 4 against 0.25, so 1 / (1 + exp(-3.75))
    merged = soft_aggregate(torch.tensor([[[0.8]]], dtype=torch.float64))
    assert merged[1].item() == pytest.approx(1 / (1 + math.exp(-3.75)), abs=1e-12)
    assert merged.sum().item() == pytest.approx(1)


def test_equals_a_plain_loop():
    p = torch.rand(4, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p[0, 0, 0], p[1, 0, 1] = 0.0, 1.0
    merged = soft_aggregate(p)
    for y in range(5):
        for x in range(6):
            want = torch.tensor(_plain_pixel(p[:, y, x].tolist()), dtype=torch.float64)
            assert torch.allclose(merged[:, y, x], want, atol=1e-12)


def test_one_object_wins_exactly_above_a_half():
    p = torch.tensor([[[0.0, 0.49999, 0.5, 0.50001, 1.0]]])
    assert to_labels(soft_aggregate(p), [7]).tolist() == [[0, 0, 0, 7, 7]]


def test_labels_are_ids_and_the_likeliest_object_wins():
    p = torch.tensor([[[0.9, 0.2, 0.6]], [[0.7, 0.3, 0.8]]])
    assert to_labels(soft_aggregate(p), [3, 200]).tolist() == [[3, 0, 200]]


def test_what_is_remembered_is_zero_where_another_object_wins_but_not_where_the_background_does():
    merged = soft_aggregate(torch.tensor([[[0.9, 0.2]], [[0.7, 0.3]]]))
    kept = without_rivals(merged)
    assert kept[0, 0, 0] == merged[1, 0, 0] > 0.5
    assert kept[1, 0, 0] == 0
    assert torch.equal(kept[:, 0, 1], merged[1:, 0, 1])


def test_the_released_rule_clears_a_label_where_the_background_wins_too():
    merged = soft_aggregate(torch.tensor([[[0.9, 0.2]], [[0.7, 0.3]]]))
    kept = where_it_wins(merged)
    assert kept[0, 0, 0] == merged[1, 0, 0] > 0.5
    assert kept[1, 0, 0] == 0
    assert kept[:, 0, 1].tolist() == [0, 0]


def test_normalised_odds_are_a_softmax_of_logits_over_a_product_for_the_background():
    p = torch.rand(3, 5, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    everything = torch.cat([(1 - p).prod(dim=0, keepdim=True), p])
    torch.testing.assert_close(normalised_odds(p), everything.logit().softmax(dim=0))


def test_normalised_odds_of_one_object_by_hand():
    merged = normalised_odds(torch.tensor([[[0.8, 0.5, 0.0, 1.0]]], dtype=torch.float64))
    expected = torch.tensor([0.64 / 0.68, 0.5, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(merged[1, 0], expected)


def test_the_callers_probabilities_stay():
    p = torch.tensor([[[0.0, 1.0]]])
    soft_aggregate(p)
    assert p.tolist() == [[[0.0, 1.0]]]


def test_wrong_arguments_show_their_values():
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        soft_aggregate(torch.rand(3, 4))
    with pytest.raises(ValueError, match="2 ids need 3"):
        to_labels(torch.rand(2, 3, 4), [1, 2])


def test_labels_take_a_byte_each():
    # masks are written, compared and kept as bytes; 255 is the largest id there is
    labels = to_labels(soft_aggregate(torch.tensor([[[0.9, 0.1]]])), [255])
    assert labels.dtype == torch.uint8 and labels.tolist() == [[255, 0]]
