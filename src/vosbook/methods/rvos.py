"""RVOS (Ventura et al., CVPR 2019): one network, recurrent over the objects of a frame and over the frames.

One-shot, every object's previous mask is an input, the first one given (RVOS-Mask in the paper). Zero-shot, no mask is:
the network finds up to ten objects itself, each in a slot that it keeps through the video.
"""

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features.backbone import LEVELS
from vosbook.matching import pairwise_soft_iou
from vosbook.nn.encoder import empty_encoder
from vosbook.nn.hierarchical_decoder import HierarchicalDecoder, Levels, resize
from vosbook.nn.wavefront import Cell, State, join, run, split, two_loops, wavefront
from vosbook.video.labels import object_ids
from vosbook.weights import describe_network, given_or_shipped, load_described


@dataclass(frozen=True)
class RvosConfig:
    """The paper's settings, RVOS-Mask-ST; without `space` or `time` RVOS-Mask-T or -S, without `mask` zero-shot."""

    backbone: str = "resnet101"
    levels: tuple[str, ...] = LEVELS
    hidden: int = 128  # channels of the deepest ConvLSTM
    space: bool = True  # recurrence over objects
    space_in_first_frame: bool = False  # where there is no `space`: over the first frame's objects, as in the code's T
    time: bool = True  # recurrence over frames
    mask: bool = True  # the previous mask is an input
    slots: int = 10  # most objects
    size: tuple[int, int] | None = (256, 448)  # (H, W) that frames are resized to; None: as they are


class RvosNetwork(nn.Module):
    """Encoder and decoder. The encoder turns images `(B, 3, H, W)` in 0..1 into features, and says their `channels`."""

    def __init__(self, encoder: nn.Module, config: RvosConfig = RvosConfig()):
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.decoder = HierarchicalDecoder(
            encoder.channels,
            config.hidden,
            space=config.space or config.space_in_first_frame,
            time=config.time,
            mask=config.mask,
        )

    def space_in(self, t: int) -> bool:
        """Whether an object is told of the one before it in frame t."""
        return self.config.space or (self.config.space_in_first_frame and t == 0)

    def look(self, images: Tensor) -> Levels:
        """What images `(B, 3, H, W)` in 0..1 add to the gates of all their objects."""
        return self.decoder.share(self.encoder(images))

    def forward(self, frames: Tensor, masks: Tensor | None = None, *, one_by_one: bool = False) -> Tensor:
        """Logits `(B, T, N, H, W)` of the objects in clips, frames `(B, T, 3, H, W)` in 0..1.

        One-shot `masks` are `(B, T, N, H, W)` in 0..1: every frame is given the true masks of the one before. Or they
        are `(B, 1, N, H, W)`, those of the first frame: from frame 2 on the network is given its own answers. The first
        frame is given its own masks (so the authors' code). Zero-shot there are none, and N is `config.slots`.

        Cells that do not need each other run as one batch; `one_by_one` runs them in two plain loops.
        ValueError where masks and network do not fit.
        """
        self._check(frames, masks)
        clip = _Clip(self, frames, masks)
        T, N = frames.shape[1], self.config.slots if masks is None else masks.shape[2]
        if one_by_one:
            answers = two_loops(clip.step, range(T), range(N), space_in=self.space_in)
        else:
            waits = self.config.time or (masks is not None and masks.shape[1] < T)  # for the frame before
            batches = wavefront(range(T), range(N), space=self.space_in(0), time=waits)
            answers, *_ = run(clip.step, batches, space_in=self.space_in)
        logits = [torch.cat([answers[t, i] for i in range(N)], dim=1) for t in range(T)]  # (B, N, H, W) each
        return torch.stack(logits, dim=1)

    def _check(self, frames: Tensor, masks: Tensor | None) -> None:
        if frames.ndim != 5 or frames.shape[2] != 3:
            raise ValueError(f"frames must be (B, T, 3, H, W), got {tuple(frames.shape)}")
        if (masks is not None) != self.config.mask:
            raise ValueError("this network takes previous masks" if self.config.mask else "this network takes no masks")
        if masks is not None:
            B, T, _, *size = frames.shape
            N = masks.shape[2] if masks.ndim == 5 else 0
            if tuple(masks.shape) not in ((B, T, N, *size), (B, 1, N, *size)) or not N:
                raise ValueError(f"masks must be ({B}, {T} or 1, N, {size[0]}, {size[1]}), got {tuple(masks.shape)}")


# ------------------------------------------------------------------------------------------------------ weight files


NETWORKS = {"rvos": "rvos.safetensors", "rvos-zero-shot": "rvos_zero_shot.safetensors"}  # which come with the package
TRAIN = "train one with `make run RUN=train_rvos`"


def describe(config: RvosConfig) -> dict[str, str]:
    """The words in a weight file by which `load_rvos` knows the network again."""
    return describe_network("rvos" if config.mask else "rvos-zero-shot", config)


