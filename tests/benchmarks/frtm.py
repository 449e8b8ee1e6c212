"""The complete FRTM with ResNet-18 at 480 x 854: seconds a frame with one, two and four objects, and where they go.

The backbone looks at a frame once for all objects; target models and the segmentation network work for each. Synthetic
video; the weights of both networks are random, which does not change the time. The memories are nearly empty: how the
time grows with them is the run `frtm_times`.

    OMP_NUM_THREADS=1 python tests/benchmarks/frtm.py
"""

import numpy as np
import torch
from tracking import random_resnet18

from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.methods.frtm import FrtmSegmenter
from vosbook.nn.segmentation import SegmentationNetwork
from vosbook.runs import Clock

SIZE, FRAMES, WARM = (480, 854), 14, 3


def main() -> None:
    backbone = random_resnet18(["layer1", "layer2", "layer3"])
    network = SegmentationNetwork(backbone.channels).eval()
    clip = make_sequence(3, SyntheticConfig(size=SIZE, frames=FRAMES, objects=(4, 4)))
    frames, labels, ids = list(clip.frames), clip.labels(0), [o.id for o in clip.objects]
    clocks = {count: Clock() for count in (1, 2, 4)}
    segmenters = {count: FrtmSegmenter(backbone, network=network) for count in clocks}
    for count, segmenter in segmenters.items():
        segmenter.start(frames[0], np.where(np.isin(labels, ids[:count]), labels, 0).astype(np.uint8))
        for name in ("step", "_features", "_probabilities"):
            clocks[count].wrap(segmenter, name, name)
    for t, frame in enumerate(frames[1:]):
        for count, segmenter in segmenters.items():  # in turn, so that other load on the machine meets all
            if t == WARM:
                clocks[count].seconds.clear()
            segmenter.step(frame)
    print(f"{torch.get_num_threads()} threads; ms a frame, medians")
    print("objects   frame   features   segmentation network   target models, merging and the rest")
    for count, clock in clocks.items():
        frame, features, network_s = (1e3 * np.array(clock.seconds[n]) for n in ("step", "_features", "_probabilities"))
        rest = frame - features - network_s
        print(f"{count:<9}", *(f"{np.median(part):8.1f}" for part in (frame, features, network_s, rest)), sep="  ")


if __name__ == "__main__":
    main()
