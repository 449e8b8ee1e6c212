"""The whole evaluation: the layout of its result, and its means."""

import json

import numpy as np
import pytest

from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.protocols import PROTOCOLS
from vosbook.metrics.scores import METRICS
from vosbook.metrics.statistics import statistics
from vosbook.metrics.table import format_table


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


def test_unknown_protocol(gt, pred):
    with pytest.raises(ValueError, match="'davis2018'"):
        evaluate(gt, pred, protocol="davis2018")


def test_progress_wraps_the_sequences(gt, pred):
    names = []

    def progress(pairs):
        for pair in pairs:
            names.append(pair.name)
            yield pair

    evaluate(gt, pred, progress=progress)
    assert names == ["bear", "cow"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_new_metric_is_scored_summed_up_and_printed(gt, pred, protocol, monkeypatch):
    before = evaluate(gt, pred, protocol=protocol, analysis=True)
    monkeypatch.setitem(METRICS, "D", dice)
    after = evaluate(gt, pred, protocol=protocol, analysis=True)
    assert after["mean"] | {"D": None} == before["mean"] | {"D": None} and after["analysis"] == before["analysis"]
    means = []
    for name, sequence in after["sequences"].items():
        for i, values in sequence["objects"].items():
            assert {**values, "D": None} == before["sequences"][name]["objects"][i] | {"D": None}
            expected = [None if j is None else 2 * j / (1 + j) for j in values["J"]]
            assert values["D"] == pytest.approx(expected)
            means.append(np.mean([d for d in values["D"] if d is not None]))
    assert after["mean"]["D"]["mean"] == pytest.approx(np.mean(means))
    head, _, *_ = (line.split() for line in format_table(after).splitlines() if "J&F" in line)
    assert head.count("recall") == 3 and "D" in head
    assert f"{np.mean(means):.3f}" in format_table(after)


def dice(prediction, truth, size):
    """Which is 2 J / (1 + J)."""
    total = np.count_nonzero(prediction) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(prediction & truth) / total if total else 1.0
