# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training S2S
#
# Clips of a few frames and binary cross-entropy (Xu et al., ECCV 2018, section 4.3). `variant` names one of the
# trainings that the profile lists: `initializer` is the paper's model, `mask_as_state` and `mask_as_input` are its
# ablations (section 5.4), `share25` to `share75` see a part of the data (Table 4).
#
# ```
# make run RUN=train_s2s PROFILE=small SET='variant=initializer'
# torchrun --nproc-per-node 2 book/runs/train_s2s.py profile=small variant=initializer
# ```
#
# The second shares every batch between processes, one for each GPU where there are any. Either can be killed at any
# moment and started again: it goes on from the last state that was kept, and ends with the weights of an unbroken run.
# To begin anew, remove the run's folder.

# %% tags=["parameters"]
profile = "smoke"
variant = "initializer"

# %% tags=["imports"]
from dataclasses import asdict, replace

import torch

from vosbook.datasets.catalog import YOUTUBE_VOS, data_folder, load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.methods.s2s import METHOD, S2SConfig, S2SSegmenter, build_s2s, loss_of_clips
from vosbook.nn.encoder import pretrained_encoder
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
settings = load_profile(profile).of_variant("train_s2s", variant)
device = start_processes(settings["device"])
name = f"train_s2s_{profile}_{variant}"

# %% [markdown]
# The data: sequences of DAVIS, synthetic ones by their seeds from the first to the last, YouTube-VOS's training videos
# with all their frames; of these a `share`, evenly spread over the list.

# %%
synthetic = SyntheticConfig(**settings["synthetic"])
first, last = settings["videos"]
every = [*settings["data"], *(f"synthetic/{seed}" for seed in range(first, last + 1))]
if settings["youtube_vos"]:
    every += [f"youtube-vos-all-frames/{video}" for video in YouTubeVos(data_folder() / YOUTUBE_VOS, "train").names]
count = round(settings["share"] * len(every))
specs = [every[n * len(every) // count] for n in range(count)]
sequences = [load_sequence(spec, config=synthetic, resolution=settings["resolution"]) for spec in specs]
data = [manifest_entry(spec, sequence) for spec, sequence in zip(specs, sequences)]
len(sequences)

# %% [markdown]
# The training has stages, each up to a share of the steps. A stage has its own clips and views: how long, in what
# size, how changed, whether frames without annotation come in, whose loss is 0. `teacher`: in it the variant
# `mask_as_input` is given the true mask of the frame before (teacher forcing), and its own mask in the others. The
# other variants are given the first mask alone, always.


# %%
stages = []
for stage in settings["stages"]:
    views = replace(CLIP_VIEWS, **lists_as_tuples(settings["views"] | stage.get("views", {})))
    drawn = lists_as_tuples(settings["clips"] | stage["clips"])
    clips = ClipConfig(views=views, slots=1, seed=settings["seed"], **drawn)
    stages.append((stage["until"], stage["teacher"], ClipSampler(sequences, clips, device=device)))

# %% [markdown]
# The network. Parts that are `frozen` stay as the backbone's weights have them, and cost no backward pass.

# %%
network_config = S2SConfig(**lists_as_tuples(settings["network"]))
config = TrainConfig(**settings["train"], seed=settings["seed"])
torch.manual_seed(config.seed)
network = build_s2s(network_config, pretrained_encoder).to(device)
for part in settings["frozen"]:
    network.get_submodule(part).requires_grad_(False)
sum(p.numel() for p in network.parameters()), sum(p.numel() for p in network.parameters() if p.requires_grad)


# %%
def loss(network, step, share):
    """Eq. 5 over the clips of this share of the step's batch, one object each."""
    _, teacher, sampler = next(stage for stage in stages if step < stage[0] * config.steps)
    batch = sampler.batch(step, share)
    logits = network(batch.images, batch.y, teacher=teacher)  # (B, T - 1, 1, H, W)
    return loss_of_clips(logits, batch.y[:, 1:], batch.labelled[:, 1:])


# %% [markdown]
# The training, and scores on held-out video, which no setting was chosen on: the network's, and those of the first
# masks left where they are. The weights, encoders and all, go to
# `build/runs/train_s2s_PROFILE_VARIANT/weights.safetensors` as float16, with words about what they are and what they
# were trained on; `vosbook segment --method s2s --checkpoint` takes the file as it is. To ship the network with the
# package, copy it to `src/vosbook/weights/s2s.safetensors`, and commit it with its record.

# %%
about = describe_network(METHOD, network_config) | {
    "backbone": network_config.backbone,
    "trained_on": f"{settings['trained_on']}, {len(sequences)} of {len(every)} sequences",
    "licence": settings["licence"],
    "record": name,
}
depends_on = {"network": about["config"], "frozen": settings["frozen"], "data": manifest_digest(data)}
depends_on |= {"stages": [{"until": u, "teacher": t, "clips": asdict(s.config)} for u, t, s in stages]}

with recorded_training(
    name, network, loss, profile=profile, config=config, data=data, depends_on=depends_on, about=about
) as metrics:
    if is_main():
        held_out = ((spec, load_sequence(spec, config=synthetic)) for spec in settings["held_out"])
        metrics["held_out"] = scores = score_held_out("s2s", S2SSegmenter(network, enlarge=1), held_out)

# %% [markdown]
# `seconds` counts the whole training, before and after interruptions; the record's `wall_seconds` only what came after
# the last one, and the scores.

# %%
if is_main():
    print(f"J {scores['s2s']['J']:.3f} on held-out video, first masks {scores['first_mask']['J']:.3f}")
leave_processes()
