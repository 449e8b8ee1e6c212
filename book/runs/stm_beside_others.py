# %% [markdown]
# # A matching memory beside the four systems
#
# The network of `train_stm` that left every fifth training sequence out, and the networks that come with the package,
# on the sequences that were left out and on synthetic video, every one from the first frame's masks. The others have
# learned from all training sequences, those here too, so they are favoured on the real ones.
#
# Of a sequence only every so many frames are read (`every`), which makes the motion between two frames larger.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import numpy as np

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic import ArrayFrames, ArrayMasks, SyntheticConfig
from vosbook.measure import score_sequence
from vosbook.methods import build
from vosbook.methods.stm import StmSegmenter, load_stm
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import manifest_entry, record_run
from vosbook.training.held_out import FirstMasks

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("stm_beside_others")
synthetic = SyntheticConfig(**settings["synthetic"])
checkpoint = book_folder().parent / "build" / "runs" / f"train_stm_{profile}_fold" / "weights.safetensors"


# %%
def thinned(sequence: Sequence, every: int) -> Sequence:
    """Every so many frames of a sequence, the first among them."""
    times = range(0, len(sequence.frames), every)
    names = tuple(sequence.frames.names[t] for t in times)
    frames = ArrayFrames(np.stack([sequence.frames[t] for t in times]), names)
    masks = ArrayMasks(np.stack([sequence.labels(t) for t in times]), names)
    return Sequence(sequence.name, frames, masks, sequence.objects)


def segmenters() -> dict:
    """New ones for every sequence."""
    quiet = {"device": "cpu", "note": lambda text: None}
    built = {name: build(name, **quiet, enlarge=1) for name in settings["methods"]}
    return {"first_mask": FirstMasks(), "stm": StmSegmenter(*load_stm(checkpoint, **quiet)), **built}


# %%
groups = {"real": settings["real"], "synthetic": settings["videos"]}
loaded = {}
for group, specs in groups.items():
    for spec in specs:
        sequence = load_sequence(spec, config=synthetic, resolution=settings["resolution"])
        loaded[spec] = thinned(sequence, settings["every"][group])
data = [manifest_entry(spec, sequence) for spec, sequence in loaded.items()]
config = {key: settings[key] for key in ("methods", "every", "resolution", "synthetic")}
config |= {"network": f"train_stm_{profile}_fold"}
with record_run(f"stm_beside_others_{profile}", profile=profile, config=config, seed=0, data=data) as run:
    for group, specs in groups.items():
        run["metrics"][group] = {}
        for spec in specs:
            scores = score_sequence(segmenters(), loaded[spec])
            kept = ("J", "F", "seconds_per_frame")
            run["metrics"][group][spec] = {m: {k: one[k] for k in kept} for m, one in scores.items()}
            print(spec, {m: round(one["J"], 3) for m, one in scores.items()}, flush=True)
