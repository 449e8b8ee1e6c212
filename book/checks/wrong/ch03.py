"""Wrong answers to the exercises of chapter 03, named after the mistake."""

import numpy as np
import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------ Exercise 3.2


def _influence(y):
    return y.mean() if y.sum() >= 10 else 0.1


def no_maximum(y, kappa_min):
    """Sets kappa to kappa_min, also where the target is larger: it then loses weight."""
    share = _influence(y)
    return kappa_min / share, (1 - kappa_min) / (1 - share)


def upside_down(y, kappa_min):
    """Divides the actual influence by the desired one."""
    share = _influence(y)
    kappa = max(kappa_min, share)
    return share / kappa, (1 - share) / (1 - kappa)


def background_unweighted(y, kappa_min):
    """Raises the target and leaves the background at 1, so that the weights no longer average 1."""
    share = _influence(y)
    return max(kappa_min, share) / share, 1.0


def target_over_background(y, kappa_min):
    """Takes the ratio of target to background pixels for the share of all."""
    share = y.sum() / (y == 0).sum() if y.sum() >= 10 else 0.1
    kappa = max(kappa_min, share)
    return kappa / share, (1 - kappa) / (1 - share)


def tiny_targets_explode(y, kappa_min):
    """Forgets the rule for fewer than 10 pixels."""
    share = max(y.mean(), 1e-9)
    kappa = max(kappa_min, share)
    return kappa / share, (1 - kappa) / (1 - share)


def ten_counts_as_tiny(y, kappa_min):
    """Applies that rule to 10 pixels as well."""
    share = y.mean() if y.sum() > 10 else 0.1
    kappa = max(kappa_min, share)
    return kappa / share, (1 - kappa) / (1 - share)


def tiny_targets_weigh_one(y, kappa_min):
    """Returns 1 for fewer than 10 pixels: true of kappa_min = 0.1 only."""
    if y.sum() < 10:
        return 1.0, 1.0
    kappa = max(kappa_min, y.mean())
    return kappa / y.mean(), (1 - kappa) / (1 - y.mean())


def area_of_one_example(y, kappa_min):
    """Divides by the 2000 pixels of an example."""
    kappa_hat = y.sum() / 2000 if y.sum() >= 10 else 0.1
    kappa = max(kappa_min, kappa_hat)
    return kappa / kappa_hat, (1 - kappa) / (1 - kappa_hat)


def smaller_of_the_two(y, kappa_min):
    """Takes the minimum where kappa is the maximum."""
    kappa_hat = _influence(y)
    kappa = min(kappa_min, kappa_hat)
    return kappa / kappa_hat, (1 - kappa) / (1 - kappa_hat)


def tiny_targets_at_the_minimum(y, kappa_min):
    """Takes kappa_min for the share of a tiny target."""
    kappa_hat = y.mean() if y.sum() >= 10 else kappa_min
    kappa = max(kappa_min, kappa_hat)
    return kappa / kappa_hat, (1 - kappa) / (1 - kappa_hat)


def roots(y, kappa_min):
    """Gives the roots, which multiply the residual."""
    kappa_hat = _influence(y)
    kappa = max(kappa_min, kappa_hat)
    return np.sqrt(kappa / kappa_hat), np.sqrt((1 - kappa) / (1 - kappa_hat))


def kappa_itself(y, kappa_min):
    """Gives kappa and 1 - kappa, the influence of all target pixels together."""
    kappa = max(kappa_min, _influence(y))
    return kappa, 1 - kappa


def at_most_half(y, kappa_min):
    """Lets the target have at most half of the influence."""
    kappa_hat = _influence(y)
    kappa = min(max(kappa_min, kappa_hat), 0.5)
    return kappa / kappa_hat, (1 - kappa) / (1 - kappa_hat)


# ------------------------------------------------------------------------------------------------ Exercise 3.1


