"""The house runs one way: no cycle of imports, and no arrow to where a room must not look.

A rule lists what breaks it. Each is tried on small made-up houses before it is asked of the library.
"""

import re
from collections import deque
from collections.abc import Collection, Container, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from pipeline.chapters import BOOK
from pipeline.imports import Modules, find_modules, imports, imports_of, named_files, reached

Graph = Mapping[str, Collection[str]]  # which others each name imports

LIBRARY = BOOK.parent / "src" / "vosbook"
CHAPTER_NUMBER = re.compile(r"\bchapters? \d|\bch\d\d\b|\b\d\d_[a-z]+\.py\b", re.IGNORECASE)


# --------------------------------------------------------------------------------------------------- the graph


def import_graph(modules: Modules) -> dict[str, set[str]]:
    return {name: imports_of(name, modules) - {name} for name in modules}


def room(name: str) -> str:
    """The part of a module's name after the package's, where there is one."""
    return name.split(".")[min(1, name.count("."))]


def between_rooms(graph: Graph) -> dict[str, set[str]]:
    rooms: dict[str, set[str]] = {room(name): set() for name in graph}
    for name, others in graph.items():
        rooms[room(name)].update(room(other) for other in others if room(other) != room(name))
    return rooms


def shortest_cycle(graph: Graph) -> list[str]:
    """Names along a shortest cycle, the first of them again at the end; empty where there is no cycle."""
    return min(filter(None, (way_back(name, graph) for name in sorted(graph))), key=len, default=[])


def way_back(start: str, graph: Graph) -> list[str]:
    """A shortest way from a name back to itself; empty where there is none."""
    ways, seen = deque([[start]]), set()
    while ways:
        way = ways.popleft()
        for name in sorted(set(graph[way[-1]]) - seen):
            if name == start:
                return [*way, name]
            seen.add(name)
            ways.append([*way, name])
    return []


def arrows(graph: Graph, sources: Container[str], targets: Container[str]) -> list[str]:
    """The imports by modules of the rooms `sources` of modules in the rooms `targets`."""
    starts = (name for name in sorted(graph) if room(name) in sources)
    return [f"{name} imports {other}" for name in starts for other in sorted(graph[name]) if room(other) in targets]


# --------------------------------------------------------------------------------------------------- the rules


def cycle_of_modules(modules: Modules) -> list[str]:
    return [" -> ".join(cycle)] if (cycle := shortest_cycle(import_graph(modules))) else []


def cycle_of_rooms(modules: Modules) -> list[str]:
    graph = import_graph(modules)
    ways = pairwise(shortest_cycle(between_rooms(graph)))
    return [f"{one} -> {other}: {', '.join(arrows(graph, {one}, {other}))}" for one, other in ways]


def methods_that_know_each_other(modules: Modules) -> list[str]:
    """A method is made of blocks, never of another method, and the registry knows it, not it the registry."""
    graph = import_graph(modules)
    return arrows({name: graph[name] for name in graph if name != "vosbook.methods"}, {"methods"}, {"methods"})


def metrics_that_need_torch(modules: Modules) -> list[str]:
    """Masks are scored without a network, by all that the metrics import too."""
    metrics = "\n".join(f"import {name}" for name in modules if room(name) == "metrics")
    return [f"{name} imports torch" for name in sorted(reached(metrics, modules)) if _imports_torch(modules[name])]


def _imports_torch(file: Path) -> bool:
    found = imports(file.read_text(encoding="utf-8"), package="vosbook.room")
    return any(name.split(".")[0] == "torch" for names in found for name in names)


def those_who_look_at_pictures(modules: Modules) -> list[str]:
    """The library works without a screen: pictures are for chapters and the command line."""
    graph = import_graph(modules)
    return arrows(graph, {room(name) for name in graph} - {"view", "cli"}, {"view"})


def those_who_know_the_command_line(modules: Modules) -> list[str]:
    graph = import_graph(modules)
    return arrows(graph, {room(name) for name in graph} - {"cli", "__main__"}, {"cli"})


def chapter_numbers(modules: Modules) -> list[str]:
    """Chapters may be renumbered, and the library is not theirs alone. All its text is looked at."""
    house = modules["vosbook"].parent
    files = sorted(file for file in house.rglob("*") if file.suffix in (".py", ".js", ".css", ".md"))
    return [str(f.relative_to(house)) for f in files if CHAPTER_NUMBER.search(f.read_text(encoding="utf-8"))]


