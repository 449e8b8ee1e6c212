"""The contour network's weight files, what it sees of a frame, and the snapping of a frame's masks."""

import numpy as np
import pytest
import torch

from vosbook.contours.detector import METHOD, Snapper, find_contours, load_contours
from vosbook.contours.snapping import snap
from vosbook.errors import InputError
from vosbook.features.filter_bank import FilterBank
from vosbook.nn.encoder import Encoder
from vosbook.nn.side_outputs import SideOutputConfig, SideOutputNetwork
from vosbook.runs import read_record
from vosbook.weights import SHIPPED, describe_network, read_about, save_network, save_tensors

SIZE = (37, 50)


@pytest.fixture
def network() -> SideOutputNetwork:
    torch.manual_seed(0)
    return SideOutputNetwork(Encoder(FilterBank(levels=("layer1", "layer2"))), channels=4).eval()


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def test_contours_of_a_frame(network, frame):
    contours = find_contours(network, frame)
    image = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
    np.testing.assert_allclose(contours, network(image).fused.sigmoid()[0, 0].detach(), atol=1e-6)
    assert contours.dtype == np.float32 and contours.shape == SIZE


def test_a_weight_file_is_all_that_is_needed(network, frame, tmp_path):
    config = SideOutputConfig("filters", ("layer1", "layer2"), channels=4)
    save_network(tmp_path / "contours.safetensors", network, describe_network(METHOD, config))
    loaded = load_contours(tmp_path / "contours.safetensors")
    np.testing.assert_allclose(find_contours(loaded, frame), find_contours(network, frame), atol=2e-3)  # float16


def test_a_file_that_holds_something_else(tmp_path):
    save_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {"method": "rvos"})
    with pytest.raises(InputError, match=r"other\.safetensors is no network of contours: train one with"):
        load_contours(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"none\.safetensors does not exist"):
        load_contours(tmp_path / "none.safetensors")


def test_masks_are_snapped_to_what_the_network_finds(network, frame):
    masks = np.random.default_rng(1).random((2, *SIZE)) > 0.5
    assert (Snapper(network).snap(frame, masks) == snap(masks, find_contours(network, frame))).all()


def test_settled_masks_exceed_one_half_where_they_are_snapped(network, frame):
    p = np.random.default_rng(1).random((2, *SIZE)).astype(np.float32)
    p[0, 0, :2] = 0, 1
    snapper = Snapper(network)
    snapped, settled = snapper.snap(frame, p > 0.5), snapper.settle(frame, p)
    assert ((settled > 0.5) == snapped).all() and (settled != 0.5).all()
    for side in (snapped, ~snapped):
        order = np.argsort(p[side])
        assert (np.diff(settled[side][order]) >= 0).all()


def test_the_packages_network_is_that_of_its_record():
    """And it finds the one contour of a scene of two halves."""
    assert read_about(SHIPPED / "contours.safetensors") == read_record("train_contours_small").config["about"]
    scene = np.full((64, 96, 3), (60, 110, 80), np.uint8)
    scene[:, 48:] = 205, 90, 60
    contours = find_contours(load_contours(), scene)
    assert contours[16:48, 46:50].max(axis=1).min() > 0.8 and np.median(contours) < 0.1
