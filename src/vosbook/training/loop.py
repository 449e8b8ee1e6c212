"""The training loop: resumable after a kill, on one process or several.

What is learned from depends on the number of the step alone, so a run that was broken off and taken up again sees the
same samples as an unbroken one, and ends with the same weights (bit by bit, on the same machine with as many threads
and processes).

Under torchrun every process takes its share of each batch, and the gradients are averaged. Batch norms see their own
process's share only; the running statistics that are kept are the first process's.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vosbook.errors import InputError
from vosbook.processes import is_main, join_processes, own_device, process_count, process_number
from vosbook.training.checkpoint import load_state, save_state

StepLoss = Callable[[nn.Module, int, range], Tensor]  # (network, step, which samples of its batch) -> mean loss
Curve = list[dict[str, float]]  # {"step", "loss", "seconds"}: mean loss since the entry before, seconds from the start


@dataclass(frozen=True)
class TrainConfig:
    """Adam with one step down in the learning rate, and a slope up to it at the start."""

    steps: int
    batch: int = 16  # samples in a step, over all processes
    lr: float = 1e-3
    rates: Mapping[str, float] = field(default_factory=dict)  # lr by beginning of a parameter's name: {"encoder": 1e-6}
    amsgrad: bool = True  # as FRTM's released code; False: plain Adam
    warm_up: int = 0  # steps in which the learning rate rises to its value
    drop_at: float = 2 / 3  # share of the steps after which the learning rate is a tenth
    weight_decay: float = 1e-5
    precision: Literal["float32", "bfloat16"] = "float32"  # of the products
    checkpoint_every: int = 100  # steps; a multiple of log_every, so that no entry of the curve is half made when kept
    log_every: int = 20
    seed: int = 0  # of the network's random start

    def __post_init__(self) -> None:
        if self.checkpoint_every % self.log_every:
            raise ValueError(
                f"checkpoint_every is a multiple of log_every, got {self.checkpoint_every} and {self.log_every}"
            )
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f'precision is "float32" or "bfloat16", got {self.precision!r}')


def train(
    network: nn.Module,
    loss: StepLoss,
    *,
    config: TrainConfig,
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    progress: Callable[[range], Iterable[int]] = iter,
) -> Curve:
    """Train `network` in place, on the device it is on; returns the curve, an entry every `log_every` steps.

    The state is kept in `folder/state.pt`; where there is one, training goes on from it. `settings` is whatever else
    the result depends on (plain values: numbers, strings, lists, dicts), kept with the state. `loss` must draw nothing
    from a generator that is not seeded by the step. `optimizer`: another one than the configuration's Adam; its own
    rates then rise and fall as the configuration says. `progress` is given the steps to come.

    InputError: a state that is damaged or was made with other settings; a batch that the processes cannot share.
    FloatingPointError: a loss, or weights, that are no longer finite; the state kept before stays.
    """
    share = _share(config.batch)
    path, settings = folder / "state.pt", asdict(config) | dict(settings or {})
    if optimizer is None:
        groups = parameter_groups(network, config)
        optimizer = torch.optim.Adam(groups, weight_decay=config.weight_decay, amsgrad=config.amsgrad)
    rates = [group["lr"] for group in optimizer.param_groups]
    curve = _resume(path, network, optimizer, settings)
    begin, spent = (int(curve[-1]["step"]), curve[-1]["seconds"]) if curve else (0, 0.0)
    start, total = perf_counter() - spent, 0.0
    model = DistributedDataParallel(network) if dist.is_initialized() else network
    network.train()
    for step in progress(range(begin, config.steps)):
        _set_rates(optimizer, rates, share_of_rate(step, config))
        total += _one_step(model, optimizer, loss, step, share, config)
        done = step + 1
        if done % config.log_every == 0 or done == config.steps:
            count = (done - 1) % config.log_every + 1
            curve.append({"step": done, "loss": total / count, "seconds": perf_counter() - start})
            total = 0.0
        if done % config.checkpoint_every == 0 or done == config.steps:
            _keep(path, network, optimizer, settings, curve)
    network.eval()
    return curve


def _one_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: StepLoss, step: int, share: range, config: TrainConfig
) -> float:
    device = next(model.parameters()).device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=config.precision == "bfloat16"):
        value = loss(model, step, share)
    mean = _mean_over_processes(value)  # the same number in all of them, so that none goes on alone
    if not math.isfinite(mean):
        raise FloatingPointError(f"the loss of step {step} is {mean}: the last state is kept; try a lower lr")
    optimizer.zero_grad(set_to_none=True)
    value.backward()
    optimizer.step()
    return mean


def parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """The network's parameters as an optimizer takes them: those of each of `config.rates`, in order, after all others.

    A name belongs to the first that it begins with. ValueError: one that no name begins with.
    """
    prefixes = ("", *config.rates)
    groups: dict[str, list[nn.Parameter]] = {prefix: [] for prefix in prefixes}
    for name, parameter in network.named_parameters():
        groups[next((prefix for prefix in config.rates if name.startswith(prefix)), "")].append(parameter)
    if idle := [prefix for prefix in config.rates if not groups[prefix]]:
        raise ValueError(f"rates name {idle[0]!r}, and no parameter of the network begins so")
    return [{"params": groups[prefix], "lr": config.rates.get(prefix, config.lr)} for prefix in prefixes]


def share_of_rate(step: int, config: TrainConfig) -> float:
    """What the learning rates are multiplied by at a step."""
    if step < config.warm_up:
        return (step + 1) / (config.warm_up + 1)
    return 0.1 if step >= config.drop_at * config.steps else 1.0


def _set_rates(optimizer: torch.optim.Optimizer, rates: list[float], share: float) -> None:
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate * share


# --------------------------------------------------------------------------------------------------- processes


def start_processes(device: str = "auto") -> torch.device:
    """The device to train on ("auto", "cpu" or "cuda"). Joins the other processes where torchrun started this one.

    On GPUs every process of a machine has one of its own. InputError where there is none for it. From here on the
    process counts numbers under 1e-38 as zero: the weights of units that no longer answer decay to such numbers, and
    a CPU is many times slower at them.
    """
    torch.set_flush_denormal(True)  # before torch starts its threads, which take it over
    own = own_device(device)
    join_processes("nccl" if own.type == "cuda" else "gloo")
    return own


def _share(batch: int) -> range:
    """Which samples of every batch are this process's."""
    count = process_count()
    if batch % count:
        raise InputError(f"a batch of {batch} cannot be shared evenly by {count} processes: change one of the two")
    first = process_number() * (batch // count)
    return range(first, first + batch // count)


def _mean_over_processes(value: Tensor) -> float:
    mean = value.detach().clone()  # its own memory: the gradient may still need the value
    if dist.is_initialized():
        dist.all_reduce(mean)
        mean /= process_count()
    return mean.item()


# ------------------------------------------------------------------------------------------------------- state


def _resume(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, settings: Mapping[str, Any]) -> Curve:
    """Put the state of `path`, if there is one, into network and optimizer; returns its curve."""
    state = load_state(path)
    if state is None:
        return []
    _refuse_other_settings(path, state.get("config", {}), settings)
    try:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        return state["curve"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is the state of another network ({reason}): remove it to begin anew") from None


def _refuse_other_settings(path: Path, held: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """InputError names a setting that has changed. One that was unknown when the state was kept cannot have."""
    for name, value in held.items():
        if given.get(name) != value:
            raise InputError(
                f"{path} was made with {name} = {value}, which is now {given.get(name)}: "
                "remove it to begin anew, or go back to the settings it was begun with"
            )


def _keep(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, settings: Mapping[str, Any], curve: Curve
) -> None:
    weights = network.state_dict()
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise FloatingPointError(f"{name} is no longer finite: the last state is kept; try a lower lr")
    if is_main():
        state = {"config": dict(settings), "network": weights, "optimizer": optimizer.state_dict(), "curve": curve}
        save_state(path, state)
