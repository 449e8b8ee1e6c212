# %% [markdown]
# # OSVOS-S on real video, stage by stage
#
# What an object's category is worth on real frames, with the proposals of a real network: instances cut out of a
# semantic segmentation, coarse, and with no way to tell objects of one class that touch. In kind the paper's Tables 1,
# 2 and 8. Of every object that the first frame shows: the first round, which is OSVOS; the proposals that propagation
# selects; those that the truth would select; and the final round, by conditional classifiers and by feature masking,
# which see the same frames in the same order in as many steps.
#
# `variant` says what is tuned: `base` has the backbone's weights alone, and has seen no frame of DAVIS; in `folds` it
# is the parent network that has not seen the sequence, of five that were each trained without a fifth of them
# (`make run RUN=train_osvos_parent PROFILE=small SET='variant=fold0'`, and so on).
# What is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"
variant = "base"

# %% tags=["imports"]
import copy
from dataclasses import asdict
from functools import partial

import numpy as np
import torch

from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.datasets.resize import shrink
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.methods.osvos import LEVELS, METHOD, REMEDY, base_network
from vosbook.methods.osvos_s import Guide, OsvosSConfig, OsvosSNetwork, as_image, find_object, learn_object
from vosbook.metrics.scores import frame_scores
from vosbook.nn.side_outputs import load_side_outputs
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.proposals import FileProposals, ProposalErrors, SyntheticProposals
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.semantics import select, union_of
from vosbook.training.fine_tune import Budget
from vosbook.training.folds import trained_folds
from vosbook.weights import read_about

# %%
profile, variant = script_parameters(profile=profile, variant=variant)
settings = load_profile(profile).of_variant("osvos_s_real", variant)
name = f"osvos_s_real_{profile}_{variant}"
parts = book_folder().parent / "build" / "runs" / name
synthetic = SyntheticConfig(**settings["synthetic"])
tuning = OsvosSConfig(budget=Budget(seconds=None, steps=settings["steps"]), seed=settings["seed"])
folds = trained_folds("train_osvos_parent", settings["trainings"], profile=profile, also=settings["also"])
if folds:
    parents = [load_side_outputs(fold.weights, method=METHOD, remedy=REMEDY) for fold in folds]
    starts = {spec: parent for fold, parent in zip(folds, parents) for spec in fold.unseen}
else:
    base = base_network(load_backbone(settings["backbone"], levels=LEVELS), seed=tuning.seed)
    starts = dict.fromkeys(settings["data"], base)
sequences = {spec: load_sequence(spec, config=synthetic) for spec in starts}

# %% [markdown]
# The proposals: from COCO files in the folder of real data, or, of synthetic video, the truth with errors.


# %%
def proposals_of(sequence, small):
    """Proposals by frame number, for the frames as they are learned from, which may be smaller."""
    if settings["proposals"] is None:
        source = SyntheticProposals([small], ProposalErrors(**settings["errors"]), seed=settings["seed"])
        return lambda t: source.propose(small.frames[t])
    names, size = sequence.frames.names, sequence.frames.size
    path = data_folder() / settings["proposals"] / f"{sequence.name}.json"
    file = FileProposals(path, names=names, size=size, video=sequence.name, note=lambda line: None)
    return lambda t: file.of(names[t], small.frames.size)


def learned(start, sequence, guidance, propose):
    """A network tuned on the object of the first frame, and the categories of the proposals that match it."""
    torch.manual_seed(tuning.seed)
    network = OsvosSNetwork(copy.deepcopy(start), guidance=guidance)
    frame, y, proposals = sequence.frames[0], sequence.labels(0) > 0, propose(0)
    chosen = select(proposals, y, tuning.semantics)
    learn_object(network, Guide(frame, y, union_of(proposals, chosen)), tuning)
    return network.eval(), [proposals.categories[n] for n in chosen]


def score(start, sequence) -> dict:
    """J and F of every stage by frame, and what was selected in the first one."""
    small = shrink(sequence, height=settings["height"]) if settings["height"] else sequence
    propose = proposals_of(sequence, small)
    networks = {way: learned(start, small, way, propose) for way in ("conditional", "masked")}
    _, wanted = networks["conditional"]
    scores = {}
    for t in range(1, len(small.frames) - 1, settings["every"]):
        truth, proposals, image = small.labels(t) > 0, propose(t), as_image(small.frames[t])
        answers = {
            way: find_object(network, image, proposals, wanted, tuning) for way, (network, _) in networks.items()
        }
        plain = answers["conditional"]
        masks = {
            "first_round": plain.first > 0.5,
            "selected": union_of(proposals, plain.chosen),
            "oracle": union_of(proposals, select(proposals, truth, tuning.semantics)),
            **{way: answer.final.numpy() > 0.5 for way, answer in answers.items()},
        }
        for stage, mask in masks.items():
            found = frame_scores(mask.astype(np.uint8), truth.astype(np.uint8), [1])
            scores.setdefault(stage, []).append([float(one[0]) for one in found])
    return {"wanted": wanted, "scores": scores}


# %% [markdown]
# Means over sequences: over all, and over those in whose first frame a proposal matches the object, so that its
# category is known. Decay is that of DAVIS: the first quarter of a video less its last.

# %%
STAGES = ("first_round", "selected", "oracle", "conditional", "masked")


def decay(curve) -> float:
    quarters = np.array_split(np.array(curve), 4)
    return float(quarters[0].mean() - quarters[-1].mean())


def of_stage(found, specs, stage) -> dict:
    curves = {spec: np.array(found[spec]["scores"][stage]) for spec in specs}  # (T', 2) each: J and F
    j, f = (np.mean([curve[:, k].mean() for curve in curves.values()]) for k in (0, 1))
    return {
        "J": j,
        "F": f,
        "J_decay": np.mean([decay(curve[:, 0]) for curve in curves.values()]),
        "J_of_sequences": {spec: curve[:, 0].mean() for spec, curve in curves.items()},
        "F_of_sequences": {spec: curve[:, 1].mean() for spec, curve in curves.items()},
    }


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"tuning": asdict(tuning), "every": settings["every"], "height": settings["height"]}
config |= {"proposals": settings["proposals"]}
config |= {"start": variant, "backbone": settings["backbone"], "threads": torch.get_num_threads()}
if folds:
    config |= {"parents": [read_about(fold.weights) for fold in folds], "folds": [fold.unseen for fold in folds]}
with record_run(name, profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, starts[spec], sequence))
        js = {stage: round(100 * np.mean(found[spec]["scores"][stage], axis=0)[0], 1) for stage in STAGES}
        print(f"{spec:<32}", found[spec]["wanted"], js, flush=True)
    known = [spec for spec in found if found[spec]["wanted"]]
    for group, specs in {"all": list(found), "known": known}.items():
        run["metrics"][group] = {stage: of_stage(found, specs, stage) for stage in STAGES if specs}
    run["metrics"]["wanted"] = {spec: one["wanted"] for spec, one in found.items()}

# %%
for group in ("all", "known"):
    print(group, {stage: round(100 * one["J"], 1) for stage, one in run["metrics"][group].items()})
