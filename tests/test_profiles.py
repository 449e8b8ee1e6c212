"""Profiles are complete and alike, and a script takes its parameters by name."""

import sys

import pytest

from vosbook.errors import InputError
from vosbook.profiles import lists_as_tuples, load_profile, script_parameters


def test_profiles_know_the_same_chapters_and_runs():
    profiles = [load_profile(name) for name in ("smoke", "small", "paper")]
    assert len({frozenset(profile.settings) for profile in profiles}) == 1
    for profile in profiles:
        assert {"data", "backbone", "device", "seed"} <= set(profile.defaults)
        assert profile.of("frtm_d_only")["data"]
        assert profile.of("a chapter without settings of its own") == profile.defaults


def test_smoke_needs_neither_data_nor_weights():
    profile = load_profile("smoke")
    for name in profile.settings:
        settings = profile.of(name)
        assert settings["backbone"] in ("filters", "resnet18-davis")  # both come with the package
        assert all(spec.startswith("synthetic/") for spec in settings["data"])


def test_an_unknown_profile_names_those_that_exist():
    with pytest.raises(InputError, match="paper, small, smoke"):
        load_profile("smoek")


def test_lists_of_a_profile_become_tuples_and_all_else_stays():
    assert lists_as_tuples({"zoom": [0.5, 2], "light": 0.1, "data": {"a": [1]}}) == {
        "zoom": (0.5, 2),
        "light": 0.1,
        "data": {"a": [1]},
    }


def test_a_script_takes_its_parameters_by_name(monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr(sys, "argv", ["run.py", "variant=b=c"])
    assert script_parameters(profile="smoke", variant="a") == ("smoke", "b=c")
    for wrong in ("varaint=b", "variant", "small"):
        monkeypatch.setattr(sys, "argv", ["run.py", wrong])
        with pytest.raises(InputError, match=f"{wrong}: run.py takes profile=VALUE, variant=VALUE"):
            script_parameters(profile="smoke", variant="a")
    monkeypatch.setitem(sys.modules, "ipykernel", object())  # in a notebook the arguments are the kernel's
    assert script_parameters(profile="small", variant="a") == ("small", "a")


@pytest.mark.parametrize("name", ["smoke", "small", "paper"])
@pytest.mark.parametrize(("run", "training"), [("frtm_folds", "train_frtm"), ("osvos_folds", "train_osvos_parent")])
def test_the_trainings_of_folds_are_variants_that_leave_out_every_fold_once(name, run, training):
    profile = load_profile(name)
    trainings = [profile.of_variant(training, variant) for variant in profile.of(run)["trainings"]]
    assert [of["fold"] for of in trainings] == [[k, len(trainings)] for k in range(len(trainings))]
