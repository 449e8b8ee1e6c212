"""The PDF: chapters, their solutions and the reference pages as one page of Sphinx, printed by Chromium.

The claims, the records and the course stay on the site. Links to them become plain text.
"""

import base64
import io
import re
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from nbformat import NotebookNode
from PIL import Image

from pipeline import pages, site
from pipeline.chapters import BOOK, exercise_cells, without_solution
from vosbook.errors import InputError
from vosbook.output import partial_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REFERENCE = ("differences.md", "glossary.md", "bibliography.md", "environment.md")
TOCTREE = "```{toctree}"
WEBP = re.compile(r"data:image/webp;base64,([A-Za-z0-9+/=]+)")
JPEG_QUALITY = 80  # of pictures printed at 240 dots per inch
MARKS = re.compile(r"^ *### (?:BEGIN|END) SOLUTION\n?", re.MULTILINE)
WIDGET = "application/vnd.jupyter.widget-view+json"

# Before printing. Mathematics and fonts are there, each part's pages carry its title, and the list of chapters has room
# for page numbers. Of the code's spans those without a colour of their own go: each would be an object of the PDF.
PREPARE = """async () => {
  await MathJax.startup.promise;
  await document.fonts.ready;
  const rules = [...document.querySelectorAll(".toctree-wrapper > section")].map((part, i) => {
    part.prepend(part.previousElementSibling);  // its anchor, which would lie on the page before
    part.style.page = `part-${i}`;
    const title = part.querySelector("h2").textContent;
    return `@page part-${i} { @top-right { content: ${JSON.stringify(title)} } }`;
  });
  document.head.append(Object.assign(document.createElement("style"), {textContent: rules.join("\\n")}));
  const listed = "#overview section:not(#what-you-will-be-able-to-do) li a.internal";
  for (const link of document.querySelectorAll(listed)) {
    link.after(Object.assign(document.createElement("span"), {className: "page-number", textContent: ", page 000"}));
  }
  const colour = (element) => getComputedStyle(element).color;
  const plain = [...document.querySelectorAll("pre span")].filter((s) => colour(s) === colour(s.closest("pre")));
  for (const span of plain) span.replaceWith(...span.childNodes);
  document.body.normalize();
}"""
NUMBER = """(pages) => {
  for (const span of document.querySelectorAll(".page-number")) {
    const page = pages[span.previousElementSibling.hash.slice(1)];
    span.textContent = page ? `, page ${page}` : "";
  }
}"""


def need_tools(build: Path) -> str:
    """Path of Chromium, with the page's JavaScript in `build`. InputError, with what to install, if one misses."""
    chromium = find_chromium()
    site.vendor(build, BOOK, say=lambda line: None)
    if not (build / "vendor" / "mathjax").is_dir():
        raise InputError("the PDF needs MathJax from npm, which must reach its registry: apt-get install npm")
    return chromium


