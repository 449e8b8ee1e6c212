"""The run notebook as a script: alone, on two processes, and what it refuses."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from pipeline.chapters import BOOK

from vosbook.errors import InputError
from vosbook.features import load_backbone, read_tensors
from vosbook.methods.frtm import FrtmSegmenter
from vosbook.nn.base_net import BaseNet
from vosbook.runs import read_record
from vosbook.training.checkpoint import load_network, load_state, read_about

SIMULATION = {"size": [96, 160], "lines": [240, 240]}  # small windows of frames as they are


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A copy of what a run needs, so that records and weights stay out of the checkout; one sequence, small windows."""
    for name in ("profiles", "runs"):
        shutil.copytree(BOOK / name, tmp_path / "book" / name)
    change_training(tmp_path / "book", data=["synthetic/100"], simulation=SIMULATION | {"views": 1})
    return tmp_path / "book"


def change_training(book: Path, **changes: object) -> None:
    path = book / "profiles" / "smoke.yml"
    content = yaml.safe_load(path.read_text())
    content["settings"]["train_frtm"] |= changes
    path.write_text(yaml.safe_dump(content))


def run_script(book: Path, *arguments: str, processes: int = 1) -> subprocess.CompletedProcess:
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [*start, str(book / "runs" / "train_frtm.py"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(command, cwd=book, env=environment, capture_output=True, text=True, timeout=300)


def run_here(book: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """The script in this process, which has torch already."""
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.chdir(book)
    script = str(book / "runs" / "train_frtm.py")
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    runpy.run_path(script)


def test_the_smoke_training_learns_and_leaves_weights_that_say_what_they_are(book, monkeypatch):
    done = run_script(book)
    assert done.returncode == 0, done.stderr
    record = read_record("train_frtm_smoke_filters", folder=book / "results")
    assert record.metrics["loss_last"] < 0.7 * record.metrics["loss_first"]
    assert [entry["step"] for entry in record.curve] == [5, 10, 15, 20]
    assert record.config["processes"] == 1
    assert [entry["spec"] for entry in record.data] == ["synthetic/100"]
    weights = book.parent / "build" / "runs" / record.name / "weights.safetensors"
    assert read_about(weights) == record.config["about"]
    assert read_about(weights)["trained_on"] == "synthetic video, 1 of 1 sequences"
    segmenter = FrtmSegmenter.complete(backbone_weights=None, checkpoint=weights, device="cpu", note=print)
    state = load_state(weights.with_name("state.pt"))["network"]
    assert all(torch.allclose(w, state[k], rtol=1e-3, atol=1e-6) for k, w in segmenter.network.state_dict().items())

    change_training(book, simulation=SIMULATION | {"views": 2})
    with pytest.raises(InputError, match=r"filters/state\.pt was made with simulation = .*'views': 1"):
        run_here(book, monkeypatch)


def test_two_processes_write_one_record_and_one_bar(book):
    train = {"steps": 8, "batch": 4, "log_every": 4, "checkpoint_every": 4}
    change_training(book, train=train, share=1.0)
    done = run_script(book, "variant=base_net", processes=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loss ") == 1
    assert done.stderr.count("100%") == 1
    assert "destroy_process_group" not in done.stderr
    record = read_record("train_frtm_smoke_base_net", folder=book / "results")
    assert record.config["processes"] == 2
    assert record.metrics["loss_last"] < record.metrics["loss_first"]
    weights = book.parent / "build" / "runs" / record.name / "weights.safetensors"
    network = BaseNet(load_backbone("filters").channels)
    load_network(weights, network)
    assert all(tensor.isfinite().all() for tensor in read_tensors(weights).values())


def test_arguments_that_mean_nothing_are_refused(book, monkeypatch):
    with pytest.raises(InputError, match="smoke has no variant resnet: it has base_net, filters"):
        run_here(book, monkeypatch, "variant=resnet")
