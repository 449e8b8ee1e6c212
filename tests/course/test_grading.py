"""A folder of submissions, from a course of one small assignment, graded as `make grade` grades it."""

import re
import shutil
import socket
import sys
import threading

import nbformat
import pytest
from course.cells import plain_python
from course.grade import grade
from course.looks import words_to_look_at
from course.marks import Graded
from course.told import BY_HAND
from pipeline.chapters import BOOK

from vosbook.errors import InputError

NAME = "00_tiny"


def verdicts(graded: Graded) -> list[str]:
    return [mark.verdict for mark in graded.marks]


NOTEBOOK_PYTHON = {
    "line_magic": "%matplotlib inline\n{}",
    "cell_magic": "%%time\n{}",
    "two_magics": "%%capture said\n%%time\n%config InlineBackend.figure_format = 'retina'\n{}",
    "magic_with_a_statement": "{}\n%time double(3)\n%timeit -n 1 -r 1 double(3)",
    "shell": "!pip install --quiet numpy\nfiles = !ls\n{}",
    "help": "math.sqrt?\n{}",
    "await": "import asyncio\n{}\nawait asyncio.sleep(0)",
    "display": "{}\ndisplay(double(2))",
}


def test_what_a_notebook_understands_beyond_python_costs_nothing(desk):
    double = "def double(x):\n    return x * 5 % 3 * 0 + 2 * x"
    for student, cell in NOTEBOOK_PYTHON.items():
        desk.put(student, {"double": cell.format(double)})
    desk.put("wrong", {"double": "%%time\n%matplotlib inline\ndef double(x):\n    return [0][1]"})
    desk.put("elsewhere", {"double": "%%bash\ndef double(x):\n    return 2 * x"})
    graded, _ = desk.grade()
    assert {name: one.marks[0].verdict for name, one in graded.items() if name in NOTEBOOK_PYTHON} == dict.fromkeys(
        NOTEBOOK_PYTHON, "passed"
    )
    assert graded["wrong"].marks[0].message == "IndexError: list index out of range (line 4 of the answer)"
    assert graded["elsewhere"].marks[0].verdict == "error"
    assert "%%bash is not run here" in graded["elsewhere"].marks[0].printed


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("x = 7 % 3", "x = 7 % 3"),
        ("%%time -q\nx = 1", "# %%time -q\nx = 1"),
        ("\n\n%matplotlib inline\nx", "\n\nget_ipython().run_line_magic('matplotlib', 'inline')\nx\n"),
        ("def f(x:", "def f(x:"),
        ("", ""),
        ("%%time", "# %%time\n"),
        ("text = '''\n%time\n'''", "text = '''\n%time\n'''"),
    ],
)
def test_a_cell_as_plain_python(cell, python):
    assert plain_python(cell) == python


