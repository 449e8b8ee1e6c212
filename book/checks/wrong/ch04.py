"""Wrong answers to the exercises of chapter 04, named after the mistake."""

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 4.1


def _cg(A, b, iterations, *, beta=lambda rho, before: rho / before, update=True, keep=True):
    x, g = np.zeros_like(b), b.copy()
    p, rho = g, g @ g
    for _ in range(iterations):
        q = A @ p
        alpha = rho / (p @ q)
        x = x + alpha * p
        g = g - alpha * q if update else b - alpha * q
        before, rho = rho, g @ g
        p = g + beta(rho, before) * p if keep else g
    return x


def steepest_descent(A, b, iterations):
    """Forgets the old direction: beta is 0."""
    return _cg(A, b, iterations, keep=False)


def writes_into_b(A, b, iterations):
    """Right, but lets g be the caller's b, and subtracts from it in place."""
    x, g = np.zeros_like(b), b
    p, rho = g.copy(), g @ g
    for _ in range(iterations):
        q = A @ p
        alpha = rho / (p @ q)
        x += alpha * p
        g -= alpha * q
        before, rho = rho, g @ g
        p = g + rho / before * p
    return x


def beta_upside_down(A, b, iterations):
    """Divides the old rho by the new one."""
    return _cg(A, b, iterations, beta=lambda rho, before: before / max(rho, 1e-300))


def direction_kept_whole(A, b, iterations):
    """Adds all of the old direction: beta is 1."""
    return _cg(A, b, iterations, beta=lambda rho, before: 1.0)


def residual_from_b(A, b, iterations):
    """Subtracts the last step from b, and not from the residual so far."""
    return _cg(A, b, iterations, update=False)


def one_iteration_short(A, b, iterations):
    """Counts from one and ends too early."""
    return _cg(A, b, iterations - 1)


# ------------------------------------------------------------------------------------------------ Exercise 4.2


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


# ------------------------------------------------------------------------------------------------ Exercise 4.3


def _apply(main, side, s):
    result = main * s
    result[:-1] += side * s[1:]
    result[1:] += side * s[:-1]
    return result


def one_sided(U, v, s):
    """Gives each cell its right neighbour and forgets the left one."""
    result = ((U * U).T @ v) * s
    result[:-1] += ((U[:, :-1] * U[:, 1:]).T @ v) * s[1:]
    return result


def wraps_around(U, v, s):
    """Rolls the scores, so that the first cell and the last become neighbours."""
    side = (U * np.roll(U, -1, axis=1)).T @ v
    side[-1] = side[0]
    return ((U * U).T @ v) * s + side * np.roll(s, -1) + np.roll(side, 1) * np.roll(s, 1)


def side_shifted(U, v, s):
    """Takes for the left neighbour the coupling that belongs to the right one."""
    side = np.append((U[:, :-1] * U[:, 1:]).T @ v, 0)
    result = ((U * U).T @ v) * s
    result[:-1] += side[:-1] * s[1:]
    result[1:] += side[1:] * s[:-1]
    return result


def weights_squared_in_the_stencil(U, v, s):
    """Uses v squared, as if the loss were |v r|^2."""
    return _apply((U * U).T @ v**2, (U[:, :-1] * U[:, 1:]).T @ v**2, s)


def lumped(U, v, s):
    """Puts all of U^T V on the diagonal and drops the coupling between cells."""
    return (U.T @ v) * s


def through_the_pixels(U, v, s):
    """Goes through the pixels after all: right, and not what was asked."""
    return U.T @ (v * (U @ s))


def through_the_pixels_by_sums(U, v, s):
    """The same, with a product and a sum where a matrix product would be refused."""
    return (U * (v * (U * s).sum(axis=1))[:, None]).sum(axis=0)


def through_the_pixels_by_dot(U, v, s):
    """The same by the arrays' method."""
    return U.T.dot(v * U.dot(s))


# ------------------------------------------------------------------------------------------------ Exercise 4.4


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


WRONG = {
    "ex04-1": [
        steepest_descent,
        writes_into_b,
        beta_upside_down,
        direction_kept_whole,
        residual_from_b,
        one_iteration_short,
    ],
    "ex04-2": [
        weights_squared,
        unweighted,
        uphill,
        sign_of_the_inner_derivative,
        length_not_squared,
        gradient_step,
    ],
    "ex04-3": [
        one_sided,
        wraps_around,
        side_shifted,
        weights_squared_in_the_stencil,
        lumped,
        through_the_pixels,
        through_the_pixels_by_sums,
        through_the_pixels_by_dot,
    ],
    "ex04-4": [
        second_layer_forgotten,
        blocks_apart,
        product_of_the_steps,
        lambda_not_squared,
        regulariser_forgotten,
        regulariser_of_the_weights,
    ],
}
