"""Half precision: in steps alone, with nearly the same answers, and refused where it is no use."""

import numpy as np
import pytest
import torch
from stand_ins import SIZE, Recorder, rows

from vosbook.datasets.catalog import load_sequence
from vosbook.errors import InputError
from vosbook.methods import build
from vosbook.segment import segment_video
from vosbook.segment.half import Half


class Watched(Recorder):
    """Writes down whether each call is made in half precision."""

    def start(self, frame, masks):
        self.halves = [torch.is_autocast_enabled("cpu")]
        super().start(frame, masks)

    def add_objects(self, frame, masks):
        self.halves.append(torch.is_autocast_enabled("cpu"))
        super().add_objects(frame, masks)

    def step(self, frame):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
        self.halves.append(product.dtype == torch.float16)
        return super().step(frame)


def test_steps_alone_are_in_half_precision():
    watched = Watched()
    half = Half(watched, device="cpu")
    frame = np.zeros((*SIZE, 3), np.uint8)
    half.start(frame, rows(r2=1))
    half.step(frame)
    half.add_objects(frame, rows(r5=2))
    assert np.array_equal(half.step(frame), rows(r2=1, r5=2))
    assert watched.halves == [False, True, False, True]


@pytest.mark.parametrize(("name", "options"), [("s2s", {}), ("rvos", {}), ("osvos-fast", {"budget": 0.0})])
def test_the_answers_are_nearly_the_same(name, options):
    """Computed on the processor, which has the numbers of half precision, not its speed."""
    video = load_sequence("synthetic/12")
    found = []
    for wrap in (lambda one: one, lambda one: Half(one, device="cpu")):
        segmenter = wrap(build(name, device="cpu", note=lambda line: None, **options))
        segmenter.start(video.frames[0], video.labels(0))
        found.append(np.stack([segmenter.step(video.frames[t]) for t in (1, 2, 3)]))
    assert (found[0] == found[1]).mean() > 0.998


def test_where_it_is_no_use_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    options = {"mask": tmp_path / "a.png", "out": tmp_path / "out", "half": True}
    with pytest.raises(InputError, match="--half needs a GPU"):
        segment_video(tmp_path, method="s2s", **options)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    with pytest.raises(InputError, match="--half needs a GPU"):
        segment_video(tmp_path, method="s2s", device="cpu", **options)
    with pytest.raises(InputError, match=r"--half is for s2s, rvos, .* learn nothing on the way as frtm-fast may"):
        segment_video(tmp_path, method="frtm-fast", **options)
