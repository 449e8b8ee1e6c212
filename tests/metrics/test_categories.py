"""YouTube-VOS's score by hand: which frames and objects count, seen and unseen categories, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from vosbook.errors import InputError
from vosbook.metrics.boundary import boundary_f
from vosbook.metrics.categories import seen_and_unseen
from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.table import format_table
from vosbook.video.masks import write_mask


def drawn(*boxes: tuple[int, int]) -> np.ndarray:
    """Labels of 40 x 60 pixels: for each (id, width) a box of 10 lines, every id at a place of its own."""
    labels = np.zeros((40, 60), np.uint8)
    for i, width in boxes:
        labels[12 * i - 9 : 12 * i + 1, 20 : 20 + width] = i
    return labels


def write(folder: Path, masks: list[np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for t, labels in enumerate(masks):
        write_mask(folder / f"{5 * t:05d}.png", labels)


def write_meta(path: Path, videos: dict[str, dict[int, tuple[str | None, list[int]]]]) -> None:
    """meta.json from (category, frames) by video and id; frames are counted in masks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = {
        name: {
            str(i): {"frames": [f"{5 * t:05d}" for t in frames]} | ({"category": category} if category else {})
            for i, (category, frames) in objects.items()
        }
        for name, objects in videos.items()
    }
    path.write_text(json.dumps({"videos": {name: {"objects": entries} for name, entries in listed.items()}}))


VIDEOS = {
    "a": {1: ("dog", [0, 1, 2, 3, 4]), 2: ("ant", [2, 3, 4])},
    "b": {1: ("cat", [0, 1, 2]), 2: ("bee", [2])},
}


@pytest.fixture
def gt(tmp_path):
    """Five masks of a: a dog, and from the third on an ant. Three of b: a cat, and in the last a bee."""
    root = tmp_path / "ytvos"
    write(root / "valid/Annotations/a", [drawn((1, 10))] * 2 + [drawn((1, 10), (2, 10))] * 3)
    write(root / "valid/Annotations/b", [drawn((1, 10))] * 2 + [drawn((1, 10), (2, 10))])
    write_meta(root / "valid/meta.json", VIDEOS)
    write_meta(root / "train/meta.json", {"t": {1: ("dog", [0]), 2: ("cat", [0])}})
    return root / "valid/Annotations"


@pytest.fixture
def pred(tmp_path):
    """The dog is lost in the fourth mask, the ant in the last; the cat in the second, and half of it is found again."""
    folder = tmp_path / "pred"
    whole = [drawn((1, 10)), drawn((1, 10)), drawn((1, 10), (2, 10))]
    write(folder / "a", [*whole, drawn((2, 10)), drawn((1, 10))])
    write(folder / "b", [drawn((1, 10)), drawn(), drawn((1, 5))])
    return folder


def scored(gt: Path, pred: Path, **options) -> dict:
    return evaluate(gt, pred, protocol="youtube-vos", **options)


# ------------------------------------------------------------------------------------------------------- by hand


def test_seen_unseen_and_g_by_hand(gt, pred):
    result = scored(gt, pred)
    a, b = (result["sequences"][name]["objects"] for name in "ab")
    assert a["1"]["J"] == [None, 1.0, 1.0, 0.0, 1.0]  # 3/4
    assert a["2"]["J"] == [None, None, None, 1.0, 0.0]  # 1/2
    assert b["1"]["J"] == [None, 0.0, 0.5]  # 1/4
    assert b["2"]["J"] == [None, None, None]  # given in the last mask: nothing to score
    assert [o["category"] for o in (a["1"], a["2"], b["1"], b["2"])] == ["dog", "ant", "cat", "bee"]

    f_half = boundary_f(drawn((1, 5)) == 1, drawn((1, 10)) == 1)
    assert 0 < f_half < 1
    mean = result["mean"]
    assert mean["seen"] == {"J": pytest.approx((3 / 4 + 1 / 4) / 2), "F": pytest.approx((3 / 4 + f_half / 2) / 2)}
    assert mean["unseen"] == {"J": 0.5, "F": 0.5}
    assert mean["G"] == pytest.approx((0.5 + mean["seen"]["F"] + 0.5 + 0.5) / 4)
    assert mean["J"] == {"mean": pytest.approx((3 / 4 + 1 / 2 + 1 / 4) / 3), "recall": None, "decay": None}
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_table_shows_the_four_means_and_g(gt, pred):
    result = scored(gt, pred)
    lines = [line.split() for line in format_table(result).splitlines()]
    f = f"{result['mean']['seen']['F']:.3f}"
    assert ["seen", "categories", "0.500", f] in lines and ["unseen", "categories", "0.500", "0.500"] in lines
    assert ["G", f"{result['mean']['G']:.3f}", "-"] in lines
    assert "Not scored, since the last true mask is the first to show it: b 2" in format_table(result)


def test_a_mean_over_objects_not_over_videos_or_frames():
    means = seen_and_unseen([("dog", 1.0, 0.8), ("dog", 0.5, 0.2), ("ant", 0.2, 0.4)], frozenset({"dog"}))
    assert means["seen"] == {"J": 0.75, "F": 0.5} and means["unseen"] == {"J": 0.2, "F": 0.4}
    assert means["G"] == pytest.approx((0.75 + 0.5 + 0.2 + 0.4) / 4)


