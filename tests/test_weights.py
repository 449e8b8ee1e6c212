"""Weights are found, come back as they were written, and are refused by name; files are whole or not there."""

import json
import os
import pickle
import resource
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from vosbook import weights
from vosbook.errors import InputError
from vosbook.training.checkpoint import save_state
from vosbook.weights import (
    SHIPPED,
    describe_network,
    find_weights,
    fingerprint,
    given_or_shipped,
    load_described,
    load_network,
    read_about,
    read_tensors,
    save_network,
    save_tensors,
    shipped_weights,
    write_whole,
)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))


# ------------------------------------------------------------------------------------------------------- finding


def test_the_module_and_the_folder_of_its_name_are_both_there():
    assert Path(weights.__file__).name == "weights.py" and Path(weights.__file__).with_suffix("") == SHIPPED
    assert {path.suffix for path in SHIPPED.iterdir()} == {".md", ".safetensors"}  # code there would hide the module


def test_a_file_in_the_data_folder_comes_before_the_network(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(weights, "_download", lambda url: asked.append(url))
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    assert find_weights("one", "u/one.pth") is None and asked == ["u/one.pth"]
    (tmp_path / "weights").mkdir()
    for name in ("one.txt", "one-b.pth", "one-a.safetensors", "none.pth"):
        (tmp_path / "weights" / name).touch()
    assert find_weights("one", "u/one.pth") == tmp_path / "weights" / "one-a.safetensors"
    assert asked == ["u/one.pth"]


def test_a_checkpoint_comes_before_the_packages_network(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    said = []
    options = {"remedy": "train one", "note": said.append}
    assert given_or_shipped(tmp_path / "own", "net.safetensors", **options) == tmp_path / "own" and not said
    with pytest.raises(InputError, match="no network net comes with the package: train one, and give it as --check"):
        given_or_shipped(None, "net.safetensors", **options)
    save_network(tmp_path / "net.safetensors", network(), {"measured": "J 12.5"})
    assert given_or_shipped(None, "net.safetensors", **options) == tmp_path / "net.safetensors"
    assert said == ["using the package's network net: J 12.5"]
    save_network(tmp_path / "net.safetensors", network(), {})
    given_or_shipped(None, "net.safetensors", **options)
    assert said[1].endswith("net: not measured on real video")
    with pytest.raises(InputError, match="no network other comes with the package: look elsewhere"):
        shipped_weights("other.safetensors", remedy="look elsewhere")


# ------------------------------------------------------------------------------------------------------- writing


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
        write_whole(path, half)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert path.is_file() == there_before
    assert not there_before or torch.equal(read_tensors(path)["w"], torch.ones(3))
    save_tensors(path, {"w": torch.zeros(3)})
    assert torch.equal(read_tensors(path)["w"], torch.zeros(3))
    assert path.stat().st_mode & 0o777 == 0o644, "a file of one's own that others cannot read"


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


# ------------------------------------------------------------------------------------------------------- reading


def test_tensors_come_back_as_saved(tmp_path):
    saved = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}
    torch.save(saved, tmp_path / "x.pt")
    safetensors.torch.save_file(saved, tmp_path / "x.safetensors")
    for name in ("x.pt", "x.safetensors"):
        read = read_tensors(tmp_path / name)
        assert read.keys() == saved.keys() and all(torch.equal(read[k], saved[k]) for k in saved)
    (tmp_path / "x.safetensors").replace(tmp_path / "x.pt")
    assert read_tensors(tmp_path / "x.pt").keys() == saved.keys()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {
            "model": s,
            "optimizer": {"state": {0: {"step": torch.tensor(3)}}, "param_groups": [{"lr": 0.1}]},
            "best": 0.5,
        },
    ],
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_wrapped_and_nested_weights_are_found(tmp_path, wrap, prefix):
    saved = {f"{prefix}{name}": value for name, value in network().state_dict().items()}
    torch.save(wrap(saved), tmp_path / "x.pth")
    fresh = network()
    with torch.no_grad():
        fresh[0].weight.zero_()
    load_network(tmp_path / "x.pth", fresh)
    assert torch.equal(fresh[0].weight, network()[0].weight)
    safetensors.torch.save_file(saved, tmp_path / "x.safetensors")
    assert read_tensors(tmp_path / "x.safetensors").keys() == network().state_dict().keys()


def test_a_prefix_of_some_names_is_theirs(tmp_path):
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "x.pth")
    assert read_tensors(tmp_path / "x.pth").keys() == {"module.a", "b"}


