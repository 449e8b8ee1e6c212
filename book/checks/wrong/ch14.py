"""Wrong answers to the exercises of chapter 14, named after the mistake."""

import numpy as np
import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------ ex14-1


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


def odds_divided(p, beta):
    """By way of the odds, which are infinite for a p of 1."""
    with np.errstate(all="ignore"):
        odds = np.asarray(p, float) / (1 - np.asarray(p, float)) * (1 - beta) / beta
        return odds / (1 + odds)


def clipped(p, beta):
    """Keeps p away from 0 and 1."""
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return (1 - beta) * p / ((1 - beta) * p + beta * (1 - p))


def beta_of_the_chapter(p, beta):
    """Takes .95 whatever the image is."""
    return 0.05 * p / (0.05 * p + 0.95 * (1 - p)) + 0 * beta


def share_of_the_background(p, beta):
    """What is missing to one."""
    return beta * (1 - p) / ((1 - beta) * p + beta * (1 - p))


def beta_once(p, beta):
    """Weighs one of the two classes only."""
    return p / (p + beta * (1 - p))


def linear(p, beta):
    """Draws a straight line from 0 to beta and on to 1: at beta the share is one half, and elsewhere it is wrong."""
    return np.where(p < beta, p / (2 * beta), 0.5 + (p - beta) / (2 * (1 - beta)))


# ------------------------------------------------------------------------------------------------ ex14-2


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


def logits_clipped(logits, y):
    """Clips logits to 10, against overflow."""
    return _gradient(np.clip(logits, -10, 10), y)


def each_class_by_its_own_count(logits, y):
    """Averages over either class: balanced, but not Eq. 1."""
    p = (1 + np.tanh(logits / 2)) / 2
    return y * (p - 1) / max(y.sum(), 1) + (1 - y) * p / max((1 - y).sum(), 1)


def beta_of_the_answer(logits, y):
    """Takes beta from what the network says, not from the truth."""
    p = (1 + np.tanh(logits / 2)) / 2
    return _gradient(logits, y, beta=1 - p.mean())


def beta_of_the_chapter_again(logits, y):
    """An object of 5 % of the frame, whatever y is."""
    return _gradient(logits, y, beta=0.95)


def object_alone(logits, y):
    """Leaves the second sum out."""
    return _gradient(logits, y) * y


def logits_written_over(logits, y):
    """Right, and keeps the sigmoid in the caller's logits."""
    right = _gradient(logits, y)
    logits[:] = (1 + np.tanh(logits / 2)) / 2
    return right


def signs_of_the_mask(logits, y):
    """Makes signs of the mask by 2 y - 1, which is 255 for a 0 in uint8."""
    sign = 2 * y - 1
    return -sign * np.where(y > 0, 1 - y.mean(), y.mean()) * (1 - np.tanh(sign * logits / 2)) / 2


def slope_of_the_sigmoid(logits, y):
    """Multiplies by p (1 - p), which has cancelled."""
    p = (1 + np.tanh(logits / 2)) / 2
    return _gradient(logits, y) * p * (1 - p)


# ------------------------------------------------------------------------------------------------ ex14-3


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


