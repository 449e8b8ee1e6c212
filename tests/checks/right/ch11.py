"""Right answers to the exercises of chapter 11 in other styles than the solution's: no check may refuse them."""

from itertools import permutations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from vosbook.matching import pairwise_soft_iou
from vosbook.matching import soft_iou as soft

# ------------------------------------------------------------------------------------------------ Exercise 11.1


def least_and_greatest(p, y):
    """The smaller over the larger of the two, which is the same where y is 0 or 1."""
    flat = [z.reshape(*z.shape[:-2], -1) for z in np.broadcast_arrays(p, y)]
    return np.minimum(*flat).sum(-1) / np.maximum(np.maximum(*flat).sum(-1), 1)


def with_a_small_number(p, y):
    """The library's way: a small number below."""
    both = np.einsum("...hw,...hw->...", p, y)
    return both / (p.sum((-1, -2)) + y.sum((-1, -2)) - both + 1e-6)


# ------------------------------------------------------------------------------------------------ Exercise 11.2


def by_cases(logits, y):
    """Two formulas, one on the object and one off it."""
    p = 0.5 * (1 + np.tanh(0.5 * logits))
    both, union = np.sum(p * y), np.sum(np.maximum(p, y))
    on, off = (-1 / union, both / union**2) if both > 0 else (-1 / max(union, 1), 0)
    return np.where(y > 0, on, off) * p * (1 - p)


def by_the_chain_rule(logits, y):
    """The quotient's two parts, each with its own slope."""
    p = 1 / (1 + np.exp(-logits))
    i, u = (p * y).sum(), max((p + y - p * y).sum(), 1e-100)
    return -(y / u - i * (1 - y) / (u * u)) * (p - p**2)


def by_an_imaginary_step(logits, y):
    """An imaginary step in each logit; the derivative is the imaginary part of the loss."""
    y, gradient = y.astype(float), np.zeros(y.shape)
    for pixel in zip(*np.nonzero(np.ones(y.shape))) if y.any() else ():
        ell = logits.astype(complex)
        ell[pixel] += 1e-30j
        p = 0.5 * (1 + np.tanh(ell / 2))
        gradient[pixel] = (1 - (p * y).sum() / (p + y - p * y).sum()).imag / 1e-30
    return gradient


# ------------------------------------------------------------------------------------------------ Exercise 11.3


def costly_padding(S, valid):
    """RVOS's own way: the cost of 10 for pairs with padding."""
    cost = np.where(valid, 1 - np.where(valid, S, 0), 10)
    return np.where(valid, linear_sum_assignment(cost.T)[1], -1)


def all_ways(S, valid):
    """Tries all assignments, and returns a list."""
    real = [m for m, there in enumerate(valid) if there]
    best = max(permutations(range(len(S)), len(real)), key=lambda way: sum(S[n, m] for n, m in zip(way, real)))
    slots = [-1] * len(valid)
    for n, m in zip(best, real):
        slots[m] = n
    return slots


# ------------------------------------------------------------------------------------------------ Exercise 11.4


def object_by_object(p, y, valid):
    """Matches by scipy, then adds up in a loop."""
    real = valid.nonzero()[:, 0].tolist()
    S = pairwise_soft_iou(p[:1].detach(), y[:1])[0][:, real]  # (N, real)
    rows, columns = linear_sum_assignment(S.numpy(), maximize=True)
    total = 0 * p.sum()
    for n, k in zip(rows, columns):
        total = total + (1 - soft(p[:, n], y[:, real[k]])).sum()
    return total / max(1, len(real))


def valid_ones_alone(p, y, valid):
    """Drops the padding first."""
    if not bool(valid.any()):
        return (p * 0).sum()
    y = y[:, valid]
    S = pairwise_soft_iou(p[:1], y[:1])[0].detach().cpu().numpy()
    slots = torch.as_tensor(linear_sum_assignment(-S.T)[1])
    return (1 - soft(p[:, slots], y)).mean(dim=1).sum()


RIGHT = {
    "ex11-1": [least_and_greatest, with_a_small_number],
    "ex11-2": [by_cases, by_the_chain_rule, by_an_imaginary_step],
    "ex11-3": [costly_padding, all_ways],
    "ex11-4": [object_by_object, valid_ones_alone],
}
