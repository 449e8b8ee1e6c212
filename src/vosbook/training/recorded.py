"""A training as a run: the network is trained, its weights are written, its record is kept."""

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Many
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from vosbook.processes import is_main, process_count
from vosbook.profiles import book_folder
from vosbook.runs import record_run
from vosbook.training.loop import StepLoss, TrainConfig, train
from vosbook.weights import save_network


@contextmanager
def recorded_training(
    name: str,
    network: nn.Module,
    loss: StepLoss,
    *,
    profile: str,
    config: TrainConfig,
    data: Many[Mapping[str, Any]],
    depends_on: Mapping[str, Any],
    about: Mapping[str, str],
    also: Mapping[str, Any] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
) -> Iterator[dict[str, Any]]:
    """Train `network` as `train` does, its state in `build/runs/NAME`; write the weights there and record the run.

    Yields the record's metrics (loss and seconds so far), to which the block adds what it measures of the trained
    network; the record is written when the block ends without an error. Its config holds the training's, `depends_on`
    (what the state's validity depends on besides), the circumstances, `about` (the words beside the weights) and
    `also`. Under torchrun every process must enter the block, and the first alone writes.
    """
    folder = book_folder().parent / "build" / "runs" / name
    device = next(network.parameters()).device.type
    circumstances = {"device": device, "threads": torch.get_num_threads(), "processes": process_count()}
    whole = {"train": asdict(config), **depends_on, **circumstances, "about": about, **(also or {})}
    recording: AbstractContextManager[dict[str, Any]] = nullcontext({})
    if is_main():
        recording = record_run(name, profile=profile, config=whole, seed=config.seed, data=data)
    with recording as run:
        run["curve"] = train(
            network,
            loss,
            config=config,
            folder=folder,
            settings=depends_on,
            optimizer=optimizer,
            progress=lambda steps: tqdm(
                steps, initial=steps.start, total=steps.stop, mininterval=10, disable=not is_main()
            ),
        )
        first, last = run["curve"][0]["loss"], run["curve"][-1]["loss"]
        seconds = run["curve"][-1]["seconds"]
        run["metrics"] = {"loss_first": first, "loss_last": last, "seconds": seconds}
        if is_main():
            save_network(folder / "weights.safetensors", network, about)
            print(f"loss {first:.3f} -> {last:.3f} in {seconds:.0f} s")
        yield run["metrics"]