def middle_is_a_pixel(x, stride):
    """Takes the pixel stride // 2 for the middle."""
    return np.interp(np.arange(stride * len(x)), stride * np.arange(len(x)) + stride // 2, x)


def goes_on_beyond_the_middles(x, stride):
    """Lets the last slope go on to the border."""
    pixels = (np.arange(stride * len(x)) + 0.5) / stride - 0.5
    if len(x) == 1:
        return np.repeat(x, stride)
    left = np.clip(np.floor(pixels).astype(int), 0, len(x) - 2)
    return x[left] + (pixels - left) * (x[left + 1] - x[left])


def half_a_pixel_off(x, stride):
    """Puts middles at stride / 2, as if pixels were points."""
    return np.interp(np.arange(stride * len(x)), stride * (np.arange(len(x)) + 0.5), x)


def spline(x, stride):
    """A smooth curve through the cells: a cosine between two of them."""
    at = np.clip((np.arange(stride * len(x)) + 0.5) / stride - 0.5, 0, len(x) - 1)
    left = np.minimum(np.floor(at).astype(int), max(len(x) - 2, 0))
    share = (1 - np.cos(np.pi * (at - left))) / 2
    return x[left] * (1 - share) + x[np.minimum(left + 1, len(x) - 1)] * share


def stride_of_the_paper(x, stride):
    """Middles of a stride of 8."""
    return np.interp(np.arange(stride * len(x)), 8 * np.arange(len(x)) + 3.5, x)


def zero_at_one_cell(x, stride):
    """Interpolates between two neighbours: of a single cell nothing is left."""
    at = np.clip((np.arange(stride * len(x)) + 0.5) / stride - 0.5, 0, len(x) - 1)
    answer = np.zeros(stride * len(x))
    for i in range(len(x) - 1):
        here = (at >= i) & (at <= i + 1)
        answer[here] = x[i] + (at[here] - i) * (x[i + 1] - x[i])
    return answer


def whole_as_the_cells(x, stride):
    """Makes an answer of the type of x: between whole numbers, whole numbers."""
    answer = np.zeros(stride * len(x), x.dtype)
    answer[:] = np.interp((np.arange(stride * len(x)) + 0.5) / stride - 0.5, np.arange(len(x)), x)
    return answer


# ------------------------------------------------------------------------------------------------ ex14-4


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


def _timed(model, seconds, every, clock, *, step=max, look=max, guess=4, begin=True, reserve=True):
    """The solution, with other rules for what a step and a look may take."""
    if seconds == 0:
        return 0
    start = clock()
    before = clock()
    least, best = model.look(), model.state()
    looks, stepped, looked = [clock() - before], [], 0
    start = start if begin else clock()
    while clock() - start + step(stepped or [guess * looks[0]]) + (look(looks) if reserve else 0) <= seconds:
        before = clock()
        model.step()
        stepped.append(clock() - before)
        if len(stepped) % every == 0:
            before = clock()
            loss, looked = model.look(), len(stepped)
            looks.append(clock() - before)
            if loss < least:
                least, best = loss, model.state()
    if looked < len(stepped) and model.look() < least:
        best = model.state()
    model.restore(best)
    return len(stepped)


def first_step_for_all(model, seconds, every, clock):
    """Times the first step, and believes that all take as long."""
    return _timed(model, seconds, every, clock, step=lambda times: times[0])


def last_step_for_all(model, seconds, every, clock):
    """Takes the last step's time, not the longest."""
    return _timed(model, seconds, every, clock, step=lambda times: times[-1])


def mean_of_the_steps(model, seconds, every, clock):
    """Takes the mean time of a step."""
    return _timed(model, seconds, every, clock, step=lambda times: sum(times) / len(times))


def first_look_for_all(model, seconds, every, clock):
    """Times the first look, and believes that all take as long."""
    return _timed(model, seconds, every, clock, look=lambda times: times[0])


def look_not_reserved(model, seconds, every, clock):
    """Leaves no time for the last look."""
    return _timed(model, seconds, every, clock, reserve=False)


def first_step_not_guessed(model, seconds, every, clock):
    """Begins a first step of which nothing is known."""
    return _timed(model, seconds, every, clock, guess=0)


def first_look_for_free(model, seconds, every, clock):
    """Starts its clock after the first look."""
    return _timed(model, seconds, every, clock, begin=False)


def constants_of_the_check(model, seconds, every, clock):
    """Steps of a second and looks of a quarter, whatever the clock says."""
    return _timed(model, seconds, every, clock, step=lambda times: 1.0, look=lambda times: 0.25)


def copies_take_no_time(model, seconds, every, clock):
    """Adds up what steps and looks took: the time for copies of the weights is not seen."""
    spent = 0.0

    def told():  # the clock without what passes between two steps or looks
        return spent

    def timed(function):
        nonlocal spent
        before = clock()
        value = function()
        spent += clock() - before
        return value

    counted = type("Counted", (), {"state": model.state, "restore": model.restore})()
    counted.step, counted.look = (lambda f=f: timed(f) for f in (model.step, model.look))
    return _timed(counted, seconds, every, told)


# ------------------------------------------------------------------------------------------------ ex14-5


def _enlarged(maps, side, enlarge, size, *, then=lambda u: u):
    H, W = size
    return [then(grow(conv(x))[..., :H, :W]) for x, conv, grow in zip(maps, side, enlarge)]


def _spoken(u, score, fuse):
    return fuse(torch.cat(u, dim=1)), [weigh(one) for one, weigh in zip(u, score)]


def deep_to_shallow(maps, side, score, fuse, enlarge, size):
    """Lays the deepest side first."""
    u = _enlarged(maps, side, enlarge, size)
    return fuse(torch.cat(u[::-1], dim=1)), [weigh(one) for one, weigh in zip(u, score)]


def scores_not_enlarged(maps, side, score, fuse, enlarge, size):
    """Gives the scores on the grids of the stages."""
    fused, _ = _spoken(_enlarged(maps, side, enlarge, size), score, fuse)
    return fused, [weigh(conv(x)) for x, conv, weigh in zip(maps, side, score)]


def with_relu(maps, side, score, fuse, enlarge, size):
    """Puts a ReLU behind each side, as one is used to."""
    return _spoken(_enlarged(maps, side, enlarge, size, then=torch.relu), score, fuse)


def probabilities(maps, side, score, fuse, enlarge, size):
    """Ends in a sigmoid, though logits are asked for."""
    fused, scores = _spoken(_enlarged(maps, side, enlarge, size), score, fuse)
    return fused.sigmoid(), [one.sigmoid() for one in scores]


def cut_at_the_other_end(maps, side, score, fuse, enlarge, size):
    """Cuts off what is left and above."""
    H, W = size
    return _spoken([grow(conv(x))[..., -H:, -W:] for x, conv, grow in zip(maps, side, enlarge)], score, fuse)


def cut_around_the_middle(maps, side, score, fuse, enlarge, size):
    """Cuts the same from both ends."""
    H, W = size
    u = []
    for x, conv, grow in zip(maps, side, enlarge):
        z = grow(conv(x))
        top, left = (z.shape[-2] - H) // 2, (z.shape[-1] - W) // 2
        u.append(z[..., top : top + H, left : left + W])
    return _spoken(u, score, fuse)


def resized_to_the_image(maps, side, score, fuse, enlarge, size):
    """Stretches every side to the image: its cells are no longer as large as the stride."""
    u = [F.interpolate(conv(x), size=size, mode="bilinear") for x, conv in zip(maps, side)]
    return _spoken(u, score, fuse)


def mean_of_the_scores(maps, side, score, fuse, enlarge, size):
    """Fuses by a mean of the scores, without weights of its own."""
    _, scores = _spoken(_enlarged(maps, side, enlarge, size), score, fuse)
    return torch.stack(scores).mean(dim=0), scores


def enlarged_by_the_last(maps, side, score, fuse, enlarge, size):
    """Enlarges all sides as the last one, and cuts."""
    return _spoken(_enlarged(maps, side, [enlarge[-1]] * len(maps), size), score, fuse)


def sides_cut_from_the_graph(maps, side, score, fuse, enlarge, size):
    """Lets no gradient through to the stages."""
    return _spoken(_enlarged(maps, side, enlarge, size, then=torch.Tensor.detach), score, fuse)


def first_image_for_all(maps, side, score, fuse, enlarge, size):
    """Goes on with the first image of the batch."""
    return _spoken(_enlarged([x[:1].expand_as(x) for x in maps], side, enlarge, size), score, fuse)


def scores_of_the_first_side(maps, side, score, fuse, enlarge, size):
    """Scores the first side again and again."""
    u = _enlarged(maps, side, enlarge, size)
    return fuse(torch.cat(u, dim=1)), [weigh(u[0]) for weigh in score]


# ------------------------------------------------------------------------------------------------ ex14-6


def _weighed(logits, y, beta):
    return -(beta * y * F.logsigmoid(logits) + (1 - beta) * (1 - y) * F.logsigmoid(-logits))


def _betas(y):
    return 1 - y.mean(dim=(1, 2, 3), keepdim=True)


def one_beta_for_the_batch(logits, y):
    """Counts over all images at once."""
    return _weighed(logits, y, 1 - y.mean()).mean()


def sum_and_not_mean(logits, y):
    """The paper's sum, of which a mean over the pixels was asked."""
    return _weighed(logits, y, _betas(y)).sum() / len(y)


def weights_exchanged(logits, y):
    """Weighs the object by its own share."""
    return _weighed(logits, y, 1 - _betas(y)).mean()


def not_balanced(logits, y):
    """Plain cross-entropy."""
    return F.binary_cross_entropy_with_logits(logits, y)


def half_of_it(logits, y):
    """Weighs both classes by one half."""
    return _weighed(logits, y, 0.5).mean()


def logarithm_of_the_sigmoid(logits, y):
    """Takes the logarithm of a probability that has become 0."""
    p, beta = logits.sigmoid(), _betas(y)
    return -(beta * y * p.log() + (1 - beta) * (1 - y) * (1 - p).log()).mean()


def probabilities_clamped(logits, y):
    """Keeps p away from 0 and 1, where the loss then no longer grows, nor has a gradient."""
    p, beta = logits.sigmoid().clamp(1e-6, 1 - 1e-6), _betas(y)
    return -(beta * y * p.log() + (1 - beta) * (1 - y) * (1 - p).log()).mean()


def each_class_by_its_mean(logits, y):
    """A mean over the object and one over the background: balanced, but not Eq. 1."""
    on = (y * F.logsigmoid(logits)).sum() / y.sum().clamp(min=1)
    off = ((1 - y) * F.logsigmoid(-logits)).sum() / (1 - y).sum().clamp(min=1)
    return -(on + off) / 2


def minus_forgotten(logits, y):
    """The sum without the minus: what is best has the largest value."""
    return -_weighed(logits, y, _betas(y)).mean()


def positives_alone(logits, y):
    """Leaves the second sum out."""
    return -(_betas(y) * y * F.logsigmoid(logits)).mean()


def images_without_a_class_left_out(logits, y):
    """Takes the mean over the images that have an object and a background."""
    losses = _weighed(logits, y, _betas(y)).mean(dim=(1, 2, 3))
    both = (_betas(y) * (1 - _betas(y))).flatten() > 0
    return losses.sum() / both.sum().clamp(min=1)


def chosen_between_two_logarithms(logits, y):
    """Takes the logit where the logarithm has no value: the number is right, and its gradient is NaN."""

    def log(z):
        return torch.where(z > -50, z.sigmoid().log(), z)

    return -(_betas(y) * y * log(logits) + (1 - _betas(y)) * (1 - y) * log(-logits)).mean()


def image_by_image(logits, y):
    """One number for each image."""
    return _weighed(logits, y, _betas(y)).mean(dim=(1, 2, 3))


def without_gradient(logits, y):
    """A number of Python's."""
    return torch.tensor(_weighed(logits, y, _betas(y)).mean().item())


WRONG = {
    "ex14-1": [
        balanced_again,
        scaled_by_the_class,
        unchanged,
        odds_and_not_share,
        odds_divided,
        clipped,
        beta_of_the_chapter,
        share_of_the_background,
        beta_once,
        linear,
    ],
    "ex14-2": [
        mean_and_not_sum,
        classes_exchanged,
        no_balance,
        uphill,
        by_probability,
        overflows,
        logits_clipped,
        each_class_by_its_own_count,
        beta_of_the_answer,
        beta_of_the_chapter_again,
        object_alone,
        logits_written_over,
        slope_of_the_sigmoid,
        signs_of_the_mask,
    ],
    "ex14-3": [
        corners_aligned,
        cell_on_its_first_pixel,
        nearest,
        fades_at_the_border,
        middle_is_a_pixel,
        goes_on_beyond_the_middles,
        half_a_pixel_off,
        spline,
        stride_of_the_paper,
        zero_at_one_cell,
        whole_as_the_cells,
    ],
    "ex14-4": [
        last_state,
        until_the_time_is_over,
        first_state_forgotten,
        end_forgotten,
        later_of_equals,
        looks_without_a_budget,
        first_step_for_all,
        last_step_for_all,
        mean_of_the_steps,
        first_look_for_all,
        look_not_reserved,
        first_step_not_guessed,
        first_look_for_free,
        constants_of_the_check,
        copies_take_no_time,
    ],
    "ex14-5": [
        deep_to_shallow,
        scores_not_enlarged,
        with_relu,
        probabilities,
        cut_at_the_other_end,
        cut_around_the_middle,
        resized_to_the_image,
        mean_of_the_scores,
        enlarged_by_the_last,
        sides_cut_from_the_graph,
        first_image_for_all,
        scores_of_the_first_side,
    ],
    "ex14-6": [
        one_beta_for_the_batch,
        sum_and_not_mean,
        weights_exchanged,
        not_balanced,
        half_of_it,
        logarithm_of_the_sigmoid,
        probabilities_clamped,
        each_class_by_its_mean,
        minus_forgotten,
        positives_alone,
        images_without_a_class_left_out,
        chosen_between_two_logarithms,
        image_by_image,
        without_gradient,
    ],
}
