"""The short cut gives Pillow's pixels, and steps aside for all that it does not know."""

import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from vosbook.errors import InputError
from vosbook.png import SIGNATURE, read_flat_gray, undo_differences
from vosbook.video import read_mask


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def encode(pixels: np.ndarray, *, filters: list[int] | None = None, colour: int = 0, parts: int = 2) -> bytes:
    """A PNG of uint8 (H, W) whose rows are filtered by Sub, or by None where `filters` says 0."""
    height, width = pixels.shape
    kinds = np.array([1] * height if filters is None else filters, np.uint8)[:, None]
    left = np.pad(pixels, ((0, 0), (1, 0)))[:, :-1]
    rows = np.hstack([kinds, np.where(kinds == 1, pixels - left, pixels)])  # (H, 1 + W), modulo 256
    packed = zlib.compress(rows.tobytes())
    cuts = np.linspace(0, len(packed), parts + 1).astype(int)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    body = b"".join(chunk(b"IDAT", packed[a:b]) for a, b in pairwise(cuts))
    return SIGNATURE + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def masks() -> dict[str, np.ndarray]:
    inside, across = np.zeros((2, 40, 60), np.uint8)
    inside[5:20, 10:30] = 255
    across[30:, 20:] = 255
    noise = np.random.default_rng(0).integers(0, 256, (7, 9), np.uint8)
    return {"inside": inside, "to the border": across, "empty": inside * 0, "full": inside * 0 + 255, "noise": noise}


@pytest.mark.parametrize("name", masks())
def test_pixels_are_pillows(tmp_path, name):
    path = tmp_path / "mask.png"
    path.write_bytes(encode(masks()[name]))
    fast = read_flat_gray(path)
    assert fast.dtype == np.uint8 and (fast == masks()[name]).all()
    assert (fast == np.asarray(Image.open(path))).all()


def test_sums_are_plain_sums():
    differences = np.random.default_rng(1).integers(0, 256, (11, 13), np.uint8)
    kept = differences.copy()
    assert (undo_differences(differences) == np.cumsum(differences, axis=1, dtype=np.uint8)).all()
    assert (differences == kept).all()


def test_other_kinds_are_left_to_pillow(tmp_path):
    mask = masks()["inside"]
    path = tmp_path / "mask.png"
    others = {"first row": [0] + [1] * 39, "last row": [1] * 39 + [0], "all": [0] * 40}
    for filters in others.values():
        path.write_bytes(encode(mask, filters=filters))
        assert read_flat_gray(path) is None
        assert (read_mask(path) == (mask > 0)).all()
    for image in (
        Image.fromarray(mask.astype(np.uint16)),
        *(Image.fromarray(mask).convert(m) for m in ("1", "P", "LA")),
    ):
        image.save(path)
        assert read_flat_gray(path) is None
    assert read_flat_gray(tmp_path / "missing.png") is None
    assert read_flat_gray(tmp_path) is None


def test_a_small_file_that_unpacks_to_a_huge_image_is_left_alone(tmp_path):
    path = tmp_path / "mask.png"
    packed = zlib.compress(bytes([1]) + bytes(10**7))
    for size in ((10**5, 10**5), (100, 100)):  # as large as it says, and larger
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
        path.write_bytes(SIGNATURE + header + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
        assert read_flat_gray(path) is None


@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
def test_damage_is_left_to_pillow_to_name(tmp_path, place):
    path = tmp_path / "mask.png"
    whole = encode(masks()["noise"])
    cut = int(place * len(whole))
    path.write_bytes(whole[:cut])
    assert read_flat_gray(path) is None
    path.write_bytes(whole[:cut] + bytes([whole[cut] ^ 0xFF]) + whole[cut + 1 :])
    assert read_flat_gray(path) is None
    with pytest.raises(InputError, match=r"mask\.png"):
        path.write_bytes(whole[: len(whole) // 2])
        read_mask(path)


def test_davis_masks(davis):
    """The 20 validation sequences: the short cut is taken, and right."""
    for folder in sorted((davis / "DAVIS2016" / "Annotations" / "480p").iterdir()):
        path = folder / "00010.png"
        fast = read_flat_gray(path)
        assert fast is not None and (fast == np.asarray(Image.open(path))).all()
