"""Which sequences are scored: the folders of true and of predicted masks, paired and checked frame by frame."""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Many
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vosbook.datasets.davis import read_names
from vosbook.datasets.youtube_objects import ShotMasks, find_shots
from vosbook.errors import InputError
from vosbook.video.files import IMAGE_ENDINGS, check_numbering
from vosbook.video.labels import VOID
from vosbook.video.masks import MaskFolder
from vosbook.words import count, some

Note = Callable[[str], None]


@dataclass(frozen=True)
class Pair:
    """One sequence on disk: what is true and what was predicted."""

    name: str
    truth: MaskFolder
    prediction: MaskFolder
    eval_t: bool
    category: str | None = None  # of the object: Youtube-Objects

    def first(self, *, merge: bool = False) -> np.ndarray:
        """True labels of the first frame, uint8 (H, W); with `merge` all objects are 1."""
        truth = self.truth[self.truth.names[0]]
        return ((truth > 0) & (truth != VOID)).astype(np.uint8) if merge else truth

    def read(self, name: str, *, merge: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Predicted and true labels of the frame `name`, uint8 (H, W); with `merge` all objects are 1.

        A frame without a prediction, which is one that is not scored, counts as background.
        """
        truth = self.truth[name]
        known = name in self.prediction
        prediction = self.prediction.read(name, size=truth.shape) if known else np.zeros_like(truth)
        if merge:
            truth = ((truth > 0) & (truth != VOID)).astype(np.uint8)
            prediction = (prediction > 0).astype(np.uint8)
        return prediction, truth


def find_pairs(
    gt: Path,
    pred: Path,
    info: Mapping[str, Mapping[str, Any]],
    note: Note,
    *,
    scored: slice = slice(None),
    chosen: Many[str] | None = None,
) -> list[Pair]:
    """The sequences to score, in order of name: those `chosen`; None: all, or those of an official list.

    InputError where folders, or frames of the part `scored`, are missing or too many. Result sets that lack the given
    first frame, or the last, are common; where nothing is scored there, `note` says so and they are taken.
    """
    for folder in (gt, pred):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder: check the path")
    shots = find_shots(gt)
    pairs, lacking = [], []
    for name, (truth, prediction) in _find_folders(gt, pred, set(shots), info, note, chosen).items():
        shot = shots.get(name)
        masks = MaskFolder(truth) if shot is None else ShotMasks(shot.labels)
        eval_t = bool(info.get(name, {}).get("eval_t", False))
        pair = Pair(name, masks, MaskFolder(prediction), eval_t, None if shot is None else shot.category)
        lacking += [f"{name}/{frame}" for frame in _check_frames(pair, prediction, scored)]
        pairs.append(pair)
    if lacking:
        note(f"{pred} lacks {some(lacking)}, which the protocol does not score")
    return pairs


def _find_folders(
    gt: Path,
    pred: Path,
    shots: set[str],
    info: Mapping[str, Mapping[str, Any]],
    note: Note,
    chosen: Many[str] | None,
) -> dict[str, tuple[Path, Path]]:
    """By sequence the folders of its true and its predicted masks; `shots` are those of Youtube-Objects."""
    if _holds_images(gt):
        if chosen is not None and set(chosen) != {gt.absolute().name}:
            raise InputError(f"{gt} is one sequence's folder itself: choose no sequences, or give the folder above it")
        if not _holds_images(pred):
            raise InputError(f"{pred} holds no masks itself, but {gt} does: give --pred the folder of that sequence")
        return {gt.absolute().name: (gt, pred)}
    if _holds_images(pred):
        remedy = f"give --gt the folder of that one sequence, inside {gt}"
        if shots:
            remedy = "give --pred the folder above it, which holds one for each shot"
        raise InputError(f"{pred} holds masks itself: {remedy}")
    known = shots or _subfolders(gt)
    names = _choose_sequences(gt, pred, known, info, note) if chosen is None else _named(gt, pred, known, chosen)
    return {name: (gt / name, pred / name) for name in names}


def _holds_images(folder: Path) -> bool:
    return any(f.suffix.lower() in IMAGE_ENDINGS and not f.name.startswith(".") for f in folder.iterdir())


def _subfolders(folder: Path) -> set[str]:
    return {f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")}


def _named(gt: Path, pred: Path, known: set[str], chosen: Many[str]) -> list[str]:
    """The chosen sequences. InputError names those that are not there."""
    for folder, there in ((gt, known), (pred, _subfolders(pred))):
        if missing := sorted(set(chosen) - there):
            raise InputError(f"{folder} has no {some(missing)}: it has {some(sorted(there)) or 'no sequences'}")
    return sorted(set(chosen))


def _choose_sequences(
    gt: Path, pred: Path, known: set[str], info: Mapping[str, Mapping[str, Any]], note: Note
) -> list[str]:
    """All sequences of `gt`, which are `known`; or those of the shortest official list that names all predicted ones.

    A data set's folder of masks holds its training sequences too, while a method is scored on the validation list. So
    the lists of `ImageSets` above `gt`, and the sets in db_info.yml, count where `gt` has all that they name. What a
    crash left could be one of them by chance, so `note` says which list it was.
    """
    predicted = _subfolders(pred)
    if not known:
        raise InputError(f"{gt} holds no masks and no folders of masks: check the path")
    if not predicted:
        raise InputError(f"{pred} holds no masks and no folders of masks: check the path")
    if extra := sorted(predicted - known):
        raise InputError(f"{pred} has {some(extra)}, which {gt} lacks: remove what is not to be scored")
    official = {source: names for source, names in _official_lists(gt, info) if predicted <= names <= known}
    lists = {str(gt): known, **official}
    source = min(lists, key=lambda source: len(lists[source]))
    wanted = lists[source]
    if missing := sorted(wanted - predicted):
        raise InputError(f"{pred} lacks {some(missing)} of the {len(wanted)} sequences of {source}: add their masks")
    if wanted != known:
        note(f"scoring the {count(len(wanted), 'sequence')} of {source}; {gt} holds {len(known)}")
    return sorted(wanted)


def _official_lists(gt: Path, info: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, set[str]]]:
    """Sets of names, and what to call them: those that db_info.yml makes, and the files of `ImageSets` above `gt`."""
    for split in sorted({entry["set"] for entry in info.values() if "set" in entry}):
        yield f"db_info.yml's set {split}", {name for name, entry in info.items() if entry.get("set") == split}
    root = next((folder for folder in gt.absolute().parents if (folder / "ImageSets").is_dir()), None)
    if root is None:
        return
    for file in sorted(root.glob("ImageSets/**/*.txt")):
        with suppress(InputError):  # a text that is no list
            yield str(file.relative_to(root)), set(read_names(file))


def _check_frames(pair: Pair, folder: Path, scored: slice) -> list[str]:
    """InputError unless there is one prediction for each true mask that is scored, and none that has no true mask.

    Returns the frames that lack one and are not scored.
    """
    sparse = _stride(pair.truth.names) > 1
    if not sparse:
        check_numbering(list(pair.truth.files.values()))
    missing = [name for name in pair.truth.names if name not in pair.prediction]
    if needed := sorted(set(missing) & set(pair.truth.names[scored])):
        raise InputError(f"{folder} lacks {some(needed)} of {len(pair.truth.names)} frames: add their masks")
    between = _unannotated(pair.truth.names) if sparse else set()
    if extra := sorted(set(pair.prediction.names) - set(pair.truth.names) - between):
        raise InputError(f"{folder} has {some(extra)}, for which there is no true mask: remove what is too much")
    return missing


def _stride(names: Many[str]) -> int:
    """The least step between numbered frames: more than 1 where only some are annotated, as in YouTube-VOS."""
    if len(names) < 2 or not all(name.isdecimal() for name in names):
        return 1
    return min(int(later) - int(earlier) for earlier, later in pairwise(names))


def _unannotated(names: Many[str]) -> set[str]:
    """Frames between annotated ones, and up to where the next would be: they may be predicted, and are not scored."""
    frames = range(int(names[0]), int(names[-1]) + _stride(names))
    return {str(n).zfill(len(names[0])) for n in frames}
