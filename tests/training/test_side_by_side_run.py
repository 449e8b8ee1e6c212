"""The comparison of all methods as a script: what it records, and that a method which joins costs only itself."""

import json

import numpy as np
import pytest
from run_book import change_training, copy_book, run_here

import vosbook.methods
from vosbook.runs import read_record
from vosbook.training.held_out import FirstMasks

SMALL = {"data": ["synthetic/900"], "synthetic": {"size": [48, 64], "frames": 6, "objects": [1, 1]}}


class Everything:
    """A method that takes the whole frame for the object."""

    def start(self, frame, masks):
        self.labels = np.full_like(masks, masks.max())

    def step(self, frame):
        return self.labels


@pytest.fixture
def built(monkeypatch):
    """The names of the methods that were built, one for each video."""
    names = []

    def build(name, **options):
        names.append(name)
        return Everything() if name == "everything" else FirstMasks()

    monkeypatch.setattr(vosbook.methods, "build", build)
    return names


def run(book, monkeypatch, *arguments, methods):
    change_training(book, "side_by_side", **SMALL, methods=methods)
    run_here(book, monkeypatch, "side_by_side", *arguments)
    return read_record("side_by_side_smoke", folder=book / "results").metrics


def test_a_method_that_joins_costs_only_itself(tmp_path, monkeypatch, built):
    book = copy_book(tmp_path)
    first = run(book, monkeypatch, methods=["first_mask", "still"])
    assert built == ["still"]
    assert first["still"]["J&F"] == first["first_mask"]["J&F"] > 0.2
    assert first["still"]["analysis"]["errors"]["fn"] > 0 and first["still"]["T"] == 0

    joined = run(book, monkeypatch, methods=["first_mask", "still", "everything"])
    assert built == ["still", "everything"]
    assert {name: joined[name] for name in first} == first
    assert joined["everything"]["analysis"]["errors"]["fn"] == 0
    times = joined["everything"]["seconds"]
    assert times["per_frame"] == pytest.approx((times["first_frame"] + 5 * times["later_frame"]) / 6)

    for file in (tmp_path / "build" / "side_by_side" / "smoke").glob("*.json"):
        file.unlink()  # a fresh checkout: the record is all that there is
    assert run(book, monkeypatch, methods=["still", "everything"]) == {n: joined[n] for n in ("still", "everything")}
    assert built == ["still", "everything"]

    run(book, monkeypatch, "again=still", methods=["still", "everything"])
    assert built == ["still", "everything", "still"]


def test_other_data_is_measured_anew(tmp_path, monkeypatch, built):
    book = copy_book(tmp_path)
    run(book, monkeypatch, methods=["still"])
    kept = tmp_path / "build" / "side_by_side" / "smoke" / "still.json"
    assert json.loads(kept.read_text())["data"][0]["spec"] == "synthetic/900"
    monkeypatch.setitem(SMALL, "data", ["synthetic/901"])
    run(book, monkeypatch, methods=["still"])
    assert built == ["still", "still"]
    assert json.loads(kept.read_text())["data"][0]["spec"] == "synthetic/901"
