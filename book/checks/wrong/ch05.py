"""Wrong answers to the exercises of chapter 05, named after the mistake."""

import numpy as np
from checks import ch05

# ------------------------------------------------------------------------------------------------ Exercise 5.1


def counts_remembered_frames(pixels, t_s):
    """Updates after every t_s-th frame that was remembered, and not every t_s-th frame."""
    remembered = [i for i, count in enumerate(pixels, 1) if count >= 10]
    return remembered, remembered[t_s - 1 :: t_s]


def updates_without_target(pixels, t_s):
    """Updates also where nothing was found."""
    remembered = [i for i, count in enumerate(pixels, 1) if count >= 10]
    return remembered, [i for i in range(1, len(pixels) + 1) if i % t_s == 0]


def counts_from_zero(pixels, t_s):
    """Numbers the frames from 0."""
    remembered = [i for i, count in enumerate(pixels) if count >= 10]
    return remembered, [i for i in remembered if i % t_s == 0]


def more_than_ten(pixels, t_s):
    """Takes "fewer than 10" for "10 or fewer"."""
    remembered = [i for i, count in enumerate(pixels, 1) if count > 10]
    return remembered, [i for i in remembered if i % t_s == 0]


def remembers_everything(pixels, t_s):
    """Remembers frames without the object too."""
    remembered = list(range(1, len(pixels) + 1))
    return remembered, [i for i in remembered if i % t_s == 0 and pixels[i - 1] >= 10]


def updates_between(pixels, t_s):
    """Updates one frame after every t_s-th."""
    remembered = [i for i, count in enumerate(pixels, 1) if count >= 10]
    return remembered, [i for i in remembered if i % t_s == 1 % t_s]


def every_eighth(pixels, t_s):
    """Takes 8 for t_s."""
    remembered = [i for i, count in enumerate(pixels, 1) if count >= 10]
    return remembered, [i for i in remembered if i % 8 == 0]


def makes_up_for_missed_updates(pixels, t_s):
    """Updates with the next frame that shows the object, where it was hidden when its turn came."""
    remembered, updated, due = [], [], False
    for i, count in enumerate(pixels, 1):
        due |= i % t_s == 0
        if count >= 10:
            remembered.append(i)
            if due:
                updated.append(i)
                due = False
    return remembered, updated


def ends_where_it_is_lost(pixels, t_s):
    """Stops at the first frame without the object."""
    remembered = []
    for i, count in enumerate(pixels, 1):
        if count < 10:
            break
        remembered.append(i)
    return remembered, [i for i in remembered if i % t_s == 0]


def flags_for_numbers(pixels, t_s):
    """Returns a flag for each frame."""
    seen = [count >= 10 for count in pixels]
    return seen, [one and i % t_s == 0 for i, one in enumerate(seen, 1)]


def hides_small_counts(pixels, t_s):
    """Right, but sets small counts of the caller's list to 0."""
    for i, count in enumerate(pixels):
        pixels[i] = count if count >= 10 else 0
    remembered = [i for i, count in enumerate(pixels, 1) if count]
    return remembered, [i for i in remembered if i % t_s == 0]


# ------------------------------------------------------------------------------------------------ Exercise 5.2


def never_background(p, ids):
    """The likeliest object, however unlikely."""
    return np.array(ids, np.uint8)[p.argmax(axis=0)]


def numbers_for_ids(p, ids):
    """The object's place in the list in place of its id."""
    return np.where(p.max(axis=0) > 0.5, p.argmax(axis=0) + 1, 0).astype(np.uint8)


def last_object_wins(p, ids):
    """Paints one thresholded mask over the other."""
    labels = np.zeros(p.shape[1:], np.uint8)
    for mask, i in zip(p > 0.5, ids):
        labels[mask] = i
    return labels


def background_as_product(p, ids):
    """The background is what no object claims: the product of all 1 - p."""
    everything = np.concatenate([(1 - p).prod(axis=0, keepdims=True), p])
    return np.array([0, *ids], np.uint8)[everything.argmax(axis=0)]


def half_included(p, ids):
    """One half exactly counts as the object."""
    return np.where(p.max(axis=0) >= 0.5, np.array(ids)[p.argmax(axis=0)], 0).astype(np.uint8)


