"""The linear target model and its loss against closed forms and plain loops."""

import numpy as np
import pytest
import torch
from torch import nn

from vosbook.target_model.loss import pixel_weights, residuals, target_influence, target_loss, target_scores, upsample


def labels(*shares: float, size: tuple[int, int] = (20, 50)) -> torch.Tensor:
    """Labels `(K, 1, H, W)` with these shares of target pixels, from the top left corner."""
    y = torch.zeros(len(shares), size[0] * size[1], dtype=torch.double)
    for y_k, share in zip(y, shares):
        y_k[: round(share * y.shape[1])] = 1
    return y.reshape(-1, 1, *size)


def test_scores_are_the_two_convolutions_of_equation_1():
    torch.manual_seed(0)
    x, w1, w2 = torch.randn(2, 6, 5, 7), torch.randn(4, 6, 1, 1), torch.randn(1, 4, 3, 3)
    first, second = nn.Conv2d(6, 4, 1, bias=False), nn.Conv2d(4, 1, 3, padding=1, bias=False)
    first.weight.data, second.weight.data = w1, w2
    torch.testing.assert_close(target_scores(x, (w1, w2)), second(first(x)).detach())
    torch.testing.assert_close(target_scores(first(x).detach(), (w2,)), second(first(x)).detach())


def test_a_score_is_a_weighted_sum_over_its_neighbourhood_with_a_zero_border():
    x, w1 = torch.arange(12.0).reshape(1, 1, 3, 4), torch.full((1, 1, 1, 1), 2.0)
    s = target_scores(x, (w1, torch.ones(1, 1, 3, 3)))
    assert s[0, 0, 1, 1] == 2 * (0 + 1 + 2 + 4 + 5 + 6 + 8 + 9 + 10)
    assert s[0, 0, 0, 0] == 2 * (0 + 1 + 4 + 5)


def test_upsampling_places_cell_centres_as_equation_2_needs():
    s = torch.tensor([[[[0.0, 1.0]]]])  # two cells over eight pixels: centres at 1.5 and 5.5
    expected = [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
    np.testing.assert_allclose(upsample(s, (1, 8)).ravel(), expected)


@pytest.mark.parametrize(
    ("share", "target", "background"),
    [
        (0.02, 0.1 / 0.02, 0.9 / 0.98),  # a small target is raised to a tenth of the weight
        (0.1, 1, 1),
        (0.4, 1, 1),  # kappa = kappa_hat: nothing to mend
    ],
)
def test_pixel_weights_are_equation_4(share, target, background):
    y = labels(share)
    v = pixel_weights(y)
    np.testing.assert_allclose(v[y == 1], target)
    np.testing.assert_allclose(v[y == 0], background)
    np.testing.assert_allclose(v.mean(), 1)
    np.testing.assert_allclose(v[y == 1].sum() / v.sum(), max(0.1, share))


def test_pixel_weights_are_per_sample_and_split_soft_labels_at_one_half():
    y = labels(0.02, 0.4)
    torch.testing.assert_close(pixel_weights(y * 0.51), pixel_weights(y))
    torch.testing.assert_close(pixel_weights(y)[:1], pixel_weights(y[:1]))
    assert (pixel_weights(y * 0.5) == 1).all()  # 0.5 is background: no target, so all weights are 1


def test_a_pixel_is_the_target_s_from_above_one_half():
    """40 of 1000 pixels are the target: 20 for sure, 20 by a little. 30 more are one half: background, as others."""
    y = labels(0.02)
    y.ravel()[20:40], y.ravel()[40:70] = 0.51, 0.5
    v = pixel_weights(y).ravel()
    np.testing.assert_allclose(v[:40], 0.1 / 0.04)
    np.testing.assert_allclose(v[40:], 0.9 / 0.96)


def test_a_target_of_fewer_than_ten_pixels_counts_as_a_tenth_of_the_frame():
    nine, ten = labels(0.009), labels(0.01)
    assert target_influence(nine).item() == pytest.approx(0.1)
    assert (pixel_weights(nine) == 1).all()
    assert target_influence(ten).item() == pytest.approx(0.01)


def test_a_target_that_fills_the_frame_has_weight_one_and_no_nan():
    assert (pixel_weights(labels(1.0)) == 1).all()


def test_another_kappa_min_is_the_target_s_share_of_the_weight():
    y = labels(0.02)
    v = pixel_weights(y, kappa_min=0.3)
    np.testing.assert_allclose(v[y == 1].sum() / v.sum(), 0.3)


def test_the_loss_is_a_plain_double_sum():
    """Every pixel's weight enters once, lambda squared, nothing is averaged."""
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal((2, 3, 2, 3)))
    w = torch.tensor(rng.standard_normal((4, 3, 1, 1))), torch.tensor(rng.standard_normal((1, 4, 3, 3)))
    y, gamma, lambda_ = labels(0.3, 0.05, size=(10, 24)), torch.tensor([0.7, 0.3], dtype=torch.double), (0.2, 0.5)
    v = pixel_weights(y)

    s = upsample(target_scores(x, w), (10, 24))
    total = 0.0
    for k in range(2):
        for n in range(10):
            for m in range(24):
                total += float(gamma[k] * v[k, 0, n, m] * (y[k, 0, n, m] - s[k, 0, n, m]) ** 2)
    total += sum(l_j**2 * float((w_j**2).sum()) for l_j, w_j in zip(lambda_, w))
    assert target_loss(w, x, y, v, gamma, lambda_=lambda_).item() == pytest.approx(total, rel=1e-12)


def test_the_regulariser_needs_one_lambda_for_each_layer():
    x, w, y = torch.zeros(1, 2, 2, 2), (torch.zeros(1, 2, 3, 3),), torch.zeros(1, 1, 4, 4)
    with pytest.raises(ValueError, match="longer"):
        residuals(w, x, y, y, torch.ones(1), lambda_=())
