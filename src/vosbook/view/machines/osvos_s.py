"""OSVOS-S (Maninis et al., TPAMI 2018, section 4): the whole of Figure 5, and the conditional classifier (Figure 7)."""

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import Sketch

PARTS = ("first_round", "selection", "propagation", "prior", "classifier")


def osvos_s_machine(highlight: str | None = None) -> Drawing:
    """OSVOS-S from frame to mask. `highlight` is one of `PARTS`, or nothing."""
    sketch = Sketch(734, parts=PARTS, highlight=highlight)
    frame = sketch.box("image", 130, 10, 140, 34, "frame $x_t$")
    base = sketch.box("online", 20, 80, 150, 46, "base network", "OSVOS, tuned")
    features = sketch.box("features", 20, 162, 150, 46, "features", "side outputs")
    first = sketch.box("online", 20, 252, 150, 46, "first round", "appearance alone", part="first_round")
    estimate = sketch.box("mask", 20, 342, 150, 46, "estimate", "a first mask", part="first_round")
    detector = sketch.box("trained", 228, 80, 150, 46, "detector", "never tuned")
    proposals = sketch.box("mask", 228, 162, 150, 46, "proposals", "masks, categories")
    selection = sketch.box("step", 228, 252, 150, 46, "selection", "in frame 0, by $y_0$", part="selection")
    wanted = sketch.box("state", 228, 342, 150, 46, "wanted", "such as 1 person", part="selection")
    propagation = sketch.box("step", 120, 434, 160, 46, "propagation", "in later frames", part="propagation")
    prior = sketch.box("mask", 120, 516, 160, 46, "prior $w$", "chosen, smoothed", part="prior")
    classifier = sketch.box(
        "online", 80, 598, 240, 46, "conditional classifier", "$w f_1 + (1-w) f_2$", part="classifier"
    )
    mask = sketch.box("mask", 130, 680, 140, 34, "mask", part="classifier")

    sketch.arrow(frame.left(), (95, frame.left()[1]), base.top())
    sketch.arrow(frame.right(), (303, frame.right()[1]), detector.top())
    sketch.down(base, features, first, estimate)
    sketch.down(detector, proposals, selection, wanted)
    sketch.arrow(estimate.bottom(), (95, propagation.left()[1]), propagation.left())
    sketch.arrow(wanted.bottom(), (303, propagation.right(0.3)[1]), propagation.right(0.3), kind="time")
    sketch.arrow(proposals.right(), (391, 185), (391, propagation.right(0.7)[1]), propagation.right(0.7))
    sketch.down(propagation, prior, classifier, mask)
    sketch.arrow(features.left(), (8, 185), (8, classifier.left()[1]), classifier.left())
    return sketch.drawing(
        "OSVOS-S from top to bottom. On the left, the base network turns the frame into features, and the first "
        "round, which is OSVOS, makes a first estimate of the mask from appearance alone. On the right, a detector "
        "proposes instances, each a mask with a category. In frame 0, selection finds the proposals that make up the "
        "given mask. How many of which categories they are is kept. In every later frame, propagation chooses as many "
        "proposals of these categories, where the estimate sees the object. The chosen masks, smoothed, are the prior "
        "w. The conditional classifier reads the same features as the first round, is weighed by the prior, and makes "
        "the mask."
    )


def conditional_layer() -> Drawing:
    """Two classifiers on the same features, and the prior that weighs them (Eq. 2)."""
    sketch = Sketch(374)
    features = sketch.box("features", 130, 10, 140, 34, "features")
    instance = sketch.box("online", 14, 84, 150, 50, "classifier $f_1$", "on the instance")
    background = sketch.box("online", 236, 84, 150, 50, "classifier $f_2$", "everywhere else")
    prior = sketch.box("mask", 150, 186, 100, 46, "prior $w$", "0 to 1")
    left, right = sketch.operation(89, 209, "×"), sketch.operation(311, 209, "×")
    added = sketch.operation(200, 280, "+")
    out = sketch.box("mask", 130, 330, 140, 34, "$f_{out}$")
    sketch.arrow(features.left(), (89, 27), instance.top())
    sketch.arrow(features.right(), (311, 27), background.top())
    sketch.down(instance, left)
    sketch.down(background, right)
    sketch.arrow(prior.left(), left.right())
    sketch.arrow(prior.right(), right.left())
    sketch.note(126, 197, "$w$", anchor="middle")
    sketch.note(274, 197, "$1-w$", anchor="middle")
    sketch.arrow(left.bottom(), (89, 280), added.left())
    sketch.arrow(right.bottom(), (311, 280), added.right())
    sketch.down(added, out)
    return sketch.drawing(
        "The conditional layer. Two classifiers, f1 for pixels on the selected instance and f2 for all others, read "
        "the same features. The prior w multiplies f1, and 1 minus w multiplies f2. The sum of both products is the "
        "output."
    )
