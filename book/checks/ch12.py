"""Checks of chapter 12. Each compares values on several cases, and its message says what was seen, not the answer."""

import torch
import torch.nn.functional as F
from checks import cases
from checks.gradients import compare_gradients, leaves
from checks.guard import guarded

# ------------------------------------------------------------------------------------------------ exercise 12.1


def _ancestors(t, i, space, time):
    """Cells before (t, i), arrow by arrow."""
    found, open_cells = set(), [(t, i)]
    while open_cells:
        s, j = open_cells.pop()
        arrows = [(s, j - 1)] * bool(space and j) + [(s - 1, j)] * bool(time and s)
        open_cells += [cell for cell in arrows if cell not in found]
        found |= set(arrows)
    return found


@guarded
def check_needs(needs):
    """Exercise 12.1."""
    drawn = cases.generator().integers(0, 7, (3, 2)).tolist()
    for t, i in ((3, 2), (2, 3), (1, 1), (0, 2), (2, 0), (0, 0), (0, 15), (14, 0), *drawn):
        for space, time in ((True, True), (True, False), (False, True), (False, False)):
            got = needs(t, i, space, time)
            assert isinstance(got, set | frozenset), f"a set of pairs is asked for, got {type(got).__name__}"
            want = _ancestors(t, i, space, time)
            where = f"cell {(t, i)}, space {space}, time {time}"
            assert not got - want, f"{where}: {sorted(got - want)} need not have run"
            assert not want - got, f"{where}: {sorted(want - got)[0]} must have run, and {len(want - got)} are missing"


# ------------------------------------------------------------------------------------------------ exercise 12.2


