"""The network against a plain unrolling and the paper's sizes, its variants, its Segmenter, and online learning."""

import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from rounding import assert_same_labels
from torch import Tensor, nn

from vosbook.datasets.catalog import load_sequence
from vosbook.errors import InputError
from vosbook.methods import build
from vosbook.methods.s2s import (
    S2S,
    Decoder,
    Initializer,
    Memory,
    OnlineConfig,
    S2SConfig,
    S2SSegmenter,
    Trunk,
    affine_pairs,
    build_s2s,
    empty_encoder,
    learn_online,
    load_s2s,
    loss_of_clips,
    working_size,
)
from vosbook.nn.encoder import pretrained_encoder
from vosbook.segmenter import segment_frames
from vosbook.training.views import CLIP_VIEWS, ViewConfig
from vosbook.weights import describe_network, save_network

TINY = S2SConfig(level="deep", initial_level="shallow", width=5, decoder=(4,), size=(24, 32))


class TinyEncoder(nn.Module):
    """Two convolutions at most: "shallow" has stride two and "deep" stride four."""

    def __init__(self, in_channels: int, level: str = "deep"):
        super().__init__()
        self.in_channels = in_channels
        self.channels, self.strides = {"shallow": 3, "deep": 4}, {"shallow": 2, "deep": 4}
        self.first = nn.Conv2d(in_channels, 3, 3, stride=2, padding=1)
        if level == "deep":
            self.second = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        shallow = self.first(images).tanh()
        return {"shallow": shallow} | ({"deep": self.second(shallow).tanh()} if hasattr(self, "second") else {})


def tiny_encoder(name: str, *, levels: list[str], in_channels: int) -> TinyEncoder:
    return TinyEncoder(in_channels, *levels)


def tiny(variant: str = "initializer", seed: int = 0, **changes: object) -> S2S:
    torch.manual_seed(seed)
    network = build_s2s(replace(TINY, variant=variant, **changes), tiny_encoder)
    with torch.no_grad():  # so that no ReLU is shut for all inputs, and biases count
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter += 0.1 * torch.rand_like(parameter)
    return network.double()


