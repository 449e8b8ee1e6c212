"""The read of a space-time memory, against loops, PyTorch's attention, and itself."""

import math

import pytest
import torch
import torch.nn.functional as F

from vosbook.nn.space_time_memory import affinity, read, similarity


def keys(*, b: int = 2, c: int = 3, t: int = 4, h: int = 2, w: int = 5, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    memory = torch.randn(b, c, t, h, w, generator=generator, dtype=torch.float64)
    return memory, torch.randn(b, c, h, w, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("kind", ["dot", "distance"])
def test_a_fit_is_that_of_two_cells(kind):
    memory, query = keys()
    fits = similarity(memory, query, kind=kind)
    assert fits.shape == (2, 4 * 2 * 5, 2 * 5)
    for t, y, x in ((0, 0, 0), (3, 1, 2)):
        for v, u in ((0, 1), (1, 4)):
            m, q = memory[1, :, t, y, x], query[1, :, v, u]
            want = m @ q if kind == "dot" else -(m - q).square().sum() + q.square().sum()
            got = fits[1, (t * 2 + y) * 5 + x, v * 5 + u]
            torch.testing.assert_close(got, want / math.sqrt(3))


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="cosine"):
        similarity(*keys(), kind="cosine")


def test_by_the_distance_a_cell_fits_itself_best():
    memory, _ = keys(b=1, t=1)
    best = affinity(similarity(memory, memory[:, :, 0], kind="distance"))[0].argmax(dim=0)
    assert best.tolist() == list(range(10))


def test_with_the_product_the_read_is_pytorchs_attention():
    memory, query = keys()
    values = torch.randn(2, 6, 4, 2, 5, dtype=torch.float64)
    got = read(affinity(similarity(memory, query)), values)
    rows = (z.flatten(2).transpose(1, 2) for z in (query, memory, values))
    want = F.scaled_dot_product_attention(*rows).transpose(1, 2).unflatten(2, (2, 5))
    torch.testing.assert_close(got, want)


def test_all_objects_share_the_weights():
    memory, query = keys(b=1)
    values, weights = torch.randn(3, 6, 4, 2, 5, dtype=torch.float64), affinity(similarity(memory, query))
    one_by_one = [read(weights, values[n : n + 1]) for n in range(3)]
    torch.testing.assert_close(read(weights, values), torch.cat(one_by_one))


def test_of_the_best_alone_as_many_have_a_weight():
    fits = similarity(*keys())
    weights = affinity(fits, top=3)
    assert ((weights > 0).sum(dim=1) == 3).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 10, dtype=torch.float64))
    chosen = weights > 0
    assert (fits.masked_fill(~chosen, torch.inf).amin(dim=1) > fits.masked_fill(chosen, -torch.inf).amax(dim=1)).all()
    torch.testing.assert_close(affinity(fits, top=40), affinity(fits))
