"""OSVOS: one network per object, tuned to it; frames are independent; budgets, late objects, and input that is none."""

import re
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from rounding import assert_same_labels

from vosbook.cli import main
from vosbook.contours.detector import Snapper, load_contours
from vosbook.contours.snapping import SnapConfig
from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.features.filter_bank import FilterBank
from vosbook.features.resnet import random_resnet
from vosbook.methods import build
from vosbook.methods.osvos import (
    METHOD,
    OnlineConfig,
    OsvosSegmenter,
    base_network,
    online_steps,
    tune_to_object,
)
from vosbook.metrics.region import jaccard
from vosbook.nn.encoder import Encoder
from vosbook.nn.side_outputs import SideOutputConfig, SideOutputNetwork, balanced_bce
from vosbook.segmenter import segment_frames
from vosbook.training.fine_tune import Budget, fine_tune, learn
from vosbook.training.views import ViewConfig
from vosbook.video.masks import read_mask, write_mask
from vosbook.weights import describe_network, save_network

SIZE = (48, 80)
STEPS = OnlineConfig(budget=Budget(seconds=None, steps=12, check_every=4), lr=0.02)


def filters_network() -> SideOutputNetwork:
    torch.manual_seed(0)
    return SideOutputNetwork(Encoder(FilterBank(levels=["layer1", "layer2", "layer3"]))).eval()


METHODS_HERE = ["osvos", "osvos-fast", "osvos-s"]


@pytest.fixture(scope="module")
def video() -> Sequence:
    return load_sequence("synthetic/908", config=SyntheticConfig(size=SIZE, frames=6, objects=(2, 2)))


@pytest.fixture(scope="module")
def parent() -> SideOutputNetwork:
    return filters_network()


def _same(one: SideOutputNetwork, other: SideOutputNetwork) -> bool:
    states = one.state_dict(), other.state_dict()
    return all(torch.equal(value, states[1][key]) for key, value in states[0].items())


# -------------------------------------------------------------------------------------------------------------- tuning


def test_tuning_learns_the_object_and_not_its_neighbour(parent, video):
    """Of two objects, each network finds its own in a later frame."""
    segmenter = OsvosSegmenter(parent, replace(STEPS, budget=Budget(seconds=None, steps=60)))
    segmenter.start(video.frames[0], video.labels(0))
    labels, truth = segmenter.step(video.frames[3]), video.labels(3)
    for i in (1, 2):
        assert jaccard(labels == i, truth == i) > 0.6
        assert jaccard(labels == i, truth == 3 - i) < 0.2
        checks = list(segmenter.tuned[i].checks.values())
        assert checks[-1] < 0.3 * checks[0]


def test_a_step_is_a_gradient_of_equation_1_on_the_fused_output_alone(parent, video):
    frame, mask = video.frames[0], video.labels(0) == 1
    network = filters_network()
    still = replace(STEPS, views=ViewConfig(), encoder_lr=0.5)
    loss, _ = online_steps(network, frame, mask, still)
    images = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
    wanted = balanced_bce(network(images).fused, torch.from_numpy(mask)[None, None].float(), normalised=True)
    assert loss(0).item() == pytest.approx(wanted.item(), rel=1e-5)
    loss(0).backward()
    silent = {name for name, p in network.named_parameters() if p.grad is None}
    assert silent == {f"score.{level}.{part}" for level in network.levels for part in ("weight", "bias")}


def test_a_step_sees_every_colour_in_a_light_of_its_own(monkeypatch):
    network, seen = filters_network(), []
    logits = network.logits
    monkeypatch.setattr(network, "logits", lambda images: seen.append(images) or logits(images))
    mask = np.zeros(SIZE, bool)
    mask[10:30, 20:50] = True
    for views in (ViewConfig(), ViewConfig(light=0.5)):
        online_steps(network, np.full((*SIZE, 3), 100, np.uint8), mask, replace(STEPS, views=views))[0](0)
    plain, lit = (images[0].flatten(1) * 2.55 for images in seen)  # (3, H W), in hundreds of 255
    assert torch.allclose(plain, torch.ones(3, 1))
    assert (lit == lit[:, :1]).all() and len(lit[:, 0].unique()) > 1
    assert 0.1 < (lit - 1).abs().max() < 0.51


