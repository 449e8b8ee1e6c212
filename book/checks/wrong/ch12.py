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


def all_earlier_fronts(t, i, space, time):
    """Everything that a wavefront happens to have run, also later objects of earlier frames."""
    cells = {(s, j) for s in range(t + i + 1) for j in range(t + i + 1 - s) if s + j < t + i}
    return {(s, j) for s, j in cells if (time or s == t) and (space or j == i)}


def object_before_frame(t, i, space, time):
    """Writes cells as (object, frame)."""
    return {(j, s) for s in (range(t + 1) if time else [t]) for j in (range(i + 1) if space else [i])} - {(i, t)}


def strictly_before_in_both(t, i, space, time):
    """Only cells that are earlier in frame and in object."""
    return {(s, j) for s in (range(t) if time else [t]) for j in (range(i) if space else [i])} - {(t, i)}


def either_arrow_gives_all(t, i, space, time):
    """Takes the whole rectangle as soon as there is one kind of arrow."""
    return {(s, j) for s in range(t + 1) for j in range(i + 1)} - {(t, i)} if space or time else set()


def two_steps_back(t, i, space, time):
    """Goes back over two arrows and stops."""
    found, front = set(), {(t, i)}
    for _ in range(2):
        front = {(s - 1, j) for s, j in front if time and s} | {(s, j - 1) for s, j in front if space and j}
        found |= front
    return found


def first_cell_forgotten(t, i, space, time):
    """Counts from 1: the first frame and the first object are missing."""
    rows, columns = range(1, t + 1) if time else [t], range(1, i + 1) if space else [i]
    return {(s, j) for s in rows for j in columns} - {(t, i)}


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


def windows_of_unequal_size(f, h, S, stride):
    """Adaptive pooling, whose windows are not the strides of the features where the size is odd."""
    return _input(f, h, S, stride, pool=lambda z: F.adaptive_max_pool2d(z, f.shape[-2:]))


def padded_in_front(f, h, S, stride):
    """Fills up at the top and on the left, so that squares begin before the frame."""

    def pool(z):
        rows, columns = (-z.shape[-2]) % stride, (-z.shape[-1]) % stride
        return F.max_pool2d(F.pad(z, (columns, 0, rows, 0)), stride)

    return _input(f, h, S, stride, pool=pool)


def deeper_answer_detached(f, h, S, stride):
    """The deeper levels learn nothing from this one."""
    return _input(f, None if h is None else h.detach(), S, stride)


def mask_detached(f, h, S, stride):
    """Stops the gradient at the mask, which "+" training needs."""
    return _input(f, h, S.detach(), stride)


@torch.no_grad()
def input_without_gradient(f, h, S, stride):
    """The right input under no_grad."""
    return _input(f, h, S, stride)


def mask_before_the_deeper_answer(f, h, S, stride):
    """The mask in the middle."""
    return _input(f, h, S, stride, order=(0, 2, 1))


def one_pixel_of_a_square(f, h, S, stride):
    """Takes every stride-th pixel of the mask."""
    return _input(f, h, S, stride, pool=lambda z: z[..., ::stride, ::stride])


def features_resized(f, h, S, stride):
    """Brings the features to twice the deeper size, whatever theirs is."""
    if h is not None:
        f = F.interpolate(f, [2 * n for n in h.shape[-2:]], mode="bilinear", align_corners=True)
    pooled = F.max_pool2d(S, stride, ceil_mode=True)
    return _input(f, h, S, stride, pool=lambda z: F.interpolate(pooled, f.shape[-2:]))


# ------------------------------------------------------------------------------------------------ Exercise 12.3


def _rung(cells, h_input, *, order=None, c_of=None, h_space_of=None, h_time_of=None, deeper_of=None):
    h, states = None, {}
    for level in order or list(cells):
        h_space = None if h_space_of is None else h_space_of(level)
        c = None if c_of is None else c_of(level)
        h_time = None if h_time_of is None else h_time_of(level)
        deeper = h if deeper_of is None else deeper_of(h)
        states[level] = cells[level](h_input(level, deeper), h_space, c, h_time)
        h = states[level][0]
    return h, states


