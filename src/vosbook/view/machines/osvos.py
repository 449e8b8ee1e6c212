"""OSVOS (Maninis et al., TPAMI 2018, section 3): side outputs, and contour snapping."""

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import Box, Sketch

STAGES = ((2, 128, 2), (3, 256, 4), (4, 512, 8), (5, 512, 16))  # of VGG-16: number, channels, stride


def osvos_machine() -> Drawing:
    """The network with its side outputs, and the three times that it is trained."""
    sketch = Sketch(690)
    frame = sketch.box("image", 14, 14, 104, 34, "frame $x$")
    before = sketch.box("trained", 14, 74, 104, 46, "stage 1", "64, stride 1")
    sketch.arrow(frame.bottom(), before.top())
    fuse = sketch.box("trained", 318, 152, 72, 340, "fuse", "1 × 1", "64 to 1")
    for n, (stage, channels, stride) in enumerate(STAGES):
        y = 152 + 88 * n
        box = sketch.box("trained", 14, y, 104, 46, f"stage {stage}", f"{channels}, stride {stride}")
        sketch.arrow(before.bottom(), box.top())
        _side(sketch, box, fuse, stride)
        before = box
    mask = sketch.box("mask", 318, 528, 72, 40, "mask")
    loss = sketch.box("loss", 140, 528, 150, 40, "loss of the mask")
    sketch.arrow(fuse.bottom(), mask.top())
    sketch.arrow(mask.left(), loss.right(), kind="learning")
    sketch.note(130, 134, "side outputs: 16 maps each, enlarged")

    base = sketch.box("trained", 14, 622, 106, 46, "base", "ImageNet")
    parent = sketch.box("trained", 147, 622, 106, 46, "parent", "many videos")
    online = sketch.box("online", 280, 622, 110, 46, "online", "one first frame")
    sketch.arrow(base.right(), parent.left(), kind="learning")
    sketch.arrow(parent.right(), online.left(), kind="learning")
    sketch.note(14, 602, "One network, trained three times:")
    return sketch.drawing(
        "The network of OSVOS. A frame goes down through the five stages of VGG-16, from 64 channels at stride 1 to "
        "512 channels at stride 16. Beside each of the stages 2 to 5 a 3 by 3 convolution makes a side output of 16 "
        "maps, which is enlarged to the frame's size. A 1 by 1 convolution fuses all 64 maps into the mask, which has "
        "a loss. Each side output has a loss of its own while the parent is trained. Below stand the three trainings: "
        "the base network learns on ImageNet, the parent network on many annotated videos, and the online network on "
        "the first frame of the video at hand."
    )


def _side(sketch: Sketch, stage: Box, fuse: Box, stride: int) -> None:
    """A side output: 16 maps, enlarged on the way to the fusion, and a loss of their own."""
    side = sketch.box("trained", 140, stage.y, 58, 46, "3 × 3", "16")
    enlarged = sketch.box("step", 222, stage.y, 70, 46, "enlarge", f"by {stride}")
    loss = sketch.box("loss", 222, stage.y + 52, 70, 24, "loss")
    sketch.arrow(stage.right(), side.left())
    sketch.arrow(side.right(), enlarged.left())
    sketch.arrow(enlarged.right(), (fuse.x, enlarged.right()[1]))
    sketch.arrow(side.bottom(), (side.bottom()[0], loss.left()[1]), loss.left(), kind="learning")


# A small picture of superpixels: place and size of each, and the strip of it that the mask covers, as shares of it.
TILES = (
    ((0, 0, 76, 60), (0.15, 0, 0.85, 1)),
    ((76, 0, 104, 44), (0, 0.8, 1, 0.2)),
    ((0, 60, 76, 76), (0.7, 0, 0.3, 1)),
    ((76, 44, 58, 92), (0, 0, 1, 0.9)),
    ((134, 44, 46, 92), (0, 0, 0.1, 1)),
)
SHARE = 0.5  # the paper's majority


def snapping() -> Drawing:
    """Contour snapping: superpixels from contours, and a vote in each of them."""
    sketch = Sketch(584)
    frame = sketch.box("image", 220, 10, 160, 34, "frame $x$")
    network = sketch.box("trained", 220, 76, 160, 46, "contour network", "learned before")
    contours = sketch.box("features", 220, 154, 160, 34, "contour map")
    hierarchy = sketch.box("step", 220, 220, 160, 46, "hierarchy", "cut at a low level")
    superpixels = sketch.box("features", 220, 298, 160, 34, "superpixels")
    mask = sketch.box("mask", 20, 154, 160, 46, "mask", "of OSVOS")
    vote = sketch.box("step", 20, 290, 160, 50, "majority vote", "in each superpixel")
    sketch.down(frame, network, contours, hierarchy, superpixels)
    sketch.down(mask, vote)
    sketch.arrow(superpixels.left(), vote.right())
    before, after = _tiles(sketch, 10, 390, snapped=False), _tiles(sketch, 210, 390, snapped=True)
    sketch.arrow(before.right(), after.left())
    sketch.note(100, 376, "mask, and its shares", anchor="middle")
    sketch.note(300, 376, "snapped mask", anchor="middle")
    sketch.note(200, 546, "Where more than half is covered, all of the", anchor="middle")
    sketch.note(200, 563, "superpixel goes to the object, else nothing.", anchor="middle")
    return sketch.drawing(
        "Contour snapping. A contour network, which has learned before, finds all contours of a frame. A hierarchy of "
        "regions is built from the contour map, and cut at a low level into superpixels. In each superpixel the "
        "pixels of the mask vote. Below, an example shows five superpixels. The mask covers 85, 20, 30, 90 and 10 "
        "percent of them. After the vote the two with more than half belong wholly to the object, and the other three "
        "not at all."
    )


def _tiles(sketch: Sketch, x: float, y: float, *, snapped: bool) -> Box:
    """The superpixels with what the mask covers of them, before and after the vote. Returns the whole as a box."""
    for (left, top, width, height), (dx, dy, across, down) in TILES:
        share = across * down
        if snapped:
            dx, dy, across, down = (0, 0, 1, 1) if share > SHARE else (0, 0, 0, 0)
        sketch.patch("mask", x + left + dx * width, y + top + dy * height, across * width, down * height)
        words = ("all" if share > SHARE else "none") if snapped else f"{share:.0%}"
        sketch.box("outline", x + left, y + top, width, height, words)
    return Box(x, y, 180, 136)
