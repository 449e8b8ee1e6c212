"""Frames and masks on disk: every kind of mask, both ways; bad input is named; output is whole or absent."""

import signal
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vosbook.errors import InputError
from vosbook.video import (
    PALETTE,
    VOID,
    FrameFolder,
    MaskFolder,
    VideoFile,
    _frame_rate,
    from_one_hot,
    list_images,
    object_ids,
    open_frames,
    output_folder,
    read_frame,
    read_image,
    read_mask,
    to_one_hot,
    write_mask,
    write_video,
)
from vosbook.view.overlay import render_video, write_cut_outs

LABELS = np.array([[0, 0, 1, 1], [0, 2, 2, 1], [0, 2, 2, 0]], np.uint8)
ONE = (LABELS == 1).astype(np.uint8)


def _photo(path: Path, *, size=(24, 32), seed=0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def _frames(folder: Path, names, **options) -> Path:
    folder.mkdir()
    for name in names:
        _photo(folder / name, **options)
    return folder


def _cut_short(path: Path, share=0.6) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def _clip(count=6, size=(48, 64)) -> list[np.ndarray]:
    """A bright square that moves over a smooth ground: what survives compression."""
    clip = [np.full((*size, 3), 60, np.uint8) for _ in range(count)]
    for t, frame in enumerate(clip):
        frame[10:26, 4 * t : 4 * t + 16] = (220, 120, 40)
    return clip


# ------------------------------------------------------------------------------------------- kinds of masks


def _save(path: Path, mode: str) -> None:
    """LABELS == 1, or all of LABELS where the mode can hold ids, saved as an image of this mode."""
    if mode == "gray 0/255":
        image = Image.fromarray(ONE * 255)
    elif mode == "gray ids":
        image = Image.fromarray(LABELS)
    elif mode == "bilevel":
        image = Image.fromarray(ONE * 255).convert("1")
    elif mode == "LA":
        image = Image.fromarray(np.stack([ONE * 255, np.full_like(ONE, 77)], axis=-1), "LA")
    elif mode == "white RGB":
        image = Image.fromarray(np.repeat(ONE[..., None] * np.uint8(255), 3, axis=2))
    elif mode == "white RGBA":
        image = Image.fromarray(np.repeat(ONE[..., None] * np.uint8(255), 3, axis=2)).convert("RGBA")
    elif mode == "palette colours RGB":
        image = Image.fromarray(PALETTE[LABELS])
    elif mode == "palette colours RGBA":
        image = Image.fromarray(PALETTE[LABELS]).convert("RGBA")
    elif mode == "16 bit ids":
        image = Image.fromarray(LABELS.astype(np.uint16))
    elif mode == "palette":
        image = Image.fromarray(LABELS)
        image.putpalette(PALETTE.ravel().tolist())
    elif mode == "black and white with a palette":
        image = Image.fromarray(ONE * 255)
        image.putpalette(np.repeat(np.arange(256), 3).tolist())
    elif mode == "palette of two":
        image = Image.fromarray(ONE)
        image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(path)


@pytest.mark.parametrize(
    ("mode", "want"),
    [("gray 0/255", ONE), ("gray ids", LABELS), ("bilevel", ONE), ("LA", ONE), ("white RGB", ONE),
     ("white RGBA", ONE), ("palette colours RGB", LABELS), ("palette colours RGBA", LABELS), ("16 bit ids", LABELS),
     ("palette", LABELS), ("black and white with a palette", ONE), ("palette of two", ONE)],
)  # fmt: skip
def test_masks_of_every_kind_read_to_ids(tmp_path, mode, want):
    _save(tmp_path / "m.png", mode)
    got = read_mask(tmp_path / "m.png", size=(3, 4))
    assert got.dtype == np.uint8
    assert got.tolist() == want.tolist()


@pytest.mark.parametrize("save", ["gray", "palette", "RGB"])
def test_void_stays_void_beside_other_ids(tmp_path, save):
    labels = LABELS.copy()
    labels[0, 0] = VOID
    if save == "palette":
        write_mask(tmp_path / "m.png", labels)
    else:
        Image.fromarray(labels if save == "gray" else PALETTE[labels]).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == labels.tolist()
    assert object_ids(labels) == [1, 2]


@pytest.mark.parametrize("i", [1, 2, 128, 254])
def test_one_id_alone_is_kept(tmp_path, i):
    Image.fromarray(ONE * np.uint8(i)).save(tmp_path / "gray.png")
    write_mask(tmp_path / "indexed.png", ONE * np.uint8(i))
    for name in ("gray.png", "indexed.png"):
        assert read_mask(tmp_path / name).tolist() == (ONE * np.uint8(i)).tolist()


def test_every_id_survives_a_round_trip(tmp_path):
    labels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_mask(tmp_path / "m.png", labels)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[3:12] == [128, 0, 0, 0, 128, 0, 128, 128, 0]  # DAVIS: dark red, green, olive
    assert (read_mask(tmp_path / "m.png") == labels).all()
    Image.fromarray(PALETTE[labels]).save(tmp_path / "rgb.png")
    assert (read_mask(tmp_path / "rgb.png") == labels).all()


@pytest.mark.parametrize("labels", [LABELS.astype(int), LABELS[None], LABELS > 0])
def test_write_mask_takes_labels_only(tmp_path, labels):
    with pytest.raises(ValueError, match="uint8"):
        write_mask(tmp_path / "m.png", labels)


def test_empty_mask_has_no_ids(tmp_path):
    write_mask(tmp_path / "m.png", np.zeros((3, 4), np.uint8))
    assert object_ids(read_mask(tmp_path / "m.png")) == []


def test_one_hot_and_back():
    masks = to_one_hot(LABELS, [1, 2])
    assert masks.dtype == bool and masks.shape == (2, 3, 4)
    assert masks.sum(axis=(1, 2)).tolist() == [(LABELS == 1).sum(), (LABELS == 2).sum()]
    assert (from_one_hot(masks, [1, 2]) == LABELS).all()
    both = np.ones((2, 1, 1), bool)
    assert from_one_hot(both, [7, 3]).tolist() == [[3]]  # the later one wins
    assert to_one_hot(LABELS, []).shape == (0, 3, 4)
    assert (from_one_hot(to_one_hot(LABELS, []), []) == 0).all()


def test_bad_masks_are_named(tmp_path):
    path = tmp_path / "mask.png"
    write_mask(path, LABELS)
    with pytest.raises(InputError, match=r"mask\.png is 4x3 pixels but the frames are 8x6"):
        read_mask(path, size=(6, 8))
    Image.fromarray(np.full((3, 4), 300, np.uint16)).save(path)
    with pytest.raises(InputError, match=r"mask\.png has the id 300"):
        read_mask(path)
    Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20)).save(path)
    with pytest.raises(InputError, match=r"mask\.png has 200 gray values"):
        read_mask(path)
    Image.fromarray(np.full((3, 4, 3), (10, 20, 30), np.uint8)).save(path)
    with pytest.raises(InputError, match=r"mask\.png has the colour \(10, 20, 30\)"):
        read_mask(path)
    Image.fromarray(ONE * 255).save(tmp_path / "mask.jpg")
    with pytest.raises(InputError, match=r"mask\.jpg is a JPEG"):
        read_mask(tmp_path / "mask.jpg")