def flipped(w1, w2):
    """Turns the kernel around, as a convolution in the mathematical sense would."""
    return torch.einsum("ocij,cC->oCij", w2.flip(2, 3), w1[:, :, 0, 0])


def rows_for_columns(w1, w2):
    """Exchanges the kernel's two axes."""
    return torch.einsum("ocij,cC->oCji", w2, w1[:, :, 0, 0])


def mean_over_channels(w1, w2):
    """Averages over the c channels between the layers instead of summing."""
    return torch.einsum("ocij,cC->oCij", w2, w1[:, :, 0, 0]) / len(w1)


def transposed_w1(w1, w2):
    """Reads w1 as (C, c): its entries land in the wrong places."""
    c, channels = w1.shape[:2]
    return torch.einsum("ocij,Cc->oCij", w2, w1.reshape(channels, c))


def sums_before_the_product(w1, w2):
    """Adds up each layer's channels and then multiplies."""
    return w2.sum(1, keepdim=True) * w1.sum(0, keepdim=True)


def first_channel_of_w2(w1, w2):
    """Lets one hidden channel speak for all."""
    return torch.einsum("ij,C->Cij", w2[0, 0], w1[0, :, 0, 0])[None]


def one_kernel_for_all_channels(w1, w2):
    """Sums over the hidden channels with w2 alone."""
    return w2.sum(1, keepdim=True) * w1.sum(0)[None]


def turned_around(w1, w2):
    """Turns the kernel in both directions, as a convolution of mathematics would."""
    return torch.einsum("ocij,cC->oCij", w2, w1[:, :, 0, 0]).flip(2, 3)


def normalised(w1, w2):
    """Divides by the number of hidden channels."""
    return torch.einsum("ocij,cC->oCij", w2, w1[:, :, 0, 0]) / len(w1)


def the_last_channel_is_lost(w1, w2):
    """Ends the sum one too early where there are two hidden channels or more."""
    n = max(len(w1) - 1, 1)
    return torch.einsum("ocij,cC->oCij", w2[:, :n], w1[:n, :, 0, 0])


def scales_w2_in_place(w1, w2):
    """Right for one channel after the other, but multiplies into the caller's w2."""
    kernel = torch.einsum("ocij,cC->oCij", w2, w1[:, :, 0, 0])
    w2 *= w1[:, 0, 0, 0].view(1, -1, 1, 1)
    return kernel


# ------------------------------------------------------------------------------------------------ Exercise 3.3


def unweighted(U, y, v):
    """Ignores the weights."""
    return np.linalg.lstsq(U, y, rcond=None)[0]


def weights_squared(U, y, v):
    """Multiplies the residual by v, so that the square carries v twice."""
    return np.linalg.lstsq(v[:, None] * U, v * y, rcond=None)[0]


def label_not_weighted(U, y, v):
    """Weighs the matrix and forgets the label."""
    return np.linalg.lstsq(np.sqrt(v)[:, None] * U, y, rcond=None)[0]


def transposed_average(U, y, v):
    """Takes the weighted mean of the pixels that a cell touches, which is U transposed and not its inverse."""
    return (U.T @ (v * y)) / (U.T @ v)


def weights_of_the_cells(U, y, v):
    """Weighs columns of U, as far as there are weights for them, and not rows."""
    root = np.sqrt(v)
    return np.linalg.lstsq(U * root[: U.shape[1]], root * y, rcond=None)[0]


def weights_the_matrix_alone(U, y, v):
    """Weighs U once and y not at all in the normal equations."""
    return np.linalg.solve(U.T @ (v[:, None] * U), U.T @ y)


def scores_within_the_labels(U, y, v):
    """Cuts the scores off at 0 and 1."""
    root = np.sqrt(v)
    return np.linalg.lstsq(root[:, None] * U, root * y, rcond=None)[0].clip(0, 1)


