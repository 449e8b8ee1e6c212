"""`--check`: what is there, what lacks, what is damaged, by the names of the files."""

import json
import shutil
from functools import partial

import numpy as np
import pytest
from scipy.io import savemat
from tiny_data import LENGTHS, davis_files, davis_set, image_bytes, silent

from vosbook.datasets.synthetic import SyntheticConfig, write_dataset
from vosbook.errors import InputError
from vosbook.fetch import check as room
from vosbook.fetch.check import check
from vosbook.fetch.manifest import Archive, DataSet, read_manifest
from vosbook.video.masks import write_mask

look = partial(check, progress=silent)
TINY = SyntheticConfig(size=(32, 48), frames=6, objects=(1, 1))


@pytest.fixture
def folder(tmp_path):
    """The data set as a user may have copied it: without a list of what was unpacked."""
    for name, content in davis_files().items():
        path = tmp_path / "DAVIS2016" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "DAVIS2016"


def test_all_is_there(folder):
    report = look(davis_set(), folder)
    assert (report.lacking, report.damaged) == ([], [])
    assert "480p frames: 2 of 2 sequences complete, 5 of 5 images" in report.lines
    assert "480p masks: 2 of 2 sequences complete, 5 of 5 images" in report.lines


def test_there_is_no_such_folder(tmp_path):
    with pytest.raises(InputError, match="fetch it with `vosbook data davis2016`"):
        look(davis_set(), tmp_path / "none")


def test_sequences_frames_and_masks_that_lack_are_named(folder):
    shutil.rmtree(folder / "JPEGImages" / "480p" / "cow")
    (folder / "JPEGImages" / "480p" / "bear" / "00001.jpg").unlink()
    (folder / "Annotations" / "480p" / "cow" / "00000.png").unlink()
    (folder / "db_info.yml").unlink()
    (folder / "ImageSets" / "480p" / "val.txt").unlink()
    report = look(davis_set(), folder)
    assert report.damaged == []
    for line in (
        "480p frames: 0 of 2 sequences complete, 2 of 5 images",
        "480p frames: nothing of cow",
        "480p frames: bear lacks 00001",
        "480p masks: 1 of 2 sequences complete, 4 of 5 images",
        "480p masks: cow lacks 00000",
    ):
        assert line in report.lines
    assert report.lacking == [
        "db_info.yml",
        "ImageSets/480p/val.txt with 1 sequences",
        "480p frames of bear, cow",
        "480p masks of cow",
    ]


def test_another_resolution_is_looked_at_and_not_asked_for(folder):
    for kind in ("JPEGImages", "Annotations"):
        small = folder / kind / "256p" / "bear"
        shutil.copytree(folder / kind / "480p" / "bear", small)
    report = look(davis_set(), folder)
    assert "256p frames: 1 of 2 sequences complete, 3 of 5 images" in report.lines
    assert "256p frames: nothing of cow" in report.lines
    assert (report.lacking, report.damaged) == ([], [])
    (small / "00002.png").unlink()
    assert look(davis_set(), folder).lacking == ["256p masks of bear"]  # what was begun should be whole


def test_images_that_do_not_belong_there(folder):
    stray = folder / "JPEGImages" / "480p" / "bear" / "00003.jpg"
    stray.write_bytes(image_bytes("JPEG"))
    report = look(davis_set(), folder)
    assert report.damaged == [f"{stray.parent}: 00003 do not belong to the data set"]
    assert "480p frames: 2 of 2 sequences complete, 6 of 5 images" in report.lines


DAMAGE = {
    "a frame that is cut short": ("JPEGImages/480p/bear/00001.jpg", image_bytes("JPEG", seed=1)[:-200], "cut short"),
    "an empty frame": ("JPEGImages/480p/bear/00001.jpg", b"", "cannot identify"),
    "a page in place of a frame": ("JPEGImages/480p/bear/00001.jpg", b"<html>", "cannot identify"),
    "a mask that is cut short": ("Annotations/480p/bear/00001.png", image_bytes("PNG")[:50], "cut short"),
    "a mask of another size": ("Annotations/480p/bear/00001.png", image_bytes("PNG", size=(8, 12)), "several sizes"),
    "a JPEG as a mask": ("Annotations/480p/bear/00001.png", image_bytes("JPEG"), "is a JPEG"),
}


