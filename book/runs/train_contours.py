# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training the contour network
#
# OSVOS's network with other labels (Maninis et al., TPAMI 2018, section 3.3): contours in the place of a foreground.
# The paper learns from PASCAL-Context, where every pixel has a class. Masks of a few objects tell of contours only near
# these objects: what is farther than `band` pixels from them is not learned from.
#
# ```
# make run RUN=train_contours PROFILE=small
# torchrun --nproc-per-node 2 book/runs/train_contours.py profile=small
# ```
#
# The second shares every batch between processes, one for each GPU where there are any. Either can be killed at any
# moment and started again: it goes on from the last state that was kept, and ends with the weights of an unbroken run.
# To begin anew, remove the run's folder.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict, replace

import numpy as np
import torch

from vosbook.contours.detector import METHOD, find_contours
from vosbook.contours.hierarchy import build_hierarchy
from vosbook.contours.snapping import SnapConfig, majority
from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.datasets.pascal_context import PascalContext
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.metrics.boundary import boundary_f
from vosbook.metrics.region import jaccard
from vosbook.nn.encoder import pretrained_encoder
from vosbook.nn.side_outputs import SideOutputConfig, build_side_outputs
from vosbook.processes import is_main, leave_processes
from vosbook.profiles import lists_as_tuples, load_profile, script_parameters
from vosbook.runs import manifest_digest, manifest_entry
from vosbook.training.contours import ContourSampler, ObjectMasks, contour_loss
from vosbook.training.loop import TrainConfig, start_processes
from vosbook.training.recorded import recorded_training
from vosbook.training.stills import StillConfig
from vosbook.training.views import STILL_VIEWS
from vosbook.video.labels import VOID
from vosbook.weights import describe_network

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("train_contours")
device = start_processes(settings["device"])
name = f"train_contours_{profile}"

# %% [markdown]
# The data: sequences of DAVIS, and synthetic ones of several objects, by their seeds from the first to the last; then
# PASCAL-Context, where the profile says so.

# %%
synthetic = SyntheticConfig(**settings["synthetic"])
first, last = settings["videos"]
specs = [*settings["data"], *(f"synthetic/{seed}" for seed in range(first, last + 1))]
sequences = [load_sequence(spec, config=synthetic, resolution=settings["resolution"]) for spec in specs]
sources = [ObjectMasks(sequence, settings["band"]) for sequence in sequences]
data = [manifest_entry(spec, sequence) for spec, sequence in zip(specs, sequences)]
if settings["pascal_context"]:
    sources.append(PascalContext(data_folder() / "PASCALContext"))
    data.append({"spec": "pascal-context", "frames": len(sources[-1])})
views = replace(STILL_VIEWS, **lists_as_tuples(settings["views"]))
stills = StillConfig(**lists_as_tuples(settings["stills"]), views=views)
sampler = ContourSampler(sources, stills, device=device)
len(sampler.pool)

# %% [markdown]
# The network, and the loss of one step: class-balanced cross-entropy over the pixels of which something is known. The
# sides' own losses fade over the training, from half of the fused output's to none.

# %%
network_config = SideOutputConfig(**lists_as_tuples(settings["network"]))
config = TrainConfig(**settings["train"], seed=settings["seed"])
torch.manual_seed(config.seed)
network = build_side_outputs(network_config, pretrained_encoder).to(device)
backbone = network.encoder.backbone
backbone.source, sum(p.numel() for p in network.parameters() if p.requires_grad)


# %%
def loss(network, step, share):
    """Over the frames of this share of the step's batch."""
    batch = sampler.batch(step, share)
    return contour_loss(network(batch.images), batch, side_weight=0.5 * (1 - step / config.steps))


# %% [markdown]
# What the contours are for: superpixels that a mask can be made of. So the score is that of the true masks, made of
# superpixels, on held-out video, which no setting was chosen on: the best that snapping could reach. A map with
# contours everywhere would reach 1; so there are also the number of superpixels, and the scores of true masks that are
# made of about as many square tiles.


# %%
def tiles(count, height, width):
    """About `count` of them: int (H, W), 0, 1, ..."""
    down = max(1, round((count * height / width) ** 0.5))
    across = max(1, round(count / down))
    return (np.arange(height) * down // height)[:, None] * across + np.arange(width) * across // width


def score(sequence):
    """J and F of every object's true mask in every fifth frame, snapped to superpixels and to tiles; their number."""
    rows = []
    for t in range(0, len(sequence.frames), 5):
        superpixels = build_hierarchy(find_contours(network, sequence.frames[t])).superpixels(SnapConfig().level)
        labels, count = sequence.labels(t), superpixels.max() + 1
        for i in np.setdiff1d(labels, [0, VOID]):
            snapped = [majority(labels == i, parts) for parts in (superpixels, tiles(count, *labels.shape))]
            rows.append([m(mask, labels == i) for mask in snapped for m in (jaccard, boundary_f)] + [count])
    J, F, J_tiles, F_tiles, count = np.mean(rows, axis=0)
    return {"J": J, "F": F, "tiles": {"J": J_tiles, "F": F_tiles}, "superpixels": count}


# %% [markdown]
# The weights, encoder and all, go to `build/runs/train_contours_PROFILE/weights.safetensors` as float16, with words
# about what they are and what they were trained on. To ship them with the package, copy the file to
# `src/vosbook/weights/contours.safetensors`, and commit it with its record.

# %%
about = describe_network(METHOD, network_config) | {
    "backbone": backbone.name,
    "trained_on": f"{settings['trained_on']}, {len(sampler.pool)} frames",
    "licence": settings["licence"],
    "record": name,
}
depends_on = {"network": about["config"], "data": manifest_digest(data), "backbone": backbone.source}
depends_on |= {"band": settings["band"], "stills": asdict(stills)}

with recorded_training(
    name, network, loss, profile=profile, config=config, data=data, depends_on=depends_on, about=about
) as metrics:
    if is_main():
        scores = {spec: score(load_sequence(spec, config=synthetic)) for spec in settings["held_out"]}
        means = {key: np.mean([entry[key] for entry in scores.values()]) for key in ("J", "F", "superpixels")}
        means["tiles"] = {key: np.mean([entry["tiles"][key] for entry in scores.values()]) for key in ("J", "F")}
        metrics["held_out"] = {"true_masks_snapped": means, "sequences": scores}

# %% [markdown]
# `seconds` counts the whole training, before and after interruptions; the record's `wall_seconds` only what came after
# the last one, and the scores.

# %%
if is_main():
    print(f"true masks, snapped: J {means['J']:.3f}, F {means['F']:.3f}, {means['superpixels']:.0f} superpixels")
    print(f"to as many tiles: J {means['tiles']['J']:.3f}, F {means['tiles']['F']:.3f}")
leave_processes()
