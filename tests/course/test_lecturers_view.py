"""What grading tells the lecturer and the student beyond points, on the course of one small assignment."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from course import sandbox
from course.pictures import drawn
from course.roster import time_of
from course.shown import case_of, text_of
from PIL import Image

from vosbook.errors import InputError
from vosbook.video.labels import PALETTE

NAME = "00_tiny"
SQUARE = "def double(x):\n    return x ** 2"


def page(desk, student: str) -> str:
    return (desk.folder.parent / "out" / "feedback" / student / f"{NAME}.html").read_text()


def section(desk, student: str, exercise: str) -> str:
    return page(desk, student).split(f'<h2 id="{exercise}">')[1].split("<h2")[0]


# ------------------------------------------------------------------------------------------------ the failed case


def test_the_page_shows_the_case_and_the_mistake(desk):
    desk.put("ada", {"double": SQUARE, "root": "def root(x):\n    return 1 / x"})
    graded, _ = desk.grade()
    failed, error, passed = graded["ada"].marks
    told = {part["name"]: part["text"] for part in failed.case}
    assert told == {"given: x": "2.5", "got": "6.25"}  # the tiny check has no `want`
    assert failed.hint == "Squares it."
    assert "A known mistake has the same result: <em>Squares it.</em>" in section(desk, "ada", "ex00-1")
    assert [part["text"] for part in error.case] == ["0.0"] and error.hint == "" and not passed.case
    assert "given: x" in section(desk, "ada", "ex00-2") and "The case" not in section(desk, "ada", "ex00-3")


def test_a_message_that_several_mistakes_have_hints_at_none(desk):
    wrong = desk.book / "checks" / "wrong" / "ch00.py"
    text = wrong.read_text()
    again = "\n\ndef by_exponent(x):\n    '''Takes the second power.'''\n    return x**2\n\n\nWRONG = "
    try:
        wrong.write_text(text.replace("\n\nWRONG = ", again).replace("[square, same]", "[square, same, by_exponent]"))
        desk.put("ada", {"double": SQUARE})
        assert desk.grade()[0]["ada"].marks[0].hint == ""
    finally:
        wrong.write_text(text)


def failed_check(want, got, *args):
    """The error of a check, as `checks.guard` leaves it."""
    from checks.guard import guarded

    code = "def check(f):\n    want, got = WANT, f(*ARGS)\n    assert False, 'no'\n"
    namespace = {"WANT": want, "ARGS": args}
    exec(compile(code, "checks.tiny", "exec"), namespace)
    with pytest.raises(AssertionError) as caught:
        guarded(namespace["check"])(lambda *_: got)
    return caught.value


def test_masks_are_pictures_and_the_difference_is_one_too():
    want, got = np.zeros((9, 12), bool), np.zeros((9, 12), bool)
    want[2:5, 3:6], got[2:5, 4:7] = True, True
    labels = np.arange(108, dtype=np.uint8).reshape(9, 12) % 4
    parts = drawn(case_of(failed_check(want, got, labels, 2), ["labels", "i"]))
    assert [part["name"] for part in parts] == ["given: labels", "given: i", "expected", "got", "where they differ"]
    assert parts[1] == {"name": "given: i", "text": "2", "picture": None}
    assert [parts[n]["text"] for n in (0, 2, 4)] == ["uint8 (9, 12)", "bool (9, 12)", "6 of 108 pixels"]
    small = {part["name"]: pixels(part["picture"], (9, 12)) for part in parts if part["picture"]}
    assert np.array_equal(small["given: labels"], PALETTE[labels])
    assert np.array_equal(small["expected"][..., 0] == 255, want) and np.array_equal(small["got"][..., 1] == 255, got)
    assert np.array_equal(small["where they differ"].any(axis=-1), want != got)


def pixels(address: str, size: tuple[int, int]) -> np.ndarray:
    file = io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))
    large = np.asarray(Image.open(file).convert("RGB"))
    factor = large.shape[0] // size[0]
    assert large.shape == (size[0] * factor, size[1] * factor, 3) and factor > 1
    return large[::factor, ::factor]


def test_other_values_are_a_few_lines_of_text():
    assert text_of(np.array([1.0, 2.5])) == "float64 (2,): [1. , 2.5]"
    assert len(text_of(np.zeros((100, 100)))) < 250 and "..." in text_of(np.zeros((100, 100)))
    assert text_of([1, np.float32(2), {"a": (None, "b")}]) == "[1, np.float32(2.0), {'a': (None, 'b')}]"
    assert text_of(object()) == "a object" and text_of(list(range(20))).endswith("6, 7, ...]")
    parts = case_of(failed_check((1, 2), [3], np.zeros(3), "b"), ["x"])
    assert [(part["name"], part["text"]) for part in parts] == [
        ("given: x", "float64 (3,): [0., 0., 0.]"),
        ("given: 2", "'b'"),
        ("expected", "(1, 2)"),
        ("got", "[3]"),
    ]


# ------------------------------------------------------------------------------------------------ grading again


@pytest.fixture
def counted(monkeypatch) -> list[str]:
    """Ids of the jobs that are really run."""
    ran: list[str] = []
    real = sandbox._lines

    def lines(known, hidden, *rest):
        ran.extend(job["id"] for job in hidden["jobs"])
        return real(known, hidden, *rest)

    monkeypatch.setattr(sandbox, "_lines", lines)
    return ran


def test_a_changed_check_costs_its_own_exercise_alone(desk, counted):
    check = desk.book / "checks" / "ch00.py"
    text = check.read_text()
    desk.put("ada", {"negative": "def negative(x):\n    return abs(x)"})
    desk.put("ben")
    first, _ = desk.grade()
    alone = ["ex00-1", "ex00-2", "ex00-3"]
    assert sorted(counted) == sorted([*alone, *alone, "ex00-3 square", "ex00-3 same"])
    counted.clear()
    assert [one.marks for one in desk.grade()[0].values()] == [one.marks for one in first.values()] and not counted
    try:
        changed = text.replace("lambda x: x**0.5", "lambda x: x**0.25")
        check.write_text(changed.replace("import math\n", "import math  # a comment changes nothing\n"))
        again, _ = desk.grade()
    finally:
        check.write_text(text)
    assert {id.split()[0] for id in counted} == {"ex00-2"}
    assert [mark.verdict for mark in again["ben"].marks] == ["passed", "failed", "passed"]
    counted.clear()
    desk.grade(seed=5)
    assert len(counted) == 8, "another seed is another case"


def test_what_was_stopped_is_run_again(desk, counted):
    desk.put("ada", {"double": "import os\nos._exit(0)"})
    desk.grade()
    counted.clear()
    desk.grade()
    assert counted == ["ex00-1"]


def test_a_file_of_verdicts_that_cannot_be_read_is_made_anew(desk, counted):
    desk.put("ada")
    desk.grade()
    (desk.folder.parent / "out" / "verdicts.json").write_text('{"a": {"nothing": 1}}')
    counted.clear()
    assert desk.grade()[0]["ada"].points == 6 and len(counted) == 3


# ------------------------------------------------------------------------------------------------ the class


def test_the_class_is_counted_and_its_mistakes_are_sorted(desk):
    for n in range(3):
        desk.put(f"squares{n}", {"double": f"def double(x):\n    return x * x + {n} * 0"})
    desk.put("half", {"double": "def double(x):\n    return x / 2", "root": None})
    desk.put("third", {"double": "def double(x):\n    return x / 3"})
    desk.put("breaks", {"double": "def double(x):\n    return x.y"})
    desk.put("right")
    desk.put("broken").write_text("{")
    desk.grade()
    rows = [row for row in desk.rows("class.csv") if row["exercise"] == "ex00-1"]
    assert {(row["handed in"], row["answered"], row["passed"]) for row in rows} == {("7", "7", "1")}
    assert [(row["answers"], row["verdict"], row["mistake"]) for row in rows] == [
        ("3", "failed", "Squares it."),
        ("2", "failed", ""),
        ("1", "error", ""),
    ]
    (root,) = [row for row in desk.rows("class.csv") if row["exercise"] == "ex00-2"]
    assert (root["handed in"], root["answered"], root["passed"], root["answers"]) == ("7", "6", "6", "0")
    text = (desk.folder.parent / "out" / "class.html").read_text()
    assert "Squares it." in text and "squares0, squares1, squares2" in text and "14 %" in text
    assert not re.search(r"(src|href)=\"(?!#)", text)


def test_a_line_of_many_students_is_looked_at_once(desk):
    for n in range(4):
        desk.put(f"s{n}", {"double": f"import  numpy as np\ndef double(x):\n    return 2 * x  # {n}"})
    desk.put("other", {"double": "import os\ndef double(x):\n    return 2 * x"})
    desk.put("fails", {"double": "import sys\ndef double(x):\n    return x"})
    desk.grade()
    rows = desk.rows("looks.csv")
    assert [(row["lines"], row["words"], row["answers"], row["decision"]) for row in rows] == [
        ("import numpy as np", "import", "4", ""),
        ("import os", "import os", "1", ""),
    ]
    written = (desk.folder.parent / "out" / "looks.csv").read_text()
    (desk.folder / "looks.csv").write_text(written.replace('"s0, s1, s2, s3",', '"s0, s1, s2, s3",fine'))
    desk.grade()
    assert [row["decision"] for row in desk.rows("looks.csv")] == ["fine", ""]


# ------------------------------------------------------------------------------------------------ people and dates


def write(desk, name: str, text: str) -> None:
    (desk.folder / name).write_text(text, encoding="utf-8-sig")


def test_tables_for_canvas_and_moodle(desk):
    desk.put("ada")
    desk.put("team", {"double": None})
    desk.put("stray", {"root": None})
    header = "student,group,Student,ID,SIS Login ID,Email address\n"
    rows = ['ada,,"Lovelace, Ada",11,ada1,ada@x.org', 'ben,team,"Bo, Ben",12,ben1,b@x.org']
    rows += ['cy,team,"Co, Cy",13,cy1,c@x.org', 'dan,,"Du, Dan",14,dan1,d@x.org']
    write(desk, "students.csv", header + "\n".join(rows) + "\n")
    _, said = desk.grade()
    canvas = desk.rows("canvas.csv")
    title = f"{NAME} (6 points)"
    assert list(canvas[0]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]
    assert canvas[0]["Student"].strip() == "Points Possible" and canvas[0][title] == "6"
    assert {row["Student"]: (row["ID"], row[title]) for row in canvas[1:]} == {
        "Lovelace, Ada": ("11", "6"),
        "Bo, Ben": ("12", "5"),
        "Co, Cy": ("13", "5"),
        "Du, Dan": ("14", ""),
        "stray": ("", "4"),
    }
    assert {row["Email address"]: row[title] for row in desk.rows("moodle.csv")} == {
        **{"ada@x.org": "6", "b@x.org": "5", "c@x.org": "5", "d@x.org": "", "": "4"}
    }
    totals = {row["student"]: (row["points"], row["notes"]) for row in desk.rows("grades.csv")}
    assert totals["ben"] == totals["cy"] == ("5", "by the group team") and "team" not in totals
    assert not [line for line in said if "handed in alone" in line]


def test_who_hands_in_alone_and_in_a_group_is_asked_about(desk):
    desk.put("ben")
    desk.put("team", {"double": None})
    write(desk, "students.csv", "student,group\nben,team\ncy,team\n")
    _, said = desk.grade()
    assert f"NOTE ben, {NAME}: handed in alone and by the group team: remove one of them" in said
    title = f"{NAME} (6 points)"
    assert {row["Full name"]: row[title] for row in desk.rows("moodle.csv")} == {"ben": "", "cy": "5"}


def test_days_after_the_deadline_cost_points(desk):
    times = {
        "in_time": "2030-03-01 22:59:59 UTC",
        "a_minute": "2030-03-01 23:00:30.123456 UTC",
        "two_days": "2030-03-03 10:00:00 Europe/Berlin",
        "much": "2030-05-01T00:00:00+00:00",
        "unknown": None,
    }
    for student, time in times.items():
        path = desk.put(student)
        if time is not None:
            (path.parent / "timestamp.txt").write_text(time + "\n")
    write(desk, "deadlines.csv", f"assignment,due,percent_per_day\n{NAME},2030-03-02 00:00 +01:00,15\n")
    graded, _ = desk.grade()
    assert {name: one.points for name, one in graded.items()} == {
        **{"in_time": 6, "a_minute": 5.1, "two_days": 4.2, "much": 0, "unknown": 6}
    }
    notes = {row["student"]: row["notes"] for row in desk.rows("grades.csv")}
    assert notes["in_time"] == "" and notes["a_minute"] == "1 day late: 15 % off"
    assert notes["two_days"] == "2 days late: 30 % off" and notes["unknown"] == "when it was handed in is not known"
    assert "5.1 of 6 points" in page(desk, "a_minute") and "1 day late" in page(desk, "a_minute")


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("deadlines.csv", "assignment,due,percent_per_day\nx,tomorrow,1\n", r"deadlines.csv, line 2: due must be like"),
        ("deadlines.csv", "assignment,due,percent_per_day\nx,2030-01-01 10:00,101\n", r"percent_per_day 0 to 100"),
        ("deadlines.csv", "assignment,due\n", r"deadlines.csv lacks the column percent_per_day"),
        ("students.csv", "name\nada\n", r"students.csv lacks the column student"),
        ("looks.csv", "decision\nfine\n", r"looks.csv lacks the column answers"),
        ("ada/timestamp.txt", "yesterday", r"timestamp.txt holds no time such as"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(desk, name, text, part):
    desk.put("ada")
    write(desk, "deadlines.csv", f"assignment,due,percent_per_day\n{NAME},2030-01-01 10:00,10\n")
    Path(desk.folder / name).write_text(text)
    with pytest.raises(InputError, match=part):
        desk.grade()


def test_times_as_people_and_nbgrader_write_them():
    utc, rome = ("12:00 UTC", "12:00:00Z"), ("14:00:00.000 +02:00", "14:00 Europe/Rome")
    assert len({time_of(f"2030-07-01 {text}") for text in (*utc, *rome)}) == 1
    for text in ("", "2030-13-01 10:00", "2030-07-01 12:00 Mars/Base", "12:00"):
        with pytest.raises(ValueError):
            time_of(text)
