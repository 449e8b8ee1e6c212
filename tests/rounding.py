"""How far apart two ways of computing one thing may lie, from the arithmetic: a tolerance for every processor."""

import math

import numpy as np
import torch
from torch import Tensor


def rounding(values: Tensor, *, terms: int, layers: int = 1) -> float:
    """What rounding explains of a difference from `values`, each of which is a sum of `terms` products behind `layers`
    such sums, one after the other.

    A processor's instructions and the number of threads decide in which order a sum is made, and whether a product is
    rounded before it is added. An operation is off by half an eps of its result at most, to either side, so the errors
    of a sum grow as the square root of its terms; and what one layer is off by is handed on to the next. The size is
    the values' root mean square: a sum that comes out near zero has terms as large as the others'.

    Of the segmentation network's 410,000 logits the worst was off by .20 to .28 of this, under kernels for SSE, AVX2
    and AVX-512 of ATen, oneDNN and MKL, with one thread and with two.
    """
    size = values.double().square().mean().sqrt().item()
    return torch.finfo(values.dtype).eps * math.sqrt(terms) * layers * size


def assert_same_labels(found: np.ndarray, wanted: np.ndarray) -> None:
    """Labels cut from the same probabilities, computed in two ways: a few millionths apart, so that hardly a pixel lies
    between them and the threshold. Three may, of all frames together."""
    assert np.shape(found) == np.shape(wanted)
    different = np.count_nonzero(np.asarray(found) != np.asarray(wanted))
    assert different <= 3, f"{different} of {np.size(wanted)} pixels differ"
