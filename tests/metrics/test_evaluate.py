"""The protocols: official numbers on real masks, rules and refusals on small drawn ones."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from vosbook.errors import InputError
from vosbook.metrics import evaluate as module
from vosbook.metrics.boundary import boundary_f
from vosbook.metrics.errors import attribute_gains, over_time, pixel_errors
from vosbook.metrics.evaluate import evaluate, format_table, frame_scores, pair_scores, statistics
from vosbook.metrics.region import jaccard
from vosbook.video.masks import write_mask

SIZE = (40, 60)
METHODS = ("osvos", "osvoss", "onavos", "stm")


def drawn(*boxes: tuple[int, int, int, int, int], size: tuple[int, int] = SIZE) -> np.ndarray:
    """Labels with a rectangle for each (id, top, left, height, width)."""
    labels = np.zeros(size, np.uint8)
    for i, top, left, height, width in boxes:
        labels[top : top + height, left : left + width] = i
    return labels


def moving(frames: int = 6, *, objects: int = 1, shift: int = 0, start: int = 0) -> list[np.ndarray]:
    """Rectangles that move by a pixel a frame; `shift` sets them off to the right."""
    return [
        drawn(*((i, 2 + 12 * (i - 1), 5 + t + shift, 9, 8 + 3 * i) for i in range(1, objects + 1)))
        for t in range(start, start + frames)
    ]


def write(folder: Path, masks: list[np.ndarray], *, stride: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for t, labels in enumerate(masks):
        write_mask(folder / f"{t * stride:05d}.png", labels)
    return folder


@pytest.fixture
def gt(tmp_path):
    write(tmp_path / "gt" / "bear", moving(objects=2))
    write(tmp_path / "gt" / "cow", moving(8))
    return tmp_path / "gt"


@pytest.fixture
def pred(tmp_path):
    write(tmp_path / "pred" / "bear", moving(objects=2, shift=2))
    write(tmp_path / "pred" / "cow", moving(8, shift=1))
    return tmp_path / "pred"


def write_info(root: Path, **entries: dict) -> Path:
    path = root / "db_info.yml"
    path.write_text(yaml.safe_dump({"sequences": [{"name": name, **entry} for name, entry in entries.items()]}))
    return path


# ------------------------------------------------------------------------------------------- official numbers


@pytest.fixture(scope="module", params=METHODS)
def official(request, davis):
    """What we measure, and the benchmark's own figures, per frame and in sum, of one method."""
    root = davis / "davis2016_official"
    scores = json.loads((root / "scores" / f"{request.param}_per_frame.json").read_text())
    summary = json.loads((root / "scores" / "val_summary.json").read_text())[request.param]
    # T has a test of its own, which takes longer.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "describe", lambda mask: None)
        patch.setattr(module, "change", lambda one, other: 0.0)
        result = evaluate(davis / "DAVIS2016" / "Annotations" / "480p", root / "masks" / request.param)
    return result, scores, summary


def test_every_frame_is_the_official_figure(official):
    result, scores, _ = official
    assert result["sequences"].keys() == scores.keys()
    for name, expected in scores.items():
        measured = result["sequences"][name]["objects"]["1"]
        for key in ("J", "F"):
            # 3 decimals are published: the exact value lies within half a unit of the last.
            np.testing.assert_allclose(measured[key], expected[key], rtol=0, atol=0.5e-3 + 1e-12)


def test_summary_is_the_official_figure(official):
    result, _, summary = official
    for key in ("J", "F"):
        measured = {name: round(value, 3) for name, value in result["mean"][key].items()}
        assert measured == {name: summary[key + name] for name in ("mean", "recall", "decay")}


