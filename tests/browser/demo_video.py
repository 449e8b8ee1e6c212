"""A small video for the inspector, as a notebook cell."""

# A square moves to the right; the prediction stays behind, and at WORST it is lost. A second object stands still.
FRAMES, WORST = 8, 5
VIDEO = f"""
import numpy as np
from vosbook.view.inspector import Inspector

T, WORST = {FRAMES}, {WORST}
rng = np.random.default_rng(0)
frames, truth, prediction = [], [], []
for t in range(T):
    frames.append(rng.integers(60, 90, (72, 128, 3), dtype=np.uint8))
    true = np.zeros((72, 128), np.uint8)
    true[20:50, 10 + 8 * t:40 + 8 * t] = 1
    true[52:70, 90:120] = 2
    found = np.roll(true, -2 - t % 3, 1)
    if t == WORST:
        found[found == 1] = 0
    truth.append(true)
    prediction.append(found)
inspector = Inspector(frames, truth=truth, prediction=prediction, names={{1: "square", 2: "bar"}})
"""
