"""The complete FRTM with ResNet-18 at 480 x 854: seconds of the first frame and of later ones, and where they go.

The backbone looks at a frame once for all objects; target models and the segmentation network work for each. Synthetic
video; the weights of both networks are random, which does not change the time, and what they find is replaced by the
first frame's masks, so that every object is remembered and updated. The memories are full: a frame costs what it costs
at any length of video. The mean is over 16 frames, two of them with an update.

    OMP_NUM_THREADS=2 python tests/benchmarks/frtm.py
"""

from collections.abc import Callable

import numpy as np
import torch
from tracking import random_resnet18

from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.measure import Clock
from vosbook.methods.frtm import FrtmSegmenter
from vosbook.nn.segmentation import SegmentationNetwork

SIZE, WARM, FRAMES = (480, 854), 8, 16
COUNTS = (1, 3)  # objects


def fill(segmenter: FrtmSegmenter, frame: np.ndarray, labels: np.ndarray) -> None:
    """Put the first frame into each memory until it is full."""
    x = segmenter._features(frame[None])["layer3"]
    for i, target in segmenter.targets.items():
        y = torch.from_numpy(labels == i)[None, None].float()  # (H, W) -> (1, 1, H, W)
        while len(target.model.memory) < target.model.config.k_max:
            target.model.insert(x, y)


def told(probabilities: Callable, masks: torch.Tensor) -> Callable:
    """The segmenter's function, run for its time; what it returns is `masks` `(N, H, W)`."""

    def run(*args) -> torch.Tensor:
        probabilities(*args)
        return masks

    return run


def main() -> None:
    backbone = random_resnet18(["layer1", "layer2", "layer3"])
    network = SegmentationNetwork(backbone.channels).eval()
    config = SyntheticConfig(size=SIZE, frames=1 + WARM + FRAMES, objects=(max(COUNTS), max(COUNTS)))
    clip = make_sequence(3, config)
    frames, labels, ids = list(clip.frames), clip.labels(0), [o.id for o in clip.objects]
    clocks = {count: Clock() for count in COUNTS}
    segmenters = {count: FrtmSegmenter(backbone, network=network) for count in COUNTS}
    for count, segmenter in segmenters.items():
        given = np.where(np.isin(labels, ids[:count]), labels, 0).astype(np.uint8)
        segmenter.start(frames[0], given)  # once unmeasured
        for name in ("start", "step", "_features", "_probabilities"):
            clocks[count].wrap(segmenter, name, name)
        masks = torch.from_numpy(np.stack([labels == i for i in ids[:count]])).float()
        segmenter._probabilities = told(segmenter._probabilities, masks)
        segmenter.start(frames[0], given)
        fill(segmenter, frames[0], given)
        for name in ("_features", "_probabilities"):
            clocks[count].seconds.pop(name, None)
    for t, frame in enumerate(frames[1:]):
        for count, segmenter in segmenters.items():  # in turn, so that other load on the machine meets all
            if t == WARM:
                for name in ("step", "_features", "_probabilities"):
                    clocks[count].seconds.pop(name)
            segmenter.step(frame)
    print(f"{torch.get_num_threads()} threads; ms: the first frame, and means of {FRAMES} later ones")
    print("objects   first frame   later frame   features   segmentation network   target models, merging and the rest")
    for count, clock in clocks.items():
        first, frame, features, network_s = (
            1e3 * np.mean(clock.seconds[n]) for n in ("start", "step", "_features", "_probabilities")
        )
        rest = frame - features - network_s
        print(f"{count:<9}", *(f"{part:8.1f}" for part in (first, frame, features, network_s, rest)), sep="  ")


if __name__ == "__main__":
    main()
