"""OSVOS's ablation as scripts, on two tiny videos: from the base network and from a parent, and their differences."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.metrics.region import jaccard
from vosbook.runs import read_record

VIDEO = {"size": [48, 80], "frames": 5, "objects": [1, 1]}
PARENT = {
    "videos": [600, 602],
    "held_out": ["synthetic/900"],
    "synthetic": VIDEO,
    "network": {"backbone": "filters", "levels": ["layer1", "layer2"]},
    "stills": {"size": [48, 80]},
    "views": {"min_pixels": 10},
    "train": {"steps": 20, "batch": 2, "lr": 0.01, "amsgrad": False, "log_every": 10, "checkpoint_every": 10},
    "online_steps": 1,
}


@pytest.fixture
def book(book: Path) -> Path:
    change_training(book, "train_osvos_parent", **PARENT)
    ablation = {"data": ["synthetic/902", "synthetic/904"], "synthetic": VIDEO, "online": {"lr": 0.01}}
    change_training(book, "osvos_ablation", **ablation, steps=[0, 2, 30])
    return book


def test_the_stages_and_what_they_change(book, monkeypatch):
    run_here(book, monkeypatch, "train_osvos_parent")
    found = {}
    for start in ("base", "parent"):
        run_here(book, monkeypatch, "osvos_ablation", f"variant={start}")
        record = read_record(f"osvos_ablation_smoke_{start}", folder=book / "results")
        found[start] = record.metrics["steps"]
        assert list(found[start]) == ["0", "2", "30"]
        for step, one in found[start].items():
            videos = [of[step]["J"]["mean"] for of in record.metrics["sequences"].values()]
            assert one["J"]["mean"] == pytest.approx(np.mean(videos)) and len(videos) == 2
        seconds = [one["tuning_seconds"] for one in found[start].values()]
        assert seconds[0] < 0.01 and seconds[0] < seconds[1] < seconds[2]
    assert found["base"]["30"]["J"]["mean"] > found["base"]["0"]["J"]["mean"] + 0.3
    run_here(book, monkeypatch, "osvos_snapping", "variant=parent")
    effects = {
        "one_shot": {side: ["osvos_ablation/base", f"sequences.*.{n}"] for side, n in (("more", 30), ("less", 0))},
        "parent": {
            side: [f"osvos_ablation/{start}", "sequences.*.2"] for side, start in (("more", "parent"), ("less", "base"))
        },
        "contours": {
            side: ["osvos_snapping/parent", f"sequences.*.{row}"]
            for side, row in (("more", "contours"), ("less", "superpixels"))
        },
    }
    change_training(book, "effects", effects=effects)
    run_here(book, monkeypatch, "effects")
    changes = read_record("effects_smoke", folder=book / "results").metrics
    j = {(start, step): one["J"]["mean"] for start, steps in found.items() for step, one in steps.items()}
    assert changes["one_shot"]["J"]["mean"]["value"] == pytest.approx(j["base", "30"] - j["base", "0"])
    assert changes["parent"]["J"]["mean"]["value"] == pytest.approx(j["parent", "2"] - j["base", "2"])
    rows = read_record("osvos_snapping_smoke_parent", folder=book / "results").metrics
    of_contours = rows["contours"]["J&F"] - rows["superpixels"]["J&F"]
    assert changes["contours"]["J&F"]["value"] == pytest.approx(of_contours, abs=1e-12)


def test_the_masks_that_are_left_are_those_that_were_scored(book, monkeypatch):
    run_here(book, monkeypatch, "osvos_ablation")
    record = read_record("osvos_ablation_smoke_base", folder=book / "results")
    sequence = load_sequence("synthetic/902", config=SyntheticConfig(size=(48, 80), frames=5, objects=(1, 1)))
    folder = book.parent / "build" / "runs" / record.name / sequence.name
    assert len(list(folder.iterdir())) == 5
    scores = []
    for t in (1, 2, 3):
        p = cv2.imread(str(folder / f"{sequence.frames.names[t]}.png"), cv2.IMREAD_UNCHANGED)
        scores.append(jaccard(p > round(255 * 0.635), sequence.labels(t) > 0))
    assert np.mean(scores) == pytest.approx(record.metrics["sequences"]["synthetic/902"]["30"]["J"]["mean"])


def test_a_parent_that_was_not_trained_is_asked_for(book, monkeypatch):
    with pytest.raises(InputError, match=r"train_osvos_parent_smoke_parent/weights\.safetensors does not exist"):
        run_here(book, monkeypatch, "osvos_ablation", "variant=parent")
