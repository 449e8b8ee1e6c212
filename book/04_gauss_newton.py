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
# A tracker must learn a new target within a fraction of a second, so it can afford only a few dozen passes through its
# samples. Gradient descent gets nowhere in so few. The loss of a target model is a sum of squares, however, and a sum
# of squares can be minimised much faster: *Gauss-Newton* replaces it by a parabola, and *conjugate gradient* walks to
# the parabola's lowest point. In this chapter you derive both methods, write their two central functions yourself, and
# let them race against gradient descent with and without momentum.

# %% tags=["parameters", "hide-input"] jupyter={"source_hidden": true}
profile = "smoke"

# %% tags=["imports", "hide-input"] jupyter={"source_hidden": true}
import time

import numpy as np
import torch
import torch.nn.functional as F

from checks import ch04
from checks.guard import yours
from vosbook.datasets.catalog import load_sequence
from vosbook.features import load_backbone
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.runs import read_record
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
    normal_stencil,
)
from vosbook.view.drawing import draw
from vosbook.view.overlay import compare
from vosbook.view.playgrounds.descent import descent as two_ways
from vosbook.view.plots import image_row, new_figure, show
from vosbook.view.tables import show_table

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# A valley that is twenty times as steep across as along, and three ways down.
turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
valley = turn @ np.diag([1.0, 20.0]) @ turn.T  # (2, 2)
top = turn @ np.array([-4.0, 1.0])
ways = {"gradient descent": [top], "momentum": [top], "conjugate gradient": [top]}
velocity = np.zeros(2)
for _ in range(12):
    here = ways["gradient descent"][-1]
    ways["gradient descent"].append(here - 0.085 * valley @ here)
    here = ways["momentum"][-1]
    velocity = 0.6 * velocity - 0.06 * valley @ here
    ways["momentum"].append(here + velocity)
for count in (1, 2):
    (walked,) = conjugate_gradient(
        lambda p: (torch.tensor(valley) @ p[0],),
        (torch.tensor(-valley @ top),),
        iterations=count,
    )
    ways["conjugate gradient"].append(top + walked.numpy())

axis_1, axis_2 = np.linspace(-4.6, 1.6, 160), np.linspace(-2.6, 1.6, 110)
places = np.stack(np.meshgrid(axis_1, axis_2), axis=-1)  # (110, 160, 2)
height = np.einsum("yxi,ij,yxj->yx", places, valley, places)
figure, axes = new_figure(height=4.2)
axes[0, 0].contour(
    axis_1, axis_2, height, levels=np.geomspace(0.3, 60, 9), colors="#bbbbbb"
)
for (name, way), marker in zip(ways.items(), ".so"):
    axes[0, 0].plot(*np.array(way).T, marker=marker, linewidth=1.5, label=name)
axes[0, 0].set(xlabel="first unknown", ylabel="second unknown", aspect="equal")
figure.legend(loc="outside upper center", ncols=3)
show(
    figure,
    number="4.1",
    alt="Contours of a narrow valley and three paths from one start. Gradient descent "
    "zigzags across the valley, momentum swings along it, and conjugate gradient reaches "
    "the lowest point with its second step.",
    caption="Twelve steps of gradient descent, twelve with momentum, two of conjugate gradient.",
)
assert np.linalg.norm(ways["conjugate gradient"][-1]) < 1e-6

# %% [markdown]
# ## Goals
#
# After this chapter you can
#
# - derive the Gauss-Newton step from a list of residuals;
# - multiply with a Jacobian and with its transpose without building it;
# - derive conjugate gradient from one condition, and write it line by line;
# - take the full-resolution images out of the solver without changing its result, and say why this is possible.

# %% [markdown]
# ## 1 A sum of squares has a tangent
#
# Write all the weights of a model as one vector $w$. A *residual* is what the model says minus what it should say. We
# collect all residuals in one vector $r(w)$, and the loss is the sum of their squares:
#
# $$L(w) = \|r(w)\|^2. \tag{4.1}$$
#
# Suppose that we stand at $w$ and look for a step $\Delta$ that lowers the loss. We replace the residuals by their
# tangent. Let $J = \partial r / \partial w$ be the *Jacobian*, a matrix with one row for each residual and one column
# for each weight. (This $J$ has nothing to do with the region measure $\mathcal J$.) Then
#
# $$r(w + \Delta) \approx r + J \Delta, \tag{4.2}$$
#
# and the loss becomes a parabola in $\Delta$:
#
# $$L(w + \Delta) \approx \Delta^\top J^\top J\, \Delta + 2\, r^\top J \Delta + r^\top r. \tag{4.3}$$
#
# This is Eq. 3 of the paper. At the parabola's lowest point its gradient $2 J^\top J \Delta + 2 J^\top r$ is zero.
# Therefore the best step solves a linear system, the *normal equations*:
#
# $$J^\top J\, \Delta = -J^\top r. \tag{4.4}$$
#
# One *Gauss-Newton step* solves Equation 4.4 and goes to $w + \Delta$. There it computes a new tangent, and so on.
#
# Here is the method on a problem with a picture. We look for a point $w$ in the plane, and we know its measured
# distances to three known points. Each residual is the distance to one of these points minus the measured distance.

# %%
known, distances = np.array([[0, 0], [4, 0.5], [1, 3]]), np.array([2.6, 2.0, 2.1])


def point_r(w):
    """Three residuals: distance to each known point, minus the measured one."""
    return np.linalg.norm(w - known, axis=1) - distances  # (3,)


def point_J(w):
    """Their Jacobian: how each distance answers to each coordinate."""
    return (w - known) / np.linalg.norm(w - known, axis=1)[:, None]  # (3, 2)


# %% [markdown]
# Both methods start at the same point and make five steps. Gradient descent goes against the gradient $2 J^\top r$,
# with the step size 0.25. Table 4.1 and Figure 4.2 show how far they get.

# %%
newton, descent = [np.array([3.6, 3.2])], [np.array([3.6, 3.2])]
for _ in range(5):
    r, J = point_r(newton[-1]), point_J(newton[-1])
    newton.append(newton[-1] + np.linalg.solve(J.T @ J, -J.T @ r))
    r, J = point_r(descent[-1]), point_J(descent[-1])
    descent.append(descent[-1] - 0.25 * 2 * J.T @ r)

paths = {"Gauss-Newton": newton, "gradient descent": descent}
assert (point_r(newton[3]) ** 2).sum() < (point_r(descent[5]) ** 2).sum()
show_table(
    ["", "start", *(f"step {k}" for k in range(1, 6))],
    [
        (name, *(f"{(point_r(w) ** 2).sum():.4f}" for w in path))
        for name, path in paths.items()
    ],
    caption="The loss, a sum of three squares, after each step.",
    number="4.1",
)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
axis_1, axis_2 = np.linspace(-0.5, 4.5, 150), np.linspace(-0.5, 3.5, 120)
places = np.stack(np.meshgrid(axis_1, axis_2), axis=-1)  # (120, 150, 2)
off = np.linalg.norm(places[:, :, None] - known, axis=-1) - distances  # (120, 150, 3)
figure, axes = new_figure(height=4.4)
axes[0, 0].contour(
    axis_1,
    axis_2,
    (off**2).sum(axis=-1),
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
    number="4.2",
    alt="Contours of the loss around its minimum. Gauss-Newton reaches the minimum in "
    "three steps; gradient descent makes five shorter ones and is still on its way.",
    caption="Five steps of each method. The contours are those of the true loss.",
)

