"""Chapters as notebooks: find and read them, take solutions out, and say what their outputs depend on."""

import ast
import hashlib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import jupytext
from nbformat import NotebookNode

from pipeline.imports import find_modules, named_files, pattern, reached

BOOK = Path(__file__).parents[1]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"  # nbgrader's own text
SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION.*?^[ \t]*### END SOLUTION", re.MULTILINE | re.DOTALL)


def chapter_paths(book: Path = BOOK) -> list[Path]:
    """`book/NN_name.py`, in order."""
    return sorted(book.glob("[0-9][0-9]_*.py"))


def read_chapter(path: Path) -> NotebookNode:
    """A py:percent file as a notebook whose cell ids do not change from one reading to the next."""
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that the author wrote: papermill's injected parameters are not among them."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if "injected-parameters" not in cell.metadata.get("tags", [])]


def as_python(notebook: NotebookNode) -> str:
    """The code cells as one source; a line that is for IPython or for the shell becomes `pass`."""
    code = "\n".join(cell.source for cell in code_cells(notebook))
    return re.sub(r"^\s*[%!].*$", "pass", code, flags=re.MULTILINE)


def parameter_names(notebook: NotebookNode) -> list[str]:
    """What the cell tagged `parameters` assigns: the names that papermill can set."""
    cells = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", [])]
    lines = [line for cell in cells for line in ast.parse(cell.source).body if isinstance(line, ast.Assign)]
    return [target.id for line in lines for target in line.targets if isinstance(target, ast.Name)]


def exercise_cells(notebook: NotebookNode) -> dict[str, tuple[NotebookNode, NotebookNode]]:
    """Answer and check cell of every exercise, by the answer's grade_id; a check's id is the answer's plus "-check"."""
    graded = {c.metadata["nbgrader"]["grade_id"]: c for c in code_cells(notebook) if "nbgrader" in c.metadata}
    answers = [name for name, cell in graded.items() if cell.metadata["nbgrader"]["solution"]]
    return {name: (graded[name], graded[f"{name}-check"]) for name in answers}


def shared_checks(book: Path = BOOK) -> list[Path]:
    """Modules that the checks of all chapters use."""
    return [path for path in sorted((book / "checks").glob("*.py")) if not re.match(r"ch\d\d|project", path.stem)]


def without_solution(source: str) -> str:
    """The student's version of an answer cell: the solution region becomes nbgrader's stub, at its indentation."""
    return SOLUTION.sub(lambda match: "\n".join(match[1] + line for line in STUB.splitlines()), source)


# -------------------------------------------------------------------------------------- what outputs depend on


def chapter_key(path: Path, *, profile: str) -> str:
    """A digest of all that the outputs of a chapter depend on; its prose is not among that.

    Code cells, the modules and shipped files that they can reach, the profile, the records they name, the claims where
    they read them, the lock, the Python version, and, where the profile is not on synthetic data alone, the files under
    VOSBOOK_DATA.
    """
    book = path.parent
    notebook = read_chapter(path)
    digest = hashlib.sha256(f"{sys.version_info[:2]} {profile}".encode())
    for cell in code_cells(notebook):
        digest.update(f"{cell.source}\0{sorted(cell.metadata.get('tags', []))}\0".encode())
    for file in _inputs(book, as_python(notebook), profile):
        digest.update(f"{file.relative_to(book.parent)}\0".encode() + file.read_bytes())
    settings = book / "profiles" / f"{profile}.yml"
    if settings.is_file() and "davis" in settings.read_text(encoding="utf-8"):
        digest.update(_listing(os.environ.get("VOSBOOK_DATA")))
    return digest.hexdigest()


def _inputs(book: Path, code: str, profile: str) -> list[Path]:
    single = [book / "profiles" / f"{profile}.yml", book.parent / "requirements.lock"]
    single += [book / "claims.yml"] if "claims.yml" in code else []
    files = {*library_files(book, code), *single, *record_paths(book, code)}
    return sorted(file for file in files if file.is_file())


def library_files(book: Path, code: str) -> set[Path]:
    """Modules of the library and of the checks that the code can reach, and the files that any of these names."""
    library = book.parent / "src" / "vosbook"
    modules = find_modules(library) | find_modules(book / "checks")
    sources = {modules[name] for name in reached(code, modules)}
    shipped = [file for file in library.rglob("*") if file.suffix not in {"", ".py", ".pyc"}]
    texts = (file.read_text(encoding="utf-8") for file in sources)
    return sources | named_files([code, *texts], shipped)


def record_paths(book: Path, code: str) -> Iterable[Path]:
    """The records that `read_record("name")` or `read_record(f"name_{profile}")` may read."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("read_record"):
            yield from (book / "results").glob(f"{pattern(node.args[0])}.json")


def _listing(folder: str | None) -> bytes:
    """Name, size and date of every file: enough to notice that a data set changed, without reading it."""
    files = sorted(file for file in Path(folder).rglob("*") if file.is_file()) if folder else []
    return "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files).encode()
