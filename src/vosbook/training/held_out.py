"""Trained networks and the video that they have not seen: folds, and scores beside those of masks that never move."""

from collections.abc import Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.measure import score_sequence
from vosbook.profiles import book_folder, load_profile
from vosbook.segmenter import Segmenter


def of_fold(specs: list[str], fold: tuple[int, int]) -> list[str]:
    """What is held out in the k-th of n folds, where `fold` is (k, n): every n-th, from the k-th on, counted from 0.

    ValueError: there is no such fold.
    """
    k, n = fold
    if not 0 <= k < n <= len(specs):
        raise ValueError(f"fold {k} of {n} of {len(specs)} sequences: folds are counted from 0, and none is empty")
    return specs[k::n]


@dataclass(frozen=True)
class Fold:
    """A training that has left sequences out."""

    training: dict[str, Any]  # its settings
    weights: Path
    unseen: list[str]  # specs


def trained_folds(run: str, variants: Many[str], *, profile: str, also: Many[str]) -> list[Fold]:
    """The `variants` of the training `run`, each of which has a `fold`, with what each has not seen.

    `also` is dealt out among them: sequences that none of them has seen. InputError: a training is still to be made.
    """
    folds = []
    for number, variant in enumerate(variants):
        training = load_profile(profile).of_variant(run, variant)
        weights = book_folder().parent / "build" / "runs" / f"{run}_{profile}_{variant}" / "weights.safetensors"
        if not weights.is_file():
            command = f"make run RUN={run} PROFILE={profile} SET='variant={variant}'"
            raise InputError(f"{weights} does not exist: make it with `{command}`")
        first, last = training.get("videos", (0, -1))
        data = [*training["data"], *(f"synthetic/{seed}" for seed in range(first, last + 1))]
        folds.append(Fold(training, weights, [*of_fold(data, training["fold"]), *also[number :: len(variants)]]))
    return folds


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