@guarded
def check_level_input(level_input):
    """Exercise 12.2: the values, and that each of the three learns."""
    generator, rng = cases.torch_generator(), cases.generator()
    stride, C, deeper = int(rng.integers(2, 7)), int(rng.integers(2, 6)), int(rng.integers(2, 6))
    drawn = rng.integers(3 * stride, 8 * stride, 2).tolist()
    for name, (H, W), step, deep in (
        ("twice the deeper size", (24, 40), 4, (3, 5)),
        ("an odd size", (26, 37), 4, (4, 5)),
        ("stride 2, one step to the frame", (7, 9), 2, (2, 3)),
        (f"a frame of {drawn[0]} x {drawn[1]}, stride {stride}", drawn, stride, rng.integers(1, 5, 2).tolist()),
        ("a stride that is no power of two", (14, 17), int(rng.choice([3, 5, 6, 7])), (2, 3)),
        ("the deepest level", (26, 37), 8, None),
    ):
        h, w = -(-H // step), -(-W // step)
        f = torch.randn(2, C, h, w, generator=generator)
        above = None if deep is None else torch.randn(2, deeper, *deep, generator=generator)
        S = torch.rand(2, 1, H, W, generator=generator)
        S[0, 0, -1, -1], S[1, 0, 0, 0] = 2.0, 1.5  # the corners, one in a square that may be cut off
        given = leaves(f=f, S=S) | ({} if above is None else leaves(h=above))
        got = level_input(given["f"], given.get("h"), given["S"], step)
        channels = C + 1 + (0 if deep is None else deeper)
        assert got.shape == (2, channels, h, w), f"{name}: the input is {(2, channels, h, w)}, got {tuple(got.shape)}"
        parts, first = _parts(given, (h, w), step), 0
        for part, want in parts.items():
            off = (got[:, first : first + want.shape[1]] - want).abs().max()
            place = f"channels {first} to {first + want.shape[1] - 1}"
            assert off < 1e-5, f"{name}: {place} should hold the {part}; they are off by up to {off:.3f}"
            first += want.shape[1]
        compare_gradients(name, got, torch.cat(list(parts.values()), dim=1), given)


def _parts(given, size, stride):
    """What the channels should hold, in their order."""
    parts = {"features": given["f"]}
    if "h" in given:
        parts["deeper answer"] = F.interpolate(given["h"], size, mode="bilinear", align_corners=True)
    return parts | {"mask": F.max_pool2d(given["S"], stride, ceil_mode=True)}


# ------------------------------------------------------------------------------------------------ exercise 12.3


class _Rungs:
    """Three or so cells of a few numbers, each of another size, and an input that grows with the deeper answer."""

    def __init__(self, names, B):
        self.generator, self.B = cases.torch_generator(), B
        self.sizes = dict(zip(names, cases.generator().permutation(range(2, 8)).tolist()))
        self.features = leaves(**{name: self._draw(n) for name, n in self.sizes.items()})
        self.cells = {name: self._cell(name, k) for k, name in enumerate(names)}
        self.order: list[str] = []

    def _draw(self, n):
        return torch.randn(self.B, n, generator=self.generator)

    def states(self):
        """Of another cell of the table: (h, c) by level."""
        return {name: tuple(self._draw(n).requires_grad_() for _ in range(2)) for name, n in self.sizes.items()}

    def h_input(self, level, deeper):
        assert level in self.sizes, f"h_input was asked for the level {level!r}; there are {', '.join(self.sizes)}"
        x = self.features[level]
        return x if deeper is None else x + deeper.mean(dim=1, keepdim=True)

    def _cell(self, name, k):
        def cell(x, h_space, c, h_time):
            self.order.append(name)
            wanted = tuple(self.features[name].shape)
            for word, part in (("h_input", x), ("h_space", h_space), ("c", c), ("h_time", h_time)):
                fits = part is None or tuple(part.shape) == wanted
                assert fits, f"the cell of {name} was given {word} {tuple(part.shape)}, and has {wanted}"
            h_space, c, h_time = (torch.zeros_like(x) if part is None else part for part in (h_space, c, h_time))
            c = (0.8 - 0.1 * k) * c + (x - 0.6 * h_space + 0.3 * h_time).tanh()
            return (1 + 0.2 * h_space) * c.tanh(), c

        return cell


def _climb(rungs, space, over_time):
    h, states = None, {}
    for level, cell in rungs.cells.items():
        before, c = space.get(level, (None, None))
        states[level] = cell(rungs.h_input(level, h), before, c, over_time.get(level, (None, None))[0])
        h = states[level][0]
    return h, states


@guarded
def check_climb(climb):
    """Exercise 12.3: the answer, every state, and that the loss reaches all that goes in."""
    rng = cases.generator()
    B = int(rng.integers(1, 4))
    kinds = ((3, True, True), (3, True, False), (3, False, True), (3, False, False), (1, True, True), (4, True, True))
    for count, has_space, has_time in kinds:
        names = rng.permutation(["layer1", "layer2", "layer3", "layer4"])  # the dictionary's order counts, no name
        rungs = _Rungs(names[:count].tolist(), B)
        space = rungs.states() if has_space else {}
        over_time = rungs.states() if has_time else {}
        case = f"{count} levels, {'with' if has_space else 'no'} space, {'with' if has_time else 'no'} time"
        want, expected = _climb(rungs, space, over_time)
        rungs.order.clear()
        got, states = climb(rungs.cells, rungs.h_input, space, over_time)
        assert rungs.order == list(rungs.cells), f"{case}: the cells ran in the order {', '.join(rungs.order)}"
        assert set(states) == set(expected), (
            f"{case}: states of {sorted(states)}, and the levels are {sorted(expected)}"
        )
        for level, pair in expected.items():
            assert len(states[level]) == 2, f"{case}: a level's states are a pair (h, c), got {len(states[level])}"
            for word, one, right in zip("hc", states[level], pair):
                off = float((one - right).detach().abs().max())
                assert off < 1e-5, f"{case}: {word} of {level} is off by up to {off:.3f}"
        assert got.shape == want.shape, f"{case}: the answer is that of the shallowest level, {tuple(want.shape)}"
        assert torch.allclose(got, want, atol=1e-5), f"{case}: the states are right, and the answer is not the last h"
        into = dict(rungs.features)
        for way, of in (("space", space), ("time", over_time)):
            into |= {f"{d}'s {word} over {way}": z for d in of for word, z in zip("hc", of[d])}
        ends = [[one, *(z for pair in kept.values() for z in pair)] for one, kept in ((got, states), (want, expected))]
        compare_gradients(case, *ends, into)


# ------------------------------------------------------------------------------------------------ exercise 12.4


class _Frames:
    """A network of a few numbers with a state of its own; it keeps what it was given."""

    def __init__(self, weight):
        self.weight, self.given, self.order, self.state = weight, [], [], 0.0

    def step(self, t, S):
        self.order.append(t)
        self.given.append(S)
        self.state = 0.5 * self.state + self.weight * (S - 0.4) * (1 + 0.3 * (t % 3))
        return self.state - 0.1 * (t % 3)  # small, for a sigmoid that lets gradients through


def _plus(frames, first, T):
    logits = []
    for t in range(T):
        logits.append(frames.step(t, first if t < 2 else logits[-1].sigmoid()))
    return torch.stack(logits, dim=1)


@guarded
def check_run_plus(run_plus):
    """Exercise 12.4."""
    generator, rng = cases.torch_generator(), cases.generator()
    for T, N, B in (
        (5, 2, 2),
        (4, 5, 2),
        (2, 1, 2),
        (1, 3, 2),
        (3, 2, 2),
        (10, 2, 1),
        *rng.integers(1, 7, (2, 3)).tolist(),
    ):
        H, W = rng.integers(2, 7, 2).tolist()
        first = (torch.rand(B, N, H, W, generator=generator) > 0.5).float()
        weight = torch.full((1, N, 1, 1), 1.3, requires_grad=True)
        mine, theirs = _Frames(weight), _Frames(weight)
        got, want = run_plus(theirs.step, first, T), _plus(mine, first, T)
        assert theirs.order == list(range(T)), f"{T} frames: they were run in the order {theirs.order}"
        for t, (given, right) in enumerate(zip(theirs.given, mine.given)):
            off = (given - right).abs().max()
            assert off < 1e-6, f"{T} frames: the masks that frame {t} is given are off by up to {off:.3f}"
        assert got.shape == want.shape, f"the result is {tuple(want.shape)}, got {tuple(got.shape)}"
        assert torch.allclose(got, want, atol=1e-5), f"{T} frames: logits off by up to {(got - want).abs().max():.3f}"
        compare_gradients(f"{T} frames, the last one's logits", got[:, -1], want[:, -1], {"the weights": weight})


# ------------------------------------------------------------------------------------------------ exercise 12.5


class _Table:
    """A recurrence over x (T, N, B, C) that is not the same in both directions. It counts its calls, and what is run
    must be cells, one after the other.
    """

    def __init__(self, x, D):
        generator = cases.torch_generator()
        a, b, c = (torch.randn(n, D, generator=generator) for n in (x.shape[-1], D, D))
        self.weights, self.calls = leaves(a=a, b=b, c=c), []
        self.cells = {cell.detach().numpy().tobytes() for cell in x.flatten(0, 1)}
        self.B = x.shape[2]

    def step(self, x, left, above):
        self.calls.append(len(x))
        cells = x.detach().split(self.B)
        strange = [n for n, cell in enumerate(cells) if cell.numpy().tobytes() not in self.cells]
        assert not strange, (
            f"{len(x)} rows of x, batch {self.B}: rows {self.B * strange[0]} to {self.B * strange[0] + self.B - 1} are "
            f"not the inputs of one cell; cell after cell is asked for"
        )
        z = x @ self.weights["a"]
        for part, weight, factor in ((left, self.weights["b"], 0.7), (above, self.weights["c"], 0.4)):
            if part is not None:
                assert part.shape == z.shape, f"{len(x)} rows of x came with a neighbours' {tuple(part.shape)}"
                z = z + factor * part @ weight
        return z.tanh()

    def two_loops(self, x):
        T, N = x.shape[:2]
        answers = {}
        for t in range(T):
            for i in range(N):
                answers[t, i] = self.step(x[t, i], answers.get((t, i - 1)), answers.get((t - 1, i)))
        return torch.stack([torch.stack([answers[t, i] for i in range(N)]) for t in range(T)])


@guarded
def check_run_front(run_front):
    """Exercise 12.5."""
    generator, rng = cases.torch_generator(), cases.generator()
    drawn = rng.integers(1, 7, (2, 3)).tolist()
    for T, N, B in ((5, 3, 2), (3, 5, 2), (4, 4, 1), (1, 4, 3), (4, 1, 3), (1, 1, 2), *drawn):
        C, D = rng.integers(1, 6, 2).tolist()
        x = torch.randn(T, N, B, C, generator=generator, requires_grad=True)
        table = _Table(x, D)
        want = table.two_loops(x)
        table.calls = []
        got = run_front(table.step, x)
        name = f"{T} frames, {N} objects, batch {B}"
        assert sum(table.calls) == T * N * B, f"{name}: {sum(table.calls)} rows were run, of {T * N * B} that there are"
        assert got.shape == want.shape, f"{name}: the result is {tuple(want.shape)}, got {tuple(got.shape)}"
        off = (got - want).detach().abs().amax((2, 3))
        worst = divmod(int(off.argmax()), N)
        assert off.max() < 1e-5, f"{name}: the answer of cell {worst} is off by {off.max():.3f}"
        assert len(table.calls) == T + N - 1, f"{name}: {len(table.calls)} calls, {T + N - 1} are enough"
        compare_gradients(name, got, want, {"x": x} | table.weights)