def load_rvos(path: Path, *, method: str = "rvos") -> RvosNetwork:
    """The network of a weight file, its encoder included: no other file is needed.

    `method` is "rvos" or "rvos-zero-shot". InputError where the file is none of its networks.
    """
    return load_described(path, RvosConfig, _build, method=method, remedy=TRAIN)


def _build(config: RvosConfig) -> RvosNetwork:
    return RvosNetwork(empty_encoder(config.backbone, levels=config.levels), config)


def without_masks(network: RvosNetwork) -> dict[str, Tensor]:
    """A one-shot network's weights for a zero-shot one to begin with: those of the previous mask are left out."""
    state = network.state_dict()
    for level, cell in network.decoder.cells.items():
        before, _, after = cell.gates.weight.detach().tensor_split((cell.in_channels - 1, cell.in_channels), dim=1)
        state[f"decoder.cells.{level}.gates.weight"] = torch.cat([before, after], dim=1)
    return state


# ------------------------------------------------------------------------------------------------------ clips at once


class _Clip:
    """What the cells of a batch of clips have before them: their frames, and their previous masks as they come."""

    def __init__(self, network: RvosNetwork, frames: Tensor, masks: Tensor | None):
        self.decoder, self.size, T = network.decoder, frames.shape[-2:], frames.shape[1]
        shared = network.look(frames.transpose(0, 1).flatten(0, 1))  # (B, T, ...) -> (T B, ...)
        self.frames = split(shared, T)
        self.previous: dict[Cell, State] = {}  # each object's previous mask, pooled
        self.own = masks is not None and masks.shape[1] == 1  # the network's own masks go from frame to frame
        if masks is not None:
            for t in range(min(T, masks.shape[1] + 1)):
                self._give(t, masks[:, max(t - 1, 0)])

    def _give(self, t: int, masks: Tensor) -> None:
        """The previous masks `(B, N, H, W)` of all objects in frame t."""
        for i in range(masks.shape[1]):
            self.previous[t, i] = self.decoder.pool(masks[:, i : i + 1])

    def step(self, cells: Many[Cell], space: State | None, time: State | None) -> tuple[Tensor, State, State]:
        """The logits `(n B, 1, H, W)` of n cells, and what they hand on."""
        shared = join([self.frames[t] for t, _ in cells])
        masks = join([self.previous.pop(cell, None) for cell in cells])
        h, space, time = self.decoder(shared, masks, space, time)
        logits = resize(self.decoder.logits(h), self.size)
        if self.own:
            pooled = split(self.decoder.pool(logits.sigmoid()), len(cells))
            for (t, i), levels in zip(cells, pooled):
                self.previous.setdefault((t + 1, i), levels)  # frame 1 has the given masks
        return logits, space, time


# ----------------------------------------------------------------------------------------------------- frame by frame


