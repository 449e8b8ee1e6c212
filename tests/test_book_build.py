"""The cache of executed chapters, on a chapter of three cells: what runs again, what does not, what a failure says."""

import importlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from patience import HANGS
from pipeline import site
from pipeline.chapters import BOOK, code_cells, read_chapter, without_solution
from pipeline.execute import _kernel_environment, cached_key, execute_all

CHAPTER = """# %% [markdown]
# # A tiny chapter

# %% tags=["parameters", "hide-input"]
profile = "smoke"

# %%
print("sum", 1 + 1)

# %% nbgrader={"grade": false, "grade_id": "ex00-1", "locked": false, "schema_version": 3, "solution": true}
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of one chapter."""
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "00_tiny.py").write_text(CHAPTER)
    return tmp_path / "book"


def build(book: Path) -> tuple[list[str], dict[str, str]]:
    """Names of the chapters that were executed, and the reports of those that failed."""
    said: list[str] = []
    failed = execute_all([book / "00_tiny.py"], book / "cache", say=said.append)
    return [line.split(":")[0].strip() for line in said if "executed in" in line or "FAILED in" in line], failed


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_chapter_runs_again_only_when_its_code_changed(book):
    chapter, made = book / "00_tiny.py", book / "cache" / "00_tiny.ipynb"
    assert build(book) == (["00_tiny"], {})
    assert build(book) == ([], {})
    edit(chapter, "# # A tiny chapter", "# # A small chapter\n#\n# With a second paragraph.")
    assert build(book) == ([], {}), "prose alone must not run a chapter"

    merged = site.with_outputs(read_chapter(chapter), nbformat.read(made, as_version=4))
    assert merged.cells[0].source.startswith("# A small chapter")
    assert merged.metadata["vosbook"]["profile"] == "smoke"
    assert code_cells(merged)[1].outputs[0].text == "sum 2\n"
    labels = [cell.metadata.get("mystnb", {}).get("code_prompt_show") for cell in code_cells(merged)]
    assert labels == [None, None, "Show one answer"]
    assert code_cells(merged)[0].metadata.tags == ["parameters", "remove-input"]
    assert ["hide-input" in cell.metadata.get("tags", []) for cell in code_cells(merged)] == [False, False, True]
    assert {"key", "seconds", "environment", "commit"} <= set(json.loads(made.read_text())["metadata"]["vosbook"])

    edit(chapter, "1 + 1", "1 + 2")
    with pytest.raises(ValueError, match="another cell"):
        site.with_outputs(read_chapter(chapter), nbformat.read(made, as_version=4))
    assert build(book) == (["00_tiny"], {})
    assert code_cells(nbformat.read(made, as_version=4))[1].outputs[0].text == "sum 3\n"


def test_a_failing_chapter_is_reported_and_not_kept(book):
    edit(book / "00_tiny.py", "# # A tiny chapter", "# # A tiny chapter\n#\n# ## The step that breaks")
    edit(book / "00_tiny.py", 'print("sum", 1 + 1)', "weights = [1]\nweights[3]")
    executed, failed = build(book)
    assert executed == ["00_tiny"]
    report = failed["00_tiny"]
    for part in ("00_tiny.py: cell 3 of 4", "The step that breaks", "weights[3]", "IndexError: list index out"):
        assert part in report
    assert list((book / "cache").iterdir()) == []


def test_a_check_that_fails_fails_the_build_though_jupyterlab_goes_on_after_it(book):
    with (book / "00_tiny.py").open("a") as file:
        file.write('\n\n# %% tags=["raises-exception"]\nassert double(2) == 5, "twice is asked for"\n')
    executed, failed = build(book)
    assert executed == ["00_tiny"]
    assert "twice is asked for" in failed["00_tiny"]


