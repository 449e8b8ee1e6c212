# %% [markdown]
# # What is left at the end of a video
#
# Figure 3 of the S2S paper: mean J over the length of the video. Here for S2S, for S2S after online learning (Table 2
# of the paper gives what that gains) and for RVOS, all with the networks that come with the package, beside the first
# masks, which never move. A video's length is cut into tenths. S2S sees frames in the size of its training.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.methods import build
from vosbook.metrics.scores import frame_scores
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.segmenter import segment_frames
from vosbook.training.held_out import FirstMasks

# %%
settings = load_profile(profile).of("recurrence_over_time")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
sequences = {spec: load_sequence(spec) for spec in settings["data"]}
PARTS = 10


def segmenter(name):
    """A new one for each video, since one that learned online has changed."""
    if name == "first_mask":
        return FirstMasks()
    return build(name, device=device, note=lambda text: None, enlarge=1)


def j_over_time(name, sequence) -> list[float]:
    """J of every frame but the first and the last, mean over objects."""
    names = sequence.frames.names
    ids = [o.id for o in sequence.objects if o.first_frame == names[0]]
    frames = segment_frames(segmenter(name), sequence.frames, {names[0]: sequence.labels(0)})
    j = [frame_scores(labels, sequence.labels(t), ids)[0].mean() for t, labels in enumerate(frames)]
    return j[1:-1]


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"methods": settings["methods"], "parts": PARTS, "device": device, "threads": torch.get_num_threads()}
with record_run(
    f"recurrence_over_time_{profile}", profile=profile, config=config, seed=settings["seed"], data=data
) as run:
    for name in settings["methods"]:
        curves = [j_over_time(name, sequence) for sequence in sequences.values()]
        tenths = [[np.mean(part) for part in np.array_split(j, PARTS)] for j in curves]
        run["metrics"][name] = {
            "J": np.mean([np.mean(j) for j in curves]),
            "J_of_tenths": np.mean(tenths, axis=0).tolist(),
            "J_of_sequences": {spec: np.mean(j) for spec, j in zip(sequences, curves)},
        }
        print(
            name,
            f"J {run['metrics'][name]['J']:.3f}",
            *(f"{j:.2f}" for j in run["metrics"][name]["J_of_tenths"]),
            flush=True,
        )
    if {"s2s", "s2s-online"} <= run["metrics"].keys():
        run["metrics"]["online_gain"] = run["metrics"]["s2s-online"]["J"] - run["metrics"]["s2s"]["J"]