# %% [markdown]
# Newton's method would use the second derivatives of the loss. They are $2 J^\top J$ and one more term, which contains
# the second derivatives of the residuals. Gauss-Newton leaves this term out, and that has three consequences:
#
# - It needs first derivatives only.
# - The parabola never bends downwards, because $p^\top J^\top J\, p = \|J p\|^2$ is never negative.
# - Where the residuals are linear in $w$, nothing is left out. One step then gives the solution.

# %% [markdown]
# ## 2 The problem to solve
#
# The problem is the one of chapter 03: five labelled samples of one object, and random weights to start from. The
# target model scores every cell of a coarse *grid*. The scores are enlarged to the *size* of the frame and compared
# there with the labels. We compute in double precision, so that rounding does not blur the comparisons below. Rounding
# is not harmless here: in single precision, as in chapter 03, the same steps end at a loss that is some percent higher.

# %%
settings = load_profile(profile).of("gauss_newton")
sequence = load_sequence(settings["data"][0])
backbone = load_backbone(settings["backbone"], levels=["layer3"])
target = sequence.objects[0].id


def features(images):
    """Features of images, uint8 (K, *size, 3) -> double (K, C, *grid)."""
    colours = torch.tensor(images).permute(0, 3, 1, 2) / 255  # (K, 3, *size), 0 to 1
    return backbone(colours)["layer3"].double()


images, masks = augment_first_frame(
    np.array(sequence.frames[0]), sequence.labels(0) == target, seed=settings["seed"]
)
x = features(images)  # (K, C, *grid)
y = torch.tensor(masks, dtype=torch.double)[:, None]  # (K, 1, *size), 0 or 1
v, gamma = pixel_weights(y), first_frame_weights(len(x)).double()
lambda_ = (1e-4, 1e-2)
K, C, *grid = x.shape
size = tuple(y.shape[-2:])
start = tuple(w_j.double() for w_j in initial_weights(C, 96, seed=settings["seed"]))

print(f"features x  {tuple(x.shape)}   K samples, C channels, grid")
print(f"labels y    {tuple(y.shape)}   K samples, one channel, size")
print(f"weights w1  {tuple(start[0].shape)},  w2  {tuple(start[1].shape)}")

# %% [markdown]
# Equations 4.1 to 4.4 speak of vectors. Two small functions translate between a vector of all weights and the two
# tensors $w_1$ and $w_2$.

# %%
sizes = [w_j.numel() for w_j in start]


def as_weights(vector):
    """All weights (n,), of any kind -> tensors w1 (c, C, 1, 1) and w2 (1, c, 3, 3)."""
    parts = torch.as_tensor(vector).split(sizes)
    return tuple(part.reshape(w_j.shape) for part, w_j in zip(parts, start))


def flat(tensors):
    """Several tensors -> one vector."""
    return torch.cat([t.flatten() for t in tensors])


def all_residuals(vector):
    """r(w) of chapter 03: one for each pixel of each sample, one for each weight."""
    return flat(residuals(as_weights(vector), x, y, v, gamma, lambda_=lambda_))


def loss_of(vector):
    return float((all_residuals(vector) ** 2).sum())


w_start = flat(start).numpy()  # (n,)
rows, columns = len(all_residuals(w_start)), len(w_start)
print(f"loss {loss_of(w_start):.0f} at the start")
print(f"J has {rows} rows and {columns} columns: {rows * columns * 8 / 1e9:.0f} GB")

# %% [markdown]
# So we cannot build $J$, and `np.linalg.solve` is out of the question. What saves us is that some solvers never look
# at the matrix. They only *multiply* with it.

# %% [markdown]
# ## 3 Multiplying with a matrix that nobody builds
#
# Automatic differentiation multiplies with $J^\top$ already: a backward pass that starts with the vector $u$ computes
# $J^\top u$. For the product $J p$ we use that pass twice. The number $p^\top (J^\top u)$ equals $u^\top (J p)$, which
# is linear in $u$. Its derivative with respect to $u$ is therefore the product that we want:
#
# $$\frac{\partial}{\partial u}\; p^\top (J^\top u) = J p. \tag{4.5}$$
#
# A second backward pass, which goes through the first one, computes this derivative.


# %%
def linearize(r, w):
    """r(w) and the products p -> J p and u -> J^T u, for a function r of a vector w."""
    w = w.detach().requires_grad_()
    value = r(w)
    u = torch.zeros_like(value, requires_grad=True)  # any u does: J^T u is linear in it
    (JTu,) = torch.autograd.grad(value, w, u, create_graph=True)

    def J(p):
        return torch.autograd.grad(JTu, u, p, retain_graph=True)[0]

    def JT(u):
        return torch.autograd.grad(value, w, u, retain_graph=True)[0]

    return value.detach(), J, JT


# %% [markdown]
# We try it on four residuals of three weights, where PyTorch can build the Jacobian for comparison.


# %%
def wavy(w):
    return torch.stack([w[0] * w[1], w[1].sin(), w[2] ** 2, w.sum()])


w_try = torch.tensor([0.5, -1.0, 2.0])
p_try, u_try = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 0.0, -2.0, 1.0])
explicit = torch.autograd.functional.jacobian(wavy, w_try)  # (4, 3)
value, J, JT = linearize(wavy, w_try)
torch.testing.assert_close(J(p_try), explicit @ p_try)
torch.testing.assert_close(JT(u_try), explicit.T @ u_try)
print("J p   ", J(p_try).numpy().round(3))
print("J^T u ", JT(u_try).numpy().round(3))

