"""Wrong answers to the exercises of chapter 06, named after the mistake."""

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 6.1


def newest_is_one_old(n, eta, first):
    """Counts the newest sample's age as 1."""
    return np.append((1 - eta) ** n * first / first.sum(), eta * (1 - eta) ** np.arange(1, n + 1)[::-1])


def newest_first(n, eta, first):
    """Has the ages the wrong way round."""
    return np.append((1 - eta) ** n * first / first.sum(), eta * (1 - eta) ** np.arange(n))


def first_frame_all_alike(n, eta, first):
    """Forgets that the first frame's samples have weights of their own."""
    return np.append(np.full(len(first), (1 - eta) ** n / len(first)), eta * (1 - eta) ** np.arange(n)[::-1])


def first_frame_not_normalised(n, eta, first):
    """Takes the first weights as they are given."""
    return np.append((1 - eta) ** n * first, eta * (1 - eta) ** np.arange(n)[::-1])


def first_frame_never_fades(n, eta, first):
    """Lets only inserted samples decay, and normalises at the end."""
    gamma = np.append(first / first.sum(), eta * (1 - eta) ** np.arange(n)[::-1])
    return gamma / gamma.sum()


def eta_for_every_insert(n, eta, first):
    """Gives each new sample eta beside the old ones, and normalises."""
    gamma = first / first.sum()
    for _ in range(n):
        gamma = np.append(gamma, eta) / (1 + eta)
    return gamma


def five_of_the_first_frame(n, eta, first):
    """Takes five samples of the first frame for granted."""
    first = np.resize(first, 5)
    return np.append((1 - eta) ** n * first / first.sum(), eta * (1 - eta) ** np.arange(n)[::-1])


def normalises_everything_at_the_end(n, eta, first):
    """Lets the first weights count as they are given, and divides all by their sum."""
    gamma = np.append((1 - eta) ** n * first, eta * (1 - eta) ** np.arange(n)[::-1])
    return gamma / gamma.sum()


def first_frame_sorted(n, eta, first):
    """Sorts the first frame's weights."""
    return np.append((1 - eta) ** n * np.sort(first) / first.sum(), eta * (1 - eta) ** np.arange(n)[::-1])


def newest_before_the_first_frame(n, eta, first):
    """Puts the first frame at the end."""
    return np.append(eta * (1 - eta) ** np.arange(n)[::-1], (1 - eta) ** n * first / first.sum())


def first_frame_one_insert_younger(n, eta, first):
    """Lets the first frame decay once less, and gives its sample the rest."""
    gamma = np.append((1 - eta) ** max(n - 1, 0) * first / first.sum(), eta * (1 - eta) ** np.arange(n)[::-1])
    return gamma / gamma.sum()


def at_most_eighty(n, eta, first):
    """Removes the oldest samples, as a memory of 80 would."""
    gamma = np.append((1 - eta) ** n * first / first.sum(), eta * (1 - eta) ** np.arange(n)[::-1])[-80:]
    return gamma / gamma.sum()


def normalised_in_the_type_of_first(n, eta, first):
    """Right, but writes the normalised weights into a copy, which of whole numbers holds no fractions."""
    share = first.copy()
    share[:] = first / first.sum()
    return np.append((1 - eta) ** n * share, eta * (1 - eta) ** np.arange(n)[::-1])


def divides_the_callers_weights(n, eta, first):
    """Right, but normalises the caller's array."""
    first /= first.sum()
    return np.append((1 - eta) ** n * first, eta * (1 - eta) ** np.arange(n)[::-1])


# ------------------------------------------------------------------------------------------------ Exercise 6.2


def _insert(gamma, newest, eta, K_max, *, new=lambda g, eta: g / (1 - eta), out=np.argmin, normalise=True):
    if newest is None:
        return np.append((1 - eta) * gamma, eta), len(gamma)
    place = int(out(gamma)) if len(gamma) == K_max else len(gamma)
    result = gamma.copy() if len(gamma) == K_max else np.append(gamma, 0.0)
    result[place] = new(gamma[newest], eta)
    return (result / result.sum() if normalise else result), place


