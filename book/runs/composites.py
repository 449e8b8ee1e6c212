# %% [markdown]
# # Several objects on real frames
#
# DAVIS 2016 has one object in a video. Here objects of its validation sequences, which no network has seen, are laid
# over each other's frames, each with its own motion: `vosbook compose` writes such a set in the layout of DAVIS 2017.
# Every method follows them: in kind what RVOS's Table 3 asks (the score by the number of objects), its Table 5 (no mask
# given, slots matched with the truth as DAVIS 2017 does it), and FRTM's merging by either rule of soft aggregation.
# What is scored of a video stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.composites import CompositeConfig, make_composite
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import score_sequence
from vosbook.methods import METHODS, build
from vosbook.methods.frtm import MERGES, FrtmSegmenter
from vosbook.methods.osvos import OnlineConfig, OsvosSegmenter
from vosbook.metrics.evaluate import evaluate
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.segmenter import segment_frames
from vosbook.training.fine_tune import Budget
from vosbook.training.held_out import FirstMasks
from vosbook.video.masks import write_mask

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("composites")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
synthetic = SyntheticConfig(**settings["synthetic"])
sources = [load_sequence(spec, config=synthetic) for spec in settings["data"]]
parts = book_folder().parent / "build" / "runs" / f"composites_{profile}"
quiet = {"device": device, "note": lambda text: None}

# %% [markdown]
# The videos: as many of every number of objects.

# %%
videos = {}  # by number of objects
for count in settings["counts"]:
    asked = CompositeConfig(objects=(count, count), frames=settings["frames"])
    seeds = [settings["first_seed"] + count * settings["videos"] + k for k in range(settings["videos"])]
    videos[count] = [make_composite(sources, seed, asked) for seed in seeds]


# %%
def segmenter(name):
    """A new one, which sees frames in its paper's size.

    OSVOS is tuned for a number of steps: seconds buy another number on every machine.
    """
    if name == "first_mask":
        return FirstMasks()
    if name == "osvos-fast":
        budget = Budget(seconds=None, steps=settings["osvos"]["steps"])
        return OsvosSegmenter.load(OnlineConfig(budget=budget), checkpoint=None, **quiet)
    if name == "frtm-fast, normalised":
        fast = build("frtm-fast", **quiet, enlarge=1)
        return FrtmSegmenter(fast.backbone, replace(fast.config, merge="normalised"), fast.network)
    return build(name, **quiet, enlarge=1)


def scores_of(name, video) -> dict:
    """J and F, means over frames and objects. Slots of a method that is given no mask are matched with the truth."""
    if name in METHODS and METHODS[name].zero_shot:
        return matched_scores(segmenter(name), video)
    found = score_sequence({name: segmenter(name)}, video)[name]
    return {key: found[key] for key in ("J", "F", "seconds_per_frame")}


def scores_of_all(video) -> dict:
    return {name: scores_of(name, video) for name in settings["methods"]}


def matched_scores(method, video) -> dict:
    with TemporaryDirectory() as folder:
        truth, masks = Path(folder) / "truth" / video.name, Path(folder) / "masks" / video.name
        truth.mkdir(parents=True)
        masks.mkdir(parents=True)
        for t, (frame, labels) in enumerate(zip(video.frames.names, segment_frames(method, video.frames, None))):
            write_mask(masks / f"{frame}.png", labels)
            write_mask(truth / f"{frame}.png", video.labels(t))
        mean = evaluate(truth.parent, masks.parent, protocol="davis2017-unsupervised", note=print)["mean"]
    return {key: mean[key]["mean"] for key in ("J", "F")}


# %% [markdown]
# Every method on every video. Means over videos, by the number of objects and over all; `J_of_videos` is what a paired
# comparison needs.

# %%
methods = list(settings["methods"])
every = [(count, k, video) for count, of_count in videos.items() for k, video in enumerate(of_count)]
data = [manifest_entry(spec, source) for spec, source in zip(settings["data"], sources)]
config = {key: settings[key] for key in ("counts", "frames", "videos", "first_seed", "osvos", "synthetic")}
config |= {"composite": asdict(CompositeConfig()), "merges": list(MERGES), "threads": torch.get_num_threads()}
config |= {"device": device, "backbone": build("frtm-d-only", **quiet).backbone.source}
with record_run(f"composites_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {name: [] for name in methods}
    for count, k, video in every:
        scores = kept(parts / f"{count}_{k}.json", partial(scores_of_all, video))
        for name in methods:
            found[name].append({"objects": count, **scores[name]})
        print(count, "objects:", {name: round(100 * scores[name]["J"], 1) for name in methods}, flush=True)
    for name, rows in found.items():
        of = {str(count): [row for row in rows if row["objects"] == count] for count in videos}
        run["metrics"][name] = {
            **{measure: np.mean([row[measure] for row in rows]) for measure in ("J", "F")},
            "by_objects": {n: {m: np.mean([row[m] for row in some]) for m in ("J", "F")} for n, some in of.items()},
            "J_of_videos": [row["J"] for row in rows],
            "F_of_videos": [row["F"] for row in rows],
        }

# %% [markdown]
# J in %, by the number of objects.

# %%
print(f"{'':<24}" + "".join(f"{count:>6}" for count in videos) + f"{'all':>8}")
for name, metrics in run["metrics"].items():
    by_objects = "".join(f"{100 * metrics['by_objects'][str(count)]['J']:>6.1f}" for count in videos)
    print(f"{name:<24}{by_objects}{100 * metrics['J']:>8.1f}")
