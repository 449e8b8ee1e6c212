"""Profiles are complete and alike; a record that is read is the record that was written, or nothing."""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from vosbook import runs
from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.errors import InputError
from vosbook.metrics.evaluate import evaluate
from vosbook.video.masks import write_mask

RECORD = runs.RunRecord(
    name="probe",
    profile="smoke",
    config={"eta": 0.1},
    seed=3,
    data=[{"spec": "synthetic/7"}],
    metrics={"J": {"mean": 0.123456789012345}},
    curve=[{"step": 0, "loss": 2.0}, {"step": 1, "loss": 1.0}],
)


def test_a_record_comes_back_as_it_was(tmp_path):
    path = runs.write_record(RECORD, folder=tmp_path)
    assert path == tmp_path / "probe.json"
    assert runs.read_record("probe", folder=tmp_path) == RECORD
    assert [file.name for file in tmp_path.iterdir()] == ["probe.json"]


def test_numpy_values_are_kept_whole(tmp_path):
    record = runs.RunRecord("n", "smoke", {}, 0, [], metrics={"a": np.float64(1 / 3), "b": np.arange(3)})
    runs.write_record(record, folder=tmp_path)
    assert runs.read_record("n", folder=tmp_path).metrics == {"a": 1 / 3, "b": [0, 1, 2]}


@pytest.mark.parametrize(("value", "error"), [(float("nan"), ValueError), (object(), TypeError)])
def test_what_json_cannot_hold_leaves_the_old_record(tmp_path, value, error):
    runs.write_record(RECORD, folder=tmp_path)
    with pytest.raises(error):
        runs.write_record(runs.RunRecord("probe", "smoke", {}, 0, [], metrics={"J": value}), folder=tmp_path)
    assert runs.read_record("probe", folder=tmp_path) == RECORD
    assert len(list(tmp_path.iterdir())) == 1


def test_a_kill_before_the_last_step_leaves_no_record(tmp_path, monkeypatch):
    def killed(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        runs.write_record(RECORD, folder=tmp_path)
    assert not list(tmp_path.glob("*.json"))


def test_a_missing_or_foreign_record_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"made .make it with `make run RUN=frtm_times PROFILE=small`"):
        runs.read_record("frtm_times_small", folder=tmp_path)
    with pytest.raises(InputError, match=r"has not been made .see `make run`"):
        runs.read_record("never", folder=tmp_path)
    (tmp_path / "foreign.json").write_text('{"J": 1}')
    (tmp_path / "cut.json").write_text('{"name": "cu')
    for name in ("foreign", "cut"):
        with pytest.raises(InputError, match=f"{name}.json is no run record"):
            runs.read_record(name, folder=tmp_path)


@dataclass(frozen=True)
class Config:
    eta: float = 0.1
    levels: tuple[str, ...] = ("layer3",)


def test_record_run_notes_circumstances(tmp_path):
    with runs.record_run("r_smoke", profile="smoke", config=Config(), seed=5, data=[], folder=tmp_path) as run:
        run["metrics"]["J"] = 0.5
        run["curve"].append({"step": 0, "loss": 1.0})
    record = runs.read_record("r_smoke", folder=tmp_path)
    assert record.config == {"eta": 0.1, "levels": ["layer3"]}
    assert (record.metrics, record.curve, record.seed) == ({"J": 0.5}, [{"step": 0, "loss": 1.0}], 5)
    assert record.environment["numpy"] == np.__version__
    assert record.hardware["cores"] == os.cpu_count()
    assert record.peak_memory_mb > 10
    assert 0 <= record.wall_seconds < 60


def test_a_run_that_fails_writes_nothing(tmp_path):
    run = runs.record_run("r", profile="smoke", config={}, seed=0, data=[], folder=tmp_path)
    with pytest.raises(ZeroDivisionError), run:
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


class Arrays(dict):
    names = ("00000", "00001")


def sequence(value: int) -> Sequence:
    frames = np.full((2, 3, 4, 3), value, np.uint8)
    Frames = type("Frames", (list,), {"names": ("00000", "00001"), "size": (3, 4)})
    masks = Arrays({name: np.zeros((3, 4), np.uint8) for name in Arrays.names})
    return Sequence("s", Frames(frames), masks)


