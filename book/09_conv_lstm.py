# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # ConvLSTM
#
# A ConvLSTM gives a network a memory in the form of a map, for what the frame before it no longer shows. Two equal
# discs pass behind a bar. Which of the two was yours? A network that is shown one frame and its own last mask cannot
# know once both have been out of sight: it paints both, or none. A network with a memory can, if not always by the rule
# that one would expect. This chapter builds that memory, the convolutional LSTM, from a plain recurrence up, in the
# form that S2S uses through time and in the form that RVOS uses through space and time, and looks at what a trained one
# remembers.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from checks import ch09
from vosbook.nn.conv_lstm import ConvLSTM, SpaceTimeConvLSTM
from vosbook.profiles import load_profile
from vosbook.view.overlay import compare, overlay
from vosbook.view.plots import image_row, new_figure, show

# %% [markdown]
# The scenes are drawn here, in a few lines, so that nothing in them is hidden. The discs differ in nothing but their
# places. Either they come from two sides and meet behind the bar, or one follows the other.

# %%
FRAMES, SIZE, RADIUS = 14, (24, 48), 3.5
rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5


def scene(seed):
    """Frames (T, H, W), float in 0..1; visible masks of target and rival, both bool."""
    rng = np.random.default_rng(seed)
    side = rng.choice([-1, 1], 2)  # where each disc begins, left or right of the middle
    start, speed = rng.uniform(12, 21, 2), rng.uniform(2, 3, 2)
    if side[0] == side[1]:
        start, speed = rng.permutation([11, 21]) + rng.uniform(-1, 1), speed[[0, 0]]
    y, bar, nearer = rng.uniform(8, 16), 24 + rng.uniform(-4, 4), rng.integers(2)
    ground = rng.uniform(0.3, 0.5) + 0.05 * rng.standard_normal(SIZE)
    behind = np.abs(columns - bar) < 6
    frames, seen = [], []
    for t in range(FRAMES):
        x = 24 + side * (start - speed * t)
        discs = [(columns - x[i]) ** 2 + (rows - y) ** 2 < RADIUS**2 for i in (0, 1)]
        frames.append(np.where(behind, 0.1, np.where(discs[0] | discs[1], 0.9, ground)))
        discs[1 - nearer] &= ~discs[nearer]  # one disc passes before the other
        seen.append([disc & ~behind for disc in discs])
    return np.stack(frames), *np.stack(seen, axis=1)


def scenes(first, count):
    """As tensors, (B, T, 1, H, W) each: frames, target, rival of scenes first, ..."""
    made = [scene(first + n) for n in range(count)]
    return tuple(
        torch.tensor(np.stack(part))[:, :, None].float() for part in zip(*made)
    )


def picture(frame):
    """A frame (H, W) in 0..1 as an image uint8 (H, W, 3)."""
    return (frame * 255).clip(0, 255).astype(np.uint8)[..., None].repeat(3, axis=-1)


TEST = 10**6  # scenes from here on are for testing
film, target, _ = scene(TEST)
given = overlay(picture(film[0]), target[0].astype(np.uint8))
moments = (2, 4, 6, 9, 12)
show(
    image_row(
        [given, *(picture(film[t]) for t in moments)],
        ["frame 0, given", *(f"frame {t}" for t in moments)],
    ),
    alt="Six frames of a scene: two light discs on a noisy ground and a dark upright bar; "
    "one disc is painted orange in frame 0. The discs pass behind the bar and come out.",
    caption="What a network is given: the frames, and the target's mask in frame 0.",
)

# %% [markdown]
# The next three cells train two small networks on such scenes and try them on others. Run them, look at the picture
# under them, and read their code afterwards.
#
# The first network is S2S in small. Two convolutions look at a frame; two others look at the first frame *and its
# mask*, and what they make of it is the memory's first state. The cell, here from the library, is what sections 1 to 3
# build.

# %%
WIDTH = 12  # channels


