"""What readers and runs want that an archive does not hold in that form: lists of a subset, the benchmark's scores."""

import json
import re
from collections.abc import Collection
from pathlib import Path

from vosbook.datasets.youtube_vos import read_meta
from vosbook.errors import InputError
from vosbook.fetch.archives import BadArchive
from vosbook.fetch.manifest import DataSet


def check_edition(data_set: DataSet, folder: Path, into: str) -> None:
    """BadArchive where a split of YouTube-VOS is another year's: their archives have the same names."""
    if data_set.kind != "youtube-vos" or into not in data_set.expect["videos"]:
        return
    try:
        listed = read_meta(folder / "meta.json")
    except InputError as error:
        raise BadArchive(f"{into}.zip is not {data_set.title}'s: {error}") from None
    found = f"{len(listed)} videos with {sum(map(len, listed.values()))} objects"
    wanted = f"{data_set.expect['videos'][into]} videos with {data_set.expect['objects'][into]} objects"
    if found != wanted:
        raise BadArchive(f"{into}.zip lists {found}, and {data_set.title} has {wanted}: fetch that year's")


def shorten_lists(kind: str, folder: Path, names: Collection[str]) -> list[Path]:
    """Make the lists of a subset, so that its reader asks for nothing more. Returns the files that were written.

    DAVIS gets a list of its own, `ImageSets/subset.txt`; YouTube-VOS' `meta.json` keeps the videos of the subset.
    """
    if kind == "davis":
        path = folder / "ImageSets" / "subset.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        return [path]
    path = folder / "meta.json"
    if kind == "youtube-vos" and path.is_file():
        videos = _parse(path, path.read_text(encoding="utf-8"))["videos"]
        kept = {name: video for name, video in videos.items() if name in names}
        path.write_text(json.dumps({"videos": kept}), encoding="utf-8")
        return [path]
    return []


def convert(source: Path, target: Path, conversion: str) -> None:
    """Write the DAVIS benchmark's scores as the book's runs read them. BadArchive where `source` is something else.

    "frame-scores": `{"id": METHOD, SEQ: {"J": ["0.950", ...], "F": [...]}}` -> the same, numbers, without the id.
    "summary": a script that assigns `{"Tgt": ..., METHOD: {"Jmean": "0.798", ...}}` -> the methods alone, numbers.
    """
    text = source.read_text(encoding="utf-8", errors="replace")
    if conversion == "frame-scores":
        content = {name: entry for name, entry in _parse(source, text).items() if name != "id"}
    else:
        body = re.sub(r"^\s*//.*$", "", text[text.find("{") : text.rfind("}") + 1], flags=re.MULTILINE)
        content = {name: entry for name, entry in _parse(source, body).items() if isinstance(entry, dict)}
    try:
        numbers = {name: {key: _numbers(value) for key, value in entry.items()} for name, entry in content.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise BadArchive(f"{source} is not the benchmark's list of scores ({error}): fetch it again") from None
    target.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


def _parse(path: Path, text: str) -> dict:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise BadArchive(f"{path} is no JSON ({error}): fetch it again") from None
    if not isinstance(content, dict):
        raise BadArchive(f"{path} is a list, not a table: fetch it again")
    return content


def _numbers(value: str | list[str]) -> float | list[float]:
    return [float(one) for one in value] if isinstance(value, list) else float(value)
