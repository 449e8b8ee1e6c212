# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Soft IoU and Hungarian matching
#
# A network that is given no mask has to find the objects of a video itself, and answers with a *set* of masks: one in
# each of its *slots*. The objects in the file come in some order too, but it means nothing. Hold every slot to the
# object that happens to have its number, and all slots learn the same: paint everything. Match slots and objects first,
# and each slot learns to paint one. This chapter builds the two parts of that: a loss that compares two masks, and the
# assignment of masks to objects that makes it smallest.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import math
import time
from itertools import pairwise, permutations

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle
from scipy.optimize import linear_sum_assignment
from torch import nn

from checks import ch11
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.matching import match, pairwise_soft_iou, soft_iou_loss, take_slots
from vosbook.matching import soft_iou as library_soft_iou
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.view.overlay import overlay
from vosbook.view.plots import image_row, new_figure, show

# %% [markdown]
# The scenes are plain, so that nothing but the order is in the way: two or three equal discs, anywhere. The network is
# a stack of five convolutions that ends in three channels, its slots. It is trained twice, from the same weights, on
# the same scenes, with the same loss. Once slot $m$ is compared with object $m$ of the list, once with the object that
# matching gives it. Run the next two cells and look at the picture; sections 1 to 5 build what they use of the
# library.

# %%
SIZE, RADIUS, SLOTS = (16, 32), 3, 3
rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5


def scene(seed):
    """A frame (H, W), about 0..1, and the masks of its discs, bool (M, H, W), M = 2 or 3."""
    rng = np.random.default_rng(seed)
    count, centres = rng.integers(2, 4), []
    while len(centres) < count:
        one = rng.uniform(RADIUS, np.array(SIZE) - RADIUS)
        if all(np.hypot(*(one - other)) > 2 * RADIUS + 1.5 for other in centres):
            centres.append(one)
    discs = np.stack([np.hypot(rows - y, columns - x) < RADIUS for y, x in centres])
    noise = 0.05 * rng.standard_normal(SIZE)
    return np.where(discs.any(axis=0), 0.9, 0.4) + noise, discs


def scenes(first, count):
    """Frames (B, 1, H, W), masks (B, SLOTS, H, W), and which of them are objects, (B, SLOTS)."""
    frames, y = torch.zeros(count, 1, *SIZE), torch.zeros(count, SLOTS, *SIZE)
    for n in range(count):
        frame, discs = scene(first + n)
        frames[n, 0], y[n, : len(discs)] = torch.tensor(frame), torch.tensor(discs)
    return frames, y, y.any(dim=(2, 3))


class Slots(nn.Module):
    """Frames (B, 1, H, W) -> probabilities (B, SLOTS, H, W)."""

    def __init__(self, width=16):
        super().__init__()
        x, y = columns / SIZE[1] * 2 - 1, rows / SIZE[0] * 2 - 1
        self.register_buffer("place", torch.tensor(np.stack([x, y])).float())
        layers = [nn.Conv2d(3, width, 5, padding=2), nn.ReLU()]
        for d in (2, 4, 8):  # so that a pixel comes to know of all discs
            layers += [nn.Conv2d(width, width, 3, padding=d, dilation=d), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, SLOTS, 3, padding=1))

    def forward(self, frames):
        places = self.place.expand(len(frames), -1, -1, -1)  # where a pixel is
        return self.layers(torch.cat([frames, places], dim=1)).sigmoid()


# %%
settings = load_profile(profile).of("matching")
TEST = 10**6  # scenes from here on are for testing
frames, y, valid = scenes(TEST, settings["test"])


def jaccards(p, y):
    """J of masks bool (B, M, H, W) -> (B, M)."""
    return (p & y).sum(dim=(2, 3)) / (p | y).sum(dim=(2, 3)).clamp(min=1)


def learn(network, matched, rate=6e-3, every=20):
    """Adam on new scenes in every step; the history on the test scenes, an entry a report."""
    optimizer, history = torch.optim.Adam(network.parameters()), []
    for step in range(settings["steps"]):
        warm, late = min(1, (step + 1) / 20), step > 0.75 * settings["steps"]
        optimizer.param_groups[0]["lr"] = rate * warm * (0.2 if late else 1)
        x, truth, real = scenes(settings["batch"] * step, settings["batch"])
        p = network(x)
        taken = take_slots(p, match(p, truth, real)) if matched else p  # (B, M, H, W)
        loss = soft_iou_loss(taken[:, None], truth[:, None], real)  # clips of one frame
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % every == every - 1:
            with torch.no_grad():
                p = network(frames)
            slots = match(p, y, valid)  # (B, M)
            J = jaccards(take_slots(p, slots) > 0.5, y > 0)[valid].mean()
            history.append({"step": step + 1, "J": J.item(), "slots": slots})
    return history


networks, histories = {}, {}
for name, matched in (("by the list", False), ("matched", True)):
    torch.manual_seed(settings["seed"])
    networks[name] = Slots()
    histories[name] = learn(networks[name], matched)
    print(f"{name:<12} J on test scenes {histories[name][-1]['J']:.2f}")
