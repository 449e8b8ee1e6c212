"""The image files of a folder: which there are, in which order, and whether a numbered one is missing."""

import logging
import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from vosbook.errors import InputError

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
LEAST_PRESENT = 0.5  # of the numbers from the first to the last: from there on it is the others that are missing

log = logging.getLogger(__name__)


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """A sort key under which frame2 comes before frame10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


def _order_of(names: Sequence[str]) -> Callable[[str], list]:
    """The sort key of a folder's names: the natural one, but seconds with decimals go by their value.

    A fraction that begins with 0 where another is of other length can only be decimals: 1.05 lies before 1.5.
    """
    fractions = [match[1] for match in (re.search(r"\d\.(\d+)$", name) for name in names) if match]
    if len(fractions) < len(names) or len({len(f) for f in fractions}) == 1 or not any(f[0] == "0" for f in fractions):
        return natural_order
    digits = max(len(fraction) for fraction in fractions)
    return lambda name: natural_order(name + "0" * (digits - len(name.rpartition(".")[2])))


def list_images(folder: str | Path) -> list[Path]:
    """Image files of a folder in natural order; hidden files are passed over. InputError if there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: check the path")
    visible = [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")]
    files = [f for f in visible if f.suffix.lower() in IMAGE_ENDINGS]
    if not files:
        raise InputError(f"{folder} holds no images ({', '.join(IMAGE_ENDINGS)}): check the path")
    order = _order_of([f.stem for f in files])
    files.sort(key=lambda f: order(f.stem))
    for one, other in pairwise(files):
        if one.stem == other.stem:
            raise InputError(f"{one} and {other.name} have the same frame name: keep one of them")
    return files


def check_numbering(files: Sequence[Path], *, sparse: bool = False, note: Callable[[str], None] = log.warning) -> None:
    """InputError where numbered frames (7.png, frame_007.png) leave a gap. A constant stride is no gap.

    Nor may a number be there twice (7.png, 007.png), something without one lie between them (cover.png), or two series
    lie in one folder (left_7.png, right_7.png). Where fewer numbers are there than are not (1, 2, 10; timestamps),
    frames were chosen, and none is missing: `note` is told so. With `sparse` no stride is asked for, unless two frames
    are neighbours.
    """
    matches = [re.fullmatch(r"(.*?)(\d+)", f.stem, re.DOTALL) for f in files]
    strangers = [file for file, part in zip(files, matches) if part is None]
    if 0 < len(strangers) < len(files):
        raise InputError(f"{strangers[0]} has no number at its end, as other frames have: rename or remove it")
    _check_one_series(files)
    parts = [part for part in matches if part is not None]
    if strangers or len(files) < 2 or len({part[1] for part in parts}) > 1:
        return
    numbers = [int(part[2]) for part in parts]
    steps = [b - a for a, b in pairwise(numbers)]
    stride = math.gcd(*steps)
    if min(steps) == 0:
        twice = steps.index(0)
        raise InputError(f"{files[twice]} and {files[twice + 1].name} have the same number: keep one of them")
    if sparse and min(steps) > 1:
        return
    whole = 1 + (numbers[-1] - numbers[0]) // stride
    if len(files) < LEAST_PRESENT * whole:
        note(f"{files[0].parent} has irregular numbers: its {len(files)} frames are taken in their order, one by one")
        return
    for file, part, step in zip(files, parts, steps):
        if step != stride:
            missing = part[1] + str(int(part[2]) + stride).zfill(len(part[2]))
            raise InputError(f"{file.parent} has no frame {missing} after {file.name}: add it, or number them anew")


def _check_one_series(files: Sequence[Path]) -> None:
    """InputError where a number comes under two kinds of name (left_7.png, right_7.png): two cameras are no video."""
    seen: dict[str, tuple[str, Path]] = {}  # by last number: the name without its numbers, and the file
    for file in files:
        numbers = re.findall(r"\d+", file.stem)
        kind, other = seen.setdefault(numbers[-1] if numbers else "", (re.sub(r"\d+", "#", file.stem), file))
        if numbers and kind != re.sub(r"\d+", "#", file.stem):
            raise InputError(
                f"{file.parent} holds several series, {other.name} and {file.name}: give each its own folder"
            )
