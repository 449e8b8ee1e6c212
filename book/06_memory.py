# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Memory and updates
#
# The tracker of chapter 05 learns from its own answers while the video plays. What it keeps of a frame, how much each
# kept frame counts, and how often it learns from them decide whether it follows a change of the object or talks itself
# into a mistake. This chapter opens the memory: the paper's, which forgets the given first frame, and two changes of
# ours, one that needs no limit on the number of samples, and one that keeps the first frame's say.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from checks import ch06
from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.datasets.synthetic.dice import Curve, Dice
from vosbook.datasets.synthetic.render import render
from vosbook.datasets.synthetic.scene import draw_scene
from vosbook.features import load_backbone
from vosbook.merge import soft_aggregate, without_rivals
from vosbook.methods.frtm import FAST
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.target_model.augment import augment_first_frame, fill_target
from vosbook.target_model.gauss_newton import conjugate_gradient, gauss_newton
from vosbook.target_model.gram import GramMemory
from vosbook.target_model.loss import (
    pixel_weights,
    target_loss,
    target_scores,
    upsample,
)
from vosbook.target_model.memory import SampleMemory
from vosbook.target_model.model import TargetModel
from vosbook.target_model.stencil import UpdateProblem, apply_stencil, normal_stencil
from vosbook.view.inspector import Inspector
from vosbook.view.overlay import compare, overlay
from vosbook.view.plots import image_row, new_figure, score_curves, show

# %% [markdown]
# Here is what the chapter arrives at: a video in which the object leaves for a while, and another one stays that looks
# exactly like it. The same tracker follows it three times. While its object is away it takes the other one for it. With
# the paper's updates it learns from that, and when the object is back it finds only a small part of it. With updates
# that keep a quarter of the weight on the given frame, it finds more. Run the next two cells and look at the pictures;
# of their code, `follow` is chapter 05's loop for one object, and the rest makes the video.

# %%
settings = load_profile(profile).of("memory")
backbone = load_backbone(settings["backbone"], levels=["layer3"])


def features(images):
    """Features of images, uint8 (K, H, W, 3) -> (K, C, h, w)."""
    colours = torch.tensor(images).permute(0, 3, 1, 2) / 255  # (K, 3, H, W), 0 to 1
    return backbone(colours)["layer3"]


@dataclass(frozen=True)
class Clip:
    """A video with one object to follow, and all that a tracker computes once."""

    frames: np.ndarray  # uint8 (T, H, W, 3)
    truth: np.ndarray  # bool (T, H, W)
    x: torch.Tensor  # features (T, C, h, w)
    first: tuple  # features (5, C, h, w) and labels (5, 1, H, W) of the first frame


def prepare(frames, truth):
    images, masks = augment_first_frame(frames[0], truth[0], seed=settings["seed"])
    x = torch.cat([features(frame[None]) for frame in frames])
    return Clip(frames, truth, x, (features(images), torch.tensor(masks)[:, None]))


LEAVES = [(0.5, 0.5), (0.55, 0.45), (-0.7, 0.5), (-0.7, 0.5), (0.5, 0.5), (0.6, 0.45)]
STAYS = [(1.3, 0.5), (1.25, 0.55), (1.3, 0.45), (1.2, 0.5), (1.3, 0.5), (1.25, 0.5)]


def look_alikes(seed, frames=72, size=(160, 288)):
    """A video as frames and labels: object 1 leaves and returns, 2 is its copy and stays."""
    config = SyntheticConfig(size, frames, objects=(2, 2), effects=("spin", "light"))
    dice = Dice(seed, 0)
    scene = draw_scene(dice, config)
    one, two = sorted(scene.actors, key=lambda actor: actor.id)
    # Places (x, y), in heights of the frame, one every 12 frames
    leaving = replace(one, place=Curve(np.array([*LEAVES, (0.5, 0.55)]), 12))
    copy = replace(two, sprite=one.sprite, bend=one.bend)
    copy = replace(copy, place=Curve(np.array([*STAYS, (1.3, 0.5)]), 12))
    scene = replace(scene, actors=(copy, leaving))
    pictures = list(render(scene, frames, size, dice))
    return np.stack([p.frame for p in pictures]), np.stack([p.labels for p in pictures])


def follow(clip, config=FAST.target_model, *, update=True, label=None):
    """Probabilities (T - 1, H, W) of the object in all frames but the first.

    `label(t)`, a tensor (1, 1, H, W), is remembered in place of the tracker's own answer.
    """
    model, found = TargetModel(config), []
    model.learn_first_frame(*clip.first, seed=settings["seed"])
    for t in range(1, len(clip.frames)):
        x = clip.x[t : t + 1]  # (1, C, h, w)
        p = upsample(model.scores(x), clip.truth.shape[1:])[0].clamp(0, 1)  # (1, H, W)
        found.append(p[0].numpy())
        y = without_rivals(soft_aggregate(p))[None] if label is None else label(t)
        if update and model.insert(x, y) and t % config.t_s == 0:
            model.update()
    return np.stack(found)


def J_of(found, clip):
    """J in all frames but the first."""
    return [jaccard(p > 0.5, true) for p, true in zip(found, clip.truth[1:])]


twin_frames, twin_labels = look_alikes(1)
twins = prepare(twin_frames, twin_labels == 1)
kept = replace(FAST.target_model, first_frame_share=0.25)
ways = {
    "no updates": follow(twins, update=False),
    "updates": follow(twins),
    "first frame kept": follow(twins, kept),
}
curves = {name: J_of(found, twins) for name, found in ways.items()}
away = np.flatnonzero(~twins.truth.any(axis=(1, 2)))  # frames without the object
back = away[-1] + 1
figure = score_curves({name: [np.nan, *values] for name, values in curves.items()})
figure.axes[0].axvspan(away[0] - 0.5, back - 0.5, color="#eeeeee")
show(
    figure,
    alt="J over the frames, three lines. They fall together until the object has left. "
    "After its return the line with updates is lowest most of the time; the one with "
    "the first frame kept is near the one without updates.",
    caption="Gray: the object is out of view. J is 1 where nothing is found then, and "
    "0 where anything is.",
)
print("J             before   after the return")
for name, values in curves.items():
    before, after = values[: away[0] - 1], values[back - 1 :]
    print(f"{name:<17} {np.mean(before):.3f} {np.mean(after):14.3f}")

