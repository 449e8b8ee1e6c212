"""`vosbook evaluate`: masks scored against the truth."""

import argparse
import json

from vosbook.cli.arguments import path
from vosbook.cli.console import notes, progress

PROTOCOLS = ["davis2016", "davis2017", "davis2017-unsupervised", "youtube-vos"]


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("evaluate", help="score masks: J, F, T")
    gt_help = "true masks: DIR/SEQUENCE/FRAME.png, or the folder of Youtube-Objects"
    command.add_argument("--gt", type=path, required=True, metavar="DIR", help=gt_help)
    command.add_argument("--pred", type=path, required=True, metavar="DIR", help="predicted: DIR/SEQUENCE/FRAME.png")
    command.add_argument("--protocol", choices=PROTOCOLS, default=PROTOCOLS[0])
    names_help = "score these alone, such as those that a method has finished (default: all, or an official list)"
    command.add_argument("--sequences", nargs="+", metavar="NAME", help=names_help)
    info_help = "attributes, where T is scored; for youtube-vos its meta.json (default: the nearest in or above --gt)"
    command.add_argument("--info", type=path, metavar="db_info.yml", help=info_help)
    command.add_argument("--analysis", action="store_true", help="add attributes, error types and J over time")
    command.add_argument("--json", type=path, metavar="FILE", help="write all scores, per frame, here")
    csv_help = "write a row for every sequence and object here: J and F with recall and decay, T"
    command.add_argument("--csv", type=path, metavar="FILE", help=csv_help)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.metrics.evaluate import evaluate
    from vosbook.metrics.table import format_csv, format_table
    from vosbook.output import check_output_file, output_file

    for file in filter(None, (args.json, args.csv)):
        check_output_file(file)
    with notes() as note:
        result = evaluate(
            args.gt,
            args.pred,
            protocol=args.protocol,
            sequences=args.sequences,
            info=args.info,
            analysis=args.analysis,
            progress=progress,
            note=note,
        )
    if args.json is not None:
        with output_file(args.json) as file:
            file.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    if args.csv is not None:
        with output_file(args.csv) as file:
            file.write_text(format_csv(result))
    print(format_table(result))
