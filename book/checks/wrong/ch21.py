"""Wrong answers to the exercises of chapter 21, named after the mistake."""

import torch

# ------------------------------------------------------------------------------------------------ Exercise 21.1


def _fits(k_m, k_q):
    return k_m.flatten(1).T @ k_q.flatten(1) / len(k_m) ** 0.5  # (T h w, h w)


def softmax_over_the_query(k_m, k_q):
    """The weights of a cell of the memory sum to one over the query."""
    return _fits(k_m, k_q).softmax(dim=1)


def softmax_over_everything(k_m, k_q):
    """All weights together sum to one."""
    fits = _fits(k_m, k_q)
    return fits.flatten().softmax(dim=0).view_as(fits)


def softmax_frame_by_frame(k_m, k_q):
    """Each frame of the memory has weights that sum to one, so no frame can be passed over."""
    fits = _fits(k_m, k_q)
    per_frame = fits.view(k_m.shape[1], -1, fits.shape[1]).softmax(dim=1)
    return per_frame.flatten(0, 1) / k_m.shape[1]


def not_divided(k_m, k_q):
    """Forgets the root of C."""
    return (_fits(k_m, k_q) * len(k_m) ** 0.5).softmax(dim=0)


def divided_by_C(k_m, k_q):
    """Divides by C."""
    return (_fits(k_m, k_q) / len(k_m) ** 0.5).softmax(dim=0)


def divided_by_the_number_of_cells(k_m, k_q):
    """Takes the root of another size."""
    return (k_m.flatten(1).T @ k_q.flatten(1) / k_q.flatten(1).shape[1] ** 0.5).softmax(dim=0)


def exponentials_as_they_are(k_m, k_q):
    """exp over its sum: large products are infinite."""
    e = _fits(k_m, k_q).exp()
    return e / e.sum(dim=0)


def query_by_memory(k_m, k_q):
    """The transpose."""
    return _fits(k_m, k_q).softmax(dim=0).T


def frames_in_the_last_place(k_m, k_q):
    """Counts the cells place by place, and the frames of a place one after the other."""
    fits = k_m.permute(0, 2, 3, 1).flatten(1).T @ k_q.flatten(1) / len(k_m) ** 0.5
    return fits.softmax(dim=0)


def columns_before_rows(k_m, k_q):
    """Counts the query's cells column by column."""
    return (k_m.flatten(1).T @ k_q.transpose(1, 2).flatten(1) / len(k_m) ** 0.5).softmax(dim=0)


def keys_of_length_one(k_m, k_q):
    """Cosines: how large a key is no longer counts."""
    unit = [k / k.norm(dim=0, keepdim=True) for k in (k_m, k_q)]
    return (_fits(*unit) * len(k_m) ** 0.5).softmax(dim=0)


def products_alone(k_m, k_q):
    """No softmax."""
    return _fits(k_m, k_q)


def shares_of_the_products(k_m, k_q):
    """Divides the products by their sum: weights may be negative."""
    fits = _fits(k_m, k_q)
    return fits / fits.sum(dim=0)


@torch.no_grad()
def affinity_without_gradient(k_m, k_q):
    """The right weights under no_grad."""
    return _fits(k_m, k_q).softmax(dim=0)


def memory_detached(k_m, k_q):
    """The memory's keys learn nothing."""
    return _fits(k_m.detach(), k_q).softmax(dim=0)


# ------------------------------------------------------------------------------------------------ Exercise 21.2


def _found(weights, v_m):
    return (v_m.flatten(2) @ weights).unflatten(2, v_m.shape[-2:])


def one_object_for_all(weights, v_m):
    """All objects read the first one's values."""
    return _found(weights, v_m[:1].expand(len(v_m), -1, -1, -1, -1))


def mean_over_objects(weights, v_m):
    """Every object reads the mean of all."""
    return _found(weights, v_m.mean(dim=0, keepdim=True).expand_as(v_m))


