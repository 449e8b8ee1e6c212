# %% [markdown]
# # What the segmentation network owes to its training, and what the Base net makes of the same
#
# Table 4 of the paper: S trained on all sequences, on half and on a quarter of them, and no S at all, on which nothing
# was trained (D-only). The paper trains on YouTube-VOS; here it is the 30 training sequences of DAVIS 2016 and ten
# synthetic ones, with the same number of steps for every share. The Base net of Table 1, which has no target model, was
# trained in as many steps, on whole frames, since all it knows of a target is its look and its place. The network that
# comes with the package (`shipped`) was trained for longer.
#
# Networks that have not been trained on this machine (`make run RUN=train_frtm`, variants `share...` and `base_net`)
# are left out.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.features.backbone import SharedBackbone
from vosbook.measure import score_sequence
from vosbook.methods.base_net import BaseNetSegmenter
from vosbook.methods.frtm import FAST, FrtmSegmenter, shipped_network
from vosbook.profiles import book_folder, load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.weights import read_about

# %%
settings = load_profile(profile).of("frtm_share")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
sequences = {spec: load_sequence(spec) for spec in settings["data"]}
trained = book_folder().parent / "build" / "runs"
files = {name: trained / folder / "weights.safetensors" for name, folder in settings["networks"].items()}
files = {"shipped": shipped_network(settings["backbone"])} | {name: f for name, f in files.items() if f.is_file()}
files

# %%
frtm = replace(FAST, backbone=settings["backbone"])
networks = {"share_0": None}  # D-only
for name, file in files.items():
    if name == "base_net":
        base_net = BaseNetSegmenter.load(file, device=device, note=print)
    else:
        whole = FrtmSegmenter.complete(frtm, backbone_weights=None, checkpoint=file, device=device, note=print)
        networks[name] = whole.network
assert whole.backbone.name == settings["backbone"], f"no weights of {settings['backbone']}"
backbone = SharedBackbone(whole.backbone)

# %% [markdown]
# Every network with and without updates of D; the Base net has no D to update.


# %%
def segmenters(seed) -> dict:
    found = {}
    for name, network in networks.items():
        for variant, update in (("no_update", False), ("update", True)):
            found[name, variant] = FrtmSegmenter(backbone, replace(frtm, update=update, seed=seed), network)
    if "base_net" in files:
        found["base_net", "no_update"] = BaseNetSegmenter(backbone, base_net.network)
    return found


def summary(scores) -> dict:
    """Metrics from `(seeds, sequences, 2)`: J and F. The mean is over sequences, each the mean over its objects."""
    j, f = np.moveaxis(scores, 2, 0)  # (seeds, sequences) each
    by_sequence = dict(zip(sequences, j.mean(axis=0).tolist()))
    means = {"J": j.mean(), "F": f.mean(), "J&F": scores.mean()}
    return means | {"J_of_seeds": j.mean(axis=1), "J_of_sequences": by_sequence}


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
about = {name: read_about(file) for name, file in files.items()}
config = {"method": asdict(frtm), "networks": about, "seeds": settings["seeds"], "backbone": backbone.source}
config |= {"device": device, "threads": torch.get_num_threads()}
first = settings["seed"]
with record_run(f"frtm_share_{profile}", profile=profile, config=config, seed=first, data=data) as run:
    seeds = [first + k for k in range(settings["seeds"])]
    scores = {(spec, seed): score_sequence(segmenters(seed), sequences[spec]) for seed in seeds for spec in sequences}
    for name, variant in scores[next(iter(sequences)), first]:
        table = [[[scores[s, k][name, variant][m] for m in "JF"] for s in sequences] for k in seeds]
        run["metrics"].setdefault(name, {})[variant] = summary(np.array(table))

# %%
for name, found in run["metrics"].items():
    print(name, *(f"  {variant}: J {m['J']:.3f} F {m['F']:.3f}" for variant, m in found.items()))
