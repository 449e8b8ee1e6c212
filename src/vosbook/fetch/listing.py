"""The list of data sets: how much each is, and what of it is here."""

from pathlib import Path

from vosbook.fetch.manifest import DataSet
from vosbook.fetch.record import read_receipt
from vosbook.words import count


def list_line(data_set: DataSet, out: Path | None) -> str:
    """A data set in one line: name, download, what the folder `out` holds of it, title and terms."""
    here = "" if out is None else what_is_here(data_set, out)
    size = "by hand" if data_set.by_hand else _size(data_set.bytes)
    return f"{data_set.name:<32}{size:>8}  {here:<20}{data_set.title}; {data_set.licence}"


def what_is_here(data_set: DataSet, out: Path) -> str:
    """What of a data set lies below `out`, in a word or three; "" where nothing does. Nobody looks into the files."""
    folder = out / data_set.folder
    targets = dict.fromkeys(archive.target(folder) for archive in data_set.archives)
    there = [target for target in targets if target.is_file() or (target.is_dir() and any(target.iterdir()))]
    receipts = [read_receipt(target) for target in there if target.is_dir()]
    subsets = [len(receipt["subset"]) for receipt in receipts if receipt and receipt["subset"]]
    if subsets:
        return f"here: {count(max(subsets), 'sequence')}"
    if len(there) < len(targets):
        return f"here: {len(there)} of {len(targets)} parts" if there else ""
    return "here"


def _size(size: float | None) -> str:
    if size is None:
        return "? MB"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
