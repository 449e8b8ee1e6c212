"""RVOS's clip, written out: two loops, every gate from one concatenation, zeros where there is nothing yet."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.features.backbone import STRIDES


def bilinear(z: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(z, size=size, mode="bilinear", align_corners=True)


def plain_clip(network, frames: Tensor, masks: Tensor | None) -> Tensor:
    """As `RvosNetwork.forward`: frames `(B, T, 3, H, W)`, masks `(B, T or 1, N, H, W)` -> logits `(B, T, N, H, W)`."""
    decoder, config = network.decoder, network.config
    (B, T), size = frames.shape[:2], frames.shape[-2:]
    N = config.slots if masks is None else masks.shape[2]
    features = network.encoder(frames.flatten(0, 1))  # batch norms see all frames of the clips
    projected = {d: decoder.project[d](features[d]).unflatten(0, (B, T)) for d in decoder.levels}
    own = masks is not None and masks.shape[1] == 1
    h_time, previous, answer = {}, {}, torch.zeros(B, T, N, *size)
    for t in range(T):
        h_space, c_space = {}, {}
        for i in range(N):
            deep = None
            for k, d in enumerate(decoder.levels):
                f, cell = projected[d][:, t], decoder.cells[d]
                zeros = torch.zeros(B, decoder.hidden[k], *f.shape[-2:])
                x = [f] if deep is None else [f, bilinear(deep, f.shape[-2:])]
                if masks is not None:
                    given = masks[:, 0 if own else max(t - 1, 0), i] if t < 2 or not own else previous[i]
                    x.append(F.max_pool2d(given[:, None], STRIDES[d], ceil_mode=True))
                x += [h_space.get(d, zeros)] if config.space else []
                x += [h_time.get((d, i), zeros)] if config.time else []
                gates = F.conv2d(torch.cat(x, 1), cell.gates.weight, cell.gates.bias, padding=1)
                write, keep, show, new = gates.chunk(4, dim=1)
                c = keep.sigmoid() * c_space.get(d, zeros) + write.sigmoid() * new.tanh()
                deep = show.sigmoid() * c.tanh()
                if config.space:
                    h_space[d], c_space[d] = deep, c
                h_time[d, i] = deep
            up = bilinear(deep, (2 * deep.shape[-2], 2 * deep.shape[-1]))
            z = F.conv2d(up, decoder.score.weight, decoder.score.bias, padding=1)
            answer[:, t, i] = bilinear(z, size)[:, 0]
            previous[i] = answer[:, t, i].sigmoid()
    return answer
