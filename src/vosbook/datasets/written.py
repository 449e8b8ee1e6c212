"""Sequences that were made, on disk in the layout of DAVIS 2017 and 2016, for the real readers to read."""

from collections.abc import Iterable
from pathlib import Path

import yaml
from PIL import Image

from vosbook.datasets.sequence import Sequence
from vosbook.video.masks import write_mask


def write_frames(folder: Path, sequence: Sequence, names: Iterable[str]) -> None:
    """Write the frames as JPEGs of these names into `folder`, which is made."""
    folder.mkdir(parents=True)
    for name, frame in zip(names, sequence.frames):
        Image.fromarray(frame).save(folder / f"{name}.jpg", quality=92)


def write_davis(out: Path, sequences: Iterable[Sequence], *, attributes: Iterable[str] = ()) -> None:
    """Write JPEGImages/480p, Annotations/480p, ImageSets/2017/val.txt, ImageSets/480p/val.txt and db_info.yml.

    The folders are called as DAVIS's whatever the frames' size is, and all sequences are for validation. `attributes`
    are all that a sequence may have.
    """
    entries, files = [], []
    for sequence in sequences:
        write_frames(out / "JPEGImages/480p" / sequence.name, sequence, sequence.frames.names)
        masks = out / "Annotations/480p" / sequence.name
        masks.mkdir(parents=True)
        for name in sequence.masks.names:
            write_mask(masks / f"{name}.png", sequence.masks[name])
        entries.append(_entry(sequence))
        files += [f"{sequence.name}/{name}" for name in sequence.frames.names]
    _write_list(out, "2017", [entry["name"] for entry in entries])
    _write_list(out, "480p", [f"/JPEGImages/480p/{file}.jpg /Annotations/480p/{file}.png" for file in files])
    info = {"attributes": list(attributes), "sets": ["test"], "sequences": entries}
    (out / "db_info.yml").write_text(yaml.safe_dump(info, default_flow_style=None))


def _entry(sequence: Sequence) -> dict:
    """What db_info.yml says of a sequence. Temporal stability means little where an object is hidden for a while."""
    return {
        "attributes": list(sequence.attributes),
        "eval_t": not {"OCC", "OV"} & set(sequence.attributes),
        "name": sequence.name,
        "num_frames": len(sequence.frames),
        "set": "test",
    }


def _write_list(out: Path, folder: str, lines: Iterable[str]) -> None:
    (out / "ImageSets" / folder).mkdir(parents=True)
    (out / "ImageSets" / folder / "val.txt").write_text("".join(f"{line}\n" for line in lines))
