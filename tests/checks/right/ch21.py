"""Right answers to the exercises of chapter 21 in other styles than the solution's: no check may refuse them."""

import math

import numpy as np
import torch

# ------------------------------------------------------------------------------------------------ Exercise 21.1


def by_einsum(k_m, k_q):
    """Names the axes."""
    fits = torch.einsum("ctij,cuv->tijuv", k_m, k_q) / math.sqrt(k_m.shape[0])
    return torch.softmax(fits.reshape(k_m[0].numel(), k_q[0].numel()), 0)


def largest_subtracted(k_m, k_q):
    """The softmax by hand, safe from overflow."""
    C = k_m.size(0)
    fits = k_m.reshape(C, -1).t().matmul(k_q.reshape(C, -1)).div(C**0.5)
    e = (fits - fits.max(dim=0, keepdim=True).values).exp()
    return e / e.sum(dim=0, keepdim=True)


# ------------------------------------------------------------------------------------------------ Exercise 21.2


def object_by_object(weights, v_m):
    """A loop over the objects."""
    h, w = v_m.shape[3:]
    return torch.stack([(v.reshape(len(v), -1) @ weights).reshape(len(v), h, w) for v in v_m])


def frame_by_frame_summed(weights, v_m):
    """What each frame contributes, summed."""
    N, C, T, h, w = v_m.shape
    parts = weights.reshape(T, h * w, h * w)
    return sum(v_m[:, :, t].flatten(2) @ parts[t] for t in range(T)).view(N, C, h, w)


# ------------------------------------------------------------------------------------------------ Exercise 21.3


def frame_by_frame_written(t, every, most):
    """Plays the video: writes a frame, over the one before unless that is to stay."""
    memory = [0]
    for now in range(1, t):
        if memory[-1] % every:
            memory.pop()
        memory.append(now)
        if len(memory) > most:
            memory.pop(1)
    return memory


def by_numpy(t, every, most):
    """The union, in order, cut."""
    frames = np.union1d(np.arange(0, t, every), [t - 1]).astype(int).tolist()
    return frames[:1] + frames[1:][-(most - 1) :]


# ------------------------------------------------------------------------------------------------ Exercise 21.4


def others_at_minus_infinity(k_m, k_q, top):
    """Ranks, and a threshold for them."""
    C = k_m.shape[0]
    fits = -torch.cdist(k_m.reshape(C, -1).T[None], k_q.reshape(C, -1).T[None])[0].square() / math.sqrt(C)
    rank = fits.argsort(dim=0, descending=True).argsort(dim=0)
    return torch.where(rank < top, fits, -torch.inf).softmax(0)


def query_by_query(k_m, k_q, top):
    """A loop over the cells of the query."""
    C, columns = len(k_m), []
    cells = k_m.reshape(C, -1)
    for q in k_q.reshape(C, -1).T:
        fits = -((cells - q[:, None]) ** 2).sum(0) / C**0.5
        order = fits.argsort(descending=True)[:top]
        columns.append(torch.zeros_like(fits).index_put((order,), fits[order].softmax(0)))
    return torch.stack(columns, dim=1)


RIGHT = {
    "ex21-1": [by_einsum, largest_subtracted],
    "ex21-2": [object_by_object, frame_by_frame_summed],
    "ex21-3": [frame_by_frame_written, by_numpy],
    "ex21-4": [others_at_minus_infinity, query_by_query],
}