def clip(*, b: int = 2, t: int = 4, size: tuple[int, int] = (8, 12), seed: int = 0) -> tuple[Tensor, Tensor]:
    """Frames `(B, T, 3, H, W)` and masks `(B, T, 1, H, W)`."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(b, t, 3, *size, generator=generator, dtype=torch.float64)
    return frames, (torch.rand(b, t, 1, *size, generator=generator) > 0.5).double()


# ------------------------------------------------------------------------------------------------ the paper's sizes


def test_the_papers_network_has_the_papers_sizes():
    """Section 4.3, at 256x448: VGG-16 to fc6, 512 channels, and every weight counted by hand."""
    with torch.device("meta"):  # shapes alone: 66 million weights are not made
        network = build_s2s(S2SConfig(), empty_encoder)
        frames, masks = torch.zeros(1, 2, 3, 256, 448), torch.zeros(1, 2, 1, 256, 448)
        x = network.encode(frames[:, 0])
        memory = network.begin(frames[:, 0], masks[:, 0])
        logits = network(frames, masks)
    assert network.stride == 32
    assert x.shape == memory.h.shape == memory.c.shape == (1, 512, 8, 14)
    assert logits.shape == (1, 1, 1, 256, 448)

    def count(module: nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    vgg, fc6, one = 14_714_688, 512 * 4096 + 4096, 4096 * 512 + 512
    assert count(network.encode) == vgg + fc6 + one
    assert count(network.initialize) == vgg + 9 * 64 + fc6 + 2 * one  # nine weights of the mask for each first filter
    assert count(network.lstm) == 4 * (9 * 1024 * 512 + 512)
    assert count(network) == 2 * (vgg + fc6) + 9 * 64 + 3 * one + 18_876_416 + 10_959_425


def test_the_decoder_has_the_papers_layers():
    with torch.device("meta"):
        decoder, z = Decoder(512, S2SConfig().decoder), torch.zeros(1, 512, 2, 3)
    kernels = [(512, 512), (512, 256), (256, 128), (128, 64), (64, 64), (64, 1)]
    assert sum(p.numel() for p in decoder.parameters()) == sum(25 * n * m + m for n, m in kernels) == 10_959_425
    sizes = []
    for layer in decoder.upsample:
        z = layer(z)
        sizes.append(tuple(z.shape[1:]))
    assert sizes[1::2] == [(512, 4, 6), (256, 8, 12), (128, 16, 24), (64, 32, 48), (64, 64, 96)]
    assert decoder.score(z).shape == (1, 1, 64, 96)


def test_an_upsampling_layer_spreads_each_pixel_over_five_by_five():
    """The pixel (y, x) of the input has its centre at (2y, 2x) of the output."""
    decoder = Decoder(1, (1,))
    z = torch.zeros(1, 1, 4, 4)
    z[0, 0, 1, 2] = 1
    spread = F.pad(torch.zeros(8, 8), (2, 2, 2, 2))
    spread[2:7, 4:9] = decoder.upsample[0].weight[0, 0].detach()
    assert torch.allclose(decoder.upsample[0](z)[0, 0], spread[2:-2, 2:-2], atol=1e-6)


def test_new_layers_start_with_xaviers_weights():
    torch.manual_seed(0)
    initializer = Initializer(Trunk(TinyEncoder(4), "deep", stride=4), 5000)
    bound = math.sqrt(6 / (4 + 5000))
    for layer in (initializer.h, initializer.c):
        assert bound * 0.99 < layer.weight.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)
        assert not layer.bias.any()


def test_an_untrained_decoder_expects_small_objects():
    torch.manual_seed(0)
    decoder = Decoder(8, (8, 4))
    answer = decoder(torch.zeros(1, 8, 4, 4), (16, 16)).sigmoid()
    assert torch.allclose(answer, torch.full((1, 1, 16, 16), 0.0758582), atol=1e-6)


# ------------------------------------------------------------------------------------------------- Eq. 1 to 5


def plain_clip(network: S2S, frames: Tensor, mask: Tensor) -> list[Tensor]:
    """Eq. 1 to 4 for one object, one frame after the other, from the weights' names: logits `(1, 1, H, W)`."""
    w = {name: p.double().detach() for name, p in network.named_parameters()}

    def conv(x: Tensor, name: str, **options: int) -> Tensor:
        return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **options)

    def trunk(x: Tensor, name: str, deep: bool) -> Tensor:
        x = conv(x, f"{name}.encoder.first", stride=2, padding=1).tanh()
        if deep:
            return conv(x, f"{name}.encoder.second", stride=2, padding=1).tanh()
        return conv(x, f"{name}.top.0", stride=2, padding=1).clamp(min=0)

    start = trunk(torch.cat([frames[:1], mask], dim=1), "initialize.trunk", deep=False)
    h, c = (conv(start, f"initialize.{state}").clamp(min=0) for state in "hc")
    answers = []
    for frame in frames[1:]:
        x = conv(trunk(frame[None], "encode.trunk", deep=True), "encode.x").clamp(min=0)
        i, f, o, g = conv(torch.cat([x, h], dim=1), "lstm.gates", padding=1).split(network.config.width, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.clamp(min=0)
        h = o.sigmoid() * c.clamp(min=0)
        up = F.conv_transpose2d(
            h, w["decode.upsample.0.weight"], w["decode.upsample.0.bias"], stride=2, padding=2, output_padding=1
        ).clamp(min=0)
        logits = conv(up, "decode.score", padding=2)
        answers.append(F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False))
    return answers


