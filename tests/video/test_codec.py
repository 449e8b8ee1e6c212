"""Video files: rotation, rates, damage; what is written is whole or absent."""

import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import clip_of_square, cut_short

from vosbook.errors import InputError
from vosbook.video.codec import VideoFile, _frame_rate, write_video
from vosbook.video.frames import open_frames


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


# What OpenCV writes ends in a `moov` box, so that what is changed in there moves no frame.


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


def _retime(path: Path, runs: list[tuple[int, int]]) -> None:
    """Give an mp4's frames other durations: pairs of a number of frames and their ticks."""
    data = bytearray(path.read_bytes())
    inside = [b"moov", b"trak", b"mdia", b"minf", b"stbl"]
    start, end = _box(data, *inside, b"stts")
    table = struct.pack(">II", 0, len(runs)) + b"".join(struct.pack(">II", *run) for run in runs)
    grown = len(table) - (end - start)
    for depth in range(len(inside)):
        at = _box(data, *inside[: depth + 1])[0] - 8
        data[at : at + 4] = struct.pack(">I", struct.unpack(">I", data[at : at + 4])[0] + grown)
    data[start - 8 : start - 4] = struct.pack(">I", len(table) + 8)
    data[start:end] = table
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
    write_video(tmp_path / "a.mp4", clip_of_square(9), fps=10)
    # In ticks of 1/10240 s; OpenCV wrote 9 times 1024, and their sum must stay: the file's edit list ends there.
    _retime(tmp_path / "a.mp4", [(4, 512), (3, 2048), (2, 512)])
    video = open_frames(tmp_path / "a.mp4")
    assert len(video) == 9 == len(list(video))
    assert [int(np.argmax(frame[18, :, 0] > 140)) // 4 for frame in video] == list(range(9)), "each frame once"
    assert video.fps == pytest.approx(8 / ((9216 - 512) / 10240), rel=0.001)  # from the first frame to the last
    write_video(tmp_path / "b.mp4", video, fps=video.fps)
    assert open_frames(tmp_path / "b.mp4").fps == pytest.approx(video.fps, rel=0.01)


@pytest.mark.parametrize(("stated", "want"), [(0.0, 25.0), (1000.0, 25.0), (90000.0, 25.0), (30.0, 30.0)])
def test_the_rate_that_a_single_frame_states_may_be_nonsense(stated, want):
    assert _frame_rate(1, 0.0, stated) == want


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


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 50, b"\0\0\0\x1cftyp"])
def test_a_video_that_cannot_be_decoded_is_named(tmp_path, content, capfd):
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"clip\.mp4 cannot be decoded"):
        open_frames(tmp_path / "clip.mp4")
    assert capfd.readouterr().err == ""  # OpenCV and FFmpeg keep quiet: the error is one line


def test_a_video_cut_short_is_named(tmp_path):
    write_video(tmp_path / "clip.mp4", clip_of_square())
    cut_short(tmp_path / "clip.mp4", 0.5)
    with pytest.raises(InputError, match=r"clip\.mp4 cannot be decoded"):
        open_frames(tmp_path / "clip.mp4")


def test_a_video_that_breaks_off_is_named(tmp_path):
    """What is left of an AVI can be decoded, and its header still counts every frame."""
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for frame in clip_of_square(20):
        writer.write(frame)
    writer.release()
    assert len(open_frames(tmp_path / "clip.avi")) == 20
    cut_short(tmp_path / "clip.avi", 0.5)
    with pytest.raises(InputError, match=r"clip\.avi is cut short or damaged after frame \d+ of 20"):
        open_frames(tmp_path / "clip.avi")


def test_write_video_is_whole_or_absent(tmp_path, capfd):
    def broken():
        yield from clip_of_square()
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        write_video(tmp_path / "a.mp4", broken())
    with pytest.raises(InputError, match="no frames"):
        write_video(tmp_path / "a.mp4", [])
    with pytest.raises(ValueError, match=r"\(48, 64, 3\).*\(20, 20, 3\)"):
        write_video(tmp_path / "a.mp4", [*clip_of_square(2), np.zeros((20, 20, 3), np.uint8)])
    with pytest.raises(InputError, match="cannot be written"):
        write_video(tmp_path / "no/such/folder/a.mp4", clip_of_square())
    with pytest.raises(InputError, match=r"a\.jpg is no name for a video"):
        write_video(tmp_path / "a.jpg", clip_of_square())
    assert capfd.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_no_video(tmp_path):
    code = (
        "import resource, signal, sys; import numpy as np; from vosbook.video.codec import write_video\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "noise = np.random.default_rng(0).integers(0, 256, (20, 96, 96, 3), dtype=np.uint8)\n"
        "write_video(sys.argv[1], noise)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], capture_output=True, text=True)
    assert "InputError" in run.stderr and "a.mp4 could not be written to its end" in run.stderr
    assert list(tmp_path.iterdir()) == []
