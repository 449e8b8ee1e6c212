"""STM's training as a script: its record, broken off, on two processes; and the run that sets it beside the others."""

from pathlib import Path

import pytest
from run_book import change_training, check_resumed, check_two_processes, run_here, weights_of

from vosbook.methods.stm import load_stm
from vosbook.runs import read_record

RUN, NAME = "train_stm", "train_stm_smoke_complete"
TINY = {
    "videos": [400, 402],
    "held_out": ["synthetic/900"],
    "synthetic": {"size": [48, 80], "frames": 5, "objects": [1, 2]},
    "network": {"level": "layer2", "key": 4, "value": 8, "width": 4, "size": [48, 80]},
    "clips": {"size": [48, 80], "frames": [3, 4], "slots": 2},
    "views": {"min_pixels": 10},
    "stages": [{"until": 0.5, "clips": {}}, {"until": 1.0, "clips": {}, "views": {"flip": 0.0}}],
    "train": {"steps": 6, "batch": 2, "lr": 0.003, "amsgrad": False, "log_every": 2, "checkpoint_every": 2},
}


@pytest.fixture
def tiny_book(book: Path) -> Path:
    change_training(book, RUN, **TINY)
    return book


def test_it_leaves_a_network_and_a_record(tiny_book, monkeypatch):
    run_here(tiny_book, monkeypatch, RUN)
    record = read_record(NAME, folder=tiny_book / "results")
    assert [entry["step"] for entry in record.curve] == [2, 4, 6]
    assert [entry["spec"] for entry in record.data] == ["synthetic/400", "synthetic/401", "synthetic/402"]
    assert set(record.metrics["held_out"]["sequences"]["synthetic/900"]) == {"stm", "first_mask"}
    backbone, network = load_stm(weights_of(tiny_book, NAME), device="cpu", note=print)
    assert backbone.name == "filters" and network.config.level == "layer2"


def test_what_is_held_out_is_not_learned_from(tiny_book, monkeypatch):
    change_training(tiny_book, RUN, data=["synthetic/900", "synthetic/7"])
    run_here(tiny_book, monkeypatch, RUN)
    record = read_record(NAME, folder=tiny_book / "results")
    assert "synthetic/900" not in [entry["spec"] for entry in record.data]
    assert "synthetic/7" in [entry["spec"] for entry in record.data]


def test_broken_off_it_ends_with_the_weights_of_an_unbroken_run(tiny_book, monkeypatch):
    check_resumed(tiny_book, monkeypatch, RUN, NAME)


def test_two_processes_write_one_record(tiny_book):
    check_two_processes(tiny_book, RUN, NAME)


def test_it_is_set_beside_the_others(tiny_book, monkeypatch):
    run_here(tiny_book, monkeypatch, RUN, "variant=fold")
    small = {"videos": ["synthetic/900"], "synthetic": {"size": [48, 80], "frames": 8, "objects": [1, 1]}}
    change_training(tiny_book, "stm_beside_others", **small)
    run_here(tiny_book, monkeypatch, "stm_beside_others")
    record = read_record("stm_beside_others_smoke", folder=tiny_book / "results")
    assert set(record.metrics["synthetic"]["synthetic/900"]) == {"first_mask", "stm", "s2s"}
    assert record.metrics["real"] == {} and record.data[0]["frames"] == 4
