# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The linear target model and the weighted L2 loss
#
# A tracker sees the object once, outlined in the first frame, and must find it again in the frames that follow. FRTM
# learns a small *target model* for this on the spot. It consists of two layers of weights and nothing else, it looks
# at the features of a fixed backbone, and it scores the object near 1 and everything else near 0. In this chapter you
# build this model and its loss, let it learn from one frame, and find out what each part of the loss is good for.

# %% tags=["parameters", "hide-input"] jupyter={"source_hidden": true}
profile = "smoke"

# %% tags=["imports", "hide-input"] jupyter={"source_hidden": true}
import numpy as np
import torch
import torch.nn.functional as F

from checks import ch03
from checks.guard import yours
from vosbook.datasets.catalog import load_sequence
from vosbook.features import load_backbone
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.target_model.augment import augment_first_frame, fill_target
from vosbook.target_model.gauss_newton import AutogradProblem, gauss_newton
from vosbook.target_model.loss import (
    pixel_weights,
    residuals,
    target_loss,
    target_scores,
    upsample,
)
from vosbook.target_model.model import first_frame_weights, initial_weights
from vosbook.target_model.stencil import (
    FilterQuadratic,
    JointProblem,
    interpolation_matrix,
    normal_stencil,
)
from vosbook.view.drawing import draw
from vosbook.view.machines import frtm_machine, target_model_net
from vosbook.view.overlay import compare, overlay
from vosbook.view.plots import image_row, score_curves, show
from vosbook.view.tables import show_table

# %% tags=["hide-input"] jupyter={"source_hidden": true}
draw(
    frtm_machine(highlight="target_model"),
    number="3.1",
    caption="FRTM, the system that chapters 03 to 08 build. This chapter is about the highlighted part.",
)

# %% [markdown]
# ## Goals
#
# After this chapter you can
#
# - write the target model $D$ as two convolutions, and say why there are two;
# - say why the model is linear, and why its loss is a sum of squares;
# - build the interpolation $U$ as a matrix, and explain why the loss is taken at full resolution;
# - compute the weight of each pixel, and predict for which objects it matters;
# - write the loss as a list of residuals, the form that the next chapter needs.

# %% [markdown]
# ## 1 What the model sees
#
# The model does not look at pixels. A *backbone*, fixed and the same for all videos, turns a frame into *features*
# $x$. They form a coarse grid, with one cell for $16 \times 16$ pixels, and each cell holds $C$ numbers, the
# *channels*. With a ResNet these numbers come from training on photographs. In this chapter and the next, the profile
# `smoke` uses a bank of colour and edge filters, in which nothing was trained.

# %%
settings = load_profile(profile).of("linear_model")
sequence = load_sequence(settings["data"][0])
backbone = load_backbone(settings["backbone"], levels=["layer3"])
frames = np.stack(list(sequence.frames))  # uint8 (T, *size, 3)
truth = np.stack([sequence.labels(t) for t in range(len(frames))])  # uint8 (T, *size)
ids = [one.id for one in sequence.objects if (truth[0] == one.id).any()]


def features(images):
    """Features of images, uint8 (K, *size, 3) -> (K, C, *grid)."""
    colours = torch.tensor(images).permute(0, 3, 1, 2) / 255  # (K, 3, *size), 0 to 1
    return backbone(colours)["layer3"]


x_first = features(frames[:1])  # (1, C, *grid)
C, size, grid = x_first.shape[1], truth[0].shape, tuple(x_first.shape[2:])
print(backbone.source)
print("a frame of {} x {} pixels".format(*size), end=": ")
print("{} channels on {} x {} cells".format(C, *grid))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
busiest = x_first[0].flatten(1).std(dim=1).argsort(descending=True)[:3]
show(
    image_row(
        [frames[0], *x_first[0, busiest].numpy()],
        ["frame 0", *(f"channel {n}" for n in busiest)],
    ),
    number="3.2",
    alt="The first frame, and three of its feature maps, each a coarse grid of cells "
    "that responds to another colour or edge.",
    caption="A frame and three of its channels. Yellow is high.",
)

# %% [markdown]
# One channel answers to one colour, another to one direction of an edge. None of them finds the object. The model's
# task is to combine them so that their weighted sum does.

# %% [markdown]
# ## 2 Why linear, and why squares
#
# The model has to be learned while the video waits, from a single labelled frame. Three reasons speak for a *linear*
# model:
#
# - The backbone has done the hard part. On its features, a weighted sum often suffices to tell an object from its
#   surroundings.
# - One frame is little to learn from. A deep network could fit this frame in many ways, and most of them would be
#   wrong in the next frame.
# - A linear model with a suitable loss can be learned in a few dozen passes through the samples.
#
# The suitable loss is a *sum of squares*. Each pixel contributes the square of its score minus its label, which is 1
# on the object and 0 elsewhere. If the scores are linear in the weights, then the loss is a parabola. Its lowest point
# is the solution of a system of linear equations, which chapter 04 solves in a few iterations without any step size. A
# classifier would more often use the cross-entropy. Its shape changes with the weights, so it needs more steps, and
# learning rates.
#
# Squares have a price. A pixel of the object with the score 2 costs as much as one with the score 0, although it is on
# the right side. The model is asked to *hit* the numbers 0 and 1, and a cut at one half turns its scores into a mask.

