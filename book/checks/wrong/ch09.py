"""Wrong answers to the exercises of chapter 09, named after the mistake."""

import math

import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------ Exercise 9.1


def bias_is_the_gate(bias):
    """Takes the bias for the gate, without a sigmoid."""
    return math.ceil(math.log(0.5) / math.log(bias)) if 0 < bias < 1 else 1


def tanh_gate(bias):
    """Takes tanh for the sigmoid."""
    f = math.tanh(bias)
    return math.ceil(math.log(0.5) / math.log(f)) if 0 < f < 1 else 1


def last_frame_above_half(bias):
    """Rounds down: the last frame with more than half."""
    return math.floor(math.log(0.5) / -math.log1p(math.exp(-bias)))


def less_than_half(bias):
    """Waits until less than half is left."""
    return math.floor(math.log(0.5) / -math.log1p(math.exp(-bias))) + 1


def linear_loss(bias):
    """Loses 1 - f of the whole in every frame, not of what is left."""
    return math.ceil(0.5 / (1 - 1 / (1 + math.exp(-bias))))


# ------------------------------------------------------------------------------------------------ Exercise 9.2


def stride_forgotten(speed, stride):
    """Counts pixels of the frame as cells of the map."""
    return 2 * speed + 1


def rounded_down(speed, stride):
    """Falls behind by a fraction of a cell in every frame."""
    return 2 * (speed // stride) + 1


def whole_kernel_ahead(speed, stride):
    """Lets a kernel reach as far as it is wide."""
    cells = math.ceil(speed / stride)
    return cells + (cells + 1) % 2


def at_least_three(speed, stride):
    """Gives 3 where nothing moves."""
    return max(3, 2 * math.ceil(speed / stride) + 1)


# ------------------------------------------------------------------------------------------------ Exercise 9.3


def _step(
    x, h, c, weight, bias, *, order="ifog", phi=torch.relu, gate=torch.sigmoid, swapped=False, borders="constant"
):
    z = torch.cat([h, x] if swapped else [x, h], dim=1)
    z = F.pad(z, [weight.shape[-1] // 2] * 4, mode=borders)
    gates = dict(zip(order, F.conv2d(z, weight, bias).chunk(4, dim=1)))
    c = gate(gates["f"]) * c + gate(gates["i"]) * phi(gates["g"])
    return gate(gates["o"]) * phi(c), c


def pytorchs_order(x, h, c, weight, bias):
    """Takes the parts as i, f, g, o."""
    return _step(x, h, c, weight, bias, order="ifgo")


def tanh_for_relu(x, h, c, weight, bias):
    """The usual LSTM's tanh."""
    return _step(x, h, c, weight, bias, phi=torch.tanh)


def state_before_input(x, h, c, weight, bias):
    """Puts h before x."""
    return _step(x, h, c, weight, bias, swapped=True)


def without_bias(x, h, c, weight, bias):
    """Forgets the bias."""
    return _step(x, h, c, weight, torch.zeros_like(bias))


def borders_repeated(x, h, c, weight, bias):
    """Repeats the outermost cells where zeros are asked for."""
    return _step(x, h, c, weight, bias, borders="replicate")


def sigmoid_everywhere(x, h, c, weight, bias):
    """A sigmoid for the candidate, too."""
    return _step(x, h, c, weight, bias, phi=torch.sigmoid)


def gates_without_sigmoid(x, h, c, weight, bias):
    """Multiplies by what the convolution gives."""
    return _step(x, h, c, weight, bias, gate=lambda z: z)


def forget_bias_twice(x, h, c, weight, bias):
    """Adds the one to the forget gate's bias that the initial weights have already."""
    more = torch.zeros_like(bias)
    more[c.shape[1] : 2 * c.shape[1]] = 1
    return _step(x, h, c, weight, bias + more)


def answer_from_the_old_memory(x, h, c, weight, bias):
    """h shows the memory as it was before the input."""
    o = F.conv2d(torch.cat([x, h], dim=1), weight, bias, padding=weight.shape[-1] // 2).chunk(4, dim=1)[2]
    return o.sigmoid() * c.relu(), _step(x, h, c, weight, bias)[1]


def nothing_kept(x, h, c, weight, bias):
    """The memory is not carried over."""
    return _step(x, h, torch.zeros_like(c), weight, bias)


def states_swapped(x, h, c, weight, bias):
    """Returns (c, h)."""
    return _step(x, h, c, weight, bias)[::-1]


# ------------------------------------------------------------------------------------------------ Exercise 9.4


def _grid(cell, x, *, c_over_time=False, time_from=0, fresh_frame=True, keep_c=True, use_time=True):
    frames, objects = x.shape[:2]
    h, c = [[None] * objects for _ in range(frames)], [[None] * objects for _ in range(frames)]
    last = (None, None)
    for t in range(frames):
        last = (None, None) if fresh_frame else last
        for i in range(objects):
            h_time = h[t - 1][i - time_from] if t and use_time and i >= time_from else None
            memory = (c[t - 1][i] if t else None) if c_over_time else last[1]
            h[t][i], c[t][i] = last = cell(x[t, i], last[0], memory if keep_c else None, h_time)
    return torch.stack([torch.stack(row) for row in h])


def memory_over_time(cell, x):
    """Carries c from frame to frame, as S2S does."""
    return _grid(cell, x, c_over_time=True)


def memory_dropped(cell, x):
    """Carries h alone."""
    return _grid(cell, x, keep_c=False)


def time_from_the_object_before(cell, x):
    """Takes h_time of the object before."""
    return _grid(cell, x, time_from=1)


def frames_run_on(cell, x):
    """The first object of a frame sees the last object of the frame before as its neighbour."""
    return _grid(cell, x, fresh_frame=False)


def without_time(cell, x):
    """Every frame begins with nothing."""
    return _grid(cell, x, use_time=False)


def space_and_time_swapped(cell, x):
    """Runs over frames first: what goes over space goes over time."""
    return _grid(cell, x.transpose(0, 1)).transpose(0, 1)


WRONG = {
    "ex09-1": [bias_is_the_gate, tanh_gate, last_frame_above_half, less_than_half, linear_loss],
    "ex09-2": [stride_forgotten, rounded_down, whole_kernel_ahead, at_least_three],
    "ex09-3": [
        pytorchs_order,
        tanh_for_relu,
        state_before_input,
        without_bias,
        borders_repeated,
        sigmoid_everywhere,
        gates_without_sigmoid,
        forget_bias_twice,
        answer_from_the_old_memory,
        nothing_kept,
        states_swapped,
    ],
    "ex09-4": [
        memory_over_time,
        memory_dropped,
        time_from_the_object_before,
        frames_run_on,
        without_time,
        space_and_time_swapped,
    ],
}
