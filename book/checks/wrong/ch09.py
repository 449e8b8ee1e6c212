"""Wrong answers to the exercises of chapter 09, named after the mistake."""

import math

import numpy as np
import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------ Exercise 9.3


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


def rounded_logarithm(bias):
    """Rounds the number of frames to the nearest."""
    return max(round(math.log(0.5) / math.log(1 / (1 + math.exp(-bias)))), 1)


def logarithm_cut_off(bias):
    """Cuts the number of frames off."""
    return int(math.log(0.5) / math.log(1 / (1 + math.exp(-bias))))


def base_two_of_the_rest(bias):
    """Takes what is forgotten for what is kept."""
    return math.ceil(math.log(0.5) / math.log(1 - 1 / (1 + math.exp(-bias))))


def at_most_a_hundred(bias):
    """Stops counting at a hundred frames."""
    f, left, n = 1 / (1 + math.exp(-bias)), 1.0, 0
    while left > 0.5 and n < 100:
        left, n = f * left, n + 1
    return n


def positive_biases_only(bias):
    """Answers 1 for every bias up to one."""
    f, left, n = 1 / (1 + math.exp(-bias)), 1.0, 0
    while left > 0.5:
        left, n = f * left, n + 1
    return n if bias > 1 else 1


def a_third(bias):
    """Waits until a third is left."""
    f, left, n = 1 / (1 + math.exp(-bias)), 1.0, 0
    while left > 1 / 3:
        left, n = f * left, n + 1
    return n


def frames_as_a_float(bias):
    """numpy rounds a float up to a float."""
    return np.maximum(1, np.ceil(np.log(2) / np.log1p(np.exp(-bias)) - 1e-12))


# ------------------------------------------------------------------------------------------------ Exercise 9.4


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


def rounded_up_by_halves(speed, stride):
    """Rounds to the nearest number of cells."""
    return 2 * int(speed / stride + 0.5) + 1


def one_cell_a_frame(speed, stride):
    """Has a kernel of three for every speed."""
    return 3 if speed else 1


def diameter_for_radius(speed, stride):
    """Takes the kernel for as wide as the way, and makes it odd."""
    return math.ceil(speed / stride) // 2 * 2 + 1


def even_where_it_fits(speed, stride):
    """Adds one to twice the cells only where they do not fit."""
    return 2 * math.ceil(speed / stride) + (speed % stride > 0)


def at_stride_four(speed, stride):
    """Takes 4 for the stride."""
    return 2 * math.ceil(speed / 4) + 1


