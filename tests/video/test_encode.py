"""Video files that are written: whole or absent, and such that browsers play them."""

import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from films import film, film_with_sound
from pictures import clip_of_square

from vosbook.errors import InputError
from vosbook.video.codec import VideoFile
from vosbook.video.encode import write_video
from vosbook.video.sound import Sound


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
    with pytest.raises(ValueError, match="more frames than times"):
        write_video(tmp_path / "a.mp4", clip_of_square(3), times=[0.0, 0.1])
    with pytest.raises(InputError, match="cannot be written"):
        write_video(tmp_path / "no/such/folder/a.mp4", clip_of_square())
    with pytest.raises(InputError, match=r"a\.jpg is no name for a video"):
        write_video(tmp_path / "a.jpg", clip_of_square())
    assert capfd.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_no_video(tmp_path):
    code = (
        "import resource, signal, sys; import numpy as np; from vosbook.video.encode import write_video\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "noise = np.random.default_rng(0).integers(0, 256, (20, 96, 96, 3), dtype=np.uint8)\n"
        "write_video(sys.argv[1], noise)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], capture_output=True, text=True)
    assert "InputError" in run.stderr and "a.mp4 could not be written (File too large)" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_plays_in_browsers(tmp_path):
    """H.264 of 4:2:0, even sides, colours named, and the index at the file's start."""
    write_video(tmp_path / "a:b.mp4", clip_of_square(size=(49, 65)), fps=30000 / 1001)
    content = (tmp_path / "a:b.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(f"file:{tmp_path / 'a:b.mp4'}") as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert (context.codec.canonical_name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.width, context.height) == (66, 50)
        assert (context.colorspace, context.color_range) == (1, 1)
        assert stream.average_rate == pytest.approx(30000 / 1001, rel=1e-5)
        assert float(stream.duration * stream.time_base) == pytest.approx(6 * 1001 / 30000, rel=1e-3)


def test_colours_stay(tmp_path):
    """Red by another matrix would be off by more than ten."""
    red = np.full((64, 96, 3), (200, 30, 30), np.uint8)
    write_video(tmp_path / "a.mp4", [red] * 2)
    assert np.abs(VideoFile(tmp_path / "a.mp4")[1].astype(int) - red).max() < 5


SOUNDS = [("a.mp4", "aac", "aac"), ("a.mkv", "libopus", "opus"), ("a.mkv", "pcm_s16le", "aac")]


SOUNDS = [("a.mp4", "aac", "aac"), ("a.mkv", "libopus", "opus"), ("a.mkv", "pcm_s16le", "aac")]


@pytest.mark.parametrize("start", [0, 50])
@pytest.mark.parametrize(("name", "codec", "then"), SOUNDS)
def test_the_sound_comes_along_in_step(tmp_path, name, codec, then, start):
    clip, notes = clip_of_square(20), []
    source = VideoFile(film_with_sound(tmp_path / name, clip, codec, start=start))
    sound = Sound(source.path, note=notes.append)
    write_video(tmp_path / "b.mp4", source, fps=source.fps, times=source.times, sound=sound)
    assert notes == [] and np.allclose(VideoFile(tmp_path / "b.mp4").times, np.arange(20) / 25, atol=1e-3)
    with av.open(str(tmp_path / "b.mp4")) as container:
        heard = container.streams.audio[0]
        assert heard.codec_context.codec.canonical_name == then
        frames = list(container.decode(heard))
    times = np.concatenate([f.time + np.arange(f.samples) / f.sample_rate for f in frames])
    loud = np.abs(np.concatenate([f.to_ndarray()[0] for f in frames]))
    first = times[np.argmax(loud > 0.2 * loud.max())]
    assert first == pytest.approx(0.25, abs=0.03)
    assert times[-1] == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("start", [0, 50])
@pytest.mark.parametrize(("name", "codec", "then"), SOUNDS)
def test_the_sound_of_a_part_begins_with_it(tmp_path, name, codec, then, start):
    source = VideoFile(film_with_sound(tmp_path / name, clip_of_square(20), codec, start=start))
    sound = Sound(source.path, since=float(source.times[4]))  # the tone begins 0.25 s in, 0.09 s into the part
    times = source.times[4:16] - source.times[4]
    write_video(tmp_path / "b.mp4", source.walk(range(4, 16)), fps=25, times=times, sound=sound)
    with av.open(str(tmp_path / "b.mp4")) as container:
        frames = list(container.decode(container.streams.audio[0]))
    times = np.concatenate([f.time + np.arange(f.samples) / f.sample_rate for f in frames])
    loud = np.abs(np.concatenate([f.to_ndarray()[0] for f in frames]))
    assert times[np.argmax(loud > 0.2 * loud.max())] == pytest.approx(0.09, abs=0.03)
    assert times[0] > -0.03 and times[-1] == pytest.approx(0.48, abs=0.06)


def test_a_video_without_sound_has_none_afterwards(tmp_path):
    source, notes = film(tmp_path / "a.mp4", clip_of_square()), []
    write_video(tmp_path / "b.mp4", VideoFile(source), sound=Sound(source, note=notes.append))
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert [s.type for s in container.streams] == ["video"] and notes == []


def test_pixels_that_are_not_square_stay_so(tmp_path):
    def prepare(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)

    source = VideoFile(film(tmp_path / "a.mp4", clip_of_square(), prepare=prepare))
    write_video(tmp_path / "b.mp4", source, pixel_aspect=source.pixel_aspect)
    assert VideoFile(tmp_path / "b.mp4").pixel_aspect == Fraction(16, 11)
