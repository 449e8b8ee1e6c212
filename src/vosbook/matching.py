"""Soft IoU, and which slot of a network answers for which object (RVOS, Ventura et al., CVPR 2019, section 3.2).

p are probabilities in 0..1, one map a slot; y are true masks, 0 or 1, one map an object. A batch is padded to the same
number of objects; `valid` tells the real ones. The formulas are those of the authors' code.
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

EPSILON = 1e-6  # keeps the quotient of two empty masks defined


def soft_iou(p: Tensor, y: Tensor) -> Tensor:
    """Sum of p y over sum of p + y - p y, for each map: `(..., H, W)` and `(..., H, W)` -> `(...)`, in 0..1.

    It equals the IoU where p is 0 or 1. Where y is empty it is 0 whatever p is, and its gradient is 0 too: an object
    that is out of view teaches nothing. So it is where both are empty. Half precision is summed in float32.
    """
    p, y = _float(p), _float(y)
    both = (p * y).sum((-2, -1))
    return both / (p.sum((-2, -1)) + y.sum((-2, -1)) - both + EPSILON)


def pairwise_soft_iou(p: Tensor, y: Tensor) -> Tensor:
    """Soft IoU of every slot with every object: `(B, N, H, W)` and `(B, M, H, W)` -> `(B, N, M)`."""
    p, y = _float(p).flatten(2), _float(y).flatten(2)  # (B, N, HW), (B, M, HW)
    with torch.autocast(p.device.type, enabled=False):
        both = p @ y.to(p).transpose(1, 2)  # (B, N, M)
    return both / (p.sum(2)[:, :, None] + y.sum(2)[:, None] - both + EPSILON)


def assign(S: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The slot of every object, by the Hungarian algorithm: soft IoUs `(N, M)`, valid bool `(M,)` -> int64 `(M,)`.

    The valid objects' slots have the greatest sum of soft IoUs that different slots can have. Others have -1, and
    their columns may hold anything.
    """
    slots = np.full(len(valid), -1)
    slots[valid] = linear_sum_assignment(S[:, valid].T, maximize=True)[1]
    return slots


@torch.no_grad()
def match(p: Tensor, y: Tensor, valid: Tensor) -> Tensor:
    """The slot of every object in a batch: p `(B, N, H, W)`, y `(B, M, H, W)`, valid bool `(B, M)` -> int64 `(B, M)`.

    Valid objects have theirs by `assign`; objects that are not valid share the slots left over, so that no slot comes
    twice. (The authors' code gives padding a constant cost, and real objects the same one at slots beyond their number:
    there n objects share the first n slots, here they may take any.) ValueError where M exceeds N.
    """
    slots, objects = p.shape[1], y.shape[1]
    if objects > slots:
        raise ValueError(f"{objects} objects cannot be matched with {slots} slots: give the network more slots")
    rows = []
    for S, real in zip(pairwise_soft_iou(p, y).cpu().numpy(), valid.cpu().numpy()):
        row = assign(S, real)
        row[~real] = np.setdiff1d(np.arange(slots), row)[: (~real).sum()]
        rows.append(torch.from_numpy(row))
    return torch.stack(rows).to(p.device)


def take_slots(p: Tensor, slots: Tensor) -> Tensor:
    """Each object's map out of its slot: `(B, N, ...)` and slots int64 `(B, M)` -> `(B, M, ...)`."""
    return p[torch.arange(len(p), device=p.device)[:, None], slots]


def soft_iou_loss(p: Tensor, y: Tensor, valid: Tensor) -> Tensor:
    """RVOS's loss of a batch of clips, a scalar: 1 - soft IoU, summed over frames, averaged over valid objects.

    p and y `(B, T, N, H, W)` with objects in the same order, valid bool `(B, N)`. Without a valid object it is 0, with
    a gradient of zeros.
    """
    per_object = (1 - soft_iou(p, y)).sum(1)  # (B, T, N) -> (B, N)
    return (per_object * valid).sum() / valid.sum().clamp(min=1)


def matched_loss(p: Tensor, y: Tensor, valid: Tensor) -> Tensor:
    """The zero-shot loss of a batch of clips, a scalar: `soft_iou_loss` of slots that are matched once.

    p `(B, T, N, H, W)`, slots in any order, y `(B, T, M, H, W)`, valid bool `(B, M)`. Slots are matched with objects on
    the first frame of each clip and keep them to its end. ValueError where M exceeds N.
    """
    slots = match(p[:, 0], y[:, 0], valid)  # (B, M)
    of_objects = take_slots(p.transpose(1, 2), slots).transpose(1, 2)  # (B, T, M, H, W)
    return soft_iou_loss(of_objects, y, valid)


def _float(x: Tensor) -> Tensor:
    """At least float32: sums over an image are beyond half precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
