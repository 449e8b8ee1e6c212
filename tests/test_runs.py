"""A record that is read is the record that was written, or nothing."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from vosbook import runs
from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.profiles import book_folder

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
    begun = time.perf_counter()
    with runs.record_run("r_smoke", profile="smoke", config=Config(), seed=5, data=[], folder=tmp_path) as run:
        run["metrics"]["J"] = 0.5
        run["curve"].append({"step": 0, "loss": 1.0})
    record = runs.read_record("r_smoke", folder=tmp_path)
    assert record.config == {"eta": 0.1, "levels": ["layer3"]}
    assert (record.metrics, record.curve, record.seed) == ({"J": 0.5}, [{"step": 0, "loss": 1.0}], 5)
    assert record.environment["numpy"] == np.__version__
    assert record.hardware["cores"] == os.cpu_count()
    assert record.peak_memory_mb > 10
    assert 0 <= record.wall_seconds <= time.perf_counter() - begun + 0.01  # it is rounded


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


def test_every_record_in_the_book_can_be_read():
    for path in sorted((book_folder() / "results").glob("*.json")):
        record = runs.read_record(path.stem)
        assert record.name == path.stem
        assert record.data, f"{path.name} does not say what it was measured on"
        assert "python" in record.environment
        assert json.dumps(record.metrics)
        profile = book_folder() / "profiles" / f"{record.profile}.yml"
        assert yaml.safe_load(profile.read_text(encoding="utf-8"))["description"]


def test_what_a_stopped_run_has_done_is_not_done_again(tmp_path):
    part, done = tmp_path / "new" / "one.json", []

    def work():
        done.append(1)
        return {"J": [0.5, len(done)]}

    assert runs.kept(part, work) == runs.kept(part, work) == {"J": [0.5, 1]}
    part.unlink()
    with pytest.raises(ZeroDivisionError):
        runs.kept(part, lambda: 1 / 0)
    assert not list(part.parent.iterdir()), "half a part counts as done"
