"""Frames and masks on disk <-> arrays.

Frames are `uint8 (H, W, 3)` RGB. Labels are `uint8 (H, W)`: 0 background, 1..254 object ids, 255 void.
Everything is read one frame at a time, so that memory does not grow with the length of the video.
"""

import os
import re
import shutil
import struct
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vosbook.errors import InputError
from vosbook.png import read_flat_png

# OpenCV, and FFmpeg inside it, would print their own lines beside our error.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")
VIDEO_ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
INDEXED_VIDEO = (".mp4", ".mov", ".m4v", ".avi")  # these count their frames; the rest state an estimate
MAX_STATED_RATE = 240.0  # frames per second
MIN_DECODED = 0.9  # share of the stated frames; an editor's cut may hide a few
VOID = 255
MAX_GRAY_IDS = 64  # a gray mask with more values than this is a soft mask, not a label map


def _voc_palette() -> np.ndarray:
    """The colour of every id in PASCAL VOC and DAVIS files: bits 0, 1, 2 of the id, dealt to R, G, B from the top."""
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((ids >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return palette


PALETTE = _voc_palette()  # uint8 (256, 3) RGB; PALETTE[1] is (128, 0, 0)


# ---------------------------------------------------------------------------------------------------- images


def _open_image(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            return Image.open(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(f"{path} has too many pixels for a frame or a mask: scale it down") from None
    except UnidentifiedImageError:
        raise InputError(f"{path} is not an image, whatever its name says: replace or remove it") from None
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}): replace it") from None


def _decode(image: Image.Image, path: Path) -> Image.Image:
    """Decode the pixels now: Pillow opens lazily, and a truncated file shows only here."""
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise InputError(f"{path} is damaged or cut short ({error}): copy it again") from None
    if getattr(image, "is_animated", False) and image.format != "MPO":  # MPO: a camera's photograph and its preview
        raise InputError(f"{path} is an animation: save its frames as single images")
    return image


def read_image(path: str | Path) -> np.ndarray:
    """Read a photograph as `uint8 (H, W, 3)` RGB, turned upright where its EXIF data says so. InputError if damaged."""
    path = Path(path)
    with _open_image(path) as image:
        upright = ImageOps.exif_transpose(_decode(image, path))
    if upright.mode.startswith("I"):  # 16 bits a pixel, of which Pillow would take the lower 8
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    return np.array(upright.convert("RGB"))


def _image_size(path: Path) -> tuple[int, int]:
    """(H, W) from the header alone, after the EXIF rotation."""
    with _open_image(path) as image:
        width, height = image.size
        if image.format == "PNG":  # Pillow decodes all of a PNG to find its EXIF data
            _decode(image, path)
        turned = image.getexif().get(0x0112, 1) >= 5
    return (width, height) if turned else (height, width)


# ----------------------------------------------------------------------------------------------------- masks


def read_mask(path: str | Path, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a mask of any common kind as labels `uint8 (H, W)`.

    Gray and bilevel 0/255 become 0/1; palette indices are ids; an RGB image is looked up in the DAVIS palette (white
    is id 1); alpha is ignored. 255 beside other ids is void. `size` (H, W), where given, must match. InputError names
    the file when it is damaged, a JPEG, a soft mask, has colours outside the palette, or ids above 255.
    """
    path = Path(path)
    labels = _read_flat_labels(path)
    if labels is None:
        labels = _read_labels(path)
    check_mask_size(labels, size, path)
    return labels


def check_mask_size(labels: np.ndarray, size: tuple[int, int] | None, path: Path) -> None:
    """InputError, which names `path`, unless the labels have the `size` (H, W). None: any will do."""
    if size is not None and labels.shape != tuple(size):
        (h, w), (want_h, want_w) = labels.shape, size
        raise InputError(f"{path} is {w}x{h} pixels but the frames are {want_w}x{want_h}: resize the mask (nearest)")


def _read_flat_labels(path: Path) -> np.ndarray | None:
    """Labels by the short cut for flat PNGs; None where it does not apply."""
    mode, values = read_flat_png(path) or ("", None)
    if mode == "L":
        return _gray_labels(values, path)
    if mode == "P" and values.max() == VOID and not _has_ids(values):
        return None  # the palette says what 255 is
    return values


def _read_labels(path: Path) -> np.ndarray:
    with _open_image(path) as image:
        if image.format == "JPEG":  # its blur makes further ids
            raise InputError(f"{path} is a JPEG, which does not keep ids: draw the mask again and save it as PNG")
        _decode(image, path)
        return _to_labels(image, path)


def _to_labels(image: Image.Image, path: Path) -> np.ndarray:
    """Labels `uint8 (H, W)` of an image of whatever mode."""
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode == "P":
        return _palette_labels(image)
    if image.mode in ("L", "LA"):
        gray = image if image.mode == "L" else image.getchannel("L")
        return _gray_labels(np.asarray(gray), path)
    if image.mode.startswith("I"):  # 16 or 32 bits a pixel
        values = np.asarray(image)
        if values.max() > 255:
            raise InputError(f"{path} has the id {values.max()}, and at most 255 fit a mask: renumber its objects")
        return _gray_labels(values.astype(np.uint8), path)
    if image.mode in ("RGB", "RGBA"):
        return _colour_labels(np.asarray(image.convert("RGB")), path)
    raise InputError(f"{path} has pixel mode {image.mode}: save the mask as an indexed or gray PNG")


def _palette_labels(image: Image.Image) -> np.ndarray:
    """Indices are ids, except in a black-and-white picture that was saved with a palette."""
    labels = np.array(image)
    if labels.max() == VOID and not _has_ids(labels):
        colours = np.array(image.getpalette("RGB") or PALETTE.ravel()).reshape(-1, 3)
        if len(colours) == 256 and (colours[VOID] == 255).all():
            labels[labels == VOID] = 1
    return labels


def _has_ids(values: np.ndarray) -> bool:
    """Whether there are values besides 0 and 255. np.unique would answer too, in fifty times the time."""
    return bool((values + np.uint8(1)).max() > 1)  # 255 and 0 become 0 and 1


def _gray_labels(values: np.ndarray, path: Path) -> np.ndarray:
    """0/255 is one object; otherwise the gray values are ids."""
    if not _has_ids(values):
        return (values == 255).view(np.uint8)
    present = np.unique(values)
    if len(present) > MAX_GRAY_IDS:
        raise InputError(
            f"{path} has {len(present)} gray values, so it is a soft mask or a photograph: threshold it to 0 and 255"
        )
    return values.copy()


def _colour_labels(rgb: np.ndarray, path: Path) -> np.ndarray:
    """Look the colours `(H, W, 3)` up in the palette. White is id 1 where black is the only other colour."""
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
        return _gray_labels(rgb[..., 0], path)
    packed = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)  # (H, W): 0xRRGGBB
    known = PALETTE.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)  # (256,)
    order = np.argsort(known)
    place = np.searchsorted(known, packed, sorter=order).clip(max=255)
    labels = order[place].astype(np.uint8)
    stranger = known[labels] != packed
    if stranger.any():
        colour = tuple(rgb[stranger][0].tolist())
        raise InputError(f"{path} has the colour {colour}, which is not in DAVIS's palette: save it as an indexed PNG")
    return labels


def write_mask(path: str | Path, labels: np.ndarray) -> None:
    """Write labels `uint8 (H, W)` as an indexed PNG with the DAVIS palette."""
    labels = np.asarray(labels)
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise ValueError(f"labels must be uint8 (H, W), got {labels.dtype} {labels.shape}")
    image = Image.fromarray(labels)
    image.putpalette(PALETTE.ravel().tolist())  # turns the gray image into an indexed one
    image.save(path, format="PNG")


def object_ids(labels: np.ndarray) -> list[int]:
    """The ids in a label map, without background and void, ascending."""
    return [int(i) for i in np.unique(labels) if i not in (0, VOID)]


def to_one_hot(labels: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """Labels `(H, W)` -> one mask per id, `bool (N, H, W)`. Inverse: `from_one_hot`."""
    return np.asarray(labels)[None] == np.asarray(ids, np.uint8)[:, None, None]


def from_one_hot(masks: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """One mask per id `bool (N, H, W)` -> labels `uint8 (H, W)`; where masks overlap, the later id wins."""
    labels = np.zeros(masks.shape[-2:], np.uint8)
    for mask, i in zip(masks, ids, strict=True):
        labels[mask] = i
    return labels


# ---------------------------------------------------------------------------------------------------- folders


def _natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key under which frame2 comes before frame10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


def list_images(folder: str | Path) -> list[Path]:
    """Image files of a folder in natural order; hidden files are passed over. InputError if there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: check the path")
    visible = [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")]
    files = [f for f in visible if f.suffix.lower() in IMAGE_ENDINGS]
    if not files:
        raise InputError(f"{folder} holds no images ({', '.join(IMAGE_ENDINGS)}): check the path")
    files.sort(key=lambda f: _natural(f.stem))
    for one, other in pairwise(files):
        if one.stem == other.stem:
            raise InputError(f"{one} and {other.name} have the same frame name: keep one of them")
    return files


def check_numbering(files: Sequence[Path], *, sparse: bool = False) -> None:
    """InputError where numbered frames (7.png, frame_007.png) leave a gap. A constant stride is no gap.

    Nor may a number be there twice (7.png, 007.png), or something without one lie between them (cover.png). With
    `sparse` no stride is asked for, unless two frames are neighbours.
    """
    parts = [re.fullmatch(r"(.*?)(\d+)", f.stem, re.DOTALL) for f in files]
    strangers = [file for file, part in zip(files, parts) if part is None]
    if 0 < len(strangers) < len(files):
        raise InputError(f"{strangers[0]} has no number at its end, as other frames have: rename or remove it")
    if strangers or len(files) < 2 or len({part[1] for part in parts}) > 1:
        return
    numbers = [int(part[2]) for part in parts]
    steps = [b - a for a, b in pairwise(numbers)]
    stride = min(steps)
    if stride == 0:
        twice = steps.index(0)
        raise InputError(f"{files[twice]} and {files[twice + 1].name} have the same number: keep one of them")
    if sparse and stride > 1:
        return
    for file, part, step in zip(files, parts, steps):
        if step != stride:
            missing = part[1] + str(int(part[2]) + stride).zfill(len(part[2]))
            raise InputError(f"{file.parent} has no frame {missing} after {file.name}: add it, or renumber the frames")


class FrameFolder:
    """The images of a folder as `Frames`. Headers are checked at once, pixels decoded when asked for.

    `sparse` is for frames that were taken here and there from a video: see `check_numbering`.
    """

    def __init__(self, folder: str | Path, *, sparse: bool = False):
        self.files = list_images(folder)
        check_numbering(self.files, sparse=sparse)
        self.names = tuple(f.stem for f in self.files)
        self.size = _image_size(self.files[0])
        for file in self.files[1:]:
            if (size := _image_size(file)) != self.size:
                (h, w), (h0, w0) = size, self.size
                raise InputError(f"{file} is {w}x{h} pixels but {self.files[0].name} is {w0}x{h0}: make them one size")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, t: int) -> np.ndarray:
        return read_image(self.files[t])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (read_image(f) for f in self.files)


class MaskFolder:
    """The masks of a folder as `Masks`, by frame name."""

    def __init__(self, folder: str | Path, *, size: tuple[int, int] | None = None):
        self.files = {f.stem: f for f in list_images(folder)}
        self.names = tuple(self.files)
        self.size = size

    def __contains__(self, name: object) -> bool:
        return name in self.files

    def __getitem__(self, name: str) -> np.ndarray:
        return read_mask(self.files[name], size=self.size)


# ------------------------------------------------------------------------------------------------ video files


class VideoFile:
    """A video file as `Frames`. Iterating decodes once, front to back; indexing backwards starts over."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{self.path} does not exist")
        first, count, end = None, 0, 0.0
        capture = _open_video(self.path)
        while capture.grab():  # counts what can be decoded: the header's count is only an estimate
            if first is None:
                first = capture.retrieve()[1]
            count += 1
            end = capture.get(cv2.CAP_PROP_POS_MSEC)
        stated, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        if first is None:
            raise InputError(f"{self.path} cannot be decoded as video: convert it to mp4, or to a folder of images")
        if self.path.suffix.lower() in INDEXED_VIDEO and count < stated * MIN_DECODED:
            raise InputError(f"{self.path} is cut short or damaged after frame {count} of {stated:.0f}: copy it again")
        self._count = count
        self.fps = _frame_rate(count, end / 1000, fps)  # frames per second, where they vary the mean
        self.size = first.shape[:2]
        self.names = tuple(f"{t:05d}" for t in range(count))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[np.ndarray]:
        return _decoded(self.path)

    def __getitem__(self, t: int) -> np.ndarray:
        t = range(len(self))[t]  # negative indices, IndexError
        for index, frame in enumerate(self):
            if index == t:
                return frame
        raise IndexError(t)


def _open_video(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)  # others take names for patterns, and print
    if not capture.isOpened():
        raise InputError(f"{path} cannot be decoded as video: convert it to mp4, or to a folder of images")
    return capture


def _decoded(path: Path) -> Iterator[np.ndarray]:
    """The frames of a video file, turned upright where it says so (OpenCV's default)."""
    capture = _open_video(path)
    try:
        while True:
            ok, bgr = capture.read()
            if not ok:
                return
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


def _frame_rate(count: int, seconds: float, stated: float) -> float:
    """Frames per second from the time of the last of `count` frames; of a single one what the file states, or 25.

    A screen's recorder writes a frame when something moves, and states any rate, such as the 1000 ticks of its clock.
    """
    if count > 1 and seconds > 0:
        return round((count - 1) / seconds, 3)  # the clock's ticks are no whole milliseconds
    return stated if 0 < stated <= MAX_STATED_RATE else 25.0


def open_frames(path: str | Path) -> FrameFolder | VideoFile:
    """A folder of images or a video file as `Frames`. InputError names what is wrong with it."""
    path = Path(path)
    if path.is_dir():
        return FrameFolder(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: give a folder of images or a video file")
    if path.suffix.lower() in IMAGE_ENDINGS:
        raise InputError(f"{path} is one image: give the folder that holds the frames")
    return VideoFile(path)


def read_frame(path: str | Path, t: int = 0) -> np.ndarray:
    """Frame `t` of a folder or a video file, `uint8 (H, W, 3)`, without a look at those after it.

    `open_frames` counts a video's frames, which takes as long as decoding them. InputError if there is no frame `t`.
    """
    path = Path(path)
    frames = FrameFolder(path) if path.is_dir() else _decoded(path)
    for frame in islice(frames, t, None):
        return frame
    raise InputError(f"{path} has no frame {t}: count from 0")


def write_video(path: str | Path, frames: Iterable[np.ndarray], *, fps: float = 25.0) -> None:
    """Write frames `uint8 (H, W, 3)` as mp4 (mp4v). The file appears under its name only when it is complete.

    The codec takes even sides only: the last row or column of an odd one is there twice.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path} is no name for a video: end it in .mp4")
    with output_file(path) as partial:
        if not _write_frames(partial, frames, fps):
            raise InputError(f"{path} was not written: there are no frames")
        if not cv2.VideoCapture(str(partial), cv2.CAP_FFMPEG).isOpened():  # OpenCV says nothing of a full disk
            raise InputError(f"{path} could not be written to its end: make room on the disk")


def _write_frames(path: Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames as mp4 under a name that OpenCV takes. Returns how many."""
    writer = cv2.VideoWriter()
    count = 0
    for count, frame in enumerate(frames, start=1):
        if count == 1:
            h, w = frame.shape[:2]
            odd = (0, h % 2, 0, w % 2)
            if not writer.open(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (w + w % 2, h + h % 2)):
                raise InputError(f"{path.parent} takes no video of {w}x{h} pixels: choose another folder or size")
        if frame.shape != (h, w, 3) or frame.dtype != np.uint8:  # OpenCV would leave the frame out, silently
            raise ValueError(f"frames must all be uint8 {(h, w, 3)}, got {frame.dtype} {frame.shape}")
        even = cv2.copyMakeBorder(frame, *odd, cv2.BORDER_REPLICATE)
        writer.write(cv2.cvtColor(even, cv2.COLOR_RGB2BGR))
    writer.release()
    return count


# ----------------------------------------------------------------------------------------------------- output


@contextmanager
def output_folder(path: str | Path, *, overwrite: bool | None = False) -> Iterator[Path]:
    """Yield a hidden folder beside `path`; it takes that name only when the block ends without an error.

    A kill or a full disk therefore never leaves a folder that looks whole. An existing folder that is not empty is
    refused; with `overwrite` it is replaced, but only if it holds nothing but PNGs. None: the caller has no such
    option, and the error names none.
    """
    path = Path(path).resolve()  # a link stays one
    _check_output(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial-", dir=path.parent))
    except OSError as error:
        raise InputError(f"{path} cannot be made ({error.strerror}): choose another folder") from error
    try:
        partial.chmod(0o755)
        yield partial
        _check_output(path, overwrite)  # somebody may have written there in the meantime
        if path.exists():
            shutil.rmtree(path)
        partial.rename(path)
    except OSError as error:
        raise InputError(f"{path} could not be written ({error.strerror or error}): nothing was kept") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def output_file(path: str | Path) -> Iterator[Path]:
    """Yield the name of a hidden file beside `path`; it takes that name only when the block ends without an error.

    A file of that name is replaced. InputError where it cannot be written.
    """
    check_output_file(path)
    path = Path(path).resolve()  # a link stays one
    partial = path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path} could not be written ({error.strerror or error}): nothing was kept") from error
    finally:
        partial.unlink(missing_ok=True)


def check_output_file(path: str | Path) -> None:
    """InputError where a file of this name would have no folder, or would replace what is no file."""
    path = Path(path)
    if path.exists() and not path.is_file():  # a folder, a device
        raise InputError(f"{path} is there and is no file: choose another name for the output")
    if not path.resolve().parent.is_dir():
        raise InputError(f"{path} cannot be written: its folder does not exist")


def _check_output(path: Path, overwrite: bool | None) -> None:
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file: give a folder for the output")
    if not path.exists() or not any(path.iterdir()):
        return
    if not overwrite:
        option = "" if overwrite is None else ", or add --overwrite to replace it"
        raise InputError(f"{path} is not empty: choose another folder{option}")
    for entry in path.iterdir():
        if entry.is_dir() or entry.suffix.lower() != ".png":
            raise InputError(f"{path} holds {entry.name}, which is no mask, so it is kept: choose another folder")