def test_masks_by_name_and_size(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in ("00000", "00005"):
        write_mask(folder / f"{name}.png", LABELS)
    masks = MaskFolder(folder, size=(3, 4))
    assert masks.names == ("00000", "00005") and "00005" in masks and "00001" not in masks
    assert (masks["00005"] == LABELS).all()
    with pytest.raises(InputError, match=r"00000\.png is 4x3"):
        MaskFolder(folder, size=(30, 40))["00000"]


# ------------------------------------------------------------------------------------------------ bad images


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.9])
def test_a_file_cut_short_is_named(tmp_path, ending, share):
    path = tmp_path / f"00003.{ending}"
    _photo(path, size=(240, 320))
    _cut_short(path, share)
    for read in (read_image, read_mask):
        with pytest.raises(InputError, match=rf"00003\.{ending}"):
            read(path)


def test_a_text_file_called_png_is_named(tmp_path):
    folder = _frames(tmp_path / "f", ["00000.png", "00001.png"])
    (folder / "00001.png").write_text("no image")
    for use in (lambda: FrameFolder(folder), lambda: read_mask(folder / "00001.png")):
        with pytest.raises(InputError, match=r"00001\.png is not an image"):
            use()


def test_a_folder_called_png_is_no_image(tmp_path):
    folder = _frames(tmp_path / "f", ["00000.png"])
    (folder / "00001.png").mkdir()
    assert len(list_images(folder)) == 1


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
    _photo(tmp_path / "one.png")
    with pytest.raises(InputError, match=r"one\.png is one image"):
        open_frames(tmp_path / "one.png")


