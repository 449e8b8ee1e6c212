"""Several results of `evaluate` on the same sequences, side by side, with what may be said of their differences."""

import json
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from vosbook.errors import InputError
from vosbook.metrics.effects import CONFIDENCE, Difference
from vosbook.metrics.statistics import frame_means, scored
from vosbook.words import some

COLUMNS = ("J&F", "J", "F")
RESAMPLES = 10_000
RECORD = "run.json"  # beside the scores, where `vosbook run` wrote them


def read_result(path: Path) -> dict[str, Any]:
    """What `vosbook evaluate --json` wrote. InputError where the file is something else."""
    try:
        result = json.loads(Path(path).read_text(encoding="utf-8"))
        _ = result["protocol"], result["mean"]["J&F"], result["sequences"].items()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} holds no scores: write it with vosbook evaluate --json") from None
    return result


@dataclass(frozen=True)
class Timing:
    """How long a method took for a frame, and on what."""

    seconds: float
    machine: str


def read_timing(path: Path) -> Timing | None:
    """The time that the record of `vosbook run` states beside the scores at `path`; None where there is none."""
    try:
        record = json.loads((Path(path).parent / RECORD).read_text(encoding="utf-8"))
        seconds, hardware = record["seconds"]["per_frame"], record["hardware"]
        return None if seconds is None else Timing(float(seconds), hardware.get("gpu") or hardware["cpu"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{Path(path).parent / RECORD} is no finished run's record: finish the run first") from None


def check_comparable(results: Mapping[str, Mapping[str, Any]]) -> None:
    """InputError where two results are of different protocols, sequences or objects."""
    (first, one), *others = results.items()
    for name, other in others:
        if other["protocol"] != one["protocol"]:
            raise InputError(f"{name} is scored by {other['protocol']}, {first} by {one['protocol']}: score both alike")
        if differing := sorted(_objects(one).keys() ^ _objects(other).keys()):
            says = some(" ".join(key) for key in differing)
            raise InputError(f"{name} and {first} are not scored on the same objects: only one has {says}")


def difference(one: Mapping[str, Any], other: Mapping[str, Any], column: str, *, seed: int = 0) -> Difference | None:
    """The mean `column` of `other` less that of `one`, over all objects, with a paired bootstrap over sequences.

    Whole sequences are drawn, with both methods' scores of all their objects, so that what one sequence has in common
    counts once. The interval is the percentiles' (Efron and Tibshirani, 1993). None for fewer than two
    sequences, where there is nothing to draw.
    """
    pairs = _objects(one), _objects(other)
    sequences = sorted({name for name, _ in pairs[0]})
    if len(sequences) < 2:
        return None
    gains = {key: pairs[1][key][column] - pairs[0][key][column] for key in pairs[0]}
    sums = np.array([sum(g for (name, _), g in gains.items() if name == sequence) for sequence in sequences])
    counts = np.array([sum(name == sequence for name, _ in gains) for sequence in sequences])

    def mean(sums: np.ndarray, counts: np.ndarray, axis: int) -> np.ndarray:
        return sums.sum(axis=axis) / counts.sum(axis=axis)

    interval = bootstrap(
        (sums, counts),
        mean,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Difference(float(sums.sum() / counts.sum()), float(interval.low), float(interval.high))


def _objects(result: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, float]]:
    """J&F, J and F of every object, by sequence and id."""
    return {
        (name, i): {column: means[column] for column in COLUMNS}
        for name, sequence in result["sequences"].items()
        for i, values in scored(sequence["objects"]).items()
        for means in (frame_means(values),)
    }


# ------------------------------------------------------------------------------------------------------- as text


def format_comparison(results: Mapping[str, Mapping[str, Any]], *, latex: bool = False) -> str:
    """A row for each result: its means in %, then by how much its J&F exceeds the first one's, with the interval."""
    rows = list(_rows(results))
    head = ["", *COLUMNS, "J&F less the first's", f"{CONFIDENCE:.0%} of the bootstrap", ""]
    return _latex(head, rows) if latex else _plain(head, rows)


def _rows(results: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    (first, one), *_ = results.items()
    for name, result in results.items():
        means = result["mean"]
        row = [name, *(f"{100 * value:.1f}" for value in (means["J&F"], means["J"]["mean"], means["F"]["mean"]))]
        gain = None if name == first else difference(one, result, "J&F")
        if gain is None:
            yield [*row, "", "", ""]
        else:
            interval = f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}"
            yield [*row, f"{100 * gain.value:+.1f}", interval, "inconclusive" if gain.inconclusive else ""]


def _plain(head: Many[str], rows: Many[Many[str]]) -> str:
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    lines = ([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))] for row in (head, *rows))
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _latex(head: Many[str], rows: Many[Many[str]]) -> str:
    """A tabular without rules, for a document to dress."""
    special = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#"}
    lines = (" & ".join("".join(special.get(c, c) for c in cell) for cell in row) for row in (head, *rows))
    columns = "l" + "r" * (len(head) - 1)
    body = "\n".join(f"{line} \\\\" for line in lines)
    return f"\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}"