# %% [markdown]
# ## 3 Two layers
#
# The target model $D$ (Eq. 1 of the paper) convolves the features twice. With $*$ for convolution, its scores are
#
# $$s = D(x; w) = w_2 * (w_1 * x). \tag{3.1}$$
#
# **Table 3.1** What the target model computes with. The *grid* is the number of rows and columns of cells.
#
# | what | shape | meaning |
# | --- | --- | --- |
# | $x$ | $(K, C, \text{grid})$ | features of $K$ frames |
# | $w_1$ | $(c, C, 1, 1)$ | mixes $C$ channels into $c = 96$, in each cell by itself |
# | $w_1 * x$ | $(K, c, \text{grid})$ | projected features |
# | $w_2$ | $(1, c, 3, 3)$ | sums over all channels of a cell and its eight neighbours |
# | $s$ | $(K, 1, \text{grid})$ | one score for each cell |

# %% tags=["hide-input"] jupyter={"source_hidden": true}
draw(
    target_model_net(),
    number="3.3",
    caption="The target model, with the numbers of a ResNet-101, and the loss of section 6.",
)

# %% [markdown]
# Outside the grid all features count as zero. There is no bias and no activation function. Therefore $D$ is linear in
# $x$, linear in $w_1$, and linear in $w_2$. It is not linear in both layers together, because they multiply each
# other.


# %%
def D(x, w1, w2):
    """Scores (K, *grid) of features x (K, C, *grid), with w1 (c, C) and w2 (c, 3, 3)."""
    z = torch.einsum("cC,kCyx->kcyx", w1, x)  # a matrix product in every cell
    z = F.pad(z, (1, 1, 1, 1))  # a border of zeros, one cell wide
    rows, columns = x.shape[-2:]
    return sum(
        torch.einsum("c,kcyx->kyx", w2[:, i, j], z[:, :, i : i + rows, j : j + columns])
        for i in range(3)
        for j in range(3)
    )


w1, w2 = initial_weights(C, 96, seed=settings["seed"])  # (c, C, 1, 1), (1, c, 3, 3)
s = D(x_first, w1[:, :, 0, 0], w2[0])
print("scores", tuple(s.shape), "from", w1.numel(), "+", w2.numel(), "weights")

# %% [markdown]
# Without an activation function between them, do two layers do more than one? Find out by writing the one layer that
# does the same.

# %% [markdown]
# ### Exercise 3.1 · One filter instead of two
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# Write `equivalent_filter(w1, w2)`. For tensors `w1 (c, C, 1, 1)` and `w2 (1, c, 3, 3)` it returns the single kernel
# `(1, C, 3, 3)` whose convolution with $x$, with a border of zeros, gives the same scores as $w_2 * (w_1 * x)$. The
# kernel has the type of the weights, which may be floats of 32 or of 64 bits.
#
# <details><summary>Hint</summary>
#
# Write the score of one cell as a sum over the nine places of the kernel, the $c$ projected channels, and the $C$
# channels of the features. What multiplies the feature of one channel at one place?
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "ex03-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def equivalent_filter(w1, w2):
    """One kernel (1, C, 3, 3) for both layers."""
    ### BEGIN SOLUTION
    return torch.einsum("ocij,cC->oCij", w2, w1[:, :, 0, 0])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03-2-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch03.check_equivalent_filter(equivalent_filter)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
def library_filter(w1, w2):
    """The same kernel from the library's scores of C frames with a single 1 in each."""
    C = w1.shape[1]
    impulses = torch.zeros(C, C, 3, 3)
    impulses[torch.arange(C), torch.arange(C), 1, 1] = 1
    return target_scores(impulses, (w1, w2)).flip(2, 3).transpose(0, 1)  # (C, 1, 3, 3) -> (1, C, 3, 3)


# %%
equivalent_filter = yours(equivalent_filter, library_filter)
f = equivalent_filter(w1, w2)  # (1, C, 3, 3)
torch.testing.assert_close(F.conv2d(x_first, f, padding=1)[:, 0], s, rtol=1e-4, atol=1e-5)
print("one kernel", tuple(f.shape), "gives the scores of both layers")

# %% [markdown]
# So two layers can express nothing that one layer cannot. They do not save weights either. The reason for them is the
# *time after the first frame*. Both layers are learned on the first frame. After that, $w_1$ stays as it is, and only
# $w_2$ is learned further. Every frame that the model remembers can then be stored as the $c$ projected channels. Table
# 3.2 has the numbers for a ResNet-101, whose features have 1024 channels, at the size of DAVIS, with the paper's 80
# remembered samples.

# %%
channels, cells, kept = 1024, 30 * 54, 80
one, two = (4 * c * cells * kept / 1e6 for c in (channels, 96))  # 4 bytes a number
show_table(
    ["", "one layer", "two layers"],
    [
        (
            "weights to learn, first frame",
            f"{9 * channels:,}",
            f"{96 * channels + 9 * 96:,}",
        ),
        ("weights to learn, later", f"{9 * channels:,}", f"{9 * 96:,}"),
        ("memory of 80 samples, MB", f"{one:.0f}", f"{two:.0f}"),
    ],
    caption="What one layer and two layers cost, computed for 1024 channels on "
    "30 x 54 cells.",
    number="3.2",
)

