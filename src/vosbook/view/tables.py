"""Tables of results under a number and a caption, for the page and, where nothing draws HTML, as text."""

import html
import re
from collections.abc import Sequence

from IPython.display import display

NUMBER = re.compile(r"[-+−]?\d[\d.,]*(e[-+−]?\d+)?( ± [\d.]+)?( ?%)?|[-–]?")  # what stands on the right of its column

ZERO = re.compile(r"^[-−](?=0[.0]*( ?%)?$)")  # the sign of what was rounded to nothing


def show_table(
    head: Sequence[str], rows: Sequence[Sequence[str | int]], *, caption: str, number: str | None = None
) -> None:
    """Display `rows`, each with a cell for every column that `head` names, as a table under its caption.

    Callers round; a zero that they left a minus loses it. Columns of numbers are aligned on the right. `caption` says
    what was measured, on what and in which unit. `number`, such as "18.2", is put before it as "Table 18.2", and the
    text can be led here by it. ValueError if a row is longer or shorter than `head`, or without a caption.
    """
    if not caption.strip():
        raise ValueError("the caption must say what the table shows")
    cells = [[ZERO.sub("", str(cell)) for cell in row] for row in rows]
    for row in cells:
        if len(row) != len(head):
            raise ValueError(f"a cell for each of the {len(head)} columns {list(head)}: got {row}")
    right = [all(NUMBER.fullmatch(row[n]) for row in cells) for n in range(len(head))]
    page, text = _as_html(head, cells, right), _as_text(head, cells, right)
    place = f' id="table-{number.replace(".", "-")}"' if number else ""
    label, said = (f"<b>Table {number}</b> ", f"Table {number} {caption}") if number else ("", caption)
    above = f"<figcaption>{label}{html.escape(caption)}</figcaption>"
    figure = f'<figure class="vos-table"{place} style="margin:0.25rem 0 0.75rem;overflow-x:auto">{above}{page}</figure>'
    display({"text/html": figure, "text/plain": f"{said}\n{text}"}, raw=True)


def _as_html(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    def line(row: Sequence[str], tag: str) -> str:
        sides = ("right" if r else "left" for r in right)
        return "".join(f'<{tag} style="text-align:{s}">{_told(c)}</{tag}>' for s, c in zip(sides, row))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f'<table style="margin:0"><thead><tr>{line(head, "th")}</tr></thead><tbody>{body}</tbody></table>'


def _told(cell: str) -> str:
    """A cell for the page: with a true minus; no line ends between an error and its sign, or OSVOS and its S."""
    if NUMBER.fullmatch(cell):
        cell = re.sub(r"^-(?=\d)", "\N{MINUS SIGN}", cell)
    cell = re.sub(r"(?<=[A-Z])-(?=[A-Z]\b)", "\N{NON-BREAKING HYPHEN}", cell)
    return html.escape(cell).replace("± ", "±&nbsp;")


def _as_text(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    lines = (
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right)).rstrip()
        for row in (head, *rows)
    )
    return "\n".join(lines)
