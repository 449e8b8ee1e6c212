"""The run on proposals: what its record says follows from its videos, and from each other."""

import numpy as np
import pytest
from run_book import change_training, copy_book, run_here

from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.profiles import load_profile
from vosbook.runs import read_record


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The record of the run in little: two strengths of errors, two videos."""
    book = copy_book(tmp_path_factory.mktemp("osvos_s"))
    few = {"steps": 2, "batch": 1}
    synthetic = {"size": [48, 80], "frames": 4, "objects": [2, 4]}
    errors = {"none": {}, "all_missed": {"missed": 1.0}}
    changes = {"synthetic": synthetic, "train_seeds": [600, 602], "errors": errors, "min_pixels": 20}
    change_training(book, "osvos_s_proposals", **changes, parent=few, branch=few, tuning=few)
    with pytest.MonkeyPatch.context() as patch:
        run_here(book, patch, "osvos_s_proposals")
    return read_record("osvos_s_proposals_smoke", folder=book / "results")


def test_the_oracle_is_the_truth_where_proposals_have_no_errors(recorded):
    assert recorded.metrics["none"]["oracle"]["J"] == 1.0 and recorded.metrics["none"]["unmatched"] == 0
    missed = recorded.metrics["all_missed"]
    assert missed["oracle"]["J"] == missed["selected"]["J"] == 0 and missed["unmatched"] == 1
    assert missed["conditional"]["J"] == missed["first_round"]["J"]  # nothing selected: OSVOS answers


def test_gains_are_differences_over_videos(recorded):
    for found in (recorded.metrics[name] for name in ("none", "all_missed")):
        for gain, rival in (("over_no_prior", recorded.metrics["no_prior"]), ("over_masked", found["masked"])):
            difference = np.subtract(found["conditional"]["J_of_videos"], rival["J_of_videos"])
            assert found[gain]["J"] == pytest.approx(difference.mean())
            assert found[gain]["error"] == pytest.approx(difference.std(ddof=1) / np.sqrt(2))
            assert found[gain]["wins"] == (difference > 0).sum()


def test_videos_are_held_out_and_show_two_of_a_kind(recorded):
    specs = [entry["spec"] for entry in recorded.data]
    assert len(set(specs)) == 2 and all(int(spec.split("/")[1]) >= 900 for spec in specs)
    config = SyntheticConfig(size=(48, 80), frames=4, objects=(2, 4), effects=tuple(_effects(recorded)))
    for spec in specs:
        video = make_sequence(int(spec.split("/")[1]), config)
        names = [o.category for o in video.objects if (video.labels(0) == o.id).sum() >= 20]
        assert len(names) > len(set(names))


def test_no_profile_learns_from_held_out_videos():
    for name in ("smoke", "small", "paper"):
        settings = load_profile(name).of("osvos_s_proposals")
        assert settings["test_from"] >= 900 and max(settings["train_seeds"]) < 900


def _effects(record):
    return record.config["synthetic"].get("effects", SyntheticConfig().effects)
