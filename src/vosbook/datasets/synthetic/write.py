"""Synthetic sequences on disk, in the layouts of DAVIS 2017 and YouTube-VOS, for the real readers to read."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic.attributes import CRITERIA
from vosbook.datasets.synthetic.make import make_sequence
from vosbook.datasets.synthetic.scene import SyntheticConfig
from vosbook.datasets.written import write_davis, write_frames
from vosbook.errors import InputError
from vosbook.output import output_folder
from vosbook.video.labels import object_ids
from vosbook.video.masks import write_mask

Progress = Callable[..., Iterable]

SEEDS_APART = 100_000  # sequence i of data set `seed` is made from the seed `seed * SEEDS_APART + i`
LATE = 0.4  # chance that an object of a YouTube-VOS sequence enters later
STRIDE = 5  # YouTube-VOS annotates every 5th frame of 30 a second, and names frames accordingly


def write_dataset(
    out: str | Path,
    *,
    sequences: int,
    seed: int,
    layout: str,
    config: SyntheticConfig = SyntheticConfig(),  # noqa: B008 - frozen
    progress: Progress | None = None,
) -> None:
    """Write a data set of `sequences` sequences.

    `layout` "davis": JPEGImages/480p, Annotations/480p, ImageSets/2017/val.txt, ImageSets/480p/val.txt and db_info.yml,
    with the names of DAVIS whatever `config.size` is. All sequences are for validation; another seed makes a set to
    train on. `layout` "youtube-vos": train/ and, with two of five sequences, valid/, each with JPEGImages, Annotations
    and meta.json, frames named in steps of 5; valid/Annotations holds each object's first mask only, and valid_truth/
    all masks. There, training sequences show the seen categories only, and objects may enter later.
    InputError if `out` is not empty, or the seed is below 0. Either the whole data set appears, or nothing.
    """
    if layout not in ("davis", "youtube-vos"):
        raise ValueError(f"layout must be davis or youtube-vos, got {layout!r}")
    if seed < 0:
        raise InputError(f"the seed is {seed}: give 0 or more")
    if not 0 < sequences <= SEEDS_APART:
        raise InputError(f"a data set has from 1 to {SEEDS_APART} sequences, not {sequences}")
    write = _write_davis if layout == "davis" else _write_youtube_vos
    indices = range(sequences)
    with output_folder(out, overwrite=None) as folder:
        write(folder, progress(indices, total=sequences, desc="synth") if progress else indices, seed, config)


def _write_davis(out: Path, indices: Iterable[int], seed: int, config: SyntheticConfig) -> None:
    sequences = (make_sequence(seed * SEEDS_APART + i, config) for i in indices)
    write_davis(out, sequences, attributes=CRITERIA)


# ------------------------------------------------------------------------------------------------- YouTube-VOS


def _write_youtube_vos(out: Path, indices: Iterable[int], seed: int, config: SyntheticConfig) -> None:
    config = replace(config, late=config.late or LATE)
    seen_only = replace(config, split="seen") if config.split == "all" else config
    meta: dict[str, dict] = {"train": {}, "valid": {}}
    for i in indices:
        part = "valid" if i % 5 in (0, 3) else "train"
        sequence = make_sequence(seed * SEEDS_APART + i, config if part == "valid" else seen_only)
        names = [f"{STRIDE * t:05d}" for t in range(len(sequence.frames))]
        write_frames(out / part / "JPEGImages" / sequence.name, sequence, names)
        meta[part][sequence.name] = {"objects": _write_youtube_vos_masks(out, part, sequence, names)}
    for part, folders in {"train": ["train"], "valid": ["valid", "valid_truth"]}.items():
        for folder in folders:
            (out / folder).mkdir(exist_ok=True)
            (out / folder / "meta.json").write_text(json.dumps({"videos": meta[part]}, indent=1) + "\n")


def _write_youtube_vos_masks(out: Path, part: str, sequence: Sequence, names: list[str]) -> dict[str, dict]:
    """Write a sequence's masks. Returns its objects as meta.json lists them: category, and the frames that show it."""
    truth = out / ("train" if part == "train" else "valid_truth") / "Annotations" / sequence.name
    truth.mkdir(parents=True)
    shown: dict[int, list[str]] = {o.id: [] for o in sequence.objects}
    for t, name in enumerate(names):
        labels = sequence.labels(t)
        present = object_ids(labels)
        write_mask(truth / f"{name}.png", labels)
        new = [i for i in present if not shown[i]]
        if part == "valid" and new:
            _write_first_masks(out / "valid/Annotations" / sequence.name / f"{name}.png", labels, new)
        for i in present:
            shown[i].append(name)
    return {str(o.id): {"category": o.category, "frames": shown[o.id]} for o in sequence.objects}


def _write_first_masks(path: Path, labels: np.ndarray, new: list[int]) -> None:
    """The mask of the objects that appear at this frame, without those that were there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first = labels.copy()
    first[~np.isin(labels, new)] = 0
    write_mask(path, first)
