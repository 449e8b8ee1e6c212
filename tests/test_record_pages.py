"""From a claim to its run: every row leads to a page of its record, every record has one, chapters are found."""

import json

from pipeline.chapters import BOOK, chapter_paths
from pipeline.pages import claims_table, load_claims
from pipeline.records import chapters_of, readers, record_names, record_pages

from vosbook.runs import read_record

CLAIMS, READ_BY = load_claims(BOOK), readers(BOOK)
ROW = {
    "id": "frtm-eq1",
    "paper": "FRTM",
    "where": "Eq. 1",
    "statement": "a loss",
    "claimed": 1.5,
    "unit": "",
    "status": "direction holds",
    "record": "frtm_equations",
    "value": "loss",
    "measured": 1.4,
    "measured_on": "synthetic video",
}


def test_every_record_has_a_page_with_all_its_numbers():
    pages = record_pages(BOOK, CLAIMS, READ_BY)
    assert set(pages) == {"records/index.md"} | {f"records/{name}.md" for name in record_names(BOOK)}
    record = read_record("official_davis2016")
    page = pages["records/official_davis2016.md"]
    blocks = [json.loads(part.split("```")[0]) for part in page.split("```json\n")[1:]]
    assert blocks == [record.config, record.metrics]
    assert record.commit[:12] in page and record.data[0]["sha256"][:12] in page
    assert "[official_davis2016](official_davis2016.md)" in pages["records/index.md"]


def test_a_claim_stands_on_the_page_of_its_record_and_links_there():
    page = record_pages(BOOK, [ROW], {})["records/frtm_equations.md"]
    assert "| FRTM, Eq. 1: a loss<br><small>`loss`</small> | 1.5  | 1.4  |" in page
    table = claims_table([ROW], records=["frtm_equations"], chapters={"frtm-eq1": ["03_linear_model"]})
    assert "[`frtm_equations`](records/frtm_equations.md), synthetic video" in table
    assert "chapter [03](chapters/03_linear_model.ipynb)" in table
    assert '<span id="frtm-eq1"></span>' in table
    assert "records/" not in claims_table([ROW]), "a record that has no page"


def test_the_chapters_of_a_claim():
    chapters = ["03_linear_model", "08_frtm", "12_rvos", "13_zero_shot"]
    read_by = {"frtm_equations": ["03_linear_model", "08_frtm"], "another": ["12_rvos"]}
    assert chapters_of(ROW, chapters, read_by) == ["03_linear_model"], "its own, of those that read its record"
    assert chapters_of(ROW | {"record": "another"}, chapters, read_by) == ["12_rvos"]
    not_run = {"id": "rvos-t5-s-j-seen"}
    assert chapters_of(not_run, chapters, read_by) == ["13_zero_shot"], "the longest prefix counts"
    assert chapters_of({"id": "rvos-t4-x"}, chapters, read_by) == ["12_rvos"]


def test_every_claim_has_a_chapter():
    chapters = [path.stem for path in chapter_paths()]
    assert READ_BY["official_davis2016"][0] == "02_measuring"
    without = [row["id"] for row in CLAIMS if not chapters_of(row, chapters, READ_BY)]
    assert not without
