"""`vosbook draw`: the objects of a frame, drawn in the browser."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vosbook.cli.arguments import frame_number, path, port
from vosbook.cli.console import note
from vosbook.errors import InputError

if TYPE_CHECKING:
    import numpy as np

LEAST_SCORE = 0.3  # of a proposal that a click may take


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("draw", help="draw the objects of a frame in the browser")
    command.add_argument("frames", type=path, metavar="FRAMES", help="a folder of images or a video file")
    command.add_argument("--frame", type=frame_number, default=0, metavar="T", help="which one, from 0 (default)")
    command.add_argument("--mask", type=path, metavar="FILE.png", help="a mask of this frame to begin with, to mend it")
    command.add_argument("--out", type=path, required=True, metavar="FIRST.png")
    proposals_help = "instances of the frames, by any detector, in COCO's format: a click takes the smallest under it"
    command.add_argument("--proposals", type=path, metavar="FILE.json", help=proposals_help)
    port_help = "of the page's address on this machine (default: any that is free)"
    command.add_argument("--port", type=port, default=0, metavar="N", help=port_help)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    import webbrowser

    from vosbook.video.frames import read_frame
    from vosbook.video.masks import read_mask

    try:
        from vosbook.view.draw import check_target, draw, what_is_left
        from vosbook.view.painter import Painter
    except ModuleNotFoundError as error:
        raise InputError(f"draw needs {error.name}: install the package with its extra, vosbook[book]") from error
    check_target(args.out, mask=args.mask)
    frame = read_frame(args.frames, args.frame)
    proposals = None if args.proposals is None else _proposed(args.proposals, args.frames, args.frame)
    labels = None if args.mask is None else read_mask(args.mask, size=frame.shape[:2], note=note)

    def show(address: str) -> None:
        note(f"draw at {address}")
        if sys.platform != "linux" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            webbrowser.open(address)  # elsewhere it would start a browser inside this terminal

    try:
        draw(Painter(frame, labels=labels, proposals=proposals), args.out, port=args.port, show=show, note=note)
    except KeyboardInterrupt:
        args.interrupted = what_is_left(args.out)
        raise
    print(args.out)


def _proposed(file: Path, frames: Path, t: int) -> "np.ndarray":
    """Masks bool (N, H, W) of the proposals for frame `t` that are sure enough."""
    from vosbook.segment import read_proposals
    from vosbook.video.frames import open_frames

    video = open_frames(frames, note=note)
    found = read_proposals(file, video, frames, note=note).of(video.names[t])
    if not (sure := found.scores >= LEAST_SCORE).any():
        note(f"{file} has no proposal in frame {t}: clicks go by contours")
    return found.masks[sure]
