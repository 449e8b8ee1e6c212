"""What an earlier grading left in its folder: the seed of its cases, and its verdicts.

A verdict counts again where nothing has changed that it depends on: the answer, its own check and what that uses, the
imports, the seed, the limits, the library. So a check that was mended costs its own exercise alone.
"""

import ast
import hashlib
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from pipeline.chapters import shared_checks

from course.sandbox import Job, Verdict, package_folder
from course.verdicts import STOPPED
from vosbook.errors import InputError

SEED, VERDICTS = "seed.txt", "verdicts.json"


def seed_of(out: Path, given: int | None) -> int:
    """The seed that is given; else that of the last grading into this folder; else a new one. It is written down."""
    path = out / SEED
    try:
        seed = int(path.read_text()) if given is None and path.is_file() else given
    except ValueError:
        raise InputError(f"{path} holds no number: delete it, and a new seed is drawn") from None
    seed = secrets.randbits(63) if seed is None else seed
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{seed}\n")
    return seed


class Kept:
    """Verdicts by a digest of all that they depend on. `same` is what they have in common, e.g. the seed."""

    def __init__(self, out: Path, book: Path, same: Sequence[object]):
        self.path, self.book = out / VERDICTS, book
        self.same = [*map(str, same), library_digest(), *sys.version_info[:2]]
        try:
            self.verdicts = {key: Verdict(**one) for key, one in json.loads(self.path.read_text("utf-8")).items()}
        except (OSError, ValueError, TypeError):
            self.verdicts = {}  # the first time, or of another version

    def run(
        self, jobs: Sequence[Job], setup: str, run: Callable[[Sequence[Job]], dict[str, Verdict]]
    ) -> dict[str, Verdict]:  # fmt: skip
        """Verdicts by the jobs' ids; `run` is asked for those alone that are not kept."""
        keys = {job.id: self._key(job, setup) for job in jobs}
        left = [job for job in jobs if keys[job.id] not in self.verdicts]
        new = run(left) if left else {}
        self.verdicts |= {keys[id]: one for id, one in new.items() if one.verdict != STOPPED}  # which may be chance
        return {job.id: new.get(job.id) or self.verdicts[keys[job.id]] for job in jobs}

    def _key(self, job: Job, setup: str) -> str:
        names = {node.attr for node in ast.walk(ast.parse(job.check)) if isinstance(node, ast.Attribute)}
        names |= {name for _, name in job.given}
        code = [self._check_code(module, frozenset(names)) for module in job.checks]
        parts = [*self.same, setup, code, {**asdict(job), "id": ""}]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _check_code(self, module: str, names: frozenset[str]) -> str:
        """What a check runs: its own part of its module, and all that checks share."""
        source = (self.book / "checks" / f"{module}.py").read_text(encoding="utf-8")
        return "\n".join([reached(source, names), *(path.read_text("utf-8") for path in shared_checks(self.book))])

    def save(self) -> None:
        self.path.write_text(json.dumps({key: asdict(one) for key, one in self.verdicts.items()}), encoding="utf-8")


@cache
def library_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted((package_folder() / "vosbook").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def reached(source: str, names: frozenset[str]) -> str:
    """Of a module's source what these names of it lead to, without comments."""
    tree = ast.parse(source)
    parts = {name: node for node in tree.body for name in _defined(node)}
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name in parts and name not in found:
            found.add(name)
            todo += [node.id for node in ast.walk(parts[name]) if isinstance(node, ast.Name)]
    return "\n".join(ast.unparse(node) for node in tree.body if not _defined(node) or found & set(_defined(node)))


def _defined(node: ast.stmt) -> list[str]:
    """Names that a statement of a module defines; imports, and what else always runs, define none here."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
