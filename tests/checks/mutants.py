"""Generated wrong answers: a solution changed in one place, by its syntax tree.

Operators, comparisons, constants (and with them axes), terms and calls that are left out, arguments in another order,
branches, slices, tensors cut from their graph (`_cut`), and things given that are changed in place (`_spoil`).
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple


class Mutant(NamedTuple):
    """`name` says which line changed, and how; `source` is the whole answer."""

    name: str
    source: str


OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd, ast.BitXor),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}

PAIRS = """
max min, argmax argmin, maximum minimum, amax amin, floor ceil, any all, sum mean, zeros ones, cumsum cumprod,
zeros_like ones_like, append insert, exp expm1, log log1p, sin cos, argsort sort, hypot arctan2, sigmoid tanh,
logical_and logical_or, hstack vstack, rint trunc, max_pool2d avg_pool2d, erode dilate
"""
NAMES = {a: b for pair in PAIRS.split(",") for a, b in (pair.split(), pair.split()[::-1])}
ALONE = """
abs sqrt exp log square sigmoid tanh relu detach copy clone flip reversed sorted float int round rint floor ceil
clip clamp softmax set list tuple unique bool ravel squeeze nan_to_num
"""
DROPPED = set(ALONE.split())  # functions and methods whose value can stand without them


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in place of an expression."""
    if isinstance(node, ast.BinOp):
        yield from (ast.BinOp(node.left, other(), node.right) for other in OPERATORS.get(type(node.op), ()))
        yield from (node.left, node.right)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        others = OPERATORS.get(type(node.ops[0]), ())
        yield from (ast.Compare(node.left, [other()], node.comparators) for other in others)
    elif isinstance(node, ast.BoolOp):
        yield from (ast.BoolOp(other(), node.values) for other in OPERATORS[type(node.op)])
        yield from node.values
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Constant):
        yield from map(ast.Constant, _constants(node.value))
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part) is not None:
                yield ast.Slice(**{**_parts(node), part: None})
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield ast.comprehension(**{**_parts(node), "ifs": []})
    elif isinstance(node, ast.Tuple) and len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        yield ast.Tuple([node.elts[1], node.elts[0], *node.elts[2:]], ast.Load())


def _constants(value: Any) -> list:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [2 * value, value / 2, 0.0] if isinstance(value, float) and value else []


def _calls(call: ast.Call) -> Iterator[ast.AST]:
    """Another function, one argument less, arguments in another order, or no call."""
    method = isinstance(call.func, ast.Attribute)
    name = call.func.attr if method else getattr(call.func, "id", "")
    if name in NAMES:
        func = ast.Attribute(call.func.value, NAMES[name], ast.Load()) if method else ast.Name(NAMES[name], ast.Load())
        yield ast.Call(func, call.args, call.keywords)
    for i in range(len(call.keywords)):
        yield ast.Call(call.func, call.args, call.keywords[:i] + call.keywords[i + 1 :])
    if len(call.args) > 1:
        yield ast.Call(call.func, [call.args[1], call.args[0], *call.args[2:]], call.keywords)
        yield ast.Call(call.func, call.args[:-1], call.keywords)
    if name in DROPPED:
        module = method and getattr(call.func.value, "id", None) in ("np", "torch", "F", "math", "cv2", "ndimage")
        if call.args and (module or not method):
            yield call.args[0]
        elif method and not module:
            yield call.func.value


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in place of a statement."""
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()
        for other in OPERATORS.get(type(node.op), ()):
            yield ast.AugAssign(node.target, other(), node.value)
    elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant | ast.Yield | ast.YieldFrom):
        yield ast.Pass()
    elif isinstance(node, ast.If | ast.While):
        if isinstance(node, ast.If):
            yield from (ast.If(ast.Constant(value), node.body, node.orelse) for value in (True, False))
        yield type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Continue | ast.Break):
        yield ast.Pass()
    if isinstance(node, ast.Assign | ast.Return) and node.value is not None:
        yield type(node)(**{**_parts(node), "value": _call("_cut", node.value)})


def _parts(node: ast.AST) -> dict:
    return {name: getattr(node, name) for name in node._fields}


def _call(name: str, *args: ast.AST) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def _places(node: ast.AST) -> Iterator[tuple[list | dict, Any]]:
    """Every place of a tree that holds a node, as a container and the key in it."""
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST) and not isinstance(value, ast.expr_context | ast.operator | ast.cmpop):
            yield node.__dict__, name
            yield from _places(value)
        elif isinstance(value, list):
            for i, one in enumerate(value):
                if isinstance(one, ast.AST) and not isinstance(one, ast.cmpop):
                    yield value, i
                    yield from _places(one)


def _places_in_functions(tree: ast.Module) -> Iterator[tuple[list | dict, Any]]:
    """Signatures and docstrings stay."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for i, statement in enumerate(function.body):
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                yield function.body, i
                yield from _places(statement)


def _spoiling(function: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The function that, as it returns or yields, changes one of the things it was given; and that thing's name."""
    for argument in function.args.args:
        if argument.arg == "self":
            continue
        changed = copy.deepcopy(function)
        kept = ast.Assign([ast.Name("_given", ast.Store())], ast.Name(argument.arg, ast.Load()))
        for node in _own(changed):
            if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
                node.value = _call("_spoil", node.value, ast.Name("_given", ast.Load()))
        changed.body.insert(1 if ast.get_docstring(function) else 0, kept)
        yield argument.arg, changed


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions in it."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)


def mutants(source: str) -> list[Mutant]:
    """All that differ from the solution, and from each other."""
    tree = ast.parse(source)
    original = ast.unparse(tree)
    found: dict[str, str] = {}
    for container, key in list(_places_in_functions(tree)):
        node = container[key]
        for other in (*_expressions(node), *_statements(node)):
            container[key] = ast.fix_missing_locations(other)
            found.setdefault(_text(tree), "")
        container[key] = node
    for i, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef):
            for argument, changed in _spoiling(node):
                tree.body[i] = ast.fix_missing_locations(changed)
                found.setdefault(_text(tree), f"changes what it was given as {argument}")
            tree.body[i] = node
    found.pop(original, None)
    seen: Counter = Counter()
    return [Mutant(name or _name(original, text, seen), text) for text, name in found.items() if text]


def _text(tree: ast.AST) -> str:
    try:
        return ast.unparse(tree)
    except Exception:  # no Python, such as a slice where an expression must be
        return ""


def _name(original: str, text: str, seen: Counter) -> str:
    """The lines that differ; for one of several that read alike its number."""
    before, after = original.splitlines(), text.splitlines()
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    rest = 0
    while rest < min(len(before), len(after)) - same and before[-1 - rest] == after[-1 - rest]:
        rest += 1
    old = " / ".join(line.strip() for line in before[same : len(before) - rest])
    new = " / ".join(line.strip() for line in after[same : len(after) - rest])
    name = f"{old} -> {new}"
    seen[name] += 1
    return name if seen[name] == 1 else f"{name} (#{seen[name]})"
