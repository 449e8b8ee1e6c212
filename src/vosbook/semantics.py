"""Semantic selection and propagation (Maninis et al., TPAMI 2018, section 4.2), and the prior they end in (4.3).

On the first frame the proposals that make up the given object are found: how many there are, and of which categories.
In every later frame as many of the same categories are looked for, where a first-round estimate sees the object.

Masks are `bool (H, W)`, proposals' masks `bool (N, H, W)`. The paper says "greedy" and "overlap", and gives no number:
thresholds, and the Gaussian's sigma, are ours.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from vosbook.metrics.region import jaccard
from vosbook.proposals import Proposals


@dataclass(frozen=True)
class SemanticsConfig:
    """Thresholds, all ours."""

    least_score: float = 0.5  # of a proposal; the paper's "pool of most confident masks"
    least_inside: float = 0.5  # selection: share of a proposal that lies in the given mask
    least_gain: float = 0.02  # selection: what a further instance must add to J of all of them together
    least_overlap: float = 0.1  # propagation: share of a proposal that the first-round estimate covers
    sigma: float = 1 / 60  # of the Gaussian, as a share of the frame's height: 8 pixels of 480


def select(proposals: Proposals, y: np.ndarray, config: SemanticsConfig = SemanticsConfig()) -> list[int]:
    """Semantic selection: the proposals that make up the given mask `y`, in the order in which they were taken.

    Greedy: at each turn the proposal is taken with which J of the union and `y` is highest, as long as J rises by
    `least_gain`. Empty where nothing matches.
    """
    pool = [
        n
        for n in _confident(proposals, config)
        if (proposals.masks[n] & y).sum() >= max(1, config.least_inside * proposals.masks[n].sum())
    ]
    chosen: list[int] = []
    union, best = np.zeros_like(y), 0.0
    while pool:
        scores = [jaccard(union | proposals.masks[n], y) for n in pool]
        if max(scores) < best + config.least_gain:
            break
        best = max(scores)
        n = pool.pop(int(np.argmax(scores)))
        chosen.append(n)
        union |= proposals.masks[n]
    return chosen


def propagate(
    proposals: Proposals,
    wanted: Iterable[str],
    estimate: np.ndarray,
    config: SemanticsConfig = SemanticsConfig(),
) -> list[int]:
    """Semantic propagation: the proposals that match the first-round `estimate`, as many of each category as wanted.

    `wanted` holds a category as often as selection found it. Greedy: at each turn the proposal is taken with the
    highest J against the estimate, whatever was taken before counting as neither. One of which less than
    `least_overlap` is covered by what is left of the estimate is left out, and so may be fewer than wanted, or none.
    """
    left, rest, pool = Counter(wanted), estimate.copy(), _confident(proposals, config)
    chosen: list[int] = []
    while pool := [n for n in pool if n not in chosen and left[proposals.categories[n]]]:
        shared = {n: (proposals.masks[n] & rest).sum() for n in pool}
        pool = [n for n in pool if shared[n] >= max(1, config.least_overlap * proposals.masks[n].sum())]
        if not pool:
            break
        n = max(pool, key=lambda n: shared[n] / (proposals.masks[n] | rest).sum())
        chosen.append(n)
        left[proposals.categories[n]] -= 1
        rest &= ~proposals.masks[n]
    return chosen


def union_of(proposals: Proposals, chosen: Iterable[int]) -> np.ndarray:
    """The chosen proposals' masks as one, `bool (H, W)`; empty where none is chosen."""
    return np.logical_or.reduce(proposals.masks[list(chosen)], axis=0)


def semantic_prior(mask: np.ndarray, sigma: float) -> np.ndarray:
    """w = p(k=1|I): a mask `bool (H, W)` smoothed by a Gaussian -> float32 `(H, W)` in 0..1.

    `sigma` is a share of H; 0 leaves the mask as it is. Beyond the frame's border the mask goes on as it is there.
    """
    smooth = gaussian_filter(mask.astype(np.float32), sigma * mask.shape[0], mode="nearest") if sigma else mask
    return np.clip(smooth, 0, 1, dtype=np.float32)


def _confident(proposals: Proposals, config: SemanticsConfig) -> list[int]:
    return np.flatnonzero(proposals.scores >= config.least_score).tolist()
