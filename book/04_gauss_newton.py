# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Gauss-Newton and conjugate gradient
#
# The loss of a target model is a sum of squares, and that makes it quick to minimise: with 45 inexpensive inner
# iterations, Gauss-Newton and conjugate gradient arrive where gradient descent has not arrived after ten times as
# many. The textbook form of the method works on any residuals. For this model there is an exact short cut that never
# touches a full-resolution image inside the solver. This chapter builds both forms, and shows that they are equal.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import time
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from checks import ch04
from vosbook.datasets.catalog import load_sequence
from vosbook.features import load_backbone
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.gauss_newton import (
    AutogradProblem,
    conjugate_gradient,
    gauss_newton,
)
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
    apply_stencil,
    interpolation_matrix,
)
from vosbook.target_model.stencil import normal_stencil
from vosbook.view.overlay import compare
from vosbook.view.plots import image_row, new_figure, show

# %% [markdown]
# The problem is the one of chapter 03: five labelled samples, and the random weights $w_1$, $w_2$ to start from. The
# picture shows what the chapter arrives at: the loss after every iteration, for Gauss-Newton with conjugate gradient
# and for gradient descent, with the best of three step sizes; twice that step makes the loss grow without end. An
# iteration of either passes through the samples once, forth and back.

# %%
settings = load_profile(profile).of("gauss_newton")
sequence = load_sequence(settings["data"][0])
backbone = load_backbone(settings["backbone"], levels=["layer3"])
target = sequence.objects[0].id


def features(images):
    """Features of images, uint8 (K, H, W, 3) -> (K, C, h, w)."""
    colours = torch.tensor(images).permute(0, 3, 1, 2) / 255  # (K, 3, H, W), 0 to 1
    return backbone(colours)["layer3"]


images, masks = augment_first_frame(
    np.array(sequence.frames[0]), sequence.labels(0) == target, seed=settings["seed"]
)
x = features(images)  # (K, C, h, w)
y = torch.tensor(masks, dtype=torch.float32)[:, None]  # (K, 1, H, W)
v, gamma, lambda_ = pixel_weights(y), first_frame_weights(len(x)), (1e-4, 1e-2)
(K, C, h, w), (H, W) = x.shape, y.shape[-2:]
start = initial_weights(C, 96, seed=settings["seed"])  # (c, C, 1, 1), (1, c, 3, 3)
schedule = (5, 10, 10, 10, 10)  # inner iterations of each outer step: the paper's


def loss_of(weights):
    return float(target_loss(weights, x, y, v, gamma, lambda_=lambda_))


problem = JointProblem(
    FilterQuadratic(x, *normal_stencil(y, v, grid=(h, w)), gamma), lambda_
)
curve = {0: loss_of(start)}  # by iteration
for step, count in enumerate(schedule):
    before = gauss_newton(problem, start, cg_iterations=schedule[:step])
    for n in (1, 2, 5, 10)[: 3 + (count == 10)]:
        curve[sum(schedule[:step]) + n] = loss_of(
            gauss_newton(problem, before, cg_iterations=(n,))
        )


def descend(rate, iterations):
    """Losses of gradient descent. The gradient is 2 J^T r, see section 1."""
    weights, losses = start, {0: curve[0]}
    for n in range(1, iterations + 1):
        _, minus_jtr = problem.linearize(weights)
        weights = tuple(w_j + 2 * rate * g_j for w_j, g_j in zip(weights, minus_jtr))
        if n % 50 == 0 or n in (1, 2, 5, 10, 20, 30, 40):
            losses[n] = loss_of(weights)
            if not losses[n] < curve[0]:  # too large a step: it grows without end
                return {n: np.inf}
    return losses


descents = {rate: descend(rate, 450) for rate in (2e-6, 4e-6, 8e-6)}
best = min(descents, key=lambda rate: list(descents[rate].values())[-1])
descent = descents[best]
for rate, losses in descents.items():
    last = list(losses.values())[-1]
    end = f"{last:.0f} at the end" if np.isfinite(last) else "grows without end"
    print(f"descent, step {rate:g}: {end}")
figure, axes = new_figure(height=3.2)
axes[0, 0].plot(
    list(curve), list(curve.values()), label="Gauss-Newton with conjugate gradient"
)
axes[0, 0].plot(
    list(descent), list(descent.values()), label=f"gradient descent, step {best:g}"
)
axes[0, 0].set(xlabel="iterations", ylabel="loss", yscale="log")
axes[0, 0].legend()
show(
    figure,
    alt="Loss against iterations, logarithmic. Gauss-Newton with conjugate gradient "
    "falls steeply and ends after 45 iterations, lower than gradient descent "
    "after 450.",
    caption="The bump of gradient descent: a step close to the largest that works.",
)
print(f"loss at the start {curve[0]:.0f}, after 45 iterations {curve[45]:.0f}")
print(f"descent: {descent[50]:.0f} after 50, {descent[450]:.0f} after 450 iterations")

