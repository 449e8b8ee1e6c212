"""Checks of chapter 04. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
from checks import cases
from checks.guard import Called, guarded, tried


@guarded
def check_cg(cg):
    """Exercise 4.1. Products are counted: one in every iteration."""
    rng = cases.generator()
    for n, magnitude in ((1, 1.0), (4, 1e-4), (3, 1e-8), (9, 1.0), (int(rng.integers(5, 13)), 1e4)):
        q = np.linalg.qr(rng.standard_normal((n, n)))[0]
        a = 10 ** rng.uniform(-2, 2) * q @ np.diag(np.geomspace(1, 30, n)) @ q.T
        a, b = (a + a.T) / 2, magnitude * rng.standard_normal(n)
        for iterations in range(min(n, 9) + 1):
            calls = []

            def product(p, a=a, b=b, calls=calls):
                assert np.shape(p) == b.shape, f"A takes a vector of {len(b)} numbers, got the shape {np.shape(p)}"
                calls.append(p)
                return a @ p

            got = np.asarray(cg(product, b, iterations))
            assert got.shape == (n,), f"expected {n} numbers, got the shape {got.shape}"
            expected = _best_in_krylov_space(a, b, iterations)
            off = np.linalg.norm(got - expected) / np.linalg.norm(expected if iterations else b)
            assert off < 1e-6, f"{n} unknowns: delta after {iterations} iteration(s) is off by {off:.2g} of its length"
            assert len(calls) <= iterations, (
                f"right, but A was called {len(calls)} times in {iterations} iteration(s); once in each is enough"
            )


def _best_in_krylov_space(a, b, iterations):
    """What conjugate gradient has after so many iterations: the best x in the span of b, A b, A A b, ..."""
    if iterations == 0:
        return np.zeros(len(b))
    vectors = [b / np.linalg.norm(b)]
    for _ in range(iterations - 1):
        following = a @ vectors[-1]
        for _ in range(2):  # once is not enough for rounding
            following -= np.stack(vectors, 1) @ (np.stack(vectors) @ following)
        vectors.append(following / np.linalg.norm(following))
    basis = np.stack(vectors, 1)
    return basis @ np.linalg.solve(basis.T @ a @ basis, basis.T @ b)


@guarded
def check_fit_step(fit_step):
    """Exercise 4.3."""
    rng = cases.generator()
    for name, (a, length, d, y, v) in _curves(rng):
        got = fit_step(a, length, d.copy(), y.copy(), v.copy())
        assert len(got) == 2, f"a pair is asked for, got {got}"
        new_a, new_length = map(float, got)
        slope, scale = _slope_of_the_tangent(a, length, new_a - a, new_length - length, d, y, v)
        assert (np.abs(slope) < 1e-8 * scale).all(), (
            f"{name}: from ({a:.4g}, {length:.4g}) you go to ({new_a:.4g}, {new_length:.4g}), where the weighted "
            f"squares of the tangent still fall (its slope there is {slope[0]:.2g} in a, {slope[1]:.2g} in the length)"
        )


def _curves(rng):
    """Cases, and what is given."""
    d = np.linspace(0, 5, 12)
    exact = 0.8 * np.exp(-d / 1.7)
    noisy = exact + 0.1 * rng.standard_normal(12)
    yield "values that the start already fits", (0.8, 1.7, d, exact, np.ones(12))
    yield "equal weights", (1.0, 1.2, d, exact, np.ones(12))
    yield "unequal weights", (1.0, 1.2, d, noisy, rng.uniform(0.1, 4, 12))
    yield "another start", (0.6, 2.5, d, noisy, rng.uniform(0.1, 4, 12))
    yield "a start so low that the step leads to a length below 0", (0.05, 1.5, d, 0.8 * np.exp(-d), np.ones(12))
    yield "a negative start", (-0.7, 1.5, d, -noisy, rng.uniform(0.1, 4, 12))
    for _ in range(3):
        n, reach, height = int(rng.integers(5, 40)), 10 ** rng.uniform(-1, 2), 10 ** rng.uniform(-1, 2)
        d = rng.permutation(np.sort(rng.uniform(0, reach, n)))
        y = height * (np.exp(-3 * d / reach) + 0.2 * rng.standard_normal(n))
        start = height * rng.uniform(0.5, 2), reach * rng.uniform(0.2, 0.6)
        yield f"{n} values at distances up to {reach:.2g}, in no order", (*start, d, y, rng.uniform(0.1, 60, n))


def _slope_of_the_tangent(a, length, step_a, step_length, d, y, v):
    """Half the gradient, in the step, of the weighted squares of the linearised residuals, and its terms' size."""
    by_a = np.exp(-d / length)
    by_length = a * by_a * d / length**2
    terms = np.stack([a * by_a, -y, step_a * by_a, step_length * by_length])
    columns = np.stack([by_a, by_length])
    return columns @ (v * terms.sum(axis=0)), np.abs(columns) @ (v * np.abs(terms).sum(axis=0))


