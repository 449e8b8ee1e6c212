"""Selection, propagation and the prior, on drawn discs whose right answer is known."""

import numpy as np
import pytest
from scipy.stats import norm

from vosbook.proposals import Proposals
from vosbook.semantics import SemanticsConfig, propagate, select, semantic_prior, union_of

SIZE = (40, 60)


def disc(x, y, r):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= r**2


def proposals(*found):
    """From (mask, category) or (mask, category, score)."""
    masks = np.array([one[0] for one in found], bool).reshape(-1, *SIZE)
    return Proposals(
        masks, tuple(one[1] for one in found), np.array([one[2] if len(one) > 2 else 1.0 for one in found])
    )


PERSON, HORSE, OTHER = disc(20, 12, 8), disc(20, 26, 10), disc(48, 20, 8)


# --------------------------------------------------------------------------------------------------- selection


def test_selection_finds_how_many_and_which():
    pool = proposals((OTHER, "person"), (PERSON, "person"), (HORSE, "horse"))
    assert select(pool, PERSON) == [1]
    assert select(pool, PERSON | HORSE) == [2, 1]  # the larger first
    assert sorted(select(pool, PERSON | HORSE | OTHER)) == [0, 1, 2]


def test_a_second_proposal_of_one_instance_is_not_counted_twice():
    pool = proposals((disc(20, 12, 7), "person"), (PERSON, "person"), (disc(21, 12, 8), "person"))
    assert select(pool, PERSON) == [1]


def test_a_first_mask_that_matches_no_proposal_selects_none():
    assert select(proposals((OTHER, "person")), PERSON) == []
    most_outside = disc(34, 12, 14)  # a corner of it touches the object
    assert (most_outside & PERSON).any()
    assert select(proposals((most_outside, "person")), PERSON) == []


def test_no_proposals_at_all_are_an_answer():
    none = proposals()
    assert select(none, PERSON) == propagate(none, ["person"], PERSON) == []
    assert not union_of(none, []).any() and union_of(none, []).shape == SIZE


def test_unsure_proposals_are_passed_over():
    pool = proposals((PERSON, "person", 0.49))
    assert select(pool, PERSON) == propagate(pool, ["person"], PERSON) == []
    sure = SemanticsConfig(least_score=0.4)
    assert select(pool, PERSON, sure) == propagate(pool, ["person"], PERSON, sure) == [0]


# ------------------------------------------------------------------------------------------------- propagation


def test_propagation_takes_the_instance_that_the_estimate_sees():
    pool = proposals((OTHER, "person"), (PERSON, "person"), (HORSE, "horse"))
    half = PERSON & (np.arange(SIZE[1]) < 20)  # the first round has lost half of it
    assert propagate(pool, ["person"], half) == [1]
    assert propagate(pool, ["person"], half | disc(48, 20, 3)) == [1]  # and holds a little of another for it
    assert propagate(pool, ["horse"], half) == []


def test_as_many_of_each_category_as_wanted():
    pool = proposals((OTHER, "person"), (PERSON, "person"), (HORSE, "horse"))
    everything = PERSON | HORSE | OTHER
    assert sorted(propagate(pool, ["person", "person", "horse"], everything)) == [0, 1, 2]
    assert sorted(propagate(pool, ["person", "horse"], everything & ~(OTHER & disc(48, 20, 6)))) == [1, 2]


def test_two_proposals_of_one_instance_do_not_stand_for_two():
    pool = proposals((PERSON, "person"), (disc(20, 12, 7), "person"), (OTHER, "person"))
    assert propagate(pool, ["person", "person"], PERSON | disc(48, 20, 4)) == [0, 2]


def test_an_instance_that_does_not_overlap_is_left_out():
    pool = proposals((PERSON, "person"), (HORSE, "horse"))
    assert propagate(pool, ["person", "horse"], HORSE & ~PERSON & disc(20, 30, 6)) == [1]
    touch = PERSON & (np.arange(SIZE[1]) == 13)  # one column of the person
    assert propagate(pool, ["person"], touch) == []
    assert propagate(pool, ["person"], touch, SemanticsConfig(least_overlap=0.01)) == [0]


def test_what_is_given_stays_as_it_is():
    estimate = PERSON.copy()
    propagate(proposals((PERSON, "person")), ["person"], estimate)
    select(proposals((PERSON, "person")), estimate)
    assert np.array_equal(estimate, PERSON)


def test_two_instances_of_one_category_that_cross_keep_their_places():
    for x in range(10, 51):  # one walks to the right, one to the left; half way the nearer one hides the other
        mine, theirs = disc(x, 20, 8), disc(60 - x, 20, 8)
        seen = mine & ~theirs
        pool = proposals((theirs, "person"), (seen, "person"))
        estimate = seen & (np.arange(SIZE[0]) > 18)[:, None]  # the first round sees a part of it
        assert propagate(pool, ["person"], estimate) == ([1] if estimate.any() else [])
    assert not estimate.sum() < 50  # in the end it is seen again


# ------------------------------------------------------------------------------------------------------- prior


def test_the_priors_edge_is_the_normal_distribution():
    half_plane = np.zeros((60, 80), bool)
    half_plane[:, 40:] = True
    w = semantic_prior(half_plane, 0.1)  # sigma: 6 pixels
    expected = norm.cdf((np.arange(80) - 39.5) / 6)
    assert w.dtype == np.float32 and np.abs(w - expected).max() < 1e-3


def test_the_frames_border_is_no_edge():
    assert np.array_equal(semantic_prior(np.ones((20, 30), bool), 0.2), np.ones((20, 30)))


def test_without_sigma_the_prior_is_the_mask():
    w = semantic_prior(PERSON, 0)
    assert w.dtype == np.float32 and np.array_equal(w, PERSON)


def test_an_empty_mask_has_no_prior():
    assert not semantic_prior(np.zeros(SIZE, bool), 1 / 60).any()


def test_sigma_grows_with_the_frame():
    small, large = (semantic_prior(np.arange(n) >= n // 2 + np.zeros((n, 1)), 1 / 10)[0] for n in (40, 80))
    assert large[40 - 16 : 40 + 16 : 2] == pytest.approx(small[20 - 8 : 20 + 8], abs=0.03)
    assert large[40 + 4] == pytest.approx(norm.cdf(4.5 / 8), abs=1e-3)
