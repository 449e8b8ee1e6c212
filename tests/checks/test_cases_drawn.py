"""What the cases are drawn from."""

import numpy as np
from checks import cases


def test_sizes_ids_and_labels_show_the_usual_mistakes():
    sizes, all_ids = set(), set()
    for seed in range(50):
        rng = np.random.default_rng(seed)
        H, W = size = cases.draw_size(rng, 3, 6)
        ids = cases.draw_ids(rng, 4)
        labels = cases.draw_labels(rng, ids, size)
        assert H != W and {H, W} <= set(range(3, 7))
        assert max(ids) > 127 and len(set(ids)) == 4 and set(ids) <= set(range(1, 255))
        largest, other = cases.draw_absent(rng, ids)
        assert largest == max(set(range(1, 255)) - set(ids)) and other not in {0, largest, *ids}
        assert labels.shape == size and labels.dtype == np.uint8
        assert set(ids) <= set(np.unique(labels).tolist()) <= {0, *ids}
        sizes.add(size)
        all_ids |= set(ids)
    assert len(sizes) == 12 and len(all_ids) > 100
