"""Right answers to the exercises of chapter 04, in other styles than the solutions'."""

import numpy as np


def in_place(A, b, iterations):
    delta = np.zeros(len(b))
    r = np.array(b)
    p = r.copy()
    for _ in range(iterations):
        Ap = np.asarray(A(p))
        before = r.dot(r)
        alpha = before / p.dot(Ap)
        delta += alpha * p
        r -= alpha * Ap
        p *= r.dot(r) / before
        p += r
    return delta


def by_the_definitions(A, b, iterations):
    """alpha and beta from conjugacy itself, and the direction made at the beginning of an iteration."""
    delta, g, p, Ap = 0 * b, b, None, None
    for _ in range(iterations):
        p = g if p is None else g - np.sum(Ap * g) / np.sum(Ap * p) * p
        Ap = A(p)
        alpha = np.sum(p * g) / np.sum(p * Ap)
        delta, g = delta + alpha * p, g - alpha * Ap
    return delta


def polak_ribiere(A, b, iterations):
    solution, residual, direction = np.zeros(b.shape), b * 1.0, b * 1.0
    for _ in range(iterations):
        image = A(direction)
        step = (residual @ residual) / (direction @ image)
        solution = solution + step * direction
        following = residual - step * image
        direction = following + max(0, following @ (following - residual) / (residual @ residual)) * direction
        residual = following
    return solution


def by_least_squares(a, length, d, y, v):
    e = np.exp(-d / length)
    J = np.column_stack([e, a * e * d / length**2]) * np.sqrt(v)[:, None]
    step, *_ = np.linalg.lstsq(J, np.sqrt(v) * (y - a * e), rcond=None)
    return np.array([a, length]) + step


def by_cramer(a, length, d, y, v):
    e = np.exp(-d / length)
    f = a * e * d / length**2
    r = y - a * e
    ee, ef, ff, er, fr = (np.sum(v * one) for one in (e * e, e * f, f * f, e * r, f * r))
    det = ee * ff - ef * ef
    return a + (ff * er - ef * fr) / det, length + (ee * fr - ef * er) / det


def by_einsum(U, v):
    main = np.einsum("pi,p,pi->i", U, v, U)
    side = np.einsum("pi,p,pi->i", U[:, 1:], v, U[:, :-1])

    def product(s):
        padded = np.pad(s, 1)
        left, right = np.append(0, side), np.append(side, 0)
        return left * padded[:-2] + main * s + right * padded[2:]

    return product


class ByCells:
    """A callable object."""

    def __init__(self, U, v):
        n = U.shape[1]
        self.main = [float(np.sum(v * U[:, i] ** 2)) for i in range(n)]
        self.side = [float(np.sum(v * U[:, i] * U[:, i + 1])) for i in range(n - 1)]

    def __call__(self, s):
        out = np.asarray(s) * self.main
        for i, coupling in enumerate(self.side):
            out[i] += coupling * s[i + 1]
            out[i + 1] += coupling * s[i]
        return out


def by_cells(U, v):
    return ByCells(U, v)


def two_products(H, w1, w2, p1, p2, lambda_):
    one, other = H(np.dot(w2, p1)), H(np.dot(p2, w1))
    return w2.T @ one + w2.T @ other + p1 * lambda_[0] ** 2, (one + other) @ w1.T + p2 * lambda_[1] ** 2


def by_indices(H, w1, w2, p1, p2, lambda_):
    step = np.einsum("tc,cC->tC", w2, p1) + np.einsum("tc,cC->tC", p2, w1)
    g = np.asarray(H(step))
    squares = np.square(lambda_)
    return [np.einsum("tc,tC->cC", w2, g) + squares[0] * p1, np.einsum("tC,cC->tc", g, w1) + squares[1] * p2]


RIGHT = {
    "ex04-1": [in_place, by_the_definitions, polak_ribiere],
    "ex04-2": [by_least_squares, by_cramer],
    "ex04-3": [by_einsum, by_cells],
    "ex04-4": [two_products, by_indices],
}
