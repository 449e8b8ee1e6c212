"""Wrong answers to the exercises of chapter 13, named after the mistake."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from vosbook.matching import match, soft_iou, take_slots
from vosbook.metrics.region import jaccard

# ------------------------------------------------------------------------------------------------ Exercise 13.1


def _with(slots, p, y, valid):
    """The loss with given slots (B, N)."""
    taken = take_slots(p.transpose(1, 2), slots).transpose(1, 2)  # (B, T, N, H, W)
    return ((1 - soft_iou(taken, y)).sum(dim=1) * valid).sum() / valid.sum().clamp(min=1)


def by_the_list(p, y, valid):
    """Slot n answers for object n of the list."""
    return _with(torch.arange(y.shape[2]).expand(len(p), -1), p, y, valid)


def matched_anew_in_every_frame(p, y, valid):
    """Forgives every exchange of identities."""
    each = [_with(match(p[:, t], y[:, t], valid), p[:, t : t + 1], y[:, t : t + 1], valid) for t in range(p.shape[1])]
    return torch.stack(each).sum()


def matched_on_the_last_frame(p, y, valid):
    """Chooses with the end of the clip."""
    return _with(match(p[:, -1], y[:, -1], valid), p, y, valid)


def matched_over_the_whole_clip(p, y, valid):
    """Chooses by all frames together: DAVIS's rule for scores, not the paper's loss."""
    wide = [z.transpose(1, 2).flatten(2, 3) for z in (p, y)]  # (B, N, T H, W)
    return _with(match(*wide, valid), p, y, valid)


def one_choice_for_the_batch(p, y, valid):
    """Every clip has the slots of the first one."""
    return _with(match(p[:1, 0], y[:1, 0], valid[:1]).expand(len(p), -1), p, y, valid)


def object_of_each_slot(p, y, valid):
    """Reads the assignment the wrong way round."""
    slots = match(p[:, 0], y[:, 0], valid)
    full = torch.cat([slots, torch.zeros(len(p), p.shape[2] - slots.shape[1], dtype=torch.long)], dim=1)
    return _with(full.argsort(dim=1)[:, : y.shape[2]], p, y, valid)


def best_slot_for_each(p, y, valid):
    """Gives every object the slot that it likes best, even where two like the same."""
    pairs = soft_iou(p[:, 0, :, None], y[:, 0, None])  # (B, K, N)
    return _with(pairs.argmax(dim=1), p, y, valid)


def padding_has_a_say(p, y, valid):
    """Matches padding as if it were an object."""
    return _with(match(p[:, 0], y[:, 0], torch.ones_like(valid)), p, y, valid)


def padding_pays(p, y, valid):
    """Averages over padding, too."""
    slots = match(p[:, 0], y[:, 0], valid)
    return _with(slots, p, y, torch.ones_like(valid))


def mean_over_frames(p, y, valid):
    """Averages over frames, where the sum is asked for."""
    return _with(match(p[:, 0], y[:, 0], valid), p, y, valid) / p.shape[1]


def sum_over_objects(p, y, valid):
    """Forgets to average."""
    return _with(match(p[:, 0], y[:, 0], valid), p, y, valid) * valid.sum()


def mean_of_the_clips_means(p, y, valid):
    """An object of a clip with few of them counts more."""
    slots, real = match(p[:, 0], y[:, 0], valid), valid.any(dim=1)
    each = [_with(slots[b : b + 1], p[b : b + 1], y[b : b + 1], valid[b : b + 1]) for b in range(len(p))]
    return torch.stack(each).sum() / real.sum().clamp(min=1)


def other_slots_are_silenced(p, y, valid):
    """Slots that nobody has pay for what they paint."""
    return _with(match(p[:, 0], y[:, 0], valid), p, y, valid) + 0.1 * p.mean()


def first_frame_alone(p, y, valid):
    """Scores the frame that was matched, and no other."""
    return _with(match(p[:, 0], y[:, 0], valid), p[:, :1], y[:, :1], valid)


def loss_detached(p, y, valid):
    """The right number, from which nothing can be learned."""
    return _with(match(p[:, 0], y[:, 0], valid), p.detach(), y, valid)


# ------------------------------------------------------------------------------------------------ Exercise 13.2


def _pairs(found, truth):
    J = np.array([[jaccard(a, b) for b in truth] for a in found]).reshape(len(found), len(truth))
    return linear_sum_assignment(J, maximize=True)


def _scores(found, truth, pairs, *, first=1, missing=None):
    answer = np.zeros_like(truth)
    answer[:, pairs[1]] = found[:, pairs[0]]
    scores = np.array(
        [np.mean([jaccard(*pair) for pair in zip(answer[first:, m], truth[first:, m])]) for m in range(truth.shape[1])]
    )
    if missing is not None:
        scores[[m for m in range(len(scores)) if m not in pairs[1]]] = missing
    return scores


def chosen_in_every_frame(found, truth):
    """Chooses anew each time: identities are forgiven."""
    answer = np.zeros_like(truth)
    for t in range(len(truth)):
        k, m = _pairs(found[t], truth[t])
        answer[t, m] = found[t, k]
    every = range(truth.shape[1])
    return _scores(answer, truth, (np.array(every), np.array(every)))


def chosen_by_the_whole_video(found, truth):
    """DAVIS's rule."""
    K, M = found.shape[1], truth.shape[1]
    J = np.array(
        [[np.mean([jaccard(*x) for x in zip(found[1:, k], truth[1:, m])]) for m in range(M)] for k in range(K)]
    )
    return _scores(found, truth, linear_sum_assignment(J.reshape(K, M), maximize=True))


