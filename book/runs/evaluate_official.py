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
from pathlib import Path

import numpy as np

from vosbook.datasets.catalog import data_folder
from vosbook.metrics.evaluate import evaluate, format_table
from vosbook.runs import load_profile, record_run

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


# %%
config = {"protocol": "davis2016", "bound": 0.008, "methods": METHODS}
with record_run("official_davis2016", profile=profile, config=config, seed=settings["seed"], data=masks) as run:
    for name in METHODS:
        result = evaluate(truth, official / "masks" / name, protocol="davis2016", analysis=True)
        objects = {sequence: entry["objects"]["1"] for sequence, entry in result["sequences"].items()}
        differences = np.abs(frame_differences(objects, name))
        run["metrics"][name] = {
            **result["mean"],
            "published": published[name],
            "analysis": result["analysis"],
            "frame_scores": {"compared": len(differences), "largest_difference": float(differences.max())},
            "sequences": {sequence: sequence_means(scores) for sequence, scores in objects.items()},
        }
        print(name, format_table(result), sep="\n", end="\n\n")
