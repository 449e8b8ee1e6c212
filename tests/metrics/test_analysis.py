"""What the analysis adds."""

import dataclasses
import json

import numpy as np
import pytest
from drawings import drawn, moving, write, write_info

from vosbook.metrics.errors import over_time, pixel_errors
from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.protocols import PROTOCOLS
from vosbook.metrics.table import format_table


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


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_analysis_without_attributes(gt, pred, protocol):
    analysis = evaluate(gt, pred, protocol=protocol, analysis=True)["analysis"]
    assert analysis["attributes"] == {}
    assert len(analysis["over_time"]["J"]) == 101
