"""Scores of a trained network on video that it has not seen, beside those of masks that never move."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from vosbook.datasets.sequence import Sequence
from vosbook.measure import score_sequence
from vosbook.segmenter import Segmenter


class FirstMasks:
    """A `Segmenter` for comparison: objects stay where they were given."""

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        if masks is None:
            raise ValueError("first masks are needed, got none")
        self.labels = masks

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        self.labels = np.where(masks > 0, masks, self.labels)

    def step(self, frame: np.ndarray) -> np.ndarray:
        return self.labels


def score_held_out(name: str, segmenter: Segmenter, sequences: Iterable[tuple[str, Sequence]]) -> dict[str, Any]:
    """J and F, as `score_sequence` has them, of `segmenter` under its `name`, and of `FirstMasks` as "first_mask".

    `sequences` are pairs of a spec and what it names. The mean over sequences by name, and `sequences` by spec.
    """
    ways = {name: segmenter, "first_mask": FirstMasks()}
    every = {spec: score_sequence(ways, sequence) for spec, sequence in sequences}
    means = {way: {m: float(np.mean([one[way][m] for one in every.values()])) for m in ("J", "F")} for way in ways}
    return {**means, "sequences": every}
