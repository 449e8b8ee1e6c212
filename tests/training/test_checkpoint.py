"""Files are whole or not there; weights come back; foreign ones are refused by the first tensor that differs."""

import os
import pickle
import resource
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from vosbook.errors import InputError
from vosbook.features import read_tensors
from vosbook.training import checkpoint
from vosbook.training.checkpoint import load_network, load_state, read_about, save_network, save_state, save_tensors

STATE = {"config": {"steps": 3, "share": (1, 2)}, "network": {"w": torch.arange(6.0)}, "curve": [{"loss": 0.5}]}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))


def test_a_state_comes_back_as_it_was(tmp_path):
    assert load_state(tmp_path / "state.pt") is None
    save_state(tmp_path / "deep" / "state.pt", STATE)
    state = load_state(tmp_path / "deep" / "state.pt")
    assert torch.equal(state.pop("network")["w"], STATE["network"]["w"])
    assert state == {"config": STATE["config"], "curve": STATE["curve"]}
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["state.pt"]


@pytest.mark.parametrize("there_before", [False, True])
def test_a_process_killed_half_way_leaves_the_old_file(tmp_path, there_before):
    path = tmp_path / "weights.safetensors"
    if there_before:
        save_tensors(path, {"w": torch.ones(3)})

    def half(partial: str) -> None:
        Path(partial).write_bytes(b"half of")
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        checkpoint._write(path, half)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert path.is_file() == there_before
    assert not there_before or torch.equal(read_tensors(path)["w"], torch.ones(3))
    save_tensors(path, {"w": torch.zeros(3)})
    assert torch.equal(read_tensors(path)["w"], torch.zeros(3))


@pytest.mark.parametrize("save", [lambda p, w: save_state(p, {"w": w}), lambda p, w: save_tensors(p, {"w": w})])
def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path, save):
    """The limit on the size of a file stands for the end of the disk."""
    path = tmp_path / "file"
    save(path, torch.ones(3))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"file cannot be written \(.+\): make room on the disk"):
            save(path, torch.ones(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


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
        with pytest.raises(InputError, match=name):
            load_network(tmp_path / name, network())
    assert not (tmp_path / "ran").exists()


def test_weights_come_back_as_float16_holds_them(tmp_path):
    path, trained, fresh = tmp_path / "n.safetensors", network(), network()
    trained(torch.rand(2, 1, 8, 8))  # running statistics, and a count that is no float
    with torch.no_grad():
        trained[0].weight += 1
    save_network(path, trained, {"method": "frtm", "trained_on": "nothing"})
    load_network(path, fresh)
    for name, tensor in trained.state_dict().items():
        expected = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(fresh.state_dict()[name], expected), name
        assert fresh.state_dict()[name].dtype == tensor.dtype
    assert read_tensors(path)["0.weight"].dtype == torch.float16
    assert read_about(path) == {"method": "frtm", "trained_on": "nothing"}
    assert read_about(tmp_path / "none.safetensors") == {}


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    path = tmp_path / "n.safetensors"
    save_network(path, nn.Sequential(nn.Conv2d(1, 3, 5), nn.BatchNorm2d(3)), {})
    mine = network()
    before = {name: tensor.clone() for name, tensor in mine.state_dict().items()}
    with pytest.raises(InputError, match=r"n\.safetensors .*0\.weight is \(3, 1, 5, 5\) there, and \(3, 1, 3, 3\)"):
        load_network(path, mine)
    save_network(path, nn.Sequential(nn.Conv2d(1, 3, 3)), {})
    with pytest.raises(InputError, match=r"1\.bias is None there"):
        load_network(path, mine)
    assert all(torch.equal(tensor, before[name]) for name, tensor in mine.state_dict().items())
