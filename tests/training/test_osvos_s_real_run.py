"""The run of OSVOS-S stage by stage: what it says follows from its stages, from a file of proposals too."""

import json

import numpy as np
import pycocotools.mask
import pytest
import torch
from run_book import change_training, copy_book, run_here, weights_of

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.weights import read_tensors

SPECS = ["synthetic/902", "synthetic/904"]
VIDEO = {"size": [64, 96], "frames": 7, "objects": [1, 1]}
STAGES = ("first_round", "selected", "oracle", "conditional", "masked")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The run in little, with proposals from files: the true masks, and none at all for the second video."""
    folder = tmp_path_factory.mktemp("osvos_s_real")
    book = copy_book(folder)
    (folder / "data" / "proposals").mkdir(parents=True)
    for k, spec in enumerate(SPECS):
        sequence = load_sequence(spec, config=SyntheticConfig(**VIDEO))
        entries = [] if k else [_entry(sequence, t) for t in range(len(sequence.frames))]
        entries = entries or [_entry(sequence, 0) | {"score": 0.1}]
        (folder / "data" / "proposals" / f"{sequence.name}.json").write_text(json.dumps(entries))
    changes = {"data": SPECS, "synthetic": VIDEO, "proposals": "proposals", "steps": 2, "every": 1}
    change_training(book, "osvos_s_real", **changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOSBOOK_DATA", str(folder / "data"))
        run_here(book, patch, "osvos_s_real", "variant=base")
    return read_record("osvos_s_real_smoke_base", folder=book / "results").metrics


def _entry(sequence, t):
    rle = pycocotools.mask.encode(np.asfortranarray((sequence.labels(t) > 0).astype(np.uint8)))
    rle["counts"] = rle["counts"].decode()
    image = f"{sequence.name}/{sequence.frames.names[t]}"
    return {"image_id": image, "category_id": 3, "segmentation": rle, "score": 0.9}


def test_with_true_proposals_the_oracle_is_right_and_the_category_is_known(recorded):
    assert list(map(len, recorded["wanted"].values())) == [1, 0]
    known = recorded["known"]
    assert set(known["oracle"]["J_of_sequences"]) == {SPECS[0]}
    assert known["oracle"]["J"] == 1 and known["oracle"]["J_decay"] == 0


def test_where_nothing_matches_every_round_is_the_first(recorded):
    js = {stage: recorded["all"][stage]["J_of_sequences"][SPECS[1]] for stage in STAGES}
    assert js["conditional"] == js["first_round"] and js["selected"] == js["oracle"] == 0


def test_a_sequence_is_tuned_from_the_parent_that_has_not_seen_it(book, monkeypatch):
    train = load_profile("smoke").of("train_osvos_parent")["train"] | {"steps": 1, "batch": 1}
    videos = {"data": [], "videos": [902, 903], "synthetic": VIDEO}
    change_training(book, "train_osvos_parent", **videos, train=train, held_out=[])
    change_training(book, "osvos_s_real", data=[], synthetic=VIDEO, steps=1, every=1)
    with pytest.raises(InputError, match="variant=fold0"):
        run_here(book, monkeypatch, "osvos_s_real", "variant=folds")
    for fold in (0, 1):
        run_here(book, monkeypatch, "train_osvos_parent", f"variant=fold{fold}")
    starts = run_here(book, monkeypatch, "osvos_s_real", "variant=folds")["starts"]
    record = read_record("osvos_s_real_smoke_folds", folder=book / "results")
    assert [one["spec"] for one in record.data] == list(starts) == ["synthetic/902", "synthetic/903"]
    for k, parent in enumerate(starts.values()):
        held = read_tensors(weights_of(book, f"train_osvos_parent_smoke_fold{k}"))
        trained = read_record(f"train_osvos_parent_smoke_fold{k}", folder=book / "results")
        assert list(starts)[k] not in [one["spec"] for one in trained.data]
        assert all(torch.equal(tensor, held[key].float()) for key, tensor in parent.state_dict().items())


def test_means_are_over_sequences(recorded):
    for stage in STAGES:
        one = recorded["all"][stage]
        assert one["J"] == pytest.approx(np.mean(list(one["J_of_sequences"].values())))
        assert one["F"] == pytest.approx(np.mean(list(one["F_of_sequences"].values())))
