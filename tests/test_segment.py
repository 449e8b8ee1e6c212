"""The frame loop with a stand-in for a method, so that what is tested is the loop, and what it refuses."""

import numpy as np
import pytest
from PIL import Image

from vosbook.errors import InputError
from vosbook.segment import METHODS, Method, build, read_given, segment_frames, segment_video
from vosbook.video.masks import read_mask, write_mask

SIZE = (12, 16)


class _Clip:
    """Frames whose red channel is their number."""

    names = ("00000", "00001", "00002", "00003")
    size = SIZE

    def __iter__(self):
        return (np.full((*SIZE, 3), t, np.uint8) for t in range(4))


class _Recorder:
    """A Segmenter that answers every frame with the objects it was given, where it was given them."""

    def __init__(self):
        self.calls = []

    def start(self, frame, masks):
        self.calls.append(("start", int(frame[0, 0, 0]), set(np.unique(masks).tolist())))
        self.labels = masks.copy()

    def add_objects(self, frame, masks):
        self.calls.append(("add", int(frame[0, 0, 0]), set(np.unique(masks).tolist())))
        self.labels[masks > 0] = masks[masks > 0]

    def step(self, frame):
        self.calls.append(("step", int(frame[0, 0, 0])))
        return self.labels.copy()


def _mask(**rows) -> np.ndarray:
    """Labels with whole rows painted: _mask(r2=1) paints row 2 with id 1."""
    labels = np.zeros(SIZE, np.uint8)
    for row, i in rows.items():
        labels[int(row[1:])] = i
    return labels


@pytest.fixture()
def recorder(monkeypatch) -> _Recorder:
    """The method "record" in the registry."""
    recorder = _Recorder()
    method = Method("record", "none", "nothing", lambda **options: recorder)
    monkeypatch.setitem(METHODS, "record", method)
    return recorder