def look(inputs, outputs):
    """Two convolutions, to half the resolution."""
    return nn.Sequential(
        nn.Conv2d(inputs, WIDTH, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(WIDTH, outputs, 3, padding=1),
        nn.ReLU(),
    )


def paint():
    """From half the resolution back to one logit per pixel."""
    return nn.Sequential(
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(WIDTH, 1, 5, padding=2),
    )


class WithMemory(nn.Module):
    def __init__(self):
        super().__init__()
        self.begin, self.look, self.paint = look(2, 2 * WIDTH), look(1, WIDTH), paint()
        self.cell = ConvLSTM(WIDTH, WIDTH)

    def states(self, frames, mask):
        """The state (h, c), each (B, WIDTH, h, w), after every frame but the first."""
        state = self.begin(torch.cat([frames[:, 0], mask], dim=1)).chunk(2, dim=1)
        seen = self.look(frames[:, 1:].flatten(0, 1))  # (B (T - 1), WIDTH, h, w)
        for x in seen.unflatten(0, (len(frames), -1)).unbind(1):
            state = self.cell(x, state)
            yield state

    def forward(self, frames, mask):
        """Frames (B, T, 1, H, W), first mask (B, 1, H, W) -> logits (B, T - 1, 1, H, W)."""
        h = torch.stack([h for h, _ in self.states(frames, mask)], dim=1)
        return self.paint(h.flatten(0, 1)).unflatten(0, h.shape[:2])


# %% [markdown]
# The other network has no state. It is given each frame and, as its only link to the past, the probabilities that it
# painted into the frame before. It has a few more weights than the first, and learns from the same scenes by the same
# rule.


# %%
class LastMask(nn.Module):
    def __init__(self):
        super().__init__()
        self.look, self.paint = look(2, WIDTH), paint()
        self.think = nn.Sequential(
            nn.Conv2d(WIDTH, 2 * WIDTH, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(2 * WIDTH, WIDTH, 5, padding=2),
            nn.ReLU(),
        )

    def forward(self, frames, mask):
        logits = []
        for t in range(1, frames.shape[1]):
            last = logits[-1].sigmoid() if logits else mask
            seen = self.look(torch.cat([frames[:, t], last], dim=1))
            logits.append(self.paint(self.think(seen)))
        return torch.stack(logits, dim=1)


def learn(network, loss_of, steps, rate):
    """Adam on loss_of(network, step); the mean loss of every 25 steps."""
    optimizer = torch.optim.Adam(network.parameters())
    losses = []
    for step in range(steps):
        warm, late = min(1, (step + 1) / 20), step > 0.75 * steps
        optimizer.param_groups[0]["lr"] = rate * warm * (0.2 if late else 1)
        loss = loss_of(network, step)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return np.reshape(losses[: steps // 25 * 25], (-1, 25)).mean(axis=1)


# %%
settings = load_profile(profile).of("conv_lstm")


def tracking_loss(network, step):
    """Binary cross-entropy on new scenes; the few pixels of the target weigh more."""
    frames, masks, _ = scenes(settings["batch"] * step, settings["batch"])
    logits, y = network(frames, masks[:, 0]), masks[:, 1:]
    return F.binary_cross_entropy_with_logits(logits, y, weight=1 + 7 * y)


networks, curves = {}, {}
for name, kind in (("with memory", WithMemory), ("last mask only", LastMask)):
    torch.manual_seed(settings["seed"])
    networks[name] = kind()
    curves[name] = learn(networks[name], tracking_loss, settings["steps"], rate=4e-3)
    weights = sum(p.numel() for p in networks[name].parameters())
    losses = f"loss {curves[name][0]:.2f} to {curves[name][-1]:.2f}"
    print(f"{name}: {weights} weights,\n    {losses}")

# %% [markdown]
# One scene that neither has seen, in which the discs meet behind the bar:

# %%
frames, masks, rivals = scenes(TEST, 48)
with torch.no_grad():
    found = {
        name: (network(frames, masks[:, 0]) > 0)[:, :, 0].numpy()
        for name, network in networks.items()
    }  # (B, T - 1, H, W), bool
truth, rival = masks[:, 1:, 0].bool().numpy(), rivals[:, 1:, 0].bool().numpy()
area, rival_area = truth.sum(axis=(2, 3)), rival.sum(axis=(2, 3))  # (B, T - 1), pixels
dark = (area == 0) & (rival_area == 0)  # no disc in sight
ways = torch.stack([masks, rivals])[:, :, 0, 0].sum(dim=2).argmax(dim=-1) < SIZE[1] / 2
opposite = (ways[0] != ways[1]).numpy()  # (B,): the discs come from two sides
example = int(np.flatnonzero(opposite & (dark.sum(axis=1) >= 2))[0])
begin, end = np.flatnonzero(dark[example])[[0, -1]]
moments = [begin - 3, begin, end + 3]
show(
    image_row(
        [
            compare(picture(frames[example, t + 1, 0].numpy()), *both)
            for one in found.values()
            for t in moments
            for both in [(part[example, t].astype(np.uint8) for part in (one, truth))]
        ],
        [f"{name},\nframe {t + 1}" for name in found for t in moments],
    ),
    alt="Two rows of three frames: before, behind and after a dark bar. With memory "
    "one of two equal discs, the target, is white after the bar. With the last mask "
    "only, the other disc is painted, too.",
    caption="White: found. Blue: missed. Vermilion: found in error.",
)

# %% [markdown]
# ## Goals
#
# After this chapter you can
#
# - say why a plain recurrence forgets, and what gates and a forget bias of one change;
# - write both ConvLSTM cells of this book, and show that they equal the library's;
# - say how fast memory can travel over an image, and find out where a trained network keeps it;
# - tell a recurrence over frames from one over objects, and say what goes which way in RVOS.

# %% [markdown]
# ## 1 A plain recurrence forgets, or explodes
#
# The plainest network with a state is $h_t = \tanh(W h_{t-1} + U x_t)$. To learn that frame 0 matters for frame 20, the
# gradient must come back through twenty multiplications by $W^\top$ and twenty slopes of tanh, none of which exceeds
# one. If one step takes a little away, twenty take nearly all. A larger $W$ is no remedy: past some size the gradient
# grows instead, and a training step along it leads anywhere.
#
# An LSTM keeps a second state, $c_t = f_t c_{t-1} + i_t g_t$, and no matrix stands in its way: from $c_t$ back to
# $c_{t-1}$ there is one multiplication by the *forget gate* $f_t$, a number from 0 to 1 that the network sets itself.
# At the start of training the gate is about the sigmoid of its bias. Measured, by autograd:


# %%
def plain_gradient(scale, steps, width=64):
    """Size of the gradient of h_n with respect to h_0, for n = 1 to steps."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(width, width, generator=generator)).Q
    h_0 = torch.randn(width, generator=generator).requires_grad_()
    direction, h, sizes = torch.randn(width, generator=generator), h_0, []
    for _ in range(steps):
        x = torch.randn(width, generator=generator)  # the input, already through U
        h = torch.tanh(scale * turn @ h + x)
        (gradient,) = torch.autograd.grad(h @ direction, h_0, retain_graph=True)
        sizes.append((gradient.norm() / direction.norm()).item())
    return sizes


def memory_gradient(bias, steps):
    """The same of an LSTM's c_n with respect to c_0, its gates being those of its biases."""
    c = c_0 = torch.ones(1, requires_grad=True)
    sizes = []
    for _ in range(steps):
        c = torch.sigmoid(torch.tensor(float(bias))) * c
        sizes.append(torch.autograd.grad(c, c_0, retain_graph=True)[0].item())
    return sizes


gradients = {
    "plain, W a rotation": plain_gradient(1.0, 20),
    "plain, four times that W": plain_gradient(4.0, 20),
    "LSTM, bias 0": memory_gradient(0, 20),
    "LSTM, bias 1": memory_gradient(1, 20),
    "LSTM, bias 4": memory_gradient(4, 20),
}
figure, axes = new_figure(height=3.6)
for name, sizes in gradients.items():
    axes[0, 0].plot(range(1, 21), sizes, label=name)
axes[0, 0].set(
    xlabel="steps back", ylabel="gradient", yscale="log", xticks=[1, 5, 10, 15, 20]
)
figure.legend(loc="outside upper center", ncols=2)
show(
    figure,
    alt="Gradients against the number of steps, on a logarithmic axis. A plain "
    "recurrence with a rotation falls to less than a thousandth, with four times that "
    "matrix it grows a thousandfold. An LSTM falls along a straight line: steeply with "
    "a forget bias of 0, slowly with 1, hardly at all with 4.",
)
print(f"{'after':<25}5 steps  20 steps")
for name, sizes in gradients.items():
    print(f"{name:<25}{sizes[4]:>7.0e}{sizes[19]:>10.0e}")

# %% [markdown]
# The gate by itself does not help: with a bias of zero it stands at one half, and the LSTM forgets faster than the
# plain recurrence. With a bias of one it stands at .73. Clips of 5 to 11 frames, as S2S uses, then have a gradient to
# learn from. This is only the start; what the gate becomes, frame by frame and cell by cell, is learned. (Exercise
# 9.1 counts how long a memory lasts.)

# %% [markdown]
# ## 2 Gates
#
# Four parts are computed from the input $x_t$ and the last answer $h_{t-1}$: three gates between 0 and 1, and the
# *candidate* $g$, which is what may be written. The input gate $i$ says how much of it is written, the forget gate $f$
# how much of the memory stays, the output gate $o$ how much of the memory is shown:
#
# $$\begin{aligned} i, f, o &= \sigma(\dots), & c_t &= f \, c_{t-1} + i \, g, \\
# g &= \phi(\dots), & h_t &= o \, \phi(c_t). \end{aligned}$$
#
# The dots stand for four linear maps of $[x_t, h_{t-1}]$, computed as one map with four times the outputs. $\phi$ is
# tanh in the usual LSTM. Products are element by element.


# %%
def update(gates, c, phi):
    """From the four parts, side by side (B, 4 C, ...), and c (B, C, ...) to (h, c)."""
    i, f, o, g = gates.chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * phi(g)
    return o.sigmoid() * phi(c), c


# %% [markdown]
# With a matrix as the linear map this must be PyTorch's own LSTM. PyTorch orders the parts as $i, f, g, o$ and keeps
# two matrices and two biases; apart from that the two agree.

# %%
torch.manual_seed(0)
theirs = nn.LSTMCell(5, 3)
x, h, c = torch.randn(2, 5), torch.randn(2, 3), torch.randn(2, 3)
i, f, g, o = torch.arange(12).split(3)  # rows of PyTorch's matrices
order = torch.cat([i, f, o, g])
weight = torch.cat([theirs.weight_ih, theirs.weight_hh], dim=1)[order]  # (4 C, in + C)
bias = (theirs.bias_ih + theirs.bias_hh)[order]
mine = update(torch.cat([x, h], dim=1) @ weight.T + bias, c, torch.tanh)
torch.testing.assert_close(mine, theirs(x, (h, c)))
print("the same (h, c) as nn.LSTMCell")

# %% [markdown]
# ## 3 Convolution in place of the matrix
#
# A state that is one vector has lost the places. Let $h$ and $c$ be maps `(B, C, h, w)`, and let a convolution make the
# gates: every cell of the map is then an LSTM of its own, with the same weights as all others, that sees its
# neighbours' last answers. S2S takes 3x3 kernels and, for $\phi$, ReLU instead of tanh. The paper says that "state
# outputs" have it; we put it in both places. The library has the cell as it is written here in `nn/plain_conv_lstm.py`,
# and beside it the one that runs, to the same effect with fewer sums.


# %% tags=["equals-library"]
class ChapterConvLSTM(nn.Module):
    def __init__(self, in_channels, channels, kernel=3):
        super().__init__()
        self.gates = nn.Conv2d(
            in_channels + channels, 4 * channels, kernel, padding=kernel // 2
        )
        for weight in self.gates.weight.chunk(4):
            nn.init.xavier_uniform_(weight)  # each part is a convolution of its own
        nn.init.zeros_(self.gates.bias)
        self.gates.bias.data[channels : 2 * channels] = 1  # the forget gate's

    def forward(self, x, state):
        h, c = state  # each (B, C, h, w)
        return update(self.gates(torch.cat([x, h], dim=1)), c, F.relu)


torch.manual_seed(1)
mine = ChapterConvLSTM(2, 4)
torch.manual_seed(1)
library = ConvLSTM(2, 4)
x, state = torch.randn(3, 2, 6, 8), (torch.rand(3, 4, 6, 8), torch.rand(3, 4, 6, 8))
torch.testing.assert_close(mine(x, state), library(x, state))
print("the same (h, c) as the library's ConvLSTM,")
print("initial weights included")

# %% [markdown]
# Note what cannot happen: $c$ is multiplied and added to *in its place*. It never moves. If a memory is to go along
# with its object, a cell where the object is going must read the $h$ of a neighbour where it was, and write that into
# its own $c$. So what is remembered travels at most half a kernel of cells per frame. Here is the gradient of the
# answer in the middle, after some frames, with respect to frame 0. It is exactly zero outside of a square that grows
# by one cell on each side a frame.


# %%
def sensitivity(cell, frames, size=(25, 25)):
    """How much h in the middle depends on each cell of frame 0, (h, w); `frames` later."""
    generator = torch.Generator().manual_seed(3)
    x_0 = torch.randn(1, 2, *size, generator=generator).requires_grad_()
    state = cell(x_0)
    for _ in range(frames):
        state = cell(torch.randn(1, 2, *size, generator=generator), state)
    middle = state[0][0, :, size[0] // 2, size[1] // 2].sum()
    return torch.autograd.grad(middle, x_0)[0][0].abs().sum(0).numpy()


torch.manual_seed(2)
cell = ConvLSTM(2, 16)
maps = [sensitivity(cell, n) for n in (0, 2, 5)]
for n, one in zip((0, 2, 5), maps):
    side = int(np.ptp(np.flatnonzero(one.any(axis=0)))) + 1
    assert side == 2 * (n + 1) + 1
    print(f"{n} frames later: {side} x {side} cells")
show(
    image_row(
        [np.log10(one + 1e-6) for one in maps],
        [f"{n} frames later" for n in (0, 2, 5)],
        limits=(-6, 0),
    ),
    alt="Three maps of sensitivity on a logarithmic scale. A bright square of 3 by 3 "
    "cells, then 7 by 7, then 13 by 13, brighter in the middle than at the rim.",
    caption="Logarithm of the gradient: yellow is strong, dark is none.",
)

# %% [markdown]
# How fast must it travel? The discs above move 2 to 3 pixels a frame, 1 to 1.5 cells of states at half resolution. S2S
# has its states at stride 32: one cell is as far as most things go in a frame. (Exercise 9.2 turns this around, from a
# speed to a kernel.)

# %% [markdown]
# ## 4 What memory buys
#
# Back to the discs: 48 test scenes, scored in three parts. *Before*: frames in which the target has not been out of
# sight. *Behind*: it is; the right answer is an empty mask, which counts as 1. *After*: it is back. Frames that show
# ten of its pixels or fewer are left out. The third row copies the first mask into all frames.


# %%
def jaccards(p, y):
    """J per frame of masks bool (B, T, H, W); 1 where both are empty."""
    union = (p | y).sum(axis=(2, 3))
    return np.where(union > 0, (p & y).sum(axis=(2, 3)) / np.maximum(union, 1), 1.0)


held = np.repeat(masks[:, :1, 0].bool().numpy(), FRAMES - 1, axis=1)
was_gone = (area == 0).cumsum(axis=1) > 0
parts = {
    "before": ~was_gone & (area > 10),
    "behind": area == 0,
    "after": was_gone & (area > 10),
}
print(f"{'J':<17}" + "".join(f"{part:>9}" for part in parts))
for name, p in (found | {"first mask held": held}).items():
    means = [jaccards(p, truth)[chosen].mean() for chosen in parts.values()]
    print(f"{name:<17}" + "".join(f"{mean:>9.2f}" for mean in means))

# %% [markdown]
# Who paints two equal discs has half of his pixels right. That is about what the network without memory reaches after
# the bar. So count whole discs: in frames after the bar that show both, which of them is painted, that is, more than
# half of it? And does it matter how the discs came?


# %%
def verdicts(p, chosen):
    """Shares of frames: the target painted alone, both discs, or anything else."""
    mine, other = (
        (p & y).sum(axis=(2, 3))[chosen] > 0.5 * y.sum(axis=(2, 3))[chosen]
        for y in (truth, rival)
    )
    return (mine & ~other).mean(), (mine & other).mean(), (~mine).mean()


both_seen = parts["after"] & (rival_area > 10)
scene_kinds = {"from two sides": opposite, "one behind the other": ~opposite}
for kind, of_kind in scene_kinds.items():
    chosen = both_seen & of_kind[:, None]
    print(f"{kind}, {chosen.sum()} frames:")
    print(f"{'':<16}{'target':>8}{'both':>8}{'neither':>9}")
    for name, p in found.items():
        target, both, neither = verdicts(p, chosen)
        print(f"  {name:<14}{target:>8.0%}{both:>8.0%}{neither:>9.0%}")
chosen = both_seen & opposite[:, None]
alone = [verdicts(found[name], chosen)[0] for name in networks]
assert alone[0] > alone[1] + 0.5  # the target alone, with memory and without

# %% [markdown]
# Without memory both discs are painted, whichever way they came. With memory, the target alone is painted where the
# discs came from two sides; where one followed the other, the memory hardly ever helps. The loss of the training says
# that it learned something, not what.

# %%
figure, axes = new_figure(height=2.6)
for name, losses in curves.items():
    axes[0, 0].plot(25 * np.arange(1, len(losses) + 1), losses, label=name)
axes[0, 0].set(xlabel="step", ylabel="loss", ylim=(0, None))
figure.legend(loc="outside upper center", ncols=2)
show(
    figure,
    alt="The loss over the training. Both curves fall together at first; then the one "
    "with memory goes on falling and the other does not.",
)

# %% [markdown]
# ## 5 Where the memory is
#
# What did it learn? Twelve channels of numbers do not say which of them means "this one". A comparison does: run the
# network twice on the *same* frames, once with the mask of either disc. Whatever differs between the two runs' states
# is what the network remembers about which disc was meant, and nothing else is.


# %%
def two_runs(n):
    """Differences of h and of c, (T - 1, h, w) each, between the runs for either disc."""
    one = slice(n, n + 1)
    with torch.no_grad():
        runs = [
            list(networks["with memory"].states(frames[one], y[one, 0]))
            for y in (masks, rivals)
        ]
    apart = [
        [(a - b)[0].norm(dim=0).numpy() for a, b in zip(*states)]
        for states in zip(*runs)
    ]
    return [np.stack(part) for part in zip(*apart)]


difference = dict(zip("hc", two_runs(example)))  # in the scene of the first picture
moments = [0, begin - 2, begin, end + 2, FRAMES - 2]
figure, axes = new_figure(len(moments), 3, height=5.6)
for row, t in zip(axes, moments):
    frame = picture(frames[example, t + 1, 0].numpy())
    row[0].imshow(overlay(frame, truth[example, t].astype(np.uint8)))
    for panel, values in zip(row[1:], difference.values()):
        panel.imshow(values[t], vmin=0)
    row[0].set_ylabel(f"frame {t + 1}", rotation=0, ha="right", va="center")
    for panel in row:
        panel.set(xticks=[], yticks=[])
        panel.grid(visible=False)
for panel, title in zip(axes[0], ("target", "difference of h", "difference of c")):
    panel.set_title(title)
show(
    figure,
    alt="Five frames from top to bottom, beside them the maps of how h and c differ "
    "between the two runs. In all frames the maps are bright on the left and on the "
    "right, near where the discs were at first, also while both are behind the bar.",
    caption="Yellow: the two runs differ most. Dark: they agree. Each map has a scale of "
    "its own.",
)
print("largest difference")
for name, values in difference.items():
    print(f"of {name}:", *(f"{values[t].max():>7.1f}" for t in moments))

# %% [markdown]
# While both discs are behind the bar the frames hold nothing that could tell them apart, and yet the states differ:
# that is memory. But it does not go along with the discs. It stays about where they were in frame 0. Half of the
# scenes can be solved so: where the discs come from two sides, the target is later the one that is *not* where the
# target was at first. Where one follows the other both are, and the network paints both. It has learned the cheaper of
# two rules that the loss rewards, and the other one, to pass a memory from cell to cell, was not needed often enough.
#
# The same figure shows a second thing: the numbers grow. With ReLU in the place of tanh nothing bounds $c$, what is
# written depends on $h$ and so on $c$ itself, and this network has never seen a longer video. Both are worth
# remembering before one trusts a recurrent network: test it on what it cannot solve by a short cut, and on videos
# longer than its clips.
#
# ## 6 Through space and time
#
# S2S follows one object at a time, and a video with five objects needs five runs that know nothing of each other. RVOS
# makes the *objects* a second sequence. In every frame its decoder answers for object 1, then for object 2, and so on,
# and each answer may look at two earlier ones: that for the object before in the same frame, $h_{\text{space}}$, and
# that for the same object in the frame before, $h_{\text{time}}$. The gates see all of
# $[x \mid h_{\text{space}} \mid h_{\text{time}}]$, and $\phi$ is tanh. The memory $c$ goes *from object to object
# only*; from frame to frame there is only $h$.


# %% tags=["equals-library"]
class ChapterSpaceTime(nn.Module):
    def __init__(self, in_channels, channels, kernel=3):
        super().__init__()
        self.gates = nn.Conv2d(
            in_channels + 2 * channels, 4 * channels, kernel, padding=kernel // 2
        )

    def forward(self, x, h_space, c, h_time):
        return update(self.gates(torch.cat([x, h_space, h_time], dim=1)), c, torch.tanh)


torch.manual_seed(1)
mine = ChapterSpaceTime(2, 4)
torch.manual_seed(1)
library = SpaceTimeConvLSTM(2, 4)
x, h_space, c, h_time = torch.randn(3, 2, 6, 8), *torch.randn(3, 3, 4, 6, 8)
torch.testing.assert_close(mine(x, h_space, c, h_time), library(x, h_space, c, h_time))
zero = torch.zeros_like(c)
torch.testing.assert_close(mine(x, zero, zero, h_time), library(x, h_time=h_time))
print("the same (h, c) as the library's;")
print("a state that is absent counts as zeros")

# %% [markdown]
# Leave out one of the two recurrences, and there are three networks to compare: S (space alone), T (time alone, and so
# without $c$), and ST. What does the answer for object 3 in frame 3 depend on? Random weights are enough to see it.


# %%
def dependence(space, time, frames=4, objects=4):
    """How much the answer for the last object in the last frame depends on each input."""
    torch.manual_seed(4)
    cell = SpaceTimeConvLSTM(2, 8, space=space, time=time)
    x = torch.randn(frames, objects, 1, 2, 9, 9, requires_grad=True)
    before = [None] * objects  # h of the frame before, by object
    for t in range(frames):
        h_space = c = None
        for i in range(objects):
            h, c_new = cell(x[t, i], h_space, c, before[i])
            h_space, c = (h, c_new) if space else (None, None)
            before[i] = h if time else None
    return torch.autograd.grad(h.square().sum(), x)[0].flatten(2).norm(dim=2).numpy()


variants = {"S": (True, False), "T": (False, True), "ST": (True, True)}
grids = {name: dependence(*options) for name, options in variants.items()}
figure, axes = new_figure(1, 3, height=2.6)
for panel, (name, grid) in zip(axes[0], grids.items()):
    panel.imshow(np.log10(grid + 1e-8), vmin=-5, vmax=0)
    panel.set(title=name, xlabel="object", xticks=range(4), yticks=range(4))
    panel.grid(visible=False)
axes[0, 0].set_ylabel("frame")
show(
    figure,
    alt="Three grids of 4 frames by 4 objects. In S only the last frame's row is "
    "bright, in T only the last object's column, in ST every cell is, weaker the "
    "farther it is.",
    caption="Brightness: how much object 3 in frame 3 depends on that input (logarithm).",
)
assert not grids["S"][:-1].any() and not grids["T"][:, :-1].any() and grids["ST"].all()

# %% [markdown]
# What is recurrence over objects good for? A decoder that is to answer *differently* each time it is asked about the
# same frame must know how often it has been asked. Three discs of different brightness; the network is asked three
# times, and shall paint the brightest, then the middle one, then the darkest. All inputs are the same. Without the
# recurrence, then, so are all three answers.


# %%
def three_discs(seed):
    """A frame (H, W), float in 0..1, and the masks of its discs from bright to dark, bool (3, H, W)."""
    rng = np.random.default_rng(seed)
    x = rng.permutation([8, 24, 40]) + rng.uniform(-3, 3, 3)
    y = rng.uniform(6, 18, 3)
    discs = (columns - x[:, None, None]) ** 2 + (rows - y[:, None, None]) ** 2 < 4.5**2
    light = np.tensordot([0.9, 0.65, 0.4], discs, 1)  # (H, W)
    ground = 0.15 + 0.05 * rng.standard_normal(SIZE)
    return np.where(discs.any(axis=0), light, ground), discs


def disc_batch(first, count):
    """Frames (B, 1, H, W) and masks (B, 3, H, W)."""
    made = [three_discs(first + n) for n in range(count)]
    images, discs = (torch.tensor(np.stack(part)).float() for part in zip(*made))
    return images[:, None], discs


class Painter(nn.Module):
    def __init__(self, space):
        super().__init__()
        self.look, self.paint = look(1, WIDTH), paint()
        self.cell = SpaceTimeConvLSTM(WIDTH, WIDTH, space=space, time=False)

    def forward(self, frames):
        """(B, 1, H, W) -> logits (B, 3, H, W), one answer after the other."""
        x, h, c, logits = self.look(frames), None, None, []
        for _ in range(3):
            h_new, c_new = self.cell(x, h, c)
            logits.append(self.paint(h_new))
            h, c = (h_new, c_new) if self.cell.space else (None, None)
        return torch.cat(logits, dim=1)


def painting_loss(network, step):
    x, y = disc_batch(8 * step, 8)
    return F.binary_cross_entropy_with_logits(network(x), y, weight=1 + 4 * y)


images, discs = disc_batch(TEST, 16)
answers = {}
for name, space in (("with", True), ("without", False)):
    torch.manual_seed(settings["seed"])
    painter = Painter(space)
    learn(painter, painting_loss, settings["painter_steps"], rate=1e-2)
    with torch.no_grad():
        answers[name] = painter(images).sigmoid()
    J = jaccards((answers[name] > 0.5).numpy(), discs.bool().numpy())  # (B, 3)
    print(f"{name} recurrence: J of the three", J.mean(axis=0).round(2))
assert torch.equal(answers["without"][:, 0], answers["without"][:, 2])

# %%
show(
    image_row(
        [answer for three in answers.values() for answer in three[0].numpy()],
        [f"{name}, answer {i}" for name in answers for i in (1, 2, 3)],
        limits=(0, 1),
    ),
    alt="Two rows of three probability maps. With recurrence over objects each answer "
    "is one disc, a different one each time. Without, the three maps are the same, "
    "of middling probability on all three discs.",
    caption="Probabilities from 0 (dark) to 1 (yellow), in a frame that neither has seen.",
)

# %% [markdown]
# Here brightness fixed the order. The objects of a video have no such order: chapter 11 lets the network choose its own
# and matches its answers with the truth, and chapter 12 puts both recurrences to work.

# %% [markdown]
# ## Exercises
#
# ### Exercise 9.1 · Half forgotten
# *difficulty 1 of 3 · 5 minutes · 1 point*
#
# Nothing is written, and the forget gate is the sigmoid of its bias. Write `frames_until_half(bias)`: after how many
# frames is at most half of the memory $c$ left, for the first time?


# %% nbgrader={"grade": false, "grade_id": "ex09-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def frames_until_half(bias):
    """The fewest frames n after which at most half is left, an int."""
    ### BEGIN SOLUTION
    f, left, n = 1 / (1 + math.exp(-bias)), 1.0, 0
    while left > 0.5:
        left, n = f * left, n + 1
    return n
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex09-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch09.check_frames_until_half(frames_until_half)

# %% [markdown]
# ### Exercise 9.2 · A kernel that keeps up
# *difficulty 1 of 3 · 5 minutes · 1 point*
#
# An object moves `speed` pixels a frame, which need not be a whole number, along an axis, and its memory lies on a map
# of stride `stride`. Write `kernel_for(speed, stride)`: the smallest odd kernel of the cell with which the memory can
# keep up for any number of frames, with nothing but the cell to move it.


# %% nbgrader={"grade": false, "grade_id": "ex09-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def kernel_for(speed, stride):
    """The smallest odd kernel, an int."""
    ### BEGIN SOLUTION
    return 2 * math.ceil(speed / stride) + 1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex09-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch09.check_kernel_for(kernel_for)

# %% [markdown]
# ### Exercise 9.3 · One step of S2S's cell
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# Write `conv_lstm_step(x, h, c, weight, bias)` with `F.conv2d` and without a module: input `x` `(B, in, h, w)`, states
# `(B, C, h, w)`, `weight` `(4 C, in + C, k, k)` and `bias` `(4 C,)` for the gates $i, f, o$ and the candidate $g$ in
# this order, of $[x, h]$ in this order. $k$ is odd, borders are zeros, $\phi$ is ReLU. Return the new `(h, c)`. It is
# to be trained, so gradients must come through to all five arguments.


# %% nbgrader={"grade": false, "grade_id": "ex09-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def conv_lstm_step(x, h, c, weight, bias):
    """The state (h, c) after the input x."""
    ### BEGIN SOLUTION
    gates = F.conv2d(
        torch.cat([x, h], dim=1), weight, bias, padding=weight.shape[-1] // 2
    )
    i, f, o, g = gates.chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.relu()
    return o.sigmoid() * c.relu(), c
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex09-3-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch09.check_conv_lstm_step(conv_lstm_step)

# %% [markdown]
# ### Exercise 9.4 · The grid of frames and objects
# *difficulty 3 of 3 · 20 minutes · 3 points*
#
# Write `run_grid(cell, x)` for a cell of RVOS's form, called as `cell(x, h_space, c, h_time)`, with `None` for a state
# that does not exist. `x` is `(T, N, B, in, h, w)`: inputs by frame and object. Return all answers $h$, `(T, N, B, C,
# h, w)`. Mind where each of the three states comes from, and where it must begin anew. Gradients must come through all
# the way, over objects and over time.


# %% nbgrader={"grade": false, "grade_id": "ex09-4", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def run_grid(cell, x):
    """All answers, by frame and object."""
    ### BEGIN SOLUTION
    frames, objects = x.shape[:2]
    answers = [[None] * objects for _ in range(frames)]
    for t in range(frames):
        h_space = c = None
        for i in range(objects):
            h_time = answers[t - 1][i] if t else None
            h_space, c = cell(x[t, i], h_space, c, h_time)
            answers[t][i] = h_space
    return torch.stack([torch.stack(row) for row in answers])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex09-4-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch09.check_run_grid(run_grid)

# %% [markdown]
# ## Measured and claimed
#
# Neither paper has a table for the cell by itself. S2S reports that ReLU gave better results than tanh, without a
# number, and takes the forget bias of one from earlier work. RVOS compares S, T and ST in its Table 1: on YouTube-VOS,
# $\mathcal J$ on seen categories is 54.7, 59.9 and 60.8. That comparison is chapter 12's, with whole networks on real
# video; the S2S network is chapter 10's.
#
# What was measured above is of two small networks on drawn scenes, one training each. It shows what a memory can do
# where nothing else can help, and that it may do less than one thinks; it says nothing about real video.

# %% [markdown]
# ## How this differs from the paper
#
# - S2S's "state outputs" may mean the answer alone. Here the candidate has the ReLU too, so that $c$, which begins at
#   or above zero, stays there.
# - RVOS's paper does not say that $c$ goes over space only; the authors' code does it.
# - The cells of this chapter hold 12 channels at stride 2; S2S has 512 at stride 32, RVOS 128 to 16 at strides 32 to 4.
#
# The page *Where we differ from the papers* of the site lists the effects as far as they were measured.

# %% [markdown]
# ## Summary
#
# - Through a plain recurrence the gradient vanishes or explodes. An LSTM's memory $c$ loses only what its forget gate
#   lets go, and a bias of one leaves it a gradient at the start.
# - A ConvLSTM is an LSTM in every cell of a map. $c$ stays in its place; what moves, moves through $h$, at most half a
#   kernel per frame.
# - With a memory a network can tell two equal discs apart after both were out of sight; without one, it cannot. Which
#   rule it learns for that is another matter: compare states of two runs, and test cases that a short cut fails.
# - RVOS's cell looks at the object before and at the frame before. $c$ goes over objects, $h$ goes over both.

# %% [markdown]
# ## References
#
# - S. Hochreiter, J. Schmidhuber: *Long Short-Term Memory*. Neural Computation 9(8), 1997.
# - X. Shi, Z. Chen, H. Wang, D.-Y. Yeung, W. Wong, W. Woo: *Convolutional LSTM Network: A Machine Learning Approach for
#   Precipitation Nowcasting*. NIPS 2015.
# - R. Jozefowicz, W. Zaremba, I. Sutskever: *An Empirical Exploration of Recurrent Network Architectures*. ICML 2015.
#   The forget bias of one.
# - N. Xu, L. Yang, Y. Fan, J. Yang, D. Yue, Y. Liang, B. Price, S. Cohen, T. Huang: *YouTube-VOS: Sequence-to-Sequence
#   Video Object Segmentation*. ECCV 2018. Section 4.
# - C. Ventura, M. Bellver, A. Girbau, A. Salvador, F. Marques, X. Giro-i-Nieto: *RVOS: End-to-End Recurrent Network for
#   Video Object Segmentation*. CVPR 2019. Section 3.
