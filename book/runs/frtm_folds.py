# %% [markdown]
# # What the segmentation network and the updates gain, on sequences that no network has seen
#
# Five networks were trained, each without a fifth of the training sequences (`make run RUN=train_frtm`, variants
# `fold0` to `fold4`, each with a seed of its own). Every sequence is scored with the network that has not seen it:
# the complete method in its fast settings and D alone, both with updates and without. So the gains of Table 1 are
# means over many sequences and over several trainings. What is scored of a sequence stays in `build/runs`, and a run
# that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace
from functools import partial

import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features.backbone import SharedBackbone
from vosbook.measure import mean_of, score_sequence
from vosbook.methods.frtm import FAST, FrtmSegmenter
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.training.folds import trained_folds
from vosbook.weights import read_about

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("frtm_folds")
synthetic = SyntheticConfig(**settings["synthetic"])
parts = book_folder().parent / "build" / "runs" / f"frtm_folds_{profile}"
WAYS = {
    "complete": (True, True),
    "no_update": (True, False),
    "d_only": (False, True),
    "d_only_no_update": (False, False),
}
folds = [
    replace(fold, unseen=[spec for spec in fold.unseen if spec.startswith(settings["kind"])])
    for fold in trained_folds("train_frtm", settings["trainings"], profile=profile, also=settings["also"])
]


# %%
def score(segmenters, sequence) -> dict:
    return {way: {m: scores[m] for m in ("J", "F")} for way, scores in score_sequence(segmenters, sequence).items()}


def segmenters_of(fold) -> dict:
    """By way: with the network or D alone, with updates or without."""
    seed, name = fold.training["seed"], fold.training["backbone"]
    asked = replace(FAST, backbone=name)
    whole = FrtmSegmenter.complete(asked, backbone_weights=None, checkpoint=fold.weights, device="cpu", note=print)
    assert whole.backbone.name == name, "a record must not depend on whether weights can be had"
    backbone = SharedBackbone(whole.backbone)
    return {
        way: FrtmSegmenter(backbone, replace(whole.config, update=update, seed=seed), whole.network if with_s else None)
        for way, (with_s, update) in WAYS.items()
    }


# %%
sequences = {spec: load_sequence(spec, config=synthetic) for fold in folds for spec in fold.unseen}
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"method": asdict(FAST), "networks": [read_about(fold.weights) for fold in folds], "ways": WAYS}
config |= {"folds": [fold.unseen for fold in folds], "threads": torch.get_num_threads()}
with record_run(f"frtm_folds_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for fold in folds:
        segmenters = segmenters_of(fold)
        for spec in fold.unseen:
            found[spec] = kept(parts / f"{sequences[spec].name}.json", partial(score, segmenters, sequences[spec]))
            print(f"{spec:<32}" + "  ".join(f"{way} {of['J']:.3f}" for way, of in found[spec].items()), flush=True)
    for way in WAYS:
        rows = {spec: of[way] for spec, of in found.items()}
        by_fold = [mean_of([rows[spec] for spec in fold.unseen]) for fold in folds]
        of_folds = {f"{m}_of_folds": [one[m] for one in by_fold] for m in ("J", "F")}
        run["metrics"][way] = mean_of(list(rows.values())) | of_folds | {"sequences": rows}
