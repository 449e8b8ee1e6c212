"""What the inspector sends to the browser, decoded again; and its scores. How it looks is for `tests/browser`."""

import io
import json
import zlib

import numpy as np
import pytest
from ipywidgets.embed import dependency_state
from PIL import Image

from vosbook.metrics.boundary import boundary_f
from vosbook.metrics.region import jaccard
from vosbook.video.frames import FrameFolder
from vosbook.view.inspector import Inspector


@pytest.fixture
def video() -> tuple[list, list, list]:
    """Five frames; object 2 appears in the third, and the prediction invents an object 7."""
    frames = [np.full((48, 80, 3), 40 * t, np.uint8) for t in range(5)]
    truth, prediction = [], []
    for t in range(5):
        true = np.zeros((48, 80), np.uint8)
        true[10:30, 5 + 4 * t : 25 + 4 * t] = 1
        if t >= 2:
            true[30:44, 50:70] = 2
        found = np.roll(true, t, 0)
        found[:5, :5] = 7
        truth.append(true)
        prediction.append(found)
    return frames, truth, prediction


def _labels(data: bytes, size: tuple[int, int]) -> np.ndarray:
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(size)


def test_frames_and_masks_survive_the_journey(video):
    frames, truth, prediction = video
    inspector = Inspector(frames, truth=truth, prediction=prediction)
    for t in range(5):
        with Image.open(io.BytesIO(inspector._frames[t])) as image:
            assert image.format == "JPEG" and np.abs(np.asarray(image).astype(int) - frames[t]).max() <= 2
        assert (_labels(inspector._truth[t], (48, 80)) == truth[t]).all()
        assert (_labels(inspector._prediction[t], (48, 80)) == prediction[t]).all()
    assert [(o["id"], o["name"]) for o in inspector._objects] == [(1, "object 1"), (2, "object 2"), (7, "object 7")]


def test_scores_are_those_of_the_metrics(video):
    frames, truth, prediction = video
    inspector = Inspector(frames, truth=truth, prediction=prediction)
    for i, first in ((1, 0), (2, 2)):
        for t in range(first, 5):
            masks = prediction[t] == i, truth[t] == i
            assert inspector.scores[i]["J"][t] == pytest.approx(jaccard(*masks), abs=1e-12)
            assert inspector.scores[i]["F"][t] == pytest.approx(boundary_f(*masks), abs=1e-12)
        assert np.isnan(inspector.scores[i]["J"][:first]).all() and np.isnan(inspector.scores[i]["F"][:first]).all()
    assert set(inspector.scores) == {1, 2}
    sent = {o["id"]: o for o in inspector._objects}
    assert sent[2]["J"][:2] == [None, None] and sent[1]["J"][0] == 1
    assert "J" not in sent[7]


def test_wide_video_is_shrunk_and_scored_at_full_size(video):
    frames, truth, prediction = video
    small = Inspector(frames, truth=truth, prediction=prediction, max_width=40)
    assert small._size == (24, 40)
    assert small.scores[1] == Inspector(frames, truth=truth, prediction=prediction).scores[1]
    assert set(np.unique(_labels(small._prediction[4], (24, 40)))) <= {0, 1, 2, 7}
    with Image.open(io.BytesIO(small._frames[0])) as image:
        assert image.size == (40, 24)


def test_generators_are_read_once(video):
    frames, truth, prediction = video
    inspector = Inspector(iter(frames), truth=iter(truth), prediction=iter(prediction))
    assert len(inspector._frames) == len(inspector._truth) == 5


def test_a_page_can_hold_it(video):
    """The state of a saved page is strict JSON: a NaN would break the page."""
    frames, truth, prediction = video
    inspector = Inspector(frames, truth=truth, prediction=prediction, names={1: "cart"})
    state = dependency_state([inspector])
    assert "cart" in json.dumps(state, allow_nan=False)
    buffers = state[inspector.model_id]["buffers"]
    assert len(buffers) == 15 and all(b["encoding"] == "base64" for b in buffers)
    assert sum(len(b["data"]) for b in buffers) <= inspector.weight * 4 / 3 + 3 * 15
    assert repr(inspector) == "Inspector(5 frames of 80x48, 3 objects)"


def test_what_is_given_decides_the_mode(video):
    frames, truth, prediction = video
    assert Inspector(frames, prediction=prediction).mode == "prediction"
    only_truth = Inspector(frames, truth=truth)
    assert only_truth.mode == "truth" and only_truth.scores == {}
    with pytest.raises(ValueError, match="'errors' needs masks"):
        only_truth.mode = "errors"
    assert Inspector(frames)._objects == []


def test_frames_have_the_names_of_their_files(video, tmp_path):
    frames, truth, _ = video
    for t, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"shot_{10 + 5 * t}.png")
    names = [f"shot_{10 + 5 * t}" for t in range(5)]
    assert Inspector(FrameFolder(tmp_path), truth=truth)._frame_names == names
    assert Inspector(iter(frames), truth=truth)._frame_names == []
    assert Inspector(frames[::2], truth=truth[::2], frame_names=names[::2])._frame_names == names[::2]
    with pytest.raises(ValueError, match="5 names for 3 frames"):
        Inspector(frames[::2], frame_names=names)


def test_frame_is_checked(video):
    inspector = Inspector(video[0])
    inspector.frame = 4
    with pytest.raises(ValueError, match=r"0..4, got 5"):
        inspector.frame = 5
    assert inspector.frame == 4


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frames, truth, found: found.pop(), "prediction ended after 4"),
        (lambda frames, truth, found: frames.pop(), "frames ended after 4"),
        (lambda frames, truth, found: truth.__setitem__(2, truth[2][1:]), r"truth 2 must be uint8 \(48, 80\).*47"),
        (lambda frames, truth, found: found.__setitem__(1, found[1] > 0), "prediction 1 must be uint8.*bool"),
        (lambda frames, truth, found: frames.__setitem__(3, frames[3][:, 1:]), r"frame 3 has shape \(48, 79, 3\)"),
        (lambda frames, truth, found: frames.__setitem__(0, frames[0] / 255), "frame 0 must be uint8.*float64"),
        (lambda frames, truth, found: [part.clear() for part in (frames, truth, found)], "frames is empty"),
    ],
)
def test_bad_input(video, spoil, message):
    spoil(*video)
    frames, truth, prediction = video
    with pytest.raises(ValueError, match=message):
        Inspector(frames, truth=truth, prediction=prediction)
