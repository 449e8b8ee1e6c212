"""Half precision for the steps of a method, which a GPU computes faster and in less memory."""

import numpy as np
import torch

from vosbook.errors import InputError
from vosbook.methods import METHODS
from vosbook.segmenter import Segmenter


class Half:
    """A `Segmenter` whose steps another computes in half precision, where that is safe: convolutions and products.

    It begins in full precision, for the gradients of what is learned there would be lost.
    """

    def __init__(self, segmenter: Segmenter, *, device: str = "cuda"):
        self.segmenter, self.device = segmenter, device

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> np.ndarray | None:
        return self.segmenter.start(frame, masks)

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        self.segmenter.add_objects(frame, masks)

    def step(self, frame: np.ndarray) -> np.ndarray:
        with torch.autocast(self.device, torch.float16):
            return self.segmenter.step(frame)


def check_half(method: str, device: str) -> None:
    """InputError where half precision is no use: without a GPU, or where a method learns at every step."""
    if not METHODS[method].half:
        fit = ", ".join(one.name for one in METHODS.values() if one.half)
        raise InputError(f"--half is for {fit}, which learn nothing on the way as {method} may: leave --half out")
    if device == "cpu" or not torch.cuda.is_available():
        raise InputError("--half needs a GPU, and a processor gains nothing by it: leave --half out")
