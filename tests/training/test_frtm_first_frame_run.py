"""The run of the altered first frame with S: scores are the segmenter's, and means follow from them."""

from dataclasses import replace

import numpy as np
import pytest
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import score_sequence
from vosbook.methods.frtm import FAST, FrtmSegmenter
from vosbook.runs import read_record
from vosbook.target_model.augment import RELEASED, AugmentConfig

SPECS = ["synthetic/902", "synthetic/904"]
VIDEO = {"size": [64, 96], "frames": 12, "objects": [1, 1]}


def test_each_way_is_the_segmenter_with_that_rule(book, monkeypatch):
    change_training(book, "frtm_first_frame", data=SPECS, held_out=SPECS[1:], synthetic=VIDEO, seeds=1)
    run_here(book, monkeypatch, "frtm_first_frame")
    found = read_record("frtm_first_frame_smoke", folder=book / "results").metrics
    asked = replace(FAST, backbone="resnet18-davis")
    whole = FrtmSegmenter.complete(asked, backbone_weights=None, checkpoint=None, device="cpu", note=lambda line: None)
    for name, rule in {"ours": AugmentConfig(rules="ours"), "released": RELEASED}.items():
        config = replace(whole.config, augment=rule)
        for spec in SPECS:
            segmenter = FrtmSegmenter(whole.backbone, config, whole.network)
            scores = score_sequence({name: segmenter}, load_sequence(spec, config=SyntheticConfig(**VIDEO)))[name]
            of = found[name]["sequences"][spec]
            assert (of["J"][0], of["F"][0]) == pytest.approx((scores["J"], scores["F"]), abs=0.005)
    assert found["ours"]["all"]["J"] != found["released"]["all"]["J"]
    for metrics in found.values():
        assert metrics["all"]["J"] == pytest.approx(np.mean([of["J"] for of in metrics["sequences"].values()]))
        assert metrics["held_out"]["F"] == pytest.approx(np.mean(metrics["sequences"][SPECS[1]]["F"]))
