"""The cases of a check: drawn anew whenever it runs, from a seed that a failure names."""

import secrets

import numpy as np

_fixed: int | None = None  # by `use_seed`
_seed: int = 0  # of the check that runs
_drawn = False


def use_seed(seed: int | None) -> None:
    """Let every check from now on draw the cases of this seed; None: others each time."""
    global _fixed
    _fixed = seed


def begin() -> None:
    """A check begins."""
    global _seed, _drawn
    _seed, _drawn = secrets.randbits(32) if _fixed is None else _fixed, False


def generator() -> np.random.Generator:
    """For numpy's draws. Several of one check draw the same."""
    global _drawn
    _drawn = True
    return np.random.default_rng(_seed)


def torch_generator():
    """For PyTorch's draws."""
    import torch  # many chapters need none

    return torch.Generator().manual_seed(int(generator().integers(2**63)))


def draw_size(rng: np.random.Generator, least: int = 4, most: int = 14) -> tuple[int, int]:
    """(H, W), both from `least` to `most` and never equal: who confuses them is seen."""
    H, W = rng.choice(np.arange(least, most + 1), 2, replace=False).tolist()
    return H, W


def draw_ids(rng: np.random.Generator, count: int) -> list[int]:
    """Ids of objects, 1 to 254, in no order. One is above 127, so that int8 does not hold it, and they have gaps."""
    ids = [int(rng.integers(128, 255)), *(rng.choice(np.arange(1, 128), count - 1, replace=False).tolist())]
    return [ids[i] for i in rng.permutation(count)]


def draw_labels(rng: np.random.Generator, ids: list[int], size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W): each pixel the background or one of the ids, each of which has a pixel at least."""
    labels = rng.choice(np.array([0, *ids], np.uint8), size)
    labels.flat[rng.choice(labels.size, len(ids), replace=False)] = ids
    return labels


def draw_absent(rng: np.random.Generator, ids: list[int]) -> tuple[int, int]:
    """Two ids that are none of these: the largest there is, above nearly all maps, and any other."""
    free = np.setdiff1d(np.arange(1, 255), ids)
    return int(free[-1]), int(rng.choice(free[:-1]))


def how_to_draw_again() -> str:
    """To be put behind a failure's message: how the same cases can be had once more."""
    if not _drawn or _fixed is not None:
        return ""
    return f"\n(The cases are of seed {_seed}: `from checks import cases; cases.use_seed({_seed})` keeps them.)"
