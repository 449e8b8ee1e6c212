"""Scores on held-out video: a segmenter's, beside masks that never move."""

import numpy as np
import pytest

from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.metrics.region import jaccard
from vosbook.training.held_out import FirstMasks, score_held_out


class Oracle:
    """Knows the answers."""

    def __init__(self, sequences):
        self.sequences = iter(sequences)

    def start(self, frame, masks):
        self.sequence, self.t = next(self.sequences), 0

    def step(self, frame):
        self.t += 1
        return self.sequence.labels(self.t)


def test_each_sequence_and_the_mean_over_them():
    config = SyntheticConfig(size=(48, 80), frames=5, objects=(1, 2))
    named = {f"synthetic/{seed}": make_sequence(seed, config) for seed in (800, 801)}
    scores = score_held_out("oracle", Oracle(named.values()), named.items())
    assert scores["oracle"] == {"J": 1.0, "F": 1.0}
    assert scores["sequences"].keys() == named.keys()
    still = []
    for spec, sequence in named.items():
        ids = [o.id for o in sequence.objects]
        first = sequence.labels(0)
        mean = np.mean([[jaccard(first == i, sequence.labels(t) == i) for i in ids] for t in (1, 2, 3)])
        assert scores["sequences"][spec]["first_mask"]["J"] == pytest.approx(mean)
        still.append(mean)
    assert scores["first_mask"]["J"] == pytest.approx(np.mean(still))
    assert 0 < scores["first_mask"]["J"] < 1


def test_first_masks_take_in_later_objects():
    segmenter, frame = FirstMasks(), np.zeros((2, 3, 3), np.uint8)
    segmenter.start(frame, np.array([[1, 1, 0], [0, 0, 0]], np.uint8))
    segmenter.add_objects(frame, np.array([[0, 2, 2], [0, 0, 0]], np.uint8))
    assert segmenter.step(frame).tolist() == [[1, 2, 2], [0, 0, 0]]
    with pytest.raises(ValueError, match="first masks are needed"):
        segmenter.start(frame, None)
