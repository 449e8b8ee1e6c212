"""YouTube-VOS's layout as it is unpacked; what the synthetic data set writes is read back in test_synthetic.py."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vosbook.datasets.youtube_vos import YouTubeVos, read_meta
from vosbook.errors import InputError
from vosbook.video.masks import write_mask

NAME = "003234408d"


def write_frames(folder: Path, numbers: range) -> None:
    folder.mkdir(parents=True)
    for number in numbers:
        Image.fromarray(np.full((4, 6, 3), number, np.uint8)).save(folder / f"{number:05d}.jpg")


def write_meta(split: Path, **objects: dict) -> None:
    """meta.json with one video; the objects' keys are `o1`, `o2`, ..."""
    entries = {key[1:]: entry for key, entry in objects.items()}
    (split / "meta.json").write_text(json.dumps({"videos": {NAME: {"objects": entries}}}))


PENGUIN = {"category": "penguin", "frames": ["00000", "00005"]}
DOG = {"category": "dog", "frames": ["00005", "00010"]}


@pytest.fixture
def valid(tmp_path):
    """valid/ with one video of three frames; object 2, a dog, appears in the second."""
    split = tmp_path / "valid"
    write_frames(split / "JPEGImages" / NAME, range(0, 15, 5))
    masks = split / "Annotations" / NAME
    masks.mkdir(parents=True)
    write_mask(masks / "00000.png", np.eye(4, 6, dtype=np.uint8))
    write_mask(masks / "00005.png", 2 * np.eye(4, 6, 1, dtype=np.uint8))
    write_meta(split, o2=DOG, o1=PENGUIN)
    return split


def read(split: Path, **options: bool):
    return YouTubeVos(split.parent, split.name, **options)


def described(video) -> list[tuple]:
    return [(o.id, o.first_frame, o.category) for o in video.objects]


# ------------------------------------------------------------------------------------------------------ it is read


def test_a_video_is_read(valid):
    data = read(valid)
    assert len(data) == 1 and data.names == (NAME,) and data.categories == {"penguin", "dog"}
    (video,) = data
    assert described(video) == [(1, "00000", "penguin"), (2, "00005", "dog")]
    assert video.frames.names == ("00000", "00005", "00010")
    assert video.labels(0).sum() == 4 and video.labels(1).max() == 2 and video.annotated == (0, 1)
    with pytest.raises(KeyError):
        data["other"]


def test_all_frames_have_labels_where_they_are_annotated(valid):
    write_frames(valid.parent / "valid_all_frames" / "JPEGImages" / NAME, range(13))
    (video,) = read(valid, all_frames=True)
    assert video.frames.names == tuple(f"{t:05d}" for t in range(13))
    assert video.annotated == (0, 5)
    with pytest.raises(ValueError, match=f"frame 00004 of {NAME} is not annotated"):
        video.labels(4)
    assert described(video) == described(read(valid)[NAME])
    assert abs(int(video.frames[7].mean()) - 7) <= 1  # the 30-a-second frames, not those of valid/


def test_names_need_not_begin_at_0_and_a_first_mask_may_come_in_frame_30(tmp_path):
    split = tmp_path / "valid"
    write_frames(split / "JPEGImages" / NAME, range(10, 45, 5))
    (split / "Annotations" / NAME).mkdir(parents=True)
    write_mask(split / "Annotations" / NAME / "00030.png", np.full((4, 6), 4, np.uint8))
    write_meta(split, o4={"category": "snail", "frames": ["00030", "00035", "00040"]})
    (video,) = read(split)
    assert video.frames.names[0] == "00010" and described(video) == [(4, "00030", "snail")]
    assert 0 not in video.annotated and (video.labels(4) == 4).all()


def test_an_object_begins_where_a_mask_shows_it_not_where_the_list_does(valid):
    """Some official lists begin a few frames early."""
    write_meta(valid, o1=PENGUIN, o2={**DOG, "frames": ["00000", "00005", "00010"]})
    assert described(read(valid)[NAME])[1] == (2, "00005", "dog")


def test_a_test_split_may_name_no_categories(valid):
    write_meta(valid, o1={"frames": PENGUIN["frames"]}, o2={"frames": DOG["frames"]})
    data = read(valid)
    assert data.categories == set() and described(data[NAME])[0] == (1, "00000", None)


# --------------------------------------------------------------------------------------------------- what is refused


def test_missing_files_are_named(valid):
    with pytest.raises(InputError, match=r"train/meta\.json does not exist"):
        YouTubeVos(valid.parent, "train")
    with pytest.raises(InputError, match=r"valid_all_frames/JPEGImages is not a folder"):
        read(valid, all_frames=True)
    shutil.rmtree(valid / "Annotations" / NAME)
    with pytest.raises(InputError, match=rf"Annotations/{NAME}"):
        read(valid)[NAME]
    shutil.rmtree(valid / "JPEGImages" / NAME)
    with pytest.raises(InputError, match=rf"JPEGImages/{NAME}"):
        read(valid)[NAME]


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"videos": []}', '{"videos": {"a": {}}}', '{"videos": {"a": {"objects": {"1": 7}}}}']
)
def test_a_file_that_is_no_list_of_videos(valid, content):
    (valid / "meta.json").write_text(content)
    with pytest.raises(InputError, match=r"meta\.json is not YouTube-VOS's list of videos"):
        read(valid)


@pytest.mark.parametrize(
    ("key", "entry", "words"),
    [
        ("o0", PENGUIN, "object '0'"),
        ("o255", PENGUIN, "object '255'"),
        ("oone", PENGUIN, "object 'one'"),
        ("o1", {**PENGUIN, "category": 3}, "the category is 3, not a name"),
        ("o1", {**PENGUIN, "category": " "}, "the category is ' ', not a name"),
        ("o1", {**PENGUIN, "frames": []}, "no list of frames"),
        ("o1", {**PENGUIN, "frames": "00000"}, "no list of frames"),
        ("o1", {**PENGUIN, "frames": [0, 5]}, "no list of frames"),
    ],
)
def test_objects_that_make_no_sense(valid, key, entry, words):
    write_meta(valid, **{key: entry})
    with pytest.raises(InputError, match=rf"meta\.json, video {NAME}.*{words}"):
        read_meta(valid / "meta.json")


def test_listed_frames_that_do_not_exist(valid):
    write_meta(valid, o1=PENGUIN, o2={**DOG, "frames": ["00005", "00010", "00015"]})
    with pytest.raises(InputError, match=rf"JPEGImages/{NAME} has no frame 00015, which .*lists for object 2"):
        read(valid)[NAME]


def test_an_object_without_a_first_mask(valid):
    (valid / "Annotations" / NAME / "00005.png").unlink()
    with pytest.raises(InputError, match=rf"Annotations/{NAME} has no mask of object 2"):
        read(valid)[NAME]
    write_mask(valid / "Annotations" / NAME / "00005.png", np.ones((4, 6), np.uint8))  # a mask, of another object
    with pytest.raises(InputError, match=rf"Annotations/{NAME} has no mask of object 2"):
        read(valid)[NAME]


def test_masks_of_another_size(valid):
    write_mask(valid / "Annotations" / NAME / "00005.png", np.full((8, 12), 2, np.uint8))
    with pytest.raises(InputError, match=r"00005\.png is 12x8 pixels but the frames are 6x4"):
        read(valid)[NAME]
