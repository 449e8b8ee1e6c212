"""S2S's training as a script: what it learns, every variant, broken off, on two processes, and what it refuses."""

from pathlib import Path

import pytest
import torch
from run_book import change_training, check_resumed, check_two_processes, run_here, weights_of

from vosbook.errors import InputError
from vosbook.methods import build
from vosbook.methods.s2s import VARIANTS
from vosbook.runs import read_record
from vosbook.training.checkpoint import load_state
from vosbook.weights import read_about, read_tensors

RUN = "train_s2s"
NETWORK = {
    "backbone": "filters",
    "level": "layer2",
    "initial_level": "layer2",
    "width": 8,
    "decoder": [4],
    "size": [48, 80],
}
TINY = {
    "videos": [400, 402],
    "held_out": ["synthetic/900"],
    "synthetic": {"size": [48, 80], "frames": 5, "objects": [1, 2]},
    "network": NETWORK,
    "clips": {"size": [48, 80], "frames": [3, 4]},
    "views": {"min_pixels": 10},
    "stages": [
        {"until": 0.5, "teacher": True, "clips": {}},
        {"until": 1.0, "teacher": False, "clips": {}, "views": {"flip": 0.0}},
    ],
    "train": {"steps": 6, "batch": 2, "lr": 0.003, "amsgrad": False, "log_every": 2, "checkpoint_every": 2},
}


@pytest.fixture
def tiny_book(book: Path) -> Path:
    change_training(book, RUN, **TINY)
    return book


def test_the_smoke_training_beats_first_masks_that_never_move(book, monkeypatch, capsys):
    """On video that it has not seen, by a margin."""
    run_here(book, monkeypatch, RUN)
    record = read_record("train_s2s_smoke_initializer", folder=book / "results")
    held_out = record.metrics["held_out"]
    assert len(held_out["sequences"]) == 8
    assert held_out["s2s"]["J"] > held_out["first_mask"]["J"] + 0.05
    assert f"J {held_out['s2s']['J']:.3f} on held-out video" in capsys.readouterr().out
    assert [entry["spec"] for entry in record.data] == [f"synthetic/{seed}" for seed in range(500, 530)]
    weights = weights_of(book, record.name)
    assert read_about(weights) == record.config["about"]
    assert read_about(weights)["trained_on"] == "synthetic video, 30 of 30 sequences"
    state = load_state(weights.with_name("state.pt"))["network"]
    learned = build("s2s", checkpoint=weights, device="cpu").network.state_dict()
    assert all(torch.allclose(learned[key], state[key], rtol=1e-3, atol=1e-6) for key in state)


@pytest.mark.parametrize("variant", ["share50", "mask_as_state", "mask_as_input"])
def test_every_variant_trains(variant, tiny_book, monkeypatch):
    kind = variant.replace("_", "-")
    if kind in VARIANTS:
        change_training(tiny_book, RUN, variants={variant: {"network": NETWORK | {"variant": kind}}})
    run_here(tiny_book, monkeypatch, RUN, f"variant={variant}")
    record = read_record(f"train_s2s_smoke_{variant}", folder=tiny_book / "results")
    assert [entry["step"] for entry in record.curve] == [2, 4, 6]
    assert [entry["spec"] for entry in record.data] == [
        f"synthetic/{seed}" for seed in ((400, 401) if variant == "share50" else (400, 401, 402))
    ]
    assert set(record.metrics["held_out"]["sequences"]["synthetic/900"]) == {"s2s", "first_mask"}
    segmenter = build("s2s", checkpoint=weights_of(tiny_book, record.name), device="cpu")
    assert segmenter.network.config.variant == (kind if kind in VARIANTS else "initializer")


def test_teacher_views_and_clips_are_those_of_the_stage(tiny_book, monkeypatch):
    """Seen where it counts: the variant whose Encoder is given masks."""
    stages = [{"until": 0.5, "teacher": True, "clips": {}}, {"until": 1.0, "teacher": True, "clips": {}}]
    variants = {"mask_as_input": {"network": NETWORK | {"variant": "mask-as-input"}}}
    change_training(tiny_book, RUN, variants=variants, stages=stages)
    name, curves = "train_s2s_smoke_mask_as_input", []
    for second in ({}, {"teacher": False}, {"views": {"flip": 1.0}}, {"clips": {"frames": [3, 3]}}):
        change_training(tiny_book, RUN, stages=[stages[0], stages[1] | second])
        weights_of(tiny_book, name).with_name("state.pt").unlink(missing_ok=True)
        run_here(tiny_book, monkeypatch, RUN, "variant=mask_as_input")
        curves.append([entry["loss"] for entry in read_record(name, folder=tiny_book / "results").curve])
    assert len({curve[0] for curve in curves}) == 1
    assert len({curve[2] for curve in curves}) == 4


def test_frozen_parts_stay_as_they_are(tiny_book, monkeypatch):
    change_training(tiny_book, RUN, frozen=["decode.score"])
    run_here(tiny_book, monkeypatch, RUN)
    learned = read_tensors(weights_of(tiny_book, "train_s2s_smoke_initializer"))
    assert learned["decode.score.bias"].item() == -2.5
    assert learned["decode.upsample.0.bias"].any()


def test_broken_off_it_ends_with_the_weights_of_an_unbroken_run(tiny_book, monkeypatch):
    check_resumed(tiny_book, monkeypatch, RUN, "train_s2s_smoke_initializer")
    change_training(tiny_book, RUN, stages=TINY["stages"][1:])
    with pytest.raises(InputError, match=r"initializer/state\.pt was made with stages = "):
        run_here(tiny_book, monkeypatch, RUN)


def test_two_processes_write_one_record(tiny_book):
    check_two_processes(tiny_book, RUN, "train_s2s_smoke_initializer")


def test_arguments_that_mean_nothing_are_refused(book, monkeypatch):
    with pytest.raises(InputError, match="smoke has no variant decoder: it has initializer, share50"):
        run_here(book, monkeypatch, RUN, "variant=decoder")
