"""`make book`, `make run` and the tables of the README: see --help."""

import argparse
import sys

from pipeline import pages, site
from pipeline.chapters import BOOK, chapter_paths
from pipeline.execute import DEFAULT_PROFILE, ChapterError, execute, execute_all

from vosbook.errors import InputError
from vosbook.runs import load_profile

BUILD = BOOK.parent / "build"
README = BOOK.parent / "README.md"


def make_book(profile: str) -> int:
    """Execute what changed, build the site, say where it is."""
    cache = BUILD / "executed" / profile
    chapters = chapter_paths()
    failed = execute_all(chapters, cache, profile=profile)
    for name, report in failed.items():
        print(f"\n{'-' * 78}\n{name} failed\n{'-' * 78}\n{report}", file=sys.stderr)
    if failed:
        print(f"\n{len(failed)} of {len(chapters)} chapters failed: the site was not built", file=sys.stderr)
        return 1
    site.assemble(chapters, cache, BUILD / "source")
    if not site.render(BUILD):
        print("the site has warnings (above), which count as errors: it was not replaced", file=sys.stderr)
        return 1
    print(f"Open {(BUILD / 'html' / 'index.html').as_uri()}")
    return 0


def make_run(run: str, profile: str) -> int:
    """Execute `book/runs/RUN.py`; its record goes to book/results, the notebook to build/runs."""
    script = BOOK / "runs" / f"{run}.py"
    if not script.is_file():
        known = ", ".join(sorted(path.stem for path in script.parent.glob("*.py")))
        print(f"{script} does not exist: the runs are {known}", file=sys.stderr)
        return 2
    out = BUILD / "runs" / f"{run}_{profile}.ipynb"
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        execute(script, out, profile=profile, stdout=sys.stdout)
    except ChapterError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Notebook: {out}")
    return 0


def update_readme() -> int:
    """Write the results table, from claims.yml, between its marks in the README."""
    README.write_text(pages.with_results(README.read_text(encoding="utf-8"), BOOK), encoding="utf-8")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the book.")
    commands = parser.add_subparsers(dest="command", required=True)
    book = commands.add_parser("book", help="execute the chapters and build the site")
    book.add_argument("--profile", default=DEFAULT_PROFILE)
    run = commands.add_parser("run", help="execute one training or measuring run")
    run.add_argument("run")
    run.add_argument("--profile", default=DEFAULT_PROFILE)
    commands.add_parser("readme", help="bring the README's results table up to date")
    args = parser.parse_args()
    if args.command == "readme":
        return update_readme()
    try:
        load_profile(args.profile)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return make_book(args.profile) if args.command == "book" else make_run(args.run, args.profile)


if __name__ == "__main__":
    sys.exit(main())
