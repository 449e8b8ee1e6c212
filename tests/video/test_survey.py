"""What a video file lacks is counted; nothing is lost without a word."""

import re

import av
import numpy as np
import pytest
from films import film
from pictures import clip_of_square, cut_short

from vosbook.errors import InputError
from vosbook.video.codec import VideoFile
from vosbook.video.frames import read_frame
from vosbook.video.survey import frame_rate

KINDS = [
    ("a.mkv", "libx264", {}),
    ("a.webm", "libvpx-vp9", {}),
    ("live.webm", "libvpx", {"container": {"live": "1"}}),  # states no duration
    ("a.mp4", "libx264", {"container": {"movflags": "frag_keyframe+empty_moov"}}),
    ("a.mp4", "libx264", {"container": {"movflags": "faststart"}}),
    ("a.avi", "mjpeg", {"pixels": "yuvj420p"}),
    ("a.avi", "mpeg4", {}),
    ("a.gif", "gif", {"pixels": "rgb8", "options": {}}),
    ("a.mkv", "libsvtav1", {"options": {"preset": "12"}}),
]


def _clip(count=40) -> list[np.ndarray]:
    noise = np.random.default_rng(0).integers(0, 30, (count, 64, 64, 3), dtype=np.uint8)
    return [frame + grain for frame, grain in zip(clip_of_square(count, (64, 256)), noise.repeat(4, axis=2))]


def _film(path, codec, more):
    more = {"options": {"g": "10"}} | more
    return film(path, _clip(), codec, **more)


def _counted(path) -> tuple[int, int, int]:
    """After which frame, of how many, how many are lost, as the error says."""
    with pytest.raises(InputError) as error:
        VideoFile(path)
    said = re.search(
        rf"{path.name} is cut short or damaged after frame (\d+) of (?:about )?(\d+), (?:about )?(\d+) lost: copy it "
        rf"again, or make a video of what is left: ffmpeg -i .*{path.name} -c:v libx264 {path.stem}-new.mp4",
        str(error.value),
    )
    assert said, str(error.value)
    return tuple(int(number) for number in said.groups())


@pytest.mark.parametrize("share", [0.5, 0.97])
@pytest.mark.parametrize(("name", "codec", "more"), KINDS)
def test_a_video_that_breaks_off_is_refused(tmp_path, name, codec, more, share):
    path = _film(tmp_path / name, codec, more)
    assert len(VideoFile(path)) == 40
    cut_short(path, share)
    after, total, lost = _counted(path)
    assert after < 40 and 1 <= lost <= total - after + 1
    if name not in ("live.webm", "a.gif") and "frag" not in str(more):  # these state no duration
        assert total in (40, 41) and abs(total - lost - 40 * share) < 12, "what can be decoded up to there is counted"


def test_a_cut_between_two_frames_is_noticed(tmp_path):
    """Every frame that is there is whole; the index knows of one more."""
    path = _film(tmp_path / "a.mp4", "libx264", {"container": {"movflags": "faststart"}})
    with av.open(str(path)) as container:
        last = max(entry.pos for entry in container.streams.video[0].index_entries)
    path.write_bytes(path.read_bytes()[:last])
    assert _counted(path)[1:] == (40, 1)


def test_an_end_without_frames_may_lack(tmp_path):
    """A Matroska file's index comes last. The note is for what FFmpeg stumbles over; the rest it passes over."""
    path, notes = _film(tmp_path / "a.mkv", "libx264", {}), []
    content = path.read_bytes()
    for lacking in range(4, 124, 4):
        path.write_bytes(content[:-lacking])
        assert len(VideoFile(path, note=notes.append)) == 40
    assert set(notes) == {f"{path} does not end as it should: no frame is lost, but it was not copied to its end"}


@pytest.mark.parametrize(("name", "codec", "more"), [*KINDS[:7], ("a.ts", "libx264", {}), ("a.mpg", "mpeg2video", {})])
def test_a_hole_in_the_middle_is_refused(tmp_path, name, codec, more):
    path = _film(tmp_path / name, codec, more)
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + content[half + len(content) // 9 :])
    after, _, lost = _counted(path)
    assert 5 < after < 40 and lost >= 1


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mpg", "mpeg2video"), ("a.mov", "mpeg4")])
def test_flipped_bits_are_refused(tmp_path, name, codec):
    path = _film(tmp_path / name, codec, {})
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[len(content) // 2 : len(content) // 2 + 200 : 7] ^= 0x5A
    path.write_bytes(content.tobytes())
    after, total, lost = _counted(path)
    assert total in (39, 40) and 5 < after < 35 and 1 <= lost <= 25


def test_a_recording_that_begins_amid_a_group_of_pictures_is_taken(tmp_path):
    """What comes before the first whole picture was never there to be seen."""
    path = _film(tmp_path / "a.ts", "mpeg2video", {})
    content = path.read_bytes()
    path.write_bytes(content[len(content) // 3 // 188 * 188 :])
    video = VideoFile(path)
    frames = list(video)
    assert 20 <= len(video) == len(frames) <= 30
    for frame, want in zip(frames, _clip()[-len(frames) :]):
        assert np.abs(frame.astype(int) - want).mean() < 12


@pytest.mark.parametrize(("start", "end", "least"), [(1500, 5000, 1), (800, 2800, 9)])
def test_a_damaged_beginning_is_refused(tmp_path, start, end, least):
    """Its first picture is patched up, or lacks; then all are lost that build on it."""
    path = _film(tmp_path / "a.mkv", "libx264", {})
    content = bytearray(path.read_bytes())
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    after, total, lost = _counted(path)
    assert after == 0 and total == 40 and least <= lost < 20
    with pytest.raises(InputError, match=r"a\.mkv is damaged: copy it again"):
        read_frame(path, 15)


def test_a_change_of_size_is_refused(tmp_path):
    """Two broadcasts in one file."""
    for t, size in enumerate([(48, 64), (96, 128)]):
        film(tmp_path / f"{t}.ts", clip_of_square(10, size), "mpeg2video")
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join((tmp_path / f"{t}.ts").read_bytes() for t in (0, 1)))
    with pytest.raises(InputError, match=r"both\.ts changes from 64x48 .* to 128x96 .* near frame 9: cut it there"):
        VideoFile(path)


@pytest.mark.parametrize(("stated", "want"), [(0.0, 25.0), (1000.0, 25.0), (90000.0, 25.0), (30.0, 30.0)])
def test_the_rate_that_a_single_frame_states_may_be_nonsense(stated, want):
    assert frame_rate(1, 0.0, stated) == want
