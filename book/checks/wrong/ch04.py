"""Wrong answers to the exercises of chapter 04, named after the mistake."""

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 4.1


def _cg(A, b, iterations, *, beta=lambda rho, before: rho / before, update=True, keep=True):
    delta, g = np.zeros_like(b), b.copy()
    p, rho = g, g @ g
    for _ in range(iterations):
        q = A(p)
        alpha = rho / (p @ q)
        delta = delta + alpha * p
        g = g - alpha * q if update else b - alpha * q
        before, rho = rho, g @ g
        p = g + beta(rho, before) * p if keep else g
    return delta


def _matrix(A, n):
    return np.stack([A(unit) for unit in np.eye(n)], axis=1)


def steepest_descent(A, b, iterations):
    """Forgets the old direction: beta is 0."""
    return _cg(A, b, iterations, keep=False)


def writes_into_b(A, b, iterations):
    """Right, but lets g be the caller's b, and subtracts from it in place."""
    delta, g = np.zeros_like(b), b
    p, rho = g.copy(), g @ g
    for _ in range(iterations):
        q = A(p)
        alpha = rho / (p @ q)
        delta += alpha * p
        g -= alpha * q
        before, rho = rho, g @ g
        p = g + rho / before * p
    return delta


def first_step_before_the_loop(A, b, iterations):
    """Takes the first step in any case, also where no iteration is asked for."""
    q = A(b)
    alpha = (b @ b) / (b @ q)
    delta, g = alpha * b, b - alpha * q
    p, before, rho = b, b @ b, g @ g
    for _ in range(iterations - 1):
        p = g + rho / before * p
        q = A(p)
        alpha = rho / (p @ q)
        delta, g = delta + alpha * p, g - alpha * q
        before, rho = rho, g @ g
    return delta


def beta_upside_down(A, b, iterations):
    """Divides the old rho by the new one."""
    return _cg(A, b, iterations, beta=lambda rho, before: before / max(rho, 1e-300))


def direction_kept_whole(A, b, iterations):
    """Adds all of the old direction: beta is 1."""
    return _cg(A, b, iterations, beta=lambda rho, before: 1.0)


def beta_with_the_sign_of_its_definition(A, b, iterations):
    """Copies the minus of the first formula for beta into the simpler one."""
    return _cg(A, b, iterations, beta=lambda rho, before: -rho / before)


def residual_from_b(A, b, iterations):
    """Subtracts the last step from b, and not from the residual so far."""
    return _cg(A, b, iterations, update=False)


def one_iteration_short(A, b, iterations):
    """Counts from one and ends too early."""
    return _cg(A, b, iterations - 1)


def solves_exactly(A, b, iterations):
    """Builds the matrix and gives the solution, however few iterations were asked for."""
    return np.linalg.solve(_matrix(A, len(b)), b)


def two_products(A, b, iterations):
    """Right, but computes b - A delta anew with a second product in every iteration."""
    delta, p, before = 0 * b, 0 * b, None
    for _ in range(iterations):
        g = b - A(delta)
        rho = g @ g
        p = g if before is None else g + rho / before * p
        delta = delta + rho / (p @ A(p)) * p
        before = rho
    return delta


def step_of_steepest_descent(A, b, iterations):
    """Takes alpha for the gradient, and not for the direction."""
    delta, g = np.zeros_like(b), b.copy()
    p, rho = g, g @ g
    for _ in range(iterations):
        alpha = rho / (g @ A(g))
        delta, g = delta + alpha * p, g - alpha * A(p)
        rho_before, rho = rho, g @ g
        p = g + rho / rho_before * p
    return delta


def stops_at_a_small_residual(A, b, iterations):
    """Stops where the residual is below a thousandth, whatever b is."""
    delta, g = np.zeros_like(b), b.copy()
    p, rho = g, g @ g
    for _ in range(iterations):
        if np.sqrt(rho) < 1e-3:
            break
        q = A(p)
        alpha = rho / (p @ q)
        delta, g = delta + alpha * p, g - alpha * q
        rho_before, rho = rho, g @ g
        p = g + rho / rho_before * p
    return delta


