"""OSVOS-S (Maninis et al., TPAMI 2018, section 4): OSVOS, told by instance proposals where objects of its kind are.

A first round is OSVOS's own answer. It chooses among the proposals of the frame (`semantics.propagate`). What it has
chosen, smoothed, is the prior that weighs two further classifiers on the same features (`nn.conditional`).
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from vosbook.contours.detector import Snapper
from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.merge import soft_aggregate, to_labels
from vosbook.nn.conditional import ConditionalClassifier, MaskedClassifier
from vosbook.nn.side_outputs import SideOutputNetwork, balanced_bce, load_side_outputs
from vosbook.proposals import MaskRcnn, Proposals, ProposalSource
from vosbook.semantics import SemanticsConfig, propagate, select, semantic_prior, union_of
from vosbook.training.fine_tune import Budget, Tuned, fine_tune
from vosbook.training.views import GIVEN_VIEWS, ViewConfig, draw_view
from vosbook.video.labels import object_ids
from vosbook.weights import shipped_weights

REMEDY = "train one with `make run RUN=train_osvos_parent`"
GUIDANCE: dict[str, type[ConditionalClassifier | MaskedClassifier]] = {
    "conditional": ConditionalClassifier,
    "masked": MaskedClassifier,
}


@dataclass(frozen=True)
class OsvosSConfig:
    """The paper gives none of these numbers but the threshold, which is OSVOS's (the authors' code)."""

    semantics: SemanticsConfig = field(default_factory=SemanticsConfig)
    budget: Budget = field(default_factory=Budget)
    lr: float = 1e-3  # Adam's
    encoder_lr: float = 1e-4
    batch: int = 2  # views in a step
    views: ViewConfig = GIVEN_VIEWS
    dropped: float = 0.3  # share of views whose prior is empty, as where a proposal is missing
    threshold: float = 0.635  # a pixel is the object's from this probability on; balanced classes make it large
    precision: Literal["float32", "bfloat16"] = "float32"  # of the products
    seed: int = 0


# ------------------------------------------------------------------------------------------------------- network


@dataclass(frozen=True)
class Rounds:
    """Logits of B images, each `(B, 1, H, W)`, positive where the object is."""

    first: Tensor  # appearance alone: OSVOS
    final: Tensor  # with the prior


class OsvosSNetwork(nn.Module):
    """OSVOS's network with the classifiers of the second round beside its fusion (Figure 5)."""

    def __init__(self, base: SideOutputNetwork, *, guidance: str = "conditional"):
        """`guidance`: "conditional", or "masked" for feature masking. Their classifiers begin as the base's fusion."""
        super().__init__()
        self.base = base
        self.guided = GUIDANCE[guidance](base.fuse)

    def sides(self, images: Tensor) -> list[Tensor]:
        """RGB images `(B, 3, H, W)`, float in 0..1 -> the features that all classifiers share, shallow to deep."""
        return list(self.base.features(images).values())

    def first_round(self, sides: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Logits `(B, 1, H, W)` of the appearance alone."""
        return self.base.fuse(sides, self.base.upsample.values(), size)

    def final_round(self, sides: list[Tensor], w: Tensor) -> Tensor:
        """Logits `(B, 1, H, W)` of the classifiers that the prior w `(B, 1, H, W)` in 0..1 weighs."""
        return self.guided(w, sides, list(self.base.upsample.values()), w.shape[-2:])

    def forward(self, images: Tensor, w: Tensor) -> Rounds:
        """Images `(B, 3, H, W)`, float in 0..1, and the prior `(B, 1, H, W)` in 0..1."""
        sides = self.sides(images)
        return Rounds(self.first_round(sides, images.shape[-2:]), self.final_round(sides, w))


def loss_of_rounds(rounds: Rounds, y: Tensor) -> Tensor:
    """Both rounds' normalised `balanced_bce`, with equal weights (the paper states none): y `(B, 1, H, W)`, 0 or 1."""
    return balanced_bce(rounds.first, y, normalised=True) + balanced_bce(rounds.final, y, normalised=True)


# ------------------------------------------------------------------------------------------------------- learning


@dataclass(frozen=True)
class Guide:
    """An object in a frame, and the proposals that were selected for it: what the network learns from."""

    frame: np.ndarray  # uint8 (H, W, 3)
    y: np.ndarray  # bool (H, W): the object
    selected: np.ndarray  # bool (H, W): the selected proposals, as one mask


def learn_object(network: OsvosSNetwork, guide: Guide, config: OsvosSConfig = OsvosSConfig()) -> Tuned:
    """Fine-tune the network, in place, on one object of one frame.

    States are measured by the loss on the frame as it is, the only one whose truth is known.
    """
    device = device_of(network)
    x, y, w = as_image(guide.frame), guide.y, semantic_prior(guide.selected, config.semantics.sigma)
    x, y, w = (z.to(device) for z in (x, torch.from_numpy(y)[None, None].float(), torch.from_numpy(w)[None, None]))

    def check() -> float:
        with _precision(config, device):
            return loss_of_rounds(network(x, w), y).item()

    return fine_tune(network, *steps_of(network, [guide], config), budget=config.budget, check=check)


def steps_of(
    network: OsvosSNetwork, guides: Many[Guide], config: OsvosSConfig
) -> tuple[Callable[[int], Tensor], torch.optim.Optimizer]:
    """What `fine_tune` and `learn` take: the loss of a step, on views of guides drawn at random, and the optimizer.

    What a step sees depends on its number and the seed alone.
    """
    device = device_of(network)

    def loss(step: int) -> Tensor:
        generator = np.random.default_rng([config.seed, step, 5])
        drawn = [guides[n] for n in generator.integers(len(guides), size=config.batch)]
        x, y, w = (part.to(device) for part in views_of(drawn, config, generator))
        with _precision(config, device):
            return loss_of_rounds(network(x, w), y)

    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad and ".score." not in name]
    old = [p for name, p in named if name.startswith("base.encoder.")]
    new = [p for name, p in named if not name.startswith("base.encoder.")]
    groups = [{"params": new, "lr": config.lr}, {"params": old, "lr": config.encoder_lr}]
    return loss, torch.optim.Adam([group for group in groups if group["params"]])


