"""The short cut gives Pillow's pixels, and steps aside for all that it does not know."""

import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from vosbook.errors import InputError
from vosbook.video.labels import PALETTE
from vosbook.video.masks import _read_stored, read_mask, write_mask
from vosbook.video.png import SIGNATURE, read_flat_png, undo_differences
from vosbook.video.values import to_labels

WHITE_LAST = PALETTE[:-1].tobytes() + b"\xff\xff\xff"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def file(size: tuple[int, int], rows: bytes, *, kind=(8, 0, 0, 0, 0), more: bytes = b"", parts: int = 2) -> bytes:
    """A PNG of `size` (H, W) from its filtered rows; `more` are chunks before the pixels, which lie in `parts`."""
    packed = zlib.compress(rows)
    cuts = np.linspace(0, len(packed), parts + 1).astype(int)
    header = struct.pack(">II5B", *size[::-1], *kind)
    body = b"".join(chunk(b"IDAT", packed[a:b]) for a, b in pairwise(cuts))
    return SIGNATURE + chunk(b"IHDR", header) + more + body + chunk(b"IEND", b"")


def encode(pixels: np.ndarray, *, filters: int | list[int] = 1, colour: int = 0, more: bytes = b"") -> bytes:
    """A PNG of uint8 (H, W) whose rows are filtered by None (0), Sub (1) or Up (2)."""
    kinds = np.broadcast_to(filters, len(pixels)).astype(np.uint8)[:, None]
    left, above = np.pad(pixels, ((0, 0), (1, 0)))[:, :-1], np.pad(pixels, ((1, 0), (0, 0)))[:-1]
    rows = np.hstack([kinds, np.choose(kinds, [pixels, pixels - left, pixels - above])])  # (H, 1 + W), modulo 256
    return file(pixels.shape, rows.tobytes(), kind=(8, colour, 0, 0, 0), more=more)


def masks() -> dict[str, np.ndarray]:
    inside, across = np.zeros((2, 40, 61), np.uint8)
    inside[5:20, 10:30] = 255
    across[30:, 20:] = 255
    noise = np.random.default_rng(0).integers(0, 256, (7, 9), np.uint8)
    row = np.array([[0, 3, 3, 255, 0]], np.uint8)
    return {
        "inside": inside,
        "to the border": across,
        "ids": inside // 85 + across // 51,
        "empty": inside * 0,
        "full": inside * 0 + 255,
        "noise": noise,
        "one row": row,
        "one pixel": row[:, 1:2],
    }


@pytest.mark.parametrize("filters", [0, 1])
@pytest.mark.parametrize(("colour", "mode"), [(0, "L"), (3, "P")])
@pytest.mark.parametrize("name", masks())
def test_pixels_are_pillows(tmp_path, name, colour, mode, filters):
    path = tmp_path / "mask.png"
    palette = chunk(b"PLTE", PALETTE.tobytes()) if colour else b""
    path.write_bytes(encode(masks()[name], filters=filters, colour=colour, more=palette))
    flat = read_flat_png(path)
    assert flat.mode == mode
    fast = flat.pixels
    assert fast.dtype == np.uint8 and (fast == masks()[name]).all()
    assert fast.flags.writeable and fast.flags.c_contiguous
    with Image.open(path) as image:
        assert image.mode == mode and (fast == np.asarray(image)).all()
        assert flat.palette.ravel().tolist() == image.getpalette() if colour else flat.palette is None


@pytest.mark.parametrize("width", [1, 7, 8, 9, 61])
def test_bits_are_pillows(tmp_path, width):
    path = tmp_path / "mask.png"
    mask = masks()["noise"].repeat(7, axis=1)[:, :width] > 128
    rows = np.pad(np.packbits(mask, axis=1), ((0, 0), (1, 0)))
    path.write_bytes(file(mask.shape, rows.tobytes(), kind=(1, 0, 0, 0, 0)))
    flat = read_flat_png(path)
    mode, fast = flat.mode, flat.pixels
    assert mode == "1" and fast.dtype == np.uint8 and (fast == mask).all()
    with Image.open(path) as image:
        assert image.mode == mode and (fast == np.asarray(image)).all()