# --------------------------------------------------------------------------------------------------- folders


def test_frames_in_natural_order(tmp_path):
    folder = _frames(tmp_path / "f", ["frame10.png", "frame9.png", "frame8.png"])
    (folder / ".hidden.png").write_text("")
    (folder / "notes.txt").write_text("")
    pixels = _photo(folder / "frame11.png", seed=5)
    frames = open_frames(folder)
    assert frames.names == ("frame8", "frame9", "frame10", "frame11")
    assert len(frames) == 4 and frames.size == (24, 32)
    assert (frames[3] == pixels).all() and (list(frames)[3] == pixels).all()


@pytest.mark.parametrize(
    ("names", "missing"),
    [(["00000", "00001", "00003"], "00002"), (["0", "5", "10", "20"], "15"), (["f_08", "f_09", "f_11"], "f_10"),
     (["001", "003", "004"], "002")],
)  # fmt: skip
def test_gaps_in_numbering_are_named(tmp_path, names, missing):
    folder = _frames(tmp_path / "f", [f"{name}.png" for name in names])
    with pytest.raises(InputError, match=rf"no frame {missing} after"):
        FrameFolder(folder)


@pytest.mark.parametrize(
    ("names", "words"),
    [(["00000", "00001", "cover"], "cover.png has no number"), (["0", "1", "1 (1)"], r"1 \(1\).png has no number"),
     (["003", "3", "4"], "003.png and 3.png have the same number|3.png and 003.png have the same number")],
)  # fmt: skip
def test_strangers_among_numbered_frames_are_named(tmp_path, names, words):
    folder = _frames(tmp_path / "f", [f"{name}.png" for name in names])
    with pytest.raises(InputError, match=words):
        FrameFolder(folder)


@pytest.mark.parametrize("names", [["²", "a³"], ["00000", "00005", "00010"], ["3"], ["a", "c"], ["b1", "a2", "a7"]])
def test_what_is_no_gap(tmp_path, names):
    assert len(FrameFolder(_frames(tmp_path / "f", [f"{name}.png" for name in names]))) == len(names)


def test_frames_of_two_sizes_are_named(tmp_path):
    folder = _frames(tmp_path / "f", ["00000.png", "00001.png"])
    _photo(folder / "00002.png", size=(24, 40))
    with pytest.raises(InputError, match=r"00002\.png is 40x24 pixels but 00000\.png is 32x24"):
        FrameFolder(folder)


def test_two_files_of_one_name_are_named(tmp_path):
    folder = _frames(tmp_path / "f", ["00000.png", "00000.jpg"])
    with pytest.raises(InputError, match="same frame name"):
        FrameFolder(folder)


def test_photographs_are_turned_upright(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8] = 255  # bright left half; turned clockwise, the bright half is on top
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "f").mkdir()
    Image.fromarray(pixels).save(tmp_path / "f/00000.jpg", exif=exif, quality=95)
    frames = FrameFolder(tmp_path / "f")
    assert frames.size == (16, 8) == frames[0].shape[:2]
    assert frames[0][:6].mean() > 240 and frames[0][10:].mean() < 15


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "LA"])
def test_frames_of_every_mode_are_rgb(tmp_path, mode):
    gray = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[None, :, None], 3, axis=2).repeat(8, axis=0)
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    Image.fromarray(gray).convert(mode).save(path)
    got = read_image(path)
    assert got.shape == (8, 16, 3) and got.dtype == np.uint8
    if mode not in ("1", "P"):  # those two lose gray values when they are saved
        assert np.abs(got.astype(int) - gray).max() <= 4


