"""Masks painted over frames: objects in colours, or prediction against truth with its errors.

Frames are `uint8 (H, W, 3)` RGB, labels `uint8 (H, W)`; what comes back is a new `uint8 (H, W, 3)`.

The colours are those of Okabe and Ito ("Color Universal Design", 2008), which stay apart for every common kind of
colour blindness. The palette of DAVIS files (`vosbook.video.labels.PALETTE`) numbers its colours by bits, so that ids 1
and 3 are a dark red and an olive: good for a file, poor over a photograph.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vosbook.datasets.part import Part
from vosbook.datasets.sequence import Frames, Masks
from vosbook.errors import InputError
from vosbook.output import output_folder
from vosbook.video.codec import VideoFile
from vosbook.video.encode import FOLDER_RATE, write_video
from vosbook.video.labels import VOID
from vosbook.video.sound import Sound
from vosbook.view.matte import own_colours, soft_alpha

ORANGE, SKY, GREEN, PURPLE = (230, 159, 0), (86, 180, 233), (0, 158, 115), (204, 121, 167)
YELLOW, BLUE, VERMILLION = (240, 228, 66), (0, 114, 178), (213, 94, 0)
WHITE, GRAY = (255, 255, 255), (128, 128, 128)

OBJECT_COLOURS = (ORANGE, SKY, GREEN, PURPLE, YELLOW, BLUE, VERMILLION)  # of ids 1..7; id 8 starts over

# What `error_map` tells apart. White, vermillion and blue also differ in lightness, so they survive a gray print.
HIT, FALSE_POSITIVE, FALSE_NEGATIVE, WRONG_OBJECT = 1, 2, 3, 4
ERROR_NAMES = {HIT: "hit", FALSE_POSITIVE: "false positive", FALSE_NEGATIVE: "false negative",
               WRONG_OBJECT: "wrong object"}  # fmt: skip
ERROR_COLOURS = {HIT: WHITE, FALSE_POSITIVE: VERMILLION, FALSE_NEGATIVE: BLUE, WRONG_OBJECT: PURPLE}


def object_colour(i: int) -> tuple[int, int, int]:
    """The display colour (R, G, B) in 0..255 of object id `i` >= 1; void is gray."""
    return GRAY if i == VOID else OBJECT_COLOURS[(i - 1) % len(OBJECT_COLOURS)]


_OBJECT_TABLE = np.array([(0, 0, 0), *(object_colour(i) for i in range(1, 256))], np.uint8)  # (256, 3)
_ERROR_TABLE = np.array([(0, 0, 0), *ERROR_COLOURS.values()], np.uint8)  # (5, 3)


def overlay(frame: np.ndarray, labels: np.ndarray, *, opacity: float = 0.5, outline: bool = True) -> np.ndarray:
    """Paint each object over the frame: `opacity` in 0..1 inside it, and its outline at full strength.

    `frame` is uint8 (H, W, 3) RGB and `labels` uint8 (H, W). Returns uint8 (H, W, 3). ValueError if the sizes differ.
    """
    return _paint(frame, labels, _OBJECT_TABLE, opacity, outline)


def error_map(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Tell hits from errors, labels against labels, both uint8 (H, W): uint8 (H, W) of HIT, FALSE_POSITIVE, ...

    0 where both are background, or where the truth is void. A pixel given to another object is WRONG_OBJECT: a false
    positive of one object and a false negative of the other.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction and truth differ in size: {prediction.shape} and {truth.shape}")
    found, there = prediction > 0, truth > 0
    errors = np.zeros(truth.shape, np.uint8)
    errors[found & there] = WRONG_OBJECT
    errors[found & ~there] = FALSE_POSITIVE
    errors[~found & there] = FALSE_NEGATIVE
    errors[(prediction == truth) & there] = HIT
    errors[truth == VOID] = 0
    return errors


def compare(
    frame: np.ndarray, prediction: np.ndarray, truth: np.ndarray, *, opacity: float = 0.6, outline: bool = True
) -> np.ndarray:
    """Paint the errors of a prediction over the frame, in the colours of ERROR_COLOURS.

    `frame` is uint8 (H, W, 3) RGB; `prediction` and `truth` are labels uint8 (H, W). Returns uint8 (H, W, 3).
    """
    return _paint(frame, error_map(prediction, truth), _ERROR_TABLE, opacity, outline)


def _paint(frame: np.ndarray, labels: np.ndarray, table: np.ndarray, opacity: float, outline: bool) -> np.ndarray:
    """Blend the colour that `table` (K, 3) gives each label over the frame."""
    if frame.shape != (*labels.shape, 3):
        raise ValueError(f"frame {frame.shape} does not fit labels {labels.shape}: expected (H, W, 3) and (H, W)")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be in 0..1, got {opacity}")
    picture = frame.copy()
    inside = labels > 0
    picture[inside] = np.rint((1 - opacity) * frame[inside] + opacity * table[labels[inside]])
    if outline:
        edge = outlines(labels)
        picture[edge] = table[labels[edge]]
    return picture


def outlines(labels: np.ndarray) -> np.ndarray:
    """The rim of every object, drawn inside it: bool (H, W). Two pixels wide in 480p; the image's border is no rim."""
    width = max(1, int(labels.shape[0] / 240 + 0.5))
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (2 * width + 1, 2 * width + 1))
    # The largest and the smallest label nearby differ exactly where a second label is near.
    return (cv2.dilate(labels, cross) != cv2.erode(labels, cross)) & (labels > 0)


