"""`vosbook compose`: videos of several objects from those of a real data set."""

import argparse

from vosbook.cli.arguments import path, positive
from vosbook.cli.console import progress


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("compose", help="lay objects of real videos over each other, in DAVIS's layout")
    command.add_argument("out", type=path, metavar="OUT", help="folder to make")
    command.add_argument("--data", default="davis2016", metavar="NAME", help="their data set (default davis2016)")
    command.add_argument("--split", metavar="NAME", help="its list of sequences (default: val, or valid)")
    command.add_argument("--sequences", nargs="+", metavar="NAME", help="of the list these alone")
    command.add_argument("--videos", type=positive, required=True, metavar="N")
    command.add_argument("--seed", type=int, required=True, metavar="S", help="the same seed gives the same files")
    objects_help = "least and greatest number of objects in a video (default 2 5)"
    command.add_argument("--objects", type=positive, nargs=2, metavar=("A", "B"), default=(2, 5), help=objects_help)
    command.add_argument("--frames", type=positive, default=24, metavar="T", help="frames a video (default 24)")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.datasets.catalog import load_sequence, load_split
    from vosbook.datasets.composites import CompositeConfig, write_composites

    specs = load_split(args.data, args.split, sequences=args.sequences).specs.values()
    sequences = [load_sequence(spec) for spec in specs]
    config = CompositeConfig(objects=tuple(args.objects), frames=args.frames)
    write_composites(args.out, sequences, videos=args.videos, seed=args.seed, config=config, progress=progress)
    print(args.out)
