# %% [markdown]
# # The target model alone, with and without updates
#
# FRTM's target model D as a tracker (D-only in Table 1 of the paper), with the fast settings, on every sequence of the
# profile. Each sequence is segmented with and without updates of D, for three seeds of the augmentations and of D's
# random start, because both move the result. Profiles other than `smoke` need `VOSBOOK_DATA`.
#
# Seconds are those of a machine that may do other work at the time: `tests/benchmarks/tracking.py` is for speed.

# %% tags=["parameters"]
profile = "smoke"
seeds = 3

# %% tags=["imports"]
from dataclasses import asdict, replace

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.features import load_backbone
from vosbook.measure import score_sequence
from vosbook.methods.frtm import FAST, FrtmSegmenter
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run

# %%
settings = load_profile(profile).of("frtm_d_only")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
backbone = load_backbone(settings["backbone"], levels=[FAST.level], device=device)
sequences = {spec: load_sequence(spec) for spec in settings["data"]}
backbone.source

# %% [markdown]
# All sequences with one configuration: J and F of every object, means over the frames but the first and last, as DAVIS
# scores them; and how long the first frame and a later one took. The mean is over sequences; every sequence has the
# mean over its objects.


# %%
def run_all(config) -> dict:
    segmenters = {"d_only": FrtmSegmenter(backbone, config)}
    results = {spec: score_sequence(segmenters, sequence)["d_only"] for spec, sequence in sequences.items()}
    keys = ("J", "F", "seconds_first_frame", "seconds_per_frame")
    return {key: np.mean([result[key] for result in results.values()]) for key in keys} | {"sequences": results}


def over_seeds(results: list[dict]) -> dict:
    """The first seed's results, and how J and F vary over the seeds."""
    spread = {}
    for key in ("J", "F"):
        values = [result[key] for result in results]
        spread[key] = {"values": values, "mean": np.mean(values), "std": np.std(values)}
    by_sequence = {spec: [result["sequences"][spec]["J"] for result in results] for spec in sequences}
    return results[0] | {"seeds": spread, "J_of_seeds": by_sequence}


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
machine = {"device": device, "threads": torch.get_num_threads()}
config = {"method": asdict(FAST), "backbone": backbone.source, "seeds": seeds, **machine}
first_seed = settings["seed"]
with record_run(f"frtm_d_only_{profile}", profile=profile, config=config, seed=first_seed, data=data) as run:
    for name, update in (("update", True), ("no_update", False)):
        results = [run_all(replace(FAST, update=update, seed=first_seed + k)) for k in range(seeds)]
        run["metrics"][name] = over_seeds(results)
    gain = [a - b for a, b in zip(*(run["metrics"][name]["seeds"]["J"]["values"] for name in ("update", "no_update")))]
    run["metrics"]["gain"] = {"J": gain[0], "J_of_seeds": gain, "mean": np.mean(gain)}

# %% [markdown]
# J of every sequence, one column a seed.

# %%
for name in ("update", "no_update"):
    metrics = run["metrics"][name]
    print(name, f"J {metrics['J']:.3f}  F {metrics['F']:.3f}  {metrics['seconds_per_frame']:.2f} s a frame")
    for spec, values in metrics["J_of_seeds"].items():
        print(f"  {spec:<28}", *(f"{value:.3f}" for value in values))
    print(f"  {'mean':<28}", *(f"{value:.3f}" for value in metrics["seeds"]["J"]["values"]))