@pytest.fixture()
def clip(tmp_path):
    """Four frames as a folder, and the first one's mask, outside it."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for name, frame in zip(_Clip.names, _Clip()):
        Image.fromarray(frame).save(folder / f"{name}.png")
    write_mask(tmp_path / "first.png", _mask(r2=1, r3=2))
    return folder


# --------------------------------------------------------------------------------------------------------- the loop


def test_each_frame_is_seen_once_and_in_order():
    recorder = _Recorder()
    given = {"00000": _mask(r2=1)}
    answers = list(segment_frames(recorder, _Clip(), given))
    assert recorder.calls == [("start", 0, {0, 1}), ("step", 1), ("step", 2), ("step", 3)]
    assert all(np.array_equal(labels, given["00000"]) for labels in answers)


def test_it_streams():
    recorder = _Recorder()
    answers = segment_frames(recorder, _Clip(), {"00000": _mask(r2=1)})
    next(answers), next(answers)
    assert recorder.calls[-1] == ("step", 1)


def test_objects_that_appear_later_are_added_after_the_step_and_given_masks_are_the_answer():
    recorder = _Recorder()
    given = {"00000": _mask(r2=1), "00002": _mask(r2=9)}
    answers = list(segment_frames(recorder, _Clip(), given))
    assert recorder.calls[2:4] == [("step", 2), ("add", 2, {0, 9})]
    assert set(np.unique(answers[1])) == {0, 1}
    assert np.array_equal(answers[2], _mask(r2=9))


def test_frames_before_the_first_object_are_background():
    recorder = _Recorder()
    answers = list(segment_frames(recorder, _Clip(), {"00002": _mask(r5=3)}))
    assert [call[0] for call in recorder.calls] == ["start", "step"]
    assert not answers[0].any() and not answers[1].any() and np.array_equal(answers[2], _mask(r5=3))


def test_void_is_background():
    recorder = _Recorder()
    answers = list(segment_frames(recorder, _Clip(), {"00000": _mask(r2=1, r4=255)}))
    assert recorder.calls[0] == ("start", 0, {0, 1})
    assert np.array_equal(answers[0], _mask(r2=1))


def test_after_a_correction_frames_before_it_stay_and_those_after_it_change():
    earlier = {name: _mask(**{f"r{t}": 1, "r11": 2}) for t, name in enumerate(_Clip.names)}
    recorder = _Recorder()
    answers = list(segment_frames(recorder, _Clip(), {"00002": _mask(r8=1)}, kept=earlier))
    assert recorder.calls == [("start", 2, {0, 1}), ("step", 3)]
    assert [np.array_equal(answers[t], earlier[name]) for t, name in enumerate(_Clip.names)] == [
        True,
        True,
        False,
        False,
    ]
    for labels in answers[2:]:
        assert np.array_equal(labels, _mask(r8=1)), "nothing of the earlier answer is left where it was mended"


# ----------------------------------------------------------------------------------------------- folder to folder


def test_masks_are_written_under_the_frames_names(recorder, clip, tmp_path):
    seen = []
    segment_video(
        clip, mask=tmp_path / "first.png", method="record", out=tmp_path / "out", progress=lambda x: seen.append(x) or x
    )
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{name}.png" for name in _Clip.names]
    assert np.array_equal(read_mask(tmp_path / "out" / "00003.png"), _mask(r2=1, r3=2))
    assert seen == [_Clip.names]


def test_a_folder_of_masks_introduces_each_id_once(recorder, clip, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    write_mask(masks / "00000.png", _mask(r2=1))
    write_mask(masks / "00001.png", _mask(r4=1))  # nothing new: passed over
    write_mask(masks / "00002.png", _mask(r2=1, r7=5, r8=255))
    segment_video(clip, mask=masks, method="record", out=tmp_path / "out")
    assert recorder.calls == [("start", 0, {0, 1}), ("step", 1), ("step", 2), ("add", 2, {0, 5}), ("step", 3)]
    assert np.array_equal(read_mask(tmp_path / "out" / "00003.png"), _mask(r2=1, r7=5))


def test_a_correction_from_folder_to_folder(recorder, clip, tmp_path):
    segment_video(clip, mask=tmp_path / "first.png", method="record", out=tmp_path / "out")
    write_mask(tmp_path / "00002.png", _mask(r9=1))
    options = {"mask": tmp_path / "00002.png", "method": "record", "keep": tmp_path / "out"}
    recorder.calls.clear()
    segment_video(clip, out=tmp_path / "out", overwrite=True, **options)  # the earlier masks may be replaced
    assert recorder.calls == [("start", 2, {0, 1}), ("step", 3)]
    masks = [read_mask(tmp_path / "out" / f"{name}.png") for name in _Clip.names]
    first, mended = _mask(r2=1, r3=2), _mask(r9=1)
    assert [np.array_equal(a, b) for a, b in zip(masks, [first, first, mended, mended])] == [True] * 4


def test_a_correction_that_does_not_fit_is_named(recorder, clip, tmp_path):
    segment_video(clip, mask=tmp_path / "first.png", method="record", out=tmp_path / "out")
    options = {"method": "record", "keep": tmp_path / "out", "out": tmp_path / "new"}
    with pytest.raises(InputError, match=r"first\.png has no frame of its name.*00000\.png"):
        segment_video(clip, mask=tmp_path / "first.png", **options)
    write_mask(tmp_path / "00002.png", _mask(r9=1))
    (tmp_path / "out/00001.png").unlink()
    with pytest.raises(InputError, match=r"out has no 00001\.png"):
        segment_video(clip, mask=tmp_path / "00002.png", **options)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no images"):
        segment_video(clip, mask=tmp_path / "00002.png", **{**options, "keep": tmp_path / "empty"})
    assert not (tmp_path / "new").exists()


def test_zero_shot_methods_keep_nothing(clip, tmp_path):
    with pytest.raises(InputError, match=r"--keep"):
        segment_video(clip, mask=None, method="rvos-zero-shot", keep=tmp_path, out=tmp_path / "out")


def test_each_frame_can_be_watched_with_its_labels(recorder, clip, tmp_path):
    seen = []
    segment_video(
        clip,
        mask=tmp_path / "first.png",
        method="record",
        out=tmp_path / "out",
        watch=lambda frame, labels: seen.append((int(frame[0, 0, 0]), set(np.unique(labels).tolist()))),
    )
    assert seen == [(t, {0, 1, 2}) for t in range(4)]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.ones(SIZE, np.uint8), "object 1 in every pixel"),
        (np.zeros(SIZE, np.uint8), "no object"),
        (_mask(r1=255, r2=255), "no object"),  # void alone
        (np.ones((6, 8), np.uint8), "8x6 pixels but the frames are 16x12"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(labels, words, clip, tmp_path):
    write_mask(tmp_path / "bad.png", labels)
    with pytest.raises(InputError, match=r"bad\.png") as caught:
        segment_video(clip, mask=tmp_path / "bad.png", method="frtm-d-only", out=tmp_path / "out")
    assert words in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_mask_folder_is_checked_too(tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    write_mask(masks / "00009.png", _mask(r2=1))
    with pytest.raises(InputError, match=r"00009\.png has no frame"):
        read_given(masks, names=_Clip.names, size=SIZE)
    (masks / "00009.png").unlink()
    write_mask(masks / "00001.png", _mask())
    with pytest.raises(InputError, match="no object"):
        read_given(masks, names=_Clip.names, size=SIZE)


def test_what_is_missing_or_unknown_is_said(clip, tmp_path):
    options = {"mask": tmp_path / "first.png", "out": tmp_path / "out"}
    with pytest.raises(InputError, match=r"frtmm: choose one of frtm, "):
        segment_video(clip, method="frtmm", **options)
    with pytest.raises(InputError, match="--mask"):
        segment_video(clip, method="frtm-d-only", **{**options, "mask": None})
    with pytest.raises(InputError, match=r"first\.png.*--checkpoint"):
        segment_video(clip, method="frtm-d-only", checkpoint=tmp_path / "first.png", **options)
    with pytest.raises(InputError, match=r"frtm is not tuned .* osvos, .* are: leave --budget out"):
        segment_video(clip, method="frtm", budget=10, **options)
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="a budget is seconds, 0 or more"):
            segment_video(clip, method="osvos", budget=seconds, **options)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device"):
        build("frtm-d-only", device="cuda")


def test_the_output_never_replaces_an_input(recorder, clip, tmp_path):
    for out in (clip, tmp_path, clip / ".." / "clip"):
        with pytest.raises(InputError, match="is, or holds, the input"):
            segment_video(clip, mask=tmp_path / "first.png", method="record", out=out, overwrite=True)
    assert len(list(clip.iterdir())) == 4


def test_an_error_half_way_leaves_no_folder(recorder, clip, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    Image.fromarray(noise).save(clip / "00003.png")
    (clip / "00003.png").write_bytes((clip / "00003.png").read_bytes()[:300])
    with pytest.raises(InputError, match="00003"):
        segment_video(clip, mask=tmp_path / "first.png", method="record", out=tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip", "first.png"]


def test_a_note_reaches_the_caller_or_else_the_log(monkeypatch, caplog):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr("vosbook.features._download", lambda name: None)
    said = []
    assert build("frtm-d-only", device="cpu", note=said.append).backbone.name == "filters"
    assert len(said) == 1
    build("frtm-d-only", device="cpu")
    assert "filter bank" in caplog.text


# ----------------------------------------------------------------------------------------------------------- zero-shot


class _Finder(_Recorder):
    """A zero-shot method that finds one object, one row lower in every frame."""

    def start(self, frame, masks):
        super().start(frame, _mask(r0=1))
        assert masks is None
        return self.labels.copy()

    def step(self, frame):
        self.labels = np.roll(super().step(frame), 1, axis=0)
        return self.labels.copy()


@pytest.fixture()
def finder(monkeypatch) -> _Finder:
    """The zero-shot method "find" in the registry."""
    finder = _Finder()
    monkeypatch.setitem(METHODS, "find", Method("find", "none", "nothing", lambda **_: finder, zero_shot=True))
    return finder


def test_a_zero_shot_method_answers_for_every_frame_and_sees_each_once():
    finder = _Finder()
    answers = list(segment_frames(finder, _Clip(), None))
    assert [call[:2] for call in finder.calls] == [("start", 0), ("step", 1), ("step", 2), ("step", 3)]
    for t, labels in enumerate(answers):
        assert np.array_equal(labels, _mask(**{f"r{t}": 1}))


def test_a_zero_shot_method_takes_no_mask(finder, clip, tmp_path):
    with pytest.raises(InputError, match=r"first\.png is no use to find.*leave --mask out"):
        segment_video(clip, mask=tmp_path / "first.png", method="find", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    segment_video(clip, mask=None, method="find", out=tmp_path / "out")
    assert np.array_equal(read_mask(tmp_path / "out" / "00003.png"), _mask(r3=1))
