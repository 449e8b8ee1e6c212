"""Fine-tuning with a budget of time: as many steps as fit into it, and of the states met on the way, the best."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from time import perf_counter

import torch
from torch import Tensor, nn

from vosbook.words import count as count_of

STEP_IN_LOOKS = 4  # seconds of a step that nobody has timed yet, counted in looks: it goes forward, and back


@dataclass(frozen=True)
class Budget:
    """When fine-tuning ends; where both are given, whichever comes first. 0 seconds, or 0 steps: nothing is learned.

    Only a number of steps, alone, makes a result that can be had again.
    """

    seconds: float | None = 60.0
    steps: int | None = None
    check_every: int = 10  # steps between two looks at how good the state is

    def __post_init__(self) -> None:
        if self.seconds is None and self.steps is None:
            raise ValueError("a budget has seconds, steps or both, got neither")
        for name in ("seconds", "steps"):
            if (value := getattr(self, name)) is not None and not value >= 0:  # NaN is refused too
                raise ValueError(f"a budget's {name} must be 0 or more, got {value}")
        if self.check_every < 1:
            raise ValueError(f"check_every must be 1 or more, got {self.check_every}")


@dataclass(frozen=True)
class Tuned:
    """What came of it."""

    steps: int  # made
    seconds: float
    best_step: int  # after which the state was the best; 0: the one it began with
    checks: dict[int, float]  # what the looks said, by step

    def __str__(self) -> str:
        return f"{count_of(self.steps, 'step')} in {self.seconds:.0f} s, the best state after {self.best_step}"


def learn(loss: Callable[[int], Tensor], optimizer: torch.optim.Optimizer) -> Iterator[float]:
    """Step after step, without end: the loss of each, before it. `loss` is given the step's number, from 0 on."""
    for step in count():
        with torch.enable_grad():
            value = loss(step)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        yield value.item()


def fine_tune(
    network: nn.Module,
    loss: Callable[[int], Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    budget: Budget,
    check: Callable[[], float],
    clock: Callable[[], float] = perf_counter,
) -> Tuned:
    """Fine-tune `network` in place, and leave it in the best state that was looked at, the first one included.

    `loss(step)` is the loss of a step; `check()` measures a state, the less the better, every `check_every` steps and
    at the end. A step is begun only where it, and a look after it, fit into the budget, as far as the last steps tell.
    """
    start = clock()
    if 0 in (budget.seconds, budget.steps):
        return Tuned(steps=0, seconds=0.0, best_step=0, checks={})
    best = _Best(network, check)
    look = clock() - start
    lasted, steps, done = deque([STEP_IN_LOOKS * look], maxlen=5), learn(loss, optimizer), 0
    while done != budget.steps and _fits(clock() - start + max(lasted) + look, budget.seconds):
        begun = clock()
        next(steps)
        done += 1
        if done % budget.check_every == 0:
            best.look(done)
        if done == 1:
            lasted.clear()  # it was a guess
        lasted.append(clock() - begun)
    if done not in best.checks:
        best.look(done)
    network.load_state_dict(best.state)
    return Tuned(steps=done, seconds=clock() - start, best_step=best.step, checks=best.checks)


def _fits(seconds: float, limit: float | None) -> bool:
    return limit is None or seconds <= limit


class _Best:
    """The best state of a network among those that were looked at."""

    def __init__(self, network: nn.Module, check: Callable[[], float]):
        self.network, self.check = network, check
        self.checks: dict[int, float] = {}  # by the step that they were made after
        self.look(0)

    def look(self, step: int) -> None:
        """Measure the network as it is now, after `step` steps, and keep it where it is better than all before."""
        with torch.no_grad():
            value = self.check()
        if value < min(self.checks.values(), default=float("inf")) or not self.checks:
            self.step, self.state = step, {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        self.checks[step] = value
