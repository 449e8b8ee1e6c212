"""What a chapter's outputs depend on is in its key, and what they do not depend on is not."""

from pathlib import Path

import pytest
from pipeline.chapters import BOOK, as_python, chapter_key, chapter_paths, library_files, read_chapter

CHAPTER = """# %% [markdown]
# # A tiny chapter, of which `records` says more

# %%
from checks import ch00
from vosbook.methods.tiny import Segmenter
from vosbook.view.inspector import Inspector
%matplotlib inline
!ls
"""
DEPENDS = {  # the chapter's imports, and from there by each kind of way
    "book/profiles/smoke.yml": "description: none",
    "requirements.lock": "numpy==2.4.6",
    "book/checks/ch00.py": "from checks.cases import cases",
    "book/checks/cases.py": "from vosbook.score import f",
    "src/vosbook/__init__.py": "",
    "src/vosbook/score.py": "def f():\n    from vosbook import mean",
    "src/vosbook/mean.py": "",
    "src/vosbook/methods/__init__.py": "import vosbook.errors\ndef build():\n    from vosbook.methods import other",
    "src/vosbook/errors.py": "",
    "src/vosbook/methods/tiny.py": "from ..nn import net\nfrom vosbook.weights import read\nread('tiny.safetensors')",
    "src/vosbook/nn/net.py": "",
    "src/vosbook/weights.py": "FOLDER = 'weights'",
    "src/vosbook/weights/tiny.safetensors": "0",
    "src/vosbook/view/inspector.py": "from vosbook.view.scripts import read\nread('inspector.js')",
    "src/vosbook/view/scripts.py": "def read(file):\n    return f'controls{file}'",
    "src/vosbook/view/inspector.js": "",
    "src/vosbook/view/controls.js": "",
}
NETWORKS = {  # of some chapters of the book, which read these and no others
    "03_linear_model": set(),
    "08_frtm": {"frtm_filters.safetensors", "frtm_resnet18.safetensors"},
    "10_s2s": {"s2s.safetensors"},
    "12_rvos": {"rvos.safetensors", "rvos_zero_shot.safetensors"},
    "15_contours": {"contours.safetensors"},
}
# Every backbone's stand-in, whose file is RVOS's; and a name that a pattern of `output.py` is, too.
ALL_READ = {"rvos.safetensors", "frtm_resnet18-davis.safetensors"}
APART = {
    "book/checks/ch01.py": "from vosbook.methods.other import Segmenter",
    "book/checks/wrong/ch00.py": "",
    "book/claims.yml": "- id: a",
    "book/profiles/paper.yml": "",
    "book/results/run_smoke.json": "{}",
    "src/vosbook/fetch/http.py": "from vosbook.methods import tiny",
    "src/vosbook/methods/other.py": "read('other.safetensors')",
    "src/vosbook/weights/other.safetensors": "1",
    "src/vosbook/weights/README.md": "",
    "src/vosbook/view/painter.js": "",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in {**DEPENDS, **APART, "book/00_tiny.py": CHAPTER}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def key(house: Path, profile: str = "smoke") -> str:
    return chapter_key(house / "book" / "00_tiny.py", profile=profile)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("name", DEPENDS)
def test_what_a_chapter_can_reach_is_in_its_key(house, name):
    before = key(house)
    with (house / name).open("a") as file:
        file.write("\n# another line\n")
    assert key(house) != before


@pytest.mark.parametrize("name", APART)
def test_what_it_cannot_reach_is_not(house, name):
    before = key(house)
    with (house / name).open("a") as file:
        file.write("\n# another line\n")
    assert key(house) == before


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('record = read_record(f"run_{profile}")', "book/results/run_smoke.json"),
        ('rows = open("claims.yml").read()', "book/claims.yml"),
        ("from vosbook.methods import build", "src/vosbook/methods/other.py"),
        ("import vosbook.methods.tiny", "src/vosbook/methods/other.py"),  # vosbook.methods.build is then at hand
        ("from vosbook import fetch\nfrom vosbook.fetch.http import get", "src/vosbook/fetch/http.py"),
        ('network = load("other.safetensors")', "src/vosbook/weights/other.safetensors"),
        ('network = load(f"{name}.safetensors")', "src/vosbook/weights/other.safetensors"),
    ],
)
def test_a_line_of_the_chapter_reaches_further(house, line, name):
    edit(house / "book/00_tiny.py", "!ls", line)
    test_what_a_chapter_can_reach_is_in_its_key(house, name)


def test_a_module_that_cannot_be_read_is_named(house):
    (house / "src/vosbook/score.py").write_text("def f(:")
    with pytest.raises(SyntaxError) as caught:
        key(house)
    assert caught.value.filename == str(house / "src/vosbook/score.py")


def test_prose_is_not_in_the_key_and_code_is(house):
    before = key(house)
    edit(house / "book/00_tiny.py", "A tiny chapter", "A small chapter")
    assert key(house) == before
    edit(house / "book/00_tiny.py", "!ls", "!ls -l")
    assert key(house) != before


def test_another_profile_is_another_key(house):
    assert key(house, "paper") != key(house)


@pytest.mark.parametrize("chapter", chapter_paths(), ids=lambda path: path.stem)
def test_a_chapter_of_the_book_depends_on_what_it_reads_and_not_on_how_data_are_fetched(chapter):
    code = as_python(read_chapter(chapter))
    files = {file.relative_to(BOOK.parent).as_posix() for file in library_files(BOOK, code)}
    assert f"book/checks/ch{chapter.name[:2]}.py" in files
    assert not [file for file in files if "/fetch/" in file or "/wrong/" in file]
    networks = {Path(file).name for file in files if file.endswith(".safetensors")}
    if chapter.stem in NETWORKS:
        assert networks == NETWORKS[chapter.stem] | ALL_READ
    for widget in ("inspector", "painter"):
        shown = f"import {widget.title()}\n" in code
        assert (f"src/vosbook/view/{widget}.js" in files) == shown
