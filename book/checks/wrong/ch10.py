"""Wrong answers to the exercises of chapter 10, named after the mistake."""

import numpy as np
import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------ Exercise 10.4


def without_the_last_filter(kernel, layers):
    """Stops before the convolution that makes the logit."""
    pixels = 1
    for _ in range(layers):
        pixels = 2 * (pixels - 1) + kernel
    return pixels


def kernel_times_stride(kernel, layers):
    """Multiplies the kernel by the stride, as if the layers were one."""
    return kernel * 2**layers


def doubled_and_widened(kernel, layers):
    """Doubles the pixels and adds a kernel less one: a pixel too many for each layer."""
    pixels = 1
    for _ in range(layers):
        pixels = 2 * pixels + kernel - 1
    return pixels + kernel - 1


def layers_without_stride(kernel, layers):
    """Convolutions of stride 1: nothing doubles."""
    return 1 + (layers + 1) * (kernel - 1)


def one_cell_only(kernel, layers):
    """The cell's own pixels: kernels do not overlap."""
    return 2**layers


def filter_before_the_layers(kernel, layers):
    """Puts the convolution of stride 1 first: its pixels are doubled with the others."""
    pixels = kernel
    for _ in range(layers):
        pixels = 2 * (pixels - 1) + kernel
    return pixels


def kernel_of_the_example(kernel, layers):
    """Takes the chapter's kernel of 5 whatever is asked."""
    return 2**layers + 3 * (2**layers - 1) + 4


def one_kernel_for_all_layers(kernel, layers):
    """Doubles from layer to layer, and adds the kernel's width at the end."""
    return 2**layers + 2 * (kernel - 1)


def pixels_as_a_float(kernel, layers):
    """numpy's power of a float is a float."""
    return (kernel - 1) * np.exp2(layers) + 1


# ------------------------------------------------------------------------------------------------ Exercise 10.2


def _frames(logits, y, labelled):
    """The loss by frame, NaN taken out of y."""
    y = torch.where(labelled[:, :, None, None, None], y, 0)
    return F.binary_cross_entropy_with_logits(logits, y, reduction="none").mean(dim=(2, 3, 4))


def mean_of_the_labelled(logits, y, labelled):
    """Averages over the labelled frames only."""
    return _frames(logits, y, labelled)[labelled].mean()


def labels_ignored(logits, y, labelled):
    """Every frame counts, as if an absent mask were an empty one."""
    return _frames(logits, y, labelled).mean()


def multiplied_by_zero(logits, y, labelled):
    """Multiplies by 0 where there is no label: NaN stays NaN."""
    loss = F.binary_cross_entropy_with_logits(logits, y, reduction="none").mean(dim=(2, 3, 4))
    return (loss * labelled).mean()


def logits_set_to_zero(logits, y, labelled):
    """Takes logits and mask of frames without label as 0: their loss is log 2."""
    has = labelled[:, :, None, None, None]
    logits, y = torch.where(has, logits, 0), torch.where(has, y, 0)
    return F.binary_cross_entropy_with_logits(logits, y)


def sign_of_the_paper(logits, y, labelled):
    """Eq. 5 as printed: the second term with the wrong sign."""
    has = labelled[:, :, None, None, None]
    y = torch.where(has, y, 0)
    loss = -y * F.logsigmoid(logits) + (1 - y) * F.logsigmoid(-logits)
    return torch.where(has, loss, 0).mean()


def summed_over_pixels(logits, y, labelled):
    """Adds the pixels of a frame up, and does not average them."""
    frames = _frames(logits, y, labelled) * logits[0, 0].numel()
    return torch.where(labelled, frames, 0).mean()


def detached(logits, y, labelled):
    """The right number, from which nothing can be learned."""
    value = torch.where(labelled, _frames(logits.detach(), y, labelled), 0).mean()
    return value + 0 * logits.sum()


def nothing_over_nothing(logits, y, labelled):
    """Averages over labelled frames and weighs by their share: without a label that is 0 over 0."""
    return _frames(logits, y, labelled)[labelled].mean() * labelled.float().mean()


def y_overwritten(logits, y, labelled):
    """Right, but puts zeros into the caller's y."""
    y[~labelled] = 0
    return torch.where(labelled, _frames(logits, y, labelled), 0).mean()


def logarithm_of_a_sigmoid(logits, y, labelled):
    """Takes the logarithm of a probability that is 1 or 0 to the last digit, and clips it."""
    has = labelled[:, :, None, None, None]
    p, y = logits.sigmoid().clamp(1e-6, 1 - 1e-6), torch.where(has, y, 0)
    return torch.where(has, -(y * p.log() + (1 - y) * (1 - p).log()), 0).mean()


def nan_taken_out_of_the_loss(logits, y, labelled):
    """Takes NaN out of the loss, and not what else y holds there."""
    return F.binary_cross_entropy_with_logits(logits, y, reduction="none").nan_to_num(0).mean()


@torch.no_grad()
def without_gradient_of_the_loss(logits, y, labelled):
    """The right number under no_grad."""
    return torch.where(labelled, _frames(logits, y, labelled), 0).mean()