def find_chromium() -> str:
    """Path of the Chromium that prints."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise InputError("Chromium is not on the path, and nothing else here prints pages: apt-get install chromium")


def make(executed: Mapping[str, NotebookNode], build: Path, *, chromium: str) -> Path | None:
    """Print chapters, by name and with their outputs, into a PDF in `build`. None where Sphinx warned."""
    from playwright.sync_api import sync_playwright  # 0.4 s, and only here

    print("pdf: building the page")
    page = build_page(executed, build)
    if page is None:
        return None
    print("pdf: printing")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        made = print_page(page, build / "vos-from-scratch.pdf", browser)
        browser.close()
    return made


def build_page(executed: Mapping[str, NotebookNode], build: Path) -> Path | None:
    """The whole book as one HTML file. None where Sphinx warned."""
    source, single = build / "pdf" / "source", build / "pdf" / "single"
    site.write_sources(sources(executed), source)
    whole = site.sphinx(source, single, build=build, book=BOOK, builder="singlehtml")
    return single / "index.html" if whole else None


def print_page(page: Path, out: Path, browser: "Browser") -> Path:
    """Print an HTML file as A4, twice: the first time says which page numbers its contents have.

    `out` appears only when it is whole.
    """
    style = {"prefer_css_page_size": True, "print_background": True}
    tab = browser.new_page()
    tab.set_default_timeout(0)  # a whole book takes minutes
    tab.goto(page.as_uri())
    tab.evaluate(PREPARE)
    tab.evaluate(NUMBER, first_pages(tab.pdf(**style)))
    with partial_file(out) as fresh:
        tab.pdf(path=fresh, outline=True, tagged=True, **style)
    tab.close()
    return out


def first_pages(pdf: bytes) -> dict[str, int]:
    """The number of the page on which each document of Sphinx begins that the PDF links to, by its anchor."""
    numbers = {page: n for n, page in enumerate(re.findall(rb"\n(\d+) 0 obj\n<</Type /Page\n", pdf), 1)}
    anchors = re.findall(rb"/(document-\S+) \[(\d+) 0 R /XYZ", pdf)
    return {name.decode().replace("#2F", "/"): numbers[page] for name, page in anchors}


# ------------------------------------------------------------------------------------------------ what is printed


def sources(executed: Mapping[str, NotebookNode]) -> dict[str, str]:
    """Text of every source by file name: a title page, the site's landing page, chapters, solutions, reference.

    Changes the notebooks.
    """
    on_site = pages.all_pages(BOOK, executed)
    at_end = {"solutions.md": _solutions(executed), **{name: on_site[name] for name in REFERENCE}}
    names = ["overview.md", *(f"chapters/{name}.ipynb" for name in executed), *at_end]
    return {
        "index.md": f"{_title_page(executed)}\n\n{TOCTREE}\n" + "\n".join(names) + "\n```\n",
        "overview.md": _overview(on_site["index.md"], at_end),
        **site.chapter_sources({name: _on_paper(notebook) for name, notebook in executed.items()}),
        **at_end,
    }


def _title_page(executed: Mapping[str, NotebookNode]) -> str:
    cff = yaml.safe_load((BOOK.parent / "CITATION.cff").read_text(encoding="utf-8"))
    made = max((notebook.metadata["vosbook"] for notebook in executed.values()), key=lambda m: m["executed"])
    parts = [
        f"# {cff['title']}",
        cff["abstract"],
        ", ".join(one["name"] for one in cff["authors"]),
        f"Version {cff['version']}, executed on {made['executed'][:10]} under the profile `{made['profile']}`"
        f" at commit `{made['commit'][:12]}`.",
        "The solutions of the exercises are at the end. Not printed are the table of all claims, the pages of the run"
        " records and the course: they are on the site that `make book` builds, and their sources are"
        " `book/claims.yml`, `book/results` and `book/course`.",
    ]
    return "\n\n".join(parts)


def _overview(landing: str, at_end: Mapping[str, str]) -> str:
    """The site's landing page, which lists the chapters, with what follows them."""
    text = landing.partition(TOCTREE)[0].partition("\n")[2]  # its title is on the title page
    listed = [f"- [{page.splitlines()[0].removeprefix('# ')}]({name})" for name, page in at_end.items()]
    return _with_jpeg(f"# Overview\n{text}\n### At the end\n\n" + "\n".join(listed) + "\n")


def _solutions(executed: Mapping[str, NotebookNode]) -> str:
    parts = ["# Solutions"]
    for notebook in executed.values():
        answers = _answers(notebook)
        parts += [f"#{notebook.cells[0].source.splitlines()[0]}"] if answers else []
        for task, cell in pairwise(notebook.cells):
            if cell.id in answers:
                heading = re.findall(r"^### .+$", task.source, re.MULTILINE)[-1]
                parts.append(f"{heading}\n\n```python\n{MARKS.sub('', cell.source)}\n```")
    return "\n\n".join(parts) + "\n"


def _answers(notebook: NotebookNode) -> set[str]:
    """Ids of the cells with an exercise's answer."""
    return {answer.id for answer, _ in exercise_cells(notebook).values()}


def _on_paper(notebook: NotebookNode) -> NotebookNode:
    """A chapter with its answers taken out, without folded code, widgets, and the note on its execution."""
    answers = _answers(notebook)
    notebook.cells = [cell for cell in notebook.cells if cell.id != site.NOTE]
    for cell in notebook.cells:
        if cell.id in answers:
            cell.source = without_solution(cell.source)
            cell.metadata.tags.remove("hide-input")
        elif "hide-input" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("remove-input")  # paper cannot be unfolded
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
            for output in cell.outputs:
                if "text/html" in output.get("data", {}):
                    output.data["text/html"] = _with_jpeg(output.data["text/html"])
    return notebook


def _with_jpeg(text: str) -> str:
    """The same with each WebP picture as JPEG, which a PDF can hold as it is: of a WebP it would hold every pixel."""

    def convert(match: re.Match[str]) -> str:
        picture = Image.open(io.BytesIO(base64.b64decode(match[1]))).convert("RGB")
        picture.save(buffer := io.BytesIO(), format="jpeg", quality=JPEG_QUALITY, optimize=True)
        return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"

    return WEBP.sub(convert, text)