@pytest.mark.parametrize("name", masks())
def test_our_own_files_take_the_short_cut(tmp_path, name):
    write_mask(tmp_path / "mask.png", masks()[name])
    flat = read_flat_png(tmp_path / "mask.png")
    assert flat.mode == "P" and (flat.pixels == masks()[name]).all() and (flat.palette == PALETTE).all()


def test_sums_are_plain_sums():
    differences = np.random.default_rng(1).integers(0, 256, (11, 13), np.uint8)
    kept = differences.copy()
    assert (undo_differences(differences) == np.cumsum(differences, axis=1, dtype=np.uint8)).all()
    assert (differences == kept).all()


def kinds() -> dict[str, tuple[bytes, bool]]:
    """Files of every kind, and whether the short cut is for them."""
    inside, ids, noise, row = (masks()[name] for name in ("inside", "ids", "noise", "one row"))
    white, palette = chunk(b"PLTE", WHITE_LAST), chunk(b"PLTE", PALETTE.tobytes())
    animated = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", bytes(3) + b"\7" * 5 + bytes(18))
    flat = {
        "gray": encode(inside),
        "gray ids": encode(ids, filters=0),
        "soft": encode(np.arange(240, dtype=np.uint8).reshape(12, 20)),
        "ids": encode(ids, filters=0, colour=3, more=palette),
        "ids and white": encode(ids, filters=0, colour=3, more=white),
        "black and white": encode(inside, filters=0, colour=3, more=white),
        "0 and void": encode(inside, filters=0, colour=3, more=palette),
        "all void": encode(inside * 0 + 255, filters=0, colour=3, more=palette),
        "few colours": encode(ids, filters=0, colour=3, more=chunk(b"PLTE", PALETTE[:3].tobytes())),
        "time": encode(inside, more=chunk(b"tIME", bytes(7))),
        "bits": file((2, 9), b"\0\xaa\x80\0\x0f\x7f", kind=(1, 0, 0, 0, 0)),
    }
    others = {
        "first row": encode(inside, filters=[0] + [1] * 39),
        "last row": encode(inside, filters=[1] * 39 + [0]),
        "up": encode(inside, filters=2),
        "up later": encode(ids, filters=[0] * 20 + [2] * 20, colour=3, more=palette),
        "bits as differences": file((2, 9), b"\1\xaa\x80\1\x0f\x7f", kind=(1, 0, 0, 0, 0)),
        "no filter": file(row.shape, b"\5" + row.tobytes()),
        "no colours": encode(ids, filters=0, colour=3),
        "a part of a colour": encode(ids, filters=0, colour=3, more=chunk(b"PLTE", PALETTE.tobytes()[:-1])),
        "257 colours": encode(ids, filters=0, colour=3, more=chunk(b"PLTE", bytes(3 * 257))),
        "colour key": encode(ids, more=chunk(b"tRNS", bytes(2))),
        "alpha of colours": encode(ids, colour=3, more=palette + chunk(b"tRNS", bytes(256))),
        "text": encode(inside, more=chunk(b"tEXt", b"Title\0mask")),
        "animated": encode(noise, more=animated),
        "interlaced": file((1, 1), b"\0\3", kind=(8, 0, 0, 0, 1)),
        "compression": file(row.shape, b"\0" + row.tobytes(), kind=(8, 0, 1, 0, 0)),
        "filter method": file(row.shape, b"\0" + row.tobytes(), kind=(8, 0, 0, 1, 0)),
        "bits as indices": file((2, 9), b"\0\xaa\x80\0\x0f\x7f", kind=(1, 3, 0, 0, 0), more=palette),
        "2 bits": file((1, 4), b"\0\x1b", kind=(2, 0, 0, 0, 0)),
        "4 bits": file((1, 2), b"\0\x1b", kind=(4, 3, 0, 0, 0), more=palette),
        "16 bits": file((1, 2), b"\0\0\1\0\2", kind=(16, 0, 0, 0, 0)),
        "colour": file((1, 2), b"\0\x80\0\0\0\0\0", kind=(8, 2, 0, 0, 0)),
        "gray and alpha": file((1, 2), b"\0\1\xff\2\0", kind=(8, 4, 0, 0, 0)),
        "too few rows": file((3, 5), b"\0" + row.tobytes()),
        "no rows": file((0, 5), b""),
        "no columns": file((2, 0), b"\0\0"),
        "no end": encode(noise)[:-12],
        "no pixels": encode(noise)[:33] + chunk(b"IEND", b""),
        "other order": SIGNATURE + chunk(b"tIME", bytes(7)) + encode(noise)[8:],
        "other header": SIGNATURE + chunk(b"tIME", encode(noise)[16:29]) + encode(noise)[33:],
        "other signature": b"\x8aMNG" + encode(noise)[4:],
        "wrong checksum of pixels": encode(noise)[:-13] + b"?" + encode(noise)[-12:],
        "wrong checksum of the end": encode(noise)[:-1] + b"?",
        "pixels without a checksum": without_checksum(noise),
        "not a PNG": b"GIF89a" + bytes(40),
        "nothing": b"",
    }
    return {name: (data, True) for name, data in flat.items()} | {name: (data, False) for name, data in others.items()}


