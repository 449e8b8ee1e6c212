# %% [markdown]
# # Where FRTM's time goes
#
# Table 5, Figure 7 and Figure 8 of the paper: the share of every step of Algorithm 1 in the steady state, the first
# frame's time against |M0|, and a later frame's time against K_max. Beside the paper's memory of samples: the summed
# memory (`gram`), which has no K_max. All numbers are medians within one run on one machine, and what they are good for
# is their ratios: the paper's are a V100's with ResNet-101.
#
# The paper fills the memory by playing the video. Here it is filled with the sequence's true masks, which costs the
# same and saves playing it; and |M0| is 5, not 20, while K_max varies, because 20 samples do not fit a memory of 10.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace
from itertools import cycle, islice

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.measure import Clock
from vosbook.methods.frtm import FAST, FULL, FrtmSegmenter, augment_first_frame
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.target_model.model import TargetModel

# %%
settings = load_profile(profile).of("frtm_times")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
(spec,) = settings["data"]
sequence = load_sequence(spec)
frames = list(islice(sequence.frames, settings["distinct"]))
first = np.where(sequence.labels(0) == sequence.objects[0].id, 1, 0).astype(np.uint8)  # one object, as in the paper
masks = [np.where(sequence.labels(t) == sequence.objects[0].id, 1, 0).astype(np.uint8) for t in range(len(frames))]
solvers, T_S = {"full": FULL, "fast": FAST}, FULL.target_model.t_s
whole = FrtmSegmenter.complete(
    replace(FAST, backbone=settings["backbone"]), backbone_weights=None, checkpoint=None, device=device, note=print
)
assert whole.backbone.name == settings["backbone"], f"no weights of {settings['backbone']}"
backbone, network = whole.backbone, whole.network
wait = torch.cuda.synchronize if device == "cuda" else lambda: None


def features(images):
    """uint8 (K, H, W, 3) -> features of D's level (K, C, h, w)."""
    pixels = torch.tensor(images, device=device).permute(0, 3, 1, 2) / 255  # (K, H, W, 3) -> (K, 3, H, W)
    return backbone(pixels)[FAST.level]


# %% [markdown]
# ## The first frame (Figure 7)
#
# Algorithm 1, lines 1 and 2: augmentation, features of all samples, and learning D. The sizes are timed in turn, so
# that other work on the machine meets all of them; the first round only warms up.


# %%
def first_frame(samples, clock) -> None:
    images, labels = clock.timed(augment_first_frame, "augmentation")(frames[0], first > 0, samples=samples - 1)
    x = clock.timed(features, "features")(images)
    y = torch.tensor(labels, device=device)[:, None]  # (K, H, W) -> (K, 1, H, W)
    clock.timed(TargetModel(FULL.target_model).learn_first_frame, "learning")(x, y)


def medians(clock) -> dict[str, float]:
    return {name: float(np.median(seconds)) for name, seconds in clock.seconds.items()}


def time_first_frame() -> dict:
    clocks = {samples: Clock(wait) for samples in settings["samples"]}
    for n in range(settings["rounds"] + 1):
        for samples, clock in clocks.items():
            first_frame(samples, clock)
            if n == 0:
                clock.seconds.clear()
    found = {f"samples_{samples}": medians(clock) for samples, clock in clocks.items()}
    for steps in found.values():
        steps["total"] = sum(steps.values())
    most = found[f"samples_{max(clocks)}"]["total"]
    return {name: steps | {"share_of_most": steps["total"] / most} for name, steps in found.items()}


# %% [markdown]
# ## A later frame (Table 5, Figure 8)
#
# Lines 4 to 9 with a full memory. An update comes once in t_s frames, and counts for a frame with that share.


# %%
def filled(config) -> FrtmSegmenter:
    """A segmenter at the end of a first frame, its memory filled with true masks."""
    segmenter = FrtmSegmenter(backbone, config, network)
    segmenter.start(frames[0], first)
    (target,) = segmenter.targets.values()
    known = [(features(frame[None]), torch.tensor(mask)[None, None]) for frame, mask in zip(frames, masks)]
    for x, y in islice(cycle(known), config.target_model.k_max - config.augmentations - 1):
        assert target.model.insert(x, y), "a mask of under 10 pixels"
    return segmenter