def test_leftovers_of_archives_and_systems_are_no_student(desk):
    desk.put("ada")
    for path in (
        *("__MACOSX/ada/._00_tiny.ipynb", "@eaDir/x", ".DS_Store", "Thumbs.db", "~$marks.xlsx"),
        *("ada/__MACOSX/._00_tiny.ipynb", "ada/._00_tiny.ipynb", "ada/.ipynb_checkpoints/00_tiny-checkpoint.ipynb"),
        *("ada/checks/ch00.py", "ada/profiles/smoke.yml", "ada/results/x.json", "ada/timestamp.txt"),
    ):
        (desk.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (desk.folder / path).write_bytes(b"\0\5\26\7")
    graded, said = desk.grade()
    assert {name: one.points for name, one in graded.items()} == {"ada": 6}
    assert graded["ada"].submission.notes == ()
    assert [line for line in said if "NOTE" in line and "NOT HELD" not in line] == []


UNTOUCHED = dict.fromkeys(("double", "root", "negative"))


def test_nothing_some_and_all(desk):
    desk.put("nothing", UNTOUCHED)
    desk.put("some", {"double": "def double(x):\n    return x * x", "root": None})
    desk.put("all")
    graded, _ = desk.grade()
    assert {name: one.points for name, one in graded.items()} == {"nothing": 0, "some": 3, "all": 6}
    assert verdicts(graded["some"]) == ["failed", "not answered", "passed"]
    assert graded["some"].marks[0].message == "of 2.5 it gives 6.25, which is not right"
    totals = {row["student"]: (row["points"], row["of"]) for row in desk.rows("grades.csv")}
    assert totals == {"nothing": ("0", "6"), "some": ("3", "6"), "all": ("6", "6")}
    lines = [row for row in desk.rows("exercises.csv") if row["student"] == "some"]
    assert [(row["exercise"], row["points"], row["verdict"]) for row in lines] == [
        ("ex00-1", "0", "failed"),
        ("ex00-2", "0", "not answered"),
        ("ex00-3", "3", "passed"),
    ]
    page = (desk.folder.parent / "out" / "feedback" / "some" / f"{NAME}.html").read_text()
    assert "3 of 6 points" in page and "of 2.5 it gives 6.25, which is not right" in page
    assert not re.search(r"(src|href)=\"(?!#|data:)", page), "a page that needs other files"


def test_a_changed_check_is_noted_and_not_run(desk):
    def soften(notebook):
        check = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "ex00-1-check")
        check.source = "pass"

    def raise_points(notebook):
        check = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "ex00-1-check")
        check.metadata.nbgrader.points = 100

    def remove(notebook):
        notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") != "ex00-1-check"]

    def stand_in(notebook):  # an import in the notebook that is not the course's
        next(c for c in notebook.cells if "imports" in c.metadata.get("tags", [])).source = "ch00 = None"

    wrong = {"double": "def double(x):\n    return 1"}
    for edit in (soften, raise_points, remove, stand_in):
        desk.put(edit.__name__, wrong, edit=edit)
    graded, _ = desk.grade()
    assert {one.points for one in graded.values()} == {5}
    assert {verdicts(one)[0] for one in graded.values()} == {"failed"}
    notes = {name: " ".join(one.submission.notes) for name, one in graded.items()}
    assert notes["soften"] == "0.1: the check was edited; the course's own was run"
    assert notes["raise_points"] == "0.1: the points were edited; the course's own count"
    assert notes["remove"] == "0.1: the check was removed; the course's own was run"


HOSTILE = {
    "ends_never": ("while True:\n    pass", "stopped"),
    "sleeps": ("import time\ntime.sleep(600)", "stopped"),
    "eats_memory": ("hoard = bytearray(2**30)", "error"),
    "exits": ("import sys\nsys.exit(0)", "error"),
    "is_gone": ("import os\nos._exit(0)", "stopped"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "stopped"),
    "prints_much": ("while True:\n    print('x' * 10000)", None),
    "claims_a_pass": (
        "import os\nfor fd in range(64):\n    try:\n"
        '        os.write(fd, b\'\\n{"id": "ex00-2", "verdict": "passed", "message": ""}\\n\')\n'
        "    except OSError:\n        pass\nos._exit(0)",
        "stopped",
    ),
    "softens_isclose": ("math.isclose = lambda *values: True\ndef root(x):\n    return 1.0", "failed"),
    "softens_the_check": ("ch00.check_root = lambda root: None\ndef root(x):\n    return 1.0", "error"),
    "replaces_exec": ("import builtins\nbuiltins.exec = lambda *parts: None\ndef root(x):\n    return 1.0", None),
    "another_assertion": (
        "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\ndef root(x):\n    return 1.0",
        "failed",
    ),
    "half_a_letter": ("raise ValueError('\\ud800')", "error"),
    "no_python": ("def root(x:", "error"),
}


