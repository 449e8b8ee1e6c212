"""The benchmarks' protocols: which frames and objects count, and how J, F and T become one table.

Folders hold one folder of masks for each sequence; they are read one frame at a time, so memory does not grow with the
length of a video.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Many
from contextlib import suppress
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.optimize import linear_sum_assignment

from vosbook.datasets.davis import read_names
from vosbook.datasets.youtube_objects import ShotMasks, find_shots
from vosbook.errors import InputError
from vosbook.metrics.boundary import boundary_match, joint_crop, match_radius
from vosbook.metrics.categories import Listing, by_category, read_listing, seen_and_unseen
from vosbook.metrics.errors import attribute_gains, over_time, pixel_errors
from vosbook.metrics.region import jaccard
from vosbook.metrics.stability import T_SCALE, change, describe
from vosbook.video.files import IMAGE_ENDINGS, check_numbering
from vosbook.video.labels import VOID, object_ids
from vosbook.video.masks import MaskFolder, read_mask

MAX_PROPOSALS = 20  # objects that an unsupervised method may offer for one sequence

log = logging.getLogger(__name__)

_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, five times as fast, where the package was built with it

Note = Callable[[str], None]


@dataclass(frozen=True)
class Protocol:
    """What a benchmark scores, and how."""

    name: str
    merge: bool = False  # all ids together are one object
    drop_ends: bool = False  # the first frame is given, the last is left out
    proposals: bool = False  # the prediction's ids are its own: match them to the true objects, mask out void
    late_objects: bool = False  # objects of any frame, each from the frame after the one whose mask gives it
    statistics: bool = True  # recall and decay are part of it
    temporal: bool = False  # T is part of it, where the sequence's `eval_t` says so

    @property
    def scored_frames(self) -> slice:
        """The frames in which a sequence may have a score."""
        return slice(1, -1) if self.drop_ends else slice(0 if self.proposals else 1, None)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("davis2016", merge=True, drop_ends=True, temporal=True),
        Protocol("davis2017", drop_ends=True),
        Protocol("davis2017-unsupervised", proposals=True),
        Protocol("youtube-vos", late_objects=True, statistics=False),
    )
}

# ---------------------------------------------------------------------------------------------------- one frame


def frame_scores(prediction: np.ndarray, truth: np.ndarray, ids: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """J and F of every object in one frame: float64 (N,), (N,), for N `ids`. Labels are uint8 (H, W).

    The same values as `jaccard` and `boundary_f` on the object's two masks; fast because all objects share one crop,
    and each then looks at no more than its own two masks' bounding box.
    """
    radius = match_radius(truth.shape)
    crop = joint_crop(prediction, truth)
    prediction, truth = prediction[crop], truth[crop]
    scores = [_object_scores(prediction == i, truth == i, radius) for i in ids]
    j, f = np.array(scores, float).reshape(-1, 2).T  # (N, 2) -> (N,), (N,)
    return j, f


def _object_scores(prediction: np.ndarray, truth: np.ndarray, radius: int) -> tuple[float, float]:
    """J and F of two masks, bool (H, W)."""
    crop = joint_crop(prediction, truth)
    prediction, truth = prediction[crop], truth[crop]
    return jaccard(prediction, truth), boundary_match(prediction, truth, radius)


def pair_scores(
    prediction: np.ndarray, truth: np.ndarray, proposals: Many[int], ids: Many[int]
) -> tuple[np.ndarray, np.ndarray]:
    """J and F of every proposal against every object in one frame: float64 (P, N), (P, N). Labels are uint8 (H, W)."""
    radius = match_radius(truth.shape)
    crop = joint_crop(prediction, truth)
    prediction, truth = prediction[crop], truth[crop]
    offered = [prediction == p for p in proposals]
    wanted = [truth == i for i in ids]
    no_p, no_t = (np.array([not mask.any() for mask in masks]) for masks in (offered, wanted))
    j = (no_p[:, None] & no_t).astype(float)  # (P, N): 1 where both masks are empty, 0 where one is
    f = j.copy()
    for p, n in np.argwhere(~no_p[:, None] & ~no_t):
        j[p, n], f[p, n] = _object_scores(offered[p], wanted[n], radius)
    return j, f


# --------------------------------------------------------------------------------------------------- statistics


@dataclass(frozen=True)
class Statistics:
    """Three figures that sum up a score over the frames of one sequence."""

    mean: float
    recall: float  # share of frames with a score above .5
    decay: float  # mean of the first quarter less that of the last: above 0 where the method loses the object


def statistics(values: Many[float]) -> Statistics:
    """Mean, recall and decay of the scores of consecutive frames (Perazzi et al., CVPR 2016, Section 5).

    The four bins of decay share their end points. ValueError where there are no values.
    """
    scores = np.asarray(values, float)
    if scores.size == 0:
        raise ValueError("there are no scores to sum up")
    # Halves round up, as in the official code; its indices are uint8, so beyond 256 frames it takes other frames.
    ends = np.floor(np.linspace(0, len(scores) - 1, 5) + 0.5).astype(int)
    first, last = scores[: ends[1] + 1], scores[ends[3] :]
    return Statistics(
        mean=float(scores.mean()),
        recall=float((scores > 0.5).mean()),
        decay=float(first.mean() - last.mean()),
    )


# --------------------------------------------------------------------------------------------- which sequences


@dataclass(frozen=True)
class _Pair:
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


def find_info(gt: Path) -> Path | None:
    """The nearest `db_info.yml` in or above the folder `gt`."""
    gt = gt.absolute()
    return next((folder / "db_info.yml" for folder in (gt, *gt.parents) if (folder / "db_info.yml").is_file()), None)


def read_info(path: Path) -> dict[str, dict[str, Any]]:
    """The sequences of a `db_info.yml` by name, each with `attributes`, `set` and `eval_t` where the file has them."""
    if not path.is_file():
        raise InputError(f"{path} does not exist: give --info the db_info.yml of the data set")
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), Loader=_YAML)["sequences"]
        return {str(entry["name"]): _about_sequence(entry) for entry in entries}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} lists no sequences as a db_info.yml does ({reason}): replace it") from None


def _about_sequence(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of db_info.yml, its tags and its set as text, however they were written."""
    about = {**entry, "attributes": tuple(str(tag) for tag in entry.get("attributes") or ())}
    return about | {"set": str(entry["set"])} if "set" in entry else about


