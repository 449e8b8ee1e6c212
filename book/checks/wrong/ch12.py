"""Wrong answers to the exercises of chapter 12, named after the mistake."""

import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------ Exercise 12.1


def neighbours_alone(t, i, space, time):
    """The two cells that hand something on, and not those before them."""
    return {cell for cell, there in (((t, i - 1), space and i), ((t - 1, i), time and t)) if there}


def row_and_column(t, i, space, time):
    """Its row and its column: a way over space and then over time is left out."""
    row = {(t, j) for j in range(i)} if space else set()
    return row | ({(s, i) for s in range(t)} if time else set())


def all_of_the_frame(t, i, space, time):
    """Later objects of earlier frames too, as if a frame were one cell."""
    rows = range(t + 1) if time else [t]
    return {(s, j) for s in rows for j in (range(i + 1) if space or s < t else [i])} - {(t, i)}


def the_cell_itself(t, i, space, time):
    """Counts the cell among those before it."""
    return {(s, j) for s in (range(t + 1) if time else [t]) for j in (range(i + 1) if space else [i])}


def everything_before_in_two_loops(t, i, space, time):
    """What two loops happen to have run, whatever the arrows."""
    return {(s, j) for s in range(t + 1) for j in range(10) if s < t or j < i}


def arrows_swapped(t, i, space, time):
    """Takes space for the way from frame to frame."""
    return {(s, j) for s in (range(t + 1) if space else [t]) for j in (range(i + 1) if time else [i])} - {(t, i)}


# ------------------------------------------------------------------------------------------------ Exercise 12.2


def _input(f, h, S, stride, *, up=None, pool=None, order=(0, 1, 2)):
    up = up or (lambda z, size: F.interpolate(z, size=size, mode="bilinear", align_corners=True))
    pool = pool or (lambda z: F.max_pool2d(z, stride, ceil_mode=True))
    parts = [f, None if h is None else up(h, f.shape[-2:]), pool(S)]
    return torch.cat([parts[n] for n in order if parts[n] is not None], dim=1)


def mask_averaged(f, h, S, stride):
    """The share of a square that the mask covers: a small object all but disappears."""
    return _input(f, h, S, stride, pool=lambda z: F.adaptive_avg_pool2d(z, f.shape[-2:]))


def mask_resized(f, h, S, stride):
    """Bilinear resizing without smoothing: it skips most of the mask's pixels."""
    return _input(f, h, S, stride, pool=lambda z: F.interpolate(z, f.shape[-2:], mode="bilinear"))


def mask_thresholded(f, h, S, stride):
    """A hard mask: what the network was unsure of is lost."""
    return _input(f, h, S, stride, pool=lambda z: F.max_pool2d((z > 0.5).float(), stride, ceil_mode=True))


def rest_of_the_frame_cut_off(f, h, S, stride):
    """Pools whole squares only, and fills up with zeros."""

    def pool(z):
        small = F.max_pool2d(z, stride)
        return F.pad(small, (0, f.shape[-1] - small.shape[-1], 0, f.shape[-2] - small.shape[-2]))

    return _input(f, h, S, stride, pool=pool)


def corners_not_aligned(f, h, S, stride):
    """PyTorch's default for bilinear resizing."""
    return _input(f, h, S, stride, up=lambda z, size: F.interpolate(z, size=size, mode="bilinear"))


def nearest_cell(f, h, S, stride):
    """Repeats the deeper cells."""
    return _input(f, h, S, stride, up=lambda z, size: F.interpolate(z, size=size))


def doubled_and_cut(f, h, S, stride):
    """Doubles as Eq. 1 has it, and cuts off what is too much."""

    def up(z, size):
        grown = F.interpolate(z, scale_factor=2, mode="bilinear", align_corners=True)
        return F.pad(grown, (0, size[1] - grown.shape[-1], 0, size[0] - grown.shape[-2]))

    return _input(f, h, S, stride, up=up)


def in_the_order_of_the_paper(f, h, S, stride):
    """The deeper answer first, as Eq. 1 lists it: weights of one order do not fit the other."""
    return _input(f, h, S, stride, order=(1, 0, 2))


# ------------------------------------------------------------------------------------------------ Exercise 12.3


def _run(step, first, T, hand_on, *, own_from=2):
    logits = []
    for t in range(T):
        logits.append(step(t, first if t < own_from else hand_on(logits, first)))
    return torch.stack(logits, dim=1)


def logits_handed_on(step, first, T):
    """Forgets the sigmoid: a mask is in 0..1."""
    return _run(step, first, T, lambda logits, first: logits[-1])


def masks_thresholded(step, first, T):
    """Hands on hard masks, through which no gradient comes."""
    return _run(step, first, T, lambda logits, first: (logits[-1] > 0).float())


def masks_detached(step, first, T):
    """Stops the gradient at every mask."""
    return _run(step, first, T, lambda logits, first: logits[-1].sigmoid().detach())


def first_masks_for_ever(step, first, T):
    """Every frame is given the first masks."""
    return _run(step, first, T, lambda logits, first: first)


def own_mask_in_frame_1(step, first, T):
    """Frame 1 is given the answer for frame 0, though its true mask is known."""
    return _run(step, first, T, lambda logits, first: logits[-1].sigmoid(), own_from=1)


