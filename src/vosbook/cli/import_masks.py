"""`vosbook import`: the annotations of other tools as masks."""

import argparse

from vosbook.cli.arguments import path
from vosbook.cli.console import notes

FORMATS = ("coco", "labelme", "cvat", "label-studio")


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("import", help="make masks of what COCO, labelme, CVAT or Label Studio hold")
    file_help = "what the tool has exported, unpacked; or a folder of such files"
    command.add_argument("files", nargs="+", type=path, metavar="FILE", help=file_help)
    command.add_argument("--out", type=path, required=True, metavar="DIR", help="folder for the masks")
    command.add_argument("--format", choices=FORMATS, help="which tool it was (default: as the files look)")
    by_help = "what an id is: an object (default), or all of a category"
    command.add_argument("--by", choices=("object", "category"), default="object", help=by_help)
    frames_help = "the frames that were annotated: to check names and sizes, and where the tool has numbered them"
    command.add_argument("--frames", type=path, metavar="FRAMES", help=frames_help)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from vosbook.exchange.importing import import_masks
    from vosbook.video.frames import open_frames

    with notes() as note:
        objects = import_masks(
            args.files,
            args.out,
            form=args.format,
            by_category=args.by == "category",
            frames=None if args.frames is None else open_frames(args.frames, note=note),
            note=note,
        )
    for i, identity in objects.items():
        print(f"{i:<4}{identity}")
    print(args.out)