def first_frame_counted(found, truth):
    """The frame that chose is scored, too."""
    return _scores(found, truth, _pairs(found[0], truth[0]), first=0)


def lost_objects_left_out(found, truth):
    """Objects without a slot are not among the scores."""
    k, m = _pairs(found[0], truth[0])
    return _scores(found, truth, (k, m))[np.sort(m)]


def lost_objects_score_zero(found, truth):
    """0 for an object without a slot, even where it is out of view."""
    return _scores(found, truth, _pairs(found[0], truth[0]), missing=0.0)


def scores_in_order_of_slots(found, truth):
    """The scores come slot by slot, not object by object."""
    k, m = _pairs(found[0], truth[0])
    scores = _scores(found, truth, (k, m))
    return np.concatenate([scores[m], scores[[n for n in range(len(scores)) if n not in m]]])


def one_slot_for_several_objects(found, truth):
    """One slot may be chosen twice."""
    K, M = found.shape[1], truth.shape[1]
    if not K:
        return _scores(found, truth, _pairs(found[0], truth[0]))
    J = np.array([[jaccard(found[0, k], truth[0, m]) for m in range(M)] for k in range(K)])
    return _scores(found, truth, (J.argmax(0), np.arange(M)))


def worst_slots(found, truth):
    """Takes J for a cost."""
    J = np.array([[jaccard(a, b) for b in truth[0]] for a in found[0]]).reshape(found.shape[1], truth.shape[1])
    return _scores(found, truth, linear_sum_assignment(J))


def overlap_alone(found, truth):
    """Chooses by the number of common pixels: large slots win."""
    common = (found[0][:, None] & truth[0][None]).sum((2, 3))
    return _scores(found, truth, linear_sum_assignment(common - 0.001 * np.arange(len(common))[:, None], maximize=True))


def chosen_in_frame_1(found, truth):
    """Counts frames from 1: the second frame chooses."""
    return _scores(found, truth, _pairs(found[1], truth[1]))


def divided_by_all_frames(found, truth):
    """A sum over frames 1 to T - 1, over T."""
    T = len(truth)
    return _scores(found, truth, _pairs(found[0], truth[0])) * (T - 1) / T


def empty_scores_zero(found, truth):
    """Counts J of two empty masks as 0."""
    pairs = _pairs(found[0], truth[0])
    answer = np.zeros_like(truth)
    answer[:, pairs[1]] = found[:, pairs[0]]
    both, union = (answer & truth)[1:].sum((2, 3)), (answer | truth)[1:].sum((2, 3))
    return (both / np.maximum(union, 1)).mean(axis=0)


def all_frames_as_one(found, truth):
    """One J for all later frames together."""
    pairs = _pairs(found[0], truth[0])
    answer = np.zeros_like(truth)
    answer[:, pairs[1]] = found[:, pairs[0]]
    return np.array([jaccard(answer[1:, m], truth[1:, m]) for m in range(truth.shape[1])])


def slots_in_their_order(found, truth):
    """Slot m for object m: nothing is chosen."""
    n = min(found.shape[1], truth.shape[1])
    return _scores(found, truth, (np.arange(n), np.arange(n)))


def lost_objects_score_one(found, truth):
    """An object without a slot counts as found."""
    return _scores(found, truth, _pairs(found[0], truth[0]), missing=1.0)


def best_pair_first_of_all(found, truth):
    """Chooses greedily: the best pair first."""
    K, M = found.shape[1], truth.shape[1]
    J = np.array([[jaccard(a, b) for b in truth[0]] for a in found[0]]).reshape(K, M)
    pairs = []
    for _ in range(min(K, M)):
        k, m = np.unravel_index(J.argmax(), J.shape)
        pairs.append((k, m))
        J[k], J[:, m] = -1, -1
    return _scores(found, truth, tuple(np.array(pairs, int).reshape(-1, 2).T))


# ------------------------------------------------------------------------------------------------ Exercise 13.3