def test_encoder_and_new_layers_have_rates_of_their_own(video):
    torch.manual_seed(0)
    network = SideOutputNetwork(Encoder(random_resnet("resnet18", levels=["layer1"])))
    _, optimizer = online_steps(network, video.frames[0], video.labels(0) == 1, STEPS)
    new, old = optimizer.param_groups
    assert (new["lr"], old["lr"]) == (0.02, 1e-4)
    assert sum(p.numel() for p in old["params"]) == sum(p.numel() for p in network.encoder.parameters())
    sides = sum(p.numel() for part in (network.side, network.fuse) for p in part.parameters())
    assert sum(p.numel() for p in new["params"]) == sides


def test_the_same_seed_gives_the_same_network(parent, video):
    frame, mask = video.frames[0], video.labels(0) == 1
    networks = [filters_network() for _ in range(3)]
    for network, config in zip(networks, (STEPS, STEPS, replace(STEPS, seed=1))):
        tune_to_object(network, frame, mask, config)
    assert _same(networks[0], networks[1]) and not _same(networks[0], networks[2])


def test_the_states_on_the_way_are_those_of_shorter_tunings(video):
    """So that one tuning shows how quality grows with its length (Figure 4)."""
    frame, mask = video.frames[0], video.labels(0) == 1
    network = filters_network()
    steps = learn(*online_steps(network, frame, mask, STEPS))
    for _ in range(5):
        next(steps)
    short = filters_network()
    tune_to_object(short, frame, mask, replace(STEPS, budget=Budget(seconds=None, steps=5)))
    assert _same(network, short)


def test_without_a_budget_the_answer_is_the_parents(parent, video):
    segmenter = OsvosSegmenter(parent, replace(STEPS, budget=Budget(seconds=0)))
    segmenter.start(video.frames[0], np.minimum(video.labels(0), 1))
    assert segmenter.tuned[1].steps == 0
    images = torch.from_numpy(video.frames[2]).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        p = parent.logits(images).sigmoid()[0, 0].numpy()
    assert_same_labels(segmenter.step(video.frames[2]), p > STEPS.threshold)


def test_seconds_are_kept_to(parent, video, monkeypatch):
    """By a clock that goes on a second whenever it is read: twice before the first step, and three times a step."""
    monkeypatch.setattr("vosbook.methods.osvos.fine_tune", partial(fine_tune, clock=count().__next__))
    config = replace(STEPS, budget=Budget(seconds=30))
    tuned = tune_to_object(filters_network(), video.frames[0], video.labels(0) == 1, config)
    assert (tuned.steps, tuned.seconds) == (9, 30)


def test_the_parent_stays_as_it_is(parent, video):
    before = {key: value.clone() for key, value in parent.state_dict().items()}
    segmenter = OsvosSegmenter(parent, STEPS)
    segmenter.start(video.frames[0], video.labels(0))
    assert all(torch.equal(before[key], value) for key, value in parent.state_dict().items())
    assert not _same(segmenter.networks[1], parent) and not _same(segmenter.networks[1], segmenter.networks[2])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_either_precision_finds_the_object(precision, parent, video):
    network = filters_network()
    config = replace(STEPS, precision=precision, budget=Budget(seconds=None, steps=40))
    tuned = tune_to_object(network, video.frames[0], video.labels(0) == 1, config)
    assert tuned.checks[tuned.best_step] < 0.3 * tuned.checks[0]


# -------------------------------------------------------------------------------------------------------------- frames


def test_frames_are_independent_of_their_order_and_their_batch(parent, video):
    segmenter = OsvosSegmenter(parent, STEPS)
    segmenter.start(video.frames[0], video.labels(0))
    frames = np.stack([video.frames[t] for t in (1, 2, 3, 4)])
    together = segmenter.segment(frames)
    assert together.shape == (4, *SIZE) and together.dtype == np.uint8 and set(np.unique(together)) <= {0, 1, 2}
    order = [3, 0, 2, 1]
    assert_same_labels([segmenter.step(frames[k]) for k in order], together[order])


def test_scores_come_in_the_order_of_the_objects(parent, video):
    labels = np.where(video.labels(0) > 0, 10 - video.labels(0), 0).astype(np.uint8)  # ids 9 and 8
    segmenter = OsvosSegmenter(parent, STEPS)
    segmenter.start(video.frames[0], labels)
    frames = np.stack([video.frames[t] for t in (1, 2)])
    scores = segmenter.scores(frames)
    assert scores.shape == (2, 2, *SIZE) and list(segmenter.networks) == [8, 9]
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        torch.testing.assert_close(scores[1], segmenter.networks[9].logits(images)[:, 0])
    lone = (scores[0] > np.log(0.635 / 0.365)) & (scores[1] < 0)
    assert (segmenter.segment(frames)[lone.numpy()] == 8).all() and lone.any()


