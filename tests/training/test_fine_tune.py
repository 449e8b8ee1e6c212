"""Fine-tuning keeps to its budget, and ends in the best state that it met."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from vosbook.training.fine_tune import Budget, Tuned, fine_tune, learn


class _Time:
    """A clock that stands still but where a step or a look takes its time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def taking(self, seconds: Callable[[], float], function: Callable) -> Callable:
        def timed(*args: object) -> object:
            self.now += seconds()
            return function(*args)

        return timed


def _network(value: float = 4.0) -> nn.Linear:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    return network


def _square(network: nn.Linear) -> Callable[[int], Tensor]:
    return lambda step: network.weight.square().sum() / 2  # so a step of SGD multiplies the weight by 1 - lr


def _tune(
    network: nn.Linear, budget: Budget, *, lr: float = 0.5, step: Iterator[float] | float = 1.0, look: float = 0.25
) -> Tuned:
    clock = _Time()
    of_step = (lambda: step) if isinstance(step, float) else (lambda: next(step))
    return fine_tune(
        network,
        clock.taking(of_step, _square(network)),
        torch.optim.SGD(network.parameters(), lr=lr),
        budget=budget,
        check=clock.taking(lambda: look, lambda: network.weight.abs().item()),
        clock=clock,
    )


def test_learn_makes_the_optimizers_steps():
    network = _network()
    losses = learn(_square(network), torch.optim.SGD(network.parameters(), lr=0.5))
    assert [next(losses) for _ in range(3)] == [8.0, 2.0, 0.5]
    assert network.weight.item() == 0.5


@pytest.mark.parametrize("seconds", [10.0, 31.0, 100.0])
def test_the_time_is_used_and_not_exceeded(seconds):
    tuned = _tune(_network(), Budget(seconds=seconds, check_every=10))
    assert tuned.seconds <= seconds
    assert tuned.seconds > seconds - 1.0 - 0.25 - 0.25  # not even one more step, and its look, would have fitted
    looks = 1 + tuned.steps // 10 + (tuned.steps % 10 > 0)
    assert tuned.seconds == pytest.approx(tuned.steps + 0.25 * looks)


def test_a_slow_first_step_does_not_hold_back_the_later_ones_for_long():
    durations = iter([5.0, *[0.5] * 100])
    tuned = _tune(_network(), Budget(seconds=20.0), step=durations)
    assert 19.0 < tuned.seconds <= 20.0


def test_no_step_is_begun_that_would_not_fit():
    """A step takes about four looks, before one has been timed."""
    network = _network()
    tuned = _tune(network, Budget(seconds=1.0))
    assert (tuned.steps, tuned.best_step, tuned.checks) == (0, 0, {0: 4.0})
    assert network.weight.item() == 4.0


def test_a_budget_is_used_up_to_its_very_end():
    """A look, a step that was guessed to take four looks, and a look: a quarter, one, and a quarter of a second."""
    tuned = _tune(_network(), Budget(seconds=1.5))
    assert (tuned.steps, tuned.seconds) == (1, 1.5)
    assert _tune(_network(), Budget(seconds=1.4375)).steps == 0


def test_what_was_guessed_is_forgotten_once_a_step_is_timed():
    """Looks of a second make a guess of four for a step, and steps are of an eighth."""
    tuned = _tune(_network(), Budget(seconds=6.0, check_every=100), step=0.125, look=1.0)
    assert (tuned.steps, tuned.seconds) == (32, 6.0)


def test_of_equal_states_the_first_is_the_best():
    tuned = _tune(_network(0.0), Budget(seconds=None, steps=3, check_every=1))
    assert (tuned.checks, tuned.best_step) == ({0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}, 0)


@pytest.mark.parametrize("budget", [Budget(seconds=0), Budget(seconds=None, steps=0), Budget(seconds=9, steps=0)])
def test_without_a_budget_the_network_stays_what_it_is_and_nobody_looks(budget):
    network = _network()
    tuned = _tune(network, budget)
    assert (tuned.steps, tuned.seconds, tuned.checks) == (0, 0.0, {})
    assert network.weight.item() == 4.0


def test_a_number_of_steps_is_made_to_the_step():
    network = _network()
    tuned = _tune(network, Budget(seconds=None, steps=7, check_every=3))
    assert tuned.steps == tuned.best_step == 7
    assert tuned.checks == {0: 4.0, 3: 0.5, 6: 0.0625, 7: 0.03125}
    assert network.weight.item() == 0.03125


def test_the_best_state_is_the_one_that_is_left():
    """Each step turns the weight round and makes it 1.5 times as large; the loss only grows."""
    network = _network()
    tuned = _tune(network, Budget(seconds=None, steps=5, check_every=2), lr=2.5)
    assert tuned.checks[5] == pytest.approx(4 * 1.5**5)
    assert tuned.best_step == 0 and network.weight.item() == 4.0
    down_and_up = iter([0.5, 0.5, 2.5, 2.5])
    network = _network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)

    def loss(step: int) -> Tensor:
        optimizer.param_groups[0]["lr"] = next(down_and_up)
        return _square(network)(step)

    budget = Budget(seconds=None, steps=4, check_every=1)
    tuned = fine_tune(network, loss, optimizer, budget=budget, check=lambda: network.weight.abs().item())
    assert tuned.checks == {0: 4.0, 1: 2.0, 2: 1.0, 3: 1.5, 4: 2.25}
    assert tuned.best_step == 2 and network.weight.item() == 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seconds": -1.0}, "seconds must be 0 or more, got -1"),
        ({"seconds": float("nan")}, "seconds must be 0 or more, got nan"),
        ({"steps": -3}, "steps must be 0 or more, got -3"),
        ({"seconds": None}, "seconds, steps or both, got neither"),
        ({"check_every": 0}, "check_every must be 1 or more, got 0"),
    ],
)
def test_a_budget_that_is_none_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Budget(**settings)
