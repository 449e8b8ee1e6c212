"""FRTM-fast, complete, at 480 x 854 with one and three objects: the first frame, a later frame, and memory.

    python tests/benchmarks/frtm_plain.py

A synthetic video, played to and fro. The segmentation network's weights are random, which does not change the time; it
runs, and the true masks take the place of its answers, so that every object is remembered at every frame. The target
models' memories are filled, then frames are timed over two updates of every target model. Beside it, in the same run,
a plain form: the segmentation network written out layer after layer, once per object, and updates by double backward.
Resident memory is read at the 100th and the 300th frame of a video a quarter as wide and high, for time's sake.

Seconds are those of the clock and of the processor: where others use the machine, only the second say something.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.features import load_backbone
from vosbook.methods.frtm import FAST, FrtmSegmenter, Target
from vosbook.nn.plain_segmentation import plain_segmentation
from vosbook.nn.segmentation import SegmentationNetwork
from vosbook.target_model.gauss_newton import AutogradProblem, gauss_newton
from vosbook.target_model.loss import pixel_weights, residuals

SIZE, QUARTER, CLIP = (480, 854), (120, 214), 12
LEVELS = ("layer1", "layer2", "layer3")
D = FAST.target_model
REQUIRED = {1: (1.5, 0.30), 3: (3.5, 0.60)}  # by objects: seconds of the first frame and of a later one, two cores


class Seconds(NamedTuple):
    """By the clock, and of the processor."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:6.2f} s, processor {self.cpu:6.2f} s"


