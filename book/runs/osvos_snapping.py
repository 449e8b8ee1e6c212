# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What contour snapping adds to OSVOS
#
# The last two columns of Table 1 (Maninis et al., TPAMI 2018): masks made of superpixels, then thin parts recovered.
# Beside them the library's own vote, which leaves undecided superpixels as they are. The masks are those that the run
# `osvos_ablation` has left, of the same `variant`; make it first.
#
# ```
# make run RUN=osvos_ablation PROFILE=small SET='variant=parent'
# make run RUN=osvos_snapping PROFILE=small SET='variant=parent'
# ```

# %% tags=["parameters"]
profile = "smoke"
variant = "base"

# %% tags=["imports"]
import hashlib
import math
import time
from dataclasses import asdict

import cv2
import numpy as np
import torch

from vosbook.contours.detector import find_contours, load_contours
from vosbook.contours.hierarchy import build_hierarchy
from vosbook.contours.snapping import SnapConfig, majority, recover
from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.measure import mean_of, score_masks
from vosbook.methods.osvos import OnlineConfig
from vosbook.metrics.info import read_info
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import manifest_entry, record_run
from vosbook.weights import SHIPPED, read_about

# %%
profile, variant = script_parameters(profile=profile, variant=variant)
settings = load_profile(profile).of("osvos_ablation")  # whose masks these are
name = f"osvos_snapping_{profile}_{variant}"
folder = book_folder().parent / "build" / "runs" / f"osvos_ablation_{profile}_{variant}"
threshold = round(255 * OnlineConfig(**settings["online"]).threshold) / 255  # as that run has it
config = SnapConfig(matched=0.9)  # of its own accord the library recovers nothing
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = {spec: load_sequence(spec, config=synthetic) for spec in settings["data"]}
network = load_contours()
real = any(spec.startswith("davis2016/") for spec in sequences)
info = read_info(data_folder() / "DAVIS2016" / "db_info.yml") if real else {}
ROWS = ("mask", "superpixels", "contours", "clear")


def read_probabilities(sequence) -> np.ndarray:
    """The soft masks of all frames, float32 (T, H, W) in 0..1."""
    files = [folder / sequence.name / f"{frame}.png" for frame in sequence.frames.names]
    if absent := [file for file in files if not file.is_file()]:
        command = f"make run RUN=osvos_ablation PROFILE={profile} SET='variant={variant}'"
        raise InputError(f"{absent[0]} does not exist: first make the masks with `{command}`")
    return np.stack([cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files]).astype(np.float32) / 255


# %% [markdown]
# The rows: the masks as they are; made of the contour network's superpixels, by majority; that with contour recovery;
# and with a vote only where the majority is clear, as the library does it.


# %%
def ways(frame, p) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The masks bool (H, W) of one frame by row, and seconds of the processor by step."""
    clock = [time.process_time()]

    def lap() -> float:
        clock.append(time.process_time())
        return clock[-1] - clock[-2]

    contours = find_contours(network, frame)
    spent = {"network": lap()}
    hierarchy = build_hierarchy(contours)
    mask, superpixels = p > threshold, hierarchy.superpixels(config.level)
    voted = majority(mask, superpixels)
    spent["superpixels"] = lap()
    recovered = recover(mask, voted, contours, config)
    spent["recovery"] = lap()
    clear = majority(mask, superpixels, share=config.share)
    clear = clear if clear.any() else mask
    return {"mask": mask, "superpixels": voted, "contours": recovered, "clear": clear}, spent


# %%
def run_sequence(spec) -> dict[str, dict]:
    """Of one sequence, by row; `seconds` a frame by step of the snapping."""
    sequence = sequences[spec]
    truth = [sequence.labels(t) > 0 for t in range(len(sequence.frames))]
    pairs = [ways(frame, p) for frame, p in zip(sequence.frames, read_probabilities(sequence))]
    timed = info.get(sequence.name, {}).get("eval_t", True)
    rows = {row: score_masks([found[row] for found, _ in pairs], truth, timed=timed) for row in ROWS}
    seconds = mean_of([spent for _, spent in pairs])
    print(
        f"{spec}: " + ", ".join(f"{row} {s['J']['mean']:.3f} {s['F']['mean']:.3f}" for row, s in rows.items()),
        flush=True,
    )
    return rows | {"seconds": seconds}


# %%
probabilities = hashlib.sha256()
for sequence in sequences.values():
    probabilities.update(read_probabilities(sequence).tobytes())
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
whole = {"snapping": asdict(config), "threshold": threshold}
whole |= {"masks": folder.name, "masks_sha256": probabilities.hexdigest(), "threads": torch.get_num_threads()}
whole |= {"network": read_about(SHIPPED / "contours.safetensors")["record"]}
with record_run(name, profile=profile, config=whole, seed=settings["seed"], data=data) as run:
    results = {spec: run_sequence(spec) for spec in sequences}
    run["metrics"] = {**mean_of(list(results.values())), "sequences": results}

# %%
for row in ROWS:
    found = run["metrics"][row]
    print(f"{row:<12} J {found['J']['mean']:.3f}  F {found['F']['mean']:.3f}  T {found['T'] or math.nan:.3f}")
