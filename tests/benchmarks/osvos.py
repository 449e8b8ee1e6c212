"""OSVOS at 480x854: frames in batches against one by one, the order of the last two layers, and the budget of time.

    OMP_NUM_THREADS=2 python tests/benchmarks/osvos.py

Weights are random, which does not change the time. Beside the library, in the same run: a loop over single frames, and
the network in the paper's order, which enlarges every channel of every side before it weighs them. All must give the
same scores. Seconds are those of the clock and of the processor: where others use the machine, only the second say
something, and they say nothing of what a second core gains.

On a CPU batches cannot reach 1.5 times the throughput: a frame of this size keeps the cores busy by itself, and the
processor's seconds of 8 frames were 1.92 one by one and 1.83 to 1.90 in batches (one thread of a Xeon with AMX,
float32). What does gain is the order of the last two layers: .20 s a frame, in the paper's order .35 s.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.features.resnet import random_resnet
from vosbook.methods.osvos import LEVELS, OnlineConfig, OsvosSegmenter, base_network, tune_to_object
from vosbook.nn.side_outputs import SideOutputNetwork
from vosbook.training.fine_tune import Budget

SIZE = (480, 854)


def timed(work: Callable[[], object], *, runs: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor; the fastest of several runs, after one to warm up."""
    work()
    seconds = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
    return tuple(min(part) for part in zip(*seconds))


def paper_order(network: SideOutputNetwork, images: Tensor) -> Tensor:
    """The fused logits, every channel enlarged first."""
    sides, size = network.features(images), images.shape[-2:]
    enlarged = [network.upsample[level](side, size) for level, side in sides.items()]
    return F.conv2d(torch.cat(enlarged, dim=1), network.fuse.weight, network.fuse.bias)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--budgets", type=float, nargs="*", default=[5.0, 20.0])
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    network = base_network(random_resnet("resnet18", levels=LEVELS))
    frames = np.random.default_rng(0).integers(0, 256, (options.frames, *SIZE, 3), np.uint8)
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    segmenter = OsvosSegmenter(network, OnlineConfig())
    segmenter.networks = {1: network}

    def one_by_one() -> np.ndarray:
        return np.stack([segmenter.step(frame) for frame in frames])

    alone = timed(one_by_one, runs=options.runs)
    print(f"{options.frames} frames one by one: {alone[0]:.2f} s, processor {alone[1]:.2f} s")
    for batch in (2, 4, 8):

        def at_once(batch: int = batch) -> np.ndarray:
            return np.concatenate([segmenter.segment(frames[t : t + batch]) for t in range(0, len(frames), batch)])

        assert (at_once() == one_by_one()).mean() > 0.999
        wall, cpu = timed(at_once, runs=options.runs)
        print(f"{batch} at once: {wall:.2f} s, processor {cpu:.2f} s, {alone[0] / wall:.2f} times the throughput")
    with torch.no_grad():
        torch.testing.assert_close(network.logits(images[:1]), paper_order(network, images[:1]), rtol=1e-3, atol=1e-6)
        ours, theirs = (
            timed(lambda f=forward: f(images[:1]), runs=options.runs)
            for forward in (network.logits, lambda x: paper_order(network, x))
        )
    print(f"a frame: {ours[1]:.3f} s of the processor, in the paper's order {theirs[1]:.3f} s")
    mask = np.zeros(SIZE, bool)
    mask[100:300, 200:400] = True
    for seconds in options.budgets:
        config = OnlineConfig(budget=Budget(seconds=seconds))
        tuned = tune_to_object(base_network(network.encoder.backbone), frames[0], mask, config)
        print(f"budget {seconds:.0f} s: {tuned.steps} steps in {tuned.seconds:.2f} s ({tuned.seconds / seconds:.1%})")


if __name__ == "__main__":
    main()
