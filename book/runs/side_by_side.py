# %% [markdown]
# # All methods on the same sequences
#
# Every method of the library, with the settings and the network it comes with, segments the profile's sequences from
# the first frame's mask. Of each: J, F, T, decay, the paper's analyses (`vosbook evaluate --analysis`), and its time.
# Beside them the first masks, which never move. `rvos-zero-shot` finds its objects without the mask, which only tells
# which of them are scored.
#
# A method's result is kept in `build/side_by_side`, and in the record: a run that was killed goes on with the next
# method, and a method that joins later costs only itself. `again` names methods, apart by commas, to measure anew:
# `make run RUN=side_by_side PROFILE=small SET='again=frtm,frtm-fast'`.

# %% tags=["parameters"]
profile = "smoke"
again = ""

# %% tags=["imports"]
import json
import shutil
import time
from datetime import UTC, datetime

import numpy as np
import torch
import yaml

from vosbook.contours.detector import Snapper
from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.methods import build
from vosbook.methods.osvos import OnlineConfig, OsvosSegmenter
from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.info import read_info
from vosbook.metrics.table import format_table
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import git_commit, manifest_entry, read_record, record_run
from vosbook.segmenter import segment_frames
from vosbook.training.fine_tune import Budget
from vosbook.training.held_out import FirstMasks
from vosbook.video.masks import write_mask

# %%
profile, again = script_parameters(profile=profile, again=again)
settings = load_profile(profile).of("side_by_side")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = {spec: load_sequence(spec, config=synthetic) for spec in settings["data"]}
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
name_of_record = f"side_by_side_{profile}"
work = book_folder().parent / "build" / "side_by_side" / profile

# %% [markdown]
# The true masks as a folder like DAVIS's, so that `evaluate` reads them. T counts where DAVIS counts it.


# %%
def fresh_folder(path):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


real = any(spec.startswith("davis2016/") for spec in sequences)
info = read_info(data_folder() / "DAVIS2016" / "db_info.yml") if real else {}
truth, about = fresh_folder(work / "truth"), []
for sequence in sequences.values():
    eval_t = info.get(sequence.name, {}).get("eval_t", True)
    about.append({"name": sequence.name, "attributes": list(sequence.attributes), "eval_t": eval_t})
    (truth / sequence.name).mkdir()
    for frame in sequence.masks.names:
        write_mask(truth / sequence.name / f"{frame}.png", sequence.masks[frame])
(truth / "db_info.yml").write_text(yaml.safe_dump({"sequences": about}), encoding="utf-8")

# %% [markdown]
# Time is the processor's, of all threads together, so that other work on the machine counts little; on a GPU it is the
# clock's. Reading the frame is part of it, writing the mask is not.

# %%
clock = time.perf_counter if device == "cuda" else time.process_time
quiet = {"device": device, "note": lambda text: None}


def segmenter(name):
    """A new one for each video.

    OSVOS is tuned for a number of steps, since seconds buy another number on every machine. S2S and FRTM see frames in
    the papers' sizes; the runs `s2s_size` and `frtm_size` have larger ones.
    """
    if name == "first_mask":
        return FirstMasks()
    if name in ("osvos", "osvos-fast"):
        budget = Budget(seconds=None, steps=settings["osvos"]["steps"])
        config = OnlineConfig(budget=budget, precision=settings["osvos"]["precision"])
        snapper = Snapper.load(device=device) if name == "osvos" else None
        return OsvosSegmenter.load(config, snapper=snapper, checkpoint=None, **quiet)
    return build(name, **quiet, enlarge=1)


def segment(name, sequence, folder) -> list[float]:
    """Write a method's masks of one video. Returns the seconds of every frame."""
    first, *_ = sequence.frames.names
    frames = segment_frames(segmenter(name), sequence.frames, {first: sequence.labels(0)})
    seconds = []
    for frame in sequence.frames.names:
        start = clock()
        labels = next(frames)
        seconds.append(clock() - start)
        write_mask(folder / f"{frame}.png", labels)
    return seconds


def times(seconds: list[list[float]]) -> dict[str, float]:
    """Of each frame's seconds by video: the first frame's, a later one's, and a frame's when all share the first's."""
    return {
        "first_frame": np.mean([of[0] for of in seconds]),
        "later_frame": np.mean([np.mean(of[1:]) for of in seconds]),
        "per_frame": np.mean([np.mean(of) for of in seconds]),
    }


def measure(name) -> dict:
    masks = fresh_folder(work / "masks" / name)
    seconds = []
    for sequence in sequences.values():
        (masks / sequence.name).mkdir()
        seconds.append(segment(name, sequence, masks / sequence.name))
    result = evaluate(truth, masks, protocol="davis2016", analysis=True)
    print(name, format_table(result), sep="\n", end="\n\n", flush=True)
    objects = {sequence: entry["objects"]["1"] for sequence, entry in result["sequences"].items()}
    return {
        **result["mean"],
        "analysis": result["analysis"],
        "sequences": {
            sequence: {"J": np.mean(scores["J"]), "F": np.mean(scores["F"]), "T": scores["T"]}
            for sequence, scores in objects.items()
        },
        "seconds": times(seconds),
        "threads": torch.get_num_threads(),
        "commit": git_commit(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


# %% [markdown]
# What was measured before, on the same data, is kept.


# %%
def recorded() -> dict[str, dict]:
    """The methods of the record that there is."""
    try:
        record = read_record(name_of_record)
    except InputError:
        return {}
    return dict(record.metrics) if list(record.data) == data else {}


def of_method(name, before) -> dict:
    path = work / f"{name}.json"
    if name not in again.split(","):
        if path.is_file() and (kept := json.loads(path.read_text(encoding="utf-8")))["data"] == data:
            return kept["found"]
        if name in before:
            return before[name]
    found = measure(name)
    path.write_text(json.dumps({"data": data, "found": found}, default=float), encoding="utf-8")
    return found


# %%
config = {
    "methods": settings["methods"],
    "osvos": settings["osvos"],
    "device": device,
    "clock": "processor" if device == "cpu" else "wall",
}
with record_run(name_of_record, profile=profile, config=config, seed=settings["seed"], data=data) as run:
    before = recorded()
    for name in settings["methods"]:
        run["metrics"][name] = of_method(name, before)

# %%
print(f"{'':<16}{'J&F':>7}{'J':>7}{'F':>7}{'decay':>7}{'seconds a frame':>17}")
for name, found in run["metrics"].items():
    scores = (found["J&F"], found["J"]["mean"], found["F"]["mean"], found["J"]["decay"])
    print(f"{name:<16}" + "".join(f"{score:7.3f}" for score in scores) + f"{found['seconds']['per_frame']:17.2f}")
