"""Overlays against hand-computed pixels; videos against the frames that went in."""

import cv2
import numpy as np
import pytest
from PIL import Image

from vosbook.datasets.sequence import Frames
from vosbook.errors import InputError
from vosbook.video.codec import VideoFile
from vosbook.video.frames import FrameFolder
from vosbook.video.labels import VOID
from vosbook.video.masks import MaskFolder, write_mask
from vosbook.view.overlay import (
    ERROR_COLOURS,
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    HIT,
    OBJECT_COLOURS,
    WRONG_OBJECT,
    compare,
    cut_out,
    error_map,
    object_colour,
    outlines,
    overlay,
    render_video,
    write_cut_outs,
)


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((12, 16), np.uint8)
    labels[2:9, 1:7] = 1
    labels[4:12, 9:16] = 3
    return labels


def test_overlay_blends_inside_and_leaves_the_rest(frame, labels):
    before = frame.copy()
    picture = overlay(frame, labels, opacity=0.25, outline=False)
    assert picture.dtype == np.uint8 and (frame == before).all()
    assert (picture[labels == 0] == frame[labels == 0]).all()
    for i in (1, 3):
        expected = np.rint(0.75 * frame[labels == i] + 0.25 * np.array(object_colour(i)))
        assert (picture[labels == i] == expected).all()


def test_outline_is_the_objects_own_rim(frame, labels):
    rim = np.zeros((12, 16), bool)
    rim[2:9, 1:7] = True
    rim[3:8, 2:6] = False
    rim[4, 9:16] = True
    rim[4:12, 9] = True  # the right and lower side lie on the image's border: no rim there
    assert (outlines(labels) == rim).all()
    picture = overlay(frame, labels, opacity=0)
    assert (picture[~rim] == frame[~rim]).all()
    assert (picture[4, 9:16] == object_colour(3)).all()


def test_errors():
    truth = np.array([[0, 0, 1, 1, 1, 2, VOID, VOID]], np.uint8)
    found = np.array([[0, 1, 1, 0, 2, 2, 1, 0]], np.uint8)
    expected = [[0, FALSE_POSITIVE, HIT, FALSE_NEGATIVE, WRONG_OBJECT, HIT, 0, 0]]
    assert error_map(found, truth).tolist() == expected


def test_compare_paints_errors(frame, labels):
    found = np.roll(labels, 2, 1)
    picture = compare(frame, found, labels, opacity=1, outline=False)
    errors = error_map(found, labels)
    assert set(np.unique(errors)) >= {HIT, FALSE_POSITIVE, FALSE_NEGATIVE}
    for kind, colour in ERROR_COLOURS.items():
        assert (picture[errors == kind] == colour).all()


def test_object_colours_start_over_and_void_is_gray():
    assert object_colour(1) == object_colour(1 + len(OBJECT_COLOURS)) == OBJECT_COLOURS[0]
    assert len(set(OBJECT_COLOURS)) == len(OBJECT_COLOURS)
    assert len(set(object_colour(VOID))) == 1


