# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training STM
#
# Clips of three or four frames and cross-entropy (Oh et al., ICCV 2019, whose clips have three frames).
# Every frame is remembered with the network's own answer. `variant` names one of the trainings that the profile lists:
# `complete` learns from all training sequences, `fold` leaves every fifth out, to be scored on those.
#
# ```
# make run RUN=train_stm PROFILE=small SET='variant=fold'
# torchrun --nproc-per-node 2 book/runs/train_stm.py profile=small variant=fold
# ```
#
# The second shares every batch between processes, one for each GPU where there are any. Either can be killed at any
# moment and started again: it goes on from the last state that was kept, and ends with the weights of an unbroken run.
# To begin anew, remove the run's folder.

# %% tags=["parameters"]
profile = "smoke"
variant = "complete"

# %% tags=["imports"]
from dataclasses import asdict, replace

import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.features.backbone import up_to
from vosbook.methods.stm import METHOD, StmConfig, StmNetwork, StmSegmenter, loss_of_clips
from vosbook.processes import is_main, leave_processes
from vosbook.profiles import lists_as_tuples, load_profile, script_parameters
from vosbook.runs import manifest_digest, manifest_entry
from vosbook.training.clips import ClipConfig, ClipSampler
from vosbook.training.held_out import score_held_out
from vosbook.training.loop import TrainConfig, start_processes
from vosbook.training.recorded import recorded_training
from vosbook.training.views import CLIP_VIEWS
from vosbook.weights import describe_network

# %%
profile, variant = script_parameters(profile=profile, variant=variant)
settings = load_profile(profile).of_variant("train_stm", variant)
device = start_processes(settings["device"])
name = f"train_stm_{profile}_{variant}"

# %% [markdown]
# The data: sequences of DAVIS without those that the variant leaves out, and synthetic ones by their seeds from the
# first to the last.

# %%
synthetic = SyntheticConfig(**settings["synthetic"])
first, last = settings["videos"]
specs = [spec for spec in settings["data"] if spec not in settings["held_out"]]
specs += [f"synthetic/{seed}" for seed in range(first, last + 1)]
sequences = [load_sequence(spec, config=synthetic, resolution=settings["resolution"]) for spec in specs]
data = [manifest_entry(spec, sequence) for spec, sequence in zip(specs, sequences)]
len(sequences)

# %% [markdown]
# The training has stages, each up to a share of the steps, with clips and views of its own.


# %%
stages = []
for stage in settings["stages"]:
    views = replace(CLIP_VIEWS, **lists_as_tuples(settings["views"] | stage.get("views", {})))
    clips = ClipConfig(views=views, seed=settings["seed"], **lists_as_tuples(settings["clips"] | stage["clips"]))
    stages.append((stage["until"], ClipSampler(sequences, clips, device=device)))

# %% [markdown]
# The network, and the backbone whose features it is given. The backbone is frozen.

# %%
network_config = StmConfig(**lists_as_tuples(settings["network"]))
levels = up_to(network_config.level)
backbone = load_backbone(settings["backbone"], levels=levels, device=device)
if backbone.name != settings["backbone"]:
    raise InputError(f"no weights of {settings['backbone']}: put a file of them into VOSBOOK_DATA/weights")
config = TrainConfig(**settings["train"], seed=settings["seed"])
torch.manual_seed(config.seed)
network = StmNetwork(backbone.channels, network_config).to(device)
backbone.source, sum(p.numel() for p in network.parameters())


# %%
def loss(network, step, share):
    """Over the clips of this share of the step's batch."""
    sampler = next(sampler for until, sampler in stages if step < until * config.steps)
    batch = sampler.batch(step, share)
    x = backbone(batch.images.flatten(0, 1))  # (B T, C, ., .) by level
    x = {level: maps.unflatten(0, batch.images.shape[:2]) for level, maps in x.items()}
    return loss_of_clips(network(x, batch.y[:, 0], batch.valid), batch.y[:, 1:], batch.valid)


# %% [markdown]
# The training, and scores on held-out video, which no setting was chosen on: the network's, and those of the first
# masks left where they are. The weights, without the backbone, go to
# `build/runs/train_stm_PROFILE_VARIANT/weights.safetensors` as float16, with words about what they are and what they
# were trained on.

# %%
about = describe_network(METHOD, network_config) | {
    "backbone": backbone.name,
    "levels": " ".join(levels),
    "trained_on": f"{settings['trained_on']}, {len(sequences)} sequences",
    "licence": settings["licence"],
    "record": name,
}
depends_on = {"network": about["config"], "data": manifest_digest(data), "backbone": backbone.source}
depends_on |= {"stages": [{"until": until, "clips": asdict(sampler.config)} for until, sampler in stages]}

with recorded_training(
    name, network, loss, profile=profile, config=config, data=data, depends_on=depends_on, about=about
) as metrics:
    if is_main():
        held_out = ((spec, load_sequence(spec, config=synthetic)) for spec in settings["held_out"])
        metrics["held_out"] = scores = score_held_out("stm", StmSegmenter(backbone, network), held_out)

# %% [markdown]
# `seconds` counts the whole training, before and after interruptions; the record's `wall_seconds` only what came after
# the last one, and the scores.

# %%
if is_main():
    print(f"J {scores['stm']['J']:.3f} on held-out video, first masks {scores['first_mask']['J']:.3f}")
leave_processes()
