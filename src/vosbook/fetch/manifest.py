"""What is fetched, and from where: `data_scripts/manifest.yml` as frozen dataclasses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from vosbook.errors import InputError

KINDS = ("davis", "youtube-vos", "youtube-objects", "pascal-context", "masks", "files")
DIGITS = {"sha256": (8, 64), "md5": (32, 32)}  # how many hexadecimal digits a checksum may have
CONVERSIONS = (None, "frame-scores", "summary")


@dataclass(frozen=True)
class Archive:
    """One file to fetch, and what becomes of it."""

    name: str  # as the file is called where it comes from
    urls: tuple[str, ...] = ()  # address and mirrors, in this order; none: the user fetches it
    size: int | None = None  # bytes
    megabytes: float | None = None  # about, where the size is not known to the byte
    checksum: str | None = None  # "sha256:..." or "md5:..."; the first 8 digits will do
    checksum_from: str | None = None  # who verified it
    root: str | None = None  # the folder that holds this entry is laid out; None: the file itself, as it is
    into: str = "."  # below the data set's folder
    skip: tuple[str, ...] = ()  # folders and files of it that are left out
    move: Mapping[str, str] = field(default_factory=dict)  # what the readers look for elsewhere
    items: tuple[str, ...] = ()  # folders that hold one entry a sequence
    convert: str | None = None  # how a file becomes what the book reads

    def __post_init__(self):
        for text in (self.into, *self.skip, *self.move, *self.move.values(), *self.items):
            check_relative(text)
        check_relative(self.name)
        if "/" in self.name:
            raise ValueError(f"{self.name} is no file name")
        if not all(re.match(r"https?://[^\s/]+/", url) for url in self.urls):
            raise ValueError(f"an address of {self.name} does not begin with http:// or https://")
        if self.checksum is not None:
            algorithm, _, digits = self.checksum.partition(":")
            least, most = DIGITS.get(algorithm, (1, 0))
            if not re.fullmatch(rf"[0-9a-f]{{{least},{most}}}" if most else r"(?!)", digits):
                raise ValueError(f"{self.checksum} is no checksum: write sha256: or md5: and hexadecimal digits")
        if self.size is not None and (not isinstance(self.size, int) or self.size < 1):
            raise ValueError(f"{self.name} has the size {self.size}: write bytes, or null")
        if self.convert not in CONVERSIONS:
            raise ValueError(f"{self.convert} is no conversion: use one of {CONVERSIONS[1:]}")

    def target(self, folder: Path) -> Path:
        """The folder, or the file, that is made of it, below the data set's `folder`."""
        return folder / (self.name if self.root is None and self.into == "." else self.into)


@dataclass(frozen=True)
class DataSet:
    """One data set: its files, its terms, and what must be there in the end."""

    name: str
    title: str
    kind: str  # one of KINDS: how it is checked
    folder: str  # below VOSBOOK_DATA
    page: str  # where a person finds it
    licence: str
    credit: str
    archives: tuple[Archive, ...]
    expect: Mapping[str, Any]

    def __post_init__(self):
        check_relative(self.folder)
        if "/" in self.folder or self.kind not in KINDS:
            raise ValueError(f"{self.folder} is no folder's name, or {self.kind} none of {', '.join(KINDS)}")

    @property
    def bytes(self) -> float | None:
        """About how much is fetched; None where that is not known."""
        sizes = [archive.size or (archive.megabytes and archive.megabytes * 2**20) for archive in self.archives]
        return sum(size for size in sizes if size) if all(sizes) else None

    @property
    def by_hand(self) -> bool:
        """Whether the user must fetch the archives: an account is needed."""
        return not any(archive.urls for archive in self.archives)


def check_relative(text: str) -> None:
    """ValueError where a path of the manifest leads out of the folder it is meant for."""
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts or "\\" in text or ":" in text:
        raise ValueError(f"{text!r} is no relative path")


def find_manifest() -> Path:
    """`data_scripts/manifest.yml` of the checkout that the package runs from, or in or above the working directory."""
    here = Path.cwd()
    for parent in (Path(__file__).parents[3], here, *here.parents):
        if (parent / "data_scripts" / "manifest.yml").is_file():
            return parent / "data_scripts" / "manifest.yml"
    raise InputError(f"{here} is not inside the book: run this from a checkout, or name a manifest with --manifest")


def read_manifest(path: str | Path | None = None) -> dict[str, DataSet]:
    """The data sets of a manifest by name (default: the book's own). InputError where it says nonsense."""
    path = find_manifest() if path is None else Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: _data_set(name, entry) for name, entry in content.items()}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: name a manifest like data_scripts/manifest.yml") from None
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no manifest of data sets ({error}): correct it") from error


def _data_set(name: str, entry: Mapping[str, Any]) -> DataSet:
    return DataSet(**{**entry, "name": name, "archives": tuple(_archive(archive) for archive in entry["archives"])})


def _archive(entry: Mapping[str, Any]) -> Archive:
    lists = {key: tuple(entry[key]) for key in ("urls", "skip", "items") if key in entry}
    return Archive(**{**entry, **lists})
