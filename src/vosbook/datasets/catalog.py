"""Sequences, and lists of them, by a short name: so a profile says which data a chapter runs on, a record which it had.

A new data set is a reader in a file of this folder, and a row in `SOURCES`.
"""

import os
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vosbook.datasets import davis, youtube_objects, youtube_vos
from vosbook.datasets.sequence import Sequence, taken
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.errors import InputError

YOUTUBE_VOS = "YouTubeVOS2018"  # a folder under VOSBOOK_DATA


@dataclass(frozen=True)
class Options:
    """What some of the sources can be told."""

    config: SyntheticConfig = SyntheticConfig()  # noqa: RUF009 - frozen; of synthetic sequences
    resolution: str = "480p"  # of DAVIS, which has several


@dataclass(frozen=True)
class Split:
    """A list of a data set's sequences."""

    data: str  # the source
    name: str  # such as "val"; "" where the data set has no lists
    names: tuple[str, ...]
    truth: Path | None  # the folder with a folder of masks for each of them; None: the masks are not on disk
    made: bool = False  # the sequences are made, with all their masks, and not read

    @property
    def specs(self) -> dict[str, str]:
        """What `load_sequence` takes, by the sequences' names."""
        return {name: f"{self.data}/{name}" for name in self.names}


@dataclass(frozen=True)
class Source:
    """Where sequences come from."""

    names: str  # what they are called, for the error message
    open: Callable[[str, Options], Sequence]  # one by its name
    # A list by its name, None: the usual one; of it those that are asked for, None: all. There may be no lists.
    split: Callable[[str | None, Many[str] | None], Split] | None
    protocol: str  # of its benchmark, by which masks are scored
    zero_shot: str | None = None  # the same for methods that are given no mask; None: there is none


def load_sequence(
    spec: str,
    *,
    config: SyntheticConfig = SyntheticConfig(),  # noqa: B008 - frozen
    resolution: str = "480p",
) -> Sequence:
    """Load the sequence "SOURCE/NAME", such as "synthetic/7" or "davis2016/goat": see `SOURCES`.

    `config` is for synthetic sequences. Real ones lie in the folder that the environment variable VOSBOOK_DATA names,
    each data set in a folder that is called as `vosbook data` calls it; DAVIS has them in several resolutions, of
    which `resolution` names one. InputError says what is missing.
    """
    source, _, name = spec.partition("/")
    if source not in SOURCES or not name:
        raise _unknown(spec)
    return SOURCES[source].open(name, Options(config, resolution))


def load_split(
    data: str, split: str | None = None, *, sequences: Many[str] | None = None, limit: int | None = None
) -> Split:
    """A list of sequences of the source `data` (see `SOURCES`): all of it, those named, or the first `limit`.

    `split` None: the one that methods are scored on, "val" or "valid". Real data lies where `load_sequence` finds it.
    InputError: a source, a list or a sequence that is not there; no names where a source makes what is asked for.
    """
    if data not in SOURCES:
        raise InputError(f"{data} is no data set: choose one of {', '.join(SOURCES)}")
    find = SOURCES[data].split
    if find is None:
        if split is not None or not sequences:
            raise InputError(f"{data} has no lists: name sequences instead, such as --sequences 1 2 3")
        found = Split(data, "", tuple(dict.fromkeys(sequences)), None, made=True)
    else:
        found = find(split, sequences)
    return replace(found, names=found.names[:limit])


def _unknown(spec: str) -> InputError:
    *most, last = (f"{source}/{row.names}" for source, row in SOURCES.items())
    return InputError(f"{spec} names no sequence: write {', '.join(most)} or {last}")


def _synthetic(name: str, options: Options) -> Sequence:
    if not name.isdecimal():
        raise _unknown(f"synthetic/{name}")
    return make_sequence(int(name), options.config)


def _davis(folder: str, name: str, options: Options) -> Sequence:
    root = data_folder() / folder
    attributes = davis.read_attributes(root).get(name, ())
    return davis.open_sequence(root, name, resolution=options.resolution, attributes=attributes)


