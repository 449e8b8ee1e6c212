"""The files of a folder: their order, and gaps in their numbers."""

from pathlib import Path

import pytest
from pictures import frames_in

from vosbook.errors import InputError
from vosbook.video.files import check_numbering, list_images
from vosbook.video.frames import FrameFolder


def test_a_folder_called_png_is_no_image(tmp_path):
    folder = frames_in(tmp_path / "f", ["00000.png"])
    (folder / "00001.png").mkdir()
    assert len(list_images(folder)) == 1


@pytest.mark.parametrize(
    ("names", "missing"),
    [(["00000", "00001", "00003"], "00002"), (["0", "5", "10", "20"], "15"), (["f_08", "f_09", "f_11"], "f_10"),
     (["001", "003", "004"], "002")],
)  # fmt: skip
def test_gaps_in_numbering_are_named(tmp_path, names, missing):
    folder = frames_in(tmp_path / "f", [f"{name}.png" for name in names])
    with pytest.raises(InputError, match=rf"no frame {missing} after"):
        FrameFolder(folder)


@pytest.mark.parametrize(
    ("names", "words"),
    [(["00000", "00001", "cover"], "cover.png has no number"), (["0", "1", "1 (1)"], r"1 \(1\).png has no number"),
     (["003", "3", "4"], "003.png and 3.png have the same number|3.png and 003.png have the same number")],
)  # fmt: skip
def test_strangers_among_numbered_frames_are_named(tmp_path, names, words):
    folder = frames_in(tmp_path / "f", [f"{name}.png" for name in names])
    with pytest.raises(InputError, match=words):
        FrameFolder(folder)


@pytest.mark.parametrize(
    ("names", "count"),
    [(["1", "2", "10"], 3), (["0001", "0005", "0010"], 3), ([f"14036365{t}" for t in (79763, 79813, 79864)], 3),
     (["10", "20", "30", "31"], 4)],
)  # fmt: skip
def test_numbers_that_were_chosen_leave_no_gap(tmp_path, names, count):
    said = []
    folder = FrameFolder(frames_in(tmp_path / "f", [f"{name}.png" for name in reversed(names)]), note=said.append)
    assert folder.names == tuple(names)
    assert len(said) == 1 and f"irregular numbers: its {count} frames are taken in their order" in said[0]


@pytest.mark.parametrize(
    "names",
    [
        ["12.5", "12.05", "13.125"],
        ["frame 0.033", "frame 0.1", "frame 0.12"],
    ],
)
def test_seconds_with_decimals_go_by_their_value(tmp_path, names):
    folder = frames_in(tmp_path / "f", [f"{name}.png" for name in names])
    by_value = sorted(names, key=lambda name: float(name.split()[-1]))
    assert [f.stem for f in list_images(folder)] == by_value


def test_shots_and_frames_are_no_decimals(tmp_path):
    names = ["1.8", "1.9", "1.10", "2.1"]
    assert [f.stem for f in list_images(frames_in(tmp_path / "f", [f"{n}.png" for n in reversed(names)]))] == names


@pytest.mark.parametrize("names", [["²", "a³"], ["00000", "00005", "00010"], ["3"], ["a", "c"], ["b1", "a2", "a7"]])
def test_what_is_no_gap(tmp_path, names):
    assert len(FrameFolder(frames_in(tmp_path / "f", [f"{name}.png" for name in names]))) == len(names)


def test_two_files_of_one_name_are_named(tmp_path):
    folder = frames_in(tmp_path / "f", ["00000.png", "00000.jpg"])
    with pytest.raises(InputError, match="same frame name"):
        FrameFolder(folder)


@pytest.mark.parametrize("kinds", [("left_", "right_"), ("frame_", "mask_"), ("frame", "copy of frame")])
def test_two_series_in_one_folder_are_no_video(kinds):
    files = [Path("clip") / f"{kind}{t:03}.png" for kind in kinds for t in range(4)]
    with pytest.raises(InputError, match=f"holds several series, {kinds[0]}000.png and {kinds[1]}000.png"):
        check_numbering(files)


def test_names_that_differ_in_numbers_alone_are_one_series():
    check_numbering([Path(f"2024-01-31_10-{m:02}-{s:02}.png") for m in range(2) for s in (0, 20, 40)])
    check_numbering([Path(f"{word}.png") for word in ("apple", "pear", "plum")])
