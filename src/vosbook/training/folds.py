"""Cross-validation: trainings that each leave out a part of the sequences, and what each of them has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosbook.errors import InputError
from vosbook.profiles import book_folder, load_profile


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


def trained_folds(run: str, variants: Sequence[str], *, profile: str, also: Sequence[str]) -> list[Fold]:
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
