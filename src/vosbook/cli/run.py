"""`vosbook run`: a method over the sequences of a data set."""

import argparse
import re
from typing import TYPE_CHECKING

from vosbook.cli.arguments import path, positive, seconds
from vosbook.cli.console import notes, progress

if TYPE_CHECKING:
    from vosbook.split_run import Result


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("run", help="run a method over a data set, score it, keep a record")
    data_help = "davis2016, davis2017, youtube-vos, ... in the folder that VOSBOOK_DATA names; or synthetic"
    command.add_argument("--data", required=True, metavar="NAME", help=data_help)
    command.add_argument("--split", metavar="NAME", help="its list of sequences (default: val, or valid)")
    names_help = "of the list these alone; of synthetic data the seeds"
    command.add_argument("--sequences", nargs="+", metavar="NAME", help=names_help)
    command.add_argument("--limit", type=positive, metavar="N", help="the first N of them")
    command.add_argument("--method", required=True, metavar="NAME", help="see `vosbook methods`")
    out_help = "folder for the masks, the scores and the record; a run that was broken off there goes on"
    command.add_argument("--out", type=path, required=True, metavar="DIR", help=out_help)
    command.add_argument("--overwrite", action="store_true", help="begin anew: remove what a run left in --out")
    command.add_argument("--backbone-weights", type=path, metavar="FILE", help="safetensors, or a torch state dict")
    command.add_argument("--checkpoint", type=path, metavar="FILE", help="the method's own learned weights")
    device_help = "auto (default), cpu or cuda; under torchrun every process takes a GPU of its own"
    command.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help=device_help)
    budget_help = "of the osvos methods: how long an object is learned from its first frame (default 60)"
    command.add_argument("--budget", type=seconds, metavar="SECONDS", help=budget_help)
    detector_help = "of osvos-s: Mask R-CNN's weights (default: found in VOSBOOK_DATA/weights, else a download)"
    command.add_argument("--detector", type=path, metavar="FILE", help=detector_help)
    share_help = "for job arrays: the K-th of N shares of the sequences, from 0; the last to finish scores all"
    command.add_argument("--share", type=_share, metavar="K/N", help=share_help)
    command.set_defaults(run=run, interrupted="what is finished stays: run it again to go on")


def _share(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    k, n = (int(match[1]), int(match[2])) if match else (0, 0)
    if k >= n:
        raise argparse.ArgumentTypeError(f"{text} is no share: write K/N, K from 0 to N - 1, such as 0/8")
    return k, n


def run(args: argparse.Namespace) -> None:
    from vosbook.datasets.catalog import load_split
    from vosbook.split_run import MethodOptions, run_split

    chosen = ("method", "backbone_weights", "checkpoint", "device", "budget", "detector")
    options = MethodOptions(**{name: getattr(args, name) for name in chosen})
    split = load_split(args.data, args.split, sequences=args.sequences, limit=args.limit)
    with notes() as note:
        result = run_split(
            split, options, args.out, share=args.share, overwrite=args.overwrite, progress=progress, note=note
        )
    if result is not None:
        _report(result)
        print(args.out)


def _report(result: "Result") -> None:
    from vosbook.metrics.table import format_table

    if result.scores is not None:
        print(format_table(result.scores), end="\n\n")
    means = {name: value for name, value in result.record["seconds"].items() if value is not None}
    if means:
        print("seconds:", ", ".join(f"{value:.3f} {name.replace('_', ' ')}" for name, value in means.items()))
