"""The update of w2 with a full memory: the exact fast form against double backward, in one run.

80 samples of 96 projected channels on a 30 x 54 grid, labels of 480 x 854 pixels, 10 CG iterations. Prints times,
their ratio, the relative difference of the two steps, and the peak memory that each form adds (features and labels
included), each measured in a process of its own. All on one core: where others use the machine too, threads that wait
for one another would measure the others.

    python tests/benchmarks/update_w2.py
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from vosbook.target_model.gauss_newton import AutogradProblem, Problem, gauss_newton
from vosbook.target_model.loss import pixel_weights, residuals
from vosbook.target_model.memory import SampleMemory
from vosbook.target_model.model import initial_weights
from vosbook.target_model.stencil import UpdateProblem, normal_stencil

K, C, GRID, SIZE, LAMBDA, CG = 80, 96, (30, 54), (480, 854), (1e-2,), 10


def label(k: int) -> Tensor:
    """A rectangle that wanders and grows with k, `(1, 1, H, W)`."""
    y = torch.zeros(1, 1, *SIZE)
    y[..., 60 + k : 200 + 3 * k, 100 + 4 * k : 300 + 5 * k] = 1
    return y


def features(k: int) -> Tensor:
    """Projected features of sample k, `(1, c, h, w)`."""
    return torch.randn(1, C, *GRID, generator=torch.Generator().manual_seed(k))


def gamma(samples: int) -> Tensor:
    """What the memory's rule gives: the newest 0.1, and every earlier one 0.9 of the next."""
    weights = 0.1 * 0.9 ** torch.arange(samples - 1, -1, -1, dtype=torch.float32)
    weights[0] *= 10
    return weights


def fast_problem(samples: int) -> Problem:
    """From the library's memory, filled one label at a time, as in a video."""
    memory = SampleMemory(k_max=samples)
    memory.fill(features(0), *normal_stencil(label(0), pixel_weights(label(0)), grid=GRID), torch.ones(1))
    for k in range(1, samples):
        memory.insert(features(k), label(k))
    return UpdateProblem(memory.quadratic(), LAMBDA)


def textbook_problem(samples: int) -> Problem:
    """The same on autograd, with every label and pixel weight at hand."""
    z, y = (torch.cat([part(k) for k in range(samples)]) for part in (features, label))
    v, g = torch.cat([pixel_weights(y_k[None]) for y_k in y]), gamma(samples)
    return AutogradProblem(lambda w: residuals(w, z, y, v, g, lambda_=LAMBDA), LAMBDA)


def step(problem: Problem, w: tuple[Tensor, ...]) -> Tensor:
    """The change that one update makes to w2."""
    return gauss_newton(problem, w, cg_iterations=(CG,))[0] - w[0]


def seconds(run: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


PROBLEMS = {"fast": fast_problem, "textbook": textbook_problem}


def added_memory(form: str) -> float:
    """Peak memory in MB that a full memory adds, in this form, to a process that has handled two samples."""
    command = [sys.executable, __file__, "--peak", form]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def peak() -> float:
    """This process's peak memory so far, in MB (Linux; getrusage would begin at the parent's peak)."""
    (line,) = (s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def print_peak(form: str) -> None:
    """Warm up on two samples, so that all code has run, then measure what a full memory adds."""
    w = initial_weights(256, C, seed=0)[1:]
    step(PROBLEMS[form](2), w)
    before = peak()
    step(PROBLEMS[form](K), w)
    print(peak() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peak", choices=PROBLEMS, help="print the peak memory of one form, and stop")
    chosen = parser.parse_args().peak
    torch.set_num_threads(1)
    if chosen:
        return print_peak(chosen)
    w = initial_weights(256, C, seed=0)[1:]
    fast, textbook = fast_problem(K), textbook_problem(K)
    difference = (step(fast, w) - step(textbook, w)).norm() / step(fast, w).norm()
    times = {"fast": [], "textbook": []}
    for _ in range(2):  # in turn, so that other load on the machine meets both
        times["fast"] += [seconds(lambda: step(fast, w)) for _ in range(5)]
        times["textbook"].append(seconds(lambda: step(textbook, w)))
    memory = {form: added_memory(form) for form in PROBLEMS}
    for form in PROBLEMS:
        print(f"{form:<10}{1e3 * min(times[form]):8.1f} ms{memory[form]:8.1f} MB")
    print(f"ratio     {min(times['textbook']) / min(times['fast']):8.1f} x   required 10, aim 50")
    print(f"steps differ by {difference:.1e} relative, required 1e-5; memory required under 60 MB")


if __name__ == "__main__":
    main()