def last_of_equals(p, ids):
    """Gives a tie to the last object."""
    best = len(p) - 1 - p[::-1].argmax(axis=0)
    return np.where(p.max(axis=0) > 0.5, np.array(ids)[best], 0).astype(np.uint8)


def smaller_id_of_equals(p, ids):
    """Sorts the objects by their ids first, and so gives ties to the smallest."""
    order = np.argsort(ids)
    return np.where(p.max(axis=0) > 0.5, np.array(ids)[order][p[order].argmax(axis=0)], 0).astype(np.uint8)


def ids_in_int8(p, ids):
    """Keeps the ids in int8, which ends at 127, on the way."""
    best = np.array(ids).astype(np.int8)[p.argmax(axis=0)]
    return np.where(p.max(axis=0) > 0.5, best.clip(0), 0).astype(np.uint8)


def background_as_mean(p, ids):
    """The background as the mean of all 1 - p."""
    everything = np.concatenate([(1 - p).mean(axis=0, keepdims=True), p])
    return np.array([0, *ids], np.uint8)[everything.argmax(axis=0)]


def rounded_first(p, ids):
    """Rounds the probabilities to two digits."""
    p = p.round(2)
    return np.where(p.max(axis=0) > 0.5, np.array(ids)[p.argmax(axis=0)], 0).astype(np.uint8)


def only_where_others_deny(p, ids):
    """Asks that every other object be less likely than one half."""
    sure = (p > 0.5).sum(axis=0) == 1
    return np.where(sure, np.array(ids)[p.argmax(axis=0)], 0).astype(np.uint8)


def erases_in_place(p, ids):
    """Right, but sets what is at most one half to 0 in the caller's p."""
    p[p <= 0.5] = 0
    return np.where(p.any(axis=0), np.array(ids)[p.argmax(axis=0)], 0).astype(np.uint8)


# ------------------------------------------------------------------------------------------------ Exercise 5.3


def _remembered(p, *, background=lambda p: (1 - p).min(axis=0), odds=lambda p: p / (1 - p), keep=None, clip=True):
    p = np.clip(p, 1e-7, 1 - 1e-7) if clip else p
    everything = np.concatenate([background(p)[None], p])
    with np.errstate(all="ignore"):
        strength = odds(everything)
        powers = np.exp(strength - strength.max(axis=0))
        q = powers / powers.sum(axis=0)
    winner, own = everything.argmax(axis=0), np.arange(1, len(q))[:, None, None]
    return q[1:] if keep == "all" else np.where((winner == own) | ((winner == 0) & (keep != "own")), q[1:], 0)


def softmax_of_probabilities(p):
    """Leaves the odds out: the softmax of p is almost flat."""
    return _remembered(p, odds=lambda p: p)


def normalised_without_exponential(p):
    """Divides p by its sum."""
    return _remembered(p, odds=np.log)


def product_background(p):
    """The background as the product of all 1 - p."""
    return _remembered(p, background=lambda p: (1 - p).prod(axis=0))


def rivals_kept(p):
    """Keeps the probability also where another object wins."""
    return _remembered(p, keep="all")


def only_where_it_wins(p):
    """Zero where the background wins, too."""
    return _remembered(p, keep="own")


def not_clamped(p):
    """Divides by zero where p is 1."""
    return _remembered(p, clip=False)


def clamps_in_place(p):
    """Right, but writes into the caller's array."""
    np.clip(p, 1e-7, 1 - 1e-7, out=p)
    return _remembered(p)


def clamps_to_a_thousandth(p):
    """Clamps to 1e-3, where certain objects cannot be told apart any more."""
    return _remembered(np.clip(p, 1e-3, 1 - 1e-3))


def clamps_to_a_hundred_thousandth(p):
    """Clamps to 1e-4."""
    return _remembered(np.clip(p, 1e-4, 1 - 1e-4))