# %% [markdown]
# An update with two layers learns a tenth of the weights, and it reads a tenth of the numbers. The paper calls this
# *efficiency*.

# %% [markdown]
# ## 4 Up to full resolution
#
# The mask has one label for each pixel, and the scores have one number for each cell. We could shrink the mask to the
# grid, but then its outline would be lost. A single number cannot say how the outline runs through the 16 by 16 pixels
# of a cell. So the scores are enlarged instead, by bilinear interpolation $U$.
#
# Along one axis, $U$ is a matrix with one row for each pixel and one column for each cell. A pixel lies between two
# cell centres, so each row has at most two numbers that are not 0. With $n_\text{in}$ cells and $n_\text{out}$ pixels,
# the centre of cell $i$ lies $(i + \frac12) \cdot n_\text{out} / n_\text{in}$ pixels from the edge, and the centre of
# pixel $m$ lies $m + \frac12$ pixels from it. Beyond the outermost centres the outermost value holds.


# %%
def U_axis(n_out, n_in):
    """Interpolation along one axis, (n_out, n_in)."""
    position = (torch.arange(n_out) + 0.5) * n_in / n_out - 0.5  # of pixels, in cells
    position = position.clamp(0, n_in - 1)
    distance = (position[:, None] - torch.arange(n_in)).abs()  # (n_out, n_in)
    return (1 - distance).clamp(min=0)


print(U_axis(8, 3).numpy().round(3))

# %% [markdown]
# In two dimensions we interpolate along the rows, and then along the columns:
#
# $$U(s) = U_y\, s\, U_x^\top. \tag{3.2}$$

# %%
Uy, Ux = U_axis(size[0], grid[0]), U_axis(size[1], grid[1])
enlarged = Uy @ s[0] @ Ux.T  # (*grid) -> (*size)
print("scores", tuple(s[0].shape), "enlarged to", tuple(enlarged.shape))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row(
        [s[0].numpy(), enlarged.numpy()],
        [f"s, {grid[0]} x {grid[1]}", f"U(s), {size[0]} x {size[1]}"],
    ),
    number="3.4",
    alt="Random scores as a coarse grid of squares, and the same enlarged to a smooth map.",
    caption="The scores of the random weights, before anything is learned.",
)

# %% [markdown]
# ## 5 The weight of a pixel
#
# The loss compares the enlarged score with the label $y_n$ at every pixel $n$. Most pixels are background. The *target
# influence* $\hat\kappa$ is the share of target pixels among all $N$ pixels:
#
# $$\hat\kappa = \frac{1}{N} \sum_n y_n. \tag{3.3}$$

# %%
for i in ids:
    print(f"object {i}: target influence {100 * (truth[0] == i).mean():.1f} %")

# %% [markdown]
# A model that scores 0 everywhere is wrong on no more than these few percent. To make the target count, the paper (Eq.
# 4) gives each pixel a weight,
#
# $$v_n = \begin{cases} \kappa / \hat\kappa & y_n = 1 \\ (1-\kappa) / (1-\hat\kappa) & y_n = 0 \end{cases} \tag{3.4}$$
#
# where $\kappa = \max(\kappa_{\min}, \hat\kappa)$ is the influence that the target shall have, and
# $\kappa_{\min} = 0.1$.
#
# The pixels of the target together then have the share $\kappa$ of the whole weight, which is a tenth at least (Table
# 3.3 below). An object that fills more than a tenth of the frame is left as it is. The mean of the weights is 1 in both
# cases.

# %% [markdown]
# ### Exercise 3.2 · The weight of a pixel
# *difficulty 1 of 3 · 10 minutes · 1 point*
#
# Write `pixel_weight(y, kappa_min)`. It returns the two numbers `(target, background)` of Equation 3.4 for a label
# `y`, a numpy array of two dimensions with values 0 and 1. There is one special case, which the paper leaves out and
# its authors' code has: where fewer than 10 pixels are target, take $\hat\kappa = 0.1$, whatever `kappa_min` is. You
# may assume that some pixel is background.
#
# <details><summary>Hint</summary>
#
# First decide on $\hat\kappa$, then on $\kappa$. Where does the special case change both numbers, and where only one?
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "ex03-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def pixel_weight(y, kappa_min):
    """Weights (of a target pixel, of a background pixel), two floats."""
    ### BEGIN SOLUTION
    kappa_hat = y.mean() if y.sum() >= 10 else 0.1
    kappa = max(kappa_min, kappa_hat)
    return float(kappa / kappa_hat), float((1 - kappa) / (1 - kappa_hat))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch03.check_pixel_weight(pixel_weight)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
def library_weight(y, kappa_min):
    """The library's two numbers."""
    label = torch.tensor(np.asarray(y, np.float64))[None, None]  # (1, 1, *size)
    v = pixel_weights(label, kappa_min=kappa_min)
    target = v[label == 1]
    return float(target[0]) if len(target) else 1.0, float(v[label == 0][0])


# %%
pixel_weight = yours(pixel_weight, library_weight)


def weights_of(y):
    """v of a label y (*size) with values 0 and 1; same shape."""
    target, background = pixel_weight(y.numpy(), 0.1)
    return torch.where(y == 1, target, background)


