"""Backbones: torchvision's own forward pass is the reference, and every kind of bad weight file is named."""

import os
import pickle

import pytest
import safetensors.torch
import torch
import torchvision
from torch import nn

from vosbook import features
from vosbook import weights as weight_files
from vosbook.errors import InputError
from vosbook.features import LEVELS, STRIDES, FilterBank, SharedBackbone, load_backbone


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test here may find weights that it did not make."""
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr(weight_files, "_download", lambda url: None)


def _random_resnet(name: str) -> nn.Module:
    """torchvision's network with random weights and lively batch norms (fresh ones would be almost the identity)."""
    torch.manual_seed(0)
    with torch.device("meta"):  # torchvision's own initialisation takes seconds
        network = features.RESNETS[name][0]().eval()
    network.to_empty(device="cpu")
    for parameter in network.parameters():
        parameter.data.normal_(0, (2 / parameter[0].numel()) ** 0.5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.2, 0.2)
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
    return network


def _hooked_features(network: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """What torchvision's own forward pass gives at each level, for images that it expects normalised."""
    maps = {}
    for level in LEVELS:
        getattr(network, level).register_forward_hook(lambda m, i, out, level=level: maps.update({level: out}))
    normalise = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        network(normalise(images))
    return maps


@pytest.fixture(scope="module")
def resnet18() -> nn.Module:
    return _random_resnet("resnet18")


@pytest.fixture()
def weights(resnet18, tmp_path):
    """A complete ResNet-18 file as torchvision writes it."""
    torch.save(resnet18.state_dict(), tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth"


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_equals_torchvisions_own_forward_pass(name, tmp_path):
    network = _random_resnet(name)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    backbone = load_backbone(weights=tmp_path / "weights.pth")
    images = torch.rand(2, 3, 70, 101)
    assert (backbone.name, backbone.levels) == (name, LEVELS)
    maps = backbone(images)
    for level, want in _hooked_features(network, images).items():
        assert maps[level].shape == want.shape
        assert maps[level].shape[1] == backbone.channels[level]
        assert torch.allclose(maps[level], want, atol=1e-5 * want.abs().max())


def test_a_file_may_hold_the_first_levels_only(resnet18, tmp_path):
    held = ("conv1", "bn1", "layer1", "layer2")
    state = {key: value for key, value in resnet18.state_dict().items() if key.startswith(held)}
    safetensors.torch.save_file(state, tmp_path / "resnet18-short.safetensors")
    backbone = load_backbone("resnet18", weights=tmp_path / "resnet18-short.safetensors")
    assert backbone.levels == ("layer1", "layer2")
    assert "resnet18-short" in backbone.source
    with pytest.raises(InputError, match=r"resnet18-short\.safetensors ends at layer2, and layer4 is needed"):
        load_backbone("resnet18", weights=tmp_path / "resnet18-short.safetensors", levels=["layer2", "layer4"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_weights_of_any_precision_are_computed_with_in_float32(resnet18, tmp_path, dtype):
    state = {key: value.to(dtype) for key, value in resnet18.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    backbone = load_backbone(weights=tmp_path / "w.safetensors", levels=["layer1"])
    assert backbone(torch.rand(1, 3, 32, 32))["layer1"].dtype == torch.float32


def test_only_the_levels_asked_for_are_computed(weights):
    backbone = load_backbone(weights=weights, levels=["layer2"])
    assert list(backbone(torch.rand(1, 3, 64, 64))) == ["layer2"]
    assert "layer3" not in backbone.stages


def test_features_carry_no_gradient_but_can_be_learned_from(weights):
    maps = load_backbone(weights=weights, levels=["layer1"])(torch.rand(1, 3, 32, 32, requires_grad=True))["layer1"]
    assert not maps.requires_grad and not maps.is_inference()


def test_images_of_a_wrong_kind_show_their_shape(weights):
    backbone = load_backbone(weights=weights, levels=["layer1"])
    with pytest.raises(ValueError, match=r"uint8.*\(1, 3, 32, 32\)"):
        backbone(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


# ------------------------------------------------------------------------------------------- where weights come from


def test_a_file_in_the_data_folder_is_found_by_the_backbones_name(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "resnet18-mine.txt").write_text("notes")
    weights.rename(tmp_path / "weights" / "resnet18-mine.pth")
    assert "resnet18-mine.pth" in load_backbone("resnet18").source
    assert load_backbone("resnet50", note=lambda line: None).name == "filters"


def test_an_explicit_file_comes_first(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "find_weights", lambda *args: pytest.fail("searched in spite of the file"))
    assert load_backbone("resnet18", weights=weights).name == "resnet18"


def test_torchvisions_file_is_taken_from_the_cache(weights, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real _download, on a cache that holds the file
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(weight_files.urllib.request, "urlopen", lambda *a, **k: pytest.fail("went to the network"))
    (tmp_path / "checkpoints").mkdir()
    name = os.path.basename(features.RESNETS["resnet18"][1].url)  # noqa: PTH119, a URL
    weights.rename(tmp_path / "checkpoints" / name)
    weight_files._download.cache_clear()
    assert name in load_backbone("resnet18").source
    weight_files._download.cache_clear()


def test_without_network_the_filter_bank_is_taken_and_said(tmp_path, monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.undo()
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(weight_files.urllib.request, "urlopen", unreachable)
    weight_files._download.cache_clear()
    said = []
    assert load_backbone("resnet18", note=said.append).name == "filters"
    assert len(said) == 1 and "resnet18" in said[0] and "filter bank" in said[0]
    weight_files._download.cache_clear()


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


# ----------------------------------------------------------------------------------------------------- filter bank


@pytest.fixture(scope="module")
def filters() -> FilterBank:
    return FilterBank()


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (48, 50)])
def test_filter_maps_have_a_resnets_sizes(filters, size):
    maps = filters(torch.rand(2, 3, *size))
    for level, stride in STRIDES.items():
        assert maps[level].shape == (2, filters.channels[level], -(-size[0] // stride), -(-size[1] // stride))


def test_filter_maps_average_over_their_cell(filters):
    # An image of flat 32x32 squares: at stride 16 every cell is flat, so it equals the map of its colour alone.
    colours = torch.rand(1, 3, 2, 3, generator=torch.Generator().manual_seed(0))
    maps = filters.colours(colours.repeat_interleave(32, 2).repeat_interleave(32, 3))
    assert torch.allclose(maps[:, :, ::32, ::32], filters.colours(colours))
    assert torch.allclose(maps.sum(dim=1), torch.ones(1, 64, 96), atol=1e-5)


def test_a_last_odd_row_or_column_is_averaged_alone():
    x = torch.arange(15.0).reshape(1, 1, 3, 5)
    assert features._halve(x)[0, 0].tolist() == [[3, 5, 6.5], [10.5, 12.5, 14]]


def test_half_a_cell_of_another_colour_gives_half_the_response(filters):
    red, blue = torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.1, 0.9])
    image = red[:, None, None].expand(3, 64, 64).clone()
    image[:, :, 40:] = blue[:, None, None]  # half of the cells in column 2
    colours = features._halve(features._halve(features._halve(features._halve(filters.colours(image[None])))))
    pure_red, pure_blue = colours[0, :, 0, 0], colours[0, :, 0, 3]
    assert torch.allclose(colours[0, :, 1, 2], (pure_red + pure_blue) / 2, atol=1e-5)


def test_edge_filters_answer_to_their_direction(filters):
    image = torch.zeros(1, 3, 64, 64)
    image[..., 32:] = 1  # brighter to the right: direction 0, the gradient along +x
    edges = filters.edges(image)[0, :, 32, 32].reshape(len(filters.SIGMAS), filters.DIRECTIONS)
    assert (edges.argmax(dim=1) == 0).all()
    assert torch.allclose(edges[:, 2], torch.zeros(3), atol=1e-3)  # 90 degrees away
    assert (edges[:, 4] == 0).all()  # the opposite direction is rectified away


def test_an_edge_filter_answers_with_the_root_of_sigma_times_the_slope():
    """A ramp stays what it is when it is blurred: its derivative in a direction is slope times cosine, everywhere."""
    bank, slope, angle = FilterBank().double(), 0.01, torch.arange(8) * (torch.pi / 4)
    image = (slope * torch.arange(64.0, dtype=torch.float64)).expand(1, 3, 64, 64)
    edges = bank.edges(image)[0, :, 32, 32].reshape(3, 8)
    sigma = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)[:, None]
    assert torch.allclose(edges, (sigma * slope * angle.double().cos()).clamp(min=0).sqrt(), atol=1e-4)


def test_the_filter_bank_is_deterministic():
    images = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(1))
    assert torch.equal(FilterBank()(images)["layer3"], FilterBank()(images)["layer3"])


# -------------------------------------------------------------------------------------------------------- sharing


def test_a_shared_backbone_looks_once_and_gives_the_same():
    bank, looks = load_backbone("filters", levels=["layer3"]), []
    extract = bank.extract
    bank.extract = lambda images: looks.append(1) or extract(images)
    shared = SharedBackbone(bank, keep=2)
    one, two, three = torch.rand(3, 1, 3, 32, 48, generator=torch.Generator().manual_seed(0)).unbind()
    for images in (one, two, one.clone(), two):
        assert torch.equal(shared(images)["layer3"], bank(images)["layer3"])
    assert len(looks) == 2 + 4  # of the shared one; of the comparison
    shared(three), shared(one)  # the oldest, `one`, made room for `three`
    assert len(looks) == 2 + 4 + 2
    assert (shared.channels, shared.strides, shared.name) == (bank.channels, bank.strides, "filters")
