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


def test_a_minus_is_one_and_zero_has_none(shown):
    tables.show_table(("gain",), [("-1.5",), ("-0.0",), ("-0",), ("-0.04",), ("+0.0",)], caption="J in %.")
    assert shown[0]["text/plain"].splitlines()[2:] == [" -1.5", "  0.0", "    0", "-0.04", " +0.0"]
    page = shown[0]["text/html"]
    assert ">\N{MINUS SIGN}1.5<" in page and ">0.0<" in page and ">\N{MINUS SIGN}0.04<" in page and ">-" not in page


def test_the_name_of_a_method_is_not_broken_at_its_hyphen(shown):
    tables.show_table(("method",), [("OSVOS-S",), ("frtm-d-only",)], caption="J")
    page, text = shown[0]["text/html"], shown[0]["text/plain"]
    assert "OSVOS\N{NON-BREAKING HYPHEN}S<" in page and "frtm-d-only<" in page and "OSVOS-S" in text


def test_a_number_with_an_exponent_is_a_number(shown):
    tables.show_table(("left",), [("6e-05",), ("2e+03",), ("7",)], caption="Of 1.")
    assert shown[0]["text/plain"].splitlines()[2:] == ["6e-05", "2e+03", "    7"]


@pytest.mark.parametrize(("rows", "caption", "words"), [([("a", 1)], "J", "got .'a', '1'."), ([], " ", "must say")])
def test_what_makes_no_table_is_refused(rows, caption, words):
    with pytest.raises(ValueError, match=words):
        tables.show_table(("method",), rows, caption=caption)