def _of(states, n):
    return lambda level: states[level][n] if level in states else None


def _ways(space, over_time, **changed):
    return {"h_space_of": _of(space, 0), "c_of": _of(space, 1), "h_time_of": _of(over_time, 0)} | changed


def memory_over_time(cells, h_input, space, over_time):
    """Takes c from the frame before, as S2S does, and not from the object before."""
    return _rung(cells, h_input, **_ways(space, over_time, c_of=_of(over_time, 1)))


def memory_over_both(cells, h_input, space, over_time):
    """Takes c from the frame before where there is no object before."""
    return _rung(cells, h_input, **_ways(space, over_time, c_of=_of(space or over_time, 1)))


def memory_forgotten(cells, h_input, space, over_time):
    """Every cell begins with an empty memory."""
    return _rung(cells, h_input, **_ways(space, over_time, c_of=None))


def directions_swapped(cells, h_input, space, over_time):
    """Gives h of the frame before in the place of h of the object before."""
    return _rung(cells, h_input, **_ways(space, over_time, h_space_of=_of(over_time, 0), h_time_of=_of(space, 0)))


def time_forgotten(cells, h_input, space, over_time):
    """Hands nothing on from frame to frame."""
    return _rung(cells, h_input, **_ways(space, over_time, h_time_of=None))


def space_forgotten(cells, h_input, space, over_time):
    """Hands no answer on from object to object."""
    return _rung(cells, h_input, **_ways(space, over_time, h_space_of=None))


def memory_of_time_as_answer(cells, h_input, space, over_time):
    """Hands c on over time, where h goes."""
    return _rung(cells, h_input, **_ways(space, over_time, h_time_of=_of(over_time, 1)))


def levels_apart(cells, h_input, space, over_time):
    """No level is told what the deeper one has answered."""
    return _rung(cells, h_input, **_ways(space, over_time), deeper_of=lambda h: None)


def from_shallow_to_deep(cells, h_input, space, over_time):
    """Climbs down."""
    return _rung(cells, h_input, **_ways(space, over_time), order=list(cells)[::-1])


def memory_of_the_deeper_level(cells, h_input, space, over_time):
    """The shallow level is given what the deeper one remembers, and not what it answers."""
    h, states, c = None, {}, None
    for level, cell in cells.items():
        before, memory = space.get(level, (None, None))
        h, c = cell(h_input(level, c), before, memory, over_time.get(level, (None, None))[0])
        states[level] = h, c
    return h, states


def deepest_answer(cells, h_input, space, over_time):
    """Returns the first level's answer."""
    _, states = _rung(cells, h_input, **_ways(space, over_time))
    return states[next(iter(cells))][0], states


def states_the_other_way_round(cells, h_input, space, over_time):
    """Keeps (c, h)."""
    h, states = _rung(cells, h_input, **_ways(space, over_time))
    return h, {level: (c, h) for level, (h, c) in states.items()}


def deeper_levels_learn_nothing(cells, h_input, space, over_time):
    """Detaches the deeper answer."""
    return _rung(cells, h_input, **_ways(space, over_time), deeper_of=lambda h: None if h is None else h.detach())


def space_learns_nothing(cells, h_input, space, over_time):
    """Detaches what comes from the object before."""
    space = {level: (h.detach(), c.detach()) for level, (h, c) in space.items()}
    return _rung(cells, h_input, **_ways(space, over_time))


def by_name(cells, h_input, space, over_time):
    """Takes the names for the order, the last one first, as layer4 comes before layer3."""
    return _rung(cells, h_input, **_ways(space, over_time), order=sorted(cells, reverse=True))


# ------------------------------------------------------------------------------------------------ Exercise 12.4


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


def softmax_over_objects(step, first, T):
    """Lets objects compete for a pixel in the masks that are handed on."""
    return _run(step, first, T, lambda logits, first: logits[-1].softmax(dim=1))


