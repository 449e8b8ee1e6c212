"""Wrong answers to the exercises of chapter 14, named after the mistake."""

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 14.1


def balanced_again(p, beta):
    """Turns nothing round: the chapter's formula once more."""
    return beta * p / (beta * p + (1 - beta) * (1 - p))


def scaled_by_the_class(p, beta):
    """Takes the share of the object as a factor, and forgets that both classes must add up to one."""
    return p * (1 - beta) * 2


def unchanged(p, beta):
    """Takes the balanced probability at its word."""
    return p + 0 * beta


def odds_and_not_share(p, beta):
    """Stops at the odds."""
    with np.errstate(divide="ignore"):
        return (1 - beta) * p / (beta * (1 - p))


# ------------------------------------------------------------------------------------------------ Exercise 14.2


def _gradient(logits, y, *, beta=None):
    beta = 1 - y.mean() if beta is None else beta
    p = (1 + np.tanh(logits / 2)) / 2
    return beta * y * (p - 1) + (1 - beta) * (1 - y) * p


def mean_and_not_sum(logits, y):
    """Divides by the number of pixels."""
    return _gradient(logits, y) / y.size


def classes_exchanged(logits, y):
    """Weighs the object by its own share, so that small objects count even less."""
    return _gradient(logits, y, beta=y.mean())


def no_balance(logits, y):
    """Plain cross-entropy: p - y."""
    return _gradient(logits, y, beta=0.5) * 2


def uphill(logits, y):
    """Loses the minus in front of the sums."""
    return -_gradient(logits, y)


def by_probability(logits, y):
    """The derivative by p: the sigmoid's own is forgotten."""
    beta, p = 1 - y.mean(), np.clip((1 + np.tanh(logits / 2)) / 2, 1e-9, 1 - 1e-9)
    return -beta * y / p + (1 - beta) * (1 - y) / (1 - p)


def overflows(logits, y):
    """A sigmoid whose exponential does not end."""
    beta, p = 1 - y.mean(), 1 / (1 + np.exp(-logits))
    return beta * y * (p - 1) + (1 - beta) * (1 - y) * p


# ------------------------------------------------------------------------------------------------ Exercise 14.3


def corners_aligned(x, stride):
    """Puts the first and the last cell onto the first and the last pixel."""
    return np.interp(np.linspace(0, len(x) - 1, stride * len(x)), np.arange(len(x)), x)


def cell_on_its_first_pixel(x, stride):
    """Puts every cell onto the first of its pixels: half a cell off."""
    return np.interp(np.arange(stride * len(x)), stride * np.arange(len(x)), x)


def nearest(x, stride):
    """Repeats, and does not interpolate."""
    return np.repeat(x, stride)


def fades_at_the_border(x, stride):
    """The paper's transposed convolution with nothing beyond the border."""
    pixels, middles = np.arange(stride * len(x)), stride * np.arange(len(x)) + (stride - 1) / 2
    return np.clip(1 - abs(pixels[:, None] - middles) / stride, 0, 1) @ x


# ------------------------------------------------------------------------------------------------ Exercise 14.4


def _tune(model, seconds, every, clock, *, first=True, zero=True, end=True, room=True, last=False, ties=False):
    if zero and seconds == 0:
        return 0
    start = clock()
    least, best = (model.look(), model.state()) if first else (np.inf, model.state())
    look = clock() - start if first else 0.25
    longest, steps, looked = 4 * look, 0, 0
    while clock() - start + (longest + look if room else 0) <= seconds:
        before = clock()
        model.step()
        steps += 1
        longest = clock() - before if steps == 1 else max(longest, clock() - before)
        if steps % every == 0:
            loss, looked = model.look(), steps
            if loss < least or (ties and loss == least):
                least, best = loss, model.state()
    if end and looked < steps and model.look() < least:
        best = model.state()
    if not last:
        model.restore(best)
    return steps


def last_state(model, seconds, every, clock):
    """Returns where the tuning ended, not where it was best."""
    return _tune(model, seconds, every, clock, last=True)


def until_the_time_is_over(model, seconds, every, clock):
    """Begins a step whenever any time is left, and exceeds the budget by its end."""
    return _tune(model, seconds, every, clock, room=False)


def first_state_forgotten(model, seconds, every, clock):
    """Does not look before the first step, so that a tuning that only harms is not undone."""
    return _tune(model, seconds, every, clock, first=False)


def end_forgotten(model, seconds, every, clock):
    """Throws away the steps after the last regular look."""
    return _tune(model, seconds, every, clock, end=False)


def later_of_equals(model, seconds, every, clock):
    """Takes the later of two equal states."""
    return _tune(model, seconds, every, clock, ties=True)


def looks_without_a_budget(model, seconds, every, clock):
    """Spends time on a look where there is none."""
    return _tune(model, seconds, every, clock, zero=False)


WRONG = {
    "ex14-1": [balanced_again, scaled_by_the_class, unchanged, odds_and_not_share],
    "ex14-2": [mean_and_not_sum, classes_exchanged, no_balance, uphill, by_probability, overflows],
    "ex14-3": [corners_aligned, cell_on_its_first_pixel, nearest, fades_at_the_border],
    "ex14-4": [
        last_state,
        until_the_time_is_over,
        first_state_forgotten,
        end_forgotten,
        later_of_equals,
        looks_without_a_budget,
    ],
}