assert histories["matched"][-1]["J"] > histories["by the list"][-1]["J"] + 0.2

# %% [markdown]
# The score gives both networks the best order of their slots: it is not the order that the first one is bad at. In the
# picture, the three masks that each network answers. Of the test scenes with three discs it is the one whose score is
# in the middle.

# %%
with torch.no_grad():
    answers = {name: network(frames) for name, network in networks.items()}
masks = take_slots(answers["matched"], histories["matched"][-1]["slots"]) > 0.5
score = jaccards(masks, y > 0).mean(dim=1)  # (B,)
three = torch.nonzero(valid.all(dim=1))[:, 0]
n = int(three[score[three].argsort()[len(three) // 2]])
show(
    image_row(
        [
            picture.numpy()
            for p in answers.values()
            for picture in (frames[n, 0].clamp(0, 1), *p[n])
        ],
        [
            title
            for name in answers
            for title in (name, *(f"slot {i}" for i in range(SLOTS)))
        ],
        columns=4,
        limits=(0, 1),
    ),
    alt="Two rows: a frame with three discs, then three masks. Trained by the list, all "
    "three slots paint all three discs. Trained with matching, each slot paints one "
    "disc, a different one each.",
    caption="Left the frame, then the slots' probabilities from 0 (dark) to 1 (yellow).",
)

# %% [markdown]
# ## Goals
#
# After this chapter you can
#
# - write soft IoU, say what its gradient does, and what it does with empty masks;
# - say why a set of answers must be matched, and show that taking the best pair first is not good enough;
# - match batches that are padded to the same number of objects;
# - say which slots learn from a match, and what may change when a clip is matched once, on its first frame.

# %% [markdown]
# ## 1 An IoU with a gradient
#
# $\mathcal J$ counts pixels of masks that are 0 or 1. A network's answer $p$ lies in between, and its threshold has no
# gradient: move $p$ a little and no pixel changes sides. The remedy is to write intersection and union so that they
# make sense for numbers in 0..1, and leave the threshold out. With $p_n$ and $y_n$ at pixel $n$,
#
# $$\text{soft IoU}(p, y) = \frac{I}{U}, \quad
# I = \sum_n p_n y_n, \quad U = \sum_n (p_n + y_n - p_n y_n).$$
#
# Where $p$ is 0 or 1, $p_n y_n$ is 1 in the intersection and $p_n + y_n - p_n y_n$ is 1 in the union: the formula is
# $\mathcal J$. A small $\epsilon$ in the denominator keeps it defined where both masks are empty. RVOS's loss is
# $1 - \text{soft IoU}$ and nothing else. (Exercise 11.1 asks for the formula in numpy.)


# %% tags=["equals-library"]
def soft_iou(p, y, epsilon=1e-6):
    """p and y (..., H, W) -> (...)."""
    both = (p * y).sum(dim=(-2, -1))
    return both / ((p + y).sum(dim=(-2, -1)) - both + epsilon)


p_try, y_try = torch.rand(4, 3, 9, 11), (torch.rand(4, 3, 9, 11) > 0.7).float()
torch.testing.assert_close(soft_iou(p_try, y_try), library_soft_iou(p_try, y_try))
hard = soft_iou((p_try > 0.5).float(), y_try)
for k in np.ndindex(4, 3):
    assert np.isclose(hard[k], jaccard(p_try[k].numpy() > 0.5, y_try[k].numpy() > 0.5))
print("equal to the library's; of masks that are 0 or 1, equal to J")

# %% [markdown]
# Slide a disc with a soft rim over the true one, in steps of a twentieth of a pixel. $\mathcal J$ of the thresholded
# disc is a flight of stairs, as a closer look shows: level almost everywhere, with a jump where a pixel changes sides.
# Soft IoU is smooth, and slopes towards the right place from wherever the two overlap. It stays below 1 even at the
# right place, since the rim is not certain.


# %%
def disc(x, *, softness=0.0, radius=5, size=(24, 40)):
    """A disc centred at (x, 12), as probabilities (H, W); its rim has a softness in pixels."""
    across, down = np.meshgrid(np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5)
    inside = radius - np.hypot(across - x, down - 12)  # pixels from the rim
    return torch.tensor(inside / softness if softness else inside * 1e9).sigmoid()


shifts = np.arange(-8, 8.01, 0.05)
y_disc = disc(20)
smooth = [soft_iou(disc(20 + s, softness=1), y_disc) for s in shifts]
stairs = [
    jaccard(disc(20 + s, softness=1).numpy() > 0.5, y_disc.numpy() > 0.5)
    for s in shifts
]
figure, axes = new_figure(1, 2, height=2.8)
for panel, limits in zip(axes[0], ({"ylim": (0, 1.02)}, {"xlim": (3, 4)})):
    panel.plot(shifts, stairs, label="J at one half", linewidth=1.5)
    panel.plot(shifts, smooth, label="soft IoU")
    panel.set(xlabel="shift, pixels", **limits)
axes[0, 1].set_ylim(0.3, 0.5)
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2
)
show(
    figure,
    alt="J and soft IoU of a disc against its shift from the true place. Both peak at "
    "zero and fall on either side. Right, a part of one pixel, enlarged: J is level and "
    "falls in jumps, soft IoU falls smoothly.",
)

# %% [markdown]
# ## 2 What its gradient does
#
# By the rule for quotients, with $\partial I / \partial p_n = y_n$ and $\partial U / \partial p_n = 1 - y_n$,
#
# $$\begin{aligned} \frac{\partial}{\partial p_n} \frac{I}{U} &= \frac{y_n\, U - (1 - y_n)\, I}{U^2} \\
# &= \begin{cases} 1 / U & \text{on the object} \\ -I / U^2 & \text{off it.} \end{cases} \end{aligned}$$
#
# Two numbers for the whole frame, whatever $p$ is at the pixel itself.

# %%
p_disc = disc(22, softness=1).requires_grad_()
soft_iou(p_disc, y_disc).backward()
with torch.no_grad():
    both, union = (p_disc * y_disc).sum(), (p_disc + y_disc - p_disc * y_disc).sum()
by_hand = torch.where(y_disc > 0.5, 1 / union, -both / union**2)
torch.testing.assert_close(p_disc.grad, by_hand, rtol=1e-4, atol=0)
on, off = (p_disc.grad[y_disc == inside].mean() for inside in (1, 0))
print(f"on the object {on:.5f}, off it {off:.5f}")
print(f"ratio {off / on:.3f}; minus soft IoU {-soft_iou(p_disc, y_disc):.3f}")
show(
    image_row(
        [p_disc.detach().numpy(), y_disc.numpy(), (p_disc.grad * union).numpy()],
        ["p", "y", "gradient, times U"],
        limits=(-1, 1),
        colour_map="RdBu_r",
    ),
    alt="Three maps: a disc with a soft rim, the true disc a little to its left, and the "
    "gradient, which is 1 everywhere on the true disc and about minus one half "
    "everywhere off it.",
    caption="Red is positive, blue negative, white zero.",
)

# %% [markdown]
# Two things follow. The worse the answer, the less a pixel painted in error counts: its share is soft IoU itself. A
# network that finds nothing yet is pulled towards painting *more*. And since $U$ is of the order of the object's area,
# the gradients of all its pixels together do not depend on the area. A small object pulls as hard as a large one, and
# under the mean binary cross-entropy of chapter 07 it does not (exercise 11.2 is this gradient, by the logits):

# %%
print("radius   soft IoU: pull   cross-entropy: pull")
for radius in (2, 4, 8):
    y_one = disc(20, radius=radius)
    pulls = []
    for loss in (lambda p, y: 1 - soft_iou(p, y), F.binary_cross_entropy):
        p_one = (0.5 * y_one).requires_grad_()  # half certain on it, nothing off it
        loss(p_one, y_one).backward()
        pulls.append(-p_one.grad[y_one > 0.5].sum())
    print(f"{radius:>6} {pulls[0]:>16.2f} {pulls[1]:>21.3f}")

# %% [markdown]
# ### Empty masks
#
# What if there is nothing to intersect? An object that has left the view has an empty $y$, and a network may well
# answer with an empty $p$.

# %%
nothing, everything = torch.zeros(6, 6), torch.ones(6, 6)
print(f"{'p':<5}{'y':<6}{'soft IoU':>9}{'J at .5':>9}{'max. slope':>12}")
for p_value, y_value in ((0, 0), (0.3, 0), (1, 0), (0, 1), (0.3, 1), (1, 1)):
    p_one, y_one = (p_value * everything).requires_grad_(), y_value * everything
    value = soft_iou(p_one, y_one)
    value.backward()
    J = jaccard(p_one.detach().numpy() > 0.5, y_one.numpy() > 0.5)
    kind = "full" if y_value else "empty"
    print(f"{p_value:<5}{kind:<6}{value:>9.2f}{J:>9.2f}{p_one.grad.abs().max():>12.3f}")

# %% [markdown]
# Where $y$ is empty, soft IoU is 0 and so is its slope, whatever $p$ is. Such an object costs 1, the most there is, and
# teaches nothing: RVOS is never told to stop painting something that has left. (To the score, two empty masks are a
# perfect answer: their $\mathcal J$ is 1.) Where only $p$ is empty there is a slope. But $p$ is the sigmoid of a logit,
# whose own slope $p\,(1 - p)$ vanishes with $p$, so it takes long to wake a slot that has gone silent.
#
# ## 3 Every slot with every object
#
# From here on a frame with more to tell, from the library's synthetic video, and five masks made up for it, such as a
# network may answer in the middle of its training: one slot has found the bird, one has taken butterfly and key for
# one object, one is silent, one has half of the butterfly, and one follows the ground.

# %%
film = make_sequence(402, SyntheticConfig(size=(96, 160), frames=12, objects=(3, 3)))
NAMES = ("butterfly", "key", "bird")
labels = torch.tensor(np.stack([film.labels(t) for t in range(12)]))  # (T, H, W)
film_y = (labels[:, None] == torch.arange(1, 4)[:, None, None]).float()  # (T, 3, H, W)
butterfly, key, bird = film_y[0]
right = torch.arange(160) > 121
slot_masks = torch.stack(
    [
        0.9 * bird,
        0.7 * (butterfly + key),
        0 * bird,
        0.9 * butterfly * right,
        0.5 * (torch.arange(96) > 76)[:, None].expand(96, 160),
    ]
)
p_film = F.avg_pool2d(slot_masks, 5, stride=1, padding=2) + 0.01  # (5, H, W), soft rims
show(
    image_row(
        [overlay(film.frames[0], film.labels(0)), *p_film.numpy()],
        ["three objects", *(f"slot {n}" for n in range(5))],
        limits=(0, 1),
    ),
    alt="A photograph with a butterfly, a key and a bird painted over; and five masks: "
    "the bird, butterfly and key together, nothing, half of the butterfly, the ground.",
)

# %% [markdown]
# Soft IoU of every slot with every object is a matrix. All intersections together are a single product of matrices,
# `(N, HW) @ (HW, M)`; the unions need only the sums of each mask.


# %% tags=["equals-library"]
def all_pairs(p, y, epsilon=1e-6):
    """p (N, H, W) and y (M, H, W) -> soft IoUs (N, M)."""
    p, y = p.flatten(1), y.flatten(1)  # (N, HW), (M, HW)
    both = p @ y.T
    return both / (p.sum(dim=1)[:, None] + y.sum(dim=1) - both + epsilon)


S = all_pairs(p_film, film_y[0])  # (5, 3)
torch.testing.assert_close(S, pairwise_soft_iou(p_film[None], film_y[:1])[0])
torch.testing.assert_close(S[1, 2], soft_iou(p_film[1], bird))
print("soft IoU " + "".join(f"{name:>11}" for name in NAMES))
for n, row in enumerate(S):
    print(f"slot {n}   " + "".join(f"{value:>11.2f}" for value in row))

# %% [markdown]
# ## 4 Greedy is not good enough
#
# We want a different slot for every object, with the greatest sum of soft IoUs. Or, since one minus soft IoU is the
# *cost* of a pair, with the smallest sum of costs. The obvious way is *greedy*: take the best pair of the matrix,
# strike its row and column, and go on.


# %%
def greedy(S):
    """The slot of every object, (M,): the best pair first."""
    S, slots = S.clone(), torch.full((S.shape[1],), -1)
    for _ in range(S.shape[1]):
        n, m = divmod(int(S.argmax()), S.shape[1])
        slots[m] = n
        S[n], S[:, m] = -1, -1  # both are taken
    return slots


def best_of_all(S):
    """The same, by trying all ways to give the objects different slots."""
    ways = permutations(range(S.shape[0]), S.shape[1])
    objects = range(S.shape[1])
    return torch.tensor(max(ways, key=lambda way: float(S[list(way), objects].sum())))


objects = torch.arange(3)
choices = {"greedy": greedy(S), "best of all": best_of_all(S)}
for name, slots in choices.items():
    pairs = ", ".join(f"{NAMES[m]} {slots[m]}" for m in objects)
    print(f"{name:<12} {pairs}\n{'':<12} sum {S[slots, objects].sum():.2f}")

# %%
figure, axes = new_figure(1, 2, height=3.4)
for panel, (name, slots) in zip(axes[0], choices.items()):
    panel.imshow(1 - S, vmin=0, vmax=1, cmap="Greys_r", aspect="auto")
    for n, m in np.ndindex(*S.shape):
        cost = float(1 - S[n, m])
        panel.text(
            m,
            n,
            f"{cost:.2f}",
            ha="center",
            va="center",
            color="white" if cost < 0.6 else "black",
        )
        if slots[m] == n:
            box = Rectangle((m - 0.45, n - 0.42), 0.9, 0.84, fill=False)
            box.set(edgecolor="#d55e00", linewidth=4)
            panel.add_patch(box)
    panel.set(title=name, xticks=range(3), xticklabels=NAMES, yticks=range(5))
    panel.grid(visible=False)
axes[0, 0].set_ylabel("slot")
show(
    figure,
    alt="The matrix of costs, five slots by three objects, twice. Greedy has chosen slot "
    "1 for the butterfly, and a slot at cost 1 for the key. The best choice gives "
    "slot 3 to the butterfly and slot 1 to the key.",
    caption="Cost, 1 - soft IoU; dark is cheap. Framed: the chosen pairs.",
)

# %% [markdown]
# Greedy spends slot 1 on the butterfly, for which slot 3 is nearly as good, and the key is left with a slot that shows
# nothing of it. Trying all ways finds the best, but there are $10!$ of them for ten slots and ten objects. The problem
# is an old one, the *assignment problem*, and has exact methods whose effort grows with the cube of the size. The
# *Hungarian algorithm* of 1955 is the first of them, and has given its name to the use of any. scipy's
# `linear_sum_assignment` minimises a sum of *costs*: so it is given $1 - S$, not $S$. It returns rows in order and the
# column of each. With objects as rows, the columns are what we want: the slot of every object.

# %%
rows_out, slots = linear_sum_assignment((1 - S).T.numpy())  # rows: objects
print("rows", rows_out, "columns", slots)
assert slots.tolist() == best_of_all(S).tolist()
cost = np.random.default_rng(0).random((10, 10))
begin = time.perf_counter()
linear_sum_assignment(cost)
print(
    f"{math.factorial(10)} ways; found in {1e6 * (time.perf_counter() - begin):.0f} µs"
)

# %% [markdown]
# How can one know that a choice is the best without a look at the others? By *prices*. Let every slot have one, zero or
# more. An object's gain from a slot is its soft IoU less the price. Suppose that every object has the slot of its
# greatest gain, and that slots that nobody has are free. Then no other choice has a greater sum. For the sum is what
# the objects gain and what they pay; object by object the other choice gains no more, and it pays at most all prices
# there are, which is what this one pays. Such prices can be found by an *auction*. An object without a slot bids for
# the one of greatest gain, and raises its price until the second best is as good, plus a small amount so that the
# auction ends. Who had the slot before goes away empty, and bids again.


# %%
def auction(S, raise_by=1e-3):
    """The slot of every object, (M,), and the prices (N,); the sum is the best to M raise_by."""
    price, owner = torch.zeros(S.shape[0]), {}  # object by slot
    waiting = list(range(S.shape[1]))
    while waiting:
        m = waiting.pop(0)
        gain = S[:, m] - price
        (first, second), (n, _) = gain.topk(2)
        price[n] += first - second + raise_by
        if int(n) in owner:
            waiting.append(owner[int(n)])
        owner[int(n)] = m
    slots = {m: n for n, m in owner.items()}
    return torch.tensor([slots[m] for m in range(S.shape[1])]), price


slots, price = auction(S)
assert torch.equal(slots, best_of_all(S))
print("slots", slots.tolist())
print("prices", [round(float(one), 2) for one in price])

# %% [markdown]
# The butterfly bid for slot 1 first. The key, which has no other, outbid it, and at that price slot 3 was the better
# deal for the butterfly. How often does greed cost something? Square matrices of random numbers in 0..1, 300 of each
# size:

# %%
generator = torch.Generator().manual_seed(0)
for size in (2, 3, 5, 10):
    lost = []
    for _ in range(300):
        S_try = torch.rand(size, size, generator=generator)
        slots = linear_sum_assignment(1 - S_try.T.numpy())[1]
        chosen = (S_try[way, range(size)].sum() for way in (slots, greedy(S_try)))
        lost.append(float(next(chosen) - next(chosen)))
    worse = np.mean(np.array(lost) > 1e-6)
    print(
        f"{size:>2} x {size:<2} greedy is worse in {worse:>4.0%}, by {np.mean(lost):.2f}"
    )

# %% [markdown]
# ## 5 In a batch, and in a loss
#
# Clips of a batch have different numbers of objects, so $y$ is padded to the largest with empty masks, and `valid`
# says which are real. RVOS's code gives pairs with padding the cost 10. Any number would do, as long as it is the same
# for all slots: a row of equal costs has no wish, and its object takes what the others leave. What matters is that
# the row does *not* depend on what the padding holds, and that such pairs stay out of the loss. (Exercise 11.3 has
# padding that holds something.)


# %% tags=["equals-library"]
def match_batch(p, y, valid):
    """p (B, N, H, W), y (B, M, H, W), valid (B, M) -> slots (B, M)."""
    slots = []
    for p_one, y_one, real in zip(p, y, valid):
        cost = 1 - all_pairs(p_one, y_one).T  # (M, N)
        cost[~real] = 10
        slots.append(linear_sum_assignment(cost.numpy())[1])
    return torch.tensor(np.stack(slots))


p_all = torch.rand(6, 5, 8, 9, generator=generator) ** 3
y_all = (torch.rand(6, 4, 8, 9, generator=generator) > 0.7).float()
real = torch.arange(4) < torch.tensor([4, 3, 1, 0, 2, 4])[:, None]  # (B, M)
slots = match_batch(p_all, y_all, real)
assert torch.equal(slots, match(p_all, y_all, real))
print("the slot of every object; a dot is padding")
for one, is_real in zip(slots.tolist(), real):
    print("  ".join(str(n) if ok else "." for n, ok in zip(one, is_real)))

# %% [markdown]
# A row of this table is a permutation, and a permutation can be read both ways. `slots[m]` is the slot *of object* $m$,
# so that `p[slots]` puts the masks into the order of the objects, where the loss can compare them with $y$. The other
# reading, the object of slot $n$, is the inverse, `argsort` of it. They agree so often in small examples that one taken
# for the other can go unnoticed:

# %%
for one in ([0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]):
    inverse = np.argsort(one).tolist()
    print(f"slot of object {one}, object of slot {inverse}")

# %% [markdown]
# Now the loss of the frame above, and its gradient for each of the five slots.

# %% tags=["equals-library"]
p_film = p_film.requires_grad_()
slots = torch.tensor(linear_sum_assignment(1 - S.T.numpy())[1])
loss = (1 - soft_iou(p_film[slots], film_y[0])).mean()
batch = p_film[None], film_y[:1], torch.ones(1, 3, dtype=torch.bool)
taken = take_slots(batch[0], match(*batch))  # (1, 3, H, W)
torch.testing.assert_close(
    loss, soft_iou_loss(taken[:, None], batch[1][:, None], batch[2])
)
loss.backward()
silent = [n for n in range(5) if n not in slots.tolist()]
assert not p_film.grad[silent].any()
print(f"loss {loss:.3f}; without any gradient: slots {silent}")
largest = float(p_film.grad.abs().max())
before = [one.detach().numpy() for one in p_film]
show(
    image_row(
        before + [-one.numpy() / largest for one in p_film.grad],
        [f"slot {n}" for n in range(5)] + [f"pull on {n}" for n in range(5)],
        columns=5,
        limits=(-1, 1),
        colour_map="RdBu_r",
    ),
    alt="Upper row: the five masks. Lower row: minus the gradient of the loss for each. "
    "Slot 0 is pulled up on the bird, slot 1 on the key, slot 3 on the butterfly, and "
    "each down everywhere else. Slots 2 and 4 have no gradient at all.",
    caption="Red is positive, blue negative, white zero.",
)

# %% [markdown]
# Slot 1 painted two objects, and is told to let go of all but the key: of the butterfly, too, since that has another
# slot. Slots 2 and 4 answer for nothing, and learn nothing: no term of the loss tells them to be silent. What a network
# paints into slots beyond the objects is nobody's concern in training, and has to be dealt with when it is used
# (chapter 13).
#
# The assignment itself has no gradient, and needs none. The loss is the smallest of all assignments' losses, and near
# any $p$ with one best assignment it *is* that one's loss. Let two slots go over from one pair of objects to the
# other:

# %%
objects_two = film_y[0, [0, 2]]  # butterfly, bird
blend = np.linspace(0, 1, 61)
straight, crossed = [], []
for s in blend:
    mixed = (1 - s) * objects_two + s * objects_two.flip(0)  # both slots, (2, H, W)
    straight.append(float((1 - soft_iou(mixed, objects_two)).mean()))
    crossed.append(float((1 - soft_iou(mixed.flip(0), objects_two)).mean()))
figure, axes = new_figure(height=2.8)
axes[0, 0].plot(blend, straight, label="slots 0, 1")
axes[0, 0].plot(blend, crossed, label="slots 1, 0")
axes[0, 0].plot(
    blend,
    np.minimum(straight, crossed),
    label="matched",
    linewidth=6,
    linestyle="-",
    alpha=0.4,
)
axes[0, 0].set(xlabel="blend", ylabel="loss", ylim=(0, 1))
figure.legend(loc="outside upper center", ncols=3)
show(
    figure,
    alt="Loss of the two assignments while two slots exchange their objects: one rises, "
    "the other falls, and they cross in the middle. The matched loss is the lower of "
    "both at every place and has a kink where they cross.",
)

# %% [markdown]
# The loss is continuous, with a kink where two assignments are equally good. There the gradient jumps, and early in a
# training, when all slots are alike, it does so often.
#
# ## 6 Matched once, then kept
#
# A video needs more than the right masks in every frame: slot 1 must stay with *its* object. The key and the bird above
# change sides. Suppose that a network has slots by place, the leftmost object always in slot 0. Each frame by itself is
# answered without an error. Compare two losses: matched anew in every frame, and matched on the first frame of the
# clip with the slots kept for all others, as RVOS does it.

# %%
T = 12
across = (film_y * torch.arange(160)).sum(dim=(2, 3)) / film_y.sum(dim=(2, 3))  # (T, 3)
order = across.argsort(dim=1)  # objects from left to right, (T, 3)
by_place = take_slots(film_y, order)  # (T, 3, H, W), slot 0 is the leftmost object
all_real = torch.ones(T, 3, dtype=torch.bool)
anew = match(by_place, film_y, all_real)  # (T, 3)
kept = anew[:1].expand(T, -1)
losses = {
    name: (1 - soft_iou(take_slots(by_place, slots), film_y)).mean(dim=1)
    for name, slots in (("matched in every frame", anew), ("matched once", kept))
}
print(f"{'loss in frame':<24}", *(f"{t:>4}" for t in range(1, T, 2)))
for name, values in losses.items():
    print(f"{name:<24}", *(f"{value:.2f}" for value in values[1::2]))

# %%
shown = (0, 4, 8, 11)
place_labels = (by_place * torch.arange(1, 4)[:, None, None]).sum(dim=1).byte().numpy()
show(
    image_row(
        [overlay(film.frames[t], place_labels[t]) for t in shown],
        [f"frame {t}, loss {losses['matched once'][t]:.2f}" for t in shown],
    ),
    alt="Four frames with the masks in the colours of their slots. In frames 0 and 4 the "
    "key is orange and the bird is blue; in frames 8 and 11 the two colours have "
    "changed places.",
    caption="Colours are slots, from left to right; the loss is the one matched once.",
)

# %% [markdown]
# Matched in every frame, the loss is zero: it does not see that two objects have changed slots. A network trained so
# has no reason to follow anything: its answer is a set of masks in every frame, not a set of tracks. Matched once, the
# loss after the exchange is large, and pulls each slot towards the object that it began with.
#
# The price is that all hangs on the first frame. Where two assignments are nearly equal there, a small change of $p$
# decides to which object a slot is held for the whole clip. (Exercise 11.4 is this loss.)
#
# ## 7 Slots find their parts
#
# Nobody told the network of the first picture which disc is for which slot. How did its slots divide them? For every
# disc of the test scenes, here is its place and the slot that answers for it; and, over the training, the share of
# discs that have changed slots since the report before.

# %%
colours = ("#0072b2", "#d55e00", "#009e73")
figure, axes = new_figure(1, 2, height=2.6)
weights = y / y.sum(dim=(2, 3), keepdim=True).clamp(min=1)
places = [(weights * torch.tensor(axis)).sum(dim=(2, 3)) for axis in (columns, rows)]
for panel, (name, history) in zip(axes[0], histories.items()):
    for slot, marker in enumerate("o^s"):
        here = valid & (history[-1]["slots"] == slot)
        panel.plot(
            *(axis[here] for axis in places),
            marker,
            color=colours[slot],
            markersize=4,
            label=f"slot {slot}",
        )
    panel.set(title=name, xlim=(0, SIZE[1]), ylim=(SIZE[0], 0), aspect="equal")
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3
)
show(
    figure,
    alt="Places of all discs of the test scenes, coloured by slot, twice. By the list "
    "the colours are mixed everywhere. Matched, each slot has a part of the frame.",
)

# %%
figure, axes = new_figure(1, 2, height=3.0)
for name, history in histories.items():
    steps = [one["step"] for one in history]
    changed = [
        float((after["slots"] != before["slots"])[valid].float().mean())
        for before, after in pairwise(history)
    ]
    axes[0, 0].plot(steps[1:], changed, label=name)
    axes[0, 1].plot(steps, [one["J"] for one in history], label=name)
for panel, title in zip(axes[0], ("discs that changed slots", "J, best order")):
    panel.set(title=title, xlabel="step", ylim=(0, 1))
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2
)
show(
    figure,
    alt="Left: the share of discs that changed slots between two reports. With matching "
    "it falls to near zero, by the list it stays high. Right: J. With matching it rises "
    "well above the other.",
)
for name, history in histories.items():
    used = [int((history[-1]["slots"] == n)[valid].sum()) for n in range(SLOTS)]
    print(f"{name:<12} J {history[-1]['J']:.2f}, discs by slot {used}")