rows = []
for i in ids:
    y = torch.tensor(truth[0] == i, dtype=torch.float32)  # (*size)
    pair = pixel_weight(y.numpy(), 0.1)
    share = float((weights_of(y) * y).sum() / weights_of(y).sum())
    shares = (f"{y.mean():.3f}", f"{share:.3f}")
    rows.append((i, *(f"{weight:.2f}" for weight in pair), *shares))
show_table(
    ["object", "v on the target", "v elsewhere", "share before", "share after"],
    rows,
    caption="The weight v of a pixel, and the target's share of the whole weight before "
    "and after weighting.",
    number="3.3",
)

# %% [markdown]
# ## 6 The loss
#
# Several labelled frames, the *samples*, make the memory $\mathcal M$. Sample $k$ has features $x_k$, a label $y_k$,
# the pixel weights $v_k$ and a *sample weight* $\gamma_k$. The loss sums squares over samples and pixels, and it adds
# a penalty on the weights, the *regulariser*:
#
# $$L(w; \mathcal M) = \sum_{k,\,n} \gamma_k v_{kn} (U(s_k) - y_k)_n^2 + \sum_j \lambda_j^2 \|w_j\|^2 \tag{3.5}$$
#
# with the scores $s_k = D(x_k; w)$ and $\lambda = (10^{-4}, 10^{-2})$. The paper prints this a little differently (Eq.
# 2). There $v$ stands inside the square, and $\lambda_j$ stands without its square. Equation 3.5 is what the authors'
# code computes, and therefore what produced the published numbers.
#
# Every term is a square. The loss is the squared length $\|r\|^2$ of one long vector $r$ of *residuals*. It has the
# entry $\sqrt{\gamma_k v_{kn}}\,(U(s_k) - y_k)_n$ for each pixel of each sample, and $\lambda_j w_j$ for each weight.


# %%
def residual_list(w1, w2, x, y, v, gamma, lambda_):
    """All residuals in one vector. x (K, C, *grid); y, v (K, *size); gamma (K,)."""
    scores = Uy @ D(x, w1, w2) @ Ux.T  # (K, *grid) -> (K, *size)
    data = (gamma[:, None, None] * v).sqrt() * (scores - y)
    return torch.cat(
        [data.flatten(), lambda_[0] * w1.flatten(), lambda_[1] * w2.flatten()]
    )


# %% [markdown]
# Only one frame is labelled, and yet there are several samples. The object is cut out, the hole is filled from around
# it, and the object is pasted back elsewhere after a random turn, flip, change of size, and blur. Figure 3.5 shows the
# five samples. The frame as it was given counts twice: $\gamma = (2, 1, 1, 1, 1) / 6$.

# %%
images, masks = augment_first_frame(frames[0], truth[0] == ids[0], seed=settings["seed"])
x, gamma = features(images), first_frame_weights(len(images))  # (K, C, *grid), (K,)
y = torch.tensor(masks, dtype=torch.float32)  # (K, *size)
v = torch.stack([weights_of(y_k) for y_k in y])
lambda_ = (1e-4, 1e-2)
r = residual_list(w1[:, :, 0, 0], w2[0], x, y, v, gamma, lambda_)
print(f"{len(r)} residuals; the loss of the random weights is {float((r * r).sum()):.0f}")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
outlined = [
    overlay(image, mask.astype(np.uint8), opacity=0)
    for image, mask in zip(images, masks)
]
titles = [f"sample {k}, weight {g:.2f}" for k, g in enumerate(gamma)]
show(
    image_row(
        [*outlined, fill_target(frames[0], masks[0])],
        [*titles, "the hole filled"],
        columns=2,
    ),
    number="3.5",
    alt="Five pictures with the object outlined: the first frame, and four in which "
    "it lies elsewhere, turned and of another size, on a background that is "
    "partly blurred. The sixth shows the frame without the object.",
    caption="Five samples from one labelled frame, and the frame without the object.",
)

# %% [markdown]
# ### Equal to the library
#
# The library's functions keep PyTorch's layout for the weights, and a channel axis for the labels. The values are the
# same.

# %% tags=["equals-library"]
y1, v1 = y[:, None], v[:, None]  # (K, *size) -> (K, 1, *size)
torch.testing.assert_close(
    target_scores(x, (w1, w2))[:, 0], D(x, w1[:, :, 0, 0], w2[0])
)
torch.testing.assert_close(interpolation_matrix(size[0], grid[0], like=x), Uy)
torch.testing.assert_close(upsample(s[:, None], size)[0, 0], enlarged)
torch.testing.assert_close(pixel_weights(y1), v1)
theirs = residuals((w1, w2), x, y1, v1, gamma, lambda_=lambda_)
torch.testing.assert_close(torch.cat([part.flatten() for part in theirs]), r)
torch.testing.assert_close(
    target_loss((w1, w2), x, y1, v1, gamma, lambda_=lambda_), (r * r).sum()
)
print("scores, interpolation, weights, residuals and loss are equal")

# %% [markdown]
# ## 7 Learning
#
# How the loss is minimised is the subject of chapter 04. Here the solver is a black box. `AutogradProblem` takes your
# list of residuals, and `gauss_newton` makes its *Gauss-Newton steps*. A step replaces the residuals by their tangent
# and minimises the parabola that results. It does so by a few inner iterations, whose numbers are `cg_iterations`.

