"""Annotated video made from a seed: textured objects that move over photographs. Nothing is downloaded.

`make_sequence` makes one in memory, `write_dataset` a folder in a real data set's layout. From the recipe to the file:
`dice` (random numbers), `shapes`, `textures` and `sprite` (an object's looks), `scene` (what happens), `render`
(pixels and masks), `attributes` (the DAVIS tags, measured), `make`, `write`.
"""

from vosbook.datasets.synthetic.attributes import CRITERIA
from vosbook.datasets.synthetic.make import ArrayFrames, ArrayMasks, make_sequence
from vosbook.datasets.synthetic.scene import EFFECTS, SyntheticConfig
from vosbook.datasets.synthetic.shapes import CATEGORIES, SEEN, UNSEEN
from vosbook.datasets.synthetic.write import write_dataset

__all__ = [
    "CATEGORIES",
    "CRITERIA",
    "EFFECTS",
    "SEEN",
    "UNSEEN",
    "ArrayFrames",
    "ArrayMasks",
    "SyntheticConfig",
    "make_sequence",
    "write_dataset",
]
