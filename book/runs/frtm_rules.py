# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # FRTM's rules: ours, and those of the released code
#
# What D-only reaches where the target model never learns from later frames, and where it does, under our rules and
# under those of the released code, all together and each alone: the label that is remembered, the weight of the first
# insert, the altered copies of the first frame. No network is trained for D-only, so every real sequence at hand can be
# used: the first 50 frames of the 30 training sequences of DAVIS 2016, and five of its validation sequences, at 480p.
# That needs `VOSBOOK_DATA`. What is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import copy
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.merge import soft_aggregate
from vosbook.methods.frtm import FAST, LABELS, RELEASED
from vosbook.metrics.region import jaccard
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.loss import upsample
from vosbook.target_model.model import TargetModel

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("frtm_rules")
backbone = load_backbone(settings["backbone"], levels=[FAST.level])
assert backbone.name == settings["backbone"], "a record must not depend on whether weights can be had"
parts = book_folder().parent / "build" / "runs" / f"frtm_rules_{profile}"
merged = {name: lambda p, rule=rule: rule(soft_aggregate(p)) for name, rule in LABELS.items()}
alone = {  # our rules but for one
    "released_label": replace(FAST, label=RELEASED.label),
    "released_insert": replace(FAST, target_model=RELEASED.target_model),
    "released_first_frame": replace(FAST, augment=RELEASED.augment),
}
# name -> settings, and the label that is remembered of a probability p (1, H, W); None: nothing is
rules = {
    "no_update": (FAST, None),
    **{name: (one, merged[one.label]) for name, one in {"ours": FAST, **alone, "released": RELEASED}.items()},
    "released_no_update": (RELEASED, None),
    "unmerged": (FAST, lambda p: p),
    "mask": (FAST, lambda p: (p > 0.5).float()),
}


# %% [markdown]
# Features are computed once a frame, and the target model once for each way to alter the first frame; each rule goes
# on with a copy.


# %%
def features(images):
    """uint8 (K, H, W, 3) -> (K, C, h, w)."""
    return backbone(torch.tensor(images).permute(0, 3, 1, 2) / 255)[FAST.level]  # (K, H, W, 3) -> (K, 3, H, W)


def learn(frame, mask, config, seed) -> TargetModel:
    images, masks = augment_first_frame(frame, mask, samples=config.augmentations, seed=seed, config=config.augment)
    model = TargetModel(config.target_model)
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
    return float(np.mean(scores))


def score(sequence) -> dict[str, list[float]]:
    """J of every rule, a number for each seed."""
    frames, truth = list(sequence.frames), np.stack([sequence.labels(t) > 0 for t in range(len(sequence.frames))])
    x = torch.cat([features(frame[None]) for frame in frames])
    found = {name: [] for name in rules}
    for seed in range(settings["seeds"]):
        learned = {
            (config.augment, config.target_model): learn(frames[0], truth[0], config, seed)
            for config, _ in rules.values()
        }
        for name, (config, label) in rules.items():
            model = copy.deepcopy(learned[config.augment, config.target_model])
            found[name].append(track(model, x, truth, label))
    return found


# %%
config = {"backbone": backbone.source, "seeds": settings["seeds"], "rules": list(rules)}
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = {spec: load_sequence(spec, config=synthetic) for spec in settings["data"]}
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
with record_run(f"frtm_rules_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, sequence))
        print(f"{spec:<32}" + "  ".join(f"{name} {np.mean(j):.3f}" for name, j in found[spec].items()), flush=True)
    for name in rules:
        by_seed = np.mean([found[spec][name] for spec in sequences], axis=0)
        run["metrics"][name] = {
            "J": by_seed.mean(),
            "J_of_seeds": by_seed.tolist(),
            "sequences": {spec: {"J": found[spec][name]} for spec in sequences},
        }
