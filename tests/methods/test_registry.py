"""The registry builds what is asked for, or says why not."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from vosbook.errors import InputError
from vosbook.features import shipped
from vosbook.features.filter_bank import FilterBank
from vosbook.features.resnet import random_resnet
from vosbook.methods import METHODS, build
from vosbook.methods.frtm import enlarge_for


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device"):
        build("frtm-d-only", device="cuda")


def test_a_note_reaches_the_caller_or_else_the_log(monkeypatch, caplog):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr("vosbook.weights._download", lambda url: None)
    said = []
    assert build("frtm-d-only", device="cpu", note=said.append).backbone.name == shipped.NAME
    assert len(said) == 1
    build("frtm-d-only", device="cpu")
    assert "package's own trunk" in caplog.text


def test_frames_are_enlarged_with_imagenets_features_unless_the_papers_size_is_asked_for(monkeypatch):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr("vosbook.weights._download", lambda url: None)
    names = ("frtm-d-only", "frtm-fast", "frtm", "s2s")
    quiet = {"device": "cpu", "note": lambda line: None}
    assert [build(name, **quiet).enlarge for name in names] == [1, 1, 1, 1.5]
    assert enlarge_for(FilterBank()) == 1 and enlarge_for(random_resnet("resnet101", levels=["layer1"])) == 1.5
    monkeypatch.setattr("vosbook.methods.frtm.enlarge_for", lambda backbone: 1.5)
    assert [build(name, **quiet).enlarge for name in names] == [1.5, 1.5, 1.5, 1.5]
    assert [build(name, **quiet, enlarge=1).enlarge for name in names] == [1, 1, 1, 1]


def test_listing_the_methods_does_not_wait_for_torch():
    code = "import sys, vosbook.cli, vosbook.methods; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("name", "options"),
    [("frtm-d-only", {}), ("s2s", {}), ("rvos", {}), ("osvos-fast", {"budget": 0.0})],
)
def test_a_start_forgets_what_was_before(name, options):
    """So that a method which begins again in the middle of a video, or walks it backwards, need not be built anew."""
    clip = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), np.uint8)
    one, two = np.zeros((2, 48, 64), np.uint8)
    one[10:30, 8:40], two[20:40, 30:60] = 1, 2
    used, new = (build(name, device="cpu", note=lambda line: None, **options) for _ in range(2))
    used.start(clip[0], one)
    used.step(clip[1])
    used.add_objects(clip[1], two)
    used.step(clip[2])
    for segmenter in (used, new):
        segmenter.start(clip[2], two)
    for frame in (clip[3], clip[1]):
        assert np.array_equal(used.step(frame), new.step(frame))


@pytest.mark.parametrize("name", METHODS)
def test_backbone_weights_mean_the_same_to_every_method(name, tmp_path, monkeypatch):
    """A backbone for those that have none inside; the others say so, and are what they are without it."""
    given = []
    (tmp_path / "r.pth").touch()
    monkeypatch.setitem(METHODS, name, replace(METHODS[name], build=lambda **options: given.append(options)))
    said = []
    build(name, device="cpu", note=said.append)
    build(name, backbone_weights=tmp_path / "r.pth", device="cpu", note=said.append)
    if name.startswith("frtm"):
        assert given[1] == given[0] | {"backbone_weights": tmp_path / "r.pth"} and said == []
    else:
        assert given[1] == given[0] and "backbone_weights" not in given[0]
        assert len(said) == 1 and f"r.pth is not used: {name}'s network has its backbone inside" in said[0]
        with pytest.raises(InputError, match=r"none\.pth does not exist"):
            build(name, backbone_weights=tmp_path / "none.pth", device="cpu", note=said.append)


def test_a_detector_is_for_those_that_ask_for_instances(tmp_path):
    with pytest.raises(InputError, match="osvos takes no proposals, as osvos-s does: leave --detector out"):
        build("osvos", detector=tmp_path / "m.pth", device="cpu")
