"""The pages that are not chapters: landing, claims, differences, environment, ... All numbers come from records."""

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from html import escape
from operator import getitem
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import yaml
from course.pages import course_pages
from nbformat import NotebookNode

from pipeline.moving import moving_picture
from pipeline.records import chapters_of, readers, record_names, record_pages, table
from pipeline.references import reference_pages
from vosbook.runs import read_record

PARTS = {  # name -> numbers of its chapters
    "Ground": range(0, 3),
    "Target models": range(3, 9),
    "Recurrence": range(9, 14),
    "One-shot fine-tuning": range(14, 18),
    "Results": range(18, 21),
    "After the four systems": range(21, 22),
}
STATUSES = {
    "reproduced": "status-reproduced",
    "direction holds": "status-direction",
    "contradicted": "status-contradicted",
    "inconclusive": "status-inconclusive",
    "not run": "status-not-run",
}
TRACKERS = {  # method -> record, and where in its metrics the scores on the five real sequences are
    "frtm": ("frtm_size_small_resnet18", "frtm.unseen.library"),
    "frtm-fast": ("frtm_size_small_resnet18", "frtm-fast.unseen.library"),
    "frtm-fast, without a download": ("frtm_ablation_small_davis", "davis2016.fast.complete"),
    "frtm-fast, the paper's size": ("frtm_ablation_small", "davis2016.fast.complete"),
    "frtm-fast, the paper's size, never updated": ("frtm_ablation_small", "davis2016.fast.no_update"),
    "frtm-d-only": ("frtm_size_small_resnet18", "frtm-d-only.unseen.library"),
    "frtm-d-only, the paper's size": ("frtm_ablation_small", "davis2016.fast.d_only"),
    "frtm-d-only, the paper's size, never updated": ("frtm_ablation_small", "davis2016.fast.d_only_no_update"),
    "s2s": ("s2s_size_small", "plain.unseen.384"),
    "s2s-online": ("s2s_size_small", "online.unseen.384"),
    "rvos": ("train_rvos_small_one_shot", "held_out.rvos"),
    "rvos-zero-shot": ("train_rvos_small_zero_shot", "held_out.rvos"),
    "osvos, 60 steps": ("side_by_side_small", "osvos"),
    "osvos-fast, 60 steps": ("side_by_side_small", "osvos-fast"),
    "first masks, which never move": ("train_rvos_small_one_shot", "held_out.first_mask"),
}
Notebooks = Mapping[str, NotebookNode]


def all_pages(book: Path, executed: Notebooks) -> dict[str, str]:
    """Text of every page by its file name. `executed` holds the chapters by name, e.g. "00_start_here"."""
    claims, read_by = load_claims(book), readers(book)
    loop = moving_picture(executed.values())
    filled = {
        "picture": f"```{{raw}} html\n{loop}\n```" if loop else "",
        "trackers": trackers_table(record_names(book)),
        "results": claims_table(
            [_with_its_paper(row) for row in claims if row.get("headline")], records=record_names(book)
        ),
        "chapters": _chapter_lists(executed),
        "toctrees": _toctrees(executed),
    }
    index = (book / "index.md").read_text(encoding="utf-8")
    return {
        "index.md": re.sub(r"\{\{ (\w+) \}\}", lambda match: filled[match[1]], index),
        "claims.md": _claims_page(claims, executed, record_names(book), read_by),
        **record_pages(book, claims, read_by),
        "differences.md": (book / "differences.md").read_text(encoding="utf-8"),
        "whole_data_sets.md": (book / "whole_data_sets.md").read_text(encoding="utf-8"),
        "environment.md": _environment_page(book, executed),
        **reference_pages(book, executed),
        **course_pages(book),
    }


# -------------------------------------------------------------------------------------------------- the landing


def _with_its_paper(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"where": f"{row['paper']}, {row['where']}"}


def _title(notebook: NotebookNode) -> str:
    return re.search(r"^# +(.+)$", notebook.cells[0].source, re.MULTILINE)[1]


def _first_sentence(notebook: NotebookNode) -> str:
    paragraphs = [part for part in notebook.cells[0].source.split("\n\n") if not part.startswith("#")]
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", " ".join(paragraphs[0].split()))[0] if paragraphs else ""


def _by_part(executed: Notebooks) -> dict[str, list[str]]:
    parts = {part: [name for name in executed if int(name[:2]) in numbers] for part, numbers in PARTS.items()}
    return {part: names for part, names in parts.items() if names}


