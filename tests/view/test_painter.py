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
from vosbook.view.assist import Clicks, grab_cut
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


# A target of two colours: an orange ball with a bluish core, which is like the ground around it.
RING = (60, 45), 40  # centre (x, y), radius
CORE = 20


@pytest.fixture(scope="module")
def target() -> dict[str, np.ndarray]:
    y, x = np.mgrid[:90, :120]
    distance = np.hypot(x - RING[0][0], y - RING[0][1])
    noise = np.random.default_rng(0).integers(-12, 13, (90, 120, 3))
    ball, core = distance <= RING[1], distance <= CORE
    frame = np.where((ball & ~core)[..., None], (220, 130, 30), (60, 90, 160)) + noise
    return {"frame": frame.astype(np.uint8), "ball": ball, "core": core}


BOX = (16, 1, 104, 89)


def _strokes(*strokes: tuple[slice, slice]) -> np.ndarray:
    painted = np.zeros((90, 120), bool)
    for stroke in strokes:
        painted[stroke] = True
    return painted


def test_a_stroke_on_the_object_says_what_it_looks_like(target):
    """Without it the core is taken for ground, however little of it the stroke covers."""
    nothing, stroke = np.zeros((90, 120), np.uint8), _strokes(np.s_[43:47, 50:70])
    plain = grab_cut(target["frame"], nothing, BOX, i=1) == 1
    helped = grab_cut(target["frame"], stroke.astype(np.uint8), BOX, i=1, sure=stroke) == 1
    assert plain[target["core"]].mean() < 0.1 and helped[target["core"]].mean() > 0.9
    assert _iou(helped, target["ball"]) > 0.95


def test_a_stroke_of_the_eraser_says_what_is_not_the_object(target):
    """A green patch in the box, which is as unlike the ground as the ball is: a stroke on a part of it is enough."""
    frame, nothing = target["frame"].copy(), np.zeros((90, 120), np.uint8)
    patch, stroke = _strokes(np.s_[4:28, 18:34]), _strokes(np.s_[6:26, 21:31])
    frame[patch] = np.random.default_rng(1).integers((18, 148, 28), (43, 173, 53), (patch.sum(), 3))
    with_patch = grab_cut(frame, nothing, BOX, i=1) == 1
    without = grab_cut(frame, nothing, BOX, i=1, sure=stroke) == 1
    assert with_patch[patch].mean() > 0.9 and without[patch].mean() < 0.1
    assert without[target["ball"] & ~target["core"] & ~patch].mean() > 0.95


def test_what_a_click_found_may_be_cut_anew_and_what_is_sure_may_not(target):
    labels = np.zeros((90, 120), np.uint8)
    labels[2:8, 17:40] = 1  # in the box, and of the ground's colours
    kept = grab_cut(target["frame"], labels, BOX, i=1, sure=labels == 1)
    anew = grab_cut(target["frame"], labels, BOX, i=1, sure=np.zeros(labels.shape, bool))
    assert (kept[2:8, 17:40] == 1).all() and not anew[2:8, 17:40].any()


def test_a_box_without_background_is_refused(target):
    labels = np.ones((90, 120), np.uint8)
    labels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 0
    with pytest.raises(InputError, match="no background"):
        grab_cut(target["frame"], labels, BOX, i=1)


# --------------------------------------------------------------------------------------------------- clicks

NOTHING = np.zeros((60, 90), bool)


@pytest.fixture(scope="module")
def clicks(scene) -> Clicks:
    return Clicks(scene[0])


def _blank() -> np.ndarray:
    return np.zeros((60, 90), np.uint8)


def test_a_click_finds_the_ball(scene, clicks):
    labels = clicks.find(_blank(), BALL[0], i=3, sure=NOTHING)
    assert set(np.unique(labels)) == {0, 3} and _iou(labels == 3, scene[1]) > 0.8


def test_a_click_on_the_ground_finds_the_ground(scene, clicks):
    labels = clicks.find(_blank(), (80, 5), i=1, sure=NOTHING)
    assert labels[5, 80] == 1 and not labels[scene[1]].mean() > 0.1


def test_clicks_say_what_is_too_much(scene, clicks):
    """The ball's other half: a click there takes away at least its surroundings, and the first click stays."""
    first, second = (BALL[0][0] - 7, BALL[0][1]), (BALL[0][0] + 10, BALL[0][1])
    labels = clicks.find(_blank(), first, i=1, sure=NOTHING)
    assert labels[second[1], second[0]] == 1
    sure = NOTHING.copy()
    sure[first[1], first[0]] = True
    less = clicks.find(labels, second, i=1, sure=sure, away=True)
    assert less[second[1], second[0]] == 0 and less[first[1], first[0]] == 1
    assert 0 < (less == 1).sum() < (labels == 1).sum()


def test_clicks_leave_what_is_sure_and_other_objects(scene, clicks):
    labels, sure = _blank(), NOTHING.copy()
    labels[20:30, 60:65] = 1  # painted, and not the ball
    sure[20:30, 60:65] = True
    labels[20:40, 40:50] = 2  # another object, on the ball
    sure[12:16, 36:44] = True  # erased
    found = clicks.find(labels, (32, 25), i=1, sure=sure)
    assert (found[20:30, 60:65] == 1).all() and (found[20:40, 40:50] == 2).all() and not found[12:16, 36:44].any()
    assert (found[scene[1]] == 1).mean() > 0.3
    labels[:5, :5] = 1  # found by an earlier click that is gone
    assert not clicks.find(labels, (32, 25), i=1, sure=sure)[:5, :5].any()


