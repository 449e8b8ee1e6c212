# %% [markdown]
# # What the details of FRTM's solver are worth
#
# The paper names Gauss-Newton and conjugate gradient, and leaves the rest to the code: which beta, which
# preconditioner, a last run of conjugate gradient on w2 alone. That the given frame counts twice is in its supplement.
# Here a target model is learned on the first frame with all of these, and without each. It is scored on every fourth
# frame and never updated. No network is trained for that, so every real sequence at hand can be used (35, at 480p; it
# needs `VOSBOOK_DATA`). What is scored of a sequence stays in `build/runs`, and a run that was stopped goes on.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict
from functools import partial

import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.features import load_backbone
from vosbook.methods.frtm import FAST
from vosbook.metrics.region import jaccard
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.gauss_newton import add, divide, gauss_newton, inner
from vosbook.target_model.loss import pixel_weights, target_scores, upsample
from vosbook.target_model.model import first_frame_weights, initial_weights
from vosbook.target_model.stencil import FilterQuadratic, JointProblem, UpdateProblem, normal_stencil

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("frtm_solver")
backbone = load_backbone(settings["backbone"], levels=[FAST.level])
assert backbone.name == settings["backbone"], "a record must not depend on whether weights can be had"
parts = book_folder().parent / "build" / "runs" / f"frtm_solver_{profile}"
model = FAST.target_model


def features(images):
    """uint8 (K, H, W, 3) -> (K, C, h, w)."""
    return backbone(torch.tensor(images).permute(0, 3, 1, 2) / 255)[FAST.level]  # (K, H, W, 3) -> (K, 3, H, W)


# %% [markdown]
# Conjugate gradient with the other beta, Fletcher and Reeves'. It is the same where the operator is linear and nothing
# is rounded.


# %%
def with_fletcher_reeves(problem, w, *, cg_iterations):
    """As `gauss_newton`, but for beta."""
    for iterations in cg_iterations:
        a, r = problem.linearize(w)
        step = tuple(torch.zeros_like(r_j) for r_j in r)
        p = z = problem.precondition(r)
        for _ in range(iterations):
            q, rho = a(p), inner(r, z)
            alpha = divide(rho, inner(p, q))
            step, r = add(step, p, times=alpha), add(r, q, times=-alpha)
            z = problem.precondition(r)
            p = add(z, p, times=divide(inner(r, z), rho))
        w = add(w, step)
    return w


class Plain:
    """A problem without its preconditioner."""

    def __init__(self, problem):
        self.linearize = problem.linearize

    def precondition(self, g):
        return g


ways = {  # what is other than in the library
    "library": {},
    "no_last_run": {"last": False},
    "fletcher_reeves": {"solve": with_fletcher_reeves},
    "no_preconditioner": {"problem": Plain},
    "given_frame_once": {"gamma": lambda samples: torch.full((samples,), 1 / samples)},
}


@torch.no_grad()
def learn(x, y, seed, *, solve=gauss_newton, problem=lambda one: one, gamma=first_frame_weights, last=True):
    """(w1, w2) of samples x (K, C, h, w) with labels y (K, 1, H, W), as `TargetModel.learn_first_frame` learns them."""
    a, b = normal_stencil(y, pixel_weights(y, kappa_min=model.kappa_min), grid=x.shape[-2:])
    joint = JointProblem(FilterQuadratic(x, a, b, gamma(len(x))), model.lambda_)
    w = solve(problem(joint), initial_weights(x.shape[1], model.c, seed=seed), cg_iterations=model.cg_first)
    if not last:
        return w
    projected = FilterQuadratic(torch.nn.functional.conv2d(x, w[0]), a, b, gamma(len(x)))
    return w[0], *solve(problem(UpdateProblem(projected, model.lambda_[1:])), w[1:], cg_iterations=(model.cg_update,))


def score(sequence) -> dict[str, list[float]]:
    """J of every way, mean over every fourth frame: a number for each seed."""
    frames, truth = list(sequence.frames), np.stack([sequence.labels(t) > 0 for t in range(len(sequence.frames))])
    later = range(1, len(frames) - 1, 4)
    x_later = torch.cat([features(frames[t][None]) for t in later])
    found = {name: [] for name in ways}
    for seed in range(settings["seeds"]):
        images, masks = augment_first_frame(frames[0], truth[0], samples=FAST.augmentations, seed=seed)
        x, y = features(images), torch.tensor(masks)[:, None].float()
        for name, other in ways.items():
            s = upsample(target_scores(x_later, learn(x, y, seed, **other)), truth.shape[1:])[:, 0]  # (T / 4, H, W)
            js = [jaccard((one > 0.5).numpy(), truth[t]) for one, t in zip(s, later)]
            found[name].append(float(np.mean(js)))
    return found


# %%
config = {"method": asdict(FAST), "backbone": backbone.source, "seeds": settings["seeds"], "ways": list(ways)}
synthetic = SyntheticConfig(**settings["synthetic"])
sequences = {spec: load_sequence(spec, config=synthetic) for spec in settings["data"]}
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
with record_run(f"frtm_solver_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, sequence))
        print(f"{spec:<32}" + "  ".join(f"{name} {np.mean(j):.3f}" for name, j in found[spec].items()), flush=True)
    for name in ways:
        by_seed = np.mean([found[spec][name] for spec in sequences], axis=0)
        run["metrics"][name] = {
            "J": by_seed.mean(),
            "J_of_seeds": by_seed.tolist(),
            "sequences": {spec: {"J": found[spec][name]} for spec in sequences},
        }
