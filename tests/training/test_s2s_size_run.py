"""The run of the sizes in which S2S sees frames: scores by size, and where they are chosen and where not."""

import pytest
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import score_sequence
from vosbook.methods.s2s import OnlineConfig, S2SSegmenter, load_s2s
from vosbook.runs import read_record
from vosbook.weights import SHIPPED

VIDEO = {"size": [320, 560], "frames": 3, "objects": [1, 1]}
SPECS = [f"synthetic/{seed}" for seed in (902, 904, 907)]


def test_every_size_is_scored_with_and_without_online_learning(book, monkeypatch):
    learning = {"iterations": 2, "batch": 1, "lr": 1e-3}
    changes = {"trained_on": SPECS[:2], "unseen": SPECS[2:], "online": SPECS[2:], "learning": learning}
    change_training(book, "s2s_size", synthetic=VIDEO, enlarge=[1, 1.25], **changes)
    run_here(book, monkeypatch, "s2s_size")
    found = read_record("s2s_size_smoke", folder=book / "results").metrics
    groups = {"trained_on": SPECS[:2], "unseen": SPECS[2:]}
    assert {name: list(of) for name, of in found["plain"]["sequences"].items()} == groups
    assert {name: list(of) for name, of in found["online"]["sequences"].items()} == groups | {"trained_on": []}
    network, sequence = load_s2s(SHIPPED / "s2s.safetensors"), load_sequence(SPECS[2], config=SyntheticConfig(**VIDEO))
    ways = {
        ("plain", "256"): S2SSegmenter(network, enlarge=1),
        ("plain", "320"): S2SSegmenter(network, enlarge=1.25),
        ("online", "320"): S2SSegmenter(network, OnlineConfig(**learning), enlarge=1.25),
    }
    scores = score_sequence(ways, sequence)
    for (way, size), of in scores.items():
        unseen = found[way]["sequences"]["unseen"][SPECS[2]]
        assert unseen[size]["J"] == pytest.approx(of["J"], abs=0.005)
        assert found[way]["unseen"][size]["J"] == unseen[size]["J"]
    assert len({of["J"] for of in scores.values()}) == 3
    two = [found["plain"]["sequences"]["trained_on"][spec]["256"]["F"] for spec in SPECS[:2]]
    assert found["plain"]["trained_on"]["256"]["F"] == pytest.approx(sum(two) / 2)
    assert found["online"]["trained_on"] is None
    assert found["plain"]["times_as_long"]["256"] == 1
