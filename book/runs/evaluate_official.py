# %% [markdown]
# # Scoring the masks that authors published
#
# The authors of OSVOS, OSVOS-S, OnAVOS and STM published their masks for the 20 validation sequences of DAVIS 2016, and
# the benchmark published its scores of them. This run scores the same masks with `vosbook.metrics` and keeps both.
# It needs the real masks: `VOSBOOK_DATA` must name the folder that holds `DAVIS2016` and `davis2016_official`.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import hashlib
import json
from dataclasses import asdict
from math import hypot
from pathlib import Path

import numpy as np

from vosbook.datasets.catalog import data_folder
from vosbook.metrics.errors import over_time, pixel_errors
from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.table import format_table
from vosbook.profiles import load_profile
from vosbook.runs import record_run
from vosbook.video.files import list_images
from vosbook.video.masks import read_mask

# %%
METHODS = ["osvos", "osvoss", "onavos", "stm"]
settings = load_profile(profile).of("evaluate_official")
data = data_folder()
truth = data / "DAVIS2016" / "Annotations" / "480p"
official = data / "davis2016_official"

# %% [markdown]
# The manifest names every set of masks by how many files it has and a digest of their names and contents.


# %%
def manifest(name: str, folder: Path) -> dict:
    digest = hashlib.sha256()
    files = sorted(folder.glob("*/*.png"))
    for file in files:
        digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return {"spec": name, "frames": len(files), "sha256": digest.hexdigest()}


sources = [("DAVIS 2016, true masks", truth), *((f"{m}, published masks", official / "masks" / m) for m in METHODS)]
masks = [manifest(name, folder) for name, folder in sources]
masks

# %% [markdown]
# For each method: our figures, the published ones, the analysis by attribute, kind of error and time, the means of
# every sequence, and how far apart the scores of single frames lie. The benchmark rounds to 3 decimals, so a difference
# of up to .0005 is agreement.

# %%
published = json.loads((official / "scores" / "val_summary.json").read_text())


def sequence_means(scores: dict) -> dict:
    return {"J": float(np.mean(scores["J"])), "F": float(np.mean(scores["F"])), "T": scores["T"]}


def frame_differences(objects: dict, name: str) -> list[float]:
    """Ours less the published score, of J and F of every frame of the method `name`."""
    theirs = json.loads((official / "scores" / f"{name}_per_frame.json").read_text())
    pairs = [(objects[sequence][key], theirs[sequence][key]) for sequence in theirs for key in ("J", "F")]
    return np.concatenate([np.subtract(ours, given) for ours, given in pairs]).tolist()


# %% [markdown]
# Two of the paper's analyses leave something open: how near to the object a false positive is close (Figure 10), and at
# how many points of a video's length J is read off (Figure 11). So both are measured for several answers.

# %%
DISTANCES = [1, 2, 5, 10, 20, 50, 100, 200]  # pixels, of frames of 480x854
POINTS = [11, 21, 41, 51, 101, 201]


def sequence_errors(masks, name: str) -> list[dict]:
    """For every distance, the kinds of wrong pixels in % of all, mean over the scored frames of the sequence."""
    each = []  # for every frame, for every distance
    for file in list_images(truth / name)[1:-1]:
        true = read_mask(file) > 0
        found = read_mask(masks / name / file.name, size=true.shape) > 0
        diagonal = hypot(*true.shape)
        each.append([asdict(pixel_errors(found, true, close=pixels / diagonal)) for pixels in DISTANCES])
    return [{kind: 100 * float(np.mean([one[kind] for one in of])) for kind in of[0]} for of in zip(*each)]


def errors_by_distance(masks, names) -> dict[str, dict]:
    """The means over the sequences, by the distance."""
    every = [sequence_errors(masks, name) for name in names]
    return {
        str(pixels): {kind: float(np.mean([one[kind] for one in of])) for kind in of[0]}
        for pixels, of in zip(DISTANCES, zip(*every))
    }


# %% [markdown]
# And what the text says of the figures: on how many sequences a method is above 70 and 80 % (Figure 9), and how OSVOS-S
# differs from the other two.


# %%
def sequences_above(sequences: dict) -> dict[str, int]:
    """How many sequences have a J&F above 70 and above 80 %."""
    both = [(means["J"] + means["F"]) / 2 for means in sequences.values()]
    return {str(percent): sum(100 * score > percent for score in both) for percent in (70, 80)}


def differences(ours: dict, theirs: dict) -> dict[str, float]:
    """One method less another: J&F, and the kinds of wrong pixels in % of all."""
    mine, others = ours["analysis"]["errors"], theirs["analysis"]["errors"]
    return {"J&F": ours["J&F"] - theirs["J&F"]} | {kind: mine[kind] - others[kind] for kind in mine}


# %%
config = {"protocol": "davis2016", "bound": 0.008, "methods": METHODS}
config |= {"distances_in_pixels": DISTANCES, "points_over_time": POINTS}
with record_run("official_davis2016", profile=profile, config=config, seed=settings["seed"], data=masks) as run:
    for name in METHODS:
        result = evaluate(truth, official / "masks" / name, protocol="davis2016", analysis=True)
        objects = {sequence: entry["objects"]["1"] for sequence, entry in result["sequences"].items()}
        frames = np.abs(frame_differences(objects, name))
        run["metrics"][name] = {
            **result["mean"],
            "published": published[name],
            "analysis": result["analysis"],
            "errors_by_distance": errors_by_distance(official / "masks" / name, objects),
            "lowest_by_points": {
                str(n): float(over_time([scores["J"] for scores in objects.values()], points=n).min()) for n in POINTS
            },
            "frame_scores": {"compared": len(frames), "largest_difference": float(frames.max())},
            "sequences": {sequence: sequence_means(scores) for sequence, scores in objects.items()},
        }
        run["metrics"][name]["sequences_above"] = sequences_above(run["metrics"][name]["sequences"])
        print(name, format_table(result), sep="\n", end="\n\n")
    run["metrics"]["osvoss"]["less"] = {
        other: differences(run["metrics"]["osvoss"], run["metrics"][other]) for other in ("osvos", "onavos")
    }
