# %% [markdown]
# # Gauss-Newton and conjugate gradient against plain gradients
#
# Section 3.1 of the paper says that Gauss-Newton with conjugate gradient converges significantly faster than gradient
# descent, and shows no measurement. Here is one: D's loss on the first frame, and J of D-only on the frames that
# follow, against the number of evaluations and against time.
#
# An evaluation is one gradient, or one product with the Gauss-Newton matrix inside conjugate gradient: in the exact
# fast form they cost the same pass over the samples, and all methods use that form. Gradient descent with momentum 0.9
# and Adam get several learning rates; their gradient is that of the loss per pixel. Training sequences only, at 448 x
# 256, because the best learning rate is picked here.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import time
from dataclasses import asdict

import numpy as np
import torch

from vosbook.datasets.catalog import data_folder, load_sequence
from vosbook.features import load_backbone
from vosbook.methods.frtm import FULL
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.gauss_newton import gauss_newton
from vosbook.target_model.loss import pixel_weights, target_loss, target_scores, upsample
from vosbook.target_model.model import first_frame_weights, initial_weights
from vosbook.target_model.stencil import FilterQuadratic, JointProblem, normal_stencil

# %%
settings = load_profile(profile).of("frtm_optimizers")
specs = settings["data"]
if split := settings["split"]:
    listed = data_folder() / "DAVIS2016" / "ImageSets" / f"{split}.txt"
    specs = [f"davis2016/{name}" for name in listed.read_text().split()]
sequences = {spec: load_sequence(spec, resolution=settings["resolution"]) for spec in specs}
backbone = load_backbone(settings["backbone"], levels=[FULL.level])
assert backbone.name == settings["backbone"], f"no weights of {settings['backbone']}"
D = FULL.target_model


def features(images):
    """uint8 (K, H, W, 3) -> (K, C, h, w)."""
    return backbone(torch.tensor(images).permute(0, 3, 1, 2) / 255)[FULL.level]  # (K, H, W, 3) -> (K, 3, H, W)


# %% [markdown]
# The optimisers. Each yields, again and again, the parameters and how many evaluations it has made. Gauss-Newton takes
# the paper's schedule (5, then four times 10 iterations of conjugate gradient) and goes on beyond it with 10.


# %%
def by_gauss_newton(problem, w, pixels):
    evaluations = 0
    while True:
        iterations = D.cg_first[0] if evaluations == 0 else D.cg_first[1]
        w = gauss_newton(problem, w, cg_iterations=(iterations,))
        evaluations += iterations + 1  # the right-hand side is a gradient
        yield w, evaluations


def by_gradients(make):
    def optimize(problem, w, pixels):
        w = tuple(torch.nn.Parameter(w_j.clone()) for w_j in w)  # the start is every method's
        optimizer, evaluations = make(w), 0
        while True:
            for w_j, b_j in zip(w, problem.linearize(tuple(w_j.detach() for w_j in w))[1]):
                w_j.grad = -2 / pixels * b_j  # b is minus half the gradient of the sum
            optimizer.step()
            evaluations += 1
            yield tuple(w_j.detach() for w_j in w), evaluations

    return optimize


methods = {"gauss_newton": by_gauss_newton}
for lr in settings["sgd_rates"]:
    methods[f"sgd {lr:g}"] = by_gradients(lambda w, lr=lr: torch.optim.SGD(w, lr=lr, momentum=0.9))
for lr in settings["adam_rates"]:
    methods[f"adam {lr:g}"] = by_gradients(lambda w, lr=lr: torch.optim.Adam(w, lr=lr))

# %% [markdown]
# One sequence: the loss and J where a method has made as many evaluations as the paper's schedule has after each
# Gauss-Newton step, and later. The loss is divided by that of scores that are zero everywhere, so that sequences can be
# averaged. Following frames do not depend on each other here, and every fourth is enough. The clock runs only while the
# method works.

# %%
marks = np.cumsum([n + 1 for n in D.cg_first]).tolist()  # 6, 17, 28, 39, 50
marks += [mark for mark in settings["later"] if mark > marks[-1]]