@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_error_colours_stay_apart_for_the_colour_blind(kind):
    """What a dichromat sees, by the linear model of Viénot, Brettel and Mollon (1999): one cone is replaced."""
    to_lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    loss = {"protan": [[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]],
            "deutan": [[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]}[kind]  # fmt: skip
    linear = (np.array(list(ERROR_COLOURS.values())) / 255) ** 2.2
    seen = (linear @ (np.linalg.inv(to_lms) @ loss @ to_lms).T).clip(0, 1) ** (1 / 2.2)
    lab = cv2.cvtColor(seen.astype(np.float32)[None], cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(len(lab), 1)]
    assert distances.min() > 20  # a difference of 2.3 is just noticeable


def test_wrong_arguments(frame, labels):
    with pytest.raises(ValueError, match=r"\(12, 16, 3\).*\(12, 15\)"):
        overlay(frame, labels[:, 1:])
    with pytest.raises(ValueError, match=r"0..1, got 50"):
        overlay(frame, labels, opacity=50)
    with pytest.raises(ValueError, match=r"\(12, 16\) and \(11, 16\)"):
        error_map(labels, labels[1:])


# ------------------------------------------------------------------------------------------------------- video


@pytest.fixture
def folders(tmp_path):
    """Six gray frames of 64x96, and a mask that moves."""
    (tmp_path / "frames").mkdir()
    (tmp_path / "masks").mkdir()
    for t in range(6):
        cv2.imwrite(str(tmp_path / f"frames/{t:05d}.png"), np.full((64, 96, 3), 100, np.uint8))
        labels = np.zeros((64, 96), np.uint8)
        labels[16:48, 8 * t : 8 * t + 32] = 1
        write_mask(tmp_path / f"masks/{t:05d}.png", labels)
    return tmp_path


def test_render_video(folders):
    frames: Frames = FrameFolder(folders / "frames")
    seen = []

    def progress(items, *, total, desc):
        seen.append((total, desc))
        return items

    render_video(frames, MaskFolder(folders / "masks"), folders / "out.mp4", fps=12, progress=progress)
    video = VideoFile(folders / "out.mp4")
    assert (len(video), video.size, video.fps, seen) == (6, (64, 96), 12, [(6, "render")])
    for t, picture in enumerate(video):
        inside = picture[24:40, 8 * t + 8 : 8 * t + 24].reshape(-1, 3).mean(0)
        assert np.abs(inside - (100 + np.array(object_colour(1))) / 2).max() < 12  # the codec loses a little


def test_render_video_names_missing_masks(folders):
    (folders / "masks/00002.png").unlink()
    (folders / "masks/00004.png").unlink()
    with pytest.raises(InputError, match=r"00002.png.*2 of 6"):
        render_video(FrameFolder(folders / "frames"), MaskFolder(folders / "masks"), folders / "out.mp4")
    assert not (folders / "out.mp4").exists()


@pytest.mark.parametrize("write", [render_video, write_cut_outs])
def test_the_masks_of_a_longer_video_are_refused(folders, write):
    (folders / "frames/00005.png").unlink()
    (folders / "frames/00004.png").unlink()
    with pytest.raises(InputError, match=r"00004.png has no frame \(6 masks, 4 frames\): give the masks of this"):
        write(FrameFolder(folders / "frames"), MaskFolder(folders / "masks"), folders / "out.mp4")
    assert not (folders / "out.mp4").exists()


# ---------------------------------------------------------------------------------------------------- cut-outs


def test_a_cut_out_is_the_objects_on_nothing():
    frame = np.random.default_rng(0).integers(1, 256, (6, 8, 3), dtype=np.uint8)
    labels = np.zeros((6, 8), np.uint8)
    labels[1:3], labels[4, :2], labels[5] = 1, 7, 255  # void is no object
    picture = cut_out(frame, labels)
    inside = (labels == 1) | (labels == 7)
    assert picture.dtype == np.uint8 and picture.shape == (6, 8, 4)
    assert (picture[inside, :3] == frame[inside]).all() and (picture[inside, 3] == 255).all()
    assert not picture[~inside].any()


def test_cut_outs_of_a_video(folders):
    write_cut_outs(FrameFolder(folders / "frames"), MaskFolder(folders / "masks"), folders / "cut")
    assert sorted(p.name for p in (folders / "cut").iterdir()) == [f"{t:05d}.png" for t in range(6)]
    with Image.open(folders / "cut/00003.png") as image:
        assert image.mode == "RGBA"
        picture = np.asarray(image)
    assert (picture[16:48, 24:56] == (100, 100, 100, 255)).all() and picture[..., 3].sum() == 255 * 32 * 32


def test_cut_outs_are_whole_or_absent(folders):
    (folders / "masks/00002.png").unlink()
    with pytest.raises(InputError, match=r"00002.png"):
        write_cut_outs(FrameFolder(folders / "frames"), MaskFolder(folders / "masks"), folders / "cut")
    (folders / "masks/00002.png").write_bytes((folders / "masks/00001.png").read_bytes())
    with pytest.raises(InputError, match=r"masks is not empty"):
        write_cut_outs(FrameFolder(folders / "frames"), MaskFolder(folders / "masks"), folders / "masks")
    assert sorted(p.name for p in folders.iterdir()) == ["frames", "masks"]
