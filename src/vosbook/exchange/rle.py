"""Masks as COCO keeps them: run lengths down the columns, the first of them background.

T.-Y. Lin and others: *Microsoft COCO: Common Objects in Context*. ECCV 2014. Files have the runs as a list, or packed
into a text: 5 bits to a letter, each run from the fourth on less the one two before it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pycocotools import mask as coco

FIRST_LETTER = 48  # "0" stands for 0
MORE, SIGN, BITS = 32, 16, 5  # of a letter: another follows, the number is negative, how many it carries


def encode(mask: np.ndarray) -> dict[str, Any]:
    """A mask `bool (H, W)` -> `{"size": [H, W], "counts": text}`, as JSON can hold it. Inverse: `decode`."""
    packed = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": packed["counts"].decode("ascii")}


def decode(rle: Mapping[str, Any]) -> np.ndarray:
    """`{"size": [H, W], "counts": text, or a list of runs}` -> `bool (H, W)`. ValueError says what is wrong with it.

    pycocotools would fill what the runs do not reach with whatever lies in memory.
    """
    height, width = size_of(rle)
    runs = _runs(rle.get("counts"))
    if runs.sum() != height * width or (runs < 0).any():
        raise ValueError(f"its runs cover {runs.sum()} pixels, and {width}x{height} have {height * width}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T  # (W, H) -> (H, W)


def size_of(rle: Mapping[str, Any]) -> tuple[int, int]:
    """(H, W) of an RLE. ValueError where it states none."""
    size = rle.get("size")
    if not (isinstance(size, list | tuple) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)):
        raise ValueError(f"its size is {size}, and [height, width] is needed")
    return size[0], size[1]


def _runs(counts: object) -> np.ndarray:
    """Lengths int64 (N,) of the runs, background first."""
    if isinstance(counts, list) and all(type(n) is int for n in counts):
        return np.array(counts, np.int64)
    if isinstance(counts, str) and counts.isascii():
        return _unpacked(np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - FIRST_LETTER)
    raise ValueError("its counts are neither whole numbers nor COCO's text")


def _unpacked(letters: np.ndarray) -> np.ndarray:
    """Values 0..63 of the letters -> runs. ValueError for what is no such value, or ends amid a number."""
    if len(letters) == 0 or letters.min() < 0 or letters.max() > 63 or letters[-1] & MORE:
        raise ValueError("its counts are damaged or cut short")
    last = np.flatnonzero((letters & MORE) == 0)  # of every number
    first = np.concatenate([[0], last[:-1] + 1])
    place = np.arange(len(letters)) - np.repeat(first, last - first + 1)  # of a letter in its number, lowest first
    if place.max() >= 12:  # 60 bits
        raise ValueError("its counts are damaged or cut short")
    numbers = np.add.reduceat((letters & (MORE - 1)) << (BITS * place), first)
    numbers -= np.where(letters[last] & SIGN, 1 << (BITS * (place[last] + 1)), 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
