"""`vosbook render`: masks painted over a video, or cut out of it."""

import argparse

from vosbook.cli.arguments import path, rate
from vosbook.cli.console import notes, progress
from vosbook.errors import InputError


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("render", help="draw masks over a video")
    command.add_argument("frames", type=path, metavar="FRAMES", help="a folder of images or a video file")
    command.add_argument("--masks", type=path, required=True, metavar="DIR", help="one mask a frame, by name")
    part_help = "only frames A up to, and without, B, such as 100:200, as `segment` takes them"
    command.add_argument("--frames", dest="part", metavar="A:B", help=part_help)
    out_help = "the video with its masks painted over it, as H.264 that browsers play"
    command.add_argument("--out", type=path, metavar="FILE.mp4", help=out_help)
    command.add_argument("--cut-out", type=path, metavar="DIR", help="the objects alone: PNGs, elsewhere transparent")
    command.add_argument("--soft", action="store_true", help="cut out with soft edges, which follow hair and blur")
    fps_help = "frames per second of a folder of images (default 25); a video keeps its own times and its sound"
    command.add_argument("--fps", type=rate, metavar="N", help=fps_help)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.output import check_output_file

    if args.out is None and args.cut_out is None:
        raise InputError("there is nothing to write: give --out FILE.mp4, --cut-out DIR, or both")
    if args.out is not None and args.out.resolve() == args.frames.resolve():
        raise InputError(f"{args.out} is the video itself: choose another name for the output")
    if args.soft and args.cut_out is None:
        raise InputError("--soft is how objects are cut out: add --cut-out DIR, or leave --soft out")
    if args.fps is not None and not args.frames.is_dir():
        raise InputError(f"{args.frames} has its own times, which are kept: leave --fps out")
    if args.out is not None:
        check_output_file(args.out)
    with notes():
        _write(args)


def _write(args: argparse.Namespace) -> None:
    from vosbook.datasets.part import part_of
    from vosbook.video.frames import open_frames
    from vosbook.video.masks import MaskFolder
    from vosbook.view.overlay import render_video, write_cut_outs

    frames = part_of(open_frames(args.frames), args.part or ":")
    masks = MaskFolder(args.masks, size=frames.size)
    if args.cut_out is not None:
        write_cut_outs(frames, masks, args.cut_out, soft=args.soft, progress=progress)
        print(args.cut_out)
    if args.out is not None:
        render_video(frames, masks, args.out, fps=args.fps, progress=progress)
        print(args.out)
