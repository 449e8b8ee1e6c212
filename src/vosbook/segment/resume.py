"""A run that was stopped goes on: from its masks, for they are all that it left.

What a method remembers is not stored. It is tensors, samples and whole networks that were tuned, in a form of each
method's own, as large as the networks themselves, and would have to be written at every frame. What can be done without
it depends on the method. One that knows objects by their looks alone is told the masks that were given, learns from
them as before, and goes on at the first frame that has no mask; it lacks what it would have learned on the way. One
that follows an object from frame to frame begins anew at the last mask that was made and shows all objects, as if that
were a correction. Masks after that one are made again.

Stopped half way through four training sequences of DAVIS 2016 (bear, bus, dance-jump, elephant), frtm-d-only had a mean
J of .77 in what was left by the first rule, .71 by the second, and .76 in one go. s2s, by the second, had .82 in one go
and .83 after the stop (bear, dance-jump, hike). Both saw frames of 240 lines.
"""

import json
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np

from vosbook.errors import InputError
from vosbook.segment.spans import Span
from vosbook.video.labels import object_ids
from vosbook.video.masks import read_mask

RECORD = "run.json"  # beside the masks, while they are made


Wishes = dict[str, str | int | float | None]


def record_of(spans: Iterable[Span], *, FRAMES: Path, **options: str | int | float | Path | None) -> Wishes:
    """What a run is asked for, by the words of the command line."""
    masks = 0
    for span in spans:
        for name, labels in (span.given or {}).items():
            masks = zlib.crc32(labels.tobytes(), zlib.crc32(f"{name} {span.order}".encode(), masks))
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}
    named = {f"--{key.replace('_', '-')}": value for key, value in plain.items()}
    return {"FRAMES": str(Path(FRAMES).resolve()), **named, "--mask, --from or --corrections": masks}


def check_record(folder: Path, record: Wishes) -> None:
    """Write down what is asked for. InputError where the folder's masks were made for something else."""
    file = folder / RECORD
    before = _read(file)
    for key in record:
        if before is not None and before.get(key) != record[key]:
            raise InputError(
                f"{folder} has masks that were made with another {key}: give the same, or remove that folder"
            )
    if before is None and any(folder.glob("*.png")):
        raise InputError(f"{folder} has masks, and nothing says of what run: remove or rename it")
    file.write_text(json.dumps(record, indent=1))


def _read(file: Path) -> Wishes | None:
    try:
        return dict(json.loads(file.read_text()))
    except (FileNotFoundError, ValueError):
        return None


def where_it_goes_on(names: Sequence[str]) -> str:
    """A line about the frames that are left."""
    if not names:
        return "all masks were made before"
    return f"going on at frame {names[0]}, from the masks of a run that was stopped: in one go the rest might differ"


def remaining(spans: Iterable[Span], names: Sequence[str], folder: Path, *, by_looks: bool) -> list[Span]:
    """What is still to be done, where the masks in `folder` are there. What cannot be used is removed."""
    return [left for span in spans for left in _left_of(span, names, folder, by_looks)]


def _left_of(span: Span, names: Sequence[str], folder: Path, by_looks: bool) -> list[Span]:
    if (given := span.given) is None:
        return [span]
    begin = next(i for i, t in enumerate(span.order) if names[t] in given)
    done = _done(span, names, folder)
    if done == len(span.order):
        return []
    late = [i for i, t in enumerate(span.order) if names[t] in given and begin < i < done]
    if by_looks and done > begin + 1 and not late:
        return [replace(span, order=span.order[begin:], again=True, skip=done - begin - 1)]
    wanted: set[int] = set()
    for labels in given.values():
        wanted |= set(object_ids(labels))
    for i in range(done - 1, begin, -1):
        labels = read_mask(_mask(folder, names, span, i))
        if wanted - _ids_after(span, names, i) <= set(object_ids(labels)):
            told = {names[span.order[i]]: labels} | _given_after(span, names, i)
            return [replace(span, order=span.order[i:], given=told, again=True)]
    return [span]


def _done(span: Span, names: Sequence[str], folder: Path) -> int:
    """How many of the frames have masks, from the first on. The last of these may be cut short, and is then removed."""
    there = list(takewhile(lambda i: _mask(folder, names, span, i).exists(), range(len(span.order))))
    while there:
        last = _mask(folder, names, span, there[-1])
        with suppress(InputError):
            read_mask(last, note=lambda line: None)
            break
        last.unlink()
        there.pop()
    return len(there)


def _mask(folder: Path, names: Sequence[str], span: Span, i: int) -> Path:
    return folder / f"{names[span.order[i]]}.png"


def _given_after(span: Span, names: Sequence[str], i: int) -> dict[str, np.ndarray]:
    later = {names[t] for t in span.order[i + 1 :]}
    return {name: labels for name, labels in (span.given or {}).items() if name in later}


def _ids_after(span: Span, names: Sequence[str], i: int) -> set[int]:
    """The objects that come in later than frame `i` of the span."""
    return {one for labels in _given_after(span, names, i).values() for one in object_ids(labels)}