@torch.no_grad()
def clip_without_gradient(step, first, T):
    """The right logits under no_grad."""
    return _run(step, first, T, lambda logits, first: logits[-1].sigmoid())


def logits_detached(step, first, T):
    """Collects logits without their graph."""
    logits = []
    for t in range(T):
        logits.append(step(t, first if t < 2 else logits[-1].sigmoid()))
    return torch.stack([one.detach() for one in logits], dim=1)


def true_masks_once_more(step, first, T):
    """Frame 2 is given the first masks, too."""
    return _run(step, first, T, lambda logits, first: logits[-1].sigmoid(), own_from=3)


def probabilities_returned(step, first, T):
    """Returns what is handed on, not logits."""
    return _run(step, first, T, lambda logits, first: logits[-1].sigmoid()).sigmoid()


def first_masks_overwritten(step, first, T):
    """Right, and keeps its own masks in the caller's tensor."""
    logits = []
    for t in range(T):
        if t > 1:
            first.copy_(logits[-1].detach().sigmoid())
        logits.append(step(t, first.clone()))
    return torch.stack(logits, dim=1)


def kept_to_the_first_mask(step, first, T):
    """Lets a pixel be the object's only where it was one in frame 0."""
    return _run(step, first, T, lambda logits, first: logits[-1].sigmoid() * first)


# ------------------------------------------------------------------------------------------------ Exercise 12.5


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


def none_where_one_is_missing(step, x):
    """Gives None to a whole front of which one cell has no neighbour."""
    T, N = x.shape[:2]
    answers = {}
    for front in range(T + N - 1):
        cells = [(t, front - t) for t in range(T) if 0 <= front - t < N]
        sides = [[(t, i - 1) for t, i in cells], [(t - 1, i) for t, i in cells]]
        sides = [torch.cat([answers[c] for c in side]) if all(c in answers for c in side) else None for side in sides]
        parts = step(torch.cat([x[c] for c in cells]), *sides).chunk(len(cells))
        answers.update(zip(cells, parts))
    return torch.stack([torch.stack([answers[t, i] for i in range(N)]) for t in range(T)])


def frames_first_in_the_result(step, x):
    """Returns objects by frames."""
    return _front(step, x).transpose(0, 1)


def inputs_detached(step, x):
    """What made x learns nothing."""
    return _front(step, x.detach())


def fronts_of_a_square_table(step, x):
    """As many fronts as a table of N by N has."""
    N = x.shape[1]
    return _front(step, x[:N])


def left_alone_detached(step, x):
    """Cuts the way from object to object, and not that from frame to frame."""
    return _front(lambda x, left, above: step(x, None if left is None else left.detach(), above), x)


def the_cell_before_in_the_front(step, x):
    """Takes the neighbours from the front's own list, so that each cell gets its diagonal's."""
    T, N = x.shape[:2]
    answers, before = {}, []
    for front in range(T + N - 1):
        cells = [(t, front - t) for t in range(T) if 0 <= front - t < N]
        zero = torch.zeros_like(before[0]) if before else None
        near = [before[n] if n < len(before) else zero for n in range(len(cells))] if before else None
        near = torch.cat(near) if near else None
        before = list(step(torch.cat([x[c] for c in cells]), near, near).chunk(len(cells)))
        answers.update(zip(cells, before))
    return torch.stack([torch.stack([answers[t, i] for i in range(N)]) for t in range(T)])


def result_of_the_last_cell(step, x):
    """Fills the table with what the last cell of each front answered."""
    T, N = x.shape[:2]
    answers = _front(step, x)
    rows = [torch.stack([answers[min(t + i, T - 1), max(t + i - T + 1, 0)] for i in range(N)]) for t in range(T)]
    return torch.stack(rows)


