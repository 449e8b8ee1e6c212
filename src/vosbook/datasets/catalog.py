"""Sequences by a short name, so that a profile can say which data a chapter runs on."""

import os
from pathlib import Path

from vosbook.datasets import davis, youtube_objects
from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.errors import InputError

DAVIS = {"davis2016": "DAVIS2016", "davis2017": "DAVIS2017"}  # folders under VOSBOOK_DATA
YOUTUBE_OBJECTS = "YoutubeObjects"  # another


def load_sequence(
    spec: str,
    *,
    config: SyntheticConfig = SyntheticConfig(),  # noqa: B008 - frozen
    resolution: str = "480p",
) -> Sequence:
    """Load "synthetic/SEED", "davis2016/NAME", "davis2017/NAME" or "youtube-objects/CATEGORY-VIDEO-SHOT".

    `config` is for synthetic sequences. Real ones lie in the folders DAVIS2016, DAVIS2017 and YoutubeObjects of the
    folder that the environment variable VOSBOOK_DATA names; DAVIS has them in several resolutions, of which
    `resolution` names one. InputError says what is missing.
    """
    source, _, name = spec.partition("/")
    if source == "synthetic" and name.isdecimal():
        return make_sequence(int(name), config)
    if source in DAVIS and name:
        root = data_folder() / DAVIS[source]
        attributes = davis.read_attributes(root).get(name, ())
        return davis.open_sequence(root, name, resolution=resolution, attributes=attributes)
    if source == "youtube-objects" and name:
        return youtube_objects.open_sequence(data_folder() / YOUTUBE_OBJECTS, name)
    raise InputError(
        f"{spec} names no sequence: write synthetic/SEED, davis2016/NAME, davis2017/NAME or "
        "youtube-objects/CATEGORY-VIDEO-SHOT"
    )


def data_folder() -> Path:
    """The folder of real data. InputError if VOSBOOK_DATA does not name one."""
    root = os.environ.get("VOSBOOK_DATA")
    if not root:
        raise InputError("VOSBOOK_DATA is not set: make it name the folder that holds DAVIS2016, or use synthetic data")
    if not Path(root).is_dir():
        raise InputError(f"VOSBOOK_DATA is {root}, which is not a folder: correct it")
    return Path(root)
