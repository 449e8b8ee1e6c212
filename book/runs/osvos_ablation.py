# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What makes OSVOS: one shot, the parent, time
#
# A network is tuned to the first frame of every sequence, and asked for the masks of the others after some of its
# steps: one tuning shows how quality grows with its length (Maninis et al., TPAMI 2018, Figures 4 and 12). `variant`
# is what the tuning begins with: `base`, backbone weights alone, or a network of the run `train_osvos_parent`, by its
# variant (`parent`, and those of Table 5). Before the first step stands the start network's own answer (Table 1).
#
# ```
# make run RUN=osvos_ablation PROFILE=small SET='variant=base'
# ```
#
# The last masks are left, as probabilities times 255, in `build/runs/osvos_ablation_PROFILE_VARIANT`, for
# what is measured on top of them.

# %% tags=["parameters"]
profile = "smoke"
variant = "base"

# %% tags=["imports"]
import copy
import time
from dataclasses import asdict

import cv2
import numpy as np
import torch

from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.measure import mean_of, score_masks
from vosbook.methods.osvos import LEVELS, METHOD, REMEDY, OnlineConfig, OsvosSegmenter, base_network, online_steps
from vosbook.metrics.info import read_info
from vosbook.nn.side_outputs import load_side_outputs
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import manifest_entry, record_run
from vosbook.training.fine_tune import learn

# %%
profile, variant = script_parameters(profile=profile, variant=variant)
settings = load_profile(profile).of("osvos_ablation")
name = f"osvos_ablation_{profile}_{variant}"
runs = book_folder().parent / "build" / "runs"
config = OnlineConfig(**settings["online"], seed=settings["seed"])
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = {spec: load_sequence(spec, config=synthetic) for spec in settings["data"]}
checkpoint = runs / f"train_osvos_parent_{profile}_{variant}" / "weights.safetensors"
if variant == "base":
    start = base_network(load_backbone(settings["backbone"], levels=LEVELS), seed=config.seed)
else:
    start = load_side_outputs(checkpoint, method=METHOD, remedy=REMEDY)

# %% [markdown]
# T counts where DAVIS counts it, and for the last masks alone: the outlines of bad masks take long.

# %%
real = any(spec.startswith("davis2016/") for spec in sequences)
info = read_info(data_folder() / "DAVIS2016" / "db_info.yml") if real else {}
threshold = round(255 * config.threshold)


def probabilities(segmenter, frames) -> list[np.ndarray]:
    """Of all frames in order, `uint8 (H, W)` each: 255 times the probability that a pixel is the object's."""
    found = []
    for t in range(0, len(frames), 4):
        block = np.stack([frames[k] for k in range(t, min(t + 4, len(frames)))])  # (B, H, W, 3)
        found += [np.round(255 * p).astype(np.uint8) for p in segmenter.scores(block)[0].sigmoid().cpu().numpy()]
    return found


# %% [markdown]
# Seconds are the processor's, of all threads together, so that other work on the machine counts little.


# %%
def run_sequence(spec) -> dict[int, dict]:
    """Scores and seconds of one sequence by number of steps."""
    sequence, network = sequences[spec], copy.deepcopy(start)
    truth = [sequence.labels(t) > 0 for t in range(len(sequence.frames))]
    segmenter = OsvosSegmenter(start, config)
    segmenter.networks = {1: network}
    steps, made, spent, results = learn(*online_steps(network, sequence.frames[0], truth[0], config)), 0, 0.0, {}
    for wanted in settings["steps"]:
        begun = time.process_time()
        while made < wanted:
            next(steps)
            made += 1
        ended = time.process_time()
        spent += ended - begun
        found = probabilities(segmenter, sequence.frames)
        per_frame = (time.process_time() - ended) / len(found)
        last = wanted == settings["steps"][-1]
        timed = last and info.get(sequence.name, {}).get("eval_t", True)
        results[wanted] = score_masks([p > threshold for p in found], truth, timed=timed)
        results[wanted] |= {"tuning_seconds": spent, "seconds_per_frame": per_frame}
        results[wanted] |= {"total_seconds_per_frame": spent / len(found) + per_frame}
        print(f"{spec} {wanted} steps, {spent:.1f} s: J {results[wanted]['J']['mean']:.3f}", flush=True)
    folder = runs / name / sequence.name
    folder.mkdir(parents=True, exist_ok=True)
    for frame, p in zip(sequence.frames.names, found):
        cv2.imwrite(str(folder / f"{frame}.png"), p)
    return results


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
whole = {"online": asdict(config), "steps": settings["steps"], "threads": torch.get_num_threads()}
whole |= {"start": "backbone weights" if variant == "base" else checkpoint.parent.name}
with record_run(name, profile=profile, config=whole, seed=config.seed, data=data) as run:
    results = {spec: run_sequence(spec) for spec in sequences}
    run["metrics"] = {
        "steps": {step: mean_of([of[step] for of in results.values()]) for step in settings["steps"]},
        "sequences": {spec: {step: of[step] for step in settings["steps"]} for spec, of in results.items()},
    }

# %%
for step, found in run["metrics"]["steps"].items():
    j, f = found["J"]["mean"], found["F"]["mean"]
    print(f"{step:4d} steps  J {j:.3f}  F {f:.3f}  {found['total_seconds_per_frame']:.2f} s a frame")
