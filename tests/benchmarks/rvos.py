"""RVOS with ResNet-101: seconds a frame with one and ten objects, at 480x854 and 256x448; a training step's schedule.

    OMP_NUM_THREADS=2 python tests/benchmarks/rvos.py
    python tests/benchmarks/rvos.py --training --device cuda

Weights are random, which does not change the time. Beside the library, in the same run, the authors' form: ten decoder
steps whatever the number of objects, batch norms apart, all inputs of the gates in one convolution for every object.
Both must give the same masks.

Seconds are those of the clock and of the processor: where others use the machine, only the second say something.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from vosbook.features.backbone import LEVELS, STRIDES
from vosbook.features.resnet import ResNet
from vosbook.matching import soft_iou_loss
from vosbook.methods.rvos import RvosConfig, RvosNetwork, RvosSegmenter
from vosbook.nn.encoder import Encoder

REQUIRED = {(480, 854): {1: 0.95, 10: 1.4}, (256, 448): {1: 0.30, 10: 0.44}}  # seconds a frame on two cores
STEPS = 10  # of the decoder, in the authors' form


class Seconds(NamedTuple):
    """By the clock, and of the processor."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:6.2f} s, processor {self.cpu:6.2f} s"


def timed(work: Callable[[], object], *, runs: int = 1) -> Seconds:
    """The fastest of several runs."""
    best = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        best.append((time.perf_counter() - wall, time.process_time() - cpu))
    return Seconds(*(min(part) for part in zip(*best)))


# ----------------------------------------------------------------------------------------------------------- inference


def tame_resnet101() -> torchvision.models.ResNet:
    """Random weights under which 33 blocks neither explode nor vanish."""
    torch.manual_seed(0)
    resnet = torchvision.models.resnet101().eval()
    for module in resnet.modules():
        if isinstance(module, torchvision.models.resnet.Bottleneck):
            nn.init.constant_(module.bn3.weight, 0.2)
    return resnet


def new_network() -> RvosNetwork:
    """The paper's RVOS over that ResNet-101, which learns nothing here."""
    backbone = ResNet("resnet101", tame_resnet101().state_dict(), levels=LEVELS, source="random")
    torch.manual_seed(1)
    return RvosNetwork(Encoder(backbone).requires_grad_(False), RvosConfig(size=None))


class AuthorsForm:
    """A frame at a time, one slot after the other, all ten of them."""

    def __init__(self, resnet: torchvision.models.ResNet, network: RvosNetwork):
        self.resnet, self.decoder = resnet, network.decoder
        self.mean, self.std = network.encoder.backbone.mean, network.encoder.backbone.std
        self.h_time: list[list[Tensor]] | None = None

    @torch.no_grad()
    def __call__(self, image: Tensor, p: Tensor) -> Tensor:
        """An image `(1, 3, H, W)` and the slots' previous masks `(10, 1, H, W)` -> masks `(10, 1, H, W)`."""
        x, features = self.resnet.maxpool(self.resnet.relu(self.resnet.bn1(self.resnet.conv1(self._norm(image))))), []
        for level in LEVELS:
            x = getattr(self.resnet, level)(x)
            features.append(x)
        f = [self.decoder.project[d](z) for d, z in zip(self.decoder.levels, reversed(features))]
        masks, h_time, h_space, c = [], [], [None] * 4, [None] * 4
        for i in range(STEPS):
            deep = None
            for k, (d, cell) in enumerate(self.decoder.cells.items()):
                zeros = torch.zeros(1, cell.channels, *f[k].shape[-2:])
                mask = F.max_pool2d(p[i : i + 1], STRIDES[d], ceil_mode=True)
                above = [] if deep is None else [self._resize(deep, f[k].shape[-2:])]
                before = zeros if self.h_time is None else self.h_time[i][k]
                space = zeros if h_space[k] is None else h_space[k]
                gates = cell.gates(torch.cat([f[k], *above, mask, space, before], dim=1))
                write, keep, show, new = gates.chunk(4, dim=1)
                c[k] = keep.sigmoid() * (zeros if c[k] is None else c[k]) + write.sigmoid() * new.tanh()
                h_space[k] = deep = show.sigmoid() * c[k].tanh()
            h_time.append(list(h_space))
            up = self._resize(deep, (2 * deep.shape[-2], 2 * deep.shape[-1]))
            masks.append(self._resize(self.decoder.score(up), image.shape[-2:]).sigmoid())
        self.h_time = h_time
        return torch.cat(masks)

    def _norm(self, image: Tensor) -> Tensor:
        return (image - self.mean) / self.std

    @staticmethod
    def _resize(z: Tensor, size: tuple[int, int]) -> Tensor:
        return F.interpolate(z, size=size, mode="bilinear", align_corners=True)


