"""Matching: which of a network's slots is held to which object."""

from vosbook.view.drawing import Drawing
from vosbook.view.sketch import Sketch

# An example, 1 - soft IoU: a row for each slot, a column for each object. Whoever takes the smallest first loses.
COSTS = ((0.25, 0.15, 0.90), (0.80, 0.30, 0.85), (0.95, 0.70, 0.40), (0.60, 0.90, 0.20))
BEST = ((0, 0), (1, 1), (3, 2))  # (slot, object) pairs of the lowest total
GREEDY = ((0, 1), (3, 2), (1, 0))  # the smallest cost first, then the smallest that is left, ...


def matching_table() -> Drawing:
    """Costs of all pairs of slots and objects, and the pairs of the lowest total."""
    sketch = Sketch(326)
    for i in range(len(COSTS[0])):
        sketch.note(130 + 96 * i, 18, f"object {i}", anchor="middle")
    for n, row in enumerate(COSTS):
        y = 36 + 52 * n
        sketch.note(10, y + 21, f"slot {n}")
        for i, cost in enumerate(row):
            sketch.box("mask" if (n, i) in BEST else "step", 86 + 96 * i, y, 88, 42, f"{cost:.2f}")
    sketch.note(10, 262, f"best pairs, filled: {_sum(BEST)}")
    sketch.note(10, 282, f"smallest first: {_sum(GREEDY)}")
    sketch.note(10, 302, "Slot 2 is held to no object.")
    return sketch.drawing(
        "A table of costs, with a row for each of four slots and a column for each of three objects. A cost is 1 "
        "minus the soft intersection over union of the slot's mask and the object's. The pairs with the lowest total "
        "are filled: slot 0 with object 0, slot 1 with object 1, and slot 3 with object 2, at 0.75 in all. Taking the "
        "smallest cost first would give slot 0 to object 1 and end at 1.15. One slot is held to no object."
    )


def _sum(pairs: tuple[tuple[int, int], ...]) -> str:
    costs = [COSTS[n][i] for n, i in pairs]
    return f"{' + '.join(f'{cost:.2f}' for cost in costs)} = {sum(costs):.2f}"
