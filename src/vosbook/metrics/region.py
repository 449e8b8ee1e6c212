"""Region similarity J: how much of two masks is shared (Perazzi et al., CVPR 2016, Section 4)."""

import numpy as np


def jaccard(prediction: np.ndarray, truth: np.ndarray) -> float:
    """J = |prediction ∩ truth| / |prediction ∪ truth|, in 0..1; 1 where both masks are empty.

    Both are bool (H, W). ValueError where their shapes differ.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"the masks differ in shape: prediction {prediction.shape}, truth {truth.shape}")
    union = np.count_nonzero(prediction | truth)
    return float(np.count_nonzero(prediction & truth) / union) if union else 1.0