# %% [markdown]
# ## Goals
#
# After this chapter you can
#
# - derive the Gauss-Newton step from a list of residuals;
# - multiply with a Jacobian and its transpose without ever building it;
# - write conjugate gradient line by line, and say what each line is for;
# - take full-resolution images out of the solver, exactly, and say why this is possible here.

# %% [markdown]
# ## 1 Gauss-Newton, with two numbers
#
# Nothing in the method is about images, so here it is on the smallest problem that has a picture: find a point $w$ in
# the plane from its measured distances $\delta_n$ to three known points $a_n$. The residuals, one per distance, are
#
# $$r_n(w) = \|w - a_n\| - \delta_n.$$
#
# They are not linear in $w$. *Gauss-Newton* replaces $r$ by its linear approximation, its tangent: with the Jacobian
# $J = \partial r / \partial w$, one row per residual and one column per unknown (nothing to do with the region measure
# $\mathcal J$), $r(w + \Delta) \approx r + J \Delta$. The sum of squares of the right side,
#
# $$\|r + J \Delta\|^2 = \|J \Delta\|^2 + 2\, r^\top J \Delta + \|r\|^2$$
#
# (Eq. 3 of the paper), has the gradient $2\, J^\top r$ at $\Delta = 0$, which is that of the loss itself. It is
# smallest where
#
# $$J^\top J\, \Delta = -J^\top r.$$
#
# Solving this for $\Delta$ and going to $w + \Delta$ is one step. Below are five, beside five of gradient descent with
# step 0.25; printed is the loss.

# %%
known, distances = np.array([[0, 0], [4, 0.5], [1, 3]]), np.array([2.6, 2.0, 2.1])


def point_r(w):
    return np.linalg.norm(w - known, axis=1) - distances  # (3,)


def point_J(w):
    return (w - known) / np.linalg.norm(w - known, axis=1)[:, None]  # (3, 2)


paths = {
    "Gauss-Newton": [np.array([3.6, 3.2])],
    "gradient descent": [np.array([3.6, 3.2])],
}
for _ in range(5):
    for name, path in paths.items():
        r, J = point_r(path[-1]), point_J(path[-1])
        step = (
            np.linalg.solve(J.T @ J, -J.T @ r)
            if name == "Gauss-Newton"
            else -0.25 * 2 * J.T @ r
        )
        path.append(path[-1] + step)
for name, path in paths.items():
    print(f"{name:<17}", "  ".join(f"{(point_r(p) ** 2).sum():.4f}" for p in path))

# %%
axis_1, axis_2 = np.linspace(-0.5, 4.5, 150), np.linspace(-0.5, 3.5, 120)
grid = np.stack(np.meshgrid(axis_1, axis_2), axis=-1)  # (120, 150, 2)
grid_r = np.linalg.norm(grid[:, :, None] - known, axis=-1) - distances  # (120, 150, 3)
loss = (grid_r**2).sum(axis=-1)
figure, axes = new_figure(height=4.4)
axes[0, 0].contour(
    grid[..., 0],
    grid[..., 1],
    loss,
    levels=np.geomspace(0.05, 12, 10),
    colors="#bbbbbb",
)
axes[0, 0].plot(*known.T, "k^", linestyle="none", label="known points")
for (name, path), marker in zip(paths.items(), "os"):
    axes[0, 0].plot(*np.array(path).T, marker=marker, label=name)
axes[0, 0].set(xlabel="first unknown", ylabel="second unknown", aspect="equal")
figure.legend(loc="outside upper center", ncols=3)
show(
    figure,
    alt="Contours of the loss around its minimum. Gauss-Newton reaches the minimum in"
    " three steps; gradient descent makes five shorter ones and is still on its "
    "way.",
)

# %% [markdown]
# $J^\top J$ is half the Hessian of the loss, but for a term with the second derivatives of $r$, which is left out. It
# needs first derivatives only, $p^\top J^\top J\, p = \|J p\|^2$ is never negative, and where the residuals are linear
# in $w$ nothing is left out at all: one step is then the solution.

# %% [markdown]
# ## 2 Products with a Jacobian that nobody builds

