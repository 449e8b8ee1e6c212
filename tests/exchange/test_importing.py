"""Files as labelme, CVAT, Label Studio and COCO write them, drawn by hand, become the masks that they show."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from vosbook.cli import main
from vosbook.cli.import_masks import FORMATS
from vosbook.datasets.synthetic import ArrayFrames
from vosbook.errors import InputError
from vosbook.exchange.formats import READERS
from vosbook.exchange.importing import import_masks
from vosbook.exchange.label_studio import unpacked
from vosbook.exchange.rle import encode
from vosbook.segment.given import read_given
from vosbook.video.masks import read_mask

SIZE = (12, 16)


def box(top, left, bottom, right):
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def corners(top, left, bottom, right):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def drawn(*shapes):
    """Labels of masks with their ids, the last on top."""
    labels = np.zeros(SIZE, np.uint8)
    for mask, i in shapes:
        labels[mask] = i
    return labels


@pytest.fixture()
def take(tmp_path):
    """Import what files hold: their masks by name, the ids in words, and what was said."""

    def take(*contents, **options):
        files = []
        for n, content in enumerate(contents):
            files.append(tmp_path / f"file{n}.{'xml' if isinstance(content, str) else 'json'}")
            files[-1].write_text(content if isinstance(content, str) else json.dumps(content))
        said = []
        objects = import_masks(files, tmp_path / "masks", note=said.append, **options)
        masks = {str(f.relative_to(tmp_path / "masks")): read_mask(f) for f in (tmp_path / "masks").rglob("*.png")}
        return masks, {i: str(one) for i, one in objects.items()}, said

    return take


def same(masks, want):
    assert sorted(masks) == sorted(want)
    for name, labels in want.items():
        assert np.array_equal(masks[name], labels), name


def test_the_command_line_knows_every_format():
    assert list(READERS) == list(FORMATS)


# -------------------------------------------------------------------------------------------------------- labelme


def labelme(name, *shapes):
    return {"version": "5.5.0", "imagePath": name, "imageHeight": 12, "imageWidth": 16, "shapes": list(shapes)}


def polygon(label, *edges, group=None):
    return {"label": label, "points": corners(*edges), "group_id": group, "shape_type": "polygon"}


def test_labelme(take):
    buffer = io.BytesIO()
    ring = box(0, 0, 4, 5)[:4, :5] & ~box(1, 1, 3, 4)[:4, :5]
    Image.fromarray(ring).save(buffer, "PNG")
    masked = {"label": "ring", "points": [[3, 7], [7, 10]], "shape_type": "mask", "group_id": None}
    masked["mask"] = base64.b64encode(buffer.getvalue()).decode()
    point = {"label": "nose", "points": [[1, 1]], "shape_type": "point", "group_id": None}
    first = labelme("00000.jpg", polygon("cat", 1, 1, 5, 6), polygon("cat", 1, 10, 5, 14, group=4), masked, point)
    second = labelme("..\\clip\\00001.jpg", polygon("cat", 2, 2, 6, 7), polygon("cat", 6, 10, 8, 12, group=4))
    second["shapes"].append(polygon("cat", 2, 13, 4, 15, group=4))
    masks, objects, said = take(first, second, labelme("00002.jpg"))
    whole = np.zeros(SIZE, bool)
    whole[7:11, 3:8] = ring
    assert objects == {1: "cat", 2: "cat 4", 3: "ring"}
    assert said == ["passed over, since only polygons and masks are areas: 1 point"]
    want = {"00000.png": drawn((box(1, 1, 5, 6), 1), (box(1, 10, 5, 14), 2), (whole, 3)), "00002.png": drawn()}
    want["00001.png"] = drawn((box(2, 2, 6, 7), 1), (box(6, 10, 8, 12), 2), (box(2, 13, 4, 15), 2))
    same(masks, want)


def test_two_of_a_category_in_one_frame_are_two_objects(take):
    _, objects, _ = take(labelme("a.jpg", polygon("cat", 1, 1, 5, 6), polygon("cat", 1, 8, 5, 14)), labelme("b.jpg"))
    assert objects == {1: "cat #1", 2: "cat #2"}


def test_two_of_a_category_in_two_frames_are_not_guessed(take):
    files = [labelme(name, polygon("cat", 1, 1, 5, 6), polygon("cat", 1, 8, 5, 14)) for name in ("a.jpg", "b.jpg")]
    with pytest.raises(InputError, match=r"several of cat in a frame, and no tracks.* --by category"):
        take(*files)
    masks, objects, _ = take(*files, by_category=True)
    assert objects == {1: "cat"}
    same(masks, {f"{n}.png": drawn((box(1, 1, 5, 6), 1), (box(1, 8, 5, 14), 1)) for n in "ab"})


def test_overlaps_are_said_and_the_later_is_on_top(take):
    masks, _, said = take(labelme("a.jpg", polygon("cat", 1, 1, 5, 6), polygon("dog", 3, 3, 8, 9)))
    same(masks, {"a.png": drawn((box(1, 1, 5, 6), 1), (box(3, 3, 8, 9), 2))})
    assert said == ["objects overlap in 6 pixels (a): the one drawn later, or higher, has them"]


# ----------------------------------------------------------------------------------------------------------- CVAT

IMAGES = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>x</name></task></meta>
<image id="0" name="goat/00000.jpg" width="16" height="12">
  <polygon label="cat" occluded="0" group_id="0" points="3.00,3.00;9.00,3.00;9.00,8.00;3.00,8.00" z_order="1"></polygon>
  <mask label="dog" occluded="0" rle="0, 3, 2, 2, 3, 5" left="1" top="1" width="5" height="3" z_order="0"></mask>
  <box label="cat" xtl="1" ytl="1" xbr="3" ybr="3"></box><tag label="good"></tag>
</image>
<image id="1" name="goat/00001.jpg" width="16" height="12"></image>
{more}</annotations>"""