def timed(work: Callable[[], object], *, runs: int = 1) -> Seconds:
    """The mean of several runs."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(runs):
        work()
    return Seconds((time.perf_counter() - wall) / runs, (time.process_time() - cpu) / runs)


# ------------------------------------------------------------------------------------------------------ what is timed


class Truthful(FrtmSegmenter):
    """Goes on with the true masks."""

    def track(self, sequence: Sequence, t: int) -> None:
        """One step, on frame t."""
        labels = torch.from_numpy(sequence.labels(t))
        self._truth = torch.stack([labels == i for i in self.targets]).float()  # (N, H, W)
        self.step(sequence.frames[t])

    def _probabilities(self, s: Tensor, x: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        super()._probabilities(s, x, size)
        return self._truth


def new_segmenter() -> Truthful:
    backbone = load_backbone("resnet18", levels=LEVELS, note=say)
    torch.manual_seed(0)
    return Truthful(backbone, FAST, SegmentationNetwork(backbone.channels).eval())


def say(line: str) -> None:
    print(line, flush=True)


def video(objects: int, size: tuple[int, int]) -> Sequence:
    return make_sequence(3, SyntheticConfig(size=size, frames=CLIP, objects=(objects, objects)))


def to_and_fro() -> Iterator[int]:
    """Frames 1, 2, ... of the clip, back to 0, and so on."""
    return cycle([*range(1, CLIP), *range(CLIP - 2, -1, -1)])


def fill(segmenter: FrtmSegmenter, sequence: Sequence) -> dict[int, tuple[Tensor, Tensor]]:
    """Fill every memory with true masks; returns projected features and labels by object, as double backward needs."""
    x = [segmenter._features(sequence.frames[t][None])[FAST.level] for t in range(CLIP)]
    order = list(islice(cycle(range(CLIP)), D.k_max))
    held = {}
    for i, target in segmenter.targets.items():
        z = [target.model._project(x_t) for x_t in x]
        y = [torch.from_numpy(sequence.labels(t) == i).float()[None, None] for t in range(CLIP)]
        for t in order[FAST.augmentations + 1 :]:  # the first frame's samples are there already
            target.model.memory.insert(z[t], y[t])
        held[i] = torch.cat([z[t] for t in order]), torch.cat([y[t] for t in order])
    return held


def textbook_update(target: Target, z: Tensor, y: Tensor) -> None:
    """One update of w2 on full-resolution residuals of a full memory, by double backward."""
    v, gamma = torch.cat([pixel_weights(y_k[None]) for y_k in y]), torch.full((len(y),), 1 / len(y))
    problem = AutogradProblem(lambda w: residuals(w, z, y, v, gamma, lambda_=D.lambda_[1:]), D.lambda_[1:])
    gauss_newton(problem, target.model.w[1:], cg_iterations=(D.cg_update,))


# ------------------------------------------------------------------------------------------------------------- the run


def compare(objects: int) -> None:
    """Print the times of one number of objects."""
    segmenter, sequence = new_segmenter(), video(objects, SIZE)
    first = timed(lambda: segmenter.start(sequence.frames[0], sequence.labels(0)))
    held = fill(segmenter, sequence)
    times = to_and_fro()
    for _ in range(D.t_s):  # warm up
        segmenter.track(sequence, next(times))
    frame = timed(lambda: segmenter.track(sequence, next(times)), runs=2 * D.t_s)
    network, plain_network = time_networks(segmenter, sequence)
    (i, target), *_ = segmenter.targets.items()
    update = timed(target.model.update, runs=4)
    plain_update = timed(lambda: textbook_update(target, *held[i]))
    whole = Seconds(*(
        frame[k] + plain_network[k] - network[k] + objects / D.t_s * (plain_update[k] - update[k]) for k in range(2)
    ))  # fmt: skip

    say(f"\nobjects: {objects}; {len(target.model.memory)} samples in each memory")
    required = "required on two cores {:.2f} s".format
    say(f"  first frame                       {first}   {required(REQUIRED[objects][0])}")
    say(f"  a later frame, updates included   {frame}   {required(REQUIRED[objects][1])}")
    say(f"  the same in the plain form        {whole}   {whole.cpu / frame.cpu:.1f} x")
    say(f"  segmentation network              {network}")
    say(f"  the same in the plain form        {plain_network}   {plain_network.cpu / network.cpu:.1f} x")
    say(f"  one update of one object          {update}")
    say(f"  the same in the plain form        {plain_update}   {plain_update.cpu / update.cpu:.1f} x")


def time_networks(segmenter: FrtmSegmenter, sequence: Sequence) -> tuple[Seconds, Seconds]:
    """All objects' masks in one frame: by the library, and plainly."""
    x = segmenter._features(sequence.frames[1][None])
    s = torch.cat([target.model.scores(x[FAST.level]) for target in segmenter.targets.values()])  # (N, 1, h, w)
    S = segmenter.network
    with torch.no_grad():
        fast = timed(lambda: S(s, x, SIZE).sigmoid(), runs=4)
        return fast, timed(lambda: [plain_segmentation(S, s_i, x, SIZE).sigmoid() for s_i in s.split(1)], runs=2)


def print_memory(objects: int) -> None:
    """Resident megabytes of this process at frames 100 and 300."""
    segmenter, sequence = new_segmenter(), video(objects, QUARTER)
    segmenter.start(sequence.frames[0], sequence.labels(0))
    for n, t in enumerate(islice(to_and_fro(), 300), 1):
        segmenter.track(sequence, t)
        if n in (100, 300):
            held = [len(target.model.memory) for target in segmenter.targets.values()]
            say(f"  frame {n}: {resident():.0f} MB, samples in memory: {held}")


def resident() -> float:
    """Memory that this process holds now, in MB (Linux keeps count)."""
    (line,) = (s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", type=int, metavar="OBJECTS", help="only print the memory of a long video")
    alone = parser.parse_args().memory
    if alone:
        return print_memory(alone)
    say(f"{torch.get_num_threads()} threads; {new_segmenter().backbone.source}")
    for objects in REQUIRED:
        compare(objects)
    for objects in REQUIRED:  # each in a process of its own
        say(f"\nresident memory, objects: {objects}, {QUARTER[0]} x {QUARTER[1]}")
        subprocess.run([sys.executable, __file__, "--memory", str(objects)], check=True)


if __name__ == "__main__":
    main()
