# %% [markdown]
# # What the target model should remember, and for how long
#
# FRTM keeps the last samples, up to 80, and lets the given first frame age like any other. Two options beside it: keep
# the sum of all samples' normal equations, which has no limit, and protect the first frame's share of the weight.
#
# The target model alone, with the fast settings, follows one object forth and back: to the last frame of the clip, and
# from there to the first again, so that the videos are longer than the memory. Under `small` and `paper` on the 30
# training sequences of DAVIS 2016 at 448 x 256, with a ResNet-18: no validation sequence is used. It needs
# `VOSBOOK_DATA` there. Under `smoke` on synthetic video with the filter bank.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace

import numpy as np
import torch

from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.features import load_backbone
from vosbook.merge import soft_aggregate, without_rivals
from vosbook.methods.frtm import FAST
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.loss import upsample
from vosbook.target_model.model import TargetModel

# %%
settings = load_profile(profile).of("frtm_memory")
specs = settings["data"]
if split := settings["split"]:
    listed = data_folder() / "DAVIS2016" / "ImageSets" / f"{split}.txt"
    specs = [f"davis2016/{name}" for name in listed.read_text().split()]
backbone = load_backbone(settings["backbone"], levels=[FAST.level])
assert backbone.name == settings["backbone"], "a record must not depend on whether weights can be had"


def features(images):
    """uint8 (K, H, W, 3) -> (K, C, h, w)."""
    return backbone(torch.tensor(images).permute(0, 3, 1, 2) / 255)[FAST.level]  # (K, H, W, 3) -> (K, 3, H, W)


# %% [markdown]
# The settings. `samples_20` has room for 20 samples where the paper has room for 80: were the limit of importance, it
# would show here.

# %%
paper = FAST.target_model
variants = {
    "samples": paper,
    "samples_20": replace(paper, k_max=20),
    "gram": replace(paper, memory="gram"),
}
for share in (0.1, 0.25, 0.5):
    variants[f"samples_first_{share}"] = replace(paper, first_frame_share=share)
    variants[f"gram_first_{share}"] = replace(paper, memory="gram", first_frame_share=share)

# %% [markdown]
# Tracking one object. J is the mean over the frames on the way forth, but the first and last, and over the same frames
# on the way back.


# %%
def track(model, x, truth) -> tuple[float, float]:
    """J on the way forth and back. x: features of all frames `(T, C, h, w)`; truth bool `(T, H, W)`."""
    frames = len(x)
    way = [*range(1, frames), *range(frames - 2, 0, -1)]
    scores = []
    for n, t in enumerate(way, 1):
        p = upsample(model.scores(x[t : t + 1]), truth.shape[1:])[0].clamp(0, 1)  # (1, H, W)
        scores.append(jaccard((p[0] > 0.5).numpy(), truth[t]))
        label = without_rivals(soft_aggregate(p))[None]  # (1, 1, H, W)
        if model.insert(x[t : t + 1], label) and n % paper.t_s == 0:
            model.update()
    return np.mean(scores[: frames - 2]), np.mean(scores[frames - 1 :])


def run_sequence(sequence) -> dict[str, list[tuple[float, float]]]:
    """J forth and back of every variant, one pair a seed. One object: the first."""
    target = sequence.objects[0].id
    truth = np.stack([sequence.labels(t) == target for t in range(len(sequence.frames))])
    x = torch.cat([features(frame[None]) for frame in sequence.frames])
    found = {name: [] for name in variants}
    for seed in range(settings["seeds"]):
        images, masks = augment_first_frame(sequence.frames[0], truth[0], samples=FAST.augmentations, seed=seed)
        first, labels = features(images), torch.tensor(masks)[:, None]
        for name, config in variants.items():
            model = TargetModel(config)
            model.learn_first_frame(first, labels, seed=seed)
            found[name].append(track(model, x, truth))
    return found


# %%
def summary(scores) -> dict:
    """Metrics of one variant from `(sequences, seeds, 2)`: J forth and back."""
    forth, back = np.mean(scores, axis=0).T  # one number a seed, each
    return {
        "J": forth.mean(),
        "J_std": forth.std(),
        "J_of_seeds": forth.tolist(),
        "J_back": back.mean(),
        "J_back_std": back.std(),
        "J_back_of_seeds": back.tolist(),
    }


sequences = {spec: load_sequence(spec, resolution=settings["resolution"]) for spec in specs}
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {
    "backbone": backbone.source,
    "seeds": settings["seeds"],
    "variants": {name: asdict(variant) for name, variant in variants.items()},
}
with record_run(f"frtm_memory_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {spec: run_sequence(sequence) for spec, sequence in sequences.items()}
    for name in variants:
        scores = np.array([found[spec][name] for spec in specs])  # (sequences, seeds, 2)
        by_sequence = dict(zip(specs, scores.mean(axis=1).tolist()))
        run["metrics"][name] = summary(scores) | {"J_of_sequences": by_sequence}

# %%
for name, metrics in run["metrics"].items():
    forth, back = (f"{metrics[key]:.3f} ({metrics[f'{key}_std']:.3f})" for key in ("J", "J_back"))
    print(f"{name:<20} J forth {forth}, back {back}; standard deviation over seeds in brackets")
