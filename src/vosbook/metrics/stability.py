"""Temporal stability T: how much the outline of an object changes shape between frames (Perazzi et al., CVPR 2016).

The outline becomes a polygon, every point of it is described by its shape context (Belongie et al., 2002), and two
outlines are matched by the cheapest monotone path. T is the mean cost of the matched points: 0 where nothing changes
but place and size. The paper leaves most of the details open; those here are the ones that made the published figures.

Points are (row, column) in pixels, and lie on the corners of pixels: (0, 0) is the corner of the image.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

T_SCALE = 5  # published T is the mean over frame pairs times five
TOLERANCE = 1.5  # pixels by which the polygon may miss the outline
MAX_SEGMENT = 3  # pixels between two points of the polygon
RADII = np.geomspace(1 / 8, 2, 5)  # outer edges of the rings of a shape context, in mean distances
SECTORS = 12  # directions of a shape context
DOWN, UP, RIGHT, LEFT = range(4)  # ways to leave a corner
BACK = (UP, DOWN, LEFT, RIGHT)  # the opposite of each way
TURNS = ((RIGHT, LEFT), (RIGHT, LEFT), (DOWN, UP), (DOWN, UP))  # the ways at right angles to it


def stability(mask_a: np.ndarray, mask_b: np.ndarray) -> float:
    """Mean matching cost of the outlines of two masks bool (H, W), in 0..1; NaN where either has no outline."""
    return change(describe(mask_a), describe(mask_b))


def sequence_stability(masks: Iterable[np.ndarray]) -> float:
    """T of consecutive masks bool (H, W): the mean of `stability` over neighbours, NaN left out, times `T_SCALE`.

    DAVIS 2016 gives it the true mask of the first frame, then the results up to the last frame but one. NaN where no
    pair has two outlines.
    """
    costs = [change(a, b) for a, b in pairwise(map(describe, masks))]
    known = [cost for cost in costs if not np.isnan(cost)]
    return T_SCALE * float(np.mean(known)) if known else float("nan")


def describe(mask: np.ndarray) -> np.ndarray:
    """Shape contexts (P, 60) of the outline of a mask bool (H, W); P is 0 where it has none."""
    return shape_context(contour_polygon(mask))


def change(contexts_a: np.ndarray, contexts_b: np.ndarray) -> float:
    """`stability` of two masks from what `describe` gave for each: a mask belongs to two frame pairs."""
    if not len(contexts_a) or not len(contexts_b):
        return float("nan")
    cost = chi_square(contexts_a, contexts_b)
    pairs = match_contours(cost)
    return float(cost[pairs[:, 0], pairs[:, 1]].mean())


# ------------------------------------------------------------------------------------------ mask to polygon


def contour_polygon(mask: np.ndarray) -> np.ndarray:
    """The outline of a mask bool (H, W) as points float64 (P, 2), at most `MAX_SEGMENT` apart; (0, 2) if it has none.

    Of the loops around objects and holes it is the one with most corners once simplified (of equals the first that
    `trace_loops` names), with the object on its right. The first point stands at the end again. Specks, which simplify
    to less than a triangle, do not count.
    """
    padded = np.pad(mask, 1)  # what is outside the image counts as background
    loops = trace_loops(padded)
    polygons, most = {}, 4  # a triangle, closed
    for n in sorted(range(len(loops)), key=lambda n: len(loops[n]), reverse=True):
        if len(loops[n]) < most:
            break  # simplifying adds no corners: this loop and those to come cannot win
        polygons[n] = simplify(loops[n])
        most = max(most, len(polygons[n]))
    chosen = min((n for n, polygon in polygons.items() if len(polygon) == most), default=None)
    if chosen is None:
        return np.empty((0, 2))
    right = _object_on_right(loops[chosen], padded)
    return resample(polygons[chosen] if right else polygons[chosen][::-1])


def trace_loops(padded: np.ndarray) -> list[np.ndarray]:
    """Closed loops of pixel edges between object and background: the corners where they turn, int (K, 2).

    The mask bool (H + 2, W + 2) has a border of background, which does not count in the corners' coordinates. The
    first corner of a loop stands at its end again. No loop touches itself: where two pixels meet at a corner only (a
    junction), walks turn, and one that comes back to a junction is cut there.

    Where a loop starts, and so what Douglas-Peucker makes of it, is that of the code behind the published figures: at
    its upper left corner, downwards; with junctions, at the last that is not used up. So is their order, which breaks
    ties: those without junctions from the lowest start upwards, then the others.
    """
    corners, links, junctions = _turning_points(padded)
    used: set[tuple[int, int]] = set()
    pieces = [
        _follow(start, way, links, stops, used)
        for stops in [set(junctions)]
        for start in reversed(junctions)
        for way in (UP, LEFT, DOWN, RIGHT)
        if (start, way) not in used
    ]
    plain = [
        _follow(start, DOWN, links, {start}, used)
        for start, below in enumerate(links[DOWN])
        if below >= 0 and (start, DOWN) not in used
    ]
    return [corners[loop] for loop in plain[::-1] + _join(pieces, junctions, corners[:, 1].tolist())]


def _turning_points(padded: np.ndarray) -> tuple[np.ndarray, list[list[int]], list[int]]:
    """Corners (K, 2) where loops turn, row by row; for each way the next corner that way or -1; the junctions."""
    up, down = (padded[rows, :-1] != padded[rows, 1:] for rows in (slice(-1), slice(1, None)))
    left, right = (padded[:-1, columns] != padded[1:, columns] for columns in (slice(-1), slice(1, None)))
    turns = (up | down) & (left | right)
    corners = np.argwhere(turns)
    edges = [edge[turns] for edge in (down, up, right, left)]
    links = np.full((4, len(corners)), -1)
    by_column = np.lexsort(corners.T)
    for way, order in ((DOWN, by_column), (RIGHT, np.arange(len(corners)))):
        # In this order the corners that an edge leaves and those that it reaches take turns.
        tail, head = order[edges[way][order]], order[edges[BACK[way]][order]]
        links[way, tail], links[BACK[way], head] = head, tail
    return corners, links.tolist(), np.flatnonzero(np.all(edges, axis=0)).tolist()


def _follow(start: int, way: int, links: list[list[int]], stops: set[int], used: set[tuple[int, int]]) -> list[int]:
    """Corners from `start` to the first of `stops`, both included; marks every edge as used from either end."""
    path = [start]
    while True:
        here = links[way][path[-1]]
        used.update(((path[-1], way), (here, BACK[way])))
        path.append(here)
        if here in stops:
            return path
        one, other = TURNS[way]
        way = one if links[one][here] >= 0 else other


def _join(pieces: list[list[int]], junctions: list[int], columns: list[int]) -> list[list[int]]:
    """Pieces between junctions -> loops. The column of every corner tells whether a piece leaves its end upright."""
    open_at: dict[int, list[int]] = {junction: [] for junction in junctions}
    for n, piece in enumerate(pieces):
        for junction in {piece[0], piece[-1]}:
            open_at[junction].append(n)
    loops: list[list[int]] = []
    for start in reversed(junctions):
        while open_at[start]:
            loops += _walk(start, pieces, open_at, columns)
    return loops


def _walk(
    start: int, pieces: list[list[int]], open_at: dict[int, list[int]], columns: list[int]
) -> Iterator[list[int]]:
    """The loops of one walk from a junction: it always turns, onto the first piece that is still in `open_at`."""
    walk: dict[int, list[int]] = {}  # junctions on the way, in order, and the piece by which each was left
    here, n = start, open_at[start][0]
    while True:
        piece = pieces[n] if pieces[n][0] == here else pieces[n][::-1]
        for junction in {piece[0], piece[-1]}:
            open_at[junction].remove(n)
        walk[here], here = piece, piece[-1]
        if here in walk:
            cut: list[list[int]] = []
            while not cut or cut[-1][0] != here:
                cut.append(walk.popitem()[1])
            yield [here] + [corner for piece in reversed(cut) for corner in piece[1:]]
            if not walk:
                return
            piece = next(reversed(walk.values()))
        upright = columns[piece[-2]] == columns[here]
        n = next(m for m in open_at[here] if upright != _leaves_upright(pieces[m], here, columns))


def _leaves_upright(piece: list[int], junction: int, columns: list[int]) -> bool:
    return columns[piece[1] if piece[0] == junction else piece[-2]] == columns[junction]


def _object_on_right(loop: np.ndarray, padded: np.ndarray) -> bool:
    """Whether the object lies to the right of one who walks along the loop (K, 2)."""
    (row, column), (down, right) = loop[0], np.sign(loop[1] - loop[0])
    return bool(padded[row + (down + right > 0), column + (right > down)])


def simplify(loop: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Corners (K', 2) of those of a closed loop (K, 2) that suffice for every other to lie within `tolerance` of it.

    Drops corners nearer than the tolerance to the last one kept, then splits at the farthest corner (Douglas-Peucker).
    """
    first, *corners, end = loop.tolist()
    kept = [first]
    for row, column in corners:
        if (row - kept[-1][0]) ** 2 + (column - kept[-1][1]) ** 2 >= tolerance**2:
            kept.append((row, column))
    points = np.array([*kept, end])
    keys = np.array([0, len(points) - 1])
    while True:
        span = np.repeat(np.arange(len(keys) - 1), np.diff(keys))  # of every point but the last, the part it lies in
        distance = _squared_distance(points[:-1], points[keys[span]], points[keys[span + 1]])
        farthest = np.maximum.reduceat(distance, keys[:-1])
        split = np.flatnonzero((distance == farthest[span]) & (distance > tolerance**2))
        if not len(split):
            return points[keys]
        last = np.append(span[split][1:] != span[split][:-1], True)  # among equals the last
        keys = np.union1d(keys, split[last])