def test_attributes_are_those_of_the_papers_table(official, davis, request):
    """Maninis et al., TPAMI 2018, Table 4: mean J&F where an attribute is present, and the gain where it is not."""
    published = {
        "osvoss": ([89.3, 82.9, 85.2, 89.8, 82.8, 82.8, 86.8, 82.4], [-3.6, 6.2, 2.1, -5.0, 4.4, 6.8, -0.4, 5.2]),
        "onavos": ([89.5, 82.3, 84.2, 88.3, 75.0, 80.8, 84.0, 80.8], [-5.3, 5.4, 1.9, -4.3, 12.4, 8.5, 2.1, 5.9]),
        "osvos": ([80.1, 74.8, 77.7, 80.8, 75.3, 74.7, 79.8, 71.1], [0.1, 9.1, 3.9, -0.9, 5.8, 9.9, 0.6, 11.4]),
    }
    if (method := request.node.callspec.params["official"]) not in published:
        return  # stm is younger than the table
    objects = {name: sequence["objects"]["1"] for name, sequence in official[0]["sequences"].items()}
    means = {name: (np.mean(scores["J"]) + np.mean(scores["F"])) / 2 for name, scores in objects.items()}
    info = module.read_info(davis / "DAVIS2016" / "db_info.yml")
    gains = attribute_gains(means, {name: entry["attributes"] for name, entry in info.items()})
    measured = np.array([gains[tag] for tag in ("LR", "SV", "FM", "CS", "DB", "MB", "OCC", "OV")]).T
    np.testing.assert_allclose(100 * measured, published[method], rtol=0, atol=0.051)


# ------------------------------------------------------------------------------------------------------ frames


@pytest.mark.parametrize("seed", range(6))
def test_frame_scores_are_those_of_the_single_masks(seed):
    rng = np.random.default_rng(seed)
    prediction, truth = (
        drawn(*((i, *rng.integers(0, 25, 2), *rng.integers(0, 30, 2)) for i in (1, 2, 4))) for _ in range(2)
    )
    ids = (1, 2, 3, 4)
    j, f = frame_scores(prediction, truth, ids)
    assert j.tolist() == [jaccard(prediction == i, truth == i) for i in ids]
    assert f.tolist() == [boundary_f(prediction == i, truth == i) for i in ids]


def test_pair_scores_are_those_of_the_single_masks():
    prediction, truth = drawn((1, 3, 3, 9, 9), (3, 20, 20, 8, 8)), drawn((1, 4, 4, 9, 9), (2, 19, 22, 9, 9))
    j, f = pair_scores(prediction, truth, (1, 2, 3), (1, 2, 3))
    for p in range(3):
        for n in range(3):
            assert j[p, n] == jaccard(prediction == p + 1, truth == n + 1)
            assert f[p, n] == boundary_f(prediction == p + 1, truth == n + 1)


def test_no_objects_give_no_scores():
    j, f = frame_scores(drawn(), drawn(), ())
    assert j.shape == f.shape == (0,)


# -------------------------------------------------------------------------------------------------- statistics


def test_statistics_by_hand():
    one = statistics([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert one.mean == pytest.approx(0.5)
    assert one.recall == pytest.approx(4 / 9)  # .5 itself is not above .5
    assert one.decay == pytest.approx(0.8 - 0.2)  # bins of 3 that share their ends: 0..2 and 6..8
    assert statistics([0.25]) == module.Statistics(mean=0.25, recall=0.0, decay=0.0)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 48, 69, 102, 255, 256])
def test_decay_takes_the_official_bins(frames):
    """The official code rounds 1-based positions, and keeps them as uint8: enough up to here."""
    values = np.random.default_rng(frames).random(frames)
    ends = (np.round(np.linspace(1, frames, 5) + 1e-10) - 1).astype(np.uint8).astype(int)
    expected = values[ends[0] : ends[1] + 1].mean() - values[ends[3] : ends[4] + 1].mean()
    assert statistics(values).decay == pytest.approx(expected, abs=1e-15)


def test_decay_is_right_beyond_256_frames():
    values = np.repeat([1.0, 0.5, 0.5, 0.0], 100)
    # Bins of 101 frames, 0..100 and 299..399, with one .5 in each. As uint8, 299 and 399 are 43 and 143.
    assert statistics(values).decay == pytest.approx(1 - 2 * 0.5 / 101)


def test_statistics_of_nothing():
    with pytest.raises(ValueError, match="no scores"):
        statistics([])


# ----------------------------------------------------------------------------------------------- the protocols