def rolled_over_the_edge(step, x):
    """Rolls the front before by one frame: the last frame's answer comes in at the first."""
    T, N, B, _ = x.shape
    before, answers = None, {}
    for front in range(T + N - 1):
        rows = [t for t in range(T) if 0 <= front - t < N]
        left, above = (None, None) if before is None else (before[rows], before.roll(1, 0)[rows])
        left, above = (None if z is None else z.flatten(0, 1) for z in (left, above))
        made = step(torch.stack([x[t, front - t] for t in rows]).flatten(0, 1), left, above).unflatten(0, (-1, B))
        of_row = dict(zip(rows, made))
        before = torch.stack([of_row.get(t, torch.zeros_like(made[0])) for t in range(T)])
        answers.update({(t, front - t): one for t, one in of_row.items()})
    return torch.stack([torch.stack([answers[t, i] for i in range(N)]) for t in range(T)])


def clips_before_cells(step, x):
    """Gives all cells of the first clip, then those of the second one: the rows are not cell after cell."""

    def rows(values):
        return torch.stack(values, dim=1).flatten(0, 1)  # (B n, .)

    T, N, B = x.shape[:3]
    answers = {}
    for front in range(T + N - 1):
        cells = [(t, front - t) for t in range(T) if 0 <= front - t < N]
        befores = [(t, i - 1) for t, i in cells], [(t - 1, i) for t, i in cells]
        left, above = (
            rows([answers.get(c, torch.zeros_like(answers[0, 0])) for c in one]) if answers else None for one in befores
        )
        made = step(rows([x[c] for c in cells]), left, above).unflatten(0, (B, len(cells)))
        answers |= {cell: made[:, k] for k, cell in enumerate(cells)}
    return torch.stack([torch.stack([answers[t, i] for i in range(N)]) for t in range(T)])


def halved_again_and_again(f, h, S, stride):
    """Right where the stride is a power of two."""
    size = f.shape[-2:]
    while stride > 1:
        S, stride = F.max_pool2d(S, 2, ceil_mode=True), stride // 2
    deeper = [] if h is None else [F.interpolate(h, size=size, mode="bilinear", align_corners=True)]
    return torch.cat([f, *deeper, F.interpolate(S, size=size, mode="nearest")], dim=1)


def cut_now_and_then(step, first, T):
    """Takes every fourth mask out of the graph, as one does to save memory."""
    logits, S = [], first
    for t in range(T):
        logits.append(step(t, S))
        S = logits[-1].sigmoid() if t else first
        S = S if t % 4 else S.detach()
    return torch.stack(logits, dim=1)


WRONG = {
    "ex12-1": [
        neighbours_alone,
        row_and_column,
        all_of_the_frame,
        the_cell_itself,
        everything_before_in_two_loops,
        arrows_swapped,
        all_earlier_fronts,
        object_before_frame,
        strictly_before_in_both,
        either_arrow_gives_all,
        two_steps_back,
        first_cell_forgotten,
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
        windows_of_unequal_size,
        padded_in_front,
        deeper_answer_detached,
        mask_detached,
        input_without_gradient,
        mask_before_the_deeper_answer,
        one_pixel_of_a_square,
        features_resized,
        halved_again_and_again,
    ],
    "ex12-5": [
        memory_over_time,
        memory_over_both,
        memory_forgotten,
        directions_swapped,
        time_forgotten,
        space_forgotten,
        memory_of_time_as_answer,
        levels_apart,
        from_shallow_to_deep,
        memory_of_the_deeper_level,
        deepest_answer,
        states_the_other_way_round,
        deeper_levels_learn_nothing,
        space_learns_nothing,
        by_name,
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
        softmax_over_objects,
        clip_without_gradient,
        logits_detached,
        true_masks_once_more,
        probabilities_returned,
        first_masks_overwritten,
        kept_to_the_first_mask,
        cut_now_and_then,
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
        none_where_one_is_missing,
        frames_first_in_the_result,
        inputs_detached,
        fronts_of_a_square_table,
        left_alone_detached,
        the_cell_before_in_the_front,
        result_of_the_last_cell,
        rolled_over_the_edge,
        clips_before_cells,
    ],
}
