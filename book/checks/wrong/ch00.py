"""Wrong answers to the exercises of chapter 00, named after the mistake."""

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 0.1


def sums_the_ids(labels, i):
    """Adds up the labels instead of counting the pixels that carry the id."""
    return labels.sum() / labels.size


def share_of_the_objects(labels, i):
    """Divides by the pixels of all objects, not by those of the frame."""
    return (labels == i).sum() / max((labels > 0).sum(), 1)


def counts_pixels(labels, i):
    """Forgets to divide."""
    return int((labels == i).sum())


def in_percent(labels, i):
    """A percentage, where a share between 0 and 1 was asked for."""
    return 100 * (labels == i).mean()


def any_object(labels, i):
    """Takes every pixel that is not background."""
    return (labels > 0).mean()


def share_of_the_box(labels, i):
    """Takes the object's bounding box for the object."""
    rows, columns = np.nonzero(labels == i)
    return (np.ptp(rows) + 1) * (np.ptp(columns) + 1) / labels.size if len(rows) else 0.0


def the_examples_frame(labels, i):
    """Divides by the 20 pixels of a small example."""
    return (labels == i).sum() / 20


def ids_in_eight_bits_with_a_sign(labels, i):
    """Takes ids for int8: those above 127 become negative."""
    return float((labels.astype(np.int8) == i).mean())


def from_this_id_on(labels, i):
    """Counts the later ids too."""
    return float((labels >= i).mean())


def of_what_is_not_void(labels, i):
    """Leaves void pixels out of the frame."""
    return (labels == i).sum() / (labels < 255).sum()


def square_frames(labels, i):
    """Divides by the height squared."""
    return (labels == i).sum() / labels.shape[0] ** 2


def in_whole_percent(labels, i):
    """Rounds to two digits."""
    return round(float((labels == i).mean()), 2)


def bins_up_to_the_largest(labels, i):
    """Counts in as many bins as the largest id needs: an error for an id above it."""
    return np.bincount(labels.ravel())[i] / labels.size


def counts_in_a_byte(labels, i):
    """Adds the pixels up in uint8, where 256 is 0."""
    return float((labels == i).sum(dtype=np.uint8) / labels.size)


# ------------------------------------------------------------------------------------------------ Exercise 0.2


def _means(frame, mask):
    return frame[mask].mean(axis=0), frame[~mask].mean(axis=0)


def overflows(frame, mask, new_frame):
    """Subtracts in uint8, where 10 - 20 is 246."""
    target, ground = (mean.astype(np.uint8) for mean in _means(frame, mask))
    return ((new_frame - target) ** 2).sum(-1) < ((new_frame - ground) ** 2).sum(-1)


def nearer_to_the_background(frame, mask, new_frame):
    """The comparison the wrong way round."""
    target, ground = _means(frame, mask)
    return ((new_frame - target) ** 2).sum(-1) > ((new_frame - ground) ** 2).sum(-1)


def mean_of_the_whole_frame(frame, mask, new_frame):
    """The background's mean is taken over the object's pixels too."""
    target, ground = frame[mask].mean(axis=0), frame.mean(axis=(0, 1))
    return ((new_frame - target) ** 2).sum(-1) < ((new_frame - ground) ** 2).sum(-1)


def gray_only(frame, mask, new_frame):
    """Compares brightness: the channels are averaged before the distance is taken."""
    target, ground = (mean.mean() for mean in _means(frame, mask))
    gray = new_frame.mean(-1)
    return abs(gray - target) < abs(gray - ground)


def looks_at_the_first_frame(frame, mask, new_frame):
    """Classifies the frame it learned from, not the new one."""
    target, ground = _means(frame, mask)
    return ((frame - target) ** 2).sum(-1) < ((frame - ground) ** 2).sum(-1)


def sum_of_absolute_differences(frame, mask, new_frame):
    """Adds up the differences of the channels: not the Euclidean distance."""
    target, ground = _means(frame, mask)
    return abs(new_frame - target).sum(-1) < abs(new_frame - ground).sum(-1)


def ties_to_the_object(frame, mask, new_frame):
    """Gives the object what is equally near to both."""
    target, ground = _means(frame, mask)
    return ((new_frame - target) ** 2).sum(-1) <= ((new_frame - ground) ** 2).sum(-1)


def medians(frame, mask, new_frame):
    """Learns medians, not means."""
    target, ground = np.median(frame[mask], axis=0), np.median(frame[~mask], axis=0)
    return ((new_frame - target) ** 2).sum(-1) < ((new_frame - ground) ** 2).sum(-1)


def rounded_means(frame, mask, new_frame):
    """Rounds the means to whole colours."""
    target, ground = (np.rint(mean) for mean in _means(frame, mask))
    return ((new_frame - target) ** 2).sum(-1) < ((new_frame - ground) ** 2).sum(-1)