# %%
schedule = (5, 10, 10, 10, 10)  # inner iterations of each step, the paper's


def learn_here(cg_iterations):
    """(w1, w2) that minimise this chapter's loss, from the random weights."""
    problem = AutogradProblem(
        lambda w: (residual_list(w[0][:, :, 0, 0], w[1][0], x, y, v, gamma, lambda_),),
        diagonal=lambda_,
    )
    return gauss_newton(problem, (w1, w2), cg_iterations=cg_iterations)


maps, titles, losses = [], [], []
for steps in (0, 1, 2, 5):
    w = learn_here(schedule[:steps])
    losses.append(float(target_loss(w, x, y1, v1, gamma, lambda_=lambda_)))
    maps.append((Uy @ D(x[:1], w[0][:, :, 0, 0], w[1][0])[0] @ Ux.T).numpy())
    titles.append(f"step {steps}, loss {losses[-1]:.0f}")
print(", ".join(titles))
assert losses == sorted(losses, reverse=True) and losses[-1] < 0.5 * losses[0]

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row(maps, titles, limits=(-0.2, 1)),
    number="3.6",
    alt="Four score maps of the first frame. Before the first step all scores are "
    "near zero. After one step the object is visible, and after two and five it "
    "stands out more sharply from a dark background.",
    caption="Scores of frame 0, from -0.2, dark, to 1, yellow.",
)

# %% [markdown]
# The experiments below learn dozens of models. For them we use the library's fast form of the same problem, which
# chapter 04 explains. It arrives at the same weights.


# %% tags=["equals-library"]
def learn(x, y, v, *, lambda_=lambda_, seed=settings["seed"], cg_iterations=schedule):
    """Weights (w1, w2) that minimise the loss, from the random weights of `seed`."""
    quadratic = FilterQuadratic(x, *normal_stencil(y, v, grid=grid), gamma)
    start = initial_weights(x.shape[1], 96, seed=seed)
    problem = JointProblem(quadratic, lambda_)
    return gauss_newton(problem, start, cg_iterations=cg_iterations)


learned_here = learn_here(schedule)
fast = target_scores(x, learn(x, y1, v1))[:, 0]
ours = D(x, learned_here[0][:, :, 0, 0], learned_here[1][0])
assert (ours - fast).norm() < 0.05 * fast.norm()
print(f"scores differ by {(ours - fast).norm() / fast.norm():.0e}, relative")

# %% [markdown]
# ## 8 What the pixel weights buy
#
# We learn each object of the video once with the weights $v$, and once with all weights equal to 1. Then we measure
# $\mathcal J$ in all later frames. The model is not updated, so the first frame alone counts. Since learning begins at
# random weights, we repeat everything from four different starts. Table 3.4 has the results.

# %%
x_all = features(frames)  # (T, C, *grid)


def later_scores(w):
    """Scores of all frames at full resolution, (T, *size)."""
    return upsample(target_scores(x_all, w), size)[:, 0].numpy()


def later_J(w, i):
    """J of object i in every frame after the first."""
    pairs = zip(later_scores(w)[1:], truth[1:])
    return [jaccard(scores > 0.5, labels == i) for scores, labels in pairs]


def samples_of(i):
    """Features, labels and pixel weights of the five samples of object i."""
    images, masks = augment_first_frame(frames[0], truth[0] == i, seed=settings["seed"])
    y = torch.tensor(masks, dtype=torch.float32)[:, None]  # (K, 1, *size)
    return features(images), y, pixel_weights(y)


samples = {i: samples_of(i) for i in ids}
with_v, without_v = {}, {}  # by object: mean J from each start
for i in ids:
    x, y, v = samples[i]
    equal = torch.ones_like(v)
    with_v[i] = [np.mean(later_J(learn(x, y, v, seed=n), i)) for n in range(4)]
    without_v[i] = [np.mean(later_J(learn(x, y, equal, seed=n), i)) for n in range(4)]
assert np.mean(list(with_v.values())) > np.mean(list(without_v.values())) - 0.02

# %% tags=["hide-input"] jupyter={"source_hidden": true}
def with_spread(values):
    """Mean and standard deviation, as text."""
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


show_table(
    ["object", "target influence", "J with v", "J without v"],
    [
        (i, f"{(truth[0] == i).mean():.3f}", with_spread(with_v[i]), with_spread(without_v[i]))
        for i in ids
    ],
    caption="J in the later frames, 0 to 1: mean and standard deviation of four random starts.",
    number="3.4",
)

