"""A video file walked from any frame, both ways: always the frames that decoding from the start gives."""

from itertools import pairwise

import numpy as np
import pytest
from films import film, woven

from vosbook.video import codec
from vosbook.video.codec import VideoFile
from vosbook.video.frames import open_frames

NOTHING = lambda line: None  # noqa: E731
H264 = {"g": "12", "bf": "3", "crf": "18"}
KINDS = {
    "closed.mp4": ("libx264", H264),
    "open.mp4": ("libx264", {**H264, "x264-params": "open-gop=1:keyint=12:min-keyint=12:scenecut=0"}),
    "long.mp4": ("libx264", {"g": "250", "bf": "3"}),
    "open.ts": ("libx264", {**H264, "x264-params": "open-gop=1:keyint=12"}),
    "h265.mkv": ("libx265", {"x265-params": "keyint=12:log-level=none"}),
    "mpeg2.ts": ("mpeg2video", {"g": "12", "bf": "2"}),
    "mpeg2.mpg": ("mpeg2video", {"g": "12", "bf": "2"}),
    "mpeg4.avi": ("mpeg4", {"g": "12"}),
    "vp9.webm": ("libvpx-vp9", {"g": "12", "deadline": "realtime"}),
    "still.avi": ("mjpeg", {}),
}


def _clip(count: int) -> list[np.ndarray]:
    """Frames that differ from each other in every part."""
    noise = np.random.default_rng(0).integers(0, 256, (4, 6, 3))
    return [np.kron((noise + 17 * t) % 256, np.ones((12, 12, 1))).astype(np.uint8) for t in range(count)]


@pytest.fixture(params=KINDS)
def video(request, tmp_path, monkeypatch) -> VideoFile:
    kind, options = KINDS[request.param]
    pixels = "yuvj420p" if kind == "mjpeg" else "yuv420p"
    monkeypatch.setattr(codec, "HELD", 5 * 48 * 72 * 3)  # five frames
    return open_frames(film(tmp_path / request.param, _clip(60), kind, pixels=pixels, options=options), note=NOTHING)


def test_both_ways_and_from_anywhere_the_frames_are_those_decoded_from_the_start(video):
    want = list(video)
    assert len(want) == 60 and all(not np.array_equal(a, b) for a, b in pairwise(want))
    for order in (range(59, -1, -1), range(41, 17, -1), range(30, 50), range(59, 60), range(0, -1, -1), range(5, 5)):
        got = list(video.walk(order))
        assert len(got) == len(order)
        assert [t for t, frame in zip(order, got) if not np.array_equal(frame, want[t])] == []
    assert np.array_equal(video[37], want[37])


def test_interlaced_frames_are_made_whole_in_the_same_way(tmp_path, monkeypatch):
    monkeypatch.setattr(codec, "HELD", 5 * 48 * 72 * 3)
    path = film(tmp_path / "tape.ts", woven(_clip(120)), options={"x264-params": "tff=1:keyint=12"})
    notes = []
    video = open_frames(path, note=notes.append)
    assert len(notes) == 1 and "interlaced" in notes[0]
    want = list(video)
    for order in (range(59, -1, -1), range(30, 50)):
        assert [t for t, frame in zip(order, video.walk(order)) if not np.array_equal(frame, want[t])] == []


def test_a_video_is_walked_backwards_in_time_that_does_not_grow_with_its_square(tmp_path, monkeypatch):
    """Counted in frames that are decoded."""
    monkeypatch.setattr(codec, "HELD", 12 * 48 * 72 * 3)
    decoded = []
    plain = codec._coded_frames
    monkeypatch.setattr(codec, "_coded_frames", lambda *a: (decoded.append(1) or frame for frame in plain(*a)))
    counts = []
    for length in (120, 240):
        options = {"g": "12", "bf": "2"}
        video = open_frames(film(tmp_path / f"{length}.mp4", _clip(length), options=options), note=NOTHING)
        decoded.clear()
        assert sum(1 for _ in video.walk(range(length - 1, -1, -1))) == length
        counts.append(len(decoded))
    assert counts[1] < 2.3 * counts[0] and counts[1] < 4 * 240


def test_a_frame_behind_the_one_looked_for_is_no_entry(tmp_path, monkeypatch):
    """As where a file is entered by the order of decoding, and not of showing."""
    kind, options = KINDS["closed.mp4"]
    video = open_frames(film(tmp_path / "a.mp4", _clip(60), kind, options=options), note=NOTHING)
    want = list(video)
    monkeypatch.setattr(codec, "LEAD", -8)
    for t in range(51):
        assert np.array_equal(video[t], want[t]), t