def test_a_group_is_one_object_in_all_images(take):
    grouped = IMAGES.replace('group_id="0"', 'group_id="7"').replace('label="dog"', 'label="cat" group_id="7"')
    more = '<polygon label="cat" group_id="7" points="1,1;5,1;5,4;1,4"/><polygon label="cat" points="7,7;9,7;9,9;7,9"/>'
    image = f'<image id="2" name="goat/00002.jpg" width="16" height="12">{more}</image>'
    masks, objects, said = take(grouped.format(more=image))
    assert objects == {1: "cat 7", 2: "cat"} and not any("overlap" in line for line in said)  # with itself it may
    assert np.array_equal(masks["00002.png"], drawn((box(1, 1, 4, 5), 1), (box(7, 7, 9, 9), 2)))


def test_cvat_for_images(take):
    masks, objects, said = take(IMAGES.format(more=""))
    dog = np.zeros(SIZE, bool)
    dog[1:4, 1:6] = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
    same(masks, {"00000.png": drawn((dog, 1), (box(3, 3, 8, 9), 2)), "00001.png": drawn()})  # z_order: the dog below
    assert objects == {1: "dog", 2: "cat"}
    assert said[0] == "passed over, since only polygons and masks are areas: 1 box" and "overlap in 3 pixels" in said[1]


def test_images_of_several_folders_become_folders(take):
    cow = '<polygon label="cow" points="1,1;5,1;5,4"/>'
    masks, _, _ = take(IMAGES.format(more=f'<image id="2" name="cow/00000.jpg" width="16" height="12">{cow}</image>'))
    assert sorted(masks) == ["cow/00000.png", "goat/00000.png", "goat/00001.png"]


VIDEO = """<annotations><version>1.1</version><meta><task><size>3</size>
<original_size><width>16</width><height>12</height></original_size></task></meta>
<track id="0" label="cat">
  <polygon frame="0" keyframe="1" outside="0" points="1,1;5,1;5,4;1,4" z_order="0"></polygon>
  <polygon frame="1" keyframe="0" outside="0" points="2,1;6,1;6,4;2,4" z_order="0"></polygon>
  <polygon frame="2" keyframe="1" outside="1" points="2,1;6,1;6,4;2,4" z_order="0"></polygon>
</track>
<track id="1" label="cat">
  <mask frame="1" keyframe="1" outside="0" rle="0,6" left="8" top="8" width="3" height="2" z_order="0"></mask>
</track></annotations>"""