def without_checksum(pixels: np.ndarray) -> bytes:
    """The deflated pixels are all there, their own checksum is not."""
    rows = np.pad(pixels, ((0, 0), (1, 0))).tobytes()
    header = chunk(b"IHDR", struct.pack(">II5B", *pixels.shape[::-1], 8, 0, 0, 0, 0))
    return SIGNATURE + header + chunk(b"IDAT", zlib.compress(rows)[:-4]) + chunk(b"IEND", b"")


def by_pillow(path):
    return to_labels(_read_stored(path), path, lambda line: None)


def outcome(read, path):
    try:
        labels = read(path)
    except InputError as error:
        return str(error)
    return labels.dtype, labels.shape, labels.tobytes(), labels.flags.writeable


@pytest.mark.parametrize("name", kinds())
def test_a_mask_of_any_kind_is_what_pillow_makes_of_it(tmp_path, name):
    path = tmp_path / "mask.png"
    data, flat = kinds()[name]
    path.write_bytes(data)
    assert (read_flat_png(path) is not None) == flat
    assert outcome(read_mask, path) == outcome(by_pillow, path)


def test_what_is_no_file_is_left_alone(tmp_path):
    assert read_flat_png(tmp_path / "missing.png") is None
    assert read_flat_png(tmp_path) is None


@pytest.mark.parametrize("filters", [0, 1])
def test_a_small_file_that_unpacks_to_a_huge_image_is_left_alone(tmp_path, filters):
    path = tmp_path / "mask.png"
    for size in ((10**5, 10**5), (100, 100)):  # as large as it says, and larger
        path.write_bytes(file(size, bytes([filters]) + bytes(10**7)))
        assert read_flat_png(path) is None


@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("colour", [0, 3])
def test_damage_is_left_to_pillow_to_name(tmp_path, place, colour):
    path = tmp_path / "mask.png"
    whole = encode(masks()["noise"], filters=0, colour=colour)
    cut = int(place * len(whole))
    path.write_bytes(whole[:cut])
    assert read_flat_png(path) is None
    path.write_bytes(whole[:cut] + bytes([whole[cut] ^ 0xFF]) + whole[cut + 1 :])
    assert read_flat_png(path) is None
    with pytest.raises(InputError, match=r"mask\.png"):
        path.write_bytes(whole[: len(whole) // 2])
        read_mask(path)


def test_davis_masks(davis):
    """The 20 validation sequences: the short cut is taken, and right."""
    for folder in sorted((davis / "DAVIS2016" / "Annotations" / "480p").iterdir()):
        path = folder / "00010.png"
        flat = read_flat_png(path)
        with Image.open(path) as image:
            assert flat.mode == "L" and (flat.pixels == np.asarray(image)).all()


def test_official_masks(davis):
    """The published masks of every method: labels are Pillow's; all but OnAVOS's, of mixed filters, go short."""
    for method, flat in (("osvos", True), ("osvoss", True), ("stm", True), ("onavos", False)):
        for folder in sorted((davis / "davis2016_official" / "masks" / method).iterdir()):
            path = folder / "00010.png"
            assert (read_flat_png(path) is not None) == flat
            assert (read_mask(path) == by_pillow(path)).all()
