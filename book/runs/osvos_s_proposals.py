# %% [markdown]
# # What proposals are worth to OSVOS-S, and how good they must be
#
# Tables 2 and 8 of the paper, in kind. Table 2: what semantic propagation selects, beside an oracle that selects with
# the truth, and beside the final result. Table 8: the final result with better and worse instance segmenters. Here on
# synthetic video in which several objects have the category of the one that is followed, with proposals whose errors
# are set. Beside the conditional classifier: no prior at all (OSVOS), and feature masking.
#
# As in the paper each network is a parent first, trained with proposals of the quality that it will be used with, and
# is then fine-tuned on the first frame. All parents begin from one that knows no prior.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import copy
from dataclasses import asdict, replace
from itertools import count, islice

import numpy as np
import torch

from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.methods.osvos_s import (
    Guide,
    OsvosSConfig,
    OsvosSNetwork,
    as_image,
    find_object,
    guides_of,
    learn_object,
    steps_of,
)
from vosbook.metrics.scores import frame_scores
from vosbook.nn.encoder import pretrained_encoder
from vosbook.nn.side_outputs import SideOutputConfig, build_side_outputs
from vosbook.profiles import lists_as_tuples, load_profile
from vosbook.proposals import ProposalErrors, SyntheticProposals
from vosbook.runs import manifest_entry, record_run
from vosbook.semantics import SemanticsConfig, select, union_of
from vosbook.training.fine_tune import Budget, learn
from vosbook.training.views import GIVEN_VIEWS

# %%
settings = load_profile(profile).of("osvos_s_proposals")
synthetic = SyntheticConfig(**lists_as_tuples(settings["synthetic"]))
levels = {name: ProposalErrors(**errors) for name, errors in settings["errors"].items()}
torch.set_flush_denormal(True)

# %% [markdown]
# Of the seeds those are taken whose first frame shows an object that is not the only one of its category. The first
# such object is followed.


# %%
def with_twin(sequence):
    """The first object of the first frame whose category is not its alone there; None where there is none."""
    labels = sequence.labels(0)
    seen = [o for o in sequence.objects if np.count_nonzero(labels == o.id) >= settings["min_pixels"]]
    names = [o.category for o in seen]
    return next((o for o in seen if names.count(o.category) > 1), None)


def videos(first):
    """Sequences with such an object, from a seed on: spec, sequence, id."""
    for seed in count(first):
        sequence = make_sequence(seed, synthetic)
        if twin := with_twin(sequence):
            yield f"synthetic/{seed}", sequence, twin.id


train = [make_sequence(seed, synthetic) for seed in range(*settings["train_seeds"])]
test = list(islice(videos(settings["test_from"]), settings["videos"]))
print(len(train), "videos to learn from; to be scored:", *(spec for spec, *_ in test))

# %% [markdown]
# ## Parents


# %%
def config_of(name):
    views = replace(GIVEN_VIEWS, **lists_as_tuples(settings["views"]))
    part = dict(settings[name])
    semantics = SemanticsConfig(**settings["semantics"])
    budget = Budget(seconds=None, steps=part.pop("steps"))
    return OsvosSConfig(semantics=semantics, budget=budget, views=views, seed=settings["seed"], **part)


parent, branch, tuning = (config_of(name) for name in ("parent", "branch", "tuning"))