@pytest.mark.parametrize(
    ("categories", "seen", "known"),
    [(["dog"], {"dog"}, "seen"), (["ant"], {"dog"}, "unseen"), (["dog", None], {"dog"}, ""), (["ant"], None, "")],
)
def test_no_g_where_a_half_is_missing(categories, seen, known):
    means = seen_and_unseen([(category, 0.5, 0.5) for category in categories], seen and frozenset(seen))
    assert means["G"] is None
    assert [part for part in ("seen", "unseen") if means[part]] == [known] * bool(known)


def test_without_the_lists_there_are_no_halves_and_the_table_says_why(gt, pred):
    (gt.parent.parent / "train/meta.json").unlink()
    no_train = scored(gt, pred)
    assert no_train["sequences"]["a"]["objects"]["2"]["category"] == "ant"
    (gt.parent / "meta.json").unlink()
    for result in (no_train, scored(gt, pred)):
        mean = result["mean"]
        assert mean["G"] is mean["seen"] is mean["unseen"] is None
        assert mean["J"]["mean"] == pytest.approx(0.5)
        assert "train/meta.json" in format_table(result)
    write_meta(gt.parent / "meta.json", {n: {i: (None, f) for i, (_, f) in o.items()} for n, o in VIDEOS.items()})
    assert scored(gt, pred)["mean"]["G"] is None


def test_the_meta_json_of_another_place_and_of_one_sequence(gt, pred, tmp_path):
    whole = scored(gt, pred)
    assert scored(gt / "a", pred / "a")["sequences"]["a"] == whole["sequences"]["a"]
    moved = gt.rename(tmp_path / "truth")
    assert scored(moved, pred)["mean"]["G"] is None
    assert scored(moved, pred, info=tmp_path / "ytvos/valid/meta.json") == whole


def test_analysis_leaves_out_what_is_not_scored(gt, pred):
    analysis = scored(gt, pred, analysis=True)["analysis"]
    # Of b, two masks of 2400 pixels: 100 of the cat missed; then 50, and all of the bee.
    # Of a, four masks: none, none, 100, 100.
    assert analysis["errors"]["fn"] == pytest.approx(100 * ((100 + 150) / 2 + (0 + 0 + 100 + 100) / 4) / 2 / 2400)
    assert len(analysis["over_time"]["J"]) == 101


def test_a_first_mask_in_frame_30(tmp_path):
    """Masks before it are empty: what is predicted there does not count, nor does the mask that was given."""
    truth = [drawn()] * 6 + [drawn((1, 10))] * 3
    write(tmp_path / "truth/a", truth)
    write(tmp_path / "pred/a", [drawn((1, 10))] * 6 + [drawn(), drawn((1, 10)), drawn((1, 5))])
    objects = scored(tmp_path / "truth", tmp_path / "pred")["sequences"]["a"]["objects"]
    assert objects["1"]["J"] == [None] * 7 + [1.0, 0.5]


# ---------------------------------------------------------------------------------------------------- what is refused


def test_an_object_that_is_never_predicted_scores_0_and_the_table_says_so(gt, pred):
    write(pred / "a", [drawn((1, 10))] * 5)
    result = scored(gt, pred)
    assert result["sequences"]["a"]["objects"]["2"]["J"] == [None, None, None, 0.0, 0.0]
    assert "J is 0 in every frame, so the prediction lacks it, or has it under another id: a 2" in format_table(result)


def test_a_frame_that_is_not_predicted(gt, pred):
    (pred / "a/00010.png").unlink()
    with pytest.raises(InputError, match=r"pred/a lacks 00010 of 5 frames"):
        scored(gt, pred)


def test_predictions_of_another_size(gt, pred):
    write_mask(pred / "a/00010.png", np.zeros((20, 30), np.uint8))
    with pytest.raises(InputError, match=r"a/00010\.png is 30x20"):
        scored(gt, pred)


def test_the_first_masks_are_no_truth(gt, pred):
    """The trap of valid/Annotations as it is published: what it holds looks like the truth of a short video."""
    for t in (1, 3, 4):
        (gt / f"a/{5 * t:05d}.png").unlink()
        (pred / f"a/{5 * t:05d}.png").unlink()
    with pytest.raises(InputError, match=r"a has no mask 00005, which .*meta\.json lists: .*give --gt all masks"):
        scored(gt, pred)


def test_a_listing_of_other_data(gt, pred):
    write_meta(gt.parent / "meta.json", {"a": VIDEOS["a"]})
    with pytest.raises(InputError, match=r"meta\.json does not list b"):
        scored(gt, pred)
    write_meta(gt.parent / "meta.json", VIDEOS | {"a": {1: VIDEOS["a"][1]}})
    with pytest.raises(InputError, match=r"meta\.json does not list object 2 of a"):
        scored(gt, pred)
    (gt.parent / "meta.json").write_text("{}")
    with pytest.raises(InputError, match=r"valid/meta\.json is not YouTube-VOS's list"):
        scored(gt, pred)


def test_a_listing_that_is_not_there(gt, pred):
    with pytest.raises(InputError, match=r"nowhere\.json does not exist"):
        scored(gt, pred, info=gt / "nowhere.json")


def test_nothing_but_last_masks(tmp_path):
    write(tmp_path / "truth/a", [drawn(), drawn((1, 10))])
    write(tmp_path / "pred/a", [drawn(), drawn((1, 10))])
    with pytest.raises(InputError, match="truth has no object that a mask gives before the last frame"):
        scored(tmp_path / "truth", tmp_path / "pred")
