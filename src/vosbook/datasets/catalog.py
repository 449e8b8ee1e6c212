"""Sequences by a short name, so that a profile can say which data a chapter runs on, and a record which it ran on.

A new data set is a reader in a file of this folder, and a row in `SOURCES`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vosbook.datasets import davis, youtube_objects, youtube_vos
from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.errors import InputError

YOUTUBE_VOS = "YouTubeVOS2018"  # a folder under VOSBOOK_DATA


@dataclass(frozen=True)
class Options:
    """What some of the sources can be told."""

    config: SyntheticConfig = SyntheticConfig()  # noqa: RUF009 - frozen; of synthetic sequences
    resolution: str = "480p"  # of DAVIS, which has several


@dataclass(frozen=True)
class Source:
    """Where sequences come from."""

    names: str  # what they are called, for the error message
    open: Callable[[str, Options], Sequence]  # one by its name


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


SOURCES = {
    "synthetic": Source("SEED", _synthetic),
    "davis2016": Source("NAME", partial(_davis, "DAVIS2016")),
    "davis2017": Source("NAME", partial(_davis, "DAVIS2017")),
    # The annotated frames alone, or those between them too. 2018 is the papers' edition.
    "youtube-vos": Source("VIDEO", partial(_youtube_vos, YOUTUBE_VOS)),
    "youtube-vos-all-frames": Source("VIDEO", partial(_youtube_vos, YOUTUBE_VOS, all_frames=True)),
    "youtube-vos-2019": Source("VIDEO", partial(_youtube_vos, "YouTubeVOS2019")),
    "youtube-objects": Source("CATEGORY-VIDEO-SHOT", _youtube_objects),
}


def data_folder() -> Path:
    """The folder of real data. InputError if VOSBOOK_DATA does not name one."""
    root = os.environ.get("VOSBOOK_DATA")
    if not root:
        raise InputError("VOSBOOK_DATA is not set: make it name the folder that holds DAVIS2016, or use synthetic data")
    if not Path(root).is_dir():
        raise InputError(f"VOSBOOK_DATA is {root}, which is not a folder: correct it")
    return Path(root)
