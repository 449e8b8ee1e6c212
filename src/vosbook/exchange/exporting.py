"""A folder of masks -> the formats in which other tools go on with them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from vosbook.errors import InputError
from vosbook.exchange.formats import WRITERS
from vosbook.exchange.objects import Identity, Picture, read_table
from vosbook.exchange.polygons import has_holes
from vosbook.output import output_file, output_folder
from vosbook.video.frames import FrameFolder, open_frames
from vosbook.video.labels import VOID, object_ids
from vosbook.video.masks import MaskFolder
from vosbook.words import count, some

Note = Callable[[str], None]


def export_masks(
    masks: Path,
    frames: Path,
    out: Path,
    *,
    form: str,
    names: Mapping[int, str] | None = None,
    progress: Callable[..., Iterable[int]] = iter,
    note: Note,
) -> None:
    """Write a folder of masks in the `form` of other tools, one of WRITERS, as `out`: a file, or for "yolo" a folder.

    `frames` are those that the masks belong to. `names` are categories by id; what they lack is looked up in the table
    that an import left, and called "object" else. `note` is told what does not come through. InputError: masks that
    do not fit the frames; then nothing is written.
    """
    folder = _Pictures(masks, frames, progress)
    objects = _named(folder.ids, read_table(masks), names or {})
    writer = WRITERS[form]
    with output_folder(out, overwrite=None) if writer.folder else output_file(out) as place:
        writer.write(place, folder, objects)
    for line in folder.remarks(polygons=writer.polygons):
        note(line)


class _Pictures:
    """The frames that have a mask, with their labels `uint8 (H, W)` without void, and what is to be said of them."""

    def __init__(self, masks: Path, frames: Path, progress: Callable[..., Iterable[int]]):
        video = open_frames(frames)
        self.masks, self.progress = MaskFolder(masks, size=video.size), progress
        known = set(video.names)
        if strangers := [name for name in self.masks.names if name not in known]:
            raise InputError(f"{self.masks.files[strangers[0]]} has no frame of its name: give its own frames")
        self.names = video.names
        self.missing = [name for name in video.names if name not in self.masks]
        self.files = {f.stem: f.name for f in video.files} if isinstance(video, FrameFolder) else {}
        self.ids = sorted({i for name in self.masks.names for i in object_ids(self.masks[name])})
        if not self.ids:
            raise InputError(f"{masks} shows no object in any mask: there is nothing to write")
        self.void, self.holes = 0, 0

    def __iter__(self) -> Iterator[tuple[Picture, np.ndarray]]:
        for t in self.progress(range(len(self.names))):
            name = self.names[t]
            if name in self.masks:
                labels = self.masks[name]
                ids = tuple(object_ids(labels))
                self.void += VOID in labels
                self.holes += sum(has_holes(labels == i) for i in ids)
                yield Picture(t, self.files.get(name, f"{name}.jpg"), ids), labels

    def remarks(self, *, polygons: bool) -> Iterator[str]:
        """Lines about what does not come through, once all has been written."""
        if self.missing:
            yield f"{count(len(self.missing), 'frame')} without a mask left out: {some(self.missing)}"
        if self.void:
            yield f"void (255) is left out, in {count(self.void, 'frame')}"
        if polygons and self.holes:
            yield f"holes of objects ({self.holes}) are cut out along a seam of no width, since a polygon has none"
        if not self.files:
            yield "the frames lie in a video file: save them as images under the names that were written, NAME.jpg"


def _named(ids: list[int], table: Mapping[int, Identity], names: Mapping[int, str]) -> dict[int, Identity]:
    """What each id stands for. InputError for a name of an id that no mask shows."""
    if strangers := sorted(set(names) - set(ids)):
        raise InputError(f"no mask shows object {strangers[0]}: its ids are {some(map(str, ids))}")
    known = {i: table.get(i, Identity()) for i in ids}
    return known | {i: Identity(name) for i, name in names.items()}