def _find_pairs(gt: Path, pred: Path, info: Mapping[str, Mapping[str, Any]], note: Note) -> list[_Pair]:
    """The sequences to score, in order of name. InputError where folders or frames are missing or too many."""
    for folder in (gt, pred):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder: check the path")
    shots = find_shots(gt)
    if _holds_images(gt):
        if not _holds_images(pred):
            raise InputError(f"{pred} holds no masks itself, but {gt} does: give --pred the folder of that sequence")
        folders = {gt.absolute().name: (gt, pred)}
    else:
        if _holds_images(pred):
            remedy = f"give --gt the folder of that one sequence, inside {gt}"
            if shots:
                remedy = "give --pred the folder above it, which holds one for each shot"
            raise InputError(f"{pred} holds masks itself: {remedy}")
        chosen = _choose_sequences(gt, pred, set(shots) or _subfolders(gt), info, note)
        folders = {name: (gt / name, pred / name) for name in chosen}
    pairs = []
    for name, (truth, prediction) in folders.items():
        shot = shots.get(name)
        masks = MaskFolder(truth) if shot is None else ShotMasks(shot.labels)
        eval_t = bool(info.get(name, {}).get("eval_t", False))
        pair = _Pair(name, masks, MaskFolder(prediction), eval_t, shot and shot.category)
        _check_frames(pair, prediction)
        pairs.append(pair)
    return pairs


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
    if extra := predicted - known:
        raise InputError(f"{pred} has {_some(extra)}, which {gt} lacks: remove what is not to be scored")
    official = {source: names for source, names in _official_lists(gt, info) if predicted <= names <= known}
    lists = {str(gt): known, **official}
    source = min(lists, key=lambda source: len(lists[source]))
    wanted = lists[source]
    if missing := wanted - predicted:
        raise InputError(f"{pred} lacks {_some(missing)} of the {len(wanted)} sequences of {source}: add their masks")
    if wanted != known:
        note(f"scoring the {_count(len(wanted), 'sequence')} of {source}; {gt} holds {len(known)}")
    return sorted(wanted)


def _official_lists(gt: Path, info: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, set[str]]]:
    """Sets of names, and what to call them: those that db_info.yml makes, and the files of `ImageSets` above `gt`."""
    for split in sorted({entry["set"] for entry in info.values() if "set" in entry}):
        yield f"db_info.yml's set {split}", {name for name, entry in info.items() if entry.get("set") == split}
    root = next((folder for folder in gt.absolute().parents if (folder / "ImageSets").is_dir()), None)
    for file in sorted(root.glob("ImageSets/**/*.txt")) if root else ():
        with suppress(InputError):  # a text that is no list
            yield str(file.relative_to(root)), set(read_names(file))