# ---------------------------------------------------------------------------------------------------- videos


def test_16_bit_frames_keep_their_upper_8(tmp_path):
    gray = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(gray.astype(np.uint16) * 256 + 99).save(tmp_path / "deep.png")
    assert (read_image(tmp_path / "deep.png") == gray[..., None]).all()


def test_animations_are_no_frames(tmp_path):
    pages = [Image.fromarray(ONE * np.uint8(100 * n)) for n in (1, 2)]
    pages[0].save(tmp_path / "a.gif", save_all=True, append_images=pages[1:])
    (tmp_path / "a.gif").rename(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"a\.jpg is an animation"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("side", [10_000, 14_000])  # Pillow warns of the one and refuses the other
def test_an_image_of_a_hundred_million_pixels_is_named(tmp_path, side):
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png has too many pixels"):
        read_mask(tmp_path / "a.png")


def test_video_round_trip(tmp_path):
    clip = _clip()
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
    clip = _clip()
    for frame in clip:
        frame[:8, :8] = 255  # top left
    write_video(tmp_path / "a.mp4", clip)
    _turn(tmp_path / "a.mp4", matrix)
    video = open_frames(tmp_path / "a.mp4")
    assert video.size == size and all(frame.shape[:2] == size for frame in video)
    found = [at for at in ((0, 0), (0, -1), (-1, 0), (-1, -1)) if video[0][at].min() > 200]
    assert found == [corner]


def test_frames_of_varying_duration_are_all_there_and_last_as_long_as_before(tmp_path):
    write_video(tmp_path / "a.mp4", _clip(9), fps=10)
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
    write_video(tmp_path / "a.mp4", _clip(1), fps=12)
    video = open_frames(tmp_path / "a.mp4")
    assert len(video) == 1 == len(list(video)) and video.names == ("00000",) and video.fps > 0


def test_one_frame_is_read_without_those_after_it(tmp_path):
    clip = _clip(20)
    write_video(tmp_path / "a.mp4", clip)
    assert np.abs(read_frame(tmp_path / "a.mp4", 3).astype(int) - clip[3]).mean() < 6
    with pytest.raises(InputError, match=r"a\.mp4 has no frame 20"):
        read_frame(tmp_path / "a.mp4", 20)
    with pytest.raises(InputError, match=r"b\.mp4"):
        read_frame(tmp_path / "b.mp4")
    folder = _frames(tmp_path / "f", ["00000.png", "00001.png"])
    assert np.array_equal(read_frame(folder, 1), read_image(folder / "00001.png"))
    with pytest.raises(InputError, match=r"f has no frame 2"):
        read_frame(folder, 2)


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
    write_video(tmp_path / "clip.mp4", _clip())
    _cut_short(tmp_path / "clip.mp4", 0.5)
    with pytest.raises(InputError, match=r"clip\.mp4 cannot be decoded"):
        open_frames(tmp_path / "clip.mp4")


def test_a_video_that_breaks_off_is_named(tmp_path):
    """What is left of an AVI can be decoded, and its header still counts every frame."""
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for frame in _clip(20):
        writer.write(frame)
    writer.release()
    assert len(open_frames(tmp_path / "clip.avi")) == 20
    _cut_short(tmp_path / "clip.avi", 0.5)
    with pytest.raises(InputError, match=r"clip\.avi is cut short or damaged after frame \d+ of 20"):
        open_frames(tmp_path / "clip.avi")


def test_write_video_is_whole_or_absent(tmp_path, capfd):
    def broken():
        yield from _clip()
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        write_video(tmp_path / "a.mp4", broken())
    with pytest.raises(InputError, match="no frames"):
        write_video(tmp_path / "a.mp4", [])
    with pytest.raises(ValueError, match=r"\(48, 64, 3\).*\(20, 20, 3\)"):
        write_video(tmp_path / "a.mp4", [*_clip(2), np.zeros((20, 20, 3), np.uint8)])
    with pytest.raises(InputError, match="cannot be written"):
        write_video(tmp_path / "no/such/folder/a.mp4", _clip())
    with pytest.raises(InputError, match=r"a\.jpg is no name for a video"):
        write_video(tmp_path / "a.jpg", _clip())
    assert capfd.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_no_video(tmp_path):
    code = (
        "import resource, signal, sys; import numpy as np; from vosbook.video import write_video\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "noise = np.random.default_rng(0).integers(0, 256, (20, 96, 96, 3), dtype=np.uint8)\n"
        "write_video(sys.argv[1], noise)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], capture_output=True, text=True)
    assert "InputError" in run.stderr and "a.mp4 could not be written to its end" in run.stderr
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------------- output


def test_output_appears_when_it_is_complete(tmp_path):
    out = tmp_path / "new/masks"
    with output_folder(out) as folder:
        write_mask(folder / "00000.png", LABELS)
        assert not out.exists()
    assert [p.name for p in out.iterdir()] == ["00000.png"]
    assert [p.name for p in out.parent.iterdir()] == ["masks"]


def test_output_refuses_what_is_not_empty(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with output_folder(out) as folder:  # an empty folder is fine
        write_mask(folder / "00000.png", LABELS)
    with pytest.raises(InputError, match=r"out is not empty.*--overwrite"), output_folder(out):
        pass
    with pytest.raises(InputError, match=r"choose another folder$"), output_folder(out, overwrite=None):
        pass
    with output_folder(out, overwrite=True) as folder:
        write_mask(folder / "00001.png", LABELS)
    assert [p.name for p in out.iterdir()] == ["00001.png"]
    (out / "thesis.tex").write_text("dear")
    with pytest.raises(InputError, match=r"thesis\.tex"), output_folder(out, overwrite=True):
        pass
    assert (out / "thesis.tex").exists()


def test_output_keeps_photographs(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match=r"holiday\.jpg"), output_folder(tmp_path, overwrite=True):
        pass
    assert (tmp_path / "holiday.jpg").exists()


def test_output_follows_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    with output_folder(tmp_path / "link") as folder:
        write_mask(folder / "00000.png", LABELS)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "disk/00000.png").is_file()


def test_output_refuses_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file/out"):
        with pytest.raises(InputError, match="file"), output_folder(path):
            pass
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, InputError])
def test_output_leaves_nothing_after_an_error(tmp_path, error):
    with pytest.raises(error), output_folder(tmp_path / "out") as folder:
        write_mask(folder / "00000.png", LABELS)
        raise error("half way")
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_what_was_to_be_overwritten(tmp_path):
    with output_folder(tmp_path / "out") as folder:
        write_mask(folder / "00000.png", LABELS)
    with pytest.raises(RuntimeError), output_folder(tmp_path / "out", overwrite=True):
        raise RuntimeError
    assert (tmp_path / "out/00000.png").exists()


