"""Youtube-Objects with the masks of Jain and Grauman (ECCV 2014), as the archive of masks is unpacked.

aeroplane/data/0001/shots/001/images/00001.png, 00011.png, ...    frames of one shot of a video
aeroplane/data/0001/shots/001/labels/00001.jpg, 00011.jpg, ...    their masks: gray, white where the object is

There are ten categories and no splits. The archive holds about every tenth frame of a video, each with its mask. Who
adds the frames between them, under names that continue the numbering, has frames without annotation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import numpy as np

from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.errors import InputError
from vosbook.video.frames import FrameFolder
from vosbook.video.images import read_image
from vosbook.video.labels import VOID
from vosbook.video.masks import MaskFolder, check_mask_size, read_mask

OBJECT = 1  # its id: all that is annotated in a shot is one object
JPEG = b"\xff\xd8"  # how such a file begins
WHITE = 128  # gray value from which a JPEG's pixel is the object's: half way, since compression blurs the edge
MAX_TINT = 32  # gray values by which R, G and B may differ where a picture is called gray


@dataclass(frozen=True)
class Shot:
    """Where one shot lies."""

    folder: Path  # CATEGORY/data/VIDEO/shots/SHOT

    @property
    def category(self) -> str:
        return self.folder.parents[3].name

    @property
    def name(self) -> str:
        """Such as "aeroplane-0001-001": what the sequence is called, and the folder of a prediction."""
        return f"{self.category}-{self.folder.parents[1].name}-{self.folder.name}"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def labels(self) -> Path:
        return self.folder / "labels"


def find_shots(root: str | Path) -> dict[str, Shot]:
    """All shots below the folder `root` by name, in order; none where it has another layout. Links are followed."""
    root = Path(root)
    folders = (folder for folder in root.glob("*/data/*/shots/*") if folder.is_dir())
    visible = (f for f in folders if not any(part.startswith(".") for part in f.relative_to(root).parts))
    return {shot.name: shot for shot in map(Shot, sorted(visible))}


class YoutubeObjects:
    """The shots of all categories, or of one, each opened when it is asked for.

    `root` holds a folder for each category. InputError names a category that is missing, or is there without a shot.
    """

    def __init__(self, root: str | Path, category: str | None = None):
        self.root = Path(root)
        shots = find_shots(self.root)
        there = {folder.parent.name for folder in self.root.glob("*/data") if not folder.parent.name.startswith(".")}
        self.categories = frozenset(there if category is None else {category})
        empty = sorted(self.categories - {shot.category for shot in shots.values()})
        if empty or not self.categories:
            where = self.root / (empty[0] if empty else "CATEGORY")
            raise InputError(f"{where} holds no data/NUMBER/shots/NUMBER: copy it again, or take another folder")
        self.names = tuple(name for name, shot in shots.items() if shot.category in self.categories)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Sequence:
        """The sequence of this name. KeyError if it is not among them."""
        if name not in self.names:
            raise KeyError(name)
        return open_sequence(self.root, name)

    def __iter__(self) -> Iterator[Sequence]:
        return (self[name] for name in self.names)


def open_sequence(root: str | Path, name: str) -> Sequence:
    """One shot by its name, such as "aeroplane-0001-001".

    It begins with the first mask that holds the object, which is the given one; frames before it are left out.
    InputError names what is missing, damaged, of another size, or a mask that has no frame.
    """
    parts = name.rsplit("-", 2)
    if len(parts) != 3 or not all(parts):
        raise InputError(f"{name} names no shot of {root}: write CATEGORY-VIDEO-SHOT, such as aeroplane-0001-001")
    category, video, number = parts
    shot = Shot(Path(root) / category / "data" / video / "shots" / number)
    masks = ShotMasks(shot.labels)
    frames = ShotFrames(shot.images, masks)
    masks.size = frames.size
    return Sequence(name, frames, masks, (VideoObject(OBJECT, masks.names[0], category),))


class ShotMasks(MaskFolder):
    """The masks of a shot as `Masks`, from the first that holds the object. InputError where none does."""

    def __init__(self, folder: str | Path):
        super().__init__(folder)
        self.names = tuple(dropwhile(lambda name: not self[name].any(), self.names))
        if not self.names:
            raise InputError(f"{folder} has masks with no object: copy it again")
        self.files = {name: self.files[name] for name in self.names}

    def __getitem__(self, name: str) -> np.ndarray:
        return read_object(self.files[name], size=self.size)


class ShotFrames(FrameFolder):
    """The frames of a shot as `Frames`, from the first that has a mask. InputError where a mask has no frame."""

    def __init__(self, folder: str | Path, masks: ShotMasks):
        super().__init__(folder, sparse=True)
        if strangers := [name for name in masks.names if name not in self.names]:
            raise InputError(f"{masks.files[strangers[0]]} has no frame of its name in {folder}: copy the shot again")
        first = self.names.index(masks.names[0])
        self.files, self.names = self.files[first:], self.names[first:]


def read_object(path: str | Path, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a shot's mask: `uint8 (H, W)`, 1 where the object is, else 0.

    A JPEG, as the archive has them, is cut at the middle gray. Another file is read as `read_mask` does, all its ids
    together; void is background. `size` (H, W), where given, must match. InputError names a file that is damaged, has
    another size, or is a photograph.
    """
    path = Path(path)
    if _is_jpeg(path):
        rgb = read_image(path)
        if np.ptp(rgb, axis=2).max() > MAX_TINT:
            raise InputError(f"{path} has colours, so it is no mask of black and white: copy the shot again")
        labels = np.where(rgb[..., 0] >= WHITE, OBJECT, 0).astype(np.uint8)
    else:
        ids = read_mask(path)
        labels = np.where((ids > 0) & (ids != VOID), OBJECT, 0).astype(np.uint8)
    check_mask_size(labels, size, path)
    return labels


def _is_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(JPEG)) == JPEG
