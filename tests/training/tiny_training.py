"""A training of a few weights, which takes milliseconds: `python tiny_training.py FOLDER BREAK_AT`.

As a script it trains until the step BREAK_AT, where it kills itself. Under torchrun it is interrupted there, goes on to
the end, and leaves its weights in FOLDER/weights.safetensors.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vosbook.processes import is_main, leave_processes
from vosbook.training.loop import TrainConfig, start_processes, train
from vosbook.weights import save_tensors

CONFIG = TrainConfig(steps=12, batch=4, checkpoint_every=4, log_every=2)


def tiny_network() -> nn.Module:
    """With running statistics, which a state must hold too."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))


def tiny_loss(network: nn.Module, step: int, share: range) -> Tensor:
    """Multiply two channels, of images `(B, 2, 8, 8)` that the step's number makes."""
    x = torch.rand(CONFIG.batch, 2, 8, 8, generator=torch.Generator().manual_seed(step))[share.start : share.stop]
    return (network(x) - x[:, :1] * x[:, 1:]).square().mean()


def broken(at: int, how: Callable[[], None]) -> Callable[[nn.Module, int, range], Tensor]:
    """`tiny_loss` that does not come through step `at`."""

    def loss(network: nn.Module, step: int, share: range) -> Tensor:
        if step == at:
            how()
        return tiny_loss(network, step, share)

    return loss


def interrupt() -> None:
    raise KeyboardInterrupt


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, break_at: int) -> None:
    torch.set_num_threads(1)
    start_processes("cpu")
    with contextlib.suppress(KeyboardInterrupt):
        how = interrupt if dist.is_initialized() else kill
        train(tiny_network(), broken(break_at, how), config=CONFIG, folder=folder)
    network = tiny_network()
    train(network, tiny_loss, config=CONFIG, folder=folder)
    if is_main():
        save_tensors(folder / "weights.safetensors", network.state_dict())
    leave_processes()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