def normalises_before_the_decay(gamma, newest, eta, K_max):
    """Normalises, then appends the new weight: the sum exceeds 1."""
    return _insert(gamma / gamma.sum(), newest, eta, K_max, normalise=False)


def adds_eta_and_normalises(gamma, newest, eta, K_max):
    """Gives every new sample eta beside the old ones, as if the first insert were each insert."""
    return _insert(gamma, newest, eta, K_max, new=lambda g, eta: eta)


def takes_exactly_eta(gamma, newest, eta, K_max):
    """Decays all by 1 - eta, which is the rule only while nothing is evicted, and not normalised after that."""
    place = int(gamma.argmin()) if len(gamma) == K_max else len(gamma)
    result = (1 - eta) * (gamma.copy() if len(gamma) == K_max else np.append(gamma, 0.0))
    result[place] = eta
    return result, place


def eta_of_what_is_left(gamma, newest, eta, K_max):
    """Evicts, normalises what is left, and then decays: the new one has eta, and not a little more."""
    result, place = takes_exactly_eta(gamma, newest, eta, K_max)
    others = np.arange(len(result)) != place
    result[others] *= (1 - eta) / result[others].sum()
    return result, place


def new_is_smaller(gamma, newest, eta, K_max):
    """Multiplies by 1 - eta where the rule divides."""
    return _insert(gamma, newest, eta, K_max, new=lambda g, eta: g * (1 - eta))


def first_insert_has_a_predecessor(gamma, newest, eta, K_max):
    """Takes the first frame's last sample for the newest at the first insert."""
    return _insert(gamma, len(gamma) - 1 if newest is None else newest, eta, K_max)


def evicts_the_first_place(gamma, newest, eta, K_max):
    """Takes place 0 for the oldest sample, and that for the smallest weight."""
    return _insert(gamma, newest, eta, K_max, out=lambda gamma: 0)


def evicts_the_place_after_the_newest(gamma, newest, eta, K_max):
    """A ring buffer: overwrites in the order of the places."""
    return _insert(gamma, newest, eta, K_max, out=lambda gamma: (newest + 1) % len(gamma))


def never_evicts(gamma, newest, eta, K_max):
    """Forgets K_max."""
    return _insert(gamma, newest, eta, 10**9)


def one_too_many(gamma, newest, eta, K_max):
    """Evicts one insert late."""
    return _insert(gamma, newest, eta, K_max + 1)


def writes_into_the_argument(gamma, newest, eta, K_max):
    """Right, but normalises the caller's array in place."""
    result, place = _insert(gamma, newest, eta, K_max)
    gamma *= result[0] / gamma[0] if place else 1
    return result, place


def place_0_is_taken_for_none(gamma, newest, eta, K_max):
    """Asks `if not newest`, which is true of place 0 as well."""
    return _insert(gamma, newest if newest else None, eta, K_max + (not newest))


def newest_is_always_last(gamma, newest, eta, K_max):
    """Takes the last place for the newest."""
    return _insert(gamma, None if newest is None else len(gamma) - 1, eta, K_max)


def grows_from_the_largest(gamma, newest, eta, K_max):
    """Takes the largest weight for the newest."""
    return _insert(gamma, None if newest is None else int(gamma.argmax()), eta, K_max)


def evicts_the_largest(gamma, newest, eta, K_max):
    """Gives up the sample that counts most."""
    return _insert(gamma, newest, eta, K_max, out=np.argmax)


def moves_the_samples_up(gamma, newest, eta, K_max):
    """Deletes the smallest and appends, so that samples change their places."""
    if newest is None or len(gamma) < K_max:
        return _insert(gamma, newest, eta, K_max)
    result = np.append(np.delete(gamma, gamma.argmin()), gamma[newest] / (1 - eta))
    return result / result.sum(), int(gamma.argmin())


def room_for_eighty(gamma, newest, eta, K_max):
    """Takes 80 for K_max."""
    return _insert(gamma, newest, eta, 80)


def sorted_weights(gamma, newest, eta, K_max):
    """Sorts the weights, and returns them so."""
    result, place = _insert(gamma, newest, eta, K_max)
    return np.sort(result), place