def test_cvat_for_video(take):
    masks, objects, said = take(VIDEO)
    assert objects == {1: "cat 0", 2: "cat 1"} and "numbers and no names" in said[0]
    want = {"00000.png": drawn((box(1, 1, 4, 5), 1)), "00002.png": drawn()}
    same(masks, want | {"00001.png": drawn((box(1, 2, 4, 6), 1), (box(8, 8, 10, 11), 2))})


def test_frames_give_numbers_their_names(take):
    frames = ArrayFrames(np.zeros((3, *SIZE, 3), np.uint8), ("f_1", "f_2", "f_3"))
    masks, _, said = take(VIDEO, frames=frames)
    assert sorted(masks) == ["f_1.png", "f_2.png", "f_3.png"] and said == []


@pytest.mark.parametrize(
    ("count", "size", "says"),
    [(2, SIZE, "has frame 2, and the frames are 00000, 00001"), (3, (12, 18), "has 16x12 pixels for 0, .* are 18x12")],
)
def test_frames_that_are_others_are_refused(take, count, size, says):
    names = tuple(f"{t:05d}" for t in range(count))
    with pytest.raises(InputError, match=says):
        take(VIDEO, frames=ArrayFrames(np.zeros((count, *size, 3), np.uint8), names))


# ---------------------------------------------------------------------------------------------------- Label Studio


def packed(values, widths=(3, 4, 8, 16)):
    """Values as Label Studio packs them, written bit by bit: runs from four on, the rest as it is."""
    text = f"{len(values):032b}{7:05b}" + "".join(f"{w - 1:04b}" for w in widths)
    at = 0
    while at < len(values):
        run = 1
        while at + run < len(values) and values[at + run] == values[at] and run < 60_000:
            run += 1
        alike = run >= 4
        length = run if alike else min(5, len(values) - at)
        n = next(n for n, w in enumerate(widths) if length <= 2**w)
        text += f"{alike:d}{n:02b}{length - 1:0{widths[n]}b}"
        text += "".join(f"{v:08b}" for v in values[at : at + (1 if alike else length)])
        at += length
    text += "0" * (-len(text) % 8)
    return [int(text[i : i + 8], 2) for i in range(0, len(text), 8)]


def region(kind, value, **more):
    return {"id": "r1", "type": kind, "original_width": 16, "original_height": 12, "value": value, **more}


def test_bits_are_unpacked():
    rng = np.random.default_rng(0)
    for count in (1, 7, 4000):
        values = np.repeat(rng.integers(0, 256, count), rng.integers(1, 9, count))[:count].tolist()
        assert unpacked(bytes(packed(values)), count).tolist() == values
    with pytest.raises(ValueError, match="cut short"):
        unpacked(bytes(packed(values))[:-4], count)
    with pytest.raises(ValueError, match="4000 values of 8 bits, and its image has 3999"):
        unpacked(bytes(packed(values)), 3999)


def test_label_studio(take):
    strokes = box(2, 3, 7, 9) | box(9, 9, 10, 15)
    rgba = np.repeat((strokes * 200).astype(np.uint8)[..., None], 4, axis=2)
    rgba[0, 0, 3] = 100  # an edge that is hardly there
    brush = {"format": "rle", "rle": packed(rgba.ravel().tolist()), "brushlabels": ["cat"]}
    points = [[100 * x / 16, 100 * y / 12] for x, y in corners(3, 10, 8, 14)]
    results = [
        region("brushlabels", brush),
        region("polygonlabels", {"points": points, "closed": True, "polygonlabels": ["dog"]}),
        region("rectanglelabels", {"x": 1, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["dog"]}),
        {"type": "choices", "value": {"choices": ["day"]}},
    ]
    skipped, second = {"was_cancelled": True, "result": []}, {"result": []}
    task = {"id": 1, "file_upload": "1a2b3c4d-00007.jpg", "data": {"image": "/data/upload/1/1a2b3c4d-00007.jpg"}}
    masks, objects, said = take([{**task, "annotations": [skipped, {"result": results}, second]}])
    same(masks, {"00007.png": drawn((strokes, 1), (box(3, 10, 8, 14), 2))})
    assert objects == {1: "cat", 2: "dog"}
    assert "1 second annotation" in said[0] and "1 rectangle" in said[0]


