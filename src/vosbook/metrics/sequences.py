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
from vosbook.video.masks import MaskFolder, read_mask
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
        """Predicted and true labels of the frame `name`, uint8 (H, W); with `merge` all objects are 1."""
        truth = self.truth[name]
        prediction = read_mask(self.prediction.files[name], size=truth.shape)
        if merge:
            truth = ((truth > 0) & (truth != VOID)).astype(np.uint8)
            prediction = (prediction > 0).astype(np.uint8)
        return prediction, truth


def find_pairs(gt: Path, pred: Path, info: Mapping[str, Mapping[str, Any]], note: Note) -> list[Pair]:
    """The sequences to score, in order of name. InputError where folders or frames are missing or too many."""
    for folder in (gt, pred):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder: check the path")
    shots = find_shots(gt)
    pairs = []
    for name, (truth, prediction) in _find_folders(gt, pred, set(shots), info, note).items():
        shot = shots.get(name)
        masks = MaskFolder(truth) if shot is None else ShotMasks(shot.labels)
        eval_t = bool(info.get(name, {}).get("eval_t", False))
        pair = Pair(name, masks, MaskFolder(prediction), eval_t, shot and shot.category)
        _check_frames(pair, prediction)
        pairs.append(pair)
    return pairs


def _find_folders(
    gt: Path, pred: Path, shots: set[str], info: Mapping[str, Mapping[str, Any]], note: Note
) -> dict[str, tuple[Path, Path]]:
    """By sequence the folders of its true and its predicted masks; `shots` are those of Youtube-Objects."""
    if _holds_images(gt):
        if not _holds_images(pred):
            raise InputError(f"{pred} holds no masks itself, but {gt} does: give --pred the folder of that sequence")
        return {gt.absolute().name: (gt, pred)}
    if _holds_images(pred):
        remedy = f"give --gt the folder of that one sequence, inside {gt}"
        if shots:
            remedy = "give --pred the folder above it, which holds one for each shot"
        raise InputError(f"{pred} holds masks itself: {remedy}")
    chosen = _choose_sequences(gt, pred, shots or _subfolders(gt), info, note)
    return {name: (gt / name, pred / name) for name in chosen}


def _holds_images(folder: Path) -> bool:
    return any(f.suffix.lower() in IMAGE_ENDINGS and not f.name.startswith(".") for f in folder.iterdir())


def _subfolders(folder: Path) -> set[str]:
    return {f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")}


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
    for file in sorted(root.glob("ImageSets/**/*.txt")) if root else ():
        with suppress(InputError):  # a text that is no list
            yield str(file.relative_to(root)), set(read_names(file))


def _check_frames(pair: Pair, folder: Path) -> None:
    """InputError unless there is one prediction for each true mask, and nothing else."""
    sparse = _stride(pair.truth.names) > 1
    if not sparse:
        check_numbering(list(pair.truth.files.values()))
    if missing := sorted(name for name in pair.truth.names if name not in pair.prediction):
        raise InputError(f"{folder} lacks {some(missing)} of {len(pair.truth.names)} frames: add their masks")
    between = _unannotated(pair.truth.names) if sparse else set()
    if extra := sorted(set(pair.prediction.names) - set(pair.truth.names) - between):
        raise InputError(f"{folder} has {some(extra)}, for which there is no true mask: remove what is too much")


def _stride(names: Many[str]) -> int:
    """The least step between numbered frames: more than 1 where only some are annotated, as in YouTube-VOS."""
    if len(names) < 2 or not all(name.isdecimal() for name in names):
        return 1
    return min(int(later) - int(earlier) for earlier, later in pairwise(names))


def _unannotated(names: Many[str]) -> set[str]:
    """Frames between annotated ones, and up to where the next would be: they may be predicted, and are not scored."""
    frames = range(int(names[0]), int(names[-1]) + _stride(names))
    return {str(n).zfill(len(names[0])) for n in frames}
