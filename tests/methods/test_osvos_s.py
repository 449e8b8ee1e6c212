"""OSVOS-S: its second round against the plain formula, and what it does where proposals fail it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from vosbook.cli import main
from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.datasets.synthetic import ArrayFrames, ArrayMasks
from vosbook.errors import InputError
from vosbook.exchange.rle import encode
from vosbook.features.filter_bank import FilterBank
from vosbook.measure import score_sequence
from vosbook.methods.osvos_s import (
    Guide,
    OsvosSConfig,
    OsvosSNetwork,
    OsvosSSegmenter,
    as_image,
    find_object,
    guides_of,
    learn_object,
    loss_of_rounds,
    steps_of,
    views_of,
)
from vosbook.metrics.region import jaccard
from vosbook.nn.encoder import Encoder, empty_encoder
from vosbook.nn.side_outputs import (
    SideOutputConfig,
    SideOutputNetwork,
    balanced_bce,
    build_side_outputs,
)
from vosbook.proposals import MaskRcnn, Proposals, SyntheticProposals
from vosbook.semantics import SemanticsConfig, semantic_prior
from vosbook.training.fine_tune import Budget
from vosbook.training.views import ViewConfig
from vosbook.weights import describe_network, save_network

SIZE = (48, 80)
QUICK = OsvosSConfig(budget=Budget(seconds=None, steps=40), views=ViewConfig(), batch=1, lr=0.01, threshold=0.5)


def disc(x, y, r=9):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= r**2


def parent(**options):
    torch.manual_seed(0)
    return OsvosSNetwork(SideOutputNetwork(Encoder(FilterBank(levels=("layer1", "layer2"))), channels=4), **options)


@pytest.fixture(scope="module")
def crossing():
    """A red and an orange disc, both birds, that cross; the orange one is in front."""
    rng, frames, labels = np.random.default_rng(0), [], []
    for t in range(9):
        frame, label = np.full((*SIZE, 3), 90.0), np.zeros(SIZE, np.uint8)
        for i, x, colour in ((1, 14 + 6 * t, (200, 40, 40)), (2, 66 - 6 * t, (220, 140, 40))):
            inside = disc(x, 24)
            frame[inside], label[inside] = colour, i
        frames.append((frame + rng.normal(0, 8, frame.shape)).clip(0, 255).astype(np.uint8))
        labels.append(label)
    names = tuple(f"{t:05d}" for t in range(9))
    objects = (VideoObject(1, names[0], "bird"), VideoObject(2, names[0], "bird"))
    return Sequence("crossing", ArrayFrames(np.stack(frames), names), ArrayMasks(np.stack(labels), names), objects)


class Fixed:
    """A source that says the same of every frame."""

    def __init__(self, *masks, category="bird"):
        shaped = np.array(masks, bool).reshape(-1, *SIZE)
        self.proposals = Proposals(shaped, (category,) * len(masks), np.ones(len(masks)))

    def propose(self, frame):
        return self.proposals


class Broken:
    def propose(self, frame):
        raise RuntimeError("out of memory in the instance segmenter")


# ------------------------------------------------------------------------------------------------------- network


@pytest.mark.parametrize("guidance", ["conditional", "masked"])
def test_the_final_round_is_the_formula_on_enlarged_features(guidance):
    network, images, w = parent(guidance=guidance), torch.rand(2, 3, *SIZE), torch.rand(2, 1, *SIZE)
    for p in network.guided.parameters():
        torch.nn.init.normal_(p)
    ups = network.base.upsample.values()
    x = torch.cat([up(side, SIZE) for up, side in zip(ups, network.sides(images))], dim=1)  # (B, 2 * 4, H, W)

    def classify(classifier, x):
        return torch.nn.functional.conv2d(x, classifier.weight, classifier.bias)

    if guidance == "masked":
        expected = classify(network.guided.classifier, w * x)
    else:
        expected = w * classify(network.guided.instance, x) + (1 - w) * classify(network.guided.background, x)
    rounds = network(images, w)
    torch.testing.assert_close(rounds.final, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(rounds.first, classify(network.base.fuse, x), rtol=1e-4, atol=1e-4)


def test_before_anything_is_learned_the_prior_makes_no_difference():
    rounds = parent()(torch.rand(1, 3, *SIZE), torch.rand(1, 1, *SIZE))
    torch.testing.assert_close(rounds.final, rounds.first)


def test_both_rounds_are_learned():
    network, y = parent(), (torch.rand(1, 1, *SIZE) > 0.8).float()
    rounds = network(torch.rand(1, 3, *SIZE), torch.rand(1, 1, *SIZE))
    loss = loss_of_rounds(rounds, y)
    each = [balanced_bce(one, y, normalised=True) for one in (rounds.first, rounds.final)]
    torch.testing.assert_close(loss, sum(each))
    loss.backward()
    learned = (network.base.fuse, network.guided.instance, network.guided.background, network.base.side)
    assert all(p.grad.abs().sum() > 0 for part in learned for p in part.parameters())


# ------------------------------------------------------------------------------------------------------- learning


def test_views_carry_the_frame_its_object_and_the_prior():
    frame = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    guide, config = Guide(frame, disc(20, 20), disc(24, 20)), replace(QUICK, dropped=0)
    x, y, w = views_of([guide], config, np.random.default_rng(0))
    assert torch.equal(x, as_image(frame)) and np.array_equal(y[0, 0] > 0, guide.y)
    assert np.allclose(w[0, 0], semantic_prior(guide.selected, config.semantics.sigma))


def test_proposals_move_with_the_frame():
    guide = Guide(np.zeros((*SIZE, 3), np.uint8), disc(20, 20), disc(24, 20))
    _, y, w = views_of([guide], replace(QUICK, dropped=0, views=ViewConfig(flip=1.0)), np.random.default_rng(0))
    seen = (y[0, 0] > 0).numpy(), (w[0, 0] > 0.5).numpy()
    assert all(jaccard(part, given[:, ::-1]) > 0.9 for part, given in zip(seen, (guide.y, guide.selected)))


def test_as_many_priors_are_dropped_as_asked_for():
    guide = Guide(np.zeros((*SIZE, 3), np.uint8), disc(20, 20), disc(20, 20))
    _, y, w = views_of([guide] * 200, replace(QUICK, dropped=0.3), np.random.default_rng(0))
    empty = w.flatten(1).amax(dim=1) == 0
    assert 0.2 < empty.float().mean() < 0.4 and y.flatten(1).any(dim=1).all()


def test_a_step_sees_the_same_whenever_it_is_made(crossing):
    guides = list(guides_of(crossing, SyntheticProposals([crossing]), SemanticsConfig()))
    loss, _ = steps_of(parent(), guides, replace(QUICK, batch=3))
    again, _ = steps_of(parent(), guides, replace(QUICK, batch=3))
    assert loss(5).item() == again(5).item() != loss(6).item()


def test_a_parent_learns_from_every_object_that_is_large_enough(crossing):
    guides = list(guides_of(crossing, SyntheticProposals([crossing]), SemanticsConfig(), min_pixels=100))
    sizes = [(crossing.labels(t) == i).sum() for t in range(9) for i in (1, 2)]
    assert [guide.y.sum() for guide in guides] == [size for size in sizes if size >= 100] and len(guides) < 18
    assert all(np.array_equal(guide.y, guide.selected) for guide in guides)  # a source without errors


@pytest.mark.parametrize(("bias", "chosen"), [(0.3, ()), (1.0, (0,))])
def test_the_threshold_becomes_one_half(crossing, bias, chosen):
    """In both rounds odds are divided by the threshold's own, which are 1.74, and by that the proposals are chosen."""
    network, image, instance = parent(), as_image(crossing.frames[0]), Fixed(disc(20, 20))
    for part in (network.base.fuse, network.guided.instance, network.guided.background):
        torch.nn.init.constant_(part.bias, bias)  # .3 makes p about .57: likely, and under the threshold
    answer = find_object(network, image, instance.proposals, ("bird",), replace(QUICK, threshold=0.635))
    with torch.no_grad():
        rounds = network(image, torch.from_numpy(answer.w)[None, None])
    for p, found in ((rounds.first, torch.from_numpy(answer.first)), (rounds.final, answer.final)):
        odds = p[0, 0].exp() * (1 - 0.635) / 0.635
        torch.testing.assert_close(found, odds / (1 + odds))
    assert answer.chosen == chosen and ((answer.first > 0.5) == bool(chosen)).all()


