# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training RVOS
#
# Clips of a few frames, and soft IoU as the loss (Ventura et al., CVPR 2019, sections 3 and 4). `variant` names one of
# the trainings that the profile lists: `one_shot` and `zero_shot` are the networks that come with the package. The
# others are the paper's ablations (Tables 1 and 5): `s`, `t` and `st` are given the true mask of the frame before, all
# the way; `st_plus` is given its own masks in the later steps ("+"); the `zero_shot` ones are given none.
#
# ```
# make run RUN=train_rvos PROFILE=small SET='variant=st_plus'
# torchrun --nproc-per-node 2 book/runs/train_rvos.py profile=small variant=st_plus
# ```
#
# The second shares every batch between processes, one for each GPU where there are any. Either can be killed at any
# moment and started again: it goes on from the last state that was kept, and ends with the weights of an unbroken run.
# To begin anew, remove the run's folder.

# %% tags=["parameters"]
profile = "smoke"
variant = "one_shot"

# %% tags=["imports"]
from dataclasses import asdict, replace

import torch

from vosbook.datasets.catalog import YOUTUBE_VOS, data_folder, load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.matching import matched_loss, soft_iou_loss
from vosbook.methods.rvos import RvosConfig, RvosNetwork, RvosSegmenter, describe, load_rvos, without_masks
from vosbook.nn.encoder import Encoder
from vosbook.processes import is_main, leave_processes
from vosbook.profiles import book_folder, lists_as_tuples, load_profile, script_parameters
from vosbook.runs import manifest_digest, manifest_entry
from vosbook.training.clips import ClipConfig, ClipSampler
from vosbook.training.held_out import score_held_out
from vosbook.training.loop import TrainConfig, start_processes
from vosbook.training.recorded import recorded_training
from vosbook.training.views import CLIP_VIEWS

# %%
profile, variant = script_parameters(profile=profile, variant=variant)
settings = load_profile(profile).of_variant("train_rvos", variant)
device = start_processes(settings["device"])
name = f"train_rvos_{profile}_{variant}"
runs = book_folder().parent / "build" / "runs"

# %% [markdown]
# The data: sequences of DAVIS, a share of YouTube-VOS's training videos, and synthetic ones of several objects, by
# their seeds from the first to the last.

# %%
synthetic = SyntheticConfig(**settings["synthetic"])
first, last = settings["videos"]
specs = [*settings["data"], *(f"synthetic/{seed}" for seed in range(first, last + 1))]
if settings["youtube_vos"]:
    videos = YouTubeVos(data_folder() / YOUTUBE_VOS, "train").names
    specs += [f"youtube-vos/{video}" for video in videos[: round(settings["youtube_vos"] * len(videos))]]
sequences = [load_sequence(spec, config=synthetic, resolution=settings["resolution"]) for spec in specs]
data = [manifest_entry(spec, sequence) for spec, sequence in zip(specs, sequences)]
len(sequences)

# %% [markdown]
# The training has stages, each up to a share of the steps. A stage has its own clips and views, and says whether the
# network is given the true mask of the frame before (`true_masks`) or, from the third frame on, its own.


# %%
stages = []
for stage in settings["stages"]:
    views = replace(CLIP_VIEWS, **lists_as_tuples(settings["views"] | stage.get("views", {})))
    clips = ClipConfig(views=views, seed=settings["seed"], **lists_as_tuples(settings["clips"] | stage["clips"]))
    stages.append((stage["until"], stage["true_masks"], ClipSampler(sequences, clips, device=device)))

# %% [markdown]
# The network. Parts that are `frozen` stay as the backbone's weights have them, and cost no backward pass. A training
# may begin with what a one-shot variant has learned (`after`), instead of with random weights.

# %%
switches = {key: settings[key] for key in ("space", "space_in_first_frame", "time", "mask", "slots")}
network_config = RvosConfig(**switches, **lists_as_tuples(settings["network"]))
backbone = load_backbone(network_config.backbone, levels=network_config.levels, device=device)
if backbone.name != network_config.backbone:
    raise InputError(f"no weights of {network_config.backbone}: put a file of them into VOSBOOK_DATA/weights")
config = TrainConfig(**settings["train"], seed=settings["seed"])
torch.manual_seed(config.seed)
network = RvosNetwork(Encoder(backbone), network_config).to(device)
if settings["after"]:
    learned = load_rvos(runs / f"train_rvos_{profile}_{settings['after']}" / "weights.safetensors")
    network.load_state_dict(learned.state_dict() if network_config.mask else without_masks(learned))
for part in settings["frozen"]:
    network.get_submodule(part).requires_grad_(False)
backbone.source, sum(p.numel() for p in network.parameters() if p.requires_grad)

# %% [markdown]
# The loss of one step: 1 - soft IoU, summed over the frames. One-shot, an object's slot is its place among the clip's
# objects. Zero-shot, slots are matched with objects on the first frame of the clip, and keep them.


# %%
def loss(network, step, share):
    """Over the clips of this share of the step's batch."""
    _, true_masks, sampler = next(stage for stage in stages if step < stage[0] * config.steps)
    batch = sampler.batch(step, share)
    if not network_config.mask:
        return matched_loss(network(batch.images).sigmoid(), batch.y, batch.valid)
    p = network(batch.images, batch.y if true_masks else batch.y[:, :1]).sigmoid()  # (B, T, N, H, W)
    return soft_iou_loss(p, batch.y, batch.valid)


# %% [markdown]
# The training, and scores on held-out video, which no setting was chosen on: the network's, and those of the first
# masks left where they are. The weights, encoder and all, go to
# `build/runs/train_rvos_PROFILE_VARIANT/weights.safetensors` as float16, with words about what they are and what they
# were trained on; `vosbook segment --checkpoint` takes the file as it is. To ship a one-shot network with the package,
# copy it to `src/vosbook/weights/rvos.safetensors`, a zero-shot one to `rvos_zero_shot.safetensors`, and commit it with
# its record.

# %%
about = describe(network_config) | {
    "backbone": backbone.name,
    "trained_on": f"{settings['trained_on']}, {len(sequences)} sequences",
    "licence": settings["licence"],
    "record": name,
}
depends_on = {"network": about["config"], "data": manifest_digest(data), "backbone": backbone.source}
depends_on |= {"frozen": settings["frozen"], "after": settings["after"]}
depends_on |= {"stages": [{"until": u, "true_masks": m, "clips": asdict(s.config)} for u, m, s in stages]}

with recorded_training(
    name, network, loss, profile=profile, config=config, data=data, depends_on=depends_on, about=about
) as metrics:
    if is_main():
        held_out = ((spec, load_sequence(spec, config=synthetic)) for spec in settings["held_out"])
        metrics["held_out"] = scores = score_held_out("rvos", RvosSegmenter(network), held_out)

# %% [markdown]
# `seconds` counts the whole training, before and after interruptions; the record's `wall_seconds` only what came after
# the last one, and the scores.

# %%
if is_main():
    print(f"J {scores['rvos']['J']:.3f} on held-out video, first masks {scores['first_mask']['J']:.3f}")
leave_processes()
