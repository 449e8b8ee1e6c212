"""Video files as frames: every kind, upright, without interlacing, in their own times."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import film, woven
from pictures import clip_of_square

from vosbook.video.codec import VideoFile
from vosbook.video.encode import write_video
from vosbook.video.frames import open_frames, read_frame


def test_video_round_trip(tmp_path):
    clip = clip_of_square()
    write_video(tmp_path / "clip.mp4", clip, fps=12)
    video = open_frames(tmp_path / "clip.mp4")
    assert isinstance(video, VideoFile)
    assert len(video) == 6 and video.size == (48, 64) and video.names[5] == "00005"
    assert video.fps == pytest.approx(12)
    for t, frame in enumerate(video):
        assert frame.shape == (48, 64, 3) and np.abs(frame.astype(int) - clip[t]).mean() < 6
        assert abs(int(frame[18, 4 * t + 8, 0]) - 220) < 40 and abs(int(frame[18, 4 * t + 8, 2]) - 40) < 40  # RGB
    assert (video[-1] == video[5]).all() and (video[2] == list(video)[2]).all()
    with pytest.raises(IndexError):
        video[6]
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(("h", "w"), [(33, 47), (1, 1)])
def test_videos_of_odd_sizes_lose_no_pixel(tmp_path, h, w):
    write_video(tmp_path / "odd.mp4", [np.full((h, w, 3), 90, np.uint8)] * 2)
    video = open_frames(tmp_path / "odd.mp4")
    assert video.size == (h + 1, w + 1) and np.abs(video[1].astype(int) - 90).max() < 6


def _box(data: bytes, *path: bytes) -> tuple[int, int]:
    """Where the content of an mp4's box begins and ends."""
    start, end = 0, len(data)
    for wanted in path:
        while True:
            size, kind = struct.unpack(">I4s", data[start : start + 8])
            if kind == wanted:
                start, end = start + 8, start + size
                break
            start += size
    return start, end


def _turn(path: Path, matrix: tuple[int, ...]) -> None:
    """Write a rotation into an mp4's header, as telephones do."""
    data = bytearray(path.read_bytes())
    start, _ = _box(data, b"moov", b"trak", b"tkhd")
    data[start + 40 : start + 76] = struct.pack(">9i", *(65536 * n for n in matrix), 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("matrix", "size", "corner"),
    [((0, 1, 0, -1, 0, 0, 0, 0), (64, 48), (0, -1)), ((-1, 0, 0, 0, -1, 0, 0, 0), (48, 64), (-1, -1)),
     ((0, -1, 0, 1, 0, 0, 0, 0), (64, 48), (-1, 0))],
)  # fmt: skip
def test_a_video_that_says_it_lies_on_its_side_is_turned_upright(tmp_path, matrix, size, corner):
    clip = clip_of_square()
    for frame in clip:
        frame[:8, :8] = 255  # top left
    write_video(tmp_path / "a.mp4", clip)
    _turn(tmp_path / "a.mp4", matrix)
    video = open_frames(tmp_path / "a.mp4")
    assert video.size == size and all(frame.shape[:2] == size for frame in video)
    found = [at for at in ((0, 0), (0, -1), (-1, 0), (-1, -1)) if video[0][at].min() > 200]
    assert found == [corner]


