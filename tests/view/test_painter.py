"""The painter's side in Python: what travels, what is refused, and GrabCut. Drawing itself is for `tests/browser`."""

import io
import json
import zlib

import numpy as np
import pytest
from ipywidgets.embed import dependency_state
from PIL import Image

from vosbook.errors import InputError
from vosbook.video.masks import read_mask
from vosbook.view.assist import grab_cut
from vosbook.view.painter import Painter

BALL = (40, 25), 14  # centre (x, y) and radius


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    """An orange ball before a bluish ground, 60x90, and where it is."""
    y, x = np.mgrid[:60, :90]
    ball = (x - BALL[0][0]) ** 2 + (y - BALL[0][1]) ** 2 <= BALL[1] ** 2
    frame = np.where(ball[..., None], (220, 130, 30), (60, 90, 160)) + np.random.default_rng(0).integers(
        -12, 13, (60, 90, 3)
    )
    return frame.astype(np.uint8), ball


def _iou(a, b) -> float:
    return (a & b).sum() / (a | b).sum()


def test_labels_come_back_as_they_were(scene):
    labels = np.zeros((60, 90), np.uint8)
    labels[3:9, 4:20], labels[30:40, 50:61] = 2, 5
    painter = Painter(scene[0], labels=labels, names={2: "cat"})
    assert painter.labels.dtype == np.uint8 and np.array_equal(painter.labels, labels)
    assert [(o["id"], o["name"]) for o in painter._objects] == [(2, "cat"), (5, "object 5")]
    assert painter.object == 2 and "90x60" in repr(painter)
    painter.labels[:] = 1  # a copy
    assert np.array_equal(painter.labels, labels)


def test_labels_arrive_from_the_browser(scene):
    """As ipywidgets hands them on: the bytes of a message are a memoryview."""
    painter = Painter(scene[0])
    labels = 2 * scene[1].astype(np.uint8)
    painter.set_state({"_labels": memoryview(zlib.compress(labels.tobytes()))})
    assert np.array_equal(painter.labels, labels)


def test_the_frame_travels_at_full_size(scene):
    with Image.open(io.BytesIO(Painter(scene[0])._frame)) as image:
        assert image.format == "JPEG" and image.size == (90, 60)
        assert np.abs(np.asarray(image).astype(int) - scene[0]).mean() < 8


def test_labels_that_python_sets_bring_their_objects(scene):
    painter = Painter(scene[0])
    assert not painter.labels.any() and [o["id"] for o in painter._objects] == [1]
    painter.labels = np.where(scene[1], 7, 0).astype(np.uint8)
    assert [o["id"] for o in painter._objects] == [1, 7]
    assert (painter.labels == 7).sum() == scene[1].sum()


def test_arrays_of_another_form_are_refused(scene):
    with pytest.raises(ValueError, match=r"frame must be uint8"):
        Painter(scene[0][..., 0])
    with pytest.raises(ValueError, match=r"labels must be uint8 \(60, 90\).*\(60, 89\)"):
        Painter(scene[0], labels=np.zeros((60, 89), np.uint8))
    with pytest.raises(ValueError, match=r"int64"):
        Painter(scene[0]).labels = np.zeros((60, 90), int)


def test_an_object_that_the_painter_does_not_have_is_refused(scene):
    painter = Painter(scene[0], names={2: "cat", 4: "dog"})
    painter.object = 4
    with pytest.raises(ValueError, match=r"\[2, 4\], got 3"):
        painter.object = 3


def test_save_writes_a_first_mask_or_says_what_is_wrong(scene, tmp_path):
    painter = Painter(scene[0])
    with pytest.raises(InputError, match="drawn mask holds no object"):
        painter.save(tmp_path / "first.png")
    painter.labels = np.full((60, 90), 3, np.uint8)
    with pytest.raises(InputError, match="object 3 in every pixel"):
        painter.save(tmp_path / "first.png")
    assert list(tmp_path.iterdir()) == []
    painter.labels = scene[1].astype(np.uint8)
    assert np.array_equal(read_mask(painter.save(tmp_path / "first.png")), scene[1])


def test_the_widget_fits_a_page_without_a_kernel(scene):
    state = dependency_state([Painter(scene[0])])
    assert len(json.dumps(state, default=str)) < 100_000


# --------------------------------------------------------------------------------------------------- the assist


def test_grab_cut_finds_the_ball(scene):
    frame, ball = scene
    labels = grab_cut(frame, np.zeros((60, 90), np.uint8), (22, 7, 58, 43), i=4)
    assert set(np.unique(labels)) == {0, 4} and _iou(labels == 4, ball) > 0.95
    assert not (labels[:, :22].any() or labels[:7].any() or labels[:, 58:].any() or labels[43:].any())


def test_grab_cut_keeps_what_is_drawn(scene):
    frame, ball = scene
    labels = np.zeros((60, 90), np.uint8)
    labels[8:42, 50:70] = 2  # another object, over the ball's right end
    labels[22:26, 28:34] = 1
    found = grab_cut(frame, labels, (22, 7, 58, 43), i=1)
    assert np.array_equal(found[labels > 0], labels[labels > 0])
    assert _iou(found == 1, ball & (labels != 2)) > 0.9


def test_grab_cut_works_on_a_large_frame(scene):
    frame, ball = (np.kron(a, np.ones((20, 20, *[1] * (a.ndim - 2)), a.dtype)) for a in scene)  # 1200x1800
    labels = grab_cut(frame, np.zeros(ball.shape, np.uint8), (440, 140, 1160, 860), i=1)
    assert _iou(labels == 1, ball) > 0.95


@pytest.mark.parametrize(
    ("box", "words"),
    [((0, 0, 90, 60), "whole frame"), ((-5, -5, 99, 99), "whole frame"), ((10, 10, 12, 40), "too small"),
     ((200, 10, 240, 40), "too small")],
)  # fmt: skip
def test_boxes_without_use_are_refused(scene, box, words):
    with pytest.raises(InputError, match=words):
        grab_cut(scene[0], np.zeros((60, 90), np.uint8), box, i=1)


def test_nothing_found_is_said(scene):
    labels = np.full((60, 90), 2, np.uint8)
    with pytest.raises(InputError, match="nothing was found"):
        grab_cut(scene[0], labels, (22, 7, 58, 43), i=1)


def test_the_browser_gets_an_answer(scene, monkeypatch):
    painter = Painter(scene[0])
    sent = []
    monkeypatch.setattr(painter, "send", sent.append)
    painter._handle_custom_msg({"object": 1, "box": [22, 7, 58, 43]}, [])
    assert _iou(painter.labels == 1, scene[1]) > 0.95 and sent.pop()["text"].startswith("found")
    before = painter.labels
    painter._handle_custom_msg({"object": 1, "box": [0, 0, 90, 60]}, [])
    assert "whole frame" in sent.pop()["text"] and np.array_equal(painter.labels, before)