class RvosSegmenter:
    """A `Segmenter`: one-shot with a network that takes masks, else zero-shot.

    One-shot, objects have slots in the order of their appearance, those of one frame in the order of their ids, and
    only as many decoder steps are run as there are objects: later slots do not change earlier ones.

    Zero-shot, all slots are run, since any of them may hold an object; without masks the labels are slot + 1. Where
    `start` is given masks, they only choose the slots that are scored, as in the paper (section 4.2): each object gets
    the slot whose mask in that frame is nearest to it, and keeps it.
    """

    def __init__(self, network: RvosNetwork):
        self.network = network.eval()
        self.config = network.config
        self.objects: dict[int, int] = {}  # id by slot
        self.p = torch.empty(0)  # (N, 1, h, w): the masks that go on to the next frame, in 0..1
        self._t = 0
        self._given = False  # whether `start` had masks
        self._space: dict[Cell, State] = {}  # what the last object of this frame handed on
        self._time: dict[Cell, State] = {}  # what this frame handed on
        self._shared: Levels = ()  # of this frame

    @classmethod
    def load(
        cls,
        method: str,
        *,
        checkpoint: Path | None,
        device: str,
        note: Callable[[str], None],
    ) -> "RvosSegmenter":
        """The network of `checkpoint`, else the package's own, for `method`: "rvos" or "rvos-zero-shot".

        InputError where there is none, or the file is none of the method's.
        """
        path = given_or_shipped(checkpoint, NETWORKS[method], remedy=TRAIN, note=note)
        return cls(load_rvos(path, method=method).to(device))

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> np.ndarray | None:
        """Begin a video. Zero-shot returns the labels `uint8 (H, W)` of the first frame.

        ValueError where a one-shot network has no object; InputError where there are more than slots.
        """
        self.objects, self._time, self._t = {}, {}, 0
        given = masks if masks is not None and object_ids(masks) else None
        self._given = given is not None
        if self.config.mask and given is None:
            raise ValueError("RVOS with masks needs the mask of at least one object in the first frame, got none")
        self._look(frame)
        self.p = self._shared[0].new_empty(0, 1, *self._seen_size(frame))
        if self.config.mask and given is not None:
            self._add(given)
            return None
        logits = self._find()
        if given is None:
            self.objects = {slot: slot + 1 for slot in range(self.config.slots)}
        else:
            self._choose(given)
        return self._labels(logits, frame.shape[:2])

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Take in objects that appear at the frame `step` was last given. Where they are, the known ones are not."""
        if not self._given:
            raise ValueError("the objects of this video were left to be found: none can be added")
        if known := sorted(set(object_ids(masks)) & set(self.objects.values())):
            raise ValueError(f"objects {known} are known already: give the new ones alone")
        self._add(masks) if self.config.mask else self._choose(masks)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels `uint8 (H, W)` of the next frame."""
        self._t += 1
        self._look(frame)
        return self._labels(self._find(), frame.shape[:2])

    @torch.no_grad()
    def _look(self, frame: np.ndarray) -> None:
        """A new frame `uint8 (H, W, 3)`: its features' share of the gates."""
        pixels = torch.from_numpy(_resized(frame, self._seen_size(frame)).transpose(2, 0, 1)[None])  # (1, 3, h, w)
        self._shared = self.network.look(pixels.to(self.device).float() / 255)
        self._space = {}

    def _find(self) -> Tensor:
        """Run the objects' cells of this frame: logits `(N, 1, ., .)`; their masks go on to the next frame."""
        count = len(self.objects) if self.config.mask else self.config.slots
        logits = self._run(range(count), self.p)
        self.p = resize(logits, self.p.shape[-2:]).sigmoid()
        return logits

    @torch.no_grad()
    def _run(self, slots: range, p: Tensor) -> Tensor:
        """Logits `(n, 1, ., .)` of these slots in this frame, given their previous masks `(n, 1, h, w)`."""
        decoder = self.network.decoder
        masks = dict(zip(slots, split(decoder.pool(p), len(slots)))) if self.config.mask else {}

        def step(cells: Many[Cell], space: State | None, time: State | None) -> tuple[Tensor, State, State]:
            shared = tuple(z.expand(len(cells), -1, -1, -1) for z in self._shared)
            return decoder(shared, join([masks.get(i) for _, i in cells]), space, time)

        space_in = self.network.space_in
        batches = wavefront([self._t], slots, space=space_in(self._t), time=self.config.time)
        answers, self._space, self._time = run(step, batches, space=self._space, time=self._time, space_in=space_in)
        return decoder.logits(torch.cat([answers[self._t, i] for i in slots]))

    def _add(self, masks: np.ndarray) -> None:
        """Give the objects of labels `uint8 (H, W)` the next slots, and run those in this frame."""
        ids, first = object_ids(masks), len(self.objects)
        if first + len(ids) > self.config.slots:
            raise InputError(
                f"RVOS follows at most {self.config.slots} objects, and here are {first + len(ids)}: give fewer"
            )
        self.objects |= {first + n: i for n, i in enumerate(ids)}
        new = self._masks(masks, ids)  # (n, 1, h, w)
        self._run(range(first, first + len(ids)), new)
        self.p = torch.cat([self.p * (1 - new.amax(dim=0)), new])

    def _choose(self, masks: np.ndarray) -> None:
        """Give each object of labels `uint8 (H, W)` the free slot whose mask is nearest: the best sum of J."""
        free = [slot for slot in range(self.config.slots) if slot not in self.objects]
        y = self._masks(masks, ids := object_ids(masks))  # (M, 1, h, w)
        j = pairwise_soft_iou((self.p[free] > 0.5).float().transpose(0, 1), y.transpose(0, 1))[0]  # (N, M)
        pairs = zip(*linear_sum_assignment(j.cpu().numpy(), maximize=True))  # objects beyond the slots have none
        self.objects |= {free[slot]: ids[n] for slot, n in pairs}

    def _labels(self, logits: Tensor, size: tuple[int, int]) -> np.ndarray:
        """The most probable object of every pixel, background where none is likelier than not, `uint8 (H, W)`."""
        slots = sorted(self.objects)
        best, number = resize(logits[slots], size)[:, 0].max(dim=0)  # (H, W) each
        table = torch.tensor([self.objects[slot] for slot in slots], dtype=torch.uint8, device=best.device)
        return torch.where(best > 0, table[number], 0).cpu().numpy()

    def _masks(self, labels: np.ndarray, ids: Iterable[int]) -> Tensor:
        """Labels `uint8 (H, W)` -> masks `(n, 1, h, w)` in 0..1 in the size that the network sees."""
        masks = [_resized((labels == i).astype(np.float32), tuple(self.p.shape[-2:])) for i in ids]
        return torch.from_numpy(np.stack(masks)[:, None]).to(self.device)

    def _seen_size(self, frame: np.ndarray) -> tuple[int, int]:
        return self.config.size or frame.shape[:2]

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image `(H, W, ...)` in the size (h, w): averaged where it shrinks, bilinear where it grows."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