# %%
count_r, count_w = (
    y.numel() + sum(w_j.numel() for w_j in start),
    sum(w_j.numel() for w_j in start),
)
print(f"J has {count_r} rows and {count_w} columns")
print(f"in single precision: {count_r * count_w * 4 / 1e9:.0f} GB")

# %% [markdown]
# So $J$ is out of the question, and so is `solve`. What a solver needs, though, is only to *multiply*: $J p$ and
# $J^\top u$. Automatic differentiation gives $J^\top u$ at once: it is what a backward pass computes when it is started
# with $u$. For $J p$ there is a trick. $J^\top u$ is linear in $u$, so its derivative with respect to $u$ is $J$, and
# a second backward pass, through the first one, multiplies with it.
#
# All weights are written as one long vector here, and so are all residuals.


# %%
def linearize(r, w):
    """r(w) and the products p -> J p and u -> J^T u, for a function r of a vector w."""
    w = w.detach().requires_grad_()
    value = r(w)
    u = torch.zeros_like(value, requires_grad=True)
    (JTu,) = torch.autograd.grad(value, w, u, create_graph=True)

    def J(p):
        return torch.autograd.grad(JTu, u, p, retain_graph=True)[0]

    def JT(u):
        return torch.autograd.grad(value, w, u, retain_graph=True)[0]

    return value.detach(), J, JT


def wavy(w):
    """Four residuals of three weights, to try it on."""
    return torch.stack([w[0] * w[1], w[1].sin(), w[2] ** 2, w.sum()])


w_try, p_try, u_try = (
    torch.tensor([0.5, -1.0, 2.0]),
    torch.tensor([1.0, 2.0, 3.0]),
    torch.tensor([1.0, 0.0, -2.0, 1.0]),
)
explicit = torch.autograd.functional.jacobian(wavy, w_try)  # (4, 3)
value, J, JT = linearize(wavy, w_try)
torch.testing.assert_close(J(p_try), explicit @ p_try)
torch.testing.assert_close(JT(u_try), explicit.T @ u_try)
print("J p   ", J(p_try).numpy().round(3), "\nJ^T u ", JT(u_try).numpy().round(3))

# %% [markdown]
# ## 3 Conjugate gradient
#
# We want $\Delta$ in $A \Delta = b$, with $A = J^\top J$ and $b = -J^\top r$, from products $A p$ alone. The solution
# minimises $\frac12 \Delta^\top A \Delta - b^\top \Delta$. The negative gradient of that, $g = b - A\Delta$, says how
# far the system is from being solved. Steepest descent walks along $g$ again and again, and undoes in one step part of
# what it did in an earlier one. *Conjugate gradient* (CG) walks along directions $p$ with $p_i^\top A\, p_j = 0$. Along
# each of them the function is minimised once, and later steps leave that as it is. With $n$ unknowns it is done after
# $n$ steps, but for rounding; with many unknowns it is useful long before. In the code $\Delta$ is called `x`, as in
# textbooks.


# %%
def cg(A, b, iterations, M=1.0):
    """All iterates x of CG for A x = b, from x = 0. M is a number or a vector."""
    x, g = torch.zeros_like(b), b
    p = z = g / M  # the first direction: downhill
    rho = g @ z  # the squared length of g, as M measures it
    iterates = []
    for _ in range(iterations):
        q = A(p)
        alpha = rho / (p @ q)  # how far: to the minimum along p
        x = x + alpha * p
        g_before, g = g, g - alpha * q  # b - A x, without another product
        z = g / M
        rho_before, rho = rho, g @ z
        beta = ((rho - g_before @ z) / rho_before).clamp(min=0)
        p = z + beta * p  # downhill again, with so much of the old direction kept
        iterates.append(x)
    return iterates


# %% [markdown]
# Two details. $\beta$ is written after Polak and Ribière. In exact arithmetic the term $g_\text{before}^\top z$ is 0;
# it makes up for some of the rounding, and where $\beta$ would turn negative the method starts again from the gradient.
# And $M$ is a *preconditioner*: a matrix that resembles $A$ and is quickly divided by. Here it is diagonal.
#
# Below, on the left, 8 unknowns and a matrix with eigenvalues from 1 to 100: the error after each step, for steepest
# descent and for CG, relative to that of $x = 0$. On the right, CG on a matrix whose diagonal varies as much, with and
# without dividing by it.

