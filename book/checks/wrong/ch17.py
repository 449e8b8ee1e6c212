"""Wrong answers to the exercises of chapter 17, named after the mistake."""

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 17.1


def shares_exchanged(f1, f2, w, g_top):
    """Gives w to the second classifier."""
    return (1 - w) * g_top, w * g_top, (f1 - f2) * g_top


def all_to_both(f1, f2, w, g_top):
    """Hands the whole gradient to both classifiers."""
    return g_top, g_top, (f1 - f2) * g_top


def left_to_pytorch(f1, f2, w, g_top):
    """Right, but not by hand."""
    import torch

    with torch.enable_grad():
        f1, f2, w = leaves = [z.clone().requires_grad_() for z in (f1, f2, w)]
        return torch.autograd.grad(w * f1 + (1 - w) * f2, leaves, g_top)


def prior_taken_for_a_constant(f1, f2, w, g_top):
    """Lets the prior have no gradient, as if nobody could want it."""
    return w * g_top, (1 - w) * g_top, 0 * w


def second_summand_forgotten(f1, f2, w, g_top):
    """Sees w in the first summand of Equation 17.2 alone."""
    return w * g_top, (1 - w) * g_top, f1 * g_top


def sign_of_the_second_lost(f1, f2, w, g_top):
    """Forgets that 1 - w falls as w rises."""
    return w * g_top, (1 - w) * g_top, (f1 + f2) * g_top


def difference_the_wrong_way(f1, f2, w, g_top):
    """f2 - f1 for the prior: it would be pushed away from the better classifier."""
    return w * g_top, (1 - w) * g_top, (f2 - f1) * g_top


def from_above_forgotten(f1, f2, w, g_top):
    """Partial derivatives alone, without the chain rule."""
    return w.clone(), 1 - w, f1 - f2


def summands_for_slopes(f1, f2, w, g_top):
    """Multiplies by the summands of Equation 17.2, not by their derivatives."""
    return w * f1 * g_top, (1 - w) * f2 * g_top, (f1 - f2) * g_top


def prior_rounded_first(f1, f2, w, g_top):
    """One classifier for each pixel."""
    hard = (w > 0.5).to(w)
    return hard * g_top, (1 - hard) * g_top, (f1 - f2) * g_top


def prior_summed_over_images(f1, f2, w, g_top):
    """One gradient of the prior for all images of the batch."""
    return w * g_top, (1 - w) * g_top, ((f1 - f2) * g_top).sum(dim=0, keepdim=True).expand_as(w)


def prior_first(f1, f2, w, g_top):
    """In the order w, f1, f2."""
    return (f1 - f2) * g_top, w * g_top, (1 - w) * g_top


def summed_up(f1, f2, w, g_top):
    """One number for each map."""
    return tuple(z.sum() for z in (w * g_top, (1 - w) * g_top, (f1 - f2) * g_top))


def two_alone(f1, f2, w, g_top):
    """Leaves the prior out."""
    return w * g_top, (1 - w) * g_top


# ------------------------------------------------------------------------------------------------ Exercise 17.3


def _where_it_is_zero(f1, f2):
    with np.errstate(all="ignore"):
        return f2 / (f2 - f1)


def zero_of_the_line(f1, f2):
    """Solves f_out = 0, and does not ask where that lies."""
    return _where_it_is_zero(f1, f2)


def clipped_to_a_prior(f1, f2):
    """Clips the place of the zero to 0..1: classifiers that agree on the background then seem to be overruled."""
    return np.clip(np.nan_to_num(_where_it_is_zero(f1, f2)), 0, 1)


def one_where_there_is_none(f1, f2):
    """Says 1 where no prior is enough."""
    return np.where(f2 >= 0, 0, np.where(f1 >= 0, _where_it_is_zero(f1, f2), 1))


