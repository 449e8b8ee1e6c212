# %% [markdown]
# # What each part of FRTM is worth
#
# Table 1 of the paper on the data at hand: the target model D alone, or with the segmentation network S; D learned on
# the first frame only, or updated while the video plays; with the paper's solver (`full`) and the fast one (`fast`).
# The question behind it: updating D on its own output lowers the score on these videos, where the paper reports a gain.
# Does S, whose masks are better labels, turn that round?
#
# Real video: the profile's DAVIS 2016 validation sequences. Synthetic video: several objects, from seeds that S was not
# trained on; but it has seen other video of the same generator.
#
# The table's other rows are runs of their own: the Base net in `frtm_share`, fine-tuning in `frtm_fine_tuned`.
#
# All variants take turns at every frame and share its features, so no time is measured here (`frtm_times` does).
#
# `features` names other features that the profile has settings for: `make run RUN=frtm_ablation PROFILE=small
# SET='features=filters'` measures the filter bank, and the network that was trained for it, on real video.

# %% tags=["parameters"]
profile = "smoke"
features = ""

# %% tags=["imports"]
from collections import defaultdict
from dataclasses import asdict, replace

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features.backbone import SharedBackbone
from vosbook.measure import score_sequence
from vosbook.methods.frtm import FAST, FULL, FrtmSegmenter, shipped_network
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.weights import read_about

# %%
settings = load_profile(profile).of("frtm_ablation")
settings |= settings["features"][features] if features else {}
record = f"frtm_ablation_{profile}_{features}".removesuffix("_")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
synthetic = SyntheticConfig(frames=settings["frames"], objects=tuple(settings["objects"]))
sequences = {spec: load_sequence(spec, config=synthetic) for spec in settings["data"]}
complete = FrtmSegmenter.complete(
    replace(FAST, backbone=settings["backbone"]), backbone_weights=None, checkpoint=None, device=device, note=print
)
assert complete.backbone.name == settings["backbone"], f"no weights of {settings['backbone']}"
backbone = SharedBackbone(complete.backbone)

# %% [markdown]
# The variants: which network (none: D's own scores are the masks), and whether D is updated. Each with several seeds of
# the augmentations and of D's random start, because both move the result.

# %%
solvers = {name: {"fast": FAST, "full": FULL}[name] for name in settings["seeds"]}
variants = {
    "d_only_no_update": (None, False),
    "d_only": (None, True),
    "no_update": (complete.network, False),
    "complete": (complete.network, True),
}
runs = [(solver, variant, k) for solver in solvers for k in range(settings["seeds"][solver]) for variant in variants]


def segmenter(solver, variant, seed) -> FrtmSegmenter:
    network, update = variants[variant]
    config = replace(solvers[solver], update=update, seed=settings["seed"] + seed)
    return FrtmSegmenter(backbone, config, network)


def run_sequence(spec) -> dict:
    scores = score_sequence({run: segmenter(*run) for run in runs}, sequences[spec])
    print(spec, *(f"{'/'.join(map(str, run))} {score['J']:.3f}" for run, score in scores.items()), flush=True)
    return scores


# %% [markdown]
# The mean is over sequences; every sequence has the mean over its objects. What a part gains is the difference between
# two variants of the same seed.

# %%
gains = {
    "update_of_d_only": ("d_only", "d_only_no_update"),
    "update_of_complete": ("complete", "no_update"),
    "network_without_update": ("no_update", "d_only_no_update"),
    "network_with_update": ("complete", "d_only"),
}


def summary(table) -> dict:
    """Metrics from J and F `(seeds, sequences, 2)`."""
    j, f = np.moveaxis(table, 2, 0)  # (seeds, sequences) each
    return {
        "J": j.mean(),
        "F": f.mean(),
        "J&F": table.mean(),
        "J_std": j.mean(axis=1).std(),
        "J_of_seeds": j.mean(axis=1),
        "F_of_seeds": f.mean(axis=1),
        "J_of_sequences": dict(zip(names, j.mean(axis=0).tolist())),
        "F_of_sequences": dict(zip(names, f.mean(axis=0).tolist())),
    }


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
groups = defaultdict(list)  # davis2016, synthetic
for spec in sequences:
    groups[spec.split("/")[0]].append(spec)
config = {"solvers": {name: asdict(solver) for name, solver in solvers.items()}, "seeds": settings["seeds"]}
config |= {"backbone": backbone.source, "device": device, "threads": torch.get_num_threads()}
config |= {"synthetic": asdict(synthetic), "network": read_about(shipped_network(backbone.name))}
with record_run(record, profile=profile, config=config, seed=settings["seed"], data=data) as run:
    scores = {spec: run_sequence(spec) for spec in sequences}
    for group, names in groups.items():
        run["metrics"][group] = {}
        for solver in solvers:
            seeds = range(settings["seeds"][solver])
            tables = {
                variant: np.array([[[scores[s][solver, variant, k][m] for m in "JF"] for s in names] for k in seeds])
                for variant in variants
            }  # (seeds, sequences, 2) each
            tables |= {gain: tables[more] - tables[less] for gain, (more, less) in gains.items()}
            run["metrics"][group][solver] = {name: summary(table) for name, table in tables.items()}

# %%
for group, by_solver in run["metrics"].items():
    for solver, found in by_solver.items():
        print(f"\n{group}, {solver}, {settings['seeds'][solver]} seeds")
        for name, m in found.items():
            print(f"  {name:<24} J {m['J']:+.3f} ± {m['J_std']:.3f}   F {m['F']:+.3f}   J&F {m['J&F']:+.3f}")
