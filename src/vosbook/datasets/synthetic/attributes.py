"""The DAVIS attribute tags, each by a number that is measured on what was rendered.

A tag is given to a sequence when its criterion holds for at least half of the objects. Meanings: Perazzi et al., "A
Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016, Table 1. Their thresholds for
LR, SV and FM are kept; the others are ours. Lengths are in pixels of a picture 480 high.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, inf, pi

import cv2
import numpy as np

from vosbook.datasets.synthetic.render import HALF, Picture, view_at
from vosbook.datasets.synthetic.scene import Scene
from vosbook.datasets.synthetic.sprite import Deformation, Pose, draw


@dataclass(frozen=True)
class Evidence:
    """All that a criterion may look at."""

    scene: Scene
    pictures: Sequence[Picture]

    @property
    def size(self) -> tuple[int, int]:
        return self.pictures[0].labels.shape

    @property
    def unit(self) -> float:
        """Factor from pixels of this size to pixels of a picture 480 high."""
        return 480 / self.size[0]

    def first(self, i: int) -> Picture:
        """The first frame that shows object i."""
        return next(p for p in self.pictures if p.seen[i].visible)


def appearance_change(e: Evidence, i: int) -> float:
    """Largest change of the object's mean colour, any channel, from its first frame on; only where half of it shows."""
    means = [p.frame[p.labels == i].mean(axis=0) for p in e.pictures if 2 * p.seen[i].visible > p.seen[i].whole]
    return max((float(abs(m - means[0]).max()) for m in means), default=0.0)