# %%
torch.manual_seed(settings["seed"])
n = 8
Q = torch.linalg.qr(torch.randn(n, n, dtype=torch.double)).Q
hard = Q @ torch.diag(torch.logspace(0, 2, n, dtype=torch.double)) @ Q.T
scaled = torch.logspace(0, 1, n, dtype=torch.double)
coupled = (
    scaled[:, None]
    * (torch.eye(n) + 0.1 * Q @ torch.diag(torch.linspace(0, 1, n).double()) @ Q.T)
    * scaled
)
rhs = torch.randn(n, dtype=torch.double)


def steepest(A, b, iterations):
    x, iterates = torch.zeros_like(b), []
    for _ in range(iterations):
        g = b - A @ x
        x = x + (g @ g) / (g @ A @ g) * g
        iterates.append(x)
    return iterates


def errors(A, iterates):
    """Error of every iterate in the norm of A, over that of x = 0."""
    solution = torch.linalg.solve(A, rhs)
    return [
        float(
            ((x - solution) @ A @ (x - solution)).sqrt()
            / (solution @ A @ solution).sqrt()
        )
        for x in iterates
    ]


plots = (
    {
        "CG": (hard, cg(lambda p: hard @ p, rhs, n)),
        "steepest descent": (hard, steepest(hard, rhs, n)),
    },
    {
        "with M": (coupled, cg(lambda p: coupled @ p, rhs, n, coupled.diagonal())),
        "without M": (coupled, cg(lambda p: coupled @ p, rhs, n)),
    },
)
figure, axes = new_figure(1, 2, height=3.0)
for panel, lines, title in zip(
    axes.flat, plots, ("eigenvalues 1 to 100", "a badly scaled diagonal")
):
    for name, (A, iterates) in lines.items():
        panel.semilogy(range(1, n + 1), errors(A, iterates), label=name)
    panel.set(title=title, xlabel="iteration", ylim=(1e-13, 2))
    panel.legend()
axes[0, 0].set(ylabel="relative error")
show(
    figure,
    alt="Two plots of error against iteration. Left: conjugate gradient drops to "
    "rounding with the eighth iteration, steepest descent hardly falls. Right: "
    "with the preconditioner the error falls by a large factor every time, "
    "without it slowly until the last.",
)

# %% [markdown]
# ## 4 Both together, on the target model
#
# One function gives all residuals of chapter 03 as a vector. The preconditioner of the paper's code divides the part
# that belongs to $w_j$ by $\lambda_j$: $w_1$ is taken a hundred times further than $w_2$ for the same gradient.

# %%
sizes = [w_j.numel() for w_j in start]


def as_vector(tensors):
    return torch.cat([t.flatten() for t in tensors])


def as_weights(vector):
    return tuple(
        part.reshape(w_j.shape) for part, w_j in zip(vector.split(sizes), start)
    )


def all_residuals(vector):
    return as_vector(residuals(as_weights(vector), x, y, v, gamma, lambda_=lambda_))


diagonal = torch.cat([torch.full((size,), l_j) for size, l_j in zip(sizes, lambda_)])
w_now = as_vector(start)


def gauss_newton_step(w, count):
    """The weights, a vector, after one step that is solved by `count` CG iterations."""
    value, J, JT = linearize(all_residuals, w)
    return w + cg(lambda p: JT(J(p)), -JT(value), count, diagonal)[-1]


print(f"loss {loss_of(start):.0f} at the start")
for count in schedule[:2]:
    w_now = gauss_newton_step(w_now, count)
    loss = loss_of(as_weights(w_now))
    print(f"loss {loss:.0f} after a Gauss-Newton step of {count} CG iterations")

# %% [markdown]
# ### Equal to the library
#
# The library's solver keeps the weights as a tuple of tensors, and asks a *problem* for the product with $A$ and for
# $b$. `AutogradProblem` makes a problem of any function that returns residuals.

# %% tags=["equals-library"]
textbook = AutogradProblem(
    lambda w: residuals(w, x, y, v, gamma, lambda_=lambda_), diagonal=lambda_
)
theirs = as_vector(gauss_newton(textbook, start, cg_iterations=schedule[:2]))
assert (theirs - w_now).norm() < 1e-3 * w_now.norm()
(x_theirs,) = conjugate_gradient(lambda p: (hard @ p[0],), (rhs,), iterations=12)
torch.testing.assert_close(x_theirs, cg(lambda p: hard @ p, rhs, 12)[-1])
print(
    "two Gauss-Newton steps differ by",
    f"{(theirs - w_now).norm() / w_now.norm():.0e}",
    "relative",
)

