"""What makes pages light: pictures and the data of widgets leave them, and come back whole."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
from nbformat import NotebookNode
from PIL import Image
from pipeline.light import FIRST, lighten
from pipeline.moving import moving_picture

from vosbook.view.inspector import Inspector
from vosbook.view.overlay import overlay

STATE = {"state": {"a": {"buffers": [{"data": "</script> & {x}"}]}}}


def picture(width: int, kind: str = "png") -> bytes:
    Image.new("RGB", (width, 20), "red").save(buffer := io.BytesIO(), kind)
    return buffer.getvalue()


def data(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def test_pictures_become_files_beside_the_page_and_all_but_the_first_wait(tmp_path: Path):
    contents = [picture(30 + n) for n in range(FIRST + 2)]
    (tmp_path / "chapters").mkdir()
    page = tmp_path / "chapters" / "one.html"
    page.write_text("".join(f'<p><img alt="{n}" src="{data(one)}" style="x">' for n, one in enumerate(contents)))
    lighten(tmp_path)
    tags = re.findall("<img [^>]*>", page.read_text())
    assert len(tags) == len(contents)
    for n, (tag, content) in enumerate(zip(tags, contents)):
        address = re.search(r'src="(\.\./_figures/\w+\.png)"', tag)[1]
        assert (page.parent / address).read_bytes() == content
        assert f'alt="{n}"' in tag and f'width="{30 + n}" height="20"' in tag and 'style="x"' in tag
        assert ('loading="lazy"' in tag) == (n >= FIRST)


def test_a_picture_that_stands_twice_is_one_file_and_other_pages_stay(tmp_path: Path):
    page = tmp_path / "index.html"
    page.write_text(f'<source srcset="{data(picture(5))}"><img src="{data(picture(5))}">')
    (tmp_path / "other.html").write_text("<p>nothing here")
    lighten(tmp_path)
    (file,) = (tmp_path / "_figures").iterdir()
    assert page.read_text().count(f'"_figures/{file.name}"') == 2
    assert (tmp_path / "other.html").read_text() == "<p>nothing here"


def test_the_data_of_widgets_become_a_script_that_holds_the_same(tmp_path: Path):
    text = json.dumps(STATE).replace("</", r"<\/")
    page = tmp_path / "index.html"
    page.write_text(f'<body>a<script type="application/vnd.jupyter.widget-state+json">\n{text}\n</script>b</body>')
    lighten(tmp_path)
    found = re.fullmatch(r'<body>a<span hidden data-widget-state="(.+?)"></span>b</body>', page.read_text())
    script = (tmp_path / found[1]).read_text()
    assert json.loads(re.search(r"JSON\.stringify\((.*)\);", script)[1]) == STATE


def test_the_moving_picture_is_the_inspectors_frames_with_its_masks():
    frames = [np.full((24, 40, 3), 30 * t, np.uint8) for t in range(4)]
    masks = [np.pad(np.ones((8, 8), np.uint8), ((8, 8), (4 + 4 * t, 28 - 4 * t))) for t in range(4)]
    inspector = Inspector(frames, prediction=masks, quality=95)
    buffers = [{"path": [name, t], "data": base64.b64encode(one).decode()}
               for name in ("_frames", "_prediction") for t, one in enumerate(getattr(inspector, name))]  # fmt: skip
    state = {"_anywidget_id": "vosbook.view.inspector.Inspector", "_prediction": [None], "_frames": [None] * 4,
             "_size": [24, 40]}  # fmt: skip
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {"x": {"state": state, "buffers": buffers}}}}
    notebook = NotebookNode(metadata=NotebookNode(widgets=widgets))
    page = moving_picture([NotebookNode(metadata=NotebookNode()), notebook])
    still, moving = (Image.open(io.BytesIO(base64.b64decode(code))) for code in re.findall(r"base64,([\w+/=]+)", page))
    assert getattr(still, "n_frames", 1) == 1 and moving.n_frames == 4
    assert "prefers-reduced-motion: reduce" in page and 'alt="A short video' in page and ">Stop</button>" in page
    moving.seek(2)
    expected = overlay(frames[2], masks[2]).astype(float)
    assert np.abs(np.asarray(moving.convert("RGB")) - expected).mean() < 12  # WebP is not exact


def test_no_inspector_no_moving_picture():
    assert moving_picture([NotebookNode(metadata=NotebookNode())]) == ""