# %% [markdown]
# All these targets are small. In the profile `smoke` three of the four gain much more than the starts differ, and one
# loses a little. Figure 3.7 shows how the weights work, on the
# object that gains most. Without them, the scores of a small target stay low, since little is lost by missing it. The
# cut at one half then takes most of it away.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
most = max(ids, key=lambda i: np.mean(with_v[i]) - np.mean(without_v[i]))
x, y, v = samples[most]
pair_of_w = learn(x, y, v), learn(x, y, torch.ones_like(v))
gains = np.subtract(*(later_J(w, most) for w in pair_of_w))
t = 1 + int(np.argmax(gains))  # the frame with the largest gain
pair = [later_scores(w)[t] for w in pair_of_w]
there = (truth[t] == most).astype(np.uint8)
results = [compare(frames[t], (scores > 0.5).astype(np.uint8), there) for scores in pair]
titles = ["scores with v", "scores without v", "mask with v", "mask without v"]
show(
    image_row([*pair, *results], titles, limits=(-0.2, 1)),
    number="3.7",
    alt=f"Object {most} in frame {t}: with pixel weights its scores are brighter than "
    "without them, and much more of it is found.",
    caption=f"Object {most} in frame {t}. Scores from -0.2, dark, to 1, yellow. Masks: "
    "white found, blue missed, orange found in error.",
)

# %% [markdown]
# ## 9 What the regulariser does, and what it does not
#
# The features have many channels, and many of them say nearly the same. Quite different weights therefore give nearly
# the same scores on the samples, and something has to choose among them. One might think that the regulariser chooses,
# because it prefers small weights. We test this on the first object. Both $\lambda$ of the paper are multiplied by one
# factor, from a hundredth to thirty thousand. We compare the filter $f$ of Exercise 3.1 that results with the filter at
# the factor 1. (In the solver $\lambda$ has a second task, which chapter 04 explains. A common factor does not change
# that one.)
#
# ### A prediction
#
# How large must the factor be before the filter changes by more than a tenth of its length: 10, 100, 1000, or 10,000?
# Remember that $\lambda$ enters Equation 3.5 squared. Decide before you run the next two cells.

# %%
x, y, v = samples[ids[0]]
reference = equivalent_filter(*learn(x, y, v))


def of_weights(w):
    """How far the filter is from the reference; the data term; J in the later frames."""
    change = float((equivalent_filter(*w) - reference).norm() / reference.norm())
    data_term = float(target_loss(w, x, y, v, gamma, lambda_=(0, 0)))
    return change, data_term, np.mean(later_J(w, ids[0]))


by_factor = {}
for factor in (1e-2, 1, 1e2, 1e3, 1e4, 3e4):
    scaled = tuple(factor * l_j for l_j in lambda_)
    by_factor[factor] = of_weights(learn(x, y, v, lambda_=scaled))

# %%
columns = ["change of f", "data term", "mean J"]


def as_row(name, found):
    change, data_term, J = found
    return name, f"{change:.4f}", f"{data_term:.0f}", f"{J:.3f}"


show_table(
    ["factor on both λ", *columns],
    [as_row(f"{factor:,g}", found) for factor, found in by_factor.items()],
    caption="How the regulariser changes the filter of the first object, as a share of "
    "the filter's length; the first sum of Equation 3.5; and J in the later frames, 0 to "
    "1.",
    number="3.5",
)

# %% [markdown]
# A penalty that is ten thousand times weaker (the factor 0.01, squared) leads to the same filter. At the paper's
# strength the regulariser decides nothing, because the data term sums over hundreds of thousands of pixels and
# outweighs it. It is felt where $\lambda$ is a thousand times larger, but only the factor 10,000 changes the filter by
# more than a tenth. There it does harm. So what else chooses the solution? We now keep the regulariser, and change
# where learning starts and when it stops.

# %%
by_start = {f"random start {n}": of_weights(learn(x, y, v, seed=n)) for n in (1, 2, 3)}
by_stop = {
    "stop after 2 steps": of_weights(learn(x, y, v, cg_iterations=schedule[:2])),
    "go on for 15 steps": of_weights(learn(x, y, v, cg_iterations=schedule + 10 * (10,))),
}
changes = [change for change, *_ in (by_start | by_stop).values()]
assert by_factor[1e-2][0] < 0.1 * min(changes)
show_table(
    ["", *columns],
    [as_row(*one) for one in (by_start | by_stop).items()],
    caption="The same for other starts and other numbers of steps, with the paper's λ.",
    number="3.6",
)

# %% [markdown]
# Another random start leads to another filter, and another number of steps leads to one that differs even more. The
# *initialisation and the early stop* pick the solution, and the penalty does not. This is not a fault. The solutions
# from different starts are equally good in later frames, which is all that a tracker needs. Chapter 04 comes back to
# the early stop: on real video, going on for too long makes later frames worse.

# %% [markdown]
# ### A diagnosis
#
# Three students report that their target model does not work. Each has made one mistake. One has shifted the labels by
# the width of a cell, one has exchanged the two pixel weights, and one has taken $\lambda$ thirty thousand times too
# large. Figure 3.8 and Table 3.7 show what their models say about the first frame. Who made which mistake?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
exchanged = torch.where(y > 0.5, v.amin((1, 2, 3), keepdim=True), v.amax((1, 2, 3), keepdim=True))
models = {
    "in order": learn(x, y, v),
    "first": learn(x, y.roll(16, dims=3), v.roll(16, dims=3)),
    "second": learn(x, y, exchanged),
    "third": learn(x, y, v, lambda_=tuple(3e4 * l_j for l_j in lambda_)),
}
of_frame_0 = {name: later_scores(w)[0] for name, w in models.items()}
show(
    image_row(list(of_frame_0.values()), list(models), limits=(-0.2, 1)),
    number="3.8",
    alt="Four score maps of the first frame. The one in order has a bright blob at the object. "
    "In the first, the blob lies further right. In the second, it is dimmer and smaller. The "
    "third is dark everywhere.",
    caption="A model in order and three broken ones. Scores from -0.2, dark, to 1, yellow.",
)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
inside = truth[0] == ids[0]
middle = np.nonzero(inside)[1].mean()
rows = []
for name, scores in of_frame_0.items():
    found = np.nonzero(scores > 0.5)[1]
    place = f"{found.mean() - middle:+.0f}" if len(found) else "-"
    rows.append((name, f"{scores[inside].mean():.2f}", place, f"{jaccard(scores > 0.5, inside):.2f}"))
