"""Wrong answers to the exercises of chapter 07, named after the mistake."""

import numpy as np
import torch
import torch.nn.functional as F

from vosbook.nn.resize import resize_matrix

# ------------------------------------------------------------------------------------------------ Exercise 7.3


def probability_first(logits, y):
    """Takes the logarithm of the sigmoid: 0 times infinity where a logit is large."""
    p = 1 / (1 + np.exp(-logits))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def clipped_probability(logits, y):
    """Clips the probability, and with it the loss of a bad mistake."""
    p = np.clip(1 / (1 + np.exp(-logits)), 1e-7, 1 - 1e-7)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def _stable(logits, y):
    return np.maximum(logits, 0) - logits * y + np.log1p(np.exp(-np.abs(logits)))


def sigmoid_twice(logits, y):
    """Gives probabilities to a function of logits."""
    return _stable(1 / (1 + np.exp(-logits)), y).mean()


def summed(logits, y):
    """Adds the pixels up, and does not average them."""
    return _stable(logits, y).sum()


def labels_swapped(logits, y):
    """The loss against 1 - y."""
    return _stable(logits, 1 - y).mean()


def hinged(logits, y):
    """Leaves the logarithm out, since it is small where logits are large."""
    return (np.maximum(logits, 0) - logits * y).mean()


def exponential_overflows(logits, y):
    """log(1 + exp(z)) as it stands: infinite for a logit of 1000."""
    return (np.log1p(np.exp(logits)) - logits * y).mean()


def clipped_logits(logits, y):
    """Clips the logits, so that no exponential overflows."""
    return _stable(np.clip(logits, -100, 100), y).mean()


def hard_labels(logits, y):
    """Rounds the labels to 0 and 1."""
    return _stable(logits, np.round(y)).mean()


def bits(logits, y):
    """Takes logarithms to base 2."""
    return _stable(logits, y).mean() / np.log(2)


def target_term_alone(logits, y):
    """Leaves out the pixels of the background."""
    return (y * np.logaddexp(0, -logits)).mean()


def averaged_over_rows(logits, y):
    """Averages over the first axis and adds up the rest."""
    return _stable(logits, y).mean(axis=0).sum()


def with_a_small_number(logits, y):
    """Adds 1e-4 within the logarithm."""
    p = np.where(logits > 0, 1 / (1 + np.exp(-np.abs(logits))), np.exp(-np.abs(logits)) / (1 + np.exp(-np.abs(logits))))
    return -(y * np.log(p + 1e-4) + (1 - y) * np.log(1 - p + 1e-4)).mean()


def clips_the_callers_logits(logits, y):
    """Right for most logits, but clips the caller's array."""
    loss = _stable(logits, y).mean()
    np.clip(logits, -30, 30, out=logits)
    return loss


# ------------------------------------------------------------------------------------------------ Exercise 7.1


def _attend(shallow, deep, gate, *, pool=None, gated="shallow", order=1, mode="bilinear", corners=False):
    pool = pool or (lambda z: z.mean((2, 3), keepdim=True))
    g = gate(torch.cat([pool(z) for z in (shallow, deep)[::order]], dim=1))
    options = {} if mode == "nearest" else {"align_corners": corners}
    up = F.interpolate(deep, shallow.shape[-2:], mode=mode, **options)
    return {"shallow": shallow * g + up, "deep": shallow + up * g, "both": (shallow + up) * g}[gated]


def pools_over_channels(shallow, deep, gate):
    """Averages over channels and objects, in the place of rows and columns."""

    def pool(z):
        return z.mean((0, 1)).flatten()[: z.shape[1]].repeat(len(z), 1)[..., None, None]

    small = F.interpolate(deep, shallow.shape[-2:], mode="bilinear")
    g = gate(torch.cat([pool(shallow), pool(small)], dim=1))
    return shallow * g + small


def pools_over_objects(shallow, deep, gate):
    """One average for all objects: each must have its own."""
    return _attend(shallow, deep, gate, pool=lambda z: z.mean((0, 2, 3), keepdim=True).expand(len(z), -1, -1, -1))


def pools_the_maximum(shallow, deep, gate):
    """The largest value in the place of the average."""
    return _attend(shallow, deep, gate, pool=lambda z: z.amax((2, 3), keepdim=True))