# %% [markdown]
# ## 5 The short cut, first part: a stencil
#
# Every product above goes through images of full size: up to the pixels by $U$, times the pixel weights $V$ (the
# diagonal matrix of all $v_n$), and down again by $U^\top$. But up and down are always done together:
# the data term of $J^\top J$ is $X^\top (U^\top V U) X$, where $X$ leads from a change of the weights to the change of
# the scores. (Each sample has its own, times $\gamma_k$.) The matrix
# in the middle has one row and one column *per cell*. And most of it is zero: an entry couples two cells, and it is the
# sum over the pixels that both of them reach. A pixel lies between $2 \times 2$ cells, so only neighbours share one.
#
# Here it is for a grid of $4 \times 6$ cells, built the slow way.

# %%
small_grid, small_size = (4, 6), (32, 48)
y_small = torch.zeros(1, 1, *small_size)
y_small[..., 8:20, 10:26] = 1
v_small = pixel_weights(y_small, kappa_min=0.5)
Uy, Ux = (
    interpolation_matrix(big, few, like=y_small)
    for big, few in zip(small_size, small_grid)
)
U = torch.kron(Uy, Ux)  # (H W, h w)
dense = U.T @ (v_small.flatten()[:, None] * U)  # (h w, h w)
cell = 1 * 6 + 2  # row 1, column 2 of the grid
show(
    image_row(
        [
            v_small[0, 0].numpy(),
            (dense != 0).float().numpy(),
            dense[cell].reshape(small_grid).numpy(),
        ],
        ["pixel weights v", "UᵀVU is not 0 at", "one row, as a grid"],
    ),
    alt="First: weights, higher in a rectangle. Second: a 24 by 24 matrix that is "
    "zero but for bands along its diagonal. Third: one row of it laid out on the "
    "grid: the cell itself is brightest, its eight neighbours are darker, and the"
    " rest is zero.",
)
print(f"{int((dense != 0).sum())} of {dense.numel()} entries are not 0")

# %% [markdown]
# Nine numbers per cell: a *9-point stencil*. It is symmetric (what a cell gives its neighbour it gets back), so four
# numbers per cell are enough: the cell with itself, with its east, south and south-east neighbour. The coupling of the
# south neighbour with the east one, the other diagonal, is the same number as that of the cell with its south-east one,
# because $U$ works along rows and columns separately:
#
# $$\sum_{m, n} v_{mn}\, (U_y)_{mi} (U_y)_{mi'} (U_x)_{nj} (U_x)_{nj'}$$
#
# is the entry of $U^\top V U$ between the cells $(i, j)$ and $(i', j')$, where $(m, n)$ runs over all pixels.
# For each axis, then, take the products of every column of $U$ with itself and with the next column; two small matrix
# products with the image $v$ give all four maps.


# %%
def stencil(v, grid):
    """Couplings (2, 2, h, w), [p, q, i, j]: of cell (i, j) with (i + p, j + q)."""
    (H, W), (h, w) = v.shape, grid
    both = []
    for n_out, n_in in ((H, h), (W, w)):
        U = interpolation_matrix(n_out, n_in, like=v)
        after = F.pad(U[:, 1:], (0, 1))  # the next column; zeros after the last
        both.append(torch.stack([U * U, U * after]))  # (2, n_out, n_in)
    return torch.einsum("pmi,mn,qnj->pqij", both[0], v, both[1])


a_small = stencil(v_small[0, 0], small_grid)
torch.testing.assert_close(a_small[0, 0].flatten(), dense.diagonal())
torch.testing.assert_close(a_small[0, 1, 1, 2], dense[cell, cell + 1])
torch.testing.assert_close(a_small[1, 1, 1, 2], dense[cell, cell + 7])
torch.testing.assert_close(a_small[1, 1, 1, 2], dense[cell + 6, cell + 1])

# The library's: stencils (K, 2, 2, h, w), and U^T V y (K, h, w)
a_all, b_all = normal_stencil(y, v, grid=(h, w))
for k in range(K):
    torch.testing.assert_close(stencil(v[k, 0], (h, w)), a_all[k], rtol=1e-4, atol=1e-4)
s_try = torch.randn(1, *small_grid)
a_lib, _ = normal_stencil(y_small, v_small, grid=small_grid)
torch.testing.assert_close(
    apply_stencil(a_lib, s_try).flatten(), dense @ s_try.flatten()
)
pixels, cells = y.numel(), a_all.numel() + b_all.numel()
print("the stencil equals the dense matrix, and the library's")
print(f"{cells} numbers stand for {pixels} pixels")

# %% [markdown]
# With it the pixels are gone. $U^\top V U s$ is a handful of products on the grid, and $b$ needs $U^\top V y$, one more
# number per cell. Both are computed once for each labelled frame; after that neither labels nor pixel weights are
# needed. Nothing is approximated. (The library's dense form is in `target_model/plain_quadratic.py`.)

