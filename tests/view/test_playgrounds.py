"""What the playgrounds say and draw in every state, against the mathematics. How they move is for `tests/browser`."""

import json
import re

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from skimage.segmentation import watershed

from vosbook.target_model.loss import pixel_weights
from vosbook.target_model.memory import SampleMemory
from vosbook.target_model.stencil import normal_stencil
from vosbook.view.playgrounds.bidding import RAISE, bidding
from vosbook.view.playgrounds.cutting import cutting
from vosbook.view.playgrounds.descent import CONDITIONS, SLANT, STEPS, descent
from vosbook.view.playgrounds.flooding import flooding
from vosbook.view.playgrounds.forgetting import FRAMES, RATES, forgetting, weights
from vosbook.view.playgrounds.mixing import mixing
from vosbook.view.playgrounds.player import Layer, Playground, Slider
from vosbook.view.playgrounds.tuning import tuning

SLIDERS = (Slider("x", ["a", "b"], start=1), Slider("y", ["1", "2", "3"], start=2))
SMALL = Playground(
    size=(10, 20),
    sliders=SLIDERS,
    layers=(Layer((1,), ["one", "two", "three"]),),
    words=["a1", "a2", "a3", "b1", "b2", "b3 </script> & c"],
    alt='a "box"',
)


def states(playground: Playground) -> dict:
    """What the page's script is given."""
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', playground.html(), re.DOTALL)[1])


def test_a_playground_starts_as_its_sliders_say_and_keeps_all_states():
    page = SMALL.html()
    assert '<svg viewBox="0 0 10 20" role="img" aria-label="a &quot;box&quot;"><g data-layer>three</g></svg>' in page
    assert ">b3 &lt;/script&gt; &amp; c</p>" in page
    assert states(SMALL) == {
        "sliders": [["a", "b"], ["1", "2", "3"]],
        "layers": [{"by": [1], "drawn": ["one", "two", "three"]}],
        "words": list(SMALL.words),
    }
    assert page.count('type="range"') == 2 and 'max="2" value="2"' in page


@pytest.mark.parametrize("wrong", [{"words": ["a1"]}, {"layers": (Layer((0, 1), ["one"]),)}])
def test_a_state_that_is_not_drawn_is_refused(wrong):
    parts = {"size": (1, 1), "sliders": SLIDERS, "layers": SMALL.layers, "words": SMALL.words, "alt": "x"}
    with pytest.raises(ValueError, match=r"\(0, 1\) have 6 states, of which 1 are drawn"):
        Playground(**parts | wrong)


def test_steepest_descent_shrinks_as_its_formula_says_and_conjugate_gradient_is_there_after_two_steps():
    said = np.reshape(descent().words, (len(CONDITIONS), len(STEPS)))
    for condition, words in zip(CONDITIONS, said):
        # The gradient's slant t turns to -1/t with every step, and the value shrinks by the same factor.
        t = SLANT
        factor = (condition - 1) ** 2 * t**2 / ((1 + condition * t**2) * (condition + t**2))
        for n, one in enumerate(words):
            assert one.startswith(f"Condition number {condition}, {n} step")
            down, conjugate = re.findall(r"(?:descent|gradient) (is there|has [\d.e+-]+ %)", one)
            left = factor**n
            if left < 1e-12:
                assert down == "is there"
            else:
                assert float(down[4:-2]) == pytest.approx(100 * left, rel=0.006)  # three digits are written
            assert (conjugate == "is there") == (n >= (1 if condition == 1 else 2))


@pytest.mark.parametrize("eta", RATES)
def test_weights_are_those_of_the_librarys_memory(eta):
    memory = SampleMemory(k_max=60, eta=eta)
    z, y = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 8, 8)
    memory.fill(z, *normal_stencil(y, pixel_weights(y, kappa_min=0.1), grid=(4, 4)), torch.ones(1))
    for n in range(1, max(FRAMES) + 1):
        memory.insert(z, y)
        np.testing.assert_allclose(weights(eta, n), memory.gamma.numpy(), rtol=1e-12)