def with_a_small_regulariser(U, y, v):
    """Adds a thousandth to the diagonal, to be on the safe side."""
    return np.linalg.solve(U.T @ (v[:, None] * U) + 1e-3 * np.eye(U.shape[1]), U.T @ (v * y))


def rough_solution(U, y, v):
    """Treats small singular values as none."""
    root = np.sqrt(v)
    return np.linalg.lstsq(root[:, None] * U, root * y, rcond=0.5)[0]


def weights_sorted(U, y, v):
    """Weighs in the order of the weights."""
    root = np.sqrt(np.sort(v))
    return np.linalg.lstsq(root[:, None] * U, root * y, rcond=None)[0]


def weighs_the_callers_arrays(U, y, v):
    """Right, but multiplies into the caller's U and y."""
    U *= np.sqrt(v)[:, None]
    y *= np.sqrt(v)
    return np.linalg.lstsq(U, y, rcond=None)[0]


def small_singular_values_dropped(U, y, v):
    """Solves with a cut-off that takes what the weights make small for nothing."""
    root = np.sqrt(v)
    return np.linalg.lstsq(root[:, None] * U, root * y, rcond=0.1)[0]


def weights_with_a_floor(U, y, v):
    """Lifts roots of weights below a tenth of the largest, for the sake of the condition."""
    root = np.sqrt(v / v.max()).clip(min=0.1)
    return np.linalg.lstsq(root[:, None] * U, root * y, rcond=None)[0]


# ------------------------------------------------------------------------------------------------ Exercise 3.4


def _back(z, at_cells):
    h, w = z.shape[-2:]
    padded = F.pad(z, (1, 1, 1, 1))
    shifted = [padded[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    return torch.stack([torch.einsum("khw,kchw->c", at_cells, z) for z in shifted], 1).reshape(1, -1, 3, 3)


def _residual(z, w2, y, Uy, Ux):
    return Uy @ F.conv2d(z, w2, padding=1)[:, 0] @ Ux.T - y


def no_factor_two(z, w2, y, v, gamma, Uy, Ux):
    """Forgets the 2 of the square's derivative."""
    return _back(z, Uy.T @ (gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux)) @ Ux)


def wrong_sign(z, w2, y, v, gamma, Uy, Ux):
    """Takes y - U(s) for the residual and forgets that the chain rule then turns the sign."""
    return -_back(z, 2 * Uy.T @ (gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux)) @ Ux)


def automatic(z, w2, y, v, gamma, Uy, Ux):
    """Right, but leaves the derivative to PyTorch."""
    with torch.enable_grad():
        w2 = w2.clone().requires_grad_()
        loss = (gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux) ** 2).sum()
        return torch.autograd.grad(loss, w2)[0]


def gamma_forgotten(z, w2, y, v, gamma, Uy, Ux):
    """Lets all samples count alike."""
    return _back(z, 2 * Uy.T @ (v * _residual(z, w2, y, Uy, Ux)) @ Ux)


def root_of_the_weights(z, w2, y, v, gamma, Uy, Ux):
    """Weighs the gradient by the residual's root, once instead of twice."""
    return _back(z, 2 * Uy.T @ ((gamma[:, None, None] * v).sqrt() * _residual(z, w2, y, Uy, Ux)) @ Ux)


def shrinks_instead_of_transposing(z, w2, y, v, gamma, Uy, Ux):
    """Goes back to the cells by interpolating, which is not the transpose of interpolating."""
    at_pixels = 2 * gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux)
    return _back(z, F.interpolate(at_pixels[:, None], size=z.shape[-2:], mode="bilinear")[:, 0])


def kernel_upside_down(z, w2, y, v, gamma, Uy, Ux):
    """Correlates the wrong way round."""
    return _back(z, 2 * Uy.T @ (gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux)) @ Ux).flip(2, 3)


def axes_of_the_kernel_exchanged(z, w2, y, v, gamma, Uy, Ux):
    """Gives the taps column by column."""
    return _back(z, 2 * Uy.T @ (gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux)) @ Ux).transpose(2, 3)


