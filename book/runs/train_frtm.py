# %% [markdown]
# # Training FRTM's segmentation network
#
# Only the segmentation network S is learned; the backbone stays as it is, and target models are learned as at the start
# of a video (section 3.3 of the paper). The run can be killed at any moment and started again. `variant` names one of
# the trainings that the profile lists.

# %% tags=["parameters"]
profile = "smoke"
variant = "filters"

# %% tags=["imports"]
from dataclasses import asdict

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from vosbook.datasets.catalog import load_sequence
from vosbook.features import load_backbone
from vosbook.methods.frtm import FAST
from vosbook.nn.segmentation import SegmentationNetwork
from vosbook.runs import book_folder, load_profile, manifest_entry, record_run, script_parameters
from vosbook.training.checkpoint import save_network
from vosbook.training.loop import TrainConfig, is_main, start_processes, train
from vosbook.training.simulate import Simulation, SimulationConfig, find_targets

# %%
profile, variant = script_parameters(profile=profile, variant=variant)  # when run as a script, by torchrun say
start_processes()
settings = load_profile(profile).of("train_frtm")
settings |= settings["variants"][variant]
name = f"train_frtm_{profile}_{variant}"
folder = book_folder().parent / "build" / "runs" / name
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"

# %% [markdown]
# The data. `share` takes every n-th sequence only (Table 4 of the paper).

# %%
specs = settings["data"][:: round(1 / settings["share"])]
sequences = [load_sequence(spec, resolution=settings["resolution"]) for spec in specs]
backbone = load_backbone(settings["backbone"], levels=settings["levels"], device=device)
assert backbone.name == settings["backbone"], f"no weights of {settings['backbone']}"
simulation_config = SimulationConfig(seed=settings["seed"], **settings["simulation"])
targets = find_targets(sequences, min_pixels=simulation_config.min_pixels)
simulation = Simulation(
    targets,
    backbone,
    level=FAST.level,
    folder=folder / "target_models",
    config=simulation_config,
    target_model=FAST.target_model,
)
backbone.source, len(sequences), len(targets)

# %% [markdown]
# The network, the loss of one step, and the training.

# %%
config = TrainConfig(**settings["train"], seed=settings["seed"])
torch.manual_seed(config.seed)
network = SegmentationNetwork(backbone.channels).to(device)


def loss(network, step, share):
    """Binary cross-entropy of the masks of this share of the step's validation frames."""
    batch = simulation.batch(step, share)
    logits = network(batch.s, batch.x, batch.y.shape[-2:])
    return F.binary_cross_entropy_with_logits(logits.float(), batch.y)


about = {
    "method": "frtm",
    "backbone": backbone.name,
    "levels": " ".join(backbone.levels),
    "trained_on": settings["trained_on"],
    "licence": settings["licence"],
    "record": name,
}
data = [manifest_entry(spec, sequence) for spec, sequence in zip(specs, sequences)]
whole = {"train": asdict(config), "simulation": asdict(simulation_config), "target_model": asdict(FAST.target_model)}
whole |= {"backbone": backbone.source, "device": device, "threads": torch.get_num_threads(), "about": about}
with record_run(name, profile=profile, config=whole, seed=config.seed, data=data) as run:
    curve = train(network, loss, config=config, folder=folder, progress=lambda steps: tqdm(steps, mininterval=10))
    run["curve"] = curve
    run["metrics"] = {"loss_first": curve[0]["loss"], "loss_last": curve[-1]["loss"], "seconds": curve[-1]["seconds"]}
    if is_main():
        save_network(folder / "weights.safetensors", network, about)

# %%
print(f"loss {curve[0]['loss']:.3f} -> {curve[-1]['loss']:.3f} in {curve[-1]['seconds']:.0f} s")