def test_a_clip_is_the_plain_unrolling():
    network, (frames, masks) = tiny(), clip()
    got = network(frames, masks)
    assert got.shape == (2, 3, 1, 8, 12)
    for b in range(2):
        want = torch.cat(plain_clip(network, frames[b], masks[b, :1]))
        assert want.std() > 1e-3
        assert torch.allclose(got[b], want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("variant", ["initializer", "mask-as-state", "mask-as-input"])
def test_a_clip_is_its_frames_one_after_the_other(variant):
    network, (frames, masks) = tiny(variant), clip(b=1)
    memory = network.begin(frames[:, 0], masks[:, 0])
    for t in range(1, 4):
        logits, memory = network.step(frames[:, t], memory)
        assert torch.allclose(logits, network(frames, masks)[:, t - 1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("variant", ["initializer", "mask-as-state", "mask-as-input"])
def test_objects_in_one_batch_are_the_objects_one_by_one(variant):
    network, (frames, masks) = tiny(variant), clip(b=3)
    together = network.begin(frames[:1, 0], masks[:, 0])
    alone = [network.begin(frames[:1, 0], mask[None]) for mask in masks[:, 0]]
    for t in (1, 2):
        logits, together = network.step(frames[:1, t], together)
        assert logits.std(dim=0).max() > 1e-3  # the objects differ
        for n, memory in enumerate(alone):
            one, alone[n] = network.step(frames[:1, t], memory)
            assert torch.allclose(logits[n : n + 1], one, rtol=1e-9, atol=1e-12)


def test_gradients_of_a_clip():
    network, (frames, masks) = tiny(), clip(b=1, t=3, size=(4, 8))
    names = [name for name, _ in network.named_parameters()]

    def loss(*parameters: Tensor) -> Tensor:
        logits = torch.func.functional_call(network, dict(zip(names, parameters)), (frames, masks))
        return loss_of_clips64(logits, masks[:, 1:])

    parameters = tuple(p.detach().clone().requires_grad_() for p in network.parameters())
    assert torch.autograd.gradcheck(loss, parameters, atol=1e-6, fast_mode=True)
    assert all(g.any() for g in torch.autograd.grad(loss(*parameters), parameters))


def loss_of_clips64(logits: Tensor, masks: Tensor) -> Tensor:
    """`loss_of_clips` counts in float32, too coarse for a gradient by differences."""
    return F.binary_cross_entropy_with_logits(logits, masks)


def test_the_papers_network_learns_from_weights_of_vgg16(davis):
    """VGG-16's weights from a file: every part has a gradient, and steps along it lower a clip's loss."""
    torch.manual_seed(0)
    network = build_s2s(S2SConfig(), pretrained_encoder)
    assert "vgg16-hed-bsds500" in network.encode.trunk.encoder.backbone.source
    sequence = load_sequence("davis2016/blackswan")
    frames = torch.tensor(np.stack(list(islice(sequence.frames, 2)))[:, :448:7, :672:7]).permute(0, 3, 1, 2)[None] / 255
    masks = torch.tensor(np.stack([sequence.labels(t)[:448:7, :672:7] > 0 for t in (0, 1)]))[None, :, None].float()
    labelled = torch.ones(1, 1, dtype=torch.bool)
    optimizer, losses = torch.optim.Adam(network.parameters(), lr=1e-5), []
    for step in range(3):
        optimizer.zero_grad()
        loss = loss_of_clips(network(frames, masks), masks[:, 1:], labelled)
        loss.backward()
        if step == 0:
            without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
            assert not without
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > losses[1] > losses[2]


def test_the_loss_is_equation_5_and_nothing_where_there_is_no_label():
    p = torch.tensor([[0.9, 0.2], [0.6, 0.5], [0.1, 0.7]])  # frames, pixels
    y = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    labelled = torch.tensor([[True, False, True]])
    got = loss_of_clips(p.logit()[None, :, None, None], y[None, :, None, None], labelled)
    first, last = -(math.log(0.9) + math.log(0.8)) / 2, -(math.log(0.9) + math.log(0.3)) / 2
    assert got.item() == pytest.approx((first + 0 + last) / 3, rel=1e-5)


# --------------------------------------------------------------------------------------------------- the variants


def test_the_mask_as_state_fills_every_channel_with_the_cells_shares():
    network = tiny("mask-as-state")
    assert not any(name.startswith("initialize") for name, _ in network.named_parameters())
    mask = torch.zeros(1, 1, 8, 12, dtype=torch.float64)
    mask[..., :4, 2:5] = 1  # of the cells of 4x4 pixels: half of the first, a quarter of the second
    memory = network.begin(torch.zeros(1, 3, 8, 12).double(), mask)
    want = torch.tensor([[0.5, 0.25, 0], [0, 0, 0]], dtype=torch.float64).expand(1, TINY.width, 2, 3)
    assert torch.equal(memory.h, want)
    assert torch.equal(memory.c, want)


def test_the_mask_as_input_sees_its_own_answer_or_the_teachers():
    network, (frames, masks) = tiny("mask-as-input"), clip(b=1)
    first, second, _ = network(frames, masks)[0]
    memory = network.begin(frames[:, 0], masks[:, 0])
    memory = replace(network.step(frames[:, 1], memory)[1], mask=first[None].sigmoid())
    assert torch.allclose(network.step(frames[:, 2], memory)[0][0], second, rtol=1e-6, atol=1e-7)

    taught = network(frames, masks, teacher=True)
    memory = network.step(frames[:, 1], network.begin(frames[:, 0], masks[:, 0]))[1]
    want = network.step(frames[:, 2], replace(memory, mask=masks[:, 1]))[0]
    assert torch.allclose(taught[:, 1], want, rtol=1e-9, atol=1e-12)
    assert not torch.allclose(taught[:, 1], second[None], atol=1e-5)


def test_a_fed_back_mask_is_given_and_not_learned_through():
    network, (frames, masks) = tiny("mask-as-input"), clip(b=1, t=3)
    parameters = list(network.parameters())

    def gradients(mask: Tensor | None) -> tuple[Tensor, ...]:
        """Of the second answer, where the mask before it is the network's own, or the one that is given."""
        memory = network.step(frames[:, 1], network.begin(frames[:, 0], masks[:, 0]))[1]
        memory = memory if mask is None else replace(memory, mask=mask)
        return torch.autograd.grad(network.step(frames[:, 2], memory)[0].sum(), parameters)

    first = network(frames, masks)[:, 0].float().sigmoid()
    own, given, through = (torch.cat([g.ravel() for g in gradients(m)]) for m in (None, first.detach(), first))
    assert torch.allclose(own, given, rtol=1e-9, atol=1e-12)
    assert (own - through).norm() > 1e-5 * own.norm()


def test_only_the_teacher_shows_later_masks():
    frames, masks = clip(b=1)
    other = masks.clone()
    other[:, 1:] = 1 - other[:, 1:]
    for variant in ("initializer", "mask-as-state", "mask-as-input"):
        network = tiny(variant)
        assert torch.equal(network(frames, masks), network(frames, other))


def test_encoders_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="takes 4 channels, got 3"):
        S2S(replace(TINY, variant="mask-as-input"), TinyEncoder(3))
    with pytest.raises(ValueError, match="second encoder"):
        S2S(TINY, TinyEncoder(3))
    with pytest.raises(ValueError, match="variant must be one of"):
        replace(TINY, variant="mask")
    with pytest.raises(ValueError, match=r"multiples of 4, got \(10, 12\)"):
        tiny()(*clip(size=(10, 12)))


# ------------------------------------------------------------------------------------------------- the Segmenter


class Clip:
    """Frames `(T, H, W, 3)` of noise."""

    def __init__(self, count: int, size: tuple[int, int] = (30, 40)):
        self.names, self.size = tuple(f"{t:05}" for t in range(count)), size
        self.frames = np.random.default_rng(1).integers(0, 256, (count, *size, 3), np.uint8)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, t: int) -> np.ndarray:
        return self.frames[t]

    def __iter__(self):
        return iter(self.frames)


def squares(size: tuple[int, int] = (30, 40), **corners: tuple[int, int]) -> np.ndarray:
    """Labels: squares of 10 pixels, `squares(o3=(5, 6))` paints object 3 from (5, 6) on."""
    labels = np.zeros(size, np.uint8)
    for name, (y, x) in corners.items():
        labels[y : y + 10, x : x + 10] = int(name[1:])
    return labels


def segmenter(variant: str = "initializer", online: OnlineConfig | None = None) -> S2SSegmenter:
    """An untrained network, whose bias is such that it answers half of the pixels of a frame of noise."""
    network = tiny(variant, size=(24, 32)).float()
    frames, masks = clip(b=1, t=2, size=(24, 32))
    with torch.no_grad():
        network.decode.score.bias -= network(frames.float(), masks.float()).median()
    return S2SSegmenter(network.eval(), online, enlarge=1)


def test_an_answer_is_the_networks_at_its_own_size():
    """Frames of 30x40 are seen at 24x32; the probability is brought back and cut at one half."""
    tracker, video = segmenter(), Clip(3)
    labels = squares(o7=(5, 6))
    got = list(segment_frames(tracker, video, {"00000": labels}))

    def shrunk(image: np.ndarray) -> Tensor:
        planes = torch.from_numpy(image).float().permute(2, 0, 1)[None]
        return F.interpolate(planes, size=(24, 32), mode="bilinear", antialias=True)

    network = tracker.network
    with torch.no_grad():
        memory = network.begin(shrunk(video[0]) / 255, shrunk((labels[..., None] == 7).astype(np.float32)))
        for t in (1, 2):
            logits, memory = network.step(shrunk(video[t]) / 255, memory)
            mask = F.interpolate(logits, size=(30, 40), mode="bilinear")[0, 0] > 0
            assert 0 < mask.float().mean() < 1
            assert_same_labels(got[t], np.where(mask.numpy(), 7, 0))


@pytest.mark.parametrize("variant", ["initializer", "mask-as-state", "mask-as-input"])
def test_memory_stays_as_large_as_it_is(variant):
    tracker, video = segmenter(variant), Clip(12)
    sizes = []
    for _ in segment_frames(tracker, video, {"00000": squares(o1=(5, 6), o2=(18, 20))}):
        sizes.append({k: v.numel() for k, v in vars(tracker.memory).items() if v is not None})
    assert all(size == sizes[0] for size in sizes)
    assert sizes[0]["h"] == 2 * TINY.width * 6 * 8


@pytest.mark.parametrize("variant", ["initializer", "mask-as-state"])
def test_an_object_that_appears_later_changes_nothing_for_the_others(variant):
    """Its memory is that of a video which begins with it, and the others' go on as they were."""
    video, one, two = Clip(6), squares(o1=(5, 6)), squares(o9=(15, 20))
    both, first, late = segmenter(variant), segmenter(variant), segmenter(variant)
    answers = list(segment_frames(both, video, {"00000": one, "00003": two}))
    list(segment_frames(first, video, {"00000": one}))
    list(segment_frames(late, video, {"00003": two}))
    assert both.ids == [1, 9]
    assert torch.allclose(both.memory.h, torch.cat([first.memory.h, late.memory.h]), atol=1e-6)
    assert torch.allclose(both.memory.c, torch.cat([first.memory.c, late.memory.c]), atol=1e-6)
    assert np.array_equal(answers[3][two > 0], two[two > 0])
    assert set(np.unique(answers[5])) <= {0, 1, 9}


def test_where_a_new_object_is_the_known_ones_last_masks_are_not():
    tracker, video = segmenter("mask-as-input"), Clip(2, (24, 32))
    tracker.start(video[0], squares((24, 32), o1=(2, 2)))
    tracker.step(video[1])
    before = tracker.memory.mask.clone()
    new = squares((24, 32), o2=(8, 8))
    tracker.add_objects(video[1], new)
    where = torch.from_numpy(new > 0)
    assert not tracker.memory.mask[0, 0][where].any()
    assert torch.equal(tracker.memory.mask[0, 0][~where], before[0, 0][~where])
    assert torch.equal(tracker.memory.mask[1, 0], where.float())


def test_a_first_mask_in_frame_30():
    """Nothing before it, and from there on what a video that begins there gives."""
    video, labels = Clip(33), squares(o4=(5, 6))
    answers = list(segment_frames(segmenter(), video, {"00030": labels}))
    assert not any(answer.any() for answer in answers[:30])
    assert np.array_equal(answers[30], labels)
    tracker = segmenter()
    tracker.start(video[30], labels)
    assert np.array_equal(answers[31], tracker.step(video[31]))
    assert np.array_equal(answers[32], tracker.step(video[32]))
    assert answers[31].any()


def test_an_object_without_a_first_mask_is_not_looked_for():
    """An id that no given mask holds appears in no answer."""
    answers = list(segment_frames(segmenter(), Clip(3), {"00000": squares(o1=(5, 6), o3=(18, 20))}))
    assert set(np.unique(answers)) <= {0, 1, 3}


def test_a_start_without_objects_and_known_objects_are_refused():
    tracker, video = segmenter(), Clip(2)
    for masks in (None, squares()):
        with pytest.raises(ValueError, match="mask of at least one object"):
            tracker.start(video[0], masks)
    tracker.start(video[0], squares(o1=(5, 6)))
    with pytest.raises(ValueError, match=r"objects \[1\] are known"):
        tracker.add_objects(video[0], squares(o1=(5, 6), o2=(18, 20)))


def test_a_second_video_begins_anew():
    tracker, video, labels = segmenter(), Clip(4), squares(o1=(5, 6))
    want = list(segment_frames(segmenter(), video, {"00000": labels}))
    list(segment_frames(tracker, video, {"00000": squares(o5=(10, 20), o6=(0, 0))}))
    assert np.array_equal(list(segment_frames(tracker, video, {"00000": labels})), want)


def test_frames_are_seen_in_their_own_shape():
    network = tiny(size=(256, 448))
    assert network.stride == 4
    assert working_size((256, 448), network) == (256, 448)
    assert working_size((480, 854), network) == (252, 452)
    assert working_size((854, 480), network) == (452, 252)
    assert working_size((40, 40), network) == (340, 340)
    assert working_size((1, 4000), network) == (4, 21420)


def test_frames_with_more_lines_are_seen_larger_up_to_a_limit():
    network = tiny(size=(256, 448))
    assert working_size((480, 854), network, enlarge=1.5) == (380, 676)  # 1.5 times as many lines as above
    assert working_size((320, 560), network, enlarge=1.5) == (320, 560)  # no more than it has
    assert working_size((120, 210), network, enlarge=1.5) == (256, 448)  # and never fewer than in the training


def test_the_segmenter_enlarges_what_its_network_sees(monkeypatch):
    seen, network = [], tiny(size=(32, 48)).float().eval()
    step = network.step
    monkeypatch.setattr(network, "step", lambda x, memory: seen.append(tuple(x.shape[-2:])) or step(x, memory))
    frame, labels = np.zeros((96, 144, 3), np.uint8), np.eye(96, 144, dtype=np.uint8)
    for enlarge in (1, 2, 4):
        tracker = S2SSegmenter(network, enlarge=enlarge)
        tracker.start(frame, labels)
        assert tracker.step(frame).shape == (96, 144)
    assert seen == [(32, 48), (64, 96), (96, 144)]


# --------------------------------------------------------------------------------------------------------- weights


def test_a_weight_file_holds_the_whole_network(tmp_path, monkeypatch):
    monkeypatch.setattr("vosbook.methods.s2s.empty_encoder", tiny_encoder)
    network = tiny("mask-as-input").float()
    path = tmp_path / "weights.safetensors"
    save_network(path, network, describe_network("s2s", network.config))
    back = load_s2s(path)
    assert back.config == network.config
    for name, value in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], value.half().float())
    options = {"device": "cpu", "note": print}
    tracker = S2SSegmenter.load(checkpoint=path, **options)
    assert len(list(segment_frames(tracker, Clip(3), {"00000": squares(o1=(5, 6))}))) == 3


