"""Several processes at one work, as torchrun starts them: which of them this is, and which GPU is its own.

A process that torchrun did not start is alone, and all of this holds for it too.
"""

import os
from collections.abc import Mapping
from datetime import timedelta

import torch
import torch.distributed as dist

from vosbook.errors import InputError


def own_device(device: str = "auto") -> torch.device:
    """The device of this process: "auto", "cpu" or "cuda".

    On GPUs every process of a machine has one of its own, which is the current one from here on. InputError where there
    is none for it.
    """
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    number = int(os.environ.get("LOCAL_RANK", 0))  # torchrun's, of this process on this machine
    if number >= torch.cuda.device_count():
        raise InputError(f"process {number} has no GPU, this machine has {torch.cuda.device_count()}: start fewer")
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def join_processes(backend: str, *, patience: timedelta | None = None) -> None:
    """Meet the other processes, where torchrun started this one, over "nccl" or "gloo".

    `patience` is how long one waits for another (None: torch's default).
    """
    if dist.is_torchelastic_launched() and not dist.is_initialized():
        dist.init_process_group(backend, timeout=patience)


def leave_processes() -> None:
    """Leave the other processes, at the end of a run; nothing where there are none."""
    if dist.is_initialized():
        dist.destroy_process_group()


def process_count() -> int:
    """How many processes work together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def process_number() -> int:
    """Which of them this is, from 0 on."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_main() -> bool:
    """Whether this process is the one that writes what is written once, and shows progress."""
    return process_number() == 0


def wait_for_others() -> None:
    """Go on when all processes have come here. InputError where one of them has ended before."""
    if not dist.is_initialized():
        return
    try:
        dist.barrier()
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"another process has ended, its own line says why: start all again ({reason})") from None


def shares(costs: Mapping[str, int], count: int) -> list[list[str]]:
    """Names dealt out into `count` shares of about the same cost, each in the order of `costs`; the same every time.

    The dearest first, each to the share that has the least so far: no share exceeds the best possible one by more than
    a third (Graham, 1969).
    """
    dealt: list[list[str]] = [[] for _ in range(count)]
    spent = [0] * count
    for name in sorted(costs, key=lambda name: -costs[name]):
        least = spent.index(min(spent))
        dealt[least].append(name)
        spent[least] += costs[name]
    return [[name for name in costs if name in set(share)] for share in dealt]
