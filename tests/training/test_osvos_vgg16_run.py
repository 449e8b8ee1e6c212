"""The run of OSVOS from VGG-16 and of HED's contours: levels are chosen where it says, and means follow from rows."""

import json

import numpy as np
import pytest
import torch
from run_book import change_training, copy_book, run_here

from vosbook.contours.hed import Hed
from vosbook.features.vgg16 import Vgg16
from vosbook.runs import read_record
from vosbook.weights import save_tensors

CHOOSE, DATA = ["synthetic/900", "synthetic/902"], ["synthetic/901", "synthetic/904"]


def hed_tensors() -> dict[str, torch.Tensor]:
    """Of HED with random weights, by the keys of its file."""
    torch.manual_seed(0)
    network = Hed(Vgg16())
    convolutions = [m for m in network.trunk.modules() if isinstance(m, torch.nn.Conv2d)][:13]
    numbers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    parts = {f"features.{n}": conv for n, conv in zip(numbers, convolutions)}
    parts |= {f"side{k}": score for k, score in enumerate(network.score, 1)} | {"fuse": network.fuse}
    kinds = ("weight", "bias")
    return {f"{name}.{kind}": getattr(conv, kind).detach() for name, conv in parts.items() for kind in kinds}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The record's metrics, and what was kept of each sequence."""
    folder = tmp_path_factory.mktemp("osvos_vgg16")
    book = copy_book(folder)
    (folder / "data" / "weights").mkdir(parents=True)
    save_tensors(folder / "data" / "weights" / "hed.safetensors", hed_tensors(), {})
    change_training(book, "osvos_vgg16", choose_on=CHOOSE, data=DATA, hed="weights/hed.safetensors", steps=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOSBOOK_DATA", str(folder / "data"))
        run_here(book, patch, "osvos_vgg16")
    parts = {path.stem: json.loads(path.read_text()) for path in (folder / "build").rglob("osvos_vgg16_smoke/*.json")}
    return read_record("osvos_vgg16_smoke", folder=book / "results").metrics, parts


def part_of(parts, spec):
    (found,) = [part for name, part in parts.items() if name.endswith(spec.split("/")[1])]
    return found


def test_every_sequence_is_scored_with_both_contour_networks(run):
    _, parts = run
    assert len(parts) == 4
    for part in parts.values():
        assert set(part["snapped"]) == {"ours", "hed"} and set(part["snapped"]["hed"]) == {"0.2", "0.4"}


def test_the_level_is_the_best_where_levels_are_chosen(run):
    metrics, parts = run
    for name, of in metrics["snapped"].items():
        j = {
            level: np.mean([part_of(parts, spec)["snapped"][name][level][0] for spec in CHOOSE])
            for level in ("0.2", "0.4")
        }
        assert of["level"] == float(max(j, key=j.get))


def test_the_scores_are_of_the_other_sequences(run):
    metrics, parts = run
    for name, of in metrics["snapped"].items():
        rows = [part_of(parts, spec)["snapped"][name][str(of["level"])] for spec in DATA]
        assert set(of["J_of_sequences"]) == set(DATA)
        assert [of["J"], of["F"]] == pytest.approx(np.mean(rows, axis=0))
    assert set(metrics["plain"]["J_of_sequences"]) == set(DATA)
    assert set(metrics["backbones"]["filters"]["J_of_sequences"]) == {*CHOOSE, *DATA}