def test_davis2016_merges_and_drops_both_ends(gt, pred):
    result = evaluate(gt, pred)
    truth, prediction = moving(objects=2), moving(objects=2, shift=2)
    expected = [jaccard(p > 0, t > 0) for p, t in zip(prediction, truth)][1:-1]
    assert result["protocol"] == "davis2016"
    assert list(result["sequences"]["bear"]["objects"]) == ["1"]
    assert result["sequences"]["bear"]["objects"]["1"] == {
        "J": expected,
        "F": [boundary_f(p > 0, t > 0) for p, t in zip(prediction, truth)][1:-1],
        "T": None,
    }
    assert len(result["sequences"]["cow"]["objects"]["1"]["J"]) == 6


def test_json_layout_and_means(gt, pred):
    result = evaluate(gt, pred, protocol="davis2017")
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert list(result) == ["protocol", "mean", "sequences"]
    assert list(result["mean"]) == ["J&F", "J", "F", "T"]
    each = [s for sequence in result["sequences"].values() for s in sequence["objects"].values()]
    assert len(each) == 3  # the mean is over objects, not over sequences
    for key in ("J", "F"):
        by_object = [statistics(scores[key]) for scores in each]
        for name in ("mean", "recall", "decay"):
            expected = np.mean([getattr(one, name) for one in by_object])
            assert result["mean"][key][name] == pytest.approx(expected, abs=1e-15)
    assert result["mean"]["J&F"] == pytest.approx((result["mean"]["J"]["mean"] + result["mean"]["F"]["mean"]) / 2)
    assert result["mean"]["T"] is None


def test_swapped_ids_score_nothing(gt, tmp_path):
    swapped = [np.array([0, 2, 1], np.uint8)[labels] for labels in moving(objects=2)]
    folder = write(tmp_path / "swapped", swapped)
    assert evaluate(gt / "bear", folder, protocol="davis2017")["mean"]["J"]["mean"] == 0
    assert evaluate(gt / "bear", folder, protocol="davis2016")["mean"]["J"]["mean"] == 1
    assert evaluate(gt / "bear", folder, protocol="davis2017-unsupervised")["mean"]["J"]["mean"] == 1


def test_davis2017_counts_every_id_up_to_the_largest(tmp_path):
    truth, prediction = (drawn((1, 2, 2, 9, 9), (3, 20, left, 9, 9)) for left in (20, 22))
    result = evaluate(write(tmp_path / "a", [truth] * 4), write(tmp_path / "b", [prediction] * 4), protocol="davis2017")
    assert list(result["sequences"]["a"]["objects"]) == ["1", "2", "3"]
    # Object 2 is absent from both and counts as 1, but the table says so.
    assert format_table(result).splitlines()[-1].endswith("absent from both: a 1, a 2")
    perfect = evaluate(tmp_path / "a", tmp_path / "a", protocol="davis2017")
    assert format_table(perfect).splitlines()[-1].endswith("absent from both: a")


@pytest.mark.parametrize("protocol", ["davis2016", "davis2017"])
def test_void_is_background_where_it_is_not_masked(tmp_path, protocol, monkeypatch):
    monkeypatch.setattr(module, "describe", lambda mask: np.count_nonzero(mask))
    monkeypatch.setattr(module, "change", lambda one, other: one / other)
    write_info(tmp_path, a={"eval_t": True})
    truth = drawn((1, 2, 2, 10, 10), (255, 2, 12, 10, 10))
    prediction = drawn((1, 2, 2, 10, 20))
    result = evaluate(write(tmp_path / "a", [truth] * 3), write(tmp_path / "b", [prediction] * 3), protocol=protocol)
    assert result["sequences"]["a"]["objects"]["1"]["J"] == [0.5]
    assert result["mean"]["T"] == (5 * 0.5 if protocol == "davis2016" else None)


def test_unsupervised_matches_proposals_and_masks_void(tmp_path):
    truth = [drawn((1, 2, 2, 10, 10), (2, 20, 30, 10, 10), (255, 2, 12, 10, 10))] * 3
    # Proposal 4 is object 1 and runs into the void; 7 is object 2, half of it; 2 is nothing that is asked for.
    proposals = [drawn((4, 2, 2, 10, 20), (7, 20, 30, 10, 5), (2, 34, 2, 5, 5))] * 3
    result = evaluate(write(tmp_path / "a", truth), write(tmp_path / "b", proposals), protocol="davis2017-unsupervised")
    objects = result["sequences"]["a"]["objects"]
    assert objects["1"]["J"] == objects["1"]["F"] == [1.0, 1.0, 1.0]  # all frames count
    assert objects["2"]["J"] == [0.5, 0.5, 0.5]


