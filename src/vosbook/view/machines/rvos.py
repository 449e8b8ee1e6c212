"""RVOS (Ventura et al., CVPR 2019): the decoder's ladder (Figure 2), and its table of cells (Figure 3)."""

from itertools import pairwise

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import SMALL, WIDTH, Box, Sketch

LADDER = ((2048, 128, 128, 32), (1024, 128, 64, 16), (512, 64, 32, 8), (256, 32, 16, 4))  # channels, f', h, stride


def rvos_ladder() -> Drawing:
    """The decoder for one object in one frame: a ConvLSTM for each level of the encoder, the deepest on top."""
    sketch = Sketch(748)
    levels, cells = zip(*(_rung(sketch, k, 30 + 132 * k) for k in range(len(LADDER))))
    frame = sketch.box("image", 14, 580, 92, 44, "frame $x_t$")
    sketch.region(6, 4, 108, 556, "encoder")
    for below, above in zip((frame, *reversed(levels)), reversed(levels)):
        sketch.arrow(below.top(), above.bottom())
    sketch.down(*cells)
    for deep, shallow in pairwise(cells):
        sketch.note(deep.bottom()[0] + 8, (deep.bottom()[1] + shallow.y) / 2, "$B_2$: enlarged by 2")
    score = sketch.box("trained", 176, 580, 142, 44, "to one map", "by 2; 3 × 3; sigmoid")
    mask = sketch.box("mask", 176, 650, 142, 44, "mask $S_{t,i}$", "object $i$, frame $t$")
    sketch.arrow(cells[-1].bottom(), (cells[-1].bottom()[0], score.y))
    sketch.arrow(score.bottom(), mask.top())
    sketch.note(WIDTH / 2, 716, "On every level $h$ goes on to object $i+1$ and", anchor="middle")
    sketch.note(WIDTH / 2, 733, "to frame $t+1$; $c$ to object $i+1$ alone.", anchor="middle")
    return sketch.drawing(
        "RVOS for one object i in one frame t. On the left the encoder turns the frame into features on four levels, "
        "from 256 channels at stride 4 up to 2048 channels at stride 32. A 3 by 3 convolution projects every level. "
        "On the right, from the deepest level down to the shallowest, four ConvLSTMs with 128, 64, 32 and 16 channels "
        "follow each other, and each passes its answer, enlarged by two, to the next. Each of them also sees the "
        "object's mask of the previous frame, its own answer h for the same object in the previous frame, and h and "
        "the memory c of the previous object in this frame. The last answer is enlarged, and a 3 by 3 convolution "
        "with a sigmoid makes it the mask of object i."
    )


def _rung(sketch: Sketch, k: int, y: float) -> tuple[Box, Box]:
    """Level k: the encoder's features, their projection and the ConvLSTM. Returns the first and the last."""
    channels, projected, hidden, stride = LADDER[k]
    level = sketch.box("features", 14, y + 20, 92, 64, f"$f_{{t,{k + 1}}}$", f"{channels} maps", f"stride {stride}")
    project = sketch.box("trained", 130, y + 26, 62, 52, "$f\N{THIN SPACE}′$", f"{projected}")
    cell = sketch.box("trained", 216, y, 102, 104, "ConvLSTM", f"{hidden} maps")
    sketch.arrow(level.right(), project.left())
    sketch.arrow(project.right(), cell.left())
    for n, label in enumerate(("$S_{t-1,i}$", "$h_{t-1,i}$", "$h_{t,i-1}$, $c$")):
        _, height = cell.right(0.22 + 0.34 * n)
        sketch.arrow((392, height), (cell.right()[0], height), kind="time" if n < 2 else "space")
        sketch.note(392, height - 0.75 * SMALL - 3, label, anchor="end")
    return level, cell


def rvos_table(space: bool = True, time: bool = True, frames: int = 4, objects: int = 3) -> Drawing:
    """The cells of a clip, a column for each frame and a row for each object, and what each is told of the others.

    ValueError for more than 5 frames or objects, or none.
    """
    if not (1 <= frames <= 5 and 1 <= objects <= 5):
        raise ValueError(f"frames and objects are 1 to 5 each, got {frames} and {objects}")
    left, gap, height = 74, 22, 46
    width = min(76, (WIDTH - left - 10 - gap * (frames - 1)) / frames)
    sketch = Sketch(28 + objects * (height + gap) + 20 * (space + time or 1))
    cells = {}
    for t in range(frames):
        x = left + t * (width + gap)
        sketch.note(x + width / 2, 16, f"frame {t}", anchor="middle")
        for i in range(objects):
            cells[t, i] = sketch.box("trained", x, 34 + i * (height + gap), width, height, f"$S_{{{t},{i}}}$")
    for i in range(objects):
        sketch.note(8, cells[0, i].left()[1], f"object {i}")
    for (t, i), cell in cells.items():
        if time and (t + 1, i) in cells:
            sketch.arrow(cell.right(), cells[t + 1, i].left(), kind="time")
        if space and (t, i + 1) in cells:
            sketch.arrow(cell.bottom(), cells[t, i + 1].top(), kind="space")
    for n, line in enumerate(_told(space, time)):
        sketch.note(8, sketch.height - 14 - 20 * n, line)
    return sketch.drawing(_table_in_words(space, time, frames, objects))


def _told(space: bool, time: bool) -> list[str]:
    """What the arrows carry."""
    told = ["dashed: $h$ and $c$ of the object before"] * space + ["solid: $h$ and the mask of the frame before"] * time
    return told or ["no cell is told of another"]


def _table_in_words(space: bool, time: bool, frames: int, objects: int) -> str:
    arrows = " An arrow leads from every cell to the same object in the next frame." * time
    arrows += " A dashed arrow leads from every cell to the next object of the same frame." * space
    return (
        f"A table with a column for each of {frames} frames and a row for each of {objects} objects. Every cell is the "
        f"same decoder, which gives the mask of its object in its frame.{arrows or ' No cell is told of another one.'}"
    )
