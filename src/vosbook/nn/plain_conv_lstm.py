"""The two ConvLSTM cells as their papers write them: all that a gate sees side by side, one convolution, zeros said.

With the same weights they are the same functions as the cells of `conv_lstm`, which are what runs. There, the weights
are split by what they are multiplied with, states that are zero cost nothing, and what objects of a frame have in
common is convolved once.
"""

import torch
from torch import Tensor

from vosbook.nn.conv_lstm import ConvLSTM, SpaceTimeConvLSTM, State


def plain_conv_lstm(cell: ConvLSTM, x: Tensor, h: Tensor, c: Tensor) -> State:
    """c_t, h_t = ConvLSTM(x_t, c_(t-1), h_(t-1)): S2S, Eq. 3 (Xu et al., ECCV 2018).

    x `(B, in, h, w)`, h and c `(B, C, h, w)` -> (h, c) after it.
    """
    z = torch.cat([x, h], dim=1)  # (B, in + C, h, w)
    i, f, o, g = cell.gates(z).chunk(4, dim=1)  # (B, 4 C, h, w) -> four of (B, C, h, w)
    c = f.sigmoid() * c + i.sigmoid() * g.relu()
    return o.sigmoid() * c.relu(), c


def plain_space_time(cell: SpaceTimeConvLSTM, x: Tensor, h_space: Tensor, c: Tensor, h_time: Tensor) -> State:
    """h_(t,i) = ConvLSTM(h_input, h_state): RVOS, Eq. 2 and 3 (Ventura et al., CVPR 2019).

    x is h_input `(B, in, h, w)`; h_space = h_(t,i-1), its c, and h_time = h_(t-1,i) are `(B, C, h, w)`, zeros where
    there is no such cell. A cell without space or time does not see that state.
    """
    h_state = [h_space] * cell.space + [h_time] * cell.time  # Eq. 2
    z = torch.cat([x, *h_state], dim=1)  # (B, in + 2 C, h, w)
    i, f, o, g = cell.gates(z).chunk(4, dim=1)  # (B, 4 C, h, w) -> four of (B, C, h, w)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c