def _youtube_vos(folder: str, name: str, options: Options, *, all_frames: bool = False) -> Sequence:
    return youtube_vos.open_sequence(data_folder() / folder, name, all_frames=all_frames)


def _youtube_objects(name: str, options: Options) -> Sequence:
    return youtube_objects.open_sequence(data_folder() / "YoutubeObjects", name)


def _davis_split(data: str, folder: str, year: int, split: str | None, sequences: Many[str] | None) -> Split:
    """2017's lists "test-dev" and "test-challenge" come with the first masks alone."""
    split = split or "val"
    root = data_folder() / folder
    names = davis.Davis(root, year=year, split=split, sequences=sequences).names
    return Split(data, split, names, None if split.startswith("test-") else root / "Annotations" / "480p")


def _youtube_vos_split(
    data: str, folder: str, split: str | None, sequences: Many[str] | None, *, all_frames: bool = False
) -> Split:
    """All masks of "valid" and "test" are not published; `vosbook synth` writes those that it makes."""
    split = split or "valid"
    if split not in youtube_vos.SPLITS:
        raise InputError(f"{data} has no {split}: choose one of {', '.join(youtube_vos.SPLITS)}")
    root = data_folder() / folder
    listed = youtube_vos.YouTubeVos(root, split, all_frames=all_frames).names
    names = taken(listed, sequences, f"{data}'s {split}")
    truth = root / ("train" if split == "train" else f"{split}_truth") / "Annotations"
    return Split(data, split, names, truth if truth.is_dir() else None)


def _youtube_objects_split(split: str | None, sequences: Many[str] | None) -> Split:
    if split is not None:
        raise InputError(f"youtube-objects has no lists: leave --split {split} out, and name --sequences if need be")
    root = data_folder() / "YoutubeObjects"
    names = taken(youtube_objects.YoutubeObjects(root).names, sequences, "youtube-objects")
    return Split("youtube-objects", "", names, root)


def _davis_source(data: str, folder: str, year: int, zero_shot: str) -> Source:
    return Source("NAME", partial(_davis, folder), partial(_davis_split, data, folder, year), data, zero_shot)


def _youtube_vos_source(data: str, folder: str, *, all_frames: bool = False) -> Source:
    return Source(
        "VIDEO",
        partial(_youtube_vos, folder, all_frames=all_frames),
        partial(_youtube_vos_split, data, folder, all_frames=all_frames),
        "youtube-vos",
    )


SOURCES = {
    "synthetic": Source("SEED", _synthetic, None, "davis2017", "davis2017-unsupervised"),
    "davis2016": _davis_source("davis2016", "DAVIS2016", 2016, "davis2016"),  # one object: whatever is found is it
    "davis2017": _davis_source("davis2017", "DAVIS2017", 2017, "davis2017-unsupervised"),
    # The annotated frames alone, or those between them too. 2018 is the papers' edition.
    "youtube-vos": _youtube_vos_source("youtube-vos", YOUTUBE_VOS),
    "youtube-vos-all-frames": _youtube_vos_source("youtube-vos-all-frames", YOUTUBE_VOS, all_frames=True),
    "youtube-vos-2019": _youtube_vos_source("youtube-vos-2019", "YouTubeVOS2019"),
    "youtube-objects": Source("CATEGORY-VIDEO-SHOT", _youtube_objects, _youtube_objects_split, "youtube-vos"),
}


def data_folder(*, instead: str = "use synthetic data") -> Path:
    """The folder of real data. InputError, which says what to do `instead`, if VOSBOOK_DATA does not name one."""
    root = os.environ.get("VOSBOOK_DATA")
    if not root:
        raise InputError(f"VOSBOOK_DATA is not set: make it name the folder that holds DAVIS2016, or {instead}")
    if not Path(root).is_dir():
        raise InputError(f"VOSBOOK_DATA is {root}, which is not a folder: correct it")
    return Path(root)
