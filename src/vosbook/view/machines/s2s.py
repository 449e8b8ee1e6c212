"""S2S (Xu et al., ECCV 2018): Figure 2, unrolled over the first frames."""

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import Box, Sketch

PARTS = ("initializer", "encoder", "lstm", "decoder")


def s2s_machine(highlight: str | None = None) -> Drawing:
    """S2S over frames 0, 1 and 2. `highlight` is one of `PARTS`, or nothing."""
    sketch = Sketch(546, parts=PARTS, highlight=highlight)
    first = sketch.box("image", 10, 14, 104, 46, "frame $x_0$", "and mask $y_0$")
    initializer = sketch.box("trained", 10, 94, 104, 50, "Initializer", "Eq. 1", part="initializer")
    state = sketch.box("state", 10, 256, 104, 60, "$c_0$, $h_0$", "first states", part="initializer")
    sketch.arrow(first.bottom(), initializer.top())
    sketch.arrow(initializer.bottom(), state.top())
    before = state
    for t in (1, 2):
        cell = _frame(sketch, t, 10 + 124 * t)
        sketch.arrow(before.right(), cell.left(), kind="time")
        before = cell
    sketch.arrow(before.right(), (380, before.right()[1]), kind="time")
    sketch.note(383, before.right()[1], "…")
    sketch.note(10, 392, "$c$ and $h$ carry", "the object from", "frame to frame;", "no weight is", "changed.")
    return sketch.drawing(
        "S2S unrolled over time, one column for each frame. In the first column the Initializer turns frame 0 and its "
        "mask into the first states c0 and h0. In every later column the Encoder turns the frame into features, the "
        "ConvLSTM makes new states c and h of the features and the states before, and the Decoder turns h into the "
        "mask. The states go from column to column, and no weight is changed while the video plays."
    )


def _frame(sketch: Sketch, t: int, x: float) -> Box:
    """The column of frame t. Returns its ConvLSTM."""
    column = (
        sketch.box("image", x, 14, 104, 46, f"frame $x_{t}$"),
        sketch.box("trained", x, 94, 104, 50, "Encoder", "Eq. 2", part="encoder"),
        sketch.box("features", x, 178, 104, 44, f"$x̃_{t}$", "512 maps", part="encoder"),
        sketch.box("trained", x, 256, 104, 60, "ConvLSTM", f"$c_{t}$, $h_{t}$; Eq. 3", part="lstm"),
        sketch.box("state", x, 350, 104, 34, f"$h_{t}$", part="lstm"),
        sketch.box("trained", x, 418, 104, 50, "Decoder", "Eq. 4", part="decoder"),
        sketch.box("mask", x, 498, 104, 36, f"mask $ŷ_{t}$", part="decoder"),
    )
    sketch.down(*column)
    return column[3]
