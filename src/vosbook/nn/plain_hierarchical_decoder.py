"""RVOS's decoder over a clip as the paper writes it (Ventura et al., CVPR 2019, section 3.2): two loops, every cell by
Eq. 1 to 3.

With the same weights it is the same function as the network that runs. There, cells that do not need each other are one
batch (`wavefront`), and a frame's features are convolved once for all of its objects (`HierarchicalDecoder.share`).
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.features.backbone import STRIDES
from vosbook.nn.conv_lstm import State
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
    (B, T), N = frames.shape[:2], objects
    x = encoder(frames.flatten(0, 1))  # all frames at once: so a batch norm sees them when it learns
    f = {d: decoder.project[d](x[d]).unflatten(0, (B, T)) for d in decoder.levels}  # f', (B, T, C, h, w)
    logits: dict[tuple[int, int], Tensor] = {}  # by t and i, (B, 1, H, W)
    states: dict[tuple[int, int], States] = {}
    for t in range(T):
        for i in range(N):
            S = previous_mask(masks, logits, t, i)
            space = states.get((t, i - 1), NONE) if space_in(t) else NONE
            time = states.get((t - 1, i), NONE)
            z, states[t, i] = plain_cell(decoder, {d: f_d[:, t] for d, f_d in f.items()}, S, space, time)
            logits[t, i] = upsample(z, frames.shape[-2:])
    rows = [torch.cat([logits[t, i] for i in range(N)], dim=1) for t in range(T)]  # T of (B, N, H, W)
    return torch.stack(rows, dim=1)


def previous_mask(masks: Tensor | None, logits: Mapping[tuple[int, int], Tensor], t: int, i: int) -> Tensor | None:
    """S_(t-1,i), `(B, 1, H, W)` in 0..1: the true one where it is given, else the network's own.

    Before frame 0 there is none: it is given its own, as in the authors' code.
    """
    if masks is None:
        return None
    before = max(t - 1, 0)
    return masks[:, before, i : i + 1] if before < masks.shape[1] else logits[before, i].sigmoid()


def plain_cell(
    decoder: HierarchicalDecoder, f: Mapping[str, Tensor], S: Tensor | None, space: States, time: States
) -> tuple[Tensor, States]:
    """One object in one frame (Figure 2): logits `(B, 1, h, w)` and the states that go on, from deep to shallow.

    f are the frame's projected features f' `(B, C, h, w)`, S the object's previous mask `(B, 1, H, W)`; `space` and
    `time` are the states of the previous object, and of this one in the previous frame.
    """
    h: list[Tensor] = []  # h_k, from deep to shallow
    states: States = {}
    for k, d in enumerate(decoder.levels):
        size = f[d].shape[-2:]
        Z = f[d].new_zeros(len(f[d]), decoder.hidden[k], *size)
        h_input = [f[d]]  # Eq. 1
        h_input += [upsample(h[-1], size)] if h else []  # B2(h_(k-1))
        h_input += [] if S is None else [F.max_pool2d(S, STRIDES[d], ceil_mode=True)]
        h_space, c = space.get(d, (Z, Z)) if decoder.space else (Z, Z)
        h_time, _ = time.get(d, (Z, Z))  # c does not cross time
        states[d] = plain_space_time(decoder.cells[d], torch.cat(h_input, dim=1), h_space, c, h_time)  # Eq. 2 and 3
        h.append(states[d][0])
    height, width = h[-1].shape[-2:]
    return decoder.score(upsample(h[-1], (2 * height, 2 * width))), states


def upsample(z: Tensor, size: tuple[int, int]) -> Tensor:
    """`(B, C, ., .)` in the size (h, w), bilinear, corners upon corners: so in the authors' code."""
    return F.interpolate(z, size=size, mode="bilinear", align_corners=True)
