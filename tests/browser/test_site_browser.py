"""The printed book as a reader meets it: every page whole, at desktop and phone width, with no network."""

import re
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from material import need_javascript, serve, watched_page
from pipeline import site
from pipeline.chapters import BOOK, chapter_paths, code_cells, read_chapter
from pipeline.execute import execute_all
from pipeline.pages import load_claims
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.chapters]

BUILD = BOOK.parent / "build"

# What sticks out of the page, what is broken: looked at once the mathematics is set.
LOOK = """async () => {
  await window.MathJax?.startup?.promise;
  const article = document.querySelector("article");
  const pictures = [...article.querySelectorAll("img")];
  for (const picture of pictures) picture.loading = "eager";  // those below the window would still wait
  await Promise.allSettled(pictures.map(picture => picture.decode()));
  return {
    "scrolls sideways": document.documentElement.scrollWidth > innerWidth + 1,
    "broken pictures": pictures.filter(image => !image.naturalWidth).length,
    "pictures without a text": pictures.filter(image => !image.alt).length,
    "formulae not set": [...article.querySelectorAll(".math")].filter(e => !e.querySelector("mjx-container")).length,
    "errors in formulae": article.querySelectorAll("mjx-merror, [data-mjx-error]").length,
  };
}"""


@pytest.fixture(scope="session")
def book(browser) -> Iterator[tuple[str, Path]]:
    """The book's address and folder, brought up to date as `make book` does it."""
    chapters, cache = chapter_paths(), BUILD / "executed" / "smoke"
    failed = execute_all(chapters, cache)
    assert not failed, f"chapters that do not run: {', '.join(failed)}"
    site.assemble(chapters, cache, BUILD / "source")
    assert site.render(BUILD), "Sphinx warned: see above"
    need_javascript(BUILD)
    with serve(BUILD / "html") as address:
        yield address, BUILD / "html"


# Formulas and tables that a phone must move sideways to show whole, once they were drawn smaller.
WIDE = """[...document.querySelectorAll("article :is(div.math, .vos-table)")]
  .filter(box => box.scrollWidth > box.clientWidth).map(box => box.closest("[id]").id)"""
