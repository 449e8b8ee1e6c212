"""The Base net of FRTM's ablation as a Segmenter: the first frame and its mask are all that it ever knows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vosbook.features import backbone_for
from vosbook.features.backbone import Backbone
from vosbook.merge import soft_aggregate, to_labels
from vosbook.nn.base_net import BaseNet
from vosbook.video.labels import object_ids
from vosbook.weights import load_network, read_described

METHOD = "frtm-base-net"  # what a checkpoint says that it is for


class BaseNetSegmenter:
    """A `Segmenter` without target model and updates. It is no method of the registry: it serves the ablation."""

    def __init__(self, backbone: Backbone, network: BaseNet):
        self.backbone, self.network = backbone, network
        self.targets: dict[int, Tensor] = {}  # encoded targets (1, 64, h, w) by object id

    @classmethod
    def load(cls, checkpoint: Path, *, device: str, note: Callable[[str], None]) -> "BaseNetSegmenter":
        """The network that the run `train_frtm` left (variant base_net). InputError: another file, or no backbone."""
        remedy = "train one with `make run RUN=train_frtm SET='variant=base_net'`"
        about = read_described(checkpoint, method=METHOD, remedy=remedy)
        backbone = backbone_for(checkpoint, about, device=device, note=note)
        network = BaseNet(backbone.channels)
        load_network(checkpoint, network)
        return cls(backbone, network.eval().to(device))

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        """Begin a video: encode every object of `masks`. ValueError where there is none."""
        if masks is None or not object_ids(masks):
            raise ValueError("the Base net needs the mask of at least one object in the first frame, got none")
        self.targets = {}
        self.add_objects(frame, masks)

    @torch.no_grad()
    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Take in the objects of `masks`, encoded from this frame."""
        x = self._features(frame)[self.network.level]
        for i in object_ids(masks):
            y = torch.from_numpy(masks == i)[None, None].to(x)  # (H, W) -> (1, 1, H, W)
            self.targets[i] = self.network.encode(x, y)

    @torch.no_grad()
    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels `uint8 (H, W)` of the next frame."""
        targets = torch.cat(list(self.targets.values()))  # (N, 64, h, w)
        logits = self.network.segment(targets, self._features(frame), frame.shape[:2])
        return to_labels(soft_aggregate(logits[:, 0].sigmoid()), list(self.targets)).cpu().numpy()

    def _features(self, frame: np.ndarray) -> dict[str, Tensor]:
        """`uint8 (H, W, 3)` -> features by level, `(1, C, h, w)`."""
        pixels = torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)))[None]  # (H, W, 3) -> (1, 3, H, W)
        return self.backbone(pixels.to(self.backbone.device).float() / 255)
