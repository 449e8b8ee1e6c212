"""STM: what its memory holds, what is written and read, and its Segmenter."""

import numpy as np
import pytest
import torch
from rounding import assert_same_labels
from torch import Tensor

from vosbook.datasets.plain_shapes import moving_shapes
from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.methods.stm import Memory, StmConfig, StmNetwork, StmSegmenter, load_stm, loss_of_clips
from vosbook.segmenter import segment_frames
from vosbook.weights import describe_network, save_network

CONFIG = StmConfig(level="layer2", key=4, value=6, width=5, every=2, most=3, size=(48, 64))
LEVELS = ("layer1", "layer2")


def tiny(config: StmConfig = CONFIG, seed: int = 0) -> StmSegmenter:
    backbone = load_backbone("filters", levels=LEVELS)
    torch.manual_seed(seed)
    return StmSegmenter(backbone, StmNetwork(backbone.channels, config).eval())


def features(segmenter: StmSegmenter, count: int, seed: int = 0) -> dict[str, Tensor]:
    images = torch.rand(count, 3, 48, 64, generator=torch.Generator().manual_seed(seed))
    return segmenter.backbone(images)


def squares() -> Tensor:
    masks = torch.zeros(2, 48, 64)
    masks[0, 4:20, 4:20], masks[1, 24:44, 30:60] = 1, 1
    return masks


def test_the_value_knows_its_own_mask_and_the_others():
    segmenter = tiny()
    x, y = features(segmenter, 1), squares()[:, None]
    key, values = segmenter.network.write(x, y)
    assert key.shape == (1, 4, 6, 8) and values.shape == (2, 6, 6, 8)
    alone = segmenter.network.write(x, y[:1])[1]
    swapped = segmenter.network.write(x, y.flip(0))[1]
    torch.testing.assert_close(swapped, values.flip(0))
    assert not torch.allclose(alone[0], values[0])


def test_a_memory_writes_over_and_forgets_the_oldest_but_the_first():
    memory = Memory()
    for n in range(6):
        memory.write(torch.full((1,), float(n)), torch.full((1,), 10.0 * n), over=n == 3)
    assert [int(k) for k in memory.keys] == [0, 1, 3, 4, 5]
    memory.forget(3)
    assert [int(k) for k in memory.keys] == [0, 4, 5] and [int(v) for v in memory.values] == [0, 40, 50]
    memory.forget(5)
    assert len(memory.keys) == 3


def test_an_order_of_the_remembered_frames_makes_no_difference():
    segmenter = tiny()
    x, y = features(segmenter, 4), squares()[:, None]
    written = [segmenter.network.write({k: z[t : t + 1] for k, z in x.items()}, y) for t in range(3)]
    query = {k: z[3:] for k, z in x.items()}
    one, other = (Memory(*map(list, zip(*order))) for order in (written, written[::-1]))
    got = segmenter.network.segment(query, one, (48, 64))
    assert got.shape == (2, 1, 48, 64)
    torch.testing.assert_close(got, segmenter.network.segment(query, other, (48, 64)), rtol=1e-3, atol=1e-5)


def test_a_clip_is_followed_by_its_own_answers_and_the_gradient_reaches_all_weights():
    segmenter = tiny()
    x, y = features(segmenter, 4), squares()
    (merged,) = segmenter.network({k: z[None] for k, z in x.items()}, y[None], torch.ones(1, 2, dtype=torch.bool))
    assert merged.shape == (3, 3, 48, 64)
    torch.testing.assert_close(merged.sum(dim=1), torch.ones(3, 48, 64))
    loss = loss_of_clips([merged], y.expand(1, 3, -1, -1, -1), torch.ones(1, 2, dtype=torch.bool))
    loss.backward()
    assert all(p.grad is not None and p.grad.any() for p in segmenter.network.parameters())