# %%
moments = [0, away[0] - 6, away[len(away) // 2], len(twin_frames) - 1]
show(
    image_row(
        [overlay(twin_frames[t], twin_labels[t], opacity=0) for t in moments],
        [f"frame {t}" for t in moments],
    ),
    alt="Four frames. Two objects of the same shape and colours, each with an outline; "
    "the left one moves out of the frame, is gone in the third picture, and is back "
    "in the fourth.",
    caption="The left one is to be followed. The outlines are the truth, not shown to "
    "the tracker.",
)

# %% [markdown]
# ## Goals
#
# After this chapter you can
#
# - say what is left of a frame in the memory, and why that is enough;
# - derive the weight of every sample from the update rate $\eta$, and when the first frame is lost;
# - write an update as a linear system, and solve it in five iterations;
# - recognise drift, and say which labels cause it;
# - sum a video of any length into one matrix, and protect what was given.

# %% [markdown]
# ## 1 What becomes of a frame
#
# We take one object of a shorter video, and its model as the first frame leaves it: the layers $w_1$ and $w_2$, which
# give the scores $w_2 * (w_1 * x)$ of features $x$.

# %%
sequence = load_sequence(settings["data"][0])
target = sequence.objects[0].id
clip = prepare(
    np.stack(list(sequence.frames)),
    np.stack([sequence.labels(t) == target for t in range(len(sequence.frames))]),
)
model = TargetModel(FAST.target_model)
model.learn_first_frame(*clip.first, seed=settings["seed"])
w1, w2_first = model.w  # (c, C, 1, 1), (1, c, 3, 3)
(H, W), (h, w) = clip.truth.shape[1:], clip.x.shape[-2:]
print(f"w1 has {w1.numel()} numbers, w2 has {w2_first.numel()}")

# %% [markdown]
# From the second frame on $w_1$ is fixed, and only $w_2$ is learned. So the memory need not keep the frame, and not
# even its features $x$: the *projected* features $z = w_1 * x$ say all that $w_2$ will ever see of it. Nor need it keep
# the label. Let $U$ upsample scores to the pixels, and $V$ multiply every pixel $n$ by its weight $v_n$. Chapter 04
# showed that the loss sees the label $y$ and the pixel weights only through two small maps on the grid of scores: the
# stencil $a$, which holds $U^\top V U$, and $b = U^\top V y$. A *sample* is the three: $z$, $a$ and $b$.


# %%
def sample_of(x, y):
    """What is kept of features x (1, C, h, w) with a label y (1, 1, H, W)."""
    z = F.conv2d(x, w1)  # (1, c, h, w)
    a, b = normal_stencil(y, pixel_weights(y), grid=x.shape[-2:])
    return z[0], a[0], b[0]  # (c, h, w), (2, 2, h, w), (h, w)


y = torch.tensor(clip.truth[1], dtype=torch.float32)[None, None]  # for a look at it
z, a, b = sample_of(clip.x[1:2], y)
sizes = {"frame": clip.frames[1].size, "x": clip.x[1].nelement() * 4}
sizes |= {name: part.nelement() * 4 for name, part in zip("zab", (z, a, b))}
print("bytes:", ", ".join(f"{name} {size:,}" for name, size in sizes.items()))
strongest = z.flatten(1).std(dim=1).argmax()
show(
    image_row(
        [clip.frames[1], z[strongest].numpy(), a[0, 0].numpy(), b.numpy()],
        ["frame 1", f"z, channel {strongest} of {len(z)}", "a, diagonal", "b"],
    ),
    alt="Frame 1, and three coarse maps of cells: one channel of projected features; "
    "the stencil's diagonal, large on the object and along the frame's border; and b, "
    "which is zero off the object.",
    caption="a: how much weight the pixels around a cell have; at the border a cell "
    "also stands for the pixels beyond its centre. b: the same, counting pixels of the "
    "object only.",
)

# %% [markdown]
# Is anything lost? With $s = w_2 * z$ the sample's part of the loss at full resolution is
#
# $$\begin{aligned} \sum_n v_n \left(y - U s\right)_n^2 = {} & s^\top a\, s - 2\, s^\top b \\
# & {} + \sum_n v_n y_n^2, \end{aligned}$$
#
# where $a\,s$ stands for the stencil applied to $s$. The last sum does not depend on $w_2$, and no minimum depends on
# it. So the sample and the frame must agree on how much *better* one $w_2$ is than another:

# %%
pair = w2_first, torch.zeros_like(w2_first)


def pixel_loss(w2):
    one = torch.ones(1)
    return target_loss((w2,), z[None], y, pixel_weights(y), one, lambda_=(0,))


def sample_loss(w2):
    s = target_scores(z[None], (w2,))[:, 0]  # (1, h, w)
    return (s * apply_stencil(a[None], s)).sum() - 2 * (s * b).sum()


by_pixels = pixel_loss(pair[0]) - pixel_loss(pair[1])
by_sample = sample_loss(pair[0]) - sample_loss(pair[1])
torch.testing.assert_close(by_sample, by_pixels, rtol=1e-4, atol=0.1)
print(f"{H * W} pixels say {by_pixels:.1f}, the sample says {by_sample:.1f}")

# %% [markdown]
# ## 2 How much a sample counts
#
# Every sample $i$ has a weight $\gamma_i$ in the loss. The memory begins with the first frame and its four altered
# copies, $\gamma = (2, 1, 1, 1, 1) / 6$. An *update rate* $\eta$, which is 0.1, says how much is new with every frame.
# The paper's rule for a new sample is
#
# $$\gamma_i = \frac{\gamma_{i-1}}{1 - \eta}, \qquad \gamma_0 = \eta,$$
#
# after which all weights are divided by their sum. It says little about the very first insert, which has no
# predecessor. In the authors' code that one gets $\eta$, and all others are multiplied by $1 - \eta$ to make room.


# %%
def with_new(gamma, inserted, eta=0.1):
    """Weights after one more insert; `inserted`: how many there were before."""
    if inserted == 0:
        return np.append((1 - eta) * gamma, eta)
    gamma = np.append(gamma, gamma[-1] / (1 - eta))  # the last one is the newest
    return gamma / gamma.sum()


gamma = np.array([2, 1, 1, 1, 1]) / 6
for n in range(4):
    print(f"{n} inserts:", *(f"{g:.3f}" for g in gamma))
    gamma = with_new(gamma, n)

# %% [markdown]
# The rule looks as if it let weights grow. What it does is the opposite. Say that the weights sum to 1, and the newest
# is $\eta$. The new one gets $\eta / (1 - \eta)$, the sum becomes
#
# $$1 + \frac{\eta}{1 - \eta} = \frac{1}{1 - \eta},$$
#
# and dividing by it multiplies every old weight by $1 - \eta$ and leaves exactly $\eta$ to the new one. The newest is
# $\eta$ again, so the same happens at every insert. After $n$ of them, by *geometric decay*,
#
# $$\gamma_i = \eta\, (1 - \eta)^{n - i}$$
#
# for insert $i = 1, \dots, n$, and the first frame's five samples have $(1 - \eta)^n$ of the weight together.

# %%
gamma = first_gamma = np.array([2, 1, 1, 1, 1]) / 6
for n in range(40):
    gamma = with_new(gamma, n)
ages = np.arange(40)[::-1]  # of the inserted samples: the newest has age 0
np.testing.assert_allclose(gamma[5:], 0.1 * 0.9**ages)
np.testing.assert_allclose(gamma[:5], 0.9**40 * first_gamma)
print("equal to the closed form after 40 inserts")

# %% [markdown]
# How many samples is that in effect? A mean of $m$ equal weights has $\sum_i \gamma_i^2 = 1/m$, so
# $1 / \sum_i \gamma_i^2$ is called the *effective number* of samples. For the decay it tends to
#
# $$\begin{aligned} \frac{1}{\sum_j \eta^2 (1 - \eta)^{2j}} &= \frac{1 - (1 - \eta)^2}{\eta^2} \\
# &= \frac{2}{\eta} - 1, \end{aligned}$$
#
# which is 19 for $\eta = 0.1$, however many are kept. A sample's weight is halved every 6.6 frames.

# %% [markdown]
# ## 3 A full memory
#
# The paper keeps $K_\max = 80$ samples. When they are reached, the one with the smallest weight makes room for the new
# one. Here is the memory of this chapter: samples, their weights, and the frame each came from, 0 for the first frame's
# five.


# %%
class Memory:
    """Samples with their weights, from the oldest to the newest."""

    def __init__(self, samples, gamma, K_max=80, eta=0.1):
        self.samples, self.gamma = list(samples), np.array(gamma, float)
        self.born, self.inserted = [0] * len(self.samples), 0
        self.K_max, self.eta = K_max, eta

    def insert(self, sample):
        if len(self.samples) == self.K_max:
            out = int(self.gamma.argmin())
            self.gamma = np.delete(self.gamma, out)  # the rest is normalised below
            del self.samples[out], self.born[out]
        self.gamma = with_new(self.gamma, self.inserted, self.eta)
        self.inserted += 1
        self.samples.append(sample)
        self.born.append(self.inserted)


# %% [markdown]
# To see what the rule does with the given frame, no video is needed: let names stand in for samples. The given frame
# counts double at first, so its copies go before it, and so do the first frames of the video, which never had more than
# $\eta$.

# %%
memory = Memory(["given", "copy", "copy", "copy", "copy"], first_gamma)
share, history = {}, {}
while "given" in memory.samples:
    share[memory.inserted] = memory.gamma[memory.samples.index("given")]
    history[memory.inserted] = np.array(memory.born), memory.gamma
    memory.insert(f"frame {memory.inserted + 1}")
frame = memory.inserted  # the last one inserted, counted from 0
print(f"the given frame's weight is {share[0]:.3f} at first,")
print(f"{100 * share[38]:.1f} % when the 40th frame is scored, after 38 inserts,")
print(f"and it is gone when frame {frame + 2} is, counting frames from 1")
oldest = min(name for name in memory.born if name)
print(f"still there: all frames from number {oldest} on (0 is the given)")
print(f"effective number of samples: {1 / (memory.gamma**2).sum():.1f}")

# %%
figure, axes = new_figure(height=3.2)
for n in (10, 40, 90):
    born, gamma = history[n]
    (line,) = axes[0, 0].semilogy(born[born > 0], gamma[born > 0], label=f"{n} inserts")
    axes[0, 0].plot(0, gamma[0], marker="o", color=line.get_color())
axes[0, 0].set(xlabel="frame of the sample", ylabel="weight")
figure.legend(loc="outside upper center", ncols=3)
show(
    figure,
    alt="Weights on a logarithmic axis against the frame of the sample, after 10, 40 "
    "and 90 inserts. Each is a straight line that rises to one tenth at the newest "
    "frame. A dot at frame 0, the given frame, sinks from line to line.",
    caption="The dots: the frame as given. It is the only one whose label is known to "
    "be right.",
)

# %% [markdown]
# By the time a sample is evicted, it does not matter: the figure's smallest weight is a few hundred-thousandths. That
# the given frame leaves the memory is a matter of form. That it has lost its say after some thirty frames is what
# counts: from then on the tracker believes what it has told itself.

# %% [markdown]
# ## 4 The update
#
# Every $t_s = 8$ frames $w_2$ is learned again from the memory. In chapter 04 both layers were learned, and their
# product made the problem quadratic only step by step. With $w_1$ fixed the scores are linear in $w_2$, and the loss is
# quadratic: setting its gradient to zero is one linear system (with $\lambda_2$ of the regulariser, as before),
#
# $$\begin{aligned} A\, w_2 &= g, \\
# A &= \lambda_2^2 I + \sum_i \gamma_i A_i, \\
# g &= \sum_i \gamma_i\, g_i. \end{aligned}$$
#
# Here $w_2$ is a vector of $9c$ numbers, nine for each of the $c = 96$ channels of $z$. For one sample, let $X$ be the
# matrix that has in every row the $9c$ numbers of $z$ around one cell, so that $s = X w_2$. Then
# $A_i = X^\top (U^\top V U)\, X$ and $g_i = X^\top U^\top V y$, which is to say:


# %%
def equations(z, a, b):
    """A_i (9c, 9c) and g_i (9c,) of one sample."""
    X_T = F.unfold(z[None], 3, padding=1)[0]  # (c, h, w) -> (9c, h w)
    columns = X_T.unflatten(1, b.shape)  # (9c, h, w): each weight's map of features
    weighed = apply_stencil(a.expand(len(columns), -1, -1, -1, -1), columns)
    return weighed.flatten(1) @ X_T.T, X_T @ b.flatten()


def summed(memory, lambda_2=1e-2):
    """A (9c, 9c), with the regulariser, and g (9c,) of the whole memory."""
    parts = [equations(*sample) for sample in memory.samples]
    A = sum(gamma * A_i for gamma, (A_i, _) in zip(memory.gamma, parts))
    g = sum(gamma * g_i for gamma, (_, g_i) in zip(memory.gamma, parts))
    return A + lambda_2**2 * torch.eye(len(g)), g


# %% [markdown]
# In the fast version the first frame takes 35 iterations on both layers, with new tangents on the way; an update takes
# five. Three things make that enough. There are only 864 unknowns. The system is linear, so no tangent has to be
# renewed. And CG starts *warm*: it solves for the change from the present $w_2$, which was right eight frames ago.
#
# To see the last, remember 16 frames by the tracker's own answers, and compare starts. The exact solution of the system
# tells how far each is from the best there is; it takes double precision, for a reason that the cell ends with.


# %%
def own_label(model, t):
    """What the tracker remembers of frame t: soft aggregation of its answer."""
    p = upsample(model.scores(clip.x[t : t + 1]), (H, W))[0].clamp(0, 1)  # (1, H, W)
    return without_rivals(soft_aggregate(p))[None]  # (1, 1, H, W)


first_y = clip.first[1].float()
first_samples = [
    sample_of(x[None], y[None]) for x, y in zip(clip.first[0], first_y)
]  # five times (z, a, b)
memory = Memory(first_samples, first_gamma)
for t in range(1, 17):
    memory.insert(sample_of(clip.x[t : t + 1], own_label(model, t)))
memory.samples = [tuple(part.double() for part in one) for one in memory.samples]
A, g = summed(memory)
exact = torch.linalg.solve(A, g)


def excess(w2):
    """Loss of a vector w2 (9c,) above the least possible."""
    return float((w2 - exact) @ A @ (w2 - exact))


def improve(w2, A, g, iterations):
    """w2 (9c,) after so many CG iterations for the change, as in chapter 04."""
    (change,) = conjugate_gradient(
        lambda p: (A @ p[0],), (g - A @ w2,), iterations=iterations
    )
    return w2 + change


counts = (0, 1, 2, 3, 5, 7, 10, 15, 20)
warm, cold = w2_first.flatten().double(), torch.zeros_like(g)  # (1, c, 3, 3) -> (9c,)
lines = {
    name: [excess(improve(start, A, g, n)) for n in counts]
    for name, start in (("from the present w2", warm), ("from zero", cold))
}
figure, axes = new_figure(height=3.0)
for name, values in lines.items():
    axes[0, 0].semilogy(counts, values, marker="o", label=name)
axes[0, 0].set(
    xlabel="CG iterations", ylabel="loss above the least", xticks=range(0, 21, 5)
)
axes[0, 0].legend()
show(
    figure,
    alt="Loss above the least possible against CG iterations, logarithmic. Starting "
    "from the present weights it begins lower and stays lower than from zero; the two "
    "lines come together towards twenty.",
)
for name, values in lines.items():
    print(f"{name:<20} {values[0]:7.0f} at first, {values[4]:5.0f} after five")
eigenvalues, vectors = torch.linalg.eigh(A)
undone = eigenvalues * (vectors.T @ (improve(warm, A, g, 5) - exact)) ** 2  # loss
weak = eigenvalues < eigenvalues[-1] / 1e4
part = undone[weak].sum() / undone.sum()
print(f"{weak.sum()} of {len(g)} eigenvalues are under 1/10000 of the largest;")
print(f"{100 * part:.0f} % of what five leave undone lies along their eigenvectors")

# %% [markdown]
# Neither reaches the exact solution in so few iterations. The system is nearly singular: along most of its eigenvectors
# the data hardly determine $w_2$, and there lies most of what CG leaves undone. The preconditioner of chapter 04 is
# gone, since it would divide everything by the same $\lambda_2$, which changes no iterate.

# %% [markdown]
# ### Equal to the library
#
# `TargetModel` keeps `SampleMemory`, and solves without ever building $A$. Both memories get the same samples until the
# end of the video, with room for 12 only, so that eviction takes part; every update starts from the same $w_2$.

# %% tags=["equals-library"]
library = TargetModel(replace(FAST.target_model, k_max=12))
library.learn_first_frame(*clip.first, seed=settings["seed"])
memory = Memory(first_samples, first_gamma, K_max=12)
for t in range(1, len(clip.frames)):
    x, label = clip.x[t : t + 1], own_label(library, t)
    memory.insert(sample_of(x, label))
    assert library.insert(x, label)
    np.testing.assert_allclose(np.sort(library.memory.gamma), np.sort(memory.gamma))
    if t % 8 == 0:
        ours = improve(library.w[1].flatten(), *summed(memory), 5)
        library.update()
        theirs = library.w[1].flatten()
        off = float((ours - theirs).norm() / theirs.norm())
        assert off < 1e-3, off
        print(f"frame {t}: weights equal; w2 differs by {off:.0e} relative")

# %% [markdown]
# ## 5 What to remember
#
# The label of a new sample is the tracker's own answer. If it is right, the memory gains a view of the object that the
# first frame does not show. If it is wrong, the model is taught a mistake. How wrong may it be? The answer can be
# measured by remembering, in place of the answers, true masks that were moved aside by more and more of the object's
# size. The gain is $\mathcal J$ with updates minus $\mathcal J$ without.


# %%
def moved(mask, d):
    """The mask (H, W) moved d pixels to the right."""
    return np.pad(mask, ((0, 0), (d, 0)))[:, : mask.shape[1]]


side = clip.truth[0].sum() ** 0.5  # of a square as large as the object, pixels
plain = np.mean(J_of(follow(clip, update=False), clip))
quality, gains = [], []
for part in (0, 0.05, 0.1, 0.15, 0.2, 0.3):
    masks = [moved(true, round(part * side)) for true in clip.truth]
    labels = torch.tensor(np.stack(masks), dtype=torch.float32)[:, None, None]
    found = follow(clip, label=labels.__getitem__)
    quality.append(np.mean([jaccard(m, true) for m, true in zip(masks, clip.truth)]))
    gains.append(np.mean(J_of(found, clip)) - plain)
own = np.mean(J_of(follow(clip), clip))

# %%
figure, axes = new_figure(height=3.0)
axes[0, 0].plot(quality, gains, marker="o", label="true masks, moved")
axes[0, 0].plot(own, own - plain, "s", markersize=9, label="its own answers")
axes[0, 0].axhline(0, color="gray", linestyle=":")
axes[0, 0].set(xlabel="J of the labels remembered", ylabel="gain in J from updates")
axes[0, 0].legend()
show(
    figure,
    alt="Gain in J against the quality of the labels: about an eighth with true masks "
    "and with those moved least, then falling to zero where labels have a J of about "
    "0.6, and negative below. The tracker's own answers have a J of about 0.8, and "
    "less gain than moved masks of that quality.",
)
print(f"without updates J {plain:.3f}, with its own answers {own:.3f}")
print(f"with true masks {plain + gains[0]:.3f}")

# %% [markdown]
# In the video of the profile `smoke` labels a little off do no harm: the model sees cells of 16 pixels. Labels that are
# far off cost. The tracker's own answers gain about half of what true masks gain, and *less* than moved masks of the
# same $\mathcal J$: its errors are not a shift but what the model already believes, and a label cannot correct what it
# repeats.
#
# What is remembered is the merged soft probability of chapter 05, zero where another object wins. Where it exceeds one
# half, pixels count as the target when $v$ is computed. Soft aggregation moves it away from the score that it comes
# from, up above one half and down below it, which is why there is something to learn at all.

# %% [markdown]
# ### Drift
#
# Now the video of the first picture. While the object is away, the tracker finds parts of the look-alike, which it
# remembers and learns from. What is its memory made of then? Sort the samples by whether most of their found pixels lie
# on the object, and follow the weight of each sort.


# %%
def made_of(found, clip, eta=0.1):
    """Weights (T, 3): of the first frame, of right samples and of wrong ones."""
    weights = [np.array([1.0, 0.0, 0.0])]
    for p, true in zip(found, clip.truth[1:]):
        mask, now = p > 0.5, weights[-1]
        if mask.sum() >= 10:  # remembered
            right = (mask & true).sum() > mask.sum() / 2
            now = (1 - eta) * now + eta * np.array([0, right, not right])
        weights.append(now)
    return np.stack(weights)


def draw_weights(panel, weights, title):
    panel.stackplot(
        range(len(weights)),
        weights.T,
        labels=("first frame", "most on the object", "most beside it"),
        colors=("#0072b2", "#56b4e9", "#d55e00"),
    )
    panel.set(title=title, xlabel="frame", ylim=(0, 1))


weights = made_of(ways["updates"], twins)
figure, axes = new_figure(height=3.2)
draw_weights(axes[0, 0], weights, "")
axes[0, 0].set(ylabel="weight")
figure.legend(loc="outside upper center", ncols=3)
show(
    figure,
    alt="The sample weights over time, stacked. The first frame's share falls from one "
    "to almost nothing by frame 40; samples on the object take its place, and while "
    "the object is away, samples that lie beside it take most of the weight.",
)
print(
    f"at the return: first frame {weights[back, 0]:.3f}, wrong {weights[back, 2]:.2f}"
)

# %%
gap = np.subtract(curves["first frame kept"], curves["updates"])[back - 1 :]
t = back + int(gap.argmax())  # where keeping the first frame gains most
truth = twins.truth[t].astype(np.uint8)
show(
    image_row(
        [
            overlay(twin_frames[t], truth),
            *(
                compare(twin_frames[t], (found[t - 1] > 0.5).astype(np.uint8), truth)
                for found in ways.values()
            ),
        ],
        ["the truth", *(f"{name}: {curves[name][t - 1]:.2f}" for name in ways)],
    ),
    alt=f"Frame {t} with the true mask and those of the three trackers. With updates "
    "most of the object is missed; without them, and with the first frame kept, most "
    "is found.",
    caption=f"Frame {t}, with J. White: found. Blue: missed. Orange: found in error.",
)

# %% [markdown]
# The weights stand still for a few frames in which fewer than ten pixels are found: nothing is remembered then.
#
# This is *drift*: an error enters the memory as a label, the update makes it more likely, and the next label has it
# again. Nothing in the loop says no. The one sample that would, the given frame, has hardly any weight left. After the
# return new samples lie on the object again, and soon have all the weight; yet $\mathcal J$ stays low. Their labels
# hold only what the spoiled model still found, and teach that the rest of the object is background.
#
# ### A frame without the object
#
# What if the object is hidden? Its label would be zero everywhere: a sample that says "there is nothing to find". The
# code skips frames with fewer than 10 target pixels, a rule that the paper does not mention. Here is why. We show the
# model the first frame with its object painted over, as often as the object may be hidden, with and without the rule.

# %%
hidden = features(fill_target(clip.frames[0], clip.truth[0])[None])  # (1, C, h, w)
nothing = torch.zeros(1, 1, H, W)


def after_hiding(frames, rule):
    """J in frame 1 after so many frames without the object."""
    model = TargetModel(FAST.target_model)
    model.learn_first_frame(*clip.first, seed=settings["seed"])
    for t in range(1, frames + 1):
        if rule:
            learned = model.insert(hidden, nothing)  # counts the pixels: False
        else:
            learned = True
            model.memory.insert(F.conv2d(hidden, w1), nothing)
        if learned and t % 8 == 0:
            model.update()
    s = upsample(model.scores(clip.x[1:2]), (H, W))[0, 0].numpy()
    return jaccard(s > 0.5, clip.truth[1])


print("hidden for   with the rule   without it")
for n in (0, 16, 32, 64):
    print(f"{n:3d} frames {after_hiding(n, True):15.3f} {after_hiding(n, False):12.3f}")

# %% [markdown]
# The model forgets slowly, because the first frame's samples are all that is left of the object, and their weight falls
# as $0.9^n$. The rule stops the clock while the object is away. It does not help against the opposite mistake, when the
# tracker finds something else in the meantime.

# %% [markdown]
# ## 6 Sums in place of samples
#
# This section and the next are ours, not the paper's. Look at section 4 again. The update needs $A$ and $g$, not the
# samples. While nothing is evicted, an insert multiplies all old weights by $1 - \eta$ and gives $\eta$ to the new
# sample, so the sums can be carried along without any list:
#
# $$\begin{aligned} A &\leftarrow (1 - \eta)\, A + \eta\, A_i, \\
# g &\leftarrow (1 - \eta)\, g + \eta\, g_i, \end{aligned}$$
#
# with the regulariser left out, and added when the system is solved. A matrix of $9c \times 9c$ and a vector hold
# everything ever seen. There is no $K_\max$, and the first insert is no special case any more: that it got $\eta$ is
# what made all others get $\eta$.


# %%
class SumMemory:
    """All samples ever inserted, as the sums of their equations."""

    def __init__(self, samples, gamma, eta=0.1):
        parts = [equations(*sample) for sample in samples]
        self.A = sum(g_k * A_k for g_k, (A_k, _) in zip(gamma, parts))
        self.g = sum(g_k * b_k for g_k, (_, b_k) in zip(gamma, parts))
        self.eta = eta

    def insert(self, sample):
        A_i, g_i = equations(*sample)
        self.A = (1 - self.eta) * self.A + self.eta * A_i
        self.g = (1 - self.eta) * self.g + self.eta * g_i


# %% [markdown]
# It must equal a sample memory with room for all, and the library's `GramMemory`. A matrix of inner products is called
# a *Gram matrix*, hence the name. The library's weights are in another order: taps first, channels second.

# %% tags=["equals-library"]
every = Memory(first_samples, first_gamma, K_max=1000)
sums, theirs = SumMemory(first_samples, first_gamma), GramMemory()
theirs.fill(
    *(torch.stack(part) for part in zip(*first_samples)), torch.tensor(first_gamma)
)
for t in range(1, len(clip.frames)):
    label = own_label(model, t)
    for one in (every, sums):
        one.insert(sample_of(clip.x[t : t + 1], label))
    theirs.insert(F.conv2d(clip.x[t : t + 1], w1), label)
A, g = summed(every, lambda_2=0)
order = torch.arange(len(g)).reshape(-1, 9).T.flatten()  # (c, 9) -> (9, c)
gram = theirs.quadratic()
differences = {
    "samples": (sums.A - A).norm() / A.norm(),
    "library": (sums.A[order][:, order] - gram.h).norm() / gram.h.norm(),
    "samples, g": (sums.g - g).norm() / g.norm(),
    "library, g": (sums.g[order] - gram.g).norm() / gram.g.norm(),
}
for name, off in differences.items():
    assert off < 1e-5, (name, off)
print("largest difference, relative:", f"{max(differences.values()):.0e}")

# %% [markdown]
# What does it cost? An insert has to build a $864 \times 864$ matrix; an update multiplies with one matrix in place of
# all samples. In processor time on this machine, now, with 80 samples in memory, as ratios:


# %%
def milliseconds(times, run, *arguments):
    begin = time.process_time()
    for _ in range(times):
        run(*arguments)
    return 1e3 * (time.process_time() - begin) / times


def update_with(memory, iterations):
    problem = UpdateProblem(memory.quadratic(), (1e-2,))
    gauss_newton(problem, (w2_first,), cg_iterations=(iterations,))


costs = []
for one in (SampleMemory(), GramMemory()):
    one.fill(*(torch.stack(part) for part in zip(*first_samples)), torch.ones(5))
    insert = milliseconds(80, one.insert, z[None], y)
    costs.append((insert, *(milliseconds(5, update_with, one, n) for n in (5, 10))))
(insert_1, *updates_1), (insert_2, *updates_2) = costs
print(f"an insert of sums takes {insert_2 / insert_1:.0f} x that of a sample")
for n, update_1, update_2 in zip((5, 10), updates_1, updates_2):
    frame_1, frame_2 = insert_1 + update_1 / 8, insert_2 + update_2 / 8
    print(f"with {n} CG iterations")
    print(
        f"  an update from sums takes 1/{update_1 / update_2:.0f} of one from samples"
    )
    print(f"  insert and 1/8 update: {frame_2 / frame_1:.1f} x those of samples")
n = 9 * len(z)
held = 80 * (z.numel() + a.numel() + b.numel()) * 4, 2 * (n * n + n) * 4
print(f"held: samples {held[0] / 1e6:.1f} MB, sums {held[1] / 1e6:.1f} MB")

# %% [markdown]
# The sums move work from the update to the insert. With updates as rare as the paper's, the inserts take what the
# updates save, or more. What sums buy is a memory that grows neither with the frame nor with the video's length, an
# update so cheap that it could be made after every frame, and no $K_\max$ to choose. (Two sums are counted above: the
# second is the first frame's own, for the next section.)

# %% [markdown]
# ## 7 Keeping the first frame
#
# The given frame is the only sample whose label is not the tracker's opinion. Let its five samples keep at least a
# share $\pi$ of the weight. As long as their own share $\sigma = (1 - \eta)^n$ is larger, nothing changes. Below it,
# mix the first frame's own term back in, so much that the shares come out right. With an amount $\epsilon$ of it,
#
# $$A' = (1 - \epsilon)\, A + \epsilon\, A_\text{first},$$
#
# its share is $(1 - \epsilon)\, \sigma + \epsilon$. This is $\pi$ for
#
# $$\epsilon = \frac{\pi - \sigma}{1 - \sigma}.$$
#
# All others lose in proportion, and the sum of all weights stays 1. The mixture is made for each update and thrown away
# afterwards; $A$ itself goes on as before. Made of it, the next mixture would count the first frame twice.


# %% tags=["equals-library"]
def mixed(A, A_first, sigma, pi):
    """A with the share pi of the first frame, where sigma is what it has by itself."""
    epsilon = (pi - sigma) / (1 - sigma) if sigma < pi else 0.0
    return (1 - epsilon) * A + epsilon * A_first


protecting = GramMemory(first_frame_share=0.25)
protecting.fill(*(torch.stack(part) for part in zip(*first_samples)), torch.ones(5))
first_A = protecting.quadratic().h
sums = first_A
for n in range(1, 21):
    t = n % len(clip.frames)
    label = own_label(model, t)
    protecting.insert(F.conv2d(clip.x[t : t + 1], w1), label)
    A_i = equations(*sample_of(clip.x[t : t + 1], label))[0][order][:, order]
    sums = 0.9 * sums + 0.1 * A_i
    expected = mixed(sums, first_A, sigma=0.9**n, pi=0.25)
    off = (protecting.quadratic().h - expected).norm() / expected.norm()
    assert off < 1e-5, (n, off)
print("equal to the library after each of 20 inserts")

# %% [markdown]
# With a sample memory the same mixture falls on the weights, and the first frame's samples are never evicted. Both
# memories of the library take $\pi$ as `first_frame_share`. The weights of the three sorts of samples again, without
# and with a quarter kept, each for the video as that tracker saw it:

# %%
plain_weights = made_of(ways["updates"], twins)
kept_weights = made_of(ways["first frame kept"], twins)
alone = np.array([1.0, 0.0, 0.0])  # the first frame by itself
kept_weights = np.stack([mixed(one, alone, one[0], 0.25) for one in kept_weights])
figure, axes = new_figure(1, 2, height=3.4)
draw_weights(axes[0, 0], plain_weights, "the paper's")
draw_weights(axes[0, 1], kept_weights, "25 % kept")
axes[0, 0].set(ylabel="weight")
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3
)
show(
    figure,
    alt="Two stacked plots of sample weights over time. Left, by the paper's rule, the "
    "first frame's share falls to nothing and wrong samples take most of the weight. "
    "Right the first frame keeps a quarter, and wrong samples have less.",
)

# %% [markdown]
# ### On video
#
# The same video with both memories and several shares, and then three more videos made alike from other seeds.
# $\mathcal J$ is that after the object's return.


# %%
def after_return(found, clip):
    """Mean J from the frame on in which the object is back."""
    gone = np.flatnonzero(~clip.truth.any(axis=(1, 2)))
    return np.mean(J_of(found, clip)[gone[-1] :])  # entry t - 1 is frame t


print("kept      samples     sums")
for pi in (0, 0.1, 0.25, 0.5):
    scores = []
    for kind in ("samples", "gram"):
        config = replace(FAST.target_model, memory=kind, first_frame_share=pi)
        scores.append(after_return(follow(twins, config), twins))
    print(f"{100 * pi:3.0f} % {scores[0]:11.3f} {scores[1]:8.3f}")

# %%
print("seed   no updates   updates   25 % kept")
for seed in (0, 2, 3):
    frames, labels = look_alikes(seed)
    one = prepare(frames, labels == 1)
    found = [follow(one, update=False), follow(one), follow(one, kept)]
    scores = [after_return(p, one) for p in found]
    print(f"{seed:4d} {scores[0]:12.3f} {scores[1]:9.3f} {scores[2]:11.3f}")

# %% [markdown]
# Samples and sums agree, as they should where evicted weights are tiny. In the first video, which was chosen because it
# shows drift clearly, keeping a quarter wins back all that updates lose; in the other three, a part. It does not make
# updates pay there: the videos were made to provoke drift, and a tracker that never learns cannot drift. How it is on
# videos that were not made for it is asked under *Measured and claimed*.
#
# The video in the inspector, with what the tracker finds when a quarter of the weight stays with the first frame. Set
# *errors*, and jump to the worst frame.

# %%
prediction = [twin_labels[0] == 1, *(ways["first frame kept"] > 0.5)]
Inspector(
    twin_frames,
    truth=twins.truth.astype(np.uint8),
    prediction=[mask.astype(np.uint8) for mask in prediction],
)

# %% [markdown]
# As a picture, errors in colour:

# %%
moments = np.linspace(0, len(twin_frames) - 1, 6).round().astype(int)
show(
    image_row(
        [
            compare(
                twin_frames[t],
                prediction[t].astype(np.uint8),
                twins.truth[t].astype(np.uint8),
            )
            for t in moments
        ],
        [f"frame {t}" for t in moments],
    ),
    alt="Six frames from first to last. While the object is in view, a part of it is "
    "white and the rest blue. Some patches of background and small parts of the "
    "look-alike are orange.",
    caption="White: found. Blue: missed. Orange: found in error.",
)

# %% [markdown]
# ## Exercises
#
# ### Exercise 6.1 · Weights in closed form
# *difficulty 1 of 3 · 10 minutes · 1 point*
#
# Write `weights_after(n, eta, first)`: the weights after `n` inserts, of which none evicted anything, from the oldest
# sample to the newest. `first` is a numpy array with the first frame's weights, which need not sum to 1: the memory
# normalises them when it begins. The closed form needs no loop over inserts.


# %% nbgrader={"grade": false, "grade_id": "ex06-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def weights_after(n, eta, first):
    """Weights (len(first) + n,), which sum to 1."""
    ### BEGIN SOLUTION
    age = np.arange(n)[::-1]  # the newest has age 0
    return np.append((1 - eta) ** n * first / first.sum(), eta * (1 - eta) ** age)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch06.check_weights_after(weights_after)

# %% [markdown]
# ### Exercise 6.2 · An insert that never moves a sample
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# The samples of a long video should lie in storage that is allocated once. Write `insert_weight(gamma, newest, eta,
# K_max)` for a memory that keeps every sample in its place: `gamma (k,)` are the weights by place, `newest` is the
# place of the sample inserted last, or None before the first insert (there is always room for that one). The new
# sample takes the place after the last while there is room, and then the place of the sample with the smallest weight.
# Return the new weights, which sum to 1, and the place.


# %% nbgrader={"grade": false, "grade_id": "ex06-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def insert_weight(gamma, newest, eta, K_max):
    """(weights, place of the new sample)."""
    ### BEGIN SOLUTION
    if newest is None:
        return np.append((1 - eta) * gamma, eta), len(gamma)
    full = len(gamma) == K_max
    place = int(gamma.argmin()) if full else len(gamma)
    result = gamma.copy() if full else np.append(gamma, 0.0)
    result[place] = gamma[newest] / (1 - eta)
    return result / result.sum(), place
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06-2-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch06.check_insert_weight(insert_weight)

# %% [markdown]
# ### Exercise 6.3 · The equations of a sample
# *difficulty 2 of 3 · 20 minutes · 2 points*
#
# Write `sample_equations(X, U_y, U_x, y, v)`, in numpy and without a stencil: $A_i = X^\top U^\top V U X$ and
# $g_i = X^\top U^\top V y$. `X (h w, n)` holds the features of one cell in every row, cells row by row. `U_y (H, h)`
# and `U_x (W, w)` interpolate, so that scores `s (h, w)` become `U_y @ s @ U_x.T`. `y` and `v` are `(H, W)`, and `y`
# has values in 0..1.


# %% nbgrader={"grade": false, "grade_id": "ex06-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def sample_equations(X, U_y, U_x, y, v):
    """A_i (n, n) and g_i (n,)."""
    ### BEGIN SOLUTION
    maps = X.T.reshape(-1, U_y.shape[1], U_x.shape[1])  # (n, h, w)
    UX = (U_y @ maps @ U_x.T).reshape(len(maps), -1).T  # (n, H, W) -> (H W, n)
    weighed = v.flatten()[:, None] * UX
    return UX.T @ weighed, weighed.T @ y.flatten()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06-3-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch06.check_sample_equations(sample_equations)

# %% [markdown]
# ### Exercise 6.4 · A memory of sums that keeps the first frame
# *difficulty 3 of 3 · 30 minutes · 3 points*
#
# Write `run_memory(first, samples, eta, share)`, a generator. `first` is the pair $(A_\text{first}, g_\text{first})$ of
# the first frame, as numpy arrays; `samples` yields such a pair for every frame, and may be endless. After every insert
# yield the pair $(A, g)$ that an update would use, in which the first frame has at least `share` of the weight, and ask
# for the next sample only after that. Earlier results must not change when the next sample comes, nor may what you are
# given.


# %% nbgrader={"grade": false, "grade_id": "ex06-4", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def run_memory(first, samples, eta, share):
    """Yields (A, g) after every insert."""
    ### BEGIN SOLUTION
    running, own = first, 1.0
    for sample in samples:
        running = tuple((1 - eta) * r + eta * s for r, s in zip(running, sample))
        own *= 1 - eta
        back = (share - own) / (1 - own) if own < share else 0.0
        yield tuple((1 - back) * r + back * f for r, f in zip(running, first))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06-4-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch06.check_run_memory(run_memory)

# %% [markdown]
# ## Measured and claimed
#
# The paper's Table 1 has the target model alone gain 1.3 points of $\mathcal J$ from updates, on videos of YouTube-VOS
# that it does not name. Two runs of ours ask the same question on other data, both with a ResNet-18 and the fast
# settings, for three seeds.

# %%
d_only = read_record("frtm_d_only_small").metrics["gain"]
choices = read_record("frtm_choices").metrics
without = choices["no_update"]
print("gain in J from updates, in points")
print(f"{'paper':<42}{1.3:+6.1f}")
print(f"{'5 validation sequences of DAVIS 2016':<42}{100 * d_only['mean']:+6.1f}")
training = 100 * (choices["merged_kept"]["J"] - without["J"])
print(f"{'30 training sequences, 448 x 256':<42}{training:+6.1f}")
seeds = " ".join(f"{100 * gain:+.1f}" for gain in d_only["J_of_seeds"])
print(f"\nthe first by seeds: {seeds}")
print("\non the training sequences, by what is remembered:")
for name, words in (
    ("unmerged", "the clamped score"),
    ("merged_zero", "merged, 0 where background wins"),
    ("merged_kept", "merged, as in this chapter"),
    ("mask", "the mask, 0 or 1"),
):
    print(f"{words:<42}{100 * (choices[name]['J'] - without['J']):+6.1f}")

# %% [markdown]
# Whether updates pay depends on the videos, as it must if the gain depends on the labels: thirty sequences gain, five
# others do not. Five are few, and a loss of half a point among seeds that differ by as much says only that no gain is
# seen there. That updates gain for the target model alone is the paper's claim on its data, ours on thirty sequences,
# and not a law.
#
# What is kept of the past is another question: 80 samples, 20, or sums, and the first frame with or without a share of
# its own. A run of ours follows one object of each of the thirty training sequences to the last frame and back to the
# first, so that the memory overflows, with the same backbone and settings. On the way back it holds what was found on
# the way forth.

# %%
remembered = read_record("frtm_memory_small").metrics
print(f"{'mean J':<26}{'forth':>7}{'back':>7}")
for name, words in (
    ("samples", "80 samples, the paper's"),
    ("samples_20", "20 samples"),
    ("gram", "sums"),
    ("samples_first_0.1", "80 samples, 10 % kept"),
    ("samples_first_0.25", "80 samples, 25 % kept"),
    ("samples_first_0.5", "80 samples, 50 % kept"),
):
    forth, back = (remembered[name][key] for key in ("J", "J_back"))
    print(f"{words:<26}{forth:7.3f}{back:7.3f}")

# %% [markdown]
# Sums do as well as 80 samples, to the third decimal, and so nothing is lost with the limit. Twenty samples forget too
# soon, which shows on the way back. To keep a share of the weight for the first frame changes next to nothing while
# that frame is young, and is worth about three points when 80 frames have passed: all that is certain is in that frame,
# and the paper's memory lets it go.

# %% [markdown]
# The supplement's Figure 9 says that the method is rather insensitive to $\eta$ and $t_s$. It is about the complete
# method, whose labels the segmentation network improves. Chapter 08 has that system.

# %% [markdown]
# ## How this differs from the paper
#
# - The first insert gets exactly $\eta$, as in the authors' code; the paper's rule says only $\gamma_0 = \eta$.
# - A sample is its projected features and its stencil. The authors' code keeps projected features and labels, and goes
#   back to full resolution in every iteration. The results are the same to rounding.
# - Frames with fewer than 10 target pixels are neither remembered nor learned from (code).
# - The sums of section 6 and the share of section 7 are ours, and off unless `TargetModelConfig` is told otherwise:
#   `memory="gram"`, `first_frame_share=0.25`.
#
# The page *Where we differ from the papers* of the site has the effects as they were measured.

# %% [markdown]
# ## Summary
#
# - A frame becomes three small arrays: projected features, a stencil, and $U^\top V y$. The loss needs no more.
# - Every insert takes $\eta$ of the weight: sample weights decay as $(1 - \eta)^\text{age}$, 19 samples count in
#   effect, and the given frame has 0.6 % by the 40th.
# - An update is a linear system in 864 unknowns; a warm start and five CG iterations do.
# - The tracker learns from its own answers. Good labels gain, bad ones cost, and an error that is remembered stays:
#   drift.
# - Weighted sums of the samples' equations replace the samples, exactly and in constant space.
# - The given frame can keep its say: mix its own equations back in for each update.

# %% [markdown]
# ## References
#
# - A. Robinson, F. Järemo Lawin, M. Danelljan, F. S. Khan, M. Felsberg: *Learning Fast and Robust Target Models for
#   Video Object Segmentation*. CVPR 2020. Section 3.4, Table 1, and the supplement's section 7.3.
# - M. Danelljan, A. Robinson, F. S. Khan, M. Felsberg: *Beyond Correlation Filters: Learning Continuous Convolution
#   Operators for Visual Tracking*. ECCV 2016. A tracker of boxes whose samples' weights decay.
# - L. Kish: *Survey Sampling*. Wiley, 1965. The effective number of samples.
