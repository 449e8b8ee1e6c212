"""Masks on disk: every kind, both ways; bad ones are named."""

from pathlib import Path

import numpy as np
import pytest
from pictures import LABELS, ONE
from PIL import Image

from vosbook.errors import InputError
from vosbook.video.files import list_images
from vosbook.video.labels import PALETTE, VOID, object_ids
from vosbook.video.masks import MaskFolder, read_mask, write_mask


def _save(path: Path, mode: str) -> None:
    """LABELS == 1, or all of LABELS where the mode can hold ids, saved as an image of this mode."""
    if mode == "gray 0/255":
        image = Image.fromarray(ONE * 255)
    elif mode == "gray ids":
        image = Image.fromarray(LABELS)
    elif mode == "bilevel":
        image = Image.fromarray(ONE * 255).convert("1")
    elif mode == "LA":
        image = Image.fromarray(np.stack([ONE * 255, np.full_like(ONE, 77)], axis=-1), "LA")
    elif mode == "white RGB":
        image = Image.fromarray(np.repeat(ONE[..., None] * np.uint8(255), 3, axis=2))
    elif mode == "white RGBA":
        image = Image.fromarray(np.repeat(ONE[..., None] * np.uint8(255), 3, axis=2)).convert("RGBA")
    elif mode == "palette colours RGB":
        image = Image.fromarray(PALETTE[LABELS])
    elif mode == "palette colours RGBA":
        image = Image.fromarray(PALETTE[LABELS]).convert("RGBA")
    elif mode == "16 bit ids":
        image = Image.fromarray(LABELS.astype(np.uint16))
    elif mode == "palette":
        image = Image.fromarray(LABELS)
        image.putpalette(PALETTE.ravel().tolist())
    elif mode == "black and white with a palette":
        image = Image.fromarray(ONE * 255)
        image.putpalette(np.repeat(np.arange(256), 3).tolist())
    elif mode == "palette of two":
        image = Image.fromarray(ONE)
        image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(path)


@pytest.mark.parametrize(
    ("mode", "want"),
    [("gray 0/255", ONE), ("gray ids", LABELS), ("bilevel", ONE), ("LA", ONE), ("white RGB", ONE),
     ("white RGBA", ONE), ("palette colours RGB", LABELS), ("palette colours RGBA", LABELS), ("16 bit ids", LABELS),
     ("palette", LABELS), ("black and white with a palette", ONE), ("palette of two", ONE)],
)  # fmt: skip
def test_masks_of_every_kind_read_to_ids(tmp_path, mode, want):
    _save(tmp_path / "m.png", mode)
    got = read_mask(tmp_path / "m.png", size=(3, 4))
    assert got.dtype == np.uint8
    assert got.tolist() == want.tolist()


@pytest.mark.parametrize("save", ["gray", "palette", "RGB"])
def test_void_stays_void_beside_other_ids(tmp_path, save):
    labels = LABELS.copy()
    labels[0, 0] = VOID
    if save == "palette":
        write_mask(tmp_path / "m.png", labels)
    else:
        Image.fromarray(labels if save == "gray" else PALETTE[labels]).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == labels.tolist()
    assert object_ids(labels) == [1, 2]


@pytest.mark.parametrize("i", [1, 2, 128, 254])
def test_one_id_alone_is_kept(tmp_path, i):
    Image.fromarray(ONE * np.uint8(i)).save(tmp_path / "gray.png")
    write_mask(tmp_path / "indexed.png", ONE * np.uint8(i))
    for name in ("gray.png", "indexed.png"):
        assert read_mask(tmp_path / name).tolist() == (ONE * np.uint8(i)).tolist()


def test_every_id_survives_a_round_trip(tmp_path):
    labels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_mask(tmp_path / "m.png", labels)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[3:12] == [128, 0, 0, 0, 128, 0, 128, 128, 0]  # DAVIS: dark red, green, olive
    assert (read_mask(tmp_path / "m.png") == labels).all()
    Image.fromarray(PALETTE[labels]).save(tmp_path / "rgb.png")
    assert (read_mask(tmp_path / "rgb.png") == labels).all()


@pytest.mark.parametrize("labels", [LABELS.astype(int), LABELS[None], LABELS > 0])
def test_write_mask_takes_labels_only(tmp_path, labels):
    with pytest.raises(ValueError, match="uint8"):
        write_mask(tmp_path / "m.png", labels)


def test_empty_mask_has_no_ids(tmp_path):
    write_mask(tmp_path / "m.png", np.zeros((3, 4), np.uint8))
    assert object_ids(read_mask(tmp_path / "m.png")) == []


def test_bad_masks_are_named(tmp_path):
    path = tmp_path / "mask.png"
    write_mask(path, LABELS)
    with pytest.raises(InputError, match=r"mask\.png is 4x3 pixels but the frames are 8x6"):
        read_mask(path, size=(6, 8))
    Image.fromarray(np.full((3, 4), 300, np.uint16)).save(path)
    with pytest.raises(InputError, match=r"mask\.png has the id 300"):
        read_mask(path)
    Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20)).save(path)
    with pytest.raises(InputError, match=r"mask\.png has 200 gray values"):
        read_mask(path)
    Image.fromarray(np.full((3, 4, 3), (10, 20, 30), np.uint8)).save(path)
    with pytest.raises(InputError, match=r"mask\.png has the colour \(10, 20, 30\)"):
        read_mask(path)
    Image.fromarray(ONE * 255).save(tmp_path / "mask.jpg")
    with pytest.raises(InputError, match=r"mask\.jpg is a JPEG"):
        read_mask(tmp_path / "mask.jpg")


def test_masks_by_name_and_size(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in ("00000", "00005"):
        write_mask(folder / f"{name}.png", LABELS)
    masks = MaskFolder(folder, size=(3, 4))
    assert masks.names == ("00000", "00005") and "00005" in masks and "00001" not in masks
    assert (masks["00005"] == LABELS).all()
    with pytest.raises(InputError, match=r"00000\.png is 4x3"):
        MaskFolder(folder, size=(30, 40))["00000"]


@pytest.mark.parametrize("method", ["osvos", "osvoss", "onavos", "stm"])
def test_published_result_masks_read_to_one_object(davis, method):
    for folder in sorted((davis / "davis2016_official/masks" / method).iterdir()):
        truth = davis / "DAVIS2016/Annotations/480p" / folder.name
        file = list_images(folder)[0]
        want = read_mask(truth / file.name)
        got = read_mask(file, size=want.shape)
        assert set(np.unique(got)) <= {0, 1}
        assert ((got == 1) & (want == 1)).sum() / ((got == 1) | (want == 1)).sum() > 0.2
