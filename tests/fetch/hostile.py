"""Archives that do harm where they are unpacked without looking, and harmless ones to compare with."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path


def zip_with(path: Path, entries: dict[str, bytes], *, modes: dict[str, int] | None = None) -> Path:
    """A zip; `modes` are Unix modes (a link is S_IFLNK, its target the content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return path


def tar_with(path: Path, entries: dict[str, bytes], *, kinds: dict[str, bytes] | None = None, links: str = "") -> Path:
    """A tar, compressed as its name says; `kinds` are tarfile's types, of which links lead to `links`."""
    ending = path.name.rsplit(".", 1)[1]
    with tarfile.open(path, f"w:{ending}" if ending != "tar" else "w") as archive:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.type = (kinds or {}).get(name, tarfile.REGTYPE)
            entry.linkname = links
            entry.size = len(content) if entry.type == tarfile.REGTYPE else 0
            archive.addfile(entry, io.BytesIO(content))
    return path
