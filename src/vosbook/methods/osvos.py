"""OSVOS (Maninis et al., TPAMI 2018, section 3): a network that segments single frames, tuned on one of them.

    base network     a backbone, trained to name images
    parent network   trained on many videos' masks: "it is an object"
    online network   fine-tuned on the first frame and its mask: "it is this particular object"

Every object has an online network of its own. Frames are segmented one by one, without memory, in any order.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vosbook.contours.detector import Snapper
from vosbook.features.backbone import Backbone
from vosbook.merge import soft_aggregate, to_labels
from vosbook.nn.encoder import Encoder
from vosbook.nn.side_outputs import SideOutputNetwork, balanced_bce, load_side_outputs
from vosbook.training.fine_tune import Budget, Tuned, fine_tune
from vosbook.training.stills import stack_stills
from vosbook.training.views import GIVEN_VIEWS, ViewConfig, draw_view
from vosbook.video.labels import object_ids
from vosbook.weights import given_or_shipped

METHOD = "osvos"
LEVELS = ("layer1", "layer2", "layer3")  # of ResNet-18, beside its first convolution
REMEDY = "train one with `make run RUN=train_osvos_parent`"


@dataclass(frozen=True)
class OnlineConfig:
    """How a network is tuned to its object, and asked about frames.

    The paper tunes for 10 s to 10 min on a GPU. Adam takes the place of SGD at 1e-8: it needs a tenth of the steps.
    """

    budget: Budget = field(default_factory=Budget)
    lr: float = 1e-3
    encoder_lr: float = 1e-4
    batch: int = 1  # views of the frame in a step
    views: ViewConfig = GIVEN_VIEWS
    threshold: float = 0.635  # a pixel is the object's from this probability on; balanced classes make it large
    precision: str = "float32"  # or "bfloat16": of the products
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f'precision is "float32" or "bfloat16", got {self.precision!r}')
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold lies between 0 and 1, got {self.threshold}")


def base_network(backbone: Backbone, *, seed: int = 0) -> SideOutputNetwork:
    """The network before any training: the backbone's weights, and random ones, by the seed, in all that is new."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SideOutputNetwork(Encoder(backbone)).eval()


# ------------------------------------------------------------------------------------------------------- online


def online_steps(
    network: SideOutputNetwork, frame: np.ndarray, mask: np.ndarray, config: OnlineConfig
) -> tuple[Callable[[int], Tensor], torch.optim.Optimizer]:
    """What `fine_tune` and `learn` take: the loss of a step, and the optimizer, for one object.

    `frame` is `uint8 (H, W, 3)`, `mask` `(H, W)`, true on the object. Step n sees views that depend on n and the seed
    alone. Its loss is Eq. 1 on the fused output; the sides have none any more.
    """
    mask, device = mask.astype(np.uint8), _device(network)

    def loss(step: int) -> Tensor:
        generators = (np.random.default_rng([config.seed, step, k, 4]) for k in range(config.batch))
        images, y = stack_stills([draw_view(frame, mask, config.views, g) for g in generators], device=device)
        with _precision(config, device):
            return balanced_bce(network.logits(images), y, normalised=True)

    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad and not name.startswith("score.")]
    new = [p for name, p in named if not name.startswith("encoder.")]
    old = [p for name, p in named if name.startswith("encoder.")]
    groups = [{"params": new, "lr": config.lr}, {"params": old, "lr": config.encoder_lr}]
    return loss, torch.optim.Adam([group for group in groups if group["params"]])


def tune_to_object(network: SideOutputNetwork, frame: np.ndarray, mask: np.ndarray, config: OnlineConfig) -> Tuned:
    """Fine-tune `network` in place on one frame and one object's mask, within the budget.

    States are measured by Eq. 1 on the frame as it is, the only one whose truth is known.
    """
    loss, optimizer = online_steps(network, frame, mask, config)
    device = _device(network)
    images, y = stack_stills([(frame, mask.astype(np.uint8))], device=device)

    def check() -> float:
        with _precision(config, device):
            return balanced_bce(network.logits(images), y, normalised=True).item()

    return fine_tune(network, loss, optimizer, budget=config.budget, check=check)


