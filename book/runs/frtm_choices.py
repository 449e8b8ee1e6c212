# %% [markdown]
# # Two choices that the paper leaves open, made on training sequences
#
# FRTM's paper does not say what the target model's memory should hold where the background wins (its code has zero
# there), nor how the scales of the first frame's altered copies are drawn. Both were decided on the 30
# training sequences of DAVIS 2016, at 448 x 256, with a ResNet-18 and the paper's fast settings. No validation sequence
# is used. It needs `VOSBOOK_DATA`.

# %% tags=["parameters"]
profile = "small"
label_seeds = 3
scale_seeds = 24

# %% tags=["imports"]
import copy
from dataclasses import replace

import numpy as np
import torch

from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.features import load_backbone
from vosbook.merge import soft_aggregate, without_rivals
from vosbook.methods.frtm import FAST
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.target_model.augment import AugmentConfig, augment_first_frame
from vosbook.target_model.loss import upsample
from vosbook.target_model.model import TargetModel

# %%
settings = load_profile(profile).of("frtm_choices")
names = (data_folder() / "DAVIS2016" / "ImageSets" / "train_256p.txt").read_text().split()
backbone = load_backbone("resnet18", levels=[FAST.level])
assert backbone.name == "resnet18", "the choices are about ResNet-18"


def features(images):
    """uint8 (K, H, W, 3) -> (K, C, h, w)."""
    return backbone(torch.tensor(images).permute(0, 3, 1, 2) / 255)[FAST.level]  # (K, H, W, 3) -> (K, 3, H, W)


# %% [markdown]
# Learning from the first frame, and tracking one object. The label that is remembered is a function of the probability
# `p (1, H, W)`. Without updates the frames do not depend on each other, and every fourth is enough.


# %%
def learn(frame, mask, seed, scales) -> TargetModel:
    config = AugmentConfig() if scales is None else replace(AugmentConfig(), scales=scales)
    images, masks = augment_first_frame(frame, mask, samples=FAST.augmentations, seed=seed, config=config)
    model = TargetModel(FAST.target_model)
    model.learn_first_frame(features(images), torch.tensor(masks)[:, None], seed=seed)
    return model


def track(model, x, truth, label) -> float:
    """J, mean over the frames but the first and last. x: features of all frames; truth bool (T, H, W)."""
    scores = []
    for t in range(1, len(x) - 1):
        p = upsample(model.scores(x[t : t + 1]), truth.shape[1:])[0].clamp(0, 1)  # (1, H, W)
        scores.append(jaccard((p[0] > 0.5).numpy(), truth[t]))
        if label and model.insert(x[t : t + 1], label(p)[None]) and t % FAST.target_model.t_s == 0:
            model.update()
    return np.mean(scores)


def score_first(model, x, truth) -> float:
    """J without updates, mean over every fourth frame."""
    scores = upsample(model.scores(x[1:-1:4]), truth.shape[1:])[:, 0]  # (T / 4, H, W)
    return np.mean([jaccard((s > 0.5).numpy(), true) for s, true in zip(scores, truth[1:-1:4])])


# %% [markdown]
# The candidates for the label: the merged probability, kept or zero where the background wins; the probability before
# the merge; the mask. The candidates for the scales: dealt like cards, or drawn independently, which is what dealing
# four values does that were drawn with replacement.

# %%
labels = {
    "no_update": None,
    "merged_kept": lambda p: without_rivals(soft_aggregate(p)),
    "merged_zero": lambda p: without_rivals(soft_aggregate(p)) * (p > 0.5),
    "unmerged": lambda p: p,
    "mask": lambda p: (p > 0.5).float(),
}


def independent(seed) -> tuple[float, ...]:
    return tuple(np.random.default_rng(seed).choice(AugmentConfig().scales, FAST.augmentations).tolist())


def run_sequence(sequence) -> dict:
    frames, truth = list(sequence.frames), np.stack([sequence.labels(t) > 0 for t in range(len(sequence.frames))])
    x = torch.cat([features(frame[None]) for frame in frames])
    found = {name: [] for name in labels}
    for seed in range(label_seeds):
        model = learn(frames[0], truth[0], seed, None)
        for name, label in labels.items():
            found[name].append(track(copy.deepcopy(model), x, truth, label))
    for name, draw in (("scales_dealt", lambda seed: None), ("scales_independent", independent)):
        models = [learn(frames[0], truth[0], seed, draw(seed)) for seed in range(scale_seeds)]
        found[name] = [score_first(model, x, truth) for model in models]
    return found


# %%
specs = [f"davis2016/{name}" for name in names]
sequences = {spec: load_sequence(spec, resolution="256p") for spec in specs}
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"backbone": backbone.source, "label_seeds": label_seeds, "scale_seeds": scale_seeds}
with record_run("frtm_choices", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {spec: run_sequence(sequence) for spec, sequence in sequences.items()}
    for name in found[specs[0]]:
        by_seed = np.mean([found[spec][name] for spec in specs], axis=0)
        run["metrics"][name] = {"J": by_seed.mean(), "J_std": by_seed.std(), "J_of_seeds": by_seed.tolist()}
    gain = np.subtract(*(run["metrics"][name]["J_of_seeds"] for name in ("merged_kept", "no_update")))
    run["metrics"]["gain"] = {"J": gain.mean(), "J_std": gain.std(), "J_of_seeds": gain.tolist()}  # of updates

# %%
for name, metrics in run["metrics"].items():
    print(f"{name:<20} J {metrics['J']:.3f}, standard deviation over seeds {metrics['J_std']:.3f}")
