"""Where proposals come from: Mask R-CNN's code path, and a source whose errors are those that were asked for."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision

from vosbook import weights
from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.datasets.synthetic import ArrayFrames, ArrayMasks
from vosbook.errors import InputError
from vosbook.exchange.rle import encode
from vosbook.metrics.region import jaccard
from vosbook.proposals import COCO, FileProposals, MaskRcnn, ProposalErrors, Proposals, SyntheticProposals

SIZE = (48, 64)
NAMES = ("bird", "car", "bird")


@pytest.fixture(scope="module")
def film():
    """60 frames of three squares on noise."""
    rng = np.random.default_rng(0)
    labels = np.zeros((60, *SIZE), np.uint8)
    for t in range(60):
        labels[t, 4:20, 4 + t % 3 : 20 + t % 3], labels[t, 24:40, 10:30], labels[t, 8:20, 40:56] = 1, 2, 3
    names = tuple(f"{t:05d}" for t in range(60))
    objects = tuple(VideoObject(i + 1, names[0], name) for i, name in enumerate(NAMES))
    frames = ArrayFrames(rng.integers(0, 256, (60, *SIZE, 3), np.uint8), names)
    return Sequence("squares", frames, ArrayMasks(labels, names), objects)


def ask(film, *, seed=0, **errors):
    """What is proposed for every frame."""
    source = SyntheticProposals([film], ProposalErrors(**errors), seed=seed)
    return [source.propose(frame) for frame in film.frames]


# -------------------------------------------------------------------------------------------------- the answer


def test_proposals_that_do_not_fit_together_are_refused():
    masks = np.zeros((2, *SIZE), bool)
    with pytest.raises(ValueError, match="got 2 masks, 1, 2"):
        Proposals(masks, ("bird",), np.ones(2))
    with pytest.raises(ValueError, match="uint8"):
        Proposals(masks.astype(np.uint8), NAMES[:2], np.ones(2))
    with pytest.raises(ValueError, match=r"bool \(48, 64\)"):
        Proposals(masks[0], (), np.ones(0))


# -------------------------------------------------------------------------------------------------------- a file

FRAMES = tuple(f"{t:05d}" for t in range(3))


def patch(n):
    mask = np.zeros(SIZE, bool)
    mask[4 * n : 4 * n + 4, 8:20] = True
    return mask


def result(image, n):
    return {"image_id": image, "category_id": n, "score": 0.5 + n / 10, "segmentation": encode(patch(n))}


@pytest.fixture()
def source(tmp_path):
    """Proposals of a file with this content, and what was said of it."""

    def read(content, *, names=FRAMES, size=SIZE):
        (tmp_path / "found.json").write_text(json.dumps(content))
        said = []
        made = FileProposals(tmp_path / "found.json", names=names, size=size, video="goat", note=said.append)
        return made, said

    return read


def test_a_files_proposals_are_those_of_the_frame_at_hand(source, film):
    made, said = source([result("goat/00000", 1), result("goat/00002", 2), result("goat/00002", 3)])
    assert len(said) == 1 and "no proposal in 1 of 3 frames: 00001" in said[0]
    frames = ArrayFrames(film.frames[0][None].repeat(3, axis=0), FRAMES)  # alike: it is not their pixels that tell
    found = [made.propose(frame) for frame in made.follow(frames)]
    assert [one.categories for one in found] == [("1",), (), ("2", "3")]
    assert np.array_equal(found[2].masks, [patch(2), patch(3)]) and np.allclose(found[2].scores, [0.7, 0.8])
    assert found[1].masks.shape == (0, *SIZE)


def test_a_smaller_frame_has_smaller_masks(source):
    made, _ = source([result("00000", 1)])
    half = ArrayFrames(np.zeros((3, SIZE[0] // 2, SIZE[1] // 2, 3), np.uint8), FRAMES)
    first, second, _ = (made.propose(frame) for frame in made.follow(half))
    assert np.array_equal(first.masks[0], patch(1)[::2, ::2])
    assert second.masks.shape == (0, 24, 32)


def test_images_go_by_their_names(source):
    names = [f"goat/{name}.jpg" for name in FRAMES]
    images = [{"id": 10 + t, "file_name": name, "height": 48, "width": 64} for t, name in enumerate(names)]
    made, said = source({"images": images, "annotations": [result(11, 4)], "categories": [{"id": 4, "name": "cow"}]})
    assert made.of("00001").categories == ("cow",) and len(made.of("00000")) == 0
    assert len(said) == 1  # two frames have none


def test_of_several_videos_the_one_of_this_name_is_taken(source):
    both = [result("cow/00000", 1), *(result(f"goat/{name}", 2) for name in FRAMES)]
    made, said = source(both)
    assert made.of("00000").categories == ("2",) and said == []
    with pytest.raises(InputError, match=r"several videos \(cow, horse\), and none is called goat"):
        source([result("cow/00000", 1), result("horse/00000", 2)])


def test_one_other_video_is_taken_and_said(source):
    _, said = source([result(f"cow/{name}", 1) for name in FRAMES])
    assert len(said) == 1 and "are of cow, and taken for goat's" in said[0]


def test_numbers_are_those_of_the_frames(source):
    made, said = source([result(t, t + 1) for t in range(3)], names=("f_0", "f_1", "f_2"))
    assert made.of("f_2").categories == ("3",)
    assert len(said) == 1 and "numbers" in said[0]
    with pytest.raises(InputError, match="has 1, 2 and 1 more, and no frame of goat, such as 00000"):
        source([result(t, 1) for t in (1, 2, 3)])  # counted from 1, and so one too late if some were taken


@pytest.mark.parametrize("content", [[], [result("cow/7", 1)], [result("00003", 1)]])
def test_a_file_of_other_frames_is_refused(source, content):
    with pytest.raises(InputError, match=r"found\.json has .*, and no frame of goat, such as 00000"):
        source(content)


def test_masks_of_another_size_are_refused_at_once(source):
    with pytest.raises(InputError, match=r"masks of 64x48 pixels \(annotation 0\) for frames of 32x24"):
        source([result("00000", 1)], size=(24, 32))


# ---------------------------------------------------------------------------------------------- synthetic video


def test_without_errors_the_truth_is_proposed(film):
    for t, found in enumerate(ask(film)):
        assert found.categories == NAMES
        assert all(np.array_equal(mask, film.labels(t) == i + 1) for i, mask in enumerate(found.masks))


def test_as_many_instances_are_missed_as_asked_for(film):
    counts = [len(found) for found in ask(film, missed=0.25)]
    assert np.mean(counts) / 3 == pytest.approx(0.75, abs=0.08)
    assert all(len(found) == 0 and found.masks.shape == (0, *SIZE) for found in ask(film, missed=1.0))


def test_as_many_categories_are_wrong_as_asked_for(film):
    found = ask(film, mistaken=0.3)
    wrong = [got != name for one in found for got, name in zip(one.categories, NAMES)]
    assert np.mean(wrong) == pytest.approx(0.3, abs=0.08)
    assert {name for one in found for name in one.categories} == {"bird", "car"}


def test_borders_are_off_by_as_much_as_asked_for(film):
    def quality(coarse):
        found = ask(film, coarse=coarse)
        return np.mean(
            [jaccard(m, film.labels(t) == i + 1) for t, one in enumerate(found) for i, m in enumerate(one.masks)]
        )

    low, high = quality(0.05), quality(0.15)
    assert 0.85 < low < 0.98 and 0.55 < high < low - 0.1
    moved = [(one.masks[1] ^ (film.labels(t) == 2)).mean() for t, one in enumerate(ask(film, coarse=0.1))]
    assert min(moved) > 0  # in every frame anew


def test_spurious_proposals_are_added(film):
    counts = [len(found) - 3 for found in ask(film, spurious=0.5)]
    assert min(counts) == 0 and np.mean(counts) == pytest.approx(0.5, abs=0.2)
    added = [found.masks[3] for found in ask(film, spurious=0.5) if len(found) > 3]
    assert len({mask.tobytes() for mask in added}) == len(added)


def test_scores_tell_a_little(film):
    scores = [score for found in ask(film, spurious=1.0) for score in found.scores[:3]]
    assert min(scores) >= 0.7 and max(scores) <= 1


def test_errors_depend_on_the_frame_and_the_seed_alone(film):
    errors = {"missed": 0.2, "mistaken": 0.2, "coarse": 0.1, "spurious": 0.5}
    forth, back = ask(film, **errors), SyntheticProposals([film], ProposalErrors(**errors))
    for t in (40, 3):
        again = back.propose(film.frames[t])
        assert again.categories == forth[t].categories
        assert np.array_equal(again.masks, forth[t].masks) and np.array_equal(again.scores, forth[t].scores)
    other = ask(film, seed=1, **errors)
    assert any(len(a) != len(b) for a, b in zip(forth, other))


def test_a_frame_that_the_source_does_not_know(film):
    with pytest.raises(ValueError, match="belongs to none"):
        SyntheticProposals([film]).propose(np.zeros((*SIZE, 3), np.uint8))


def test_objects_need_categories(film):
    nameless = Sequence("squares", film.frames, film.masks, (VideoObject(1, "00000"),))
    with pytest.raises(ValueError, match="object 1 of squares has no category"):
        SyntheticProposals([nameless])


# --------------------------------------------------------------------------------------------------- Mask R-CNN


@pytest.fixture
def tiny():
    """Mask R-CNN with random weights, on small images, that finds a lot."""
    torch.manual_seed(0)
    options = {"min_size": 64, "max_size": 64, "num_classes": 3, "box_score_thresh": 0.0, "box_detections_per_img": 5}
    return torchvision.models.detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, **options)


@pytest.fixture
def quick(monkeypatch):
    """In the place of the network, whose file has 180 MB, a layer."""
    build = torchvision.models.detection, "maskrcnn_resnet50_fpn"
    monkeypatch.setattr(*build, lambda **options: torch.nn.Linear(3, 2))


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr(weights, "_download", lambda url: None)


def test_mask_rcnns_answer_becomes_proposals(tiny):
    frame = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    found = MaskRcnn(tiny, ("background", "bird", "car")).propose(frame)
    with torch.no_grad():
        direct = tiny([torch.from_numpy(frame).permute(2, 0, 1) / 255])[0]
    assert len(found) == len(direct["labels"]) > 0
    assert np.array_equal(found.masks, (direct["masks"] > 0.5).squeeze(1).numpy()) and found.masks.shape[1:] == SIZE
    assert found.categories == tuple(("background", "bird", "car")[label] for label in direct["labels"])
    assert np.array_equal(found.scores, direct["scores"].numpy())


def test_cocos_categories_are_those_of_the_weights():
    assert len(COCO) == 91 and COCO[1] == "person" and COCO[19] == "horse"


def test_missing_weights_are_named_with_the_remedy(offline):
    with pytest.raises(InputError, match=r"Mask R-CNN's weights are missing.*maskrcnn_resnet50_fpn_coco.*VOSBOOK_DATA"):
        MaskRcnn.load()


def test_a_file_of_another_network_is_named(offline, quick, tmp_path):
    safetensors.torch.save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"other.safetensors is not torchvision's maskrcnn_resnet50_fpn"):
        MaskRcnn.load(tmp_path / "other.safetensors")


def test_weights_are_found_among_the_users(offline, quick, tmp_path, monkeypatch):
    state = {"weight": torch.rand(2, 3), "bias": torch.rand(2)}
    (tmp_path / "weights").mkdir()
    torch.save(state, tmp_path / "weights" / "maskrcnn_resnet50_fpn_mine.pth")
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    loaded = MaskRcnn.load()
    assert torch.equal(loaded.network.weight, state["weight"])
    assert not loaded.network.training and loaded.categories == COCO