def clips_weigh_alike(logits, y, labelled):
    """Averages over the labelled frames of a clip, then over clips."""
    frames = torch.where(labelled, _frames(logits, y, labelled), 0).sum(dim=1)
    return (frames / labelled.sum(dim=1).clamp(min=1)).mean()


def nan_made_a_number(logits, y, labelled):
    """Replaces NaN and multiplies by zero: an infinite y becomes so large a number that the loss overflows."""
    loss = F.binary_cross_entropy_with_logits(logits, torch.nan_to_num(y), reduction="none")
    return (loss * labelled[:, :, None, None, None]).mean()


# ------------------------------------------------------------------------------------------------ Exercise 10.1


def _unroll(initialize, encode, lstm, decode, frames, masks, *, order="BT", first=1, pick=0, carry=True, swap=False,
            cut=lambda h, c: (h, c), look=lambda x: x, begin=lambda state: state):  # fmt: skip
    state = begin(initialize(frames[:, 0], masks))
    if swap:
        state = state[::-1]
    started, later = state, frames[:, first:]
    if order == "BT":
        x = encode(later.flatten(0, 1)).unflatten(0, later.shape[:2])
    else:
        x = encode(later.transpose(0, 1).flatten(0, 1)).unflatten(0, later.shape[:2])
    x, answers = look(x), []
    for t in range(x.shape[1]):
        state = lstm(x[:, t], cut(*state) if carry else started)
        answers.append(state[pick])
    return decode(torch.stack(answers, dim=1).flatten(0, 1)).unflatten(0, x.shape[:2])


def state_not_carried(*args):
    """Every frame begins at the first state again."""
    return _unroll(*args, carry=False)


def first_frame_again(*args):
    """Passes the first frame through the ConvLSTM, too, and drops its answer."""
    return _unroll(*args, first=0)[:, 1:]


def an_answer_too_many(*args):
    """Answers for the first frame as well."""
    return _unroll(*args, first=0)


def decodes_the_memory(*args):
    """Gives c to the Decoder."""
    return _unroll(*args, pick=1)


def h_and_c_swapped(*args):
    """Takes the Initializer's answer as (c, h)."""
    return _unroll(*args, swap=True)


def clips_and_frames_mixed(*args):
    """Folds time before batch, and unfolds them in the other order."""
    return _unroll(*args, order="TB")


def frame_by_frame(initialize, encode, lstm, decode, frames, masks):
    """Right, and slow: calls encode and decode for every frame."""
    state, answers = initialize(frames[:, 0], masks), []
    for t in range(1, frames.shape[1]):
        state = lstm(encode(frames[:, t]), state)
        answers.append(decode(state[0]))
    return torch.stack(answers, dim=1)


def state_detached(*args):
    """Cuts the graph between two frames: a late frame does not teach the early ones."""
    return _unroll(*args, cut=lambda h, c: (h.detach(), c.detach()))


def memory_detached(*args):
    """Cuts c alone, so that gradients come through h and not through the memory."""
    return _unroll(*args, cut=lambda h, c: (h, c.detach()))


def first_state_detached(*args):
    """The Initializer learns nothing."""
    return _unroll(*args, begin=lambda state: [z.detach() for z in state])


def features_detached(*args):
    """The Encoder learns nothing, as if it were frozen."""
    return _unroll(*args, look=torch.Tensor.detach)


@torch.no_grad()
def without_gradient(*args):
    """The right logits under no_grad."""
    return _unroll(*args)


def memory_not_carried(initialize, encode, lstm, decode, frames, masks):
    """Carries h on, and gives the first c to every frame."""
    c = initialize(frames[:, 0], masks)[1]
    return _unroll(initialize, encode, lambda x, state: lstm(x, (state[0], c)), decode, frames, masks)


def last_answer_for_all(initialize, encode, lstm, decode, frames, masks):
    """Keeps one list entry that is written over: every frame gets the last h."""
    shape = frames[:, 1:].shape[:2]
    x, state = encode(frames[:, 1:].flatten(0, 1)).unflatten(0, shape), initialize(frames[:, 0], masks)
    for t in range(shape[1]):
        state = lstm(x[:, t], state)
    h = torch.stack([state[0]] * shape[1], dim=1)
    return decode(h.flatten(0, 1)).unflatten(0, shape)


# ------------------------------------------------------------------------------------------------ Exercise 10.3


def _answers(step, frames, y, teacher, *, own=lambda logits: logits.detach().sigmoid(), shift=0, first=True):
    mask, state, every = y[:, 0], None, []
    if first:
        _, state = step(torch.cat([frames[:, 0], mask], dim=1), None)
    for t in range(1, frames.shape[1]):
        if teacher and shift:
            mask = y[:, t]
        logits, state = step(torch.cat([frames[:, t], mask], dim=1), state)
        mask = y[:, t] if teacher else own(logits)
        every.append(logits)
    return torch.stack(every, dim=1)


