"""A page for every run record: how it was made, which claims and chapters rest on it, and all its numbers."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.chapters import as_python, chapter_paths, read_chapter, record_paths
from vosbook.runs import RunRecord, read_record

# The chapter of a table or figure, by the beginning of its rows' ids: the longest that fits.
CHAPTERS = {
    "frtm": "08",
    "frtm-eq": "03",
    "frtm-t1": "08",
    "rvos": "12",
    "rvos-t5": "13",
    "s2s": "10",
    "osvoss": "14",
    "osvoss-t1-superpixels": "15",
    "osvoss-t1-contours": "15",
    "osvoss-t1-semantics": "16",
    "osvoss-t2": "16",
    "osvoss-t3": "02",
    "osvoss-t4": "18",
    "osvoss-t8": "16",
    "osvoss-ap": "16",
    "osvoss-f": "18",
    "osvoss-time": "18",
}


def record_names(book: Path) -> list[str]:
    """Every record of `book/results`, in order of name."""
    return sorted(path.stem for path in (book / "results").glob("*.json"))


def readers(book: Path) -> dict[str, list[str]]:
    """The chapters whose code reads a record, by the record's name. One that reads all of them is not meant."""
    found, names = defaultdict(list), set(record_names(book))
    for path in chapter_paths(book):
        named = {record.stem for record in record_paths(book, as_python(read_chapter(path)))}
        for name in named if named != names else ():
            found[name].append(path.stem)
    return found


def chapters_of(row: Mapping[str, Any], chapters: Iterable[str], read_by: Mapping[str, Sequence[str]]) -> list[str]:
    """The chapters that a row of claims.yml belongs to: those that read its record, else the one of its table."""
    found = list(read_by.get(row.get("record", ""), ()))
    prefix = max((start for start in CHAPTERS if row["id"].startswith(start)), key=len, default="")
    own = [name for name in chapters if prefix and name.startswith(CHAPTERS[prefix])]
    return [name for name in own if name in found] or found or own


def record_pages(
    book: Path, claims: Sequence[Mapping[str, Any]], read_by: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Text of every record's page, and of the list of them, by file name. `read_by` is what `readers` returns."""
    names = record_names(book)
    pages = {}
    for name in names:
        rows = [row for row in claims if row.get("record") == name]
        pages[f"records/{name}.md"] = _page(read_record(name, folder=book / "results"), rows, read_by.get(name, ()))
    listed = "\n".join(f"- [{name}]({name}.md)" for name in names)
    tree = "```{{toctree}}\n:hidden:\n\n{}\n```".format("\n".join(names))
    text = (
        "Every number of the book comes from a run, and every run left a record: its settings, data, commit, machine "
        "and numbers."
    )
    pages["records/index.md"] = f"# Records\n\n{text}\n\n{listed}\n\n{tree}\n"
    return pages


def _page(record: RunRecord, rows: Sequence[Mapping[str, Any]], chapters: Sequence[str]) -> str:
    parts = [f"# {record.name}", _circumstances(record)]
    if chapters:
        links = ", ".join(f"[{name[:2]}](../chapters/{name}.ipynb)" for name in chapters)
        parts.append(f"Read by the chapters {links}.")
    if rows:
        parts += ["## Claims that rest on it", _claims(rows)]
    parts += ["## Data", _data(record), "## Settings", _json(record.config), "## Numbers", _json(record.metrics)]
    return "\n\n".join(parts) + "\n"


def _circumstances(record: RunRecord) -> str:
    machine = record.hardware.get("gpu") or f"{record.hardware.get('cpu')}, {record.hardware.get('cores')} cores"
    facts = {
        "profile": f"`{record.profile}`",
        "seed": record.seed,
        "commit": f"`{record.commit[:12]}{'+changes' if record.commit.endswith('+changes') else ''}`",
        "made": record.created.replace("T", " ").removesuffix("+00:00") + " UTC",
        "in": f"{record.wall_seconds:.0f} s, at most {record.peak_memory_mb:.0f} MB",
        "on": machine,
        "with": f"Python {record.environment.get('python')}, PyTorch {record.environment.get('torch')}",
    }
    return table(("what", "value"), [(name, str(value)) for name, value in facts.items()])


def _claims(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = [
        (
            f"{r['paper']}, {r['where']}: {r['statement']}<br><small>`{r['value']}`</small>",
            f"{r['claimed']} {r['unit']}",
            f"{r['measured']} {r['unit']}",
        )
        for r in rows
    ]
    return table(("statement, and its place in the numbers below", "claimed", "measured"), cells)


def _data(record: RunRecord) -> str:
    def digest(one: Mapping[str, Any]) -> str:
        return f"`{one['sha256'][:12]}`" if "sha256" in one else ""  # a record made of other records has no pixels

    rows = [(one["spec"], str(one.get("frames", "")), digest(one)) for one in record.data]
    return table(("what", "frames", "sha256 of the pixels"), rows)


def _json(content: Any) -> str:
    return f"```json\n{json.dumps(content, indent=1)}\n```"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