def test_objects_that_appear_later_are_found_from_then_on(parent, video):
    """The first object appears in frame 1, the second in frame 2; what is segmented at once is as in the frame loop."""
    first, second = (np.where(video.labels(t) == i, i, 0).astype(np.uint8) for t, i in ((1, 1), (2, 2)))
    names, segmenter = video.frames.names, OsvosSegmenter(parent, STEPS)
    found = np.stack(list(segment_frames(segmenter, video.frames, {names[1]: first, names[2]: second})))
    assert not found[0].any() and set(np.unique(found[3:])) == {0, 1, 2}
    at_once = segmenter.segment(np.stack([video.frames[t] for t in range(3, len(names))]))
    assert_same_labels(found[3:], at_once)


def test_a_second_video_begins_anew(parent, video):
    segmenter = OsvosSegmenter(parent, STEPS)
    segmenter.start(video.frames[0], video.labels(0))
    segmenter.start(video.frames[0], np.where(video.labels(0) == 2, 5, 0).astype(np.uint8))
    assert list(segmenter.networks) == [5]


# ------------------------------------------------------------------------------------------------- what is no input


@pytest.mark.parametrize("masks", [None, np.zeros(SIZE, np.uint8), np.full(SIZE, 255, np.uint8)])
def test_no_object_is_refused(masks, parent, video):
    with pytest.raises(ValueError, match="at least one object in the first frame, got none"):
        OsvosSegmenter(parent, STEPS).start(video.frames[0], masks)


def test_an_object_that_is_known_is_refused(parent, video):
    segmenter = OsvosSegmenter(parent, STEPS)
    segmenter.start(video.frames[0], video.labels(0))
    with pytest.raises(ValueError, match=r"objects \[2\] are known already"):
        segmenter.add_objects(video.frames[1], np.where(video.labels(1) == 2, 2, 0).astype(np.uint8))


@pytest.mark.parametrize("whole", [True, False])
def test_an_object_of_one_pixel_or_all_of_them_is_tuned_to_without_harm(whole, parent, video):
    mask = np.full(SIZE, whole)
    mask[20, 30] = True
    segmenter = OsvosSegmenter(parent, STEPS)
    segmenter.start(video.frames[0], mask.astype(np.uint8))
    assert all(p.isfinite().all() for p in segmenter.networks[1].parameters())
    assert set(np.unique(segmenter.step(video.frames[1]))) <= {0, 1}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "float16"}, 'precision is "float32" or "bfloat16", got \'float16\''),
        ({"threshold": 1.0}, "threshold lies between 0 and 1, got 1.0"),
    ],
)
def test_settings_that_are_none_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        OnlineConfig(**settings)


# ------------------------------------------------------------------------------------------------------------ snapping


def test_snapped_masks_are_made_of_superpixels(parent, video):
    """A single object's mask is what the snapper makes of its own; of two, the more probable has the pixel."""
    snapper = Snapper(load_contours(), SnapConfig(level=0.05, share=0.5))
    segmenter = OsvosSegmenter(parent, replace(STEPS, threshold=0.3), snapper=snapper)
    frame = video.frames[2]
    segmenter.start(video.frames[0], np.where(video.labels(0) == 1, 1, 0).astype(np.uint8))
    p = segmenter.scores(frame[None])[:, 0].sigmoid().numpy()
    assert ((segmenter.step(frame) == 1) == snapper.snap(frame, p > 0.3)[0]).all()
    assert (segmenter.step(frame) != _without_snapper(segmenter).step(frame)).any()
    segmenter.add_objects(frame, np.where(video.labels(2) == 2, 2, 0).astype(np.uint8))
    p = segmenter.scores(frame[None])[:, 0].sigmoid().numpy()
    p_snapped = np.where(snapper.snap(frame, p > 0.3), p, 0)
    expected = np.where(p_snapped.max(axis=0) > 0, 1 + p_snapped.argmax(axis=0), 0)
    assert (segmenter.step(frame) == expected).all()


def _without_snapper(segmenter: OsvosSegmenter) -> OsvosSegmenter:
    fast = OsvosSegmenter(segmenter.parent, segmenter.config)
    fast.networks = segmenter.networks
    return fast


def test_masks_are_snapped_but_in_the_fast_mode(checkpoint, monkeypatch):
    monkeypatch.setattr("vosbook.methods.osvos_s.MaskRcnn.load", lambda *files, **options: None)
    snapping = {name: build(name, checkpoint=checkpoint, device="cpu", note=print).snapper for name in METHODS_HERE}
    assert snapping["osvos-fast"] is None
    assert snapping["osvos"].config == snapping["osvos-s"].config == SnapConfig()


