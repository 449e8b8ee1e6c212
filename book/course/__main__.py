"""`make course` and `make grade`: see --help."""

import argparse
import sys
from pathlib import Path

from pipeline.chapters import BOOK

from course.assignments import make_course
from course.grade import grade
from course.otter import write_tests
from course.sandbox import ISOLATION, Limits
from vosbook.errors import InputError

BUILD = BOOK.parent / "build" / "course"


def main() -> int:
    parser = argparse.ArgumentParser(prog="course", description="Assignments from the chapters, and their grading.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="write the instructor's and the student's version of every assignment")
    make.add_argument("--out", type=Path, default=BUILD)
    grading = commands.add_parser("grade", help="grade a folder that holds a folder for each student")
    grading.add_argument("submissions", type=Path)
    grading.add_argument("--out", type=Path, default=BUILD / "graded")
    grading.add_argument("--only", metavar="ASSIGNMENT", help="for example 03_linear_model")
    grading.add_argument("--isolation", choices=ISOLATION, default=ISOLATION[0], help="limits: no sandbox (unsafe)")
    grading.add_argument("--seed", type=int, help="of the cases; else that of the last grading into the same folder")
    grading.add_argument("--seconds", type=int, default=Limits.seconds, help="of processor time for an exercise")
    grading.add_argument("--memory-mb", type=int, default=Limits.memory_mb)
    args = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may hold what cannot be printed
    try:
        if args.command == "make":
            for assignment in make_course(args.out):
                write_tests(assignment, args.out / "otter" / assignment.name)
            for whom, name in (("the instructor", "source"), ("students", "release"), ("Otter", "otter")):
                print(f"For {whom + ':':<16}{args.out / name}")
            return 0
        limits = Limits(seconds=args.seconds, wall_seconds=3 * args.seconds, memory_mb=args.memory_mb)
        options = {"limits": limits, "isolation": args.isolation}
        grade(args.submissions, args.out, only=args.only, seed=args.seed, **options)
        for what, name in (("Points", "grades.csv"), ("Feedback", "feedback"), ("The class", "class.html")):
            print(f"{what}: {args.out / name}")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
