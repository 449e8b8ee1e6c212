"""Sequences by a short name, so that a profile can say which data a chapter runs on."""

import os
from pathlib import Path

from vosbook.datasets.davis import open_sequence, read_attributes
from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.errors import InputError

FOLDERS = {"davis2016": "DAVIS2016", "davis2017": "DAVIS2017"}  # under VOSBOOK_DATA


def load_sequence(
    spec: str,
    *,
    config: SyntheticConfig = SyntheticConfig(),  # noqa: B008 - frozen
    resolution: str = "480p",
) -> Sequence:
    """Load "synthetic/SEED", "davis2016/NAME" or "davis2017/NAME".

    `config` is for synthetic sequences. Real ones lie in the folders DAVIS2016 and DAVIS2017 of the folder that the
    environment variable VOSBOOK_DATA names, in `resolution`. InputError says what is missing.
    """
    source, _, name = spec.partition("/")
    if source == "synthetic" and name.isdecimal():
        return make_sequence(int(name), config)
    if source in FOLDERS and name:
        root = data_folder() / FOLDERS[source]
        return open_sequence(root, name, resolution=resolution, attributes=read_attributes(root).get(name, ()))
    raise InputError(f"{spec} names no sequence: write synthetic/SEED, davis2016/NAME or davis2017/NAME")


def data_folder() -> Path:
    """The folder of real data. InputError if VOSBOOK_DATA does not name one."""
    root = os.environ.get("VOSBOOK_DATA")
    if not root:
        raise InputError("VOSBOOK_DATA is not set: make it name the folder that holds DAVIS2016, or use synthetic data")
    if not Path(root).is_dir():
        raise InputError(f"VOSBOOK_DATA is {root}, which is not a folder: correct it")
    return Path(root)
