"""What a chapter builds is the library's: it says so in cells tagged `equals-library`, which compare the two.

Whether they are equal shows when the chapter is executed. Here is asked what is compared: something that the chapter
made, or got from what it made, with something that it got from the library.
"""

import ast
from collections.abc import Iterable

import jupytext
import pytest
from nbformat import NotebookNode
from pipeline.chapters import chapter_paths, code_cells, read_chapter
from pipeline.imports import outside_functions

TAG = "equals-library"
HELPERS = ("datasets", "errors", "profiles", "view")  # what a chapter takes from there is not what it teaches


def tagged_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in code_cells(notebook) if TAG in cell.metadata.get("tags", [])]


def compares_with_the_library(notebook: NotebookNode, cell: NotebookNode) -> bool:
    """Whether an assertion of the cell names something that was made and something else, which is from the library."""
    nodes = [node for each in code_cells(notebook) for node in outside_functions(tree_of(each))]
    bindings = [(bound, names_in(node)) for node in nodes if (bound := bound_by(node))]
    made = derived({node.name for node in nodes if isinstance(node, FUNCTION | ast.ClassDef)}, bindings)
    library = derived(imported_names(nodes), bindings)
    asserted = [names_in(node) for node in outside_functions(tree_of(cell)) if is_assertion(node)]
    return any(one != other for names in asserted for one in names & made for other in names & library)


FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def tree_of(cell: NotebookNode) -> ast.Module:
    return ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in cell.source.splitlines()))


def imported_names(nodes: Iterable[ast.AST]) -> set[str]:
    """What is imported from the library's rooms that teach something."""
    found = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module.split(".")[0] == "vosbook"]
    found = [n for n in found if n.module.split(".")[1] not in HELPERS]
    return {alias.asname or alias.name for node in found for alias in node.names}


def derived(names: set[str], bindings: list[tuple[set[str], set[str]]]) -> set[str]:
    """The names, and those that are bound to something with one of them in it, and so on."""
    while more := {new for bound, source in bindings if names & source for new in bound} - names:
        names = names | more
    return names


def bound_by(node: ast.AST) -> set[str]:
    """Names that a definition, an assignment or a loop binds."""
    if isinstance(node, FUNCTION | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.For) else []
    return {name for target in targets for name in names_in(target)}


def names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def is_assertion(node: ast.AST) -> bool:
    """`assert`, or a call such as torch.testing.assert_close."""
    called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
    return isinstance(node, ast.Assert) or called.startswith("assert_")


def chapter(*cells: str) -> NotebookNode:
    return jupytext.reads("\n\n".join(f"# %%{cell}" for cell in cells), fmt="py:percent")


IMPORTS = "\nfrom vosbook.merge import soft_aggregate\nfrom vosbook.view.plots import show"
MADE = "\ndef mine(p):\n    return p"
TAGGED = f' tags=["{TAG}"]\n'


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([TAGGED + "assert mine(1) == soft_aggregate(1)"], True),
        ([TAGGED + "torch.testing.assert_close(mine(1), soft_aggregate(1))"], True),
        (["\nq = soft_aggregate(1)\nr = mine(1)", TAGGED + "for k in range(2):\n    assert (r == q).all()"], True),
        ([TAGGED + "print(mine(1) == soft_aggregate(1))"], False),  # nothing is asserted
        ([TAGGED + "q = soft_aggregate(1)\nassert mine(1) == mine(2)"], False),  # two of the chapter's
        ([TAGGED + "q = mine(1)\nassert soft_aggregate(1) == soft_aggregate(2)"], False),  # two of the library's
        ([TAGGED + "assert mine(1) == show(1)"], False),  # a picture teaches nothing
        ([TAGGED + "def never():\n    assert mine(1) == soft_aggregate(1)"], False),
        (["\nboth = mine(soft_aggregate(1))", TAGGED + "assert both == both"], False),  # one thing, with itself
    ],
)
def test_it_is_seen_what_a_cell_compares(cells, expected):
    notebook = chapter(IMPORTS, MADE, *cells)
    (cell,) = tagged_cells(notebook)
    assert compares_with_the_library(notebook, cell) == expected


@pytest.mark.parametrize("path", chapter_paths(), ids=lambda path: path.stem)
def test_a_chapter_compares_what_it_builds_with_the_library(path):
    notebook = read_chapter(path)
    assert tagged_cells(notebook), f"no cell is tagged {TAG}"
    for cell in tagged_cells(notebook):
        assert compares_with_the_library(notebook, cell), cell.source