def gates_the_deep_input(shallow, deep, gate):
    """Weighs what comes from below, and adds the shallow input as it is."""
    return _attend(shallow, deep, gate, gated="deep")


def gates_the_sum(shallow, deep, gate):
    """Weighs both."""
    return _attend(shallow, deep, gate, gated="both")


def deep_first(shallow, deep, gate):
    """The two averages in the wrong order."""
    return _attend(shallow, deep, gate, order=-1)


def aligns_corners(shallow, deep, gate):
    """Upsamples with align_corners=True: everything shifts towards the border."""
    return _attend(shallow, deep, gate, corners=True)


def nearest_cell(shallow, deep, gate):
    """Repeats the deep cells."""
    return _attend(shallow, deep, gate, mode="nearest")


def gate_under_no_grad(shallow, deep, gate):
    """Asks the gate under no_grad: nothing learns how to weigh."""
    with torch.no_grad():
        g = gate(torch.cat([z.mean((2, 3), keepdim=True) for z in (shallow, deep)], dim=1))
    return shallow * g + F.interpolate(deep, shallow.shape[-2:], mode="bilinear")


def averages_detached(shallow, deep, gate):
    """Cuts the averages from the graph."""
    g = gate(torch.cat([z.detach().mean((2, 3), keepdim=True) for z in (shallow, deep)], dim=1))
    return shallow * g + F.interpolate(deep, shallow.shape[-2:], mode="bilinear")


def deep_detached(shallow, deep, gate):
    """Lets no gradient come to the deeper level."""
    return _attend(shallow, deep.detach(), gate)


def all_under_no_grad(shallow, deep, gate):
    """Right in its values, but computed without gradients."""
    with torch.no_grad():
        return _attend(shallow, deep, gate)


def pools_after_resizing(shallow, deep, gate):
    """Averages the deep input after it was enlarged, where its border counts less."""
    up = F.interpolate(deep, shallow.shape[-2:], mode="bilinear")
    g = gate(torch.cat([z.mean((2, 3), keepdim=True) for z in (shallow, up)], dim=1))
    return shallow * g + up


def gate_added(shallow, deep, gate):
    """Adds the gate, where it should multiply."""
    g = gate(torch.cat([z.mean((2, 3), keepdim=True) for z in (shallow, deep)], dim=1))
    return shallow + g + F.interpolate(deep, shallow.shape[-2:], mode="bilinear")


def twice_the_size(shallow, deep, gate):
    """Doubles the deep input, whatever size is needed."""
    g = gate(torch.cat([z.mean((2, 3), keepdim=True) for z in (shallow, deep)], dim=1))
    up = F.interpolate(deep, scale_factor=2, mode="bilinear")
    h, w = shallow.shape[-2:]
    up = F.pad(up, (0, max(w - up.shape[-1], 0), 0, max(h - up.shape[-2], 0)), mode="replicate")[..., :h, :w]
    return shallow * g + up


# ------------------------------------------------------------------------------------------------ Exercise 7.2


def _path(s, x, encoders, refinements, *, order=-1, deepest=None):
    z = None
    for x_d, T, R in zip(x[::order], encoders[::order], refinements[::order]):
        encoding, projection = T(x_d, s)
        z = R(encoding, deepest(encoding, projection) if z is None else z)
    return z


def _pooled(encoding, projection):
    return projection.mean((2, 3), keepdim=True)


def shallow_to_deep(s, x, encoders, refinements):
    """Goes the other way."""
    return _path(s, x, encoders, refinements, order=1, deepest=_pooled)


def zeros_below_the_deepest(s, x, encoders, refinements):
    """Nothing lies below the deepest level, so nothing is added."""
    return _path(s, x, encoders, refinements, deepest=lambda e, p: torch.zeros_like(e))


def encoding_below_the_deepest(s, x, encoders, refinements):
    """The encoding, which has seen the scores, in the place of the projection."""
    return _path(s, x, encoders, refinements, deepest=lambda e, p: e.mean((2, 3), keepdim=True))


def projection_not_pooled(s, x, encoders, refinements):
    """The projection as a map."""
    return _path(s, x, encoders, refinements, deepest=lambda e, p: p)


