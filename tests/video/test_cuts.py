"""Cuts are found between real sequences, and none within them."""

import numpy as np
import pytest

from vosbook.video.cuts import colours, difference, is_cut
from vosbook.video.files import list_images
from vosbook.video.images import read_image


def test_colours_are_shares_of_the_frame():
    frame = np.zeros((72, 128, 3), np.uint8)
    frame[:, 32:] = (255, 255, 0)
    found = colours(frame)
    assert found.shape == (512,) and found.sum() == pytest.approx(1)
    assert found[0] == pytest.approx(0.25) and found[7 * 64 + 7 * 8] == pytest.approx(0.75)
    other = np.zeros((90, 160, 3), np.uint8)
    other[45:] = (255, 255, 0)
    assert difference(found, colours(other)) == pytest.approx(0.25, abs=0.01)
    assert difference(found, found) == 0 and difference(colours(frame * 0), colours(frame * 0 + 99)) == 1


def test_a_small_object_that_appears_is_no_cut_and_another_scene_is():
    noise = np.random.default_rng(0).integers(0, 256, (4, 36, 64, 3))
    scene, other = (
        np.kron(n // 2 + add, np.ones((5, 5, 1))).astype(np.uint8) for n, add in ((noise[0], 0), (noise[1], 120))
    )
    changed = scene.copy()
    changed[40:110, 60:160] = 255
    assert not is_cut(colours(scene), colours(np.roll(scene, 20, axis=1)))
    assert not is_cut(colours(scene), colours(changed))
    assert is_cut(colours(scene), colours(other))


def test_real_sequences_have_no_cut_and_every_two_of_them_have_one(davis):
    """Every tenth frame with the next; all pairs of the thirty were measured once (see CUT)."""
    root = davis / "DAVIS2016"
    lines = (root / "ImageSets/480p/train.txt").read_text().splitlines()
    sequences = sorted({line.split("/")[-2] for line in lines if line.strip()})[::4]
    first = {}
    for name in sequences:
        files = list_images(root / "JPEGImages/480p" / name)
        first[name] = colours(read_image(files[0]))
        for t in range(0, len(files) - 1, 10):
            assert not is_cut(colours(read_image(files[t])), colours(read_image(files[t + 1]))), (name, t)
    missed = [(a, b) for a in first for b in first if a < b and not is_cut(first[a], first[b])]
    assert missed == []
