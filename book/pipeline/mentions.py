"""Where the text names a chapter, section, figure, equation, table or exercise of the book, in plain words.

Ours are numbered N.M after their chapter, which no table or figure of a paper is: "Table 1" is always a paper's. A
section is named by its number alone, within its chapter, or after it: "section 3", "chapter 11, section 6". Papers
have sections too: "the paper's section 4", "FRTM, section 3", "section 4 of the paper" and all numbers with a dot.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

BETWEEN = r"(?:,\s+(?:and\s+|or\s+)?|\s+(?:and|or|to)\s+)"
CHAPTER, ITEM, SECTION = r"\d\d(?![\d.]*\d)", r"\d{1,2}\.\d{1,2}(?!\.?\d)", r"\d{1,2}(?!\.?\d)"


def _several(one: str) -> str:
    return rf"(?P<numbers>(?>{one}(?:{BETWEEN}{one})*))"  # atomic: all of them, or none


CHAPTERS = re.compile(rf"\b[Cc]hapters?\s+{_several(CHAPTER)}")
ITEMS = re.compile(rf"\b(?P<kind>Figure|Equation|Table|[Ee]xercise)s?\s+{_several(ITEM)}")
SECTIONS = re.compile(rf"\b[Ss]ections?\s+{_several(SECTION)}(?!\s+of\s+(?:the\s+|its\s+)?(?:paper|supplement))")
OF_A_CHAPTER = re.compile(r"\s+of\s+chapter\s+(\d\d)\b")
AFTER_A_CHAPTER = re.compile(r"\b[Cc]hapter\s+(\d\d),\s+$")
OF_A_PAPER = re.compile(r"(?:['’]s|\bpapers?|\bsupplement|[A-Z]{2,}\S*),?\s+$")


@dataclass(frozen=True)
class Mention:
    """A part of a text, from `start` to `end`, that names a place of the book."""

    start: int
    end: int
    chapter: str  # "09"; "" for that of the text itself
    place: str  # the anchor there, such as "figure-9-3" or "section-3"; "" for the chapter as a whole


def find_mentions(text: str) -> list[Mention]:
    """All mentions in a text, in order. With the first of several numbers goes the word before them."""
    found = [*_chapters(text), *_items(text), *_sections(text)]
    return sorted(found, key=lambda mention: mention.start)


def _chapters(text: str) -> Iterator[Mention]:
    for match in CHAPTERS.finditer(text):
        for start, end, number in _numbers(match, CHAPTER):
            yield Mention(start, end, number, "")


def _items(text: str) -> Iterator[Mention]:
    for match in ITEMS.finditer(text):
        for start, end, number in _numbers(match, ITEM):
            yield Mention(start, end, f"{int(number.split('.')[0]):02}", anchor(match["kind"], number))


def _sections(text: str) -> Iterator[Mention]:
    for match in SECTIONS.finditer(text):
        before = text[: match.start()]
        inside = OF_A_CHAPTER.match(text, match.end()) or AFTER_A_CHAPTER.search(before)
        if inside or not OF_A_PAPER.search(before):
            for start, end, number in _numbers(match, SECTION):
                yield Mention(start, end, inside[1] if inside else "", anchor("section", number))


def _numbers(match: re.Match[str], one: str) -> Iterator[tuple[int, int, str]]:
    for n, number in enumerate(re.compile(one).finditer(match.string, *match.span("numbers"))):
        yield number.start() if n else match.start(), number.end(), number[0]


def anchor(kind: str, number: str) -> str:
    """The name of a place within its page: "Figure", "9.3" -> "figure-9-3"."""
    return f"{kind.lower()}-{number.replace('.', '-')}"
