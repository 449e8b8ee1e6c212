"""Predicted masks against true ones: a protocol's scores of every object, their means, and what the analysis adds."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vosbook.errors import InputError
from vosbook.metrics.analysis import analyse
from vosbook.metrics.categories import Listing, by_category, read_listing, seen_and_unseen
from vosbook.metrics.info import find_info, read_info
from vosbook.metrics.protocols import PROTOCOLS, Protocol
from vosbook.metrics.scores import Scores
from vosbook.metrics.sequences import Note, Pair, find_pairs
from vosbook.metrics.statistics import frame_means, overall, scored

log = logging.getLogger(__name__)


def evaluate(
    gt: Path,
    pred: Path,
    *,
    protocol: str = "davis2016",
    sequences: Iterable[str] | None = None,
    info: Path | None = None,
    analysis: bool = False,
    progress: Callable[[list], Iterable] | None = None,
    note: Note | None = None,
) -> dict[str, Any]:
    """Score the masks under `pred` against those under `gt`: a folder for each sequence, or both one sequence's folder.

    `gt` may be the folder of Youtube-Objects too, whose sequences are called cat-0001-001 and the like; the protocol
    that scores every mask but the first is "youtube-vos". `sequences` are the names of those to score; None: all, or
    those of the official list that `pred` holds.

    Returns what `vosbook evaluate --json` writes, object ids as text; None where the protocol scores nothing. For
    YouTube-VOS "mean" has "G" too, and "seen" and "unseen" with J and F, and each object its "category". So it has for
    Youtube-Objects, where "mean" has "categories" and "over_categories" instead (see `by_category`). `info` is the
    data set's db_info.yml (attributes, `eval_t`; by default the nearest in or above `gt`), or, for YouTube-VOS, its
    meta.json (categories; by default that of `gt` or of the two folders above). `progress` wraps the list of
    sequences, as tqdm does; `note` is called with a line where an official list leaves sequences of `gt` out, or `pred`
    lacks frames that are not scored (None: the log). InputError names what is missing, too much, of another size or
    damaged.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol is {protocol!r}; there are {', '.join(PROTOCOLS)}")
    chosen, gt, pred = PROTOCOLS[protocol], Path(gt), Path(pred)
    listing = read_listing(gt, info) if chosen.late_objects else None
    info = None if chosen.late_objects else find_info(gt) if info is None else Path(info)
    about = read_info(info) if info else {}
    names = None if sequences is None else list(sequences)
    pairs = find_pairs(gt, pred, about, note or log.warning, scored=chosen.scored_frames, chosen=names)
    if listing:
        for pair in pairs:
            listing.check(pair.name, pair.truth)
    scores = {pair.name: chosen.score(pair, chosen) for pair in (progress(pairs) if progress else pairs)}
    if not any(scored(objects) for objects in scores.values()):
        raise InputError(f"{gt} has no object that a mask gives before the last frame: nothing to score")
    _add_categories(scores, pairs, listing)
    result = {
        "protocol": protocol,
        "mean": overall(scores, recall_and_decay=chosen.statistics) | _category_means(scores, pairs, listing, chosen),
        "sequences": {
            name: {"objects": {str(i): values for i, values in objects.items()}} for name, objects in scores.items()
        },
    }
    return {**result, "analysis": analyse(pairs, scores, chosen, about)} if analysis else result


def _add_categories(scores: Mapping[str, Scores], pairs: Iterable[Pair], listing: Listing | None) -> None:
    """Give every object its category, where there is one."""
    for pair in pairs:
        for i, values in scores[pair.name].items():
            if category := listing.category(pair.name, i) if listing else pair.category:
                values["category"] = category


def _category_means(
    scores: Mapping[str, Scores], pairs: Iterable[Pair], listing: Listing | None, protocol: Protocol
) -> dict[str, Any]:
    """Means over groups of objects: Youtube-Objects' categories, YouTube-VOS's seen and unseen ones; else none."""
    if any(pair.category for pair in pairs):
        return by_category((category, j, f) for category, j, f in _categories_and_means(scores) if category)
    if not protocol.late_objects:
        return {}
    return seen_and_unseen(_categories_and_means(scores), listing.seen if listing else None)


def _categories_and_means(scores: Mapping[str, Scores]) -> Iterator[tuple[str | None, float, float]]:
    """Category (None: not known), J and F of every object that has a score."""
    for sequence in scores.values():
        for values in scored(sequence).values():
            means = frame_means(values)
            yield values.get("category"), means["J"], means["F"]