def _check_frames(pair: _Pair, folder: Path) -> None:
    """InputError unless there is one prediction for each true mask, and nothing else."""
    sparse = _stride(pair.truth.names) > 1
    if not sparse:
        check_numbering(list(pair.truth.files.values()))
    if missing := [name for name in pair.truth.names if name not in pair.prediction]:
        raise InputError(f"{folder} lacks {_some(missing)} of {len(pair.truth.names)} frames: add their masks")
    between = _unannotated(pair.truth.names) if sparse else ()
    if extra := [name for name in pair.prediction.names if name not in pair.truth and name not in between]:
        raise InputError(f"{folder} has {_some(extra)}, for which there is no true mask: remove what is too much")


def _stride(names: Many[str]) -> int:
    """The least step between numbered frames: more than 1 where only some are annotated, as in YouTube-VOS."""
    if len(names) < 2 or not all(name.isdecimal() for name in names):
        return 1
    return min(int(later) - int(earlier) for earlier, later in pairwise(names))


def _unannotated(names: Many[str]) -> set[str]:
    """Frames between annotated ones, and up to where the next would be: they may be predicted, and are not scored."""
    frames = range(int(names[0]), int(names[-1]) + _stride(names))
    return {str(n).zfill(len(names[0])) for n in frames}


def _some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = sorted(names)
    rest = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + rest


# ------------------------------------------------------------------------------------------------ one sequence

Scores = dict[int, dict[str, Any]]  # by object id: "J" and "F" (a value for each scored frame) and "T"


def _score_given(pair: _Pair, protocol: Protocol) -> Scores:
    """Objects that the first frame's mask gives, the first and the last frame left out: DAVIS 2016 and 2017."""
    names = pair.truth.names
    if len(names) < 3:
        folder = pair.truth.files[names[0]].parent
        raise InputError(f"{folder} has {len(names)} masks, of which the first and last do not count: add some")
    first = pair.first(merge=protocol.merge)
    ids = _given_ids(first, pair)
    timed = protocol.temporal and pair.eval_t
    before = describe(first > 0) if timed else None  # T begins at the given mask
    scores, changes = [], []
    for name in names[1:-1]:
        prediction, truth = pair.read(name, merge=protocol.merge)
        _check_ids(prediction, ids[-1], pair.prediction.files[name])
        scores.append(frame_scores(prediction, truth, ids))
        if timed:
            now = describe(prediction > 0)
            changes.append(change(before, now))
            before = now
    j, f = np.array(scores).transpose(1, 2, 0)  # (T, 2, N) -> (2, N, T)
    return {i: _object(j[n].tolist(), f[n].tolist(), t=_mean_change(changes)) for n, i in enumerate(ids)}


def _score_proposals(pair: _Pair, protocol: Protocol) -> Scores:
    """Unsupervised: each true object takes the proposal that makes the sum of mean (J + F) / 2 greatest; all frames.

    Where truth is void, neither mask counts. Proposals that no object takes cost nothing.
    """
    ids = _given_ids(pair.first(), pair)
    scores, most = [], len(ids)
    for name in pair.truth.names:
        prediction, truth = pair.read(name)
        most = max(most, int(prediction.max()))
        if most > MAX_PROPOSALS:
            raise InputError(f"{pair.prediction.files[name]} has the id {most}, more than {MAX_PROPOSALS}: drop some")
        prediction[truth == VOID] = truth[truth == VOID] = 0
        scores.append(pair_scores(prediction, truth, range(1, MAX_PROPOSALS + 1), ids))
    j, f = np.array(scores).transpose(1, 3, 2, 0)[:, :, :most]  # (T, 2, P, N) -> (2, N, P, T)
    objects, proposals = linear_sum_assignment((j + f).mean(axis=2), maximize=True)
    return {ids[n]: _object(j[n, p].tolist(), f[n, p].tolist()) for n, p in zip(objects, proposals)}


