"""A run that was stopped goes on from its masks, or says why it does not."""

import json

import numpy as np
import pytest
from PIL import Image
from stand_ins import SIZE, Recorder, rows

from vosbook.errors import InputError
from vosbook.methods import METHODS, Method
from vosbook.segment import segment_video
from vosbook.segment.given import Given
from vosbook.segment.resume import remaining
from vosbook.segment.spans import spans_of
from vosbook.video.masks import read_mask, write_mask

NAMES = tuple(f"{t:05d}" for t in range(8))


class Mortal(Recorder):
    """Object i moves a row down at every step; it dies before the step of frame `last`."""

    def __init__(self):
        super().__init__()
        self.last = -1

    def step(self, frame):
        if frame[0, 0, 0] == self.last:
            raise KeyboardInterrupt
        super().step(frame)
        self.labels = np.roll(self.labels, 1, axis=0)
        return self.labels.copy()


@pytest.fixture()
def methods(monkeypatch) -> Mortal:
    """The methods "follow" and "look", which share a segmenter."""
    mortal = Mortal()
    for name, by_looks in (("follow", False), ("look", True)):
        method = Method(name, "none", "nothing", lambda **_: mortal, by_looks=by_looks)
        monkeypatch.setitem(METHODS, name, method)
    return mortal


@pytest.fixture()
def options(tmp_path):
    (tmp_path / "clip").mkdir()
    for t, name in enumerate(NAMES):
        Image.fromarray(np.full((*SIZE, 3), t, np.uint8)).save(tmp_path / "clip" / f"{name}.png")
    write_mask(tmp_path / "00003.png", rows(r0=1))
    return {
        "frames": tmp_path / "clip",
        "mask": tmp_path / "00003.png",
        "both_ways": True,
        "out": tmp_path / "out",
        "resume": True,
    }


def _steps(folder) -> list[int]:
    return [int(np.flatnonzero(read_mask(folder / f"{name}.png")[:, 0])[0]) for name in NAMES]


def _stopped(methods, options, last, **more):
    methods.last = last
    with pytest.raises(KeyboardInterrupt):
        segment_video(**options, **more)
    methods.last = -1
    methods.calls.clear()


@pytest.mark.parametrize("method", ["follow", "look"])
@pytest.mark.parametrize("last", [4, 6, 7, 2, 0])
def test_what_was_made_stays_to_be_seen_and_the_rest_is_made(methods, options, tmp_path, method, last):
    _stopped(methods, options, last, method=method)
    kept = tmp_path / "out.partial"
    assert not (tmp_path / "out").exists()
    made = {p: p.stat().st_mtime_ns for p in kept.glob("*.png")}
    order = [3, 4, 5, 6, 7, 2, 1, 0]
    assert sorted(p.stem for p in made) == sorted(NAMES[t] for t in order[: order.index(last)])
    said = []
    segment_video(**options, method=method, note=said.append)
    assert sum("going on at frame" in line and NAMES[last] in line for line in said) == (len(made) > 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00003.png", "clip", "out"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{name}.png" for name in NAMES]
    for path, before in made.items():
        assert len(made) == 1 or (tmp_path / "out" / path.name).stat().st_mtime_ns == before
    stepped = [call[1] for call in methods.calls if call[0] == "step"]
    assert stepped == order[order.index(last) :]
    if method == "follow":
        assert _steps(tmp_path / "out") == [3, 2, 1, 0, 1, 2, 3, 4], "from the last mask, as if it were a correction"
    else:
        assert {call[1] for call in methods.calls if call[0] == "start"} == {3}, "from the mask that was given"


def test_a_mask_that_lacks_an_object_is_not_gone_on_from(methods, options, tmp_path):
    write_mask(options["mask"], rows(r0=1, r9=2))  # two rows from leaving the frame: roll brings it back at the top
    _stopped(methods, options, 7, method="follow")
    write_mask(tmp_path / "out.partial/00006.png", rows(r3=1))
    write_mask(tmp_path / "out.partial/00005.png", rows(r2=1))
    segment_video(**options, method="follow")
    assert methods.calls[:2] == [("start", 4, {0, 1, 2}), ("step", 5)]
    assert np.array_equal(read_mask(tmp_path / "out/00005.png"), rows(r2=1, r11=2))


def test_a_mask_that_was_cut_short_is_made_again(methods, options, tmp_path):
    _stopped(methods, options, 7, method="follow")
    last = tmp_path / "out.partial/00006.png"
    last.write_bytes(last.read_bytes()[:40])
    segment_video(**options, method="follow")
    assert methods.calls[:2] == [("start", 5, {0, 1}), ("step", 6)]
    assert _steps(tmp_path / "out") == [3, 2, 1, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("other", [{"method": "look"}, {"size": 64}, {"part": "1:8"}, {"start": "2"}])
def test_masks_that_were_made_for_something_else_are_not_gone_on_from(methods, options, tmp_path, other):
    options["mask"] = options["mask"].rename(tmp_path / "mine.png")
    _stopped(methods, options, 7, **{"method": "follow", "start": "3"})
    key = {"part": "--frames", "start": "--mask"}.get(next(iter(other)), f"--{next(iter(other))}")
    with pytest.raises(InputError, match=rf"out\.partial has masks that were made with another {key}"):
        segment_video(**options, **{"method": "follow", "start": "3", **other})
    write_mask(options["mask"], rows(r1=1))
    with pytest.raises(InputError, match="another --mask"):
        segment_video(**options, method="follow", start="3")
    assert len(list((tmp_path / "out.partial").glob("*.png"))) == 4


def test_masks_of_nobody_knows_what_are_left_alone(methods, options, tmp_path):
    (tmp_path / "out.partial").mkdir()
    write_mask(tmp_path / "out.partial/00003.png", rows(r5=1))
    with pytest.raises(InputError, match=r"out\.partial has masks, and nothing says of what run"):
        segment_video(**options, method="follow")


def test_a_method_that_numbers_its_objects_itself_does_not_go_on(options):
    with pytest.raises(InputError, match=r"would number its objects anew.*--resume"):
        segment_video(**{**options, "mask": None, "both_ways": False}, method="rvos-zero-shot")


def test_without_resume_nothing_is_kept(methods, options, tmp_path):
    _stopped(methods, {**options, "resume": False}, 7, method="follow")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00003.png", "clip"]


def test_an_object_that_came_in_is_told_again(tmp_path):
    """Where one joined before the stop, a method that knows objects by their looks cannot leave its frame out."""
    given = Given({NAMES[0]: rows(r0=1)}, {NAMES[2]: rows(r5=2), NAMES[6]: rows(r9=3)})
    spans = spans_of(NAMES, given, both_ways=False)
    for t in range(5):
        write_mask(tmp_path / f"{NAMES[t]}.png", rows(r3=1, r6=2))
    (left,) = remaining(spans, NAMES, tmp_path, by_looks=True)
    assert left.order == range(4, 8) and left.own == range(5, 8) and left.skip == 0
    assert list(left.given) == [NAMES[4], NAMES[6]]
    for t in (5, 6, 7):
        write_mask(tmp_path / f"{NAMES[t]}.png", rows(r3=1, r6=2, r9=3))
    assert remaining(spans, NAMES, tmp_path, by_looks=True) == []


def test_the_record_is_readable(methods, options, tmp_path):
    _stopped(methods, options, 6, method="follow", size=100)
    record = json.loads((tmp_path / "out.partial/run.json").read_text())
    assert record["--method"] == "follow" and record["--size"] == 100 and record["FRAMES"].endswith("clip")
