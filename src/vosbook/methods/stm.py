"""STM (Oh et al., "Video Object Segmentation Using Space-Time Memory Networks", ICCV 2019), made small.

Past frames lie in a memory, each cell with a key and a value. A new frame reads from all of them at once, and a decoder
turns what it has read into a mask. Nothing is learned while a video plays.

What is smaller, and other, than the paper's: one frozen trunk looks at every frame once. A cell's key comes from the
trunk alone, so a frame's keys serve it as a query and in the memory (as in STCN, Cheng et al., NeurIPS 2021), and all
objects share them. A value is made of the trunk's deepest features and the masks of that frame; the paper has a second
ResNet for it. N objects have N values, and are merged by their odds.

It is no method of the registry, and no network of it comes with the package: it serves the comparison with those.
"""

import math
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.features import backbone_for
from vosbook.features.backbone import STRIDES, Backbone, up_to
from vosbook.merge import normalised_odds, to_labels
from vosbook.nn.space_time_memory import affinity, read, similarity
from vosbook.video.labels import object_ids
from vosbook.weights import load_described, read_described

FINE = 4  # a mask is told in averages of FINE x FINE pixels: (stride / FINE) squared of them for a cell
Levels = Mapping[str, Tensor]  # a frame's features by level


@dataclass(frozen=True)
class StmConfig:
    """Sizes of the network. The paper's keys have 128 channels, its values 512, its decoder 256."""

    level: str = "layer3"  # of the backbone, whose cells are matched
    key: int = 64
    value: int = 128
    width: int = 48  # channels of the decoder
    similarity: str = "dot"  # or "distance", STCN's
    top: int | None = None  # cells that a cell may read from; None: all
    every: int = 5  # frames from one that stays in the memory to the next
    most: int = 12  # frames of the memory: the first, the one before, and the latest of those that stay
    size: tuple[int, int] = (256, 448)  # (H, W): frames are brought to about as many pixels, in their own shape


# ------------------------------------------------------------------------------------------------------- network


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, whose result is added to what they were given."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, z: Tensor) -> Tensor:
        return z + self.second(self.first(z.relu()).relu())


class Refine(nn.Module):
    """A shallower level's features join in: `(N, width, h, w)` -> the same, twice as large."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.skip = nn.Conv2d(channels, width, 3, padding=1)
        self.block = ResidualBlock(width)

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        larger = F.interpolate(z, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.block(larger + self.skip(x))  # the features of one frame serve all its objects


class Decoder(nn.Module):
    """What was read, beside the query's own value -> one logit per pixel."""

    def __init__(self, channels: Mapping[str, int], value: int, width: int):
        """`channels` of the levels that are shallower than the one whose cells are matched."""
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(2 * value, width, 3, padding=1), ResidualBlock(width))
        self.refine = nn.ModuleDict({level: Refine(channels[level], width) for level in sorted(channels, reverse=True)})
        self.score = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, z: Tensor, x: Levels, size: tuple[int, int]) -> Tensor:
        """`(N, 2 value, h, w)` and a frame's features `(1 or N, C, ., .)` -> logits `(N, 1, H, W)`."""
        z = self.enter(z)
        for level, refine in self.refine.items():
            z = refine(z, x[level])
        return F.interpolate(self.score(z.relu()), size=size, mode="bilinear", align_corners=False)


@dataclass
class Memory:
    """Frames that objects were seen in, the oldest first: keys `(1, key, h, w)`, values `(N, value, h, w)`."""

    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    def write(self, key: Tensor, value: Tensor, *, over: bool = False) -> None:
        """Add a frame; `over`: in the place of the last one."""
        if over:
            self.keys.pop(), self.values.pop()
        self.keys.append(key)
        self.values.append(value)

    def forget(self, most: int) -> None:
        """Of more frames than that, the oldest but the first go."""
        for frames in (self.keys, self.values):
            del frames[1 : max(1, len(frames) - most + 1)]