def largest_difference(frame, mask, new_frame):
    """Takes the channel that differs most for the distance."""
    target, ground = _means(frame, mask)
    return abs(new_frame - target).max(-1) < abs(new_frame - ground).max(-1)


def stays_within_the_first_mask(frame, mask, new_frame):
    """Finds the object only where it was."""
    target, ground = _means(frame, mask)
    return mask & (((new_frame - target) ** 2).sum(-1) < ((new_frame - ground) ** 2).sum(-1))


def red_and_green(frame, mask, new_frame):
    """Leaves the third channel out."""
    target, ground = _means(frame[..., :2], mask)
    return ((new_frame[..., :2] - target) ** 2).sum(-1) < ((new_frame[..., :2] - ground) ** 2).sum(-1)


def paints_the_callers_frame(frame, mask, new_frame):
    """Right, but blackens the object in the caller's frame to have the rest."""
    target, count = frame[mask].mean(axis=0), (~mask).sum()
    frame[mask] = 0
    ground = frame.reshape(-1, 3).sum(axis=0) / count
    return ((new_frame - target) ** 2).sum(-1) < ((new_frame - ground) ** 2).sum(-1)


# ------------------------------------------------------------------------------------------------ Exercise 0.3


def reads_all_frames_first(segmenter, frames, given):
    """Makes a list of the frames: a camera never gets to the first answer."""
    yield from _drive(segmenter, list(frames), given)


def answers_one_frame_late(segmenter, frames, given):
    """Asks for the next frame before it gives the answer for this one."""
    waiting = None
    for item in _drive(segmenter, frames, given):
        if waiting is not None:
            yield waiting
        waiting = item
    yield waiting


def steps_in_the_first_frame(segmenter, frames, given):
    """Calls step in the frame that has just started the segmenter."""
    started = False
    for t, frame in enumerate(frames):
        labels = np.zeros(frame.shape[:2], np.uint8)
        if t in given and not started:
            segmenter.start(frame, given[t])
            started = True
        elif t in given:
            segmenter.add_objects(frame, given[t])
        if started:
            labels = segmenter.step(frame)
        yield t, np.where(given[t] > 0, given[t], labels) if t in given else labels


def starts_over_with_each_mask(segmenter, frames, given):
    """A second mask calls start again, which forgets the first object."""
    started = False
    for t, frame in enumerate(frames):
        labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        if t in given:
            segmenter.start(frame, given[t])
            started = True
            labels = np.where(given[t] > 0, given[t], labels)
        yield t, labels


def given_mask_replaces_everything(segmenter, frames, given):
    """The zeros of a later mask erase the objects that are tracked already."""
    for t, labels in _drive(segmenter, frames, given):
        yield t, given[t] if t in given else labels


def expects_a_mask_in_frame_0(segmenter, frames, given):
    """Starts with frame 0 whether or not it has a mask."""
    for t, frame in enumerate(frames):
        if t == 0:
            labels = given.get(0, np.zeros(frame.shape[:2], np.uint8))
            segmenter.start(frame, labels)
        else:
            labels = segmenter.step(frame)
            if t in given:
                segmenter.add_objects(frame, given[t])
                labels = np.where(given[t] > 0, given[t], labels)
        yield t, labels


def labels_of_floats(segmenter, frames, given):
    """Answers with np.zeros of the default type where nothing is given yet."""
    for t, labels in _drive(segmenter, frames, given):
        yield t, labels if t >= min(given) else np.zeros(labels.shape)


def tracked_objects_keep_their_pixels(segmenter, frames, given):
    """A later given mask gets only the pixels that the step left to the background."""
    started = False
    for t, frame in enumerate(frames):
        labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        if t in given:
            (segmenter.add_objects if started else segmenter.start)(frame, given[t])
            started = True
            labels = np.where(labels > 0, labels, given[t])
        yield t, labels


def _drive(segmenter, frames, given):
    """The right loop, for the answers above that spoil one thing about it."""
    started = False
    for t, frame in enumerate(frames):
        labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        if t in given:
            (segmenter.add_objects if started else segmenter.start)(frame, given[t])
            started = True
            labels = np.where(given[t] > 0, given[t], labels)
        yield t, labels


def pops_the_given_masks(segmenter, frames, given):
    """Right, but takes the masks out of the caller's dictionary."""
    started = False
    for t, frame in enumerate(frames):
        labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        new = given.pop(t, None)
        if new is not None:
            (segmenter.add_objects if started else segmenter.start)(frame, new)
            started = True
            labels = np.where(new > 0, new, labels)
        yield t, labels