# %% [markdown]
# At first all slots answer nearly alike, the assignment is luck, and many discs change slots. The score is no better
# than by the list. Then a slot that happens to be a little better on the left is matched with what is on the left,
# learns from it, and is better there next time; in the end hardly a disc changes its slot, and the slots have divided
# the frame among them. By the list, in contrast, the order is a coin's, there is nothing to learn from it, and the best
# that a slot can do is to paint all $k$ discs, for a soft IoU of $1/k$ with any of them.
#
# This network has its slots side by side, and knows where a pixel is. RVOS's slots are the steps of a recurrence: what
# slot $i$ paints may depend on what slots before it have painted (chapter 09), and chapter 12 builds that.

# %% [markdown]
# ## Exercises
#
# An answer leaves what it is given as it was.
#
# ### Exercise 11.1 · Soft IoU
# *difficulty 1 of 3 · 10 minutes · 1 point*
#
# Write `soft_iou_of(p, y)` in numpy: `p` in 0..1 and `y`, 0 or 1, both `(..., H, W)`; the result is `(...)`. Where both
# are empty it is 0. If you add a number to the union, it may be $10^{-6}$ at most: an object may have a single pixel.


# %% nbgrader={"grade": false, "grade_id": "ex11-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def soft_iou_of(p, y):
    """Soft IoU of every map, (...)."""
    ### BEGIN SOLUTION
    both = (p * y).sum(axis=(-2, -1))
    union = (p + y - p * y).sum(axis=(-2, -1))
    return both / np.where(union > 0, union, 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex11-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch11.check_soft_iou(soft_iou_of)

# %% [markdown]
# ### Exercise 11.2 · Its gradient, through the sigmoid
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# The network gives logits $\ell$, and $p = \sigma(\ell)$. Write `loss_gradient(logits, y)` in numpy, without automatic
# differentiation: the gradient of $1 - \text{soft IoU}$ with respect to the logits, for arrays `(H, W)` of which `y` is
# 0 or 1. Where `y` is empty it is zero.


# %% nbgrader={"grade": false, "grade_id": "ex11-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def loss_gradient(logits, y):
    """d(1 - soft IoU) / d logits, (H, W)."""
    ### BEGIN SOLUTION
    p = 1 / (1 + np.exp(-logits))
    both, union = (p * y).sum(), (p + y - p * y).sum()
    slope = (y * union - (1 - y) * both) / union**2  # of soft IoU, by p
    return -slope * p * (1 - p)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex11-2-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch11.check_loss_gradient(loss_gradient)

# %% [markdown]
# ### Exercise 11.3 · The slot of every object
# *difficulty 2 of 3 · 20 minutes · 2 points*
#
# Write `assign(S, valid)`: `S (N, M)` is a numpy array of soft IoUs, slots by objects, with $N \ge M$; `valid (M,)` is
# bool. Return an int array `(M,)`: the slot of every valid object, all different and with the greatest sum of soft
# IoUs; and -1 for objects that are not valid. Their columns may hold anything, also NaN and infinities. Use
# `linear_sum_assignment`.


# %% nbgrader={"grade": false, "grade_id": "ex11-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def assign(S, valid):
    """Slots (M,), -1 where there is no object."""
    ### BEGIN SOLUTION
    slots = np.full(len(valid), -1)
    slots[valid] = linear_sum_assignment(1 - S[:, valid].T)[1]
    return slots
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex11-3-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch11.check_assign(assign)

# %% [markdown]
# ### Exercise 11.4 · The loss of a clip
# *difficulty 3 of 3 · 25 minutes · 3 points*
#
# Write `clip_loss(p, y, valid)` for one clip, in PyTorch: probabilities `p (T, N, H, W)`, objects `y (T, M, H, W)`,
# `valid (M,)` bool. Slots are matched with the valid objects on the first frame, and kept. The loss is one minus soft
# IoU, summed over frames, averaged over valid objects. It must lead back to `p`. Without a valid object it is 0, and
# so is its gradient. You may use `library_soft_iou`, `pairwise_soft_iou` and `match`.


# %% nbgrader={"grade": false, "grade_id": "ex11-4", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def clip_loss(p, y, valid):
    """A scalar."""
    ### BEGIN SOLUTION
    slots = match(p[:1], y[:1], valid[None])[0]  # (M,)
    per_object = (1 - library_soft_iou(p[:, slots], y)).sum(dim=0)  # (T, M) -> (M,)
    return (per_object * valid).sum() / valid.sum().clamp(min=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex11-4-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch11.check_clip_loss(clip_loss)

# %% [markdown]
# ## Measured and claimed
#
# The paper of RVOS uses soft IoU and the Hungarian algorithm for its zero-shot networks and has no experiment on
# either. What they buy in whole networks is not claimed, so there is nothing to compare. Above, on drawn scenes and in
# one training each, the same network is better by far with matching than without; chapters 12 and 13 have RVOS itself.

# %% [markdown]
# ## How this differs from the paper
#
# - The paper says that predictions are matched on the first frame, by soft IoU, and that an object keeps its place in
#   the order. The cost of padding and the $\epsilon$ are from the authors' code.
# - The paper expects an empty mask of an object that has left. The loss that it states does not ask for one (section
#   2).
# - In one-shot training RVOS does not match: the slot of an object is its number in the file, and the network knows the
#   object by its mask.
# - The network of this chapter has three slots side by side and sees single frames; RVOS has ten, one after the other.

# %% [markdown]
# ## Summary
#
# - Soft IoU is $\mathcal J$ written for probabilities. Its gradient has two values: $1/U$ on the object, $-I/U^2$ off
#   it. Objects pull alike whatever their area.
# - Where $y$ is empty it is 0 and has no gradient.
# - Answers that are a set have no order. Hold them to a random one, and every slot learns to paint everything.
# - The best assignment is found exactly, and fast. Taking the best pair first often misses it.
# - Only matched slots learn, and the assignment needs no gradient.
# - In a clip slots are matched once and kept. Otherwise nobody notices when two of them exchange their objects.

# %% [markdown]
# ## References
#
# - C. Ventura, M. Bellver, A. Girbau, A. Salvador, F. Marques, X. Giro-i-Nieto: *RVOS: End-to-End Recurrent Network for
#   Video Object Segmentation*. CVPR 2019. Section 3.2.
# - A. Salvador, M. Bellver, V. Campos, M. Baradad, F. Marques, J. Torres, X. Giro-i-Nieto: *Recurrent Neural Networks
#   for Semantic Instance Segmentation*. arXiv:1712.00617, 2017.
# - H. W. Kuhn: *The Hungarian Method for the Assignment Problem*. Naval Research Logistics Quarterly 2, 1955.
# - D. P. Bertsekas: *The Auction Algorithm: A Distributed Relaxation Method for the Assignment Problem*. Annals of
#   Operations Research 14, 1988.
# - R. Stewart, M. Andriluka, A. Y. Ng: *End-to-End People Detection in Crowded Scenes*. CVPR 2016. Matching in the loss
#   of a network that answers with a set.
