"""FRTM (Robinson et al., CVPR 2020): the whole of Figure 2, the target model D, and the segmentation network S."""

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import Box, Sketch

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
    sketch.note(26, 420, "every frame becomes", "a sample; at every", "8th, $w_2$ is fitted anew")
    return sketch.drawing(
        "FRTM from top to bottom. On the left, the first frame and its mask are altered into four copies. A frozen "
        "backbone makes features of them, which go with their labels into a memory of up to 80 weighted samples. A "
        "solver, Gauss-Newton with conjugate gradient, learns the two layers of the target model D from the memory. "
        "On the right, a later frame goes through the same backbone. D turns its features into coarse scores, the "
        "segmentation network S turns the scores and the features of all levels into probabilities, and the "
        "probabilities of all objects are merged. The merged soft labels go back into the memory as the next sample, "
        "and at every eighth frame the second layer of D is fitted anew."
    )


def target_model_net() -> Drawing:
    """The target model D and its loss: two layers, no more, and what their weights are fitted to."""
    sketch = Sketch(640)
    sketch.maps("features", 34, 14, 8, 5, cell=11, sheets=4, words="$x$: 1024 maps, stride 16")
    w1 = sketch.box("online", 20, 138, 128, 46, "$w_1$", "1 × 1, to 96")
    z = sketch.maps("features", 36, 220, 8, 5, cell=11, sheets=3, words="96 maps")
    w2 = sketch.box("online", 20, 340, 128, 46, "$w_2$", "3 × 3, to 1")
    s = sketch.maps("mask", 40, 424, 8, 5, cell=11, sheets=1, words="scores $s$: one map")
    sketch.arrow((84, 103), w1.top())
    sketch.arrow(w1.bottom(), (84, z.y))
    sketch.arrow((84, 303), w2.top())
    sketch.arrow(w2.bottom(), s.top())
    enlarge = sketch.box("step", 196, 428.5, 90, 46, "$U$", "enlarge")
    difference = sketch.operation(338, 451.5, "−")
    label = sketch.box("mask", 284, 340, 108, 46, "label $y$", "stride 1")
    sketch.arrow(s.right(), enlarge.left())
    sketch.arrow(enlarge.right(), difference.left())
    sketch.arrow(label.bottom(), difference.top())
    loss = sketch.box("loss", 220, 530, 172, 70, "loss $L$", "squares, weighed by $v$", "(pixel), $γ$ (sample)")
    sketch.arrow(difference.bottom(), (338, loss.y))
    size = sketch.box("loss", 20, 540, 152, 50, "$λ_1$, $λ_2$", "keep $w$ small")
    sketch.arrow(size.right(), loss.left())
    sketch.note(
        176,
        152,
        "Linear: no activation",
        "stands between the",
        "two layers. Both are",
        "learned on this video,",
        "for one object.",
    )
    return sketch.drawing(
        "The target model D from top to bottom. The features x, 1024 maps at stride 16, go through a 1 by 1 "
        "convolution w1 to 96 maps, and through a 3 by 3 convolution w2 to one map of scores. There is no activation "
        "in between. The scores are enlarged by U to the size of the label y, and subtracted from it. The squares of "
        "the differences, weighed by v for each pixel and gamma for each sample, make the loss, to which lambda adds "
        "the size of the weights. Both layers are learned on the video itself, once for each object."
    )