@torch.no_grad()
def run_sequence(sequence) -> dict[str, np.ndarray]:
    """`(marks, 3)` for every method: relative loss, J, seconds."""
    target = sequence.objects[0].id
    images, masks = augment_first_frame(
        sequence.frames[0], sequence.labels(0) == target, samples=FULL.augmentations, seed=settings["seed"]
    )
    x, y, gamma = features(images), torch.tensor(masks)[:, None].float(), first_frame_weights(len(images))
    v = pixel_weights(y, kappa_min=D.kappa_min)
    a, b = normal_stencil(y, v, grid=x.shape[-2:])
    problem = JointProblem(FilterQuadratic(x, a, b, gamma), D.lambda_)
    start = initial_weights(x.shape[1], D.c, seed=settings["seed"])
    zero = (gamma[:, None, None, None] * v * y**2).sum()
    later = range(1, len(sequence.frames) - 1, 4)
    x_later = torch.cat([features(sequence.frames[t][None]) for t in later])
    truth = [sequence.labels(t) == target for t in later]

    def measure(w) -> tuple[float, float]:
        s = upsample(target_scores(x_later, w), truth[0].shape)[:, 0]  # (T, H, W)
        j = np.mean([jaccard((s_t > 0.5).numpy(), true) for s_t, true in zip(s, truth)])
        return float(target_loss(w, x, y, v, gamma, lambda_=D.lambda_) / zero), j

    found = {}
    for name, optimize in methods.items():
        steps, seconds, rows = optimize(problem, start, y[0].numel()), 0.0, []
        while len(rows) < len(marks):
            begin = time.perf_counter()
            w, evaluations = next(steps)
            seconds += time.perf_counter() - begin
            if evaluations >= marks[len(rows)]:
                rows.append((*measure(w), seconds))
        found[name] = np.array(rows)
    return found


# %% [markdown]
# Over sequences: medians of the loss and of the time, the mean of J. A loss that overflowed counts as the worst, and is
# written down as none. Of each kind, the learning rate with the least loss at the end of the paper's schedule is its
# best; `best_by_J` may be another.


# %%
def summary(rows) -> dict:
    """From `(sequences, marks, 3)`."""
    loss = np.median(np.nan_to_num(rows[..., 0], nan=np.inf), axis=0)
    j, seconds = rows[..., 1].mean(axis=0), np.median(rows[..., 2], axis=0)
    curve = {"loss": [value if np.isfinite(value) else None for value in loss.tolist()], "J": j, "seconds": seconds}
    paper = len(D.cg_first) - 1  # the mark at which the paper stops
    return curve | {"loss_at_50": curve["loss"][paper], "J_at_50": j[paper], "seconds_at_50": seconds[paper]}


def best(kind, metrics, key, sign) -> str:
    names = [name for name in metrics if name.startswith(kind) and metrics[name]["loss_at_50"] is not None]
    assert names, f"with every learning rate of {kind} the loss overflowed: list smaller ones"
    return min(names, key=lambda name: sign * metrics[name][key])


data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"target_model": asdict(D), "augmentations": FULL.augmentations, "backbone": backbone.source}
config |= {"sgd_rates": settings["sgd_rates"], "adam_rates": settings["adam_rates"], "momentum": 0.9}
config |= {"threads": torch.get_num_threads()}
with record_run(f"frtm_optimizers_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {spec: run_sequence(sequence) for spec, sequence in sequences.items()}
    methods_found = {name: summary(np.array([found[spec][name] for spec in specs])) for name in methods}
    run["metrics"] |= {"evaluations": marks, "methods": methods_found}
    for kind in ("sgd", "adam"):
        chosen = best(kind, methods_found, "loss_at_50", 1)
        run["metrics"][kind] = methods_found[chosen] | {
            "best": chosen,
            "best_by_J": best(kind, methods_found, "J_at_50", -1),
        }
    run["metrics"]["gauss_newton"] = methods_found["gauss_newton"]

# %%
print("evaluations".ljust(16), *(f"{mark:>7}" for mark in marks))
for name, found in run["metrics"]["methods"].items():
    print(f"{name:<16}", *("   none" if value is None else f"{value:7.4f}" for value in found["loss"]), "  loss")
    print(f"{'':<16}", *(f"{value:7.3f}" for value in found["J"]), "  J")
    print(f"{'':<16}", *(f"{value:7.3f}" for value in found["seconds"]), "  s")