def test_the_manifest_changes_with_one_pixel():
    entry = runs.manifest_entry("synthetic/1", sequence(7))
    assert entry == runs.manifest_entry("synthetic/1", sequence(7))
    assert (entry["frames"], entry["size"]) == (2, [3, 4])
    changed = sequence(7)
    changed.masks["00001"][2, 3] = 1
    assert runs.manifest_entry("synthetic/1", changed)["sha256"] != entry["sha256"]


def test_the_manifests_digest_changes_with_its_entries_and_their_order():
    one, other = ({"spec": f"synthetic/{n}", "sha256": str(n)} for n in (1, 2))
    digest = runs.manifest_digest([one, other])
    assert digest == runs.manifest_digest([dict(one), dict(other)])
    nameless = {"spec": "pascal-context"}
    for changed in ([other, one], [one], [one, other | {"sha256": "3"}], [one, other, nameless]):
        assert runs.manifest_digest(changed) != digest


def test_lists_of_a_profile_become_tuples_and_all_else_stays():
    assert runs.lists_as_tuples({"zoom": [0.5, 2], "light": 0.1, "data": {"a": [1]}}) == {
        "zoom": (0.5, 2),
        "light": 0.1,
        "data": {"a": [1]},
    }


# ---------------------------------------------------------------------------------------------------- measures


class Late:
    """A Segmenter that answers with the labels it was given, moved one row down a frame; notes whose turn it is."""

    def __init__(self, name: str, turns: list, pace: int):
        self.name, self.turns, self.pace = name, turns, pace

    def start(self, frame, masks):
        self.labels = masks

    def step(self, frame):
        self.turns.append((self.name, int(frame[0, 0, 0])))
        self.labels = np.roll(self.labels, self.pace, axis=0)
        return self.labels


def moving_square() -> Sequence:
    """Five frames 40 x 30, in which object 1 falls a row a frame, and object 2, there from the third on, stands."""
    names = tuple(f"{t:05d}" for t in range(5))
    Frames = type("Frames", (list,), {"names": names, "size": (40, 30)})
    masks = {}
    for t, name in enumerate(names):
        masks[name] = np.zeros((40, 30), np.uint8)
        masks[name][2 + t : 12 + t, 5:15] = 1
        masks[name][30:38, 20:28] = 2 if t > 1 else 0
    masks = type("Masks", (dict,), {"names": names})(masks)
    frames = Frames(np.full((40, 30, 3), t, np.uint8) for t in range(5))
    return Sequence("square", frames, masks, (VideoObject(1, names[0]), VideoObject(2, names[2])))


def test_a_sequence_is_scored_without_its_ends_and_on_the_objects_given():
    turns = []
    scores = runs.score_sequence({"right": Late("right", turns, 1), "still": Late("still", turns, 0)}, moving_square())
    assert set(scores["right"]["objects"]) == {1}
    assert (scores["right"]["J"], scores["right"]["F"]) == (1, 1)
    moved = [(10 - t) / (10 + t) for t in (1, 2, 3)]  # J of two squares of ten rows, t apart; frame 4 does not count
    assert scores["still"]["J"] == pytest.approx(np.mean(moved))
    assert scores["still"]["J&F"] == pytest.approx((scores["still"]["J"] + scores["still"]["F"]) / 2)
    assert turns == [(name, t) for t in (1, 2, 3, 4) for name in ("right", "still")]  # frame by frame


