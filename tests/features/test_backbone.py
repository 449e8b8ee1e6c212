"""A backbone has to have `extract` and no more; shared, it looks once."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook import features
from vosbook.features import Architecture, load_backbone
from vosbook.features.backbone import LEVELS, STRIDES, Backbone, SharedBackbone
from vosbook.methods.frtm import FrtmConfig, FrtmSegmenter
from vosbook.methods.rvos import RvosConfig, RvosNetwork
from vosbook.methods.s2s import S2SConfig, build_s2s
from vosbook.nn.encoder import Encoder, empty_encoder
from vosbook.nn.side_outputs import SideOutputNetwork


class Means(Backbone):
    """The mean colour of every cell."""

    def __init__(self, *, levels=LEVELS):
        super().__init__(name="means", levels=levels, channels=dict.fromkeys(LEVELS, 3), source="means")

    def extract(self, images: Tensor) -> dict[str, Tensor]:
        return {level: F.avg_pool2d(images, STRIDES[level], ceil_mode=True) for level in self.levels}


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 4, 64, 96, generator=torch.Generator().manual_seed(0))


def test_what_is_given_beside_the_colours_is_laid_beside_the_features(images):
    backbone = Means(levels=["layer3", "layer1"])
    assert (backbone.levels, backbone.strides) == (("layer1", "layer3"), {"layer1": 4, "layer3": 16})
    learner = Encoder(backbone, 4)
    assert learner.channels == {"layer1": 4, "layer3": 4} and backbone.channels == {"layer1": 3, "layer3": 3}
    for level, x in learner(images).items():
        assert torch.equal(x[:, :3], backbone(images[:, :3])[level])
        torch.testing.assert_close(x[:, 3:], 3**0.5 * F.avg_pool2d(images[:, 3:], STRIDES[level]))
    with pytest.raises(ValueError, match=r"float \(B, 3, H, W\) in 0..1, got torch.float32 \(2, 4, 64, 96\)"):
        backbone(images)
    with pytest.raises(ValueError, match=r"float \(B, 3, H, W\)"):
        backbone.stage_maps(images)


def test_its_stages_are_its_levels_with_cells_about_their_middle(images):
    backbone = Means(levels=["layer1", "layer2"])
    assert backbone.stage_channels == {"layer1": 3, "layer2": 3} and backbone.stage_strides == backbone.strides
    for level, x in backbone.stage_maps(images[:, :3]).items():
        assert torch.equal(x, backbone(images[:, :3])[level])
    assert not backbone.corner and backbone.beyond_stages() == [] and backbone.device == torch.device("cpu")


def test_one_row_in_the_registry_makes_it_serve_every_method(monkeypatch, images):
    monkeypatch.setitem(features.BACKBONES, "means", Architecture("means", Means))
    assert load_backbone("means", levels=["layer3"], note=pytest.fail).levels == ("layer3",)
    d_only = partial(FrtmSegmenter.d_only, backbone_weights=None, device="cpu", note=pytest.fail)
    frame, mask = np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.uint8)
    frame[16:48, 16:48], mask[16:48, 16:48] = 255, 1
    tracker = d_only(FrtmConfig(backbone="means", augmentations=0))
    tracker.start(frame, mask)
    assert (tracker.step(frame) == mask).mean() > 0.9
    colours = images[:, :3]
    side = SideOutputNetwork(empty_encoder("means", levels=["layer1", "layer2"]))
    assert side.levels == ("layer1", "layer2") and side.logits(colours).shape == (2, 1, 64, 96)
    rvos = RvosConfig(backbone="means", levels=("layer2", "layer3"), hidden=8)
    network = RvosNetwork(empty_encoder("means", levels=rvos.levels), rvos)
    assert network(colours[:, None], images[:, None, 3:]).shape == (2, 1, 1, 64, 96)
    s2s = S2SConfig(backbone="means", level="layer2", initial_level="layer2", width=4, decoder=(4, 4, 4), size=(64, 96))
    assert build_s2s(s2s, empty_encoder).begin(colours, images[:, 3:]).h.shape == (2, 4, 8, 12)


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