@pytest.mark.parametrize(("name", "content", "says"), DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_found(folder, name, content, says):
    (folder / name).write_bytes(content)
    (problem,) = look(davis_set(), folder).damaged
    assert says in problem and "bear" in problem


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_masks_of_every_kind_are_read(folder, mode):
    (folder / "Annotations/480p/bear/00001.png").write_bytes(image_bytes("PNG", mode=mode))
    assert look(davis_set(), folder).damaged == []


def test_every_byte_must_be_as_it_was_unpacked(folder):
    frame = folder / "JPEGImages/480p/bear/00001.jpg"
    content = frame.read_bytes()
    files = {str(p.relative_to(folder)): [p.stat().st_size, room.zlib_ng.crc32(p.read_bytes())] for p in [frame]}
    (folder / room.RECEIPT).write_text(json.dumps({"subset": None, "files": files}))
    assert look(davis_set(), folder).damaged == []
    frame.write_bytes(content[:-1] + b"!")  # decodes as before
    assert look(davis_set(), folder).damaged == [f"{frame}: it is not as it was unpacked"]
    frame.unlink()
    assert look(davis_set(), folder).damaged == [f"{frame}: it was unpacked, and is gone"]


@pytest.mark.parametrize(("masks", "kept"), [("first", ["00000.png"]), ("none", [])])
def test_sets_without_all_masks(folder, masks, kept):
    for path in (folder / "Annotations").rglob("*.png"):
        if path.name not in kept:
            path.unlink()
    one = davis_set()
    given = {"masks": masks, "lists": {"ImageSets/480p/train.txt": 1}}  # lengths are not known
    report = look(DataSet(**{**vars(one), "expect": given}), folder)
    assert (report.lacking, report.damaged) == ([], [])
    assert bool(look(one, folder).lacking)


def test_totals_where_lengths_are_not_known(folder):
    lists = {"ImageSets/480p/train.txt": 1, "ImageSets/480p/val.txt": 1}
    given = {"masks": "all", "lists": lists, "total": {"sequences": 2, "frames": 5}}
    one = DataSet(**{**vars(davis_set()), "expect": given})
    assert look(one, folder).lacking == []
    for kind in ("JPEGImages/480p/bear/00002.jpg", "Annotations/480p/bear/00002.png"):
        (folder / kind).unlink()  # the last of all, so that no gap shows
    assert look(one, folder).lacking == ["2 sequences (2 are there) and 5 frames (4 are there)"]


# ------------------------------------------------------------------------------------------------------ other kinds


def test_youtube_vos(tmp_path):
    write_dataset(tmp_path, sequences=2, seed=1, layout="youtube-vos", config=TINY)
    expect = {"videos": {"train": 1, "valid": 1, "test": 1}, "objects": {"train": 1, "valid": 1, "test": 1}}
    one = DataSet(**{**vars(read_manifest()["youtube-vos-2018"]), "expect": expect})
    report = look(one, tmp_path)
    assert (report.lacking, report.damaged) == ([], [])
    assert "test: not there" in report.lines and "valid: meta.json lists 1 videos with 1 objects" in report.lines
    assert "train masks: 1 of 1 sequences complete, 6 of 6 images" in report.lines
    assert "valid masks: 1 of 1 sequences complete, 1 of 1 images" in report.lines

    (name,) = (path.name for path in (tmp_path / "train" / "JPEGImages").iterdir())
    (tmp_path / "train" / "Annotations" / name / "00005.png").unlink()
    expect["videos"]["valid"] = 474
    report = look(one, tmp_path)
    assert f"train masks: {name} lacks 00005" in report.lines
    assert report.lacking == ["valid's 474 videos with 1 objects", f"train masks of {name}"]

    (mask,) = (tmp_path / "valid" / "Annotations").rglob("*.png")
    write_mask(mask, np.zeros((32, 48), np.uint8))  # a mask, and nothing in it
    (problem,) = look(one, tmp_path).damaged
    assert "has no mask of object 1 in any frame" in problem


def test_official_masks(tmp_path):
    expect = {"frames": {"val": LENGTHS}, "folders": ["masks/a", "masks/b"], "files": ["scores/val_summary.json"]}
    one = DataSet(**{**vars(read_manifest()["davis2016-official"]), "expect": expect})
    for name, content in davis_files().items():
        if name.startswith("Annotations"):
            path = tmp_path / "masks" / "a" / name.removeprefix("Annotations/480p/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    report = look(one, tmp_path)
    assert report.lines[:3] == [
        "masks/a: 2 of 2 sequences complete, 5 of 5 images",
        "masks/b: 0 of 2 sequences complete, 0 of 5 images",
        "masks/b: nothing of bear, cow",
    ]
    assert report.lacking == ["scores/val_summary.json", "masks/b of bear, cow"]


def test_backbones(tmp_path):
    one = read_manifest()["backbones"]
    assert look(one, tmp_path).lacking == [archive.name for archive in one.archives]
    (tmp_path / "vgg16-397923af.pth").write_bytes(b"other")
    assert look(one, tmp_path).damaged == [f"{tmp_path}/vgg16-397923af.pth: its sha256 does not begin with 397923af"]


def test_a_file_whose_checksum_nobody_knows(tmp_path):
    one = DataSet(**{**vars(read_manifest()["backbones"]), "archives": (Archive("net.pth"),)})
    (tmp_path / "net.pth").write_bytes(b"some")
    report = look(one, tmp_path)
    assert report.lines == ["net.pth: 4 bytes"] and not report.damaged and not report.lacking


def test_pascal_context(tmp_path):
    one = DataSet(**{**vars(read_manifest()["pascal-context"]), "expect": {"labels": 2}})
    for folder in ("trainval", "JPEGImages"):
        (tmp_path / folder).mkdir()
    for name, size in (("2008_000002", (16, 24)), ("2008_000003", (20, 12))):
        savemat(tmp_path / "trainval" / f"{name}.mat", {"LabelMap": np.ones(size, np.uint16)})
        (tmp_path / "JPEGImages" / f"{name}.jpg").write_bytes(image_bytes("JPEG", size=size))
    (tmp_path / "JPEGImages" / "2007_000001.jpg").write_bytes(image_bytes("JPEG"))  # VOC has more
    report = look(one, tmp_path)
    assert (report.lacking, report.damaged) == ([], [])
    (tmp_path / "JPEGImages" / "2008_000003.jpg").unlink()
    savemat(tmp_path / "trainval" / "2008_000002.mat", {"LabelMap": np.ones((9, 9), np.uint16)})
    report = look(one, tmp_path)
    assert report.lacking == ["photographs of trainval"]
    assert report.damaged == ["2008_000002: the images have several sizes (1 of 9x9, 1 of 24x16)"]
    (tmp_path / "trainval" / "2008_000002.mat").write_bytes(b"MATLAB")
    assert [line.split(" (")[0] for line in look(one, tmp_path).damaged] == [
        f"{tmp_path}/trainval/2008_000002.mat is damaged or cut short"
    ]


def test_a_name_with_an_absurd_number(folder):
    (folder / "JPEGImages" / "480p" / "bear" / "99999999999.jpg").write_bytes(image_bytes("JPEG"))
    one = DataSet(**{**vars(davis_set()), "expect": {"masks": "all", "lists": {"ImageSets/480p/train.txt": 1}}})
    assert any("99999999999 do not belong" in line for line in look(one, folder).damaged)


def test_youtube_objects(tmp_path):
    one = DataSet(**{**vars(read_manifest()["youtube-objects"]), "expect": {"categories": ["bird", "cat"]}})
    for kind, frames, form in (("images", 3, "JPEG"), ("labels", 2, "PNG")):
        for t in range(frames):
            path = tmp_path / "bird" / "data" / "0001" / "shots" / "001" / kind / f"{t:05d}.{form.lower()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image_bytes(form))
    report = look(one, tmp_path)
    assert "masks: bird/data/0001/shots/001 lacks 00002" in report.lines
    assert report.lacking == ["cat", "masks of bird/data/0001/shots/001"] and report.damaged == []


def test_the_real_data(davis):
    """Every true mask, and five sequences' frames, of the 50."""
    report = look(read_manifest()["davis2016"], davis / "DAVIS2016")
    assert report.damaged == []
    (masks,) = (line for line in report.lines if line.startswith("480p masks: ") and "complete" in line)
    there, _, images = masks.removeprefix("480p masks: ").partition(" of 50 sequences complete, ")
    assert int(there) >= 20 and int(images.split()[0]) >= 1376
