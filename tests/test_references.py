"""The glossary names what exists; the bibliography has all that chapters cite; BibTeX says what CITATION.cff says."""

import pkgutil
import re
from collections import defaultdict

import pytest
import yaml
from pipeline.chapters import BOOK, chapter_paths, read_chapter
from pipeline.references import bibtex, reference_pages, references

CHAPTERS = {path.stem: read_chapter(path) for path in chapter_paths()}
GLOSSARY = (BOOK / "glossary.md").read_text(encoding="utf-8")
CITED = yaml.safe_load((BOOK.parent / "CITATION.cff").read_text(encoding="utf-8"))["references"]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference_pages(BOOK, CHAPTERS)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w.]+)`", GLOSSARY)) - {*"BTNKCHWhw", "vosbook"}))
def test_what_the_glossary_names_is_in_the_library(name):
    assert name.startswith("vosbook.")
    pkgutil.resolve_name(name)


def test_a_row_of_the_glossary_is_a_symbol_a_meaning_an_object_and_chapters(pages):
    rows = [line.split(" | ") for line in GLOSSARY.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] not in ("| symbol", "| ---")]
    assert len(rows) > 40
    for row in rows:
        assert len(row) == 3 and "<br>`vosbook." in row[1] and re.fullmatch(r"\d\d(, \d\d)* \|", row[2]), row
    assert (
        "| [03](chapters/03_linear_model.ipynb), [07](chapters/07_segmentation_network.ipynb) |" in pages["glossary.md"]
    )


def test_a_chapter_that_is_not_there_is_not_linked():
    alone = {"09_conv_lstm": CHAPTERS["09_conv_lstm"]}
    assert "| [09](chapters/09_conv_lstm.ipynb), 12 |" in reference_pages(BOOK, alone)["glossary.md"]


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_reference_is_in_the_bibliography_once(name, pages):
    found = references(CHAPTERS[name])
    assert found
    for match in found:
        line = f"- {match['authors']}: *{match['title']}*. {match['venue']}. Chapter"
        assert pages["bibliography.md"].count(line) == 1, f"another chapter writes it in another way: {line}"
        links = pages["bibliography.md"].split(line)[1].splitlines()[0]
        assert f"[{name[:2]}](chapters/{name}.ipynb)" in links


def test_a_reference_of_another_form_is_refused():
    notebook = read_chapter(BOOK / "09_conv_lstm.py")
    notebook.cells[-1].source += "\n- Somebody, Something, 1999: a note."
    with pytest.raises(ValueError, match="Somebody, Something"):
        references(notebook)


def test_the_bibliography_is_sorted_by_surname(pages):
    lines = re.findall(r"^- .+", pages["bibliography.md"], re.MULTILINE)
    surnames = [re.match(r"- (?:\S*\. ?(?:-\S+\. )?)*([^,:]+)", line)[1].casefold() for line in lines]
    assert len(lines) > 20 and surnames == sorted(surnames)


@pytest.mark.parametrize("entry", CITED, ids=lambda entry: entry["title"][:20])
def test_bibtex_says_what_the_citation_file_says(entry, pages):
    text = bibtex(entry)
    assert text in pages["bibliography.md"]
    fields = dict(re.findall(r"^  (\w+) += \{(.+?)\},?$", text, re.MULTILINE))
    assert fields["title"].strip("{}") == entry["title"] and fields["year"] == str(entry["year"])
    names = [f"{one['family-names']}, {one['given-names']}" for one in entry["authors"]]
    assert fields["author"].split(" and ") == names
    assert text.count("{") == text.count("}")
    assert fields["booktitle" if text.startswith("@inproceedings") else "journal"]


def test_bibtex_keys_differ():
    keys = [re.match(r"@\w+\{(.+),", bibtex(entry))[1] for entry in CITED]
    assert len(set(keys)) == 4 == len(keys)


def test_a_title_has_one_form_in_all_chapters():
    forms = defaultdict(set)
    for notebook in CHAPTERS.values():
        for match in references(notebook):
            forms[match["title"].casefold()].add(match[0][: match.end("venue")])
    assert {title: found for title, found in forms.items() if len(found) > 1} == {}
