# %% [markdown]
# # What choices of OSVOS's tuning gain
#
# The base network, ImageNet's ResNet-18 with random weights in all that is new, is tuned to the first frame of every
# sequence: once as the library does it, and once with each choice of the authors' code in the place of ours. `last`
# is the state after the last step in the place of the best on the first frame, and needs no tuning of its own.
# Nothing is trained on videos, so every sequence is unseen. What is scored of a sequence stays in `build/runs`, and a
# run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import copy
from dataclasses import asdict
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.resize import shrink
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.measure import mean_of
from vosbook.methods.osvos import LEVELS, OnlineConfig, OsvosSegmenter, base_network, online_steps, tune_to_object
from vosbook.metrics.scores import frame_scores
from vosbook.nn.side_outputs import STD, SideOutputNetwork
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.training.fine_tune import Budget, learn

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("osvos_choices")
parts = book_folder().parent / "build" / "runs" / f"osvos_choices_{profile}"
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = {
    spec: shrink(load_sequence(spec, config=synthetic), height=settings["height"]) for spec in settings["data"]
}
online = OnlineConfig(budget=Budget(seconds=None, steps=settings["steps"]), seed=settings["seed"])
backbone = load_backbone(settings["backbone"], levels=LEVELS)
assert backbone.name == settings["backbone"], "a record must not depend on whether weights can be had"
ours = base_network(backbone, seed=online.seed)


# %% [markdown]
# The code enlarges with a transposed convolution, whose kernel is a bilinear tent, and cuts the frame out of the
# middle. Each cell then lies in the middle of its pixels, and beyond the border is zero.


# %%
class FrozenTransposed(nn.Module):
    """The authors' enlargement, in the place of an `Upsample`."""

    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride
        tent = 1 - (torch.arange(2 * stride) - (stride - 0.5)).abs() / stride  # (2 stride,)
        self.register_buffer("kernel", tent[:, None] * tent)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """`(B, C, h, w)` -> `(B, C, H, W)`."""
        C = x.shape[1]
        x = F.conv_transpose2d(x, self.kernel.expand(C, 1, -1, -1), stride=self.stride, groups=C)  # (h + 1) stride rows
        top, left = ((n - wanted) // 2 for n, wanted in zip(x.shape[-2:], size))
        return x[..., top : top + size[0], left : left + size[1]]


def with_transposed(network: SideOutputNetwork) -> SideOutputNetwork:
    for level, up in network.upsample.items():
        network.upsample[level] = FrozenTransposed(up.stride)
    return network


def with_small_weights(network: SideOutputNetwork) -> SideOutputNetwork:
    """First weights from N(0, .001) in the sides' 3x3 convolutions, too."""
    generator = torch.Generator().manual_seed(online.seed)
    for conv in network.side.values():
        nn.init.normal_(conv.weight, std=STD, generator=generator)
    return network


starts = {
    "library": ours,
    "transposed": with_transposed(copy.deepcopy(ours)),
    "small_weights": with_small_weights(copy.deepcopy(ours)),
}


# %%
def scores_of(network, sequence) -> dict[str, float]:
    """J and F of a tuned network, means over every so many frames."""
    segmenter = OsvosSegmenter(network, online)
    segmenter.networks = {1: network}
    rows = []
    for t in range(1, len(sequence.frames) - 1, settings["every"]):
        truth = (sequence.labels(t) > 0).astype(np.uint8)
        rows.append(frame_scores(segmenter.step(sequence.frames[t]), truth, [1]))
    J, F_ = np.mean(rows, axis=0)[:, 0].tolist()  # (T', 2, 1) -> (2,)
    return {"J": J, "F": F_}


def score(sequence) -> dict:
    """J and F by way, and after how many steps the library's state was the best."""
    frame, mask = sequence.frames[0], sequence.labels(0) > 0
    found = {}
    for name, start in starts.items():
        network = copy.deepcopy(start)
        tuned = tune_to_object(network, frame, mask, online)
        found[name] = scores_of(network, sequence) | {"best_step": tuned.best_step}
    if found["library"]["best_step"] == settings["steps"]:
        return found | {"last": found["library"]}
    last = copy.deepcopy(ours)
    steps = learn(*online_steps(last, frame, mask, online))
    for _ in range(settings["steps"]):
        next(steps)
    return found | {"last": scores_of(last, sequence) | {"best_step": settings["steps"]}}


# %%
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"tuning": asdict(online), "backbone": backbone.source, "threads": torch.get_num_threads()}
config |= {key: settings[key] for key in ("height", "every")}
with record_run(f"osvos_choices_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, sequence))
        print(f"{spec:<32}" + "  ".join(f"{way} {of['J']:.3f}" for way, of in found[spec].items()), flush=True)
    for way in (*starts, "last"):
        rows = {spec: of[way] for spec, of in found.items()}
        run["metrics"][way] = mean_of(list(rows.values())) | {"sequences": rows}

# %%
for way, of in run["metrics"].items():
    print(f"{way:<16} J {of['J']:.3f}  F {of['F']:.3f}")