def _slots(J, *, maximize=True):
    """The slot of every object in every frame, (T, N)."""
    slots = np.zeros((len(J), J.shape[2]), int)
    for t, one in enumerate(J):
        k, i = linear_sum_assignment(one, maximize=maximize)
        slots[t, i] = k
    return slots


def best_slot_of_each(J):
    """Two objects may have the same slot."""
    slots = J.argmax(axis=1)
    return int((slots[1:] != slots[:-1]).sum())


def objects_of_slots(J):
    """Compares what the matching returns, which is sorted by slot and not by object."""
    found = np.stack([linear_sum_assignment(one, maximize=True)[0] for one in J])
    return int((found[1:] != found[:-1]).sum())


def against_the_first_frame(J):
    """Counts every frame spent in another slot than the first one."""
    slots = _slots(J)
    return int((slots[1:] != slots[0]).sum())


def frames_with_a_change(J):
    """Counts two objects that change at once as one."""
    slots = _slots(J)
    return int((slots[1:] != slots[:-1]).any(axis=1).sum())


def objects_that_ever_change(J):
    """Counts an object once, however often it changes."""
    slots = _slots(J)
    return int((slots != slots[0]).any(axis=0).sum())


def worst_match(J):
    """Takes J for a cost."""
    slots = _slots(J, maximize=False)
    return int((slots[1:] != slots[:-1]).sum())


def numbers_subtracted(J):
    """Adds up how far apart the slots' numbers are."""
    slots = _slots(J)
    return int(np.abs(np.diff(slots, axis=0)).sum())


def objects_of_every_slot(J):
    """Counts slots whose object is another one: those that are left empty, too."""
    K = J.shape[1]
    objects = np.full((len(J), K), -1)
    for t, slots in enumerate(_slots(J)):
        objects[t, slots] = np.arange(J.shape[2])
    return int((objects[1:] != objects[:-1]).sum())


def best_pair_first(J):
    """Matches greedily."""
    slots = np.zeros((len(J), J.shape[2]), int)
    for t, one in enumerate(J.copy()):
        for _ in range(J.shape[2]):
            k, i = np.unravel_index(one.argmax(), one.shape)
            slots[t, i] = k
            one[k], one[:, i] = -1, -1
    return int((slots[1:] != slots[:-1]).sum())


def from_frame_2_on(J):
    """Leaves the step from frame 0 to frame 1 out."""
    slots = _slots(J)
    return int((slots[2:] != slots[1:-1]).sum())


def pairs_that_change(J):
    """Takes a change of two objects for one."""
    slots = _slots(J)
    return int((slots[1:] != slots[:-1]).sum()) // 2


def matched_by_the_first_frame(J):
    """Counts frames in which the first frame's slot is not an object's best."""
    slots = _slots(J)[0]
    return int((J[1:].argmax(axis=1) != slots).sum())


def first_object_alone(J):
    """Follows one object."""
    slots = _slots(J)[:, 0]
    return int((slots[1:] != slots[:-1]).sum())


def changes_as_a_float(J):
    """Returns the number as a float."""
    slots = np.array([linear_sum_assignment(one.T, maximize=True)[1] for one in J])
    return float(np.count_nonzero(slots[1:] != slots[:-1]))


# ------------------------------------------------------------------------------------------------ Exercise 13.4


def _labels(p, chosen, *, keys=None, threshold=0.5, ids=None):
    keys = list(chosen) if keys is None else keys
    if not keys:
        return np.zeros(p.shape[1:], np.uint8)
    ids = np.array([chosen.get(k, 0) for k in keys] if ids is None else ids)
    best = p[keys].argmax(axis=0)
    return np.where(p[keys].max(axis=0) > threshold, ids[best], 0).astype(np.uint8)


def all_slots_compete(p, chosen):
    """A slot that was not chosen takes pixels, which become background."""
    return _labels(p, chosen, keys=list(range(len(p))))


def slot_numbers(p, chosen):
    """Labels are slots from 1 on, not ids."""
    return _labels(p, chosen, ids=[k + 1 for k in chosen])


def ids_in_order_of_slots(p, chosen):
    """Sorts the slots, and not the ids with them."""
    return _labels(p, chosen, keys=sorted(chosen), ids=list(chosen.values()))


def no_background(p, chosen):
    """Every pixel goes to some object."""
    return _labels(p, chosen, threshold=-1.0)


def half_counts(p, chosen):
    """A probability of exactly one half is enough."""
    return _labels(p, chosen, threshold=0.5 - 1e-9)


def last_one_painted_wins(p, chosen):
    """Paints one mask over the other."""
    labels = np.zeros(p.shape[1:], np.uint8)
    for k, i in chosen.items():
        labels[p[k] > 0.5] = i
    return labels


def labels_of_another_type(p, chosen):
    """Right, but in 64 bits."""
    return _labels(p, chosen).astype(np.int64)