def shown_the_answer(step, frames, y, teacher):
    """The teacher gives the true mask of the very frame that is asked for."""
    return _answers(step, frames, y, teacher, shift=1)


def always_a_teacher(step, frames, y, teacher):
    """Feeds true masks in either case."""
    return _answers(step, frames, y, True)


def never_a_teacher(step, frames, y, teacher):
    """Feeds its own masks in either case."""
    return _answers(step, frames, y, False)


def first_mask_always(step, frames, y, teacher):
    """Gives every frame the first mask."""
    return _answers(step, frames, y, False, own=lambda logits: y[:, 0])


def feeds_logits(step, frames, y, teacher):
    """Feeds logits back where probabilities belong."""
    return _answers(step, frames, y, teacher, own=lambda logits: logits.detach())


def feeds_hard_masks(step, frames, y, teacher):
    """Rounds the probabilities to 0 and 1 before it feeds them back."""
    return _answers(step, frames, y, teacher, own=lambda logits: (logits > 0).float())


def gradient_through_masks(step, frames, y, teacher):
    """Lets the gradient run through the masks that are fed back."""
    return _answers(step, frames, y, teacher, own=torch.sigmoid)


def first_frame_left_out(step, frames, y, teacher):
    """Begins with the second frame."""
    return _answers(step, frames, y, teacher, first=False)


def state_forgotten(step, frames, y, teacher):
    """Begins with no state in every frame."""
    return _answers(lambda images, _: step(images, None), frames, y, teacher)


def states_detached(step, frames, y, teacher):
    """Cuts the graph at the states, too, and not at the masks alone."""

    def alone(images, state):
        return step(images, None if state is None else state.detach())

    return _answers(alone, frames, y, teacher)


@torch.no_grad()
def never_learns(step, frames, y, teacher):
    """Runs all of it under no_grad, because the masks need none."""
    return _answers(step, frames, y, teacher)


def own_mask_of_the_first_frame(step, frames, y, teacher):
    """Gives the second frame what was answered for the first, though its true mask is known."""
    logits, state = step(torch.cat([frames[:, 0], y[:, 0]], dim=1), None)
    every = []
    for t in range(1, frames.shape[1]):
        mask = y[:, t - 1] if teacher else logits.detach().sigmoid()
        logits, state = step(torch.cat([frames[:, t], mask], dim=1), state)
        every.append(logits)
    return torch.stack(every, dim=1)


def answers_are_probabilities(step, frames, y, teacher):
    """Returns what is fed back, not logits."""
    return _answers(step, frames, y, teacher).sigmoid()


def first_answer_kept(step, frames, y, teacher):
    """Answers for the first frame, too."""
    mask, state, every = y[:, 0], None, []
    for t in range(frames.shape[1]):
        logits, state = step(torch.cat([frames[:, t], mask], dim=1), state)
        if t:
            mask = y[:, t] if teacher else logits.detach().sigmoid()
        every.append(logits)
    return torch.stack(every, dim=1)


def masks_written_over(step, frames, y, teacher):
    """Right, but keeps its own masks in the caller's y."""
    if not teacher:
        _, state = step(torch.cat([frames[:, 0], y[:, 0]], dim=1), None)
        every = []
        for t in range(1, frames.shape[1]):
            logits, state = step(torch.cat([frames[:, t], y[:, t - 1]], dim=1), state)
            y[:, t] = logits.detach().sigmoid()
            every.append(logits)
        return torch.stack(every, dim=1)
    return _answers(step, frames, y, teacher)


WRONG = {
    "ex10-1": [
        without_the_last_filter,
        kernel_times_stride,
        doubled_and_widened,
        layers_without_stride,
        one_cell_only,
        filter_before_the_layers,
        kernel_of_the_example,
        one_kernel_for_all_layers,
        pixels_as_a_float,
    ],
    "ex10-2": [
        mean_of_the_labelled,
        labels_ignored,
        multiplied_by_zero,
        logits_set_to_zero,
        sign_of_the_paper,
        summed_over_pixels,
        detached,
        nothing_over_nothing,
        y_overwritten,
        logarithm_of_a_sigmoid,
        nan_taken_out_of_the_loss,
        without_gradient_of_the_loss,
        clips_weigh_alike,
        nan_made_a_number,
    ],
    "ex10-3": [
        state_not_carried,
        first_frame_again,
        an_answer_too_many,
        decodes_the_memory,
        h_and_c_swapped,
        clips_and_frames_mixed,
        frame_by_frame,
        state_detached,
        memory_detached,
        first_state_detached,
        features_detached,
        without_gradient,
        memory_not_carried,
        last_answer_for_all,
    ],
    "ex10-4": [
        shown_the_answer,
        always_a_teacher,
        never_a_teacher,
        first_mask_always,
        feeds_logits,
        feeds_hard_masks,
        gradient_through_masks,
        first_frame_left_out,
        state_forgotten,
        states_detached,
        never_learns,
        own_mask_of_the_first_frame,
        answers_are_probabilities,
        first_answer_kept,
        masks_written_over,
    ],
}