def _chapter_lists(executed: Notebooks) -> str:
    blocks = []
    for part, names in _by_part(executed).items():
        lines = [f"- [{_title(executed[n])}](chapters/{n}.ipynb)\\\n  {_first_sentence(executed[n])}" for n in names]
        blocks.append(f"### {part}\n\n" + "\n".join(lines))
    return "\n\n".join(blocks)


def _toctrees(executed: Notebooks) -> str:
    trees = {part: [f"chapters/{name}" for name in names] for part, names in _by_part(executed).items()}
    trees["The course"] = [f"course/{name}" for name in ("syllabus", "exercises", "project", "graders")]
    trees["The record"] = ["claims", "records/index", "differences", "environment"]
    trees["Reference"] = ["whole_data_sets", "glossary", "bibliography"]
    head = "```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```"
    return "\n\n".join(head.format(part, "\n".join(names)) for part, names in trees.items())


# ------------------------------------------------------------------------------------------------------- claims


def load_claims(book: Path) -> list[dict[str, Any]]:
    """The rows of `book/claims.yml`."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, ten times as fast, where the package has it
    return yaml.load((book / "claims.yml").read_text(encoding="utf-8"), Loader=loader)


def number(value: Any, unit: str) -> str:
    """A claimed or measured value as a table shows it."""
    return "–" if value is None else _minus(f"{value} {unit}".strip()).replace(" %", "\N{NO-BREAK SPACE}%")


def _minus(text: str) -> str:
    """A minus before a number is as long as the plus; a hyphen, and the one of 6e-16, stay."""
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def results_table(claims: list[dict[str, Any]]) -> str:
    """The rows marked `headline`, as a Markdown table for the README."""
    rows = []
    for row in (row for row in claims if row.get("headline")):
        what = f"{row['statement']} ({row['paper']}, {row['where']})"
        rows.append((what, number(row["claimed"], row["unit"]), measured(row), row["measured_on"], row["status"]))
    return table(("what", "claimed", "measured here", "on", "status"), rows)


def trackers_table(records: Sequence[str] = ()) -> str:
    """J and F of the book's trackers on real video, and under the table what they were measured on.

    `records` are those that have a page to link to.
    """
    rows = []
    for method, (name, place) in TRACKERS.items():
        found = reduce(getitem, place.split("."), read_record(name).metrics)
        scores = [found.get(f"{measure}_of_seeds", [_mean_of(found[measure])]) for measure in ("J", "F")]
        cells = [f"{100 * mean(of):.1f}" + (f" ± {100 * pstdev(of):.1f}" if len(of) > 1 else "") for of in scores]
        unbroken = (cell.replace(" ", "\N{NO-BREAK SPACE}") for cell in cells)
        rows.append((method, *unbroken, str(len(scores[0])), _record_link(name, records)))
    specs = (entry["spec"] for entry in read_record("frtm_ablation_small").data)
    sequences = [spec.split("/")[1] for spec in specs if spec.startswith("davis2016/")]
    under = (
        f"In %, mean and standard deviation over the seeds, on {len(sequences)} of the 20 DAVIS 2016 validation "
        f"sequences at 480p ({', '.join(sequences)}). Every network reads a ResNet-18, and was trained on the 30 "
        "training sequences of DAVIS 2016, some on synthetic video too. With ImageNet's features FRTM sees frames "
        "with small objects, and S2S sees all frames, larger than in the papers (chapters 08 and 10), where a row does "
        "not say otherwise."
    )
    return f"{table(('method', 'J', 'F', 'seeds', 'record'), rows)}\n\n{under}"


def _mean_of(score: float | Mapping[str, float]) -> float:
    """Some records have J and F with their recall and decay."""
    return score["mean"] if isinstance(score, Mapping) else score


def with_results(readme: str, book: Path) -> str:
    """The README's text with the tables, between their marks, as claims.yml and the records have them."""
    before, rest = readme.split("<!-- results -->\n", 1)
    after = rest.split("<!-- end of results -->", 1)[1]
    tables = f"{trackers_table()}\n\n{results_table(load_claims(book))}\n"
    return f"{before}<!-- results -->\n{tables}<!-- end of results -->{after}"


