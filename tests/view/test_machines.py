"""Every drawing of a machine can be read, on a phone and by a screen reader; the kit refuses what overlaps."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from vosbook.view import machines
from vosbook.view.drawing import Drawing
from vosbook.view.machines import frtm, matching, osvos, osvos_s, overview, s2s
from vosbook.view.sketch import ARROWS, RAISED, SHAPES, WIDTH

SVG = "{http://www.w3.org/2000/svg}"
PHONE = 360  # pixels
LEAST_LETTER = 9  # pixels

HIGHLIGHTS = {
    machines.frtm_machine: frtm.PARTS,
    machines.s2s_machine: s2s.PARTS,
    machines.osvos_s_machine: osvos_s.PARTS,
}
VARIANTS: dict[str, Callable[[], Drawing]] = {
    "lstm_cell-space_time": lambda: machines.lstm_cell("space_time"),
    "rvos_table-space": lambda: machines.rvos_table(time=False),
    "rvos_table-time": lambda: machines.rvos_table(space=False),
    "rvos_table-none": lambda: machines.rvos_table(space=False, time=False),
    "rvos_table-large": lambda: machines.rvos_table(frames=5, objects=5),
    "rvos_table-small": lambda: machines.rvos_table(frames=2, objects=2),
}


def every_drawing() -> dict[str, Drawing]:
    drawn = {name: getattr(machines, name)() for name in machines.__all__}
    for machine, parts in HIGHLIGHTS.items():
        drawn |= {f"{machine.__name__}-{part}": machine(part) for part in parts}
    return drawn | {name: variant() for name, variant in VARIANTS.items()}


DRAWINGS = every_drawing()
every = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)


@every
def test_a_drawing_is_well_formed_and_scales(drawing):
    root = ET.fromstring(drawing.svg)
    left, top, width, height = map(float, root.get("viewBox").split())
    assert (left, top, width) == (0, 0, WIDTH) and 100 < height < 900
    assert root.get("width") is None and root.get("height") is None


@every
def test_a_drawing_disturbs_no_other_on_its_page(drawing):
    root = ET.fromstring(drawing.svg)
    assert not [e for e in root.iter() if e.get("id") is not None]
    assert {e.get("class") for e in root.iter()} == {None, "vos-drawing"}
    style = {e.text for d in DRAWINGS.values() for e in ET.fromstring(d.svg).iter(f"{SVG}style")}
    assert len(style) == 1 and all(
        rule.strip().startswith((".vos", "html", "@")) for rule in style.pop().split("}") if rule
    )


@every
def test_letters_are_legible_on_a_phone(drawing):
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', drawing.svg)]
    assert min(sizes) * PHONE / WIDTH >= LEAST_LETTER
    assert 0.5 < RAISED <= 1


@every
def test_colours_are_variables(drawing):
    for e in ET.fromstring(drawing.svg).iter():
        for paint in (e.get("fill"), e.get("stroke")):
            assert paint in (None, "none") or re.fullmatch(r"var\(--vos-[a-z-]+,#[0-9a-f]{6}\)", paint)


@every
def test_words_say_what_is_drawn(drawing):
    sentences = re.split(r"(?<=\.) ", drawing.alt)
    assert len(sentences) >= 2
    assert all(re.fullmatch(r"[A-Z].{10,}\.", sentence) for sentence in sentences), sentences


@pytest.mark.parametrize("machine", HIGHLIGHTS, ids=lambda machine: machine.__name__)
def test_every_highlight_changes_the_drawing(machine):
    drawn = [machine(), *(machine(part) for part in HIGHLIGHTS[machine])]
    assert len({d.svg for d in drawn}) == len({d.alt for d in drawn}) == len(drawn)
    with pytest.raises(ValueError, match="highlight must be one of"):
        machine("wheels")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_another_drawing(variant):
    same = [name for name, other in DRAWINGS.items() if other.svg == VARIANTS[variant]().svg]
    assert same == [variant]


def test_what_is_not_to_be_drawn_is_refused():
    with pytest.raises(ValueError, match="form must be one of plain, space_time, got 'round'"):
        machines.lstm_cell("round")
    for frames, objects in ((0, 2), (2, 0), (6, 2), (2, 6)):
        with pytest.raises(ValueError, match="1 to 5 each"):
            machines.rvos_table(frames=frames, objects=objects)


@pytest.mark.parametrize("space", [False, True])
@pytest.mark.parametrize("time", [False, True])
def test_the_table_has_an_arrow_for_each_cell_that_is_told_of_another(space, time):
    svg = machines.rvos_table(space=space, time=time, frames=4, objects=3).svg
    assert svg.count("<polyline") == time * 3 * 3 + space * 4 * 2
    assert len(re.findall(r"<polyline[^>]*stroke-dasharray", svg)) == space * 4 * 2


def test_the_pairs_that_are_filled_are_the_best_and_taking_the_smallest_first_is_worse():
    costs = np.array(matching.COSTS)
    assert set(matching.BEST) == set(zip(*(n.tolist() for n in linear_sum_assignment(costs))))
    left, taken = costs.copy(), []
    for _ in range(costs.shape[1]):
        n, i = np.unravel_index(left.argmin(), left.shape)
        taken.append((int(n), int(i)))
        left[n], left[:, i] = np.inf, np.inf
    assert tuple(taken) == matching.GREEDY
    svg = machines.matching_table().svg
    assert "= 0.75" in svg and "= 1.15" in svg and len(re.findall("<rect[^>]*mask-fill", svg)) == len(matching.BEST)


def test_the_superpixels_fill_their_picture_and_their_shares_are_those_told():
    areas = [width * height for (_, _, width, height), _ in osvos.TILES]
    assert sum(areas) == 180 * 136
    shares = [f"{across * down:.0%}" for _, (_, _, across, down) in osvos.TILES]
    assert shares == ["85%", "20%", "30%", "90%", "10%"]
    assert all(f">{share}<" in machines.snapping().svg for share in shares)


def test_the_legend_shows_every_kind_and_every_arrow():
    assert {kind for kind, *_ in overview.KINDS} == set(SHAPES) - {"outline"}
    assert [kind for kind, _ in overview.MEANINGS] == list(ARROWS)