def cell_beyond(speed, stride):
    """Counts the cell in which it lies as a step."""
    return 2 * (speed // stride + 1) + 1


def whole_pixels(speed, stride):
    """Cuts the speed off to whole pixels."""
    return 2 * math.ceil(int(speed) / stride) + 1


def kernel_as_a_float(speed, stride):
    """numpy rounds a float up to a float."""
    return 2 * np.ceil(speed / stride) + 1


# ------------------------------------------------------------------------------------------------ Exercise 9.1


def _step(x, h, c, weight, bias, phi, *, order="ifog", gate=torch.sigmoid, swapped=False, borders="constant"):
    z = torch.cat([h, x] if swapped else [x, h], dim=1)
    z = F.pad(z, [weight.shape[-1] // 2] * 4, mode=borders)
    gates = dict(zip(order, F.conv2d(z, weight, bias).chunk(4, dim=1)))
    c = gate(gates["f"]) * c + gate(gates["i"]) * phi(gates["g"])
    return gate(gates["o"]) * phi(c), c


def pytorchs_order(x, h, c, weight, bias, phi):
    """Takes the parts as i, f, g, o."""
    return _step(x, h, c, weight, bias, phi, order="ifgo")


def tanh_always(x, h, c, weight, bias, phi):
    """The usual LSTM's tanh, whatever it is given."""
    return _step(x, h, c, weight, bias, torch.tanh)


def state_before_input(x, h, c, weight, bias, phi):
    """Puts h before x."""
    return _step(x, h, c, weight, bias, phi, swapped=True)


def without_bias(x, h, c, weight, bias, phi):
    """Forgets the bias."""
    return _step(x, h, c, weight, torch.zeros_like(bias), phi)


def borders_repeated(x, h, c, weight, bias, phi):
    """Repeats the outermost cells where zeros are asked for."""
    return _step(x, h, c, weight, bias, phi, borders="replicate")


def sigmoid_everywhere(x, h, c, weight, bias, phi):
    """A sigmoid for the candidate, too."""
    return _step(x, h, c, weight, bias, torch.sigmoid)


def gates_without_sigmoid(x, h, c, weight, bias, phi):
    """Multiplies by what the convolution gives."""
    return _step(x, h, c, weight, bias, phi, gate=lambda z: z)


def forget_bias_twice(x, h, c, weight, bias, phi):
    """Adds the one to the forget gate's bias that the initial weights have already."""
    more = torch.zeros_like(bias)
    more[c.shape[1] : 2 * c.shape[1]] = 1
    return _step(x, h, c, weight, bias + more, phi)


def answer_from_the_old_memory(x, h, c, weight, bias, phi):
    """h shows the memory as it was before the input."""
    o = F.conv2d(torch.cat([x, h], dim=1), weight, bias, padding=weight.shape[-1] // 2).chunk(4, dim=1)[2]
    return o.sigmoid() * phi(c), _step(x, h, c, weight, bias, phi)[1]


def nothing_kept(x, h, c, weight, bias, phi):
    """The memory is not carried over."""
    return _step(x, h, torch.zeros_like(c), weight, bias, phi)


def states_swapped(x, h, c, weight, bias, phi):
    """Returns (c, h)."""
    return _step(x, h, c, weight, bias, phi)[::-1]


def under_no_grad(x, h, c, weight, bias, phi):
    """Right in its values, but computed without gradients."""
    with torch.no_grad():
        return _step(x, h, c, weight, bias, phi)


def memory_cut(x, h, c, weight, bias, phi):
    """Cuts the graph through the memory: nothing is learned from what came before."""
    return _step(x, h, c.detach(), weight, bias, phi)


def state_cut(x, h, c, weight, bias, phi):
    """Cuts the graph through h."""
    return _step(x, h.detach(), c, weight, bias, phi)


def weights_from_data(x, h, c, weight, bias, phi):
    """Takes the weights' data, which learn nothing."""
    return _step(x, h, c, weight.data, bias.data, phi)


def answer_detached(x, h, c, weight, bias, phi):
    """Cuts the memory that it returns."""
    h, c = _step(x, h, c, weight, bias, phi)
    return h, c.detach()


def output_gate_on_tanh(x, h, c, weight, bias, phi):
    """tanh for the answer, whatever it is given."""
    memory = _step(x, h, c, weight, bias, phi)[1]
    o = F.conv2d(torch.cat([x, h], dim=1), weight, bias, padding=weight.shape[-1] // 2).chunk(4, dim=1)[2]
    return o.sigmoid() * memory.tanh(), memory


def answer_not_rectified(x, h, c, weight, bias, phi):
    """Forgets phi of the answer."""
    memory = _step(x, h, c, weight, bias, phi)[1]
    o = F.conv2d(torch.cat([x, h], dim=1), weight, bias, padding=weight.shape[-1] // 2).chunk(4, dim=1)[2]
    return o.sigmoid() * memory, memory


def kernels_of_three(x, h, c, weight, bias, phi):
    """Pads by one, whatever the kernel is."""
    i, f, o, g = F.conv2d(torch.cat([x, h], dim=1), weight, bias, padding=1).chunk(4, dim=1)
    if i.shape != c.shape:
        i, f, o, g = (F.interpolate(one, c.shape[-2:]) for one in (i, f, o, g))
    c = f.sigmoid() * c + i.sigmoid() * phi(g)
    return o.sigmoid() * phi(c), c


def relu_always(x, h, c, weight, bias, phi):
    """S2S's ReLU, whatever it is given."""
    return _step(x, h, c, weight, bias, torch.relu)


def candidate_without_phi(x, h, c, weight, bias, phi):
    """Writes what the convolution gives."""
    i, f, o, g = F.conv2d(torch.cat([x, h], dim=1), weight, bias, padding=weight.shape[-1] // 2).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g
    return o.sigmoid() * phi(c), c


# ------------------------------------------------------------------------------------------------ Exercise 9.2


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


def under_no_gradient(cell, x):
    """Right in its values, but computed without gradients."""
    with torch.no_grad():
        return _grid(cell, x)


def _cut(cell, x, *, space=False, memory=False, time=False):
    def cut(state, now):
        return state.detach() if now and state is not None else state

    def called(x, h_space, c, h_time):
        return cell(x, cut(h_space, space), cut(c, memory), cut(h_time, time))

    return _grid(called, x)


def cut_through_time(cell, x):
    """Detaches what comes from the frame before."""
    return _cut(cell, x, time=True)


def cut_between_objects(cell, x):
    """Detaches what comes from the object before."""
    return _cut(cell, x, space=True, memory=True)


def memory_is_cut(cell, x):
    """Detaches c alone."""
    return _cut(cell, x, memory=True)


def zeros_for_none(cell, x):
    """Begins with zeros, where there is no state."""

    def called(x_now, h_space, c, h_time):
        like = next((one for one in (h_space, c, h_time) if one is not None), None)
        if like is None:
            like = cell(x_now, None, None, None)[0]
        zeros = torch.zeros_like(like)
        return cell(x_now, *(zeros if one is None else one for one in (h_space, c, h_time)))

    return _grid(called, x)


def last_object_before_the_first(cell, x):
    """Asks for place -1 of the frame before, where the first object has none before it."""
    frames, objects = x.shape[:2]
    h, c = [[None] * objects for _ in range(frames)], [[None] * objects for _ in range(frames)]
    for t in range(frames):
        for i in range(objects):
            row, memory = (h[t], c[t]) if i or not t else (h[t - 1], c[t - 1])
            h[t][i], c[t][i] = cell(x[t, i], row[i - 1], memory[i - 1], h[t - 1][i] if t else None)
    return torch.stack([torch.stack(row) for row in h])


def every_cell_twice(cell, x):
    """Right, but asks every cell once for h and once for c."""

    def called(*given):
        return cell(*given)[0], cell(*given)[1]

    return _grid(called, x)


def objects_by_frames(cell, x):
    """Returns the answers by object and frame."""
    return _grid(cell, x).transpose(0, 1)


def time_is_cut_after_some_frames(cell, x):
    """Cuts the graph through time at the fifth frame and all later ones."""
    answers = []
    for t, row in enumerate(x):
        h_space = c = None
        now = []
        for i, one in enumerate(row):
            h_time = answers[-1][i] if t else None
            h_space, c = cell(one, h_space, c, h_time.detach() if t > 3 else h_time)
            now.append(h_space)
        answers.append(now)
    return torch.stack([torch.stack(now) for now in answers])


WRONG = {
    "ex09-1": [
        bias_is_the_gate,
        tanh_gate,
        last_frame_above_half,
        less_than_half,
        linear_loss,
        rounded_logarithm,
        logarithm_cut_off,
        base_two_of_the_rest,
        at_most_a_hundred,
        positive_biases_only,
        a_third,
        frames_as_a_float,
    ],
    "ex09-2": [
        stride_forgotten,
        rounded_down,
        whole_kernel_ahead,
        at_least_three,
        rounded_up_by_halves,
        one_cell_a_frame,
        diameter_for_radius,
        even_where_it_fits,
        at_stride_four,
        cell_beyond,
        whole_pixels,
        kernel_as_a_float,
    ],
    "ex09-3": [
        pytorchs_order,
        tanh_always,
        relu_always,
        candidate_without_phi,
        state_before_input,
        without_bias,
        borders_repeated,
        sigmoid_everywhere,
        gates_without_sigmoid,
        forget_bias_twice,
        answer_from_the_old_memory,
        nothing_kept,
        states_swapped,
        under_no_grad,
        memory_cut,
        state_cut,
        weights_from_data,
        answer_detached,
        output_gate_on_tanh,
        answer_not_rectified,
        kernels_of_three,
    ],
    "ex09-4": [
        memory_over_time,
        memory_dropped,
        time_from_the_object_before,
        frames_run_on,
        without_time,
        space_and_time_swapped,
        under_no_gradient,
        cut_through_time,
        cut_between_objects,
        memory_is_cut,
        zeros_for_none,
        last_object_before_the_first,
        every_cell_twice,
        objects_by_frames,
        time_is_cut_after_some_frames,
    ],
}