# %% [markdown]
# ## 6 The short cut, second part: one filter
#
# What remains is to get from the weights to the scores, and back. Exercise 3.2 found that $D(x; w)$ is a single $3
# \times 3$ convolution with a filter $f$ of $9 \times C$ numbers. With $w_2$ written as a matrix $(9, c)$ and $w_1$ as
# $(c, C)$ it is just their product, $f = w_2 w_1$. So the data term is a *quadratic* function of $f$. All that is not
# quadratic in the problem is that product, and its derivative is the product rule:
#
# $$\mathrm{d}f = w_2\, \mathrm{d}w_1 + \mathrm{d}w_2\, w_1.$$
#
# Transposed, it takes a $g$ of the filter's shape to the pair $(w_2^\top g,\; g\, w_1^\top)$, of the shapes of $w_1$
# and $w_2$. A product with $J^\top J$ is therefore: make $\mathrm{d}f$, multiply with the quadratic's matrix $\mathcal
# H = X^\top (U^\top V U) X$, and apply the transposed rule. This $X$ leads from a *filter* to the scores: it is the
# convolution, and $X^\top$ the correlation back. Convolving by $f$ takes $9\,C$ multiplications per cell, where the two
# layers take $c\,C + 9\,c$.

# %% tags=["equals-library"]
patches = F.unfold(x, 3, padding=1)  # (K, C 9, h w): every cell's neighbourhood
X = patches.permute(0, 2, 1).flatten(0, 1)  # (K h w, C 9): scores = X times filter


def times_H(f):
    """H f for a filter f (9, C)."""
    s = (X @ f.T.flatten()).reshape(K, h, w)
    u = gamma[:, None, None] * apply_stencil(a_all, s)  # (K, h, w)
    return (X.T @ u.flatten()).reshape(C, 9).T


def as_matrices(vector):
    """w1 (c, C) and w2 (9, c) of a vector of all weights."""
    w1, w2 = as_weights(vector)
    return w1[:, :, 0, 0], w2[0].flatten(1).T  # (1, c, 3, 3) -> (9, c)


def times_JTJ(p, weights):
    """J^T J p at the given weights, both vectors."""
    (w1, w2), (p1, p2) = as_matrices(weights), as_matrices(p)
    g = times_H(w2 @ p1 + p2 @ w1)  # (9, C)
    back = as_vector((w2.T @ g, (g @ w1.T).T))  # (c, C) and (c, 9): the vector's order
    return back + diagonal**2 * p  # the regulariser's residuals lambda_j w_j


p_try = torch.randn_like(w_now)
_, J, JT = linearize(all_residuals, w_now)
slow, fast = JT(J(p_try)), times_JTJ(p_try, w_now)
operator, _ = problem.linearize(as_weights(w_now))
library = as_vector(operator(as_weights(p_try)))
for other in (fast, library):
    assert (other - slow).norm() < 1e-5 * slow.norm()
apart = (fast - slow).norm() / slow.norm()
print(f"J^T J p with {pixels} pixels and without: {apart:.0e} apart, relative")

# %% [markdown]
# ### What it saves
#
# One Gauss-Newton step with five CG iterations, in both forms, on this machine, now. The times depend on the machine
# and on what else it does; the ratio does so less.


# %%
def seconds(problem):
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        gauss_newton(problem, start, cg_iterations=(5,))
        times.append(time.perf_counter() - begin)
    return min(times)


slow_time, fast_time = seconds(textbook), seconds(problem)
print(f"double backward {1e3 * slow_time:.0f} ms")
print(f"stencil and filter {1e3 * fast_time:.0f} ms")
print(f"{slow_time / fast_time:.0f} times less")

# %% [markdown]
# When the tracker updates the model, $w_1$ stays as it is and only $w_2$ is learned. Then $D$ is linear in what is
# learned, the problem is quadratic, and one Gauss-Newton step is all there is; the features can be projected to 96
# channels once. `UpdateProblem` of the library does this, with the same stencils.

# %% [markdown]
# ## 7 What the preconditioner does
#
# The same schedule with three diagonals: the paper's code's $(\lambda_1, \lambda_2)$, none, and the other way round.


# %%
def run(M):
    """Losses after every CG iteration, with M the diagonal."""
    weights, losses = as_vector(start), [curve[0]]
    for count in schedule:
        _, b = problem.linearize(as_weights(weights))
        iterates = cg(partial(times_JTJ, weights=weights), as_vector(b), count, M)
        losses += [loss_of(as_weights(weights + step)) for step in iterates]
        weights = weights + iterates[-1]
    return losses


