"""Frames made smaller for a method: no object is lost, and masks come back at full size."""

import numpy as np
import pytest
from stand_ins import Recorder

from vosbook.segment.smaller import Smaller, enlarge_labels, shrink_labels, smaller_size


def test_the_shorter_side_is_limited():
    assert smaller_size((1080, 1920), 480) == (480, 853)
    assert smaller_size((1920, 1080), 480) == (853, 480)
    assert smaller_size((240, 432), 480) == (240, 432)


def test_labels_are_what_covers_most_of_a_pixel():
    labels = np.zeros((8, 8), np.uint8)
    labels[0:4, 0:3] = 1  # a pixel and half of the next
    labels[4:8, 4:8] = 7
    labels[4, 4] = 1
    want = np.zeros((4, 4), np.uint8)
    want[0:2, 0] = 1
    want[2:4, 2:4] = 7
    assert np.array_equal(shrink_labels(labels, (4, 4)), want)
    assert shrink_labels(labels, (8, 8)) is labels


def test_tiny_and_thin_objects_are_not_lost():
    labels = np.zeros((400, 400), np.uint8)
    labels[100, 100] = 1  # one pixel
    labels[:, 210] = 2  # a line
    labels[300:304, 300:304] = 3
    labels[301, 301] = 4  # inside another
    small = shrink_labels(labels, (100, 100))
    areas = [int((small == i).sum()) for i in (1, 2, 3, 4)]
    assert areas[:2] == [1, 100] and areas[3] == 1 and small[25, 25] == 1
    assert set(np.flatnonzero(small == 2) % 100) == {52}, "a line that does not break up"


def test_two_thin_objects_in_one_place_both_stay():
    labels = np.zeros((40, 40), np.uint8)
    labels[20, 20], labels[21, 21] = 1, 2
    small = shrink_labels(labels, (10, 10))
    assert set(np.unique(small)) == {0, 1, 2}


@pytest.mark.parametrize("size", [(90, 120), (45, 61)])
def test_rims_come_back_smoother_than_the_nearest_pixels_would_be(size):
    y, x = np.indices((360, 480))
    disc = ((y - 170) ** 2 + (x - 230) ** 2 < 90**2).astype(np.uint8) * 5
    small = shrink_labels(disc, size)
    rows = np.arange(360) * size[0] // 360
    columns = np.arange(480) * size[1] // 480
    nearest = small[rows][:, columns]
    large = enlarge_labels(small, (360, 480))
    assert set(np.unique(large)) == {0, 5}
    assert (large != disc).sum() < 0.9 * (nearest != disc).sum()


def test_labels_that_meet_leave_no_gap():
    small = np.repeat(np.array([[3, 9, 9, 4]], np.uint8), 4, axis=0)
    large = enlarge_labels(small, (40, 40))
    assert set(np.unique(large)) == {3, 4, 9} and np.array_equal(large[0], np.repeat([3, 9, 9, 4], 10))


def test_a_method_sees_small_frames_and_answers_in_full_size():
    method = Recorder()
    seen = []
    step = method.step
    method.step = lambda frame: seen.append(frame) or step(frame)
    frame = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    frame[:2, :2] = (10, 20, 30), (30, 40, 50)
    labels = np.zeros((40, 60), np.uint8)
    labels[10:20, 10:30] = 4
    small = Smaller(method, 20)
    small.start(frame, labels)
    small.add_objects(frame, np.where(labels, 0, 9).astype(np.uint8))
    answer = small.step(frame)
    assert seen[0].shape == (20, 30, 3) and tuple(seen[0][0, 0]) == (20, 30, 40)
    assert method.labels.shape == (20, 30)
    assert answer.dtype == np.uint8 and np.array_equal(answer, np.where(labels, 4, 9))
