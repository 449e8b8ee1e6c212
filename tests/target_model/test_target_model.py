"""The target model end to end, against the same sequence of calls on the textbook form."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vosbook.target_model.gauss_newton import AutogradProblem, gauss_newton
from vosbook.target_model.loss import pixel_weights, residuals, target_scores
from vosbook.target_model.model import FAST, TargetModel, TargetModelConfig, first_frame_weights, initial_weights
from vosbook.target_model.stencil import normal_stencil

CONFIG = TargetModelConfig(c=6, k_max=7, cg_first=(3, 5), cg_update=5)
GRID, SIZE, CHANNELS = (6, 9), (96, 143), 10


def video(frames: int, *, dtype=torch.double) -> tuple[torch.Tensor, torch.Tensor]:
    """Features `(T, C, h, w)` that differ inside a moving square, and its labels `(T, 1, H, W)`."""
    generator = torch.Generator().manual_seed(0)
    y = torch.zeros(frames, 1, *SIZE, dtype=dtype)
    for t in range(frames):
        y[t, :, 20 : 60 + t, 20 + 4 * t : 70 + 4 * t] = 1
    inside = F.interpolate(y, size=GRID, mode="area")
    object_, background = torch.randn(2, 1, CHANNELS, 1, 1, dtype=dtype, generator=generator)
    noise = torch.randn(frames, CHANNELS, *GRID, dtype=dtype, generator=generator)
    return inside * object_ + (1 - inside) * background + 0.3 * noise, y


def textbook_track(x: torch.Tensor, y: torch.Tensor, gammas: list[torch.Tensor], kept: list[list[int]]):
    """w after the first frame (5 samples), and after every later update, with autograd and no stencil anywhere."""
    v, w = pixel_weights(y), tuple(w_j.to(x) for w_j in initial_weights(CHANNELS, CONFIG.c, seed=0))

    def problem(features, index, gamma, lambda_):
        return AutogradProblem(
            lambda w: residuals(w, features[index], y[index], v[index], gamma, lambda_=lambda_), lambda_
        )

    first = problem(x, kept[0], first_frame_weights(5).double(), CONFIG.lambda_)
    w = gauss_newton(first, w, cg_iterations=CONFIG.cg_first)
    z = F.conv2d(x, w[0])
    for index, gamma in zip(kept, gammas):
        update = problem(z, index, gamma, CONFIG.lambda_[1:])
        w = w[0], *gauss_newton(update, w[1:], cg_iterations=(CONFIG.cg_update,))
        yield w


def test_a_track_equals_the_textbook_s():
    """Learn, insert four frames into a memory with room for two of them, update after each, compare every w.

    With a shorter schedule than the paper's: over 45 CG iterations, rounding alone makes two runs differ.
    """
    x, y = video(9)
    model = TargetModel(CONFIG)
    model.learn_first_frame(x[:5], y[:5])
    place = list(range(5))  # frame in every place of the memory
    ws, gammas, kept = [model.w], [model.memory.gamma], [list(place)]
    for t in range(5, 9):
        assert model.insert(x[t : t + 1], y[t : t + 1])
        model.update()
        place[model.memory.newest : model.memory.newest + 1] = [t]
        ws.append(model.w)
        gammas.append(model.memory.gamma)
        kept.append(list(place))
    assert [len(k) for k in kept] == [5, 6, 7, 7, 7] and 8 in kept[-1]
    for w, expected in zip(ws, textbook_track(x, y, gammas, kept), strict=True):
        torch.testing.assert_close(w, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("first_frame_share", [0.0, 0.4])
def test_a_track_on_summed_equations_is_that_on_all_samples(first_frame_share):
    """As long as nothing is evicted, the two memories give the same w after every update."""
    x, y = video(12)
    config = replace(CONFIG, k_max=12, first_frame_share=first_frame_share)
    models = TargetModel(config), TargetModel(replace(config, memory="gram"))
    for model in models:
        model.learn_first_frame(x[:5], y[:5])
    for t in range(5, 12):
        torch.testing.assert_close(models[0].w, models[1].w, rtol=1e-6, atol=1e-8)
        for model in models:
            model.insert(x[t : t + 1], y[t : t + 1])
            model.update()
    torch.testing.assert_close(models[0].w, models[1].w, rtol=1e-6, atol=1e-8)


def test_it_learns_to_tell_the_target_from_its_surroundings():
    """In single precision, on a frame that it has not seen."""
    x, y = video(8, dtype=torch.float)
    model = TargetModel(CONFIG)
    model.learn_first_frame(x[:5], y[:5])
    s = F.interpolate(model.scores(x[7:]), size=SIZE, mode="bilinear")
    found, truth = s > 0.5, y[7:] > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.75
    torch.testing.assert_close(model.scores(x), target_scores(x, model.w))


def test_the_random_start_is_that_of_new_convolutions_and_the_same_for_every_object():
    torch.manual_seed(5)
    first, second = nn.Conv2d(10, 6, 1, bias=False), nn.Conv2d(6, 1, 3, bias=False)
    w = initial_weights(10, 6, seed=5)
    torch.testing.assert_close(w, (first.weight.detach(), second.weight.detach()), rtol=0, atol=0)
    state = torch.get_rng_state()
    initial_weights(10, 6, seed=5)
    assert torch.equal(torch.get_rng_state(), state)  # the global generator is not touched


def test_learning_again_begins_anew():
    x, y = video(6)
    model, fresh = TargetModel(CONFIG), TargetModel(CONFIG)
    model.learn_first_frame(x[1:6], y[1:6])
    model.insert(x[:1], y[:1])
    model.learn_first_frame(x[:5], y[:5])
    fresh.learn_first_frame(x[:5], y[:5])
    torch.testing.assert_close(model.w, fresh.w, rtol=0, atol=0)
    for one in (model, fresh):
        one.insert(x[5:], y[5:])
    assert model.memory.gamma.tolist() == fresh.memory.gamma.tolist()


def test_a_frame_with_fewer_than_ten_target_pixels_is_not_remembered():
    x, y = video(6)
    model = TargetModel(CONFIG)
    model.learn_first_frame(x[:5], y[:5])
    nine, ten = torch.zeros(2, 1, 1, *SIZE, dtype=torch.double)
    nine[0, 0, 0, :9], ten[0, 0, 0, :10] = 0.9, 0.6
    assert not model.insert(x[:1], nine) and len(model.memory) == 5
    assert not model.insert(x[:1], torch.full_like(nine, 0.5)) and len(model.memory) == 5
    assert model.insert(x[:1], ten) and len(model.memory) == 6


def test_an_update_leaves_w1_and_the_scores_it_gave_before():
    x, y = video(6)
    model = TargetModel(CONFIG)
    model.learn_first_frame(x[:5], y[:5])
    before, scores = model.w, model.scores(x)
    copies = [w_j.clone() for w_j in before], scores.clone()
    model.insert(x[5:], y[5:])
    model.update()
    assert torch.equal(model.w[0], before[0]) and not torch.equal(model.w[1], before[1])
    torch.testing.assert_close((list(before), scores), copies, rtol=0, atol=0)


def test_every_setting_reaches_the_memory():
    config = TargetModelConfig(c=4, k_max=6, eta=0.25, kappa_min=0.4, cg_first=(2,))
    x, y = video(6)
    model = TargetModel(config)
    model.learn_first_frame(x[:5], y[:5])
    model.insert(x[5:], y[5:])
    a, b = normal_stencil(y, pixel_weights(y, kappa_min=0.4), grid=GRID)
    quadratic = model.memory.quadratic()
    torch.testing.assert_close((quadratic.a, quadratic.b), (a, b))
    assert model.memory.gamma[-1].item() == pytest.approx(0.25)
    assert model.memory.k_max == 6
    for memory in ("samples", "gram"):
        other = TargetModel(replace(config, memory=memory, first_frame_share=0.9)).memory
        assert (other.eta, other.kappa_min, other.first_frame_share) == (0.25, 0.4, 0.9)


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match='memory is "samples" or "gram", got \'list\''):
        TargetModelConfig(memory="list")
    for share in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"under 1, got {share}"):
            TargetModelConfig(first_frame_share=share)


def test_bool_labels_serve_as_well():
    x, y = video(5)
    one, other = TargetModel(CONFIG), TargetModel(CONFIG)
    one.learn_first_frame(x, y)
    other.learn_first_frame(x, y > 0.5, torch.tensor([2, 1, 1, 1, 1]) / 6)
    torch.testing.assert_close(one.w, other.w)


def test_nothing_works_before_the_first_frame():
    with pytest.raises(RuntimeError, match="learn_first_frame first"):
        TargetModel(CONFIG).scores(torch.zeros(1, CHANNELS, *GRID))


def test_the_settings_are_the_paper_s():
    assert first_frame_weights(5).tolist() == pytest.approx([2 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6])
    assert (sum(TargetModelConfig().cg_first), sum(FAST.cg_first), FAST.cg_update) == (45, 35, 5)
    assert FAST.k_max == 80 and FAST.eta == 0.1 and FAST.t_s == 8 and FAST.c == 96
    assert FAST.memory == "samples" and FAST.first_frame_share == 0


# ------------------------------------------------------------------------------------------------ objects that are hard


def overlap(model: TargetModel, x: torch.Tensor, y: torch.Tensor) -> float:
    """Intersection over union of the upsampled scores above one half, with labels of one half or more."""
    found, truth = F.interpolate(model.scores(x), size=SIZE, mode="bilinear") > 0.5, y > 0.5
    return ((found & truth).sum() / (found | truth).sum()).item()


both_memories = pytest.mark.parametrize("memory", ["samples", "gram"])


@both_memories
def test_ten_pixels_are_found_and_nine_are_lost_without_harm(memory):
    """Nine pixels count for no more than nine of the background (see `target_influence`): no score comes near 1."""
    x, _ = video(6)
    x[:, :, 3, 4] = 3  # a cell that stands out, with the object in its middle
    best = {}
    for pixels in (10, 9):
        y = torch.zeros(6, 1, *SIZE, dtype=torch.double)
        y[:, :, 55, 69:74] = 1
        y[:, :, 56, 69 : 64 + pixels] = 1
        model = TargetModel(replace(CONFIG, memory=memory))
        model.learn_first_frame(x[:5], y[:5])
        assert model.insert(x[5:], y[5:]) == (pixels == 10)
        model.update()
        best[pixels] = model.scores(x[5:]).flatten().max(0)
    assert best[10].indices == 3 * GRID[1] + 4 and best[10].values == pytest.approx(1, abs=0.05)
    assert best[9].values < 0.1


@both_memories
def test_an_object_that_covers_the_frame_is_found_everywhere(memory):
    x, _ = video(8)
    y = torch.ones(8, 1, *SIZE, dtype=torch.double)
    model = TargetModel(replace(CONFIG, memory=memory))
    model.learn_first_frame(x[:5], y[:5])
    for t in range(5, 7):
        assert model.insert(x[t : t + 1], y[t : t + 1])
        model.update()
    assert model.scores(x[7:]).isfinite().all() and overlap(model, x[7:], y[7:]) > 0.9


@both_memories
def test_an_object_that_vanishes_for_thirty_frames_is_known_when_it_returns(memory):
    """While it is away there is nothing to remember, so nothing is forgotten."""
    x, y = video(8)
    model = TargetModel(replace(CONFIG, memory=memory))
    model.learn_first_frame(x[:5], y[:5])
    for t in range(5, 7):
        model.insert(x[t : t + 1], y[t : t + 1])
    model.update()
    w, before = model.w, overlap(model, x[7:], y[7:])
    f = torch.randn(9, CONFIG.c, dtype=torch.double)
    hessian = model.memory.quadratic().hessian(f)
    for _ in range(30):
        assert not model.insert(x[7:], torch.zeros_like(y[7:]))
    assert torch.equal(model.memory.quadratic().hessian(f), hessian)
    model.update()
    assert model.w[0] is w[0]
    assert overlap(model, x[7:], y[7:]) > 0.7 and abs(overlap(model, x[7:], y[7:]) - before) < 0.1


def test_twenty_objects_do_not_touch_one_another():
    """Learned and updated in turn, each is bitwise what it is alone."""
    x, y = video(6)
    masks = [y.roll((2 * i, 3 * i), dims=(2, 3)) for i in range(20)]

    def learn(model, mask):
        model.learn_first_frame(x[:5], mask[:5])

    def follow(model, mask):
        model.insert(x[5:], mask[5:])
        model.update()

    together = [TargetModel(CONFIG) for _ in masks]
    for step in (learn, follow):
        for model, mask in zip(together, masks):
            step(model, mask)
    for model, mask in zip(together, masks):
        alone = TargetModel(CONFIG)
        learn(alone, mask)
        follow(alone, mask)
        assert torch.equal(alone.w[0], model.w[0]) and torch.equal(alone.w[1], model.w[1])
    assert len({model.w[1].sum().item() for model in together}) == 20
