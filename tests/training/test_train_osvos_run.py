"""The parent's training as a script: what it learns, its variants and optimizers, broken off, on two processes."""

from pathlib import Path

import pytest
import torch
from run_book import change_training, check_resumed, check_two_processes, run_here, weights_of

from vosbook.errors import InputError
from vosbook.methods import build
from vosbook.runs import read_record
from vosbook.training.checkpoint import load_state
from vosbook.training.stills import StillSampler
from vosbook.weights import read_about, read_tensors

RUN, NAME = "train_osvos_parent", "train_osvos_parent_smoke_parent"
TINY = {
    "videos": [600, 602],
    "held_out": ["synthetic/900"],
    "synthetic": {"size": [48, 80], "frames": 5, "objects": [1, 2]},
    "network": {"backbone": "filters", "levels": ["layer1", "layer2"]},
    "stills": {"size": [48, 80]},
    "views": {"min_pixels": 10},
    "train": {"steps": 6, "batch": 2, "lr": 0.003, "amsgrad": False, "log_every": 2, "checkpoint_every": 2},
    "online_steps": 3,
}


@pytest.fixture
def tiny_book(book: Path) -> Path:
    change_training(book, RUN, **TINY)
    return book


def test_the_smoke_training_beats_first_masks_that_never_move(book, monkeypatch, capsys):
    """On video that it has not seen, by a margin: its parent, tuned to the objects in some steps."""
    run_here(book, monkeypatch, RUN)
    record = read_record(NAME, folder=book / "results")
    held_out = record.metrics["held_out"]
    assert len(held_out["sequences"]) == 8
    assert held_out["osvos"]["J"] > held_out["first_mask"]["J"] + 0.15
    assert record.metrics["loss_last"] < 0.2 * record.metrics["loss_first"]
    assert f"J {held_out['osvos']['J']:.3f} on held-out video" in capsys.readouterr().out
    weights = weights_of(book, NAME)
    assert read_about(weights) == record.config["about"]
    assert read_about(weights)["trained_on"] == "synthetic video, 576 frames of 48 sequences"
    state = load_state(weights.with_name("state.pt"))["network"]
    learned = build("osvos", checkpoint=weights, device="cpu").parent.state_dict()
    assert all(torch.allclose(learned[key], state[key], rtol=1e-3, atol=1e-6) for key in state)


def test_a_variant_sees_fewer_images(tiny_book, monkeypatch):
    run_here(tiny_book, monkeypatch, RUN, "variant=images_12")
    record = read_record("train_osvos_parent_smoke_images_12", folder=tiny_book / "results")
    assert record.config["about"]["trained_on"] == "synthetic video, 12 frames of 3 sequences"
    assert record.config["stills"]["images"] == 12


def test_the_sides_weight_is_that_of_the_share_of_the_steps(tiny_book, monkeypatch):
    """Seen in the loss: with the sides it is larger, and without them they stay as they began."""
    curves, scores = [], []
    for weights in ([[1.0, 1.0]], [[1.0, 0.0]], [[0.5, 1.0], [1.0, 0.0]]):
        change_training(tiny_book, RUN, side_weights=weights, train=TINY["train"] | {"weight_decay": 0.0})
        weights_of(tiny_book, NAME).with_name("state.pt").unlink(missing_ok=True)
        run_here(tiny_book, monkeypatch, RUN)
        curves.append([entry["loss"] for entry in read_record(NAME, folder=tiny_book / "results").curve])
        scores.append(read_tensors(weights_of(tiny_book, NAME))["score.layer1.bias"].item())
    with_sides, without, fading = curves
    assert with_sides[0] > 2.5 * without[0] and fading[0] == with_sides[0]
    assert fading[2] < 0.5 * with_sides[2]
    assert scores[1] == 0 and scores[0] != 0 and scores[2] != 0


def test_the_papers_optimizer_takes_the_sum_and_its_multipliers(tiny_book, monkeypatch):
    """Its first steps are those of the normalised loss at a rate as many times as large as an image has pixels."""
    seen = []
    train = TINY["train"] | {"lr": 1e-6, "drop_at": 1.0}
    change_training(tiny_book, RUN, sgd={"momentum": 0.9, "weight_decay": 0.0}, train=train)
    step = torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self: (seen.append(self.param_groups), step(self))[1])
    run_here(tiny_book, monkeypatch, RUN)
    assert len(seen) == 6
    assert [group["lr"] for group in seen[0]] == pytest.approx([1e-6, 2e-6, 1e-7, 2e-7, 1e-8, 2e-8])
    assert read_record(NAME, folder=tiny_book / "results").curve[0]["loss"] > 100  # a sum over pixels


def test_broken_off_it_ends_with_the_weights_of_an_unbroken_run(tiny_book, monkeypatch):
    check_resumed(tiny_book, monkeypatch, RUN, NAME, sampler=StillSampler)
    change_training(tiny_book, RUN, images=7)
    with pytest.raises(InputError, match=r"smoke_parent/state\.pt was made with stills = "):
        run_here(tiny_book, monkeypatch, RUN)


def test_two_processes_write_one_record(tiny_book):
    check_two_processes(tiny_book, RUN, NAME)
