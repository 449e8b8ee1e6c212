"""What is said after a run: cuts that were crossed, frames to look at, a method that found nothing."""

import numpy as np
import pytest
from PIL import Image
from stand_ins import Recorder

from vosbook.methods import METHODS, Method
from vosbook.segment import segment_video
from vosbook.segment.remarks import doubt, most_doubtful
from vosbook.video.masks import write_mask

SIZE = (60, 80)
NAMES = tuple(f"{t:05d}" for t in range(40))


def _frame(t: int) -> np.ndarray:
    """A red square that stands still, before green, which from frame 20 on is blue."""
    frame = np.full((*SIZE, 3), (40, 200, 40) if t < 20 else (40, 40, 200), np.uint8)
    frame[20:40, 30:50] = (200, 40, 40)
    return frame


def _square(top: int = 20) -> np.ndarray:
    labels = np.zeros(SIZE, np.uint8)
    labels[top : top + 20, 30:50] = 1
    return labels


@pytest.fixture()
def said(monkeypatch, tmp_path):
    """Run a stand-in and return what is said; `slips` are the steps at which its mask lies beside the object."""
    monkeypatch.setitem(METHODS, "still", Method("still", "none", "nothing", lambda **_: segmenter))
    segmenter = Recorder()
    (tmp_path / "clip").mkdir()
    for t, name in enumerate(NAMES):
        Image.fromarray(_frame(t)).save(tmp_path / "clip" / f"{name}.png")
    write_mask(tmp_path / "00005.png", _square())

    def run(*, slips=(), mask="00005.png", **options) -> list[str]:
        count = iter(range(1000))
        segmenter.step = lambda frame: _square(10 if next(count) in slips else 20)
        lines = []
        options = {"method": "still", "out": tmp_path / f"out{len(list(tmp_path.iterdir()))}", **options}
        segment_video(tmp_path / "clip", mask=mask and tmp_path / mask, note=lines.append, **options)
        return lines

    return run


def test_a_cut_that_is_crossed_is_named_with_what_to_do(said):
    cut = [line for line in said(both_ways=True) if "cut" in line]
    assert len(cut) == 1 and "cut before frame 00020, which still went across" in cut[0] and "--frames" in cut[0]


def test_a_cut_that_is_not_crossed_is_no_matter(said, tmp_path):
    assert not [line for line in said(both_ways=True, part=":20") if "cut" in line]
    (tmp_path / "mended").mkdir()
    write_mask(tmp_path / "mended/00020.png", _square())
    assert not [line for line in said(start="5", corrections=tmp_path / "mended") if "cut" in line]
    write_mask(tmp_path / "00025.png", _square())
    assert not [line for line in said(start="25", mask="00025.png") if "cut" in line], "frames before it are empty"
    assert [line for line in said(both_ways=True, mask="00025.png") if "cut before frame 00020" in line]


def test_frames_in_which_the_mask_has_other_colours_are_to_be_looked_at(said):
    (line,) = said(start="5", slips={9, 28}, part=":40", corrections=None)[1:]
    assert line.startswith("frames to look at first: ") and {"00015", "00034"} <= set(line.split(": ")[1].split(", "))


def test_doubt_counts_other_colours_and_parts_that_lie_apart():
    frame, known = _frame(0), np.zeros(512, np.float32)
    known[6 * 64 + 1 * 8 + 1] = 1  # red 200, green and blue 40
    square = _square() > 0
    assert doubt(frame, square, known) == pytest.approx(0)
    assert doubt(frame, _square(10) > 0, known) == pytest.approx(0.5), "half of it on the ground"
    square[20:40, 40] = False  # two parts, of 200 and 180 pixels
    assert doubt(frame, square, known) == pytest.approx(180 / 380)
    assert doubt(frame, np.zeros(SIZE, bool), known) == 1


def test_the_most_doubtful_frames_are_few_and_apart():
    scores = {t: float(t) for t in range(60)}
    assert most_doubtful(scores) == [39, 49, 59]
    assert most_doubtful({t: float(t) for t in range(29)}) == [18, 28]
    assert most_doubtful(dict.fromkeys(range(9), 1.0)) == []


def test_a_method_that_finds_nothing_is_said_to_and_no_frame_is_named(said, monkeypatch):
    monkeypatch.setattr("test_remarks._square", lambda top=20: np.zeros(SIZE, np.uint8))
    (line,) = said(start="5")
    assert line.startswith("still found nothing in any frame")