def test_label_studio_on_local_files(take):
    value = {"points": [[0, 0], [50, 0], [50, 50], [0, 50]], "polygonlabels": ["cat"]}
    task = {"id": 3, "data": {"image": "/data/local-files/?d=clip/frame%2000003.jpg"}}
    masks, _, _ = take([{**task, "annotations": [{"result": [region("polygonlabels", value)]}]}])
    same(masks, {"frame 00003.png": drawn((box(0, 0, 6, 8), 1))})


# ----------------------------------------------------------------------------------------------------------- COCO


def test_coco_results_and_crowds(take):
    def one(image, mask, category, **more):
        return {"image_id": image, "category_id": category, "segmentation": encode(mask), **more}

    masks, objects, said = take([one("00000", box(1, 1, 4, 4), 3), one("00001", box(2, 2, 5, 5), 3, iscrowd=1)])
    same(masks, {"00000.png": drawn((box(1, 1, 4, 4), 1))})
    assert objects == {1: "3"} and said == ["passed over, since only polygons and masks are areas: 1 crowd"]


# ------------------------------------------------------------------------------------------------- the command line


def test_masks_that_segment_reads(tmp_path, capsys):
    folder = tmp_path / "json"
    folder.mkdir()
    for n in (2, 10):  # natural order: 2 comes first, and so does its object
        content = labelme(f"{n}.jpg", polygon(f"cat{n}", 1, n, 5, n + 3))
        (folder / f"{n}.json").write_text(json.dumps(content))
    assert main(["import", str(folder), "--out", str(tmp_path / "m")]) == 0
    assert capsys.readouterr().out == f"1   cat2\n2   cat10\n{tmp_path / 'm'}\n"
    table = json.loads((tmp_path / "m/objects.json").read_text())
    assert table == {"1": {"category": "cat2", "track": None}, "2": {"category": "cat10", "track": None}}
    given = read_given(tmp_path / "m", names=("2", "10"), size=SIZE)
    assert np.array_equal(given["2"], drawn((box(1, 2, 5, 5), 1)))
    assert np.array_equal(given["10"], drawn((box(1, 10, 5, 13), 2)))
    assert main(["import", str(folder), "--out", str(tmp_path / "m")]) == 2
    assert "is not empty" in capsys.readouterr().err


BROKEN = {**polygon("cat", 1, 1, 2, 2), "points": [[1, 1], [2, 2]]}
LATE = {**labelme("a.jpg", polygon("cat", 1, 1, 5, 6)), "imageHeight": None}
OUTSIDE = VIDEO.replace('left="8"', 'left="14"')


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([{"image": "a.jpg", "tag": []}], "is not of a format that is known here"),
        ("<html><body/></html>", "is not of a format that is known here"),
        ("<annotations>", "is no JSON or XML"),
        (labelme("a.jpg"), "holds no polygon and no mask: outline"),
        (labelme("a.jpg", BROKEN), r"file0\.json, shape 0: the area is damaged"),
        (LATE, r"cannot be used \(its image is 16xNone pixels\): save it again with labelme"),
        (VIDEO.replace("original_size", "size_of_it"), "sizes of no video"),
        (VIDEO.replace("0,6", "0,7"), "track 1 in frame 1: the area is damaged .its runs cover 7 pixels"),
        (OUTSIDE, "lies outside the image"),
        ([{"id": 1, "data": {"text": "hello"}, "annotations": [{"result": []}]}], "task 1 names no image"),
    ],
)
def test_what_cannot_be_read_is_refused(take, tmp_path, content, says):
    with pytest.raises(InputError, match=says):
        take(content)
    assert not (tmp_path / "masks").exists()


def test_a_frame_in_two_files_is_refused(take):
    with pytest.raises(InputError, match=r"file1\.json annotates a, as a file before it does"):
        take(labelme("a.jpg", polygon("cat", 1, 1, 5, 6)), labelme("a.png", polygon("dog", 1, 1, 5, 6)))


def test_a_format_that_is_asked_for_must_be_it(take):
    with pytest.raises(InputError, match="is not what cvat writes"):
        take(labelme("a.jpg", polygon("cat", 1, 1, 5, 6)), form="cvat")
