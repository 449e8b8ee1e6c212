"""The site: executed notebooks and generated pages into one folder of sources, and Sphinx over it.

Sphinx runs only when a source has changed, and writes beside the old site, which is replaced when the new one is whole.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from pipeline import pages
from pipeline.chapters import BOOK, code_cells, read_chapter
from pipeline.light import lighten

STAMP = ".inputs"  # in the finished site: a digest of what it was made from

NOTE = "execution-note"  # id of a chapter's last cell


def assemble(chapters: list[Path], cache: Path, source: Path, *, book: Path = BOOK) -> None:
    """Fill `source` with what Sphinx reads: chapters with their outputs from `cache`, and the other pages."""
    executed = all_with_outputs(chapters, cache)
    write_sources({**chapter_sources(executed), **pages.all_pages(book, executed)}, source)


def write_sources(wanted: Mapping[str, str], source: Path) -> None:
    """Make `source` hold these files, text by name, and no others.

    Files that do not change keep their dates, so that Sphinx reads only the others again.
    """
    texts = {source / name: text for name, text in wanted.items()}
    for stale in set(source.rglob("*")) - set(texts):
        if stale.is_file():
            stale.unlink()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def chapter_sources(executed: Mapping[str, NotebookNode]) -> dict[str, str]:
    """Text of every chapter's source by file name."""
    return {f"chapters/{name}.ipynb": nbformat.writes(notebook) + "\n" for name, notebook in executed.items()}


def all_with_outputs(chapters: list[Path], cache: Path) -> dict[str, NotebookNode]:
    """The chapters by name, with the outputs that `cache` has of them."""
    executed = {}
    for path in chapters:
        notebook = with_outputs(read_chapter(path), nbformat.read(cache / f"{path.stem}.ipynb", 4))
        title = notebook.cells[0]  # the text refers to chapters by their numbers
        title.source = title.source.replace("# ", f"# {path.stem[:2]} \N{MIDDLE DOT} ", 1)
        executed[path.stem] = notebook
    return executed


def with_outputs(notebook: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """The prose of one, the outputs of the other: both have the same code cells."""
    for cell, done in zip(code_cells(notebook), code_cells(executed), strict=True):
        if cell.source != done.source:
            raise ValueError(f"the executed notebook has another cell here: {cell.source[:80]!r}")
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
        _fold(cell)
    for name in executed.metadata.keys() & {"vosbook", "widgets"}:
        notebook.metadata[name] = executed.metadata[name]
    footer = nbformat.v4.new_markdown_cell(pages.execution_note(executed.metadata["vosbook"]))
    footer.id = NOTE
    notebook.cells.append(footer)
    return notebook


def _fold(cell: NotebookNode) -> None:
    """Fold what a reader opens only at need; a label says what it is. Nothing can be set on a page: no parameters."""
    tags = cell.metadata.get("tags", [])
    if "parameters" in tags:
        cell.metadata["tags"] = [*(tag for tag in tags if tag != "hide-input"), "remove-input"]
        return
    if cell.metadata.get("nbgrader", {}).get("solution"):
        label = "one answer"
    elif "imports" in tags or "hide-input" in tags:
        label = "imports" if "imports" in tags else "code"
    else:
        return
    cell.metadata["tags"] = [*dict.fromkeys([*tags, "hide-input"])]
    cell.metadata["mystnb"] = {"code_prompt_show": f"Show {label}", "code_prompt_hide": f"Hide {label}"}


def render(build: Path, *, book: Path = BOOK, say: Callable[[str], None] = print) -> bool:
    """Run Sphinx on `build/source` into `build/html`, if anything changed. Returns whether it succeeded."""
    site = build / "html"
    own = sorted(Path(__file__).parent.glob("*.py"))
    inputs = [build / "source", build / "vendor", book / "conf.py", book / "_static", book / "package.json", *own]
    stamp = site / STAMP
    if stamp.is_file() and stamp.read_text() == _digest(inputs):
        say("site: unchanged")
        return True
    say("site: building")
    vendor(build, book, say)
    digest = _digest(inputs)  # before Sphinx reads them: what changes meanwhile is for the next build
    fresh = build / "html.partial-"
    shutil.rmtree(fresh, ignore_errors=True)
    if not sphinx(build / "source", fresh, build=build, book=book):
        return False
    lighten(fresh)
    (fresh / STAMP).write_text(digest)
    shutil.rmtree(site, ignore_errors=True)
    fresh.rename(site)
    return True


def sphinx(source: Path, out: Path, *, build: Path, book: Path, builder: str = "html") -> bool:
    """Run Sphinx. Warnings count as errors. Returns whether there were none."""
    command = [sys.executable, "-m", "sphinx", "-b", builder, "-W", "--keep-going", "-q", "-c", str(book)]
    command += ["-t", builder]  # for conf.py, which Sphinx reads before it sets this tag itself
    command += ["-d", str(source.with_name("doctrees")), str(source), str(out)]
    path = os.pathsep.join(filter(None, [str(BOOK), os.environ.get("PYTHONPATH")]))  # conf.py takes crossrefs.py in
    environment = {**os.environ, "VOSBOOK_VENDOR": str(build / "vendor"), "PYTHONPATH": path}
    return subprocess.run(command, env=environment).returncode == 0


def _digest(places: list[Path]) -> str:
    digest = hashlib.sha256(str(shutil.which("npm")).encode())  # where npm appears, the site can do without the CDN
    for place in places:
        for file in sorted([place, *place.rglob("*")]):
            if file.is_file():
                digest.update(f"{file}\0".encode() + file.read_bytes())
    return digest.hexdigest()


# ----------------------------------------------------------------------------------- JavaScript, for no network


def vendor(build: Path, book: Path, say: Callable[[str], None]) -> None:
    """Put the site's JavaScript into `build/vendor`, from npm where it is at hand; else the site uses the usual CDN."""
    target = build / "vendor"
    wanted = (book / "package.json").read_text(encoding="utf-8")
    if not (target / "anywidget.js").is_file():
        target.mkdir(parents=True, exist_ok=True)
        shared = Path(sysconfig.get_path("data")) / "share" / "jupyter" / "nbextensions"
        shutil.copy(shared / "anywidget" / "index.js", target / "anywidget.js")
    stamp = build / "npm" / "installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if not _npm_install(build / "npm", wanted):
        say("site: npm cannot install its JavaScript, so mathematics and widgets will need a network to show")
        return
    _copy_modules(build / "npm" / "node_modules", target)
    stamp.write_text(wanted, encoding="utf-8")


def _npm_install(folder: Path, package: str) -> bool:
    npm = shutil.which("npm")
    if npm is None:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(package, encoding="utf-8")
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    return subprocess.run([npm, "install", *options], cwd=folder, capture_output=True).returncode == 0


def _copy_modules(modules: Path, target: Path) -> None:
    mathjax = modules / "mathjax" / "es5"
    shutil.rmtree(target / "mathjax", ignore_errors=True)
    shutil.copytree(mathjax / "input" / "tex", target / "mathjax" / "input" / "tex")  # fetched when needed
    shutil.copy(mathjax / "tex-svg.js", target / "mathjax")
    shutil.copy(modules / "requirejs" / "require.js", target)
    manager = Path("@jupyter-widgets") / "html-manager" / "dist"
    shutil.copy(modules / manager / "embed-amd.js", target)
    (target / manager).mkdir(parents=True, exist_ok=True)
    for font in (modules / manager).glob("*.woff2"):
        shutil.copy(font, target / manager)
