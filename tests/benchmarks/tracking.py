"""Tracking one object with ResNet-18 at 480 x 854: seconds a frame, updates included, and where they go.

Synthetic video, played to and fro until the memory holds its 80 samples; the weights of the ResNet are random, which
does not change the time. Beside it, in the same run, the update of w2 in the textbook form (double backward) on the
same memory, and what a frame would cost with it.

    python tests/benchmarks/tracking.py
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor

from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.features import load_backbone
from vosbook.measure import Clock
from vosbook.methods.frtm import FAST, FrtmSegmenter
from vosbook.target_model.gauss_newton import AutogradProblem, gauss_newton
from vosbook.target_model.loss import pixel_weights, residuals

SIZE, CLIP, FRAMES, STEADY = (480, 854), 16, 96, 16  # the last 16 frames, two updates, are the steady state
D = FAST.target_model


class Samples:
    """Keeps what the memory is given, projected features and labels, as the textbook form needs them."""

    def __init__(self, insert: Callable[[Tensor, Tensor], None]):
        self.insert, self.z, self.y = insert, [], []

    def __call__(self, z: Tensor, y: Tensor) -> None:
        self.z.append(z), self.y.append(y)
        self.insert(z, y)


def random_resnet18(levels=(FAST.level,)):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet18.pth"
        torch.save(torchvision.models.resnet18().state_dict(), path)
        return load_backbone("resnet18", weights=path, levels=levels)


def textbook_seconds(samples: Samples, w2: Tensor) -> float:
    """One update on the memory's size of samples, all of one weight."""
    z, y = (torch.cat(part[-D.k_max :]) for part in (samples.z, samples.y))
    v, gamma = torch.cat([pixel_weights(y_k[None]) for y_k in y]), torch.full((len(y),), 1 / len(y))
    problem = AutogradProblem(lambda w: residuals(w, z, y, v, gamma, lambda_=D.lambda_[1:]), D.lambda_[1:])
    start = time.perf_counter()
    gauss_newton(problem, (w2,), cg_iterations=(D.cg_update,))
    return time.perf_counter() - start


def main() -> None:
    sequence = make_sequence(3, SyntheticConfig(size=SIZE, frames=CLIP, objects=(1, 1)))
    there_and_back = [*range(CLIP), *range(CLIP - 2, 0, -1)]
    segmenter = FrtmSegmenter(random_resnet18())
    start = time.perf_counter()
    segmenter.start(sequence.frames[0], sequence.labels(0))
    first = time.perf_counter() - start

    model = segmenter.targets[sequence.objects[0].id].model
    clock, samples = Clock(), Samples(model.memory.insert)
    model.memory.insert = samples
    clock.wrap(segmenter.backbone, "extract", "features")
    for name in ("scores", "insert", "update"):
        clock.wrap(model, name, name)
    frames = []
    for t in range(1, FRAMES + 1):
        if t == FRAMES - STEADY + 1:
            clock.seconds.clear()
        frame = sequence.frames[there_and_back[t % len(there_and_back)]]
        start = time.perf_counter()
        segmenter.step(frame)
        frames.append(time.perf_counter() - start)

    steady = float(np.mean(frames[-STEADY:]))
    parts = {name: sum(seconds) / STEADY for name, seconds in clock.seconds.items()}
    parts["merge, upsampling, the rest"] = steady - sum(parts.values())
    print(f"{torch.get_num_threads()} threads; {len(model.memory)} samples in memory; first frame {first:.2f} s")
    for name, seconds in parts.items():
        print(f"  {name:<28}{1e3 * seconds:8.1f} ms a frame")
    print(f"a frame, update included      {1e3 * steady:8.1f} ms   required under 300")
    update = parts["update"] * D.t_s
    textbook = textbook_seconds(samples, model.w[1])
    print(f"one update: {1e3 * update:.1f} ms, textbook {1e3 * textbook:.1f} ms, ratio {textbook / update:.1f}")
    whole = steady + (textbook - update) / D.t_s
    print(f"a frame with textbook updates {1e3 * whole:8.1f} ms, ratio {whole / steady:.1f}")


if __name__ == "__main__":
    main()