def background_clutter(e: Evidence, i: int) -> float:
    """Chi-square distance, 0 (alike) to 1, of the colours in the object's rim and in the ring around it."""
    picture = e.first(i)
    width = 2 * max(2, e.size[0] // 30) + 1
    square = np.ones((width, width), np.uint8)
    mask = (picture.labels == i).astype(np.uint8)
    inner = mask > cv2.erode(mask, square, borderValue=1)
    outer = cv2.dilate(mask, square) > mask
    p, q = _histogram(picture.frame[inner]), _histogram(picture.frame[outer])
    return float(0.5 * ((p - q) ** 2 / np.maximum(p + q, 1e-12)).sum())


def _histogram(colours: np.ndarray) -> np.ndarray:
    """Shares of 4x4x4 colours: float (64,)."""
    cells = (colours >> 6).astype(np.int32) @ np.array([16, 4, 1])
    return np.bincount(cells, minlength=64) / max(len(cells), 1)


def camera_shake(e: Evidence, i: int) -> float:
    """Mean change of the camera's velocity from frame to frame, in pixels."""
    views = [view_at(e.scene.camera, t, e.size) for t in range(len(e.pictures))]
    path = np.array([[v.x, v.y] for v in views]) * 480
    return float(np.hypot(*np.diff(path, n=2, axis=0).T).mean()) if len(path) > 2 else 0.0


def dynamic_background(e: Evidence, i: int) -> float:
    """Amplitude in pixels of the background's own motion."""
    return 480 * e.scene.camera.ripple


def deformation(e: Evidence, i: int) -> float:
    """Smallest overlap (J) of the object's outline with the outline it would have if it were rigid."""
    actor = next(a for a in e.scene.actors if a.id == i)
    pose = Pose(0.0, 0.0, 32.0, 0.0)
    rigid = _outline(draw(actor.sprite, pose, Deformation(), 0.0)[0])
    bent = (_outline(draw(actor.sprite, pose, actor.bend, t)[0]) for t in range(len(e.pictures)))
    return min(float((rigid & b).sum() / (rigid | b).sum()) for b in bent)


def _outline(picture: np.ndarray) -> np.ndarray:
    return picture[..., 3] >= HALF


def edge_ambiguity(e: Evidence, i: int) -> float:
    """Mean difference in gray value of neighbours on either side of the object's outline in its first frame."""
    picture = e.first(i)
    gray = picture.frame.mean(axis=2)
    inside = picture.labels == i
    steps = [abs(np.diff(gray, axis=axis))[np.diff(inside, axis=axis)] for axis in (0, 1)]
    return float(np.concatenate(steps).mean())


def fast_motion(e: Evidence, i: int) -> float:
    """Mean way of the object's centre from frame to frame, in pixels."""
    centres = [p.seen[i].centre for p in e.pictures]
    ways = [hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(centres)]
    return e.unit * float(np.mean(ways)) if ways else 0.0


def heterogeneity(e: Evidence, i: int) -> float:
    """Spread of the object's colours in its first frame: root of the summed variances of R, G and B."""
    picture = e.first(i)
    return float(np.sqrt(picture.frame[picture.labels == i].var(axis=0).sum()))


def interaction(e: Evidence, i: int) -> float:
    """Share of the frames in which the object touches another one."""
    return float(np.mean([_touches(p.labels, i) for p in e.pictures]))


def _touches(labels: np.ndarray, i: int) -> bool:
    around = cv2.dilate((labels == i).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return bool((around & (labels > 0) & (labels != i)).any())


def low_resolution(e: Evidence, i: int) -> float:
    """Mean share of the picture that the object's bounding box covers."""
    boxes = [p.seen[i].box for p in e.pictures]
    return float(np.mean([h * w for h, w in boxes]) / (e.size[0] * e.size[1]))


def motion_blur(e: Evidence, i: int) -> float:
    """Longest way of the object during one exposure, in pixels, among the frames that show it."""
    return e.unit * max(p.seen[i].blur for p in e.pictures if p.seen[i].visible)


def occlusion(e: Evidence, i: int) -> float:
    """Smallest share of its part within the view that shows."""
    return min((s.visible / s.inside for p in e.pictures if (s := p.seen[i]).inside), default=inf)


def out_of_view(e: Evidence, i: int) -> float:
    """Smallest share of the object that lies within the view."""
    return min(p.seen[i].inside / p.seen[i].whole for p in e.pictures)


def rotation(e: Evidence, i: int) -> float:
    """Range of the angles the object is seen at, in degrees."""
    angles = [p.seen[i].angle for p in e.pictures]
    return (max(angles) - min(angles)) * 180 / pi


def shape_complexity(e: Evidence, i: int) -> float:
    """Share of its convex hull that the object fills: thin parts, notches and holes make it small."""
    actor = next(a for a in e.scene.actors if a.id == i)
    solid = _outline(actor.sprite.levels[2])
    corners = cv2.convexHull(np.argwhere(solid).astype(np.int32))
    return float(solid.sum() / cv2.contourArea(corners))


def scale_variation(e: Evidence, i: int) -> float:
    """Area of the object's smallest bounding box over that of its largest."""
    areas = [h * w for h, w in (p.seen[i].box for p in e.pictures)]
    return min(areas) / max(areas)


@dataclass(frozen=True)
class Criterion:
    """A tag holds where `value` is below, or above, `threshold`."""

    name: str
    value: Callable[[Evidence, int], float]
    sign: str  # "<" or ">"
    threshold: float

    def holds(self, evidence: Evidence, i: int) -> bool:
        value = self.value(evidence, i)
        return value < self.threshold if self.sign == "<" else value > self.threshold


CRITERIA = {
    "AC": Criterion("appearance change", appearance_change, ">", 30.0),
    "BC": Criterion("background clutter", background_clutter, "<", 0.5),
    "CS": Criterion("camera shake", camera_shake, ">", 4.0),
    "DB": Criterion("dynamic background", dynamic_background, ">", 2.0),
    "DEF": Criterion("deformation", deformation, "<", 0.85),
    "EA": Criterion("edge ambiguity", edge_ambiguity, "<", 20.0),
    "FM": Criterion("fast motion", fast_motion, ">", 20.0),
    "HO": Criterion("heterogeneous object", heterogeneity, ">", 100.0),
    "IO": Criterion("interacting objects", interaction, ">", 0.5),
    "LR": Criterion("low resolution", low_resolution, "<", 0.1),
    "MB": Criterion("motion blur", motion_blur, ">", 10.0),
    "OCC": Criterion("occlusion", occlusion, "<", 0.9),
    "OV": Criterion("out of view", out_of_view, "<", 0.95),
    "ROT": Criterion("rotation", rotation, ">", 45.0),
    "SC": Criterion("shape complexity", shape_complexity, "<", 0.65),
    "SV": Criterion("scale variation", scale_variation, "<", 0.5),
}


def measure_tags(evidence: Evidence, ids: Sequence[int]) -> tuple[str, ...]:
    """The tags of a sequence: those that hold for at least half of the objects `ids`, in alphabetical order."""
    return tuple(tag for tag, c in CRITERIA.items() if 2 * sum(c.holds(evidence, i) for i in ids) >= len(ids))