def best_cell_alone(weights, v_m):
    """The value of the cell with the largest weight: a hard choice."""
    return v_m.flatten(2)[:, :, weights.argmax(dim=0)].unflatten(2, v_m.shape[-2:])


def frames_read_in_turn(weights, v_m):
    """The last frame alone."""
    cells = v_m.shape[-2] * v_m.shape[-1]
    return _found(weights[-cells:], v_m[:, :, -1:])


def mean_over_frames(weights, v_m):
    """Divides by the number of frames, though the weights sum to one already."""
    return _found(weights, v_m) / v_m.shape[2]


def rows_and_columns_confused(weights, v_m):
    """Lays the cells out column by column."""
    found = v_m.flatten(2) @ weights
    return found.unflatten(2, v_m.shape[-2:][::-1]).transpose(2, 3)


def values_by_place(weights, v_m):
    """Counts the memory's cells place by place, frames last, and the weights frame by frame."""
    by_place = v_m.permute(0, 1, 3, 4, 2).flatten(2)
    return (by_place @ weights).unflatten(2, v_m.shape[-2:])


def left_flat(weights, v_m):
    """Leaves the cells in one row."""
    return v_m.flatten(2) @ weights


def normalised_again(weights, v_m):
    """A softmax of weights."""
    return _found(weights.softmax(dim=0), v_m)


def values_of_the_same_place(weights, v_m):
    """Reads each cell's own place in every frame: nothing may move."""
    own = weights.view(v_m.shape[2], weights.shape[1], -1).diagonal(dim1=1, dim2=2)  # (T, h w)
    return (v_m.flatten(3) * own).sum(dim=2).unflatten(2, v_m.shape[-2:])


def channels_before_objects(weights, v_m):
    """The two first axes swapped, and swapped back by a view."""
    return _found(weights, v_m).transpose(0, 1).reshape(_found(weights, v_m).shape)


@torch.no_grad()
def read_without_gradient(weights, v_m):
    """The right values under no_grad."""
    return _found(weights, v_m)


def weights_detached(weights, v_m):
    """The keys learn nothing from what is read."""
    return _found(weights.detach(), v_m)


def values_detached(weights, v_m):
    """The values learn nothing."""
    return _found(weights, v_m.detach())


# ------------------------------------------------------------------------------------------------ Exercise 21.3


def without_a_bound(t, every, most):
    """The memory grows for ever."""
    return sorted({*range(0, t, every), t - 1})


def first_frame_dropped(t, every, most):
    """The oldest go, the first among them."""
    return sorted({*range(0, t, every), t - 1})[-most:]


def newest_dropped(t, every, most):
    """A full memory takes nothing more in."""
    return sorted({*range(0, t, every), t - 1})[:most]


def frame_before_forgotten(t, every, most):
    """Every so many frames, and not the one before."""
    frames = list(range(0, t, every))
    return [0, *frames[1:][-(most - 1) :]]


def first_and_previous_alone(t, every, most):
    """Two frames at most."""
    return sorted({0, t - 1})


def the_frame_itself(t, every, most):
    """Counts frame t among those that are remembered."""
    frames = sorted({*range(0, t + 1, every), t})
    return frames if len(frames) <= most else [0, *frames[-(most - 1) :]]


def frame_before_twice(t, every, most):
    """Where the frame before is one that stays it is there twice."""
    frames = [*range(0, t, every), t - 1]
    return frames if len(frames) <= most else [0, *frames[-(most - 1) :]]


def one_too_many(t, every, most):
    """The first frame is not counted."""
    frames = sorted({*range(0, t, every), t - 1})
    return frames if len(frames) <= most else [0, *frames[-most:]]


def one_too_few(t, every, most):
    """Keeps room for the frame to come."""
    frames = sorted({*range(0, t, every), t - 1})
    return frames if len(frames) < most else sorted({0, t - 1, *frames[len(frames) - most + 2 :]})


