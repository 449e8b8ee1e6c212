"""What all drawings share: the legend; and the four systems of the library beside each other."""

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import ArrowKind, Box, Kind, Sketch

KINDS: tuple[tuple[Kind, str, str], ...] = (
    ("image", "image", "pixels of a frame"),
    ("features", "features", "maps that describe each place"),
    ("mask", "mask", "a label or score for each pixel"),
    ("state", "state", "kept for later frames or objects"),
    ("trained", "layers", "learned before, on other videos"),
    ("online", "layers", "learned on this very video"),
    ("step", "step", "a fixed rule: nothing is learned"),
    ("loss", "loss", "what learning makes small"),
)
MEANINGS: tuple[tuple[ArrowKind, str], ...] = (
    ("flow", "is the input of"),
    ("time", "goes on to the next frame"),
    ("space", "goes on to the next object"),
    ("learning", "is learned from, or sets weights"),
)


def legend() -> Drawing:
    """What the boxes, arrows and signs of all drawings mean."""
    sketch = Sketch(556)
    for n, (kind, name, meaning) in enumerate(KINDS):
        sketch.box(kind, 10, 10 + 42 * n, 112, 32, name)
        sketch.note(138, 26 + 42 * n, meaning)
    for n, (arrow, meaning) in enumerate(MEANINGS):
        y = 362 + 32 * n
        sketch.note(10, y, "from")
        sketch.arrow((48, y), (133, y), kind=arrow)
        sketch.note(138, y, meaning)
    for n, sign in enumerate("×+|"):
        sketch.operation(24 + 42 * n, 502, sign)
    sketch.note(138, 493, "multiplied; added; laid side by", "side, place by place")
    sketch.note(10, 538, "$x_t$: of frame $t$;  $S_{t,i}$: of object $i$ in frame $t$")
    return sketch.drawing(
        "The legend of all drawings. Grey boxes are images, blue ones features, green ones masks or scores, and "
        "yellow ones with round ends are states that are kept. Violet boxes are layers that learned before, on other "
        "videos. Orange boxes with a dashed border are layers that learn on the video at hand. White boxes are steps "
        "in which nothing is learned, and pink ones losses. A thin arrow leads to what it is an input of. A thick "
        "yellow arrow leads to the next frame, a dashed blue one to the next object, and a dotted orange one from "
        "what is learned from. Circles multiply, add, or lay maps side by side."
    )


def four_systems() -> Drawing:
    """FRTM, S2S, RVOS and OSVOS: what each keeps from frame to frame, and what it learns when."""
    sketch = Sketch(550)
    _frtm(sketch, 6)
    _recurrent(sketch, 150, "S2S: a network that remembers", "ConvLSTM", "states $c$ and $h$")
    _recurrent(sketch, 294, "RVOS: the same for all objects, in turn", "ConvLSTMs", "states $h$, last masks")
    _osvos(sketch, 438)
    return sketch.drawing(
        "Four systems, one below the other, each leading from a frame to its mask. FRTM has a small target model, "
        "which is learned on the first frame and again at every eighth one, and a network that learned before. It "
        "keeps a memory of samples, into which every mask goes. S2S is a network that learned before. It keeps the "
        "states of its ConvLSTM from frame to frame. RVOS too is a network that learned before. It goes from object "
        "to object within a frame, and keeps states and last masks. OSVOS is a network that learned before and is "
        "tuned on the first frame. It keeps nothing else: every later frame is looked at alone."
    )


def _ends(sketch: Sketch, y: float, title: str, *, height: float = 134) -> tuple[Box, Box]:
    """What all four have: a frame on the left and a mask on the right."""
    sketch.region(4, y, 392, height, title)
    return sketch.box("image", 12, y + 30, 58, 44, "frame"), sketch.box("mask", 336, y + 30, 52, 44, "mask")


def _frtm(sketch: Sketch, y: float) -> None:
    frame, mask = _ends(sketch, y, "FRTM: a small model, learned while the video plays")
    model = sketch.box("online", 88, y + 30, 108, 44, "model $D$", "learned here")
    network = sketch.box("trained", 212, y + 30, 110, 44, "network $S$", "learned before")
    memory = sketch.box("state", 100, y + 94, 204, 32, "memory of samples")
    sketch.arrow(frame.right(), model.left())
    sketch.arrow(model.right(), network.left())
    sketch.arrow(network.right(), mask.left())
    sketch.arrow(mask.bottom(), (mask.bottom()[0], memory.right()[1]), memory.right(), kind="time")
    sketch.arrow((model.bottom()[0], memory.y), model.bottom(), kind="learning")


def _recurrent(sketch: Sketch, y: float, title: str, network: str, state: str) -> None:
    frame, mask = _ends(sketch, y, title)
    layers = sketch.box("trained", 100, y + 30, 204, 44, network, "learned before")
    kept = sketch.box("state", 100, y + 94, 204, 32, state)
    sketch.arrow(frame.right(), layers.left())
    sketch.arrow(layers.right(), mask.left())
    sketch.arrow(layers.bottom(0.3), (layers.bottom(0.3)[0], kept.y), kind="time")
    sketch.arrow((layers.bottom(0.7)[0], kept.y), layers.bottom(0.7), kind="time")


def _osvos(sketch: Sketch, y: float) -> None:
    frame, mask = _ends(sketch, y, "OSVOS: a network, tuned to one object", height=106)
    layers = sketch.box("online", 100, y + 30, 204, 44, "whole network", "tuned on frame 0, then fixed")
    sketch.arrow(frame.right(), layers.left())
    sketch.arrow(layers.right(), mask.left())
    sketch.note(202, y + 90, "nothing goes from frame to frame", anchor="middle")
