"""The read of a space-time memory (STM, Oh et al., ICCV 2019): past frames are asked, cell by cell.

A memory holds T frames. Each of their T h w cells has a key, which says what the cell looks like, and a value, which
says what was there, the object's mask included. A cell of the frame at hand compares its own key with all those keys,
and reads the mean of the values, weighted by how well their keys fit.
"""

import math

import torch
from torch import Tensor

SIMILARITIES = ("dot", "distance")


def similarity(memory_key: Tensor, query_key: Tensor, *, kind: str = "dot") -> Tensor:
    """Keys `(B, C, T, h, w)` and `(B, C, h, w)` -> how well they fit, `(B, T h w, h w)`.

    "dot" is STM's product, "distance" the negative squared distance of STCN (Cheng et al., NeurIPS 2021), less the
    term of the query, which is the same for all cells of the memory. Both over root C, as the authors' code has them.
    ValueError: another kind.
    """
    if kind not in SIMILARITIES:
        raise ValueError(f"similarity must be one of {', '.join(SIMILARITIES)}, got {kind!r}")
    k_m = memory_key.flatten(2)  # (B, C, T h w)
    k_q = query_key.flatten(2)  # (B, C, h w)
    fits = k_m.transpose(1, 2) @ k_q  # (B, T h w, h w)
    if kind == "distance":
        fits = 2 * fits - k_m.square().sum(dim=1)[..., None]  # -|k_m - k_q|^2 + |k_q|^2
    return fits / math.sqrt(k_m.shape[1])


def affinity(fits: Tensor, *, top: int | None = None) -> Tensor:
    """`similarity`'s `(B, T h w, h w)` -> weights of the same shape that sum to one over the cells of the memory.

    `top`: only that many cells, the best of each query, have any weight (as in STCN's code); None: all.
    """
    if top is not None and top < fits.shape[1]:
        best = fits.topk(top, dim=1)
        fits = torch.full_like(fits, -torch.inf).scatter(1, best.indices, best.values)
    return fits.softmax(dim=1)


def read(weights: Tensor, memory_value: Tensor) -> Tensor:
    """Weights `(B or 1, T h w, h w)` and values `(B, C, T, h, w)` -> what each cell reads, `(B, C, h, w)`."""
    found = memory_value.flatten(2) @ weights  # (B, C, h w)
    return found.unflatten(2, memory_value.shape[-2:])