def imports_that_cannot_be_read(modules: Modules) -> list[str]:
    """The other rules, and the cache of executed chapters, see what an import statement says."""
    named = {name: file.read_text(encoding="utf-8") for name, file in modules.items()}
    return [name for name, text in named.items() if "import_module" in text or "__import__" in text]


# ------------------------------------------------------------------------------------------------- made-up houses

IN_A_FUNCTION = "def f():\n    from vosbook.a.y import g\n"
FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from vosbook.b.y import B\n"
LATE_PICTURE = "def f():\n    import vosbook.view.plots"
REGISTRY = "def build():\n    from vosbook.methods import s2s"

BROKEN = [
    (
        cycle_of_modules,
        {"a/x.py": "from vosbook.a import y", "a/y.py": "import vosbook.a.x"},
        ["vosbook.a.x -> vosbook.a.y -> vosbook.a.x"],
    ),
    (
        cycle_of_modules,
        {"a/x.py": IN_A_FUNCTION, "a/y.py": "from vosbook.a.z import h", "a/z.py": "from .x import f"},
        ["vosbook.a.x -> vosbook.a.y -> vosbook.a.z -> vosbook.a.x"],
    ),
    (
        cycle_of_rooms,
        {"a/x.py": FOR_TYPES, "a/z.py": "", "b/w.py": "from vosbook.a.z import h", "b/y.py": ""},
        ["a -> b: vosbook.a.x imports vosbook.b.y", "b -> a: vosbook.b.w imports vosbook.a.z"],
    ),
    (
        cycle_of_rooms,
        {"a/__init__.py": "from vosbook.b import f", "b.py": "def f():\n    from vosbook import a"},
        ["a -> b: vosbook.a imports vosbook.b", "b -> a: vosbook.b imports vosbook.a"],
    ),
    (
        methods_that_know_each_other,
        {"methods/__init__.py": REGISTRY, "methods/frtm.py": "from .s2s import S2S", "methods/s2s.py": ""},
        ["vosbook.methods.frtm imports vosbook.methods.s2s"],
    ),
    (
        methods_that_know_each_other,
        {"methods/__init__.py": "", "methods/frtm.py": "def f():\n    from vosbook.methods import build", "nn.py": ""},
        ["vosbook.methods.frtm imports vosbook.methods"],
    ),
    (
        metrics_that_need_torch,
        {"metrics/region.py": "def j():\n    from torch.nn import functional", "merge.py": "import torch"},
        ["vosbook.metrics.region imports torch"],
    ),
    (
        metrics_that_need_torch,
        {"metrics/region.py": "from vosbook import merge", "merge.py": "import torch"},
        ["vosbook.merge imports torch"],
    ),
    (
        those_who_look_at_pictures,
        {"view/plots.py": "", "view/draw.py": "from . import plots", "cli.py": LATE_PICTURE, "runs.py": LATE_PICTURE},
        ["vosbook.runs imports vosbook.view.plots"],
    ),
    (
        those_who_know_the_command_line,
        {"cli.py": "", "runs.py": "from vosbook.cli import main"},
        ["vosbook.runs imports vosbook.cli"],
    ),
    (
        chapter_numbers,
        {"a.py": '"""As in chapter 7."""', "b.py": '"""In a chapter of 7 pages."""', "view/c.js": "// 07_memory.py"},
        ["a.py", "view/c.js"],
    ),
    (
        imports_that_cannot_be_read,
        {"a.py": "import importlib\nb = importlib.import_module('vosbook.b')", "b.py": ""},
        ["vosbook.a"],
    ),
]
RULES = sorted({rule for rule, *_ in BROKEN}, key=lambda rule: rule.__name__)


@pytest.mark.parametrize(("rule", "files", "expected"), BROKEN)
def test_a_broken_house_is_seen_to_be_broken(rule, files, expected, tmp_path):
    house = tmp_path / "vosbook"
    for name, text in {"__init__.py": "", **files}.items():
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / name).write_text(text)
    assert rule(find_modules(house)) == expected


# ---------------------------------------------------------------------------------------------------- the library


@pytest.mark.parametrize("rule", RULES)
def test_the_library_keeps_every_rule(rule):
    assert rule(find_modules(LIBRARY)) == []


def test_every_file_that_is_shipped_is_named_by_a_module():
    """Else a chapter that reads it would not be executed again when it changes."""
    shipped = [file for file in LIBRARY.rglob("*") if file.suffix in (".js", ".css", ".safetensors")]
    assert len(shipped) > 10
    sources = [file.read_text(encoding="utf-8") for file in find_modules(LIBRARY).values()]
    assert named_files(sources, shipped) == set(shipped)