other_way = torch.cat(
    [torch.full((size,), l_j) for size, l_j in zip(sizes, lambda_[::-1])]
)
diagonals = {"M = (λ1, λ2)": diagonal, "no M": 1.0, "M = (λ2, λ1)": other_way}
runs = {name: run(M) for name, M in diagonals.items()}
figure, axes = new_figure(height=3.0)
for name, losses in runs.items():
    axes[0, 0].plot(losses, label=name)
for edge in np.cumsum(schedule)[:-1]:
    axes[0, 0].axvline(edge, color="#bbbbbb", linewidth=1, linestyle="-")
axes[0, 0].set(
    xlabel="CG iterations; lines: a new Gauss-Newton step", ylabel="loss", yscale="log"
)
axes[0, 0].legend()
show(
    figure,
    alt="Loss against CG iterations for three preconditioners. All fall steeply in "
    "the first iterations; the three curves end at different losses.",
)
print("loss            first step   at the end")
for name, losses in runs.items():
    print(f"{name:<14}  {losses[5]:10.0f}   {losses[-1]:10.0f}")

# %% [markdown]
# Both diagonals end lower than none. They end close together, although they favour opposite layers: it helps to scale
# the layers, and matters less which way.
#
# What CG lowers is the tangent's loss, and the true one differs from it once $w_1$ and $w_2$ both move far. There is no
# line search to make sure that the true loss falls too. Here it falls in every iteration, and the next step begins from
# a new tangent.

# %% [markdown]
# ## 8 On the video
#
# The weights that the library learns by the paper's schedule, tried a third of the way into the video:

# %%
learned = gauss_newton(problem, start, cg_iterations=schedule)
t = len(sequence.frames) // 3
frame, truth = np.array(sequence.frames[t]), sequence.labels(t) == target
s = upsample(target_scores(features(frame[None]), learned), (H, W))[0, 0].numpy()
show(
    image_row(
        [
            s.clip(-0.2, 1),
            compare(frame, (s > 0.5).astype(np.uint8), truth.astype(np.uint8)),
        ],
        [f"scores of frame {t}", f"J = {jaccard(s > 0.5, truth):.2f}"],
    ),
    alt="Scores of a later frame, high on the object, and the frame with the mask "
    "that they give: mostly found, with errors along the outline.",
    caption="Scores: yellow is high. Mask: white found, blue missed, orange found in "
    "error.",
)

# %% [markdown]
# ## Exercises
#
# ### Exercise 4.1 · Conjugate gradient
# *difficulty 1 of 3 · 15 minutes · 2 points*
#
# Write `solve(A, b, iterations)` in numpy: the plain method, without preconditioner and with the original
# $\beta = \rho / \rho_\text{before}$, where $\rho = g^\top g$. `A (n, n)` is symmetric positive definite. Return
# `x (n,)` after that many iterations from $x = 0$; there are never more than it takes to make the residual vanish.


# %% nbgrader={"grade": false, "grade_id": "ex04-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def solve(A, b, iterations):
    """x (n,), an approximate solution of A x = b."""
    ### BEGIN SOLUTION
    x, g = np.zeros_like(b), b.copy()
    p, rho = g, g @ g
    for _ in range(iterations):
        q = A @ p
        alpha = rho / (p @ q)
        x, g = x + alpha * p, g - alpha * q
        rho_before, rho = rho, g @ g
        p = g + rho / rho_before * p
    return x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch04.check_solve(solve)

# %% [markdown]
# ### Exercise 4.2 · A Gauss-Newton step with a curve to fit
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# A score that decays with distance, $s(d) = a\, e^{-d / \ell}$, is to be fitted to values $y$ at distances $d$, under
# weights $v$ that enter the squared loss once. Write `fit_step(a, length, d, y, v)`: the pair $(a, \ell)$ after one
# Gauss-Newton step, without regularisation. All but the first two arguments are numpy arrays of one size.


# %% nbgrader={"grade": false, "grade_id": "ex04-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def fit_step(a, length, d, y, v):
    """(a, length) after one step."""
    ### BEGIN SOLUTION
    decay = np.exp(-d / length)
    r = np.sqrt(v) * (a * decay - y)
    J = np.sqrt(v)[:, None] * np.stack(
        [decay, a * decay * d / length**2], axis=1
    )  # (n, 2)
    step = np.linalg.solve(J.T @ J, -J.T @ r)
    return a + step[0], length + step[1]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04-2-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch04.check_fit_step(fit_step)

