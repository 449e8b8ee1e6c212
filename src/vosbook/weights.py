"""Weight files: where they are found, how they are read and written, and what they say about themselves.

Weights are safetensors, or what torch.save wrote of tensors alone: no code is ever unpickled. A file of ours carries
words in its header: the method that it was written for, the settings of its network, what it was trained on, its
licence. A network whose settings are there is built from them, so that no other file is needed.
"""

import hashlib
import json
import os
import pickle
import urllib.request
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.output import partial_file
from vosbook.words import some

SHIPPED = Path(__file__).parent / "weights"  # what comes with the package
PATIENCE = 4.0  # seconds to wait for a server
WRAPPERS = ("module.", "_orig_mod.")  # before every name in the state of a wrapped network

Config = TypeVar("Config")  # a frozen dataclass
Network = TypeVar("Network", bound=nn.Module)

# ------------------------------------------------------------------------------------------------------- finding


def find_weights(name: str, url: str) -> Path | None:
    """A file under VOSBOOK_DATA/weights whose name begins with `name`, else torchvision's own, which is at `url`.

    None where neither can be had.
    """
    root = os.environ.get("VOSBOOK_DATA")
    folder = Path(root) / "weights" if root else None
    if folder is not None and folder.is_dir():
        for file in sorted(folder.iterdir()):
            if file.name.startswith(name) and file.suffix in (".safetensors", ".pth", ".pt"):
                return file
    return _download(url)


@cache  # an offline machine waits once
def _download(url: str) -> Path | None:
    """torchvision's weights from torch's cache, downloaded on first use; None where no server answers in time."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if file.is_file():
        return file
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE):
            file.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(file), hash_prefix=file.stem.rsplit("-", 1)[1], progress=False)
    except (OSError, RuntimeError):  # no network; a download whose checksum is wrong
        return None
    return file


def shipped_weights(name: str, *, remedy: str) -> Path:
    """The file of this name, such as "s2s.safetensors", that comes with the package.

    InputError, which ends in `remedy`, where there is none.
    """
    path = SHIPPED / name
    if not path.is_file():
        raise InputError(f"no network {path.stem} comes with the package: {remedy}")
    return path


def given_or_shipped(checkpoint: Path | None, name: str, *, remedy: str, note: Callable[[str], None]) -> Path:
    """`checkpoint`, else the package's file of this name, of which `note` is told what it reaches.

    InputError, which ends in `remedy`, where there is neither.
    """
    if checkpoint is not None:
        return checkpoint
    path = shipped_weights(name, remedy=f"{remedy}, and give it as --checkpoint")
    note(f"using the package's network {path.stem}: {what_it_reaches(read_about(path))}")
    return path


# ------------------------------------------------------------------------------------------------------- reading


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file, or one that torch.save wrote. Nothing is unpickled but tensors.

    Where they lie inside a checkpoint, such as under `state_dict`, they are taken from there; a prefix that wrappers
    put before every name, such as `module.`, is left off. InputError names a file that is missing, damaged, holds
    something else, or would run code when loaded.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist: check the path of the weight file")
    _check_no_text(path)
    try:
        if path.suffix == ".safetensors" or _is_safetensors(path):
            return _unwrapped(safetensors.torch.load_file(path))
        with warnings.catch_warnings(action="ignore"):  # about the file's pickle protocol: it is refused or it is read
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(f"{path} is more, or other, than tensors and could run code: save it as safetensors") from None
    except (safetensors.SafetensorError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error) or "it is empty").splitlines()[0]
        raise InputError(f"{path} is damaged or cut short ({reason}): copy it again") from None
    return _unwrapped(_table_in(state, path))


def _check_no_text(path: Path) -> None:
    """InputError where a file is what comes down in place of weights: a page of a web site, or a pointer to them."""
    with path.open("rb") as file:
        head = file.read(512).lstrip()
    if head.startswith(b"version https://git-lfs"):
        raise InputError(f"{path} is Git LFS's pointer to the weights, not the weights: fetch them with git lfs pull")
    if head[:1] == b"<" or head.lower().startswith((b'{"', b"not found", b"error")):
        raise InputError(f"{path} is a page or a message of a web site, not weights: download the file itself")


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())


def _table_in(state: Any, path: Path) -> dict[str, Tensor]:
    """The tensors by name that a file holds, at its top or one step down. InputError where there is not one table."""
    if not isinstance(state, dict):
        state = {"": state}
    if _is_table(state):
        return state
    inner = {key: value for key, value in state.items() if value and _is_table(value)}
    if len(inner) > 1:
        raise InputError(f"{path} holds several networks ({some(map(str, inner))}): save the one that is meant alone")
    if not inner:
        raise InputError(f"{path} is not a table of tensors: save the network's state_dict alone")
    return next(iter(inner.values()))


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the prefixes that `DataParallel` and `torch.compile` put before every name."""
    for prefix in WRAPPERS:
        if state and all(name.startswith(prefix) for name in state):
            return _unwrapped({name.removeprefix(prefix): tensor for name, tensor in state.items()})
    return state


