# %% [markdown]
# # How much the segmentation network owes to its training data
#
# Table 4 of the paper: S trained on all sequences, on half and on a quarter of them, and no S at all, on which nothing
# was trained (D-only). The paper trains on YouTube-VOS; here it is the 30 training sequences of DAVIS 2016, with the
# same number of steps for every share. Networks that have not been trained on this machine
# (`make run RUN=train_frtm`, variants `share...`) are left out.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.features import SharedBackbone
from vosbook.methods.frtm import FAST, FrtmSegmenter, shipped_network
from vosbook.runs import book_folder, load_profile, manifest_entry, record_run, score_sequence
from vosbook.training.checkpoint import read_about

# %%
settings = load_profile(profile).of("frtm_share")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
sequences = {spec: load_sequence(spec) for spec in settings["data"]}
trained = book_folder().parent / "build" / "runs"
files = {100: shipped_network(settings["backbone"])}
files |= {share: trained / folder / "weights.safetensors" for share, folder in settings["networks"].items()}
files = {share: file for share, file in files.items() if file.is_file()}
files

# %%
config = replace(FAST, backbone=settings["backbone"])
networks = {0: None}
for share, file in files.items():
    whole = FrtmSegmenter.complete(config, backbone_weights=None, checkpoint=file, device=device, note=print)
    assert whole.backbone.name == settings["backbone"], f"no weights of {settings['backbone']}"
    networks[share] = whole.network
backbone = SharedBackbone(whole.backbone)

# %% [markdown]
# Every network with and without updates of D. The mean is over sequences, each the mean over its objects.


# %%
def run_sequence(spec, seed) -> dict:
    found = {}
    for share, network in networks.items():
        for update in (False, True):
            found[share, update] = FrtmSegmenter(backbone, replace(config, update=update, seed=seed), network)
    return score_sequence(found, sequences[spec])


data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
about = {share: read_about(file) for share, file in files.items()}
whole_config = {"method": asdict(config), "networks": about, "seeds": settings["seeds"], "backbone": backbone.source}
whole_config |= {"device": device, "threads": torch.get_num_threads()}
first = settings["seed"]
with record_run(f"frtm_share_{profile}", profile=profile, config=whole_config, seed=first, data=data) as run:
    seeds = [first + k for k in range(settings["seeds"])]
    scores = {(spec, seed): run_sequence(spec, seed) for spec in sequences for seed in seeds}
    for share in sorted(networks):
        run["metrics"][f"share_{share}"] = {}
        for update, name in ((False, "no_update"), (True, "update")):
            j, f = (
                np.array([[scores[spec, seed][share, update][m] for spec in sequences] for seed in seeds]) for m in "JF"
            )  # (seeds, sequences) each
            run["metrics"][f"share_{share}"][name] = {
                "J": j.mean(),
                "F": f.mean(),
                "J&F": (j.mean() + f.mean()) / 2,
                "J_of_seeds": j.mean(axis=1),
                "J_of_sequences": dict(zip(sequences, j.mean(axis=0).tolist())),
            }

# %%
for share, found in run["metrics"].items():
    print(share, *(f"  {name}: J {m['J']:.3f} F {m['F']:.3f}" for name, m in found.items()))
