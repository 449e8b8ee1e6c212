"""An auction that finds the best matching: every object bids for the slot that it gains most from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vosbook.view.playgrounds.player import Layer, Playground, Slider, box, text

RAISE = 0.02  # what a bid adds to the price beyond need, so that the auction ends
LEFT, TOP, CELL, ROW = 70, 70, 92, 44  # of the table, whose cells are CELL by ROW


@dataclass(frozen=True)
class State:
    """The auction after some bids."""

    prices: np.ndarray  # (N,) of the slots
    owners: dict[int, int] = field(default_factory=dict)  # object by slot
    bidder: int | None = None  # the object that has bid last
    words: str = "Nobody has bid: all slots are free, and all prices 0."


def bidding(gains: np.ndarray, names: Sequence[str]) -> Playground:
    """An auction for slots, bid by bid: gains (N, M) in 0..1 of N slots for M <= N objects, such as soft IoUs.

    An object without a slot bids for the one whose gain less its price is largest, and raises the price until the
    second best is as good. D. P. Bertsekas: *The auction algorithm: a distributed relaxation method for the assignment
    problem*. Annals of Operations Research, 1988. ValueError: fewer than two slots, or fewer slots than objects.
    """
    slots, objects = gains.shape
    if slots < max(2, objects) or objects != len(names):
        raise ValueError(f"gains are (N, M), N >= M and N >= 2, with M names: got {gains.shape}, {len(names)} names")
    states = _auction(gains, names)
    return Playground(
        size=(LEFT + CELL * objects + 80, TOP + ROW * slots + 12),
        sliders=(Slider("bids", [str(n) for n in range(len(states))]),),
        layers=(Layer((0,), [_table(gains, names, state) for state in states]),),
        words=[state.words for state in states],
        alt="A table of what each object gains from each slot, with the price of every slot at its right. With each "
        "bid one price rises, and a frame shows which object has the slot now; one that is outbid looks for another.",
    )


def _auction(gains: np.ndarray, names: Sequence[str]) -> list[State]:
    """The state before the first bid and after each."""
    states = [State(np.zeros(len(gains)))]
    waiting = list(range(gains.shape[1]))
    while waiting:
        m, before = waiting.pop(0), states[-1]
        net = gains[:, m] - before.prices
        second, n = np.sort(net)[-2], int(net.argmax())
        prices, owners = before.prices.copy(), dict(before.owners)
        prices[n] += net[n] - second + RAISE
        out = owners.get(n)
        waiting += [] if out is None else [out]
        owners[n] = m
        words = (
            f"{names[m]} bids for slot {n}, where gain less price is {net[n]:.2f}; the second best is {second:.2f}. "
            f"The price rises to {prices[n]:.2f}. "
        )
        words += "" if out is None else f"{names[out]} loses the slot. "
        total = sum(gains[slot, owner] for slot, owner in owners.items())
        words += "" if waiting else f"All have a slot, with a sum of {total:.2f}."
        states.append(State(prices, owners, m, words))
    return states


def _table(gains: np.ndarray, names: Sequence[str], state: State) -> str:
    parts = [text(LEFT + CELL * gains.shape[1] + 40, TOP - 14, "price", anchor="middle")]
    for m, name in enumerate(names):
        colour = "var(--two)" if m == state.bidder else "currentColor"
        parts.append(text(LEFT + CELL * (m + 0.5), TOP - 14, name, anchor="middle", colour=colour))
    for n, row in enumerate(gains):
        y = TOP + ROW * n
        parts.append(text(LEFT - 12, y + 27, f"slot {n}", anchor="end"))
        parts.append(text(LEFT + CELL * len(row) + 40, y + 27, f"{state.prices[n]:.2f}", anchor="middle"))
        for m, gain in enumerate(row):
            owned = state.owners.get(n) == m
            line = "var(--two)" if owned else "none"
            shade = f"color-mix(in srgb, var(--one) {70 * gain:.0f}%, transparent)"
            parts.append(box(LEFT + CELL * m + 3, y + 3, CELL - 6, ROW - 6, fill=shade, line=line))
            words = f"{gain:.2f}{' ✓' if owned else ''}"
            parts.append(text(LEFT + CELL * (m + 0.5), y + 27, words, anchor="middle"))
    return "".join(parts)