def _device(network: SideOutputNetwork) -> torch.device:
    return network.fuse.weight.device


def _precision(config: OnlineConfig, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.precision == "bfloat16")


# ---------------------------------------------------------------------------------------------------- segmenter


class OsvosSegmenter:
    """A `Segmenter`. The objects' networks are all that it keeps of a video."""

    def __init__(
        self,
        parent: SideOutputNetwork,
        config: OnlineConfig = OnlineConfig(),
        *,
        snapper: Snapper | None = None,
        note: Callable[[str], None] = lambda line: None,
    ):
        """`parent` is copied for every object, and stays as it is. Without a `snapper`, masks are as the network has
        them: the fast mode. `note` is told of each object how many steps it was learned in."""
        self.parent, self.config, self.snapper, self.note = parent, config, snapper, note
        self.networks: dict[int, SideOutputNetwork] = {}  # by object id
        self.tuned: dict[int, Tuned] = {}

    @classmethod
    def load(
        cls,
        config: OnlineConfig = OnlineConfig(),
        *,
        snapper: Snapper | None = None,
        checkpoint: Path | None,
        device: str,
        note: Callable[[str], None],
    ) -> "OsvosSegmenter":
        """The parent of `checkpoint`, else the package's. InputError: a file that is no parent network."""
        path = given_or_shipped(checkpoint, "osvos.safetensors", remedy=REMEDY, note=note)
        return cls(load_side_outputs(path, method=METHOD, remedy=REMEDY).to(device), config, snapper=snapper, note=note)

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        """Begin a video: one network per object of `masks` is tuned. ValueError where there is no object."""
        if masks is None or not object_ids(masks):
            raise ValueError("OSVOS needs the mask of at least one object in the first frame, got none")
        self.networks, self.tuned = {}, {}
        self.add_objects(frame, masks)

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Tune networks to the objects of `masks`, each against all else in this frame.

        ValueError where an object is known already.
        """
        if known := sorted(set(object_ids(masks)) & set(self.networks)):
            raise ValueError(f"objects {known} are known already: give the new ones alone")
        for i in object_ids(masks):
            network = copy.deepcopy(self.parent)
            self.tuned[i] = tune_to_object(network, frame, masks == i, self.config)
            self.networks[i] = network
            self.note(f"object {i}: {self.tuned[i]}")

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels `uint8 (H, W)` of any frame."""
        return self.segment(frame[None])[0]

    def segment(self, frames: np.ndarray) -> np.ndarray:
        """Labels `uint8 (B, H, W)` of frames `uint8 (B, H, W, 3)`, each of which is segmented alone."""
        merged = map(soft_aggregate, self._probabilities(frames))
        return np.stack([to_labels(p, list(self.networks)).cpu().numpy() for p in merged])

    def _probabilities(self, frames: np.ndarray) -> list[Tensor]:
        """Of each frame, `(N, H, W)`: an object's exceed one half where it is to be, but for its rivals."""
        shift = math.log(self.config.threshold / (1 - self.config.threshold))  # the threshold becomes one half
        p = (self.scores(frames).transpose(0, 1) - shift).sigmoid()  # (N, B, H, W) -> (B, N, H, W)
        if self.snapper is None:
            return list(p)
        return [torch.from_numpy(self.snapper.settle(f, q)) for f, q in zip(frames, p.cpu().numpy(), strict=True)]

    @torch.no_grad()
    def scores(self, frames: np.ndarray) -> Tensor:
        """Logits `(N, B, H, W)` of every object in frames `uint8 (B, H, W, 3)`, in the order of their arrival."""
        device = _device(self.parent)
        images = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float() / 255  # (B, H, W, 3) -> (B, 3, H, W)
        with _precision(self.config, device):
            logits = [network.logits(images)[:, 0] for network in self.networks.values()]
        return torch.stack(logits).float()
