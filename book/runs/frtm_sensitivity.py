# %% [markdown]
# # How much FRTM's settings matter
#
# Figure 9 and Table 6 of the paper: J against the update rate eta, the interval t_s between updates, and the number of
# samples |M0| of the first frame. One setting is moved at a time, the others keep the paper's values (eta 0.1, t_s 8,
# |M0| 5). With S and without (D-only), fast solver, one seed.
#
# This run is for looking: it uses validation sequences, and no default of the library is chosen by it. To be cheap, the
# videos are shrunk to 256 lines.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from collections import defaultdict
from dataclasses import asdict, replace

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.resize import shrink
from vosbook.features.backbone import SharedBackbone
from vosbook.measure import score_sequence
from vosbook.methods.frtm import FAST, FrtmSegmenter, shipped_network
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.weights import read_about

# %%
settings = load_profile(profile).of("frtm_sensitivity")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
sequences = {spec: load_sequence(spec) for spec in settings["data"]}
sequences = {spec: shrink(s, height=min(settings["height"], s.frames.size[0])) for spec, s in sequences.items()}
whole = FrtmSegmenter.complete(
    replace(FAST, backbone=settings["backbone"]), backbone_weights=None, checkpoint=None, device=device, note=print
)
assert whole.backbone.name == settings["backbone"], f"no weights of {settings['backbone']}"
backbone = SharedBackbone(whole.backbone)

# %% [markdown]
# The sweeps. Each contains the paper's value, so that the paper's settings are one and the same point of all.

# %%
sweeps = {name: settings[name] for name in ("eta", "t_s", "samples")}
paper = {"eta": FAST.target_model.eta, "t_s": FAST.target_model.t_s, "samples": FAST.augmentations + 1}
points = [paper] + [paper | {name: v} for name, values in sweeps.items() for v in values if v != paper[name]]


def segmenter(point, network) -> FrtmSegmenter:
    model = replace(FAST.target_model, eta=point["eta"], t_s=point["t_s"])
    config = replace(FAST, target_model=model, augmentations=point["samples"] - 1, seed=settings["seed"])
    return FrtmSegmenter(backbone, config, network)


def run_sequence(spec) -> dict[str, list[float]]:
    """J of every point, with S and without."""
    networks = {"complete": whole.network, "d_only": None}
    runs = {(name, n): segmenter(point, s) for name, s in networks.items() for n, point in enumerate(points)}
    scores = score_sequence(runs, sequences[spec])
    print(spec, f"J {scores['complete', 0]['J']:.3f} with the paper's settings", flush=True)
    return {name: [scores[name, n]["J"] for n in range(len(points))] for name in networks}


# %% [markdown]
# One curve for each sweep: `values`, `J` (mean over sequences), and `spread`, the greatest J less the least.


# %%
def curve(setting, j) -> dict:
    """The points of one sweep, in order, from `j`, one number a point."""
    chosen = [points.index(paper | {setting: value}) for value in sweeps[setting]]
    along = [j[n] for n in chosen]
    return {"values": sweeps[setting], "J": along, "spread": max(along) - min(along)}


data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"method": asdict(FAST), "sweeps": sweeps, "backbone": backbone.source, "device": device}
config |= {"threads": torch.get_num_threads(), "network": read_about(shipped_network(backbone.name))}
groups = defaultdict(list)  # davis2016, synthetic
for spec in sequences:
    groups[spec.split("/")[0]].append(spec)
with record_run(f"frtm_sensitivity_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {spec: run_sequence(spec) for spec in sequences}
    for group, specs in groups.items():
        run["metrics"][group] = {}
        for name in ("complete", "d_only"):
            j = np.mean([found[spec][name] for spec in specs], axis=0)
            run["metrics"][group][name] = {"J_paper": j[0]} | {setting: curve(setting, j) for setting in sweeps}

# %%
for group, by_name in run["metrics"].items():
    for name, curves in by_name.items():
        print(group, name)
        for setting in sweeps:
            pairs = zip(curves[setting]["values"], curves[setting]["J"])
            print(f"  {setting:<8}", *(f"{value:g}: {j:.3f}" for value, j in pairs), sep="  ")
