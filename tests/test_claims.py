"""Every row of claims.yml has a record that says the same number, or a reason why there is none."""

import re
from decimal import Decimal
from functools import reduce
from operator import getitem

import pytest
from pipeline.chapters import BOOK
from pipeline.pages import STATUSES, load_claims, with_results

from vosbook.runs import read_record

CLAIMS = load_claims(BOOK)
NEEDED = {"id", "paper", "where", "statement", "claimed", "unit", "data", "status"}
MEASURED = {"record", "value", "measured", "measured_on"}
OPTIONAL = {"scale", "note", "headline"}
OF_AN_EFFECT = {"interval", "sign"}
every_row = pytest.mark.parametrize("row", CLAIMS, ids=lambda row: row["id"])
effects = pytest.mark.parametrize(
    "row", [row for row in CLAIMS if row.get("record", "").startswith("effects_")], ids=lambda row: row["id"]
)
recorded = pytest.mark.parametrize("row", [row for row in CLAIMS if "record" in row], ids=lambda row: row["id"])


def recorded_value(row: dict) -> float:
    """The number in the record that the row names, in the paper's unit."""
    value = read_record(row["record"]).metrics
    for part in row["value"].split("."):
        value = value[part]
    return value * row.get("scale", 1)


def last_digit(value: object) -> Decimal:
    """The size of one step in the last digit that is shown: 85.6 -> 0.1."""
    return Decimal(1).scaleb(Decimal(str(value)).as_tuple().exponent)


def test_ids_are_unique():
    ids = [row["id"] for row in CLAIMS]
    assert len(set(ids)) == len(ids)


@every_row
def test_a_row_has_a_record_or_a_reason(row):
    assert set(row) >= NEEDED
    assert row["status"] in STATUSES
    assert "|" not in str(row.values()), "it would end the cell of the claims page's table"
    if row["status"] == "not run":
        assert row["reason"] and set(row) <= NEEDED | OPTIONAL | {"reason"}
    else:
        assert set(row) >= MEASURED and set(row) <= NEEDED | MEASURED | OPTIONAL | OF_AN_EFFECT


@recorded
def test_the_row_shows_what_the_record_says(row):
    shown, step = Decimal(str(row["measured"])), last_digit(row["measured"])
    assert abs(Decimal(recorded_value(row)) - shown) <= step / 2, f"the record says {recorded_value(row)}"


@recorded
def test_reproduced_means_same_data_and_same_value(row):
    if row["status"] == "reproduced":
        assert row["measured_on"] == row["data"]
        if row["claimed"] == "equal":  # then the number is a relative difference
            assert abs(row["measured"]) < 1e-6
        else:
            assert abs(Decimal(str(row["measured"])) - Decimal(str(row["claimed"]))) <= last_digit(row["claimed"]) / 2
    elif row["measured_on"] != row["data"]:
        assert row["status"] in {"direction holds", "contradicted", "inconclusive"}


@effects
def test_an_effect_is_what_its_interval_allows(row):
    found = read_record(row["record"]).metrics
    name, *path, last = row["value"].split(".")
    assert last == "value"
    effect = reduce(getitem, path, found[name])
    for end, shown in zip(("low", "high"), row["interval"], strict=True):
        assert abs(Decimal(effect[end] * row["scale"]) - Decimal(str(shown))) <= last_digit(shown) / 2
    if effect["low"] <= 0 <= effect["high"] or found[name]["trained_once_each"]:
        assert row["status"] == "inconclusive"
    elif row["status"] == "inconclusive":
        assert row["note"], "why, where the interval does not hold zero"
    else:
        as_claimed = effect["value"] * row.get("sign", 1) * (float(row["claimed"]) or 1) > 0
        assert row["status"] == ("direction holds" if as_claimed else "contradicted")


def test_a_gain_is_an_effect_with_an_interval():
    """Or it says that its error is not recorded."""
    gains = [row for row in CLAIMS if "record" in row and re.match(r"(gain|change) ", row["statement"])]
    assert len(gains) > 40
    of_the_authors = [row for row in gains if row["record"] in {"davis_attributes", "official_davis2016"}]
    for row in gains:
        if row not in of_the_authors and "interval" not in row:
            assert row["status"] == "inconclusive" and "no error is recorded" in row["note"], row["id"]