def ties_to_the_object(p):
    """Gives a tie with the background to the object."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    q = _remembered(p, keep="all")
    best = p.max(axis=0) >= (1 - p).min(axis=0)
    return np.where(best & (p.argmax(axis=0) != np.arange(len(p))[:, None, None]), 0, q)


def ties_to_the_last(p):
    """Gives a tie between objects to the last."""
    return _remembered(p[::-1])[::-1]


def zero_at_all_rivals(p):
    """Compares with the largest q, so that both objects of a tie are kept."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    q = _remembered(p, keep="all")
    background = p.max(axis=0) <= 0.5
    return np.where((q == q.max(axis=0)) | background, q, 0)


def merged_but_hard(p):
    """Remembers 0 and 1."""
    return (_remembered(p) > 0.5).astype(float)


def not_merged(p):
    """Keeps each object's own probability where no other wins."""
    return np.where(_remembered(p) > 0, p, 0)


def odds_without_background(p):
    """Leaves the background out of the softmax."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    odds = p / (1 - p)
    powers = np.exp(odds - odds.max(axis=0))
    return np.where(_remembered(p) > 0, powers / powers.sum(axis=0), 0)


# ------------------------------------------------------------------------------------------------ Exercise 5.4


def _run(frames, given, learn, *, given_wins=True, protect=True, own_age=True, only_remembered=True, at_once=False,
         every=8, raw=False, ids_of=lambda new: np.unique(new[new > 0])):  # fmt: skip
    models, age, answers = {}, {}, []
    for t, frame in enumerate(frames):
        new = given.get(t, np.zeros(frame.shape[:2], np.uint8))
        if at_once:
            for i in ids_of(new).tolist():
                models[i], age[i] = learn(frame, new == i), -1
        labels = np.zeros_like(new)
        if models:
            p = np.stack([model.probability(frame) for model in models.values()])
            p = p * (new == 0) if protect else p
            labels = ch05.labels_of(p, list(models))
            for i, label in zip(list(models), p if raw else ch05.remembered_by(p)):
                age[i] += 1
                remembered = models[i].insert(frame, label)
                if (remembered or not only_remembered) and (age[i] if own_age else t) % every == 0:
                    models[i].update()
        for i in [] if at_once else ids_of(new).tolist():
            models[i], age[i] = learn(frame, new == i), 0
        answers.append(np.where(new > 0, new, labels).astype(np.uint8) if given_wins else labels)
    return answers


def given_mask_ignored(frames, given, learn):
    """Answers with its own labels where a mask was given."""
    return _run(frames, given, learn, given_wins=False)


def remembers_under_the_new_mask(frames, given, learn):
    """The known objects' models remember their claim where the new object is."""
    return _run(frames, given, learn, protect=False)


def counts_frames_of_the_video(frames, given, learn):
    """Updates every eighth frame of the video, not of the object."""
    return _run(frames, given, learn, own_age=False)


def updates_when_hidden(frames, given, learn):
    """Updates also after a frame that was not remembered."""
    return _run(frames, given, learn, only_remembered=False)


def updates_every_frame(frames, given, learn):
    """Forgets t_s."""
    return _run(frames, given, learn, every=1)


def remembers_unmerged(frames, given, learn):
    """Remembers each model's own probability, as it was before the merge."""
    return _run(frames, given, learn, raw=True)


def learns_all_new_objects_as_one(frames, given, learn):
    """Gives every new object's model the mask of all that are new in the frame."""
    return _run(frames, given, lambda frame, mask: learn(frame, _all_new(frames, given, frame)))


def _all_new(frames, given, frame):
    return next(labels > 0 for t, labels in given.items() if np.array_equal(frames[t], frame))


def scores_its_own_first_frame(frames, given, learn):
    """Lets a new model score and remember the frame that it was learned from."""
    return _run(frames, given, learn, at_once=True)


def takes_the_first_id_for_background(frames, given, learn):
    """Drops the smallest label of a mask, which is an object where nothing is left to the background."""
    return _run(frames, given, learn, ids_of=lambda new: np.unique(new)[1:])


def erases_in_the_models_array(frames, given, learn):
    """Right, but sets the model's own array to 0 where a mask is given."""
    models, age, answers = {}, {}, []
    for t, frame in enumerate(frames):
        new = given.get(t, np.zeros(frame.shape[:2], np.uint8))
        labels = np.zeros_like(new)
        if models:
            maps = [model.probability(frame) for model in models.values()]
            for one in maps:
                one[new > 0] = 0
            p = np.stack(maps)
            labels = ch05.labels_of(p, list(models))
            for i, label in zip(list(models), ch05.remembered_by(p)):
                age[i] += 1
                if models[i].insert(frame, label) and age[i] % 8 == 0:
                    models[i].update()
        for i in np.unique(new[new > 0]).tolist():
            models[i], age[i] = learn(frame, new == i), 0
        answers.append(np.where(new > 0, new, labels).astype(np.uint8))
    return answers


