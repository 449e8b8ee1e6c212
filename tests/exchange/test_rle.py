"""Run lengths against COCO's own tools, and against runs counted by hand."""

from itertools import groupby

import numpy as np
import pytest
from pycocotools import mask as coco

from vosbook.exchange.rle import decode, encode


def blobs(seed):
    """A mask of random size, from specks to large areas; every tenth is empty or full."""
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 90, 2))
    if seed % 10 == 0:
        return np.full(size, bool(seed % 20))
    return np.kron(rng.random((9, 9)) < rng.random(), np.ones((10, 10), bool))[: size[0], : size[1]]


@pytest.mark.parametrize("seed", range(30))
def test_what_pycocotools_writes_and_reads(seed):
    mask = blobs(seed)
    rle = encode(mask)
    theirs = coco.encode(np.asfortranarray(mask, np.uint8))["counts"]
    assert rle == {"size": list(mask.shape), "counts": theirs.decode()}
    assert np.array_equal(decode(rle), mask) and decode(rle).dtype == bool


@pytest.mark.parametrize("seed", range(8))
def test_runs_as_a_list(seed):
    mask = blobs(seed)
    runs = [(value, len(list(group))) for value, group in groupby(mask.T.ravel().tolist())]
    counts = [0] * bool(runs[0][0]) + [length for _, length in runs]
    assert np.array_equal(decode({"size": list(mask.shape), "counts": counts}), mask)


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ("1", "cover 1 pixels, and 12x10 have 120"),  # pycocotools: the rest is what lay in memory
        ("", "damaged or cut short"),
        ("0P", "damaged or cut short"),
        ("~0", "damaged or cut short"),
        ("P" * 12 + "0", "damaged or cut short"),
        ([100, 21], "cover 121 pixels"),
        ([-1, 121], "cover 120 pixels"),
        ([60.0, 60.0], "neither whole numbers nor"),
        ([], "cover 0 pixels"),
        (None, "neither whole numbers nor"),
        ("é", "neither whole numbers nor"),
    ],
)
def test_damaged_runs_are_refused(counts, says):
    with pytest.raises(ValueError, match=says):
        decode({"size": [10, 12], "counts": counts})


@pytest.mark.parametrize("size", [None, [10], [10, 0], [10, 12.0], "10x12"])
def test_a_size_is_two_whole_numbers(size):
    with pytest.raises(ValueError, match="its size is"):
        decode({"size": size, "counts": [120]})