def nan_where_none_is_needed(f1, f2):
    """Answers only where the prior decides: also NaN where both say object."""
    return np.where((f2 < 0) & (f1 >= 0), _where_it_is_zero(f1, f2), np.nan)


def greatest_prior(f1, f2):
    """The last prior with which the second classifier still says background, from the other side."""
    decides = np.where(f1 >= 0, 1, _where_it_is_zero(f1, f2))
    return np.where((f1 < 0) & (f2 < 0), np.nan, decides)


def classifiers_exchanged(f1, f2):
    """Gives w to the second classifier."""
    return np.where(f1 >= 0, 0, np.where(f2 >= 0, f1 / np.where(f1 == f2, 1, f1 - f2), np.nan))


def more_than_one_half_needed(f1, f2):
    """Probability above one half: where f_out is 0 there is no object."""
    return np.where(f2 > 0, 0, np.where(f1 > 0, _where_it_is_zero(f1, f2), np.nan))


def half_in_logits(f1, f2):
    """Takes .5 for the threshold of logits, where it is that of probabilities."""
    with np.errstate(all="ignore"):
        zero = (0.5 - f2) / (f1 - f2)
    return np.where(f2 >= 0.5, 0, np.where(f1 >= 0.5, zero, np.nan))


def first_classifier_first(f1, f2):
    """Says 0 as soon as the first classifier says object."""
    return np.where((f1 >= 0) | (f2 >= 0), np.where(f1 >= 0, 0, 1.0), np.nan)


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


def one_level_after_the_other(levels, theta, b, w):
    """Right, and masks a level at a time."""
    return sum((t[:, None, None] * (w * x)).sum(axis=0) for t, x in zip(theta, levels)) + b


def prior_hidden(levels, theta, b, w):
    """Right, and makes all features anew from a copy of the prior."""
    w = np.array(w.tolist())
    return sum(np.tensordot(t, x * w, axes=1) for t, x in zip(theta, levels)) + b


def weights_spread_over_pixels(levels, theta, b, w):
    """Right, and weighs the classifier for every pixel: C H W numbers again."""
    return sum(np.einsum("chw,chw->hw", t[:, None, None] * w, x) for t, x in zip(theta, levels)) + b


def maps_of_all_levels(levels, theta, b, w):
    """Keeps a map of every level until they are added up: of many levels that is too much."""
    maps = [np.tensordot(t, x, axes=1) for t, x in zip(theta, levels)]
    return w * sum(maps) + b


def prior_squared(levels, theta, b, w):
    """Masks the features, and the answer again."""
    return w * (w * _scores(levels, theta)) + b


def bias_by_its_share(levels, theta, b, w):
    """Divides the bias among the levels, and masks it with each but the last."""
    return w * (_scores(levels, theta) + b - b / len(levels)) + b / len(levels)


def same_weights_for_all(levels, theta, b, w):
    """Uses the first level's weights as far as they go."""
    t = np.resize(theta[0], sum(len(x) for x in levels))
    parts = np.split(t, np.cumsum([len(x) for x in levels])[:-1])
    return w * _scores(levels, parts) + b * (len(levels) > 0)


def levels_averaged(levels, theta, b, w):
    """The mean over levels, not the sum."""
    return w * _scores(levels, theta) / len(levels) + b


# ------------------------------------------------------------------------------------------------ Exercise 17.4


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


def balance_by_the_prior(x, y, w, *classifiers):
    """beta from the prior, not from the labels."""
    beta = 1 - w.mean()
    return _answer(x, y, w, *classifiers, slope=lambda p, _: np.where(y > 0, beta * (p - 1), (1 - beta) * p))


def probabilities_mixed(x, y, w, theta1, b1, theta2, b2):
    """Mixes probabilities, not logits (the appendix)."""
    p1, p2 = (1 / (1 + np.exp(-(np.tensordot(t, x, axes=1) + b))) for t, b in ((theta1, b1), (theta2, b2)))
    beta, p = 1 - y.mean(), w * p1 + (1 - w) * p2
    g = np.where(y > 0, -beta / p, (1 - beta) / (1 - p))
    slopes = [w * g * p1 * (1 - p1), (1 - w) * g * p2 * (1 - p2)]
    return tuple(z for s in slopes for z in (np.tensordot(x, s, axes=([1, 2], [0, 1])), s.sum()))