@guarded
def check_tridiagonal(tridiagonal):
    """Exercise 4.4. After the first call U and v hold something else: who needs them again is seen."""
    rng = cases.generator()
    for n_out, n_in in (
        (12, 3),
        (40, 6),
        (7, 7),
        (30, 2),
        (5, 1),
        (int(rng.integers(50, 90)), int(rng.integers(8, 30))),
    ):
        case = f"{n_in} cells over {n_out} pixels"
        u, v = _interpolation(n_out, n_in), rng.uniform(0.2, 5, n_out)
        given = u.copy(), v.copy()
        apply = tridiagonal(*given)
        assert callable(apply), f"{case}: a function of s is asked for, got {type(apply).__name__}"
        before = []
        for s in (rng.standard_normal(n_in), rng.integers(-99, 100, n_in)):  # whole numbers do not give whole ones
            kept, got = s.copy(), np.asarray(tried(case, apply, s))
            _same_product(case, got, u.T @ (v * (u @ s)))
            assert np.array_equal(s, kept), f"{case}: the caller's s was changed"
            before.append((got, got.copy()))
        assert np.array_equal(*before[0]), f"{case}: the second call changed what the first had returned"
        for array in given:
            array[...] = np.nan
        again = np.asarray(apply(s))
        assert np.array_equal(got, again), f"{case}: the function goes through U or v again: take both diagonals before"
    later = u.copy(), v.copy()
    apply = tridiagonal(*later)
    for array in later:
        array[...] = np.nan
    _same_product(f"{case}, U and v changed before the first call", np.asarray(apply(s)), u.T @ (v * (u @ s)))
    _check_calls(tridiagonal)
    _check_storage(tridiagonal, rng)


def _interpolation(n_out, n_in):
    position = ((np.arange(n_out) + 0.5) * n_in / n_out - 0.5).clip(0, n_in - 1)
    return (1 - np.abs(position[:, None] - np.arange(n_in))).clip(min=0)


def _same_product(case, got, expected):
    assert got.shape == expected.shape, f"{case}: expected {expected.size} numbers, got the shape {got.shape}"
    wrong = np.flatnonzero(~np.isclose(got, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()))
    assert len(wrong) == 0, (
        f"{case}: number(s) {wrong.tolist()} are wrong; number {wrong[0]} should be {expected[wrong[0]]:.4f}, got "
        f"{got[wrong[0]]:.4f}"
    )


def _check_calls(tridiagonal, n_out=4000, n_in=5):
    """Many pixels and few cells: whoever keeps copies of U and v holds a number for each pixel in every call."""
    apply = tridiagonal(_interpolation(n_out, n_in), np.ones(n_out))
    spent = Called(apply).measured(np.ones(n_in))[1]
    assert spent.bytes < 8 * n_out, (
        f"{n_in} cells over {n_out} pixels: a call used {spent.bytes} bytes, which a number for each pixel takes; it "
        "should know both diagonals, and no pixel"
    )


def _check_storage(tridiagonal, rng, n=1500):
    """Three pixels and many cells: the matrix of cells by cells would be a hundred times as large as U."""
    u = np.zeros((3, n))
    for row, cell in zip(u, rng.integers(0, n - 1, 3)):
        row[cell : cell + 2] = 0.3, 0.7
    spent = tridiagonal.measured(u, np.ones(3))[1]
    assert spent.bytes < n * n, (
        f"{n} cells, 3 pixels: right, but {spent.bytes} bytes were used; make no matrix of n by n"
    )


@guarded
def check_joint_product(joint_product):
    """Exercise 4.2."""
    rng = cases.generator()
    drawn = tuple(rng.integers(2, 8, 2).tolist())
    some = tuple(rng.uniform(0.2, 3, 2).tolist())
    for c, channels, lambda_ in (
        (1, 1, (0.0, 0.0)),
        (3, 5, (0.0, 0.0)),
        (9, 9, (0.5, 2.0)),
        (4, 2, some),
        (*drawn, some),
    ):
        x = rng.standard_normal((40, 9 * channels))  # residuals of the data are x times the filter
        w1, p1 = rng.standard_normal((2, c, channels))
        w2, p2 = rng.standard_normal((2, 9, c))

        def hessian(f, x=x):
            assert np.shape(f) == (9, x.shape[1] // 9), f"H takes a filter (9, C), got the shape {np.shape(f)}"
            return (x.T @ (x @ np.ravel(f))).reshape(9, -1)

        jacobian = _explicit_jacobian(x, w1, w2, lambda_)
        expected = jacobian.T @ (jacobian @ np.concatenate([p1.ravel(), p2.ravel()]))
        got = joint_product(hessian, w1.copy(), w2.copy(), p1.copy(), p2.copy(), lambda_)
        assert len(got) == 2, f"a pair is asked for, got {len(got)} parts"
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
