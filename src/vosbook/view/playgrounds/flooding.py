"""Water rises over a contour map: lakes grow from its minima and meet at the borders of the regions."""

import numpy as np
from skimage.measure import label
from skimage.segmentation import watershed

from vosbook.view.overlay import OBJECT_COLOURS, WHITE
from vosbook.view.playgrounds.player import Layer, Playground, Slider, picture

LEVELS = 15
WIDTH = 470  # of the picture
BORDER_COLOUR = np.array(WHITE, np.uint8)


def flooding(surface: np.ndarray) -> Playground:
    """The lakes of a map, float (H, W), small, such as a contour map's window: a slider raises the water's level.

    Dry ground is gray, the lighter the higher. A pixel is wet once the level has reached it, in its lake's colour, and
    white where two lakes meet. ValueError: not two axes, or a map that is flat.
    """
    if surface.ndim != 2 or np.ptp(surface) == 0:
        raise ValueError(f"the map must be (H, W) and not flat, got {surface.shape}")
    lakes = watershed(surface)
    borders = _borders(lakes)
    levels = np.quantile(surface, np.linspace(0, 1, LEVELS))  # so that every step floods as many pixels
    return Playground(
        size=(WIDTH, round(WIDTH * surface.shape[0] / surface.shape[1])),
        sliders=(Slider("water level", [f"{level:.2f}" for level in levels], start=LEVELS // 2),),
        layers=(Layer((0,), [picture(_flooded(surface, lakes, borders, v), 0, 0, WIDTH) for v in levels]),),
        words=[_words(surface, lakes, v) for v in levels],
        alt="A contour map as a landscape, ridges light and valleys dark. As the water level rises, a lake in a colour "
        "of its own grows from every minimum, until all ground is covered and white lines stand where two lakes met.",
    )


def _borders(lakes: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour lies in another lake: bool (H, W)."""
    borders = np.zeros(lakes.shape, bool)
    borders[:, :-1] |= lakes[:, :-1] != lakes[:, 1:]
    borders[:-1] |= lakes[:-1] != lakes[1:]
    return borders


def _flooded(surface: np.ndarray, lakes: np.ndarray, borders: np.ndarray, level: float) -> np.ndarray:
    """The picture at a level, uint8 (H, W, 3)."""
    height = (surface - surface.min()) / np.ptp(surface)
    pixels = np.repeat((40 + 170 * height)[..., None], 3, axis=2).astype(np.uint8)
    colours = np.array(OBJECT_COLOURS, np.uint8)[lakes % len(OBJECT_COLOURS)]
    wet = surface <= level
    pixels[wet] = colours[wet]
    pixels[wet & borders] = BORDER_COLOUR
    return pixels


def _words(surface: np.ndarray, lakes: np.ndarray, level: float) -> str:
    wet = surface <= level
    begun = len(np.unique(lakes[wet]))
    apart = int(label(wet, connectivity=1).max())
    return (
        f"Level {level:.2f}: {100 * wet.mean():.0f} % of the ground is under water. {begun} of the {lakes.max()} lakes "
        f"have begun to fill; without borders between them they would now be {apart}."
    )
