"""FRTM (Robinson et al., CVPR 2020), Algorithm 1: a target model per object, learned while the video plays.

Here with the target model D alone ("D-only" in Table 1): its scores, upsampled, are the segmentation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vosbook import target_model
from vosbook.features import Backbone, load_backbone
from vosbook.merge import soft_aggregate, to_labels, without_rivals
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.loss import upsample
from vosbook.target_model.model import TargetModel, TargetModelConfig
from vosbook.video import object_ids


@dataclass(frozen=True)
class FrtmConfig:
    """The paper's settings (section 3.5), with ResNet-101."""

    backbone: str = "resnet101"
    level: str = "layer3"  # conv4_x, stride 16: what D sees
    target_model: TargetModelConfig = TargetModelConfig()
    augmentations: int = 4  # of the first frame, beside the frame itself
    update: bool = True  # False: "no update" in Table 1
    seed: int = 0  # of the augmentations and of D's random start, the same for every object


FAST = FrtmConfig(backbone="resnet18", target_model=target_model.model.FAST)  # "Ours-fast"


@dataclass
class Target:
    """What is kept of one object."""

    model: TargetModel
    tracked: int = 0  # frames since the one that introduced it


class FrtmSegmenter:
    """A `Segmenter`. Learning from a frame waits for the next one, since `add_objects` may still change its labels."""

    def __init__(self, backbone: Backbone, config: FrtmConfig = FAST):
        self.backbone = backbone
        self.config = config
        self.targets: dict[int, Target] = {}  # by object id, in the order of their appearance
        self.scores: dict[int, np.ndarray] = {}  # D's upsampled scores (H, W) of the last frame, by object id
        self._pending: tuple[Tensor, Tensor] | None = None  # last frame: features (1, C, h, w), soft labels (N, H, W)

    @classmethod
    def from_options(
        cls, config: FrtmConfig = FAST, *, backbone_weights: Path | None, device: str, note: Callable[[str], None]
    ) -> "FrtmSegmenter":
        """The segmenter with the backbone that can be had (see `load_backbone`)."""
        name = None if backbone_weights else config.backbone  # a weight file says itself which ResNet it is
        backbone = load_backbone(name, weights=backbone_weights, levels=[config.level], device=device, note=note)
        return cls(backbone, config)

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        """Begin a video: learn one target model per object of `masks`. ValueError where there is none."""
        if masks is None or not object_ids(masks):
            raise ValueError("FRTM needs the mask of at least one object in the first frame, got none")
        self.targets, self.scores, self._pending = {}, {}, None
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
        s = torch.cat([upsample(target.model.scores(x), frame.shape[:2])[:, 0] for target in self.targets.values()])
        self.scores = dict(zip(self.targets, s.cpu().numpy()))
        p = s.clamp(0, 1)  # D is fitted to labels 0 and 1, so its raw score stands for the probability
        merged = soft_aggregate(p)  # (N, H, W) -> (N + 1, H, W)
        self._pending = x, without_rivals(merged)
        return to_labels(merged, list(self.targets)).cpu().numpy()

    def _add(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Learn D of every object in `masks` (Algorithm 1, lines 1 and 2)."""
        for i in object_ids(masks):
            images, labels = augment_first_frame(
                frame, masks == i, samples=self.config.augmentations, seed=self.config.seed
            )  # uint8 (K, H, W, 3), bool (K, H, W): the frame itself and its augmentations
            model = TargetModel(self.config.target_model)
            y = torch.from_numpy(labels)[:, None]  # (K, H, W) -> (K, 1, H, W)
            model.learn_first_frame(self._features(images), y, seed=self.config.seed)
            self.targets[i] = Target(model)

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

    def _features(self, images: np.ndarray) -> Tensor:
        """Images `uint8 (B, H, W, 3)` -> features of the configured level `(B, C, h, w)`."""
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))  # (B, H, W, 3) -> (B, 3, H, W)
        return self.backbone(pixels.to(self.device).float() / 255)[self.config.level]

    @property
    def device(self) -> torch.device:
        """Where the backbone is, and with it everything else."""
        return next(self.backbone.buffers()).device
