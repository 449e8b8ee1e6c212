"""The run of FRTM's folds: each sequence is scored with the network that has not seen it."""

from dataclasses import replace

import numpy as np
import pytest
from run_book import change_training, run_here, weights_of

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import score_sequence
from vosbook.methods.frtm import FAST, FrtmSegmenter
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.training.folds import of_fold

VIDEO = {"size": [64, 96], "frames": 8, "objects": [1, 1]}
SPECS = [f"synthetic/{seed}" for seed in (902, 904, 907)]


def test_a_fold_is_what_its_training_leaves_out_and_is_scored_with_its_network(book, monkeypatch):
    train = load_profile("smoke").of("train_frtm")["train"] | {"steps": 3, "batch": 2}
    simulation = {"size": [48, 64], "lines": [64, 64], "views": 1, "min_pixels": 20}
    change_training(book, "train_frtm", data=SPECS[:2], synthetic=VIDEO, simulation=simulation, train=train)
    change_training(book, "frtm_folds", synthetic=VIDEO, also=SPECS[2:])
    for fold in (0, 1):
        run_here(book, monkeypatch, "train_frtm", f"variant=fold{fold}")
        record = read_record(f"train_frtm_smoke_fold{fold}", folder=book / "results")
        assert [one["spec"] for one in record.data] == [SPECS[1 - fold]]
    run_here(book, monkeypatch, "frtm_folds")
    found = read_record("frtm_folds_smoke", folder=book / "results").metrics
    assert list(found["complete"]["sequences"]) == [SPECS[0], SPECS[2], SPECS[1]]
    whole = FrtmSegmenter.complete(
        replace(FAST, backbone="filters", seed=0),
        backbone_weights=None,
        checkpoint=weights_of(book, "train_frtm_smoke_fold1"),
        device="cpu",
        note=lambda line: None,
    )
    scores = score_sequence({"it": whole}, load_sequence(SPECS[1], config=SyntheticConfig(**VIDEO)))["it"]
    assert found["complete"]["sequences"][SPECS[1]]["J"] == pytest.approx(scores["J"], abs=0.005)
    for m in ("J", "F"):  # of fold 0 two sequences are unseen, of fold 1 one
        first, third, second = (of[m] for of in found["complete"]["sequences"].values())
        assert found["complete"][f"{m}_of_folds"] == pytest.approx([(first + third) / 2, second])
    assert found["d_only"]["J"] == pytest.approx(np.mean([of["J"] for of in found["d_only"]["sequences"].values()]))


def test_folds_leave_out_every_sequence_once():
    specs = [str(n) for n in range(30)]
    folds = [of_fold(specs, (k, 5)) for k in range(5)]
    assert sorted((spec for fold in folds for spec in fold), key=int) == specs and {len(fold) for fold in folds} == {6}
    for wrong in ((5, 5), (-1, 5), (0, 31)):
        with pytest.raises(ValueError, match="counted from 0"):
            of_fold(specs, wrong)
