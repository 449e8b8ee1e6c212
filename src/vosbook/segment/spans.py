"""In which order the frames of a video are answered, where a method begins at one or several of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vosbook.datasets.part import walk
from vosbook.datasets.sequence import Frames
from vosbook.segment.given import Given, Labels, only
from vosbook.video.labels import object_ids


@dataclass(frozen=True)
class Span:
    """Frames that a method goes through without a new beginning.

    `order` holds their numbers, rising, or falling where it goes back in time; `given` what it is told on the way, None
    where it finds the objects itself. With `again` the first of them has its answer already; of those after it `skip`
    have, and are left out.
    """

    order: range
    given: Labels | None
    again: bool = False
    skip: int = 0

    @property
    def own(self) -> range:
        """The frames whose answers come from here."""
        return self.order[1 + self.skip :] if self.again else self.order


def spans_of(names: Sequence[str], given: Given, *, both_ways: bool) -> list[Span]:
    """The spans that together answer every frame, in the order in which they are to be made.

    One way, each beginning holds until the next; what lies before the first is a part of its span, for `segment_frames`
    to leave empty or to keep. Both ways, a frame's answer comes from the beginning that is nearest in time, of two as
    near the earlier.
    """
    starts = [t for t, name in enumerate(names) if name in given.begins]
    spans = []
    for before, start, after in zip([None, *starts], starts, [*starts[1:], None]):
        end = len(names) if after is None else (start + after) // 2 + 1 if both_ways else after
        first = 0 if before is None else (before + start) // 2 + 1
        begin = {names[start]: given.begins[names[start]]}
        forward = range(start if both_ways or before is not None else 0, end)
        spans.append(Span(forward, begin | _joins(names, given, start, end)))
        if both_ways and first < start:
            spans.append(Span(range(start, first - 1, -1), begin, again=True))
    return spans


def _joins(names: Sequence[str], given: Given, start: int, end: int) -> dict[str, np.ndarray]:
    """The objects that come in between two beginnings, and that the first does not know."""
    known = object_ids(given.begins[names[start]])
    joins = {}
    for name in names[start + 1 : end]:
        if name in given.joins and (new := set(object_ids(given.joins[name])) - set(known)):
            joins[name] = only(given.joins[name], new)
    return joins


class Walk:
    """The frames of a span as a `FrameStream`, and the one that was read last."""

    def __init__(self, video: Frames, span: Span):
        self.video = video
        self.orders = (span.order[:1], span.order[1 + span.skip :]) if span.skip else (span.order,)
        self.numbers = tuple(t for order in self.orders for t in order)
        self.names = tuple(video.names[t] for t in self.numbers)

    def __iter__(self) -> Iterator[np.ndarray]:
        for order in self.orders:
            for frame in walk(self.video, order):
                self.frame = frame
                yield frame
