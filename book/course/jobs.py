"""An exercise's answer as a job for the sandbox."""

import ast
from collections.abc import Sequence

from course.assignments import Assignment, Exercise
from course.cells import plain_python
from course.sandbox import Job


def setup_of(assignment: Assignment) -> str:
    """What runs before an assignment's answers: its imports, without the checks."""
    tree = ast.parse(assignment.imports)
    tree.body = [line for line in tree.body if not _is_of_checks(line)]
    return ast.unparse(tree)


def _is_of_checks(line: ast.stmt) -> bool:
    """`from checks import ch04`, or `from checks.guard import yours`: answers' processes have neither."""
    return isinstance(line, ast.ImportFrom) and (line.module or "").split(".")[0] == "checks"


def job_of(exercise: Exercise, assignment: Assignment, answer: str, *, id: str | None = None) -> Job:
    return Job(
        id=id or exercise.id,
        setup=assignment.name,
        name=exercise.name,
        parameters=_parameters(exercise),
        answer=plain_python(answer),
        check=exercise.check,
        checks=assignment.checks,
        given=_used(exercise.stub, assignment.checks),
    )


def _parameters(exercise: Exercise) -> tuple[str, ...]:
    """Of the function that the stub defines; none of a class."""
    defined = [node for node in ast.parse(exercise.stub).body if isinstance(node, ast.FunctionDef)]
    found = [node for node in defined if node.name == exercise.name]
    return tuple(one.arg for one in found[-1].args.args) if found else ()


def _used(stub: str, modules: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What a stub uses of the checks' modules, e.g. ("ch05", "labels_of")."""
    nodes = [node for node in ast.walk(ast.parse(stub)) if isinstance(node, ast.Attribute)]
    pairs = {(node.value.id, node.attr) for node in nodes if isinstance(node.value, ast.Name)}
    return tuple(sorted((module, name) for module, name in pairs if module in modules))
