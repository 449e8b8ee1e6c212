"""A widget's script and style sheet, each after `controls`, which all widgets share.

anywidget hands a script to the browser as one text, in which nothing can be imported by a relative path.
"""

from pathlib import Path

HERE = Path(__file__).parent


def script(name: str) -> str:
    """The JavaScript module of the widget `name`."""
    return _after_controls(f"{name}.js")


def style_sheet(name: str) -> str:
    """The CSS of the widget `name`."""
    return _after_controls(f"{name}.css")


def _after_controls(file: str) -> str:
    shared = HERE / f"controls{Path(file).suffix}"
    return f"{shared.read_text(encoding='utf-8')}\n{(HERE / file).read_text(encoding='utf-8')}"
