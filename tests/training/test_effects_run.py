"""Effects are taken from records of other runs: paired by sequence, with their errors over sequences and seeds."""

from dataclasses import asdict

import numpy as np
import pytest
from run_book import change_training, run_here
from scipy.stats import ttest_rel

from vosbook.errors import InputError
from vosbook.metrics.effects import paired_effect
from vosbook.runs import read_record, record_run


def write(book, name, metrics):
    with record_run(name, profile="smoke", config={}, seed=0, data=[], folder=book / "results") as run:
        run["metrics"] |= metrics


def effects_of(book, monkeypatch, **effects):
    change_training(book, "effects", effects=effects)
    run_here(book, monkeypatch, "effects")
    return read_record("effects_smoke", folder=book / "results").metrics


def test_a_gain_is_the_mean_of_paired_differences(book, monkeypatch):
    scores = {"one": [0.5, 0.7, 0.9], "other": [0.4, 0.8, 0.6]}
    for variant, js in scores.items():
        sequences = {f"synthetic/{i}": {"rvos": {"J": j}, "first_mask": {"J": 0.1}} for i, j in enumerate(js)}
        write(book, f"train_rvos_smoke_{variant}", {"held_out": {"rvos": {}, "sequences": sequences}})
    more, less = (["train_rvos/" + name, "held_out.sequences.*.rvos"] for name in scores)
    found = effects_of(book, monkeypatch, space={"more": more, "less": less, "trained_once_each": True})["space"]
    interval = ttest_rel(scores["one"], scores["other"]).confidence_interval(0.95)
    assert found["trained_once_each"] is True
    assert found["J"]["value"] == pytest.approx(0.1)
    assert (found["J"]["low"], found["J"]["high"]) == pytest.approx((interval.low, interval.high))
    assert (found["J"]["sequences"], found["J"]["seeds"]) == (3, 1)


def test_seeds_beside_sequences_and_in_a_list_give_the_same(book, monkeypatch):
    rng = np.random.default_rng(0)
    tables = {name: rng.random((4, 3)) for name in ("more", "less")}  # 4 sequences, 3 seeds
    metrics = {}
    for name, table in tables.items():
        rows = {f"synthetic/{i}": row for i, row in enumerate(table)}
        metrics[name] = {
            "listed": {spec: row.tolist() for spec, row in rows.items()},
            "J_of_sequences": {spec: row.mean() for spec, row in rows.items()},
            "J_of_seeds": table.mean(axis=0).tolist(),
        }
    write(book, "frtm_ablation_smoke", metrics)
    listed = {side: ["frtm_ablation", f"{side}.listed.*"] for side in tables}
    apart = {side: ["frtm_ablation", f"{side}.J_of_sequences.*"] for side in tables}
    seeds = {"seeds": [f"{side}.J_of_seeds" for side in tables]}
    found = effects_of(book, monkeypatch, listed=listed, apart=apart | seeds, without=apart)
    assert found["listed"]["J"] == pytest.approx(found["apart"]["J"])
    assert found["listed"]["J"]["seeds"] == 3
    assert found["without"]["J"]["seeds"] == 1 and found["without"]["J"]["low"] != found["apart"]["J"]["low"]


def test_sequences_may_be_a_list_and_are_paired_in_its_order(book, monkeypatch):
    scores = {"one": [0.5, 0.9, 0.7], "other": [0.4, 0.2, 0.6]}
    write(book, "composites_smoke", {name: {"J_of_videos": js} for name, js in scores.items()})
    sides = {side: ["composites", f"{name}.J_of_videos.*"] for side, name in (("more", "one"), ("less", "other"))}
    found = effects_of(book, monkeypatch, gain=sides)["gain"]["J"]
    interval = ttest_rel(scores["one"], scores["other"]).confidence_interval(0.95)
    assert found["value"] == pytest.approx(0.3) and found["sequences"] == 3
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))


def test_a_measure_that_a_sequence_lacks_is_taken_over_the_others(book, monkeypatch):
    ts = {"more": [0.5, None, 0.1], "less": [0.2, None, 0.3]}
    for variant, values in ts.items():
        scores = ({"J": {"mean": 0.5}, "F": {"mean": 0.1 * i}, "T": t} for i, t in enumerate(values))
        sequences = {f"synthetic/{i}": one for i, one in enumerate(scores)}
        write(book, f"osvos_snapping_smoke_{variant}", {"sequences": sequences})
    found = effects_of(book, monkeypatch, t={side: [f"osvos_snapping/{side}", "sequences.*"] for side in ts})["t"]
    assert found["T"]["value"] == pytest.approx(0.05) and found["T"]["sequences"] == 2
    assert found["J"]["mean"]["sequences"] == 3 and found["J&F"]["value"] == 0


def test_other_sequences_are_not_compared(book, monkeypatch):
    for variant, spec in (("more", "synthetic/1"), ("less", "synthetic/2")):
        write(book, f"osvos_snapping_smoke_{variant}", {"sequences": {spec: {"J": 0.5}}})
    sides = {side: [f"osvos_snapping/{side}", "sequences.*"] for side in ("more", "less")}
    with pytest.raises(InputError, match="osvos_snapping/more and osvos_snapping/less were scored on other sequences"):
        effects_of(book, monkeypatch, one=sides)


def test_trainings_on_folds_count_with_every_measure(book, monkeypatch):
    rng = np.random.default_rng(1)
    metrics = {}
    for way in ("parent", "base"):
        rows = [{"J": {"mean": j, "recall": r}, "F": {"mean": f}} for j, r, f in rng.random((6, 3)).tolist()]
        of_folds = [
            {key: {m: np.mean([row[key][m] for row in two]) for m in two[0][key]} for key in two[0]}
            for two in (rows[:2], rows[2:4], rows[4:])
        ]
        metrics[way] = {"folds": of_folds, "sequences": {f"synthetic/{n}": row for n, row in enumerate(rows)}}
    write(book, "osvos_folds_smoke", metrics)
    sides = {side: ["osvos_folds", f"{way}.sequences.*"] for side, way in (("more", "parent"), ("less", "base"))}
    found = effects_of(book, monkeypatch, gain=sides | {"seeds": ["parent.folds", "base.folds"]})["gain"]
    for path in (("J", "mean"), ("J", "recall"), ("F", "mean")):
        of_sequences, of_folds = (
            [value_at(more, path) - value_at(less, path) for more, less in zip(*two)]
            for two in (
                [metrics[way]["sequences"].values() for way in metrics],
                [metrics[way]["folds"] for way in metrics],
            )
        )
        expected = paired_effect(of_sequences, of_folds)
        assert value_at(found, path) == pytest.approx(asdict(expected) | {"sequences": 6, "seeds": 3})
    assert found["J&F"]["seeds"] == 3


def value_at(found, path):
    for part in path:
        found = found[part]
    return found
