"""STM (Oh et al., ICCV 2019): a frame reads from all frames of a memory."""

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import Sketch


def memory_read() -> Drawing:
    """One step of a space-time memory: frame t reads from three remembered frames."""
    sketch = Sketch(556)
    sketch.region(6, 8, 276, 196, "memory: T frames with their masks")
    remembered = []
    for x, name, mask in ((16, "$x_0$", "$y_0$"), (104, "$x_5$", "$ŷ_5$"), (192, "$x_{t-1}$", "$ŷ_{t-1}$")):
        frame = sketch.box("image", x, 36, 80, 48, f"{name}, {mask}")
        state = sketch.box("state", x, 124, 80, 64, "$k$, $v$", "of its cells")
        sketch.arrow(frame.bottom(), state.top())
        remembered.append(state)
    query = sketch.box("image", 300, 36, 90, 48, "frame $x_t$")
    key = sketch.box("trained", 300, 124, 90, 64, "$k_q$, $v_q$", "of the query")
    sketch.arrow(query.bottom(), key.top())
    weights = sketch.box("step", 16, 246, 256, 52, "weights", "softmax over the T h w cells")
    for state, share in zip(remembered, (0.15625, 0.5, 0.84375)):
        sketch.arrow(state.bottom(), weights.top(share), kind="time")
    sketch.arrow(key.bottom(0.3), (327, 272), weights.right())
    found = sketch.box("features", 16, 340, 256, 48, "what is read", "the weighted mean of the values")
    sketch.arrow(weights.bottom(), found.top())
    decoder = sketch.box("trained", 44, 430, 200, 40, "Decoder")
    sketch.arrow(found.bottom(), decoder.top())
    sketch.arrow(key.bottom(0.8), (372, 450), decoder.right())
    answer = sketch.box("mask", 74, 508, 140, 36, "mask $ŷ_t$")
    sketch.arrow(decoder.bottom(), answer.top())
    sketch.note(224, 526, "then $x_t$, $ŷ_t$ go", anchor="start")
    sketch.note(224, 543, "into the memory")
    return sketch.drawing(
        "A space-time memory. On the left three remembered frames, the first, the fifth and the one before, each with "
        "its mask; every cell of theirs has a key and a value. On the right the new frame, the query, whose cells have "
        "keys and values too. The query's keys are compared with all keys of the memory, and a softmax over all its "
        "cells makes weights. What is read is the mean of the values with these weights. A decoder makes the mask of "
        "what is read and of the query's own values. Then the frame and its mask go into the memory."
    )
