"""First-frame learning of w1 and w2: the exact fast form against double backward, in one run.

5 samples of 256 channels on a 30 x 54 grid (ResNet-18 at 480 x 854), the paper's schedule of 45 CG iterations. Prints
times, their ratio, and how far the scores that each learns in float32 are from those learned in float64.
On one core, like the benchmark of the update.

    python tests/benchmarks/first_frame.py
"""

import time

import torch
from torch import Tensor

from vosbook.target_model.gauss_newton import AutogradProblem, gauss_newton
from vosbook.target_model.loss import Weights, pixel_weights, residuals, target_scores
from vosbook.target_model.model import TargetModelConfig, first_frame_weights, initial_weights
from vosbook.target_model.stencil import FilterQuadratic, JointProblem, normal_stencil

K, C, GRID, SIZE, CONFIG = 5, 256, (30, 54), (480, 854), TargetModelConfig()


def samples() -> tuple[Tensor, Tensor]:
    """Smooth random features, a little brighter inside a moving rectangle, which is the label."""
    y = torch.zeros(K, 1, *SIZE)
    for k in range(K):
        y[k, :, 80 + 20 * k : 250 + 20 * k, 200 + 40 * k : 500 + 40 * k] = 1
    inside = torch.nn.functional.interpolate(y, size=GRID, mode="area")
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(K, C, *GRID, generator=generator)
    return (noise + inside * torch.randn(1, C, 1, 1, generator=generator)).relu(), y


def learn_fast(x: Tensor, y: Tensor, w: Weights) -> Weights:
    a, b = normal_stencil(y, pixel_weights(y), grid=GRID)
    problem = JointProblem(FilterQuadratic(x, a, b, first_frame_weights(K).to(y)), CONFIG.lambda_)
    return gauss_newton(problem, w, cg_iterations=CONFIG.cg_first)


def learn_textbook(x: Tensor, y: Tensor, w: Weights) -> Weights:
    v, gamma = pixel_weights(y), first_frame_weights(K).to(y)
    problem = AutogradProblem(lambda w: residuals(w, x, y, v, gamma, lambda_=CONFIG.lambda_), CONFIG.lambda_)
    return gauss_newton(problem, w, cg_iterations=CONFIG.cg_first)


def main() -> None:
    torch.set_num_threads(1)
    (x, y), w = samples(), initial_weights(C, CONFIG.c, seed=0)
    times = {learn_fast: [], learn_textbook: []}
    for _ in range(3):  # in turn, so that other load on the machine meets both
        for learn in times:
            start = time.perf_counter()
            learn(x, y, w)
            times[learn].append(time.perf_counter() - start)
    exact = target_scores(x.double(), learn_fast(x.double(), y.double(), tuple(w_j.double() for w_j in w)))
    for learn in times:
        error = (target_scores(x, learn(x, y, w)) - exact).norm() / exact.norm()
        print(f"{learn.__name__:<16}{1e3 * min(times[learn]):9.1f} ms   scores off by {error:.1e} of float64's")
    print(f"ratio           {min(times[learn_textbook]) / min(times[learn_fast]):9.1f} x   required 2")


if __name__ == "__main__":
    main()
