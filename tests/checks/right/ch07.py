"""Right answers to the exercises of chapter 07, in other styles than the solutions'."""

import numpy as np
import torch
import torch.nn.functional as F


def by_logaddexp(logits, y):
    return np.mean(y * np.logaddexp(0, -logits) + (1 - y) * np.logaddexp(0, logits))


def by_torch(logits, y):
    return F.binary_cross_entropy_with_logits(torch.tensor(logits), torch.tensor(y)).item()


def step_by_step(shallow, deep, gate):
    N, C, h, w = shallow.shape
    averages = torch.cat((shallow.flatten(2).mean(-1), deep.flatten(2).mean(-1)), dim=-1).view(N, 2 * C, 1, 1)
    gates = gate(averages)
    return torch.add(torch.mul(shallow, gates.expand(N, C, h, w)), F.interpolate(deep, (h, w), mode="bilinear"))


def by_pooling(shallow, deep, gate):
    pooled = [F.adaptive_avg_pool2d(z, 1) for z in (shallow, deep)]
    out = F.interpolate(input=deep, size=shallow.size()[2:], mode="bilinear", align_corners=False)
    return out + shallow * gate(torch.hstack(pooled))


def by_indices(s, x, encoders, refinements):
    deepest = len(x) - 1
    encoding, projection = encoders[deepest](x[deepest], s)
    z = refinements[deepest](encoding, F.adaptive_avg_pool2d(projection, 1))
    for d in range(deepest - 1, -1, -1):
        z = refinements[d](encoders[d](x[d], s)[0], z)
    return z


def all_encoded_first(s, x, encoders, refinements):
    parts = [T(x_d, s) for T, x_d in zip(encoders, x)]
    z = parts[-1][1].mean(-1, keepdim=True).mean(-2, keepdim=True)
    for (encoding, _), R in reversed(list(zip(parts, refinements))):
        z = R(encoding, z)
    return z


def by_interpolating_units(n):
    units = torch.eye(n, dtype=torch.double)[:, None, None]  # (n, 1, 1, n)
    tall = units.expand(n, 1, n, n)
    return F.interpolate(tall, size=(n, 2 * n), mode="bicubic", align_corners=False)[:, 0, 0].T.numpy()


def over_all_samples(n):
    a, matrix = -0.75, np.zeros((2 * n, n))
    i = np.arange(-4, n + 4)
    d = np.abs((np.arange(2 * n)[:, None] + 0.5) / 2 - 0.5 - i)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    weights = np.where(d <= 1, near, np.where(d < 2, far, 0))
    for column, place in zip(weights.T, np.clip(i, 0, n - 1)):
        matrix[:, place] += column
    return matrix.tolist()


def by_permutation(frames, masks, rng, learn, least):
    usable = [t for t in range(len(frames)) if np.count_nonzero(masks[t]) >= least]
    three = [usable[k] for k in rng.permutation(len(usable))[:3]]
    step = -1 if rng.integers(2) else 1
    views = [(frames[t][:, ::step].copy(), masks[t][:, ::step].copy()) for t in three]
    model = learn(*views[0])
    return [(frame, model(frame), mask) for frame, mask in views[1:]]


def by_fliplr(frames, masks, rng, learn, least):
    enough = np.where(masks.reshape(len(masks), -1).sum(1) >= least)[0]
    rng.shuffle(enough)
    flip = (lambda a: np.flip(a, 1)) if rng.uniform() > 0.5 else (lambda a: a)
    D = learn(flip(frames[enough[0]]), flip(masks[enough[0]]))
    out = []
    for t in enough[1:3]:
        view = flip(frames[t])
        out.append([view, D(view), flip(masks[t])])
    return tuple(out)


RIGHT = {
    "ex07-1": [by_logaddexp, by_torch],
    "ex07-2": [step_by_step, by_pooling],
    "ex07-3": [by_indices, all_encoded_first],
    "ex07-4": [by_interpolating_units, over_all_samples],
    "ex07-5": [by_permutation, by_fliplr],
}
