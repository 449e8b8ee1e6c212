# %% [markdown]
# # The altered first frame, with the segmentation network
#
# The run `frtm_rules` asks what the target model alone gains by the released rules for the altered copies of the first
# frame. Here the segmentation network follows it, which may mend what the target model lacks: the fast settings with
# our rules and with the released ones, with updates and without, on the same real sequences. The network has learned
# from the training sequences, and the two rules meet it there alike; the validation sequences are reported apart. What
# is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features.backbone import SharedBackbone
from vosbook.measure import score_sequence
from vosbook.methods.frtm import FAST, RELEASED, FrtmSegmenter
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.target_model.augment import AugmentConfig

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("frtm_first_frame")
asked = replace(FAST, backbone=settings["backbone"])
whole = FrtmSegmenter.complete(asked, backbone_weights=None, checkpoint=None, device="cpu", note=print)
assert whole.backbone.name == settings["backbone"], "a record must not depend on whether weights can be had"
backbone = SharedBackbone(whole.backbone)
parts = book_folder().parent / "build" / "runs" / f"frtm_first_frame_{profile}"
ways = {"ours": replace(FAST, augment=AugmentConfig(rules="ours")), "released": replace(FAST, augment=RELEASED.augment)}
ways |= {f"{name}_no_update": replace(config, update=False) for name, config in ways.items()}
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = {spec: load_sequence(spec, config=synthetic) for spec in settings["data"]}


# %%
def score(sequence) -> dict:
    """J and F of every way, a number for each seed."""
    found = {name: {"J": [], "F": []} for name in ways}
    for seed in range(settings["seeds"]):
        segmenters = {
            name: FrtmSegmenter(backbone, replace(way, seed=seed), whole.network) for name, way in ways.items()
        }
        for name, scores in score_sequence(segmenters, sequence).items():
            for measure in ("J", "F"):
                found[name][measure].append(scores[measure])
    return found


def mean_of(rows, measure) -> float:
    return float(np.mean([row[measure] for row in rows]))


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"ways": {name: asdict(way) for name, way in ways.items()}, "seeds": settings["seeds"]}
config |= {"backbone": backbone.source, "held_out": settings["held_out"], "threads": torch.get_num_threads()}
with record_run(f"frtm_first_frame_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, sequence))
        print(
            f"{spec:<32}" + "  ".join(f"{name} {mean_of([of], 'J'):.3f}" for name, of in found[spec].items()),
            flush=True,
        )
    for name in ways:
        rows = {spec: of[name] for spec, of in found.items()}
        groups = {"all": list(rows), "held_out": settings["held_out"]}
        run["metrics"][name] = {"sequences": rows} | {
            group: {measure: mean_of([rows[spec] for spec in specs], measure) for measure in ("J", "F")}
            for group, specs in groups.items()
        }

# %%
for name, metrics in run["metrics"].items():
    print(
        f"{name:<22}",
        *(f"{group}: J {of['J']:.3f} F {of['F']:.3f}" for group, of in metrics.items() if group != "sequences"),
    )