def test_learning_lowers_the_loss_and_a_budget_of_nothing_changes_nothing(crossing):
    guide = Guide(crossing.frames[0], crossing.labels(0) == 1, crossing.labels(0) == 1)
    network = parent()
    tuned = learn_object(network, guide, QUICK)
    assert tuned.steps == 40 and tuned.checks[40] < 0.5 * tuned.checks[0]
    still = parent()
    assert learn_object(still, guide, replace(QUICK, budget=Budget(seconds=0))).steps == 0
    assert all(torch.equal(a, b) for a, b in zip(still.state_dict().values(), parent().state_dict().values()))


# ------------------------------------------------------------------------------------------------------ segmenter


def follow(crossing, source, **changes):
    said = []
    segmenter = OsvosSSegmenter(parent(), source, replace(QUICK, **changes), note=said.append)
    return score_sequence({"s": segmenter}, crossing)["s"], segmenter, said


def test_two_instances_of_one_category_that_cross(crossing):
    """Each keeps its own; the one that is hidden half way is lost there, and found again: frames are independent."""
    source, said = SyntheticProposals([crossing]), []
    segmenter = OsvosSSegmenter(parent(), source, QUICK, note=said.append)
    segmenter.start(crossing.frames[0], crossing.labels(0))
    assert segmenter.wanted == {1: ("bird",), 2: ("bird",)}
    assert [line.split(" in ")[0] for line in said] == ["object 1: 40 steps", "object 2: 40 steps"]
    for t in (1, 2, 3, 6, 7):
        labels, proposals = segmenter.step(crossing.frames[t]), source.propose(crossing.frames[t])
        for i, network in segmenter.networks.items():
            answer = find_object(network, as_image(crossing.frames[t]), proposals, ("bird",), QUICK)
            assert answer.chosen == (i - 1,)
            assert jaccard(labels == i, crossing.labels(t) == i) > 0.7


