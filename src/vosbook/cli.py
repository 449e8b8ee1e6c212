"""The command `vosbook`: results on stdout, progress on stderr, exit status 2 and one line for bad input."""

import argparse
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from vosbook.errors import InputError

if TYPE_CHECKING:
    from vosbook.fetch.manifest import DataSet

# Each command imports its room when it runs: `vosbook methods` should not wait for torch.


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Bad arguments get one line, like all bad input."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _size(text: str) -> tuple[int, int]:
    """HxW, such as 240x432."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    size = tuple(int(side) for side in match.groups()) if match else (0, 0)
    if min(size) < 32 or max(size) > 4096:
        raise argparse.ArgumentTypeError(f"{text} is no size: write HEIGHTxWIDTH, both 32 to 4096, such as 240x432")
    return size


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time: write seconds, 0 or more")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="vosbook", description="Video object segmentation from scratch.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_methods(commands)
    _add_synth(commands)
    _add_draw(commands)
    _add_segment(commands)
    _add_evaluate(commands)
    _add_render(commands)
    _add_data(commands)
    return parser


# --------------------------------------------------------------------------------------------------- methods


def _add_methods(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("methods", help="list the methods, one line each")
    command.set_defaults(run=_methods)


def _methods(args: argparse.Namespace) -> None:
    from vosbook.methods import METHODS

    for method in METHODS.values():
        print(f"{method.name:<16}{method.paper:<28}{method.needs}")


# ----------------------------------------------------------------------------------------------------- synth


def _add_synth(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("synth", help="write annotated synthetic video in a real data set's layout")
    command.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    command.add_argument("--sequences", type=_positive, required=True, metavar="N")
    command.add_argument("--seed", type=int, required=True, metavar="S", help="the same seed gives the same files")
    command.add_argument("--layout", choices=["davis", "youtube-vos"], required=True)
    command.add_argument("--size", type=_size, metavar="HxW", help="frame size in pixels (default 240x432)")
    command.add_argument("--frames", type=_positive, metavar="T", help="frames a sequence (default 24)")
    command.set_defaults(run=_synth)


def _synth(args: argparse.Namespace) -> None:
    from vosbook.datasets.synthetic import SyntheticConfig, write_dataset

    chosen = {"size": args.size, "frames": args.frames}
    config = SyntheticConfig(**{key: value for key, value in chosen.items() if value is not None})
    write_dataset(
        args.out, sequences=args.sequences, seed=args.seed, layout=args.layout, config=config, progress=_progress
    )
    print(args.out)


# ------------------------------------------------------------------------------------------------------ draw


def _frame_number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no frame: count from 0")
    return int(text)


def _add_draw(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("draw", help="draw the objects of a frame in the browser")
    command.add_argument("frames", type=Path, metavar="FRAMES", help="a folder of images or a video file")
    command.add_argument("--frame", type=_frame_number, default=0, metavar="T", help="which one, from 0 (default)")
    command.add_argument("--mask", type=Path, metavar="FILE.png", help="a mask of this frame to begin with, to mend it")
    command.add_argument("--out", type=Path, required=True, metavar="FIRST.png")
    command.set_defaults(run=_draw)


def _draw(args: argparse.Namespace) -> None:
    import webbrowser

    from vosbook.output import check_output_file
    from vosbook.video.frames import read_frame
    from vosbook.video.masks import read_mask

    try:
        from vosbook.view.draw import draw
        from vosbook.view.painter import Painter
    except ModuleNotFoundError as error:
        raise InputError(f"draw needs {error.name}: install the package with its extra, vosbook[book]") from error
    check_output_file(args.out)
    frame = read_frame(args.frames, args.frame)
    labels = None if args.mask is None else read_mask(args.mask, size=frame.shape[:2])

    def show(address: str) -> None:
        _note(f"draw at {address}")
        if sys.platform != "linux" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            webbrowser.open(address)  # elsewhere it would start a browser inside this terminal

    draw(Painter(frame, labels=labels), args.out, say=show)
    print(args.out)


# --------------------------------------------------------------------------------------------------- segment


def _add_segment(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("segment", help="segment a video, given the masks of its first frame")
    command.add_argument("frames", type=Path, metavar="FRAMES", help="a folder of images or a video file")
    mask_help = "the first frame's objects; or a folder with a mask for every frame where new objects appear"
    command.add_argument("--mask", type=Path, metavar="FIRST.png", help=mask_help)
    command.add_argument("--method", required=True, metavar="NAME", help="see `vosbook methods`")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the masks")
    keep_help = "masks of an earlier run: frames before that of --mask, which is named after it, keep theirs"
    command.add_argument("--keep", type=Path, metavar="DIR", help=keep_help)
    command.add_argument("--overwrite", action="store_true", help="replace the masks that --out holds")
    command.add_argument("--backbone-weights", type=Path, metavar="FILE", help="safetensors, or a torch state dict")
    command.add_argument("--checkpoint", type=Path, metavar="FILE", help="the method's own learned weights")
    command.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    budget_help = "of the osvos methods: how long an object is learned from its first frame (default 60)"
    command.add_argument("--budget", type=_seconds, metavar="SECONDS", help=budget_help)
    command.set_defaults(run=_segment)


def _segment(args: argparse.Namespace) -> None:
    from vosbook.segment import segment_video

    with _notes() as note:
        segment_video(
            args.frames,
            mask=args.mask,
            method=args.method,
            out=args.out,
            keep=args.keep,
            overwrite=args.overwrite,
            backbone_weights=args.backbone_weights,
            checkpoint=args.checkpoint,
            device=args.device,
            budget=args.budget,
            progress=_progress,
            note=note,
        )
    print(args.out)


# -------------------------------------------------------------------------------------------------- evaluate

PROTOCOLS = ["davis2016", "davis2017", "davis2017-unsupervised", "youtube-vos"]


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("evaluate", help="score masks: J, F, T")
    gt_help = "true masks: DIR/SEQUENCE/FRAME.png, or the folder of Youtube-Objects"
    command.add_argument("--gt", type=Path, required=True, metavar="DIR", help=gt_help)
    command.add_argument("--pred", type=Path, required=True, metavar="DIR", help="predicted: DIR/SEQUENCE/FRAME.png")
    command.add_argument("--protocol", choices=PROTOCOLS, default=PROTOCOLS[0])
    info_help = "attributes, where T is scored; for youtube-vos its meta.json (default: the nearest in or above --gt)"
    command.add_argument("--info", type=Path, metavar="db_info.yml", help=info_help)
    command.add_argument("--analysis", action="store_true", help="add attributes, error types and J over time")
    command.add_argument("--json", type=Path, metavar="FILE", help="write all scores, per frame, here")
    command.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> None:
    from vosbook.metrics.evaluate import evaluate
    from vosbook.metrics.table import format_table
    from vosbook.output import check_output_file, output_file

    if args.json is not None:
        check_output_file(args.json)
    with _notes() as note:
        result = evaluate(
            args.gt,
            args.pred,
            protocol=args.protocol,
            info=args.info,
            analysis=args.analysis,
            progress=_progress,
            note=note,
        )
    if args.json is not None:
        with output_file(args.json) as file:
            file.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    print(format_table(result))


# ---------------------------------------------------------------------------------------------------- render


def _add_render(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("render", help="draw masks over a video")
    command.add_argument("frames", type=Path, metavar="FRAMES", help="a folder of images or a video file")
    command.add_argument("--masks", type=Path, required=True, metavar="DIR", help="one mask a frame, by name")
    command.add_argument("--out", type=Path, metavar="FILE.mp4", help="the video with its masks painted over it")
    command.add_argument("--cut-out", type=Path, metavar="DIR", help="the objects alone: PNGs, elsewhere transparent")
    command.set_defaults(run=_render)


def _render(args: argparse.Namespace) -> None:
    from vosbook.output import check_output_file
    from vosbook.video.frames import open_frames
    from vosbook.video.masks import MaskFolder
    from vosbook.view.overlay import render_video, write_cut_outs

    if args.out is None and args.cut_out is None:
        raise InputError("there is nothing to write: give --out FILE.mp4, --cut-out DIR, or both")
    if args.out is not None and args.out.resolve() == args.frames.resolve():
        raise InputError(f"{args.out} is the video itself: choose another name for the output")
    if args.out is not None:
        check_output_file(args.out)
    frames = open_frames(args.frames)
    masks = MaskFolder(args.masks, size=frames.size)
    if args.cut_out is not None:
        write_cut_outs(frames, masks, args.cut_out, progress=_progress)
        print(args.cut_out)
    if args.out is not None:
        render_video(frames, masks, args.out, progress=_progress)
        print(args.out)


# ------------------------------------------------------------------------------------------------------ data


def _add_data(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("data", help="fetch a data set, lay it out as the readers want it, check it")
    command.add_argument("name", nargs="?", metavar="NAME", help="without it: list the data sets")
    command.add_argument("--check", action="store_true", help="fetch nothing: look at every image that is there")
    command.add_argument("--subset", type=_positive, metavar="N", help="the first N sequences by name")
    command.add_argument("--out", type=Path, metavar="DIR", help="where data sets lie (default: VOSBOOK_DATA)")
    command.add_argument("--archives", type=Path, metavar="DIR", help="take the files that you fetched from here")
    command.add_argument("--manifest", type=Path, metavar="FILE", help="addresses (default: data_scripts/manifest.yml)")
    command.set_defaults(run=_data, interrupted="run it again to go on")


def _data(args: argparse.Namespace) -> None:
    from vosbook.datasets.catalog import data_folder
    from vosbook.fetch.manifest import read_manifest

    data_sets = read_manifest(args.manifest)
    if args.name is None:
        for data_set in data_sets.values():
            print(f"{data_set.name:<32}{data_set.title}; {data_set.licence}")
        return
    if args.name not in data_sets:
        raise InputError(f"{args.name} is no data set: choose one of {', '.join(data_sets)}")
    if args.check and (args.subset or args.archives):
        raise InputError("--check looks at what is there and fetches nothing: leave --subset and --archives out")
    out = data_folder() if args.out is None else args.out
    (_check_data if args.check else _fetch_data)(data_sets[args.name], out, args)


def _fetch_data(data_set: "DataSet", out: Path, args: argparse.Namespace) -> None:
    from vosbook.fetch.store import fetch

    with _notes() as note:
        folder = fetch(data_set, out, archives=args.archives, subset=args.subset, progress=_progress, note=note)
        note(f"licence: {data_set.licence}; credit: {data_set.credit}")
    print(folder)


def _check_data(data_set: "DataSet", out: Path, args: argparse.Namespace) -> None:
    from vosbook.fetch.check import check

    folder = out / data_set.folder
    report = check(data_set, folder, progress=_progress)
    print(f"{data_set.title}, in {folder}", *report.lines, *report.damaged, sep="\n")
    if report.damaged:
        raise InputError(f"{folder} is damaged, as listed ({len(report.damaged)}): move it away and fetch it anew")
    if report.lacking:
        raise InputError(f"{folder} is sound but not complete, it lacks {', '.join(report.lacking)}: fetch the rest")
    print("complete, and every image can be read")


# ------------------------------------------------------------------------------------------------------ main

_progress = partial(tqdm, file=sys.stderr, leave=False, disable=None)  # silent where stderr is no terminal


def _note(line: str) -> None:
    """A line that the user should know of, beside the progress bar."""
    tqdm.write(line, file=sys.stderr)


@contextmanager
def _notes() -> Iterator[Callable[[str], None]]:
    """Yield what takes notes. Off a terminal they wait for the end: a failed run then leaves one line, the error."""
    if sys.stderr.isatty():
        yield _note
        return
    held: list[str] = []
    yield held.append
    for line in held:
        _note(line)


def _refuse(args: argparse.Namespace, line: str) -> int:
    print(f"vosbook {args.command}: {line}", file=sys.stderr)
    return 2


def _drop_stdout() -> None:
    """Let go of what could not be printed: Python would try again at its exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name). Returns the exit status."""
    args = _parser().parse_args(argv, argparse.Namespace(interrupted="nothing was kept"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was half written is removed
    try:
        args.run(args)
        print(end="", flush=True)  # what cannot be printed shows here, not at Python's exit
    except InputError as error:
        return _refuse(args, " ".join(str(error).split()))
    except BrokenPipeError:  # `| head` has what it wanted
        _drop_stdout()
        return 141
    except OSError as error:  # a full disk, a folder without permission
        if error.filename is None:
            _drop_stdout()
        where, why = error.filename or "the output", error.strerror or error
        return _refuse(args, f"{where} cannot be read or written ({why}): check permissions and room on the disk")
    except MemoryError:
        return _refuse(args, "this is too large for the memory: use smaller or fewer frames")
    except KeyboardInterrupt:
        print(f"vosbook {args.command}: interrupted, {args.interrupted}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
