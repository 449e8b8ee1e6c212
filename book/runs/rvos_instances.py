# %% [markdown]
# # How many objects RVOS can follow
#
# Table 3 of the paper: J and F of the one-shot network on videos with 1 to 5 instances, on the validation set of
# YouTube-VOS. Here it is the network that comes with the package, on synthetic videos with that many objects, all in
# view from the first frame; beside it the first masks, which never move.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.methods.rvos import RvosSegmenter
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.training.held_out import score_held_out

# %%
settings = load_profile(profile).of("rvos_instances")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
segmenter = RvosSegmenter.load("rvos", checkpoint=None, device=device, note=print)
seeds = range(settings["first_seed"], settings["first_seed"] + settings["videos"])

# %% [markdown]
# The same seeds for every number of objects: the backgrounds are the same, too.

# %%
videos = {}  # number of objects -> sequences by spec
for count in settings["counts"]:
    synthetic = SyntheticConfig(**settings["synthetic"], objects=(count, count))
    videos[count] = {f"synthetic/{seed}": load_sequence(f"synthetic/{seed}", config=synthetic) for seed in seeds}
data = [manifest_entry(spec, sequence) for of_count in videos.values() for spec, sequence in of_count.items()]
config = {key: settings[key] for key in ("counts", "videos", "first_seed", "synthetic")}
config |= {"device": device, "threads": torch.get_num_threads(), "network": "rvos.safetensors of the package"}
with record_run(f"rvos_instances_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    for count, sequences in videos.items():
        scores = score_held_out("rvos", segmenter, sequences.items())
        of_each = {spec: {"J": one["rvos"]["J"]} for spec, one in scores["sequences"].items()}
        run["metrics"][str(count)] = {way: scores[way] for way in ("rvos", "first_mask")} | {"sequences": of_each}
        print(count, "objects:", {way: round(100 * scores[way]["J"], 1) for way in ("rvos", "first_mask")}, flush=True)
