"""The pages that say how to cite the book, what the chapters cite, and what the papers' symbols are in the library."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from nbformat import NotebookNode

# One form for all: "A. Author, B. Author: *Title*. Venue, 2018. A note." The venue ends with the year and a full stop.
REFERENCE = re.compile(
    r"(?P<authors>[^*]+): \*(?P<title>[^*]+)\*\. (?P<venue>.*?\b(?:19|20)\d\d)\.(?: (?P<note>.+))?", re.DOTALL
)
CHAPTER = re.compile(r"(?<=\| )\d\d(?:, \d\d)*(?= \|)")  # a cell of the glossary's tables that names chapters
BIBTEX_KINDS = {"conference-paper": ("inproceedings", "booktitle"), "article": ("article", "journal")}
Notebooks = Mapping[str, NotebookNode]


def reference_pages(book: Path, executed: Notebooks) -> dict[str, str]:
    """Text of the glossary and of the bibliography, by file name."""
    cff = yaml.safe_load((book.parent / "CITATION.cff").read_text(encoding="utf-8"))
    glossary = (book / "glossary.md").read_text(encoding="utf-8")
    return {
        "glossary.md": CHAPTER.sub(lambda match: _links(match[0].split(", "), executed), glossary),
        "bibliography.md": _bibliography(cff, executed),
    }


def references(notebook: NotebookNode) -> list[re.Match[str]]:
    """What a chapter's section "References" lists. ValueError, with the line, where one has another form."""
    parts = [cell.source.partition("## References\n")[2] for cell in notebook.cells if cell.cell_type == "markdown"]
    found = []
    for item in re.split(r"^- ", "\n".join(parts), flags=re.MULTILINE)[1:]:
        line = " ".join(item.split())
        match = REFERENCE.fullmatch(line)
        if match is None:
            raise ValueError(f"not of the form 'A. Author: *Title*. Venue, 2018. A note.': {line}")
        found.append(match)
    return found


def bibtex(entry: Mapping[str, Any]) -> str:
    """A BibTeX entry of one of CITATION.cff's references."""
    kind, container = BIBTEX_KINDS[entry["type"]]
    authors = [f"{one['family-names']}, {one['given-names']}" for one in entry["authors"]]
    fields = {
        "author": " and ".join(authors),
        "title": "{" + entry["title"] + "}",  # its capitals stay
        container: entry["conference"]["name"] if "conference" in entry else entry["journal"],
        "year": str(entry["year"]),
    }
    first = entry["authors"][0]["family-names"].split()[-1].lower()
    lines = [f"  {name:<9} = {{{value}}}" for name, value in fields.items()]
    return f"@{kind}{{{first}{entry['year']},\n" + ",\n".join(lines) + "\n}"


def _bibliography(cff: Mapping[str, Any], executed: Notebooks) -> str:
    book = {"title": cff["title"], "author": cff["authors"][0]["name"], "note": f"version {cff['version']}"}
    own = "@misc{vosbook,\n" + ",\n".join(f"  {name:<9} = {{{value}}}" for name, value in book.items()) + "\n}"
    cited: dict[str, tuple[str, list[str]]] = {}
    for name, notebook in executed.items():
        for match in references(notebook):
            line = f"{match['authors']}: *{match['title']}*. {match['venue']}."
            cited.setdefault(match["title"], (line, []))[1].append(name[:2])
    lines = [
        f"- {line} {'Chapter' if len(chapters) == 1 else 'Chapters'} {_links(chapters, executed)}."
        for line, chapters in cited.values()
    ]
    parts = [
        "# Citing, and bibliography",
        cff["message"] + " `CITATION.cff` in the repository holds the same.",
        *(f"```bibtex\n{entry}\n```" for entry in (own, *map(bibtex, cff["references"]))),
        "## What the chapters cite",
        "\n".join(sorted(lines, key=_surname)),
    ]
    return "\n\n".join(parts) + "\n"


def _surname(line: str) -> str:
    """What a line of the bibliography is sorted by: without the initials before the first author's name."""
    return re.sub(r"^- (?:[A-Z]\.[- ]?(?:-[A-Z]\. ?)?)*", "", line).casefold()


def _links(numbers: list[str], executed: Notebooks) -> str:
    """Links to chapters by their numbers; one that is not there is its number alone."""
    names = {name[:2]: name for name in executed}
    return ", ".join(f"[{n}](chapters/{names[n]}.ipynb)" if n in names else n for n in numbers)