@pytest.mark.parametrize("source", [Fixed(), Fixed(disc(40, 40, 5))], ids=["no proposals at all", "none matches"])
def test_without_a_match_the_object_is_followed_by_appearance(crossing, source):
    scores, segmenter, said = follow(crossing, source)
    assert segmenter.wanted == {1: (), 2: ()}
    assert said[0] == f"none of {len(source.proposals)} proposals matches object 1: it is followed by appearance alone"
    assert scores["J"] > 0.6
    network, image = segmenter.networks[1], as_image(crossing.frames[3])
    torch.nn.init.constant_(network.guided.background.bias, -3.0)  # as of a parent that has learned with priors
    answer = find_object(network, image, source.propose(None), (), QUICK)
    with torch.no_grad():
        first = network(image, torch.zeros(1, 1, *SIZE)).first
    torch.testing.assert_close(answer.final, first[0, 0].sigmoid())
    assert answer.chosen == () and not answer.w.any()


def test_where_the_instance_is_missed_the_background_classifier_decides(crossing):
    network = parent()
    torch.nn.init.constant_(network.guided.background.bias, -3.0)
    image = as_image(crossing.frames[0])
    missed = find_object(network, image, Fixed().proposals, ("bird",), QUICK)
    with torch.no_grad():
        background = network(image, torch.zeros(1, 1, *SIZE)).final
    torch.testing.assert_close(missed.final, background[0, 0].sigmoid())
    assert missed.chosen == () and missed.final.max() < 0.5


def test_the_prior_is_the_chosen_instance(crossing):
    network = parent()
    torch.nn.init.constant_(network.base.fuse.bias, 5.0)  # the first round sees the object everywhere
    source = Fixed(disc(20, 20), disc(60, 20, 6))
    answer = find_object(network, as_image(crossing.frames[0]), source.proposals, ("bird",), QUICK)
    assert answer.first.min() > 0.5 and answer.chosen == (0,)
    assert np.array_equal(answer.w, semantic_prior(disc(20, 20), SemanticsConfig().sigma))


def test_final_masks_are_snapped_where_there_is_a_snapper(crossing):
    class Shifting:
        """What it is given, moved a row down."""

        def settle(self, frame, p):
            assert p.shape == (2, *SIZE) and np.array_equal(frame, crossing.frames[1])
            return np.roll(p, 1, axis=1)

    plain, snapped = (
        OsvosSSegmenter(parent(), Fixed(disc(14, 24), disc(66, 24)), QUICK, snapper=snapper)
        for snapper in (None, Shifting())
    )
    for segmenter in (plain, snapped):
        segmenter.start(crossing.frames[0], crossing.labels(0))
    labels = plain.step(crossing.frames[1])
    assert {1, 2} <= set(np.unique(labels))
    assert np.array_equal(snapped.step(crossing.frames[1]), np.roll(labels, 1, axis=0))


def test_an_error_of_the_source_reaches_the_caller(crossing):
    with pytest.raises(RuntimeError, match="out of memory in the instance segmenter"):
        follow(crossing, Broken())


def test_proposals_of_another_size_are_refused(crossing):
    small = Fixed()
    small.proposals = Proposals(np.zeros((1, 24, 40), bool), ("bird",), np.ones(1))
    with pytest.raises(ValueError, match=r"\(24, 40\), the frame's \(48, 80\)"):
        follow(crossing, small)