def test_unsupervised_assigns_each_proposal_once(tmp_path):
    truth = [drawn((1, 2, 2, 10, 10), (2, 2, 12, 10, 10))] * 3
    both = [drawn((1, 2, 2, 10, 20))] * 3
    objects = evaluate(write(tmp_path / "a", truth), write(tmp_path / "b", both), protocol="davis2017-unsupervised")
    scores = sorted(values["J"][0] for values in objects["sequences"]["a"]["objects"].values())
    assert scores == [0.0, 0.5]


def test_unsupervised_matches_by_j_and_f_together(tmp_path, monkeypatch):
    """By J alone the diagonal would be chosen, by both the other way; frames are averaged first."""
    j, f = np.array([[0.6, 0.5], [0.5, 0.6]]), np.array([[0.1, 0.9], [0.9, 0.1]])
    zeros = np.zeros((module.MAX_PROPOSALS, 2))

    def scores(prediction, truth, proposals, ids):
        both = zeros.copy(), zeros.copy()
        both[0][:2], both[1][:2] = j, f
        return both

    monkeypatch.setattr(module, "pair_scores", scores)
    folder = write(tmp_path / "a", moving(3, objects=2))
    objects = evaluate(folder, folder, protocol="davis2017-unsupervised")["sequences"]["a"]["objects"]
    assert objects["1"]["J"] == objects["2"]["J"] == [0.5] * 3
    assert objects["1"]["F"] == objects["2"]["F"] == [0.9] * 3


def test_unsupervised_takes_at_most_20_proposals(tmp_path):
    truth = write(tmp_path / "a", [drawn((1, 2, 2, 10, 10))] * 3)
    allowed = write(tmp_path / "b", [drawn((20, 2, 2, 10, 10))] * 3)
    assert evaluate(truth, allowed, protocol="davis2017-unsupervised")["mean"]["J"]["mean"] == 1
    refused = write(tmp_path / "c", [drawn((21, 2, 2, 10, 10))] * 3)
    with pytest.raises(InputError, match=r"c/00000\.png has the id 21"):
        evaluate(truth, refused, protocol="davis2017-unsupervised")


def test_youtube_vos_counts_after_the_frame_that_gives_an_object(tmp_path):
    first, both = drawn((1, 2, 2, 10, 10)), drawn((1, 2, 2, 10, 10), (2, 20, 20, 10, 10))
    half = drawn((1, 2, 2, 10, 10), (2, 20, 20, 10, 5))
    truth = write(tmp_path / "a", [first, first, both, both], stride=5)
    dense = [first] * 8 + [half] * 12  # all frames predicted, every 5th annotated, and 4 after the last
    result = evaluate(truth, write(tmp_path / "b", dense), protocol="youtube-vos")
    objects = result["sequences"]["a"]["objects"]
    assert objects["1"]["J"] == [None, 1.0, 1.0, 1.0]
    assert objects["2"]["J"] == [None, None, None, 0.5]
    assert result["mean"]["J"] == {"mean": 0.75, "recall": None, "decay": None}
    assert "0.750" in format_table(result)


def test_unknown_protocol(gt, pred):
    with pytest.raises(ValueError, match="'davis2018'"):
        evaluate(gt, pred, protocol="davis2018")


# ----------------------------------------------------------------------------------------------------------- T


def test_t_is_five_times_the_mean_over_pairs_that_have_it(gt, pred, tmp_path, monkeypatch):
    """From the given first mask on, the last frame left out; sequences without eval_t have none."""
    seen = []

    def pair_cost(one, other):
        seen.append((one, other))
        return [0.1, np.nan, 0.3, 0.2][len(seen) - 1]

    monkeypatch.setattr(module, "describe", lambda mask: mask)
    monkeypatch.setattr(module, "change", pair_cost)
    write_info(tmp_path, bear={"eval_t": True}, cow={"eval_t": False})
    result = evaluate(gt, pred)
    assert result["sequences"]["bear"]["objects"]["1"]["T"] == pytest.approx(5 * 0.2)
    assert result["sequences"]["cow"]["objects"]["1"]["T"] is None
    assert result["mean"]["T"] == pytest.approx(1.0)
    masks = [moving(objects=2)[0], *moving(objects=2, shift=2)[1:-1]]
    assert len(seen) == 4
    for (one, other), expected, after in zip(seen, masks, masks[1:]):
        assert (one == (expected > 0)).all() and (other == (after > 0)).all()


