"""What the recurrent networks are asked after their training: over a video's length, and by the number of objects."""

import numpy as np
import pytest
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.metrics.region import jaccard
from vosbook.runs import read_record


def test_j_over_the_length_of_a_video(book, monkeypatch):
    change_training(book, "recurrence_over_time", data=["synthetic/900"], methods=["first_mask"])
    run_here(book, monkeypatch, "recurrence_over_time")
    found = read_record("recurrence_over_time_smoke", folder=book / "results").metrics["first_mask"]
    video = load_sequence("synthetic/900")
    ids = [o.id for o in video.objects if o.first_frame == video.frames.names[0]]
    given = video.labels(0)
    counted = range(1, len(video.frames) - 1)
    j = [np.mean([jaccard(given == i, video.labels(t) == i) for i in ids]) for t in counted]
    assert found["J"] == pytest.approx(np.mean(j))
    assert found["J_of_tenths"] == pytest.approx([np.mean(part) for part in np.array_split(j, 10)])


def test_scores_by_the_number_of_objects(book, monkeypatch):
    synthetic = {"size": [64, 112], "frames": 3}
    change_training(book, "rvos_instances", counts=[1, 3], videos=2, synthetic=synthetic)
    run_here(book, monkeypatch, "rvos_instances")
    record = read_record("rvos_instances_smoke", folder=book / "results")
    for count in ("1", "3"):
        of_each = [one["J"] for one in record.metrics[count]["sequences"].values()]
        assert len(of_each) == 2 and np.mean(of_each) == pytest.approx(record.metrics[count]["rvos"]["J"])
    assert [entry["spec"] for entry in record.data] == 2 * ["synthetic/900", "synthetic/901"]
    assert len({entry["sha256"] for entry in record.data}) == 4