def evicts_before_it_reads(gamma, newest, eta, K_max):
    """Empties the place first, so that a newest sample that is the lightest leaves no weight to grow from."""
    if newest is None or len(gamma) < K_max:
        return _insert(gamma, newest, eta, K_max)
    place = int(gamma.argmin())
    result = np.where(np.arange(K_max) == place, 0.0, gamma)
    result[place] = result[newest] / (1 - eta)
    return result / result.sum(), place


# ------------------------------------------------------------------------------------------------ Exercise 6.3


def _equations(X, U_y, U_x, y, v, *, kron=None, v_of_A=None, v_of_g=None):
    U = np.kron(U_y, U_x) if kron is None else kron
    UX = U @ X
    v_A, v_g = (v if one is None else one for one in (v_of_A, v_of_g))
    return UX.T @ (v_A.flatten()[:, None] * UX), UX.T @ (v_g * y).flatten()


def v_twice(X, U_y, U_x, y, v):
    """Weighs both factors: the loss carries v squared."""
    return _equations(X, U_y, U_x, y, v, v_of_A=v**2, v_of_g=v**2)


def root_of_v(X, U_y, U_x, y, v):
    """Weighs by the root, as the residual is weighed, but only one factor."""
    return _equations(X, U_y, U_x, y, v, v_of_A=v**0.5, v_of_g=v**0.5)


def labels_without_weights(X, U_y, U_x, y, v):
    """Forgets v on the right-hand side."""
    return _equations(X, U_y, U_x, y, v, v_of_g=np.ones_like(v))


def labels_weighed_twice(X, U_y, U_x, y, v):
    """Weighs y and then the whole right-hand side."""
    return _equations(X, U_y, U_x, y, v, v_of_g=v**2)


def no_weights(X, U_y, U_x, y, v):
    """Forgets v altogether."""
    return _equations(X, U_y, U_x, y, np.ones_like(v))


def axes_exchanged(X, U_y, U_x, y, v):
    """Reads the cells of X column by column."""
    (H, h), (W, w) = U_y.shape, U_x.shape
    columns = np.kron(U_x, U_y).reshape(W, H, w * h).transpose(1, 0, 2).reshape(H * W, w * h)
    return _equations(X, U_y, U_x, y, v, kron=columns)


def label_transposed(X, U_y, U_x, y, v):
    """Flattens the label column by column."""
    return _equations(X, U_y, U_x, y.T.reshape(y.shape), v)


def target_pixels_only(X, U_y, U_x, y, v):
    """Lets only the target's pixels count."""
    return _equations(X, U_y, U_x, y, v * y)


def coarse_labels(X, U_y, U_x, y, v):
    """Shrinks label and weights to the grid, and forgets U."""
    small_v, small_vy = U_y.T @ v @ U_x, U_y.T @ (v * y) @ U_x
    return X.T @ (small_v.flatten()[:, None] * X), X.T @ small_vy.flatten()


def cells_column_by_column(X, U_y, U_x, y, v):
    """Takes the cells column by column."""
    h, w = U_y.shape[1], U_x.shape[1]
    return _equations(X.reshape(w, h, -1).transpose(1, 0, 2).reshape(h * w, -1), U_y, U_x, y, v)


def pixels_that_count_alone(X, U_y, U_x, y, v):
    """Multiplies the features by the weights before it interpolates nothing else: A has no weights."""
    A = _equations(X, U_y, U_x, y, np.ones_like(v))[0]
    return A, _equations(X, U_y, U_x, y, v)[1]


def negative_right_side(X, U_y, U_x, y, v):
    """Takes g from the gradient, with its sign."""
    A, g = _equations(X, U_y, U_x, y, v)
    return A, -g


def factor_two(X, U_y, U_x, y, v):
    """Leaves the gradient's 2 in g."""
    A, g = _equations(X, U_y, U_x, y, v)
    return A, 2 * g


def mean_over_pixels(X, U_y, U_x, y, v):
    """Divides by the number of pixels."""
    A, g = _equations(X, U_y, U_x, y, v)
    return A / y.size, g / y.size


def diagonal_of_A(X, U_y, U_x, y, v):
    """Drops what couples two features."""
    A, g = _equations(X, U_y, U_x, y, v)
    return np.diag(np.diag(A)), g