def test_frames_of_varying_duration_are_all_there_and_last_as_long_as_before(tmp_path):
    ticks = [0, 50, 100, 150, 200, 400, 600, 800, 850]
    film(tmp_path / "a.mkv", clip_of_square(9), milliseconds=ticks)
    video = open_frames(tmp_path / "a.mkv")
    assert len(video) == 9 == len(list(video))
    assert [int(np.argmax(frame[18, :, 0] > 140)) // 4 for frame in video] == list(range(9)), "each frame once"
    assert video.fps == pytest.approx(8 / 0.85, rel=0.001)  # from the first frame to the last
    write_video(tmp_path / "b.mp4", video, fps=video.fps, times=video.times)
    again = open_frames(tmp_path / "b.mp4")
    assert again.fps == video.fps and np.allclose(again.times * 1000, ticks, atol=0.02)


def test_a_video_of_one_frame(tmp_path):
    write_video(tmp_path / "a.mp4", clip_of_square(1), fps=12)
    video = open_frames(tmp_path / "a.mp4")
    assert len(video) == 1 == len(list(video)) and video.names == ("00000",) and video.fps > 0


def test_a_frame_of_4k(tmp_path):
    frame = np.full((2160, 3840, 3), 90, np.uint8)
    frame[500:1500, 2000:3000] = (200, 40, 40)
    write_video(tmp_path / "a.mp4", [frame] * 2)
    video = open_frames(tmp_path / "a.mp4")
    assert video.size == (2160, 3840)
    assert np.abs(video[1][::20, ::20].astype(int) - frame[::20, ::20]).mean() < 6


# -------------------------------------------------------------------------------------- every kind, the right frames


@pytest.mark.parametrize(
    ("name", "codec", "more"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mkv", "libx264", {}),
        ("a.ts", "libx264", {}),
        ("a.mp4", "libx264", {"container": {"movflags": "frag_keyframe+empty_moov"}}),
        ("a.mp4", "libx264", {"pixels": "yuvj420p"}),
        ("a.mkv", "libx264", {"pixels": "yuv420p10le"}),
        ("a.mov", "prores_ks", {"pixels": "yuv422p10le"}),
        ("a.webm", "libvpx-vp9", {}),
        ("a.webm", "libvpx", {}),
        ("a.mp4", "libsvtav1", {"options": {"preset": "12"}}),
        ("a.mpg", "mpeg2video", {}),
        ("a.avi", "mpeg4", {}),
        ("a.avi", "mjpeg", {"pixels": "yuvj420p"}),
        ("a.mkv", "ffv1", {}),
    ],
)
def test_the_frames_of_every_kind_are_those_that_were_encoded(tmp_path, name, codec, more):
    clip = clip_of_square(12, size=(64, 96))
    video = open_frames(film(tmp_path / name, clip, codec, **more))
    assert len(video) == 12 == len(list(video)) and video.size == (64, 96)
    assert video.fps == pytest.approx(25, rel=0.002)  # Matroska's clock has whole milliseconds
    for want, frame in zip(clip, video):
        assert np.abs(frame.astype(int) - want).mean() < 4
        assert np.abs(frame[40:].astype(int) - 60).max() < 12, "range and matrix are the file's own"


@pytest.mark.parametrize("matrix", [1, 6])  # BT.709 and BT.601
def test_colours_are_read_by_the_matrix_that_the_file_names(tmp_path, matrix):
    red = [np.full((64, 96, 3), (200, 30, 30), np.uint8)] * 3

    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        (stream.height, stream.width), stream.pix_fmt = (64, 96), "yuv420p"
        stream.codec_context.colorspace = matrix
        for t, picture in enumerate(red):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace={1: 1, 6: 5}[matrix])
            frame.pts, frame.time_base = t, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert np.abs(open_frames(tmp_path / "a.mkv")[1].astype(int) - red[0]).max() < 6


# ------------------------------------------------------------------------------------------------------ interlaced


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [("a.mp4", "libx264", {"x264-params": "tff=1"}), ("a.ts", "libx264", {"x264-params": "tff=1"}),
     ("a.mpg", "mpeg2video", {"flags": "+ildct+ilme"}), ("a.avi", "dvvideo", None)],
)  # fmt: skip
def test_interlaced_video_is_made_whole_with_a_note(tmp_path, name, codec, options):
    size = (576, 720) if codec == "dvvideo" else (64, 96)
    moments = [np.full((*size, 3), 60, np.uint8) for _ in range(12)]
    for t, moment in enumerate(moments):
        moment[16:48, 5 * t : 5 * t + 24] = (200, 160, 160)
    path = film(tmp_path / name, woven(moments), codec, options=options)
    notes = []
    video = open_frames(path, note=notes.append)
    assert notes == [f"{path} is interlaced: each frame is one of its two moments, made whole"]
    frames = list(video)
    assert len(frames) == 6 == len(video)
    for t, frame in enumerate(frames):
        nearest = min(np.abs(frame.astype(int) - moments[2 * t + k]).mean() for k in (0, 1))
        comb = np.abs(np.diff(frame[18:46].astype(int), axis=0)).mean()
        assert nearest < 5 and comb < 4, t
    assert all(np.array_equal(one, other) for one, other in zip(frames, video)), "the same in every run"
    assert np.array_equal(read_frame(path, 3), frames[3])
