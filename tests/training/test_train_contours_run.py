"""The contour network's training as a script: what it learns, broken off, on two processes, and its sources."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_book import change_training, check_resumed, check_two_processes, run_here, weights_of
from scipy.io import savemat

from vosbook.contours.detector import load_contours
from vosbook.errors import InputError
from vosbook.runs import read_record
from vosbook.training.contours import ContourSampler
from vosbook.weights import read_about

RUN, NAME = "train_contours", "train_contours_smoke"
TINY = {
    "videos": [400, 401],
    "held_out": ["synthetic/900"],
    "synthetic": {"size": [48, 80], "frames": 3, "objects": [1, 2]},
    "network": {"backbone": "filters", "levels": ["layer1", "layer2"], "channels": 4},
    "stills": {"size": [48, 80]},
    "train": {"steps": 6, "batch": 2, "lr": 0.003, "amsgrad": False, "log_every": 2, "checkpoint_every": 2},
}


@pytest.fixture
def tiny_book(book: Path) -> Path:
    change_training(book, RUN, **TINY)
    return book


def test_the_smoke_training_learns_contours(book, monkeypatch, capsys):
    """On video that it has not seen true masks are better made of its superpixels than of as many tiles."""
    run_here(book, monkeypatch, RUN)
    record = read_record(NAME, folder=book / "results")
    assert record.metrics["loss_last"] < 0.75 * record.metrics["loss_first"]
    snapped = record.metrics["held_out"]["true_masks_snapped"]
    assert snapped["J"] > snapped["tiles"]["J"] + 0.05 and snapped["F"] > snapped["tiles"]["F"] + 0.05
    assert f"J {snapped['J']:.3f}" in capsys.readouterr().out
    weights = weights_of(book, NAME)
    assert read_about(weights) == record.config["about"]
    load_contours(weights)


def test_broken_off_it_ends_with_the_weights_of_an_unbroken_run(tiny_book, monkeypatch):
    check_resumed(tiny_book, monkeypatch, RUN, NAME, sampler=ContourSampler)
    change_training(tiny_book, RUN, band=3)
    with pytest.raises(InputError, match=r"state\.pt was made with band = "):
        run_here(tiny_book, monkeypatch, RUN)


def test_two_processes_write_one_record(tiny_book):
    check_two_processes(tiny_book, RUN, NAME)


def test_pascal_context_joins_where_the_profile_says_so(tiny_book, tmp_path, monkeypatch):
    root = tmp_path / "data" / "PASCALContext"
    for folder in ("trainval", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    Image.new("RGB", (60, 50)).save(root / "JPEGImages" / "2008_000002.jpg")
    savemat(
        root / "trainval" / "2008_000002.mat", {"LabelMap": np.arange(3000, dtype=np.uint16).reshape(50, 60) // 700}
    )
    change_training(tiny_book, RUN, pascal_context=True)
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path / "data"))
    run_here(tiny_book, monkeypatch, RUN)
    record = read_record(NAME, folder=tiny_book / "results")
    assert record.data[-1] == {"spec": "pascal-context", "frames": 1}
    assert "7 frames" in record.config["about"]["trained_on"]