def test_the_loss_is_the_cross_entropy_of_the_true_object():
    merged = torch.rand(1, 3, 2, 2).softmax(dim=1)
    labels = torch.tensor([[0, 1], [2, 1]])
    y = torch.stack([labels == 1, labels == 2])[None, None].float()  # (B, T, N, H, W)
    want = torch.nn.functional.nll_loss(merged.log(), labels[None])
    torch.testing.assert_close(loss_of_clips([merged], y, torch.ones(1, 2, dtype=torch.bool)), want)
    wider = torch.cat([y, torch.zeros(1, 1, 1, 2, 2)], dim=2)  # a slot that this clip does not use
    torch.testing.assert_close(loss_of_clips([merged], wider, torch.tensor([[True, True, False]])), want)


def test_the_segmenter_answers_as_the_network_does_with_all_frames_remembered():
    segmenter = tiny(StmConfig(level="layer2", key=4, value=6, width=5, every=1, most=99, size=(48, 64)))
    video = moving_shapes(3, frames=5)
    first = video.labels(0)
    ids = np.unique(first)[1:]
    got = list(segment_frames(segmenter, video.frames, {video.frames.names[0]: first}))
    pixels = torch.tensor(np.stack(list(video.frames))).permute(0, 3, 1, 2) / 255
    masks = torch.tensor(first == ids[:, None, None]).float()
    with torch.no_grad():
        merged = segmenter.network.follow(segmenter.backbone(pixels), masks)
    want = np.array([0, *ids], np.uint8)[merged.argmax(dim=1).numpy()]
    assert_same_labels(np.stack(got[1:]), want)


def test_its_memory_holds_the_first_the_one_before_and_the_latest_that_stay():
    segmenter, video = tiny(), moving_shapes(4, frames=9)
    seen = []
    segmenter.network.write = lambda x, y, write=segmenter.network.write: (
        seen.append(len(seen)),
        (torch.full((1, 4, 6, 8), float(len(seen) - 1)), write(x, y)[1]),
    )[1]
    segmenter.start(video.frames[0], video.labels(0))
    kept = []
    for t in range(1, 9):
        segmenter.step(video.frames[t])
        kept.append([int(key.max()) for key in segmenter.groups[0][1].keys])
    assert kept[:5] == [[0, 1], [0, 2], [0, 2, 3], [0, 2, 4], [0, 4, 5]] and kept[-1] == [0, 6, 8]


def test_an_object_that_appears_later_has_a_memory_of_its_own():
    segmenter, video = tiny(), moving_shapes(5, frames=6)
    labels = video.labels(0)
    segmenter.start(video.frames[0], np.where(labels == 1, 1, 0).astype(np.uint8))
    segmenter.step(video.frames[1])
    segmenter.add_objects(video.frames[1], np.where(video.labels(1) == 2, 2, 0).astype(np.uint8))
    assert [ids for ids, *_ in segmenter.groups] == [[1], [2]]
    assert set(np.unique(segmenter.step(video.frames[2]))) <= {0, 1, 2}
    with pytest.raises(ValueError, match="known already"):
        segmenter.add_objects(video.frames[2], labels)


@pytest.mark.parametrize("masks", [None, np.zeros((48, 64), np.uint8)])
def test_a_video_without_an_object_is_refused(masks):
    with pytest.raises(ValueError, match="at least one object"):
        tiny().start(np.zeros((48, 64, 3), np.uint8), masks)


def test_a_frame_of_any_size_is_answered_in_its_size():
    segmenter = tiny()
    labels = np.zeros((37, 91), np.uint8)
    labels[5:20, 10:30] = 7
    segmenter.start(np.zeros((37, 91, 3), np.uint8), labels)
    assert segmenter.step(np.full((37, 91, 3), 9, np.uint8)).shape == (37, 91)


def test_a_file_of_weights_says_what_it_needs(tmp_path):
    segmenter = tiny()
    about = describe_network("stm", CONFIG) | {"backbone": "filters", "levels": " ".join(LEVELS)}
    save_network(tmp_path / "stm.safetensors", segmenter.network, about)
    backbone, network = load_stm(tmp_path / "stm.safetensors", device="cpu", note=print)
    assert backbone.name == "filters" and network.config == CONFIG
    for name, p in segmenter.network.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], p, rtol=1e-2, atol=1e-3)
    save_network(tmp_path / "other.safetensors", segmenter.network, describe_network("s2s", CONFIG))
    with pytest.raises(InputError, match="no network of stm"):
        load_stm(tmp_path / "other.safetensors", device="cpu", note=print)