def mean_over_samples(z, w2, y, v, gamma, Uy, Ux):
    """Averages over the samples."""
    return _back(z, 2 * Uy.T @ (gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux)) @ Ux) / len(z)


def no_border(z, w2, y, v, gamma, Uy, Ux):
    """Leaves out what lies beside the border, where the kernel reaches beyond."""
    at_cells = 2 * Uy.T @ (gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux)) @ Ux
    at_cells[:, [0, -1]] = 0
    at_cells[:, :, [0, -1]] = 0
    return _back(z, at_cells)


def wraps_around(z, w2, y, v, gamma, Uy, Ux):
    """Rolls the features: what leaves on one side comes back on the other."""
    at_cells = 2 * Uy.T @ (gamma[:, None, None] * v * _residual(z, w2, y, Uy, Ux)) @ Ux
    taps = [(at_cells[:, None] * z.roll((1 - i, 1 - j), (2, 3))).sum((0, 2, 3)) for i in range(3) for j in range(3)]
    return torch.stack(taps, dim=1).reshape(1, -1, 3, 3)


def pixel_weights_forgotten(z, w2, y, v, gamma, Uy, Ux):
    """Lets all pixels count alike."""
    return _back(z, 2 * Uy.T @ (gamma[:, None, None] * _residual(z, w2, y, Uy, Ux)) @ Ux)


def squares_the_residual_in_place(z, w2, y, v, gamma, Uy, Ux):
    """Right, but multiplies gamma into the caller's weights."""
    v *= gamma[:, None, None]
    return _back(z, 2 * Uy.T @ (v * _residual(z, w2, y, Uy, Ux)) @ Ux)


def counts_in_8_bits(y, kappa_min):
    """Adds the rows in the type of the label, which may end at 255."""
    count = int(sum(y).sum())
    share = 0.1 if count < 10 else count / y.size
    kappa = max(kappa_min, share)
    return kappa / share, (1 - kappa) / (1 - share)


def always_32_bits(w1, w2):
    """Fills a kernel of 32 bits, which no features of 64 can meet."""
    kernel = torch.zeros(1, w1.shape[1], 3, 3)
    for k in range(len(w1)):
        kernel += (w2[0, k] * w1[k]).float()
    return kernel


WRONG = {
    "ex03-1": [
        no_maximum,
        upside_down,
        background_unweighted,
        target_over_background,
        tiny_targets_explode,
        ten_counts_as_tiny,
        tiny_targets_weigh_one,
        area_of_one_example,
        smaller_of_the_two,
        tiny_targets_at_the_minimum,
        roots,
        kappa_itself,
        at_most_half,
        counts_in_8_bits,
    ],
    "ex03-2": [
        flipped,
        rows_for_columns,
        mean_over_channels,
        transposed_w1,
        sums_before_the_product,
        first_channel_of_w2,
        one_kernel_for_all_channels,
        turned_around,
        normalised,
        the_last_channel_is_lost,
        scales_w2_in_place,
        always_32_bits,
    ],
    "ex03-3": [
        unweighted,
        weights_squared,
        label_not_weighted,
        transposed_average,
        weights_of_the_cells,
        weights_the_matrix_alone,
        scores_within_the_labels,
        with_a_small_regulariser,
        rough_solution,
        weights_sorted,
        weighs_the_callers_arrays,
        small_singular_values_dropped,
        weights_with_a_floor,
    ],
    "ex03-4": [
        no_factor_two,
        wrong_sign,
        gamma_forgotten,
        root_of_the_weights,
        shrinks_instead_of_transposing,
        kernel_upside_down,
        axes_of_the_kernel_exchanged,
        mean_over_samples,
        no_border,
        wraps_around,
        pixel_weights_forgotten,
        squares_the_residual_in_place,
        automatic,
    ],
}