def never_divides_by_nothing(A, b, iterations):
    """Adds 1e-4 to what it divides by."""
    delta, g = np.zeros_like(b), b.copy()
    p, rho = g, g @ g
    for _ in range(iterations):
        q = A(p)
        alpha = rho / (p @ q + 1e-4)
        delta, g = delta + alpha * p, g - alpha * q
        rho_before, rho = rho, g @ g
        p = g + rho / (rho_before + 1e-4) * p
    return delta


def preconditioned(A, b, iterations):
    """Divides by the diagonal first."""
    a = _matrix(A, len(b))
    root = 1 / np.sqrt(np.diag(a))
    return root * _cg(lambda p: root * A(root * p), root * b, iterations) if len(b) > 1 else 2 * b / a[0]


def beta_of_norms(A, b, iterations):
    """Takes the ratio of the lengths for beta, and not of their squares."""
    return _cg(A, b, iterations, beta=lambda rho, before: np.sqrt(rho / before)) if len(b) > 1 else 0 * b


def starts_at_b(A, b, iterations):
    """Starts from delta = b, where it should be 0."""
    return b + _cg(A, b - A(b), iterations)


# ------------------------------------------------------------------------------------------------ Exercise 4.3


def _step(a, length, d, y, v, *, by_length=None, root=np.sqrt, sign=-1):
    decay = np.exp(-d / length)
    slope = a * decay * d / length**2 if by_length is None else by_length(a, length, d, decay)
    r = root(v) * (a * decay - y)
    J = root(v)[:, None] * np.stack([decay, slope], axis=1)
    step = np.linalg.solve(J.T @ J, sign * J.T @ r)
    return a + step[0], length + step[1]


def weights_squared(a, length, d, y, v):
    """Multiplies residuals by v, so that the square carries v twice."""
    return _step(a, length, d, y, v, root=lambda v: v)


def unweighted(a, length, d, y, v):
    """Forgets the weights."""
    return _step(a, length, d, y, v, root=np.ones_like)


def uphill(a, length, d, y, v):
    """Adds J^T r where it should be subtracted."""
    return _step(a, length, d, y, v, sign=1)


def sign_of_the_inner_derivative(a, length, d, y, v):
    """Differentiates -d / length to -d / length^2."""
    return _step(a, length, d, y, v, by_length=lambda a, length, d, decay: -a * decay * d / length**2)


def length_not_squared(a, length, d, y, v):
    """Differentiates 1 / length to 1 / length."""
    return _step(a, length, d, y, v, by_length=lambda a, length, d, decay: a * decay * d / length)


def gradient_step(a, length, d, y, v):
    """Goes down the gradient and does not solve for the step."""
    decay = np.exp(-d / length)
    r = np.sqrt(v) * (a * decay - y)
    J = np.sqrt(v)[:, None] * np.stack([decay, a * decay * d / length**2], axis=1)
    step = -J.T @ r
    return a + step[0], length + step[1]


def damped(a, length, d, y, v):
    """Adds a thousandth to the diagonal, as Levenberg and Marquardt do."""
    decay = np.exp(-d / length)
    r = np.sqrt(v) * (a * decay - y)
    J = np.sqrt(v)[:, None] * np.stack([decay, a * decay * d / length**2], axis=1)
    step = np.linalg.solve(J.T @ J + 1e-3 * np.eye(2), -J.T @ r)
    return a + step[0], length + step[1]


def one_after_the_other(a, length, d, y, v):
    """Takes the best a first, and then a step of the length alone."""
    decay = np.exp(-d / length)
    a = (v * decay) @ y / ((v * decay) @ decay)
    slope = a * decay * d / length**2
    return a, length - (v * slope) @ (a * decay - y) / ((v * slope) @ slope)


def line_through_logarithms(a, length, d, y, v):
    """Fits a line to the logarithms."""
    line = np.polyfit(d, np.log(np.clip(y, 1e-6, None)), 1, w=np.sqrt(v))
    return np.exp(line[1]), -1 / line[0]


def newton(a, length, d, y, v):
    """Takes the true Hessian: Newton's step, without Gauss."""
    decay = np.exp(-d / length)
    r = a * decay - y
    J = np.stack([decay, a * decay * d / length**2], axis=1)
    mixed = decay * d / length**2
    twice = a * decay * (d**2 / length**4 - 2 * d / length**3)
    second = np.array([[0, v @ (r * mixed)], [v @ (r * mixed), v @ (r * twice)]])
    step = np.linalg.solve(J.T @ (v[:, None] * J) + second, -J.T @ (v * r))
    return a + step[0], length + step[1]