def weighs_the_callers_labels(X, U_y, U_x, y, v):
    """Right, but multiplies the weights into the caller's y."""
    A, g = _equations(X, U_y, U_x, y, v)
    y *= v
    return A, g


def labels_of_0_and_1(X, U_y, U_x, y, v):
    """Takes the soft labels for hard ones."""
    return _equations(X, U_y, U_x, (y > 0.5).astype(float), v)


# ------------------------------------------------------------------------------------------------ Exercise 6.4


def _run(first, samples, eta, share, *, excess=lambda own, share: (share - own) / (1 - own), compound=False,
         always=False, added=False, gain=None, begin=1.0):  # fmt: skip
    running, own = first, begin
    for sample in samples:
        running = tuple((1 - eta) * r + (eta if gain is None else gain) * s for r, s in zip(running, sample))
        own *= 1 - eta
        back = excess(own, share) if always or own < share else 0.0
        keep = 1.0 if added else 1 - back
        result = tuple(keep * r + back * f for r, f in zip(running, first))
        if compound:
            running = result
        yield result


def mixes_into_the_running_sum(first, samples, eta, share):
    """Keeps the mixture as the sum, so the first frame is added again and again."""
    return _run(first, samples, eta, share, compound=True)


def mixes_in_the_whole_share(first, samples, eta, share):
    """Mixes in `share`, beside what the first frame has already."""
    return _run(first, samples, eta, share, excess=lambda own, share: share)


def mixes_in_the_difference(first, samples, eta, share):
    """Mixes in share - own, and forgets that mixing also lowers its own."""
    return _run(first, samples, eta, share, excess=lambda own, share: share - own)


def others_not_lowered(first, samples, eta, share):
    """Adds what is missing to the first frame: the weights no longer sum to 1."""
    return _run(first, samples, eta, share, added=True, excess=lambda own, share: share - own)


def exactly_the_share(first, samples, eta, share):
    """Sets the share also where the first frame has more by itself."""
    return _run(first, samples, eta, share, always=True)


def no_protection(first, samples, eta, share):
    """Ignores the share."""
    return _run(first, samples, eta, 0.0)


def old_not_decayed(first, samples, eta, share):
    """Adds eta times the new sample to an undiminished sum."""
    running, own = first, 1.0
    for sample in samples:
        running = tuple(r + eta * s for r, s in zip(running, sample))
        own *= 1 - eta
        back = (share - own) / (1 - own) if own < share else 0.0
        yield tuple((1 - back) * r + back * f for r, f in zip(running, first))


def new_counts_fully(first, samples, eta, share):
    """Adds the new sample with the weight 1."""
    return _run(first, samples, eta, share, gain=1.0)


def share_counted_one_late(first, samples, eta, share):
    """Takes the first frame's share from before the insert."""
    return _run(first, samples, eta, share, begin=1 / (1 - eta))


def collects_all_samples_first(first, samples, eta, share):
    """Makes a list of the samples: on a video that does not end it never begins."""
    return _run(first, list(samples), eta, share)


def sums_in_place(first, samples, eta, share):
    """Right numbers, but every result is the same array, overwritten by the next insert."""
    out = tuple(np.array(part) for part in first)
    for result in _run(first, samples, eta, share):
        for part, new in zip(out, result):
            part[:] = new
        yield out


def share_of_the_first_result(first, samples, eta, share):
    """Fixes how much is mixed in by the first sample."""
    back = None
    running, own = first, 1.0
    for sample in samples:
        running = tuple((1 - eta) * r + eta * s for r, s in zip(running, sample))
        own *= 1 - eta
        back = (max(share - own, 0) / (1 - own)) if back is None else back
        yield tuple((1 - back) * r + back * f for r, f in zip(running, first))


def matrices_alone(first, samples, eta, share):
    """Protects the first frame's A, and forgets its g."""
    running, own = first, 1.0
    for sample in samples:
        running = tuple((1 - eta) * r + eta * s for r, s in zip(running, sample))
        own *= 1 - eta
        back = (share - own) / (1 - own) if own < share else 0.0
        yield (1 - back) * running[0] + back * first[0], running[1]


