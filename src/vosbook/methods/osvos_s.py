"""OSVOS-S (Maninis et al., TPAMI 2018, section 4): OSVOS, told by instance proposals where objects of its kind are.

A first round is OSVOS's own answer. It chooses among the proposals of the frame (`semantics.propagate`). What it has
chosen, smoothed, is the prior that weighs two further classifiers on the same features (`nn.conditional`).
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from vosbook.merge import soft_aggregate, to_labels
from vosbook.nn.conditional import ConditionalClassifier, MaskedClassifier
from vosbook.nn.side_outputs import SideOutputNetwork, balanced_bce
from vosbook.proposals import Proposals, ProposalSource
from vosbook.semantics import SemanticsConfig, propagate, select, semantic_prior, union_of
from vosbook.training.fine_tune import Budget, Tuned, fine_tune
from vosbook.training.stills import StillConfig, draw_view
from vosbook.video import object_ids

GUIDANCE = {"conditional": ConditionalClassifier, "masked": MaskedClassifier}


@dataclass(frozen=True)
class OsvosSConfig:
    """The paper gives none of these numbers."""

    semantics: SemanticsConfig = field(default_factory=SemanticsConfig)
    budget: Budget = field(default_factory=Budget)
    views: StillConfig = field(default_factory=StillConfig)  # how the first frame is changed; its size is the frame's
    batch: int = 4  # views in a step
    lr: float = 5e-4  # Adam's
    dropped: float = 0.3  # share of the views whose prior is empty, as where a proposal is missing
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


# ------------------------------------------------------------------------------------------------------ first frame


@dataclass(frozen=True)
class Guide:
    """What a frame teaches: the frame, the object, and the proposals that were selected for it."""

    frame: np.ndarray  # uint8 (H, W, 3)
    y: np.ndarray  # bool (H, W): the object
    selected: np.ndarray  # bool (H, W): the selected proposals, as one mask


def views_of(
    guides: Iterable[Guide], config: OsvosSConfig, generator: np.random.Generator, *, device: str | torch.device = "cpu"
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
    return x.to(device), y.to(device), w.to(device)


def learn_object(network: OsvosSNetwork, guide: Guide, config: OsvosSConfig = OsvosSConfig()) -> Tuned:
    """Fine-tune the network, in place, on one object of one frame."""
    device = next(network.parameters()).device
    config = replace(config, views=replace(config.views, size=guide.y.shape))
    generator = np.random.default_rng(config.seed)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=config.lr)
    image = as_image(guide.frame).to(device)
    y = torch.from_numpy(guide.y)[None, None].float().to(device)
    w = torch.from_numpy(semantic_prior(guide.selected, config.semantics.sigma))[None, None].to(device)

    def loss(step: int) -> Tensor:
        x, y, w = views_of([guide] * config.batch, config, generator, device=device)
        return loss_of_rounds(network(x, w), y)

    def check() -> float:
        return loss_of_rounds(network(image, w), y).item()

    return fine_tune(network, loss, optimizer, budget=config.budget, check=check)


def as_image(frame: np.ndarray) -> Tensor:
    """A frame `uint8 (H, W, 3)` -> `(1, 3, H, W)`, float in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].float() / 255


# ----------------------------------------------------------------------------------------------------- later frames


@dataclass(frozen=True)
class Answer:
    """What was thought of one object in one frame, stage by stage."""

    first: np.ndarray  # float32 (H, W): its probability by the first round
    chosen: tuple[int, ...]  # the proposals that semantic propagation chose
    w: np.ndarray  # float32 (H, W): the prior
    final: Tensor  # (H, W), on the network's device: its probability by the final round


@torch.no_grad()
def find_object(
    network: OsvosSNetwork, image: Tensor, proposals: Proposals, wanted: Iterable[str], config: SemanticsConfig
) -> Answer:
    """One object in an image `(1, 3, H, W)`, `wanted` being the categories of the instances that it is made of.

    Where none is wanted, because selection found none, the first round is the answer: OSVOS. Where some are and none is
    found in this frame, the prior is 0 and the classifier of the background decides.
    """
    size, wanted = image.shape[-2:], tuple(wanted)
    sides = network.sides(image)
    first = network.first_round(sides, size)[0, 0].sigmoid()
    estimate = first.cpu().numpy()
    chosen = propagate(proposals, wanted, estimate > 0.5, config)
    w = semantic_prior(union_of(proposals, chosen), config.sigma)
    if not wanted:
        return Answer(estimate, (), w, first)
    final = network.final_round(sides, torch.from_numpy(w)[None, None].to(image.device))
    return Answer(estimate, tuple(chosen), w, final[0, 0].sigmoid())


class OsvosSSegmenter:
    """A `Segmenter`: a tuned network for every object; nothing is carried from frame to frame."""

    def __init__(
        self,
        network: OsvosSNetwork,
        source: ProposalSource,
        config: OsvosSConfig = OsvosSConfig(),
        *,
        note: Callable[[str], None] = lambda line: None,
    ):
        """`network` is the parent. `note` is told of objects that no proposal matches."""
        self.parent, self.source, self.config, self.note = network.eval(), source, config, note
        self.networks: dict[int, OsvosSNetwork] = {}  # by object
        self.wanted: dict[int, tuple[str, ...]] = {}  # categories of the instances that it is made of, by object

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
        proposals, image = self._propose(frame), as_image(frame).to(next(self.parent.parameters()).device)
        found = [
            find_object(network, image, proposals, self.wanted[i], self.config.semantics).final
            for i, network in self.networks.items()
        ]
        return to_labels(soft_aggregate(torch.stack(found)), list(self.networks)).cpu().numpy()

    def _learn(self, frame: np.ndarray, masks: np.ndarray) -> None:
        proposals = self._propose(frame)
        for i in object_ids(masks):
            y = masks == i
            chosen = select(proposals, y, self.config.semantics)
            if not chosen:
                self.note(f"none of {len(proposals)} proposals matches object {i}: it is followed by appearance alone")
            self.wanted[i] = tuple(proposals.categories[n] for n in chosen)
            self.networks[i] = copy.deepcopy(self.parent)
            learn_object(self.networks[i], Guide(frame, y, union_of(proposals, chosen)), self.config)

    def _propose(self, frame: np.ndarray) -> Proposals:
        """ValueError where the source's masks are not of the frame's size."""
        proposals = self.source.propose(frame)
        if proposals.masks.shape[1:] != frame.shape[:2]:
            raise ValueError(f"the proposals' size is {proposals.masks.shape[1:]}, the frame's {frame.shape[:2]}")
        return proposals