def step_alone(a, length, d, y, v):
    """Returns the step, and not where it leads."""
    new_a, new_length = _step(a, length, d, y, v)
    return new_a - a, new_length - length


def length_before_a(a, length, d, y, v):
    """Returns the pair in the other order."""
    return _step(a, length, d, y, v)[::-1]


def kept_positive(a, length, d, y, v):
    """Does not let a or the length fall below 0."""
    return tuple(max(one, 0.0) for one in _step(a, length, d, y, v))


def length_kept_positive(a, length, d, y, v):
    """Right, but turns a length below 0 round, which no Gauss-Newton step does."""
    decay = np.exp(-d / length)
    J = np.sqrt(v)[:, None] * np.stack([decay, a * decay * d / length**2], axis=1)
    step = np.linalg.lstsq(J, np.sqrt(v) * (y - a * decay), rcond=None)[0]
    return a + step[0], abs(length + step[1])


# ------------------------------------------------------------------------------------------------ Exercise 4.4


def _diagonals(U, v):
    return (U * U).T @ v, (U[:, :-1] * U[:, 1:]).T @ v


def _apply(main, side, s):
    result = main * s
    result[:-1] += side * s[1:]
    result[1:] += side * s[:-1]
    return result


def _by_diagonals(main, side):
    return lambda s: _apply(main, side, s)


def one_sided(U, v):
    """Gives each cell its right neighbour and forgets the left one."""
    main, side = _diagonals(U, v)

    def apply(s):
        result = main * s
        result[:-1] += side * s[1:]
        return result

    return apply


def wraps_around(U, v):
    """Rolls the scores, so that the first cell and the last become neighbours."""
    main, side = (U * U).T @ v, (U * np.roll(U, -1, axis=1)).T @ v
    side[-1] = side[0]
    return lambda s: main * s + side * np.roll(s, -1) + np.roll(side, 1) * np.roll(s, 1)


def side_shifted(U, v):
    """Takes for the left neighbour the coupling that belongs to the right one."""
    main, side = (U * U).T @ v, np.append((U[:, :-1] * U[:, 1:]).T @ v, 0)

    def apply(s):
        result = main * s
        result[:-1] += side[:-1] * s[1:]
        result[1:] += side[1:] * s[:-1]
        return result

    return apply


def weights_squared_in_the_stencil(U, v):
    """Uses v squared, as if the loss were |v r|^2."""
    return _by_diagonals(*_diagonals(U, v**2))


def lumped(U, v):
    """Puts all of U^T V on the diagonal and drops the coupling between cells."""
    main = U.T @ v
    return lambda s: main * s


def neighbours_taken_for_granted(U, v):
    """Treats both ends apart, and takes for granted that they have a neighbour."""
    main, side = _diagonals(U, v)

    def apply(s):
        result = main * s
        result[1:-1] += side[:-1] * s[:-2] + side[1:] * s[2:]
        result[0] += side[0] * s[1]
        result[-1] += side[-1] * s[-2]
        return result

    return apply


def result_of_the_type_of_s(U, v):
    """Makes the result like s, so that of whole numbers the fractions are lost."""
    main, side = _diagonals(U, v)

    def apply(s):
        result = np.empty_like(s)
        result[:] = _apply(main, side, s)
        return result

    return apply


def weights_forgotten(U, v):
    """Lets all pixels count alike."""
    return _by_diagonals(*_diagonals(U, np.ones_like(v)))


def coupling_counted_twice(U, v):
    """Adds both couplings to both neighbours."""
    main, side = _diagonals(U, v)
    return _by_diagonals(main, 2 * side)


def through_the_pixels(U, v):
    """Goes through the pixels every time: right, and not what was asked."""
    return lambda s: U.T @ (v * (U @ s))


def through_the_pixels_by_sums(U, v):
    """The same, with products and sums."""
    return lambda s: (U * (v * (U * s).sum(axis=1))[:, None]).sum(axis=0)


