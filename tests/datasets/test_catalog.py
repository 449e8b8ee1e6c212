"""Sequences by their short names."""

import numpy as np
import pytest

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.errors import InputError

SMALL = SyntheticConfig(size=(64, 96), frames=2)


def test_synthetic_by_seed():
    loaded, made = load_sequence("synthetic/7", config=SMALL), make_sequence(7, SMALL)
    assert loaded.name == made.name
    assert (loaded.frames[1] == made.frames[1]).all() and (loaded.labels(1) == made.labels(1)).all()


@pytest.mark.parametrize("spec", ["synthetic/x", "synthetic", "synthetic/-1", "coco/1", "", "davis2016/", "davis2016"])
def test_a_spec_that_names_nothing(spec):
    with pytest.raises(InputError, match="names no sequence"):
        load_sequence(spec)


def test_real_data_needs_its_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    with pytest.raises(InputError, match="VOSBOOK_DATA is not set"):
        load_sequence("davis2016/blackswan")
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path / "no"))
    with pytest.raises(InputError, match="no, which is not a folder"):
        load_sequence("davis2016/blackswan")
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    with pytest.raises(InputError, match="DAVIS2017/JPEGImages/480p/bear is not a folder"):
        load_sequence("davis2017/bear")


def test_real_data_by_name(davis):
    goat = load_sequence("davis2016/goat")
    assert len(goat.frames) == 90 and [o.id for o in goat.objects] == [1] and "EA" in goat.attributes
    bear = load_sequence("davis2016/bear", resolution="256p")
    assert np.asarray(bear.frames[0]).shape == (256, 448, 3)