def every_level_pooled(s, x, encoders, refinements):
    """Every level gets its own projection, and what came from below is dropped."""
    z = None
    for x_d, T, R in zip(x[::-1], encoders[::-1], refinements[::-1]):
        encoding, projection = T(x_d, s)
        z = R(encoding, _pooled(encoding, projection))
    return z


def refines_the_scores(s, x, encoders, refinements):
    """Encodes thresholded scores: a mask is upsampled in their place."""
    return _path((s > 0.5).to(s), x, encoders, refinements, deepest=_pooled)


def reverses_the_lists(s, x, encoders, refinements):
    """Right, but turns the caller's lists round."""
    for one in (x, encoders, refinements):
        one.reverse()
    return _path(s, x, encoders, refinements, order=1, deepest=_pooled)


def path_under_no_grad(s, x, encoders, refinements):
    """Right in its values, but computed without gradients."""
    with torch.no_grad():
        return _path(s, x, encoders, refinements, deepest=_pooled)


def scores_detached(s, x, encoders, refinements):
    """Cuts the scores, through which the target model could learn."""
    return _path(s.detach(), x, encoders, refinements, deepest=_pooled)


def deeper_levels_cut(s, x, encoders, refinements):
    """Cuts z between the levels, so that only the shallowest learns."""
    z = None
    for x_d, T, R in zip(x[::-1], encoders[::-1], refinements[::-1]):
        encoding, projection = T(x_d, s)
        z = R(encoding, _pooled(encoding, projection) if z is None else z.detach())
    return z


def pooled_under_no_grad(s, x, encoders, refinements):
    """Takes the mean of the deepest projection from its data."""
    return _path(s, x, encoders, refinements, deepest=lambda e, p: p.data.mean((2, 3), keepdim=True))


def pools_over_objects_too(s, x, encoders, refinements):
    """One average for all objects."""
    return _path(
        s, x, encoders, refinements, deepest=lambda e, p: p.mean((0, 2, 3), keepdim=True).expand(len(p), -1, 1, 1)
    )


def blocks_of_the_other_end(s, x, encoders, refinements):
    """Reverses the features, and forgets the blocks."""
    z = None
    for x_d, T, R in zip(x[::-1], encoders, refinements):
        encoding, projection = T(x_d, s)
        z = R(encoding, _pooled(encoding, projection) if z is None else z)
    return z


def three_levels(s, x, encoders, refinements):
    """Takes at most three levels."""
    return _path(s, x[:3], encoders[:3], refinements[:3], deepest=_pooled)


def z_for_the_scores(s, x, encoders, refinements):
    """Gives what was found to the next encoder in the place of the scores."""
    z = None
    for x_d, T, R in zip(x[::-1], encoders[::-1], refinements[::-1]):
        encoding, projection = T(x_d, s if z is None else z.mean(1, keepdim=True))
        z = R(encoding, _pooled(encoding, projection) if z is None else z)
    return z


# ------------------------------------------------------------------------------------------------ Exercise 7.4


def bilinear_matrix(n):
    """Linear interpolation."""
    return resize_matrix(2 * n, n, "bilinear").numpy()


def _cubic(n, a, position, clamp=True):
    """Matrix (2n, n) of Keys' cubic with the given a; samples stand at `position` (2n,) in input pixels."""
    matrix = np.zeros((2 * n, n))
    for m, x in enumerate(position):
        first = int(np.floor(x))
        for i in range(first - 1, first + 3):
            d = abs(x - i)
            weight = (
                ((a + 2) * d - (a + 3)) * d * d + 1 if d <= 1 else (((d - 5) * d + 8) * d - 4) * a if d < 2 else 0.0
            )
            if clamp:
                matrix[m, min(max(i, 0), n - 1)] += weight
            elif 0 <= i < n:
                matrix[m, i] += weight
    return matrix


def _centres(n):
    return (np.arange(2 * n) + 0.5) / 2 - 0.5


def the_other_cubic(n):
    """a = -1/2, as many texts and Pillow have it."""
    return _cubic(n, -0.5, _centres(n))


def zeros_beyond_the_border(n):
    """Pixels beyond the border count as 0: what is bright fades towards it."""
    return _cubic(n, -0.75, _centres(n), clamp=False)


