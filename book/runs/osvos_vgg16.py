# %% [markdown]
# # OSVOS from VGG-16, and masks snapped to HED's contours
#
# The backbone of OSVOS's paper beside ResNet-18, both without a parent network: tuned to the same views of the first
# frame, in as many steps, at the same size. VGG-16's weights are the trunk of HED, which learned from ImageNet and then
# from the contours that people drew in BSDS500.
#
# Then the masks of `snap` are snapped to two contour maps: that of our own network, which learned from the training
# sequences of DAVIS 2016, and that of HED, which has seen no video. A probability of one means another thing than that
# of the other. So the level of each hierarchy is chosen on `choose_on`, sequences on which our own network is favoured,
# and kept on `data`. What is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import torch

from vosbook.contours.detector import find_contours, load_contours
from vosbook.contours.hed import load_hed
from vosbook.contours.snapping import SnapConfig, snap
from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.datasets.resize import shrink
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.methods.osvos import OnlineConfig, OsvosSegmenter, base_network
from vosbook.metrics.scores import frame_scores
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.training.fine_tune import Budget

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("osvos_vgg16")
parts = book_folder().parent / "build" / "runs" / f"osvos_vgg16_{profile}"
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = {
    spec: shrink(load_sequence(spec, config=synthetic), height=settings["height"])
    for spec in (*settings["choose_on"], *settings["data"])
}
budget = Budget(seconds=None, steps=settings["steps"])
online = OnlineConfig(budget=budget, precision=settings["precision"], seed=settings["seed"])
starts = {}
for name, levels in settings["backbones"].items():
    backbone = load_backbone(name, levels=levels)
    assert backbone.name == name, "a record must not depend on whether weights can be had"
    starts[name] = base_network(backbone, seed=online.seed)
networks = {"ours": load_contours()}
if settings["hed"]:
    networks["hed"] = load_hed(data_folder() / settings["hed"])


# %%
def masks_of(start, sequence) -> dict[int, np.ndarray]:
    """Masks bool (H, W) of every so many frames, by number, of a network tuned to the first one."""
    segmenter = OsvosSegmenter(start, online)
    segmenter.start(sequence.frames[0], (sequence.labels(0) > 0).astype(np.uint8))
    looked_at = range(1, len(sequence.frames) - 1, settings["every"])
    return {t: segmenter.step(sequence.frames[t]) > 0 for t in looked_at}


def scores_of(masks, sequence) -> list[float]:
    """J and F, means over frames."""
    truth = {t: (sequence.labels(t) > 0).astype(np.uint8) for t in masks}
    found = [frame_scores(mask.astype(np.uint8), truth[t], [1]) for t, mask in masks.items()]
    return np.mean(found, axis=0)[:, 0].tolist()  # (T', 2, 1) -> (2,)


def score(sequence) -> dict:
    """J and F of each backbone; and of each contour network, by level, of the snapped masks."""
    masks = {name: masks_of(start, sequence) for name, start in starts.items()}
    whole = masks[settings["snap"]]
    snapped = {}
    for name, network in networks.items():
        maps = {t: find_contours(network, sequence.frames[t]) for t in whole}
        for level in settings["levels"]:
            config = replace(SnapConfig(), level=level)
            one = {t: snap(mask[None], maps[t], config)[0] for t, mask in whole.items()}
            snapped.setdefault(name, {})[str(level)] = scores_of(one, sequence)
    return {"backbones": {name: scores_of(of, sequence) for name, of in masks.items()}, "snapped": snapped}


# %% [markdown]
# Of each contour network: the level with the largest J where levels are chosen, and what that one gives elsewhere.


# %%
def chosen_level(found, name) -> str:
    levels = map(str, settings["levels"])
    return max(
        levels, key=lambda level: np.mean([found[spec]["snapped"][name][level][0] for spec in settings["choose_on"]])
    )


def of_sequences(rows) -> dict:
    """Means, and J and F by sequence, of rows {spec: (J, F)}."""
    j, f = ({spec: row[k] for spec, row in rows.items()} for k in (0, 1))
    means = {"J": np.mean(list(j.values())), "F": np.mean(list(f.values()))}
    return means | {"J_of_sequences": j, "F_of_sequences": f}


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"tuning": asdict(online), "snapping": asdict(SnapConfig()), "threads": torch.get_num_threads()}
config |= {key: settings[key] for key in ("choose_on", "height", "every", "levels", "snap", "hed")}
config |= {"backbones": {name: start.encoder.backbone.source for name, start in starts.items()}}
with record_run(f"osvos_vgg16_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, sequence))
        print(
            spec, {name: [round(100 * n, 1) for n in row] for name, row in found[spec]["backbones"].items()}, flush=True
        )
    everywhere = list(dict.fromkeys([*settings["choose_on"], *settings["data"]]))
    run["metrics"]["backbones"] = {
        name: of_sequences({spec: found[spec]["backbones"][name] for spec in everywhere}) for name in starts
    }
    run["metrics"]["plain"] = of_sequences({s: found[s]["backbones"][settings["snap"]] for s in settings["data"]})
    run["metrics"]["snapped"] = {
        name: {"level": float(level := chosen_level(found, name))}
        | of_sequences({spec: found[spec]["snapped"][name][level] for spec in settings["data"]})
        for name in networks
    }

# %%
for name, of in {**run["metrics"]["backbones"], "plain": run["metrics"]["plain"], **run["metrics"]["snapped"]}.items():
    print(f"{name:<10} J {of['J']:.3f}  F {of['F']:.3f}", f"level {of['level']}" if "level" in of else "")