def test_a_killed_execution_leaves_nothing_that_counts(book):
    edit(book / "00_tiny.py", 'print("sum", 1 + 1)', "import time\nopen('begun', 'w').close()\ntime.sleep(600)")
    (book / "cache").mkdir()
    out = book / "cache" / "00_tiny.ipynb"
    command = [sys.executable, "-m", "pipeline.execute", str(book / "00_tiny.py"), str(out), "--key", "k"]
    process = subprocess.Popen(command, env=_kernel_environment(), cwd=BOOK)
    deadline = time.monotonic() + HANGS
    while not (book / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (book / "begun").exists()
    assert cached_key(out) is None


def test_a_site_that_sphinx_warns_about_is_not_put_in_place(book, tmp_path, monkeypatch):
    for name in ("conf.py", "package.json"):
        (book / name).write_text((BOOK / name).read_text())
    (tmp_path / "CITATION.cff").write_text("title: a tiny book\n")
    (book / "_static").mkdir()
    monkeypatch.setattr(site, "_npm_install", lambda folder, package: False)
    made, source = tmp_path / "build", tmp_path / "build" / "source"
    source.mkdir(parents=True)
    (source / "index.md").write_text("# Whole\n\nNo trouble here.\n")
    assert site.render(made, book=book, say=lambda line: None)
    whole = (made / "html" / "index.html").read_text()
    said: list[str] = []
    assert site.render(made, book=book, say=said.append)
    assert "site: unchanged" in said
    (source / "index.md").write_text("# Broken\n\n[nowhere](missing.md)\n")
    assert not site.render(made, book=book, say=lambda line: None)
    assert (made / "html" / "index.html").read_text() == whole


def test_the_students_version_is_nbgraders():
    answer = "def f(x):\n    y = 1\n    ### BEGIN SOLUTION\n    return x + y\n    ### END SOLUTION\n"
    stub = "def f(x):\n    y = 1\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    assert without_solution(answer) == stub


command = importlib.import_module("build")  # book/build.py: an import statement would be sorted by what lies about
RUN = CHAPTER.replace('profile = "smoke"', 'profile = "smoke"\nvariant = "plain"').replace("1 + 1", "variant")


def test_a_run_is_given_its_own_parameters(book, monkeypatch, capsys):
    monkeypatch.setattr(command, "BOOK", book)
    monkeypatch.setattr(command, "BUILD", book.parent / "build")
    (book / "runs").mkdir()
    (book / "runs" / "tiny.py").write_text(RUN)
    assert command.make_run("tiny", "smoke", {"variant": "a/b"}) == 0
    made = nbformat.read(book.parent / "build" / "runs" / "tiny_smoke_a-b.ipynb", as_version=4)
    assert code_cells(made)[1].outputs[0].text == "sum a/b\n"
    capsys.readouterr()
    for name in ("varaint", "profile"):
        assert command.make_run("tiny", "smoke", {name: "x"}) == 2
        assert f"tiny.py has no parameter {name} beside its profile: it has variant" in capsys.readouterr().err
    assert command.make_run("none", "smoke", {}) == 2
    assert "the runs are tiny" in capsys.readouterr().err


def test_a_parameter_without_a_value_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["build.py", "run", "train_frtm", "--set", "variant"])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert "'variant' is not NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["chromium", "npm"])
def test_a_pdf_is_refused_in_one_line_that_says_what_to_install(missing, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "BUILD", tmp_path)
    here = {"chromium": [], "npm": ["chromium"]}[missing]
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in here else None)
    monkeypatch.setattr(command, "execute_all", lambda *args, **options: pytest.fail("executed the book first"))
    monkeypatch.setattr(sys, "argv", ["build.py", "pdf"])
    assert command.main() == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.endswith(f"apt-get install {missing}\n")
    assert not list(tmp_path.rglob("*.pdf*"))


# --------------------------------------------------------------------------------------------- words that are links

ONE = """# 03 · One

## 1 Begin

As in Figure 3.1, chapters 03
and 09, section 1, Equation 9.2 and Exercise 9.1; not chapter 12, which is not built, `chapter 09`, $chapter 09$,
[chapter 09](../index.md), Table 1 or the paper's section 8.

```{raw} html
<figure class="vos-figure" id="figure-3-1"></figure>
```

## References

- A. Author: *Title*. Venue, 2018. Section 7.
"""
TWO = """# 09 · Two

$$x = 1 \\tag{9.2}$$

$$\\begin{aligned} x &= 1 \\\\ y &= 2 \\end{aligned} \\tag{9.3}$$

$$\\begin{aligned} x &= 1 \\\\ y &= 2 \\end{aligned}$$

**Table 9.1** What the table shows. See Table 9.1, and Tables 9.1 and 9.2.

```{raw} html
<figure class="vos-table" id="table-9-2"></figure>
```

## Exercises

### Exercise 9.1 · Write chapter 03

Chapter 03, section 1. A mask ($k$), in all of the
$n$ frames.
"""