def two_frames_ago(step, first, T):
    """Off by one: the mask of the frame before the last."""
    return _run(step, first, T, lambda logits, first: logits[-2].sigmoid())


def no_mask_in_frame_0(step, first, T):
    """Frame 0 has no frame before it, so it is given zeros; the state that it hands on is another one."""
    logits = [step(0, torch.zeros_like(first))]
    for t in range(1, T):
        logits.append(step(t, first if t == 1 else logits[-1].sigmoid()))
    return torch.stack(logits, dim=1)


def frames_along_the_batch(step, first, T):
    """Lays the frames before the batch."""
    return _run(step, first, T, lambda logits, first: logits[-1].sigmoid()).transpose(0, 1)


def frame_0_twice(step, first, T):
    """Warms the network up on frame 0: its state has seen that frame two times."""
    step(0, first)
    return _run(step, first, T, lambda logits, first: logits[-1].sigmoid())


# ------------------------------------------------------------------------------------------------ Exercise 12.4


def _front(step, x, *, fault=""):
    T, N = x.shape[:2]
    answers = {}

    def collect(cells):
        there = [answers[cell] for cell in cells if cell in answers]
        if not there:
            return None
        filler = there[0] if fault == "filler" else torch.zeros_like(there[0])
        found = [answers.get(cell, filler) for cell in cells]
        return torch.cat([one.detach() for one in found] if fault == "detached" else found)

    for front in range(T + N - 1):
        cells = [(t, front - t) for t in range(T) if 0 <= front - t < N]
        left, above = [(t, i - 1) for t, i in cells], [(t - 1, i) for t, i in cells]
        if fault == "wraps":
            above = [(t - 1 if t else T - 1, i) for t, i in cells]
            left = [(t, i - 1) if i else (t - 1, N - 1) for t, i in cells]
        if fault == "order":
            left = left[::-1]
        if fault == "swapped":
            left, above = above, left
        left, above = collect(left), collect(above)
        if fault == "interleaved":
            n = len(cells)
            rows = torch.stack([x[cell] for cell in cells], dim=1).flatten(0, 1)  # clip after clip
            result = step(rows, left, above)
            parts = result.unflatten(0, (-1, n)).unbind(1)
        else:
            parts = step(torch.cat([x[cell] for cell in cells]), left, above).chunk(len(cells))
        answers.update(zip(cells, parts))
    return torch.stack([torch.stack([answers[t, i] for i in range(N)]) for t in range(T)])


def two_loops(step, x):
    """Right, one cell a call."""
    T, N = x.shape[:2]
    answers = {}
    for t in range(T):
        for i in range(N):
            answers[t, i] = step(x[t, i], answers.get((t, i - 1)), answers.get((t - 1, i)))
    return torch.stack([torch.stack([answers[t, i] for i in range(N)]) for t in range(T)])


def frame_by_frame(step, x):
    """All objects of a frame at once: none has heard of the one before it."""
    T, N, B, _ = x.shape
    rows, above = [], None
    for t in range(T):
        above = step(x[t].flatten(0, 1), None, above)
        rows.append(above.unflatten(0, (N, B)))
    return torch.stack(rows)


def object_by_object(step, x):
    """All frames of an object at once: none has heard of the frame before it."""
    T, N, B, _ = x.shape
    columns, left = [], None
    for i in range(N):
        left = step(x[:, i].flatten(0, 1), left, None)
        columns.append(left.unflatten(0, (T, B)))
    return torch.stack(columns, dim=1)


def neighbours_swapped(step, x):
    """Left for above."""
    return _front(step, x, fault="swapped")


def cells_in_another_order(step, x):
    """The left neighbours are not in the order of the cells."""
    return _front(step, x, fault="order")


def filled_with_a_neighbour(step, x):
    """Where a cell has no neighbour it gets another cell's, in the place of zeros."""
    return _front(step, x, fault="filler")


def around_the_edge(step, x):
    """The first object is given what the last one of the frame before handed on."""
    return _front(step, x, fault="wraps")


def clip_after_clip(step, x):
    """Lays the inputs clip after clip and the states cell after cell."""
    return _front(step, x, fault="interleaved")


def states_detached(step, x):
    """Keeps answers without their gradient."""
    return _front(step, x, fault="detached")


def without_gradient(step, x):
    """Copies answers into a table that is made beforehand, from data."""
    return _front(step, x).detach().clone()


WRONG = {
    "ex12-1": [
        neighbours_alone,
        row_and_column,
        all_of_the_frame,
        the_cell_itself,
        everything_before_in_two_loops,
        arrows_swapped,
    ],
    "ex12-2": [
        mask_averaged,
        mask_resized,
        mask_thresholded,
        rest_of_the_frame_cut_off,
        corners_not_aligned,
        nearest_cell,
        doubled_and_cut,
        in_the_order_of_the_paper,
    ],
    "ex12-3": [
        logits_handed_on,
        masks_thresholded,
        masks_detached,
        first_masks_for_ever,
        own_mask_in_frame_1,
        two_frames_ago,
        no_mask_in_frame_0,
        frames_along_the_batch,
        frame_0_twice,
    ],
    "ex12-4": [
        two_loops,
        frame_by_frame,
        object_by_object,
        neighbours_swapped,
        cells_in_another_order,
        filled_with_a_neighbour,
        around_the_edge,
        clip_after_clip,
        states_detached,
        without_gradient,
    ],
}
