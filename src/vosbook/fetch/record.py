"""What is remembered: of every file that was fetched what it was, of every folder that was unpacked what it held."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vosbook.errors import InputError
from vosbook.fetch.manifest import DIGITS, Archive
from vosbook.output import output_file

RECEIPT = ".vosbook.json"  # in a folder that was unpacked
CHUNK = 1 << 20  # bytes


class Record:
    """F.downloads.json: what every file was when it was first fetched."""

    def __init__(self, path: Path):
        self.path = path
        self.entries: dict[str, dict[str, Any]] = _read_json(path) or {}

    def examine(self, path: Path, archive: Archive) -> dict[str, Any]:
        """Size and SHA-256 of a file that claims to be `archive`; under "problem" what is wrong with it, or None."""
        size = path.stat().st_size
        if archive.size is not None and size != archive.size:
            return {"problem": f"it has {size} bytes, and should have {archive.size}"}
        found = digests(path)
        return {"size": size, "sha256": found["sha256"], "problem": self._disagreement(found, archive)}

    def _disagreement(self, found: Mapping[str, str], archive: Archive) -> str | None:
        if archive.checksum is not None:
            algorithm, _, digits = archive.checksum.partition(":")
            if not found[algorithm].startswith(digits):
                return f"its {algorithm} is {found[algorithm]}, and should be {digits}"
        known = self.entries.get(archive.name)
        if known is not None and found["sha256"] != known["sha256"]:
            return (
                f"its sha256 is {found['sha256']}, and was {known['sha256']} on {known['date']}; if the data set has a "
                f"new edition, remove the entry from {self.path}"
            )
        return None

    def add(self, archive: Archive, about: Mapping[str, Any], note: Callable[[str], None]) -> None:
        """Write down what a good file is, and say so where nobody has verified it."""
        if archive.name not in self.entries:
            self.entries[archive.name] = {
                "url": about.get("url"),
                "size": about["size"],
                "sha256": about["sha256"],
                "verified": archive.checksum_from,
                "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            }
            _write_json(self.path, self.entries)
        if archive.checksum is None:
            note(
                f"{archive.name}: nobody has verified its checksum; its sha256, {about['sha256']}, is recorded in "
                f"{self.path}, and a later file must agree with it"
            )


def digests(path: Path) -> dict[str, str]:
    """Hexadecimal checksums of a file, by algorithm, in one reading."""
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in DIGITS}
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for one in sums.values():
                one.update(chunk)
    return {name: one.hexdigest() for name, one in sums.items()}


def read_receipt(folder: Path) -> dict[str, Any] | None:
    """What was unpacked into a folder: `{"archive", "subset", "files": {path: [size, crc]}}`; None if not by us."""
    return _read_json(folder / RECEIPT)


def write_receipt(folder: Path, **content: Any) -> None:
    """What `read_receipt` reads."""
    _write_json(folder / RECEIPT, content)


def _read_json(path: Path) -> Any:
    """Content of a file of ours; None where there is none. InputError where it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        pass
    raise InputError(f"{path} is damaged: remove it, and what it speaks of is taken as not verified")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with output_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
