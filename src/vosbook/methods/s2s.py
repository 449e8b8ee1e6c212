"""S2S (Xu et al., "YouTube-VOS", ECCV 2018, section 4): a ConvLSTM carries one object through a video.

    c_0, h_0 = Initializer(x_0, y_0)             (1)
    x~_t = Encoder(x_t)                          (2)
    c_t, h_t = ConvLSTM(x~_t, c_t-1, h_t-1)      (3)
    y^_t = Decoder(h_t)                          (4)

Two variants are the paper's ablations: "mask-as-state" has no Initializer, the first mask itself is h_0 and c_0;
"mask-as-input" has one network in the place of Initializer and Encoder, which sees each frame with the mask before it.

N objects are N states in one batch; they share a frame's x~ where that does not depend on a mask.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.merge import soft_aggregate, to_labels
from vosbook.nn.conv_lstm import ConvLSTM
from vosbook.nn.encoder import Encoder, empty_encoder
from vosbook.training.views import CLIP_VIEWS, ViewConfig, draw_affine, warp_image, warp_labels
from vosbook.video.labels import object_ids
from vosbook.weights import given_or_shipped, load_described

PRIOR = -2.5  # the decoder's last bias at the start: 8% of the pixels
VARIANTS = ("initializer", "mask-as-state", "mask-as-input")


@dataclass(frozen=True)
class S2SConfig:
    """Sizes of the network; the paper's by default (section 4.3)."""

    variant: str = "initializer"  # the paper's model, or one of its ablations (section 5.4)
    backbone: str = "vgg16"
    level: str = "layer4"  # of the backbone, where the Encoder ends; VGG's layer4 is its first fully connected layer
    initial_level: str = "layer4"  # where the Initializer ends; strided convolutions make up for one of less stride
    width: int = 512  # channels of x~, h and c
    decoder: tuple[int, ...] = (512, 256, 128, 64, 64)  # channels of the upsampling layers, each doubles the size
    size: tuple[int, int] = (256, 448)  # (H, W) of the training's frames

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {self.variant!r}")


# ------------------------------------------------------------------------------------------------------- network


class Trunk(nn.Module):
    """A backbone up to one level, and as many 3x3 convolutions of stride two as it takes to come to `stride`."""

    def __init__(self, encoder: Encoder, level: str, *, stride: int):
        super().__init__()
        self.encoder, self.level, self.channels = encoder, level, encoder.channels[level]
        layers = []
        for _ in range(round(math.log2(stride / encoder.strides[level]))):
            layers += [nn.Conv2d(self.channels, self.channels, 3, stride=2, padding=1), nn.ReLU(inplace=True)]
        self.top = _xavier(nn.Sequential(*layers))

    def forward(self, images: Tensor) -> Tensor:
        """`(B, 3 or 4, H, W)` in 0..1 -> `(B, channels, H / stride, W / stride)`."""
        return self.top(self.encoder(images)[self.level])


class Initializer(nn.Module):
    """The first frame and an object's mask -> h_0 and c_0 (Eq. 1)."""

    def __init__(self, trunk: Trunk, width: int):
        super().__init__()
        self.trunk = trunk
        self.h = _xavier(nn.Conv2d(trunk.channels, width, 1))
        self.c = _xavier(nn.Conv2d(trunk.channels, width, 1))

    def forward(self, frames: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Frames `(N, 3, H, W)` and masks `(N, 1, H, W)`, in 0..1 -> (h, c), each `(N, width, h, w)`."""
        features = self.trunk(torch.cat([frames, masks], dim=1))
        return self.h(features).relu(), self.c(features).relu()


class FrameEncoder(nn.Module):
    """A frame -> x~ (Eq. 2); with a mask beside it in the variant "mask-as-input"."""

    def __init__(self, trunk: Trunk, width: int):
        super().__init__()
        self.trunk = trunk
        self.x = _xavier(nn.Conv2d(trunk.channels, width, 1))

    def forward(self, images: Tensor) -> Tensor:
        """`(B, 3 or 4, H, W)` in 0..1 -> `(B, width, h, w)`."""
        return self.x(self.trunk(images)).relu()


class Decoder(nn.Module):
    """h -> the mask's logits (Eq. 4): layers that double the size, then one 5x5 filter.

    The upsampling layers are transposed convolutions; the paper does not say which kind they are. Biases begin at zero,
    but for the last: objects are small, and a network that first learns so may shut its ReLUs for good.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], kernel: int = 5):
        super().__init__()
        layers, half = [], kernel // 2
        for width in widths:
            double = nn.ConvTranspose2d(channels, width, kernel, stride=2, padding=half, output_padding=1)
            layers += [double, nn.ReLU(inplace=True)]
            channels = width
        self.upsample = _xavier(nn.Sequential(*layers))
        self.score = _xavier(nn.Conv2d(channels, 1, kernel, padding=half))
        nn.init.constant_(self.score.bias, PRIOR)

    def forward(self, h: Tensor, size: tuple[int, int]) -> Tensor:
        """`(B, channels, h, w)` -> logits `(B, 1, H, W)`; with fewer layers than it takes, bilinear the last bit."""
        logits = self.score(self.upsample(h))
        if logits.shape[-2:] == size:
            return logits
        return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


