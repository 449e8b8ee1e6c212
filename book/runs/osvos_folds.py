# %% [markdown]
# # What a parent network gives on sequences that it has not seen
#
# The step of Table 1 from +OneShot to +Parent (Maninis et al., TPAMI 2018), on every sequence at hand. Five parent
# networks have each been trained without a fifth of the training sequences. Each sequence of that fifth, and one of
# those that no training has seen, is segmented by two networks, tuned in as many steps to its first frame: one that
# begins with the parent, and one that begins with the backbone's weights alone.
#
# ```
# make run RUN=train_osvos_parent PROFILE=small SET='variant=fold0'    # and so on, to fold4
# make run RUN=osvos_folds PROFILE=small
# ```
#
# What is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import copy
from dataclasses import asdict
from functools import partial

import torch

from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.datasets.resize import shrink
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.measure import mean_of, score_masks
from vosbook.methods.osvos import LEVELS, METHOD, REMEDY, OnlineConfig, OsvosSegmenter, base_network, online_steps
from vosbook.metrics.info import read_info
from vosbook.nn.side_outputs import load_side_outputs
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.training.fine_tune import learn
from vosbook.training.folds import trained_folds
from vosbook.weights import read_about

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("osvos_folds")
parts = book_folder().parent / "build" / "runs" / f"osvos_folds_{profile}"
online = OnlineConfig(**settings["online"], seed=settings["seed"])
synthetic = SyntheticConfig(**settings["synthetic"])
WAYS = ("base", "parent")
STEPS = settings["steps"]

# %%
folds = trained_folds("train_osvos_parent", settings["trainings"], profile=profile, also=settings["also"])
sequences = {
    spec: shrink(load_sequence(spec, config=synthetic), height=settings["height"])
    for fold in folds
    for spec in fold.unseen
}
backbone = load_backbone(settings["backbone"], levels=LEVELS)
assert backbone.name == settings["backbone"], "a record must not depend on whether weights can be had"
base = base_network(backbone, seed=online.seed)
real = any(spec.startswith("davis2016/") for spec in sequences)
info = read_info(data_folder() / "DAVIS2016" / "db_info.yml") if real else {}

# %% [markdown]
# The state after the steps is scored as it is, whether or not one before it was better on the first frame. T counts
# where DAVIS counts it, and for the last masks alone, since the outlines of bad masks take long.


# %%
def score(starts, sequence) -> dict[str, dict]:
    """Scores of one sequence by way and number of steps."""
    truth = [sequence.labels(t) > 0 for t in range(len(sequence.frames))]
    eval_t, found = info.get(sequence.name, {}).get("eval_t", True), {way: {} for way in starts}
    for way, start in starts.items():
        network = copy.deepcopy(start)
        segmenter = OsvosSegmenter(network, online)
        segmenter.networks = {1: network}
        steps = learn(*online_steps(network, sequence.frames[0], truth[0], online))
        for step in range(1, max(STEPS) + 1):
            next(steps)
            if step in STEPS:
                masks = [segmenter.step(frame) > 0 for frame in sequence.frames]
                found[way][str(step)] = score_masks(masks, truth, timed=eval_t and step == max(STEPS))
    return found


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {
    "tuning": asdict(online),
    "backbone": backbone.source,
    "parents": [read_about(fold.weights) for fold in folds],
}
config |= {"folds": [fold.unseen for fold in folds], "steps": STEPS, "height": settings["height"]}
config |= {"threads": torch.get_num_threads()}
with record_run(f"osvos_folds_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for fold in folds:
        starts = {"base": base, "parent": load_side_outputs(fold.weights, method=METHOD, remedy=REMEDY)}
        for spec in fold.unseen:
            found[spec] = kept(parts / f"{sequences[spec].name}.json", partial(score, starts, sequences[spec]))
            for way in WAYS:
                print(
                    f"{spec:<32}{way:<8}", *(f"{of['J']['mean']:.3f}" for of in found[spec][way].values()), flush=True
                )
    for way in WAYS:
        run["metrics"][way] = {}
        for step in map(str, STEPS):
            rows = {spec: of[way][step] for spec, of in found.items()}
            of_folds = [mean_of([rows[spec] for spec in fold.unseen]) for fold in folds]
            run["metrics"][way][step] = mean_of(list(rows.values())) | {"folds": of_folds, "sequences": rows}

# %%
for way in WAYS:
    for step, of in run["metrics"][way].items():
        print(f"{way:<8}{step:>4} steps  J {of['J']['mean']:.3f}  F {of['F']['mean']:.3f}")
