"""Tables: what `show_table` puts on the page, and the same as text."""

import pytest

from vosbook.view import tables


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    bundles: list[dict] = []
    monkeypatch.setattr(tables, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_a_number_stands_before_the_caption_and_is_a_place_to_be_led_to(shown):
    tables.show_table(("method",), [("a & b",)], caption="J < F", number="3.12")
    page = shown[0]["text/html"]
    assert page.startswith('<figure class="vos-table" id="table-3-12" ')
    assert "<figcaption><b>Table 3.12</b> J &lt; F</figcaption><table " in page
    assert '<td style="text-align:left">a &amp; b</td>' in page
    assert shown[0]["text/plain"].startswith("Table 3.12 J < F\n")


def test_without_a_number_there_is_no_place(shown):
    tables.show_table(("method",), [("a",)], caption="J")
    assert "id=" not in shown[0]["text/html"] and "<figcaption>J</figcaption>" in shown[0]["text/html"]


def test_columns_of_numbers_stand_on_the_right(shown):
    rows = [("frtm", "81.5 ± 0.3", 12, "+0.25", "yes"), ("s2s", "–", 3, "-1 %", "")]
    tables.show_table(("method", "J", "n", "gain", "front"), rows, caption="In %.")
    assert shown[0]["text/plain"].splitlines()[1:] == [
        "method           J   n   gain  front",
        "frtm    81.5 ± 0.3  12  +0.25  yes",
        "s2s              –   3   -1 %",
    ]
    assert shown[0]["text/html"].count("text-align:right") == 3 * 3


def test_a_line_may_end_before_an_error_but_not_within_it(shown):
    tables.show_table(("J",), [("0.790 ± 0.039",)], caption="J")
    assert ">0.790 ±&nbsp;0.039</td>" in shown[0]["text/html"] and "0.790 ± 0.039" in shown[0]["text/plain"]


def test_a_number_with_an_exponent_is_a_number(shown):
    tables.show_table(("left",), [("6e-05",), ("2e+03",), ("7",)], caption="Of 1.")
    assert shown[0]["text/plain"].splitlines()[2:] == ["6e-05", "2e+03", "    7"]


@pytest.mark.parametrize(("rows", "caption", "words"), [([("a", 1)], "J", "got .'a', '1'."), ([], " ", "must say")])
def test_what_makes_no_table_is_refused(rows, caption, words):
    with pytest.raises(ValueError, match=words):
        tables.show_table(("method",), rows, caption=caption)
