"""The PDF of a book of two tiny chapters: that its pages, pictures and links are there, and nothing is cut off."""

import base64
import io
import re
from pathlib import Path

import nbformat
import pytest
from material import need_javascript, serve
from PIL import Image
from pipeline import pdf, site
from pipeline.chapters import BOOK, KERNEL

pytestmark = pytest.mark.browser

BUILD = BOOK.parent / "build"
TEXT_WIDTH = 612  # CSS pixels: A4 less the margins of print.css, 210 - 2 * 24 mm
MADE = {"executed": "2026-01-02T03:04:05", "profile": "smoke", "commit": "0" * 40, "seconds": 1.0,
        "environment": {"python": "3", "torch": "2"}, "hardware": {"cpu": "a processor", "cores": 2}}  # fmt: skip
LONG = f"word = '{'x' * 150}'  # and a remark{' that goes on' * 10}"
ANSWER = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"


def picture() -> str:
    Image.effect_noise((1248, 400), 60).convert("RGB").save(buffer := io.BytesIO(), format="webp")
    source = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    place = ' id="figure-0-3"'  # the glossary, which is printed too, leads there
    return f'<figure class="vos-figure"{place}><img alt="noise" src="{source}"><figcaption>Noise</figcaption></figure>'


def chapter(title: str) -> nbformat.NotebookNode:
    """A chapter with its outputs, as `site.with_outputs` leaves it."""
    graded = {"grade_id": "ex-1", "solution": True}
    check = {"grade_id": "ex-1-check", "solution": False}
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell(f"# {title}\n\nSee the [claims](../claims.md).\n\n$$J = \\frac{{a}}{{b}}$$"),
        v4.new_code_cell(LONG, outputs=[v4.new_output("display_data", {"text/html": picture()})]),
        v4.new_code_cell("plotting()", metadata={"tags": ["hide-input"]}),
        v4.new_code_cell("inspector", outputs=[v4.new_output("display_data", {pdf.WIDGET: {"model_id": "a"}})]),
        v4.new_markdown_cell("## Exercises\n\n### Exercise 0.1 · Twice\nWrite it."),
        v4.new_code_cell(ANSWER, metadata={"nbgrader": graded, "tags": ["hide-input"]}),
        v4.new_code_cell("check(double)", metadata={"nbgrader": check}),
        v4.new_markdown_cell("Executed.", id=site.NOTE),
    ]
    return v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "vosbook": MADE})


@pytest.fixture(scope="module")
def printed(browser, tmp_path_factory) -> Path:
    """The PDF, beside the folder `pdf` with the page that it was printed from."""
    site.vendor(BUILD, BOOK, print)
    need_javascript(BUILD)
    build = tmp_path_factory.mktemp("build")
    (build / "vendor").symlink_to(BUILD / "vendor")
    page = pdf.build_page({"00_one": chapter("One"), "01_two": chapter("Two")}, build)
    assert page is not None, "Sphinx warned: see above"
    made = pdf.print_page(page, build / "book.pdf", browser)
    assert [file.name for file in build.iterdir() if file.is_file()] == [made.name]
    return made


def test_every_chapter_begins_a_page_of_its_own(printed):
    content = printed.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    pages = pdf.first_pages(content)
    names = ["chapters/00_one", "chapters/01_two", "solutions", "differences", "glossary"]
    begins = [pages[f"document-{name}"] for name in names]
    assert begins == sorted(set(begins)) and begins[0] > 2  # after the title and the overview
    assert begins[1] == begins[0] + 1, "a chapter of half a page took more than one"
    tops = re.findall(rb"/document-\S+ \[\d+ 0 R /XYZ \S+ (\S+) 0\]", content)
    assert len(tops) == len(pages)
    assert all(float(top) > 760 for top in tops)  # points from the foot of a page of 842


def test_the_contents_have_the_page_numbers(printed, page):
    content = printed.read_bytes()
    pages = pdf.first_pages(content)
    begins = {name: pages[f"document-{name}"] for name in ("chapters/00_one", "chapters/01_two", "solutions")}
    leaves = re.findall(rb"/Count \d+\n/Kids \[(.*?)\]\n/Parent", content)  # of the tree of pages, in their order
    order = re.findall(rb"(\d+) 0 R", b" ".join(leaves))
    for name, number in begins.items():
        place = re.search(rb"/document-%b \[(\d+) 0 R" % name.replace("/", "#2F").encode(), content)
        assert order.index(place[1]) + 1 == number
    with serve(printed.parent / "pdf" / "single") as address:
        page.goto(f"{address}/index.html")
        page.evaluate(pdf.PREPARE)
        page.evaluate(pdf.NUMBER, pages)
        listed = page.locator(".page-number").all_text_contents()
    assert [text for text in listed if text][:3] == [f", page {number}" for number in begins.values()]


def test_links_lead_somewhere_and_pictures_are_jpeg(printed):
    content = printed.read_bytes()
    wanted = set(re.findall(rb"/Dest /(\S+)", content))
    assert b"document-chapters#2F00_one" in wanted
    assert wanted <= set(re.findall(rb"/(\S+) \[\d+ 0 R /XYZ", content))
    assert all(uri.startswith(b"http") for uri in re.findall(rb"/URI \((.*?)\)", content))
    assert content.count(b"/Filter /DCTDecode") >= 1


def test_answers_are_at_the_end_alone(printed):
    text = (printed.parent / "pdf" / "single" / "index.html").read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]+>", "", text)
    assert plain.count("return 2 * x") == plain.count("YOUR CODE HERE") == 2
    assert plain.index("Solutions", plain.rindex("YOUR CODE HERE")) < plain.index("return 2 * x")
    assert "SOLUTION" not in plain
    assert "plotting()" not in plain, "folded code, which paper cannot unfold"
    assert "Executed." not in plain
    assert "widget-view" not in text


def test_nothing_is_cut_at_the_right_edge(printed, page):
    page.emulate_media(media="print")
    page.set_viewport_size({"width": TEXT_WIDTH, "height": 900})
    with serve(printed.parent / "pdf" / "single") as address:
        page.goto(f"{address}/index.html")
        page.evaluate(pdf.PREPARE)
        code = page.locator("pre", has_text="word =").first
        assert code.bounding_box()["height"] > 3 * 10.4  # 300 characters on a line of some 95, each 10.4 px high
        wide = "e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth + 1"
        parts = page.locator("pre, table, img, mjx-container[display]")
        assert parts.count() > 10
        assert parts.evaluate_all(f"all => all.filter({wide}).map(e => e.outerHTML.slice(0, 200))") == []
        assert page.locator("mjx-container").count() == page.locator(".math").count() > 0
