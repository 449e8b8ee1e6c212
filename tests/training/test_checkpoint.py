"""A state comes back as it was; one that is damaged, or would run code, is refused."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from vosbook.errors import InputError
from vosbook.training.checkpoint import load_state, save_state

STATE = {"config": {"steps": 3, "share": (1, 2)}, "network": {"w": torch.arange(6.0)}, "curve": [{"loss": 0.5}]}


def test_a_state_comes_back_as_it_was(tmp_path):
    assert load_state(tmp_path / "state.pt") is None
    save_state(tmp_path / "deep" / "state.pt", STATE)
    state = load_state(tmp_path / "deep" / "state.pt")
    assert torch.equal(state.pop("network")["w"], STATE["network"]["w"])
    assert state == {"config": STATE["config"], "curve": STATE["curve"]}
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["state.pt"]


def damaged_states(folder: Path) -> list[Path]:
    whole = folder / "whole.pt"
    save_state(whole, STATE)
    content = whole.read_bytes()
    contents = {"empty": b"", "cut": content[: len(content) // 2], "text": b"no state at all", "last": content[:-30]}
    for name, part in contents.items():
        (folder / name).write_bytes(part)
    torch.save(torch.ones(3), folder / "tensor")
    return [folder / name for name in (*contents, "tensor")]


def test_a_damaged_state_is_refused(tmp_path):
    for path in damaged_states(tmp_path):
        with pytest.raises(InputError, match=f"{path.name} is damaged, or no training state: remove it"):
            load_state(path)


class Code:
    def __init__(self, touched: Path):
        self.touched = touched

    def __reduce__(self):
        return os.mkdir, (str(self.touched),)


def test_code_in_a_state_is_not_run(tmp_path):
    torch.save({"config": Code(tmp_path / "ran")}, tmp_path / "zipped.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"config": Code(tmp_path / "ran")}))
    for name in ("zipped.pt", "plain.pt"):
        with pytest.raises(InputError, match=name):
            load_state(tmp_path / name)
    assert not (tmp_path / "ran").exists()