def _squared_distance(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Squared distance of each point from its own segment, all whole numbers (N, 2) -> (N,). Equals come out equal."""
    along, from_start, from_end = end - start, points - start, points - end
    length = (along**2).sum(axis=1)
    share = (along * from_start).sum(axis=1)  # of the squared length: where the point's foot lies
    beside = (along[:, 0] * from_start[:, 1] - along[:, 1] * from_start[:, 0]) ** 2 / np.maximum(length, 1)
    nearest = np.where(share <= 0, (from_start**2).sum(axis=1), (from_end**2).sum(axis=1))
    return np.where((share > 0) & (share < length), beside, nearest)


def resample(polygon: np.ndarray) -> np.ndarray:
    """Points (P, 2) on a polygon (K, 2): its corners, and equal parts of each side longer than `MAX_SEGMENT`."""
    side = np.diff(polygon, axis=0)
    parts = np.ceil(np.hypot(*side.T) / MAX_SEGMENT).astype(int)  # (K - 1,)
    n = np.repeat(np.arange(len(side)), parts)
    part = np.arange(len(n)) - np.repeat(np.cumsum(parts) - parts, parts)
    return np.vstack([polygon[n] + side[n] * (part / parts[n])[:, None], polygon[-1:]])


# ------------------------------------------------------------------------------------------ polygon to cost


def shape_context(points: np.ndarray) -> np.ndarray:
    """What every point sees of all, itself included: shares of 5 rings times 12 sectors, float64 (P, 2) -> (P, 60).

    Rings are in units of the mean distance over all pairs, that of a point to itself too; what lies beyond the last is
    not counted. Sectors start at the direction in which the row grows, and turn towards growing columns.
    """
    if not len(points):
        return np.empty((0, len(RADII) * SECTORS))
    down, right = (values - values[:, None] for values in points.T)  # (P, P): from the first index to the second
    distance = np.sqrt(down**2 + right**2)
    ring = sum(distance >= radius for radius in RADII * distance.mean())
    turn = np.arctan2(right, down) * (SECTORS / (2 * np.pi))  # -6..6 sectors
    sector = np.floor(np.where(turn < 0, turn + SECTORS, turn)).astype(int) % SECTORS
    count = len(points)
    bins = (np.arange(count)[:, None] * len(RADII) + ring) * SECTORS + sector
    counts = np.bincount(bins[ring < len(RADII)], minlength=count * len(RADII) * SECTORS).reshape(count, -1)
    return counts / counts.sum(axis=1, keepdims=True)


def chi_square(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Half the sum of (a - b)² / (a + b) over the bins of any two histograms that sum to 1: (P, B), (Q, B) -> (P, Q).

    Computed as 1 less the sum of 2 a b / (a + b), which is 0 wherever one of the two is.
    """
    with np.errstate(divide="ignore"):
        a, b = 0.5 / one, np.ascontiguousarray(0.5 / other.T)  # (P, B), (B, Q)
    cost = np.empty((len(one), len(other)))
    for p, row in enumerate(a):
        seen = np.flatnonzero(one[p])
        shared = row[seen, None] + b[seen]  # infinite where `other` has nothing
        cost[p] = 1 - np.reciprocal(shared, out=shared).sum(axis=0)
    return cost.round(12)  # equal histograms cost exactly 0, on every machine


def match_contours(cost: np.ndarray) -> np.ndarray:
    """Which points of two closed outlines belong together, from their matching cost (P, Q): pairs int (N, 2).

    The cheapest path through the matrix finds the cheapest pair; from just after it the path is found again. Of the
    pairs on it each point of the first outline keeps its cheapest, and of these each point of the second.
    """
    path = cheapest_path(cost)[::-1]  # from the end, so that of equals the later is taken
    shift = path[np.argmin(cost[path[:, 0], path[:, 1]])] + 1
    path = cheapest_path(np.roll(cost, -shift, axis=(0, 1)))[::-1]
    pairs = (path + shift) % cost.shape
    for side in (0, 1):
        pairs = pairs[np.lexsort((cost[pairs[:, 0], pairs[:, 1]], pairs[:, side]))]  # stable: of equals the earlier
        pairs = pairs[np.append(True, np.diff(pairs[:, side]) > 0)]
    return pairs


def cheapest_path(cost: np.ndarray) -> np.ndarray:
    """Cells int (N, 2) from (0, 0) to the last of a matrix (P, Q), by steps (1, 0), (0, 1), (1, 1), of least sum.

    Where ways cost the same the diagonal step is taken, then the step along the first axis.
    """
    # A path enters a row from above at some column k, and goes along it to column n. With the row's running sums s
    # the least total at n is s[n] + min over k <= n of (least total above k or k - 1) - s[k - 1]: a running minimum.
    sums = np.cumsum(cost, axis=1)
    total = np.full((len(cost) + 1, cost.shape[1] + 1), np.inf)  # with a border before the first row and column
    total[1, 1:] = sums[0]
    skipped = sums - cost
    for row in range(1, len(cost)):
        above = np.minimum(total[row, 1:], total[row, :-1])
        above -= skipped[row]
        np.minimum.accumulate(above, out=above)
        np.add(above, sums[row], out=total[row + 1, 1:])
    at, path = total.data, [(len(cost), cost.shape[1])]
    while (here := path[-1]) != (1, 1):
        row, column = here
        path.append(min(((row - 1, column - 1), (row - 1, column), (row, column - 1)), key=at.__getitem__))
    return np.array(path[::-1]) - 1