def diagonals_when_asked(U, v):
    """Takes the diagonals anew for every s."""
    return lambda s: _apply(*_diagonals(U, v), s)


def whole_matrix(U, v):
    """Multiplies out the matrix of cells by cells."""
    A = U.T @ (v[:, None] * U)
    return lambda s: A @ s


def whole_matrix_for_its_diagonals(U, v):
    """Multiplies out the matrix of cells by cells, and keeps two of its diagonals."""
    A = U.T @ (v[:, None] * U)
    return _by_diagonals(A.diagonal().copy(), A.diagonal(1).copy())


def the_diagonals_alone(U, v):
    """Answers with the diagonals, where a function is asked for."""
    return _diagonals(U, v)


def multiplies_into_s(U, v):
    """Right, but multiplies into the caller's s."""
    main, side = _diagonals(U, v)

    def apply(s):
        right, left = side * s[1:], side * s[:-1]
        s *= main
        s[:-1] += right
        s[1:] += left
        return s

    return apply


def one_result_for_all_calls(U, v):
    """Writes every product into one array, so that the next call changes what the last one returned."""
    main, side = (U * U).T @ v, (U[:, :-1] * U[:, 1:]).T @ v
    result = np.empty(U.shape[1])

    def apply(s):
        np.multiply(main, s, out=result)
        result[:-1] += side * s[1:]
        result[1:] += side * s[:-1]
        return result

    return apply


# ------------------------------------------------------------------------------------------------ Exercise 4.2


def second_layer_forgotten(H, w1, w2, p1, p2, lambda_):
    """Half of the product rule: only w1 moves."""
    g = H(w2 @ p1)
    return w2.T @ g + lambda_[0] ** 2 * p1, g @ w1.T + lambda_[1] ** 2 * p2


def blocks_apart(H, w1, w2, p1, p2, lambda_):
    """Treats the layers one by one, without the coupling between them."""
    return w2.T @ H(w2 @ p1) + lambda_[0] ** 2 * p1, H(p2 @ w1) @ w1.T + lambda_[1] ** 2 * p2


def product_of_the_steps(H, w1, w2, p1, p2, lambda_):
    """Multiplies the two steps: a term of second order, where the first order was asked."""
    g = H(p2 @ p1)
    return w2.T @ g + lambda_[0] ** 2 * p1, g @ w1.T + lambda_[1] ** 2 * p2


def lambda_not_squared(H, w1, w2, p1, p2, lambda_):
    """The residual lambda w gives lambda once in J, and so twice in J^T J."""
    g = H(w2 @ p1 + p2 @ w1)
    return w2.T @ g + lambda_[0] * p1, g @ w1.T + lambda_[1] * p2


def regulariser_forgotten(H, w1, w2, p1, p2, lambda_):
    """Leaves the regulariser out."""
    g = H(w2 @ p1 + p2 @ w1)
    return w2.T @ g, g @ w1.T


def regulariser_of_the_weights(H, w1, w2, p1, p2, lambda_):
    """Applies the regulariser to w, as in the gradient, and not to p."""
    g = H(w2 @ p1 + p2 @ w1)
    return w2.T @ g + lambda_[0] ** 2 * w1, g @ w1.T + lambda_[1] ** 2 * w2


def lambdas_exchanged(H, w1, w2, p1, p2, lambda_):
    """Gives each layer the other's regulariser."""
    g = H(w2 @ p1 + p2 @ w1)
    return w2.T @ g + lambda_[1] ** 2 * p1, g @ w1.T + lambda_[0] ** 2 * p2


def parts_exchanged(H, w1, w2, p1, p2, lambda_):
    """Returns the part of w2 first."""
    g = H(w2 @ p1 + p2 @ w1)
    return g @ w1.T + lambda_[1] ** 2 * p2, w2.T @ g + lambda_[0] ** 2 * p1


def hessian_twice(H, w1, w2, p1, p2, lambda_):
    """Multiplies by H once more on the way back."""
    g = H(H(w2 @ p1 + p2 @ w1))
    return w2.T @ g + lambda_[0] ** 2 * p1, g @ w1.T + lambda_[1] ** 2 * p2


