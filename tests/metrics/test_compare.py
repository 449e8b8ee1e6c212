"""Differences between methods: by hand, against a plain bootstrap, and how often an interval holds the truth."""

import json

import numpy as np
import pytest

from vosbook.cli import main
from vosbook.errors import InputError
from vosbook.metrics.compare import check_comparable, difference, format_comparison, read_result
from vosbook.view import plots


def result(values, protocol="davis2017"):
    """A result with J and F the same, from {sequence: [score of each object]}."""
    mean = float(np.mean([v for objects in values.values() for v in objects]))
    figures = {"mean": mean, "recall": None, "decay": None}
    objects = {
        name: {"objects": {str(i): {"J": [v, v], "F": [v, v], "T": None} for i, v in enumerate(scores, 1)}}
        for name, scores in values.items()
    }
    return {"protocol": protocol, "mean": {"J&F": mean, "J": figures, "F": figures, "T": None}, "sequences": objects}


def test_the_mean_is_over_objects_and_the_draws_are_of_sequences():
    one = result({"a": [0.5, 0.5, 0.5], "b": [0.5]})
    other = result({"a": [0.6, 0.6, 0.6], "b": [0.4]})
    found = difference(one, other, "J")
    assert found.value == pytest.approx((3 * 0.1 - 0.1) / 4)
    # Two sequences: both a, both b, or one of each, so a quarter of the draws lies at either end.
    assert (found.low, found.high) == (pytest.approx(-0.1), pytest.approx(0.1))
    assert found.inconclusive


def test_equals_a_plain_bootstrap():
    generator = np.random.default_rng(3)
    names = [f"s{n:02}" for n in range(12)]
    before = {name: generator.uniform(0.3, 0.9, generator.integers(1, 4)).tolist() for name in names}
    after = {name: (np.array(v) + generator.normal(0.02, 0.05, len(v))).tolist() for name, v in before.items()}
    found = difference(result(before), result(after), "J&F")
    gains = [np.array(after[name]) - np.array(before[name]) for name in names]
    means = []
    for _ in range(4000):
        drawn = [gains[k] for k in generator.integers(0, 12, 12)]
        means.append(np.concatenate(drawn).mean())
    low, high = np.percentile(means, [2.5, 97.5])
    assert found.value == pytest.approx(np.concatenate(gains).mean())
    spread = high - low
    assert abs(found.low - low) < 0.1 * spread and abs(found.high - high) < 0.1 * spread


def test_pairs_count_where_sequences_differ_more_than_methods():
    """Unpaired, a gain of a point would vanish among sequences that lie forty points apart."""
    easy = np.linspace(0.4, 0.9, 20)
    gains = np.random.default_rng(0).normal(0.01, 0.005, 20)
    one, other = ({f"s{n:02}": [float(v)] for n, v in enumerate(values)} for values in (easy, easy + gains))
    found = difference(result(one), result(other), "J")
    assert not found.inconclusive and found.high - found.low < 0.01


def test_one_sequence_has_no_interval():
    assert difference(result({"a": [0.5]}), result({"a": [0.6]}), "J") is None


def test_what_cannot_be_compared_is_refused():
    one = result({"a": [0.5], "b": [0.5]})
    with pytest.raises(InputError, match="y and x are not scored on the same objects: only one has b 1"):
        check_comparable({"x": one, "y": result({"a": [0.5]})})
    with pytest.raises(InputError, match="y is scored by davis2016, x by davis2017"):
        check_comparable({"x": one, "y": result({"a": [0.5], "b": [0.5]}, protocol="davis2016")})


def test_the_table_says_what_is_inconclusive():
    one = result({"a": [0.5], "b": [0.6], "c": [0.7]})
    better = result({"a": [0.55], "b": [0.66], "c": [0.74]})
    mixed = result({"a": [0.45], "b": [0.70], "c": [0.69]})
    lines = format_comparison({"base": one, "better": better, "mixed": mixed}).splitlines()
    assert lines[1].split() == ["base", "60.0", "60.0", "60.0"]
    assert lines[2].split()[:5] == ["better", "65.0", "65.0", "65.0", "+5.0"] and "inconclusive" not in lines[2]
    assert lines[3].endswith("inconclusive")
    latex = format_comparison({"a_b": one, "better": better}, latex=True)
    assert r"a\_b & 60.0 & 60.0 & 60.0 &  &  &  \\" in latex and r"J\&F" in latex


