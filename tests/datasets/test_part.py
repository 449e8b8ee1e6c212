"""A part of a video, and what words mean which frame."""

import numpy as np
import pytest

from vosbook.datasets.part import frame_number, part_of, walk
from vosbook.datasets.synthetic.make import ArrayFrames
from vosbook.errors import InputError


def _frames() -> ArrayFrames:
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 10, 3), np.uint8)
    return ArrayFrames(noise, tuple(f"f{t}" for t in range(6)))


def test_a_part_has_the_names_and_frames_of_the_whole():
    whole = _frames()
    part = part_of(whole, "2:5")
    assert part.names == ("f2", "f3", "f4") and len(part) == 3 and part.size == whole.size
    assert all(np.array_equal(a, whole[t]) for t, a in zip((2, 3, 4), part, strict=True))
    assert np.array_equal(part[-1], whole[4])
    backwards = list(walk(part_of(part, "1:"), range(1, -1, -1)))
    assert [np.array_equal(a, whole[t]) for t, a in zip((4, 3), backwards, strict=True)] == [True, True]
    assert part_of(whole, ":").names == whole.names and part_of(whole, "f4.png:").names == ("f4", "f5")
    assert part_of(whole, ":6").names == whole.names and part_of(whole, ":f1").names == ("f0",)


@pytest.mark.parametrize(
    ("words", "says"),
    [("3", "write FIRST:END"), ("4:2", "holds no frame"), ("2:2", "holds no frame"), ("1:99", "no frame 99.*0 to 5"),
     ("a:", "no frame a.*f0 to f5"), ("-1:", "no frame -1")],
)  # fmt: skip
def test_a_part_that_is_none_is_refused(words, says):
    with pytest.raises(InputError, match=says):
        part_of(_frames(), words)


def test_a_word_that_means_two_frames_is_refused_with_what_to_write():
    names = ("1", "2", "3", "4")
    with pytest.raises(InputError, match=r"2 is the name of frame 1, .*write 2\.png for the name, 02 for the number"):
        frame_number("2", names)
    assert frame_number("2.png", names) == 1 and frame_number("02", names) == 2 and frame_number("0", names) == 0
    assert frame_number("00002", ("00000", "00001", "00002")) == 2
