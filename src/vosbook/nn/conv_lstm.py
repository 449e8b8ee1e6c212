"""Convolutional LSTM cells in the two forms of the book: S2S's, through time, and RVOS's, through space and time.

A cell keeps two maps: h, its answer, which the rest of the network sees, and c, its memory, which only gates touch.
One convolution of the input and the previous answers makes the gates i (what to write), f (what to keep), o (what to
show) and the candidate g (what would be written), in this order along the channels:

    c = f * c_previous + i * g,    h = o * phi(c)

The two forms differ in phi, in what the previous answers are, and in the way that c goes. `plain_conv_lstm` has both as
they are written; here the convolution is split by what it sees, so that zeros and shared inputs cost nothing.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, Tensor]  # (h, c), each (B, channels, h, w)
GATES = ("i", "f", "o", "g")  # as they follow each other in the convolution's output


class ConvLSTM(nn.Module):
    """The cell of S2S (Xu et al., ECCV 2018, Eq. 3 and section 4.3): gates are sigmoids, both tanh are ReLUs.

    The paper says that "state outputs" have a ReLU. An LSTM has a tanh in two places, before the candidate and before
    the answer; here both are replaced. So c never falls below zero when it begins there, as S2S's c0 does.
    """

    def __init__(self, in_channels: int, channels: int, kernel: int = 3):
        """`kernel` is odd. Xavier weights for every gate, biases zero, but one for the forget gate."""
        super().__init__()
        self.in_channels, self.channels = in_channels, channels
        self.gates = _gate_convolution(in_channels + channels, channels, kernel)
        for weight in self.gates.weight.chunk(4):  # each gate is a convolution of its own
            nn.init.xavier_uniform_(weight)
        nn.init.zeros_(self.gates.bias)
        with torch.no_grad():
            self.gates.bias.chunk(4)[GATES.index("f")].fill_(1)

    def forward(self, x: Tensor, state: State | None = None) -> State:
        """Input `(B, in_channels, h, w)` and the state (h, c) before it -> the state after it. None: all zeros."""
        h, c = state or (None, None)
        i, f, o, g = _convolve(self.gates, {"x": (x, self.in_channels), "h": (h, self.channels)}).chunk(4, dim=1)
        c = _remember(c, i.sigmoid(), f.sigmoid(), g.relu())
        return o.sigmoid() * c.relu(), c


class SpaceTimeConvLSTM(nn.Module):
    """The cell of RVOS (Ventura et al., CVPR 2019, Eq. 1 to 3) for one object in one frame: sigmoid gates and tanh.

    Its answer depends on those for the previous object in the same frame (h_space) and for the same object in the
    previous frame (h_time). The memory c goes from object to object and never from frame to frame: so in the authors'
    code; the paper does not say. Without `space` or `time` the cell lacks that answer, and without `space` c as well.
    """

    def __init__(self, in_channels: int, channels: int, kernel: int = 3, *, space: bool = True, time: bool = True):
        """`in_channels` counts all of the input: features and, where the network has it, the previous mask.

        PyTorch's initial weights, as in the authors' code.
        """
        super().__init__()
        self.in_channels, self.channels, self.space, self.time = in_channels, channels, space, time
        self.gates = _gate_convolution(in_channels + (space + time) * channels, channels, kernel)

    def share(self, x: Tensor) -> Tensor:
        """What the first input channels `(B, some, h, w)` add to the gates `(B, 4 * channels, h, w)`, bias included.

        A convolution is a sum over its input channels. Those that are the same for all objects of a frame, its
        features, are summed once, and `forward` adds the rest.
        """
        return F.conv2d(x, self.gates.weight[:, : x.shape[1]], self.gates.bias, padding=self.gates.padding)

    def forward(
        self,
        x: Tensor | None,
        h_space: Tensor | None = None,
        c: Tensor | None = None,
        h_time: Tensor | None = None,
        *,
        shared: Tensor | None = None,
    ) -> State:
        """Input `(B, in_channels, h, w)` and states `(B, channels, h, w)`, None where all zeros -> the new (h, c).

        `shared (B, 4 * channels, h, w)` is what `share` made of the first input channels, which x then lacks; None for
        x where none are left. ValueError where a state is given that the cell does not have.
        """
        if not self.space and (h_space is not None or c is not None):
            raise ValueError("this cell has no recurrence over space: h_space and c must be None")
        if not self.time and h_time is not None:
            raise ValueError("this cell has no recurrence over time: h_time must be None")
        rest = self.in_channels if shared is None else 0 if x is None else x.shape[1]
        parts = {"x": (x, rest)} if rest else {}
        parts |= {"h_space": (h_space, self.channels)} if self.space else {}
        parts |= {"h_time": (h_time, self.channels)} if self.time else {}
        i, f, o, g = _convolve(self.gates, parts, shared).chunk(4, dim=1)
        c = _remember(c, i.sigmoid(), f.sigmoid(), g.tanh())
        return o.sigmoid() * c.tanh(), c


def _gate_convolution(inputs: int, channels: int, kernel: int) -> nn.Conv2d:
    if kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, so that states keep their size, got {kernel}")
    return nn.Conv2d(inputs, 4 * channels, kernel, padding=kernel // 2)


def _convolve(gates: nn.Conv2d, parts: dict[str, tuple[Tensor | None, int]], shared: Tensor | None = None) -> Tensor:
    """The convolution of all parts, each with its number of channels, side by side -> `(B, 4 * channels, h, w)`.

    A part that is None would be zeros: it is left out with its weights, and costs nothing. `shared` is what the weights
    of the channels before the parts have added already, with the bias.
    """
    counts = [channels for _, channels in parts.values()]
    weights = gates.weight[:, gates.in_channels - sum(counts) :].split(counts, dim=1)
    present = [(name, part, weight) for (name, (part, _)), weight in zip(parts.items(), weights) if part is not None]
    if not present:
        return shared
    size = (present[0][1] if shared is None else shared).shape[2:]
    for name, part, weight in present:
        if part.shape[1:] != (weight.shape[1], *size):
            wanted = f"(B, {weight.shape[1]}, {', '.join(map(str, size))})"
            raise ValueError(f"{name} must be {wanted}, got {tuple(part.shape)}")
    _, inputs, weights = zip(*present)
    z = F.conv2d(
        torch.cat(inputs, dim=1),
        torch.cat(weights, dim=1),
        gates.bias if shared is None else None,
        padding=gates.padding,
    )
    return z if shared is None else shared + z


def _remember(c: Tensor | None, i: Tensor, f: Tensor, g: Tensor) -> Tensor:
    """f * c + i * g; c None is zero."""
    return i * g if c is None else f * c + i * g
