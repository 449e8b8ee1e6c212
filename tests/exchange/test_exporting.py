"""Masks that are exported, read by pycocotools and by a plain reader of YOLO's lines, and imported again."""

import contextlib
import io
import json
import re

import numpy as np
import pytest
import yaml
from pictures_to_exchange import NAMES, SIZE, labels_of, make_clip
from pycocotools import mask as tools
from pycocotools.coco import COCO

from vosbook.cli import main
from vosbook.cli.export import FORMATS
from vosbook.errors import InputError
from vosbook.exchange.exporting import export_masks
from vosbook.exchange.formats import WRITERS
from vosbook.exchange.importing import import_masks
from vosbook.video.encode import write_video
from vosbook.video.masks import read_mask


@pytest.fixture()
def clip(tmp_path):
    return make_clip(tmp_path)


def without_void(labels):
    return np.where(labels == 255, 0, labels)


def opened(path):
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_the_command_line_knows_every_format():
    assert list(WRITERS) == list(FORMATS)


@pytest.mark.parametrize("form", ["coco", "coco-polygons"])
def test_pycocotools_reads_the_same_masks(clip, tmp_path, form, capsys):
    frames, masks = clip
    argv = [str(masks), "--frames", str(frames), "--format", form, "--out", str(tmp_path / "i.json")]
    assert main(["export", *argv, "--names", "5=person", "3=guide dog"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'i.json'}\n"
    assert "1 frame without a mask left out: 00004" in said.err and "void (255) is left out, in 1 frame" in said.err
    assert ("holes of objects (3) are cut" in said.err) == (form == "coco-polygons")
    read = opened(tmp_path / "i.json")
    assert [(i["file_name"], i["frame_id"]) for i in read.loadImgs(read.getImgIds())] == [
        (f"{name}.jpg", t) for t, name in enumerate(NAMES[:4])
    ]
    assert [c["name"] for c in read.loadCats(read.getCatIds())] == ["guide dog", "person"]
    for t, image in enumerate(read.getImgIds()):
        found, want = np.zeros(SIZE, np.uint8), without_void(labels_of(t))
        for one in read.loadAnns(read.getAnnIds(imgIds=[image])):
            mask = read.annToMask(one) > 0
            rows, columns = np.nonzero(mask)
            box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert one["area"] == mask.sum() and one["bbox"] == [int(n) for n in box] and one["iscrowd"] == 0
            assert read.cats[one["category_id"]]["name"] == {5: "person", 3: "guide dog"}[one["track_id"]]
            assert isinstance(one["segmentation"], list) == (form == "coco-polygons")
            assert not found[mask].any()
            found[mask] = one["track_id"]
        assert np.array_equal(found, want), t


def test_yolos_lines_are_the_same_masks(clip, tmp_path):
    frames, masks = clip
    said = []
    export_masks(masks, frames, tmp_path / "yolo", form="yolo", names={5: "person"}, note=said.append)
    about = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    assert about["names"] == {0: "object", 1: "person"}
    assert sorted(f.name for f in (tmp_path / "yolo/labels").iterdir()) == [f"{name}.txt" for name in NAMES[:4]]
    for t, name in enumerate(NAMES[:4]):
        found = np.zeros(SIZE, np.uint8)
        for line in (tmp_path / f"yolo/labels/{name}.txt").read_text().splitlines():
            number, *shares = line.split()
            corners = np.array(shares, float).reshape(-1, 2)
            assert corners.min() >= 0 and corners.max() <= 1
            polygon = (corners * (SIZE[1], SIZE[0])).ravel().tolist()
            found[tools.decode(tools.frPyObjects([polygon], *SIZE))[..., 0] > 0] = {"0": 3, "1": 5}[number]
        assert np.array_equal(found, without_void(labels_of(t)))
    assert any("seam" in line for line in said)


@pytest.mark.parametrize("form", ["coco", "coco-polygons"])
def test_what_was_exported_is_imported_again(clip, tmp_path, form):
    frames, masks = clip
    export_masks(masks, frames, tmp_path / "i.json", form=form, names={5: "person"}, note=lambda line: None)
    said = []
    objects = import_masks([tmp_path / "i.json"], tmp_path / "again", note=said.append)
    assert {i: str(one) for i, one in objects.items()} == {5: "person 5", 3: "object 3"} and said == []
    for t, name in enumerate(NAMES[:4]):
        assert np.array_equal(read_mask(tmp_path / f"again/{name}.png"), without_void(labels_of(t)))
    export_masks(tmp_path / "again", frames, tmp_path / "j.json", form=form, note=said.append)  # names come along
    first, second = (json.loads((tmp_path / name).read_text()) for name in ("i.json", "j.json"))
    assert first == second


def test_frames_of_a_video_file_are_named(clip, tmp_path):
    _, masks = clip
    write_video(tmp_path / "clip.mp4", [np.zeros((*SIZE, 3), np.uint8)] * len(NAMES), fps=10)
    said = []
    export_masks(masks, tmp_path / "clip.mp4", tmp_path / "i.json", form="coco", note=said.append)
    assert json.loads((tmp_path / "i.json").read_text())["images"][1]["file_name"] == "00001.jpg"
    assert any("video file" in line for line in said)


def test_masks_that_do_not_fit_are_refused(clip, tmp_path):
    frames, masks = clip
    options = {"form": "coco", "note": print}
    with pytest.raises(InputError, match=r"no mask shows object 7: its ids are 3, 5"):
        export_masks(masks, frames, tmp_path / "i.json", names={7: "cat"}, **options)
    (masks / "00001.png").rename(masks / "00009.png")
    with pytest.raises(InputError, match=r"00009\.png has no frame of its name"):
        export_masks(masks, frames, tmp_path / "i.json", **options)
    for file in masks.iterdir():
        if not re.search("00002", file.name):
            file.unlink()
    with pytest.raises(InputError, match="shows no object in any mask"):
        export_masks(masks, frames, tmp_path / "i.json", **options)
    assert not (tmp_path / "i.json").exists()
