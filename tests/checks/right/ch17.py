"""Right answers to the exercises of chapter 17 in other styles than the solution's: no check may refuse them."""

import numpy as np
import torch

# ------------------------------------------------------------------------------------------------ Exercise 17.1


def what_is_left(f1, f2, w, g_top):
    """A list; the second gets what the first has left, and the prior's is a difference of two products."""
    g1 = torch.mul(g_top, w)
    return [g1, g_top - g1, g_top * f1 - g_top * f2]


def by_the_product_rule(f1, f2, w, g_top):
    """The Jacobian of a pixel, all three at once."""
    slopes = torch.stack([w, 1 - w, f1 - f2])  # (3, B, 1, H, W)
    return tuple(slopes * g_top)


# ------------------------------------------------------------------------------------------------ Exercise 17.3


def pixel_by_pixel(f1, f2):
    """Three cases, one after the other."""
    answer = np.empty(f1.shape)
    for place in np.ndindex(f1.shape):
        one, two = f1[place], f2[place]
        if two >= 0:
            answer[place] = 0
        elif one < 0:
            answer[place] = float("nan")
        else:
            answer[place] = -two / (one - two)
    return answer


def chosen_at_once(f1, f2):
    """All three as arrays; divisions by zero are not chosen."""
    with np.errstate(divide="ignore", invalid="ignore"):
        zero = abs(f2) / (abs(f1) + abs(f2))
    return np.select([f2 >= 0, f1 >= 0], [np.zeros_like(f1), zero], np.nan)


# ------------------------------------------------------------------------------------------------ Exercise 17.2


def channel_by_channel(levels, theta, b, w):
    """Adds scaled channels up, and masks the sum in place."""
    scores = np.zeros(w.shape)
    for x, t in zip(levels, theta):
        for channel, factor in zip(x, t):
            scores += factor * channel
    scores *= w
    return scores + b


def as_matrices(levels, theta, b, w):
    """One product a level."""
    scores = np.zeros(w.size)
    for t, x in zip(theta, levels):
        scores += t @ x.reshape(len(t), -1)
    return scores.reshape(w.shape) * w + b


def by_einsum(levels, theta, b, w):
    """Masks every level's answer."""
    return b + sum(w * np.einsum("c,chw->hw", t, x) for t, x in zip(theta, levels))


# ------------------------------------------------------------------------------------------------ Exercise 17.4


def flat(x, y, w, theta1, b1, theta2, b2):
    """Pixels in a row, and the bias as a channel of ones."""
    X = np.concatenate([x.reshape(len(x), -1), np.ones((1, y.size))])  # (C + 1, H W)
    one, two = np.append(theta1, b1), np.append(theta2, b2)
    w, y = w.ravel(), y.ravel()
    f = w * (one @ X) + (1 - w) * (two @ X)
    p = 0.5 * (1 + np.tanh(f / 2))
    off = (y == 0).mean()
    g = off * y * (p - 1) + (1 - off) * (1 - y) * p
    g1, g2 = X @ (w * g), X @ ((1 - w) * g)
    return g1[:-1], g1[-1], g2[:-1], g2[-1]


def by_einsum_and_sums(x, y, w, theta1, b1, theta2, b2):
    """A list of four."""
    f_out = w * (np.einsum("c,chw->hw", theta1, x) + b1) + (1 - w) * (np.einsum("c,chw->hw", theta2, x) + b2)
    weight = np.where(y > 0, 1 - y.mean(), y.mean())
    g_top = weight * (1 / (1 + np.exp(-f_out)) - y)
    found = []
    for share in (w, 1 - w):
        found += [(x * (share * g_top)).sum(axis=(1, 2)), (share * g_top).sum()]
    return found


RIGHT = {
    "ex17-4": [what_is_left, by_the_product_rule],
    "ex17-1": [pixel_by_pixel, chosen_at_once],
    "ex17-2": [channel_by_channel, as_matrices, by_einsum],
    "ex17-3": [flat, by_einsum_and_sums],
}