show_table(
    ["model", "mean score in the object", "mask too far right, pixels", "J, 0 to 1"],
    rows,
    caption="The same four models in numbers. A dash stands where no score is above one half.",
    number="3.7",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The first has shifted labels: its scores are high, but they lie beside the object. The second has exchanged weights.
# A target pixel now counts less than a pixel of the background, so the model loses little where it misses the target,
# and all its scores are lower. The third has the large $\lambda$, which keeps the weights near 0, and with them all
# scores.
#
# A picture of the scores tells such mistakes apart at once. $\mathcal J$ alone only says that something is wrong.
#
# </details>

# %% [markdown]
# ## 10 On the video
#
# Figure 3.9 shows the model that learned from *your* residuals in section 7, in a frame that it has never seen. Its
# scores are enlarged to the frame and cut at one half.

# %%
later = min(8, len(frames) - 1)
learned_1, learned_2 = learned_here[0][:, :, 0, 0], learned_here[1][0]
scores = (Uy @ D(x_all[later : later + 1], learned_1, learned_2)[0] @ Ux.T).numpy()
found, there = scores > 0.5, truth[later] == ids[0]
print(f"J = {jaccard(found, there):.2f} in frame {later}")
assert jaccard(found, there) > 0.4

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row(
        [
            overlay(frames[0], masks[0].astype(np.uint8)),
            frames[later],
            scores.clip(0, 1),
            compare(frames[later], found.astype(np.uint8), there.astype(np.uint8)),
        ],
        [
            "frame 0 and its mask",
            f"frame {later}",
            "scores",
            f"mask, J = {jaccard(found, there):.2f}",
        ],
    ),
    number="3.9",
    alt="The first frame with one object painted over; a later frame; a blurred map "
    "of its scores, high on the object and low elsewhere; and the later frame "
    "again, where the mask cut from the scores covers most of the object.",
    caption="Scores from 0, dark, to 1, yellow. Mask: white found, blue missed, orange found in error.",
)

# %% [markdown]
# Figure 3.10 shows one model for each object over the whole video, learned on the first frame and never updated.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
curves = {f"object {i}": [np.nan, *later_J(learn(*samples[i]), i)] for i in ids}
show(
    score_curves(curves),
    number="3.10",
    alt="J over the frames, a line for each object: some stay, some fall to almost "
    "nothing within the video.",
    caption="The first frame's model in all later frames.",
)

# %% [markdown]
# The model knows the object as the first frame shows it. It may lose the object when it turns, shrinks, is covered, or
# comes to lie on a background that resembles it. To follow such changes, the model must go on learning while it
# tracks. Chapter 05 builds the tracker, and chapter 06 the memory for this.
#
# How far does the linear model carry on real video? A recorded run has measured it on five sequences of DAVIS 2016,
# with the features of a ResNet-18 and without any update.

# %%
record = read_record("frtm_ablation_small")
real = record.metrics["davis2016"]["fast"]["d_only_no_update"]
print(f"J {100 * real['J']:.1f} ± {100 * real['J_std']:.1f} %, F {100 * real['F']:.1f} %")
print(f"{len(real['J_of_seeds'])} seeds; record {record.name}, {record.hardware['cpu']}")

# %% [markdown]
# Three quarters of the region are found by a linear function of frozen features that saw one frame. What is missing is
# mostly sharpness, and chapter 07 adds it.

