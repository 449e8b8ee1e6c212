"""Image files: what is damaged, too large or no image is named; photographs come upright, as RGB."""

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
