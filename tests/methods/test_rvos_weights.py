"""RVOS from a weight file, by its name on the command line; files that are none of its networks."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from vosbook.cli import main
from vosbook.errors import InputError
from vosbook.features.filter_bank import FilterBank
from vosbook.features.resnet import random_resnet
from vosbook.methods.rvos import RvosConfig, RvosNetwork, RvosSegmenter, describe, load_rvos
from vosbook.nn.encoder import Encoder
from vosbook.video.masks import read_mask, write_mask
from vosbook.weights import save_network

SIZE = (32, 48)
FILTERS = RvosConfig(backbone="filters", levels=("layer2", "layer3"), hidden=8, slots=3, size=SIZE)
ZERO_SHOT = RvosConfig(**asdict(FILTERS) | {"mask": False})
FRAMES = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), np.uint8)


def write_network(path: Path, config: RvosConfig) -> RvosNetwork:
    """Random weights."""
    torch.manual_seed(1)
    filters = config.backbone == "filters"
    backbone = FilterBank(levels=config.levels) if filters else random_resnet(config.backbone, levels=config.levels)
    network = RvosNetwork(Encoder(backbone), config)
    save_network(path, network, describe(config))
    return network.eval()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Three frames in a folder, and a mask of two objects beside it."""
    import cv2

    (tmp_path / "frames").mkdir()
    for t, frame in enumerate(FRAMES):
        cv2.imwrite(str(tmp_path / "frames" / f"{t:05d}.png"), frame)
    mask = np.zeros(SIZE, np.uint8)
    mask[4:16, 4:16], mask[18:30, 24:44] = 1, 2
    write_mask(tmp_path / "first.png", mask)
    return tmp_path


@pytest.mark.parametrize("config", [FILTERS, RvosConfig(backbone="resnet18", levels=("layer1",), hidden=8)])
def test_a_file_holds_the_whole_network_with_its_settings(config, tmp_path):
    network = write_network(tmp_path / "w.safetensors", config)
    again = load_rvos(tmp_path / "w.safetensors")
    assert again.config == config
    frames, masks = torch.rand(1, 2, 3, *SIZE), torch.rand(1, 1, 2, *SIZE)
    with torch.no_grad():
        wanted = network(frames, masks)
        torch.testing.assert_close(again(frames, masks), wanted, rtol=2e-2, atol=2e-3)  # kept as float16


def test_segment_on_the_command_line_one_shot(video, capsys):
    write_network(video / "w.safetensors", FILTERS)
    arguments = ["segment", str(video / "frames"), "--method", "rvos", "--out", str(video / "out"), "--device", "cpu"]
    arguments += ["--checkpoint", str(video / "w.safetensors")]
    assert main(arguments) == 2
    assert "give --mask" in capsys.readouterr().err
    assert main([*arguments, "--mask", str(video / "first.png")]) == 0
    assert np.array_equal(read_mask(video / "out" / "00000.png"), read_mask(video / "first.png"))
    assert len(list((video / "out").iterdir())) == 3


def test_segment_on_the_command_line_zero_shot(video, capsys):
    write_network(video / "w.safetensors", ZERO_SHOT)
    arguments = ["segment", str(video / "frames"), "--method", "rvos-zero-shot", "--out", str(video / "out")]
    arguments += ["--checkpoint", str(video / "w.safetensors"), "--device", "cpu"]
    assert main([*arguments, "--mask", str(video / "first.png")]) == 2
    assert "first.png is no use to rvos-zero-shot" in capsys.readouterr().err
    assert main(arguments) == 0
    segmenter = RvosSegmenter(load_rvos(video / "w.safetensors", method="rvos-zero-shot"))
    first = segmenter.start(FRAMES[0][..., ::-1].copy(), None)  # OpenCV writes BGR
    assert np.array_equal(read_mask(video / "out" / "00000.png"), first)


def test_more_objects_than_slots_leave_nothing_behind(video, capsys):
    write_network(video / "w.safetensors", FILTERS)
    mask = np.zeros(SIZE, np.uint8)
    for i in range(4):
        mask[8 * i : 8 * i + 4] = i + 1
    write_mask(video / "four.png", mask)
    arguments = ["segment", str(video / "frames"), "--method", "rvos", "--out", str(video / "out"), "--device", "cpu"]
    assert main([*arguments, "--checkpoint", str(video / "w.safetensors"), "--mask", str(video / "four.png")]) == 2
    assert "at most 3 objects, and here are 4" in capsys.readouterr().err
    assert not (video / "out").exists()


def test_files_that_are_none_of_its_networks_are_refused(tmp_path, monkeypatch):
    one_shot, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    write_network(one_shot, FILTERS)
    save_network(other, nn.Linear(2, 2), {"method": "frtm"})
    options = {"device": "cpu", "note": print}
    with pytest.raises(InputError, match=r"one\.safetensors is no network of rvos-zero-shot"):
        RvosSegmenter.load("rvos-zero-shot", checkpoint=one_shot, **options)
    with pytest.raises(InputError, match=r"other\.safetensors is no network of rvos: train"):
        RvosSegmenter.load("rvos", checkpoint=other, **options)
    with pytest.raises(InputError, match=r"absent\.safetensors does not exist"):
        RvosSegmenter.load("rvos", checkpoint=tmp_path / "absent.safetensors", **options)
    monkeypatch.setattr("vosbook.weights.SHIPPED", tmp_path)
    with pytest.raises(InputError, match=r"no network rvos comes with the package.*--checkpoint"):
        RvosSegmenter.load("rvos", checkpoint=None, **options)
    said = []
    write_network(tmp_path / "rvos_zero_shot.safetensors", ZERO_SHOT)
    segmenter = RvosSegmenter.load("rvos-zero-shot", checkpoint=None, **options | {"note": said.append})
    assert segmenter.config == ZERO_SHOT
    assert len(said) == 1
