"""What imports what, read from the source. Imports within functions and under TYPE_CHECKING count as all others do."""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import filter as matching
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

Modules = Mapping[str, Path]  # files by dotted name, such as vosbook.nn.encoder; a package's is that of its __init__


def find_modules(package: Path) -> dict[str, Path]:
    """The modules of a package, or of a folder of modules, by the names they have where its parent is on the path."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imports(
    source: str, *, package: str = "", functions: bool = True, file: str = "<code>"
) -> frozenset[tuple[str, ...]]:
    """What a module in `package` imports: for each import the names that it may mean, the likelier first.

    `from a import b` is the module a.b, or something in a; `import a.b` is a.b, and a as well. Without `functions`,
    those within functions are left out. SyntaxError, which names the `file`, where it is no Python.
    """
    found = set()
    tree = ast.parse(source, file)
    for node in ast.walk(tree) if functions else outside_functions(tree):
        if isinstance(node, ast.Import):
            found.update((name,) for alias in node.names for name in _with_parents(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            found.update((f"{base}.{alias.name}", base) for alias in node.names)
    return frozenset(found)


def outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a source, the functions themselves among them, but not what is within these."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from outside_functions(node)


def _with_parents(name: str) -> list[str]:
    """a.b.c -> a, a.b, a.b.c"""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def imports_of(name: str, modules: Modules, *, functions: bool = True) -> set[str]:
    """Which of the modules the one of this name imports; `functions` as above."""
    file = modules[name]
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    source = file.read_text(encoding="utf-8")
    return _known(imports(source, package=package, functions=functions, file=str(file)), modules)


def _known(found: Iterable[tuple[str, ...]], modules: Modules) -> set[str]:
    """The first of each import's possible names that is one of the modules."""
    known = (next((name for name in names if name in modules), None) for names in found)
    return {name for name in known if name is not None}


# ------------------------------------------------------------------------------------------------ what code can reach


def reached(code: str, modules: Modules) -> set[str]:
    """The modules that `code` imports, those that they import, and so on.

    A package on the way to a module is executed, so it counts too. What only its functions import does not: to call
    them, one has to import the package itself, or something from it.
    """
    found, passed = set(), set()
    waiting = _known(imports(code), modules)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imports_of(name, modules)
        for package in modules.keys() & set(_with_parents(name)) - passed - {name}:
            passed.add(package)
            waiting |= imports_of(package, modules, functions=False)
        waiting -= found
    return found | passed


def named_files(sources: Iterable[str], files: Collection[Path]) -> set[Path]:
    """Those of the `files` whose name a string in the sources is: "draw.js"; f"{name}.js" is that of every script."""
    all_names = frozenset(file.name for file in files)
    named = {name for source in sources for name in _named_in(source, all_names)}
    return {file for file in files if file.name in named}


@cache
def _named_in(source: str, names: frozenset[str]) -> frozenset[str]:
    strings = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant | ast.JoinedStr))
    patterns = {pattern(node) for node in strings}
    wild = (text for text in patterns if "*" in text and text.strip("*"))
    return names.intersection(patterns).union(*(matching(names, text) for text in wild))


def pattern(node: ast.expr) -> str:
    """A string's text, with * for what is put in; * for what is no string in the source."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
    return "*"