class StmNetwork(nn.Module):
    """All that is learned. It is given the features of a frozen backbone, from "layer1" to `config.level`."""

    def __init__(self, channels: Mapping[str, int], config: StmConfig = StmConfig()):
        super().__init__()
        self.config, self.stride, deep = config, STRIDES[config.level], channels[config.level]
        masks = 2 * (self.stride // FINE) ** 2  # of the object, and of the others
        self.key = nn.Conv2d(deep, config.key, 3, padding=1)
        self.look = nn.Conv2d(deep, config.value, 3, padding=1)  # the query's own value, which knows no mask
        self.value = nn.Sequential(
            nn.Conv2d(deep + masks, config.value, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(config.value, config.value, 3, padding=1),
        )
        shallower = {level: channels[level] for level in up_to(config.level)[:-1]}
        self.decode = Decoder(shallower, config.value, config.width)
        self.to(memory_format=torch.channels_last)

    def write(self, x: Levels, y: Tensor) -> tuple[Tensor, Tensor]:
        """A frame's features `(1, C, ., .)` and masks `(N, 1, H, W)` in 0..1 -> its key and its N values."""
        others = (y.sum(dim=0, keepdim=True) - y).clamp(0, 1)  # (N, 1, H, W)
        fine = F.avg_pool2d(torch.cat([y, others], dim=1), FINE)  # (N, 2, H / 4, W / 4)
        told = F.pixel_unshuffle(fine, self.stride // FINE)  # (N, 2 (4 4), h, w) at stride 16
        deep = x[self.config.level]
        return self.key(deep), self.value(torch.cat([deep.expand(len(y), -1, -1, -1), told], dim=1))

    def segment(self, x: Levels, memory: Memory, size: tuple[int, int]) -> Tensor:
        """A frame's features `(1, C, ., .)` and what is remembered of N objects -> logits `(N, 1, H, W)`."""
        keys, values = torch.stack(memory.keys, dim=2), torch.stack(memory.values, dim=2)  # (1 or N, C, T, h, w)
        deep = x[self.config.level]
        fits = similarity(keys, self.key(deep), kind=self.config.similarity)
        found = read(affinity(fits, top=self.config.top), values)  # (N, value, h, w)
        own = self.look(deep).expand(len(found), -1, -1, -1)
        return self.decode(torch.cat([found, own], dim=1), x, size)

    def follow(self, x: Levels, masks: Tensor) -> Tensor:
        """One clip: features `(T, C, ., .)` by level and first masks `(N, H, W)` -> `(T - 1, N + 1, H, W)`.

        Probabilities that sum to one, background first, of all frames after the first. Every frame is remembered with
        its own answer, through which the gradient flows.
        """
        memory, y, answers = Memory(), masks[:, None], []
        for t in range(len(x[self.config.level])):
            now = {level: maps[t : t + 1] for level, maps in x.items()}
            if t:
                p = self.segment(now, memory, masks.shape[-2:])[:, 0].sigmoid()  # (N, H, W)
                answers.append(normalised_odds(p))
                y = answers[-1][1:, None]
            memory.write(*self.write(now, y))
        return torch.stack(answers)

    def forward(self, x: Levels, masks: Tensor, valid: Tensor) -> list[Tensor]:
        """Clips: features `(B, T, C, ., .)` by level, first masks `(B, N, H, W)`, bool `(B, N)`: which there are.

        `follow` of each clip, with the objects that it has.
        """
        clips = ({level: maps[b] for level, maps in x.items()} for b in range(len(masks)))
        return [self.follow(clip, y[here]) for clip, y, here in zip(clips, masks, valid)]


def loss_of_clips(answers: Many[Tensor], masks: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy of the network's answers, mean over frames and clips; `masks (B, T - 1, N, H, W)` are 0 and 1."""
    losses = []
    for merged, y, here in zip(answers, masks, valid):
        y = y[:, here]  # (T - 1, n, H, W)
        true = torch.cat([1 - y.amax(dim=1, keepdim=True), y], dim=1)  # (T - 1, n + 1, H, W), background first
        losses.append(-(true * merged.log()).sum(dim=1).mean())
    return torch.stack(losses).mean()


# ----------------------------------------------------------------------------------------------------- segmenter


class StmSegmenter:
    """A `Segmenter`. Objects that were introduced together share a memory; it holds `most` frames at most."""

    def __init__(self, backbone: Backbone, network: StmNetwork):
        self.backbone, self.network, self.config = backbone, network, network.config
        self.groups: list[tuple[list[int], Memory, int]] = []  # ids, what is remembered of them, the frame it began in
        self._t = 0

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        """Begin a video: remember its first frame with the objects of `masks`. ValueError where there is none."""
        if masks is None or not object_ids(masks):
            raise ValueError("STM needs the mask of at least one object in the first frame, got none")
        self.groups, self._t = [], 0
        self._add(self._look(frame), masks)

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Take in objects that appear at the frame `step` was last given."""
        before = {i for ids, *_ in self.groups for i in ids}
        if known := sorted(before & set(object_ids(masks))):
            raise ValueError(f"objects {known} are known already: give the new ones alone")
        self._add(self._look(frame), masks)

    @torch.no_grad()
    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels `uint8 (H, W)` of the next frame."""
        self._t += 1
        x, size = self._look(frame), self._seen_size(frame)
        p = [self.network.segment(x, memory, size)[:, 0].sigmoid() for _, memory, _ in self.groups]
        merged = normalised_odds(torch.cat(p))  # (N + 1, h, w)
        self._remember(x, merged[1:, None])
        larger = F.interpolate(merged[None], size=frame.shape[:2], mode="bilinear", align_corners=False)[0]
        return to_labels(larger, [i for ids, *_ in self.groups for i in ids]).cpu().numpy()

    def _remember(self, x: Levels, y: Tensor) -> None:
        """Write a frame with its answers `(N, 1, h, w)`: over the one before, unless that is to stay."""
        key, value = self.network.write(x, y)
        values = value.split([len(ids) for ids, *_ in self.groups])
        for (_, memory, begun), own in zip(self.groups, values):
            before = self._t - 1 - begun  # frames from the group's first to the one before
            memory.write(key, own, over=before % self.config.every != 0)
            memory.forget(self.config.most)

    @torch.no_grad()
    def _add(self, x: Levels, masks: np.ndarray) -> None:
        ids = object_ids(masks)
        size = self._seen_size(masks)
        y = torch.from_numpy(np.stack([_resized((masks == i).astype(np.float32), size) for i in ids])[:, None])
        memory = Memory()
        memory.write(*self.network.write(x, y.to(self.backbone.device)))
        self.groups.append((ids, memory, self._t))

    def _look(self, frame: np.ndarray) -> Levels:
        """`uint8 (H, W, 3)` -> features by level, `(1, C, ., .)`, at the network's size."""
        smaller = _resized(frame, self._seen_size(frame))
        pixels = torch.from_numpy(np.ascontiguousarray(smaller.transpose(2, 0, 1)))[None]  # (1, 3, h, w)
        return self.backbone(pixels.to(self.backbone.device).float() / 255)

    def _seen_size(self, frame: np.ndarray) -> tuple[int, int]:
        """The size a frame is segmented at: as many pixels as configured, about its shape, whole cells."""
        size, stride = frame.shape[:2], self.network.stride
        scale = math.sqrt(math.prod(self.config.size) / math.prod(size))
        height, width = (max(1, round(n * scale / stride)) * stride for n in size)
        return height, width


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image `(H, W, ...)` in the size (h, w): averaged where it shrinks, bilinear where it grows."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


# ------------------------------------------------------------------------------------------------------- weights

METHOD = "stm"
TRAIN = "train one with `make run RUN=train_stm`"


def load_stm(path: Path, *, device: str, note: Callable[[str], None]) -> tuple[Backbone, StmNetwork]:
    """The network of a weight file and the backbone whose features it has learned from.

    InputError: a file that is none of STM's, or a backbone whose weights cannot be had.
    """
    about = read_described(path, method=METHOD, remedy=TRAIN)
    backbone = backbone_for(path, about, device=device, note=note)

    def build(config: StmConfig) -> StmNetwork:
        return StmNetwork(backbone.channels, config)

    network = load_described(path, StmConfig, build, method=METHOD, remedy=TRAIN)
    return backbone, network.to(device)