def test_the_memory_says_what_it_has_forgotten():
    words = np.reshape(forgetting().words, (len(RATES), len(FRAMES)))
    said = words[RATES.index(0.1), FRAMES.index(20)]
    assert "the first frame has 12.2 % of the weight, the newest 10 %" in said  # 0.9 ** 20
    assert "halved every 6.6 inserts" in said
    assert words[0, 0].startswith("Nothing has been inserted")


def test_water_rises_to_all_lakes():
    surface = np.random.default_rng(0).random((12, 16))
    words = flooding(surface).words
    lakes = watershed(surface).max()
    assert words[0].startswith("Level 0.0") and f" 1 of the {lakes} lakes" in words[0]
    assert "100 % of the ground" in words[-1] and f" {lakes} of the {lakes} lakes" in words[-1]
    assert words[-1].endswith("they would now be 1.")
    for flat in (np.zeros((3, 4)), np.zeros(3)):
        with pytest.raises(ValueError, match="not flat"):
            flooding(flat)


@pytest.mark.parametrize("seed", range(20))
def test_the_auction_ends_with_the_best_matching_within_what_bids_add(seed):
    generator = np.random.default_rng(seed)
    objects = int(generator.integers(1, 4))
    gains = generator.random((objects + int(generator.integers(1, 3)), objects))
    last = bidding(gains, ["bee", "cup", "dog"][:objects])
    rows, columns = linear_sum_assignment(-gains)
    total = float(re.search(r"with a sum of ([\d.]+)\.", last.words[-1])[1])
    assert gains[rows, columns].sum() - objects * RAISE - 0.005 <= total <= gains[rows, columns].sum() + 0.005
    assert last.layers[0].drawn[-1].count("✓") == objects


@pytest.mark.parametrize(("shape", "names"), [((1, 1), ["a"]), ((2, 3), ["a", "b", "c"]), ((3, 2), ["a"])])
def test_an_auction_that_cannot_end_is_refused(shape, names):
    with pytest.raises(ValueError, match="gains are"):
        bidding(np.ones(shape), names)


def test_a_mixture_is_written_out():
    f1, f2 = np.full((9, 16), 2.0), np.full((9, 16), -1.0)
    words = mixing(f1, f2, at=(4, 5)).words
    assert words[3].startswith("In the framed pixel 0.3 · (2.0) + 0.7 · (-1.0) = -0.1, a probability of 0.48. 0 %")
    assert words[4].endswith("100 % of all pixels are above one half.")
    with pytest.raises(ValueError, match="a pixel in them"):
        mixing(f1, f2, at=(9, 0))


def test_tuning_says_the_records_numbers():
    curves = {"parent": {"mean": {"0": 0.5, "10": 0.75}, "goat": {"0": 0.2, "10": 0.4}}}
    curves["backbone"] = {name: {n: value / 2 for n, value in by.items()} for name, by in curves["parent"].items()}
    words = tuning(curves).words
    assert words[0] == "mean, 0 steps of tuning: J&F 50.0 % from parent, 25.0 % from backbone."
    assert words[3] == "goat, 10 steps of tuning: J&F 40.0 % from parent, 20.0 % from backbone."
    with pytest.raises(ValueError, match="with the same names and steps"):
        tuning(curves | {"other": {"mean": {"0": 0.1}}})


def test_superpixels_vote_at_every_level():
    """Two regions with a border of .55: at lower levels the vote mends a mask, at higher ones it cannot."""
    frame, truth = np.full((24, 40, 3), 90, np.uint8), np.zeros((24, 40), bool)
    truth[:, :14] = True
    contours = np.where(np.arange(40) == 14, 0.55, 0.0) * np.ones((24, 1))
    mask = truth.copy()
    mask[:6, :14] = False
    made = cutting(frame, mask, truth, contours)
    assert made.words[0].startswith("Level 0.02: 2 superpixels. Their vote gives a mask of J ")
    assert float(made.words[0].split("of J ")[1][:4]) >= 0.93 and made.words[0].endswith("has 0.75.")
    assert made.words[-1].startswith("Level 0.8: 1 superpixels. Their vote gives a mask of J 0.00;")
    with pytest.raises(ValueError, match="of one size"):
        cutting(frame, mask[:, 1:], truth, contours)