# %% [markdown]
# ## More exercises
#
# ### Exercise 3.3 · The best scores of all
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# What is the best that *any* scores could do? Forget the model, and let the scores of one axis be free. Write
# `best_scores(U, y, v)`, which returns the vector `s (n_in,)` that minimises $\sum_n v_n (y - U s)_n^2$. The arguments
# are numpy arrays: `U (n_out, n_in)`, `y (n_out,)`, and positive weights `v (n_out,)`. `np.linalg.lstsq` solves the
# problem without weights.
#
# <details><summary>Hint</summary>
#
# Turn the weighted problem into one without weights, for another matrix and another right-hand side.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "ex03-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def best_scores(U, y, v):
    """The weighted least-squares scores, (n_in,)."""
    ### BEGIN SOLUTION
    root = np.sqrt(v)
    return np.linalg.lstsq(root[:, None] * U, root * y, rcond=None)[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03-3-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch03.check_best_scores(best_scores)

# %% [markdown]
# ### Exercise 3.4 · The gradient by hand
# *difficulty 3 of 3 · 30 minutes · 3 points*
#
# Write `gradient_w2(z, w2, y, v, gamma, Uy, Ux)`: the gradient of the data term
# $\sum_k \gamma_k \sum_n v_{kn} (U(s_k) - y_k)_n^2$ with respect to $w_2$, without automatic differentiation. The
# projected features are `z (K, c, h, w)`, where `h` and `w` are the height and width of the grid. The kernel is
# `w2 (1, c, 3, 3)`, so that `F.conv2d(z, w2, padding=1)` are the scores. Labels and weights, `y` and `v`, are
# `(K, H, W)`, `gamma` is `(K,)`, and `Uy (H, h)` and `Ux (W, w)` interpolate. Return a tensor `(1, c, 3, 3)`.
#
# <details><summary>Hint</summary>
#
# Go backwards through the computation. What leads from the cells to the pixels leads, transposed, from the pixels back
# to the cells.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "ex03-4", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def gradient_w2(z, w2, y, v, gamma, Uy, Ux):
    """The gradient of the data term, (1, c, 3, 3)."""
    ### BEGIN SOLUTION
    h, w = z.shape[-2:]
    s = F.conv2d(z, w2, padding=1)[:, 0]  # (K, h, w)
    at_pixels = 2 * gamma[:, None, None] * v * (Uy @ s @ Ux.T - y)  # (K, H, W)
    at_cells = Uy.T @ at_pixels @ Ux  # (K, h, w)
    padded = F.pad(z, (1, 1, 1, 1))
    taps = [
        torch.einsum("khw,kchw->c", at_cells, padded[:, :, i : i + h, j : j + w])
        for i in range(3)
        for j in range(3)
    ]
    return torch.stack(taps, dim=1).reshape(
        1, -1, 3, 3
    )  # nine times (c,) -> (1, c, 3, 3)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex03-4-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch03.check_gradient_w2(gradient_w2)

# %% [markdown]
# ## Measured and claimed
#
# The paper gives no figure for the pixel weights or for the regulariser by themselves. Its figure for the model of
# this chapter without updates (Table 1, *D-only - no update*) is $\mathcal J$ = 58.3 on 300 videos of YouTube-VOS. It
# belongs to the tracker of chapter 05, and it stands beside our measurements in the page *Claims* of the site. The
# numbers of sections 7 to 9 are of one synthetic video, and cannot be compared with it.

# %% [markdown]
# ## How this differs from the paper
#
# - $v$ multiplies the square, and $\lambda_j$ enters squared, as in the authors' code and unlike Eq. 2 as printed.
# - $\hat\kappa$ is 0.1 where a label has fewer than 10 target pixels, as in the authors' code.
# - The profile `smoke` has a filter bank in place of a ResNet. Model and loss do not know the difference.

# %% [markdown]
# ## Summary
#
# - $D$ is a $1 \times 1$ and a $3 \times 3$ convolution, without bias or activation. It is linear in each of its
#   layers.
# - Two layers do no more than one. They make memory and updates small, because the first is fixed after the first
#   frame.
# - The loss compares enlarged scores with full-resolution labels, so that an outline inside a cell counts.
# - Pixel weights give the target at least a tenth of the whole weight. They help most small targets, and they are all
#   1 for a target that fills more than a tenth of the frame.
# - At the paper's strength the regulariser changes nothing. Initialisation and early stop pick the solution.
# - Everything is a sum of squared residuals, and the next chapter makes use of that.

# %% [markdown]
# ## Where this went
#
# A linear model that is learned on the spot is an old idea in tracking. MOSSE learned one filter on the raw grey
# values, by least squares in the Fourier domain, for hundreds of frames a second. ATOM set the same idea on deep
# features, with two layers and a solver in place of the Fourier transform. FRTM took it from boxes to masks.
#
# LWL went on from FRTM in two ways. Its target model gives each cell a vector instead of a single score, and what this
# vector should encode is learned offline, together with the weight of each pixel. Another line gave up the learning on
# the spot: STM *compares* each cell with the cells of remembered frames by attention, and reads the answer from their
# masks (chapter 21). XMem and Cutie, among the strong systems of recent years, follow STM. What they kept from FRTM's
# time is the memory of the first frame and of later ones. Chapter 06 is about that memory.

# %% [markdown]
# ## References
#
# - A. Robinson, F. Järemo Lawin, M. Danelljan, F. S. Khan, M. Felsberg: *Learning Fast and Robust Target Models for
#   Video Object Segmentation*. CVPR 2020. Section 3.1 and the supplement's section 6.
# - M. Danelljan, G. Bhat, F. S. Khan, M. Felsberg: *ATOM: Accurate Tracking by Overlap Maximization*. CVPR 2019. The
#   two-layer model for bounding boxes, from which this one comes.
# - D. S. Bolme, J. R. Beveridge, B. A. Draper, Y. M. Lui: *Visual Object Tracking Using Adaptive Correlation Filters*.
#   CVPR 2010. MOSSE, the least squares of one filter.
# - G. Bhat, F. Järemo Lawin, M. Danelljan, A. Robinson, M. Felsberg, L. Van Gool, R. Timofte: *Learning What to Learn
#   for Video Object Segmentation*. ECCV 2020. LWL, the successor by some of the same authors.
# - S. W. Oh, J.-Y. Lee, N. Xu, S. J. Kim: *Video Object Segmentation Using Space-Time Memory Networks*. ICCV 2019.
#   STM, which reads from a memory instead of learning.
