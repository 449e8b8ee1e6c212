"""Youtube-Objects in the layout of its archive, from the reader to the score."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vosbook.cli import main
from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.youtube_objects import YoutubeObjects, find_shots, open_sequence, read_object
from vosbook.errors import InputError
from vosbook.fetch.check import check
from vosbook.fetch.manifest import read_manifest
from vosbook.measure import score_sequence
from vosbook.metrics.categories import by_category
from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.table import format_table
from vosbook.runs import manifest_entry
from vosbook.video.labels import PALETTE
from vosbook.video.masks import write_mask

SIZE = (24, 32)
EVERY_TENTH = (1, 11, 21, 31)


def box(left: int = 4, *, width: int = 10) -> np.ndarray:
    """Labels with one object, 12 rows high."""
    labels = np.zeros(SIZE, np.uint8)
    labels[6:18, left : left + width] = 1
    return labels


def write_frame(folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*SIZE, 3), number, np.uint8)).save(folder / f"{number:05d}.png")


def write_label(folder: Path, number: int, labels: np.ndarray) -> None:
    """A mask as the archive has it: a gray JPEG."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels * 255).save(folder / f"{number:05d}.jpg", quality=75)


def write_shot(
    root: Path, category: str, video: str, *, frames=EVERY_TENTH, masks=EVERY_TENTH, shot: str = "001"
) -> Path:
    """A shot whose object moves right by a pixel in ten frames."""
    folder = root / category / "data" / video / "shots" / shot
    for number in frames:
        write_frame(folder / "images", number)
    for number in masks:
        write_label(folder / "labels", number, box(4 + number // 10))
    return folder


@pytest.fixture
def root(tmp_path):
    """Two cats and a dog."""
    data = tmp_path / "YoutubeObjects"
    write_shot(data, "dog", "0002")
    write_shot(data, "cat", "0001")
    write_shot(data, "cat", "0010", shot="003")
    return data


@pytest.fixture
def cat(root):
    """The folder of cat-0001-001."""
    return root / "cat/data/0001/shots/001"


# ------------------------------------------------------------------------------------------------------ it is read


def test_shots_have_names_and_categories(root):
    data = YoutubeObjects(root)
    assert data.names == ("cat-0001-001", "cat-0010-003", "dog-0002-001") and len(data) == 3
    assert data.categories == {"cat", "dog"}
    assert [sequence.name for sequence in data] == list(data.names)
    cats = YoutubeObjects(root, "cat")
    assert cats.names == data.names[:2] and cats.categories == {"cat"}
    with pytest.raises(KeyError):
        cats["dog-0002-001"]


def test_a_shot_is_read(root):
    video = open_sequence(root, "cat-0001-001")
    assert video.frames.names == video.masks.names == ("00001", "00011", "00021", "00031")
    assert video.frames.size == SIZE and (video.frames[2] == 21).all()
    assert [(o.id, o.first_frame, o.category) for o in video.objects] == [(1, "00001", "cat")]
    for t in range(4):
        labels = video.labels(t)
        assert labels.dtype == np.uint8 and np.array_equal(labels, box(4 + t))


def test_frames_between_the_masks_have_no_labels(root, cat):
    for number in range(1, 40):
        write_frame(cat / "images", number)
    video = YoutubeObjects(root)["cat-0001-001"]
    assert len(video.frames) == 39
    assert video.annotated == (0, 10, 20, 30)


def test_it_begins_with_the_first_mask_that_holds_the_object(root):
    folder = write_shot(root, "cow", "0001", frames=range(1, 31), masks=(11, 21))
    write_label(folder / "labels", 5, np.zeros(SIZE, np.uint8))
    video = open_sequence(root, "cow-0001-001")
    assert video.frames.names[0] == video.objects[0].first_frame == "00011" and len(video.frames) == 20
    assert video.masks.names == ("00011", "00021") and "00005" not in video.masks
    assert (video.frames[0] == 11).all() and (next(iter(video.frames)) == 11).all()


def test_masks_need_not_come_every_ten_frames(root):
    write_shot(root, "train", "0001", frames=(1, 11, 41), masks=(1, 11, 41))
    assert open_sequence(root, "train-0001-001").frames.names == ("00001", "00011", "00041")


def test_frames_are_decoded_when_they_are_asked_for(cat, root):
    video = open_sequence(root, "cat-0001-001")
    (cat / "images/00031.png").write_bytes(b"no image any more")
    (cat / "labels/00031.jpg").write_bytes(b"\xff\xd8 nor this")
    assert (video.frames[2] == 21).all() and video.labels(2).any()
    for read in (video.frames.__getitem__, video.labels):
        with pytest.raises(InputError, match="00031"):
            read(3)


def test_links_lead_to_data_elsewhere_and_hidden_folders_nowhere(root, tmp_path):
    shutil.move(root / "dog", tmp_path / "elsewhere")
    (root / "dog").symlink_to(tmp_path / "elsewhere")
    shot = root / "cat/data/0010/shots/003"
    shutil.move(shot, tmp_path / "shot")
    shot.symlink_to(tmp_path / "shot")
    write_shot(root, ".cat", "0001")
    (root / "cat/data/0001/shots/.DS_Store").write_bytes(b"")
    (root / "cat/data/0001/shots/note.txt").write_bytes(b"")
    assert tuple(find_shots(root)) == ("cat-0001-001", "cat-0010-003", "dog-0002-001")
    assert YoutubeObjects(root).categories == {"cat", "dog"}
    assert all(sequence.labels(0).any() for sequence in YoutubeObjects(root))


def test_by_its_spec(root, monkeypatch):
    monkeypatch.setenv("VOSBOOK_DATA", str(root.parent))
    video = load_sequence("youtube-objects/dog-0002-001", resolution="256p")  # which is DAVIS's
    assert (video.name, video.objects[0].category, video.frames.size) == ("dog-0002-001", "dog", SIZE)
    assert manifest_entry("youtube-objects/dog-0002-001", video)["frames"] == 4
    with pytest.raises(InputError, match=r"YoutubeObjects/dog/data/0003/shots/001/labels is not a folder"):
        load_sequence("youtube-objects/dog-0003-001")
    with pytest.raises(InputError, match=r"names no sequence: .*youtube-objects/CATEGORY-VIDEO-SHOT"):
        load_sequence("youtube-objects/")


# ------------------------------------------------------------------------------------------------- kinds of masks

PALETTE_IMAGE = Image.fromarray(box() * 3)
PALETTE_IMAGE.putpalette(PALETTE.ravel().tolist())
KINDS = {
    "gray.png": Image.fromarray(box() * 255),
    "bilevel.png": Image.fromarray(box() * 255).convert("1"),
    "palette.png": PALETTE_IMAGE,
    "colours.png": PALETTE_IMAGE.convert("RGB"),
    "white.png": Image.fromarray(box() * 255).convert("RGB"),
    "white.jpg": Image.fromarray(box() * 255).convert("RGB"),
    "faint.jpg": Image.fromarray(box() * 110 + 70),  # 70 and 180
}


@pytest.mark.parametrize("name", KINDS)
def test_masks_of_many_kinds(tmp_path, name):
    KINDS[name].save(tmp_path / name)
    assert np.array_equal(read_object(tmp_path / name), box())


def test_a_jpegs_name_does_not_matter(tmp_path):
    KINDS["white.jpg"].save(tmp_path / "a.png", format="JPEG")
    KINDS["palette.png"].save(tmp_path / "b.jpg", format="PNG")
    assert all(np.array_equal(read_object(tmp_path / name), box()) for name in ("a.png", "b.jpg"))


def test_void_and_several_ids(tmp_path):
    labels = box() + 2 * box(20)
    labels[:2] = 255
    write_mask(tmp_path / "a.png", labels)
    assert np.array_equal(read_object(tmp_path / "a.png"), box() | box(20))


DRAWN, PHOTOGRAPH = PALETTE[3 * box()], np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


@pytest.mark.parametrize("pixels", [DRAWN, PHOTOGRAPH])
def test_a_jpeg_in_colours_is_refused(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"a\.jpg has colours, so it is no mask"):
        read_object(tmp_path / "a.jpg")


# --------------------------------------------------------------------------------------------------- what is refused


def test_names_of_no_shot(root):
    for name in ("cat", "cat-0001", "-0001-001", "cat-0001-", "cat/0001/001"):
        with pytest.raises(InputError, match=f"{name} names no shot of .*: write CATEGORY-VIDEO-SHOT"):
            open_sequence(root, name)


def test_missing_folders_are_named(root, cat):
    shutil.rmtree(cat / "labels")
    with pytest.raises(InputError, match=r"0001/shots/001/labels is not a folder"):
        open_sequence(root, "cat-0001-001")
    shutil.rmtree(root / "dog/data/0002/shots/001/images")
    with pytest.raises(InputError, match=r"0002/shots/001/images is not a folder"):
        open_sequence(root, "dog-0002-001")


def test_an_empty_category(root, tmp_path):
    (root / "cow/data").mkdir(parents=True)
    for category in (None, "cow"):
        with pytest.raises(InputError, match=r"YoutubeObjects/cow holds no data/NUMBER/shots/NUMBER"):
            YoutubeObjects(root, category)
    assert len(YoutubeObjects(root, "cat")) == 2
    with pytest.raises(InputError, match=r"YoutubeObjects/lion holds no"):
        YoutubeObjects(root, "lion")
    with pytest.raises(InputError, match=r"nothing/CATEGORY holds no data/NUMBER"):
        YoutubeObjects(tmp_path / "nothing")


def test_a_mask_without_a_frame(root, cat):
    (cat / "images/00021.png").unlink()
    with pytest.raises(InputError, match=r"labels/00021\.jpg has no frame of its name in .*/images"):
        open_sequence(root, "cat-0001-001")


def test_numbers_that_are_wrong(root, cat, caplog):
    between = [number for number in range(2, 31) if number not in (*EVERY_TENTH, 5, 12)]
    for number in (*between, 12):
        write_frame(cat / "images", number)
    with pytest.raises(InputError, match=r"images has no frame 00005 after 00004\.png"):
        open_sequence(root, "cat-0001-001")
    for number in between:
        (cat / f"images/{number:05d}.png").unlink()
    with caplog.at_level("WARNING"):
        open_sequence(root, "cat-0001-001")  # more are absent than there, so frames were chosen
    assert "has irregular numbers: its 5 frames are taken in their order" in caplog.text
    (cat / "images/00012.png").rename(cat / "images/011.png")
    with pytest.raises(InputError, match=r"011.* have the same number"):
        open_sequence(root, "cat-0001-001")
    (cat / "images/011.png").rename(cat / "images/cover.png")
    with pytest.raises(InputError, match=r"cover\.png has no number"):
        open_sequence(root, "cat-0001-001")
    (cat / "images/cover.png").rename(cat / "images/00011.jpeg")
    with pytest.raises(InputError, match=r"00011.* have the same frame name"):
        open_sequence(root, "cat-0001-001")


@pytest.mark.parametrize(("number", "ending"), [(1, "jpg"), (11, "jpg"), (1, "png"), (11, "png")])
def test_masks_of_another_size(root, cat, number, ending):
    (cat / f"labels/{number:05d}.jpg").unlink()
    Image.fromarray(np.pad(box(), 3) * 255).save(cat / f"labels/{number:05d}.{ending}")
    video = open_sequence(root, "cat-0001-001")
    with pytest.raises(InputError, match=rf"{number:05d}\.{ending} is 38x30 pixels but the frames are 32x24"):
        video.labels(number // 10)


def test_no_object_in_any_mask(root, cat):
    for number in EVERY_TENTH:
        write_label(cat / "labels", number, np.zeros(SIZE, np.uint8))
    with pytest.raises(InputError, match=r"shots/001/labels has masks with no object"):
        open_sequence(root, "cat-0001-001")


def test_what_is_unpacked_is_read(root, tmp_path, monkeypatch):
    """`vosbook data`, from the archive that the user has fetched, to the spec."""
    write_shot(root, "aeroplane", "0001")  # by which the archive's root is known
    shutil.make_archive(str(tmp_path / "youtube_masks"), "zip", root.parent, root.name)
    out = tmp_path / "data"
    assert main(["data", "youtube-objects", "--archives", str(tmp_path), "--out", str(out)]) == 0
    monkeypatch.setenv("VOSBOOK_DATA", str(out))
    assert np.array_equal(load_sequence("youtube-objects/aeroplane-0001-001").labels(3), box(7))


def test_the_check_and_the_reader_agree(root, cat, capsys):
    """`vosbook data --check` finds all ten categories, and every file that the reader would refuse."""
    for category in read_manifest()["youtube-objects"].expect["categories"]:
        if not (root / category).exists():
            write_shot(root, category, "0001")
    argv = ["data", "youtube-objects", "--check", "--out", str(root.parent)]
    assert main(argv) == 0
    assert "masks: 11 of 11 sequences complete, 44 of 44 images" in capsys.readouterr().out
    for number in EVERY_TENTH:
        write_label(cat / "labels", number, np.pad(box(), 3))
    Image.fromarray(PALETTE[3 * box()]).save(cat / "labels/00021.jpg")
    write_label(cat / "labels", 41, np.pad(box(), 3))
    report = check(read_manifest()["youtube-objects"], root, progress=lambda jobs, **_: jobs)
    assert len(report.damaged) == 3
    for words in ("00021.jpg has colours", "labels: 00041 do not belong", "(4 of 32x24, 4 of 38x30)"):
        assert sum(words in line for line in report.damaged) == 1
    shutil.rmtree(root / "boat")
    assert main(argv) == 2 and "boat" not in " ".join(report.lacking)
    assert check(read_manifest()["youtube-objects"], root, progress=lambda jobs, **_: jobs).lacking == ["boat"]


# ------------------------------------------------------------------------------------------------------ it is scored


def predict(root: Path, out: Path, *, widths: dict[str, int]) -> Path:
    """Masks for every frame, the object cut to a width: J is then that width in tenths."""
    for sequence in YoutubeObjects(root):
        (out / sequence.name).mkdir(parents=True)
        for name in sequence.frames.names:
            write_mask(out / sequence.name / f"{name}.png", box(4 + int(name) // 10, width=widths[sequence.name]))
    return out


WIDTHS = {"cat-0001-001": 5, "cat-0010-003": 7, "dog-0002-001": 10}


def test_means_by_hand():
    means = by_category([("dog", 0.9, 0.5), ("cat", 0.2, 0.4), ("cat", 0.4, 0.8)])
    assert list(means["categories"]) == ["cat", "dog"]
    assert means["categories"]["cat"] == pytest.approx({"J": 0.3, "F": 0.6})
    assert means["over_categories"] == pytest.approx({"J": 0.6, "F": 0.55})


def test_categories_are_means_over_sequences(root, tmp_path, capsys):
    """A longer video weighs no more, nor does a category with more videos."""
    write_shot(root, "cat", "0001", frames=(41, 51, 61), masks=(41, 51, 61))
    pred, file = predict(root, tmp_path / "pred", widths=WIDTHS), tmp_path / "scores.json"
    argv = ["evaluate", "--protocol", "youtube-vos", "--gt", str(root), "--pred", str(pred), "--json", str(file)]
    assert main(argv) == 0
    result = json.loads(file.read_text())
    objects = {name: one["objects"]["1"] for name, one in result["sequences"].items()}
    assert objects["cat-0001-001"]["J"] == [None] + [0.5] * 6 and objects["dog-0002-001"]["J"] == [None] + [1.0] * 3
    assert objects["cat-0010-003"]["category"] == "cat"
    mean = result["mean"]
    assert {name: values["J"] for name, values in mean["categories"].items()} == pytest.approx({"cat": 0.6, "dog": 1})
    assert mean["over_categories"]["J"] == pytest.approx(0.8) and mean["J"]["mean"] == pytest.approx(2.2 / 3)
    assert mean["over_categories"]["F"] == pytest.approx(np.mean([c["F"] for c in mean["categories"].values()]))
    assert "G" not in mean
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["mean", "of", "these", "0.800", f"{mean['over_categories']['F']:.3f}"] in table
    assert ["cat", "0.600", f"{mean['categories']['cat']['F']:.3f}"] in table


def test_frames_without_a_mask_are_not_scored(root, cat, tmp_path):
    for number in range(1, 40):
        write_frame(cat / "images", number)
    pred = predict(root, tmp_path / "pred", widths=WIDTHS)
    for name in ("00002", "00012", "00039"):  # wrong, and nobody can know
        write_mask(pred / "cat-0001-001" / f"{name}.png", box(20))
    result = evaluate(root, pred, protocol="youtube-vos")
    assert result["sequences"]["cat-0001-001"]["objects"]["1"]["J"] == [None, 0.5, 0.5, 0.5]


def test_a_shot_with_one_mask_is_named_and_not_scored(root, tmp_path):
    write_shot(root, "cow", "0019", frames=(1,), masks=(1,))
    pred = predict(root, tmp_path / "pred", widths=WIDTHS | {"cow-0019-001": 3})
    result = evaluate(root, pred, protocol="youtube-vos")
    assert list(result["mean"]["categories"]) == ["cat", "dog"]
    assert result["mean"]["over_categories"]["J"] == pytest.approx(0.8)
    assert "Not scored, since the last true mask is the first to show it: cow-0019-001 1" in format_table(result)


def test_predictions_that_do_not_fit(root, tmp_path):
    pred = predict(root, tmp_path / "pred", widths=WIDTHS)
    shutil.rmtree(pred / "dog-0002-001")
    with pytest.raises(InputError, match="pred lacks dog-0002-001 of the 3 sequences"):
        evaluate(root, pred, protocol="youtube-vos")
    (pred / "dog").mkdir()
    with pytest.raises(InputError, match=r"pred has dog, which .*YoutubeObjects lacks"):
        evaluate(root, pred, protocol="youtube-vos")
    (pred / "dog").rmdir()
    shutil.copytree(pred / "cat-0001-001", pred / "dog-0002-001")
    (pred / "dog-0002-001/00021.png").unlink()
    with pytest.raises(InputError, match="dog-0002-001 lacks 00021 of 4 frames"):
        evaluate(root, pred, protocol="youtube-vos")


class Holds:
    """A Segmenter that answers with the labels it was given."""

    def start(self, frame, masks):
        self.labels = masks

    def step(self, frame):
        return self.labels


def test_runs_score_what_is_annotated(root, cat):
    """As DAVIS does: the last mask is left out too."""
    for number in range(1, 40):
        write_frame(cat / "images", number)
    for name in ("cat-0001-001", "dog-0002-001"):
        scores = score_sequence({"hold": Holds()}, open_sequence(root, name))["hold"]
        assert scores["J"] == pytest.approx(np.mean([9 / 11, 8 / 12]))  # by one and by two of ten columns apart
    write_shot(root, "cow", "0019", frames=range(1, 20), masks=(1, 11))
    with pytest.raises(ValueError, match="cow-0019-001 has 2 masks"):
        score_sequence({"hold": Holds()}, open_sequence(root, "cow-0019-001"))
