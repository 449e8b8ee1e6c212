"""`vosbook compare`: several methods' scores on the same sequences, side by side."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from vosbook.cli.arguments import named_seconds, path
from vosbook.cli.console import note
from vosbook.errors import InputError

SCORES = "scores.json"  # in the folder of a run
PICTURES = (".svg", ".png", ".pdf")


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("compare", help="compare scores, with intervals for their differences")
    results_help = "what `vosbook evaluate --json` wrote, or a folder of `vosbook run`; the one to compare with first"
    command.add_argument("results", nargs="+", type=path, metavar="FILE.json", help=results_help)
    command.add_argument("--latex", action="store_true", help="print a LaTeX tabular")
    plot_help = f"draw J&F against seconds a frame ({', '.join(PICTURES)})"
    command.add_argument("--plot", type=path, metavar="FILE.svg", help=plot_help)
    seconds_help = "a frame, by the table's names, where there is no record of a run beside the scores"
    command.add_argument("--seconds", nargs="+", type=named_seconds, metavar="NAME=S", default=[], help=seconds_help)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.metrics.compare import check_comparable, format_comparison, read_result

    if len(args.results) < 2:
        raise InputError(f"{args.results[0]} is alone: give two files or more")
    files = _named([file / SCORES if file.is_dir() else file for file in args.results])
    if args.plot is not None:
        _check_plot(args.plot)
    elif args.seconds:
        raise InputError("--seconds is for the picture alone: add --plot FILE.svg, or leave it out")
    results = {name: read_result(file) for name, file in files.items()}
    check_comparable(results)
    seconds = _seconds(files, dict(args.seconds)) if args.plot is not None else {}
    print(format_comparison(results, latex=args.latex))
    if args.plot is not None:
        _plot({name: (seconds[name], result["mean"]["J&F"]) for name, result in results.items()}, args.plot)
        print(args.plot)


def _named(files: list[Path]) -> dict[str, Path]:
    """The files by names that tell them apart, as short as can be. InputError where one is there twice."""
    names = [file.parent.name if file.name == SCORES else file.stem for file in files]
    if len(set(names)) < len(names):
        names = [str(file.parent if file.name == SCORES else file) for file in files]
    if len(set(names)) < len(names):
        raise InputError("a file is named twice: give each once")
    return dict(zip(names, files))


def _check_plot(file: Path) -> None:
    from vosbook.output import check_output_file

    if file.suffix.lower() not in PICTURES:
        raise InputError(f"{file} is no name for a plot: end it in {', '.join(PICTURES)}")
    check_output_file(file)


def _seconds(files: Mapping[str, Path], stated: Mapping[str, float]) -> dict[str, float]:
    """Seconds a frame by name, as stated, else from the records. InputError where a name has neither."""
    from vosbook.metrics.compare import read_timing
    from vosbook.words import some

    if strangers := [name for name in stated if name not in files]:
        raise InputError(f"there are no scores called {strangers[0]}: the names are {', '.join(files)}")
    found = {name: read_timing(file) for name, file in files.items() if name not in stated}
    if unknown := [name for name, timing in found.items() if timing is None]:
        raise InputError(f"{unknown[0]} has no record of its time: give --seconds {unknown[0]}=..., a frame's")
    timings = {name: timing for name, timing in found.items() if timing is not None}
    if len(machines := dict.fromkeys(timing.machine for timing in timings.values())) > 1:
        note(f"the times were measured on different machines: {some(machines)}")
    return {**{name: timing.seconds for name, timing in timings.items()}, **stated}


def _plot(points: Mapping[str, tuple[float, float]], file: Path) -> None:
    from vosbook.output import output_file

    try:
        from vosbook.view.plots import quality_against_time
    except ModuleNotFoundError as error:
        raise InputError(f"--plot needs {error.name}: install the package with its extra, vosbook[book]") from error
    with output_file(file) as partial:
        quality_against_time(points).savefig(partial, dpi=200)
