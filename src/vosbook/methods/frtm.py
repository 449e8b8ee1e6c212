"""FRTM (Robinson et al., CVPR 2020), Algorithm 1: a target model per object, learned while the video plays.

The segmentation network S turns D's coarse scores into masks. Without S ("D-only" in Table 1) D's scores, upsampled,
are the segmentation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.features import backbone_for, load_backbone, shipped
from vosbook.features.backbone import Backbone
from vosbook.merge import normalised_odds, soft_aggregate, to_labels, where_it_wins, without_rivals
from vosbook.nn.segmentation import SegmentationNetwork
from vosbook.target_model import augment, model
from vosbook.target_model.augment import AugmentConfig, augment_first_frame
from vosbook.target_model.loss import upsample
from vosbook.target_model.model import TargetModel, TargetModelConfig
from vosbook.video.labels import object_ids
from vosbook.weights import SHIPPED, load_network, read_about, read_described, shipped_weights, what_it_reaches


@dataclass(frozen=True)
class FrtmConfig:
    """The paper's settings (section 3.5), with ResNet-101."""

    backbone: str = "resnet101"
    level: str = "layer3"  # conv4_x, stride 16: what D sees
    target_model: TargetModelConfig = TargetModelConfig()
    augmentations: int = 4  # of the first frame, beside the frame itself
    augment: AugmentConfig = AugmentConfig()  # how they are drawn
    label: Literal["unrivalled", "winner"] = "unrivalled"  # what D remembers of a frame: see LABELS
    merge: Literal["softmax", "normalised"] = "softmax"  # how objects compete: see MERGES
    update: bool = True  # False: "no update" in Table 1
    seed: int = 0  # of the augmentations and of D's random start, the same for every object


FAST = FrtmConfig(backbone="resnet18", target_model=model.FAST)  # "Ours-fast"
FULL = FrtmConfig(backbone="resnet18")  # the paper's solver, with the backbone whose segmentation network is shipped
# FAST by the rules of the released code where ours are others: first frame, first insert, and what is remembered
RELEASED = replace(
    FAST,
    target_model=replace(FAST.target_model, first_insert="released"),
    augment=augment.RELEASED,
    label="winner",
)
ENLARGE = 1.5  # chosen on DAVIS 2016's training sequences at 480p, among 1 and 1.5 (run `frtm_size`)
LINES = 720  # of the shorter side, up to which a frame is enlarged: 1.5 times those of 480p
SMALL = 0.1  # of the frame: an object up to this large gains from enlarged frames; chosen on the same sequences
LABELS = {"unrivalled": without_rivals, "winner": where_it_wins}  # of the merged probabilities
MERGES = {"softmax": soft_aggregate, "normalised": normalised_odds}  # of the objects' probabilities

TRAIN = "train one with `make run RUN=train_frtm`"


def shipped_network(backbone: str) -> Path:
    """The segmentation network that comes with the package. InputError where there is none for this backbone."""
    remedy = f"{TRAIN} and give it as --checkpoint, or use --method frtm-d-only"
    return shipped_weights(f"frtm_{backbone}.safetensors", remedy=remedy)


@dataclass
class Target:
    """What is kept of one object."""

    model: TargetModel
    tracked: int = 0  # frames since the one that introduced it


