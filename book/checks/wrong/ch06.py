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


WRONG = {
    "ex06-1": [
        newest_is_one_old,
        newest_first,
        first_frame_all_alike,
        first_frame_not_normalised,
        first_frame_never_fades,
        eta_for_every_insert,
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
    ],
}
