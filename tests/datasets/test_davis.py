"""DAVIS's official layouts, the sequences on disk and those that are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vosbook.datasets.davis import Davis, open_sequence, read_names
from vosbook.errors import InputError
from vosbook.video.masks import write_mask

LABELS = np.array([[0, 1, 1, 3], [0, 0, 1, 3]], np.uint8)


def _sequence(root: Path, name: str, *, frames=3, resolution="480p") -> None:
    photos, masks = (root / kind / resolution / name for kind in ("JPEGImages", "Annotations"))
    photos.mkdir(parents=True)
    masks.mkdir(parents=True)
    for t in range(frames):
        Image.fromarray(np.full((2, 4, 3), 10 * t, np.uint8)).save(photos / f"{t:05d}.jpg")
        write_mask(masks / f"{t:05d}.png", LABELS)


@pytest.fixture
def root(tmp_path) -> Path:
    for name in ("bear", "cows"):
        _sequence(tmp_path, name)
    for folder in ("480p", "2017"):
        (tmp_path / "ImageSets" / folder).mkdir(parents=True)
    files = ["cows/00000", "cows/00001", "bear/00000", "bear/00001"]
    lines = [f"/JPEGImages/480p/{file}.jpg /Annotations/480p/{file}.png \n" for file in files]
    (tmp_path / "ImageSets/480p/val.txt").write_text("".join(lines))
    (tmp_path / "ImageSets/2017/val.txt").write_text("bear\r\ncows\r\n\r\n")
    (tmp_path / "ImageSets/mine.txt").write_text("cows")
    entries = "sequences:\n- {attributes: [LR, OCC], name: cows, num_frames: 3, set: test, eval_t: True}\n"
    (tmp_path / "db_info.yml").write_text(entries)
    return tmp_path


def test_lists_of_both_years_and_ones_own(root):
    assert Davis(root, year=2016).names == ("cows", "bear")
    assert Davis(root, year=2017).names == ("bear", "cows")
    assert Davis(root, year=2017, split="mine").names == ("cows",)


def test_a_sequence_is_read(root):
    data = Davis(root, year=2017)
    assert len(data) == 2 and [s.name for s in data] == ["bear", "cows"]
    cows = data["cows"]
    assert cows.attributes == ("LR", "OCC") and data["bear"].attributes == ()
    assert [(o.id, o.first_frame, o.category) for o in cows.objects] == [(1, "00000", None), (3, "00000", None)]
    assert cows.frames.names == ("00000", "00001", "00002") and cows.frames.size == (2, 4)
    assert cows.labels(2).tolist() == LABELS.tolist()
    with pytest.raises(KeyError, match="dog"):
        data["dog"]


def test_db_info_may_be_absent_but_not_broken(root):
    (root / "db_info.yml").unlink()
    assert Davis(root)["cows"].attributes == ()
    for content in ("[", "a: 1", "sequences: [1]", "\x00"):
        (root / "db_info.yml").write_text(content)
        with pytest.raises(InputError, match=r"db_info\.yml"):
            Davis(root)


def test_absent_sequences_are_named(root):
    (root / "ImageSets/2017/val.txt").write_text("bear\nwolf\ncows\ndog\n")
    with pytest.raises(InputError, match=r"JPEGImages/480p lacks 2 of the 4 sequences .*: wolf, dog;"):
        Davis(root, year=2017)
    for name in ("wolf", "dog"):
        (root / "JPEGImages/480p" / name).mkdir()
    with pytest.raises(InputError, match=r"Annotations/480p lacks 2"):
        Davis(root, year=2017)


def test_missing_folders_and_lists_are_named(root):
    with pytest.raises(InputError, match=r"ImageSets/480p/train\.txt does not exist"):
        Davis(root, split="train")
    with pytest.raises(InputError, match="does not exist"):
        Davis(root / "nowhere")
    with pytest.raises(InputError, match="1080p is not a folder"):
        Davis(root, split="mine", resolution="1080p")
    with pytest.raises(ValueError, match="2018"):
        Davis(root, year=2018)
    (root / "ImageSets/mine.txt").write_text("\n")
    with pytest.raises(InputError, match=r"mine\.txt lists no sequence"):
        Davis(root, split="mine")
    (root / "ImageSets/mine.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"mine\.txt is no text"):
        read_names(root / "ImageSets/mine.txt")


def test_bad_sequences_are_named(root):
    (root / "Annotations/480p/bear/00000.png").unlink()
    with pytest.raises(InputError, match=r"bear has no mask 00000\.png"):
        open_sequence(root, "bear")
    write_mask(root / "Annotations/480p/cows/00000.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(InputError, match=r"cows/00000\.png is 9x9 pixels but the frames are 4x2"):
        open_sequence(root, "cows")
    with pytest.raises(InputError, match="dog is not a folder"):
        open_sequence(root, "dog")


def test_the_five_validation_sequences(davis):
    data = Davis(davis / "DAVIS2016", split="val_dev")
    assert data.names == ("blackswan", "car-shadow", "dance-twirl", "goat", "horsejump-high")
    assert [len(s.frames) for s in data] == [50, 40, 90, 90, 50]
    for s in data:
        assert s.frames.size == (480, 854)
        assert [o.id for o in s.objects] == [1]
        assert set(np.unique(s.labels(len(s.frames) - 1))) == {0, 1}
    assert data["car-shadow"].attributes == ("LR", "EA", "AC", "BC")


def test_the_training_sequences(davis):
    data = Davis(davis / "DAVIS2016", split="train_256p", resolution="256p")
    assert len(data) == 30 and sum(len(s.frames) for s in data) == 2079
    bear = data["bear"]
    assert bear.frames.size == (256, 448)
    assert [set(np.unique(bear.labels(t))) for t in (0, 77)] == [{0, 1}, {0, 1}]


def test_the_official_list_names_what_is_absent(davis):
    assert len(read_names(davis / "DAVIS2016/ImageSets/480p/val.txt")) == 20
    assert len(read_names(davis / "DAVIS2016/ImageSets/480p/train.txt")) == 30
    with pytest.raises(InputError, match=r"lacks 15 of the 20 .*bmx-trees"):
        Davis(davis / "DAVIS2016")