# %% [markdown]
# ## 4 Conjugate gradient
#
# We look for the solution $\Delta$ of $A \Delta = b$, with $A = J^\top J$ and $b = -J^\top r$, and we may use nothing
# but products $A p$. The solution is the lowest point of the parabola
#
# $$\varphi(\Delta) = \tfrac12\, \Delta^\top A\, \Delta - b^\top \Delta. \tag{4.6}$$
#
# Its negative gradient is $g = b - A \Delta$. This vector points downhill, and it is zero at the solution. *Conjugate
# gradient* (CG) starts at $\Delta = 0$ and repeats two decisions: how far to walk along the current direction $p$, and
# which direction comes next. Values after the step carry a plus.
#
# ### How far
#
# Along $p$ the parabola is lowest where its slope is zero. The slope at $\Delta + \alpha p$ is
# $-p^\top (g - \alpha A p)$, so
#
# $$\alpha = \frac{p^\top g}{p^\top A\, p}. \tag{4.7}$$
#
# The step changes the solution and the gradient. The new gradient needs no further product, because $A p$ is known:
#
# $$\Delta^+ = \Delta + \alpha p, \qquad g^+ = g - \alpha A p. \tag{4.8}$$
#
# After the step $p^\top g^+ = 0$: nothing more can be gained along $p$.
#
# ### Which direction comes next
#
# *Steepest descent* would walk along $g^+$. A walk along any new direction $p^+$ changes $p^\top g$, though, by a
# multiple of $p^\top A\, p^+$. Unless this product is zero, the new step spoils the old one, and the path zigzags. So
# we demand that the product is zero: the two directions shall be *conjugate*. We try the gradient plus a multiple of
# the old direction:
#
# $$p^+ = g^+ + \beta p, \qquad p^\top A\, p^+ = 0. \tag{4.9}$$
#
# The two conditions together determine the multiple:
#
# $$\beta = -\frac{p^\top A\, g^+}{p^\top A\, p}. \tag{4.10}$$
#
# ### Simpler forms of both
#
# Let $p^-$ be the direction before $p$, and $\beta^-$ the number that led to $p$, so that $p = g + \beta^- p^-$. The
# first direction is $p = g$. Three facts follow:
#
# 1. $p^\top g^+ = 0$, by the choice of $\alpha$.
# 2. ${p^-}^\top g^+ = {p^-}^\top g - \alpha\, {p^-}^\top A\, p = 0$. The first term is zero by fact 1, one step
#    earlier. The second is zero because the directions are conjugate.
# 3. $g^\top g^+ = (p - \beta^- p^-)^\top g^+ = 0$, by facts 1 and 2. In the same way
#    $p^\top g = (g + \beta^- p^-)^\top g = g^\top g$, by fact 1, one step earlier.
#
# The last equality simplifies $\alpha$. For $\beta$ we use that $\alpha A p = g - g^+$ (Equation 4.8). With fact 3,
# and because $A$ is symmetric, $\alpha\, p^\top A\, g^+ = (g - g^+)^\top g^+ = -{g^+}^\top g^+$, and
# $\alpha\, p^\top A\, p = g^\top g$. Therefore
#
# $$\alpha = \frac{g^\top g}{p^\top A\, p}, \qquad \beta = \frac{{g^+}^\top g^+}{g^\top g}. \tag{4.11}$$
#
# We demanded that $p^+$ is conjugate to the last direction only. It is conjugate to all earlier directions $p_i$ as
# well. By the argument of fact 2, $g^+$ is orthogonal to all of them, and hence to all earlier gradients $g_i$. Since
# $\alpha_i A p_i = g_i - g_{i+1}$, it follows that $p_i^\top A\, g^+ = 0$, and so $p_i^\top A\, p^+ = 0$. No step
# spoils an earlier one. With $n$ unknowns there are at most $n$ conjugate directions, so CG arrives after $n$
# iterations, up to rounding. It is useful because it is close long before.

# %% [markdown]
# ### Exercise 4.1 · Conjugate gradient
# *difficulty 1 of 3 · 15 minutes · 2 points*
#
# Write `cg(A, b, iterations)`. `A` is a function: it takes a vector `p (n,)` and returns the product $A p$, `(n,)`.
# The matrix is symmetric and positive definite, and `b (n,)` is a numpy array. Start at $\Delta = 0$ and return
# $\Delta$, `(n,)`, after that many iterations. Call `A` once in every iteration, because for a target model this call
# is nearly all of the cost. The check never asks for more iterations than it takes to arrive.
#
# <details><summary>Hint</summary>
#
# Keep four things from one iteration to the next: the solution so far, the vector $g$, the direction $p$, and the
# number $g^\top g$. Equation 4.8 says how $g$ changes, without a second product. You need the number twice, before and
# after the change.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "ex04-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def cg(A, b, iterations):
    """delta (n,), an approximate solution of A delta = b."""
    ### BEGIN SOLUTION
    delta, g = np.zeros_like(b), b.copy()
    p, rho = g, g @ g
    for _ in range(iterations):
        q = A(p)
        alpha = rho / (p @ q)
        delta, g = delta + alpha * p, g - alpha * q
        rho_before, rho = rho, g @ g
        p = g + rho / rho_before * p
    return delta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch04.check_cg(cg)


# %% tags=["hide-input"] jupyter={"source_hidden": true}
def library_cg(A, b, iterations):
    """The library's conjugate gradient, called as the exercise asks for it."""
    (delta,) = conjugate_gradient(
        lambda p: (torch.as_tensor(A(p[0].numpy())),),
        (torch.as_tensor(b),),
        iterations=iterations,
    )
    return delta.numpy()


# %%
cg = yours(cg, library_cg)

# %% [markdown]
# ### CG against steepest descent
#
# Figure 4.3 shows both methods on 8 unknowns, with a matrix whose eigenvalues lie between 1 and 100. The error is
# measured by $\sqrt{e^\top A e}$, where $e$ is the distance to the solution. It is divided by the error at the start.


# %%
def steepest_descent(A, b, iterations):
    """The same step lengths, but always along the gradient."""
    delta = np.zeros_like(b)
    for _ in range(iterations):
        g = b - A(delta)
        delta = delta + (g @ g) / (g @ A(g)) * g
    return delta


def errors(solver, matrix, b, iterations):
    """Relative error after 1, 2, ... iterations."""
    solution = np.linalg.solve(matrix, b)
    found = [solver(lambda p: matrix @ p, b, k) for k in range(1, iterations + 1)]
    squares = [(delta - solution) @ matrix @ (delta - solution) for delta in found]
    return np.sqrt(squares / (solution @ matrix @ solution))


rng = np.random.default_rng(settings["seed"])
n = 8
Q = np.linalg.qr(rng.standard_normal((n, n)))[0]  # orthogonal
hard, rhs = Q @ np.diag(np.geomspace(1, 100, n)) @ Q.T, rng.standard_normal(n)
by_cg, by_steepest = (errors(f, hard, rhs, n) for f in (cg, steepest_descent))
assert by_cg[-1] < 1e-6 and by_steepest[-1] > 0.01

# %% tags=["hide-input"] jupyter={"source_hidden": true}
figure, axes = new_figure(height=3.0)
axes[0, 0].semilogy(range(1, n + 1), by_cg, marker="o", label="conjugate gradient")
axes[0, 0].semilogy(range(1, n + 1), by_steepest, marker="s", label="steepest descent")
axes[0, 0].set(xlabel="iteration", ylabel="relative error")
axes[0, 0].legend()
show(
    figure,
    number="4.3",
    alt="Error against iteration, logarithmic. Conjugate gradient falls ever faster and "
    "drops to rounding with the eighth iteration; steepest descent falls by a "
    "small factor every time.",
    caption="Eight unknowns: CG arrives with its eighth iteration.",
)

# %% [markdown]
# With two unknowns the ways can be drawn. Figure 4.4 has both methods in a long valley. Move the sliders. The larger
# the *condition number*, the largest eigenvalue over the smallest, the narrower is the valley, and the more often
# steepest descent goes from one side of it to the other. CG arrives with its second step, whatever the number is.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
draw(
    two_ways(),
    number="4.4",
    caption="The way to the minimum with two unknowns, after as many steps as you choose.",
)