def _score_appearing(pair: _Pair, protocol: Protocol) -> Scores:
    """YouTube-VOS: an object counts after the frame that first holds it, whose mask is given; None until then."""
    scores: Scores = {}
    strangers: dict[int, Path] = {}  # ids that were predicted, and first where
    for t, name in enumerate(pair.truth.names):
        prediction, truth = pair.read(name)
        for i, j, f in zip(scores, *frame_scores(prediction, truth, scores)):
            scores[i]["J"].append(float(j))
            scores[i]["F"].append(float(f))
        for i in object_ids(truth):
            scores.setdefault(i, _object([None] * (t + 1), [None] * (t + 1)))
        for i in np.unique(prediction[prediction > 0]).tolist():
            strangers.setdefault(i, pair.prediction.files[name])
    if not scores:
        raise InputError(f"{pair.truth.files[pair.truth.names[0]].parent} has masks with no object: nothing to score")
    for i in strangers.keys() - scores.keys():
        raise InputError(f"{strangers[i]} has the id {i}, which no true mask has: renumber the prediction's objects")
    return dict(sorted(scores.items()))


def _given_ids(first: np.ndarray, pair: _Pair) -> range:
    """1 up to the largest id of the first frame's labels; an id that they pass over counts too, as officially."""
    ids = object_ids(first)
    if not ids:
        raise InputError(f"{pair.truth.files[pair.truth.names[0]]} has no object, and it is the first frame: check it")
    return range(1, ids[-1] + 1)


def _check_ids(prediction: np.ndarray, largest: int, file: Path) -> None:
    if (found := int(prediction.max())) > largest:
        raise InputError(f"{file} has the id {found}, but the first true mask's ids end at {largest}: renumber them")


def _mean_change(changes: Many[float]) -> float | None:
    """T of a sequence from that of its frame pairs. None where it was not scored, or no pair has both masks."""
    known = [change for change in changes if not np.isnan(change)]
    return T_SCALE * float(np.mean(known)) if known else None


def _object(j: list, f: list, *, t: float | None = None) -> dict[str, Any]:
    return {"J": j, "F": f, "T": t}


# -------------------------------------------------------------------------------------------------- all of them


def evaluate(
    gt: Path,
    pred: Path,
    *,
    protocol: str = "davis2016",
    info: Path | None = None,
    analysis: bool = False,
    progress: Callable[[list], Iterable] | None = None,
    note: Note | None = None,
) -> dict[str, Any]:
    """Score the masks under `pred` against those under `gt`: a folder for each sequence, or both one sequence's folder.

    `gt` may be the folder of Youtube-Objects too, whose sequences are called cat-0001-001 and the like; the protocol
    that scores every mask but the first is "youtube-vos".

    Returns what `vosbook evaluate --json` writes, object ids as text; None where the protocol scores nothing. For
    YouTube-VOS "mean" has "G" too, and "seen" and "unseen" with J and F, and each object its "category". So it has for
    Youtube-Objects, where "mean" has "categories" and "over_categories" instead (see `by_category`). `info` is the
    data set's db_info.yml (attributes, `eval_t`; by default the nearest in or above `gt`), or, for YouTube-VOS, its
    meta.json (categories; by default that of `gt` or of the two folders above). `progress` wraps the list of
    sequences, as tqdm does; `note` is called with a line where an official list leaves sequences of `gt` out (None: the
    log). InputError names what is missing, too much, of another size or damaged.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol is {protocol!r}; there are {', '.join(PROTOCOLS)}")
    chosen, gt, pred = PROTOCOLS[protocol], Path(gt), Path(pred)
    listing = read_listing(gt, info) if chosen.late_objects else None
    info = None if chosen.late_objects else find_info(gt) if info is None else Path(info)
    about = read_info(info) if info else {}
    pairs = _find_pairs(gt, pred, about, note or log.warning)
    score = _score_proposals if chosen.proposals else _score_appearing if chosen.late_objects else _score_given
    if listing:
        for pair in pairs:
            listing.check(pair.name, pair.truth)
    scores = {pair.name: score(pair, chosen) for pair in (progress(pairs) if progress else pairs)}
    if not any(_scored(objects) for objects in scores.values()):
        raise InputError(f"{gt} has no object that a mask gives before the last frame: nothing to score")
    _add_categories(scores, pairs, listing)
    result = {
        "protocol": protocol,
        "mean": _mean(scores, chosen) | _category_means(scores, pairs, listing, chosen),
        "sequences": {
            name: {"objects": {str(i): values for i, values in objects.items()}} for name, objects in scores.items()
        },
    }
    return {**result, "analysis": _analyse(pairs, scores, chosen, about)} if analysis else result


def _scored(objects: Mapping[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The objects that have a score: in YouTube-VOS not one that appears in the last frame, where its mask is given."""
    return {i: values for i, values in objects.items() if any(j is not None for j in values["J"])}


