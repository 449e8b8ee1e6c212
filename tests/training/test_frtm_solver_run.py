"""The run that takes details of the solver away begins with what the library learns."""

import numpy as np
import pytest
import torch
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.methods.frtm import FAST
from vosbook.metrics.region import jaccard
from vosbook.runs import read_record
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.loss import upsample
from vosbook.target_model.model import TargetModel

SPEC = "synthetic/902"
VIDEO = {"size": [64, 96], "frames": 12, "objects": [1, 1]}


def learned(sequence, backbone, seed):
    """What `TargetModel` learns on the first frame, and features of frames."""
    images, masks = augment_first_frame(
        sequence.frames[0], sequence.labels(0) > 0, samples=FAST.augmentations, seed=seed
    )

    def features(images):
        return backbone(torch.tensor(images).permute(0, 3, 1, 2) / 255)[FAST.level]

    model = TargetModel(FAST.target_model)
    model.learn_first_frame(features(images), torch.tensor(masks)[:, None], seed=seed)
    return model, features


def test_the_first_way_is_the_library_and_every_detail_changes_something(book, monkeypatch):
    change_training(book, "frtm_solver", data=[SPEC, "synthetic/904"], synthetic=VIDEO, seeds=2)
    run_here(book, monkeypatch, "frtm_solver")
    metrics = read_record("frtm_solver_smoke", folder=book / "results").metrics
    sequence = load_sequence(SPEC, config=SyntheticConfig(**VIDEO))
    backbone = load_backbone("filters", levels=[FAST.level])
    for seed in range(2):
        model, features = learned(sequence, backbone, seed)
        js = []
        for t in range(1, len(sequence.frames) - 1, 4):
            s = upsample(model.scores(features(sequence.frames[t][None])), sequence.labels(t).shape)[0, 0]
            js.append(jaccard((s > 0.5).numpy(), sequence.labels(t) > 0))
        assert metrics["library"]["sequences"][SPEC]["J"][seed] == pytest.approx(np.mean(js), abs=0.005)
    means = {name: one["J"] for name, one in metrics.items()}
    assert len(set(means.values())) == len(means) == 5, f"two ways give the same: {means}"
