"""Image files: what is damaged, too large or no image is named; photographs come upright, as RGB."""

import cv2
import numpy as np
import pytest
from pictures import ONE, cut_short, frames_in, photo
from PIL import Image

from vosbook.errors import InputError
from vosbook.video.frames import FrameFolder
from vosbook.video.images import read_image
from vosbook.video.masks import read_mask


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.9])
def test_a_file_cut_short_is_named(tmp_path, ending, share):
    path = tmp_path / f"00003.{ending}"
    photo(path, size=(240, 320))
    cut_short(path, share)
    for read in (read_image, read_mask):
        with pytest.raises(InputError, match=rf"00003\.{ending}"):
            read(path)


def test_a_text_file_called_png_is_named(tmp_path):
    folder = frames_in(tmp_path / "f", ["00000.png", "00001.png"])
    (folder / "00001.png").write_text("no image")
    for use in (lambda: FrameFolder(folder), lambda: read_mask(folder / "00001.png")):
        with pytest.raises(InputError, match=r"00001\.png is not an image"):
            use()


def test_photographs_are_turned_upright(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8] = 255  # bright left half; turned clockwise, the bright half is on top
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "f").mkdir()
    Image.fromarray(pixels).save(tmp_path / "f/00000.jpg", exif=exif, quality=95)
    frames = FrameFolder(tmp_path / "f")
    assert frames.size == (16, 8) == frames[0].shape[:2]
    assert frames[0][:6].mean() > 240 and frames[0][10:].mean() < 15


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "LA"])
def test_frames_of_every_mode_are_rgb(tmp_path, mode):
    gray = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[None, :, None], 3, axis=2).repeat(8, axis=0)
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    Image.fromarray(gray).convert(mode).save(path)
    got = read_image(path)
    assert got.shape == (8, 16, 3) and got.dtype == np.uint8
    if mode not in ("1", "P"):  # those two lose gray values when they are saved
        assert np.abs(got.astype(int) - gray).max() <= 4


@pytest.mark.parametrize("ending", ["bmp", "webp", "tif", "tiff", "png"])
def test_frames_of_every_kind(tmp_path, ending):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 12, 3), np.uint8)
    for t in range(3):
        options = {"lossless": True} if ending == "webp" else {}
        Image.fromarray(pixels[t]).save(tmp_path / f"{t}.{ending}", **options)
    frames = FrameFolder(tmp_path)
    assert frames.size == (8, 12) and np.array_equal(np.stack(list(frames)), pixels)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("colours", [True, False])
def test_12_bits_in_16_are_not_black(tmp_path, ending, colours):
    """The frames share their bits, so that a dark one stays dark."""
    shape = (2, 8, 12, 3) if colours else (2, 8, 12)
    pixels = np.random.default_rng(0).integers(0, 4096, shape).astype(np.uint16)
    pixels[0], pixels[1].flat[0] = pixels[0] // 16, 4000
    for t in range(2):
        stored = pixels[t][..., ::-1] if colours else pixels[t]  # OpenCV's order
        assert cv2.imwrite(str(tmp_path / f"{t}.{ending}"), stored)
    said = []
    frames = FrameFolder(tmp_path, note=said.append)
    assert len(said) == 1 and f"values up to {pixels.max()} in 16 bits: they are taken for 12 bits" in said[0]
    want = (pixels >> 4).astype(np.uint8)
    want = want if colours else want[..., None].repeat(3, axis=-1)
    assert np.array_equal(np.stack(list(frames)), want) and np.array_equal(frames[1], want[1])


def test_16_bits_are_upright_and_said_nowhere(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (8, 12)).astype(np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.fromarray(pixels).save(tmp_path / "0.png", exif=exif)
    said = []
    frames = FrameFolder(tmp_path, note=said.append)
    assert frames.size == (12, 8) and said == []
    assert np.array_equal(frames[0][..., 0], np.rot90(pixels >> 8, -1))


def test_fractions_and_animations_are_refused(tmp_path):
    Image.fromarray(np.zeros((8, 12), np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(InputError, match=r"f\.tif has 32 bits for a value: save it with 8 or 16"):
        read_image(tmp_path / "f.tif")
    page = Image.fromarray(np.zeros((8, 12), np.uint8))
    page.save(tmp_path / "m.tif", save_all=True, append_images=[page])
    with pytest.raises(InputError, match="is an animation: save its frames as single images"):
        read_image(tmp_path / "m.tif")


def test_16_bit_frames_keep_their_upper_8(tmp_path):
    gray = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(gray.astype(np.uint16) * 256 + 99).save(tmp_path / "deep.png")
    assert (read_image(tmp_path / "deep.png") == gray[..., None]).all()


def test_animations_are_no_frames(tmp_path):
    pages = [Image.fromarray(ONE * np.uint8(100 * n)) for n in (1, 2)]
    pages[0].save(tmp_path / "a.gif", save_all=True, append_images=pages[1:])
    (tmp_path / "a.gif").rename(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"a\.jpg is an animation"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("side", [10_000, 14_000])  # Pillow warns of the one and refuses the other
def test_an_image_of_a_hundred_million_pixels_is_named(tmp_path, side):
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png has too many pixels"):
        read_mask(tmp_path / "a.png")
