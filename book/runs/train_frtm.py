# %% [markdown]
# # Training FRTM's segmentation network
#
# Only the segmentation network S is learned, from binary cross-entropy; the backbone stays as it is, and target models
# are learned as at the start of a video (section 3.3 of the paper). `variant` names one of the trainings that the
# profile lists:
#
# ```
# make run RUN=train_frtm PROFILE=small SET='variant=filters'
# torchrun --nproc-per-node 2 book/runs/train_frtm.py profile=small variant=filters
# ```
#
# The second shares every batch between processes, one for each GPU where there are any. Either can be killed at any
# moment and started again: it goes on from the last state, kept every 100 steps, and ends with the weights of an
# unbroken run. To begin anew, remove the run's folder.

# %% tags=["parameters"]
profile = "smoke"
variant = "filters"

# %% tags=["imports"]
from dataclasses import asdict

import torch
import torch.nn.functional as F

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.methods import base_net
from vosbook.methods.frtm import FAST
from vosbook.nn.base_net import BaseNet
from vosbook.nn.segmentation import SegmentationNetwork
from vosbook.processes import leave_processes
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import manifest_digest, manifest_entry
from vosbook.training.folds import of_fold
from vosbook.training.loop import TrainConfig, start_processes
from vosbook.training.recorded import recorded_training
from vosbook.training.simulate import Simulation, SimulationConfig, find_targets
from vosbook.weights import SHIPPED, load_network

# %%
profile, variant = script_parameters(profile=profile, variant=variant)
settings = load_profile(profile).of_variant("train_frtm", variant)
device = start_processes(settings["device"])
name = f"train_frtm_{profile}_{variant}"
runs = book_folder().parent / "build" / "runs"

# %% [markdown]
# The data. `share` takes every n-th sequence only (Table 4 of the paper). `fold`, (k, n), leaves every n-th out, from
# the k-th on, so that a network can be scored on them (`make run RUN=frtm_folds`). Target models are kept on disk,
# since the same ones come again and again; trainings that differ in nothing they depend on share them.

# %%
specs = settings["data"][:: round(1 / settings["share"])]
if settings["fold"]:
    held_out = of_fold(specs, settings["fold"])
    specs = [spec for spec in specs if spec not in held_out]
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = [load_sequence(spec, config=synthetic, resolution=settings["resolution"]) for spec in specs]
data = [manifest_entry(spec, sequence) for spec, sequence in zip(specs, sequences)]
backbone = load_backbone(settings["backbone"], levels=settings["levels"], device=device)
if backbone.name != settings["backbone"]:
    raise InputError(f"no weights of {settings['backbone']}: put a file of them into VOSBOOK_DATA/weights")
simulation_config = SimulationConfig(seed=settings["seed"], **settings["simulation"])
targets = find_targets(sequences, min_pixels=simulation_config.min_pixels)
simulation = Simulation(
    targets,
    backbone,
    level=FAST.level,
    folder=runs / "target_models",
    config=simulation_config,
    target_model=FAST.target_model,
)
backbone.source, len(sequences), len(targets)

# %% [markdown]
# The network and the loss of one step. The Base net has no target model: it is given the reference frame instead
# (section 4.1).

# %%
config = TrainConfig(**settings["train"], seed=settings["seed"])
torch.manual_seed(config.seed)
network = {"frtm": SegmentationNetwork, base_net.METHOD: BaseNet}[settings["method"]](backbone.channels).to(device)
if settings["start"]:  # from a network of the package, for features that are much like its own
    load_network(SHIPPED / f"{settings['start']}.safetensors", network)


def loss_of_s(network, step, share):
    """Binary cross-entropy of the masks of this share of the step's validation frames."""
    batch = simulation.batch(step, share)
    logits = network(batch.s, batch.x, batch.y.shape[-2:])
    return F.binary_cross_entropy_with_logits(logits.float(), batch.y)


def loss_of_base_net(network, step, share):
    """The same loss on the same frames, with the reference frame in the place of D's scores."""
    batch = simulation.batch_with_reference(step, share)
    logits = network(batch.x_ref, batch.y_ref, batch.x, batch.y.shape[-2:])
    return F.binary_cross_entropy_with_logits(logits.float(), batch.y)


loss = {"frtm": loss_of_s, base_net.METHOD: loss_of_base_net}[settings["method"]]

# %% [markdown]
# The training. The weights go to `build/runs/train_frtm_PROFILE_VARIANT/weights.safetensors`, as float16, with words
# about what they are for and what they were trained on; `vosbook segment --checkpoint` takes the file as it is. To ship
# them with the package, copy it to `src/vosbook/weights/frtm_BACKBONE.safetensors`, and commit it with its record.

# %%
about = {
    "method": settings["method"],
    "backbone": backbone.name,
    "levels": " ".join(backbone.levels),
    "trained_on": f"{settings['trained_on']}, {len(sequences)} of {len(settings['data'])} sequences",
    "licence": settings["licence"],
    "record": name,
}
target_model = asdict(FAST.target_model)
del target_model["first_insert"]  # nothing is inserted here, and states begun before there was this option stay valid
simulated = {"simulation": asdict(simulation_config), "target_model": target_model}
depends_on = simulated | {"method": about["method"], "levels": about["levels"], "data": manifest_digest(data)}
depends_on |= {"backbone": backbone.source} | ({"start": settings["start"]} if settings["start"] else {})

with recorded_training(
    name, network, loss, profile=profile, config=config, data=data, depends_on=depends_on, about=about
):
    pass

# %% [markdown]
# `seconds` counts the whole training, before and after interruptions; the record's `wall_seconds` only what came after
# the last one.

# %%
leave_processes()
