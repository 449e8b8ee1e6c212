"""What training leaves on disk: its state, to go on from after a kill, and the network's weights, to be used.

Files appear under their names only when they are complete. The state is read with `weights_only`, weights are
safetensors with a few words about themselves: nothing here unpickles code.
"""

import os
import pickle
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features import read_tensors

SHIPPED = Path(__file__).parents[1] / "weights"  # what comes with the package


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write the training state (tensors, numbers, strings, and lists and dicts of them)."""
    _write(path, lambda partial: torch.save(dict(state), partial))


def load_state(path: Path) -> dict[str, Any] | None:
    """The state that `save_state` wrote, on the CPU; None where there is no file. InputError where it is damaged."""
    if not path.is_file():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is damaged ({str(error).splitlines()[0]}): remove it, and training begins anew"
        ) from None


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None) -> None:
    """Write tensors by name as safetensors, with words about them."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _write(path, lambda partial: safetensors.torch.save_file(contiguous, partial, dict(about or {})))


def save_network(path: Path, network: nn.Module, about: Mapping[str, str]) -> None:
    """Write a network's weights as float16."""
    state = network.state_dict().items()
    save_tensors(path, {k: v.half() if v.is_floating_point() else v for k, v in state}, about)


def read_about(path: Path) -> dict[str, str]:
    """The words that `save_network` wrote beside the weights; none where the file is not such a one."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, safetensors.SafetensorError):
        return {}


def load_network(path: Path, network: nn.Module) -> None:
    """Put the weights of a file into `network`. InputError where the file is damaged or belongs to another network."""
    state, wanted = read_tensors(path), network.state_dict()
    differing = [k for k in wanted.keys() | state.keys() if _shape(wanted.get(k)) != _shape(state.get(k))]
    if differing:
        key = min(differing)
        raise InputError(
            f"{path} belongs to another network: {key} is {_shape(state.get(key))} there, and "
            f"{_shape(wanted.get(key))} is needed"
        )
    network.load_state_dict({k: v.to(wanted[k]) for k, v in state.items()})


def _shape(tensor: Tensor | None) -> tuple[int, ...] | None:
    return None if tensor is None else tuple(tensor.shape)


def _write(path: Path, save: Callable[[str], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.partial-", dir=path.parent)
    os.close(handle)
    try:
        save(partial)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
