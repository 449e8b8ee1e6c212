"""Right answers to the exercises of chapter 06, in other styles than the solutions'."""

import numpy as np


def one_by_one(n, eta, first):
    gamma = np.asarray(first, float) / np.sum(first)
    for _ in range(n):
        gamma = np.concatenate([(1 - eta) * gamma, [eta]])
    return gamma


def as_a_list(n, eta, first):
    old = [(1 - eta) ** n * one / sum(first) for one in first]
    return old + [eta * (1 - eta) ** (n - 1 - k) for k in range(n)]


def by_lists(gamma, newest, eta, K_max):
    weights = list(gamma)
    if newest is None:
        weights = [(1 - eta) * g for g in weights] + [eta]
        return weights, len(weights) - 1
    new = weights[newest] / (1 - eta)
    if len(weights) < K_max:
        place = len(weights)
        weights.append(new)
    else:
        place = weights.index(min(weights))
        weights[place] = new
    total = sum(weights)
    return [g / total for g in weights], place


def by_concatenation(gamma, newest, eta, K_max):
    k = gamma.shape[0]
    if newest is None:
        return np.r_[gamma * (1 - eta), eta], np.int64(k)
    place = k if k < K_max else np.argmin(gamma)
    everything = np.r_[gamma, 0.0][: max(k, place + 1)]
    everything = np.where(np.arange(everything.size) == place, gamma[newest] / (1 - eta), everything)
    return everything / everything.sum(), place


def by_kronecker(X, U_y, U_x, y, v):
    UX = np.kron(U_y, U_x) @ X
    V = v.ravel()
    return UX.T * V @ UX, UX.T @ (V * y.ravel())


def by_einsum(X, U_y, U_x, y, v):
    maps = X.reshape(U_y.shape[1], U_x.shape[1], -1)
    at_pixels = np.einsum("Hh,hwn,Ww->HWn", U_y, maps, U_x, optimize=True)
    A = np.tensordot(at_pixels * v[..., None], at_pixels, axes=([0, 1], [0, 1]))
    return A, np.tensordot(at_pixels, v * y, axes=([0, 1], [0, 1]))


def by_two_sums(first, samples, eta, share):
    others, own = [np.zeros_like(part) for part in first], 1.0
    for sample in samples:
        others = [(1 - eta) * o + eta * s for o, s in zip(others, sample)]
        own *= 1 - eta
        weight = max(own, share)
        yield [weight * f + (1 - weight) / (1 - own) * o for f, o in zip(first, others)]


def by_a_loop_with_next(first, samples, eta, share):
    iterator, n = iter(samples), 0
    A, g = first[0].copy(), first[1].copy()
    while True:
        try:
            A_new, g_new = next(iterator)
        except StopIteration:
            return
        n += 1
        A, g = A + eta * (A_new - A), g + eta * (g_new - g)
        own = (1 - eta) ** n
        back = max(0.0, (share - own) / (1 - own))
        yield A + back * (first[0] - A), g + back * (first[1] - g)


RIGHT = {
    "ex06-1": [one_by_one, as_a_list],
    "ex06-2": [by_lists, by_concatenation],
    "ex06-3": [by_kronecker, by_einsum],
    "ex06-4": [by_two_sums, by_a_loop_with_next],
}