def test_an_answer_that_does_harm_costs_itself_and_nothing_else(desk):
    for student, (answer, _) in HOSTILE.items():
        desk.put(student, {"root": answer})
    desk.put("zoe")
    graded, _ = desk.grade()
    assert graded["zoe"].points == 6
    for student, (_, expected) in HOSTILE.items():
        first, verdict, last = verdicts(graded[student])
        assert (first, last, graded[student].points) == ("passed", "passed", 4), student
        assert verdict == expected or (expected is None and verdict != "passed"), (student, verdict)
    assert "did not end within 10 s" in graded["sleeps"].marks[1].message
    assert "ended by SIGSEGV" in graded["crashes"].marks[1].message, "nobody noticed that its process had gone"
    assert "its process ended before the check did" in graded["is_gone"].marks[1].message
    assert "MemoryError" in graded["eats_memory"].marks[1].message
    listed = {row["student"]: row["look at"] for row in desk.rows("exercises.csv") if row["exercise"] == "ex00-2"}
    assert listed["is_gone"] == "import os" and listed["zoe"] == ""


CHEATS = {
    "waits_for_its_own_call": "asked, real = [], math.isclose\n"
    "math.isclose = lambda a, b, **k: bool(asked and asked.pop()) or real(a, b, **k)\n"
    "def root(x):\n    asked.append(x)\n    return 1.0",
    "asks_the_check": "def root(x):\n    return ch00.check_root.__globals__",
    "imports_the_check": "from checks import ch00\ndef root(x):\n    return 1.0",
    "finds_the_check": "import sys\nch00 = sys.modules['checks.ch00']\ndef root(x):\n    return 1.0",
    "walks_up_the_frames": "import sys\ndef root(x):\n    frame = sys._getframe()\n    while frame:\n"
    "        if 'expected' in frame.f_locals:\n            return frame.f_locals['expected'](x)\n"
    "        frame = frame.f_back\n    return 1.0",
    "looks_at_all_objects": "import gc\ndef root(x):\n    for one in gc.get_objects():\n"
    "        if isinstance(one, dict) and 'check_root' in one:\n            return x ** 0.5\n    return 1.0",
    "reads_its_memory": "import re\nSEEN = []\nfor line in open('/proc/self/maps'):\n"
    "    low, high = (int(part, 16) for part in line.split()[0].split('-'))\n"
    "    if line.split()[1].startswith('rw'):\n        with open('/proc/self/mem', 'rb') as memory:\n"
    "            memory.seek(low)\n            SEEN.append(re.search(b'what no[ ]answer', memory.read(high - low)))\n"
    "def root(x):\n    return x ** 0.5 if any(SEEN) else 1.0",
    "finds_the_solution": "import sys, pathlib\n"
    "for file in (file for path in sys.path for file in pathlib.Path(path).glob('*/ch00.py')):\n"
    "        exec(file.read_text())\ndef root(x):\n    return VALUES[3] if 'VALUES' in globals() else 1.0",
    "answers_for_the_process": "import os, stat\ndef root(x):\n    for fd in range(3, 64):\n        try:\n"
    '            os.write(fd, b\'{"verdict": "passed", "message": ""}\')\n        except OSError:\n            pass\n'
    "    os._exit(0)",
    "equal_to_everything": "class Same(float):\n    __eq__ = lambda *_: True\n    __sub__ = __rsub__ = lambda *_: 0.0\n"
    "def root(x):\n    return Same(1.0)",
}


@pytest.mark.parametrize("isolation", ["limits", "sandbox"])
def test_a_cheat_has_no_points(desk, isolation, request):
    if isolation == "sandbox":
        request.getfixturevalue("sandbox")
    for student, answer in CHEATS.items():
        desk.put(student, {"root": answer})
    graded, _ = desk.grade(isolation)
    assert not {name: one.marks[1] for name, one in graded.items() if one.marks[1].verdict == "passed"}
    assert {one.points for one in graded.values()} == {4}


