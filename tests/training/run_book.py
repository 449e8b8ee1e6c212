"""The training runs as scripts, on a copy of what they need: records and weights stay out of the checkout."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from patience import HANGS
from pipeline.chapters import BOOK

from vosbook.runs import read_record
from vosbook.training.checkpoint import load_state
from vosbook.training.clips import ClipSampler
from vosbook.weights import read_tensors


def copy_book(folder: Path) -> Path:
    """The runs and the profiles, in `folder/book`."""
    for name in ("profiles", "runs"):
        shutil.copytree(BOOK / name, folder / "book" / name)
    return folder / "book"


def change_training(book: Path, run: str, **changes: object) -> None:
    """Other settings for the run, in the profile smoke."""
    path = book / "profiles" / "smoke.yml"
    content = yaml.safe_load(path.read_text())
    content["settings"][run] |= changes
    path.write_text(yaml.safe_dump(content))


def run_script(book: Path, run: str, *arguments: str, processes: int = 1) -> subprocess.CompletedProcess:
    """The script in processes of its own, with one thread each; by torchrun where there are several."""
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [*start, str(book / "runs" / f"{run}.py"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(command, cwd=book, env=environment, capture_output=True, text=True, timeout=HANGS)


def run_here(book: Path, monkeypatch: pytest.MonkeyPatch, run: str, *arguments: str) -> dict[str, Any]:
    """The script in this process, which has torch already -> what it has defined, by name."""
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.chdir(book)
    script = str(book / "runs" / f"{run}.py")
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    return runpy.run_path(script)


def weights_of(book: Path, name: str) -> Path:
    """What the run of this name has learned."""
    return book.parent / "build" / "runs" / name / "weights.safetensors"


def check_resumed(
    book: Path, monkeypatch: pytest.MonkeyPatch, run: str, name: str, *, sampler: type = ClipSampler
) -> None:
    """Broken off at step 5 of what `sampler` draws, its state kept every fourth, the run ends as it does unbroken."""
    run_here(book, monkeypatch, run)
    weights = weights_of(book, name)
    whole = read_tensors(weights)
    weights.unlink()
    weights.with_name("state.pt").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(sampler, "batch", broken_at(5, sampler.batch))
        with pytest.raises(KeyboardInterrupt):
            run_here(book, monkeypatch, run)
    assert load_state(weights.with_name("state.pt"))["curve"][-1]["step"] == 4
    assert not weights.exists()
    run_here(book, monkeypatch, run)
    again = read_tensors(weights)
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[key], again[key]) for key in whole)


def check_two_processes(book: Path, run: str, name: str) -> None:
    """Two processes share the run `name`, and one of them writes."""
    done = run_script(book, run, processes=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loss ") == 1
    record = read_record(name, folder=book / "results")
    assert record.config["processes"] == 2
    assert all(tensor.isfinite().all() for tensor in read_tensors(weights_of(book, name)).values())


def broken_at(step: int, batch: Callable[[Any, int, range], Any]) -> Callable[[Any, int, range], Any]:
    """A sampler's `batch` that is interrupted at a step."""

    def interrupted(self: Any, at: int, share: range) -> Any:
        if at == step:
            raise KeyboardInterrupt
        return batch(self, at, share)

    return interrupted