def one_frame(segmenter: RvosSegmenter, frames: Iterator[np.ndarray]) -> None:
    segmenter.step(next(frames))


def compare_inference(size: tuple[int, int], runs: int) -> None:
    """Print the seconds of a frame."""
    network, resnet = new_network().eval(), tame_resnet101()
    frames = np.random.default_rng(0).integers(0, 256, (runs + 2, *size, 3), np.uint8)
    labels = np.zeros(size, np.uint8)
    for i in range(10):
        labels[i * size[0] // 10 : (i + 1) * size[0] // 10 - 4, : size[1] // 2] = i + 1

    plain = AuthorsForm(resnet, network)
    p = torch.stack([torch.from_numpy(labels == i + 1) for i in range(10)])[:, None].float()
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    plain(images[:1], p)
    wanted = plain(images[1:2], p)
    state = iter(images[2:])
    authors = timed(lambda: plain(next(state)[None], wanted), runs=runs)
    print(f"\n{size[0]} x {size[1]}", flush=True)
    print(f"  the authors' form, any number of objects  {authors}", flush=True)
    for objects, required in REQUIRED[size].items():
        segmenter = RvosSegmenter(network)
        segmenter.start(frames[0], np.where(labels <= objects, labels, 0).astype(np.uint8))
        segmenter.step(frames[1])
        difference = (segmenter.p - wanted[:objects]).abs().max().item()
        ours = timed(partial(one_frame, segmenter, iter(frames[2:])), runs=runs)
        print(f"  objects: {objects:<2}                               {ours}   {authors.cpu / ours.cpu:.2f} x", end="")
        print(f"   required on two cores {required:.2f} s; masks differ by {difference:.0e}", flush=True)


# ------------------------------------------------------------------------------------------------------------ training


def compare_training(device: str, clips: int, runs: int) -> None:
    """Print the seconds of a training step's forward and backward pass, in two loops and in wavefronts."""
    network = new_network().to(device).train()
    frames = torch.rand(clips, 5, 3, 256, 448, device=device)
    y = (torch.rand(clips, 5, 5, 256, 448, device=device) > 0.5).float()
    valid = torch.ones(clips, 5, dtype=torch.bool, device=device)

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def step(*, one_by_one: bool) -> Tensor:
        network.zero_grad()
        p = network(frames, y[:, :1], one_by_one=one_by_one).sigmoid()
        soft_iou_loss(p, y, valid).backward()
        wait()
        return torch.cat([w.grad.flatten() for w in network.decoder.parameters()])

    def encoder() -> None:
        network.encoder(frames.flatten(0, 1))
        wait()

    fast, slow = step(one_by_one=False), step(one_by_one=True)  # which warms up, too
    difference = ((fast - slow).norm() / slow.norm()).item()
    front = timed(lambda: step(one_by_one=False), runs=runs)
    loops = timed(lambda: step(one_by_one=True), runs=runs)
    alone = timed(encoder, runs=runs)
    print(f"\na training step on {device}: {clips} clips of 5 frames, 5 objects, 256 x 448, the encoder frozen")
    print(f"  two loops                                 {loops}")
    print(f"  wavefronts                                {front}   gradients differ by {difference:.0e} of their norm")
    print(f"  of each, the encoder                      {alone}")
    k = 0 if device == "cuda" else 1
    print(f"  ratio {loops[k] / front[k]:.2f}; without the encoder {(loops[k] - alone[k]) / (front[k] - alone[k]):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--training", action="store_true", help="only the training step")
    parser.add_argument("--inference", action="store_true", help="only the frames")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="of the training step")
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_flush_denormal(True)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    if not chosen.training:
        for size in REQUIRED:
            compare_inference(size, chosen.runs)
    if not chosen.inference:
        compare_training(chosen.device, chosen.clips, chosen.runs)


if __name__ == "__main__":
    main()
