"""Contour snapping of one frame at 480 x 854 with the package's network: seconds, and where they go.

Beside it, in the same run, scikit-image's region adjacency graph and its hierarchical merging, a general library's
answer to the same question, on the same finest regions.

    python tests/benchmarks/snapping.py
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from skimage import graph
from skimage.segmentation import watershed

from vosbook.contours.detector import find_contours, load_contours
from vosbook.contours.hierarchy import build_hierarchy
from vosbook.contours.snapping import SnapConfig, majority, recover, snap
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence

SIZE, ROUNDS = (480, 854), 5


def seconds(work: Callable[[], object]) -> float:
    """The median of several rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def scikit_image(contours: np.ndarray, level: float) -> np.ndarray:
    """Superpixels at a level: the mean of the map along two regions' border is the weight of their edge."""
    rag = graph.rag_boundary(watershed(contours), contours, connectivity=1)

    def merge(rag: graph.RAG, here: int, there: int) -> None: ...

    def weight(rag: graph.RAG, here: int, there: int, neighbour: int) -> dict[str, float]:
        parts = [rag[one][neighbour] for one in (here, there) if rag.has_edge(one, neighbour)]
        count = sum(part["count"] for part in parts)
        return {"weight": sum(part["count"] * part["weight"] for part in parts) / count, "count": count}

    regions = watershed(contours)
    return graph.merge_hierarchical(regions, rag, level, rag_copy=False, in_place_merge=True, merge_func=merge,
                                    weight_func=weight)  # fmt: skip


def main() -> None:
    sequence = make_sequence(3, SyntheticConfig(size=SIZE, frames=1, objects=(3, 3)))
    frame, masks = sequence.frames[0], sequence.labels(0) == np.arange(1, 4)[:, None, None]  # (3, H, W)
    network, config = load_contours(), SnapConfig(matched=0.9)
    contours = find_contours(network, frame)
    hierarchy = build_hierarchy(contours)
    superpixels = hierarchy.superpixels(config.level)
    parts = {
        "network": lambda: find_contours(network, frame),
        "hierarchy": lambda: build_hierarchy(contours),
        "superpixels": lambda: hierarchy.superpixels(config.level),
        "majority, one object": lambda: majority(masks[0], superpixels),
        "recovery, one object": lambda: recover(masks[0], masks[0], contours, config),
    }
    regions = hierarchy.regions.max() + 1
    print(f"{torch.get_num_threads()} threads; {regions} regions, {superpixels.max() + 1} superpixels")
    for name, work in parts.items():
        print(f"  {name:<24}{1e3 * seconds(work):8.1f} ms")
    for count in (1, 3):
        whole = seconds(lambda count=count: snap(masks[:count], find_contours(network, frame), config))
        print(f"a frame, {count} object(s)     {1e3 * whole:8.1f} ms   required under 500")
    ours = seconds(lambda: build_hierarchy(contours).superpixels(config.level))
    start = time.perf_counter()
    scikit_image(contours, config.level)
    theirs = time.perf_counter() - start
    print(f"superpixels: {1e3 * ours:.0f} ms, scikit-image's merging {1e3 * theirs:.0f} ms, ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
