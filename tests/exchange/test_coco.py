"""COCO files of every shape that tools write, and those that are damaged."""

import json

import numpy as np
import pytest

from vosbook.errors import InputError
from vosbook.exchange.coco import mask_of, read_coco, without_ending
from vosbook.exchange.rle import encode

SIZE = (8, 10)


def square(top, left, side):
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side] = True
    return mask


RESULT = {"image_id": "goat/00001", "category_id": 3, "score": 0.5, "segmentation": encode(square(1, 2, 3))}


@pytest.fixture()
def write(tmp_path):
    def write(content):
        (tmp_path / "found.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path / "found.json"

    return write


def test_a_list_of_results(write):
    file = read_coco(write([RESULT, {**RESULT, "image_id": 7, "segmentation": encode(square(4, 4, 2))}]))
    one, other = file.instances
    assert (one.image.key, one.category, one.score, one.track) == ("goat/00001", "3", 0.5, None)
    assert [image.key for image in file.images] == ["goat/00001", 7]
    assert np.array_equal(mask_of(one, file.path, SIZE), square(1, 2, 3))
    assert np.array_equal(mask_of(other, file.path), square(4, 4, 2))


def test_instances_with_images_and_categories(write):
    images = [{"id": n, "file_name": f"a.b/f.{n:03d}.jpg", "height": 8, "width": 10} for n in (1, 2)]
    polygon = {"id": 5, "image_id": 2, "category_id": 3, "track_id": 9, "segmentation": [[2, 1, 5, 1, 5, 4, 2, 4]]}
    categories = [{"id": 3, "name": "bird"}]
    file = read_coco(write({"images": images, "annotations": [polygon], "categories": categories}))
    assert [image.key for image in file.images] == ["a.b/f.001", "a.b/f.002"]
    (one,) = file.instances
    assert (one.image.key, one.category, one.score, one.track) == ("a.b/f.002", "bird", 1.0, "9")
    assert np.array_equal(mask_of(one, file.path), square(1, 2, 3))


def test_endings_and_dots_in_names():
    assert without_ending("goat/00001.jpg") == without_ending("goat\\00001.PNG") == "goat/00001"
    assert without_ending("clip.001") == "clip.001" and without_ending("00001") == "00001"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<html>", "is no JSON"),
        ("", "is no JSON"),
        ({"images": []}, "holds no annotations"),
        ([7], "no image_id or category_id in annotation 0"),
        ([RESULT, {"image_id": 1}], "no image_id or category_id in annotation 1"),
        ([{**RESULT, "image_id": [1]}], "no text or whole number"),
        ([{**RESULT, "score": 50}], "the score 50 in annotation 0: scores lie in 0 to 1"),
        ([{**RESULT, "segmentation": None, "bbox": [1, 2, 3, 4]}], "boxes alone do not do"),
        ({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [RESULT]}, "lists no image goat/00001"),
        ({"images": [{"id": 1}], "annotations": [RESULT]}, "without 'file_name'"),
    ],
)
def test_what_is_no_coco_is_refused(write, content, says):
    path = write(content)
    with pytest.raises(InputError, match=says) as raised:
        read_coco(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("segmentation", "says"),
    [
        ({"size": [8, 10], "counts": "1"}, "damaged segmentation in annotation 0 .*cover 1 pixels"),
        ([[1, 1, 2, 2, 3]], "damaged segmentation in annotation 0"),
        (encode(np.zeros((4, 4), bool)), r"masks of 4x4 pixels \(annotation 0\) for frames of 10x8"),
    ],
)
def test_a_mask_that_cannot_be_had_is_refused(write, segmentation, says):
    file = read_coco(write([{**RESULT, "segmentation": segmentation}]))
    with pytest.raises(InputError, match=says):
        mask_of(file.instances[0], file.path, SIZE)


def test_polygons_without_a_size_are_refused(write):
    file = read_coco(write([{**RESULT, "segmentation": [[0, 0, 2, 0, 2, 2]]}]))
    with pytest.raises(InputError, match="height and width of their image"):
        mask_of(file.instances[0], file.path)
