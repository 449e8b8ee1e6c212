"""The run of OSVOS's folds: each sequence is scored with the parent that has not seen it, beside the base network."""

import numpy as np
import pytest
from run_book import change_training, run_here, weights_of

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.resize import shrink
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import score_masks
from vosbook.methods.osvos import METHOD, OnlineConfig, OsvosSegmenter
from vosbook.nn.side_outputs import load_side_outputs
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.training.fine_tune import Budget

VIDEO = {"size": [64, 96], "frames": 5, "objects": [1, 1]}
SPECS = [f"synthetic/{seed}" for seed in (902, 903)]
ALSO = "synthetic/907"


@pytest.fixture
def record(book, monkeypatch):
    """Of a run on two sequences, each left out of one training, and one that no training has."""
    train = load_profile("smoke").of("train_osvos_parent")["train"] | {"steps": 2, "batch": 1}
    changes = {"data": [], "videos": [902, 903], "synthetic": VIDEO, "train": train}
    change_training(book, "train_osvos_parent", **changes, held_out=[])
    change_training(book, "osvos_folds", synthetic=VIDEO, also=[ALSO], height=32, steps=[4, 40])
    for fold in (0, 1):
        run_here(book, monkeypatch, "train_osvos_parent", f"variant=fold{fold}")
        trained = read_record(f"train_osvos_parent_smoke_fold{fold}", folder=book / "results")
        assert [one["spec"] for one in trained.data] == [SPECS[1 - fold]]
        assert "held_out" not in trained.metrics
    run_here(book, monkeypatch, "osvos_folds")
    return read_record("osvos_folds_smoke", folder=book / "results")


def test_a_sequence_is_scored_with_the_parent_that_has_not_seen_it(book, record):
    assert record.config["folds"] == [[SPECS[0], ALSO], [SPECS[1]]]
    found = record.metrics["parent"]["40"]
    assert list(found["sequences"]) == [SPECS[0], ALSO, SPECS[1]]
    file = weights_of(book, "train_osvos_parent_smoke_fold1")
    # No look before the last step: the state after it is kept where it is better than the parent alone.
    online = OnlineConfig(lr=0.005, budget=Budget(seconds=None, steps=40, check_every=40), seed=0)
    segmenter = OsvosSegmenter(load_side_outputs(file, method=METHOD, remedy=""), online)
    sequence = shrink(load_sequence(SPECS[1], config=SyntheticConfig(**VIDEO)), height=32)
    truth = [sequence.labels(t) > 0 for t in range(len(sequence.frames))]
    segmenter.start(sequence.frames[0], truth[0].astype(np.uint8))
    assert segmenter.tuned[1].best_step == 40
    masks = [segmenter.step(frame) > 0 for frame in sequence.frames]
    scores = score_masks(masks, truth)
    assert scores["J"]["mean"] > 0.1
    for m in ("J", "F"):
        assert found["sequences"][SPECS[1]][m]["mean"] == pytest.approx(scores[m]["mean"], abs=0.01)
        assert found["folds"][1][m] == found["sequences"][SPECS[1]][m]
        of_fold = [found["sequences"][spec][m]["mean"] for spec in (SPECS[0], ALSO)]
        assert found["folds"][0][m]["mean"] == pytest.approx(np.mean(of_fold))


def test_the_states_after_all_numbers_of_steps_are_scored(record):
    for way in ("base", "parent"):
        assert list(record.metrics[way]) == ["4", "40"]
        assert all(of["T"] is None for of in record.metrics[way]["4"]["sequences"].values())
        assert record.metrics[way]["4"]["J"] != record.metrics[way]["40"]["J"]
    assert record.metrics["base"]["40"]["J"] != record.metrics["parent"]["40"]["J"]
