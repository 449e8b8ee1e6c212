"""Means over categories: the four that YouTube-VOS's score G is made of, and those of Youtube-Objects.

In YouTube-VOS an object's category stands in the `meta.json` of its split. It is a seen one where the training split,
whose `train/meta.json` lies beside, has objects of that category too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vosbook.datasets.youtube_vos import ListedObject, known_categories, read_meta
from vosbook.errors import InputError
from vosbook.video.masks import MaskFolder


@dataclass(frozen=True)
class Listing:
    """A `meta.json`, and the categories that were trained on."""

    path: Path
    videos: dict[str, tuple[ListedObject, ...]]
    seen: frozenset[str] | None  # None where there is no train/meta.json

    def check(self, name: str, truth: MaskFolder) -> None:
        """InputError unless the true masks of the video `name` are those of the listing, all of them."""
        folder = truth.files[truth.names[0]].parent
        if name not in self.videos:
            raise InputError(f"{self.path} does not list {name}, which {folder} holds: give --info the right meta.json")
        listed = {frame for o in self.videos[name] for frame in o.frames}
        if missing := listed - set(truth.names):
            raise InputError(
                f"{folder} has no mask {min(missing)}, which {self.path} lists: the first masks of valid/ are no truth "
                "to score with, give --gt all masks"
            )

    def category(self, name: str, i: int) -> str | None:
        """Category of the object `i` of the video `name`. InputError if it is not listed."""
        for listed in self.videos[name]:
            if listed.id == i:
                return listed.category
        raise InputError(f"{self.path} does not list object {i} of {name}, which the true masks hold: correct one")


def read_listing(gt: Path, info: Path | None) -> Listing | None:
    """The `meta.json` at `info`, by default the nearest in the folder `gt` and the two above. None: there is none."""
    gt = gt.absolute()
    around = (folder / "meta.json" for folder in (gt, *list(gt.parents)[:2]))
    path = info or next((path for path in around if path.is_file()), None)
    if path is None:
        return None
    videos = read_meta(path)
    train = Path(path).absolute().parent.parent / "train" / "meta.json"
    return Listing(Path(path), videos, known_categories(read_meta(train)) if train.is_file() else None)


def by_category(objects: Iterable[tuple[str, float, float]]) -> dict[str, dict]:
    """Means of J and F over the objects of each category, and over the categories (OSVOS-S, Table 6).

    `objects` gives category, J and F of each, at least one. In Youtube-Objects every sequence has one object. The
    paper does not say that a category's mean is one over sequences and not over all their frames; the mean of its ten
    categories is its overall figure.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for category, j, f in objects:
        found.setdefault(category, []).append((j, f))
    means = {category: np.mean(found[category], axis=0) for category in sorted(found)}
    return {
        "categories": {category: _j_and_f(mean) for category, mean in means.items()},
        "over_categories": _j_and_f(np.mean(list(means.values()), axis=0)),
    }


def _j_and_f(mean: np.ndarray) -> dict[str, float]:
    return {"J": float(mean[0]), "F": float(mean[1])}


def seen_and_unseen(
    objects: Iterable[tuple[str | None, float, float]], seen: frozenset[str] | None
) -> dict[str, float | dict[str, float] | None]:
    """Means of J and F over the objects of seen and of unseen categories, and G, the mean of these four.

    `objects` gives category, J and F of each. A part is None where nothing is known of it, or it has no object.
    """
    objects = list(objects)
    parts: dict[str, list[tuple[float, float]]] = {"seen": [], "unseen": []}
    if seen is not None and all(category is not None for category, *_ in objects):
        for category, j, f in objects:
            parts["seen" if category in seen else "unseen"].append((j, f))
    means = {part: np.mean(values, axis=0).tolist() if values else None for part, values in parts.items()}
    complete = all(mean is not None for mean in means.values())
    return {
        "G": float(np.mean(list(means.values()))) if complete else None,
        **{part: mean and {"J": mean[0], "F": mean[1]} for part, mean in means.items()},
    }
