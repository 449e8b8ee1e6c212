"""`vosbook synth`: annotated video from a seed."""

import argparse

from vosbook.cli.arguments import path, positive, size
from vosbook.cli.console import progress


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("synth", help="write annotated synthetic video in a real data set's layout")
    command.add_argument("out", type=path, metavar="OUT", help="folder to make")
    command.add_argument("--sequences", type=positive, required=True, metavar="N")
    command.add_argument("--seed", type=int, required=True, metavar="S", help="the same seed gives the same files")
    command.add_argument("--layout", choices=["davis", "youtube-vos"], required=True)
    command.add_argument("--size", type=size, metavar="HxW", help="frame size in pixels (default 240x432)")
    command.add_argument("--frames", type=positive, metavar="T", help="frames a sequence (default 24)")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.datasets.synthetic import SyntheticConfig, write_dataset

    chosen = {"size": args.size, "frames": args.frames}
    config = SyntheticConfig(**{key: value for key, value in chosen.items() if value is not None})
    write_dataset(
        args.out, sequences=args.sequences, seed=args.seed, layout=args.layout, config=config, progress=progress
    )
    print(args.out)