def _mean(scores: Mapping[str, Scores], protocol: Protocol) -> dict[str, Any]:
    """Means over all objects of all sequences of each object's own figures; T over the sequences that have it."""
    objects = [values for sequence in scores.values() for values in _scored(sequence).values()]
    j, f = (_mean_statistics([values[key] for values in objects], protocol) for key in ("J", "F"))
    t = [values["T"] for values in objects if values["T"] is not None]
    return {"J&F": (j["mean"] + f["mean"]) / 2, "J": j, "F": f, "T": float(np.mean(t)) if t else None}


def _add_categories(scores: Mapping[str, Scores], pairs: Iterable[_Pair], listing: Listing | None) -> None:
    """Give every object its category, where there is one."""
    for pair in pairs:
        for i, values in scores[pair.name].items():
            if category := listing.category(pair.name, i) if listing else pair.category:
                values["category"] = category


def _category_means(
    scores: Mapping[str, Scores], pairs: Iterable[_Pair], listing: Listing | None, protocol: Protocol
) -> dict[str, Any]:
    """Means over groups of objects: Youtube-Objects' categories, YouTube-VOS's seen and unseen ones; else none."""
    if any(pair.category for pair in pairs):
        return by_category(_categories_and_means(scores))
    if not protocol.late_objects:
        return {}
    return seen_and_unseen(_categories_and_means(scores), listing.seen if listing else None)


def _categories_and_means(scores: Mapping[str, Scores]) -> Iterator[tuple[str | None, float, float]]:
    """Category (None: not known), J and F of every object that has a score."""
    for sequence in scores.values():
        for values in _scored(sequence).values():
            yield values.get("category"), *_object_means(values)[1:3]


def _mean_statistics(curves: Many[Many[float | None]], protocol: Protocol) -> dict[str, float | None]:
    each = [statistics([value for value in curve if value is not None]) for curve in curves]
    mean = {key: float(np.mean([getattr(one, key) for one in each])) for key in ("mean", "recall", "decay")}
    return mean if protocol.statistics else {"mean": mean["mean"], "recall": None, "decay": None}


# ---------------------------------------------------------------------------------------------------- analysis