def counted_from_the_end(t, every, most):
    """Every so many frames back from the one before: such a frame would have to come back."""
    frames = sorted({0, *range(t - 1, 0, -every)})
    return frames if len(frames) <= most else [0, *frames[-(most - 1) :]]


def counted_from_one(t, every, most):
    """Frames 1, 6, 11 and so on stay."""
    frames = sorted({0, *range(1, t, every), t - 1})
    return frames if len(frames) <= most else [0, *frames[-(most - 1) :]]


def evenly_spread(t, every, most):
    """A full memory is thinned out evenly."""
    frames = sorted({*range(0, t, every), t - 1})
    return frames if len(frames) <= most else [frames[n * (len(frames) - 1) // (most - 1)] for n in range(most)]


def as_a_set(t, every, most):
    """A set has no order."""
    frames = sorted({*range(0, t, every), t - 1})
    return set(frames if len(frames) <= most else [0, *frames[-(most - 1) :]])


# ------------------------------------------------------------------------------------------------ Exercise 21.4


def _distances(k_m, k_q):
    return -(k_m.flatten(1)[:, :, None] - k_q.flatten(1)[:, None]).square().sum(dim=0) / len(k_m) ** 0.5


def _best(fits, top):
    best = fits.topk(min(top, len(fits)), dim=0)
    return torch.zeros_like(fits).scatter(0, best.indices, best.values.softmax(dim=0))


def all_cells(k_m, k_q, top):
    """Every cell has a weight."""
    return _distances(k_m, k_q).softmax(dim=0)


def dot_product(k_m, k_q, top):
    """STM's product in the place of the distance."""
    return _best(_fits(k_m, k_q), top)


def farthest_cells(k_m, k_q, top):
    """Forgets the minus: the worst fit is the best."""
    return _best(-_distances(k_m, k_q), top)


def distance_not_squared(k_m, k_q, top):
    """The distance itself."""
    root = len(k_m) ** 0.5
    return _best(-(-_distances(k_m, k_q) * root).sqrt() / root, top)


def softmax_before_the_best(k_m, k_q, top):
    """Takes the best of the weights of all: they no longer sum to one."""
    weights = _distances(k_m, k_q).softmax(dim=0)
    best = weights.topk(min(top, len(weights)), dim=0)
    return torch.zeros_like(weights).scatter(0, best.indices, best.values)


def zeros_in_the_softmax(k_m, k_q, top):
    """Sets the others to zero before the softmax: zero is the best fit of all."""
    fits = _distances(k_m, k_q)
    best = fits.topk(min(top, len(fits)), dim=0)
    return torch.zeros_like(fits).scatter(0, best.indices, best.values).softmax(dim=0)


def best_of_the_memory(k_m, k_q, top):
    """The best cells of the query, for each of the memory."""
    fits = _distances(k_m, k_q)
    best = fits.topk(min(top, fits.shape[1]), dim=1)
    return torch.full_like(fits, -1e9).scatter(1, best.indices, best.values).softmax(dim=0)


def best_of_every_frame(k_m, k_q, top):
    """As many of each frame."""
    fits = _distances(k_m, k_q)
    by_frame = fits.view(k_m.shape[1], -1, fits.shape[1])
    best = by_frame.topk(min(top, by_frame.shape[1]), dim=1)
    return torch.full_like(by_frame, -torch.inf).scatter(1, best.indices, best.values).flatten(0, 1).softmax(dim=0)


def mean_of_the_best(k_m, k_q, top):
    """The best count alike."""
    best = _distances(k_m, k_q).topk(min(top, k_m[0].numel()), dim=0)
    return torch.zeros_like(_distances(k_m, k_q)).scatter(0, best.indices, 1 / len(best.values))


def too_many_asked(k_m, k_q, top):
    """One cell more than asked for."""
    return _best(_distances(k_m, k_q), top + 1)


def root_forgotten(k_m, k_q, top):
    """Not divided by the root of C."""
    return _best(_distances(k_m, k_q) * len(k_m) ** 0.5, top)


def square_of_the_memory_forgotten(k_m, k_q, top):
    """Leaves the memory's own square out, as if it were the same for all cells: twice the product."""
    return _best(2 * _fits(k_m, k_q), top)


def exponentials_vanish(k_m, k_q, top):
    """exp of the distances over their sum: far keys give zero over zero."""
    fits = _distances(k_m, k_q)
    best = fits.topk(min(top, len(fits)), dim=0)
    e = best.values.exp()
    return torch.zeros_like(fits).scatter(0, best.indices, e / e.sum(dim=0))


def best_alone_detached(k_m, k_q, top):
    """The right weights, and no gradient to the query."""
    return _best(_distances(k_m, k_q.detach()), top)


def ties_for_the_last_place(k_m, k_q, top):
    """Reads from all cells that fit as well as the last of the best."""
    m, q = k_m.flatten(1), k_q.flatten(1)
    fits = (2 * m.T @ q - m.square().sum(dim=0)[:, None]) / len(m) ** 0.5
    least = fits.topk(min(top, len(fits)), dim=0).values[-1:]
    return fits.masked_fill(fits < least, -torch.inf).softmax(dim=0)


def all_differences_at_once(k_m, k_q, top):
    """Right, but it builds C x T h w x h w numbers."""
    m, q = k_m.flatten(1), k_q.flatten(1)
    best = (-(m[:, :, None] - q[:, None]).square().sum(dim=0) / len(m) ** 0.5).topk(min(top, m.shape[1]), dim=0)
    return torch.zeros(m.shape[1], q.shape[1]).to(m).scatter(0, best.indices, best.values.softmax(dim=0))


def others_far_below(k_m, k_q, top):
    """Gives the others -10000, which keys far away fall below."""
    m, q = k_m.flatten(1), k_q.flatten(1)
    fits = (2 * m.T @ q - m.square().sum(dim=0)[:, None]) / len(m) ** 0.5
    best = fits.topk(min(top, len(fits)), dim=0)
    return torch.full_like(fits, -1e4).scatter(0, best.indices, best.values).softmax(dim=0)


WRONG = {
    "ex21-1": [
        softmax_over_the_query,
        softmax_over_everything,
        softmax_frame_by_frame,
        not_divided,
        divided_by_C,
        divided_by_the_number_of_cells,
        exponentials_as_they_are,
        query_by_memory,
        frames_in_the_last_place,
        columns_before_rows,
        keys_of_length_one,
        products_alone,
        shares_of_the_products,
        affinity_without_gradient,
        memory_detached,
    ],
    "ex21-2": [
        one_object_for_all,
        mean_over_objects,
        best_cell_alone,
        frames_read_in_turn,
        mean_over_frames,
        rows_and_columns_confused,
        values_by_place,
        left_flat,
        normalised_again,
        values_of_the_same_place,
        channels_before_objects,
        read_without_gradient,
        weights_detached,
        values_detached,
    ],
    "ex21-3": [
        without_a_bound,
        first_frame_dropped,
        newest_dropped,
        frame_before_forgotten,
        first_and_previous_alone,
        the_frame_itself,
        frame_before_twice,
        one_too_many,
        one_too_few,
        counted_from_the_end,
        counted_from_one,
        evenly_spread,
        as_a_set,
    ],
    "ex21-4": [
        all_cells,
        dot_product,
        farthest_cells,
        distance_not_squared,
        softmax_before_the_best,
        zeros_in_the_softmax,
        best_of_the_memory,
        best_of_every_frame,
        mean_of_the_best,
        too_many_asked,
        root_forgotten,
        square_of_the_memory_forgotten,
        exponentials_vanish,
        best_alone_detached,
        ties_for_the_last_place,
        all_differences_at_once,
        others_far_below,
    ],
}
