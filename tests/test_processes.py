"""Who does what, and what is said of a process that has ended."""

from itertools import product

import numpy as np
import pytest
import torch
import torch.distributed as dist

from vosbook.errors import InputError
from vosbook.processes import is_main, own_device, process_count, process_number, shares, wait_for_others


def best_largest(costs: list[int], count: int) -> int:
    """The largest share of the fairest deal, of all that there are."""
    deals = product(range(count), repeat=len(costs))
    return min(max(sum(c for c, at in zip(costs, deal) if at == k) for k in range(count)) for deal in deals)


def test_every_name_is_dealt_once_and_the_shares_are_nearly_as_fair_as_they_can_be():
    dice = np.random.default_rng(0)
    for _ in range(40):
        count = int(dice.integers(1, 4))
        costs = {f"s{n}": int(c) for n, c in enumerate(dice.integers(1, 90, dice.integers(1, 7)))}
        dealt = shares(costs, count)
        assert len(dealt) == count and sorted(name for share in dealt for name in share) == sorted(costs)
        assert dealt == shares(costs, count)
        largest = max(sum(costs[name] for name in share) for share in dealt)
        assert largest <= best_largest(list(costs.values()), count) * (4 / 3 - 1 / (3 * count)) + 1e-9


def test_a_share_keeps_the_order_of_the_list():
    assert shares({"a": 1, "b": 9, "c": 2, "d": 8}, 2) == [["a", "b"], ["c", "d"]]
    assert shares({"a": 4}, 3) == [["a"], [], []]


def test_a_process_alone_is_the_main_one_and_waits_for_nobody():
    assert (process_number(), process_count(), is_main()) == (0, 1, True)
    wait_for_others()


def test_another_process_that_has_ended_is_told(monkeypatch):
    def closed():
        raise RuntimeError("Connection closed by peer [127.0.0.1]:1\nmore")

    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "barrier", closed)
    with pytest.raises(InputError, match=r"another process has ended, .* start all again \(Connection closed .*:1\)"):
        wait_for_others()


def test_every_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert own_device("auto") == torch.device("cuda", 1) and chosen == [1]
    assert own_device("cpu") == torch.device("cpu")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(InputError, match="process 2 has no GPU, this machine has 2"):
        own_device("cuda")
