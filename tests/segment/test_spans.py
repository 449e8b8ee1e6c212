"""From any frame, both ways, mended in between: which frame is answered from where, and what is refused."""

import numpy as np
import pytest
from PIL import Image
from stand_ins import SIZE, Finder, Recorder, rows

from vosbook.errors import InputError
from vosbook.methods import METHODS, Method
from vosbook.segment import segment_video
from vosbook.segment.given import Given
from vosbook.segment.spans import spans_of
from vosbook.video.masks import read_mask, write_mask

NAMES = tuple(f"{t:05d}" for t in range(10))


class Counter(Recorder):
    """Object i moves a row down at every step: the row says how many steps ago it was given."""

    def step(self, frame):
        super().step(frame)
        self.labels = np.roll(self.labels, 1, axis=0)
        return self.labels.copy()


@pytest.fixture()
def counter(monkeypatch) -> Counter:
    counter = Counter()
    monkeypatch.setitem(METHODS, "count", Method("count", "none", "nothing", lambda **_: counter))
    return counter


@pytest.fixture()
def clip(tmp_path):
    (tmp_path / "clip").mkdir()
    for t, name in enumerate(NAMES):
        Image.fromarray(np.full((*SIZE, 3), t, np.uint8)).save(tmp_path / "clip" / f"{name}.png")
    return tmp_path / "clip"


def _masks(folder, **named):
    """A folder of masks: t3=rows(...) is that of frame 3."""
    folder.mkdir()
    for t, labels in named.items():
        write_mask(folder / f"{int(t[1:]):05d}.png", labels)
    return folder


def _steps(folder) -> list:
    """How many steps away from its mask, object 1 in row 0, each frame was answered; None where it is empty."""
    masks = [read_mask(folder / f"{name}.png") for name in NAMES]
    return [int(np.flatnonzero(labels[:, 0])[0]) if labels.any() else None for labels in masks]


def _run(clip, tmp_path, *, mask="00004.png", **options):
    if mask is not None:
        write_mask(tmp_path / mask, rows(r0=1))
        options["mask"] = tmp_path / mask
    segment_video(clip, method="count", out=tmp_path / "out", **{"mask": None, **options})
    return _steps(tmp_path / "out")


def test_both_ways_from_the_frame_that_the_mask_is_named_after(counter, clip, tmp_path):
    seen = []
    options = {"progress": lambda names: seen.extend(names) or names, "both_ways": True}
    assert _run(clip, tmp_path, **options) == [4, 3, 2, 1, 0, 1, 2, 3, 4, 5]
    forwards = [("start", 4, {0, 1}), *(("step", t) for t in (5, 6, 7, 8, 9))]
    assert counter.calls == [*forwards, ("start", 4, {0, 1}), *(("step", t) for t in (3, 2, 1, 0))]
    assert seen == [NAMES[t] for t in (4, 5, 6, 7, 8, 9, 3, 2, 1, 0)]


@pytest.mark.parametrize("word", ["4", "00004", "00004.png"])
def test_from_a_frame_to_the_end(counter, clip, tmp_path, word):
    assert _run(clip, tmp_path, mask="mine.png", start=word) == [None] * 4 + [0, 1, 2, 3, 4, 5]


def test_from_a_frame_both_ways(counter, clip, tmp_path):
    assert _run(clip, tmp_path, mask="mine.png", start="7", both_ways=True) == [7, 6, 5, 4, 3, 2, 1, 0, 1, 2]


def test_corrections_hold_until_the_next(counter, clip, tmp_path):
    corrections = _masks(tmp_path / "mended", t3=rows(r0=1), t8=rows(r0=1))
    assert _run(clip, tmp_path, mask="first.png", corrections=corrections) == [0, 1, 2, 0, 1, 2, 3, 4, 0, 1]
    assert [call for call in counter.calls if call[0] != "step"] == [("start", t, {0, 1}) for t in (0, 3, 8)]


def test_corrections_both_ways_each_frame_comes_from_the_nearest(counter, clip, tmp_path):
    corrections = _masks(tmp_path / "mended", t1=rows(r0=1), t9=rows(r0=1))
    options = {"corrections": corrections, "both_ways": True}
    assert _run(clip, tmp_path, **options) == [1, 0, 1, 1, 0, 1, 2, 2, 1, 0]
    assert ("step", 2) in counter.calls, "of two as near, 1 and ... the earlier"


def test_corrections_alone(counter, clip, tmp_path):
    corrections = _masks(tmp_path / "mended", t2=rows(r0=1), t6=rows(r0=1))
    assert _run(clip, tmp_path, mask=None, corrections=corrections) == [None, None, 0, 1, 2, 3, 0, 1, 2, 3]


def test_corrections_after_kept_masks(counter, clip, tmp_path):
    kept = _masks(tmp_path / "kept", **{f"t{t}": rows(r11=1) for t in range(10)})
    corrections = _masks(tmp_path / "mended", t2=rows(r0=1), t6=rows(r0=1))
    assert _run(clip, tmp_path, mask=None, corrections=corrections, keep=kept) == [11, 11, 0, 1, 2, 3, 0, 1, 2, 3]


