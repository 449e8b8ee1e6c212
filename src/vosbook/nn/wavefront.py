"""A recurrence over frames t and objects i: in which order its cells run, and many of them as one batch.

Cell (t, i) needs what cell (t, i - 1) hands on over space, and what cell (t - 1, i) hands on over time, and nothing
else. Two loops, over frames and within them over objects, run T N cells one after the other. But cells with the same
t + i do not need each other, so each of these diagonals is one batch, a wavefront that crosses the table in T + N - 1
steps:

    t \\ i  0  1  2  3
      0    0  1  2  3
      1    1  2  3  4        the step in which a cell runs
      2    2  3  4  5

The sums are the same; only how many cells share a call differs. It needs the frames beforehand: training clips, and
video that lies on disk.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Many

import torch
from torch import Tensor

Cell = tuple[int, int]  # (t, i)
State = tuple[Tensor | None, ...]  # of one cell, each (B, ...); None is zeros
Step = Callable[[Many[Cell], State | None, State | None], tuple[Tensor, State, State]]


def every_frame(t: int) -> bool:
    """Where objects hand on to each other, if they do at all."""
    return True


def two_loops(
    step: Step, frames: Iterable[int], objects: Many[int], *, space_in: Callable[[int], bool] = every_frame
) -> dict[Cell, Tensor]:
    """Every cell's answer `(B, ...)`, one cell after the other: what a wavefront has to equal. The rest: see `run`."""
    answers: dict[Cell, Tensor] = {}
    over_time: dict[int, State] = {}
    for t in frames:
        over_space: State = ()
        for i in objects:
            from_space = over_space if space_in(t) else ()
            before = from_space or None, over_time.get(i) or None  # what (t, i - 1) and (t - 1, i) handed on
            answers[t, i], over_space, over_time[i] = step([(t, i)], *before)
    return answers


def wavefront(
    frames: Iterable[int], objects: Iterable[int], *, space: bool = True, time: bool = True
) -> list[list[Cell]]:
    """Batches of cells that do not need each other, in the order in which they can run.

    Without `space` cells do not wait for the previous object, without `time` not for the previous frame.
    """
    objects = tuple(objects)
    batches: dict[int, list[Cell]] = {}
    for t in frames:
        for i in objects:
            batches.setdefault(time * t + space * i, []).append((t, i))
    return [batches[step] for step in sorted(batches)]


def run(
    step: Step,
    batches: Iterable[Many[Cell]],
    *,
    space: Mapping[Cell, State] | None = None,
    time: Mapping[Cell, State] | None = None,
    space_in: Callable[[int], bool] = every_frame,
) -> tuple[dict[Cell, Tensor], dict[Cell, State], dict[Cell, State]]:
    """Run every cell of `batches`: its answer `(B, ...)` by cell, and what is left to hand on over space and time.

    `step(cells, space, time)` runs n cells at once. It is given what cells (t, i - 1) and (t - 1, i) handed on, each
    tensor `(n B, ...)`, cell after cell; None where none of the n cells has any, and zeros where some have. It returns
    the answers `(n B, ...)` and what the n cells hand on; `()` where nothing goes in that direction. In frames of which
    `space_in(t)` is false, cells are given nothing over space.

    `space` and `time` are what cells that ran before have handed on, by those cells: so a video can be run frame by
    frame, or chunk by chunk. What is returned holds what no cell of these batches has taken.
    """
    answers: dict[Cell, Tensor] = {}
    space, time = dict(space or {}), dict(time or {})
    for cells in batches:
        from_space = join([space.pop((t, i - 1), None) if space_in(t) else None for t, i in cells])
        from_time = join([time.pop((t - 1, i), None) for t, i in cells])
        answer, to_space, to_time = step(cells, from_space, from_time)
        answers.update(zip(cells, answer.chunk(len(cells))))
        space.update(zip(cells, split(to_space, len(cells))))
        time.update(zip(cells, split(to_time, len(cells))))
    return answers, space, time


def join(states: Many[State | None]) -> State | None:
    """States of n cells -> one whose tensors are `(n B, ...)`; None where no cell has any."""
    present = [state for state in states if state is not None]
    if not present:
        return None
    nothing = (None,) * len(present[0])
    return tuple(_cat(parts) for parts in zip(*(nothing if state is None else state for state in states), strict=True))


def _cat(parts: Many[Tensor | None]) -> Tensor | None:
    present = [part for part in parts if part is not None]
    if len(parts) == 1 or not present:
        return parts[0]
    return torch.cat([torch.zeros_like(present[0]) if part is None else part for part in parts])


def split(state: State, count: int) -> list[State]:
    """The opposite of `join`."""
    parts = [(None,) * count if part is None else part.chunk(count) for part in state]
    return list(zip(*parts)) if parts else []