def views_of(
    guides: Iterable[Guide], config: OsvosSConfig, generator: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """A random view of each guide: images `(B, 3, H, W)` in 0..1, masks y `(B, 1, H, W)`, 0 or 1, and priors w.

    The proposals move with the frame. In a share `config.dropped` of the views the prior is empty, so that the
    classifier of the background sees the object, too.
    """
    images, y, w = [], [], []
    for guide in guides:
        code = (guide.y + 2 * guide.selected).astype(np.uint8)
        image, code = draw_view(guide.frame, code, config.views, generator)
        kept = generator.random() >= config.dropped
        images.append(image)
        y.append((code & 1) > 0)
        w.append(semantic_prior(((code & 2) > 0) & kept, config.semantics.sigma))
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255  # (B, H, W, 3) -> (B, 3, H, W)
    y, w = (torch.from_numpy(np.stack(part))[:, None].float() for part in (y, w))  # (B, H, W) -> (B, 1, H, W)
    return x, y, w


def guides_of(
    sequence: Sequence, source: ProposalSource, config: SemanticsConfig, *, min_pixels: int = 100
) -> Iterator[Guide]:
    """All objects of all annotated frames with the proposals that overlap them: what a parent learns from (4.4)."""
    for t in sequence.annotated:
        frame, labels = sequence.frames[t], sequence.labels(t)
        proposals = source.propose(frame)
        for i in object_ids(labels):
            y = labels == i
            if np.count_nonzero(y) >= min_pixels:
                yield Guide(frame, y, union_of(proposals, select(proposals, y, config)))


def as_image(frame: np.ndarray) -> Tensor:
    """A frame `uint8 (H, W, 3)` -> `(1, 3, H, W)`, float in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].float() / 255


def device_of(network: OsvosSNetwork) -> torch.device:
    """Where the network is."""
    return network.base.fuse.weight.device


def _precision(config: OsvosSConfig, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.precision == "bfloat16")


# ----------------------------------------------------------------------------------------------------- later frames


@dataclass(frozen=True)
class Answer:
    """What was thought of one object in one frame, stage by stage."""

    first: np.ndarray  # float32 (H, W): its probability by the first round, one half at the threshold
    chosen: tuple[int, ...]  # the proposals that semantic propagation chose
    w: np.ndarray  # float32 (H, W): the prior
    final: Tensor  # (H, W), on the network's device: its probability by the final round, likewise


@torch.no_grad()
def find_object(
    network: OsvosSNetwork, image: Tensor, proposals: Proposals, wanted: Iterable[str], config: OsvosSConfig
) -> Answer:
    """One object in an image `(1, 3, H, W)`, `wanted` being the categories of the instances that it is made of.

    Where none is wanted, because selection found none, the first round is the answer: OSVOS. Where some are and none is
    found in this frame, the prior is 0 and the classifier of the background decides.
    """
    size, wanted = image.shape[-2:], tuple(wanted)
    shift = math.log(config.threshold / (1 - config.threshold))  # the threshold becomes one half
    with _precision(config, image.device):
        sides = network.sides(image)
        first = (network.first_round(sides, size).float() - shift)[0, 0].sigmoid()
        estimate = first.cpu().numpy()
        chosen = propagate(proposals, wanted, estimate > 0.5, config.semantics)
        w = semantic_prior(union_of(proposals, chosen), config.semantics.sigma)
        if not wanted:
            return Answer(estimate, (), w, first)
        final = network.final_round(sides, torch.from_numpy(w)[None, None].to(image.device))
    return Answer(estimate, tuple(chosen), w, (final.float() - shift)[0, 0].sigmoid())


class OsvosSSegmenter:
    """A `Segmenter`: a tuned network for every object; nothing is carried from frame to frame."""

    def __init__(
        self,
        network: OsvosSNetwork,
        source: ProposalSource,
        config: OsvosSConfig = OsvosSConfig(),
        *,
        snapper: Snapper | None = None,
        note: Callable[[str], None] = lambda line: None,
    ):
        """`network` is the parent. Without a `snapper`, masks are as the network has them. `note` is told of
        objects that no proposal matches, and how many steps each was learned in."""
        self.parent, self.source, self.config = network.eval(), source, config
        self.snapper, self.note = snapper, note
        self.networks: dict[int, OsvosSNetwork] = {}  # by object
        self.wanted: dict[int, tuple[str, ...]] = {}  # categories of the instances that it is made of, by object

    @classmethod
    def load(
        cls,
        config: OsvosSConfig = OsvosSConfig(),
        *,
        snapper: Snapper | None = None,
        proposals: ProposalSource | None = None,
        detector: Path | None = None,
        checkpoint: Path | None,
        device: str,
        note: Callable[[str], None],
    ) -> "OsvosSSegmenter":
        """OSVOS's parent of `checkpoint`, else the package's. Instances come from `proposals`, else from Mask R-CNN.

        Its weights are those of the file `detector`, else found. InputError: weights that are missing or of no use, or
        a file that holds something else.
        """
        if proposals is not None and detector is not None:
            raise InputError(f"{detector} is no use beside --proposals: leave --detector out")
        source = proposals or MaskRcnn.load(detector, device=device)
        path = checkpoint or shipped_weights("osvos.safetensors", remedy=f"{REMEDY}, and give it as --checkpoint")
        note("the parent network has never seen a prior: its second round is learned from the first frame alone")
        parent = load_side_outputs(path, method="osvos", remedy=REMEDY)
        return cls(OsvosSNetwork(parent).to(device), source, config, snapper=snapper, note=note)

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        """Begin a video: learn every object of `masks`. ValueError where there is none."""
        if masks is None or not object_ids(masks):
            raise ValueError("OSVOS-S needs the mask of at least one object in the first frame, got none")
        self.networks, self.wanted = {}, {}
        self._learn(frame, masks)

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Learn objects that appear at the frame `step` was last given."""
        if known := sorted(set(object_ids(masks)) & set(self.networks)):
            raise ValueError(f"objects {known} are known already: give the new ones alone")
        self._learn(frame, masks)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels `uint8 (H, W)` of the next frame."""
        proposals, image = self._propose(frame), as_image(frame).to(device_of(self.parent))
        found = [
            find_object(network, image, proposals, self.wanted[i], self.config).final
            for i, network in self.networks.items()
        ]
        p = torch.stack(found)  # (N, H, W)
        if self.snapper is not None:
            p = torch.from_numpy(self.snapper.settle(frame, p.cpu().numpy()))
        return to_labels(soft_aggregate(p), list(self.networks)).cpu().numpy()

    def _learn(self, frame: np.ndarray, masks: np.ndarray) -> None:
        proposals = self._propose(frame)
        for i in object_ids(masks):
            y = masks == i
            chosen = select(proposals, y, self.config.semantics)
            if not chosen:
                self.note(f"none of {len(proposals)} proposals matches object {i}: it is followed by appearance alone")
            self.wanted[i] = tuple(proposals.categories[n] for n in chosen)
            self.networks[i] = copy.deepcopy(self.parent)
            tuned = learn_object(self.networks[i], Guide(frame, y, union_of(proposals, chosen)), self.config)
            self.note(f"object {i}: {tuned}")

    def _propose(self, frame: np.ndarray) -> Proposals:
        """ValueError where the source's masks are not of the frame's size."""
        proposals = self.source.propose(frame)
        if proposals.masks.shape[1:] != frame.shape[:2]:
            raise ValueError(f"the proposals' size is {proposals.masks.shape[1:]}, the frame's {frame.shape[:2]}")
        return proposals