def test_a_full_disk_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"out could not be written \(No space left"), output_folder(tmp_path / "out"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_leaves_no_folder_that_looks_whole(tmp_path, how):
    code = (
        "import sys, time; from vosbook.video import output_folder\n"
        "with output_folder(sys.argv[1]) as f:\n"
        "    (f / '00000.png').write_bytes(b'x'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "out")], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(how)
        process.wait(timeout=20)
    assert not (tmp_path / "out").exists()
    assert all(p.name.startswith(".out.partial-") for p in tmp_path.iterdir())


# --------------------------------------------------------------------------------------------------- memory


def test_frames_are_read_one_at_a_time(tmp_path):
    """A folder holds names, not pixels."""
    frames = FrameFolder(_frames(tmp_path / "f", ["00000.png", "00001.png"]))
    first = frames[0]
    _photo(frames.files[0], seed=9)
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


# ------------------------------------------------------------------------------------------------- real data


@pytest.mark.parametrize("method", ["osvos", "osvoss", "onavos", "stm"])
def test_published_result_masks_read_to_one_object(davis, method):
    for folder in sorted((davis / "davis2016_official/masks" / method).iterdir()):
        truth = davis / "DAVIS2016/Annotations/480p" / folder.name
        file = list_images(folder)[0]
        want = read_mask(truth / file.name)
        got = read_mask(file, size=want.shape)
        assert set(np.unique(got)) <= {0, 1}
        assert ((got == 1) & (want == 1)).sum() / ((got == 1) | (want == 1)).sum() > 0.2