def test_objects_may_come_later(crossing):
    segmenter = OsvosSSegmenter(parent(), SyntheticProposals([crossing]), QUICK)
    first = crossing.labels(0)
    segmenter.start(crossing.frames[0], np.where(first == 1, 7, 0).astype(np.uint8))
    assert set(np.unique(segmenter.step(crossing.frames[1]))) <= {0, 7}
    segmenter.add_objects(crossing.frames[1], np.where(crossing.labels(1) == 2, 9, 0).astype(np.uint8))
    labels = segmenter.step(crossing.frames[2])
    assert jaccard(labels == 7, crossing.labels(2) == 1) > 0.7 and jaccard(labels == 9, crossing.labels(2) == 2) > 0.7
    with pytest.raises(ValueError, match=r"objects \[7, 9\] are known"):
        segmenter.add_objects(crossing.frames[2], labels)
    with pytest.raises(ValueError, match="at least one object"):
        segmenter.start(crossing.frames[0], np.zeros(SIZE, np.uint8))


# -------------------------------------------------------------------------------------------- from the command line


@pytest.fixture
def clip(crossing, tmp_path):
    """The video as files, and the arguments of `vosbook segment` for it."""
    (tmp_path / "clip").mkdir()
    for t in range(3):
        Image.fromarray(crossing.frames[t]).save(tmp_path / "clip" / f"{t:05d}.png")
    Image.fromarray(crossing.labels(0)).save(tmp_path / "first.png")
    method = ["--method", "osvos-s", "--device", "cpu", "--out", str(tmp_path / "out")]
    return ["segment", str(tmp_path / "clip"), "--mask", str(tmp_path / "first.png"), *method]


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr("vosbook.weights._download", lambda url: None)


def test_missing_weights_are_one_line_and_no_folder(clip, offline, tmp_path, capsys):
    assert main(clip) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "Mask R-CNN's weights are missing" in line and "--detector" in line
    assert not (tmp_path / "out").exists()


def test_instances_of_a_file_guide_it(clip, offline, crossing, tmp_path, capsys):
    found = [
        {"image_id": f"clip/{t:05d}", "category_id": i, "score": 0.9, "segmentation": encode(crossing.labels(t) == i)}
        for t in range(3)
        for i in (1, 2)
    ]
    (tmp_path / "found.json").write_text(json.dumps(found))
    argv = [*clip, "--budget", "0", "--proposals", str(tmp_path / "found.json")]
    assert main(argv) == 0
    assert "no proposal" not in (said := capsys.readouterr().err) and "none of" not in said
    (tmp_path / "found.json").write_text(json.dumps([one for one in found if one["image_id"] != "clip/00000"]))
    assert main([*argv, "--overwrite"]) == 0  # the first frame's are those that select
    assert "none of 0 proposals matches object 2" in capsys.readouterr().err
    assert main([*argv, "--overwrite", "--detector", "mask_rcnn.pth"]) == 2
    assert "mask_rcnn.pth is no use beside --proposals" in capsys.readouterr().err


def test_a_source_that_fails_leaves_no_folder(clip, crossing, monkeypatch, tmp_path, capsys):
    class Failing(Fixed):
        def propose(self, frame):
            if not np.array_equal(frame, crossing.frames[0]):
                raise InputError("the instance segmenter broke off")
            return self.proposals

    segmenter = OsvosSSegmenter(parent(), Failing(disc(14, 24)), replace(QUICK, budget=Budget(seconds=0)))
    monkeypatch.setattr(OsvosSSegmenter, "load", lambda config, **options: segmenter)
    assert main(clip) == 2
    assert "the instance segmenter broke off" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_networks_of_two_files(offline, monkeypatch, tmp_path):
    config = SideOutputConfig(backbone="filters", levels=("layer1",), channels=4)
    torch.manual_seed(1)
    base = build_side_outputs(config, empty_encoder)
    save_network(tmp_path / "p.safetensors", base, describe_network("osvos", config))
    given, said = [], []
    monkeypatch.setattr(MaskRcnn, "load", lambda path, *, device: given.append(path) or Fixed(disc(14, 24)))
    options = {"detector": "mask_rcnn.pth", "device": "cpu", "note": said.append}
    segmenter = OsvosSSegmenter.load(checkpoint=tmp_path / "p.safetensors", **options)
    assert given == ["mask_rcnn.pth"] and len(said) == 1 and "never seen a prior" in said[0]
    torch.testing.assert_close(segmenter.parent.base.fuse.weight, base.fuse.weight, atol=1e-3, rtol=1e-3)
    save_network(tmp_path / "q.safetensors", base, describe_network("contours", config))
    with pytest.raises(InputError, match=r"q.safetensors is no network of osvos"):
        OsvosSSegmenter.load(checkpoint=tmp_path / "q.safetensors", **options)
