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


def without_solution(source: str) -> str:
    """The student's version of an answer cell: the solution region becomes nbgrader's stub, at its indentation."""
    return SOLUTION.sub(lambda match: "\n".join(match[1] + line for line in STUB.splitlines()), source)


# -------------------------------------------------------------------------------------- what outputs depend on


def chapter_key(path: Path, *, profile: str) -> str:
    """A digest of all that the outputs of a chapter depend on; its prose is not among that.

    Code cells, the library, the chapter's checks, the profile, the records it names, the claims where it reads them,
    the lock, the Python version, and, where the profile is not on synthetic data alone, the files under VOSBOOK_DATA.
    """
    book = path.parent
    cells = code_cells(read_chapter(path))
    digest = hashlib.sha256(f"{sys.version_info[:2]} {profile}".encode())
    for cell in cells:
        digest.update(f"{cell.source}\0{sorted(cell.metadata.get('tags', []))}\0".encode())
    for file in _inputs(book, path, "\n".join(cell.source for cell in cells), profile):
        digest.update(f"{file.relative_to(book.parent)}\0".encode() + file.read_bytes())
    settings = book / "profiles" / f"{profile}.yml"
    if settings.is_file() and "davis" in settings.read_text(encoding="utf-8"):
        digest.update(_listing(os.environ.get("VOSBOOK_DATA")))
    return digest.hexdigest()


def _inputs(book: Path, chapter: Path, code: str, profile: str) -> list[Path]:
    library = (book.parent / "src" / "vosbook").rglob("*")
    checks = [book / "checks" / f"ch{chapter.name[:2]}.py", book / "checks" / "__init__.py"]
    single = [*checks, book / "profiles" / f"{profile}.yml", book.parent / "requirements.lock"]
    single += [book / "claims.yml"] if "claims.yml" in code else []
    files = {file for file in library if file.suffix in {".py", ".js", ".css"}}
    return sorted(file for file in {*files, *single, *record_paths(book, code)} if file.is_file())


def record_paths(book: Path, code: str) -> Iterable[Path]:
    """The records that `read_record("name")` or `read_record(f"name_{profile}")` may read."""
    for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "pass", code, flags=re.MULTILINE))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("read_record"):
            yield from (book / "results").glob(f"{_pattern(node.args[0])}.json")


def _pattern(argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    if isinstance(argument, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "*" for part in argument.values)
    return "*"  # a name worked out elsewhere: any record


def _listing(folder: str | None) -> bytes:
    """Name, size and date of every file: enough to notice that a data set changed, without reading it."""
    files = sorted(file for file in Path(folder).rglob("*") if file.is_file()) if folder else []
    return "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files).encode()