def _analyse(
    pairs: list[_Pair], scores: Mapping[str, Scores], protocol: Protocol, info: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What `--analysis` adds: attributes, kinds of wrong pixels (in % of all), and J over the length of the videos."""
    means = {name: _mean({name: objects}, protocol)["J&F"] for name, objects in scores.items() if _scored(objects)}
    gains = attribute_gains(means, {name: entry.get("attributes", ()) for name, entry in info.items()})
    errors = np.mean([_wrong_pixels(pair, protocol) for pair in pairs if pair.name in means], axis=0)  # (3,)
    objects = [values for sequence in scores.values() for values in _scored(sequence).values()]
    curves = ([j for j in values["J"] if j is not None] for values in objects)
    quality = over_time(curves)
    return {
        "attributes": {tag: {"J&F": mean, "gain": gain} for tag, (mean, gain) in gains.items()},
        "errors": {name: 100 * float(share) for name, share in zip(("fp_close", "fp_far", "fn"), errors)},
        "over_time": {"J": quality.tolist(), "lowest": float(quality.min())},
    }


def _wrong_pixels(pair: _Pair, protocol: Protocol) -> np.ndarray:
    """Mean over the scored frames of `pixel_errors` of all objects together, float64 (3,). Void is no error."""
    shares = []
    for name in pair.truth.names[protocol.scored_frames]:
        prediction, truth = pair.read(name)
        known = truth != VOID
        shares.append(astuple(pixel_errors((prediction > 0) & known, (truth > 0) & known)))
    return np.mean(shares, axis=0)


# ------------------------------------------------------------------------------------------------------- table


def format_table(result: Mapping[str, Any]) -> str:
    """What `evaluate` returned as text: the means, a row for each sequence and object, and for each attribute."""
    sequences = result["sequences"]
    count = sum(len(sequence["objects"]) for sequence in sequences.values())
    mean = result["mean"]
    head = ["J&F", "J mean", "recall", "decay", "F mean", "recall", "decay", "T"]
    row = [mean["J&F"], *mean["J"].values(), *mean["F"].values(), mean["T"]]
    parts = [
        f"{result['protocol']}: {_count(len(sequences), 'sequence')}, {_count(count, 'object')}",
        _columns([["", *head], ["mean", *row]]),
        *([_seen_table(mean)] if "G" in mean else []),
        *([_category_table(mean)] if "categories" in mean else []),
        _columns([["sequence", "object", "J&F", "J", "F", "T"], *_sequence_rows(sequences)]),
    ]
    if "analysis" in result:
        parts += _analysis_tables(result["analysis"])
    return "\n\n".join([*parts, *_remarks(sequences)])


def _remarks(sequences: Mapping[str, Any]) -> Iterator[str]:
    """What deserves a second look: objects that were never found, that have no score, or no error."""
    objects = {f"{name} {i}": values for name, one in sequences.items() for i, values in one["objects"].items()}
    scored = _scored(objects)
    if late := objects.keys() - scored.keys():
        yield f"Not scored, since the last true mask is the first to show it: {_some(late)}"
    if lost := [name for name, values in scored.items() if not any(values["J"])]:
        yield f"J is 0 in every frame, so the prediction lacks it, or has it under another id: {_some(lost)}"
    if perfect := _perfect(sequences):
        yield f"Exactly 1 in every frame, so either the truth itself or absent from both: {_some(perfect)}"


def _category_table(mean: Mapping[str, Any]) -> str:
    """Every category, and the mean over them."""
    rows = [[name, *values.values()] for name, values in mean["categories"].items()]
    return _columns([["category", "J", "F"], *rows, ["mean of these", *mean["over_categories"].values()]])


def _seen_table(mean: Mapping[str, Any]) -> str:
    """Seen and unseen categories, and their mean G."""
    nothing = {"J": None, "F": None}
    rows = [[f"{part} categories", *(mean[part] or nothing).values()] for part in ("seen", "unseen")]
    table = _columns([["", "J", "F"], *rows, ["G", mean["G"], None]])
    if mean["seen"] is None and mean["unseen"] is None:
        return f"{table}\nWhich are seen is not known: that takes the split's meta.json, and train/meta.json beside it."
    return table


def _analysis_tables(analysis: Mapping[str, Any]) -> list[str]:
    """Attributes with the gain where they are absent, kinds of wrong pixels, and J along the video."""
    attributes = [[tag, values["J&F"], values["gain"]] for tag, values in analysis["attributes"].items()]
    errors, quality = analysis["errors"], analysis["over_time"]
    tables = [_columns([["attribute", "J&F", "without: gain"], *attributes])] if attributes else []
    tables.append(_columns([["% of pixels", "fp close", "fp far", "fn"], ["wrong", *errors.values()]]))
    along = {f"{percent}%": quality["J"][percent] for percent in (0, 25, 50, 75, 100)}
    tables.append(_columns([["of the video", *along, "lowest"], ["J", *along.values(), quality["lowest"]]]))
    return tables


def _sequence_rows(sequences: Mapping[str, Any]) -> Iterator[list]:
    """A row for every sequence, the mean of its objects, then one for each object where there are several."""
    for name, sequence in sequences.items():
        means = {i: _object_means(values) for i, values in _scored(sequence["objects"]).items()}
        if not means:
            continue
        t = [values[3] for values in means.values() if values[3] is not None]
        mean = np.array([values[:3] for values in means.values()]).mean(axis=0).tolist()
        yield [name, "", *mean, float(np.mean(t)) if t else None]
        if len(means) > 1:
            yield from ([name, i, *values] for i, values in means.items())


def _perfect(sequences: Mapping[str, Any]) -> list[str]:
    """Names of sequences, or of their single objects, with no error in any frame: worth a second look."""
    rows = [row for row in _sequence_rows(sequences) if row[2] == 1]
    whole = {name for name, i, *_ in rows if not i}
    return sorted(whole) + [f"{name} {i}" for name, i, *_ in rows if name not in whole]


def _object_means(values: Mapping[str, Any]) -> list[float | None]:
    """J&F, mean J, mean F and T of one object."""
    j, f = (float(np.mean([v for v in values[key] if v is not None])) for key in ("J", "F"))
    return [(j + f) / 2, j, f, values["T"]]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _columns(rows: Many[Many[str | float | None]]) -> str:
    """Rows as aligned text: texts to the left, numbers to 3 decimals to the right, a dash for None."""
    cells = [["-" if c is None else f"{c:.3f}" if isinstance(c, float) else c for c in row] for row in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))]
    words = [isinstance(rows[-1][n], str) for n in range(len(cells[0]))]
    lines = (
        "  ".join(c.ljust(w) if word else c.rjust(w) for c, w, word in zip(row, widths, words)).rstrip()
        for row in cells
    )
    return "\n".join(lines)
