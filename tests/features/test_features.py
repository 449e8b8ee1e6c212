"""Backbones by name: where their weights are found, and every kind of bad weight file is named."""

import os
import pickle

import pytest
import safetensors.torch
import torch
from torch import nn

from vosbook import features
from vosbook import weights as weight_files
from vosbook.errors import InputError
from vosbook.features import BACKBONES, backbone_for, empty_backbone, load_backbone, shipped
from vosbook.features.torchvisions import weights_url
from vosbook.methods.rvos import load_rvos

# ------------------------------------------------------------------------------------------- where weights come from


def test_a_file_in_the_data_folder_is_found_by_the_backbones_name(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "resnet18-mine.txt").write_text("notes")
    weights.rename(tmp_path / "weights" / "resnet18-mine.pth")
    assert "resnet18-mine.pth" in load_backbone("resnet18").source
    assert load_backbone("resnet50", note=lambda line: None).name == shipped.NAME


def test_an_explicit_file_comes_first(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "find_weights", lambda *args: pytest.fail("searched in spite of the file"))
    assert load_backbone("resnet18", weights=weights).name == "resnet18"


def test_torchvisions_file_is_taken_from_the_cache(weights, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real _download, on a cache that holds the file
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(weight_files.urllib.request, "urlopen", lambda *a, **k: pytest.fail("went to the network"))
    (tmp_path / "checkpoints").mkdir()
    name = os.path.basename(weights_url("resnet18"))  # noqa: PTH119, a URL
    weights.rename(tmp_path / "checkpoints" / name)
    weight_files._download.cache_clear()
    assert name in load_backbone("resnet18").source
    weight_files._download.cache_clear()


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A machine with no weights and no network."""

    def unreachable(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.undo()
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(weight_files.urllib.request, "urlopen", unreachable)
    weight_files._download.cache_clear()
    yield
    weight_files._download.cache_clear()


@pytest.mark.parametrize("levels", [None, ["layer3"], ["layer1", "layer2"]])
def test_without_network_the_packages_trunk_is_taken_and_said(levels, offline):
    said = []
    trunk = load_backbone("resnet18", levels=levels, note=said.append)
    assert trunk.name == shipped.NAME and trunk.levels == tuple(levels or shipped.LEVELS)
    assert len(said) == 1 and "no resnet18 weights" in said[0] and "package's own trunk" in said[0]


def test_without_network_the_filter_bank_is_taken_for_levels_that_the_trunk_has_not(offline):
    said = []
    assert load_backbone("resnet18", levels=["layer1", "layer4"], note=said.append).name == "filters"
    assert len(said) == 1 and "resnet18" in said[0] and "filter bank" in said[0]
    with pytest.raises(ValueError, match=r"ends at layer3, got \['layer4'\]"):
        load_backbone(shipped.NAME, levels=["layer4"])


def test_the_packages_trunk_is_the_encoder_of_its_rvos():
    images = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    trunk, encoder = load_backbone(shipped.NAME), load_rvos(shipped.FILE).encoder
    for level, want in encoder(images).items():
        torch.testing.assert_close(trunk(images)[level], want.detach())


def test_filters_asked_for_by_name_need_no_note():
    backbone = load_backbone("filters", note=lambda line: pytest.fail(line))
    assert "filters" in backbone.source


# ------------------------------------------------------------------------------------------------------- bad files


class _Attack:
    def __reduce__(self):
        return os.system, ("echo run",)


def _write_bad(kind: str, path, state) -> None:
    if kind == "cut.pth":
        torch.save(state, path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind == "cut.safetensors":
        safetensors.torch.save_file(state, path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind.startswith("text."):
        path.write_text("not weights at all")
    elif kind == "empty.pth":
        path.write_bytes(b"")
    elif kind == "attack.pth":
        path.write_bytes(pickle.dumps(_Attack()))
    elif kind == "whole.pth":
        torch.save(nn.Linear(1, 1), path)
    elif kind == "list.pth":
        torch.save([1, 2], path)
    elif kind == "keys.pth":
        torch.save({"backbone.conv1.weight": torch.zeros(1)}, path)
    elif kind == "shapes.pth":
        torch.save({**state, "layer1.0.conv1.weight": torch.zeros(64, 64, 5, 5)}, path)
    elif kind == "lacks.pth":
        torch.save({key: value for key, value in state.items() if key != "layer2.1.conv2.weight"}, path)
    elif kind == "numbers.pth":
        torch.save({1: torch.zeros(1)}, path)
    elif kind == "nan.pth":
        torch.save({**state, "bn1.weight": torch.full((64,), torch.nan)}, path)
    elif kind == "whole_numbers.pth":
        torch.save({**state, "bn1.bias": state["bn1.bias"].int()}, path)
    elif kind == "sparse.pth":
        torch.save({**state, "conv1.weight": state["conv1.weight"].to_sparse()}, path)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing.pth", "does not exist"),
        ("cut.pth", "damaged or cut short"),
        ("cut.safetensors", "damaged or cut short"),
        ("text.safetensors", "damaged or cut short"),
        ("text.pth", "could run code"),
        ("empty.pth", "damaged or cut short"),
        ("attack.pth", "could run code"),
        ("whole.pth", "could run code"),
        ("list.pth", "not a table of tensors"),
        ("keys.pth", "backbone.conv1.weight"),
        ("shapes.pth", "layer1.0.conv1.weight"),
        ("lacks.pth", "layer2.1.conv2.weight"),
        ("numbers.pth", "not a table of tensors"),
        ("nan.pth", "no plain finite numbers in bn1.weight"),
        ("sparse.pth", "no plain finite numbers in conv1.weight"),
        ("whole_numbers.pth", "no plain finite numbers in bn1.bias"),
    ],
)
def test_a_bad_weight_file_is_named_and_explained(kind, words, resnet18, tmp_path, capfd):
    path = tmp_path / kind
    _write_bad(kind, path, resnet18.state_dict())
    with pytest.raises(InputError, match=kind) as caught:
        load_backbone(weights=path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "run\n" not in capfd.readouterr().out  # the attack did not


def test_weights_of_another_resnet_are_refused(weights):
    with pytest.raises(InputError, match=r"is not resnet50: "):
        load_backbone("resnet50", weights=weights)


def test_an_unknown_backbone_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"vgg.*resnet18"):
        load_backbone("vgg")


def test_a_file_says_itself_which_backbone_it_holds(weights, vgg_state, tmp_path):
    torch.save(vgg_state[1], tmp_path / "v.pth")
    assert load_backbone(weights=weights).name == "resnet18"
    assert load_backbone(weights=tmp_path / "v.pth").name == "vgg16"
    with pytest.raises(InputError, match=r"v\.pth has the keys features\.0\.bias.*: give ResNet weights"):
        load_backbone("resnet18", weights=tmp_path / "v.pth")
    with pytest.raises(InputError, match=r"resnet18\.pth is not VGG-16 \(features\.0\.weight .* got None"):
        load_backbone("vgg16", weights=weights)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_can_be_had_without_weights_up_to_a_level(name):
    backbone, images = empty_backbone(name, levels=["layer1", "layer2"]), torch.rand(1, 3, 33, 40)
    maps = backbone(images)
    assert backbone.name == name and list(maps) == list(backbone.levels) == ["layer1", "layer2"]
    shapes = {"layer1": (1, backbone.channels["layer1"], 9, 10), "layer2": (1, backbone.channels["layer2"], 5, 5)}
    assert {level: tuple(x.shape) for level, x in maps.items()} == shapes
    stages = backbone.stage_maps(images)
    widths = {stage: x.shape[1] for stage, x in stages.items()}
    assert list(stages) == list(backbone.stage_strides) and widths == backbone.stage_channels
    for stage, stride in backbone.stage_strides.items():
        assert stages[stage].shape[-2:] == (-(-33 // stride), -(-40 // stride)), stage
    with pytest.raises(InputError, match=r"no backbone vgg: choose one of resnet18.*filters"):
        empty_backbone("vgg")


def test_a_network_is_given_the_backbone_that_it_has_learned_from(tmp_path):
    about = {"backbone": "filters", "levels": "layer2 layer3"}
    assert backbone_for(tmp_path / "n", about).levels == ("layer2", "layer3")
    with pytest.raises(InputError, match="n needs resnet18, whose weights are not here: give --backbone-weights"):
        backbone_for(tmp_path / "n", about | {"backbone": "resnet18"}, note=lambda line: None)


def test_a_prefix_before_torchvisions_keys_is_named(tmp_path):
    torch.save({"encoder.conv1.weight": torch.zeros(64, 3, 7, 7), "head.weight": torch.zeros(1)}, tmp_path / "e.pth")
    with pytest.raises(InputError, match=r"e\.pth has encoder\. before its keys, as in encoder\.conv1\.weight"):
        load_backbone(weights=tmp_path / "e.pth")
