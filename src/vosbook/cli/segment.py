"""`vosbook segment`: the masks of a video."""

import argparse

from vosbook.cli.arguments import path, seconds, shorter_side
from vosbook.cli.console import notes, progress

MORE = """\
A mask of another frame than the first:
  --mask 00042.png --both-ways   from frame 42 to the end, and back from it to the beginning
  --mask 00042.png --from 42     from there to the end; the frames before it are left empty
  --mask 00042.png --keep DIR    from there to the end; the frames before it are those of DIR
Frames are meant by name, or by number from 0, as `vosbook draw --frame` counts.

Where masks go wrong, mend one or several (`vosbook draw --frame`), put them into a folder, named after their frames and
with all their objects, and add --corrections. The method forgets what it knew and begins anew at each: it goes on until
the next one, or with --both-ways half way to the next and half way back to the one before, so that every frame's mask
comes from the given one that is nearest in time. An object that a corrected mask does not show is not followed from
there on.
"""


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "segment",
        help="segment a video, given the masks of one frame",
        epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("frames", type=path, metavar="FRAMES", help="a folder of images or a video file")
    _add_masks(command)
    command.add_argument("--method", required=True, metavar="NAME", help="see `vosbook methods`")
    command.add_argument("--out", type=path, required=True, metavar="DIR", help="folder for the masks")
    resume_help = "keep masks as they are made in DIR.partial, and go on from those of a run that was stopped"
    command.add_argument("--resume", action="store_true", help=resume_help)
    preview_help = "a picture of the newest frame with its masks, replaced as they are made; viewers show it anew"
    command.add_argument("--preview", type=path, metavar="FILE.jpg", help=preview_help)
    command.add_argument("--overwrite", action="store_true", help="replace the masks that --out holds")
    part_help = "only frames A up to, and without, B, such as 100:200, 100: or :200"
    command.add_argument("--frames", dest="part", metavar="A:B", help=part_help)
    size_help = "make frames smaller for the method, the shorter side at most this; masks are written in full size"
    command.add_argument("--size", type=shorter_side, metavar="PIXELS", help=size_help)
    backbone_help = "of the frtm methods, whose backbone is no part of their network (default: the best that is found)"
    command.add_argument("--backbone-weights", type=path, metavar="FILE", help=backbone_help)
    command.add_argument("--checkpoint", type=path, metavar="FILE", help="the method's own learned weights")
    command.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    half_help = "on a GPU, for s2s, the rvos and most osvos methods: compute steps in half precision"
    command.add_argument("--half", action="store_true", help=half_help)
    budget_help = "of the osvos methods: how long an object is learned from its first frame (default 60)"
    command.add_argument("--budget", type=seconds, metavar="SECONDS", help=budget_help)
    proposals_help = "of osvos-s: instances of the frames, by any detector, in COCO's format (default: Mask R-CNN's)"
    command.add_argument("--proposals", type=path, metavar="FILE.json", help=proposals_help)
    detector_help = "of osvos-s: Mask R-CNN's weights (default: found in VOSBOOK_DATA/weights, else a download)"
    command.add_argument("--detector", type=path, metavar="FILE", help=detector_help)
    command.set_defaults(run=run)


def _add_masks(command: argparse.ArgumentParser) -> None:
    mask_help = "the first frame's objects; or a folder with a mask for every frame where new objects appear"
    command.add_argument("--mask", type=path, metavar="FIRST.png", help=mask_help)
    from_help = "the frame that --mask is of, by name or number from 0; those before it are left empty"
    command.add_argument("--from", dest="start", metavar="T", help=from_help)
    both_help = "go from the frame of --mask, which is named after it, to the end and to the beginning"
    command.add_argument("--both-ways", action="store_true", help=both_help)
    corrections_help = "a folder of mended masks, named after their frames: the method begins anew at each (see below)"
    command.add_argument("--corrections", type=path, metavar="DIR", help=corrections_help)
    keep_help = "masks of an earlier run: frames before that of --mask, which is named after it, keep theirs"
    command.add_argument("--keep", type=path, metavar="DIR", help=keep_help)


def run(args: argparse.Namespace) -> None:
    from vosbook.output import kept_of
    from vosbook.segment import segment_video

    if args.resume:
        args.interrupted = f"{kept_of(args.out)} has what was made: the same command goes on there"
    watch = None
    if args.preview is not None:
        from vosbook.view.live import LivePicture

        watch = LivePicture(args.preview)
    with notes() as note:
        segment_video(
            args.frames,
            mask=args.mask,
            start=args.start,
            both_ways=args.both_ways,
            corrections=args.corrections,
            keep=args.keep,
            part=args.part,
            size=args.size,
            method=args.method,
            out=args.out,
            resume=args.resume,
            overwrite=args.overwrite,
            backbone_weights=args.backbone_weights,
            checkpoint=args.checkpoint,
            device=args.device,
            half=args.half,
            budget=args.budget,
            proposals=args.proposals,
            detector=args.detector,
            progress=progress,
            watch=watch,
            note=note,
        )
    print(args.out)
