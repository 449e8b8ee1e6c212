"""What values mean: soft edges, shades, palettes of any order, transparency. What is a guess is said."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vosbook.cli import main
from vosbook.errors import InputError
from vosbook.video.labels import PALETTE
from vosbook.video.masks import MaskFolder, read_mask, write_mask

SIZE = (96, 128)


def disc(x: int, y: int, radius: int) -> np.ndarray:
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


ONE = disc(50, 40, 25)
TWO = disc(95, 60, 18)
LABELS = np.where(TWO, 2, ONE).astype(np.uint8)


def read(path: Path, image: np.ndarray | Image.Image, **options) -> tuple[np.ndarray, list[str]]:
    """The labels of an image that was saved as `path`, and what was noted."""
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)
    said: list[str] = []
    return read_mask(path, note=said.append), said


# --------------------------------------------------------------------------------------------------- soft edges


def made_soft(mask: np.ndarray, share: float = 0.5, way: int = cv2.INTER_AREA) -> np.ndarray:
    """A mask 0/255 that was resized with averaging."""
    return cv2.resize(np.where(mask, 255, 0).astype(np.uint8), None, fx=share, fy=share, interpolation=way)


@pytest.mark.parametrize(
    ("way", "share"),
    [(cv2.INTER_AREA, 1 / 2), (cv2.INTER_AREA, 1 / 3), (cv2.INTER_AREA, 1 / 4)]
    + [(way, share) for way in (cv2.INTER_LINEAR, cv2.INTER_CUBIC) for share in (1 / 2, 2, 3)],
)
def test_a_resized_mask_is_one_object(tmp_path, way, share):
    soft = made_soft(ONE, share, way)
    assert len(np.unique(soft)) >= 3
    labels, said = read(tmp_path / "m.png", soft)
    assert (labels == (soft >= 128)).all()
    assert len(said) == 1 and "m.png has soft edges" in said[0]


@pytest.mark.parametrize("mode", ["RGB", "16 bit", "RGBA"])
def test_soft_edges_in_other_modes(tmp_path, mode):
    soft = made_soft(ONE)
    image = {
        "RGB": np.dstack([soft] * 3),
        "RGBA": np.dstack([soft] * 3 + [np.full_like(soft, 255)]),
        "16 bit": soft.astype(np.uint16) * 257,
    }[mode]
    labels, said = read(tmp_path / "m.png", image)
    assert (labels == (soft >= 128)).all() and len(said) == 1


def test_real_masks_made_smaller_keep_their_object(davis, tmp_path):
    folder = davis / "DAVIS2016" / "Annotations" / "480p"
    sequences = sorted(folder.iterdir())[:20]
    for sequence in sequences:
        truth = read_mask(sequence / "00000.png")
        for parts in (2, 4):
            size = truth.shape[1] // parts, truth.shape[0] // parts
            soft = cv2.resize(truth * np.uint8(255), size, interpolation=cv2.INTER_AREA)
            labels, _ = read(tmp_path / "m.png", soft)
            assert (labels == (soft >= 128)).all(), (sequence.name, parts)


def test_gray_ids_have_insides_and_stay(tmp_path):
    """Objects of three pixels beside each other, between others, and void around them."""
    labels = LABELS.copy()
    labels[10:13, 100:103] = 3
    labels[cv2.dilate(LABELS, np.ones((3, 3))) > LABELS] = 255  # a line of void
    kept, said = read(tmp_path / "m.png", labels)
    assert (kept == labels).all() and not said


def test_soft_edges_around_several_objects_are_refused(tmp_path):
    """A second object, of a shade of its own, is no edge, however few its pixels are beside the edges."""
    soft = made_soft(ONE)
    soft[2:8, 2:8] = 100
    with pytest.raises(InputError, match=r"m\.png has soft edges around several objects"):
        read(tmp_path / "m.png", soft)


def test_evaluate_and_segment_say_it_once(tmp_path, capsys):
    for kind in ("gt", "pred"):
        (tmp_path / kind / "a").mkdir(parents=True)
        for t in range(5):
            soft = made_soft(ONE)
            Image.fromarray(soft).save(tmp_path / kind / "a" / f"{t:05}.png")
    assert main(["evaluate", "--gt", str(tmp_path / "gt"), "--pred", str(tmp_path / "pred")]) == 0
    said = capsys.readouterr()
    assert "1.000" in said.out
    lines = said.err.strip().splitlines()
    assert len(lines) == 2 and all("soft edges" in line and "others of its folder" in line for line in lines)


def test_a_folder_says_it_for_its_first_mask_only(tmp_path):
    soft = made_soft(ONE)
    for t in range(3):
        Image.fromarray(soft).save(tmp_path / f"{t}.png")
    said: list[str] = []
    masks = MaskFolder(tmp_path, note=said.append)
    assert all(masks[str(t)].max() == 1 for t in range(3)) and len(said) == 1


# ------------------------------------------------------------------------------------------- values beside 255


@pytest.mark.parametrize("shade", [127, 128, 64])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_objects_drawn_in_gray_and_white_are_both_kept(tmp_path, shade, mode):
    gray = np.select([TWO, ONE], [np.uint8(255), np.uint8(shade)], np.uint8(0))
    labels, said = read(tmp_path / "m.png", gray if mode == "L" else np.dstack([gray] * 3))
    assert (labels == LABELS).all()
    assert len(said) == 1 and f"{shade} as object 1, 255 as object 2" in said[0]


def test_a_thick_255_beside_small_ids_is_void_and_that_is_said(tmp_path):
    gray = np.select([TWO, ONE], [np.uint8(255), np.uint8(1)], np.uint8(0))
    labels, said = read(tmp_path / "m.png", gray)
    assert (labels == gray).all()
    assert len(said) == 1 and "counts as void" in said[0]


def test_16_bits_of_nothing_or_all_are_one_object(tmp_path):
    labels, said = read(tmp_path / "m.png", np.where(ONE, 65535, 0).astype(np.uint16))
    assert (labels == ONE).all() and not said


# --------------------------------------------------------------------------------------------------- palettes


def test_a_quantised_mask_goes_by_its_colours(tmp_path):
    """White first: most of the frame is object, and the palette is in order of what there is most of."""
    picture = Image.fromarray(np.where(ONE[..., None], 0, 255).astype(np.uint8).repeat(3, axis=2))
    quantised = picture.quantize(2)
    assert quantised.mode == "P"
    labels, _ = read(tmp_path / "m.png", quantised)
    assert (labels == ~ONE).all()
    labels, _ = read(tmp_path / "m.gif", picture)
    assert (labels == ~ONE).all()


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 1, 0], [0, 2, 1]])
def test_davis_colours_in_another_order(tmp_path, order):
    """As programs write them that sort the colours of a picture by how often they occur."""
    indices = np.argsort(order)[LABELS].astype(np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(PALETTE[order].ravel().tolist())
    labels, said = read(tmp_path / "m.png", image)
    assert (labels == LABELS).all()
    assert len(said) == (1 if order[0] == 0 else 0)


def test_a_palette_of_other_colours_that_begins_with_black_keeps_its_indices(tmp_path):
    image = Image.fromarray(LABELS)
    image.putpalette([0, 0, 0, 250, 120, 10, 30, 60, 200])
    labels, said = read(tmp_path / "m.png", image)
    assert (labels == LABELS).all() and not said


def test_a_palette_without_black_that_is_not_davis_is_refused(tmp_path):
    image = Image.fromarray(LABELS)
    image.putpalette([10, 200, 30, 250, 120, 10, 30, 60, 200])
    with pytest.raises(InputError, match=r"m\.png has the colour \(10, 200, 30\)"):
        read(tmp_path / "m.png", image)


def test_a_dithered_mask_is_refused(tmp_path):
    dithered = Image.fromarray(PALETTE[LABELS]).convert("P")  # Pillow's default: a palette for the web, dithered
    with pytest.raises(InputError, match=r"m\.png was dithered"):
        read(tmp_path / "m.png", dithered)


def test_thin_objects_are_not_dithered(tmp_path):
    """Lines of one pixel, along rows, along columns and slanted, in a palette of their own."""
    labels = np.zeros(SIZE, np.uint8)
    labels[20], labels[:, 30] = 1, 2
    labels[np.arange(90), np.arange(90) + 5] = 3
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, 250, 120, 10, 30, 60, 200, 9, 9, 90])
    assert (read(tmp_path / "m.png", image)[0] == labels).all()


# ----------------------------------------------------------------------------------------------- transparency


@pytest.mark.parametrize("colour", [(255, 255, 255), (10, 200, 30), (0, 0, 0)])
def test_an_object_on_nothing_is_where_it_can_be_seen(tmp_path, colour):
    """Cut out by a painting program: white beneath what is transparent, or one colour everywhere."""
    pixels = np.full((*SIZE, 4), (*colour, 255), np.uint8)
    pixels[~ONE] = (255, 255, 255, 0) if any(colour) else (0, 0, 0, 0)
    labels, said = read(tmp_path / "m.png", pixels)
    assert (labels == ONE).all() and len(said) == 1 and "transparency" in said[0]


def test_a_photograph_cut_out_is_where_it_can_be_seen(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 4), dtype=np.uint8)
    pixels[..., 3] = np.where(ONE, 255, 0)
    assert (read(tmp_path / "m.png", pixels)[0] == ONE).all()


def test_colours_on_transparent_black_are_ids(tmp_path):
    pixels = np.dstack([PALETTE[LABELS], np.where(LABELS, 255, 0).astype(np.uint8)])
    labels, said = read(tmp_path / "m.png", pixels)
    assert (labels == LABELS).all() and not said


def test_our_own_masks_are_never_guessed_about(tmp_path):
    write_mask(tmp_path / "m.png", np.select([TWO, ONE], [np.uint8(255), np.uint8(128)], np.uint8(0)))
    said: list[str] = []
    labels = read_mask(tmp_path / "m.png", note=said.append)
    assert np.unique(labels).tolist() == [0, 128, 255] and not said
