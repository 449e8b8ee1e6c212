"""Plain words that name a place of the book: what counts as one. `test_chapters.py` looks whether all are there."""

import pytest
from pipeline.mentions import find_mentions


def found(text: str) -> list[tuple[str, str, str]]:
    return [(text[one.start : one.end], one.chapter, one.place) for one in find_mentions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In Figure 12.3.", [("Figure 12.3", "12", "figure-12-3")]),
        (
            "Equations 9.1, 9.2 and 10.4",
            [("Equations 9.1", "09", "equation-9-1"), ("9.2", "09", "equation-9-2"), ("10.4", "10", "equation-10-4")],
        ),
        ("(exercise 3.2)", [("exercise 3.2", "03", "exercise-3-2")]),
        ("Table 9.1 beside Table 1", [("Table 9.1", "09", "table-9-1")]),
        ("chapters 09 and\n10, chapter 11", [("chapters 09", "09", ""), ("10", "10", ""), ("chapter 11", "11", "")]),
        ("chapters 03 to 08", [("chapters 03", "03", ""), ("08", "08", "")]),
        ("Sections 2 and 3 say", [("Sections 2", "", "section-2"), ("3", "", "section-3")]),
        ("chapter 11, section 6", [("chapter 11", "11", ""), ("section 6", "11", "section-6")]),
        ("section 6 of chapter 11", [("section 6", "11", "section-6"), ("chapter 11", "11", "")]),
        ("the paper's section 4 and FRTM, section 3", []),
        ("section 3.4, sections 2 and 3 of the paper, Eq. 2, Figure 12, Table 1, a chapter of 10 pages", []),
        ("chapter 0912, Figure 1.2.3, figure 9.1 of another book", []),
    ],
)
def test_what_names_a_place_of_the_book(text, expected):
    assert found(text) == expected
