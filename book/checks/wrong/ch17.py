"""Wrong answers to the exercises of chapter 17, named after the mistake."""

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 17.1


def weights_exchanged(f1, f2, w, g_top):
    """The prior weighs the wrong classifier."""
    return (1 - w) * f1 + w * f2, (1 - w) * g_top, w * g_top


def gradient_not_weighed(f1, f2, w, g_top):
    """Both classifiers learn from every pixel."""
    return w * f1 + (1 - w) * f2, g_top, g_top


def gradient_of_the_prior(f1, f2, w, g_top):
    """Gives the gradient of w."""
    return w * f1 + (1 - w) * f2, (f1 - f2) * g_top, (f2 - f1) * g_top


def gradient_weighed_by_the_maps(f1, f2, w, g_top):
    """Multiplies by the classifiers' answers in place of the weights."""
    return w * f1 + (1 - w) * f2, f1 * g_top, f2 * g_top


def second_one_not_weighed(f1, f2, w, g_top):
    """Adds the prior's classifier to one that is always on."""
    return w * f1 + f2, w * g_top, g_top


def prior_made_hard(f1, f2, w, g_top):
    """Chooses one classifier for every pixel."""
    w = (w > 0.5).astype(float)
    return w * f1 + (1 - w) * f2, w * g_top, (1 - w) * g_top


def averaged(f1, f2, w, g_top):
    """Does not look at the prior."""
    return (f1 + f2) / 2, g_top / 2, g_top / 2


# ------------------------------------------------------------------------------------------------ Exercise 17.2


def _scores(levels, theta):
    return sum(np.tensordot(t, x, axes=1) for t, x in zip(theta, levels))


def features_masked(levels, theta, b, w):
    """Right, and makes all features anew."""
    return _scores([w * x for x in levels], theta) + b


def features_side_by_side(levels, theta, b, w):
    """Masks them after they were put side by side: larger still."""
    x = w * np.concatenate(levels)
    return np.tensordot(np.concatenate(theta), x, axes=1) + b


def bias_masked(levels, theta, b, w):
    """Masks the answer, the bias with it."""
    return w * (_scores(levels, theta) + b)


def bias_forgotten(levels, theta, b, w):
    """Leaves the bias out."""
    return w * _scores(levels, theta)


def one_level(levels, theta, b, w):
    """Looks at the last level alone."""
    return w * np.tensordot(theta[-1], levels[-1], axes=1) + (b if len(levels) > 1 else 0)


def bias_of_every_level(levels, theta, b, w):
    """Adds the bias once for every level, and once more."""
    return sum(w * np.tensordot(t, x, axes=1) + b for t, x in zip(theta, levels)) + b


def not_masked(levels, theta, b, w):
    """Forgets the prior."""
    return _scores(levels, theta) + b


# ------------------------------------------------------------------------------------------------ Exercise 17.3


def _answer(x, y, w, theta1, b1, theta2, b2, *, slope=None, weights=None, mix=None):
    f1, f2 = (np.tensordot(t, x, axes=1) + b for t, b in ((theta1, b1), (theta2, b2)))
    p = 1 / (1 + np.exp(-(mix or (lambda a, b: w * a + (1 - w) * b))(f1, f2)))
    beta = 1 - y.mean()
    g = (slope or (lambda p, beta: np.where(y > 0, beta * (p - 1), (1 - beta) * p)))(p, beta)
    one, two = weights or (w, 1 - w)
    return tuple(z for v in (one, two) for z in (np.tensordot(x, v * g, axes=([1, 2], [0, 1])), (v * g).sum()))


def not_balanced(x, y, w, *classifiers):
    """The plain cross-entropy."""
    return _answer(x, y, w, *classifiers, slope=lambda p, beta: p - y)


def balance_exchanged(x, y, w, *classifiers):
    """beta on the background."""
    return _answer(x, y, w, *classifiers, slope=lambda p, beta: np.where(y > 0, (1 - beta) * (p - 1), beta * p))


def mean_for_the_sum(x, y, w, *classifiers):
    """Divides by the number of pixels."""
    return tuple(g / y.size for g in _answer(x, y, w, *classifiers))


def weights_not_handed_on(x, y, w, *classifiers):
    """Gives both classifiers the whole gradient."""
    return _answer(x, y, w, *classifiers, weights=(1.0, 1.0))


def roles_exchanged(x, y, w, *classifiers):
    """The instances' pixels teach the second classifier."""
    return _answer(x, y, w, *classifiers, weights=(1 - w, w))


def sign_lost(x, y, w, *classifiers):
    """Climbs: the gradient of the log-likelihood."""
    return tuple(-g for g in _answer(x, y, w, *classifiers))


def through_the_sigmoid_twice(x, y, w, *classifiers):
    """Multiplies by p (1 - p) where it has cancelled."""
    return _answer(
        x, y, w, *classifiers, slope=lambda p, beta: np.where(y > 0, beta * (p - 1), (1 - beta) * p) * p * (1 - p)
    )


def each_by_itself(x, y, w, theta1, b1, theta2, b2):
    """Trains each classifier on its own answer, not on what they say together."""
    one = _answer(x, y, w, theta1, b1, theta1, b1)
    two = _answer(x, y, w, theta2, b2, theta2, b2)
    return one[0], one[1], two[2], two[3]


WRONG = {
    "ex17-1": [
        weights_exchanged,
        gradient_not_weighed,
        gradient_of_the_prior,
        gradient_weighed_by_the_maps,
        second_one_not_weighed,
        prior_made_hard,
        averaged,
    ],
    "ex17-2": [
        features_masked,
        features_side_by_side,
        bias_masked,
        bias_forgotten,
        one_level,
        bias_of_every_level,
        not_masked,
    ],
    "ex17-3": [
        not_balanced,
        balance_exchanged,
        mean_for_the_sum,
        weights_not_handed_on,
        roles_exchanged,
        sign_lost,
        through_the_sigmoid_twice,
        each_by_itself,
    ],
}
