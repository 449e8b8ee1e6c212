"""The protocols: official numbers on real masks, rules on small drawn ones."""

import json

import numpy as np
import pytest
from drawings import drawn, moving, write, write_info

from vosbook.errors import InputError
from vosbook.metrics import protocols
from vosbook.metrics.boundary import boundary_f
from vosbook.metrics.errors import attribute_gains
from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.info import read_info
from vosbook.metrics.protocols import MAX_PROPOSALS, PROTOCOLS
from vosbook.metrics.region import jaccard
from vosbook.metrics.table import format_table
from vosbook.video.masks import write_mask

METHODS = ("osvos", "osvoss", "onavos", "stm")


@pytest.fixture(scope="module", params=METHODS)
def official(request, davis):
    """What we measure, and the benchmark's own figures, per frame and in sum, of one method."""
    root = davis / "davis2016_official"
    scores = json.loads((root / "scores" / f"{request.param}_per_frame.json").read_text())
    summary = json.loads((root / "scores" / "val_summary.json").read_text())[request.param]
    # T has a test of its own, which takes longer.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocols, "describe", lambda mask: None)
        patch.setattr(protocols, "change", lambda one, other: 0.0)
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
    info = read_info(davis / "DAVIS2016" / "db_info.yml")
    gains = attribute_gains(means, {name: entry["attributes"] for name, entry in info.items()})
    measured = np.array([gains[tag] for tag in ("LR", "SV", "FM", "CS", "DB", "MB", "OCC", "OV")]).T
    np.testing.assert_allclose(100 * measured, published[method], rtol=0, atol=0.051)


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
    monkeypatch.setattr(protocols, "describe", lambda mask: np.count_nonzero(mask))
    monkeypatch.setattr(protocols, "change", lambda one, other: one / other)
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

    def scores(prediction, truth, proposals, ids, *, metrics):
        both = np.zeros((2, MAX_PROPOSALS, 2))
        both[:, :2] = j, f
        return both

    monkeypatch.setattr(protocols, "pair_scores", scores)
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


def test_t_is_five_times_the_mean_over_pairs_that_have_it(gt, pred, tmp_path, monkeypatch):
    """From the given first mask on, the last frame left out; sequences without eval_t have none."""
    seen = []

    def pair_cost(one, other):
        seen.append((one, other))
        return [0.1, np.nan, 0.3, 0.2][len(seen) - 1]

    monkeypatch.setattr(protocols, "describe", lambda mask: mask)
    monkeypatch.setattr(protocols, "change", pair_cost)
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


@pytest.mark.parametrize("protocol", ["davis2017", "youtube-vos"])
def test_ids_that_the_truth_lacks(gt, pred, protocol):
    write_mask(pred / "cow" / "00002.png", drawn((1, 2, 2, 5, 5), (5, 9, 9, 5, 5)))
    with pytest.raises(InputError, match=r"cow/00002\.png has the id 5"):
        evaluate(gt, pred, protocol=protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_truth_with_no_object_is_never_1(tmp_path, protocol):
    empty = [drawn()] * 4
    with pytest.raises(InputError, match=r"a.* no object"):
        evaluate(write(tmp_path / "a", empty), write(tmp_path / "b", empty), protocol=protocol)


def test_too_short_to_score(tmp_path):
    masks = moving(2)
    with pytest.raises(InputError, match="a has 2 masks"):
        evaluate(write(tmp_path / "a", masks), write(tmp_path / "b", masks))