def pops_the_given_masks(frames, given, learn):
    """Right, but takes the masks out of the caller's dictionary."""
    answers = _run(frames, given, learn)
    given.clear()
    return answers


def fills_the_given_masks(frames, given, learn):
    """Right, but writes what was found into the caller's masks."""
    answers = _run(frames, given, learn)
    for t, labels in given.items():
        labels[...] = answers[t]
    return answers


def counts_remembered_frames_only(frames, given, learn):
    """Counts the age in frames that were remembered."""
    models, age, answers = {}, {}, []
    for t, frame in enumerate(frames):
        new = given.get(t, np.zeros(frame.shape[:2], np.uint8))
        labels = np.zeros_like(new)
        if models:
            p = np.stack([model.probability(frame) for model in models.values()]) * (new == 0)
            labels = ch05.labels_of(p, list(models))
            for i, label in zip(list(models), ch05.remembered_by(p)):
                if models[i].insert(frame, label):
                    age[i] += 1
                    if age[i] % 8 == 0:
                        models[i].update()
        for i in np.unique(new[new > 0]).tolist():
            models[i], age[i] = learn(frame, new == i), 0
        answers.append(np.where(new > 0, new, labels).astype(np.uint8))
    return answers


def labels_of_the_updated_models(frames, given, learn):
    """Asks the models anew for the labels, after they have remembered the frame and were updated."""
    models, age, answers = {}, {}, []
    for t, frame in enumerate(frames):
        new = given.get(t, np.zeros(frame.shape[:2], np.uint8))
        labels = np.zeros_like(new)
        if models:
            p = np.stack([model.probability(frame) for model in models.values()]) * (new == 0)
            for i, label in zip(list(models), ch05.remembered_by(p)):
                age[i] += 1
                if models[i].insert(frame, label) and age[i] % 8 == 0:
                    models[i].update()
            p = np.stack([model.probability(frame) for model in models.values()])
            labels = ch05.labels_of(p, list(models))
        for i in np.unique(new[new > 0]).tolist():
            models[i], age[i] = learn(frame, new == i), 0
        answers.append(np.where(new > 0, new, labels).astype(np.uint8))
    return answers


WRONG = {
    "ex05-1": [
        counts_remembered_frames,
        updates_without_target,
        counts_from_zero,
        more_than_ten,
        remembers_everything,
        updates_between,
        every_eighth,
        makes_up_for_missed_updates,
        ends_where_it_is_lost,
        flags_for_numbers,
        hides_small_counts,
    ],
    "ex05-2": [
        never_background,
        numbers_for_ids,
        last_object_wins,
        background_as_product,
        half_included,
        last_of_equals,
        smaller_id_of_equals,
        ids_in_int8,
        background_as_mean,
        rounded_first,
        only_where_others_deny,
        erases_in_place,
    ],
    "ex05-3": [
        softmax_of_probabilities,
        normalised_without_exponential,
        product_background,
        rivals_kept,
        only_where_it_wins,
        not_clamped,
        clamps_in_place,
        clamps_to_a_thousandth,
        clamps_to_a_hundred_thousandth,
        ties_to_the_object,
        ties_to_the_last,
        zero_at_all_rivals,
        merged_but_hard,
        not_merged,
        odds_without_background,
    ],
    "ex05-4": [
        given_mask_ignored,
        remembers_under_the_new_mask,
        counts_frames_of_the_video,
        updates_when_hidden,
        updates_every_frame,
        remembers_unmerged,
        scores_its_own_first_frame,
        learns_all_new_objects_as_one,
        takes_the_first_id_for_background,
        erases_in_the_models_array,
        pops_the_given_masks,
        fills_the_given_masks,
        counts_remembered_frames_only,
        labels_of_the_updated_models,
    ],
}
