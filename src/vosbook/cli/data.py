"""`vosbook data`: data sets fetched, laid out and checked."""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from vosbook.cli.arguments import path, positive
from vosbook.cli.console import note, notes, progress
from vosbook.errors import InputError

if TYPE_CHECKING:
    from vosbook.fetch.manifest import DataSet


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("data", help="fetch a data set, lay it out as the readers want it, check it")
    command.add_argument("name", nargs="?", metavar="NAME", help="without it: list them, with sizes and what is here")
    command.add_argument("--check", action="store_true", help="fetch nothing: look at every image that is there")
    command.add_argument("--subset", type=positive, metavar="N", help="the first N sequences by name")
    command.add_argument("--out", type=path, metavar="DIR", help="where data sets lie (default: VOSBOOK_DATA)")
    command.add_argument("--archives", type=path, metavar="DIR", help="take the files that you fetched from here")
    command.add_argument("--manifest", type=path, metavar="FILE", help="addresses (default: data_scripts/manifest.yml)")
    command.set_defaults(run=run, interrupted="run it again to go on")


def run(args: argparse.Namespace) -> None:
    from vosbook.datasets.catalog import data_folder
    from vosbook.fetch.manifest import read_manifest

    data_sets = read_manifest(args.manifest)
    if args.name is None:
        _list(data_sets.values(), args.out)
        return
    if args.name not in data_sets:
        raise InputError(f"{args.name} is no data set: choose one of {', '.join(data_sets)}")
    if args.check and (args.subset or args.archives):
        raise InputError("--check looks at what is there and fetches nothing: leave --subset and --archives out")
    out = data_folder(instead="give --out DIR") if args.out is None else args.out
    (_check_data if args.check else _fetch_data)(data_sets[args.name], out, args)


def _list(data_sets: Iterable["DataSet"], out: Path | None) -> None:
    from vosbook.fetch.listing import list_line

    root = out or (Path(os.environ["VOSBOOK_DATA"]) if os.environ.get("VOSBOOK_DATA") else None)
    if root is None:
        note("what is here already shows where VOSBOOK_DATA names the folder of data sets, or --out DIR does")
    for data_set in data_sets:
        print(list_line(data_set, root))


def _fetch_data(data_set: "DataSet", out: Path, args: argparse.Namespace) -> None:
    from vosbook.fetch.store import fetch

    with notes() as note:
        folder = fetch(data_set, out, archives=args.archives, subset=args.subset, progress=progress, note=note)
        note(f"licence: {data_set.licence}; credit: {data_set.credit}")
    print(folder)


def _check_data(data_set: "DataSet", out: Path, args: argparse.Namespace) -> None:
    from vosbook.fetch.check import check

    folder = out / data_set.folder
    report = check(data_set, folder, progress=progress)
    print(f"{data_set.title}, in {folder}", *report.lines, *report.damaged, sep="\n")
    if report.damaged:
        raise InputError(f"{folder} is damaged, as listed ({len(report.damaged)}): move it away and fetch it anew")
    if report.lacking:
        raise InputError(f"{folder} is sound but not complete, it lacks {', '.join(report.lacking)}: fetch the rest")
    print("complete, and every image can be read")