def prior_rounded(x, y, w, *classifiers):
    """One classifier for each pixel."""
    return _answer(x, y, (w > 0.5).astype(float), *classifiers)


def biases_alike(x, y, w, *classifiers):
    """The whole gradient for both biases."""
    one, _, two, _ = _answer(x, y, w, *classifiers)
    whole = _answer(x, y, w, *classifiers, weights=(1.0, 1.0))[1]
    return one, whole, two, whole


def weights_before_biases(x, y, w, *classifiers):
    """In the order theta1, theta2, b1, b2."""
    a, b, c, d = _answer(x, y, w, *classifiers)
    return a, c, b, d


def biases_left_out_of_the_answer(x, y, w, theta1, b1, theta2, b2):
    """Computes p without the biases."""
    return _answer(x, y, w, theta1, 0.0, theta2, 0.0)


def signs_of_the_labels(x, y, w, *classifiers):
    """Makes signs of the labels by 2 y - 1, which is 255 for a label 0 in uint8."""
    sign = 2 * y - 1
    return _answer(x, y, w, *classifiers, slope=lambda p, beta: -sign * np.where(y > 0, beta * (1 - p), (1 - beta) * p))


def labels_for_the_prior(x, y, w, *classifiers):
    """Lets the labels decide who learns from a pixel."""
    return _answer(x, y, w, *classifiers, weights=(y, 1 - y))


def derivative_left_to_pytorch(x, y, w, *classifiers):
    """Right, but not by hand."""
    import torch

    x, y, w = (torch.tensor(z, dtype=torch.float64) for z in (x, y, w))
    theta1, b1, theta2, b2 = leaves = [torch.tensor(z, dtype=torch.float64).requires_grad_() for z in classifiers]
    one, two = (torch.tensordot(t, x, dims=1) + b for t, b in ((theta1, b1), (theta2, b2)))
    log_p = torch.nn.functional.logsigmoid
    logits, beta = w * one + (1 - w) * two, 1 - y.mean()
    loss = -(beta * y * log_p(logits) + (1 - beta) * (1 - y) * log_p(-logits)).sum()
    return [g.numpy() for g in torch.autograd.grad(loss, leaves)]


WRONG = {
    "ex17-4": [
        shares_exchanged,
        all_to_both,
        prior_taken_for_a_constant,
        left_to_pytorch,
        second_summand_forgotten,
        sign_of_the_second_lost,
        difference_the_wrong_way,
        from_above_forgotten,
        summands_for_slopes,
        prior_rounded_first,
        prior_summed_over_images,
        prior_first,
        summed_up,
        two_alone,
    ],
    "ex17-1": [
        zero_of_the_line,
        clipped_to_a_prior,
        one_where_there_is_none,
        nan_where_none_is_needed,
        greatest_prior,
        classifiers_exchanged,
        more_than_one_half_needed,
        half_in_logits,
        first_classifier_first,
    ],
    "ex17-2": [
        features_masked,
        features_side_by_side,
        bias_masked,
        bias_forgotten,
        one_level,
        bias_of_every_level,
        not_masked,
        one_level_after_the_other,
        prior_hidden,
        weights_spread_over_pixels,
        maps_of_all_levels,
        prior_squared,
        bias_by_its_share,
        same_weights_for_all,
        levels_averaged,
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
        balance_by_the_prior,
        probabilities_mixed,
        prior_rounded,
        biases_alike,
        weights_before_biases,
        biases_left_out_of_the_answer,
        labels_for_the_prior,
        derivative_left_to_pytorch,
        signs_of_the_labels,
    ],
}