def render_video(
    frames: Frames,
    masks: Masks,
    out: str | Path,
    *,
    fps: float | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> None:
    """Write the frames with their masks painted over them as an mp4, one frame at a time.

    `fps` None takes a video's own times, and 25 for a folder of images; a video's sound is copied. InputError if a
    frame has no mask, or a mask no frame.
    """
    _check_one_clip(frames, masks)
    pictures: Iterable[np.ndarray] = _overlays(frames, masks)
    if progress is not None:
        pictures = progress(pictures, total=len(frames), desc="render")
    part = frames if isinstance(frames, Part) else Part(frames, range(len(frames)))
    if isinstance(video := part.whole, VideoFile) and fps is None:
        times = video.times[part.numbers.start : part.numbers.stop]
        sound = Sound(video.path, since=float(times[0]))
        write_video(out, pictures, fps=video.fps, times=times - times[0], sound=sound, pixel_aspect=video.pixel_aspect)
    else:
        write_video(out, pictures, fps=fps or FOLDER_RATE)


def cut_out(frame: np.ndarray, labels: np.ndarray, *, soft: bool = False) -> np.ndarray:
    """The objects alone, elsewhere transparent: uint8 (H, W, 4) RGBA; alpha is 0 or 255, or with `soft` also between.

    `frame` is uint8 (H, W, 3) RGB and `labels` uint8 (H, W), whose void counts as background. A soft rim has the
    colours of the object alone (`view.matte`).
    """
    mask = (labels > 0) & (labels != VOID)
    if soft:
        share = soft_alpha(frame, mask)
        frame, alpha = own_colours(frame, share), np.rint(255 * share).astype(np.uint8)
    else:
        alpha = np.where(mask, 255, 0).astype(np.uint8)
    return np.dstack([frame * (alpha[..., None] > 0), alpha])


def write_cut_outs(
    frames: Frames,
    masks: Masks,
    out: str | Path,
    *,
    soft: bool = False,
    progress: Callable[..., Iterable] | None = None,
) -> None:
    """Write the cut-out of every frame, hard or `soft`, as PNG into the folder `out`, which must be new or empty.

    InputError if a frame has no mask or a mask no frame, or the folder cannot be used; then nothing is written.
    """
    _check_one_clip(frames, masks)
    named: Iterable[tuple[str, np.ndarray]] = zip(frames.names, frames, strict=True)
    if progress is not None:
        named = progress(named, total=len(frames), desc="cut out")
    with output_folder(out, overwrite=None) as folder:
        for name, frame in named:
            picture = Image.fromarray(cut_out(frame, masks[name], soft=soft))
            picture.save(folder / f"{name}.png", compress_level=3)


def _overlays(frames: Frames, masks: Masks) -> Iterator[np.ndarray]:
    for name, frame in zip(frames.names, frames, strict=True):
        yield overlay(frame, masks[name])


def _check_one_clip(frames: Frames, masks: Masks) -> None:
    """InputError where frames lack masks, or masks lack frames: they are then of two videos."""
    missing = [name for name in frames.names if name not in masks]
    if missing:
        raise InputError(
            f"{missing[0]}.png is not among the masks ({len(missing)} of {len(frames)} frames have none): "
            "give one mask for every frame, under the frame's name, or name those that have one by --frames"
        )
    whole = frames.whole if isinstance(frames, Part) else frames
    strangers = sorted(set(masks.names) - set(whole.names))
    if strangers:
        raise InputError(
            f"{strangers[0]}.png has no frame ({len(masks.names)} masks, {len(frames)} frames): "
            "give the masks of this video and no others"
        )