@pytest.mark.parametrize("protocol", ["davis2017", "davis2017-unsupervised", "youtube-vos"])
def test_other_protocols_have_no_t(gt, pred, tmp_path, protocol):
    write_info(tmp_path, bear={"eval_t": True}, cow={"eval_t": True})
    assert evaluate(gt, pred, protocol=protocol)["mean"]["T"] is None


# ---------------------------------------------------------------------------------------------------- analysis


def test_analysis_of_what_was_scored(gt, pred, tmp_path):
    write_info(tmp_path, bear={"attributes": ["LR", "OCC"]}, cow={"attributes": ["LR"]})
    result = evaluate(gt, pred, analysis=True)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    analysis, scores = result["analysis"], {}
    assert list(analysis) == ["attributes", "errors", "over_time"]
    for name, sequence in result["sequences"].items():
        scores[name] = np.mean([np.mean(sequence["objects"]["1"][key]) for key in ("J", "F")])
    both = np.mean(list(scores.values()))
    assert analysis["attributes"]["LR"] == {"J&F": pytest.approx(both), "gain": None}
    assert analysis["attributes"]["OCC"]["gain"] == pytest.approx(scores["cow"] - scores["bear"])

    wrong = [
        np.mean([dataclasses.astuple(pixel_errors(p > 0, t > 0)) for p, t in zip(*videos)][1:-1], axis=0)
        for videos in [(moving(objects=2, shift=2), moving(objects=2)), (moving(8, shift=1), moving(8))]
    ]
    expected = dict(zip(("fp_close", "fp_far", "fn"), 100 * np.mean(wrong, axis=0)))
    assert analysis["errors"] == pytest.approx(expected, abs=1e-12)
    assert expected["fn"] > 0

    curve = over_time([sequence["objects"]["1"]["J"] for sequence in result["sequences"].values()])
    assert analysis["over_time"] == {"J": curve.tolist(), "lowest": curve.min()}
    table = format_table(result)
    assert "OCC" in table and f"{expected['fn']:.3f}" in table and f"{curve.min():.3f}" in table


@pytest.mark.parametrize(
    ("protocol", "scored"),
    [
        ("davis2016", slice(1, -1)),
        ("davis2017", slice(1, -1)),
        ("davis2017-unsupervised", slice(None)),
        ("youtube-vos", slice(1, None)),
    ],
)
def test_wrong_pixels_are_counted_in_the_frames_that_are_scored(tmp_path, protocol, scored):
    """Every frame has errors of its own: the first, whose mask is given, and the last count where J and F do."""
    missed = np.array([1, 2, 4, 8, 16])  # pixels of each frame
    truth = [drawn((1, 5, 5, 10, 20)) for _ in missed]
    guess = [labels.copy() for labels in truth]
    for labels, count in zip(guess, missed):
        labels[5, 5 : 5 + count] = 0
    gt, pred = write(tmp_path / "gt" / "one", truth), write(tmp_path / "pred" / "one", guess)
    errors = evaluate(gt, pred, protocol=protocol, analysis=True)["analysis"]["errors"]
    assert errors == pytest.approx({"fp_close": 0, "fp_far": 0, "fn": 100 * missed[scored].mean() / (40 * 60)})


@pytest.mark.parametrize("protocol", module.PROTOCOLS)
def test_analysis_without_attributes(gt, pred, protocol):
    analysis = evaluate(gt, pred, protocol=protocol, analysis=True)["analysis"]
    assert analysis["attributes"] == {}
    assert len(analysis["over_time"]["J"]) == 101


# ------------------------------------------------------------------------------------------- what is evaluated


def test_one_sequence_by_its_own_folder(gt, pred):
    alone = evaluate(gt / "cow", pred / "cow")
    assert alone["sequences"] == {"cow": evaluate(gt, pred)["sequences"]["cow"]}


