"""FRTM (Robinson et al., CVPR 2020): the whole of Figure 2, the target model D, and the segmentation network S."""

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import Sketch

PARTS = ("augment", "features", "target_model", "memory", "network", "merge")


def frtm_machine(highlight: str | None = None) -> Drawing:
    """FRTM's way from frame to labels, and what it learns on it. `highlight` is one of `PARTS`, or nothing."""
    sketch = Sketch(706, parts=PARTS, highlight=highlight)
    first = sketch.box("image", 14, 14, 164, 46, "frame $x_0$", "with its mask $y_0$")
    copies = sketch.box("step", 14, 92, 164, 46, "augment", "4 altered copies", part="augment")
    memory = sketch.box(
        "state",
        34,
        184,
        144,
        84,
        "memory $M$",
        "up to 80 samples:",
        "features, labels,",
        "weights $γ_k$",
        part="memory",
    )
    solver = sketch.box(
        "step", 34, 310, 144, 64, "solver", "Gauss-Newton and", "conjugate gradient", part="target_model"
    )
    frame = sketch.box("image", 234, 14, 140, 46, "frame $x_t$")
    backbone = sketch.box("trained", 234, 92, 140, 46, "backbone", "frozen", part="features")
    x = sketch.box("features", 234, 184, 140, 46, "features $x$", "of stride 4 to 32", part="features")
    model = sketch.box(
        "online", 234, 310, 140, 64, "target model $D$", "two layers,", "one for each object", part="target_model"
    )
    s = sketch.box("mask", 234, 404, 140, 46, "scores $s$", "coarse, stride 16", part="target_model")
    network = sketch.box(
        "trained", 234, 480, 140, 64, "segmentation", "network $S$, the", "same for all", part="network"
    )
    p = sketch.box("mask", 234, 574, 140, 32, "probabilities $p$", part="merge")
    merge = sketch.box("step", 234, 636, 140, 46, "merge", "objects compete", part="merge")
    labels = sketch.box("mask", 34, 636, 144, 46, "labels $ỹ_t$", "one soft map each", part="merge")

    sketch.down(first, copies)
    sketch.arrow(copies.right(), backbone.left())
    sketch.arrow(copies.bottom(), (96, 184))
    sketch.note(104, 161, "labels")
    sketch.down(frame, backbone, x, model, s, network, p, merge)
    sketch.arrow(x.left(), (178, x.left()[1]))
    sketch.note(310, 270, "stride 16")
    sketch.arrow(x.right(), (390, x.right()[1]), (390, network.right()[1]), network.right())
    sketch.arrow(memory.bottom(), solver.top(), kind="learning")
    sketch.arrow(solver.right(), model.left(), kind="learning")
    sketch.note(206, 328, "$w_1$, $w_2$", anchor="middle")
    sketch.arrow(merge.left(), labels.right())
    sketch.arrow(labels.left(), (16, labels.left()[1]), (16, memory.left()[1]), memory.left(), kind="time")
    sketch.note(26, 420, "every frame becomes", "a sample; at every", "8th, $D$ is fitted anew")
    return sketch.drawing(
        "FRTM from top to bottom. On the left, the first frame and its mask are altered into four copies. A frozen "
        "backbone makes features of them, which go with their labels into a memory of up to 80 weighted samples. A "
        "solver, Gauss-Newton with conjugate gradient, learns the two layers of the target model D from the memory. On "
        "the right, a later frame goes through the same backbone. D turns its features into coarse scores, the "
        "segmentation network S turns the scores and the features of all levels into probabilities, and the "
        "probabilities of all objects are merged. The merged soft labels go back into the memory as the next sample, "
        "and at every eighth frame D is fitted anew." + _lit(highlight)
    )


def _lit(highlight: str | None) -> str:
    return f" Highlighted here: {highlight.replace('_', ' ')}." if highlight else ""
