"""What was evaluated, as text."""

import csv
import io
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Many
from dataclasses import astuple, fields
from typing import Any

import numpy as np

from vosbook.metrics.scores import METRICS
from vosbook.metrics.statistics import Statistics, object_means, scored, statistics
from vosbook.words import count, some


def format_table(result: Mapping[str, Any]) -> str:
    """What `evaluate` returned as text: the means, a row for each sequence and object, and for each attribute."""
    sequences = result["sequences"]
    objects = sum(len(sequence["objects"]) for sequence in sequences.values())
    mean = result["mean"]
    head = ["J&F", *(word for name in METRICS for word in (f"{name} mean", "recall", "decay")), "T"]
    row = [mean["J&F"], *(value for name in METRICS for value in mean[name].values()), mean["T"]]
    parts = [
        f"{result['protocol']}: {count(len(sequences), 'sequence')}, {count(objects, 'object')}",
        _columns([["", *head], ["mean", *row]]),
        *([_seen_table(mean)] if "G" in mean else []),
        *([_category_table(mean)] if "categories" in mean else []),
        _columns([["sequence", "object", "J&F", *METRICS, "T"], *_sequence_rows(sequences)]),
    ]
    if "analysis" in result:
        parts += _analysis_tables(result["analysis"])
    return "\n\n".join([*parts, *_remarks(sequences)])


def format_csv(result: Mapping[str, Any]) -> str:
    """What `evaluate` returned as comma-separated values, a row for every sequence and object, empty where unknown."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    figures = [figure.name for figure in fields(Statistics)]
    table.writerow(["sequence", "object", "J&F", *(f"{name} {figure}" for name in METRICS for figure in figures), "T"])
    for name, sequence in result["sequences"].items():
        for i, values in scored(sequence["objects"]).items():
            means = object_means(values)
            summed = [statistics([v for v in values[metric] if v is not None]) for metric in METRICS]
            table.writerow([name, i, means["J&F"], *(x for one in summed for x in astuple(one)), means["T"]])
    return text.getvalue()


def _remarks(sequences: Mapping[str, Any]) -> Iterator[str]:
    """What deserves a second look: objects that were never found, that have no score, or no error."""
    objects = {f"{name} {i}": values for name, one in sequences.items() for i, values in one["objects"].items()}
    known = scored(objects)
    if late := sorted(objects.keys() - known.keys()):
        yield f"Not scored, since the last true mask is the first to show it: {some(late)}"
    if lost := sorted(name for name, values in known.items() if not any(values["J"])):
        yield f"J is 0 in every frame, so the prediction lacks it, or has it under another id: {some(lost)}"
    if perfect := sorted(_perfect(sequences)):
        yield f"Exactly 1 in every frame, so either the truth itself or absent from both: {some(perfect)}"


def _category_table(mean: Mapping[str, Any]) -> str:
    """Every category, and the mean over them."""
    rows = [[name, *values.values()] for name, values in mean["categories"].items()]
    return _columns([["category", "J", "F"], *rows, ["mean of these", *mean["over_categories"].values()]])


def _seen_table(mean: Mapping[str, Any]) -> str:
    """Seen and unseen categories, and their mean G."""
    nothing = {"J": None, "F": None}
    rows = [[f"{part} categories", *(mean[part] or nothing).values()] for part in ("seen", "unseen")]
    table = _columns([["", "J", "F"], *rows, ["G", mean["G"], None]])
    if mean["seen"] is None and mean["unseen"] is None:
        return f"{table}\nWhich are seen is not known: that takes the split's meta.json, and train/meta.json beside it."
    return table


def _analysis_tables(analysis: Mapping[str, Any]) -> list[str]:
    """Attributes with the gain where they are absent, kinds of wrong pixels, and J along the video."""
    attributes = [[tag, values["J&F"], values["gain"]] for tag, values in analysis["attributes"].items()]
    errors, quality = analysis["errors"], analysis["over_time"]
    tables = [_columns([["attribute", "J&F", "without: gain"], *attributes])] if attributes else []
    tables.append(_columns([["% of pixels", "fp close", "fp far", "fn"], ["wrong", *errors.values()]]))
    along = {f"{percent}%": quality["J"][percent] for percent in (0, 25, 50, 75, 100)}
    tables.append(_columns([["of the video", *along, "lowest"], ["J", *along.values(), quality["lowest"]]]))
    return tables


def _sequence_rows(sequences: Mapping[str, Any]) -> Iterator[list]:
    """A row for every sequence, the mean of its objects, then one for each object where there are several."""
    for name, sequence in sequences.items():
        means = {i: list(object_means(values).values()) for i, values in scored(sequence["objects"]).items()}
        if not means:
            continue
        *scores, t = zip(*means.values())
        known = [value for value in t if value is not None]
        mean = [float(np.mean(values)) for values in scores]
        yield [name, "", *mean, float(np.mean(known)) if known else None]
        if len(means) > 1:
            yield from ([name, i, *values] for i, values in means.items())


def _perfect(sequences: Mapping[str, Any]) -> list[str]:
    """Names of sequences, or of their single objects, with no error in any frame: worth a second look."""
    rows = [row for row in _sequence_rows(sequences) if row[2] == 1]
    whole = {name for name, i, *_ in rows if not i}
    return [*whole, *(f"{name} {i}" for name, i, *_ in rows if name not in whole)]


def _columns(rows: Many[Many[str | float | None]]) -> str:
    """Rows as aligned text: texts to the left, numbers to 3 decimals to the right, a dash for None."""
    cells = [["-" if c is None else f"{c:.3f}" if isinstance(c, float) else c for c in row] for row in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))]
    words = [isinstance(rows[-1][n], str) for n in range(len(cells[0]))]
    lines = (
        "  ".join(c.ljust(w) if word else c.rjust(w) for c, w, word in zip(row, widths, words)).rstrip()
        for row in cells
    )
    return "\n".join(lines)