def test_the_seed_of_the_cases_is_drawn_or_given(desk):
    check = desk.book / "checks" / "ch00.py"
    text = check.read_text()
    drawn = "\n\n@guarded\ndef check_double(double):\n    drawn = cases.generator().integers(2**60)\n"
    check.write_text(f"{text}\n\nfrom checks import cases\n{drawn}    assert double(1) == 0, str(drawn)\n")
    try:
        desk.put("ada")
        told = [desk.grade(seed=seed)[0]["ada"].marks[0].message for seed in (3, None, 4)]
        (desk.folder.parent / "out" / "seed.txt").unlink()
        told += [desk.grade()[0]["ada"].marks[0].message, desk.grade(seed=3)[0]["ada"].marks[0].message]
        (desk.folder.parent / "out" / "seed.txt").write_text("x")
        with pytest.raises(InputError, match="holds no number"):
            desk.grade()
    finally:
        check.write_text(text)
    assert told[0] == told[1] == told[4] and len(set(told)) == 3, "the last seed is used again"
    assert all(one.isdecimal() for one in told), "the page must not name the seed"


def test_what_the_sandbox_keeps_out(desk, sandbox):
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(server,), daemon=True).start()
    own = desk.put("alone")
    secret = desk.folder / "secret.txt"
    secret.write_text("the marks")
    attempts = {
        "network": f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)",
        "reads_others": f"open({str(own)!r})",
        "reads_solutions": f"open({str(desk.book / '00_tiny.py')!r})",
        "writes_checks": f"open({str(desk.book / 'checks' / 'ch00.py')!r}, 'a')",
        "writes_grades": f"open({str(desk.folder / 'grades.csv')!r}, 'w')",
        "kills_the_runner": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
        "kills_all": "import os, signal\nos.kill(-1, signal.SIGKILL)",
        "forks": "import os\nwhile True:\n    os.fork()",
        "hoards_in_parts": "import os, time\nb = bytearray(200 * 2**20)\nfor _ in range(6):\n    if os.fork() == 0:\n"
        "        b[::4096] = b'1' * len(b[::4096])\n        time.sleep(600)\ntime.sleep(600)",
    }  # fmt: skip
    for student, answer in attempts.items():
        desk.put(student, {"root": answer})
    stays = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n    os._exit(0)\n"
    desk.put("leaves_a_process", {"root": stays + "def root(x):\n    return math.sqrt(x)"})
    graded, _ = desk.grade(sandbox)
    server.close()
    for student in attempts:
        first, verdict, last = verdicts(graded[student])
        assert (first, last) == ("passed", "passed"), student
        assert verdict in ("stopped", "error"), (student, verdict)
    assert graded["alone"].points == graded["leaves_a_process"].points == 6
    assert "Refused" in graded["network"].marks[1].message or "unreachable" in graded["network"].marks[1].message
    for student in ("reads_others", "reads_solutions", "writes_checks", "writes_grades"):
        assert "FileNotFoundError" in graded[student].marks[1].message
    assert "all its processes together" in graded["hoards_in_parts"].marks[1].message


def _accept(server: socket.socket) -> None:
    try:
        server.accept()
    except OSError:
        return


def test_files_that_are_missing_renamed_broken_or_twice(desk):
    (desk.folder / "empty").mkdir()
    desk.put("renamed", name="my homework (final)")
    desk.put("twice")
    desk.put("twice", name="00_tiny (1)")
    desk.put("Ada")
    desk.put("ada", UNTOUCHED)
    for student, text in {"broken": "{", "deep": "[" * 10**5, "no_notebook": "[]"}.items():
        (desk.folder / student).mkdir()
        (desk.folder / student / f"{NAME}.ipynb").write_text(text)
    (desk.folder / "stranger").mkdir()
    nbformat.write(nbformat.v4.new_notebook(), desk.folder / "stranger" / "notes.ipynb")
    (desk.folder / "linked").mkdir()
    (desk.folder / "linked" / f"{NAME}.ipynb").symlink_to(desk.folder / "Ada" / f"{NAME}.ipynb")
    nbformat.write(nbformat.v4.new_notebook(), desk.folder / "loose.ipynb")
    graded, said = desk.grade()
    points = {name: one.points for name, one in graded.items()}
    assert points == {
        **{"Ada": 6, "ada": 0, "renamed": 6, "empty": 0, "stranger": 0},
        **dict.fromkeys(("twice", "broken", "deep", "no_notebook", "linked")),
    }
    notes = {name: " ".join(one.submission.notes) for name, one in graded.items()}
    assert notes["empty"] == notes["stranger"] == "nothing was handed in"
    assert notes["renamed"] == "handed in as my homework (final).ipynb"
    assert "several notebooks, none graded" in notes["twice"] and "00_tiny (1).ipynb" in notes["twice"]
    assert "is not a notebook" in notes["broken"] and "is not a notebook" in notes["deep"]
    assert "is a link" in notes["linked"]
    rows = {row["student"]: row["points"] for row in desk.rows("grades.csv")}
    assert rows["twice"] == rows["broken"] == "" and rows["ada"] == "0"
    problems = "\n".join(line for line in said if line.startswith("NOTE"))
    for part in ("loose.ipynb: not in a student's folder", "'Ada' and 'ada'", "notes.ipynb: holds no exercise"):
        assert part in problems
    assert (desk.folder.parent / "out" / "problems.txt").read_text() == problems.replace("NOTE ", "") + "\n"


