"""A video on disk, and a stand-in for a method: the masks that are written, and what is refused."""

import numpy as np
import pytest
from PIL import Image
from stand_ins import SIZE, Clip, Finder, Recorder, rows

from vosbook.errors import InputError
from vosbook.methods import METHODS, Method
from vosbook.segment import segment_video
from vosbook.segment.given import read_given
from vosbook.video.masks import read_mask, write_mask


@pytest.fixture()
def recorder(monkeypatch) -> Recorder:
    """The method "record" in the registry."""
    recorder = Recorder()
    method = Method("record", "none", "nothing", lambda **options: recorder)
    monkeypatch.setitem(METHODS, "record", method)
    return recorder


@pytest.fixture()
def clip(tmp_path):
    """Four frames as a folder, and the first one's mask, outside it."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for name, frame in zip(Clip.names, Clip()):
        Image.fromarray(frame).save(folder / f"{name}.png")
    write_mask(tmp_path / "first.png", rows(r2=1, r3=2))
    return folder


def test_masks_are_written_under_the_frames_names(recorder, clip, tmp_path):
    seen = []
    segment_video(
        clip, mask=tmp_path / "first.png", method="record", out=tmp_path / "out", progress=lambda x: seen.append(x) or x
    )
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{name}.png" for name in Clip.names]
    assert np.array_equal(read_mask(tmp_path / "out" / "00003.png"), rows(r2=1, r3=2))
    assert seen == [Clip.names]


def test_a_folder_of_masks_introduces_each_id_once(recorder, clip, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    write_mask(masks / "00000.png", rows(r2=1))
    write_mask(masks / "00001.png", rows(r4=1))  # nothing new: passed over
    write_mask(masks / "00002.png", rows(r2=1, r7=5, r8=255))
    segment_video(clip, mask=masks, method="record", out=tmp_path / "out")
    assert recorder.calls == [("start", 0, {0, 1}), ("step", 1), ("step", 2), ("add", 2, {0, 5}), ("step", 3)]
    assert np.array_equal(read_mask(tmp_path / "out" / "00003.png"), rows(r2=1, r7=5))


def test_a_correction_from_folder_to_folder(recorder, clip, tmp_path):
    segment_video(clip, mask=tmp_path / "first.png", method="record", out=tmp_path / "out")
    write_mask(tmp_path / "00002.png", rows(r9=1))
    options = {"mask": tmp_path / "00002.png", "method": "record", "keep": tmp_path / "out"}
    recorder.calls.clear()
    segment_video(clip, out=tmp_path / "out", overwrite=True, **options)  # the earlier masks may be replaced
    assert recorder.calls == [("start", 2, {0, 1}), ("step", 3)]
    masks = [read_mask(tmp_path / "out" / f"{name}.png") for name in Clip.names]
    first, mended = rows(r2=1, r3=2), rows(r9=1)
    assert [np.array_equal(a, b) for a, b in zip(masks, [first, first, mended, mended])] == [True] * 4


def test_a_correction_that_does_not_fit_is_named(recorder, clip, tmp_path):
    segment_video(clip, mask=tmp_path / "first.png", method="record", out=tmp_path / "out")
    options = {"method": "record", "keep": tmp_path / "out", "out": tmp_path / "new"}
    with pytest.raises(InputError, match=r"first\.png has no frame of its name.*00000\.png"):
        segment_video(clip, mask=tmp_path / "first.png", **options)
    write_mask(tmp_path / "00002.png", rows(r9=1))
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
        (rows(r1=255, r2=255), "no object"),  # void alone
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
    write_mask(masks / "00009.png", rows(r2=1))
    with pytest.raises(InputError, match=r"00009\.png has no frame"):
        read_given(masks, names=Clip.names, size=SIZE)
    (masks / "00009.png").unlink()
    write_mask(masks / "00001.png", rows())
    with pytest.raises(InputError, match="no object"):
        read_given(masks, names=Clip.names, size=SIZE)


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
    with pytest.raises(InputError, match=r"osvos takes no proposals, as osvos-s does: leave --proposals out"):
        segment_video(clip, method="osvos", proposals=tmp_path / "found.json", **options)
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="a budget is seconds, 0 or more"):
            segment_video(clip, method="osvos", budget=seconds, **options)


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


# ----------------------------------------------------------------------------------------------------------- zero-shot


@pytest.fixture()
def finder(monkeypatch) -> Finder:
    """The zero-shot method "find" in the registry."""
    finder = Finder()
    monkeypatch.setitem(METHODS, "find", Method("find", "none", "nothing", lambda **_: finder, zero_shot=True))
    return finder


def test_a_zero_shot_method_takes_no_mask(finder, clip, tmp_path):
    with pytest.raises(InputError, match=r"first\.png is no use to find.*leave --mask out"):
        segment_video(clip, mask=tmp_path / "first.png", method="find", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    segment_video(clip, mask=None, method="find", out=tmp_path / "out")
    assert np.array_equal(read_mask(tmp_path / "out" / "00003.png"), rows(r3=1))


def test_a_mask_named_after_a_later_frame_is_not_taken_for_the_first(recorder, clip, tmp_path):
    write_mask(tmp_path / "00002.png", rows(r2=1))
    with pytest.raises(InputError, match=r"00002\.png is named after a later frame than 00000.*--keep"):
        segment_video(clip, mask=tmp_path / "00002.png", method="record", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    write_mask(tmp_path / "00000.png", rows(r2=1))
    segment_video(clip, mask=tmp_path / "00000.png", method="record", out=tmp_path / "out")


def test_a_correction_in_a_folder_of_masks_is_said_to_be_passed_over(recorder, clip, tmp_path, caplog):
    masks = tmp_path / "masks"
    masks.mkdir()
    write_mask(masks / "00000.png", rows(r2=1))
    write_mask(masks / "00002.png", rows(r7=2))
    segment_video(clip, mask=masks, method="record", out=tmp_path / "out")
    assert not caplog.messages
    write_mask(masks / "00001.png", rows(r4=1))
    segment_video(clip, mask=masks, method="record", out=tmp_path / "again")
    assert len(caplog.messages) == 1 and "00001.png shows objects again" in caplog.messages[0]


def test_a_method_that_finds_nothing_is_said_to(recorder, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "step", lambda frame: np.zeros(SIZE, np.uint8))
    said = []
    options = {"mask": tmp_path / "first.png", "method": "record", "note": said.append}
    segment_video(clip, out=tmp_path / "out", **options)
    assert said == ["record found nothing in any frame: look at the mask, or try another method"]