@dataclass
class Memory:
    """What is carried from frame to frame: N objects."""

    h: Tensor  # (N, width, h, w)
    c: Tensor  # (N, width, h, w)
    mask: Tensor | None = None  # (N, 1, H, W) in 0..1, the one before, where the Encoder sees it


class S2S(nn.Module):
    """The whole network. `encoder` and `initial_encoder` are backbones with gradient, for this network alone."""

    def __init__(self, config: S2SConfig, encoder: Encoder, initial_encoder: Encoder | None = None):
        """ValueError where the encoders do not fit the variant: which takes masks, and whether there are two."""
        super().__init__()
        _check_encoders(config, encoder, initial_encoder)
        self.config, self.stride = config, encoder.strides[config.level]
        trunk = Trunk(encoder, config.level, stride=self.stride)
        self.encode = FrameEncoder(trunk, config.width)
        if initial_encoder is not None:
            trunk = Trunk(initial_encoder, config.initial_level, stride=self.stride)
            self.initialize = Initializer(trunk, config.width)
        self.lstm = ConvLSTM(config.width, config.width)
        self.decode = Decoder(config.width, config.decoder)
        self.to(memory_format=torch.channels_last)

    def begin(self, frames: Tensor, masks: Tensor) -> Memory:
        """The first frame, `(1 or N, 3, H, W)`, and N masks `(N, 1, H, W)`, all in 0..1 -> the memory before Eq. 2.

        ValueError where H or W is no multiple of the network's stride.
        """
        if any(n % self.stride for n in masks.shape[-2:]):
            raise ValueError(f"H and W must be multiples of {self.stride}, got {tuple(masks.shape[-2:])}")
        frames = _channels_last(frames.expand(len(masks), -1, -1, -1))
        if self.config.variant == "mask-as-input":  # one network for both parts: the first frame passes through it too
            h, c = self.lstm(self.encode(torch.cat([frames, masks], dim=1)))
            return Memory(h, c, masks)
        if self.config.variant == "mask-as-state":
            grid = [n // self.stride for n in masks.shape[-2:]]
            state = F.adaptive_avg_pool2d(masks, grid).expand(-1, self.config.width, -1, -1)  # (N, width, h, w)
            return Memory(state, state)
        return Memory(*self.initialize(frames, masks))

    def step(self, frames: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The next frame, `(1 or N, 3, H, W)` -> logits `(N, 1, H, W)` and the memory after it."""
        size, frames = frames.shape[-2:], _channels_last(frames)
        if memory.mask is not None:
            frames = torch.cat([frames.expand(len(memory.mask), -1, -1, -1), memory.mask], dim=1)
        x = self.encode(frames).expand(len(memory.h), -1, -1, -1)  # (N, width, h, w)
        h, c = self.lstm(x, (memory.h, memory.c))
        logits = self.decode(h, size)
        return logits, Memory(h, c, None if memory.mask is None else logits.detach().float().sigmoid())

    def forward(self, frames: Tensor, masks: Tensor, *, teacher: bool = False) -> Tensor:
        """Clips `(B, T, 3, H, W)` and masks `(B, T, 1, H, W)`, in 0..1 -> logits `(B, T - 1, 1, H, W)` from x_1 on.

        Of the masks only the first is looked at, but with `teacher`: then the Encoder of the variant "mask-as-input"
        sees the true mask of the frame before in the place of its own answer (teacher forcing).
        """
        memory = self.begin(frames[:, 0], masks[:, 0])
        if memory.mask is not None:
            return self._step_by_step(frames, masks, memory, teacher)
        size, later = frames.shape[-2:], _channels_last(frames[:, 1:].flatten(0, 1))  # (B (T - 1), 3, H, W)
        x = self.encode(later).unflatten(0, frames[:, 1:].shape[:2])  # (B, T - 1, width, h, w)
        state, answers = (memory.h, memory.c), []
        for t in range(x.shape[1]):
            state = self.lstm(x[:, t], state)
            answers.append(state[0])
        h = torch.stack(answers, dim=1).flatten(0, 1)  # (B (T - 1), width, h, w)
        return self.decode(h, size).unflatten(0, x.shape[:2])

    def _step_by_step(self, frames: Tensor, masks: Tensor, memory: Memory, teacher: bool) -> Tensor:
        answers = []
        for t in range(1, frames.shape[1]):
            logits, memory = self.step(frames[:, t], memory)
            answers.append(logits)
            if teacher:
                memory.mask = masks[:, t]
        return torch.stack(answers, dim=1)


def _check_encoders(config: S2SConfig, encoder: Encoder, initial_encoder: Encoder | None) -> None:
    wanted = 4 if config.variant == "mask-as-input" else 3
    if encoder.in_channels != wanted:
        raise ValueError(f"the Encoder of {config.variant} takes {wanted} channels, got {encoder.in_channels}")
    if (config.variant == "initializer") != (initial_encoder is not None):
        raise ValueError(f"only the variant initializer has a second encoder, and it must: got {config.variant}")


def _xavier(module: nn.Module) -> nn.Module:
    """Xavier weights and zero biases for the module and all its parts (section 4.3)."""
    for parameter in module.parameters():
        (nn.init.xavier_uniform_ if parameter.ndim > 1 else nn.init.zeros_)(parameter)
    return module


def _channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def loss_of_clips(logits: Tensor, masks: Tensor, labelled: Tensor) -> Tensor:
    """Binary cross-entropy (Eq. 5, whose second term lacks its minus) of logits and masks `(B, T - 1, 1, H, W)`.

    `labelled`, bool `(B, T - 1)`, says which frames have a true mask; the loss of the others is 0, and they count in
    the mean.
    """
    loss = F.binary_cross_entropy_with_logits(logits.float(), masks, reduction="none").mean(dim=(2, 3, 4))
    return torch.where(labelled, loss, 0).mean()


# ----------------------------------------------------------------------------------------------- online learning


ONLINE_VIEWS = replace(CLIP_VIEWS, flip=0.0)  # the maps of the training's clips, unmirrored


@dataclass(frozen=True)
class OnlineConfig:
    """Online learning (section 4.3). The paper gives neither rate nor length nor the range of the transformations."""

    iterations: int = 60
    batch: int = 2  # pairs in an iteration
    lr: float = 1e-4
    seed: int = 0


def affine_pairs(
    frame: np.ndarray,
    labels: np.ndarray,
    generator: np.random.Generator,
    *,
    size: tuple[int, int],
    views: ViewConfig = ONLINE_VIEWS,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs (x_0, y_0), (x_1, y_1) without end: clips of two frames, `(2, 3, H, W)` and `(2, 1, H, W)`, in 0..1.

    Both frames are `frame` `uint8 (h, w, 3)`, with one of the objects of `labels` `uint8 (h, w)`, through random affine
    maps to `size` (H, W). Of `views` the maps alone are drawn: the light stays.
    """
    while True:
        mask = (labels == generator.choice(object_ids(labels))).astype(np.uint8)
        moves = [draw_affine(views, generator, size=size) for _ in range(2)]
        images = np.stack([warp_image(frame, move, size) for move in moves])
        masks = np.stack([warp_labels(mask, move, size) for move in moves])
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255  # (2, H, W, 3) -> (2, 3, H, W)
        yield x, torch.from_numpy(masks)[:, None].float()  # (2, H, W) -> (2, 1, H, W)


def learn_online(network: S2S, frame: np.ndarray, labels: np.ndarray, config: OnlineConfig) -> list[float]:
    """Fine-tune all but the ConvLSTM, in place, on affine pairs of one frame; returns the loss by iteration.

    `frame` is `uint8 (H, W, 3)`, `labels` `uint8 (H, W)` with the objects to learn.
    """
    learned = [p for name, p in network.named_parameters() if not name.startswith("lstm.")]
    optimizer, losses = torch.optim.Adam(learned, lr=config.lr), []
    pairs = affine_pairs(frame, labels, np.random.default_rng(config.seed), size=working_size(labels.shape, network))
    for _ in range(config.iterations):
        batch = zip(*islice(pairs, config.batch))
        x, y = (torch.stack(part).to(learned[0].device) for part in batch)  # (B, 2, 3, H, W), (B, 2, 1, H, W)
        with torch.enable_grad():
            loss = loss_of_clips(network(x, y), y[:, 1:], torch.ones(len(y), 1, dtype=torch.bool, device=y.device))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss, inputs=learned)  # the ConvLSTM gathers no gradients, which nobody would use
        optimizer.step()
        losses.append(loss.item())
    return losses


# ----------------------------------------------------------------------------------------------------- segmenter


ENLARGE = 1.5  # chosen on DAVIS 2016's training sequences at 480p, among 1, 1.25 and 1.5 (run `s2s_size`)


class S2SSegmenter:
    """A `Segmenter`: the objects' memories are all that it keeps of a video."""

    def __init__(self, network: S2S, online: OnlineConfig | None = None, *, enlarge: float = ENLARGE):
        """`network` is trained; with `online`, a copy of it learns from the frames that introduce objects.

        Frames are seen with up to `enlarge` times the lines that the network was trained on. The paper states a size
        for the training only.
        """
        self.network, self.trained, self.online, self.enlarge = network, network, online, enlarge
        self.ids: list[int] = []
        self.memory: Memory | None = None

    @classmethod
    def load(
        cls,
        online: OnlineConfig | None = None,
        *,
        checkpoint: Path | None,
        device: str,
        note: Callable[[str], None],
    ) -> "S2SSegmenter":
        """The network of `checkpoint`, else the package's own. InputError: a file that is none of S2S's."""
        path = given_or_shipped(checkpoint, "s2s.safetensors", remedy=TRAIN, note=note)
        return cls(load_s2s(path).to(device), online)

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        """Begin a video: one memory per object of `masks`. ValueError where there is none."""
        if masks is None or not object_ids(masks):
            raise ValueError("S2S needs the mask of at least one object in the first frame, got none")
        self.ids, self.memory = [], None
        self.network = copy.deepcopy(self.trained) if self.online else self.trained
        self._add(frame, masks)

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Take in objects that appear at the frame `step` was last given."""
        if known := sorted(set(object_ids(masks)) & set(self.ids)):
            raise ValueError(f"objects {known} are known already: give the new ones alone")
        self._add(frame, masks)

    @torch.no_grad()
    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels `uint8 (H, W)` of the next frame."""
        if self.memory is None:
            raise ValueError("S2S has no object to follow: `start` comes before `step`")
        logits, self.memory = self.network.step(self._images(frame), self.memory)
        logits = F.interpolate(logits, size=frame.shape[:2], mode="bilinear", align_corners=False)
        return to_labels(soft_aggregate(logits[:, 0].sigmoid()), self.ids).cpu().numpy()

    def _add(self, frame: np.ndarray, masks: np.ndarray) -> None:
        ids = object_ids(masks)
        y = self._resized(torch.from_numpy(np.stack([masks == i for i in ids]))[:, None].float())  # (N, 1, h, w)
        if self.online:
            learn_online(self.network, frame, masks, self.online)
        with torch.no_grad():
            new = self.network.begin(self._images(frame), y)
        self.memory = new if self.memory is None else _join(self.memory, new)
        self.ids += ids

    def _images(self, frame: np.ndarray) -> Tensor:
        """`uint8 (H, W, 3)` -> `(1, 3, h, w)` in 0..1, of the network's size."""
        pixels = torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)))[None]  # (H, W, 3) -> (1, 3, H, W)
        return self._resized(pixels.float() / 255)

    def _resized(self, images: Tensor) -> Tensor:
        """Images `(B, C, H, W)` in the network's size, on its device; averaged where that is smaller."""
        size = working_size(images.shape[-2:], self.network, enlarge=self.enlarge)
        images = images.to(next(self.network.parameters()).device)
        return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)