def test_an_object_that_a_correction_lacks_is_said_to_end(counter, clip, tmp_path, caplog):
    corrections = _masks(tmp_path / "mended", t3=rows(r0=1, r5=2), t6=rows(r0=1), t8=rows(r0=1))
    _run(clip, tmp_path, mask="first.png", corrections=corrections)
    assert len(caplog.messages) == 1 and "frame 00006 is corrected" in caplog.messages[0]
    assert "has no object 2: not followed from there on" in caplog.messages[0]


def test_objects_that_come_in_later_join_the_beginning_before_them():
    one, two = rows(r1=1), rows(r2=2)
    given = Given({"00000": one, "00005": rows(r1=1, r2=2)}, {"00003": two, "00007": rows(r2=2, r3=3)})
    first, second = spans_of(NAMES, given, both_ways=False)
    assert (first.order, second.order) == (range(0, 5), range(5, 10))
    assert list(first.given) == ["00000", "00003"] and np.array_equal(first.given["00003"], two)
    assert list(second.given) == ["00005", "00007"], "2 is known there"
    assert np.array_equal(second.given["00007"], rows(r3=3))


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("starts", [(0,), (9,), (4,), (0, 9), (3, 4), (2, 5, 6)])
def test_every_frame_is_answered_once_from_the_nearest_or_the_last_beginning(starts, both_ways):
    given = Given({NAMES[t]: rows(r0=1) for t in starts})
    answered = {}
    for span in spans_of(NAMES, given, both_ways=both_ways):
        begin = NAMES.index(next(iter(span.given)))
        for t in span.own:
            assert t not in answered
            answered[t] = begin
    nearest = {t: min(starts, key=lambda start: (abs(t - start), start)) for t in range(10)}
    last = {t: max([start for start in starts if start <= t], default=starts[0]) for t in range(10)}
    assert answered == (nearest if both_ways else last)


def test_a_part_of_the_frames_alone_is_segmented(counter, clip, tmp_path):
    write_mask(tmp_path / "00004.png", rows(r0=1))
    options = {"mask": tmp_path / "00004.png", "method": "count", "both_ways": True}
    segment_video(clip, out=tmp_path / "out", part="2:00007", **options)
    assert sorted(p.stem for p in (tmp_path / "out").iterdir()) == list(NAMES[2:7])
    assert [call[1] for call in counter.calls] == [4, 5, 6, 4, 3, 2]
    counter.calls.clear()
    segment_video(clip, mask=tmp_path / "00004.png", method="count", out=tmp_path / "again", part="4:6")
    assert [call[1] for call in counter.calls] == [4, 5]
    for part, start in (("5:", None), (":4", "4")):
        with pytest.raises(InputError, match=r"frame 00004 is not among .* which --frames names"):
            segment_video(clip, out=tmp_path / "no", **{**options, "part": part, "start": start})
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mask": "00004.png"}, r"--both-ways.*--from 00004.*--keep"),
        ({"mask": "00004.png", "start": "5"}, r"named after frame 00004, and --from says 00005"),
        ({"mask": "00004.png", "start": "10"}, r"no frame 10: .*0 to 9"),
        ({"mask": "mine.png", "both_ways": True}, r"mine\.png has no frame of its name"),
        ({"mask": "folder", "both_ways": True}, r"folder is a folder, and --both-ways is for one mask"),
        ({"mask": "folder", "start": "3"}, r"folder is a folder, and --from is for one mask"),
        ({"mask": "00004.png", "both_ways": True, "keep": "folder"}, r"leave --keep out, or --both-ways"),
        ({"mask": "00004.png", "start": "4", "keep": "folder"}, r"leave --keep out, or --from"),
        ({"start": "4", "corrections": "folder"}, r"--from says of which frame --mask is"),
        ({"mask": "00003.png", "both_ways": True, "corrections": "folder"}, r"both have a mask of frame 00003"),
        ({"mask": "00000.png", "corrections": "strange"}, r"00077\.png has no frame .*00000 to 00009"),
        ({}, r"count needs the objects"),
    ],
)
def test_what_does_not_go_together_is_refused(counter, clip, tmp_path, options, says):
    for name in ("00000.png", "00003.png", "00004.png", "mine.png"):
        write_mask(tmp_path / name, rows(r0=1))
    _masks(tmp_path / "folder", t3=rows(r0=1))
    _masks(tmp_path / "strange", t77=rows(r0=1))
    there = {key: tmp_path / word if key in ("mask", "keep", "corrections") else word for key, word in options.items()}
    with pytest.raises(InputError, match=says):
        segment_video(clip, method="count", out=tmp_path / "out", **{"mask": None, **there})
    assert not (tmp_path / "out").exists() and counter.calls == []


def test_a_method_that_finds_objects_itself_begins_nowhere_else(clip, tmp_path, monkeypatch):
    find = Method("find", "none", "nothing", lambda **_: Finder(), zero_shot=True)
    monkeypatch.setitem(METHODS, "find", find)
    for options in ({"both_ways": True}, {"start": "3"}, {"corrections": tmp_path}):
        with pytest.raises(InputError, match="leave --"):
            segment_video(clip, mask=None, method="find", out=tmp_path / "out", **options)
    segment_video(clip, mask=None, method="find", out=tmp_path / "out", part="3:5")
    assert sorted(p.stem for p in (tmp_path / "out").iterdir()) == ["00003", "00004"]