def test_what_was_not_graded_is_told_from_what_was_not_answered(desk):
    desk.put("untouched", UNTOUCHED)
    desk.put("twice")
    desk.put("twice", name="again/00_tiny")
    for student, name in (("broken", f"{NAME}.ipynb"), ("packed", f"{NAME}.zip"), ("text", f"{NAME}.ipynb.txt")):
        (desk.folder / student).mkdir()
        (desk.folder / student / name).write_text("{")
    desk.put("both")
    (desk.folder / "both" / f"{NAME}.pdf").write_text("printed")
    (desk.folder / "ada.zip").write_text("packed")
    graded, _ = desk.grade()
    assert graded["untouched"].points == 0 and verdicts(graded["untouched"]) == ["not answered"] * 3
    lost = ("twice", "broken", "packed", "text")
    for student in lost:
        assert graded[student].points is None and verdicts(graded[student]) == ["not graded"] * 3, student
        page = (desk.folder.parent / "out" / "feedback" / student / f"{NAME}.html").read_text()
        assert "not answered" not in page and "no answer cell" not in page
    assert graded["both"].points == 6
    assert "keep one of 00_tiny.ipynb, again/00_tiny.ipynb" in graded["twice"].submission.notes[0]
    lines = (desk.folder.parent / "out" / "problems.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith(lost)] == [
        f"{one.submission.student}, {NAME}: not graded: {one.submission.notes[0]}"
        for one in sorted((graded[student] for student in lost), key=lambda one: one.submission.student)
    ]
    assert any("00_tiny.pdf: is no notebook" in line for line in lines) and any("ada.zip" in line for line in lines)


def test_no_place_of_this_machine_is_on_a_page(desk, tmp_path):
    told = "import os, sys, warnings\nwarnings.warn_explicit('old', UserWarning, os.__file__, 1)\n"
    desk.put("ada", {"double": told + "print(sys.path)\nraise OSError(sys.executable)"})
    desk.put("ben", name="sub/00_tiny").write_text("{")
    desk.grade()
    for student, told in (("ada", "OSError: .../"), ("ben", "sub/00_tiny.ipynb is not a notebook")):
        page = (desk.folder.parent / "out" / "feedback" / student / f"{NAME}.html").read_text()
        assert told in page
        for place in (tmp_path, desk.book, sys.prefix, sys.base_prefix, BOOK.parent):
            assert str(place) not in page, student


def test_what_students_write_is_text_and_nothing_else(desk):
    desk.put("=HYPERLINK(1)", {"root": "print('<script>alert(1)</script>')\nraise ValueError('=1+1, <b>')"})
    graded, _ = desk.grade()
    assert graded["=HYPERLINK(1)"].points == 4
    assert {row["student"] for row in desk.rows("exercises.csv")} == {"'=HYPERLINK(1)"}
    page = (desk.folder.parent / "out" / "feedback" / "=HYPERLINK(1)" / f"{NAME}.html").read_text()
    assert "<script>" not in page and "<b>" not in page and "&lt;script&gt;alert(1)" in page


