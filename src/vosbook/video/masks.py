"""Masks on disk <-> labels `uint8 (H, W)`: 0 background, 1..254 object ids, 255 void."""

import logging
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from vosbook.errors import InputError
from vosbook.video.files import list_images
from vosbook.video.images import decode_image, open_image
from vosbook.video.labels import PALETTE
from vosbook.video.png import read_flat_png
from vosbook.video.values import Note, Stored, to_labels

log = logging.getLogger(__name__)


def read_mask(path: str | Path, *, size: tuple[int, int] | None = None, note: Note = log.warning) -> np.ndarray:
    """Read a mask of any common kind as labels `uint8 (H, W)`.

    Gray and bilevel 0/255 become 0/1, with soft edges too; palette indices are ids, unless the palette does not begin
    with black; an RGB image is looked up in the DAVIS palette (white is id 1); an object that was cut out is where the
    image can be seen. 255 beside other ids is void. Where another reading would have been possible `note` is called
    with a line that says how the file was read. `size` (H, W), where given, must match. InputError names the file when
    it is damaged, a JPEG, a photograph, has colours outside the palette, or ids above 255.
    """
    path = Path(path)
    labels = to_labels(read_flat_png(path) or _read_stored(path), path, note)
    check_mask_size(labels, size, path)
    return labels


def check_mask_size(labels: np.ndarray, size: tuple[int, int] | None, path: Path) -> None:
    """InputError, which names `path`, unless the labels have the `size` (H, W). None: any will do."""
    if size is not None and labels.shape != tuple(size):
        (h, w), (want_h, want_w) = labels.shape, size
        raise InputError(f"{path} is {w}x{h} pixels but the frames are {want_w}x{want_h}: resize the mask (nearest)")


def _read_stored(path: Path) -> Stored:
    """What Pillow reads of an image."""
    with open_image(path) as image:
        if image.format == "JPEG":  # its blur makes further ids
            raise InputError(f"{path} is a JPEG, which does not keep ids: draw the mask again and save it as PNG")
        decode_image(image, path)
        if image.mode == "P":
            return Stored("P", np.array(image), np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3))
        if image.mode in ("LA", "RGBA"):
            opaque = image.convert(image.mode.removesuffix("A"))
            return Stored(opaque.mode, np.array(opaque), alpha=np.array(image.getchannel("A")))
        return Stored(image.mode, np.array(image))


def write_mask(path: str | Path, labels: np.ndarray) -> None:
    """Write labels `uint8 (H, W)` as an indexed PNG with the DAVIS palette."""
    labels = np.asarray(labels)
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise ValueError(f"labels must be uint8 (H, W), got {labels.dtype} {labels.shape}")
    image = Image.fromarray(labels)
    image.putpalette(PALETTE.ravel().tolist())  # turns the gray image into an indexed one
    image.save(path, format="PNG", compress_type=zlib.Z_RLE)  # masks are runs: half the time, and no larger


class MaskFolder:
    """The masks of a folder as `Masks`, by frame name."""

    def __init__(self, folder: str | Path, *, size: tuple[int, int] | None = None, note: Note = log.warning):
        """`note` is that of `read_mask`, for the first mask that has one: the others are mostly of the same kind."""
        self.files = {f.stem: f for f in list_images(folder)}
        self.names = tuple(self.files)
        self.size = size
        self.noted = False
        self._say = note

    def __contains__(self, name: object) -> bool:
        return name in self.files

    def __getitem__(self, name: str) -> np.ndarray:
        return self.read(name, size=self.size)

    def read(self, name: str, *, size: tuple[int, int] | None) -> np.ndarray:
        """The mask of the frame `name`, which must have this size (H, W); None: any."""
        return read_mask(self.files[name], size=size, note=self._note)

    def _note(self, line: str) -> None:
        if not self.noted:
            self._say(f"{line} (others of its folder are read in the same way)")
        self.noted = True