def test_masks_are_scored_as_the_evaluation_scores_their_files(tmp_path):
    sequence = moving_square()
    truth = [sequence.labels(t) == 1 for t in range(5)]
    masks = [np.roll(mask, t, axis=1) for t, mask in enumerate(truth)]
    for folder, video in (("true", truth), ("found", masks)):
        (tmp_path / folder / "square").mkdir(parents=True)
        for t, mask in enumerate(video):
            write_mask(tmp_path / folder / "square" / f"{t:05d}.png", mask.astype(np.uint8))
    (tmp_path / "db_info.yml").write_text("sequences: [{name: square, attributes: [], eval_t: true}]")
    expected = evaluate(tmp_path / "true", tmp_path / "found")["mean"]
    found = runs.score_masks(masks, truth)
    assert found["T"] is not None and 0 < found["J"]["mean"] < 1
    assert {key: found[key] for key in expected} == expected
    assert runs.score_masks(masks, truth, timed=False) == found | {"T": None}
    masks[2] = np.zeros_like(masks[2])
    one_lost = runs.score_masks(masks, truth)
    assert one_lost["J"]["mean"] < found["J"]["mean"] and one_lost["T"] is not None
    lost = [truth[0], *(np.zeros_like(mask) for mask in masks[1:])]
    assert runs.score_masks(lost, truth)["T"] is None
    with pytest.raises(ValueError, match="2 masks"):
        runs.score_masks(masks[:2], truth[:2])


def test_means_are_taken_key_by_key_of_what_is_known():
    entries = [{"J": {"mean": 1.0}, "T": None}, {"J": {"mean": 2.0}, "T": 5}, {"J": {"mean": 6.0}, "T": None}]
    assert runs.mean_of(entries) == {"J": {"mean": 3.0}, "T": 5.0}
    assert runs.mean_of([{"T": None}, {"T": None}]) == {"T": None}


def test_two_frames_are_too_few_to_score():
    with pytest.raises(ValueError, match="s has 2 masks"):
        runs.score_sequence({}, sequence(0))


def test_a_clock_counts_every_call_and_waits_for_what_it_leaves_behind():
    waits = []
    clock = runs.Clock(lambda: waits.append(1))
    owner = type("Owner", (), {"work": staticmethod(lambda s: time.sleep(s) or s)})()
    clock.wrap(owner, "work", "sleep")
    assert [owner.work(s) for s in (0.02, 0.0)] == [0.02, 0.0]
    long, short = clock.seconds["sleep"]
    assert long >= 0.02 > short and len(waits) == 4


# ---------------------------------------------------------------------------------------------------- profiles


def test_profiles_know_the_same_chapters_and_runs():
    profiles = [runs.load_profile(name) for name in ("smoke", "small", "paper")]
    assert len({frozenset(profile.settings) for profile in profiles}) == 1
    for profile in profiles:
        assert {"data", "backbone", "device", "seed"} <= set(profile.defaults)
        assert profile.of("frtm_d_only")["data"]
        assert profile.of("a chapter without settings of its own") == profile.defaults


def test_smoke_needs_neither_data_nor_weights():
    profile = runs.load_profile("smoke")
    for name in profile.settings:
        settings = profile.of(name)
        assert settings["backbone"] == "filters"
        assert all(spec.startswith("synthetic/") for spec in settings["data"])


def test_an_unknown_profile_names_those_that_exist():
    with pytest.raises(InputError, match="paper, small, smoke"):
        runs.load_profile("smoek")


def test_every_record_in_the_book_can_be_read():
    for path in sorted((runs.book_folder() / "results").glob("*.json")):
        record = runs.read_record(path.stem)
        assert record.name == path.stem
        assert record.data, f"{path.name} does not say what it was measured on"
        assert "python" in record.environment
        assert json.dumps(record.metrics)
        profile = runs.book_folder() / "profiles" / f"{record.profile}.yml"
        assert yaml.safe_load(profile.read_text(encoding="utf-8"))["description"]


def test_a_script_takes_its_parameters_by_name(monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr(sys, "argv", ["run.py", "variant=b=c"])
    assert runs.script_parameters(profile="smoke", variant="a") == ("smoke", "b=c")
    for wrong in ("varaint=b", "variant", "small"):
        monkeypatch.setattr(sys, "argv", ["run.py", wrong])
        with pytest.raises(InputError, match=f"{wrong}: run.py takes profile=VALUE, variant=VALUE"):
            runs.script_parameters(profile="smoke", variant="a")
    monkeypatch.setitem(sys.modules, "ipykernel", object())  # in a notebook the arguments are the kernel's
    assert runs.script_parameters(profile="small", variant="a") == ("small", "a")