def test_the_command(tmp_path, capsys):
    for name, gain in (("one", 0), ("two", 0.1)):
        values = {"a": [0.5 + gain], "b": [0.6 + gain]}
        (tmp_path / f"{name}.json").write_text(json.dumps(result(values)))
    assert main(["compare", str(tmp_path / "one.json"), str(tmp_path / "two.json")]) == 0
    assert "+10.0" in capsys.readouterr().out
    (tmp_path / "bad.json").write_text('{"protocol": "davis2016"}')
    for argv, words in (
        (["one.json"], "is alone"),
        (["one.json", "one.json"], "named twice"),
        (["one.json", "bad.json"], "bad.json holds no scores: write it with vosbook evaluate --json"),
        (["one.json", "none.json"], "none.json does not exist"),
    ):
        assert main(["compare", *(str(tmp_path / name) for name in argv)]) == 2
        assert words in capsys.readouterr().err
    assert read_result(tmp_path / "one.json")["mean"]["J&F"] == pytest.approx(0.55)


# --------------------------------------------------------------------------------------------------------- the plot


@pytest.fixture()
def runs(tmp_path):
    """Two folders as `vosbook run` leaves them."""
    for name, score, seconds in (("frtm", 0.8, 0.25), ("osvos", 0.7, 2.0)):
        (tmp_path / name).mkdir()
        scores = result({"a": [score], "b": [score - 0.2]})
        (tmp_path / name / "scores.json").write_text(json.dumps(scores))
        record = {"seconds": {"per_frame": seconds}, "hardware": {"cpu": f"{name}'s machine", "cores": 2}}
        (tmp_path / name / "run.json").write_text(json.dumps(record))
    return tmp_path


@pytest.fixture()
def drawn(monkeypatch):
    """What is drawn."""
    points = []
    draw = plots.quality_against_time
    monkeypatch.setattr(plots, "quality_against_time", lambda given: points.append(given) or draw(given))
    return points


def test_folders_of_runs_have_names_and_times(runs, drawn, capsys):
    folders = [str(runs / "frtm"), str(runs / "osvos")]
    assert main(["compare", *folders]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["frtm", "osvos"]
    for name, begins in (("p.svg", b"<?xml"), ("p.png", b"\x89PNG"), ("p.pdf", b"%PDF")):
        assert main(["compare", *folders, "--plot", str(runs / name)]) == 0
        assert (runs / name).read_bytes().startswith(begins)
    assert drawn[0] == {"frtm": (0.25, pytest.approx(0.7)), "osvos": (2.0, pytest.approx(0.6))}
    said = capsys.readouterr()
    assert "different machines: frtm's machine, osvos's machine" in said.err and str(runs / "p.svg") in said.out


def test_times_may_be_stated(runs, drawn, capsys):
    (runs / "osvos/run.json").unlink()
    argv = ["compare", str(runs / "frtm"), str(runs / "osvos/scores.json"), "--plot", str(runs / "p.svg")]
    assert main(argv) == 2
    assert "osvos has no record of its time: give --seconds osvos=..., a frame's" in capsys.readouterr().err
    assert main([*argv, "--seconds", "osvos=3"]) == 0 and drawn[0]["osvos"][0] == 3
    capsys.readouterr()
    for more, says in (
        (["--seconds", "s2s=3"], "no scores called s2s: the names are frtm, osvos"),
        (["--plot", str(runs / "p.jpg")], "end it in .svg, .png, .pdf"),
    ):
        assert main([*argv, *more]) == 2
        assert says in capsys.readouterr().err
    assert main([*argv[:3], "--seconds", "osvos=3"]) == 2 and "add --plot" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*argv, "--seconds", "osvos=0"])


def test_a_run_that_is_not_finished_has_no_time(runs, capsys):
    (runs / "osvos/run.json").write_text(json.dumps({"settings": {}}))
    assert main(["compare", str(runs / "frtm"), str(runs / "osvos"), "--plot", str(runs / "p.svg")]) == 2
    assert "is no finished run's record" in capsys.readouterr().err
