"""Which object is which: categories and tracks of other tools <-> the ids 1..254 of labels."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vosbook.errors import InputError
from vosbook.exchange.annotations import Shape
from vosbook.video.labels import VOID

TABLE = "objects.json"  # beside the masks: which id is which object
UNNAMED = "object"  # the category of what nobody has named


@dataclass(frozen=True)
class Identity:
    """What an id stands for."""

    category: str = UNNAMED
    track: str | None = None  # which of its category; None: the only one, or all of them

    def __str__(self) -> str:
        return self.category if self.track is None else f"{self.category} {self.track}"


@dataclass(frozen=True)
class Picture:
    """A frame that is written for another tool."""

    t: int  # from 0
    file: str  # the name of its image
    ids: tuple[int, ...]  # of the objects that can be seen


def categories_of(objects: Mapping[int, Identity]) -> list[str]:
    """The categories of some objects in the order of their ids, each once."""
    return list(dict.fromkeys(objects[i].category for i in sorted(objects)))


# ------------------------------------------------------------------------------------------------- shapes -> ids


def identities(shapes: Sequence[Shape], path: Path, *, by_category: bool = False) -> list[Identity]:
    """Which object each shape belongs to, or with `by_category`, all of a category being one object.

    Shapes of one category and one track are one object, in all frames. Where a file has no tracks, a category is one
    object unless a frame has two of it. These are told apart by their order; where the category is in other frames,
    too, it cannot be known which is which, and that is an InputError.
    """
    if by_category:
        return [Identity(shape.category) for shape in shapes]
    seen = Counter((shape.frame, shape.category) for shape in shapes if shape.track is None)
    crowded = {category for (_, category), times in seen.items() if times > 1}
    frames = {category: {s.frame for s in shapes if s.category == category} for category in crowded}
    if unclear := sorted(category for category in crowded if len(frames[category]) > 1):
        raise InputError(
            f"{path} has several of {unclear[0]} in a frame, and no tracks that tell which is which in other frames: "
            "add tracks (COCO's track_id, a group in labelme or CVAT), or add --by category to make them one object"
        )
    order: Counter[str] = Counter()
    found = []
    for shape in shapes:
        track = shape.track
        if track is None and shape.category in crowded:
            order[shape.category] += 1
            track = f"#{order[shape.category]}"
        found.append(Identity(shape.category, track))
    return found


def numbered(found: Iterable[Identity], path: Path) -> dict[Identity, int]:
    """An id for each object: the number of its track where all have one that can be an id, else in order.

    InputError for more than 254 objects.
    """
    objects = list(dict.fromkeys(found))
    tracks = [int(one.track) for one in objects if one.track is not None and one.track.isdecimal()]
    if len(tracks) == len(set(tracks)) == len(objects) and all(0 < number < VOID for number in tracks):
        return dict(zip(objects, tracks))
    if len(objects) >= VOID:
        raise InputError(f"{path} has {len(objects)} objects, and labels have room for 254: add --by category")
    return {one: i for i, one in enumerate(objects, 1)}


# -------------------------------------------------------------------------------------------------------- a table


def write_table(folder: Path, objects: Mapping[int, Identity]) -> None:
    """Write into a folder of masks what its ids stand for."""
    content = {str(i): asdict(objects[i]) for i in sorted(objects)}
    (folder / TABLE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_table(folder: Path) -> dict[int, Identity]:
    """What the ids of a folder of masks stand for, as far as `write_table` has written it there."""
    try:
        content = json.loads((folder / TABLE).read_text(encoding="utf-8"))
        return {int(i): Identity(**entry) for i, entry in content.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        raise InputError(f"{folder / TABLE} is no table of objects: remove it, or import the masks anew") from None