def first_sample_twice(first, samples, eta, share):
    """Begins the running sums with the first sample, and not with the first frame."""
    running, own = None, 1.0
    for sample in samples:
        running = sample if running is None else tuple((1 - eta) * r + eta * s for r, s in zip(running, sample))
        own *= 1 - eta
        back = max(share, own)
        yield tuple((1 - back) * r + back * f for r, f in zip(running, first))


def weights_by_number(first, samples, eta, share):
    """Takes the plain mean of the samples."""
    total, n = tuple(np.zeros_like(part) for part in first), 0
    for sample in samples:
        total, n = tuple(t + s for t, s in zip(total, sample)), n + 1
        back = max(share, (1 - eta) ** n)
        yield tuple((1 - back) * t / n + back * f for t, f in zip(total, first))


def weakens_the_callers_first_frame(first, samples, eta, share):
    """Lets the caller's pair be the running sum, and adds to it in place."""
    running, own = first, 1.0
    kept = tuple(part.copy() for part in first)
    for sample in samples:
        for r, s in zip(running, sample):
            r *= 1 - eta
            r += eta * s
        own *= 1 - eta
        back = (share - own) / (1 - own) if own < share else 0.0
        yield tuple((1 - back) * r + back * f for r, f in zip(running, kept))


def weighs_the_samples_in_place(first, samples, eta, share):
    """Multiplies eta into the samples that it is given."""
    running, own = first, 1.0
    for sample in samples:
        for part in sample:
            part *= eta
        running = tuple((1 - eta) * r + s for r, s in zip(running, sample))
        own *= 1 - eta
        back = (share - own) / (1 - own) if own < share else 0.0
        yield tuple((1 - back) * r + back * f for r, f in zip(running, first))


def asks_ahead(first, samples, eta, share):
    """Asks for the next sample before it yields the last result."""
    waiting = None
    for result in _run(first, samples, eta, share):
        if waiting is not None:
            yield waiting
        waiting = result
    yield waiting


WRONG = {
    "ex06-1": [
        newest_is_one_old,
        newest_first,
        first_frame_all_alike,
        first_frame_not_normalised,
        first_frame_never_fades,
        eta_for_every_insert,
        five_of_the_first_frame,
        normalises_everything_at_the_end,
        first_frame_sorted,
        newest_before_the_first_frame,
        first_frame_one_insert_younger,
        divides_the_callers_weights,
        at_most_eighty,
        normalised_in_the_type_of_first,
    ],
    "ex06-2": [
        normalises_before_the_decay,
        adds_eta_and_normalises,
        takes_exactly_eta,
        eta_of_what_is_left,
        new_is_smaller,
        first_insert_has_a_predecessor,
        evicts_the_first_place,
        evicts_the_place_after_the_newest,
        never_evicts,
        one_too_many,
        writes_into_the_argument,
        place_0_is_taken_for_none,
        newest_is_always_last,
        grows_from_the_largest,
        evicts_the_largest,
        moves_the_samples_up,
        room_for_eighty,
        sorted_weights,
        evicts_before_it_reads,
    ],
    "ex06-3": [
        v_twice,
        root_of_v,
        labels_without_weights,
        labels_weighed_twice,
        no_weights,
        axes_exchanged,
        label_transposed,
        target_pixels_only,
        coarse_labels,
        cells_column_by_column,
        pixels_that_count_alone,
        negative_right_side,
        factor_two,
        mean_over_pixels,
        diagonal_of_A,
        weighs_the_callers_labels,
        labels_of_0_and_1,
    ],
    "ex06-4": [
        mixes_into_the_running_sum,
        mixes_in_the_whole_share,
        mixes_in_the_difference,
        others_not_lowered,
        exactly_the_share,
        no_protection,
        old_not_decayed,
        new_counts_fully,
        share_counted_one_late,
        collects_all_samples_first,
        sums_in_place,
        share_of_the_first_result,
        matrices_alone,
        first_sample_twice,
        weights_by_number,
        weakens_the_callers_first_frame,
        weighs_the_samples_in_place,
        asks_ahead,
    ],
}
