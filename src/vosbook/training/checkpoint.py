"""The state of a training on disk, to go on from after a kill.

It appears under its name only when it is complete, and is read with `weights_only`: no code is unpickled. What a
training leaves to be used, the network's weights, is `vosbook.weights`'s.
"""

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vosbook.errors import InputError
from vosbook.weights import write_whole


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write the training state: tensors, numbers, strings, and dicts and lists of them. InputError: no room for it."""
    write_whole(path, lambda partial: torch.save(dict(state), partial))


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
