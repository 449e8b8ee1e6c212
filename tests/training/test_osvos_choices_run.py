"""The run of OSVOS's choices: the library's way is the library's, and each other way is what it says."""

import copy
from itertools import count

import numpy as np
import pytest
import torch
from run_book import change_training, copy_book, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.methods import osvos
from vosbook.methods.osvos import LEVELS, OnlineConfig, OsvosSegmenter, base_network, online_steps
from vosbook.metrics.region import jaccard
from vosbook.nn.side_outputs import Upsample
from vosbook.runs import read_record
from vosbook.training.fine_tune import Budget

SPECS = ["synthetic/900", "synthetic/902"]
VIDEO = {"size": [96, 160], "frames": 6, "objects": [1, 1]}
BACKBONE = "resnet18-davis"  # with the filter bank so few steps find nothing
STEPS = 13  # the state is looked at after 10, and at the end


def run_choices(book, patch, **changes):
    """What the run has defined, and the metrics of its record."""
    settings = {"data": SPECS, "synthetic": VIDEO, "steps": STEPS, "backbone": BACKBONE, "height": VIDEO["size"][0]}
    change_training(book, "osvos_choices", **(settings | changes))
    defined = run_here(book, patch, "osvos_choices")
    return defined, read_record("osvos_choices_smoke", folder=book / "results").metrics


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        return run_choices(copy_book(tmp_path_factory.mktemp("osvos_choices")), patch)


def j_of(segmenter, sequence) -> float:
    """Mean J of the frames that are scored: of 6, every second one from 1 to 4."""
    masks = {t: segmenter.step(sequence.frames[t]) > 0 for t in (1, 3)}
    return float(np.mean([jaccard(mask, sequence.labels(t) > 0) for t, mask in masks.items()]))


def test_the_first_way_is_the_library(run):
    _, metrics = run
    config = OnlineConfig(budget=Budget(seconds=None, steps=STEPS))
    for spec in SPECS:
        sequence = load_sequence(spec, config=SyntheticConfig(**VIDEO))
        segmenter = OsvosSegmenter(base_network(load_backbone(BACKBONE, levels=LEVELS)), config)
        segmenter.start(sequence.frames[0], (sequence.labels(0) > 0).astype(np.uint8))
        found = metrics["library"]["sequences"][spec]
        assert found["J"] == pytest.approx(j_of(segmenter, sequence), abs=0.005)
        assert found["best_step"] == segmenter.tuned[1].best_step


def test_the_last_state_is_that_after_the_last_step(book, monkeypatch):
    fine_tune, looks = osvos.fine_tune, count()

    def getting_worse(*args, check, **options):
        return fine_tune(*args, check=lambda: next(looks), **options)

    monkeypatch.setattr(osvos, "fine_tune", getting_worse)
    metrics = run_choices(book, monkeypatch, data=SPECS[:1])[1]
    sequence = load_sequence(SPECS[0], config=SyntheticConfig(**VIDEO))
    segmenter = OsvosSegmenter(base_network(load_backbone(BACKBONE, levels=LEVELS)))
    network = copy.deepcopy(segmenter.parent)
    loss, optimizer = online_steps(network, sequence.frames[0], sequence.labels(0) > 0, segmenter.config)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss(step).backward()
        optimizer.step()
    segmenter.networks = {1: network}
    best, last = (metrics[way]["sequences"][SPECS[0]] for way in ("library", "last"))
    assert (best["best_step"], last["best_step"]) == (0, STEPS)
    assert last["J"] == pytest.approx(j_of(segmenter, sequence), abs=0.005) and last["J"] > best["J"] + 0.1


@pytest.mark.parametrize("stride", [2, 4, 16])
def test_the_codes_enlargement_is_bilinear_inside_and_fades_at_the_border(run, stride):
    defined, _ = run
    transposed = defined["FrozenTransposed"](stride)
    torch.manual_seed(0)
    x, size = torch.randn(2, 3, 5, 7), (5 * stride, 7 * stride)
    inside = (..., slice(stride, -stride), slice(stride, -stride))
    plain = Upsample(stride, corner=False)(x, size)
    torch.testing.assert_close(transposed(x, size)[inside], plain[inside])
    one = transposed(torch.ones(1, 1, 5, 7), size)
    edge = 0.5 + 0.5 / stride  # of the way from zero, half a cell outside, to the first cell
    torch.testing.assert_close(one[0, 0, 0, 0], torch.tensor(edge**2))
    torch.testing.assert_close(one[0, 0, -1, size[1] // 2], torch.tensor(edge))


def test_the_other_networks_differ_from_ours_in_one_thing(run):
    defined, _ = run
    starts = {way: network.state_dict() for way, network in defined["starts"].items()}
    ours = starts["library"]
    for key, value in starts["small_weights"].items():
        small = key.startswith("side.") and key.endswith(".weight")
        assert torch.equal(value, ours[key]) != small, key
        if small:
            assert value.std().item() == pytest.approx(0.001, rel=0.2)
    assert all(torch.equal(starts["transposed"][key], value) for key, value in ours.items())
    ways = {way: of["F"] for way, of in run[1].items() if way != "last"}
    assert len(set(ways.values())) == 3 and min(ways.values()) > 0, f"two ways give the same: {ways}"
