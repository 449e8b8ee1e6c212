"""The training loop: resumable after a kill, on one process or several.

What is learned from depends on the number of the step alone, so a run that was broken off and taken up again sees the
same samples as an unbroken one, and ends with the same weights.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vosbook.errors import InputError
from vosbook.training.checkpoint import load_state, save_state

StepLoss = Callable[[nn.Module, int, range], Tensor]  # (network, step, which samples of its batch) -> mean loss


@dataclass(frozen=True)
class TrainConfig:
    """Adam with one step down in the learning rate."""

    steps: int
    batch: int = 16  # samples in a step, over all processes
    lr: float = 1e-3
    drop_at: float = 2 / 3  # share of the steps after which the learning rate is a tenth
    weight_decay: float = 1e-5
    precision: str = "float32"  # of the network's products; "bfloat16" where the processor is made for it
    checkpoint_every: int = 100
    log_every: int = 20
    seed: int = 0


def train(
    network: nn.Module,
    loss: StepLoss,
    *,
    config: TrainConfig,
    folder: Path,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> list[dict[str, float]]:
    """Train `network` in place; returns the curve, {"step", "loss", "seconds"} once in `log_every` steps.

    The state is kept in `folder`; where one is found there, training goes on from it. Under torchrun each process takes
    its share of every batch. InputError where the state in `folder` was made with another configuration.
    """
    share = _share(config.batch)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=config.lr, weight_decay=config.weight_decay, amsgrad=True
    )  # AMSGrad: as the released code
    curve = _resume(folder / "state.pt", network, optimizer, config)
    begin = int(curve[-1]["step"]) if curve else 0
    spent, start = curve[-1]["seconds"] if curve else 0.0, perf_counter()
    model = DistributedDataParallel(network) if dist.is_initialized() else network
    network.train()
    total = 0.0
    for step in progress(range(begin, config.steps)):
        _set_rate(optimizer, config, step)
        total += _one_step(model, optimizer, loss, step, share, config)
        done = step + 1
        if done % config.log_every == 0 or done == config.steps:
            count = (done - 1) % config.log_every + 1
            curve.append({"step": done, "loss": total / count, "seconds": spent + perf_counter() - start})
            total = 0.0
            if done % config.checkpoint_every == 0 or done == config.steps:
                _keep(folder / "state.pt", network, optimizer, config, curve)
    network.eval()
    return curve


def _one_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: StepLoss, step: int, share: range, config: TrainConfig
) -> float:
    device = next(model.parameters()).device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=config.precision == "bfloat16"):
        value = loss(model, step, share)
    optimizer.zero_grad(set_to_none=True)
    value.backward()
    optimizer.step()
    return _mean_over_processes(value.detach())


def _set_rate(optimizer: torch.optim.Optimizer, config: TrainConfig, step: int) -> None:
    for group in optimizer.param_groups:
        group["lr"] = config.lr * (0.1 if step >= config.drop_at * config.steps else 1.0)


def start_processes() -> None:
    """Join the other processes where torchrun started this one; nothing otherwise."""
    if dist.is_torchelastic_launched() and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def is_main() -> bool:
    """Whether this process is the one that writes files."""
    return not dist.is_initialized() or dist.get_rank() == 0


def _share(batch: int) -> range:
    if not dist.is_initialized():
        return range(batch)
    world = dist.get_world_size()
    if batch % world:
        raise InputError(f"a batch of {batch} cannot be shared evenly by {world} processes: change one of the two")
    each = batch // world
    return range(dist.get_rank() * each, (dist.get_rank() + 1) * each)


def _mean_over_processes(value: Tensor) -> float:
    if dist.is_initialized():
        dist.all_reduce(value)
        value /= dist.get_world_size()
    return value.item()


def _resume(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig
) -> list[dict[str, float]]:
    state = load_state(path)
    if state is None:
        return []
    if state["config"] != asdict(config):
        raise InputError(
            f"{path} was made with other settings: remove its folder, or give the settings it was begun with"
        )
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    return state["curve"]


def _keep(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    curve: list[dict[str, float]],
) -> None:
    if is_main():
        save_state(
            path,
            {
                "config": asdict(config),
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "curve": curve,
            },
        )
