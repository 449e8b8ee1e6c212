"""Checks of chapter 04. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
from checks.guard import guarded
from checks.measured import NoDotWithVector, NoMatrixProduct


@guarded
def check_solve(solve):
    """Exercise 4.1."""
    rng = np.random.default_rng(4)
    for n in (1, 4, 9):
        q = np.linalg.qr(rng.standard_normal((n, n)))[0]
        a, b = q @ np.diag(np.geomspace(1, 30, n)) @ q.T, rng.standard_normal(n)
        kept = a.copy(), b.copy()
        for iterations in range(1, n + 1):
            x = np.asarray(solve(a, b, iterations))
            assert np.array_equal(a, kept[0]) and np.array_equal(b, kept[1]), "the caller's A or b was changed"
            assert x.shape == (n,), f"expected {n} numbers, got the shape {x.shape}"
            expected = _best_in_krylov_space(a, b, iterations)
            off = np.linalg.norm(x - expected) / np.linalg.norm(expected)
            assert off < 1e-6, f"{n} unknowns: x after {iterations} iteration(s) is off by {off:.2g} of its length"


def _best_in_krylov_space(a, b, iterations):
    """What conjugate gradient has after so many iterations: the best x in the span of b, A b, A A b, ..."""
    vectors = [b]
    for _ in range(iterations - 1):
        vectors.append(a @ vectors[-1])
    basis = np.linalg.qr(np.stack(vectors, 1))[0]
    return basis @ np.linalg.solve(basis.T @ a @ basis, basis.T @ b)


@guarded
def check_fit_step(fit_step):
    """Exercise 4.2."""
    rng = np.random.default_rng(4)
    d = np.linspace(0, 5, 12)
    exact = 0.8 * np.exp(-d / 1.7)
    cases = {
        "values that the start already fits": (0.8, 1.7, exact, np.ones(12)),
        "equal weights": (1.0, 1.2, exact, np.ones(12)),
        "unequal weights": (1.0, 1.2, exact + 0.1 * rng.standard_normal(12), rng.uniform(0.1, 4, 12)),
        "another start": (0.6, 2.5, exact + 0.1 * rng.standard_normal(12), rng.uniform(0.1, 4, 12)),
    }
    for name, (a, length, y, v) in cases.items():
        got = fit_step(a, length, d.copy(), y.copy(), v.copy())
        assert len(got) == 2, f"a pair is asked for, got {got}"
        new_a, new_length = map(float, got)
        slope = _slope_of_the_tangent(a, length, new_a - a, new_length - length, d, y, v)
        assert np.abs(slope).max() < 1e-8, (
            f"{name}: from ({a}, {length}) you go to ({new_a:.4f}, {new_length:.4f}), where the weighted squares "
            f"of the tangent still fall (its slope there is {slope[0]:.2g} in a, {slope[1]:.2g} in the length)"
        )


def _slope_of_the_tangent(a, length, step_a, step_length, d, y, v, epsilon=1e-6):
    """Half the gradient, in the step, of the weighted squares of the linearised residuals."""

    def s(a, length):
        return a * np.exp(-d / length)

    by_a = (s(a + epsilon, length) - s(a - epsilon, length)) / (2 * epsilon)
    by_length = s(a, length) * d / length**2
    tangent = s(a, length) - y + step_a * by_a + step_length * by_length
    return np.array([by_a @ (v * tangent), by_length @ (v * tangent)])


@guarded
def check_apply_tridiagonal(apply_tridiagonal):
    """Exercise 4.3."""
    rng = np.random.default_rng(4)
    for n_out, n_in in ((12, 3), (40, 6), (7, 7), (30, 2)):
        position = ((np.arange(n_out) + 0.5) * n_in / n_out - 0.5).clip(0, n_in - 1)
        u = (1 - np.abs(position[:, None] - np.arange(n_in))).clip(min=0)
        v, s = rng.uniform(0.2, 5, n_out), rng.standard_normal(n_in)
        got = np.asarray(apply_tridiagonal(u.copy().view(NoDotWithVector), v.copy(), s.copy().view(NoMatrixProduct)))
        expected = u.T @ (v * (u @ s))
        assert got.shape == (n_in,), f"expected {n_in} numbers, got the shape {got.shape}"
        wrong = np.flatnonzero(~np.isclose(got, expected))
        assert len(wrong) == 0, (
            f"{n_in} cells over {n_out} pixels: cell(s) {wrong.tolist()} are wrong; cell {wrong[0]} should be "
            f"{expected[wrong[0]]:.4f}, got {got[wrong[0]]:.4f}"
        )


@guarded
def check_joint_product(joint_product):
    """Exercise 4.4."""
    rng = np.random.default_rng(4)
    for c, channels, lambda_ in ((1, 1, (0.0, 0.0)), (3, 5, (0.0, 0.0)), (9, 9, (0.5, 2.0)), (4, 2, (0.5, 2.0))):
        x = rng.standard_normal((40, 9 * channels))  # residuals of the data are x times the filter
        w1, p1 = rng.standard_normal((2, c, channels))
        w2, p2 = rng.standard_normal((2, 9, c))

        def hessian(f, x=x):
            assert np.shape(f) == (9, x.shape[1] // 9), f"H takes a filter (9, C), got the shape {np.shape(f)}"
            return (x.T @ (x @ np.ravel(f))).reshape(9, -1)

        jacobian = _explicit_jacobian(x, w1, w2, lambda_)
        expected = jacobian.T @ (jacobian @ np.concatenate([p1.ravel(), p2.ravel()]))
        got = joint_product(hessian, w1.copy(), w2.copy(), p1.copy(), p2.copy(), lambda_)
        parts = {"w1": expected[: w1.size].reshape(w1.shape), "w2": expected[w1.size :].reshape(w2.shape)}
        for (name, part), one in zip(parts.items(), got, strict=True):
            assert np.shape(one) == part.shape, f"the part of {name} should be {part.shape}, got {np.shape(one)}"
            off = np.linalg.norm(one - part) / np.linalg.norm(part)
            assert off < 1e-8, f"c = {c}, C = {channels}, lambda {lambda_}: the part of {name} is off by {off:.2g}"


def _explicit_jacobian(x, w1, w2, lambda_):
    """One column for each weight: how x f, lambda_1 w1 and lambda_2 w2 answer to it."""
    columns = []
    for n in range(w1.size + w2.size):
        unit = np.zeros(w1.size + w2.size)
        unit[n] = 1
        d1, d2 = unit[: w1.size].reshape(w1.shape), unit[w1.size :].reshape(w2.shape)
        data = x @ (w2 @ d1 + d2 @ w1).ravel()
        columns.append(np.concatenate([data, lambda_[0] * d1.ravel(), lambda_[1] * d2.ravel()]))
    return np.stack(columns, 1)