# What came before the page counted as loaded, in bytes as they lie there: a server may compress them.
FETCHED = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, one) => sum + one.encodedBodySize, 0)"""


LINKS = """[...document.querySelectorAll(".article-header-buttons a")].map(link => link.href)"""


@dataclass(frozen=True)
class Visit:
    """What was seen of a page, on a desktop and then on a phone."""

    fetched: int  # bytes, on the desktop
    wide: list[str]  # what sticks out on the phone, by id
    faults: dict[int, dict[str, int]]  # by width, how often what is wrong
    links: list[str]  # of the buttons in the page's head


@pytest.fixture(scope="session")
def visits(browser, book) -> dict[Path, Visit]:
    """Every page with prose, by its file in the site: each is loaded once for each width, since that takes a second."""
    address, folder = book
    pages = [file for place in (".", "chapters", "records") for file in sorted((folder / place).glob("*.html"))]
    found = {}
    with watched_page(browser) as page:
        for file in pages:
            if file.stem not in {"genindex", "search"}:  # Sphinx's own
                name = file.relative_to(folder)
                page.set_viewport_size({"width": 1280, "height": 844})
                page.goto(f"{address}/{name}", wait_until="load")
                fetched, links, faults = page.evaluate(FETCHED), page.evaluate(LINKS), {1280: page.evaluate(LOOK)}
                page.set_viewport_size({"width": 390, "height": 844})
                page.reload()  # what is too wide for a phone is made smaller as the page is loaded
                faults[390] = page.evaluate(LOOK)
                found[name] = Visit(fetched, page.evaluate(WIDE), faults, links)
    return found


def test_every_page_at_both_widths(visits):
    faults = {(str(name), width): look for name, visit in visits.items() for width, look in visit.faults.items()}
    assert {page: look for page, look in faults.items() if any(look.values())} == {}
    assert {path.stem for path in chapter_paths()} < {name.stem for name in visits}


def test_formulas_and_tables_fit_a_phone(visits):
    assert {str(name): visit.wide for name, visit in visits.items() if visit.wide} == {}


def test_what_is_folded_is_fitted_when_it_is_opened(page, book):
    """A table as wide as the page, in a fold of its own."""
    address, _ = book
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/chapters/02_measuring.html")
    page.evaluate("""() => {
      const table = document.querySelector("#table-2-8"), fold = document.createElement("details");
      table.querySelector("table").style.fontSize = "";
      table.replaceWith(fold);
      fold.append(table);
      fold.open = true;
    }""")
    page.wait_for_function("""() => {
      const table = document.querySelector("#table-2-8");
      return table.clientWidth > 0 && table.scrollWidth <= table.clientWidth;
    }""")


# What a page may weigh. The theme's icons and MathJax are 3.7 MB of it, and the same for all pages.
AT_LOAD = 7_500_000
PAGE, CLAIMS = 450_000, 750_000  # of the HTML alone, and that of the page with a row for every claim


def test_no_page_is_heavy(visits, book):
    pages = [name for name in visits if name.parent.name != "records"]
    own = {str(name): (book[1] / name).stat().st_size for name in pages}
    assert {name: size for name, size in own.items() if size > (CLAIMS if name == "claims.html" else PAGE)} == {}
    fetched = {str(name): visits[name].fetched for name in pages}
    assert {name: size for name, size in fetched.items() if size > AT_LOAD} == {}
    assert min(fetched.values()) > 2_000_000  # what the cache gives has been counted


def test_pictures_below_the_window_wait_and_then_come(page, book):
    """The text keeps its place: room is left for them."""
    page.goto(f"{book[0]}/chapters/02_measuring.html")
    last = page.locator(".vos-figure > img").last
    assert last.get_attribute("loading") == "lazy" and not last.evaluate("image => image.complete")
    before = last.bounding_box()["height"]
    last.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete && image.naturalWidth", arg=last.element_handle())
    assert last.bounding_box()["height"] == pytest.approx(before, abs=1)


def test_every_inspector_of_the_book_draws(page, book):
    """In each chapter that has one: it shows its first frame, and the next when told to."""
    address = book[0]
    with_inspector = [path for path in chapter_paths() if "Inspector(" in path.read_text(encoding="utf-8")]
    assert with_inspector
    for path in with_inspector:
        page.goto(f"{address}/chapters/{path.stem}.html")
        _step_through(page)


def _step_through(page: Page) -> None:
    page.locator(".vos-inspector").first.wait_for(timeout=30_000)
    for inspector in page.locator(".vos-inspector").all():
        picture = inspector.locator(".vos-picture")
        expect(picture).to_have_attribute("data-drawn", "0")
        inspector.focus()
        page.keyboard.press("ArrowRight")
        expect(picture).to_have_attribute("data-drawn", "1")


def test_every_painter_of_the_book_can_be_drawn_on(page, book):
    address = book[0]
    with_painter = [path for path in chapter_paths() if re.search(r"^painter$", path.read_text("utf-8"), re.MULTILINE)]
    assert with_painter
    for path in with_painter:
        page.goto(f"{address}/chapters/{path.stem}.html")
        page.locator(".vos-painter").first.wait_for(timeout=30_000)
        for painter in page.locator(".vos-painter").all():
            painter.locator(".vos-frame[data-drawn]").wait_for()
            undo = painter.get_by_role("button", name="Undo")
            expect(undo).to_be_disabled()
            painter.locator(".vos-stage").click()
            expect(undo).to_be_enabled()
            expect(painter.locator("output")).to_contain_text("%")


# ------------------------------------------------------------------------------------------------------ claims


def visible_claims(page: Page) -> list[str]:
    """The statuses of the rows that show."""
    return page.locator("tbody tr:visible .status").all_inner_texts()


@pytest.mark.parametrize("width", [1280, 390])
def test_claims_are_filtered_by_paper_status_and_words(page, book, width):
    address, _ = book
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{address}/claims.html")
    claims = load_claims(BOOK)
    says = page.locator("#claims-filter output")
    expect(says).to_have_text(f"{len(claims)} of {len(claims)} claims")

    page.get_by_label("Paper").select_option("RVOS")
    page.get_by_label("Status").select_option("direction holds")
    wanted = [row for row in claims if (row["paper"], row["status"]) == ("RVOS", "direction holds")]
    expect(says).to_have_text(f"{len(wanted)} of {len(claims)} claims")
    assert visible_claims(page) == ["direction holds"] * len(wanted)
    assert page.locator("h2:visible").count() == 1
    assert page.url.endswith("?paper=RVOS&status=direction+holds")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")

    page.goto(f"{address}/claims.html?words=osvoss-t4-osvos-lr-gain")
    expect(says).to_have_text(f"1 of {len(claims)} claims")
    assert visible_claims(page) == ["reproduced"]


def test_from_a_claim_to_its_record_and_chapter(page, book):
    address, _ = book
    page.goto(f"{address}/claims.html?words=osvoss-t4-osvos-lr-gain")
    page.locator("tbody tr:visible").get_by_role("link", name="official_davis2016").click()
    expect(page.locator("article h1")).to_contain_text("official_davis2016")
    expect(page.get_by_text("osvos.analysis.attributes.LR.gain")).to_be_visible()
    page.go_back()
    page.locator("tbody tr:visible").get_by_role("link", name="18").click()
    expect(page.locator("article h1")).to_be_visible()
    assert "/chapters/18_" in page.url


# -------------------------------------------------------------------------------------------------- ways into it


def test_every_chapter_can_be_downloaded_as_it_was_executed_and_opened(visits):
    for path in chapter_paths():
        links = visits[Path("chapters") / f"{path.stem}.html"].links
        assert f"http://localhost:8888/lab/tree/{path.name}" in links
        (download,) = (link for link in links if re.search(rf"\b{path.stem}\.ipynb$", link))
        with urllib.request.urlopen(download) as answer:
            notebook = nbformat.reads(answer.read().decode(), as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "python3"
        written = [cell.source for cell in code_cells(read_chapter(path))]
        assert [cell.source for cell in code_cells(notebook)] == written
        assert any("vos-figure" in str(cell.outputs) for cell in code_cells(notebook))


def test_the_ways_to_open_a_chapter_unfold(page, book):
    page.goto(f"{book[0]}/chapters/{chapter_paths()[0].stem}.html")
    link = page.locator(".article-header-buttons .btn-open-in-lab")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Open this chapter").click()
    expect(link).to_be_visible()
    expect(link).to_have_text(f"{chapter_paths()[0].name} in JupyterLab")


def test_code_can_be_copied_and_answers_unfold(page, book):
    page.goto(f"{book[0]}/chapters/{chapter_paths()[0].stem}.html")
    assert page.locator("button.copybtn").count() == page.locator("div.cell_input pre").count()
    answer = page.locator("details", has=page.get_by_text("Show one answer")).first
    expect(answer.locator("pre")).to_be_hidden()
    answer.get_by_text("Show one answer").click()
    expect(answer.locator("pre")).to_be_visible()


def test_the_moving_picture_stops(page, book):
    page.goto(f"{book[0]}/index.html")
    picture = page.locator(".vos-moving img")
    moving = picture.evaluate("image => image.currentSrc")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function("before => document.querySelector('.vos-moving img').currentSrc !== before", arg=moving)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("before => document.querySelector('.vos-moving img').currentSrc === before", arg=moving)


def colours(pdf: bytes) -> set[bytes]:
    """With which colours a PDF fills and draws."""
    streams = re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    texts = [zlib.decompressobj().decompress(stream) for stream in streams]
    return {colour for text in texts for colour in re.findall(rb"[\d.]+ [\d.]+ [\d.]+ (?:rg|RG)\b", text)}


def test_a_page_that_is_read_in_the_dark_is_printed_in_light_colours(page, book):
    """Text, code, formulas, drawings and widgets; afterwards the screen is dark again."""
    first = f"{book[0]}/chapters/{chapter_paths()[0].stem}.html"
    printed, theme = {}, "document.documentElement.dataset.theme"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(first)
        page.locator(".vos-inspector .vos-picture[data-drawn]").wait_for(timeout=30_000)
        assert page.evaluate(theme) == scheme
        printed[scheme] = colours(page.pdf())
        assert page.evaluate(theme) == scheme
    assert len(printed["light"]) > 20
    assert printed["dark"] <= printed["light"]  # the inspector's curves, drawn anew, may be a bitmap without colours


def test_search_works_with_no_network(page, book):
    page.goto(f"{book[0]}/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("Hungarian")
    page.keyboard.press("Enter")
    found = page.locator("#search-results a[href*='chapters/11_matching.html']").first
    expect(found).to_be_visible(timeout=30_000)
    excerpts = page.locator("#search-results .context")
    expect(excerpts.filter(has_text="Hungarian").first).to_be_visible()
    shown = "\n".join(excerpts.all_inner_texts())
    assert not re.search(r"Light Dark|\\\(", shown)  # the words of a button, a formula that is not set
    found.click()
    page.wait_for_url("**/chapters/11_matching.html*")
    expect(page.locator("article")).to_contain_text("Hungarian")
