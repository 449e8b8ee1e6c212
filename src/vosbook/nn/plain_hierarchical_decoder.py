"""RVOS's decoder over a clip as the paper writes it (Ventura et al., CVPR 2019, section 3.2): two loops, every cell by
Eq. 1 to 3.

With the same weights it is the same function as the network that runs. There, cells that do not need each other are one
batch (`wavefront`), and a frame's features are convolved once for all of its objects (`HierarchicalDecoder.share`).
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.features.backbone import STRIDES
from vosbook.nn.conv_lstm import SpaceTimeConvLSTM, State
from vosbook.nn.hierarchical_decoder import HierarchicalDecoder
from vosbook.nn.plain_conv_lstm import plain_space_time
from vosbook.nn.wavefront import every_frame

States = dict[str, State]  # (h, c) by level
NONE: States = {}  # of a cell that is not there: zeros


def plain_clip(
    encoder: nn.Module,
    decoder: HierarchicalDecoder,
    frames: Tensor,
    masks: Tensor | None,
    *,
    objects: int,
    space_in: Callable[[int], bool] = every_frame,
) -> Tensor:
    """Frames `(B, T, 3, H, W)`, masks `(B, T, N, H, W)`, `(B, 1, N, H, W)` or none -> logits `(B, T, N, H, W)`.

    The encoder turns images into features by level. `objects` is N. In frames of which `space_in(t)` is false, objects
    are told nothing of each other.
    """
    B, T = frames.shape[:2]
    x = encoder(frames.flatten(0, 1))  # all frames at once: so a batch norm sees them when it learns
    f = {d: decoder.project[d](x[d]).unflatten(0, (B, T)) for d in decoder.levels}  # f', (B, T, C, h, w)
    cells = {d: partial(_with_zeros, decoder.cells[d]) for d in decoder.levels}
    over_time: dict[int, States] = {}  # by object

    def row(t: int, S: Tensor | None) -> Tensor:
        """All objects of frame t, given their previous masks `(B, N, H, W)`: logits `(B, N, H, W)`."""
        f_t, logits, states = {d: f_d[:, t] for d, f_d in f.items()}, [], NONE
        for i in range(objects):
            S_i = None if S is None else S[:, i : i + 1]
            h_input = partial(_input_of, f_t, S_i)
            from_space = states if decoder.space and space_in(t) else NONE
            h, states = ladder(cells, h_input, from_space, over_time.get(i, NONE))
            over_time[i] = states
            z = decoder.score(upsample(h, (2 * h.shape[-2], 2 * h.shape[-1])))
            logits.append(upsample(z, frames.shape[-2:]))
        return torch.cat(logits, dim=1)

    return frame_by_frame(row, masks, T)


def frame_by_frame(row: Callable[[int, Tensor | None], Tensor], masks: Tensor | None, T: int) -> Tensor:
    """Logits `(B, T, N, H, W)` of the frames in their order, each by `row(t, S)`, `(B, N, H, W)`.

    S are the masks `(B, N, H, W)` of the frame before: the true ones where `masks` `(B, T or 1, N, H, W)` holds them,
    else the network's own, in 0..1. Frame 0 is given its own true masks, as in the authors' code.
    """
    logits: list[Tensor] = []
    for t in range(T):
        before, S = max(t - 1, 0), None
        if masks is not None:
            S = masks[:, before] if before < masks.shape[1] else logits[before].sigmoid()
        logits.append(row(t, S))
    return torch.stack(logits, dim=1)


def level_input(f: Tensor, deeper: Tensor | None, S: Tensor | None, stride: int) -> Tensor:
    """h_input of one level (Eq. 1): f' `(B, C, h, w)`, the deeper level's answer and the mask S, `(B, ., h, w)`.

    `deeper (B, C', ., .)` is None at the deepest level, S `(B, 1, H, W)` where the network takes no masks. A cell of
    the mask is the largest of its `stride` x `stride` pixels, so that small objects remain.
    """
    parts = [f]
    parts += [] if deeper is None else [upsample(deeper, f.shape[-2:])]  # B2(h_(k-1))
    parts += [] if S is None else [F.max_pool2d(S, stride, ceil_mode=True)]
    return torch.cat(parts, dim=1)


def ladder(
    cells: Mapping[str, Callable[..., State]],
    h_input: Callable[[str, Tensor | None], Tensor],
    space: States,
    time: States,
) -> tuple[Tensor, States]:
    """One object in one frame (Figure 2): the shallowest answer `(B, C, h, w)`, and the states (h, c) by level.

    `cells` are the levels' ConvLSTMs, deep to shallow, each `cell(h_input, h_space, c, h_time) -> (h, c)`, where None
    is zeros; `h_input(level, deeper)` makes Eq. 1 of the deeper level's answer, None at the deepest. `space` and `time`
    are the states of the previous object, and of this one in the previous frame, {} for none.
    """
    h, states = None, {}
    for level, cell in cells.items():
        h_space, c = space.get(level, (None, None))
        h_time, _ = time.get(level, (None, None))  # c does not cross time
        states[level] = h, _ = cell(h_input(level, h), h_space, c, h_time)
    return h, states


def _input_of(f: Mapping[str, Tensor], S: Tensor | None, level: str, deeper: Tensor | None) -> Tensor:
    return level_input(f[level], deeper, S, STRIDES[level])


def _with_zeros(cell: SpaceTimeConvLSTM, h_input: Tensor, *states: Tensor | None) -> State:
    """Eq. 2 and 3, where states that are None are zeros."""
    Z = h_input.new_zeros(len(h_input), cell.channels, *h_input.shape[-2:])
    return plain_space_time(cell, h_input, *(Z if state is None else state for state in states))


def upsample(z: Tensor, size: tuple[int, int]) -> Tensor:
    """`(B, C, ., .)` in the size (h, w), bilinear, corners upon corners: so in the authors' code."""
    return F.interpolate(z, size=size, mode="bilinear", align_corners=True)