def clocked(segmenter) -> Clock:
    """A clock over the steps of Algorithm 1."""
    clock, (target,) = Clock(wait), segmenter.targets.values()
    clock.wrap(segmenter, "_features", "features")
    clock.wrap(target.model, "scores", "prediction")
    clock.wrap(segmenter, "_probabilities", "segmentation")
    clock.wrap(target.model, "insert", "memory")
    clock.wrap(target.model, "update", "update")
    clock.wrap(segmenter, "step", "frame")
    return clock


def steps_of(clock) -> dict:
    """Seconds of a frame by step, and their shares of the whole. Frame 0, t_s, ... began with an update."""
    once = {name: np.array(clock.seconds[name]) for name in ("features", "prediction", "segmentation", "memory")}
    whole, updates = np.array(clock.seconds["frame"]), clock.seconds["update"]
    whole[::T_S] -= updates
    once["other"] = whole - sum(once.values())
    seconds = {name: float(np.median(values)) for name, values in once.items()}
    seconds["update"] = float(np.median(updates)) / T_S
    frame = sum(seconds.values())
    return {"seconds": seconds | {"frame": frame}, "share": {name: s / frame for name, s in seconds.items()}}


def time_frames(configs) -> dict:
    """Steps of every configuration. They take turns at every frame; the first t_s frames warm up."""
    segmenters = {name: filled(config) for name, config in configs.items()}
    clocks = {name: clocked(segmenter) for name, segmenter in segmenters.items()}
    for n, frame in enumerate(islice(cycle(frames[1:]), T_S * (1 + settings["updates"]))):
        for name, segmenter in segmenters.items():
            if n == T_S:
                clocks[name].seconds.clear()
            segmenter.step(frame)
    found = {name: steps_of(clock) for name, clock in clocks.items()}
    most = found[f"full_{max(settings['k_max'])}"]["seconds"]["frame"]
    return {name: steps | {"share_of_most": steps["seconds"]["frame"] / most} for name, steps in found.items()}


# %% [markdown]
# ## A whole video (supplement 7.2)
#
# The first frame's share of the time, where a video has as many frames as those of DAVIS 2016's validation set have in
# the mean. The memory is taken for full in every frame, as in Table 5; a video of DAVIS hardly fills it.


# %%
def first_frame_shares(first_frames, frame) -> dict:
    """By |M0|, from what one run has measured."""
    later = (settings["video_frames"] - 1) * frame["seconds"]["frame"]
    return {name: steps["total"] / (steps["total"] + later) for name, steps in first_frames.items()}


# %%
memories = {}
for solver, config in solvers.items():
    for k_max in settings["k_max"] if solver == "full" else settings["k_max"][-1:]:
        memories[f"{solver}_{k_max}"] = replace(config, target_model=replace(config.target_model, k_max=k_max))
    memories[f"{solver}_gram"] = replace(config, target_model=replace(config.target_model, memory="gram"))

data = [manifest_entry(spec, sequence)]
config = {"full": asdict(FULL), "fast": asdict(FAST), "frames": len(frames), "backbone": backbone.source}
config |= {"device": device, "threads": torch.get_num_threads(), "updates": settings["updates"]}
config |= {key: settings[key] for key in ("rounds", "video_frames")}
with record_run(f"frtm_times_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    run["metrics"]["first_frame"] = time_first_frame()
    run["metrics"]["frame"] = time_frames(memories)
    full = run["metrics"]["frame"][f"full_{max(settings['k_max'])}"]
    run["metrics"]["first_frame_share"] = first_frame_shares(run["metrics"]["first_frame"], full)

# %%
for name, steps in run["metrics"]["first_frame"].items():
    print(f"{name:<12}", *(f"{step} {value:.3f}" for step, value in steps.items()), sep="  ")
for name, found in run["metrics"]["frame"].items():
    shares = (f"{step} {100 * share:.1f}" for step, share in found["share"].items())
    print(f"{name:<10}", f"{1e3 * found['seconds']['frame']:.0f} ms a frame; %:", *shares, sep="  ")