def test_several_answer_cells_and_none(desk):
    def copy(notebook):
        cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "ex00-1")
        notebook.cells.append(nbformat.from_dict({**cell, "source": "def double(x):\n    return 2 * x"}))

    def drop(notebook):
        notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") != "ex00-1"]

    desk.put("copied", {"double": "def double(x):\n    return 0"}, edit=copy)
    desk.put("dropped", edit=drop)
    graded, _ = desk.grade()
    assert (
        graded["copied"].points == 6
        and "0.1: 2 answer cells, of which the last counts" in graded["copied"].submission.notes
    )
    assert graded["dropped"].points == 5 and "answer cell is missing" in graded["dropped"].submission.notes[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("important = (x - 1) ** 2  # opens, systems", ()),
        ("import os; os.getpid()", ("import", "os")),
        ("\uff45xec('')", ("exec",)),  # a letter of another width is the same letter to Python
        ("double.__globals__; (i for i in x).gi_frame", ("__globals__", "gi_frame")),
        ("class A:\n    def __init__(self): ...", ()),
    ],
)
def test_words_that_a_person_should_look_at(answer, words):
    assert words_to_look_at(answer, "def f(x): ...") == words
    assert words_to_look_at(answer, f"{answer} exec") == ()  # given with the cell


def test_a_word_of_the_stub_is_looked_at_where_it_stands_once_more():
    stub = "def run(f=ch05.labels_of): ..."
    assert words_to_look_at(stub.replace("...", "return f"), stub) == ()
    assert words_to_look_at(stub.replace("...", "return ch05.labels_of"), stub) == ("ch05",)


def test_an_answer_does_not_see_the_one_before(desk):
    desk.put(
        "leaks",
        {"double": "helper = 1\ndef double(x):\n    return 2 * x", "negative": "negative = lambda x: -x * helper"},
    )
    graded, _ = desk.grade()
    assert verdicts(graded["leaks"]) == ["passed", "passed", "error"]


def test_mistakes_of_the_person_who_grades_are_one_line(desk):
    for folder, part in ((desk.folder / "none", "is not a folder"), (desk.folder, "holds no folder")):
        with pytest.raises(InputError, match=part):
            grade(folder, desk.folder / "out", book=desk.book, isolation="limits")
    desk.put("ada")
    with pytest.raises(InputError, match="nothing is no assignment: they are 00_tiny"):
        grade(desk.folder, desk.folder / "out", book=desk.book, only="nothing", isolation="limits")
    (desk.folder / BY_HAND).write_text("student,points\n")
    with pytest.raises(InputError, match=r"by_hand.csv lacks the column"):
        desk.grade()


def test_without_bubblewrap_grading_stops_unless_it_is_told_to_go_on(desk, monkeypatch):
    import course.sandbox

    desk.put("ada")
    course.sandbox.require_sandbox.cache_clear()
    monkeypatch.setattr(course.sandbox.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="bwrap is not installed: install the package bubblewrap"):
        desk.grade("sandbox")


def test_bubblewrap_may_be_installed_anywhere(desk, sandbox, tmp_path, monkeypatch):
    place, mark = tmp_path / "programs", tmp_path / "started"
    place.mkdir()
    (place / "bwrap").write_text(f'#!/bin/sh\ntouch {mark}\nexec {shutil.which("bwrap")} "$@"\n')
    (place / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(place))
    desk.put("ada")
    graded, _ = desk.grade(sandbox)
    assert graded["ada"].points == 6 and mark.exists()


def test_where_the_course_itself_fails_nobody_loses_points(tiny, tmp_path, desk):
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "checks" / "ch00.py").write_text("raise RuntimeError('of the course')\n")
    desk.put("ada")
    one = desk.grade(book=broken)[0]["ada"]
    assert one.points is None
    assert one.submission.notes == ("could not be graded: the course's own code failed, which is not your fault",)
    assert verdicts(one) == ["not graded"] * 3
    assert "RuntimeError: of the course" in (tmp_path / "out" / "problems.txt").read_text()