def corners_aligned(n):
    """The first and last output samples stand on the first and last input samples."""
    return _cubic(n, -0.75, np.linspace(0, n - 1, 2 * n))


def corners_without_half(n):
    """Sample m stands at m / 2: everything shifts by a quarter of a pixel."""
    return _cubic(n, -0.75, np.arange(2 * n) / 2)


def phases_swapped(n):
    """Even and odd rows changed places."""
    matrix = _cubic(n, -0.75, _centres(n))
    return matrix.reshape(n, 2, n)[:, ::-1].reshape(2 * n, n)


def wraps_around(n):
    """Lets a negative index count from the end."""
    matrix = np.zeros((2 * n, n))
    for m, x in enumerate(_centres(n)):
        first = int(np.floor(x))
        for i in range(first - 1, first + 3):
            matrix[m, i % n] += _cubic(1, -0.75, [0.0, abs(x - i)])[1, 0] if n == 1 else _weight(abs(x - i))
    return matrix


def _weight(d, a=-0.75):
    return ((a + 2) * d - (a + 3)) * d * d + 1 if d <= 1 else (((d - 5) * d + 8) * d - 4) * a if d < 2 else 0.0


def rows_made_to_sum_to_one(n):
    """Leaves out what lies beyond the border, and divides by what remains."""
    matrix = _cubic(n, -0.75, _centres(n), clamp=False)
    return matrix / matrix.sum(axis=1, keepdims=True)


def outermost_counts_once(n):
    """Sets the outermost weight, where it should be added to."""
    matrix = np.zeros((2 * n, n))
    for m, x in enumerate(_centres(n)):
        first = int(np.floor(x))
        for i in range(first - 1, first + 3):
            matrix[m, min(max(i, 0), n - 1)] = _weight(abs(x - i))
    return matrix


def mirrored_at_the_border(n):
    """Mirrors the signal at its ends, where it should repeat its outermost sample."""
    matrix = np.zeros((2 * n, n))
    for m, x in enumerate(_centres(n)):
        first = int(np.floor(x))
        for i in range(first - 1, first + 3):
            j = -i if i < 0 else 2 * (n - 1) - i if i > n - 1 else i
            matrix[m, min(max(j, 0), n - 1)] += _weight(abs(x - i))
    return matrix


def towards_zero(n):
    """Cuts the position off, which moves the first row's samples by one."""
    matrix = np.zeros((2 * n, n))
    for m, x in enumerate(_centres(n)):
        for i in range(int(x) - 1, int(x) + 3):
            d = abs(x - i)
            weight = _weight(d) if d < 2 else -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)
            matrix[m, min(max(i, 0), n - 1)] += weight
    return matrix


def transposed(n):
    """The matrix from the doubled signal to the other."""
    return _cubic(n, -0.75, _centres(n)).T


# ------------------------------------------------------------------------------------------------ Exercise 7.5


def _simulate(frames, masks, rng, learn, least, *, fault=""):
    usable = [t for t in range(len(frames)) if masks[t].sum() >= (0 if fault == "hidden" else least)]
    reference, *others = rng.permutation(usable)[:3].tolist()
    if fault == "same":
        others[0] = reference
    if fault == "twice":
        others[1] = others[0]
    if fault == "first":
        reference, *others = usable[0], *rng.permutation(usable[1:])[:2].tolist()
    if fault == "neighbours":
        reference, *others = usable[:3]
    chance = {"never mirrored": 0.0, "seldom mirrored": 0.1}.get(fault, 0.5)
    flip = slice(None, None, -1 if rng.random() < chance else 1)
    there = slice(None) if fault == "mirrored reference" else flip
    if fault != "validation":
        D = learn(frames[reference][:, flip], masks[reference][:, flip])
    sample = []
    for t in others:
        frame, y = frames[t][:, there], masks[t][:, there]
        if fault == "validation":
            D = learn(frame, y)
        if fault == "label not mirrored":
            y = masks[t]
        if fault == "reference's label":
            y = masks[reference][:, flip]
        sample.append((frame, y[:2, :3].astype(float) if fault == "truth" else D(frame), y))
    return sample


def learns_on_the_validation_frame(frames, masks, rng, learn, least):
    """D has seen the answer: its scores are better than any it will ever give."""
    return _simulate(frames, masks, rng, learn, least, fault="validation")


