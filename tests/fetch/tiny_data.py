"""DAVIS with two sequences of 16x24 pixels, as an archive and as the data set of a manifest."""

import io
import zipfile
from functools import cache, partial

import numpy as np
from PIL import Image
from tqdm import tqdm

from vosbook.fetch.http import Patience
from vosbook.fetch.manifest import Archive, DataSet

LENGTHS = {"bear": 3, "cow": 2}
QUICK = Patience(tries=3, pause=0.001, timeout=60.0)  # on the same machine, which may be busy
silent = partial(tqdm, disable=True)


def image_bytes(kind: str, *, size=(16, 24), seed=0, mode="L") -> bytes:
    """A photograph ("JPEG") or a mask of one object ("PNG")."""
    h, w = size
    pixels = np.random.default_rng(seed).integers(0, 256, (h, w, 3), np.uint8)
    if kind == "PNG":
        pixels = (np.arange(w)[None] > np.full((h, 1), w // 2)).astype(np.uint8) * 255
    file = io.BytesIO()
    Image.fromarray(pixels).convert("RGB" if kind == "JPEG" else mode).save(file, kind)
    return file.getvalue()


def davis_files() -> dict[str, bytes]:
    """The files of the data set by their path."""
    files = {"db_info.yml": b"sequences: []\n"}
    for name, length in LENGTHS.items():
        for t in range(length):
            files[f"JPEGImages/480p/{name}/{t:05d}.jpg"] = image_bytes("JPEG", seed=t)
            files[f"Annotations/480p/{name}/{t:05d}.png"] = image_bytes("PNG")
    for split, name in (("train", "bear"), ("val", "cow")):
        lines = [f"/JPEGImages/480p/{name}/{t:05d}.jpg x\n" for t in range(LENGTHS[name])]
        files[f"ImageSets/480p/{split}.txt"] = "".join(lines).encode()
    return files


@cache
def davis_zip() -> bytes:
    """The files as the official archive holds them, with what is left out of it."""
    files = {f"{'Annotations/' if name == 'db_info.yml' else ''}{name}": data for name, data in davis_files().items()}
    files["JPEGImages/1080p/bear/00000.jpg"] = b"large"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(f"DAVIS/{name}"), data)  # without the time of day
    return file.getvalue()


def davis_set(*urls: str, **archive) -> DataSet:
    """The data set of a manifest that names these addresses."""
    one = Archive(
        "DAVIS-data.zip",
        urls,
        root="JPEGImages",
        skip=("JPEGImages/1080p",),
        move={"Annotations/db_info.yml": "db_info.yml"},
        items=("JPEGImages/480p", "Annotations/480p"),
        **archive,
    )
    expect = {
        "masks": "all",
        "lists": {"ImageSets/480p/train.txt": 1, "ImageSets/480p/val.txt": 1},
        "files": ["db_info.yml"],
        "frames": {"all": LENGTHS},
    }
    return DataSet(
        "davis2016", "DAVIS 2016", "davis", "DAVIS2016", "http://example.org", "free", "them", (one,), expect
    )
