"""`vosbook export`: masks for the tools that others go on with."""

import argparse

from vosbook.cli.arguments import category, path
from vosbook.cli.console import notes, progress

FORMATS = ("coco", "coco-polygons", "yolo")


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("export", help="write masks as COCO or YOLO has them")
    command.add_argument("masks", type=path, metavar="MASKS", help="a folder of masks, one for a frame, by name")
    frames_help = "the folder of images, or the video file, that they belong to"
    command.add_argument("--frames", type=path, required=True, metavar="FRAMES", help=frames_help)
    form_help = "coco: instances as RLE; coco-polygons: as polygons; yolo: a text for a frame (default: coco)"
    command.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=form_help)
    out_help = "the file to write, or for yolo the folder"
    command.add_argument("--out", type=path, required=True, metavar="FILE.json", help=out_help)
    names_help = 'categories, such as 1=person 2="guide dog" (default: what an import has noted, else "object")'
    command.add_argument("--names", nargs="+", type=category, metavar="ID=NAME", help=names_help)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.exchange.exporting import export_masks

    with notes() as note:
        export_masks(
            args.masks,
            args.frames,
            args.out,
            form=args.format,
            names=dict(args.names or ()),
            progress=progress,
            note=note,
        )
    print(args.out)