class FrtmSegmenter:
    """A `Segmenter`. Learning from a frame waits for the next one, since `add_objects` may still change its labels."""

    def __init__(
        self,
        backbone: Backbone,
        config: FrtmConfig = FAST,
        network: SegmentationNetwork | None = None,
        *,
        enlarge: float = 1.0,
        small: float = SMALL,
    ):
        """`network` is S, trained for the backbone's features; None: D-only.

        The backbone sees frames as they are, as in the paper. Where an object covers at most `small` of the frame that
        a video begins with, it sees them `enlarge` times as large, up to `LINES` lines.
        """
        self.backbone = backbone
        self.config = config
        self.network = network
        self.enlarge, self.small = enlarge, small
        self._scale = 1.0  # of this video's frames
        self.targets: dict[int, Target] = {}  # by object id, in the order of their appearance
        self.scores: dict[int, np.ndarray] = {}  # D's scores (h, w) of the last frame, by object id
        self._pending: tuple[Tensor, Tensor] | None = None  # last frame: features (1, C, h, w), soft labels (N, H, W)

    @classmethod
    def d_only(
        cls, config: FrtmConfig = FAST, *, backbone_weights: Path | None, device: str, note: Callable[[str], None]
    ) -> "FrtmSegmenter":
        """D-only with the backbone that can be had (see `load_backbone`)."""
        name = None if backbone_weights else config.backbone  # a weight file says itself which backbone it is
        backbone = load_backbone(name, weights=backbone_weights, levels=[config.level], device=device, note=note)
        return cls(backbone, config)

    @classmethod
    def complete(
        cls,
        config: FrtmConfig = FAST,
        *,
        backbone_weights: Path | None,
        checkpoint: Path | None,
        device: str,
        note: Callable[[str], None],
    ) -> "FrtmSegmenter":
        """The whole system: the segmentation network of `checkpoint`, else the package's own for the backbone at hand.

        InputError where a checkpoint is none of FRTM's, or needs a backbone or levels that cannot be had.
        """
        if checkpoint is None:
            name = None if backbone_weights else config.backbone
            found = load_backbone(name, weights=backbone_weights, device=device, note=note).name
            checkpoint = shipped_network(found)
            note(_what_to_expect(found))
        about = read_described(checkpoint, method="frtm", remedy=TRAIN)
        backbone = backbone_for(checkpoint, about, weights=backbone_weights, device=device, note=note)
        network = SegmentationNetwork(backbone.channels)
        load_network(checkpoint, network)
        return cls(backbone, config, network.eval().to(device))

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        """Begin a video: learn one target model per object of `masks`. ValueError where there is none."""
        if masks is None or not object_ids(masks):
            raise ValueError("FRTM needs the mask of at least one object in the first frame, got none")
        self.targets, self.scores, self._pending = {}, {}, None
        least = min(np.mean(masks == i) for i in object_ids(masks))
        self._scale = self.enlarge if least <= self.small else 1.0
        self._add(frame, masks)

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Take in objects that appear at the frame `step` was last given. Where they are, the known ones are not."""
        if known := sorted(set(object_ids(masks)) & set(self.targets)):
            raise ValueError(f"objects {known} are known already: give the new ones alone")
        if self._pending is not None:
            x, y = self._pending
            self._pending = x, y * torch.from_numpy(masks == 0).to(y)  # (N, H, W) * (H, W)
        self._add(frame, masks)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels `uint8 (H, W)` of the next frame."""
        self._learn()
        x = self._features(frame[None])
        s = torch.cat([target.model.scores(x[self.config.level]) for target in self.targets.values()])  # (N, 1, h, w)
        self.scores = dict(zip(self.targets, s[:, 0].cpu().numpy()))
        merged = MERGES[self.config.merge](self._probabilities(s, x, frame.shape[:2]))  # (N, H, W) -> (N + 1, H, W)
        self._pending = x[self.config.level], LABELS[self.config.label](merged)
        return to_labels(merged, list(self.targets)).cpu().numpy()

    @torch.no_grad()
    def _probabilities(self, s: Tensor, x: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        """Scores s `(N, 1, h, w)` and one frame's features -> probabilities `(N, H, W)` (Algorithm 1, line 6)."""
        if self.network is None:  # D is fitted to labels 0 and 1, so its raw score stands for the probability
            return upsample(s, size)[:, 0].clamp(0, 1)
        return self.network(s, x, size)[:, 0].sigmoid()

    def _add(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Learn D of every object in `masks` (Algorithm 1, lines 1 and 2)."""
        for i in object_ids(masks):
            images, labels = augment_first_frame(
                frame,
                masks == i,
                samples=self.config.augmentations,
                seed=self.config.seed,
                config=self.config.augment,
            )  # uint8 (K, H, W, 3), bool (K, H, W): the frame itself and its augmentations
            learned = TargetModel(self.config.target_model)
            y = torch.from_numpy(labels)[:, None]  # (K, H, W) -> (K, 1, H, W)
            learned.learn_first_frame(self._features(images)[self.config.level], y, seed=self.config.seed)
            self.targets[i] = Target(learned)

    def _learn(self) -> None:
        """Remember the last frame, and update D on every t_s-th (Algorithm 1, lines 7 to 9)."""
        if self._pending is None or not self.config.update:
            return
        x, labels = self._pending
        for target, y in zip(self.targets.values(), labels):  # objects added since come last, and have no label yet
            target.tracked += 1
            inserted = target.model.insert(x, y[None, None])  # (H, W) -> (1, 1, H, W)
            if inserted and target.tracked % self.config.target_model.t_s == 0:
                target.model.update()
        self._pending = None

    def _features(self, images: np.ndarray) -> dict[str, Tensor]:
        """Images `uint8 (B, H, W, 3)` -> features by level, `(B, C, h, w)` each."""
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))  # (B, H, W, 3) -> (B, 3, H, W)
        pixels = pixels.to(self.device).float() / 255
        size = seen_size(images.shape[1:3], enlarge=self._scale)
        if size != images.shape[1:3]:
            pixels = F.interpolate(pixels, size=size, mode="bicubic", align_corners=False).clamp(0, 1)
        return self.backbone(pixels)

    @property
    def device(self) -> torch.device:
        """Where the backbone is, and with it everything else."""
        return self.backbone.device


def enlarge_for(backbone: Backbone) -> float:
    """How much larger than it is a frame with a small object is best seen: `ENLARGE` with ImageNet's features.

    With the package's trunk five sequences showed no gain, and no others were scored. The filter bank was not measured.
    """
    return 1.0 if backbone.name in (shipped.NAME, "filters") else ENLARGE


def seen_size(size: tuple[int, ...], *, enlarge: float) -> tuple[int, int]:
    """A frame's (H, W) -> the size it is seen in: `enlarge` times as large, if that is at most `LINES` lines."""
    scale = min(enlarge, max(1.0, LINES / min(size)))
    height, width = (round(n * scale) for n in size)
    return height, width


def _what_to_expect(backbone: str) -> str:
    """One line: which of the package's networks is used, what it reaches, and what the others reach."""
    networks = [read_about(path) for path in sorted(SHIPPED.glob("frtm_*.safetensors"))]
    reached = {about["backbone"]: what_it_reaches(about) for about in networks}
    others = "".join(f"; with {name}: {value}" for name, value in reached.items() if name != backbone)
    return f"using the segmentation network for {backbone}: {reached[backbone]}{others}"