def segmentation_network() -> Drawing:
    """The segmentation network S: its four levels, and one level opened (Figure 3)."""
    sketch = Sketch(778)
    s = sketch.box("mask", 150, 10, 100, 30, "scores $s$")
    above: Box | None = None
    for n, (level, stride) in enumerate(((4, 32), (3, 16), (2, 8), (1, 4))):
        above = _level(sketch, s, above, level, stride, 66 + 74 * n)
    head = sketch.box("trained", 256, 366, 134, 48, "head", "enlarges to $H × W$")
    mask = sketch.box("mask", 120, 373, 104, 34, "mask $ŷ$")
    sketch.arrow((338, 336), (338, head.y))
    sketch.arrow(head.left(), mask.right())
    encoding = _opened_encoder(sketch, 432)
    _opened_refinement(sketch, 432, encoding)
    return sketch.drawing(
        "The segmentation network S. On four levels, from stride 32 down to stride 4, an encoder T reads the features "
        "x of that level and the scores s, resized, and a refinement R reads the encoding and the result of the "
        "deeper level. After the last level a head enlarges the result to the mask. Below, one level is opened. In T "
        "the features are projected to 64 channels by two 1 by 1 convolutions, the score is laid beside them, and "
        "three 3 by 3 convolutions follow. In R a residual block comes first. Then channel attention, CAB, weighs its "
        "channels, and adds the result of the deeper level, enlarged. A second residual block gives the result of the "
        "level. The deepest level takes its own projected features in the place of a deeper result."
    )


def _level(sketch: Sketch, s: Box, deeper: Box | None, level: int, stride: int, y: float) -> Box:
    """One level of S. Returns its refinement."""
    x = sketch.box("features", 10, y, 100, 48, f"$x_{level}$", f"stride {stride}")
    encoder = sketch.box("trained", 160, y, 80, 48, f"$T_{level}$", "encode")
    refinement = sketch.box("trained", 298, y, 80, 48, f"$R_{level}$", "refine")
    sketch.arrow(x.right(), encoder.left())
    sketch.arrow(encoder.right(), refinement.left())
    sketch.arrow(s.left(), (134, s.left()[1]), (134, y + 38), (160, y + 38))
    if deeper:
        sketch.down(deeper, refinement)
        sketch.note(346, y - 13, f"$z_{level + 1}$")
    return refinement


def _opened_encoder(sketch: Sketch, y: float) -> Box:
    """What is inside T, from height y on. Returns its last box."""
    sketch.region(4, y, 192, 340, "$T_d$ opened")
    x = sketch.box("features", 16, y + 32, 100, 32, "$x_d$")
    project = sketch.box("trained", 16, y + 88, 100, 66, "project", "1 × 1, ReLU,", "1 × 1, to 64")
    beside = sketch.operation(66, y + 188, "|")
    s = sketch.box("mask", 106, y + 172, 82, 32, "$s$ resized")
    encode = sketch.box("trained", 16, y + 222, 100, 66, "encode", "3 times 3 × 3", "with ReLU")
    sketch.down(x, project, beside, encode)
    sketch.arrow(s.left(), beside.right())
    sketch.note(14, y + 316, "|: maps side by side")
    return encode


def _opened_refinement(sketch: Sketch, y: float, encoding: Box) -> None:
    """What is inside R, from height y on: channel attention (CAB) between two residual blocks."""
    sketch.region(212, y, 184, 340, "$R_d$ opened")
    before = sketch.box("trained", 226, y + 32, 92, 48, "residual", "block")
    deep = sketch.box("features", 336, y + 40, 54, 32, "$z_{d+1}$")
    gate = sketch.box("trained", 257, y + 104, 116, 66, "weights", "sigmoid, from", "averages of both")
    weighed, added = sketch.operation(240, y + 198, "×"), sketch.operation(240, y + 244, "+")
    after = sketch.box("trained", 226, y + 278, 92, 48, "residual", "block")
    out = sketch.box("features", 344, y + 286, 46, 32, "$z_d$")
    _, height = encoding.right()
    sketch.arrow(encoding.right(), (204, height), (204, before.left()[1]), before.left())
    sketch.arrow((240, before.y + before.height), weighed.top())
    sketch.arrow((300, before.y + before.height), (300, gate.y))
    sketch.arrow((350, deep.y + deep.height), (350, gate.y))
    sketch.arrow((315, gate.y + gate.height), (315, weighed.right()[1]), weighed.right())
    sketch.arrow((380, deep.y + deep.height), (380, added.right()[1]), added.right())
    sketch.note(300, y + 230, "enlarged")
    sketch.down(weighed, added)
    sketch.arrow(added.bottom(), (240, after.y))
    sketch.arrow(after.right(), out.left())
