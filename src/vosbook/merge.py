"""Several objects, one label map: the probabilities of the objects are merged, and the largest of them wins.

There are two rules of soft aggregation. Both let the odds p / (1 - p) of the objects and of the background compete.
`soft_aggregate` is that of FRTM's released code, whose paper cites RGMP for it: a softmax of the odds, and a
background that is the least of the objects' 1 - p. `normalised_odds` divides the odds by their sum, as RGMP (Oh et al.,
CVPR 2018) and STM (Oh et al., ICCV 2019) do, and its background is STM's, the product of all 1 - p; RGMP's network
predicts the background itself.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

CLAMP = 1e-7  # keeps the odds finite


def soft_aggregate(p: Tensor) -> Tensor:
    """Merge the objects' probabilities `p (N, H, W)`, float in 0..1 -> `(N + 1, H, W)`, background first, sum one.

    The background's probability is the least of the objects' 1 - p; the odds p / (1 - p) of all then compete in a
    softmax. One object therefore wins exactly where p > 0.5.
    """
    _check(p)
    p = p.clamp(CLAMP, 1 - CLAMP)
    background = (1 - p).amin(dim=0, keepdim=True)  # (1, H, W)
    everything = torch.cat([background, p])  # (N + 1, H, W)
    return torch.softmax(everything / (1 - everything), dim=0)


def normalised_odds(p: Tensor) -> Tensor:
    """The other rule, of RGMP and STM: `p (N, H, W)`, float in 0..1 -> `(N + 1, H, W)`, background first, sum one.

    The background's probability is the product of the objects' 1 - p; then all odds p / (1 - p) are divided by their
    sum. Of one object this makes p^2 / (p^2 + (1 - p)^2).
    """
    _check(p)
    p = p.clamp(CLAMP, 1 - CLAMP)
    background = (1 - p).prod(dim=0, keepdim=True).clamp(CLAMP, 1 - CLAMP)  # (1, H, W)
    everything = torch.cat([background, p])  # (N + 1, H, W)
    odds = everything / (1 - everything)
    return odds / odds.sum(dim=0)


def without_rivals(merged: Tensor) -> Tensor:
    """Merged probabilities `(N + 1, H, W)` -> `(N, H, W)`: each object's own, zero where another object wins.

    Where the background wins the probability stays, however small. This is our rule for what an object's target model
    remembers of a frame; the released code of FRTM has `where_it_wins`.
    """
    best = _best(merged)
    return torch.where((best == _numbers(merged)) | (best == 0), merged[1:], 0.0)


def where_it_wins(merged: Tensor) -> Tensor:
    """Merged probabilities `(N + 1, H, W)` -> `(N, H, W)`: each object's own where it wins, and zero elsewhere.

    The released code's rule for what an object's target model remembers of a frame: it clears a label where another
    object wins, and where the background wins too.
    """
    return torch.where(_best(merged) == _numbers(merged), merged[1:], 0.0)


def _numbers(merged: Tensor) -> Tensor:
    """1 to N, `(N, 1, 1)`: the places of the objects in `merged (N + 1, H, W)`."""
    return torch.arange(1, len(merged), device=merged.device)[:, None, None]


def to_labels(merged: Tensor, ids: Sequence[int]) -> Tensor:
    """Merged probabilities `(N + 1, H, W)` -> labels `uint8 (H, W)`: the id of the largest, 0 for the background."""
    if len(merged) != len(ids) + 1:
        raise ValueError(f"{len(ids)} ids need {len(ids) + 1} probability maps, got {len(merged)}")
    table = torch.tensor([0, *ids], dtype=torch.uint8, device=merged.device)
    return table[_best(merged)]


def _check(p: Tensor) -> None:
    if p.ndim != 3 or not p.is_floating_point():
        raise ValueError(f"p must be float (N, H, W), got {p.dtype} {tuple(p.shape)}")


def _best(merged: Tensor) -> Tensor:
    """Index of the largest along the first axis, `(H, W)`; a tie goes to the background, which comes first."""
    return merged.max(dim=0).indices  # argmax gives the same, and takes 40 times as long on a CPU
