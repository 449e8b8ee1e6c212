"""`vosbook segment`: the masks of a video."""

import argparse

from vosbook.cli.arguments import path, seconds
from vosbook.cli.console import notes, progress


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("segment", help="segment a video, given the masks of its first frame")
    command.add_argument("frames", type=path, metavar="FRAMES", help="a folder of images or a video file")
    mask_help = "the first frame's objects; or a folder with a mask for every frame where new objects appear"
    command.add_argument("--mask", type=path, metavar="FIRST.png", help=mask_help)
    command.add_argument("--method", required=True, metavar="NAME", help="see `vosbook methods`")
    command.add_argument("--out", type=path, required=True, metavar="DIR", help="folder for the masks")
    keep_help = "masks of an earlier run: frames before that of --mask, which is named after it, keep theirs"
    command.add_argument("--keep", type=path, metavar="DIR", help=keep_help)
    command.add_argument("--overwrite", action="store_true", help="replace the masks that --out holds")
    command.add_argument("--backbone-weights", type=path, metavar="FILE", help="safetensors, or a torch state dict")
    command.add_argument("--checkpoint", type=path, metavar="FILE", help="the method's own learned weights")
    command.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    budget_help = "of the osvos methods: how long an object is learned from its first frame (default 60)"
    command.add_argument("--budget", type=seconds, metavar="SECONDS", help=budget_help)
    proposals_help = "of osvos-s: instances of the frames, by any detector, in COCO's format (default: Mask R-CNN's)"
    command.add_argument("--proposals", type=path, metavar="FILE.json", help=proposals_help)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.segment import segment_video

    with notes() as note:
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
            proposals=args.proposals,
            progress=progress,
            note=note,
        )
    print(args.out)
