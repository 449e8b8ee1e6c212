"""What training leaves on disk: its state, to go on from after a kill, and the network's weights, to be used.

A file appears under its name only when it is complete: a kill, or a full disk, leaves the one that was there before.
The state is read with `weights_only`, weights are safetensors with words about themselves: no code is unpickled.
"""

import os
import pickle
import tempfile
import warnings
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
    """Write the training state: tensors, numbers, strings, and dicts and lists of them. InputError: no room for it."""
    _write(path, lambda partial: torch.save(dict(state), partial))


def load_state(path: Path) -> dict[str, Any] | None:
    """The state that `save_state` wrote, on the CPU; None where there is no file.

    InputError where the file is damaged, or holds more than a state and could run code.
    """
    if not path.is_file():
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # about the file's pickle protocol: it is refused or it is read
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        state = None
    if not isinstance(state, dict):
        raise InputError(f"{path} is damaged, or no training state: remove it, and training begins anew")
    return state


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None) -> None:
    """Write tensors by name as safetensors, with words about them. InputError where there is no room for the file."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _write(path, lambda partial: safetensors.torch.save_file(contiguous, partial, dict(about or {})))


def save_network(path: Path, network: nn.Module, about: Mapping[str, str]) -> None:
    """Write a network's weights as float16, with words about them (what they were trained on, their licence)."""
    state = network.state_dict().items()
    save_tensors(path, {k: v.half() if v.is_floating_point() else v for k, v in state}, about)


def read_about(path: Path) -> dict[str, str]:
    """The words that `save_network` wrote beside the weights; none where the file is not of that kind."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, safetensors.SafetensorError):
        return {}


def load_network(path: Path, network: nn.Module) -> None:
    """Put the weights of a file into `network`, in its own precision and on its device.

    InputError where the file is damaged or belongs to another network; the network is then as it was.
    """
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
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:  # each library has its own for a full disk
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be written ({reason}): make room on the disk and start again") from None
    finally:
        Path(partial).unlink(missing_ok=True)