def train_on(network, guides, config):
    """As many steps as the budget says, in the last quarter at a fifth of the rate; the mean loss of the last tenth."""
    loss, optimizer = steps_of(network.train(), guides, config)
    steps, losses = config.budget.steps, []
    for step, value in enumerate(islice(learn(loss, optimizer), steps)):
        losses.append(value)
        if step == int(0.75 * steps):
            for group in optimizer.param_groups:
                group["lr"] /= 5
    network.eval()
    return float(np.mean(losses[-max(1, steps // 10) :]))


def guides_with(source):
    return [g for s in train for g in guides_of(s, source, branch.semantics, min_pixels=settings["min_pixels"])]


def new_network(guidance):
    """The network that has learned without a prior, with new classifiers for the second round."""
    return OsvosSNetwork(copy.deepcopy(start.base), guidance=guidance)


torch.manual_seed(settings["seed"])
encoder = SideOutputConfig(backbone=settings["backbone"], levels=tuple(settings["levels"]))
start = OsvosSNetwork(build_side_outputs(encoder, pretrained_encoder))

# %% [markdown]
# ## Following
#
# Every video is followed by every network, once fine-tuned on its first frame. Beside the answer of the final round,
# the first round's; the proposals that propagation has selected; and those that the truth would have selected.


# %%
def follow(network, sequence, i, source):
    """Scores (J, F) of all but the first and last frame, by stage; and what was selected on the first frame."""
    y = sequence.labels(0) == i
    proposals = source.propose(sequence.frames[0])
    chosen = select(proposals, y, tuning.semantics)
    learn_object(network, Guide(sequence.frames[0], y, union_of(proposals, chosen)), tuning)
    wanted, scores = [proposals.categories[n] for n in chosen], {}
    for t in range(1, len(sequence.frames) - 1):
        truth, proposals = sequence.labels(t) == i, source.propose(sequence.frames[t])
        answer = find_object(network, as_image(sequence.frames[t]), proposals, wanted, tuning)
        oracle = select(proposals, truth, tuning.semantics)
        masks = {
            "first_round": answer.first > 0.5,
            "selected": union_of(proposals, answer.chosen),
            "oracle": union_of(proposals, oracle),
            "final": answer.final.numpy() > 0.5,
        }
        for stage, mask in masks.items():
            found = np.array(frame_scores(mask.astype(np.uint8), truth.astype(np.uint8), [1]))[:, 0]
            scores.setdefault(stage, []).append(found)
    return {stage: np.mean(values, axis=0) for stage, values in scores.items()}, len(chosen)


def score(network, source):
    """Scores of all videos by stage, (videos, 2), and the share of videos in which nothing was selected."""
    every = [follow(copy.deepcopy(network), sequence, i, source) for _, sequence, i in test]
    stages = {stage: np.array([scores[stage] for scores, _ in every]) for stage in every[0][0]}
    return stages, float(np.mean([not chosen for _, chosen in every]))


def as_metrics(scores):
    j, f = scores.mean(axis=0)
    return {"J": j, "F": f, "J&F": (j + f) / 2, "J_of_videos": scores[:, 0].tolist()}


def beaten(ours, theirs):
    """By how much, in J; the standard error of that mean over videos; in how many videos."""
    gain = ours[:, 0] - theirs[:, 0]
    return {"J": gain.mean(), "error": gain.std(ddof=1) / np.sqrt(len(gain)), "wins": int((gain > 0).sum())}


# %% [markdown]
# All networks see the same frames in the same order, and make as many steps. No prior: the parent and the fine-tuning
# see an empty prior throughout, and the first round is the answer.

# %%
data = [manifest_entry(spec, sequence) for spec, sequence, _ in test]
record = {
    key: settings[key] for key in ("synthetic", "train_seeds", "test_from", "videos", "min_pixels", "errors", "seed")
}
record |= {name: asdict(c) for name, c in (("parent", parent), ("branch", branch), ("tuning", tuning))}
record |= {"encoder": asdict(encoder), "threads": torch.get_num_threads()}
with record_run(
    f"osvos_s_proposals_{profile}", profile=profile, config=record, seed=settings["seed"], data=data
) as run:
    blind = SyntheticProposals([*train, *(s for _, s, _ in test)], ProposalErrors(missed=1.0))
    guides = guides_with(blind)
    run["metrics"]["loss_of_parent"] = train_on(start, guides, parent)
    network = new_network("conditional")
    train_on(network, guides, branch)
    none, _ = score(network, blind)
    none = none["first_round"]
    run["metrics"]["no_prior"] = as_metrics(none)
    print(
        "no prior:", {key: round(100 * v, 1) for key, v in as_metrics(none).items() if key != "J_of_videos"}, flush=True
    )
    for name, errors in levels.items():
        source = SyntheticProposals([*train, *(s for _, s, _ in test)], errors, seed=settings["seed"])
        guides = guides_with(source)
        found, results = {}, {}
        for guidance in ("conditional", "masked"):
            network = new_network(guidance)
            train_on(network, guides, branch)
            stages, unmatched = score(network, source)
            found[guidance] = stages["final"]
            results[guidance] = as_metrics(stages["final"])
            if guidance == "conditional":
                results |= {stage: as_metrics(stages[stage]) for stage in ("first_round", "selected", "oracle")}
                results["unmatched"] = unmatched
        results["over_no_prior"] = beaten(found["conditional"], none)
        results["over_masked"] = beaten(found["conditional"], found["masked"])
        run["metrics"][name] = results
        shown = ("oracle", "selected", "first_round", "masked", "conditional")
        print(f"{name}:", {way: round(100 * results[way]["J"], 1) for way in shown}, flush=True)
        print("   over no prior", results["over_no_prior"], "over masking", results["over_masked"], flush=True)