def _claims_page(
    claims: list[dict[str, Any]], executed: Notebooks, records: Sequence[str], read_by: Mapping[str, Sequence[str]]
) -> str:
    """All claims, a table for each paper; `claims.js` adds the filters."""
    counts = {status: sum(row["status"] == status for row in claims) for status in STATUSES}
    lines = [
        "# Claims",
        "Every row is a statement of a paper that carries a number, with what we measured, on which data, and the run"
        " record it comes from. *Reproduced* means the same data and the same value to the paper's last digit;"
        " *direction holds* and *contradicted* are said of other data or other values. A gain stands with the"
        " interval in which it could as well lie on other sequences and with other seeds (95 %). Where it holds zero,"
        " where each side was trained once, or where the test could not tell, it is *inconclusive*. *Not run* gives the"
        " reason.",
        ", ".join(f"{count} {status}" for status, count in counts.items()) + ".",
        '```{raw} html\n<div id="claims-filter"></div>\n<script defer src="_static/claims.js"></script>\n```',
    ]
    for paper in dict.fromkeys(row["paper"] for row in claims):
        rows = [row for row in claims if row["paper"] == paper]
        chapters = {row["id"]: chapters_of(row, executed, read_by) for row in rows}
        lines += [f"## {paper}", claims_table(rows, records=records, chapters=chapters)]
    return "\n\n".join(lines) + "\n"


def claims_table(
    rows: Sequence[dict[str, Any]],
    *,
    records: Sequence[str] = (),
    chapters: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Three columns, which a phone can show: the status before the statement, its source small under it.

    `records` are those that have a page to link to, `chapters` those of each row by its id.
    """
    cells = []
    for row in rows:
        status = f'<span class="status {STATUSES[row["status"]]}">{row["status"]}</span>'
        source = f"{_record_link(row['record'], records)}, {row['measured_on']}" if "record" in row else row["reason"]
        source += f"; {row['note']}" if "note" in row else ""
        links = ", ".join(f"[{name[:2]}](chapters/{name}.ipynb)" for name in (chapters or {}).get(row["id"], ()))
        source += f"; chapter {links}" if links else ""
        anchor = f'<span id="{row["id"]}"></span>' if chapters else ""
        statement = f"{anchor}{status} {row['where']}: {row['statement']}<br><small>{_minus(source)}</small>"
        cells.append((statement, number(row["claimed"], row["unit"]), measured(row)))
    return table(("statement", "claimed", "measured"), cells)


def measured(row: Mapping[str, Any]) -> str:
    """The measured number of a row with its unit, and its interval where it is an effect."""
    value = number(row.get("measured"), row["unit"])
    if "interval" not in row:
        return value
    low, high = (_minus(f"{end:.1f}") for end in row["interval"])
    return f"{value} ({low} to {high})"


def _record_link(name: str, records: Sequence[str]) -> str:
    return f"[`{name}`](records/{name}.md)" if name in records else f"`{name}`"


# -------------------------------------------------------------------------------------------------- environment


def execution_note(made: Mapping[str, Any]) -> str:
    """Under every chapter: what executed it."""
    machine = made["hardware"]
    on = machine.get("gpu") or f"{machine['cpu']}, {machine['cores']} cores"
    return (
        f"---\n*Executed in {made['seconds']:.0f} s on {made['executed'][:10]}, profile `{made['profile']}`, on {on}: "
        f"Python {made['environment']['python']}, PyTorch {made['environment']['torch']}. "
        f"All versions: [environment](../environment.md).*"
    )


def _environment_page(book: Path, executed: Notebooks) -> str:
    made = {name: notebook.metadata["vosbook"] for name, notebook in executed.items()}
    chapters = [
        (_title(executed[name]), m["executed"][:16].replace("T", " "), f"{m['seconds']:.0f}", f"`{m['commit'][:12]}`")
        for name, m in made.items()
    ]
    newest = max(made.values(), key=lambda m: m["executed"], default={"environment": {}, "hardware": {}})
    facts = [(name, escape(str(value))) for name, value in {**newest["environment"], **newest["hardware"]}.items()]
    lock = (book.parent / "requirements.lock").read_text(encoding="utf-8")
    parts = [
        "# Environment",
        "What the pages of this site were made with.",
        table(("chapter", "executed (UTC)", "seconds", "commit"), chapters),
        "## What the numbers depend on",
        table(("what", "version"), facts),
        "## Every pinned package",
        f"```text\n{lock}```",
    ]
    return "\n\n".join(parts) + "\n"