@pytest.fixture
def many(gt, pred):
    """True masks of 14 sequences, predictions for the 12 of a validation list. Returns that list."""
    for n in range(12):
        write(gt / f"seq{n:02d}", moving(3))
    for n in range(10):
        write(pred / f"seq{n:02d}", moving(3))
    return sorted(folder.name for folder in pred.iterdir())


def remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize("line", ["{}\n", "/JPEGImages/480p/{0}/00000.jpg /Annotations/480p/{0}/00000.png \n"])
def test_an_official_list_may_stand_for_all_sequences(gt, pred, many, tmp_path, line):
    with pytest.raises(InputError, match=r"pred lacks seq10, seq11 of the 14 sequences"):
        evaluate(gt, pred)
    lists = tmp_path / "ImageSets" / "480p"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("".join(line.format(name) for name in many))
    (lists / "notes.txt").write_text("")
    (lists / "other.txt").write_text("".join(line.format(name) for name in [*many[:11], "elsewhere"]))
    notes = []
    assert list(evaluate(gt, pred, note=notes.append)["sequences"]) == many
    assert notes == [f"scoring the 12 sequences of ImageSets/480p/val.txt; {gt} holds 14"]
    remove(pred / "bear")
    remove(pred / "cow")
    with pytest.raises(InputError, match=r"pred lacks bear, cow of the 12 sequences"):
        evaluate(gt, pred)


def test_the_sets_of_db_info_are_lists_too(gt, pred, many, tmp_path):
    write_info(tmp_path, seq10={"set": "training"}, **{name: {"set": "test"} for name in many})
    assert list(evaluate(gt, pred)["sequences"]) == many


def test_a_list_that_leaves_sequences_out_is_said(gt, pred, tmp_path, caplog):
    """What is left of two sequences is easily the validation list, by chance."""
    evaluate(gt, pred)
    assert not caplog.messages
    write_info(tmp_path, bear={"set": "test"}, cow={"set": "training"})
    remove(pred / "cow")
    evaluate(gt, pred)
    assert caplog.messages == [f"scoring the 1 sequence of db_info.yml's set test; {gt} holds 2"]


def test_progress_wraps_the_sequences(gt, pred):
    names = []

    def progress(pairs):
        for pair in pairs:
            names.append(pair.name)
            yield pair

    evaluate(gt, pred, progress=progress)
    assert names == ["bear", "cow"]


# ------------------------------------------------------------------------------------------------------ refusals


def test_missing_sequence(gt, pred):
    write(gt / "dog", moving())
    with pytest.raises(InputError, match=r"pred lacks dog of the 3 sequences"):
        evaluate(gt, pred)


def test_extra_sequence(gt, pred):
    write(pred / "dog", moving())
    with pytest.raises(InputError, match=r"pred has dog, which"):
        evaluate(gt, pred)


@pytest.mark.parametrize("name", ["00000", "00003", "00007"])
def test_missing_frame(gt, pred, name):
    (pred / "cow" / f"{name}.png").unlink()
    with pytest.raises(InputError, match=rf"pred/cow lacks {name} of 8 frames"):
        evaluate(gt, pred)


@pytest.mark.parametrize("name", ["00008", "extra"])
def test_extra_frame(gt, pred, name):
    write_mask(pred / "cow" / f"{name}.png", drawn())
    with pytest.raises(InputError, match=rf"pred/cow has {name}"):
        evaluate(gt, pred)


def test_gap_in_the_true_masks(gt, pred):
    (gt / "cow" / "00003.png").unlink()
    with pytest.raises(InputError, match=r"gt/cow has no frame 00003"):
        evaluate(gt, pred)