def test_clicks_without_use_are_refused(clicks):
    labels = _blank()
    labels[10:20, 10:20] = 2
    with pytest.raises(InputError, match="another object lies here"):
        clicks.find(labels, (12, 12), i=1, sure=NOTHING)
    with pytest.raises(InputError, match="nothing is sure to be the object"):
        clicks.find(labels, (12, 12), i=2, sure=NOTHING, away=True)
    found = clicks.find(_blank(), BALL[0], i=1, sure=NOTHING)
    with pytest.raises(InputError, match="nothing else is found"):
        clicks.find(found, BALL[0], i=1, sure=NOTHING)


def test_a_click_takes_the_smallest_proposal_that_adds_to_the_object(scene):
    frame, shape = scene[0], scene[0].shape[:2]
    proposals = np.zeros((3, *shape), bool)
    proposals[0, 5:40, 5:60], proposals[1, 10:20, 10:20], proposals[2, 15:30, 15:30] = True, True, True
    clicks = Clicks(frame, proposals)
    first = clicks.find(_blank(), (12, 12), i=2, sure=NOTHING)
    assert np.array_equal(first, 2 * proposals[1].astype(np.uint8))
    second = clicks.find(first, (16, 16), i=2, sure=NOTHING)  # the same lies there: the next larger
    assert np.array_equal(second > 0, proposals[1] | proposals[2])
    assert np.array_equal(clicks.find(second, (12, 12), i=2, sure=NOTHING) > 0, proposals[0])
    other, sure = _blank(), NOTHING.copy()
    other[10:12, 10:20], sure[10:15, 10:15] = 7, True  # another object, and pixels that are sure to be background
    found = clicks.find(other, (18, 18), i=2, sure=sure)
    assert (found[10:12, 10:20] == 7).all() and not (found[10:15, 10:15] == 2).any()
    assert (found == 2).sum() == (proposals[1] & ~sure & (other == 0)).sum()


def test_where_no_proposal_lies_contours_tell(scene, clicks):
    elsewhere = np.zeros((1, *scene[1].shape), bool)
    elsewhere[0, :3, :3] = True
    beside = Clicks(scene[0], elsewhere)
    found = clicks.find(_blank(), BALL[0], i=3, sure=NOTHING)
    assert np.array_equal(beside.find(_blank(), BALL[0], i=3, sure=NOTHING), found)
    corner = _blank()
    corner[:3, :3] = 3
    less = beside.find(corner, (0, 0), i=3, sure=NOTHING | (corner > 0), away=True)
    assert less[0, 0] == 0 and less[2, 2] == 3  # a proposal is not what is too much
    part = np.where(elsewhere[0] & (np.arange(90) < 2), 3, 0).astype(np.uint8)
    assert beside.find(part, (2, 2), i=3, sure=part > 0, away=True)[2, 2] == 0
    with pytest.raises(ValueError, match=r"proposals must be bool \(N, H, W\)"):
        Painter(scene[0], proposals=elsewhere[0])


def test_a_click_works_on_a_large_frame(scene):
    frame, ball = (np.kron(a, np.ones((20, 20, *[1] * (a.ndim - 2)), a.dtype)) for a in scene)  # 1200x1800
    labels = Clicks(frame).find(np.zeros(ball.shape, np.uint8), (800, 500), i=1, sure=np.zeros(ball.shape, bool))
    assert _iou(labels == 1, ball) > 0.8


def _runs(mask: np.ndarray) -> list[int]:
    """As the browser says where labels are sure: value, length, value, length."""
    flat = mask.ravel().astype(int)
    starts = np.flatnonzero(np.diff(flat, prepend=-1))
    return np.stack([flat[starts], np.diff(starts, append=flat.size)], axis=1).ravel().tolist()


def test_the_browser_gets_an_answer(scene, monkeypatch):
    painter = Painter(scene[0])
    sent = []
    monkeypatch.setattr(painter, "send", sent.append)
    question = {"object": 1, "sure": _runs(NOTHING)}
    painter._handle_custom_msg({**question, "box": [22, 7, 58, 43]}, [])
    assert _iou(painter.labels == 1, scene[1]) > 0.95 and sent.pop()["text"].startswith("found")
    before = painter.labels
    painter._handle_custom_msg({**question, "box": [0, 0, 90, 60]}, [])
    assert "whole frame" in sent.pop()["text"] and np.array_equal(painter.labels, before)
    painter.labels = np.zeros((60, 90), np.uint8)
    painter._handle_custom_msg({**question, "click": list(BALL[0]), "away": False}, [])
    assert _iou(painter.labels == 1, scene[1]) > 0.8 and "click on what is missing" in sent.pop()["text"]


def test_what_the_browser_says_is_sure_is_kept(scene, monkeypatch):
    painter = Painter(scene[0])
    monkeypatch.setattr(painter, "send", lambda content: None)
    erased = NOTHING.copy()
    erased[12:14, 35:45] = True
    painter._handle_custom_msg({"object": 1, "sure": _runs(erased), "box": [22, 7, 58, 43]}, [])
    assert not painter.labels[erased].any() and painter.labels[25, 40] == 1


def test_python_counts_how_often_it_sets_the_labels(scene):
    """The browser does not: what it kept over a reload of the page is newer than its own labels."""
    painter = Painter(scene[0])
    labels = scene[1].astype(np.uint8)
    painter.drawn(zlib.compress((3 * labels).tobytes()))
    assert painter._edition == 0 and np.array_equal(painter.labels, 3 * labels)
    assert [o["id"] for o in painter._objects] == [1, 3]
    painter.labels = labels
    assert painter._edition == 1
    assert len({Painter(scene[0])._key for _ in range(3)}) == 3