# %% [markdown]
# ### A diagnosis
#
# Three students have written `cg`, each with one mistake. One begins with $-b$ in place of $b$. One leaves $\beta$ out,
# so that each direction is the gradient. One never changes $g$ after a step. Table 4.2 shows the value of the parabola
# (Equation 4.6) for the 8 unknowns of Figure 4.3. It is 0 at the start and -1 at the solution. Who made which mistake?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
def cg_with(mistake, A, b, iterations):
    """Conjugate gradient, with one of three mistakes or none."""
    delta, g = np.zeros_like(b), -b if mistake == "sign of b" else b
    p = g
    for _ in range(iterations):
        q = A(p)
        alpha = g @ g / (p @ q)
        delta = delta + alpha * p
        before, g = g, g if mistake == "g stays" else g - alpha * q
        beta = 0 if mistake == "no beta" else g @ g / (before @ before)
        p = g + beta * p
    return delta


def value_of(delta):
    """The parabola, divided by its depth."""
    depth = 0.5 * rhs @ np.linalg.solve(hard, rhs)
    return (0.5 * delta @ hard @ delta - rhs @ delta) / depth


looked_at = (1, 2, 3, 4, 6, 8)
students = {"in order": None, "first": "no beta", "second": "g stays", "third": "sign of b"}
values = {
    name: [value_of(cg_with(mistake, lambda p: hard @ p, rhs, k)) for k in looked_at]
    for name, mistake in students.items()
}
assert np.isclose(values["in order"][-1], -1) and np.isclose(values["third"][-1], 3)
show_table(
    ["student", *(f"after {k}" for k in looked_at)],
    [(name, *(f"{value:.3f}" for value in row)) for name, row in values.items()],
    caption="The value of the parabola after some iterations, in units of its depth.",
    number="4.2",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The first leaves out $\beta$. The value falls in every iteration, but slowly: this is steepest descent. The second
# never changes $g$. The first step is right, and all others go on in the same direction, so the value rises again. The
# third has the wrong sign. It solves $A \Delta = -b$, and at $-\Delta$ the parabola is three times as high as it is
# deep.
#
# A solver that is only slow is easily taken for one in order. What gives it away is the eighth iteration, with which CG
# must have arrived.
#
# </details>

# %% [markdown]
# ### A prediction
#
# The next matrix has 60 unknowns, but only three different eigenvalues: 1, 10 and 100. How many iterations will CG
# need before only rounding is left? Write down a number before you run the cell.

# %%
Q60 = np.linalg.qr(rng.standard_normal((60, 60)))[0]
three = Q60 @ np.diag(np.repeat([1.0, 10.0, 100.0], 20)) @ Q60.T
few = errors(cg, three, rng.standard_normal(60), 5)
print("relative error:", "  ".join(f"{e:.0e}" for e in few))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Three. After $k$ iterations CG has the best $\Delta$ among all combinations of $b, A b, \ldots, A^{k-1} b$. A
# symmetric matrix with three different eigenvalues satisfies an equation of third degree,
# $(A - 1)(A - 10)(A - 100) = 0$. Solved for the inverse, it says that $A^{-1} b$ is a combination of $b$, $A b$ and
# $A^2 b$. What counts is therefore not the number of unknowns, but how many different eigenvalues there are.
# Eigenvalues that lie close together count almost as one.
#
# </details>

# %%
assert few[1] > 1e-3 and few[2] < 1e-6

# %% [markdown]
# ### Preconditioning
#
# If the eigenvalues decide, then we should bring them closer together before we begin. A *preconditioner* does this by
# a change of units. We choose a positive number $m_i$ for each unknown, and solve for $\sqrt{m_i}\, \Delta_i$ instead
# of $\Delta_i$. With the diagonal matrix $M$ of these numbers, the system becomes
#
# $$\left(M^{-1/2} A\, M^{-1/2}\right) \left(M^{1/2} \Delta\right) = M^{-1/2} b. \tag{4.12}$$
#
# If $M$ resembles $A$, then the matrix on the left resembles the identity, whose eigenvalues are all 1. CG itself
# remains as it is.


# %%
def scaled_cg(A, b, iterations, m):
    """CG in the unknowns sqrt(m) delta; m is (n,), or one number for all."""
    root = np.sqrt(m)
    return cg(lambda p: A(p / root) / root, b / root, iterations) / root


scale = np.geomspace(1, 10, n)
even = np.eye(n) + 0.1 * Q @ np.diag(np.linspace(0, 1, n)) @ Q.T
uneven = scale[:, None] * even * scale


def diagonal_cg(A, b, iterations):
    return scaled_cg(A, b, iterations, uneven.diagonal())


solvers = {"without M": cg, "M = diagonal of A": diagonal_cg}
found = {name: errors(solver, uneven, rhs, 6) for name, solver in solvers.items()}
assert found["M = diagonal of A"][3] < 1e-2 * found["without M"][3]
show_table(
    ["", *(f"after {k}" for k in range(1, 7))],
    [
        (name, *(f"{e:.0e}".replace("-", "−") for e in each))  # a hyphen breaks the line
        for name, each in found.items()
    ],
    caption="The relative error of CG after each iteration, with 8 unknowns.",
    number="4.3",
)

# %% [markdown]
# The diagonal of the matrix in Table 4.3 runs from 1 to 100, and that is its whole difficulty. Divided by the diagonal,
# it is easy.

# %% [markdown]
# ## 5 Both together, on the target model
#
# Now the two loops are put together. The outer loop makes Gauss-Newton steps, and the inner loop solves each step with
# a few CG iterations. The paper's schedule has five steps, with 5, 10, 10, 10 and 10 CG iterations. The preconditioner
# comes from the authors' code: it is $\lambda_1 = 10^{-4}$ for all of $w_1$ and $\lambda_2 = 10^{-2}$ for all of
# $w_2$.

# %%
schedule = (5, 10, 10, 10, 10)
m = np.concatenate([np.full(count, l_j) for count, l_j in zip(sizes, lambda_)])  # (n,)


def textbook_step(w, iterations):
    """The weights after one Gauss-Newton step. All are vectors, numpy (n,)."""
    value, J, JT = linearize(all_residuals, torch.tensor(w))

    def A(p):
        return JT(J(torch.tensor(p))).numpy()

    return w + scaled_cg(A, -JT(value).numpy(), iterations, m)


w_two = w_start
print(f"loss {loss_of(w_two):.0f} at the start")
for iterations in schedule[:2]:
    w_two = textbook_step(w_two, iterations)
    print(f"loss {loss_of(w_two):.0f} after a step of {iterations} CG iterations")
assert loss_of(w_two) < 0.5 * loss_of(w_start)

# %% [markdown]
# ### Equal to the library
#
# The library's solver keeps the weights as a tuple of tensors. It asks a *problem* for the product with $A$ and for
# $b$, and `AutogradProblem` makes a problem of any function that returns residuals. One step of the library leads to
# the same weights as ours, and so does a second one, though with fewer equal digits. The eigenvalues of $A$ spread over
# many powers of ten here, and CG then amplifies rounding from iteration to iteration.

# %% tags=["equals-library"]
textbook = AutogradProblem(
    lambda w: residuals(w, x, y, v, gamma, lambda_=lambda_), diagonal=lambda_
)
mine = {1: textbook_step(w_start, schedule[0]), 2: w_two}
for steps, w_mine in mine.items():
    found = gauss_newton(textbook, start, cg_iterations=schedule[:steps])
    apart = np.linalg.norm(flat(found).numpy() - w_mine) / np.linalg.norm(w_mine)
    print(f"steps: {steps}, weights that differ by {apart:.0e}, relative")
    assert apart < {1: 1e-5, 2: 0.05}[steps]
np.testing.assert_allclose(
    cg(lambda p: hard @ p, rhs, 5), library_cg(lambda p: hard @ p, rhs, 5), rtol=1e-8
)

# %% [markdown]
# ## 6 The short cut, first part: no pixels
#
# Every product above goes through images of full size. The scores are enlarged to the pixels by bilinear interpolation
# $U$, multiplied by the pixel weights $v$, and taken back to the cells by $U^\top$. The solver never needs the pixels
# in between. It only needs the three operations in a row, $U^\top V U$, where $V$ is the diagonal matrix of the pixel
# weights. This matrix has one row and one column for each *cell*, and most of its entries are zero. Here it is for a
# grid of $4 \times 6$ cells over $32 \times 48$ pixels.

# %%
small_grid, small_size = (4, 6), (32, 48)
y_small = torch.zeros(1, 1, *small_size, dtype=torch.double)
y_small[..., 8:20, 10:26] = 1
v_small = pixel_weights(y_small, kappa_min=0.5)
U_y = interpolation_matrix(small_size[0], small_grid[0], like=y_small)  # (32, 4)
U_x = interpolation_matrix(small_size[1], small_grid[1], like=y_small)  # (48, 6)
U = torch.kron(U_y, U_x)  # (32 * 48, 4 * 6)
dense = U.T @ (v_small.flatten()[:, None] * U)  # (24, 24)
print(f"{int((dense != 0).sum())} of {dense.numel()} entries are not 0")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
cell = 1 * 6 + 2  # row 1, column 2 of the grid
show(
    image_row(
        [
            v_small[0, 0].numpy(),
            (dense != 0).double().numpy(),
            dense[cell].reshape(small_grid).numpy(),
        ],
        ["pixel weights v", "UᵀVU is not 0 at", "one row, as a grid"],
    ),
    number="4.5",
    alt="First: weights, higher in a rectangle. Second: a 24 by 24 matrix that is "
    "zero but for bands along its diagonal. Third: one row of it laid out on the "
    "grid: the cell itself is brightest, its eight neighbours are darker, and the "
    "rest is zero.",
    caption="Yellow is high. Each cell is coupled with itself and its eight neighbours.",
)

# %% [markdown]
# The reason is simple. The entry for two cells is a sum over those pixels that both cells reach:
#
# $$(U^\top V U)_{ij,\, i'j'} = \sum_{a, b} v_{ab}\, (U_y)_{ai} (U_y)_{ai'}\, (U_x)_{bj} (U_x)_{bj'}. \tag{4.13}$$
#
# Here $(i, j)$ and $(i', j')$ are cells, and $(a, b)$ runs over all pixels. A pixel is interpolated from $2 \times 2$
# cells at most. Two cells therefore share a pixel only if they are neighbours.
#
# Nine numbers for each cell remain, a *9-point stencil*. Four of them are enough: the coupling of the cell with
# itself, with its east, its south and its south-east neighbour. The couplings in the opposite directions are the same
# numbers, because the matrix is symmetric. The coupling across the other diagonal, between the south and the east
# neighbour, also equals the one with the south-east neighbour, because exchanging $j$ and $j'$ does not change
# Equation 4.13. The library computes these four maps directly, without the dense matrix, and they are the same
# numbers. (Exercise 4.4 does it on one axis.)

# %% tags=["equals-library"]
cells = dense.reshape(*small_grid, *small_grid)  # (4, 6, 4, 6): cell and cell
a_small, _ = normal_stencil(y_small, v_small, grid=small_grid)  # (1, 2, 2, 4, 6)
for i, j in np.ndindex(3, 5):
    torch.testing.assert_close(a_small[0, :, :, i, j], cells[i, j, i : i + 2, j : j + 2])
    torch.testing.assert_close(a_small[0, 1, 1, i, j], cells[i + 1, j, i, j + 1])
s_try = torch.arange(24, dtype=torch.double).reshape(1, *small_grid)
torch.testing.assert_close(apply_stencil(a_small, s_try).flatten(), dense @ s_try.flatten())

a, b_cells = normal_stencil(y, v, grid=tuple(grid))  # (K, 2, 2, *grid), (K, *grid)
print("the stencil equals the dense matrix")
print(f"{a.numel() + b_cells.numel()} numbers stand for {y.numel()} pixels")

# %% [markdown]
# The right-hand side needs $U^\top V y$, which is one more number for each cell. All of this is computed once for each
# labelled frame. After that, neither labels nor pixel weights are needed, and nothing is approximated.

# %% [markdown]
# ## 7 The short cut, second part: one filter
#
# We still have to get from the weights to the scores and back. Exercise 3.1 showed that the two layers together are a
# single $3 \times 3$ convolution, with a filter $f$ of $9 \times C$ numbers. Write $w_2$ as a matrix $(9, c)$, with
# one row for each place of the kernel, and $w_1$ as a matrix $(c, C)$. Then the filter is their product, and a small
# change of the weights changes it by the product rule:
#
# $$f = w_2\, w_1, \qquad \mathrm{d}f = w_2\, \mathrm{d}w_1 + \mathrm{d}w_2\, w_1. \tag{4.14}$$
#
# The scores are linear in $f$. Let $X$ be the matrix that takes a filter to the scores of all cells. In terms of the
# filter, the data term's matrix is $\mathcal H = X^\top (U^\top V U)\, X$, where each sample counts with its weight
# $\gamma_k$. It stays the same during the whole optimisation.

# %%
patches = F.unfold(x, 3, padding=1)  # (K, C * 9, cells): every cell's neighbourhood
X = patches.transpose(1, 2).flatten(0, 1).numpy()  # (K * cells, C * 9)


def times_H(f):
    """H f for a filter f, numpy (9, C) -> (9, C)."""
    s = torch.from_numpy(X @ f.T.ravel()).reshape(K, *grid)  # convolve
    u = gamma[:, None, None] * apply_stencil(a, s)  # weigh, on the grid
    return (u.numpy().ravel() @ X).reshape(C, 9).T  # correlate back


def as_matrices(vector):
    """w1 (c, C) and w2 (9, c) of a vector of all weights, numpy."""
    w1, w2 = as_weights(vector)
    return w1[:, :, 0, 0].numpy(), w2[0].flatten(1).T.numpy()  # (1, c, 3, 3) -> (9, c)


def from_matrices(w1, w2):
    """The way back: (c, C) and (9, c) -> (n,)."""
    return np.concatenate([np.ravel(w1), np.ravel(w2.T)])


np.testing.assert_array_equal(from_matrices(*as_matrices(w_two)), w_two)

# %% [markdown]
# ### Exercise 4.2 · The product with $J^\top J$
# *difficulty 3 of 3 · 30 minutes · 3 points*
#
# Write `joint_product(H, w1, w2, p1, p2, lambda_)`. The pair `p1 (c, C)`, `p2 (9, c)` is a direction in the space of
# the weights, and `w1 (c, C)`, `w2 (9, c)` are the weights. All are numpy arrays. `H` is a function that takes a
# filter `(9, C)` to $\mathcal H f$, `(9, C)`. The residuals of the regulariser are `lambda_[0] * w1` and
# `lambda_[1] * w2`. Return the two parts of $J^\top J p$, shaped like `w1` and `w2`.
#
# <details><summary>Hint: the way forth</summary>
#
# $J$ takes a direction first to a change of the filter, and $\mathcal H$ contains all that follows, forth and back. So
# begin with the change of the filter that belongs to the direction. It is linear in the direction.
#
# </details>
#
# <details><summary>Hint: the way back</summary>
#
# A transposed map moves to the other side of an inner product. For each of the two terms of the product rule, ask
# which matrix has the same inner product with $\mathrm{d}w_1$, or with $\mathrm{d}w_2$, as your filter has with that
# term. For matrices, $\langle A, B D \rangle = \langle B^\top A, D \rangle = \langle A D^\top, B \rangle$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "ex04-4", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def joint_product(H, w1, w2, p1, p2, lambda_):
    """J^T J p: a pair (c, C), (9, c)."""
    ### BEGIN SOLUTION
    g = H(w2 @ p1 + p2 @ w1)
    return w2.T @ g + lambda_[0] ** 2 * p1, g @ w1.T + lambda_[1] ** 2 * p2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04-4-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch04.check_joint_product(joint_product)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
def library_product(H, w1, w2, p1, p2, lambda_):
    """The library's product, for this chapter's samples, whose H it has."""
    as_tensors = [as_weights(from_matrices(*pair)) for pair in ((w1, w2), (p1, p2))]
    operator, _ = problem.linearize(as_tensors[0])
    return as_matrices(flat(operator(as_tensors[1])))


problem = JointProblem(FilterQuadratic(x, a, b_cells, gamma), lambda_)

# %%
joint_product = yours(joint_product, library_product)

# %% [markdown]
# ### Equal to the library, and to the double backward pass
#
# The same product in three ways: through all pixels by automatic differentiation (section 3), on the grid by
# `joint_product`, and by the library.


# %% tags=["equals-library"]
def times_JTJ(p, w):
    """J^T J p at the weights w, all numpy (n,)."""
    return from_matrices(*joint_product(times_H, *as_matrices(w), *as_matrices(p), lambda_))


p_try = rng.standard_normal(len(w_two))
_, J, JT = linearize(all_residuals, torch.tensor(w_two))
through_pixels = JT(J(torch.tensor(p_try))).numpy()
on_the_grid = times_JTJ(p_try, w_two)
operator, _ = problem.linearize(as_weights(w_two))
by_library = flat(operator(as_weights(p_try))).numpy()
for other in (through_pixels, by_library):
    assert np.linalg.norm(on_the_grid - other) < 1e-8 * np.linalg.norm(other)
apart = np.linalg.norm(on_the_grid - through_pixels) / np.linalg.norm(through_pixels)
print(f"J^T J p with {y.numel()} pixels and without: {apart:.0e} apart, relative")

# %% [markdown]
# ### What it saves
#
# Here is one Gauss-Newton step with five CG iterations, in the library's two forms, on this machine and now. The ratio
# depends less on the machine than the times do.


# %%
def seconds(problem):
    """The shortest of three runs."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        gauss_newton(problem, start, cg_iterations=(5,))
        times.append(time.perf_counter() - begin)
    return min(times)


slow_time, fast_time = seconds(textbook), seconds(problem)
print(f"double backward     {1e3 * slow_time:6.0f} ms")
ratio = slow_time / fast_time
print(f"stencil and filter  {1e3 * fast_time:6.0f} ms: {ratio:.0f} times less")
assert 0 < fast_time < slow_time

# %% [markdown]
# A tracker also *updates* its model during the video. It then leaves $w_1$ as it is and learns $w_2$ only. The scores
# are linear in $w_2$, so the residuals are linear, and a single Gauss-Newton step is all there is. `UpdateProblem` of
# the library does this with the same stencils.

# %% [markdown]
# ## 8 The race
#
# Now all is ready to compare. Gauss-Newton runs on `cg` and `joint_product` from above. Its rivals are gradient
# descent and gradient descent with momentum. We count *passes*: a pass goes through all samples forth and back once. A
# gradient costs one pass, and so does a product with $J^\top J$. A Gauss-Newton step with ten CG iterations therefore
# costs eleven passes, because $b$ is a gradient. The whole schedule costs 50.


# %%
def downhill(w):
    """-J^T r, minus half the gradient of the loss, numpy (n,). One pass, on the grid."""
    _, b = problem.linearize(as_weights(w))
    return flat(b).numpy()


def newton_step(w, b, iterations, m):
    """The step at w: Equation 4.4 by so many CG iterations. m is the preconditioner."""
    return scaled_cg(lambda p: times_JTJ(p, w), b, iterations, m)


def run_gauss_newton(m):
    """Final weights, and the loss by the number of passes."""
    w, passes, losses = w_start, 0, {}
    for count in schedule:
        b, passes = downhill(w), passes + 1  # b costs a pass as well
        for k in (k for k in (1, 2, 5, 10) if k <= count):
            losses[passes + k] = loss_of(w + newton_step(w, b, k, m))
        w, passes = w + newton_step(w, b, count, m), passes + count
    return w, losses


w_learned, newton_losses = run_gauss_newton(m)
print(f"loss {loss_of(w_start):.0f} at the start")
print("passes", "".join(f"{n:>7}" for n in (6, 17, 28, 39, 50)))
print("loss  ", "".join(f"{newton_losses[n]:7.0f}" for n in (6, 17, 28, 39, 50)))

# %% [markdown]
# The rivals need a step size, and momentum needs a second number that says how much of the last step is kept. We try
# six step sizes with each momentum, and let the rivals go on for 400 passes.

# %%
counted = [1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 250, 300, 350, 400]


def descend(rate, momentum):
    """Losses after as many passes as `counted` says; infinite once it has blown up."""
    w, velocity, losses = w_start, np.zeros_like(w_start), []
    for passes in range(1, counted[-1] + 1):
        velocity = momentum * velocity + 2 * rate * downhill(w)
        w = w + velocity
        if passes in counted:
            losses.append(loss_of(w))
            if not losses[-1] < 3 * loss_of(w_start):
                losses[-1:] = [np.inf] * (len(counted) - len(losses) + 1)
                break
    return losses


rates = 2.0 ** np.arange(-22, -16)
descents = {(rate, beta): descend(rate, beta) for beta in (0, 0.9, 0.97) for rate in rates}


def lowest(some):
    """The lowest loss that any of some descents has reached by each number of passes."""
    return np.minimum.accumulate(np.min(list(some), axis=0))


rivals = {
    "gradient descent": lowest(d for (_, beta), d in descents.items() if beta == 0),
    "with momentum": lowest(d for (_, beta), d in descents.items() if beta > 0),
}

# %% [markdown]
# Figure 4.6 gives the rivals the benefit of hindsight: at every number of passes it shows the lowest loss that any of
# their settings has reached by then.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
figure, axes = new_figure(height=3.4)
axes[0, 0].plot(
    list(newton_losses), list(newton_losses.values()), marker="o", label="Gauss-Newton with CG"
)
for (name, losses), marker in zip(rivals.items(), "s^"):
    axes[0, 0].plot(counted, losses, marker=marker, markersize=4, label=name)
axes[0, 0].set(xlabel="passes", ylabel="loss", xscale="log")
axes[0, 0].set_xticks([1, 10, 50, 400], ["1", "10", "50", "400"])
axes[0, 0].legend()
show(
    figure,
    number="4.6",
    alt="Loss against passes, these logarithmic. Gauss-Newton falls first and fastest and "
    "ends after 50 passes. Momentum reaches that loss only after several times as many "
    "passes, plain gradient descent not within 400.",
    caption="Of each rival, the best of all its settings. Gauss-Newton has no step size to choose.",
)
end = newton_losses[50]
at_50 = counted.index(50)
for name, losses in rivals.items():
    reached = [n for n, loss in zip(counted, losses) if loss <= end]
    when = f"reaches {end:.0f} by pass {reached[0]}" if reached else f"not at {end:.0f} after 400"
    print(f"{name:<17} {losses[at_50]:6.0f} after 50 passes, {when}")
blown = sum(np.isinf(losses[-1]) for losses in descents.values())
print(f"{blown} of {len(descents)} settings of the rivals blew up")
assert end < 0.8 * min(losses[at_50] for losses in rivals.values())

# %% [markdown]
# Three things can be read off. From the third pass to its last, Gauss-Newton is ahead. Momentum overtakes it in the
# end, but only after several times as many passes. And the rivals had to be tuned, while Gauss-Newton has no step
# size: it computes its steps from the problem.

# %% [markdown]
# ### The same race on real video
#
# The run `frtm_optimizers` repeated the race on the first frames of the 30 training sequences of DAVIS 2016, with the
# features of a ResNet-18. Its rivals are gradient descent with momentum 0.9 and Adam, each with the learning rate that
# was best after 50 passes. The right half of Figure 4.7 is what a tracker wants in the end: the quality $\mathcal J$
# in the frames that follow, which no method has seen.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
record = read_record("frtm_optimizers_small")
measured = record.metrics
names = {"gauss_newton": "Gauss-Newton with CG", "sgd": "momentum 0.9", "adam": "Adam"}
figure, axes = new_figure(1, 2, height=3.2)
for (key, name), marker in zip(names.items(), "os^"):
    for panel, what in zip(axes.flat, ("loss", "J")):
        values = np.array(measured[key][what], float)  # None becomes NaN: not measured there
        panel.plot(measured["evaluations"], values, marker=marker, label=name)
axes[0, 0].set(xlabel="passes", ylabel="loss", xscale="log", yscale="log")
axes[0, 0].set_yticks([0.1, 0.2, 0.4], ["0.1", "0.2", "0.4"])
axes[0, 0].set_yticks([], minor=True)
axes[0, 1].set(xlabel="passes", ylabel="J of later frames", xscale="log")
for panel in axes.flat:
    panel.set_xticks([10, 50, 200], ["10", "50", "200"])
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
show(
    figure,
    number="4.7",
    alt="Left: loss against passes on real video. Gauss-Newton is lowest throughout. Right: "
    "J in later frames. Gauss-Newton is at its best after 17 to 28 passes and then "
    "falls slowly; the two others come up to it with 50 and more.",
    caption="Mean of the 30 training sequences of DAVIS 2016 at 448 x 256, ResNet-18. A loss of 1 is "
    "that of scores of zero. Record frtm_optimizers_small, two cores of an Intel Xeon.",
)
best = measured["evaluations"][int(np.argmax(measured["gauss_newton"]["J"]))]
print(f"Gauss-Newton's best J in later frames: after {best} passes")

# %% [markdown]
# The loss of Gauss-Newton falls to the end, but its $\mathcal J$ does not rise any more after some thirty passes. What
# it learns about the first frame after that does not hold in later frames. To stop early is a part of the method. A
# solver for a tracker has to be fast at the beginning, and it need not arrive.

# %% [markdown]
# ### An open challenge
#
# The paper's schedule spends its 50 passes on five steps. Must it? Here are the same passes in two steps.

# %%
w_two_steps = w_start
for _ in range(2):
    w_two_steps = w_two_steps + newton_step(w_two_steps, downhill(w_two_steps), 24, m)
print(f"two steps of 24 iterations: loss {loss_of(w_two_steps):.0f} after 50 passes")
assert loss_of(w_two_steps) < 1.1 * end

# %% [markdown]
# This is the number to beat. Take any method you like, with at most 50 passes, counted as above, from `w_start`, and
# judge it by `loss_of`. Schedules, preconditioners, restarts and quite other methods are allowed. When you have a
# lower loss, look at $\mathcal J$ in later frames too: is your solution also the better tracker?

# %% [markdown]
# ## 9 On the video
#
# Here are the weights that your functions have learned, on a frame from the first third of the video.

# %%
t = len(sequence.frames) // 3
frame, truth = np.array(sequence.frames[t]), sequence.labels(t) == target
scores = upsample(target_scores(features(frame[None]), as_weights(w_learned)), size)[0, 0]
found = scores.numpy() > 0.5
print(f"J = {jaccard(found, truth):.2f} in frame {t}")
assert jaccard(found, truth) > 0.4

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row(
        [
            scores.numpy().clip(-0.2, 1),
            compare(frame, found.astype(np.uint8), truth.astype(np.uint8)),
        ],
        [f"scores of frame {t}", f"J = {jaccard(found, truth):.2f}"],
    ),
    number="4.8",
    alt="Scores of a later frame, high on the object, and the frame with the mask "
    "that they give: mostly found, with errors along the outline.",
    caption="Scores: yellow is high. Mask: white found, blue missed, orange found in error.",
)

# %% [markdown]
# ### Equal to the library
#
# The library's solver, with its own product on the grid and the paper's schedule, arrives at nearly the same loss and
# the same mask. The losses agree to a few percent only, because CG amplifies what the two products round differently,
# and because both solvers stop far from the minimum.

# %% tags=["equals-library"]
library_weights = gauss_newton(problem, start, cg_iterations=schedule)
library_loss = float(target_loss(library_weights, x, y, v, gamma, lambda_=lambda_))
np.testing.assert_allclose(loss_of(w_learned), library_loss, rtol=5e-2)
library_scores = upsample(target_scores(features(frame[None]), library_weights), size)
assert jaccard(found, library_scores[0, 0].numpy() > 0.5) > 0.95
print(f"loss {loss_of(w_learned):.2f}, the library's {library_loss:.2f}")

# %% [markdown]
# ## More exercises
#
# ### Exercise 4.3 · A Gauss-Newton step with a curve to fit
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# The function $a\, e^{-d / \ell}$ decays with the distance $d$. Its height $a$ and its length $\ell$ are to be fitted
# to values $y$, with weights $v$ that multiply the squared residuals. Write `fit_step(a, length, d, y, v)`, which
# returns the pair $(a, \ell)$ after one Gauss-Newton step, without regularisation. The last three arguments are numpy
# arrays of one size.
#
# <details><summary>Hint</summary>
#
# A weight multiplies the *squared* residual. What does it multiply in the residual itself, and in its row of $J$?
#
# </details>


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
# ### Exercise 4.4 · A stencil in one dimension
# *difficulty 2 of 3 · 20 minutes · 2 points*
#
# On a single axis, $U^\top V U$ has a diagonal and one further diagonal on each side of it. Write `tridiagonal(U, v)`
# for numpy arrays `U (n_out, n_in)` and `v (n_out,)`. It returns a function that takes `s (n_in,)` to $U^\top V U s$.
#
# Conjugate gradient calls this function many times. All that needs the pixels must therefore be done before: the
# function knows the diagonal and the one next to it, and neither `U` nor `v`. The check puts other numbers into both
# arrays before it calls the function once more. What the function has returned must stay as it is. No matrix
# `(n_in, n_in)` is to be made; the check counts bytes.
#
# <details><summary>Hint</summary>
#
# Write down Equation 4.13 for one axis, once for $i' = i$ and once for $i' = i + 1$. Each is a sum over pixels, for
# all cells at once. A cell receives from both of its neighbours.
#
# </details>


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
# ## Appendix: which preconditioner
#
# Table 4.4 shows the schedule once more, with three diagonals: the $(\lambda_1, \lambda_2)$ of the authors' code, none,
# and the two numbers exchanged.

# %%
other = zip(sizes, lambda_[::-1])
exchanged = np.concatenate([np.full(count, l_j) for count, l_j in other])
runs = {
    "(λ1, λ2)": newton_losses,
    "none": run_gauss_newton(1.0)[1],
    "(λ2, λ1)": run_gauss_newton(exchanged)[1],
}
show_table(
    ["diagonal for w1 and w2", "after 6 passes", "after 50 passes"],
    [(name, f"{losses[6]:.0f}", f"{losses[50]:.0f}") for name, losses in runs.items()],
    caption="The loss of Gauss-Newton with three preconditioners.",
    number="4.4",
)
assert all(losses[50] < losses[6] < loss_of(w_start) for losses in runs.values())

# %% [markdown]
# The first and the last diagonal favour opposite layers, and yet both end below no preconditioner at all. It helps to
# treat the layers differently, and it matters less which of them is favoured.

# %% [markdown]
# ## Appendix: the library's β, and a missing line search
#
# The library computes $\beta = {g^+}^\top (g^+ - g) / g^\top g$, after Polak and Ribière, and replaces a negative
# $\beta$ by 0. In exact arithmetic $g^\top g^+ = 0$, and this is Equation 4.11. With rounding, or with a product that
# is only approximate, the new term makes up for a part of the error. Where it makes $\beta$ negative, the method
# starts again from the gradient.
#
# CG lowers the *parabola*. The true loss differs from it once $w_1$ and $w_2$ both move far, because they multiply
# each other. A line search would make sure that the true loss falls as well. Neither the authors' code nor the library
# has one, because the loss falls without it, as section 8 shows.

# %% [markdown]
# ## Measured and claimed
#
# The paper says that its strategy converges much faster than gradient descent, and it shows no measurement. On our
# synthetic problem (Figure 4.6) and on real video (Figure 4.7) the claim holds for the first 50 passes, against
# momentum and Adam too. The paper's figures for speed (21.9 and 41.3 frames a second on a V100) are those of the whole
# tracker. They stand in the page *Claims* of the site.
#
# What are the solver's details worth? The run `frtm_solver` takes them away one at a time, and tracks with $D$ alone
# and without updates, on 35 sequences of DAVIS 2016 with three seeds. Without the preconditioner, $\mathcal J$ falls by
# .3 points (.0 to .6, an interval of 95 % over sequences and seeds). Without the last run of conjugate gradient on
# $w_2$, it falls by .1 (.0 to .3). The other common formula for $\beta$, Fletcher and Reeves', gives the same to less
# than .1 points. So the details are worth little, and so is a choice in the loss: where the given frame counts once and
# not twice (chapter 03), $\mathcal J$ falls by .4 (.2 to .6).

# %% [markdown]
# ## How this differs from the paper
#
# - The short cut of sections 6 and 7 is ours. It changes no result beyond rounding. The paper's authors differentiate
#   through the full-resolution residuals.
# - The formula for $\beta$, its limit at 0, the diagonal preconditioner, and the start from zero in every step are
#   those of the authors' code. The paper says only that conjugate gradient is used.
# - After these steps the authors' code projects the features and learns $w_2$ once more by itself, with 10 iterations.
#   The paper does not mention this. `TargetModel` does it too.

# %% [markdown]
# ## Summary
#
# - A sum of squares has a tangent parabola, whose lowest point solves $J^\top J \Delta = -J^\top r$.
# - The products $J p$ and $J^\top u$ come from automatic differentiation, and $J$ is never built.
# - Conjugate gradient follows from one condition: no step may spoil an earlier one.
# - Bilinear interpolation makes the data term's matrix a 9-point stencil, and two linear layers are one filter. The
#   solver then works on the grid of scores, exactly.
# - In the few passes that a tracker can afford, Gauss-Newton is ahead of gradient descent with or without momentum.

# %% [markdown]
# ## Where this went
#
# Trackers of bounding boxes had the idea first: ATOM learned its two layers by Gauss-Newton and conjugate gradient,
# and FRTM took the solver over for masks.
#
# The next step was to make the solver a *layer of a network*. DiMP keeps the sum of squares and the Gauss-Newton
# matrix, but replaces the inner loop by steepest descent with the exact step length of Equation 4.7. A few such steps
# are differentiable, so the features, the weights of the residuals and the start can be trained offline to make these
# very steps succeed. LWL brought this back to segmentation: its few-shot learner solves a least-squares problem in the
# same way, and a network learns which labels the learner should be given.
#
# Later trackers dropped the solver. ToMP has a transformer predict the weights of the target model from the samples,
# in one forward pass. What stayed is the question that this chapter answers by calculation: which weights separate
# these samples from their background?

# %% [markdown]
# ## References
#
# - A. Robinson, F. Järemo Lawin, M. Danelljan, F. S. Khan, M. Felsberg: *Learning Fast and Robust Target Models for
#   Video Object Segmentation*. CVPR 2020. Section 3.1, Eq. 3.
# - M. Danelljan, G. Bhat, F. S. Khan, M. Felsberg: *ATOM: Accurate Tracking by Overlap Maximization*. CVPR 2019. The
#   optimisation strategy.
# - M. R. Hestenes, E. Stiefel: *Methods of Conjugate Gradients for Solving Linear Systems*. Journal of Research of the
#   National Bureau of Standards 49, 1952.
# - J. Nocedal, S. J. Wright: *Numerical Optimization*. Springer, 2006. Chapter 5 derives conjugate gradient, chapter
#   10 Gauss-Newton.
# - G. Bhat, M. Danelljan, L. Van Gool, R. Timofte: *Learning Discriminative Model Prediction for Tracking*. ICCV 2019.
#   DiMP: the solver as a layer.
# - G. Bhat, F. Järemo Lawin, M. Danelljan, A. Robinson, M. Felsberg, L. Van Gool, R. Timofte: *Learning What to Learn
#   for Video Object Segmentation*. ECCV 2020. LWL, by some of FRTM's authors.
# - C. Mayer, M. Danelljan, G. Bhat, M. Paul, D. P. Paudel, F. Yu, L. Van Gool: *Transforming Model Prediction for
#   Tracking*. CVPR 2022. ToMP: a transformer in the solver's place.
