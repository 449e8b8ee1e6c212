"""Frames of folders and of video files, one at a time."""

import tracemalloc

import av
import numpy as np
import pytest
from films import film_with_sound
from pictures import clip_of_square, frames_in, photo

from vosbook.datasets.part import part_of
from vosbook.errors import InputError
from vosbook.video.codec import VideoFile
from vosbook.video.encode import write_video
from vosbook.video.frames import FrameFolder, open_frames, read_frame
from vosbook.video.images import read_image
from vosbook.video.masks import MaskFolder, write_mask
from vosbook.view.overlay import render_video, write_cut_outs


def test_missing_things_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"nothing does not exist"):
        open_frames(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"empty holds no images"):
        open_frames(tmp_path / "empty")
    with pytest.raises(InputError, match=r"nothing is not a folder"):
        MaskFolder(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"no\.png does not exist"):
        read_image(tmp_path / "no.png")
    with pytest.raises(InputError, match=r"no\.mp4 does not exist"):
        VideoFile(tmp_path / "no.mp4")
    photo(tmp_path / "one.png")
    with pytest.raises(InputError, match=r"one\.png is one image"):
        open_frames(tmp_path / "one.png")


def test_frames_in_natural_order(tmp_path):
    folder = frames_in(tmp_path / "f", ["frame10.png", "frame9.png", "frame8.png"])
    (folder / ".hidden.png").write_text("")
    (folder / "notes.txt").write_text("")
    pixels = photo(folder / "frame11.png", seed=5)
    frames = open_frames(folder)
    assert frames.names == ("frame8", "frame9", "frame10", "frame11")
    assert len(frames) == 4 and frames.size == (24, 32)
    assert (frames[3] == pixels).all() and (list(frames)[3] == pixels).all()


def test_frames_of_two_sizes_are_named(tmp_path):
    folder = frames_in(tmp_path / "f", ["00000.png", "00001.png"])
    photo(folder / "00002.png", size=(24, 40))
    with pytest.raises(InputError, match=r"00002\.png is 40x24 pixels but 00000\.png is 32x24"):
        FrameFolder(folder)


def test_one_frame_is_read_without_those_after_it(tmp_path):
    clip = clip_of_square(20)
    write_video(tmp_path / "a.mp4", clip)
    assert np.abs(read_frame(tmp_path / "a.mp4", 3).astype(int) - clip[3]).mean() < 6
    with pytest.raises(InputError, match=r"a\.mp4 has no frame 20"):
        read_frame(tmp_path / "a.mp4", 20)
    with pytest.raises(InputError, match=r"b\.mp4"):
        read_frame(tmp_path / "b.mp4")
    folder = frames_in(tmp_path / "f", ["00000.png", "00001.png"])
    assert np.array_equal(read_frame(folder, 1), read_image(folder / "00001.png"))
    with pytest.raises(InputError, match=r"f has no frame 2"):
        read_frame(folder, 2)


def test_frames_are_read_one_at_a_time(tmp_path):
    """A folder holds names, not pixels."""
    frames = FrameFolder(frames_in(tmp_path / "f", ["00000.png", "00001.png"]))
    first = frames[0]
    photo(frames.files[0], seed=9)
    assert (frames[0] != first).any()


def test_a_long_video_takes_no_more_memory(tmp_path):
    """From file to overlay and cut-outs: what is held at once does not grow with the number of frames."""
    size, peaks = (120, 160), []
    for count in (4, 24):
        clip = (np.full((*size, 3), t, np.uint8) for t in range(count))
        write_video(tmp_path / f"{count}.mp4", clip)
        (tmp_path / f"masks{count}").mkdir()
        video = open_frames(tmp_path / f"{count}.mp4")
        for name in video.names:
            write_mask(tmp_path / f"masks{count}" / f"{name}.png", np.eye(*size, dtype=np.uint8))
        tracemalloc.start()
        masks = MaskFolder(tmp_path / f"masks{count}", size=video.size)
        render_video(video, masks, tmp_path / f"out{count}.mp4")
        write_cut_outs(video, masks, tmp_path / f"cut{count}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + size[0] * size[1] * 3, peaks


def test_a_rendered_video_keeps_times_and_sound(tmp_path):
    source = film_with_sound(tmp_path / "a.mkv", clip_of_square(10))
    (tmp_path / "masks").mkdir()
    video = open_frames(source)
    for name in video.names:
        write_mask(tmp_path / "masks" / f"{name}.png", np.zeros(video.size, np.uint8))
    render_video(video, MaskFolder(tmp_path / "masks"), tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert sorted(s.type for s in container.streams) == ["audio", "video"]
    assert np.allclose(open_frames(tmp_path / "b.mp4").times, video.times, atol=1e-4)


def test_a_part_of_a_video_is_rendered_with_its_own_times(tmp_path):
    (tmp_path / "masks").mkdir()
    video = open_frames(film_with_sound(tmp_path / "a.mkv", clip_of_square(10)))
    for name in video.names[3:]:
        write_mask(tmp_path / "masks" / f"{name}.png", np.zeros(video.size, np.uint8))
    masks = MaskFolder(tmp_path / "masks")
    render_video(part_of(video, "4:8"), masks, tmp_path / "b.mp4")  # a mask more than the part is no stranger
    part = open_frames(tmp_path / "b.mp4")
    assert np.allclose(part.times, np.arange(4) / 25, atol=1e-3)
    for t, frame in enumerate(part):
        differences = [np.abs(frame.astype(int) - other).mean() for other in video]
        assert np.argmin(differences) == 4 + t
    with pytest.raises(InputError, match=r"00000\.png is not among the masks .*--frames"):
        render_video(video, masks, tmp_path / "c.mp4")
