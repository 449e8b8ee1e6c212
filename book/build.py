"""`make book`, `make pdf`, `make run` and the tables of the README: see --help."""

import argparse
import sys
from pathlib import Path

from pipeline import pages, pdf, site
from pipeline.chapters import BOOK, chapter_paths, parameter_names, read_chapter
from pipeline.execute import DEFAULT_PROFILE, ChapterError, execute, execute_all

from vosbook.errors import InputError
from vosbook.profiles import load_profile

BUILD = BOOK.parent / "build"
README = BOOK.parent / "README.md"


def make_book(profile: str) -> int:
    """Execute what changed, build the site, say where it is."""
    chapters, cache = chapter_paths(), BUILD / "executed" / profile
    if not _execute(chapters, cache, profile, then="the site was not built"):
        return 1
    site.assemble(chapters, cache, BUILD / "source")
    if not site.render(BUILD):
        print("the site has warnings (above), which count as errors: it was not replaced", file=sys.stderr)
        return 1
    print(f"Open {(BUILD / 'html' / 'index.html').as_uri()}")
    return 0


def make_pdf(profile: str) -> int:
    """Execute what changed, print the book, say where the PDF is."""
    chromium = pdf.need_tools(BUILD)  # before the minutes that the chapters may take
    chapters, cache = chapter_paths(), BUILD / "executed" / profile
    if not _execute(chapters, cache, profile, then="the PDF was not printed"):
        return 1
    made = pdf.make(site.all_with_outputs(chapters, cache), BUILD, chromium=chromium)
    if made is None:
        print("Sphinx warned (above), which counts as an error: the PDF was not replaced", file=sys.stderr)
        return 1
    print(f"Open {made.as_uri()}")
    return 0


def _execute(chapters: list[Path], cache: Path, profile: str, *, then: str) -> bool:
    """Bring the executed chapters up to date. False, after the reports, where one failed; `then` is what follows."""
    failed = execute_all(chapters, cache, profile=profile)
    for name, report in failed.items():
        print(f"\n{'-' * 78}\n{name} failed\n{'-' * 78}\n{report}", file=sys.stderr)
    if failed:
        print(f"\n{len(failed)} of {len(chapters)} chapters failed: {then}", file=sys.stderr)
    return not failed


def make_run(run: str, profile: str, given: dict[str, str]) -> int:
    """Execute `book/runs/RUN.py`; its record goes to book/results, the notebook to build/runs.

    `given` are parameters of the run beside its profile.
    """
    script = BOOK / "runs" / f"{run}.py"
    if not script.is_file():
        known = ", ".join(sorted(path.stem for path in script.parent.glob("*.py")))
        print(f"{script} does not exist: the runs are {known}", file=sys.stderr)
        return 2
    known = [name for name in parameter_names(read_chapter(script)) if name != "profile"]
    if unknown := given.keys() - set(known):
        has = ", ".join(known) or "none"
        print(f"{script} has no parameter {min(unknown)} beside its profile: it has {has}", file=sys.stderr)
        return 2
    name = "_".join([run, profile, *given.values()]).replace("/", "-")
    out = BUILD / "runs" / f"{name}.ipynb"
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        execute(script, out, profile=profile, given=given, stdout=sys.stdout)
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
    printed = commands.add_parser("pdf", help="the same as one PDF")
    printed.add_argument("--profile", default=DEFAULT_PROFILE)
    run = commands.add_parser("run", help="execute one training or measuring run")
    run.add_argument("run")
    run.add_argument("--profile", default=DEFAULT_PROFILE)
    run.add_argument("--set", nargs="*", type=_assignment, default=[], metavar="NAME=VALUE", help="other parameters")
    commands.add_parser("readme", help="bring the README's results table up to date")
    args = parser.parse_args()
    if args.command == "readme":
        return update_readme()
    try:
        load_profile(args.profile)
        if args.command == "run":
            return make_run(args.run, args.profile, dict(args.set))
        return make_pdf(args.profile) if args.command == "pdf" else make_book(args.profile)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