# %% [markdown]
# ### Exercise 4.3 · A stencil in one dimension
# *difficulty 2 of 3 · 20 minutes · 2 points*
#
# On one axis $U^\top V U$ is tridiagonal. Write `tridiagonal(U, v)` for numpy arrays `U (n_out, n_in)` and `v
# (n_out,)`. It returns a function that takes `s (n_in,)` to $U^\top V U s$. Conjugate gradient calls that function many
# times, so all that needs the pixels must be done before: the function knows the diagonal and the one next to it, and
# not `U` or `v`. The check puts other numbers into both before it calls the function once more. What the function has
# returned stays as it is. No matrix `(n_in, n_in)` is to be made; the check counts bytes.


# %% nbgrader={"grade": false, "grade_id": "ex04-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def tridiagonal(U, v):
    """A function from s to U^T V U s, both (n_in,)."""
    ### BEGIN SOLUTION
    main = (U * U).T @ v  # (n_in,)
    side = (U[:, :-1] * U[:, 1:]).T @ v  # (n_in - 1,): cell i with cell i + 1

    def apply(s):
        result = main * s
        result[:-1] += side * s[1:]
        result[1:] += side * s[:-1]
        return result

    return apply
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04-3-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch04.check_tridiagonal(tridiagonal)

# %% [markdown]
# ### Exercise 4.4 · Both layers at once
# *difficulty 3 of 3 · 30 minutes · 3 points*
#
# Write `joint_product(H, w1, w2, p1, p2, lambda_)`: the two parts, shaped like `w1` and `w2`, of $J^\top J p$. `H` is a
# function that multiplies a filter `(9, C)` with the data term's matrix; `w1` and `p1` are `(c, C)`, `w2` and `p2` are
# `(9, c)` numpy arrays, the filter is `w2 @ w1`, and the residuals end with `lambda_[0] * w1` and `lambda_[1] * w2`.


# %% nbgrader={"grade": false, "grade_id": "ex04-4", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def joint_product(H, w1, w2, p1, p2, lambda_):
    """J^T J p: a pair (c, C), (9, c)."""
    ### BEGIN SOLUTION
    g = H(w2 @ p1 + p2 @ w1)
    return w2.T @ g + lambda_[0] ** 2 * p1, g @ w1.T + lambda_[1] ** 2 * p2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04-4-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch04.check_joint_product(joint_product)

# %% [markdown]
# ## Measured and claimed
#
# The paper says that its strategy converges much faster than gradient descent, and gives no figure for it. On the
# problem above this holds, as the first picture shows. The paper's figures for speed (21.9 and 41.3 frames a second on
# a V100) are of the whole tracker; they stand in the page *Claimed and measured* of the site.

# %% [markdown]
# ## How this differs from the paper
#
# - The short cut is ours. It changes no result beyond rounding: the paper's authors differentiate through the
#   full-resolution residuals.
# - $\beta$ after Polak and Ribière, clamped at 0, the diagonal preconditioner, and CG from zero in every step are the
#   authors' code; the paper says only that conjugate gradient is used.
# - After these steps the code projects the features and learns $w_2$ once more by itself, with 10 iterations, which the
#   paper does not mention. `TargetModel` does so too.

# %% [markdown]
# ## Summary
#
# - A sum of squares has a tangent whose minimum is a linear system, $J^\top J \Delta = -J^\top r$.
# - $J p$ and $J^\top u$ come from automatic differentiation; $J$ is never built.
# - Conjugate gradient solves the system from products alone, ten of them a step.
# - Bilinear upsampling makes the weighted normal matrix a 9-point stencil, and two linear layers are one filter: the
#   solver then works on the grid of scores, exactly.

# %% [markdown]
# ## References
#
# - A. Robinson, F. Järemo Lawin, M. Danelljan, F. S. Khan, M. Felsberg: *Learning Fast and Robust Target Models for
#   Video Object Segmentation*. CVPR 2020. Section 3.1, Eq. 3.
# - M. Danelljan, G. Bhat, F. S. Khan, M. Felsberg: *ATOM: Accurate Tracking by Overlap Maximization*. CVPR 2019. The
#   optimisation strategy.
# - M. R. Hestenes, E. Stiefel: *Methods of Conjugate Gradients for Solving Linear Systems*. Journal of Research of the
#   National Bureau of Standards 49, 1952.
# - J. Nocedal, S. J. Wright: *Numerical Optimization*. Springer, 2006. Chapters 5 and 10.
