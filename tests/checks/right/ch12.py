"""Right answers to the exercises of chapter 12 in other styles than the solution's: no check may refuse them."""

import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------ Exercise 12.1


def arrow_by_arrow(t, i, space, time):
    """Walks back from the cell."""
    before = set()
    if space and i > 0:
        before |= {(t, i - 1)} | arrow_by_arrow(t, i - 1, space, time)
    if time and t > 0:
        before |= {(t - 1, i)} | arrow_by_arrow(t - 1, i, space, time)
    return before


def all_cells_asked(t, i, space, time):
    """Asks of every cell whether there is a way, and freezes the set."""
    cells = ((s, j) for s in range(t + 1) for j in range(i + 1))
    return frozenset((s, j) for s, j in cells if (s, j) != (t, i) and (time or s == t) and (space or j == i))


# ------------------------------------------------------------------------------------------------ Exercise 12.2


def filled_up(f, h, S, stride):
    """Fills the mask up with zeros, which no maximum of a soft mask is below."""
    rows, columns = f.shape[2] * stride - S.shape[2], f.shape[3] * stride - S.shape[3]
    mask = F.max_pool2d(F.pad(S, (0, columns, 0, rows)), stride)
    if h is None:
        return torch.cat((f, mask), 1)
    return torch.cat((f, F.interpolate(h, f.shape[2:], None, "bilinear", True), mask), 1)


def squares_unfolded(f, h, S, stride):
    """Takes the maximum over the squares by hand."""
    B, _, height, width = f.shape
    full = F.pad(S, (0, width * stride - S.shape[-1], 0, height * stride - S.shape[-2]), value=float("-inf"))
    mask = full.reshape(B, 1, height, stride, width, stride).amax(dim=(3, 5))
    up = [] if h is None else [torch.nn.Upsample((height, width), mode="bilinear", align_corners=True)(h)]
    return torch.cat([f, *up, mask], dim=1)


# ------------------------------------------------------------------------------------------------ Exercise 12.3


def rung_by_rung(cells, h_input, space, over_time):
    """Looks a state up where there is one, and collects lists."""
    answers, kept = [None], []
    for level in cells:
        h_space = c = h_time = None
        if space:
            h_space, c = space[level]
        if over_time:
            h_time = over_time[level][0]
        pair = cells[level](h_input(level, answers[-1]), h_space, c, h_time)
        answers.append(pair[0])
        kept.append(pair)
    return answers[-1], dict(zip(cells, kept))


def from_the_top(cells, h_input, space, over_time):
    """Each level calls the deeper one."""
    names, states = list(cells), {}

    def answer(k):
        if k < 0:
            return None
        deeper, level, none = answer(k - 1), names[k], [None, None]
        states[level] = tuple(
            cells[level](h_input(level, deeper), *space.get(level, none), over_time.get(level, none)[0])
        )
        return states[level][0]

    return answer(len(names) - 1), states


# ------------------------------------------------------------------------------------------------ Exercise 12.4


def mask_handed_on(step, first, T):
    """Carries the mask from frame to frame."""
    S, rows = first, []
    for t in range(T):
        logits = step(t, S)
        rows.append(logits[:, None])
        if t > 0:
            S = torch.sigmoid(logits)
    return torch.cat(rows, dim=1)


def first_frames_apart(step, first, T):
    """Frames 0 and 1 before the loop."""
    logits = [step(0, first)]
    if T > 1:
        logits += [step(1, first)]
    for t in range(2, T):
        logits += [step(t, 1 / (1 + (-logits[-1]).exp()))]
    return torch.stack(logits).transpose(0, 1)


# ------------------------------------------------------------------------------------------------ Exercise 12.5


def padded_table(step, x):
    """A table with a border of zeros, made when D is known."""
    T, N, B, _ = x.shape
    first = step(x[0, 0], None, None)
    zero = torch.zeros_like(first)
    table = [[zero] * (N + 1) for _ in range(T + 1)]
    table[1][1] = first
    for front in range(1, T + N - 1):
        ts = [t for t in range(T) if 0 <= front - t < N]
        left = torch.cat([table[t + 1][front - t] for t in ts])
        above = torch.cat([table[t][front - t + 1] for t in ts])
        made = step(torch.cat([x[t, front - t] for t in ts]), left, above).reshape(len(ts), B, -1)
        for t, one in zip(ts, made):
            table[t + 1][front - t + 1] = one
    return torch.stack([torch.stack(row[1:]) for row in table[1:]])


def from_below(step, x):
    """Runs the cells of a front from the last frame to the first, and gathers by stacking."""
    T, N, B = x.shape[:3]
    done = {}
    for front in range(T + N - 1):
        cells = [(t, front - t) for t in range(T)[::-1] if front - N < t <= front]
        neighbours = []
        for dt, di in ((0, 1), (1, 0)):
            some = [done.get((t - dt, i - di)) for t, i in cells]
            shape = next((z for z in some if z is not None), None)
            rows = None if shape is None else [torch.zeros_like(shape) if z is None else z for z in some]
            neighbours.append(None if rows is None else torch.stack(rows).flatten(0, 1))
        answer = step(torch.stack([x[c] for c in cells]).flatten(0, 1), *neighbours)
        done.update(zip(cells, answer.unflatten(0, (len(cells), B))))
    return torch.stack([done[t, i] for t in range(T) for i in range(N)]).unflatten(0, (T, N))


RIGHT = {
    "ex12-1": [arrow_by_arrow, all_cells_asked],
    "ex12-2": [filled_up, squares_unfolded],
    "ex12-5": [rung_by_rung, from_the_top],
    "ex12-3": [mask_handed_on, first_frames_apart],
    "ex12-4": [padded_table, from_below],
}