def test_tables_the_book_promises_have_all_their_rows():
    ids = {row["id"] for row in CLAIMS}
    measures = ("jf", "j-mean", "j-recall", "j-decay", "f-mean", "f-recall", "f-decay", "t")
    table3 = {f"osvoss-t3-{method}-{measure}" for method in ("osvoss", "osvos", "onavos") for measure in measures}
    equations = {f"frtm-eq{n}" for n in (1, 2, 3, 4)}
    frtm = {"frtm-t1-d-only-no-update", "frtm-t1-d-only", "frtm-t4-d-only-g"}
    assert ids >= table3 | equations | frtm


MEASURES = r"(jf|[jf]-(mean|recall|decay)|t)"
TABLES = {  # how many numbers are printed
    ("RVOS", "rvos-t1", r"-(s|t|st|st-plus)-[jf]-(seen|unseen)"): 4 * 4,
    ("RVOS", "rvos-t2", r"-.*-[jf]-(seen|unseen)"): 6 * 4,
    ("RVOS", "rvos-t3", r"-[jf]-[1-5]"): 2 * 5,
    ("RVOS", "rvos-t4", r"-.*-[jf]"): 8 * 2,
    ("RVOS", "rvos-t5", r"-(s|t|st)-[jf]-(seen|unseen)"): 3 * 4,
    ("OSVOS-S", "osvoss-t1", rf"-.*-{MEASURES}"): 6 * 8,
    ("OSVOS-S", "osvoss-t1", rf"-.*-{MEASURES}-change"): 5 * 8,
    ("OSVOS-S", "osvoss-t2", rf"-.*-{MEASURES}"): 7 * 8,
    ("OSVOS-S", "osvoss-t3", rf"-.*-{MEASURES}"): 16 * 8,
    ("OSVOS-S", "osvoss-t3", r"-images-.*"): 9 + 1,
    ("OSVOS-S", "osvoss-t4", r"-.*-(lr|sv|fm|cs|db|mb|occ|ov)(-gain)?"): 7 * 8 * 2,
    ("OSVOS-S", "osvoss-t5", r"-\d+"): 5,
    ("OSVOS-S", "osvoss-t6", r"-(osvoss|onavos|osvos|msk|ofl|bvs)-.*"): 6 * 11,
    ("OSVOS-S", "osvoss-t7", r"-.*"): 7,
    ("OSVOS-S", "osvoss-t8", r"-.*-.*"): 3 * 4,
    ("S2S", "s2s-t1", r"-.*-(videos|categories|objects|annotations|minutes)"): 7 * 5 - 2,
    ("S2S", "s2s-t2", r"-.*-[jf]-(mean|recall|decay)-(seen|unseen)"): 7 * 6 * 2,
    ("S2S", "s2s-t3", r"-.*-(j|time)"): 11 * 2,
    ("S2S", "s2s-t4", r"-\d+-[jf]-(mean|recall|decay)-(seen|unseen)"): 4 * 6 * 2,
}


@pytest.mark.parametrize(("paper", "table", "cells"), TABLES)
def test_a_table_has_a_row_for_every_number(paper, table, cells):
    rows = [row for row in CLAIMS if re.fullmatch(table + cells, row["id"])]
    assert len(rows) == TABLES[paper, table, cells]
    assert {(row["paper"], row["where"]) for row in rows} == {(paper, f"Table {table[-1]}")}


def test_every_cell_of_the_attributes_table_is_met_by_the_authors_masks():
    rows = [row for row in CLAIMS if re.fullmatch(r"osvoss-t4-(osvoss|onavos|osvos)-.*", row["id"])]
    assert len(rows) == 3 * 8 * 2
    assert {row["status"] for row in rows} == {"reproduced"}


def test_the_readme_shows_the_rows_as_they_are():
    text = (BOOK.parent / "README.md").read_text(encoding="utf-8")
    assert with_results(text, BOOK) == text, "run `make readme`"
    assert re.search(r"\| \d", text), "no row of claims.yml is marked `headline`"