def reference_again(frames, masks, rng, learn, least):
    """The reference frame may be a validation frame."""
    return _simulate(frames, masks, rng, learn, least, fault="same")


def one_frame_twice(frames, masks, rng, learn, least):
    """Draws the two frames with replacement."""
    return _simulate(frames, masks, rng, learn, least, fault="twice")


def hidden_frames_used(frames, masks, rng, learn, least):
    """Takes frames that do not show the target."""
    return _simulate(frames, masks, rng, learn, least, fault="hidden")


def always_the_first_frame(frames, masks, rng, learn, least):
    """The reference is always the first frame, as at inference; but any frame may serve."""
    return _simulate(frames, masks, rng, learn, least, fault="first")


def always_the_same_frames(frames, masks, rng, learn, least):
    """Draws nothing."""
    return _simulate(frames, masks, rng, learn, least, fault="neighbours")


def only_the_reference_mirrored(frames, masks, rng, learn, least):
    """Mirrors the reference and not the frames that are to be segmented."""
    return _simulate(frames, masks, rng, learn, least, fault="mirrored reference")


def labels_not_mirrored(frames, masks, rng, learn, least):
    """Mirrors the frames, and not their masks."""
    return _simulate(frames, masks, rng, learn, least, fault="label not mirrored")


def never_mirrored(frames, masks, rng, learn, least):
    """Leaves the mirror out."""
    return _simulate(frames, masks, rng, learn, least, fault="never mirrored")


def seldom_mirrored(frames, masks, rng, learn, least):
    """Mirrors one view in ten."""
    return _simulate(frames, masks, rng, learn, least, fault="seldom mirrored")


def upside_down(frames, masks, rng, learn, least):
    """Mirrors along the wrong axis: all frames have one axis more than one frame."""
    return _simulate(frames[:, ::-1], masks[:, ::-1], rng, learn, least, fault="never mirrored")


def another_generator(frames, masks, rng, learn, least):
    """Draws from a generator of its own: no sample can be made again."""
    return _simulate(frames, masks, np.random.default_rng(), learn, least)


def mirrors_in_place(frames, masks, rng, learn, least):
    """Right, but mirrors the caller's video."""
    if rng.random() < 0.5:
        frames[:], masks[:] = frames[:, :, ::-1].copy(), masks[:, :, ::-1].copy()
    return _simulate(frames, masks, rng, learn, least, fault="never mirrored")


def mask_of_the_reference(frames, masks, rng, learn, least):
    """The answer is the reference frame's mask."""
    return _simulate(frames, masks, rng, learn, least, fault="reference's label")


def truth_for_scores(frames, masks, rng, learn, least):
    """The true mask in the place of D's scores."""
    return _simulate(frames, masks, rng, learn, least, fault="truth")


def mirrored_one_time_in_three(frames, masks, rng, learn, least):
    """Mirrors with probability 1/3."""
    flip = rng.random() < 1 / 3
    if flip:
        frames, masks = frames[:, :, ::-1], masks[:, :, ::-1]
    usable = np.flatnonzero(masks.sum(axis=(1, 2)) >= least)
    reference, *others = rng.choice(usable, 3, replace=False)
    D = learn(frames[reference], masks[reference])
    return [(frames[t], D(frames[t]), masks[t]) for t in others]


def twenty_pixels(frames, masks, rng, learn, least):
    """Takes 10 for `least`."""
    return _simulate(frames, masks, rng, learn, 10)


def more_than_least(frames, masks, rng, learn, least):
    """Asks for more than `least` pixels."""
    return _simulate(frames, masks, rng, learn, least + 1 if (masks.sum((1, 2)) > least).sum() > 2 else least)


def reference_is_the_earliest(frames, masks, rng, learn, least):
    """Sorts the three frames, so that the last one is never the reference."""
    if rng.random() < 0.5:
        frames, masks = frames[:, :, ::-1], masks[:, :, ::-1]
    usable = np.flatnonzero(masks.sum(axis=(1, 2)) >= least)
    reference, *others = sorted(rng.choice(usable, 3, replace=False))
    D = learn(frames[reference], masks[reference])
    return [(frames[t], D(frames[t]), masks[t]) for t in others]


