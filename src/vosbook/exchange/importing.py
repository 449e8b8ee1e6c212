"""Annotations of other tools -> a folder of masks."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from vosbook.datasets.sequence import Frames
from vosbook.errors import InputError
from vosbook.exchange.annotations import Annotations, Shape, Size, read_content
from vosbook.exchange.formats import reader_of
from vosbook.exchange.objects import Identity, identities, numbered, write_table
from vosbook.output import output_folder
from vosbook.video.files import natural_order
from vosbook.video.masks import write_mask
from vosbook.words import count, some

Note = Callable[[str], None]


def import_masks(
    paths: Iterable[Path],
    out: Path,
    *,
    form: str | None = None,
    by_category: bool = False,
    frames: Frames | None = None,
    note: Note,
) -> dict[int, Identity]:
    """Write the masks that files hold into the folder `out`, FRAME.png for each annotated frame, and return its ids.

    `paths` are files, or folders of them; images of several folders become folders of masks. `form` is one of
    `formats.READERS`; None: as the content shows. With `by_category` all of a category are one object. `frames` are
    those that were annotated, by which numbered ones get their names. `note` is told what was passed over and what was
    guessed. InputError: files that cannot be used; then nothing is written.
    """
    files = [file for path in paths for file in _files(path)]
    contents = {file: read_content(file) for file in files}
    merged = _merged([reader_of(content, file, form).read(content, file) for file, content in contents.items()])
    _check_any(merged, note)
    found = identities(merged.shapes, merged.path, by_category=by_category)
    ids = numbered(found, merged.path)
    names = _names(merged, frames, note)
    drawn = defaultdict(list)
    for shape, identity in zip(merged.shapes, found):
        drawn[shape.frame].append((shape, ids[identity]))
    hidden: dict[str, int] = {}  # pixels that two objects claim, by frame
    with output_folder(out, overwrite=None) as folder:
        for frame, name in names.items():
            labels, hidden[name] = _painted(drawn[frame], merged.sizes[frame])
            file = folder / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_mask(file, labels)
        objects = {i: identity for identity, i in ids.items()}
        write_table(folder, objects)
    if pixels := sum(hidden.values()):
        where = some(name for name, n in hidden.items() if n)
        note(f"objects overlap in {count(pixels, 'pixel')} ({where}): the one drawn later, or higher, has them")
    return objects


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [file for file in path.iterdir() if file.suffix.lower() in (".json", ".xml")]
    if not files:
        raise InputError(f"{path} holds no JSON or XML: give the files of annotations, unpacked")
    return sorted(files, key=lambda file: natural_order(file.stem))


def _merged(parts: list[Annotations]) -> Annotations:
    """Several files as one. InputError where two are of the same frame."""
    sizes: dict[str | int, Size] = {}
    for part in parts:
        if twice := sorted(map(str, sizes.keys() & part.sizes.keys())):
            raise InputError(f"{part.path} annotates {twice[0]}, as a file before it does: keep one of them")
        sizes |= part.sizes
    shapes = tuple(shape for part in parts for shape in part.shapes)
    return Annotations(parts[0].path, sizes, shapes, sum((part.others for part in parts), Counter()))


def _check_any(merged: Annotations, note: Note) -> None:
    others = [count(n, kind) for kind, n in merged.others.items() if n]
    if not merged.shapes:
        beside = f" beside {some(others)}" if others else ""
        raise InputError(f"{merged.path} holds no polygon and no mask{beside}: outline the objects, and export again")
    if others:
        note(f"passed over, since only polygons and masks are areas: {some(others)}")


def _names(merged: Annotations, frames: Frames | None, note: Note) -> Mapping[str | int, str]:
    """The name of each annotated frame's mask. InputError where it is none of `frames`."""
    folders = {str(PurePosixPath(frame).parent) for frame in merged.sizes if isinstance(frame, str)}
    names: dict[str | int, str] = {}
    for frame in merged.sizes:
        if isinstance(frame, int):
            names[frame] = _numbered_name(frame, frames)
        else:
            file = PurePosixPath(frame)
            names[frame] = f"{file.parent.name}/{file.name}" if len(folders) > 1 else file.name
    if len(set(names.values())) < len(names) or any(".." in name.split("/") for name in names.values()):
        raise InputError(f"{merged.path} has images whose folders do not tell them apart: rename them")
    if frames is None and any(isinstance(frame, int) for frame in names):
        note("its frames have numbers and no names: masks are called as a video file's frames are, or give --frames")
    if frames is not None:
        _check_frames(merged, names, frames)
    return names


def _numbered_name(t: int, frames: Frames | None) -> str:
    if frames is None:
        return f"{t:05d}"
    return frames.names[t] if 0 <= t < len(frames.names) else f"frame {t}"


def _check_frames(merged: Annotations, names: Mapping[str | int, str], frames: Frames) -> None:
    known = set(frames.names)
    if strangers := [name for name in names.values() if name not in known]:
        raise InputError(f"{merged.path} has {some(strangers)}, and the frames are {some(frames.names, 2)}: rename")
    for frame, size in merged.sizes.items():
        if size != frames.size:
            (h, w), (height, width) = size, frames.size
            raise InputError(f"{merged.path} has {w}x{h} pixels for {frame}, and the frames are {width}x{height}")


def _painted(shapes: list[tuple[Shape, int]], size: Size) -> tuple[np.ndarray, int]:
    """Labels uint8 (H, W) of shapes with their ids, the last on top, and how many pixels were another object's."""
    labels, hidden = np.zeros(size, np.uint8), 0
    for shape, i in shapes:
        try:
            mask = shape.mask()
        except InputError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{shape.where}: the area is damaged ({error}), so draw and export it again") from None
        hidden += int((mask & (labels != 0) & (labels != i)).sum())
        labels[mask] = i
    return labels, hidden
