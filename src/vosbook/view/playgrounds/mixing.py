"""Two maps of logits mixed by one weight: w f1 + (1 - w) f2."""

import cv2
import matplotlib
import numpy as np

from vosbook.view.playgrounds.player import Layer, Playground, Slider, box, picture, text

WEIGHTS = np.linspace(0, 1, 11)
WIDTH, GAP, PIXELS = 230, 10, 96  # of a panel in the picture, between panels, and of a panel in pixels
MAP_COLOURS = (255 * matplotlib.colormaps["viridis"](np.linspace(0, 1, 256))[:, :3]).astype(np.uint8)


def mixing(f1: np.ndarray, f2: np.ndarray, *, at: tuple[int, int]) -> Playground:
    """Probabilities by f1, by f2, and by w f1 + (1 - w) f2; a slider sets w, the same for all pixels.

    f1 and f2 are logits, float (H, W). `at` is the row and column of a pixel whose sum is written out. ValueError where
    the maps differ in size, or the pixel lies outside.
    """
    if f1.shape != f2.shape or not (0 <= at[0] < f1.shape[0] and 0 <= at[1] < f1.shape[1]):
        raise ValueError(f"two maps (H, W) and a pixel in them: got {f1.shape}, {f2.shape} and {at}")
    height = round(WIDTH * f1.shape[0] / f1.shape[1])
    mixed = [w * f1 + (1 - w) * f2 for w in WEIGHTS]
    second, below = WIDTH + GAP, height + 40
    place = np.array(at) * WIDTH / f1.shape[1]
    marks = "".join(_mark(x + place[1], y + place[0]) for x, y in ((0, 24), (second, 24), (second / 2, below + 24)))
    names = text(0, 16, "f1") + text(second, 16, "f2") + text(second / 2, below + 16, "w f1 + (1 - w) f2")
    return Playground(
        size=(2 * WIDTH + GAP, below + height + 26),
        sliders=(Slider("w", [f"{w:.1f}" for w in WEIGHTS], start=5),),
        layers=(
            Layer((), [names + _panel(f1, 0, 24) + _panel(f2, second, 24)]),
            Layer((0,), [_panel(f, second / 2, below + 24) for f in mixed]),
            Layer((), [marks]),
        ),
        words=[_words(w, f, f1[at], f2[at], f[at]) for w, f in zip(WEIGHTS, mixed)],
        alt="Three maps of probabilities, dark for 0 and yellow for 1, in which the same pixel is framed: by the "
        "classifier f1, by f2, and below by the sum of their logits, which goes over from f2's map to f1's as w grows.",
    )


def _sigmoid(f: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(f, float)))


def _panel(f: np.ndarray, x: float, y: float) -> str:
    """The map of probabilities of logits (H, W), made small."""
    size = PIXELS, max(1, round(PIXELS * f.shape[0] / f.shape[1]))
    small = cv2.resize(_sigmoid(f).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return picture(MAP_COLOURS[np.rint(255 * small).astype(int)], x, y, WIDTH)


def _mark(x: float, y: float) -> str:
    return box(x - 6, y - 6, 12, 12, line="white") + box(x - 8, y - 8, 16, 16, line="black")


def _words(w: float, f: np.ndarray, one: float, two: float, value: float) -> str:
    share = 100 * (_sigmoid(f) > 0.5).mean()
    return (
        f"In the framed pixel {w:.1f} · ({one:.1f}) + {1 - w:.1f} · ({two:.1f}) = {value:.1f}, a probability of "
        f"{_sigmoid(value):.2f}. {share:.0f} % of all pixels are above one half."
    )
