# %% [markdown]
# # How large FRTM should see a frame
#
# The paper gives the backbone a frame of DAVIS as it is, with 480 lines (Robinson et al., CVPR 2020), so that a cell of
# the target model's scores is 16 pixels wide, and a small object has few of them. Here the backbone also sees frames
# that were enlarged; nothing is learned anew. D alone knows no sequence beforehand. The segmentation network S has
# learned from those in `trained_on`, at 256 lines. On them the size is chosen, and the share of the frame up to which
# an object counts as small. What the choice gives elsewhere is told by the sequences in `unseen`, where the method
# `frtm` is scored as well. `variant` names the backbone, of those that the profile lists.
#
# `library` is what the library does: with ImageNet's features it enlarges frames where the object is small, and leaves
# the others as they are.
#
# What is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"
variant = "resnet18"

# %% tags=["imports"]
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.part import Part
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features.backbone import SharedBackbone
from vosbook.measure import mean_of, score_sequence
from vosbook.methods.frtm import FAST, FULL, LINES, SMALL, FrtmSegmenter, enlarge_for, seen_size, shipped_network
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.weights import read_about

# %%
profile, variant = script_parameters(profile=profile, variant=variant)
settings = load_profile(profile).of_variant("frtm_size", variant)
name = f"frtm_size_{profile}_{variant}"
parts = book_folder().parent / "build" / "runs" / name
synthetic = SyntheticConfig(**settings["synthetic"])
groups = {group: settings[group] for group in ("trained_on", "unseen")}
sequences = {spec: load_sequence(spec, config=synthetic) for specs in groups.values() for spec in specs}
first, *_ = sequences.values()
SIZES = {str(seen_size(first.frames.size, enlarge=enlarge)[0]): enlarge for enlarge in settings["enlarge"]}  # by lines
whole = FrtmSegmenter.complete(
    replace(FAST, backbone=settings["backbone"]), backbone_weights=None, checkpoint=None, device="cpu", note=print
)
assert whole.backbone.name == settings["backbone"], "a record must not depend on whether weights can be had"
LIBRARY = str(seen_size(first.frames.size, enlarge=enlarge_for(whole.backbone))[0])  # where an object is small
METHODS = {"frtm-d-only": (FAST, None), "frtm-fast": (FAST, whole.network), "frtm": (FULL, whole.network)}


# %%
def score(spec) -> dict[str, dict]:
    """By method and the lines that are seen: J and F, with a backbone that the methods share."""
    backbone = SharedBackbone(whole.backbone)
    methods = [method for method in METHODS if method != "frtm" or spec in settings["unseen"]]
    ways = {
        (method, size): FrtmSegmenter(backbone, *METHODS[method], enlarge=enlarge, small=1)
        for method in methods
        for size, enlarge in SIZES.items()
    }
    scores, found = score_sequence(ways, sequences[spec]), {method: {} for method in methods}
    for (method, size), of in scores.items():
        found[method][size] = {m: of[m] for m in ("J", "F", "J&F")}
    return found


# %%
def summary(rows) -> dict:
    """Means over each group of sequences, and what they are means of."""
    of_groups = {group: {spec: rows[spec] for spec in specs if spec in rows} for group, specs in groups.items()}
    return {group: mean_of(list(of.values())) for group, of in of_groups.items()} | {"sequences": of_groups}


def times_as_long(sequence) -> dict[str, dict[str, float]]:
    """By method and size, what a frame takes beside one that is not enlarged, each with the backbone to itself."""
    part = replace(sequence, frames=Part(sequence.frames, range(settings["timed_frames"])))
    fewest, *_ = SIZES
    found = {}
    for method, made in METHODS.items():
        ways = {size: FrtmSegmenter(whole.backbone, *made, enlarge=enlarge, small=1) for size, enlarge in SIZES.items()}
        seconds = {size: of["seconds_per_frame"] for size, of in score_sequence(ways, part).items()}
        found[method] = {size: seconds[size] / seconds[fewest] for size in SIZES}
    return found


def area(sequence) -> float:
    """The object's share of the first frame."""
    return float(np.mean(sequence.labels(0) > 0))


def with_library(of, sequence) -> dict:
    """Scores by the lines that are seen, and those of the size that the library has the sequence seen in."""
    fewest, *_ = SIZES
    return of | {"library": of[LIBRARY if area(sequence) <= SMALL else fewest]}


data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"methods": {method: asdict(config) for method, (config, _) in METHODS.items()}}
config |= {"network": read_about(shipped_network(whole.backbone.name)), "backbone": whole.backbone.source}
config |= {"enlarge": settings["enlarge"], "lines": LINES, "small": SMALL, "threads": torch.get_num_threads()}
config |= {"timed_frames": settings["timed_frames"]} | groups
with record_run(name, profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        of_methods = kept(parts / f"{sequence.name}.json", partial(score, spec))
        found[spec] = {method: with_library(of, sequence) for method, of in of_methods.items()}
        for method, of in found[spec].items():
            print(f"{spec:<32}{method:<12}" + "  ".join(f"{size} {of[size]['J&F']:.3f}" for size in SIZES), flush=True)
    for method in METHODS:
        run["metrics"][method] = summary({spec: of[method] for spec, of in found.items() if method in of})
    timed = sequences[settings["unseen"][0]]
    run["metrics"]["times_as_long"] = kept(parts / "times.json", partial(times_as_long, timed))
    run["metrics"]["area"] = {spec: area(sequence) for spec, sequence in sequences.items()}

# %%
for method in METHODS:
    for group in (group for group in groups if run["metrics"][method][group]):
        of = run["metrics"][method][group]
        print(f"{method:<12}{group:<12}" + "  ".join(f"{size}: J&F {one['J&F']:.3f}" for size, one in of.items()))
print(run["metrics"]["times_as_long"])
