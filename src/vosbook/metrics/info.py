"""What a data set's `db_info.yml` says of its sequences: attributes, the set they belong to, whether T is scored."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from vosbook.errors import InputError

_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, five times as fast, where the package was built with it


def find_info(gt: Path) -> Path | None:
    """The nearest `db_info.yml` in or above the folder `gt`."""
    gt = gt.absolute()
    return next((folder / "db_info.yml" for folder in (gt, *gt.parents) if (folder / "db_info.yml").is_file()), None)


def read_info(path: Path) -> dict[str, dict[str, Any]]:
    """The sequences of a `db_info.yml` by name, each with `attributes`, `set` and `eval_t` where the file has them."""
    if not path.is_file():
        raise InputError(f"{path} does not exist: give --info the db_info.yml of the data set")
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), Loader=_YAML)["sequences"]
        return {str(entry["name"]): _about_sequence(entry) for entry in entries}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} lists no sequences as a db_info.yml does ({reason}): replace it") from None


def _about_sequence(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of db_info.yml, its tags and its set as text, however they were written."""
    about = {**entry, "attributes": tuple(str(tag) for tag in entry.get("attributes") or ())}
    return about | {"set": str(entry["set"])} if "set" in entry else about