def with_the_factor_of_the_gradient(H, w1, w2, p1, p2, lambda_):
    """Doubles, as the gradient of a square would."""
    g = H(w2 @ p1 + p2 @ w1)
    return 2 * (w2.T @ g + lambda_[0] ** 2 * p1), 2 * (g @ w1.T + lambda_[1] ** 2 * p2)


def full_step(H, w1, w2, p1, p2, lambda_):
    """Takes the whole change of the filter, with the product of both steps."""
    g = H((w2 + p2) @ (w1 + p1) - w2 @ w1)
    return w2.T @ g + lambda_[0] ** 2 * p1, g @ w1.T + lambda_[1] ** 2 * p2


def back_through_the_steps(H, w1, w2, p1, p2, lambda_):
    """Goes back through p, and not through w."""
    g = H(w2 @ p1 + p2 @ w1)
    return p2.T @ g + lambda_[0] ** 2 * p1, g @ p1.T + lambda_[1] ** 2 * p2


def adds_into_p(H, w1, w2, p1, p2, lambda_):
    """Right, but works in the caller's p1 and p2."""
    g = H(w2 @ p1 + p2 @ w1)
    p1 *= lambda_[0] ** 2
    p2 *= lambda_[1] ** 2
    p1 += w2.T @ g
    p2 += g @ w1.T
    return p1, p2


def diagonals_in_the_first_call(U, v):
    """Computes the diagonals in the first call and not before."""
    known = []

    def product(s):
        if not known:
            known.append(np.einsum("n,ni,ni->i", v, U, U))
            known.append(np.einsum("n,ni,ni->i", v, U[:, :-1], U[:, 1:]))
        diagonal, beside = known
        out = diagonal * s
        out[:-1] += beside * s[1:]
        out[1:] += beside * s[:-1]
        return out

    return product


def copies_kept(U, v):
    """Keeps U and v for itself, and goes through all pixels in every call."""
    U, v = U.copy(), v.copy()
    return lambda s: U.T @ (v * (U @ s))


def small_is_done(A, b, iterations):
    """Ends where the gradient is small, and a small b is not solved at all."""
    delta, g = np.zeros(len(b)), b.copy()
    p, gg = g, g @ g
    for _ in range(iterations):
        if gg < 1e-10:
            break
        Ap = A(p)
        alpha = gg / (p @ Ap)
        delta, g = delta + alpha * p, g - alpha * Ap
        gg, old = g @ g, gg
        p = g + gg / old * p
    return delta


WRONG = {
    "ex04-1": [
        steepest_descent,
        writes_into_b,
        first_step_before_the_loop,
        beta_upside_down,
        direction_kept_whole,
        beta_with_the_sign_of_its_definition,
        two_products,
        residual_from_b,
        one_iteration_short,
        solves_exactly,
        step_of_steepest_descent,
        stops_at_a_small_residual,
        never_divides_by_nothing,
        preconditioned,
        beta_of_norms,
        starts_at_b,
        small_is_done,
    ],
    "ex04-2": [
        weights_squared,
        unweighted,
        uphill,
        sign_of_the_inner_derivative,
        length_not_squared,
        gradient_step,
        damped,
        one_after_the_other,
        line_through_logarithms,
        newton,
        step_alone,
        length_before_a,
        kept_positive,
        length_kept_positive,
    ],
    "ex04-3": [
        one_sided,
        wraps_around,
        side_shifted,
        weights_squared_in_the_stencil,
        lumped,
        weights_forgotten,
        coupling_counted_twice,
        through_the_pixels,
        through_the_pixels_by_sums,
        diagonals_when_asked,
        whole_matrix,
        whole_matrix_for_its_diagonals,
        the_diagonals_alone,
        multiplies_into_s,
        one_result_for_all_calls,
        result_of_the_type_of_s,
        neighbours_taken_for_granted,
        diagonals_in_the_first_call,
        copies_kept,
    ],
    "ex04-4": [
        second_layer_forgotten,
        blocks_apart,
        product_of_the_steps,
        lambda_not_squared,
        regulariser_forgotten,
        regulariser_of_the_weights,
        lambdas_exchanged,
        parts_exchanged,
        hessian_twice,
        with_the_factor_of_the_gradient,
        full_step,
        back_through_the_steps,
        adds_into_p,
    ],
}