@pytest.fixture
def small_site(book, tmp_path, monkeypatch):
    """A site of two chapters, and what builds it: returns its pages, or None where Sphinx warned."""
    for name in ("conf.py", "package.json"):
        (book / name).write_text((BOOK / name).read_text())
    (tmp_path / "CITATION.cff").write_text("title: a tiny book\n")
    (book / "_static").mkdir()
    monkeypatch.setattr(site, "_npm_install", lambda folder, package: False)

    def build_site(one: str = ONE, two: str = TWO) -> dict[str, str] | None:
        tree = "# Book\n\n```{toctree}\nchapters/03_one\nchapters/09_two\n```\n\nSection 1 and chapter 09.\n"
        made = tmp_path / "build"
        site.write_sources({"index.md": tree, "chapters/03_one.md": one, "chapters/09_two.md": two}, made / "source")
        if not site.render(made, book=book, say=lambda line: None):
            return None
        return {page.stem: page.read_text() for page in (made / "html").rglob("*.html")}

    return build_site


def links(page: str) -> list[tuple[str, str]]:
    """Words and addresses of the links that words became."""
    article = page[page.index("<article") :].split("</article>")[0]
    return [(words, place) for place, words in re.findall(r'href="([^"]*)"><span>([^<]*)</span>', article)]


def test_what_the_text_refers_to_is_linked(small_site):
    pages = small_site()
    assert links(pages["03_one"]) == [
        ("Figure 3.1", "#figure-3-1"),
        ("chapters 03", "#"),
        ("09", "09_two.html"),
        ("section 1", "#section-1"),
        ("Equation 9.2", "09_two.html#equation-9-2"),
        ("Exercise 9.1", "09_two.html#exercise-9-1"),
    ]
    assert links(pages["09_two"]) == [
        ("Table 9.1", "#table-9-1"),
        ("Tables 9.1", "#table-9-1"),
        ("9.2", "#table-9-2"),
        ("Chapter 03", "03_one.html"),
        ("section 1", "03_one.html#section-1"),
    ]
    assert links(pages["index"])[-1] == ("chapter 09", "chapters/09_two.html")
    assert pages["09_two"].count(r"\begin{split}") == 1, "split takes no tag"
    assert (
        r"\begin{equation}\begin{aligned} x &amp;= 1 \\ y &amp;= 2 \end{aligned} \tag{9.3}\end{equation}"
        in pages["09_two"]
    )
    for place in ("equation-9-2", "equation-9-3", "table-9-1", "table-9-2", "exercise-9-1"):
        assert pages["09_two"].count(f'id="{place}"') == 1
    assert '<p class="vos-table-caption" id="table-9-1"><strong>Table 9.1</strong>' in pages["09_two"]
    assert pages["03_one"].count('id="section-1"') == 1
    bare = re.sub(r"<span class=\"math[^>]*>\\\((\w+)\\\)</span>", r"\1", pages["09_two"])
    assert 'A mask <span class="together">(k),</span> in all of the\nn frames.' in bare


@pytest.mark.parametrize(
    ("words", "missing"),
    [("Figure 9.7", "chapters/09_two has no figure-9-7"), ("Table 9.7", "chapters/09_two has no table-9-7"),
     ("section 8", "chapters/03_one has no section-8"),
     ("chapter 44", "there is no chapter 44")],
)  # fmt: skip
def test_a_site_whose_text_refers_to_what_is_not_there_is_not_built(words, missing, small_site, capfd):
    assert small_site(one=ONE.replace("As in Figure 3.1", f"As {words} says")) is None
    assert f"refers to what is not there: {missing}, in 'As {words} says" in capfd.readouterr().err