def test_one_of_several_networks_is_not_guessed(tmp_path):
    tensors = {"w": torch.ones(2)}
    torch.save({"model": tensors, "ema": tensors, "epoch": 1}, tmp_path / "x.pth")
    with pytest.raises(InputError, match=r"x\.pth holds several networks \(model, ema\): save the one that is meant"):
        read_tensors(tmp_path / "x.pth")
    for nothing in ({"epoch": 1}, [tensors], {"state_dict": {}}):
        torch.save(nothing, tmp_path / "x.pth")
        with pytest.raises(InputError, match="is not a table of tensors"):
            read_tensors(tmp_path / "x.pth")


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<!DOCTYPE html><html>", "is a page or a message of a web site, not weights: download the file itself"),
        ("\n <HTML>", "is a page or a message"),
        ('{"message": "Not Found"}', "is a page or a message"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "fetch them with git lfs pull"),
    ],
)
def test_what_came_down_in_place_of_weights_is_known(tmp_path, name, content, says):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=rf"{name} .*{says}"):
        read_tensors(tmp_path / name)


class Code:
    def __init__(self, touched: Path):
        self.touched = touched

    def __reduce__(self):
        return os.mkdir, (str(self.touched),)


def test_code_in_weights_is_not_run(tmp_path):
    torch.save({"config": Code(tmp_path / "ran")}, tmp_path / "zipped.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"config": Code(tmp_path / "ran")}))
    for name in ("zipped.pt", "plain.pt"):
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


# ---------------------------------------------------------------------------------- what a file says about itself


@dataclass(frozen=True)
class Config:
    width: int = 2
    size: tuple[int, int] = (3, 4)


def line(config: Config) -> nn.Module:
    torch.manual_seed(config.width)
    return nn.Sequential(nn.Linear(config.size[0], config.width), nn.BatchNorm1d(config.width))


def load_line(path: Path) -> tuple[Config, nn.Module]:
    built = []
    back = load_described(path, Config, lambda c: built.append(c) or line(c), method="line", remedy="draw one")
    return built[0], back


def test_a_described_network_is_built_from_its_own_settings(tmp_path):
    config, path = Config(width=5, size=(7, 1)), tmp_path / "line.safetensors"
    drawn = line(config)
    nn.init.constant_(drawn[0].bias, 0.25)
    save_network(path, drawn, describe_network("line", config))
    assert read_about(path) == {"method": "line", "config": json.dumps(asdict(config))}
    found, back = load_line(path)
    assert found == config and not back.training
    for name, tensor in drawn.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], tensor, rtol=1e-3, atol=1e-3)


def test_what_does_not_describe_itself_so_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "it.safetensors"
    with pytest.raises(InputError, match=r"it\.safetensors does not exist"):
        load_line(path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"it\.safetensors is damaged"):
        load_line(path)
    described = describe_network("line", Config())
    others = ({}, described | {"method": "circle"})
    for about in others:
        save_network(path, line(Config()), about)
        with pytest.raises(InputError, match=r"it\.safetensors is no network of line: draw one"):
            load_line(path)
    unknown = ({"method": "line"}, described | {"config": "{"}, described | {"config": '{"colour": 3}'})
    for about in unknown:
        save_network(path, line(Config()), about)
        with pytest.raises(InputError, match=r"it\.safetensors has settings that are not known here .*: draw one"):
            load_line(path)
    save_network(path, line(Config()), describe_network("line", Config(width=3)))
    with pytest.raises(InputError, match=r"it\.safetensors belongs to another network: 0\.bias"):
        load_line(path)


# --------------------------------------------------------------------------------------------------- fingerprints


class Tool:
    """What a segmenter may hold beside its own network, such as a snapper."""

    def __init__(self):
        self.network = network()


class Holder:
    def __init__(self):
        self.parent, self.tool, self.objects = network(), Tool(), {}


def test_a_fingerprint_is_that_of_the_weights_wherever_they_are():
    print_of_all = fingerprint(Holder())
    assert print_of_all == fingerprint(Holder())
    for change in (
        lambda h: h.parent[0].weight.data[0, 0, 0].add_(1e-6),
        lambda h: h.tool.network[1].running_mean.add_(1e-6),  # a buffer
        lambda h: setattr(h, "parent", nn.Sequential(network())),  # the same numbers under other names
        lambda h: delattr(h, "tool"),
    ):
        other = Holder()
        with torch.no_grad():
            change(other)
        assert fingerprint(other) != print_of_all
