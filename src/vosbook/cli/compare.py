"""`vosbook compare`: several methods' scores on the same sequences, side by side."""

import argparse

from vosbook.cli.arguments import path
from vosbook.errors import InputError


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("compare", help="compare scores, with intervals for their differences")
    results_help = "what `vosbook evaluate --json` wrote, the method to compare with first"
    command.add_argument("results", nargs="+", type=path, metavar="FILE.json", help=results_help)
    command.add_argument("--latex", action="store_true", help="print a LaTeX tabular")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.metrics.compare import check_comparable, format_comparison, read_result

    if len(args.results) < 2:
        raise InputError(f"{args.results[0]} is alone: give two files or more")
    names = [file.stem for file in args.results]
    if len(set(names)) < len(names):
        names = [str(file) for file in args.results]
    if len(set(names)) < len(names):
        raise InputError("a file is named twice: give each once")
    results = {name: read_result(file) for name, file in zip(names, args.results)}
    check_comparable(results)
    print(format_comparison(results, latex=args.latex))
