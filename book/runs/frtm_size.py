# %% [markdown]
# # How large FRTM should see a frame
#
# The paper gives the backbone a frame of DAVIS as it is, with 480 lines (Robinson et al., CVPR 2020), so that a cell of
# the target model's scores is 16 pixels wide, and a small object has few of them. Here the backbone also sees frames
# that were enlarged; nothing is learned anew. D alone knows no sequence beforehand. The segmentation network S has
# learned from those in `trained_on`, at 256 lines. The size is chosen on them; what it gives elsewhere is told by those
# in `unseen`, where the method `frtm` is scored as well.
#
# What is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace
from functools import partial

import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.part import Part
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features.backbone import SharedBackbone
from vosbook.measure import mean_of, score_sequence
from vosbook.methods.frtm import FAST, FULL, LINES, FrtmSegmenter, seen_size, shipped_network
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.weights import read_about

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("frtm_size")
parts = book_folder().parent / "build" / "runs" / f"frtm_size_{profile}"
synthetic = SyntheticConfig(**settings["synthetic"])
groups = {name: settings[name] for name in ("trained_on", "unseen")}
sequences = {spec: load_sequence(spec, config=synthetic) for specs in groups.values() for spec in specs}
first, *_ = sequences.values()
SIZES = {str(seen_size(first.frames.size, enlarge=enlarge)[0]): enlarge for enlarge in settings["enlarge"]}  # by lines
whole = FrtmSegmenter.complete(
    replace(FAST, backbone=settings["backbone"]), backbone_weights=None, checkpoint=None, device="cpu", note=print
)
assert whole.backbone.name == settings["backbone"], "a record must not depend on whether weights can be had"
METHODS = {"frtm-d-only": (FAST, None), "frtm-fast": (FAST, whole.network), "frtm": (FULL, whole.network)}


# %%
def score(spec) -> dict[str, dict]:
    """By method and the lines that are seen: J and F, with a backbone that the methods share."""
    backbone = SharedBackbone(whole.backbone)
    names = [name for name in METHODS if name != "frtm" or spec in settings["unseen"]]
    ways = {
        (name, size): FrtmSegmenter(backbone, *METHODS[name], enlarge=enlarge)
        for name in names
        for size, enlarge in SIZES.items()
    }
    scores, found = score_sequence(ways, sequences[spec]), {name: {} for name in names}
    for (name, size), of in scores.items():
        found[name][size] = {m: of[m] for m in ("J", "F", "J&F")}
    return found


# %%
def summary(rows) -> dict:
    """Means over each group of sequences, and what they are means of."""
    of_groups = {name: {spec: rows[spec] for spec in specs if spec in rows} for name, specs in groups.items()}
    return {name: mean_of(list(of.values())) for name, of in of_groups.items()} | {"sequences": of_groups}


def times_as_long(sequence) -> dict[str, dict[str, float]]:
    """By method and size, what a frame takes beside one that is not enlarged, each with the backbone to itself."""
    part = replace(sequence, frames=Part(sequence.frames, range(settings["timed_frames"])))
    fewest, *_ = SIZES
    found = {}
    for name, method in METHODS.items():
        ways = {size: FrtmSegmenter(whole.backbone, *method, enlarge=enlarge) for size, enlarge in SIZES.items()}
        seconds = {size: of["seconds_per_frame"] for size, of in score_sequence(ways, part).items()}
        found[name] = {size: seconds[size] / seconds[fewest] for size in SIZES}
    return found


data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"methods": {name: asdict(config) for name, (config, _) in METHODS.items()}, "enlarge": settings["enlarge"]}
config |= {"network": read_about(shipped_network(whole.backbone.name)), "backbone": whole.backbone.source}
config |= {"lines": LINES, "threads": torch.get_num_threads(), "timed_frames": settings["timed_frames"]} | groups
with record_run(f"frtm_size_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, spec))
        for name, of in found[spec].items():
            print(f"{spec:<32}{name:<12}" + "  ".join(f"{size} {of[size]['J&F']:.3f}" for size in SIZES), flush=True)
    for name in METHODS:
        run["metrics"][name] = summary({spec: of[name] for spec, of in found.items() if name in of})
    timed = sequences[settings["unseen"][0]]
    run["metrics"]["times_as_long"] = kept(parts / "times.json", partial(times_as_long, timed))

# %%
for name in METHODS:
    for group in (group for group in groups if run["metrics"][name][group]):
        of = run["metrics"][name][group]
        print(f"{name:<12}{group:<12}" + "  ".join(f"{size}: J&F {of[size]['J&F']:.3f}" for size in SIZES))
print(run["metrics"]["times_as_long"])
