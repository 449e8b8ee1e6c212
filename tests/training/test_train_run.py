"""The run notebook as a script: alone, on two processes, and what it refuses."""

from pathlib import Path

import pytest
import torch
from run_book import change_training, run_here, run_script, weights_of

from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.methods.frtm import FrtmSegmenter
from vosbook.nn.base_net import BaseNet
from vosbook.runs import read_record
from vosbook.training.checkpoint import load_state
from vosbook.weights import load_network, read_about, read_tensors

RUN = "train_frtm"
SIMULATION = {"size": [96, 160], "lines": [240, 240]}  # small windows of frames as they are


@pytest.fixture
def book(book: Path) -> Path:
    """One sequence, small windows."""
    change_training(book, RUN, data=["synthetic/100"], simulation=SIMULATION | {"views": 1})
    return book


def test_the_smoke_training_learns_and_leaves_weights_that_say_what_they_are(book, monkeypatch):
    done = run_script(book, RUN)
    assert done.returncode == 0, done.stderr
    record = read_record("train_frtm_smoke_filters", folder=book / "results")
    assert record.metrics["loss_last"] < 0.7 * record.metrics["loss_first"]
    assert [entry["step"] for entry in record.curve] == [5, 10, 15, 20]
    assert record.config["processes"] == 1
    assert [entry["spec"] for entry in record.data] == ["synthetic/100"]
    weights = weights_of(book, record.name)
    assert read_about(weights) == record.config["about"]
    assert read_about(weights)["trained_on"] == "synthetic video, 1 of 1 sequences"
    segmenter = FrtmSegmenter.complete(backbone_weights=None, checkpoint=weights, device="cpu", note=print)
    state = load_state(weights.with_name("state.pt"))["network"]
    assert all(torch.allclose(w, state[k], rtol=1e-3, atol=1e-6) for k, w in segmenter.network.state_dict().items())

    change_training(book, RUN, simulation=SIMULATION | {"views": 2})
    with pytest.raises(InputError, match=r"filters/state\.pt was made with simulation = .*'views': 1"):
        run_here(book, monkeypatch, RUN)


def test_two_processes_write_one_record_and_one_bar(book):
    train = {"steps": 8, "batch": 4, "log_every": 4, "checkpoint_every": 4}
    change_training(book, RUN, train=train, share=1.0)
    done = run_script(book, RUN, "variant=base_net", processes=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loss ") == 1
    assert done.stderr.count("| 0/8 ") == 1  # the end may be drawn twice
    assert "destroy_process_group" not in done.stderr
    record = read_record("train_frtm_smoke_base_net", folder=book / "results")
    assert record.config["processes"] == 2
    assert record.metrics["loss_last"] < record.metrics["loss_first"]
    weights = weights_of(book, record.name)
    network = BaseNet(load_backbone("filters").channels)
    load_network(weights, network)
    assert all(tensor.isfinite().all() for tensor in read_tensors(weights).values())


def test_arguments_that_mean_nothing_are_refused(book, monkeypatch):
    with pytest.raises(InputError, match="smoke has no variant resnet: it has base_net, filters"):
        run_here(book, monkeypatch, RUN, "variant=resnet")
