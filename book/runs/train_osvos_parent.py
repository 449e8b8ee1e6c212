# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training OSVOS's parent network
#
# Single frames and their masks, from many videos: what is an object, and what is not (Maninis et al., TPAMI 2018,
# section 3.2). `variant` names one of the trainings that the profile lists: `parent` is the network that comes with the
# package; the `images_...` see fewer of the frames (Table 5), in as many steps as one another.
#
# ```
# make run RUN=train_osvos_parent PROFILE=small SET='variant=parent'
# torchrun --nproc-per-node 2 book/runs/train_osvos_parent.py profile=small variant=parent
# ```
#
# The second shares every batch between processes, one for each GPU where there are any. Either can be killed at any
# moment and started again: it goes on from the last state that was kept, and ends with the weights of an unbroken run.
# To begin anew, remove the run's folder.

# %% tags=["parameters"]
profile = "smoke"
variant = "parent"

# %% tags=["imports"]
from dataclasses import asdict, replace

import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.methods.osvos import METHOD, OnlineConfig, OsvosSegmenter
from vosbook.nn.encoder import pretrained_encoder
from vosbook.nn.side_outputs import SideOutputConfig, build_side_outputs, deep_loss
from vosbook.processes import is_main, leave_processes
from vosbook.profiles import lists_as_tuples, load_profile, script_parameters
from vosbook.runs import manifest_digest, manifest_entry
from vosbook.training.fine_tune import Budget
from vosbook.training.folds import of_fold
from vosbook.training.held_out import score_held_out
from vosbook.training.loop import TrainConfig, start_processes
from vosbook.training.recorded import recorded_training
from vosbook.training.stills import StillConfig, StillSampler
from vosbook.training.views import STILL_VIEWS
from vosbook.weights import describe_network

# %%
profile, variant = script_parameters(profile=profile, variant=variant)
settings = load_profile(profile).of_variant("train_osvos_parent", variant)
device = start_processes(settings["device"])
name = f"train_osvos_parent_{profile}_{variant}"

# %% [markdown]
# The data: sequences of DAVIS, and synthetic ones by their seeds from the first to the last. All of their frames are
# drawn alike; a variant may have drawn `images` of them beforehand, once. `fold`, (k, n), leaves every n-th sequence
# out, from the k-th on, so that the network can be scored on them (`make run RUN=osvos_folds`).

# %%
synthetic = SyntheticConfig(**settings["synthetic"])
first, last = settings["videos"]
specs = [*settings["data"], *(f"synthetic/{seed}" for seed in range(first, last + 1))]
if settings["fold"]:
    left_out = of_fold(specs, settings["fold"])
    specs = [spec for spec in specs if spec not in left_out]
sequences = [load_sequence(spec, config=synthetic, resolution=settings["resolution"]) for spec in specs]
data = [manifest_entry(spec, sequence) for spec, sequence in zip(specs, sequences)]
views = replace(STILL_VIEWS, **lists_as_tuples(settings["views"]))
drawn = lists_as_tuples(settings["stills"])
stills = StillConfig(**drawn, views=views, images=settings["images"], seed=settings["seed"])
sampler = StillSampler(sequences, stills, device=device)
len(sequences), len(sampler.pool)

# %% [markdown]
# The network, and what makes its steps. `sgd` names the momentum and the decay of the paper's optimizer, which takes
# the loss as a sum and has multipliers of its own for the learning rate; without it, Adam on the normalised loss.

# %%
network_config = SideOutputConfig(**lists_as_tuples(settings["network"]))
config = TrainConfig(**settings["train"], seed=settings["seed"])
torch.manual_seed(config.seed)
network = build_side_outputs(network_config, pretrained_encoder).to(device)
sgd, optimizer = settings["sgd"], None
if sgd:
    groups = network.parameter_groups(config.lr, weight_decay=sgd["weight_decay"])
    optimizer = torch.optim.SGD(groups, lr=config.lr, momentum=sgd["momentum"])
sum(p.numel() for p in network.parameters() if p.requires_grad)

# %% [markdown]
# The loss of one step: Eq. 1 for the fused output, and for every side (deep supervision), whose weight fades: the
# sides show the stages what to learn, but in the end it is the fused output that counts.


# %%
def side_weight(step):
    """In the last step that has this share of the training behind it, or less."""
    return next(weight for until, weight in settings["side_weights"] if step < until * config.steps)


def loss(network, step, share):
    """Over the frames of this share of the step's batch."""
    images, y = sampler.batch(step, share)
    return deep_loss(network(images), y, side_weight=side_weight(step), normalised=sgd is None)


# %% [markdown]
# The training, and scores on held-out video, which no setting was chosen on: of networks tuned to its objects in a
# fixed number of steps, and of the first masks left where they are. The weights, encoder and all, go to
# `build/runs/train_osvos_parent_PROFILE_VARIANT/weights.safetensors` as float16, with words about what they are and
# what they were trained on; `vosbook segment --method osvos --checkpoint` takes the file as it is. To ship the network
# with the package, copy it to `src/vosbook/weights/osvos.safetensors`, and commit it with its record.

# %%
online = OnlineConfig(
    **lists_as_tuples(settings["online"]), budget=Budget(seconds=None, steps=settings["online_steps"])
)
about = describe_network(METHOD, network_config) | {
    "backbone": network_config.backbone,
    "trained_on": f"{settings['trained_on']}, {len(sampler.pool)} frames of {len(sequences)} sequences",
    "licence": settings["licence"],
    "record": name,
}
depends_on = {"network": about["config"], "data": manifest_digest(data), "stills": asdict(stills), "sgd": sgd}
depends_on |= {"side_weights": settings["side_weights"]}

with recorded_training(
    name,
    network,
    loss,
    profile=profile,
    config=config,
    data=data,
    depends_on=depends_on,
    about=about,
    also={"online": asdict(online)},
    optimizer=optimizer,
) as metrics:
    if is_main() and settings["held_out"]:  # none: another run scores the network, as `osvos_folds` does
        held_out = ((spec, load_sequence(spec, config=synthetic)) for spec in settings["held_out"])
        metrics["held_out"] = scores = score_held_out("osvos", OsvosSegmenter(network, online), held_out)

# %% [markdown]
# `seconds` counts the whole training, before and after interruptions; the record's `wall_seconds` only what came after
# the last one, and the scores.

# %%
if is_main() and settings["held_out"]:
    print(f"J {scores['osvos']['J']:.3f} on held-out video, first masks {scores['first_mask']['J']:.3f}")
leave_processes()
