"""The convolutional LSTM cell in its two forms: through time (S2S), and through space and time (RVOS)."""

from dataclasses import dataclass
from typing import Literal

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import ArrowKind, Box, Kind, Sketch


@dataclass(frozen=True)
class _Form:
    """What differs between the two forms."""

    c_before: tuple[str, str]  # the memory that comes in, and where from
    input: tuple[str, str]
    h_before: tuple[tuple[str, str], ...]
    memory: ArrowKind  # how c goes on
    c: str
    h: str
    c_goes: str
    h_goes: tuple[str, str]
    phi: str
    words: str


FORMS = {
    "plain": _Form(
        c_before=("$c_{t-1}$", "frame $t-1$"),
        input=("$x̃_t$", "features"),
        h_before=(("$h_{t-1}$", "frame $t-1$"),),
        memory="time",
        c="$c_t$",
        h="$h_t$",
        c_goes="to frame $t+1$",
        h_goes=("to the decoder", "and to frame $t+1$"),
        phi="ReLU",
        words="the features of frame t and the answer h of frame t−1. The memory c comes from frame t−1 and goes on to "
        "frame t+1. The answer h goes to the decoder and to frame t+1. The function phi is a ReLU, as in S2S.",
    ),
    "space_time": _Form(
        c_before=("$c_{t,i-1}$", "object $i-1$"),
        input=("input", "$f′$, $h$, $S$"),
        h_before=(("$h_{t,i-1}$", "object $i-1$"), ("$h_{t-1,i}$", "frame $t-1$")),
        memory="space",
        c="$c_{t,i}$",
        h="$h_{t,i}$",
        c_goes="to object $i+1$",
        h_goes=("to object $i+1$", "and to frame $t+1$"),
        phi="tanh",
        words="the input, the answer h for the object before it in the same frame, and the answer h for the same "
        "object in the frame before. The memory c comes from the object before and goes on to the next object, "
        "never to another frame. The answer h goes to the next object and to the next frame. The function phi is a "
        "tanh, as in RVOS.",
    ),
}


def lstm_cell(form: Literal["plain", "space_time"] = "plain") -> Drawing:
    """One ConvLSTM cell. ValueError for another `form` than the two of `FORMS`."""
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    its = FORMS[form]
    sketch = Sketch(566)
    c_before = sketch.box("state", 10, 14, 92, 50, *its.c_before)
    gates = _gates(sketch, its)
    keep, write, candidate, show = gates

    kept, written = sketch.operation(keep.bottom()[0], 318, "×"), sketch.operation(252, 318, "×")
    added, shown = sketch.operation(kept.bottom()[0], 376, "+"), sketch.operation(show.bottom()[0], 440, "×")
    c = sketch.box("state", kept.x - 27, 420, 80, 40, its.c)
    phi = sketch.box("step", 238, 423, 74, 34, its.phi)
    h = sketch.box("state", shown.x - 20, 480, 66, 40, its.h)

    sketch.arrow(c_before.bottom(), (c_before.bottom()[0], 318), kept.left(), kind=its.memory)
    sketch.arrow(kept.bottom(), added.top(), kind=its.memory)
    sketch.arrow(added.bottom(), c.top(), kind=its.memory)
    sketch.arrow(c.bottom(), (c.bottom()[0], 492), kind=its.memory)
    sketch.arrow(keep.bottom(), kept.top())
    sketch.arrow(write.bottom(), (write.bottom()[0], 318), written.left())
    sketch.arrow(candidate.bottom(), (candidate.bottom()[0], 318), written.right())
    sketch.arrow(written.bottom(), (252, 376), added.right())
    sketch.arrow(c.right(), phi.left())
    sketch.arrow(phi.right(), shown.left())
    sketch.arrow(show.bottom(), shown.top())
    sketch.arrow(shown.bottom(), h.top())
    sketch.note(c.bottom()[0], 504, its.c_goes, anchor="middle")
    sketch.note(390, 536, *its.h_goes, anchor="end")
    return sketch.drawing(
        f"A convolutional LSTM cell from top to bottom. One convolution sees side by side {its.words} "
        "The convolution makes four maps. The forget gate f is multiplied with the old memory. The input gate i is "
        "multiplied with the candidate g, which has passed phi. The sum of both products is the new memory c. The "
        "output gate o is multiplied with phi of the new memory, and the product is the new answer h. The gates are "
        "sigmoids, between 0 and 1."
    )


def _gates(sketch: Sketch, its: _Form) -> list[Box]:
    """The inputs, the convolution, and the four maps that it makes: f, i, g, o from left to right."""
    sources: list[tuple[Kind, tuple[str, str]]] = [("features", its.input)]
    sources += [("state", lines) for lines in its.h_before]
    room = 276 / len(sources)
    convolution = sketch.box("trained", 114, 102, 276, 50, "one 3 × 3 convolution", "of all of them, side by side")
    for n, (kind, lines) in enumerate(sources):
        source = sketch.box(kind, 114 + n * room, 14, room - 8 * (n + 1 < len(sources)), 50, *lines)
        middle = source.bottom()[0]
        sketch.arrow(source.bottom(), (middle, convolution.y))
    names = (
        ("$f$", "sigmoid", "keep"),
        ("$i$", "sigmoid", "write"),
        ("$g$", its.phi, "what"),
        ("$o$", "sigmoid", "show"),
    )
    gates = [sketch.box("step", 114 + n * 70, 194, 66, 70, *lines) for n, lines in enumerate(names)]
    for gate in gates:
        sketch.arrow((gate.top()[0], convolution.y + convolution.height), gate.top())
    return gates
