"""The complete method takes the network that fits the backbone at hand, and says so; a wrong file is refused."""

from pathlib import Path

import pytest
import torch

from vosbook.errors import InputError
from vosbook.features import shipped
from vosbook.features.backbone import LEVELS
from vosbook.methods.frtm import FAST, FrtmSegmenter, shipped_network
from vosbook.nn.segmentation import SegmentationNetwork
from vosbook.weights import save_network


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    """A machine that has neither weights nor a network."""
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr("vosbook.weights._download", lambda url: None)


def complete(checkpoint: Path | None = None, said: list[str] | None = None) -> FrtmSegmenter:
    note = (lambda line: None) if said is None else said.append
    return FrtmSegmenter.complete(FAST, backbone_weights=None, checkpoint=checkpoint, device="cpu", note=note)


def about(**changes: str) -> dict[str, str]:
    return {"method": "frtm", "backbone": "filters", "levels": " ".join(LEVELS)} | changes


def test_without_weights_the_packages_trunk_has_a_network_and_both_are_named():
    said = []
    segmenter = complete(said=said)
    assert segmenter.backbone.name == shipped.NAME and segmenter.network.levels == shipped.LEVELS
    assert not segmenter.network.training
    assert any("no resnet18 weights" in line for line in said)
    assert any(f"network for {shipped.NAME}" in line and "with resnet18: frtm-fast reaches" in line for line in said)


def test_a_checkpoint_is_used_with_its_own_levels(tmp_path):
    torch.manual_seed(0)
    network = SegmentationNetwork({"layer2": 124, "layer3": 124})
    save_network(tmp_path / "own.safetensors", network, about(levels="layer2 layer3"))
    segmenter = complete(tmp_path / "own.safetensors")
    assert segmenter.backbone.levels == ("layer2", "layer3")
    for key, value in network.state_dict().items():
        torch.testing.assert_close(segmenter.network.state_dict()[key], value.half().to(value.dtype))


def test_a_checkpoint_for_other_features_is_refused(tmp_path):
    network = SegmentationNetwork(dict.fromkeys(LEVELS, 124))
    save_network(tmp_path / "fewer.safetensors", network, about(levels="layer1 layer2"))
    with pytest.raises(InputError, match=r"fewer\.safetensors belongs to another network: encoders\.layer3"):
        complete(tmp_path / "fewer.safetensors")
    with pytest.raises(InputError, match=r"needs resnet18, whose weights are not here: give --backbone-weights"):
        complete(shipped_network("resnet18"))


def test_what_is_no_network_of_frtm_is_refused(tmp_path):
    save_network(tmp_path / "other.safetensors", torch.nn.Linear(2, 2), about(method="osvos"))
    with pytest.raises(InputError, match=r"other\.safetensors is no network of frtm"):
        complete(tmp_path / "other.safetensors")
    whole = shipped_network("filters").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"half\.safetensors is damaged"):
        complete(tmp_path / "half.safetensors")
    with pytest.raises(InputError, match=r"none\.safetensors does not exist"):
        complete(tmp_path / "none.safetensors")


def test_a_backbone_without_a_network_is_told_the_remedy():
    with pytest.raises(InputError, match=r"resnet101 comes with the package.*--checkpoint.*frtm-d-only"):
        shipped_network("resnet101")
