"""The order of the cells, what they hand on, and the plain loops' results, forward and backward."""

import pytest
import torch

from vosbook.nn.wavefront import run, two_loops, wavefront

VARIANTS = [(True, True), (True, False), (False, True), (False, False)]
every_variant = pytest.mark.parametrize(("space", "time"), VARIANTS)
B = 2


def test_the_schedule_is_the_one_of_the_drawing():
    assert wavefront(range(3), range(4)) == [
        [(0, 0)],
        [(0, 1), (1, 0)],
        [(0, 2), (1, 1), (2, 0)],
        [(0, 3), (1, 2), (2, 1)],
        [(1, 3), (2, 2)],
        [(2, 3)],
    ]


@every_variant
@pytest.mark.parametrize(("frames", "objects"), [(5, 3), (3, 5), (1, 4), (4, 1), (1, 1)])
def test_every_cell_runs_once_and_after_those_it_needs(space, time, frames, objects):
    batches = wavefront(range(frames), range(objects), space=space, time=time)
    done = set()
    for cells in batches:
        for t, i in cells:
            assert not space or i == 0 or (t, i - 1) in done
            assert not time or t == 0 or (t - 1, i) in done
        assert not done & set(cells)
        done |= set(cells)
    assert done == {(t, i) for t in range(frames) for i in range(objects)}
    assert len(batches) == 1 + space * (objects - 1) + time * (frames - 1)


def test_a_later_chunk_of_a_video_has_diagonals_too():
    assert wavefront(range(7, 9), range(2)) == [[(7, 0)], [(7, 1), (8, 0)], [(8, 1)]]


class Recurrence:
    """s = tanh(a x + b left + c above), and the sum of s and of what comes over space goes on beside it."""

    def __init__(self, x: torch.Tensor, *, space: bool = True, time: bool = True):
        self.x, self.space, self.time = x, space, time  # x (T, N, B, C)
        generator = torch.Generator().manual_seed(1)
        self.weights = [torch.randn(4, 4, generator=generator).requires_grad_() for _ in range(3)]
        self.calls = 0

    def step(self, cells, space, time):
        self.calls += 1
        a, b, c = self.weights
        z = torch.cat([self.x[t, i] for t, i in cells]) @ a
        total = 0
        if space is not None:
            left, total = space
            z = z + left @ b
        if time is not None:
            z = z + time[0] @ c
        s = z.tanh()
        return s, (s, s + total) if self.space else (), (s, None) if self.time else ()


def inputs(frames: int, objects: int) -> torch.Tensor:
    return torch.randn(frames, objects, B, 4, generator=torch.Generator().manual_seed(2), requires_grad=True)


def by_hand(recurrence: Recurrence, frames: int, objects: int) -> torch.Tensor:
    """Eq. 1 to 3 of the recurrence with two loops and two arrays, `(T, N, B, C)`."""
    a, b, c = recurrence.weights
    s = {}
    for t in range(frames):
        for i in range(objects):
            z = recurrence.x[t, i] @ a
            if recurrence.space and i:
                z = z + s[t, i - 1] @ b
            if recurrence.time and t:
                z = z + s[t - 1, i] @ c
            s[t, i] = z.tanh()
    return torch.stack([torch.stack([s[t, i] for i in range(objects)]) for t in range(frames)])


def table(answers: dict, frames: int, objects: int) -> torch.Tensor:
    return torch.stack([torch.stack([answers[t, i] for i in range(objects)]) for t in range(frames)])


@every_variant
@pytest.mark.parametrize(("frames", "objects"), [(4, 3), (2, 5), (1, 3), (3, 1)])
def test_both_ways_give_what_is_written_by_hand_forward_and_backward(space, time, frames, objects):
    x = inputs(frames, objects)
    factors = torch.randn(frames, objects, B, 4, generator=torch.Generator().manual_seed(3))
    found = []
    for way in ("by hand", "two loops", "wavefront"):
        recurrence = Recurrence(x, space=space, time=time)
        if way == "by hand":
            s = by_hand(recurrence, frames, objects)
        elif way == "two loops":
            s = table(two_loops(recurrence.step, range(frames), range(objects)), frames, objects)
        else:
            answers, *_ = run(recurrence.step, wavefront(range(frames), range(objects)))
            s = table(answers, frames, objects)
        gradients = torch.autograd.grad((s * factors).sum(), [x, *recurrence.weights], materialize_grads=True)
        found.append([s, *gradients])
    for one in found[1:]:
        for value, wanted in zip(one, found[0], strict=True):
            torch.testing.assert_close(value, wanted)


def test_each_diagonal_is_one_call_and_two_loops_call_for_every_cell_in_turn():
    recurrence = Recurrence(inputs(4, 3))
    run(recurrence.step, wavefront(range(4), range(3)))
    assert recurrence.calls == 4 + 3 - 1
    cells = []
    answers = two_loops(lambda cell, *_: (cells.extend(cell), (), ()), range(2), range(2))
    assert cells == list(answers) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_chunks_and_objects_that_come_later_go_on_from_what_was_left():
    x = inputs(4, 3)
    whole = two_loops(Recurrence(x).step, range(4), range(3))
    recurrence = Recurrence(x)
    first, _, time = run(recurrence.step, wavefront(range(2), range(3)))
    assert set(time) == {(1, 0), (1, 1), (1, 2)}
    frame, space, time = run(recurrence.step, wavefront([2], range(2)), time=time)  # the third object is not known yet
    assert set(time) == {(1, 2), (2, 0), (2, 1)}
    late, _, time = run(recurrence.step, [[(2, 2)]], space={(2, 1): space[2, 1]}, time=time)
    last, *_ = run(recurrence.step, wavefront([3], range(3)), time=time)
    for cell, value in (first | frame | late | last).items():
        torch.testing.assert_close(value, whole[cell])
    assert len(first | frame | late | last) == len(whole)


def test_what_is_missing_is_zeros_and_the_callers_states_stay():
    seen = []

    def step(cells, space, time):
        seen.append((space, time))
        return torch.ones(len(cells) * B), (torch.ones(len(cells) * B), None), ()

    before = {(0, -1): (torch.full((B,), 5.0), None)}
    run(step, [[(0, 0), (1, 0)], [(1, 1)]], space=before)
    (both, nothing), (one, _) = seen
    assert both[0].tolist() == [5, 5, 0, 0] and both[1] is None
    assert nothing is None
    assert one[0].tolist() == [1, 1]
    assert list(before) == [(0, -1)]