def test_every_few_frames_annotated(tmp_path):
    """Predictions between the annotated frames, and until the next would come, are left alone; not so beyond."""
    truth = write(tmp_path / "a", moving(4), stride=5)  # 0, 5, 10, 15
    folder = write(tmp_path / "b", [moving(1, start=t // 5)[0] for t in range(20)])
    assert evaluate(truth, folder)["sequences"]["a"]["objects"]["1"]["J"] == [1.0, 1.0]
    write_mask(folder / "00020.png", drawn())
    with pytest.raises(InputError, match="b has 00020"):
        evaluate(truth, folder)


def test_empty_and_absent_folders(gt, tmp_path):
    with pytest.raises(InputError, match="nowhere is not a folder"):
        evaluate(gt, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no masks"):
        evaluate(gt, tmp_path / "empty")
    with pytest.raises(InputError, match="empty holds no masks"):
        evaluate(tmp_path / "empty", gt)


def test_empty_sequence_folder(gt, pred):
    for file in (pred / "cow").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="cow holds no images"):
        evaluate(gt, pred)


def test_levels_that_differ(gt, pred):
    with pytest.raises(InputError, match=r"pred holds no masks itself"):
        evaluate(gt / "bear", pred)
    with pytest.raises(InputError, match=r"pred/bear holds masks itself"):
        evaluate(gt, pred / "bear")


def test_size_that_differs(gt, pred):
    write_mask(pred / "cow" / "00002.png", drawn(size=(20, 30)))
    with pytest.raises(InputError, match=r"cow/00002\.png is 30x20 .* 60x40"):
        evaluate(gt, pred)


def test_damaged_mask(gt, pred):
    file = pred / "cow" / "00002.png"
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(InputError, match=r"cow/00002\.png"):
        evaluate(gt, pred)


def test_soft_mask_is_refused(gt, pred):
    Image.fromarray(np.arange(SIZE[0] * SIZE[1], dtype=np.uint8).reshape(SIZE)).save(pred / "cow" / "00002.png")
    with pytest.raises(InputError, match=r"cow/00002\.png has 256 gray values"):
        evaluate(gt, pred)


@pytest.mark.parametrize("protocol", ["davis2017", "youtube-vos"])
def test_ids_that_the_truth_lacks(gt, pred, protocol):
    write_mask(pred / "cow" / "00002.png", drawn((1, 2, 2, 5, 5), (5, 9, 9, 5, 5)))
    with pytest.raises(InputError, match=r"cow/00002\.png has the id 5"):
        evaluate(gt, pred, protocol=protocol)


@pytest.mark.parametrize("protocol", module.PROTOCOLS)
def test_truth_with_no_object_is_never_1(tmp_path, protocol):
    empty = [drawn()] * 4
    with pytest.raises(InputError, match=r"a.* no object"):
        evaluate(write(tmp_path / "a", empty), write(tmp_path / "b", empty), protocol=protocol)


def test_too_short_to_score(tmp_path):
    masks = moving(2)
    with pytest.raises(InputError, match="a has 2 masks"):
        evaluate(write(tmp_path / "a", masks), write(tmp_path / "b", masks))


def test_info_that_is_none(gt, pred, tmp_path):
    with pytest.raises(InputError, match=r"no\.yml does not exist"):
        evaluate(gt, pred, info=tmp_path / "no.yml")
    for text in ("just words", "sequences: [{title: bear}]", "a: [", "- 1", "sequences: [{name: bear, attributes: 3}]"):
        (tmp_path / "bad.yml").write_text(text)
        with pytest.raises(InputError, match=r"bad\.yml lists no sequences"):
            evaluate(gt, pred, info=tmp_path / "bad.yml")


def test_info_may_leave_out_tags_and_write_names_as_numbers(gt, pred, tmp_path):
    (gt / "cow").rename(gt / "7")
    (pred / "cow").rename(pred / "7")
    (tmp_path / "db_info.yml").write_text("sequences: [{name: 7, set: [x]}, {name: bear, attributes: , set: 1}]")
    result = evaluate(gt, pred, analysis=True)
    assert list(result["sequences"]) == ["7", "bear"] and result["analysis"]["attributes"] == {}


# -------------------------------------------------------------------------------------------------------- table


def test_table_shows_what_was_scored(gt, pred):
    result = evaluate(gt, pred, protocol="davis2017")
    lines = format_table(result).splitlines()
    assert lines[0] == "davis2017: 2 sequences, 3 objects"
    mean = result["mean"]
    numbers = [mean["J&F"], *mean["J"].values(), *mean["F"].values()]
    assert lines[3].split() == ["mean", *(f"{n:.3f}" for n in numbers), "-"]
    rows = [line.split() for line in lines[6:]]
    assert [row[0] for row in rows] == ["bear", "bear", "bear", "cow"]
    j = np.mean([np.mean(o["J"]) for o in result["sequences"]["bear"]["objects"].values()])
    assert rows[0][2] == f"{j:.3f}"