def paints_into_what_step_returned(segmenter, frames, given):
    """Right, but writes the given labels into the segmenter's own array."""
    started = False
    for t, frame in enumerate(frames):
        labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        if t in given:
            (segmenter.add_objects if started else segmenter.start)(frame, given[t])
            started = True
            labels[given[t] > 0] = given[t][given[t] > 0]
        yield t, labels


def paints_into_the_given_mask(segmenter, frames, given):
    """Fills the caller's mask up with what step found."""
    started = False
    for t, frame in enumerate(frames):
        labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        if t in given:
            (segmenter.add_objects if started else segmenter.start)(frame, given[t].copy())
            started = True
            given[t][given[t] == 0] = labels[given[t] == 0]
            labels = given[t]
        yield t, labels


def one_array_for_all_answers(segmenter, frames, given):
    """Yields the same array again and again, so that earlier answers change."""
    answer = None
    for t, labels in _drive(segmenter, frames, given):
        answer = np.zeros_like(labels) if answer is None else answer
        answer[:] = labels
        yield t, answer


def larger_id_wins(segmenter, frames, given):
    """Merges by the maximum of the ids."""
    started = False
    for t, frame in enumerate(frames):
        labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        if t in given:
            (segmenter.add_objects if started else segmenter.start)(frame, given[t])
            started = True
            labels = np.maximum(given[t], labels)
        yield t, labels


def nothing_without_a_mask(segmenter, frames, given):
    """Answers nothing where no mask is given at all."""
    if given:
        yield from _drive(segmenter, frames, given)


def first_of_the_given_frames(segmenter, frames, given):
    """Asks for the least number of the given frames, also where there is none."""
    first = min(given)
    for t, frame in enumerate(frames):
        labels = segmenter.step(frame) if t > first else np.zeros(frame.shape[:2], np.uint8)
        if t in given:
            (segmenter.add_objects if t > first else segmenter.start)(frame, given[t])
            labels = np.where(given[t] > 0, given[t], labels)
        yield t, labels


def adds_before_it_steps(segmenter, frames, given):
    """Gives the new objects first, and steps then: the segmenter steps with objects that are not yet to be tracked."""
    started = False
    for t, frame in enumerate(frames):
        empty = np.zeros(frame.shape[:2], np.uint8)
        if t in given and started:
            segmenter.add_objects(frame, given[t])
        labels = segmenter.step(frame) if started else empty
        if t in given and not started:
            segmenter.start(frame, given[t])
            started = True
        yield t, np.where(given[t] > 0, given[t], labels) if t in given else labels


def no_step_where_a_mask_is_given(segmenter, frames, given):
    """Takes the given mask for the whole answer, and leaves out the step."""
    started = False
    for t, frame in enumerate(frames):
        if t in given:
            labels = given[t]
            (segmenter.add_objects if started else segmenter.start)(frame, labels)
            started = True
        else:
            labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        yield t, labels


def void_replaces_nothing(segmenter, frames, given):
    """Given void pixels (255) do not replace those of the step."""
    started = False
    for t, frame in enumerate(frames):
        new = given.get(t)
        if started:
            labels = segmenter.step(frame).copy()
            if new is not None:
                segmenter.add_objects(frame, new)
                known = (new > 0) & (new < 255)
                labels[known] = new[known]
        elif new is not None:
            started = True
            segmenter.start(frame, new)
            labels = new.copy()
        else:
            labels = np.zeros(frame.shape[:2], np.uint8)
        yield t, labels


WRONG = {
    "ex00-1": [
        sums_the_ids,
        share_of_the_objects,
        counts_pixels,
        in_percent,
        any_object,
        share_of_the_box,
        the_examples_frame,
        ids_in_eight_bits_with_a_sign,
        from_this_id_on,
        of_what_is_not_void,
        square_frames,
        in_whole_percent,
        counts_in_a_byte,
        bins_up_to_the_largest,
    ],
    "ex00-2": [
        overflows,
        nearer_to_the_background,
        mean_of_the_whole_frame,
        gray_only,
        looks_at_the_first_frame,
        sum_of_absolute_differences,
        ties_to_the_object,
        medians,
        rounded_means,
        largest_difference,
        stays_within_the_first_mask,
        red_and_green,
        paints_the_callers_frame,
    ],
    "ex00-3": [
        reads_all_frames_first,
        answers_one_frame_late,
        steps_in_the_first_frame,
        starts_over_with_each_mask,
        given_mask_replaces_everything,
        expects_a_mask_in_frame_0,
        labels_of_floats,
        tracked_objects_keep_their_pixels,
        pops_the_given_masks,
        paints_into_what_step_returned,
        paints_into_the_given_mask,
        one_array_for_all_answers,
        larger_id_wins,
        nothing_without_a_mask,
        first_of_the_given_frames,
        adds_before_it_steps,
        no_step_where_a_mask_is_given,
        void_replaces_nothing,
    ],
}
