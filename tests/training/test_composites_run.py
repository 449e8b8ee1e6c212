"""The run on composites scores every method as the library does, and goes on where it stopped."""

from dataclasses import replace

import numpy as np
import pytest
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.composites import CompositeConfig, make_composite
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import score_sequence
from vosbook.methods import build
from vosbook.methods.frtm import FrtmSegmenter
from vosbook.runs import read_record

SPECS = ["synthetic/902", "synthetic/904"]
VIDEO = {"size": [64, 96], "frames": 5, "objects": [1, 1]}
METHODS = ["first_mask", "frtm-fast", "frtm-fast, normalised", "rvos", "rvos-zero-shot", "osvos-fast"]


def test_every_method_is_scored_as_the_library_scores_it(book, monkeypatch):
    change_training(
        book, "composites", data=SPECS, synthetic=VIDEO, counts=[2], videos=2, frames=5, first_seed=3, methods=METHODS
    )
    run_here(book, monkeypatch, "composites")
    metrics = read_record("composites_smoke", folder=book / "results").metrics
    assert list(metrics) == METHODS
    sources = [load_sequence(spec, config=SyntheticConfig(**VIDEO)) for spec in SPECS]
    fast, rvos = (build(name, device="cpu", enlarge=1, note=lambda line: None) for name in ("frtm-fast", "rvos"))
    other = FrtmSegmenter(fast.backbone, replace(fast.config, merge="normalised"), fast.network)
    for k, seed in enumerate((3 + 2 * 2, 3 + 2 * 2 + 1)):
        video = make_composite(sources, seed, CompositeConfig(objects=(2, 2), frames=5))
        wanted = score_sequence({"frtm-fast": fast, "frtm-fast, normalised": other, "rvos": rvos}, video)
        for name, scores in wanted.items():
            assert metrics[name]["J_of_videos"][k] == pytest.approx(scores["J"], abs=1e-6), name
    for one in metrics.values():
        assert 0 <= one["J"] <= 1 and one["J"] == pytest.approx(np.mean(one["J_of_videos"]))
        assert one["by_objects"]["2"]["F"] == pytest.approx(one["F"])

    part = next((book.parent / "build" / "runs" / "composites_smoke").glob("*.json"))
    part.write_text(part.read_text().replace('"J": 0.', '"J": 1.', 1))
    run_here(book, monkeypatch, "composites")
    again = read_record("composites_smoke", folder=book / "results").metrics
    assert again["first_mask"]["J"] > metrics["first_mask"]["J"], "what was scored before was scored again"
