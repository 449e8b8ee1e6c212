"""A widget's script and style sheet, put together from files.

anywidget hands a script to the browser as one text, in which nothing can be imported by a relative path.
"""

from pathlib import Path

HERE = Path(__file__).parent


def together(*files: str) -> str:
    """The text of JavaScript files, or of style sheets, one after the other: what each defines, the others may use."""
    return "\n".join((HERE / file).read_text(encoding="utf-8") for file in files)
