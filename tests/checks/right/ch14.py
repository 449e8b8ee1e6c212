"""Right answers to the exercises of chapter 14 in other styles than the solution's: no check may refuse them."""

import numpy as np
import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------ ex14-1


def from_the_other_class(p, beta):
    """One minus the background's share."""
    off = beta * (1 - np.asarray(p))
    return 1 - off / (off + p - beta * p)


def ratio_of_the_classes(p, beta):
    """Divides both by the object's share."""
    ratio = np.asarray(beta) / (1 - np.asarray(beta))
    return p / (p + ratio * (1 - p))


# ------------------------------------------------------------------------------------------------ ex14-2


def by_cases(logits, y):
    """Exponentials that end, and one formula for each class."""
    small = np.exp(-abs(logits))
    p = np.where(logits >= 0, 1, small) / (1 + small)
    off = np.count_nonzero(y == 0) / y.size
    return np.where(y == 1, off * (p - 1), (1 - off) * p)


def with_clipped_logits(logits, y):
    """Clips where a double would overflow, which changes nothing."""
    p = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
    weight = np.where(y > 0, (1 - y).mean(), y.mean())
    return weight * (p - y)


# ------------------------------------------------------------------------------------------------ ex14-3


def hats(x, stride):
    """Overlapping triangles, with the border's cells repeated beyond it."""
    padded = np.concatenate([x[:1], x, x[-1:]])
    pixels = np.arange(stride * len(x))
    middles = stride * (np.arange(len(padded)) - 1) + (stride - 1) / 2
    return np.maximum(0, 1 - abs(pixels[:, None] - middles) / stride) @ padded


def pixel_by_pixel(x, stride):
    """A loop, and a list for an answer."""
    answer = []
    for pixel in range(stride * len(x)):
        at = min(max((pixel + 0.5) / stride - 0.5, 0), len(x) - 1)
        left = int(at)
        right = min(left + 1, len(x) - 1)
        answer.append(x[left] * (1 - (at - left)) + x[right] * (at - left))
    return answer


def of_pytorch(x, stride):
    """PyTorch's interpolation."""
    row = torch.tensor(np.asarray(x, float))[None, None]
    return F.interpolate(row, scale_factor=stride, mode="linear", align_corners=False)[0, 0].numpy()


# ------------------------------------------------------------------------------------------------ ex14-4


def lists_of_times(model, seconds, every, clock):
    """Keeps all times and all losses; the end is a time of day."""
    if not seconds:
        return 0
    begin = clock()
    end, looks, steps, states = begin + seconds, [], [], {}

    def look():
        before = clock()
        loss = model.look()
        looks.append(clock() - before)
        states[len(steps)] = loss, model.state()

    look()
    while clock() + (max(steps) if steps else 4 * looks[0]) + max(looks) <= end:
        before = clock()
        model.step()
        steps.append(clock() - before)
        if not len(steps) % every:
            look()
    if len(steps) not in states:
        look()
    model.restore(min(states.values(), key=lambda pair: pair[0])[1])
    return len(steps)


def restored_only_where_needed(model, seconds, every, clock):
    """Leaves a model alone that is at its best."""
    if seconds <= 0:
        return 0
    start, n, at_best, due = clock(), 0, 0, False
    best = model.look()
    look = longest_look = clock() - start
    kept, longest_step = model.state(), None
    while True:
        step = 4 * look if longest_step is None else longest_step
        if clock() - start > seconds - step - longest_look:
            break
        before = clock()
        model.step()
        longest_step = max(clock() - before, longest_step or 0)
        n, due = n + 1, True
        if n % every == 0:
            before, due = clock(), False
            loss = model.look()
            longest_look = max(longest_look, clock() - before)
            if best > loss:
                best, kept, at_best = loss, model.state(), n
    if due and model.look() < best:
        at_best = n
    if at_best != n:
        model.restore(kept)
    return n


# ------------------------------------------------------------------------------------------------ ex14-5


def scores_before_they_are_enlarged(maps, side, score, fuse, enlarge, size):
    """Both are linear, and may change places."""
    scores, everything = [], None
    for k in range(len(maps)):
        small = side[k](maps[k])
        scores.append(enlarge[k](score[k](small)).narrow(2, 0, size[0]).narrow(3, 0, size[1]))
        large = enlarge[k](small)[:, :, : size[0], : size[1]]
        everything = large if everything is None else torch.hstack([everything, large])
    return [fuse(everything), tuple(scores)]


def into_one_tensor(maps, side, score, fuse, enlarge, size):
    """Writes the sides into a tensor that lies there."""
    channels = side[0](maps[0]).shape[1]
    whole = maps[0].new_zeros(len(maps[0]), len(maps), channels, *size)
    for k, x in enumerate(maps):
        whole[:, k] = enlarge[k](side[k](x))[..., : size[0], : size[1]]
    return fuse(whole.flatten(1, 2)), [score[k](whole[:, k]) for k in range(len(maps))]


# ------------------------------------------------------------------------------------------------ ex14-6


def by_weights_of_pixels(logits, y):
    """PyTorch's cross-entropy, with a weight for every pixel."""
    share = y.flatten(1).mean(dim=1).view(-1, 1, 1, 1)
    weight = torch.where(y == 1, 1 - share, share)
    return F.binary_cross_entropy_with_logits(logits, y, weight=weight)


def one_image_after_another(logits, y):
    """A loop over the batch, and sums over two lists of pixels."""
    losses = []
    for z, mask in zip(logits, y):
        on, off = z[mask > 0], z[mask == 0]
        total = len(off) * F.softplus(-on).sum() + len(on) * F.softplus(off).sum()
        losses.append(total / mask.numel() ** 2)
    return sum(losses) / len(losses)


RIGHT = {
    "ex14-1": [from_the_other_class, ratio_of_the_classes],
    "ex14-2": [by_cases, with_clipped_logits],
    "ex14-3": [hats, pixel_by_pixel, of_pytorch],
    "ex14-4": [lists_of_times, restored_only_where_needed],
    "ex14-5": [scores_before_they_are_enlarged, into_one_tensor],
    "ex14-6": [by_weights_of_pixels, one_image_after_another],
}