def learned_for_every_frame(frames, masks, rng, learn, least):
    """Learns the model once for each validation frame."""
    if rng.random() < 0.5:
        frames, masks = frames[:, :, ::-1], masks[:, :, ::-1]
    usable = np.flatnonzero(masks.sum(axis=(1, 2)) >= least)
    reference, *others = rng.choice(usable, 3, replace=False)
    return [(frames[t], learn(frames[reference], masks[reference])(frames[t]), masks[t]) for t in others]


def scores_of_the_reference(frames, masks, rng, learn, least):
    """Gives the scores of the frame that the model was learned on."""
    if rng.random() < 0.5:
        frames, masks = frames[:, :, ::-1], masks[:, :, ::-1]
    usable = np.flatnonzero(masks.sum(axis=(1, 2)) >= least)
    reference, *others = rng.choice(usable, 3, replace=False)
    D = learn(frames[reference], masks[reference])
    return [(frames[t], D(frames[reference]), masks[t]) for t in others]


def mirrored_one_by_one(frames, masks, rng, learn, least):
    """Decides for every frame anew whether it is mirrored."""
    usable = np.flatnonzero(masks.sum(axis=(1, 2)) >= least)
    reference, *others = rng.choice(usable, 3, replace=False)
    D, sample = learn(frames[reference], masks[reference]), []
    for t in others:
        flip = slice(None, None, -1 if rng.random() < 0.5 else 1)
        sample.append((frames[t][:, flip], D(frames[t][:, flip]), masks[t][:, flip]))
    return sample


def the_two_after_the_reference(frames, masks, rng, learn, least):
    """Draws the reference alone, and takes the next two usable frames with it."""
    if rng.random() < 0.5:
        frames, masks = frames[:, :, ::-1], masks[:, :, ::-1]
    usable = np.flatnonzero(masks.sum(axis=(1, 2)) >= least)
    reference, *others = np.roll(usable, rng.integers(len(usable)))[:3]
    D = learn(frames[reference], masks[reference])
    return [(frames[t], D(frames[t]), masks[t]) for t in others]


WRONG = {
    "ex07-1": [
        probability_first,
        clipped_probability,
        sigmoid_twice,
        summed,
        labels_swapped,
        hinged,
        exponential_overflows,
        clipped_logits,
        hard_labels,
        bits,
        target_term_alone,
        averaged_over_rows,
        with_a_small_number,
        clips_the_callers_logits,
    ],
    "ex07-2": [
        pools_over_channels,
        pools_over_objects,
        pools_the_maximum,
        gates_the_deep_input,
        gates_the_sum,
        deep_first,
        aligns_corners,
        nearest_cell,
        gate_under_no_grad,
        averages_detached,
        deep_detached,
        all_under_no_grad,
        pools_after_resizing,
        gate_added,
        twice_the_size,
    ],
    "ex07-3": [
        shallow_to_deep,
        zeros_below_the_deepest,
        encoding_below_the_deepest,
        projection_not_pooled,
        every_level_pooled,
        refines_the_scores,
        reverses_the_lists,
        path_under_no_grad,
        scores_detached,
        deeper_levels_cut,
        pooled_under_no_grad,
        pools_over_objects_too,
        blocks_of_the_other_end,
        three_levels,
        z_for_the_scores,
    ],
    "ex07-4": [
        bilinear_matrix,
        the_other_cubic,
        zeros_beyond_the_border,
        corners_aligned,
        corners_without_half,
        phases_swapped,
        wraps_around,
        rows_made_to_sum_to_one,
        outermost_counts_once,
        mirrored_at_the_border,
        towards_zero,
        transposed,
    ],
    "ex07-5": [
        learns_on_the_validation_frame,
        reference_again,
        one_frame_twice,
        hidden_frames_used,
        always_the_first_frame,
        always_the_same_frames,
        only_the_reference_mirrored,
        labels_not_mirrored,
        never_mirrored,
        seldom_mirrored,
        upside_down,
        another_generator,
        mirrors_in_place,
        mask_of_the_reference,
        truth_for_scores,
        mirrored_one_time_in_three,
        twenty_pixels,
        more_than_least,
        reference_is_the_earliest,
        learned_for_every_frame,
        scores_of_the_reference,
        mirrored_one_by_one,
        the_two_after_the_reference,
    ],
}
