"""How a memory forgets: the weights of its samples by the update rate, and by the frames since the first."""

from itertools import product

import numpy as np

from vosbook.view.playgrounds.player import Layer, Playground, Slider, polyline, text

RATES = (0.02, 0.05, 0.1, 0.2, 0.4)
FRAMES = (0, 1, 2, 3, 5, 8, 12, 16, 20, 25, 30, 40)
LEFT, BOTTOM, HEIGHT, STEP = 46, 290, 250, 10  # of the plot: a bar of STEP units for each frame


def weights(eta: float, inserts: int) -> np.ndarray:
    """Shares of the first frame and of the frames inserted after it, (inserts + 1,), oldest first; they sum to 1.

    FRTM's rule (section 3.4): every new sample has eta of the whole, and all others keep 1 - eta of what they had.
    """
    gamma = np.ones(1)
    for _ in range(inserts):
        gamma = np.append((1 - eta) * gamma, eta)
    return gamma


def forgetting() -> Playground:
    """Bars: the share of the weight that every frame of a memory has. Sliders: eta, and the frames inserted."""
    states = [(eta, n, weights(eta, n)) for eta, n in product(RATES, FRAMES)]
    return Playground(
        size=(470, 330),
        sliders=(
            Slider("update rate η", [f"{eta:g}" for eta in RATES], start=2),
            Slider("frames inserted", [str(n) for n in FRAMES], start=7),
        ),
        layers=(Layer((), [_axes()]), Layer((0, 1), [_bars(gamma) for _, _, gamma in states])),
        words=[_words(*state) for state in states],
        alt="A bar for every frame in the memory, as high as its share of the weight: the first frame in red, those "
        "inserted later in blue. The newest always has the share eta, and those before it fall off geometrically; the "
        "first frame's bar sinks with every insert, faster for a larger eta.",
    )


def _axes() -> str:
    marks = [text(LEFT - 6, BOTTOM - HEIGHT * share + 5, f"{share:g}", anchor="end") for share in (0, 0.5, 1)]
    frame = np.array([[LEFT, BOTTOM - HEIGHT], [LEFT, BOTTOM], [LEFT + 41 * STEP + 8, BOTTOM]])
    ticks = [text(LEFT + 8 + STEP * (n + 0.5), BOTTOM + 18, str(n), anchor="middle") for n in (0, 10, 20, 30, 40)]
    names = text(4, 20, "share of the weight") + text(LEFT + 41 * STEP, BOTTOM + 36, "frame", anchor="end")
    return polyline(frame, colour="var(--thin)") + "".join(marks + ticks) + names


def _bars(gamma: np.ndarray) -> str:
    bars = [
        f"M{LEFT + 8 + STEP * n} {BOTTOM}v{-HEIGHT * share:.1f}h{STEP - 2}V{BOTTOM}z" for n, share in enumerate(gamma)
    ]
    return f'<path d="{bars[0]}" fill="var(--two)"/><path d="{"".join(bars[1:])}" fill="var(--one)"/>'


def _words(eta: float, n: int, gamma: np.ndarray) -> str:
    if n == 0:
        return "Nothing has been inserted: the first frame has all of the weight."
    half = np.log(0.5) / np.log(1 - eta)
    frames = "1 frame" if n == 1 else f"{n} frames"
    return (
        f"η = {eta:g}, {frames} inserted: the first frame has {100 * gamma[0]:.1f} % of the weight, the newest "
        f"{100 * eta:.0f} %. A frame's share is halved every {half:.1f} inserts, and the memory counts as "
        f"{1 / (gamma**2).sum():.1f} equal frames."
    )
