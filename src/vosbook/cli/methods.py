"""`vosbook methods`: a line for each."""

import argparse


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("methods", help="list the methods, one line each")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.methods import METHODS

    for method in METHODS.values():
        print(f"{method.name:<16}{method.paper:<28}{method.needs}")
