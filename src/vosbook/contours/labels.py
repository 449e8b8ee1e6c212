"""The contours of annotated areas, and where no annotation says what is one: what a contour network learns from.

Areas are integers `(H, W)`: 0 where nothing is known, else the number of the area that a pixel belongs to.
"""

import cv2
import numpy as np
from skimage.segmentation import find_boundaries

BACKGROUND = 1  # its area, where only some objects are annotated


def contour_labels(areas: np.ndarray, *, band: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Contours of areas (H, W), and where they are known: two maps bool (H, W).

    A contour runs between two pixels of different areas, and both are its pixels, so it is two pixels wide. `band`
    None: the whole scene is annotated, as in PASCAL-Context. Else only objects are: nobody has marked what contours
    the `BACKGROUND` has, so that farther than `band` pixels from any object nothing is known. Nor is it beside pixels
    of which nothing is known.
    """
    unknown = cv2.dilate((areas == 0).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if band is not None:
        no_object = (areas <= BACKGROUND).astype(np.uint8)
        unknown |= cv2.distanceTransform(no_object, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > band
    return find_boundaries(areas, connectivity=1, mode="thick") & ~unknown, ~unknown
