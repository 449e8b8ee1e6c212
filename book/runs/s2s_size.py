# %% [markdown]
# # How large S2S should see a frame
#
# S2S learned from frames of 256 lines, as in the paper (Xu et al., ECCV 2018, section 4.3), and a frame of DAVIS has
# 480. Its convolutions take any size, so a frame may be seen with more lines than those of the training. Here it is
# seen with each of several sizes. The size is chosen on the sequences that the network was trained on; what it gives
# elsewhere is told by those in `unseen`.
#
# Where online learning is asked for, a network learns at the size of its training, once, and then sees the frames in
# every size. What is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import copy
from dataclasses import asdict
from functools import partial

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import mean_of, score_sequence
from vosbook.methods.s2s import OnlineConfig, S2SSegmenter, learn_online, load_s2s
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.weights import SHIPPED, read_about

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("s2s_size")
parts = book_folder().parent / "build" / "runs" / f"s2s_size_{profile}"
synthetic = SyntheticConfig(**settings["synthetic"])
groups = {name: settings[name] for name in ("trained_on", "unseen")}
sequences = {spec: load_sequence(spec, config=synthetic) for specs in groups.values() for spec in specs}
file = SHIPPED / "s2s.safetensors"
network, online = load_s2s(file), OnlineConfig(**settings["learning"], seed=settings["seed"])
SIZES = {str(round(enlarge * network.config.size[0])): enlarge for enlarge in settings["enlarge"]}  # by lines


# %%
def score(spec) -> dict[str, dict]:
    """By way, plain or online, and by the lines that are seen: J, F and seconds a frame."""
    sequence, networks = sequences[spec], {"plain": network}
    if spec in settings["online"]:
        networks["online"] = copy.deepcopy(network)
        learn_online(networks["online"], sequence.frames[0], sequence.labels(0), online)
    ways = {(way, size): S2SSegmenter(net, enlarge=SIZES[size]) for way, net in networks.items() for size in SIZES}
    scores, found = score_sequence(ways, sequence), {way: {} for way in networks}
    for (way, size), of in scores.items():
        found[way][size] = {m: of[m] for m in ("J", "F", "J&F", "seconds_per_frame")}
    return found


# %%
def summary(rows) -> dict:
    """Means over each group of sequences, what they are means of, and a frame's time beside that of the first size."""
    of_groups = {name: {spec: rows[spec] for spec in specs if spec in rows} for name, specs in groups.items()}
    means = {name: mean_of(list(of.values())) for name, of in of_groups.items()}
    seconds = {size: np.mean([of[size]["seconds_per_frame"] for of in rows.values()]) for size in SIZES}
    first, *_ = SIZES
    return means | {"times_as_long": {size: seconds[size] / seconds[first] for size in SIZES}, "sequences": of_groups}


data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"network": read_about(file), "online": asdict(online), "threads": torch.get_num_threads()}
config |= {"enlarge": settings["enlarge"], "online_on": settings["online"]} | groups
with record_run(f"s2s_size_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, spec))
        for way, of in found[spec].items():
            print(f"{spec:<32}{way:<8}" + "  ".join(f"{size} {of[size]['J&F']:.3f}" for size in SIZES), flush=True)
    for way in ("plain", "online"):
        run["metrics"][way] = summary({spec: of[way] for spec, of in found.items() if way in of})

# %%
for way, of in run["metrics"].items():
    for name in (name for name in groups if of[name]):
        print(f"{way:<8}{name:<12}" + "  ".join(f"{size}: J&F {of[name][size]['J&F']:.3f}" for size in SIZES))
