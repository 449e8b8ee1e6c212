"""A widget's script and style sheet, each after `controls`, which all widgets share.

anywidget hands a script to the browser as one text, in which nothing can be imported by a relative path.
"""

from pathlib import Path

HERE = Path(__file__).parent


def after_controls(file: str) -> str:
    """A widget's JavaScript module or style sheet, such as "painter.js", after what all widgets share of its kind."""
    shared = HERE / f"controls{Path(file).suffix}"
    return f"{shared.read_text(encoding='utf-8')}\n{(HERE / file).read_text(encoding='utf-8')}"