def working_size(size: tuple[int, int], network: S2S, *, enlarge: float = 1.0) -> tuple[int, int]:
    """A frame's (H, W) -> the size it is seen in: about its shape, in whole strides.

    It has as many pixels as the network was trained on; of a larger frame, up to `enlarge` times the lines and columns.
    """
    larger = math.sqrt(math.prod(size) / math.prod(network.config.size))  # than the frames of the training
    scale = max(1, min(larger, enlarge)) / larger
    height, width = (max(1, round(n * scale / network.stride)) * network.stride for n in size)
    return height, width


def _join(known: Memory, new: Memory) -> Memory:
    """The memories of all objects, `(N, ...)` each. Where a new object was given, the others' last masks are not."""
    if known.mask is None or new.mask is None:
        return Memory(torch.cat([known.h, new.h]), torch.cat([known.c, new.c]))
    masks = torch.cat([known.mask * (1 - new.mask.amax(dim=0)), new.mask])
    return Memory(torch.cat([known.h, new.h]), torch.cat([known.c, new.c]), masks)


# ------------------------------------------------------------------------------------------------------- weights

METHOD = "s2s"
TRAIN = "train one with `make run RUN=train_s2s`"


def load_s2s(path: Path) -> S2S:
    """The network of a weight file, encoders included: no other file is needed. InputError: none of S2S's."""
    return load_described(path, S2SConfig, lambda config: build_s2s(config, empty_encoder), method=METHOD, remedy=TRAIN)


def build_s2s(config: S2SConfig, make_encoder: Callable[..., Encoder]) -> S2S:
    """The network of a configuration. `make_encoder(name, levels=..., in_channels=...)` gives its encoders."""
    channels = 4 if config.variant == "mask-as-input" else 3
    encoder = make_encoder(config.backbone, levels=[config.level], in_channels=channels)
    if config.variant != "initializer":
        return S2S(config, encoder)
    return S2S(config, encoder, make_encoder(config.backbone, levels=[config.initial_level], in_channels=4))
