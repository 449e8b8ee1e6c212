"""What a contour network learns from: the contours of masks, and where no annotation says what is one."""

import cv2
import numpy as np
from skimage.segmentation import find_boundaries

from vosbook.video import VOID


def contour_labels(labels: np.ndarray, *, band: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Contours of labels, integers (H, W), and where they are known: two maps bool (H, W).

    A contour runs between two pixels of different labels, and both are its pixels, so it is two pixels wide. `band`
    None: the whole scene is annotated, as in PASCAL-Context. Else only some objects are: what the background has of
    contours nobody has marked, and farther than `band` pixels from any object nothing is known. Void pixels, and those
    beside them, are not known either.
    """
    void = labels == VOID
    known = ~cv2.dilate(void.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if band is not None:
        background = ((labels == 0) | void).astype(np.uint8)
        away = cv2.distanceTransform(background, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)  # to the nearest object's pixel
        known &= away <= band
    return find_boundaries(labels, connectivity=1, mode="thick") & known, known