def _is_safetensors(path: Path) -> bool:
    """Whether the file begins as safetensors do, whatever its name: a length in 8 bytes, then JSON."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def as_floats(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors of a file as float32. InputError where one holds no plain, finite numbers."""
    for key, value in state.items():
        plain = value.is_floating_point() and value.layout == torch.strided and not value.is_meta
        if not plain or not value.isfinite().all():
            raise InputError(f"{path} holds no plain finite numbers in {key}: save the weights again, or take others")
    return {key: value.float() for key, value in state.items()}


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


# ------------------------------------------------------------------------------------------------------- writing


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None) -> None:
    """Write tensors by name as safetensors, with words about them. InputError where there is no room for the file."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, lambda partial: safetensors.torch.save_file(contiguous, partial, dict(about or {})))


def save_network(path: Path, network: nn.Module, about: Mapping[str, str]) -> None:
    """Write a network's weights as float16, with words about them (what they were trained on, their licence)."""
    state = network.state_dict().items()
    save_tensors(path, {k: v.half() if v.is_floating_point() else v for k, v in state}, about)


def write_whole(path: Path, save: Callable[[Path], None]) -> None:
    """Let `save` write a file that appears under its name only when it is complete.

    A kill, or a full disk, leaves the file that was there before. InputError where it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial_file(path) as partial:
            save(partial)
            partial.chmod(0o644)  # safetensors lets nobody else read what it writes
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:  # each library has its own for a full disk
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be written ({reason}): make room on the disk and start again") from None


# ---------------------------------------------------------------------------------- what a file says about itself


def describe_network(method: str, config: Any) -> dict[str, str]:
    """The words by which `load_described` knows a network again: `config` is a dataclass of what JSON can hold."""
    return {"method": method, "config": json.dumps(asdict(config))}


def read_about(path: Path) -> dict[str, str]:
    """The words that `save_network` wrote beside the weights; none where the file is not of that kind."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, safetensors.SafetensorError):
        return {}


def read_described(path: Path, *, method: str, remedy: str) -> dict[str, str]:
    """`read_about` a file that was written for `method`. InputError, which ends in `remedy`, where it was not."""
    about = read_about(path)
    if about.get("method") != method:
        read_tensors(path)  # which says so where the file is missing or damaged
        raise InputError(f"{path} is no network of {method}: {remedy}")
    return about


def load_described(
    path: Path, kind: type[Config], build: Callable[[Config], Network], *, method: str, remedy: str
) -> Network:
    """The network of a file that describes itself, in evaluation mode: `build` makes it from settings of this kind.

    InputError, which ends in `remedy`, where the file was not written for `method` or its settings are unknown here.
    """
    about = read_described(path, method=method, remedy=remedy)
    try:
        settings = json.loads(about["config"])
        config = kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} has settings that are not known here ({error}): {remedy}") from None
    network = build(config)
    load_network(path, network)
    return network.eval()


def what_it_reaches(about: Mapping[str, str]) -> str:
    """What the words beside a network say of its quality."""
    return about.get("measured", "not measured on real video")


def fingerprint(holder: object) -> str:
    """SHA-256 of all networks that are attributes of an object, or of its attributes, whatever file they come from."""
    digest = hashlib.sha256()
    for network in _networks(holder, deep=True):
        digest.update(type(network).__name__.encode())
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _networks(holder: object, *, deep: bool) -> Iterator[nn.Module]:
    for _, value in sorted(vars(holder).items()):
        if isinstance(value, nn.Module):
            yield value
        elif deep and hasattr(value, "__dict__"):  # a snapper, a source of proposals
            yield from _networks(value, deep=False)
