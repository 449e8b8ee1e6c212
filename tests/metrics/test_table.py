"""The table."""

import csv

import numpy as np
import pytest

from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.table import format_csv, format_table


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


def test_comma_separated_values_have_a_row_for_every_object(gt, pred):
    result = evaluate(gt, pred, protocol="davis2017")
    rows = list(csv.DictReader(format_csv(result).splitlines()))
    assert [(row["sequence"], row["object"]) for row in rows] == [("bear", "1"), ("bear", "2"), ("cow", "1")]
    for metric in ("J", "F"):
        for figure, value in result["mean"][metric].items():
            assert np.mean([float(row[f"{metric} {figure}"]) for row in rows]) == pytest.approx(value)
    assert {row["T"] for row in rows} == {""}