def test_files_that_are_no_s2s_network_are_refused(tmp_path):
    other = tmp_path / "other.safetensors"
    save_network(other, nn.Linear(2, 2), {"method": "frtm"})
    with pytest.raises(InputError, match=r"other\.safetensors is no network of s2s: train one"):
        load_s2s(other)
    with pytest.raises(InputError, match=r"absent\.safetensors does not exist"):
        load_s2s(tmp_path / "absent.safetensors")


# ------------------------------------------------------------------------------------------------- online learning

ONLINE = OnlineConfig(iterations=30, batch=2, lr=1e-2)


def test_frame_and_mask_of_a_pair_are_moved_alike():
    labels = np.zeros((48, 64), np.uint8)
    labels[12:32, 16:40] = 5
    frame = np.repeat(np.where(labels > 0, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    views = replace(CLIP_VIEWS, zoom=(0.7, 1), rotation=20)  # nothing comes into view that is brighter than black

    def drawn() -> list[tuple[Tensor, Tensor]]:
        return list(islice(affine_pairs(frame, labels, np.random.default_rng(0), size=(24, 32), views=views), 10))

    pairs = drawn()
    for x, y in pairs:
        assert x.shape == (2, 3, 24, 32)
        assert y.shape == (2, 1, 24, 32)
        inside, outside = x[:, :1][y > 0], x.amin(dim=1, keepdim=True)[y == 0]
        assert inside.mean() > 0.9
        assert outside.median() < 0.5
        assert not torch.equal(y[0], y[1])
    assert all(torch.equal(a, b) for pair, other in zip(pairs, drawn()) for a, b in zip(pair, other))
    assert len({tuple(y.flatten().tolist()) for _, y in pairs}) == 10


def test_a_pair_has_one_object():
    labels = squares(o1=(0, 0), o2=(18, 28))
    frame = Clip(1)[0]
    pairs, found = affine_pairs(frame, labels, np.random.default_rng(0), size=(30, 40), views=ViewConfig()), set()
    for x, y in islice(pairs, 8):
        assert torch.allclose(x[1], torch.from_numpy(frame).permute(2, 0, 1) / 255)
        assert torch.equal(y[0], y[1])
        found |= {i for i in (1, 2) if np.array_equal(y[0, 0], labels == i)}
        assert y[0].sum() == 100
    assert found == {1, 2}


def test_online_learning_fits_the_frame_and_leaves_the_convlstm_alone():
    network, labels = tiny().float(), squares((24, 32), o1=(6, 8))
    frame = np.where(labels[..., None] > 0, 230, 40).astype(np.uint8).repeat(3, axis=2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    losses = learn_online(network, frame, labels, ONLINE)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:3])
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("lstm."), name


def test_every_video_is_learned_from_the_trained_weights():
    online = replace(ONLINE, iterations=2)
    tracker, video = segmenter(online=online), Clip(4)
    trained = {name: value.clone() for name, value in tracker.trained.state_dict().items()}
    given = {"00000": squares(o1=(5, 6)), "00002": squares(o2=(18, 20))}
    first = list(segment_frames(tracker, video, given))
    again = list(segment_frames(tracker, video, given))
    assert np.array_equal(first, again)
    assert all(torch.equal(value, trained[name]) for name, value in tracker.trained.state_dict().items())
    plain = list(segment_frames(segmenter(), video, given))
    assert not np.array_equal(first, plain)
    assert isinstance(tracker.memory, Memory)
    assert tracker.ids == [1, 2]


def test_the_registry_builds_both(tmp_path, monkeypatch):
    monkeypatch.setattr("vosbook.methods.s2s.empty_encoder", tiny_encoder)
    path = tmp_path / "weights.safetensors"
    save_network(path, tiny().float(), describe_network("s2s", TINY))
    assert build("s2s", checkpoint=path, device="cpu").online is None
    assert build("s2s-online", checkpoint=path, device="cpu").online == OnlineConfig()
