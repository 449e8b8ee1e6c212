"""The run of the sizes in which FRTM sees frames: scores by size, and where they are chosen and where not."""

import numpy as np
import pytest
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import score_sequence
from vosbook.methods import build
from vosbook.runs import read_record

VIDEO = {"size": [64, 96], "frames": 4, "objects": [1, 1]}
SPECS = [f"synthetic/{seed}" for seed in (902, 904, 901)]  # the last has a small object


def test_every_size_is_scored_where_it_is_chosen_and_elsewhere(book, monkeypatch):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr("vosbook.weights._download", lambda url: None)
    changes = {"trained_on": SPECS[:2], "unseen": SPECS[2:]}
    change_training(book, "frtm_size", synthetic=VIDEO, enlarge=[1, 1.5], timed_frames=3, **changes)
    run_here(book, monkeypatch, "frtm_size", "variant=davis")
    found = read_record("frtm_size_smoke_davis", folder=book / "results").metrics
    groups = {"trained_on": SPECS[:2], "unseen": SPECS[2:]}
    assert {name: list(of) for name, of in found["frtm-fast"]["sequences"].items()} == groups
    assert {name: list(of) for name, of in found["frtm"]["sequences"].items()} == groups | {"trained_on": []}
    sequence = load_sequence(SPECS[2], config=SyntheticConfig(**VIDEO))
    quiet = {"device": "cpu", "note": lambda line: None}
    for name in ("frtm-d-only", "frtm-fast", "frtm"):
        scores = score_sequence({"library": build(name, **quiet), "96": build(name, **quiet, enlarge=1.5)}, sequence)
        assert scores["library"]["J"] != scores["96"]["J"]
        for size, of in scores.items():
            assert found[name]["sequences"]["unseen"][SPECS[2]][size]["J"] == pytest.approx(of["J"], abs=0.005)
        two = [found["frtm-d-only"]["sequences"]["trained_on"][spec]["64"]["F"] for spec in SPECS[:2]]
        assert found["frtm-d-only"]["trained_on"]["64"]["F"] == pytest.approx(np.mean(two))
        assert found["times_as_long"][name]["64"] == 1
        small = found[name]["sequences"]["unseen"][SPECS[2]]
        assert small["library"] == small["64"] != small["96"]
    assert found["frtm"]["trained_on"] is None
    assert found["area"][SPECS[2]] == pytest.approx(np.mean(sequence.labels(0) > 0))


def test_with_other_features_the_library_enlarges_what_is_small(book, monkeypatch):
    changes = {"trained_on": SPECS[1:2], "unseen": SPECS[2:], "synthetic": VIDEO}
    change_training(book, "frtm_size", enlarge=[1, 1.5], timed_frames=3, **changes)
    monkeypatch.setattr("vosbook.methods.frtm.enlarge_for", lambda backbone: 1.5)
    run_here(book, monkeypatch, "frtm_size", "variant=resnet18")
    found = read_record("frtm_size_smoke_resnet18", folder=book / "results").metrics["frtm-fast"]["sequences"]
    small, large = found["unseen"][SPECS[2]], found["trained_on"][SPECS[1]]
    assert small["library"] == small["96"] != small["64"]
    assert large["library"] == large["64"] != large["96"]
