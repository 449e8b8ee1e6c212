"""Pages that open fast: what Sphinx writes into a page, pictures and the data of widgets, become files beside it.

A picture is then fetched when it comes near the window; its size is known before, so that the text does not jump. The
data of widgets are a script, which a page opened from a folder can fetch too, and `_static/widgets.js` asks for it.
"""

import base64
import hashlib
import io
import os
import re
from pathlib import Path

from PIL import Image

PICTURE = re.compile(r'(<(?:img|source)\b[^>]*?\b)(src|srcset)="data:image/(webp|png|jpeg);base64,([A-Za-z0-9+/=]+)"')
STATE = re.compile(r'<script type="application/vnd\.jupyter\.widget-state\+json">(.*?)</script>', re.DOTALL)
FOLDER = "_figures"  # of the site
FIRST = 2  # pictures that are not put off: those that the reader sees first
ADDS_STATE = """{{
  const state = document.createElement("script");
  state.type = "application/vnd.jupyter.widget-state+json";
  state.text = JSON.stringify({json});
  document.body.append(state);
}}
"""


def lighten(site: Path) -> None:
    """Move pictures and widgets' data out of every page of a finished site, into files in `site/_figures`."""
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        if "data:image/" in text or "widget-state+json" in text:
            page.write_text(_light(text, page, site / FOLDER), encoding="utf-8")


def _light(text: str, page: Path, folder: Path) -> str:
    seen = 0

    def picture(match: re.Match[str]) -> str:
        nonlocal seen
        content = base64.b64decode(match[4])
        address = f'{match[2]}="{_beside(page, folder, content, match[3])}"'
        if match[2] == "srcset":
            return match[1] + address
        seen += 1
        width, height = Image.open(io.BytesIO(content)).size
        later = 'loading="lazy" ' if seen > FIRST else ""
        return f'{match[1]}{later}decoding="async" width="{width}" height="{height}" {address}'

    def state(match: re.Match[str]) -> str:
        script = ADDS_STATE.format(json=match[1].strip()).encode()
        return f'<span hidden data-widget-state="{_beside(page, folder, script, "js")}"></span>'

    return STATE.sub(state, PICTURE.sub(picture, text))


def _beside(page: Path, folder: Path, content: bytes, kind: str) -> str:
    """Write a file that is named after its content; returns its address as seen from the page."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
    if not file.exists():
        file.write_bytes(content)
    return os.path.relpath(file, page.parent)
