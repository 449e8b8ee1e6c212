"""The two memories: 80 samples against the sum of all samples' normal equations, in one run.

Samples of 96 projected channels on a 30 x 54 grid, labels of 480 x 854 pixels. Prints what an insert and an update
cost, what a frame costs with one insert each and an update every 8th, and the bytes held. On one core, like the
benchmark of the update.

    python tests/benchmarks/memory.py
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from vosbook.target_model.gauss_newton import gauss_newton
from vosbook.target_model.gram import GramMemory
from vosbook.target_model.loss import pixel_weights
from vosbook.target_model.memory import SampleMemory
from vosbook.target_model.model import initial_weights
from vosbook.target_model.stencil import UpdateProblem, normal_stencil

K, C, GRID, SIZE, LAMBDA, T_S = 80, 96, (30, 54), (480, 854), (1e-2,), 8


def label(k: int) -> Tensor:
    """A rectangle that wanders and grows with k, `(1, 1, H, W)`."""
    y = torch.zeros(1, 1, *SIZE)
    y[..., 60 + k : 200 + 3 * k, 100 + 4 * k : 300 + 5 * k] = 1
    return y


def features(k: int) -> Tensor:
    """Projected features of sample k, `(1, c, h, w)`."""
    return torch.randn(1, C, *GRID, generator=torch.Generator().manual_seed(k))


def full(memory: SampleMemory | GramMemory) -> SampleMemory | GramMemory:
    """The memory with 80 samples."""
    memory.fill(features(0), *normal_stencil(label(0), pixel_weights(label(0)), grid=GRID), torch.ones(1))
    for k in range(1, K):
        memory.insert(features(k), label(k))
    return memory


def step(memory: SampleMemory | GramMemory, w: tuple[Tensor, ...], iterations: int) -> Tensor:
    """The change that one update makes to w2."""
    return gauss_newton(UpdateProblem(memory.quadratic(), LAMBDA), w, cg_iterations=(iterations,))[0] - w[0]


def seconds(run: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - start


def held(memory: SampleMemory | GramMemory) -> int:
    """Bytes of the tensors that the memory holds, each storage counted once."""
    tensors = []
    for value in vars(memory).values():
        tensors += [value] if isinstance(value, Tensor) else list(getattr(value, "__dict__", {}).values())
    return sum({t.data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def main() -> None:
    torch.set_num_threads(1)
    w, z, y = initial_weights(256, C, seed=0)[1:], features(K), label(K)
    memories = {"samples": full(SampleMemory(k_max=K)), "gram": full(GramMemory())}
    difference = (step(memories["gram"], w, 10) - step(memories["samples"], w, 10)).norm()
    difference /= step(memories["samples"], w, 10).norm()
    times = {name: {"insert": [], 5: [], 10: []} for name in memories}
    for _ in range(10):  # in turn, so that other load on the machine meets both
        for name, memory in memories.items():
            for iterations in (5, 10):
                times[name][iterations].append(seconds(step, memory, w, iterations))
            times[name]["insert"].append(seconds(memory.insert, z, y))
    best = {name: {key: 1e3 * min(values) for key, values in found.items()} for name, found in times.items()}
    for name, ms in best.items():
        print(
            f"{name:<8} insert {ms['insert']:6.1f} ms, update {ms[5]:6.1f} ms (5 CG), {ms[10]:6.1f} ms (10 CG),", end=""
        )
        print(f" a frame {ms['insert'] + ms[5] / T_S:5.1f} and {ms['insert'] + ms[10] / T_S:5.1f} ms,", end="")
        print(f" {held(memories[name]) / 1e6:5.1f} MB")
    for iterations in (5, 10):
        ratio = best["samples"][iterations] / best["gram"][iterations]
        print(f"update at {K} samples, {iterations} CG: gram {ratio:.0f} x as fast")
    print(f"updates of the two differ by {difference:.1e} relative")


if __name__ == "__main__":
    main()