@pytest.mark.parametrize("method", METHODS_HERE)
def test_a_budget_is_seconds_and_a_minute_without_one(method, checkpoint, monkeypatch):
    monkeypatch.setattr("vosbook.methods.osvos_s.MaskRcnn.load", lambda *files, **options: None)
    files = {"checkpoint": checkpoint, "device": "cpu", "note": print}
    assert build(method, **files).config.budget == Budget(seconds=60)
    assert build(method, **files, budget=0).config.budget == Budget(seconds=0)
    assert build(method, **files, budget=2.5).config.budget == Budget(seconds=2.5)


# ------------------------------------------------------------------------------------------------------------- files


@pytest.fixture
def checkpoint(tmp_path: Path, parent: SideOutputNetwork) -> Path:
    about = describe_network(METHOD, SideOutputConfig(backbone="filters", levels=("layer1", "layer2", "layer3")))
    save_network(tmp_path / "parent.safetensors", parent, about)
    return tmp_path / "parent.safetensors"


def test_a_file_holds_the_whole_parent(checkpoint, parent):
    segmenter = build("osvos", checkpoint=checkpoint, device="cpu")
    for key, value in parent.state_dict().items():
        torch.testing.assert_close(segmenter.parent.state_dict()[key], value, rtol=1e-3, atol=1e-6)


def test_backbone_weights_leave_the_parent_as_it_is(tmp_path, checkpoint, parent):
    (tmp_path / "r.pth").touch()
    notes = []
    segmenter = build(
        "osvos", checkpoint=checkpoint, backbone_weights=tmp_path / "r.pth", device="cpu", note=notes.append
    )
    without = build("osvos", checkpoint=checkpoint, device="cpu", note=print)
    assert _same(segmenter.parent, without.parent)
    assert len(notes) == 1 and "r.pth is not used: osvos's network has its backbone inside" in notes[0]


def test_the_base_network_depends_on_the_seed():
    torch.manual_seed(0)
    resnet = random_resnet("resnet18", levels=["layer1", "layer2", "layer3"])
    first, again, other = (base_network(resnet, seed=seed) for seed in (0, 0, 1))
    assert _same(first, again) and not _same(first, other)


def test_it_says_in_how_many_steps_an_object_was_learned(parent, video):
    said = []
    segmenter = OsvosSegmenter(parent, replace(STEPS, budget=Budget(seconds=None, steps=3)), note=said.append)
    segmenter.start(video.frames[0], np.where(video.labels(0) == 1, 1, 0).astype(np.uint8))
    assert len(said) == 1 and re.fullmatch(r"object 1: 3 steps in \d+ s, the best state after [03]", said[0])


def test_files_that_do_not_fit_are_refused(tmp_path, checkpoint):
    save_network(tmp_path / "other.safetensors", filters_network(), {"method": "rvos"})
    with pytest.raises(InputError, match=r"other\.safetensors is no network of osvos: train one with"):
        build("osvos", checkpoint=tmp_path / "other.safetensors", device="cpu")
    with pytest.raises(InputError, match=r"none\.safetensors does not exist"):
        build("osvos", checkpoint=tmp_path / "none.safetensors", device="cpu")
    with pytest.raises(InputError, match=r"r\.pth does not exist"):
        build("osvos", checkpoint=checkpoint, backbone_weights=tmp_path / "r.pth", device="cpu")


def test_segment_on_the_command_line(tmp_path, checkpoint, video, monkeypatch):
    budgets = []

    def tune_a_little(network, frame, mask, config):
        budgets.append(config.budget)
        return tune_to_object(network, frame, mask, STEPS)

    monkeypatch.setattr("vosbook.methods.osvos.tune_to_object", tune_a_little)
    (tmp_path / "frames").mkdir()
    for t in range(3):
        cv2.imwrite(str(tmp_path / "frames" / f"{t:05d}.png"), video.frames[t][..., ::-1])
    write_mask(tmp_path / "first.png", video.labels(0))
    command = ["segment", str(tmp_path / "frames"), "--mask", str(tmp_path / "first.png"), "--method", "osvos"]
    command += ["--out", str(tmp_path / "out"), "--device", "cpu", "--checkpoint", str(checkpoint)]
    assert main([*command, "--budget", "0.5"]) == 0
    assert budgets == [Budget(seconds=0.5)] * 2  # one for each object
    assert read_mask(tmp_path / "out" / "00002.png").shape == SIZE
    assert (read_mask(tmp_path / "out" / "00000.png") == video.labels(0)).all()
