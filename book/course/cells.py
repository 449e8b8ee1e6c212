"""A notebook's cell as plain Python: what IPython adds to the language is spelled out, and a cell is read as a cell."""

import ast
import re

CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*")
AROUND = ("time", "timeit", "capture", "prun")  # cell magics whose cell is run all the same


def plain_python(source: str) -> str:
    """What IPython makes of a cell's text, line for line, with `get_ipython()` where it is asked for (see runner.py).

    `%%time` and the like become a comment. A text that is no Python in any reading is given back as it is.
    """
    if (magic := CELL_MAGIC.match(source)) and magic[1] in AROUND:
        return magic[0].replace("%", "# %", 1).lstrip() + plain_python(source[magic.end() :] or "\n")
    if _is_python(source):
        return source
    from IPython.core.inputtransformer2 import TransformerManager  # 0.4 s, and for few

    top = len(source) - len(source.lstrip("\n"))
    try:
        changed = "\n" * top + TransformerManager().transform_cell(source)  # which drops empty lines on top
    except SyntaxError:
        return source
    return changed if _is_python(changed) else source


def _is_python(source: str) -> bool:
    """`await` outside a function passes here, as it does in a notebook."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
