"""RVOS's training as a script: what it learns, every variant, broken off, on two processes, and what it refuses."""

from pathlib import Path

import pytest
import torch
from run_book import change_training, check_resumed, check_two_processes, run_here, weights_of

from vosbook.errors import InputError
from vosbook.methods.rvos import load_rvos
from vosbook.runs import read_record
from vosbook.training.checkpoint import load_state
from vosbook.weights import read_about, read_tensors

RUN = "train_rvos"
TINY = {
    "videos": [400, 402],
    "held_out": ["synthetic/900"],
    "synthetic": {"size": [48, 80], "frames": 5, "objects": [1, 2]},
    "network": {"backbone": "filters", "levels": ["layer2", "layer3"], "hidden": 8, "size": [48, 80]},
    "clips": {"size": [48, 80], "frames": [3, 3]},
    "views": {"min_pixels": 10},
    "stages": [{"until": 0.5, "true_masks": True, "clips": {}}, {"until": 1.0, "true_masks": False, "clips": {}}],
    "train": {"steps": 6, "batch": 2, "lr": 0.003, "amsgrad": False, "log_every": 2, "checkpoint_every": 2},
}


@pytest.fixture
def tiny_book(book: Path) -> Path:
    change_training(book, RUN, **TINY)
    return book


def test_the_smoke_training_beats_first_masks_that_never_move(book, monkeypatch, capsys):
    """On video that it has not seen, by a margin."""
    run_here(book, monkeypatch, RUN)
    record = read_record("train_rvos_smoke_one_shot", folder=book / "results")
    held_out = record.metrics["held_out"]
    assert len(held_out["sequences"]) == 8
    assert held_out["rvos"]["J"] > held_out["first_mask"]["J"] + 0.05
    assert f"J {held_out['rvos']['J']:.3f} on held-out video" in capsys.readouterr().out
    weights = weights_of(book, record.name)
    assert read_about(weights) == record.config["about"]
    state = load_state(weights.with_name("state.pt"))["network"]
    learned = load_rvos(weights).state_dict()
    assert all(torch.allclose(learned[key], state[key], rtol=1e-3, atol=1e-6) for key in state)


VARIANTS = {  # mask, space, time
    "st": (True, True, True),
    "s": (True, True, False),
    "t": (True, False, True),
    "zero_shot_t": (False, False, True),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_trains(variant, tiny_book, monkeypatch):
    run_here(tiny_book, monkeypatch, RUN, f"variant={variant}")
    record = read_record(f"train_rvos_smoke_{variant}", folder=tiny_book / "results")
    assert [entry["step"] for entry in record.curve] == [2, 4, 6]
    assert set(record.metrics["held_out"]["sequences"]["synthetic/900"]) == {"rvos", "first_mask"}
    method = "rvos" if VARIANTS[variant][0] else "rvos-zero-shot"
    config = load_rvos(weights_of(tiny_book, record.name), method=method).config
    assert (config.mask, config.space, config.time) == VARIANTS[variant]


def test_zero_shot_begins_with_what_one_shot_has_learned(tiny_book, monkeypatch):
    with pytest.raises(InputError, match=r"one_shot/weights\.safetensors"):
        run_here(tiny_book, monkeypatch, RUN, "variant=zero_shot")
    run_here(tiny_book, monkeypatch, RUN)
    change_training(tiny_book, RUN, train=TINY["train"] | {"lr": 0.0})
    run_here(tiny_book, monkeypatch, RUN, "variant=zero_shot")
    before, after = (
        read_tensors(weights_of(tiny_book, f"train_rvos_smoke_{variant}"))["decoder.score.weight"]
        for variant in ("one_shot", "zero_shot")
    )
    assert torch.equal(before, after)


def test_a_one_shot_training_takes_all_from_the_one_before(tiny_book, monkeypatch):
    run_here(tiny_book, monkeypatch, RUN)
    change_training(tiny_book, RUN, after="one_shot", train=TINY["train"] | {"lr": 0.0})
    run_here(tiny_book, monkeypatch, RUN, "variant=st")
    before, after = (read_tensors(weights_of(tiny_book, f"train_rvos_smoke_{name}")) for name in ("one_shot", "st"))
    assert before.keys() == after.keys()
    learned = [key for key in before if not key.endswith(("_mean", "_var", "_tracked"))]  # batch norms go on
    assert len(learned) > 10 and all(torch.equal(before[key], after[key]) for key in learned)


def test_broken_off_it_ends_with_the_weights_of_an_unbroken_run(tiny_book, monkeypatch):
    """In the stage in which the previous masks are the network's own."""
    check_resumed(tiny_book, monkeypatch, RUN, "train_rvos_smoke_one_shot")
    change_training(tiny_book, RUN, stages=TINY["stages"][1:])
    with pytest.raises(InputError, match=r"one_shot/state\.pt was made with stages = "):
        run_here(tiny_book, monkeypatch, RUN)


def test_two_processes_write_one_record(tiny_book):
    check_two_processes(tiny_book, RUN, "train_rvos_smoke_one_shot")


def test_arguments_that_mean_nothing_are_refused(book, monkeypatch):
    with pytest.raises(InputError, match="smoke has no variant st_minus: it has one_shot, zero_shot"):
        run_here(book, monkeypatch, RUN, "variant=st_minus")