def later_of_equals(p, chosen):
    """Of two that are equally probable the later one takes the pixel."""
    labels, best = np.zeros(p.shape[1:], np.uint8), np.full(p.shape[1:], 0.5 + 1e-12)
    for k, i in chosen.items():
        labels[p[k] >= best] = i
        best = np.maximum(best, p[k])
    return labels


def ids_in_int8(p, chosen):
    """Keeps ids in a signed byte, where 200 is -56, and cuts at 0."""
    ids = np.array(list(chosen.values())).astype(np.int8)
    return _labels(p, chosen, ids=np.maximum(ids, 0))


def first_slots(p, chosen):
    """Takes the first so many slots, whichever were chosen."""
    return _labels(p, dict(enumerate(chosen.values())))


def ids_as_slots(p, chosen):
    """Reads the dictionary the other way round."""
    return _labels(p, {i % len(p): k for k, i in chosen.items()})


def rounded_first(p, chosen):
    """Rounds probabilities to two decimals."""
    return _labels(p.round(2), chosen)


def first_above_one_half(p, chosen):
    """The first slot that exceeds one half takes the pixel."""
    labels = np.zeros(p.shape[1:], np.uint8)
    for k, i in chosen.items():
        labels[(labels == 0) & (p[k] > 0.5)] = i
    return labels


def chosen_used_up(p, chosen):
    """Right, and empties the caller's dictionary."""
    labels, best = np.zeros(p.shape[1:], np.uint8), np.full(p.shape[1:], 0.5)
    while chosen:
        k = next(iter(chosen))
        i = chosen.pop(k)
        labels[p[k] > best] = i
        best = np.maximum(best, p[k])
    return labels


def _mean_js(answer, truth):
    """Of every object, over the frames but the first: masks (T, M, H, W) -> (M,)."""
    return np.array([[jaccard(*pair) for pair in zip(*both)] for both in zip(answer[1:], truth[1:])]).mean(axis=0)


def empty_masks_have_no_j(found, truth):
    """Takes the J of two empty masks for 0 where the slots are chosen."""
    J = np.array([[jaccard(a, y) for y in truth[0]] for a in found[0]]).reshape(found.shape[1], truth.shape[1])
    J[:, ~truth[0].any((1, 2))] = 0
    answer = np.zeros_like(truth)
    for k, m in zip(*linear_sum_assignment(J, maximize=True)):
        answer[:, m] = found[:, k]
    return _mean_js(answer, truth)


def nothing_shared_is_no_slot(found, truth):
    """Gives an object no slot where the one that is left for it shares nothing with it in frame 0."""
    J = np.array([[jaccard(a, y) for y in truth[0]] for a in found[0]]).reshape(found.shape[1], truth.shape[1])
    answer = np.zeros_like(truth)
    for k, m in zip(*linear_sum_assignment(J, maximize=True)):
        if J[k, m] > 0:
            answer[:, m] = found[:, k]
    return _mean_js(answer, truth)


WRONG = {
    "ex13-4": [
        by_the_list,
        matched_anew_in_every_frame,
        matched_on_the_last_frame,
        matched_over_the_whole_clip,
        one_choice_for_the_batch,
        object_of_each_slot,
        best_slot_for_each,
        padding_has_a_say,
        padding_pays,
        mean_over_frames,
        sum_over_objects,
        mean_of_the_clips_means,
        other_slots_are_silenced,
        first_frame_alone,
        loss_detached,
    ],
    "ex13-3": [
        chosen_in_every_frame,
        chosen_by_the_whole_video,
        first_frame_counted,
        lost_objects_left_out,
        lost_objects_score_zero,
        scores_in_order_of_slots,
        one_slot_for_several_objects,
        worst_slots,
        overlap_alone,
        chosen_in_frame_1,
        divided_by_all_frames,
        empty_scores_zero,
        all_frames_as_one,
        slots_in_their_order,
        lost_objects_score_one,
        best_pair_first_of_all,
        empty_masks_have_no_j,
        nothing_shared_is_no_slot,
    ],
    "ex13-2": [
        best_slot_of_each,
        objects_of_slots,
        against_the_first_frame,
        frames_with_a_change,
        objects_that_ever_change,
        worst_match,
        numbers_subtracted,
        objects_of_every_slot,
        best_pair_first,
        from_frame_2_on,
        pairs_that_change,
        matched_by_the_first_frame,
        first_object_alone,
        changes_as_a_float,
    ],
    "ex13-1": [
        all_slots_compete,
        slot_numbers,
        ids_in_order_of_slots,
        no_background,
        half_counts,
        last_one_painted_wins,
        labels_of_another_type,
        later_of_equals,
        ids_in_int8,
        first_slots,
        ids_as_slots,
        rounded_first,
        first_above_one_half,
        chosen_used_up,
    ],
}
