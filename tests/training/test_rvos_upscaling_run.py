"""The run of RVOS's upscaling: one way is the library's, the other enlarges masks of the network's size."""

import cv2
import numpy as np
import pytest
from run_book import change_training, copy_book, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.methods.rvos import RvosSegmenter
from vosbook.metrics.region import jaccard
from vosbook.runs import read_record

SPECS = ["synthetic/900", "synthetic/902"]
VIDEO = {"size": [512, 896], "frames": 5, "objects": [1, 1]}  # twice as large as what the network sees


def test_both_ways_are_scored_of_one_pass(tmp_path, monkeypatch):
    book = copy_book(tmp_path)
    change_training(book, "rvos_upscaling", data=SPECS, synthetic=VIDEO)
    run_here(book, monkeypatch, "rvos_upscaling")
    metrics = read_record("rvos_upscaling_smoke", folder=book / "results").metrics
    for spec in SPECS:
        sequence = load_sequence(spec, config=SyntheticConfig(**VIDEO))
        segmenter = RvosSegmenter.load("rvos", checkpoint=None, device="cpu", note=print)
        # frames that are as small as the network's size already: its masks are not enlarged at all
        small = RvosSegmenter.load("rvos", checkpoint=None, device="cpu", note=print)
        truth = [(sequence.labels(t) > 0).astype(np.uint8) for t in range(5)]
        segmenter.start(sequence.frames[0], truth[0])
        small.start(halved(sequence.frames[0]), halved(255 * truth[0]) // 128)
        smooth, stairs = [], []
        for t in range(1, 4):
            smooth.append(jaccard(segmenter.step(sequence.frames[t]) > 0, truth[t] > 0))
            mask = small.step(halved(sequence.frames[t]))
            stairs.append(jaccard(mask.repeat(2, axis=0).repeat(2, axis=1) > 0, truth[t] > 0))
        assert metrics["bilinear"]["sequences"][spec]["J"] == pytest.approx(np.mean(smooth), abs=0.002)
        assert metrics["nearest"]["sequences"][spec]["J"] == pytest.approx(np.mean(stairs), abs=0.01)
    assert metrics["bilinear"]["F"] != metrics["nearest"]["F"]


def halved(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (448, 256), interpolation=cv2.INTER_AREA)
