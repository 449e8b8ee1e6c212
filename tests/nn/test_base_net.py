"""The Base net reads the target off its reference, and is trained whole; as a Segmenter it keeps objects apart."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from rounding import assert_same_labels
from torch import Tensor

from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.features.backbone import LEVELS
from vosbook.methods.base_net import METHOD, BaseNetSegmenter
from vosbook.nn.base_net import BaseNet
from vosbook.segmenter import segment_frames
from vosbook.weights import save_network

CHANNELS = {"layer2": 5, "layer3": 7}


def network() -> BaseNet:
    torch.manual_seed(0)
    return BaseNet(CHANNELS, width=8).eval()


def inputs(n: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    x = {"layer2": torch.rand(1, 5, 8, 12, generator=generator), "layer3": torch.rand(1, 7, 4, 6, generator=generator)}
    y_ref = (torch.rand(n, 1, 64, 96, generator=generator) > 0.5).float()
    return torch.rand(n, 7, 4, 6, generator=generator), y_ref, x


def test_the_score_is_two_convolutions_of_the_reference_and_two_of_both():
    net, (x_ref, y_ref, x) = network(), inputs(2)
    share = y_ref.unfold(2, 16, 16).unfold(3, 16, 16).mean((-1, -2))  # of every cell of 16 x 16 pixels, (2, 1, 4, 6)
    a, _, b = net.encode_target
    c, _, d = net.compare
    with torch.no_grad():
        target = b(F.relu(a(torch.cat([x_ref, share], dim=1))))
        s = d(F.relu(c(torch.cat([x["layer3"].expand(2, -1, -1, -1), target], dim=1))))
        logits = net(x_ref, y_ref, x, (64, 96))
        assert torch.allclose(net.score(net.encode(x_ref, y_ref), x["layer3"]), s, atol=1e-5)
        assert torch.allclose(logits, net.segmentation(s, x, (64, 96)), atol=1e-5)
    assert logits.shape == (2, 1, 64, 96)


def test_every_weight_is_learned():
    net, (x_ref, y_ref, x) = network().train(), inputs(2)
    net(x_ref, y_ref, x, (64, 96)).square().mean().backward()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_a_checkpoint_becomes_a_segmenter(tmp_path: Path):
    """Two objects, one that comes later: each is encoded alone, from the frame that introduced it."""
    frames = np.random.default_rng(0).integers(0, 255, (3, 64, 96, 3), dtype=np.uint8)
    first, second = np.zeros((2, 64, 96), np.uint8)
    first[10:30, 10:40], second[40:60, 50:80] = 4, 2
    backbone = load_backbone("filters", levels=LEVELS)
    maps = [backbone(torch.tensor(frame).permute(2, 0, 1)[None] / 255) for frame in frames]
    references = [
        (maps[t]["layer3"], torch.tensor(mask > 0).float()[None, None]) for t, mask in enumerate((first, second))
    ]
    net, path = outspoken(backbone.channels, references, maps[2]), tmp_path / "base.safetensors"
    save_network(path, net, {"method": METHOD, "backbone": "filters", "levels": " ".join(LEVELS)})

    segmenter = BaseNetSegmenter.load(path, device="cpu", note=print)
    names = ("0", "1", "2")
    video = type("Frames", (list,), {"names": names, "size": (64, 96)})(frames)
    labels = list(segment_frames(segmenter, video, {"0": first, "1": second}))
    assert list(segmenter.targets) == [4, 2]
    with torch.no_grad():
        p = [net(*reference, maps[2], (64, 96))[0, 0].sigmoid() for reference in references]
    expected = torch.where(torch.maximum(*p) > 0.5, torch.where(p[0] > p[1], 4, 2), 0)
    assert sorted(expected.unique().tolist()) == [0, 2, 4]
    assert_same_labels(labels[2], expected.numpy())


def outspoken(channels: dict[str, int], references: list[tuple[Tensor, Tensor]], x: dict[str, Tensor]) -> BaseNet:
    """A random network that says yes to half of a frame: a new one says next to the same whatever the score."""
    torch.manual_seed(0)
    net = BaseNet(channels).eval()
    with torch.no_grad():
        for weight in (p for p in net.parameters() if p.ndim == 4):
            weight *= 2
        logits = [net(*reference, x, (64, 96)) for reference in references]
        net.segmentation.head.score.bias -= torch.stack(logits).median()
    return net.half().float()  # as a file keeps it


def test_what_is_no_base_net_is_refused(tmp_path: Path):
    save_network(tmp_path / "s.safetensors", network(), {"method": "frtm"})
    with pytest.raises(InputError, match=r"s\.safetensors is no network of frtm-base-net"):
        BaseNetSegmenter.load(tmp_path / "s.safetensors", device="cpu", note=print)
    with pytest.raises(ValueError, match="at least one object"):
        BaseNetSegmenter(load_backbone("filters"), network()).start(np.zeros((8, 8, 3), np.uint8), None)
