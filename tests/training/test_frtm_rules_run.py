"""The run that compares FRTM's rules scores what the segmenter gives with them, and goes on where it stopped."""

from dataclasses import replace

import numpy as np
import pytest
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.measure import score_sequence
from vosbook.methods.frtm import FAST, RELEASED, FrtmSegmenter
from vosbook.runs import read_record

SPECS = ["synthetic/902", "synthetic/904"]
VIDEO = {"size": [64, 96], "frames": 12, "objects": [1, 1]}


def test_each_rule_is_the_segmenter_with_that_setting(book, monkeypatch):
    change_training(book, "frtm_rules", data=SPECS, synthetic=VIDEO, seeds=2)
    run_here(book, monkeypatch, "frtm_rules")
    record = read_record("frtm_rules_smoke", folder=book / "results")
    backbone = load_backbone("filters", levels=[FAST.level])
    rules = {"no_update": replace(FAST, update=False), "ours": FAST, "released": RELEASED}
    for spec in SPECS:
        sequence = load_sequence(spec, config=SyntheticConfig(**VIDEO))
        for seed in range(2):
            segmenters = {name: FrtmSegmenter(backbone, replace(rule, seed=seed)) for name, rule in rules.items()}
            for name, scores in score_sequence(segmenters, sequence).items():
                # the mask is the score above one half, but for what soft aggregation rounds at just one half
                found = record.metrics[name]["sequences"][spec]["J"][seed]
                assert found == pytest.approx(scores["J"], abs=0.005), (name, spec)
    js = {name: metrics["J"] for name, metrics in record.metrics.items()}
    assert len(set(js.values())) == len(js), f"two rules give the same: {js}"
    for metrics in record.metrics.values():
        assert metrics["J"] == pytest.approx(np.mean([one["J"] for one in metrics["sequences"].values()]))

    part = next((book.parent / "build" / "runs" / "frtm_rules_smoke").glob("*.json"))
    part.write_text(part.read_text().replace("[0.", "[1.", 1))
    run_here(book, monkeypatch, "frtm_rules")
    again = read_record("frtm_rules_smoke", folder=book / "results").metrics
    assert again["no_update"]["J"] > js["no_update"], "what was scored before was scored again"
