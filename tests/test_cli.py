"""The command line as scripts use it: what it prints, what it writes, and what it leaves behind when it fails."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import zlib
from pathlib import Path

import numpy as np
import pytest
from patience import HANGS
from PIL import Image

from vosbook.cli import main
from vosbook.exchange.rle import encode
from vosbook.metrics.region import jaccard
from vosbook.video.frames import open_frames
from vosbook.video.masks import read_mask, write_mask


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two small synthetic sequences in DAVIS layout."""
    out = tmp_path_factory.mktemp("cli") / "synth"
    what = "--sequences 2 --seed 5 --layout davis --size 96x160 --frames 10"
    assert main(["synth", str(out), *what.split()]) == 0
    return out


@pytest.fixture(scope="module")
def sequence(data) -> str:
    return sorted(p.name for p in (data / "JPEGImages/480p").iterdir())[0]


@pytest.fixture(scope="module")
def segmented(data, sequence, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("segmented") / sequence
    assert main(_segment(data, sequence, out)) == 0
    return out


def _segment(data: Path, sequence: str, out: Path, *more: str) -> list[str]:
    mask = data / "Annotations/480p" / sequence / "00000.png"
    frames = data / "JPEGImages/480p" / sequence
    return ["segment", str(frames), "--mask", str(mask), "--method", "frtm-d-only", "--out", str(out), *more]


def _fails(argv: list[str], capsys, *words: str) -> None:
    """The command must exit with 2 and say one line that holds these words."""
    capsys.readouterr()
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1, said.err
    for word in words:
        assert word in said.err, (word, said.err)


def _copy(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


# ------------------------------------------------------------------------------------------------- it works


def test_methods_are_listed_one_a_line(capsys):
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("frtm-d-only ") for line in lines)


def test_synth_segment_evaluate_render(data, sequence, segmented, tmp_path, capsys):
    frames = open_frames(data / "JPEGImages/480p" / sequence)
    assert sorted(p.name for p in segmented.iterdir()) == [f"{name}.png" for name in frames.names]
    with Image.open(segmented / "00005.png") as image:
        assert image.mode == "P" and image.size == (160, 96)
    truth = data / "Annotations/480p" / sequence
    assert np.array_equal(read_mask(segmented / "00000.png"), read_mask(truth / "00000.png"))

    scores = tmp_path / "scores.json"
    argv = ["evaluate", "--gt", str(truth), "--pred", str(segmented), "--protocol", "davis2017"]
    assert main([*argv, "--json", str(scores)]) == 0
    result = json.loads(scores.read_text())
    assert set(result) >= {"protocol", "mean", "sequences"}
    assert set(result["mean"]) == {"J&F", "J", "F", "T"}
    (objects,) = [entry["objects"] for entry in result["sequences"].values()]
    assert all(len(o["J"]) == 8 for o in objects.values())  # 10 frames less the first and the last
    assert result["mean"]["J"]["mean"] > 0.3

    film = tmp_path / "film.mp4"
    argv = ["render", str(data / "JPEGImages/480p" / sequence), "--masks", str(segmented), "--out", str(film)]
    assert main(argv) == 0
    assert len(open_frames(film)) == 10


def test_render_takes_a_rate_for_folders_alone(data, sequence, segmented, tmp_path, capsys):
    frames, film = data / "JPEGImages/480p" / sequence, tmp_path / "film.mp4"
    argv = ["--masks", str(segmented), "--out"]
    assert main(["render", str(frames), *argv, str(film), "--fps", "12"]) == 0
    assert open_frames(film).fps == 12
    assert main(["render", str(film), *argv, str(tmp_path / "again.mp4")]) == 0
    assert open_frames(tmp_path / "again.mp4").fps == 12
    _fails(["render", str(film), *argv, str(tmp_path / "c.mp4"), "--fps", "9"], capsys, "film.mp4", "leave --fps out")


def test_render_cuts_out(data, sequence, segmented, tmp_path, capsys):
    frames = str(data / "JPEGImages/480p" / sequence)
    argv = ["render", frames, "--masks", str(segmented), "--cut-out", str(tmp_path / "cut")]
    assert main(argv) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'cut'}\n"
    with Image.open(tmp_path / "cut/00005.png") as image:
        assert image.mode == "RGBA" and image.size == (160, 96)
        assert np.array_equal(np.asarray(image)[..., 3] == 255, read_mask(segmented / "00005.png") > 0)
    _fails(argv, capsys, "cut is not empty")
    assert main([*argv[:-1], str(tmp_path / "soft"), "--soft"]) == 0
    with Image.open(tmp_path / "soft/00005.png") as image:
        alpha = np.asarray(image)[..., 3]
        assert ((alpha > 0) & (alpha < 255)).any() and (alpha == 255).any() and (alpha == 0).any()
    _fails([*argv[:4], "--out", str(tmp_path / "a.mp4"), "--soft"], capsys, "--soft", "--cut-out")
    _fails(argv[:4], capsys, "--out", "--cut-out")


def test_a_mask_is_mended_and_the_method_goes_on_from_there(data, sequence, segmented, tmp_path):
    truth = data / "Annotations/480p" / sequence
    argv = _segment(data, sequence, tmp_path / "out", "--keep", str(segmented))
    argv[argv.index("--mask") + 1] = str(truth / "00006.png")
    assert main(argv) == 0
    for t in range(10):
        before, after = (read_mask(folder / f"{t:05d}.png") for folder in (segmented, tmp_path / "out"))
        assert np.array_equal(before, after) == (t < 6), t
    assert np.array_equal(read_mask(tmp_path / "out/00006.png"), read_mask(truth / "00006.png"))


def test_a_video_file_is_segmented_from_its_middle_both_ways_and_corrected_twice(data, sequence, tmp_path):
    truth = data / "Annotations/480p" / sequence
    film, mended = tmp_path / "film.mp4", tmp_path / "mended"
    argv = ["render", str(data / "JPEGImages/480p" / sequence), "--masks", str(truth), "--out", str(film)]
    assert main(argv) == 0
    mended.mkdir()
    for name in ("00002.png", "00008.png"):
        shutil.copy(truth / name, mended)
    argv = _segment(data, sequence, tmp_path / "out", "--corrections", str(mended), "--both-ways", "--size", "64")
    argv[1], argv[argv.index("--mask") + 1] = str(film), str(truth / "00005.png")
    assert main(argv) == 0
    for t in range(10):
        want, found = (read_mask(folder / f"{t:05d}.png") for folder in (truth, tmp_path / "out"))
        assert np.array_equal(want, found) == (t in (2, 5, 8)), t
        assert jaccard(want > 0, found > 0) > 0.2, t


def test_a_part_of_the_frames_is_segmented(data, sequence, tmp_path, capsys):
    argv = _segment(data, sequence, tmp_path / "out", "--frames", "3:6", "--from", "00004")
    argv[argv.index("--mask") + 1] = str(data / "Annotations/480p" / sequence / "00004.png")
    assert main(argv) == 0
    assert [p.name for p in sorted((tmp_path / "out").iterdir())] == ["00003.png", "00004.png", "00005.png"]
    assert not read_mask(tmp_path / "out/00003.png").any() and read_mask(tmp_path / "out/00005.png").any()
    _fails([*argv, "--frames", "7:30"], capsys, "frame 30", "0 to 9")
    argv = _segment(data, sequence, tmp_path / "new")
    argv[argv.index("--mask") + 1] = str(data / "Annotations/480p" / sequence / "00004.png")
    _fails(argv, capsys, "00004.png", "--both-ways", "--from", "--keep")
    with pytest.raises(SystemExit, match="2"):
        main([*argv, "--size", "20"])
    assert "20 is no size" in capsys.readouterr().err


def test_draw_refuses_what_it_cannot_use(data, sequence, tmp_path, capsys):
    frames = data / "JPEGImages/480p" / sequence
    argv = ["draw", str(frames), "--out", str(tmp_path / "first.png")]
    _fails([*argv, "--frame", "10"], capsys, sequence, "no frame 10")
    write_mask(tmp_path / "small.png", np.ones((48, 80), np.uint8))
    _fails([*argv, "--mask", str(tmp_path / "small.png")], capsys, "small.png", "80x48")
    _fails([*argv[:3], str(tmp_path / "no/first.png")], capsys, "no/first.png", "folder")
    _fails([*argv[:3], "/proc/first.png"], capsys, "/proc/first.png", "cannot be written")
    write_mask(tmp_path / "first.draft.png", np.eye(96, 160, dtype=np.uint8))
    _fails(argv, capsys, "first.draft.png", "not saved", "--mask", "remove it")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        argv = [*argv, "--mask", str(tmp_path / "first.draft.png"), "--port", port]
        _fails(argv, capsys, f"port {port} cannot be used")
    with pytest.raises(SystemExit, match="2"):
        main([*argv[:-1], "http"])
    assert "http is no port" in capsys.readouterr().err


def test_a_click_in_draw_takes_a_proposal_of_the_frame(data, sequence, tmp_path, monkeypatch, capsys):
    frames = data / "JPEGImages/480p" / sequence
    masks = np.zeros((3, 96, 160), bool)
    masks[0, 10:40, 10:40], masks[1, 20:30, 20:30], masks[2, 22:25, 22:25] = True, True, True
    images, scores = ("00003", "00003", "00002"), (0.9, 0.9, 0.9)
    found = [
        {"image_id": f"{sequence}/{name}", "category_id": 1, "score": score, "segmentation": encode(mask)}
        for name, score, mask in zip((*images, "00003"), (*scores, 0.1), (*masks, masks[2]))  # the last is not sure
    ]
    (tmp_path / "found.json").write_text(json.dumps(found))
    painters = []
    monkeypatch.setattr("vosbook.view.draw.draw", lambda painter, out, **options: painters.append(painter))
    argv = ["draw", str(frames), "--out", str(tmp_path / "m.png"), "--proposals", str(tmp_path / "found.json")]
    assert main([*argv, "--frame", "3"]) == 0
    painters[0].answer({"object": 1, "click": [23, 23], "away": False, "sure": [0, 96 * 160]})
    assert np.array_equal(painters[0].labels, masks[1])
    capsys.readouterr()
    assert main([*argv, "--frame", "5"]) == 0
    assert "has no proposal in frame 5: clicks go by contours" in capsys.readouterr().err


def test_draw_that_is_interrupted_says_where_the_drawing_is(data, sequence, tmp_path):
    frames, draft = data / "JPEGImages/480p" / sequence, tmp_path / "first.draft.png"
    drawn = np.eye(96, 160, dtype=np.uint8)
    drawing = _command(["draw", str(frames), "--out", str(tmp_path / "first.png")])
    address = drawing.stderr.readline().split()[-1]
    urllib.request.urlopen(f"{address}labels", data=zlib.compress(drawn.tobytes()), timeout=HANGS)
    drawing.send_signal(signal.SIGINT)
    assert "interrupted" in (said := drawing.communicate(timeout=HANGS)[1]) and f"--mask {draft}" in said, said
    assert drawing.returncode == 130 and len(said.splitlines()) == 1
    assert np.array_equal(read_mask(draft), drawn)


def test_a_video_file_is_segmented_like_a_folder(data, sequence, tmp_path):
    film, out = tmp_path / "film.mp4", tmp_path / "out"
    truth = data / "Annotations/480p" / sequence
    argv = ["render", str(data / "JPEGImages/480p" / sequence), "--masks", str(truth), "--out", str(film)]
    assert main(argv) == 0
    argv = ["segment", str(film), "--mask", str(truth / "00000.png"), "--method", "frtm-d-only", "--out", str(out)]
    assert main(argv) == 0
    assert sorted(p.stem for p in out.iterdir()) == [f"{t:05d}" for t in range(10)]


def test_perfect_masks_score_one(data, capsys):
    masks = str(data / "Annotations/480p")
    assert main(["evaluate", "--gt", masks, "--pred", masks, "--protocol", "davis2017"]) == 0
    assert "1.000" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "argv",
    [[], ["segment"], ["nothing"], ["synth", "x", "--sequences", "0", "--seed", "1", "--layout", "davis"],
     ["synth", "x", "--sequences", "1", "--seed", "1", "--layout", "davis", "--size", "9x9"],
     ["synth", "x", "--sequences", "1", "--seed", "1", "--layout", "davis", "--size", "99999x99999"],
     ["synth", "x", "--sequences", "²", "--seed", "1", "--layout", "davis"],
     *(["segment", "x", "--method", "osvos", "--out", "y", "--budget", seconds] for seconds in ("-1", "nan", "a"))],
)  # fmt: skip
def test_bad_arguments_exit_with_two_and_one_line(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_segment_refuses_what_it_cannot_use(data, sequence, tmp_path, capsys):
    frames = data / "JPEGImages/480p" / sequence
    mask = data / "Annotations/480p" / sequence / "00000.png"
    out = tmp_path / "out"

    def argv(frames=frames, mask=mask, method="frtm-d-only", out=out, more=()):
        return ["segment", str(frames), "--mask", str(mask), "--method", method, "--out", str(out), *more]

    _fails(argv(frames=tmp_path / "nowhere"), capsys, "nowhere")
    (tmp_path / "empty").mkdir()
    _fails(argv(frames=tmp_path / "empty"), capsys, "empty")
    _fails(argv(method="frtmm"), capsys, "frtmm", "frtm-d-only")
    _fails(argv(mask=tmp_path / "no.png"), capsys, "no.png")
    write_mask(tmp_path / "small.png", np.ones((48, 80), np.uint8))
    _fails(argv(mask=tmp_path / "small.png"), capsys, "small.png", "80x48", "160x96")
    write_mask(tmp_path / "none.png", np.zeros((96, 160), np.uint8))
    _fails(argv(mask=tmp_path / "none.png"), capsys, "none.png", "no object")
    (tmp_path / "text.png").write_text("a mask, they said")
    _fails(argv(mask=tmp_path / "text.png"), capsys, "text.png")
    (tmp_path / "film.mp4").write_bytes(b"\0" * 1000)
    _fails(argv(frames=tmp_path / "film.mp4"), capsys, "film.mp4")
    (tmp_path / "weights.safetensors").write_bytes(b"\x10" * 40)
    _fails(argv(more=["--backbone-weights", str(tmp_path / "weights.safetensors")]), capsys, "weights.safetensors")
    _fails(argv(out=frames), capsys, str(frames))
    _fails(argv(more=["--checkpoint", str(mask)]), capsys, "checkpoint")
    assert not out.exists()
    assert not list(tmp_path.glob(".*partial*"))


def test_segment_needs_a_mask_and_says_so(data, sequence, tmp_path, capsys):
    frames = data / "JPEGImages/480p" / sequence
    argv = ["segment", str(frames), "--method", "frtm-d-only", "--out", str(tmp_path / "out")]
    _fails(argv, capsys, "--mask")


def test_a_frame_damaged_half_way_leaves_nothing(data, sequence, tmp_path, capsys):
    frames = _copy(data / "JPEGImages/480p" / sequence, tmp_path / "frames")
    bad = frames / "00006.jpg"
    bad.write_bytes(bad.read_bytes()[: bad.stat().st_size // 2])
    argv = _segment(data, sequence, tmp_path / "out")
    argv[1] = str(frames)
    _fails(argv, capsys, "00006.jpg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frames"]


def test_frames_of_two_sizes_and_gaps_are_named(data, sequence, tmp_path, capsys):
    frames = _copy(data / "JPEGImages/480p" / sequence, tmp_path / "frames")
    argv = _segment(data, sequence, tmp_path / "out")
    argv[1] = str(frames)
    (frames / "00004.jpg").rename(tmp_path / "taken.jpg")
    _fails(argv, capsys, "00004", "00003.jpg")
    Image.new("RGB", (80, 48)).save(frames / "00004.jpg")
    _fails(argv, capsys, "00004.jpg", "80x48")


def test_output_is_not_replaced_unasked(data, sequence, segmented, capsys):
    before = (segmented / "00009.png").read_bytes()
    _fails(_segment(data, sequence, segmented), capsys, str(segmented), "--overwrite")
    assert (segmented / "00009.png").read_bytes() == before
    assert main(_segment(data, sequence, segmented, "--overwrite")) == 0
    (segmented / "notes.txt").write_text("mine")
    _fails(_segment(data, sequence, segmented, "--overwrite"), capsys, "notes.txt")
    assert (segmented / "notes.txt").read_text() == "mine"
    (segmented / "notes.txt").unlink()


def test_evaluate_names_what_is_missing_or_extra(data, sequence, tmp_path, capsys):
    gt = data / "Annotations/480p"
    pred = _copy(gt, tmp_path / "pred")
    argv = ["evaluate", "--gt", str(gt), "--pred", str(pred), "--protocol", "davis2017"]
    (pred / sequence / "00003.png").rename(tmp_path / "taken.png")
    _fails(argv, capsys, sequence, "00003")
    (tmp_path / "taken.png").rename(pred / sequence / "00003.png")
    write_mask(pred / sequence / "00077.png", np.zeros((96, 160), np.uint8))
    _fails(argv, capsys, sequence, "00077")
    (pred / sequence / "00077.png").unlink()
    write_mask(pred / sequence / "00003.png", np.zeros((48, 80), np.uint8))
    _fails(argv, capsys, "00003.png", "80x48")
    shutil.rmtree(pred / sequence)
    _fails(argv, capsys, sequence)
    _fails(["evaluate", "--gt", str(gt), "--pred", str(tmp_path / "void")], capsys, "void")


def test_json_in_a_missing_folder_is_refused_before_the_work(data, tmp_path, capsys):
    masks = str(data / "Annotations/480p")
    _fails(["evaluate", "--gt", masks, "--pred", masks, "--json", str(tmp_path / "no" / "x.json")], capsys, "x.json")


def test_json_replaces_files_only(data, tmp_path, capsys):
    masks = str(data / "Annotations/480p")
    os.mkfifo(tmp_path / "pipe")
    argv = ["evaluate", "--gt", masks, "--pred", masks, "--json"]
    _fails([*argv, str(tmp_path / "pipe")], capsys, "pipe")
    assert (tmp_path / "pipe").is_fifo()
    _fails([*argv, str(tmp_path)], capsys, str(tmp_path))


def test_render_keeps_its_input(data, sequence, tmp_path, capsys):
    frames, masks = data / "JPEGImages/480p" / sequence, str(data / "Annotations/480p" / sequence)
    _fails(["render", str(frames), "--masks", masks, "--out", str(frames / "00000.jpg")], capsys, "00000.jpg", ".mp4")
    film = tmp_path / "film.mp4"
    assert main(["render", str(frames), "--masks", masks, "--out", str(film)]) == 0
    before = film.read_bytes()
    _fails(["render", str(film), "--masks", masks, "--out", str(film)], capsys, "film.mp4")
    assert film.read_bytes() == before


def test_evaluate_says_which_list_it_took(data, sequence, tmp_path, capsys):
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets/mine.txt").write_text(sequence)
    gt = _copy(data / "Annotations/480p", tmp_path / "Annotations")
    pred = tmp_path / "pred"
    _copy(gt / sequence, pred / sequence)
    assert main(["evaluate", "--gt", str(gt), "--pred", str(pred)]) == 0
    said = capsys.readouterr()
    assert said.err == f"scoring the 1 sequence of ImageSets/mine.txt; {gt} holds 2\n" and "ImageSets" not in said.out


# -------------------------------------------------------------------------------------- killed, or disk full


def _command(argv: list[str], **options) -> subprocess.Popen:
    return _started([sys.executable, "-m", "vosbook", *argv], **options)


def _started(command: list[str], **options) -> subprocess.Popen:
    """With the signals of a terminal: what `nohup`, or a shell in the background, starts passes them over."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)


# The command, which says "ready" once it has written so many masks and then waits to be killed: without the wait a fast
# machine would be done before the signal comes.
WAITS = """
import sys, time
from vosbook import segment
from vosbook.cli import main

written, write_mask = 0, segment.write_mask

def write_and_wait(*mask):
    global written
    write_mask(*mask)
    written += 1
    if written == int(sys.argv[1]):
        print("ready", flush=True)
        time.sleep({hangs})

segment.write_mask = write_and_wait
sys.exit(main(sys.argv[2:]))
"""


def _killed(number: signal.Signals, argv: list[str], *, masks: int) -> tuple[int, str]:
    """The status and the words of a command that got this signal when it had written so many masks."""
    code = [sys.executable, "-c", WAITS.format(hangs=HANGS), str(masks)]
    with _started([*code, *argv], stdout=subprocess.PIPE) as process:
        said = process.stdout.readline()
        process.send_signal(number)
        words = process.communicate(timeout=HANGS)[1]
    assert said == "ready\n", words
    return process.returncode, words


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 130), (signal.SIGHUP, 130)]
)
def test_a_kill_leaves_no_output_folder(data, sequence, tmp_path, number, status):
    out = tmp_path / "out"
    returned, said = _killed(number, _segment(data, sequence, out), masks=1)
    assert returned == status and not out.exists()
    if number != signal.SIGKILL:
        assert said == "vosbook segment: interrupted, nothing was kept\n"
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "more", "where"),
    [(signal.SIGKILL, ["--resume"], "out.partial"), (signal.SIGTERM, ["--resume"], "out.partial"),
     (signal.SIGKILL, [], ".out.partial-*")],
)  # fmt: skip
def test_a_run_that_was_killed_goes_on(data, sequence, tmp_path, capsys, number, more, where):
    out = tmp_path / "out"
    _, said = _killed(number, _segment(data, sequence, out, *more), masks=4)
    if number == signal.SIGTERM:
        where_it_is = f"{out}.partial has what was made: the same command goes on there"
        assert said == f"vosbook segment: interrupted, {where_it_is}\n"
    (folder,) = tmp_path.glob(where)
    made = {p.name: p.stat().st_mtime_ns for p in folder.glob("*.png")}
    assert len(made) == 4
    assert main(_segment(data, sequence, out, "--resume")) == 0
    assert "going on at frame 0000" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert sorted(p.name for p in out.iterdir()) == [f"{t:05d}.png" for t in range(10)]
    again = {p.name: p.stat().st_mtime_ns for p in out.iterdir()}
    assert len([name for name in made if again[name] == made[name]]) >= len(made) - 1, "all but one that was cut short"


def test_output_that_nobody_takes(monkeypatch):
    """Standard output on a full disk is one line; a reader that has enough, as `head` has, is no error."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with Path("/dev/full").open("w") as full:
        process = _command(["methods"], stdout=full)
        _, said = process.communicate(timeout=HANGS)
    assert process.returncode == 2 and len(said.splitlines()) == 1 and "No space" in said
    read, write = os.pipe()
    os.close(read)
    process = _command(["methods"], stdout=write)
    os.close(write)
    _, said = process.communicate(timeout=HANGS)
    assert (process.returncode, said) == (141, "")


def test_a_full_disk_is_one_line_and_leaves_nothing(data, sequence, tmp_path):
    def small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))

    process = _command(_segment(data, sequence, tmp_path / "out"), preexec_fn=small_files_only)
    _, said = process.communicate(timeout=HANGS)
    assert process.returncode == 2
    assert "out" in said and len(said.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------- streams and names


def test_a_closed_stderr_is_no_error_and_is_not_written_into_a_file(data, sequence, tmp_path):
    """The shell's `2>&-`. Without its number 2, the next file that is opened would get it."""
    argv = _segment(data, sequence, tmp_path / "out")
    done = subprocess.run(
        ["bash", "-c", 'exec "$@" 2>&-', "bash", sys.executable, "-m", "vosbook", *argv], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out'}\n")
    for mask in (tmp_path / "out").iterdir():
        assert mask.read_bytes()[:4] == b"\x89PNG"
    argv = ["evaluate", "--gt", str(tmp_path / "nothing"), "--pred", str(tmp_path)]
    done = subprocess.run(["bash", "-c", 'exec "$@" 2>&-', "bash", sys.executable, "-m", "vosbook", *argv])
    assert done.returncode == 2


def test_a_name_that_the_terminal_cannot_print_is_printed_with_escapes(tmp_path):
    out = tmp_path / "сцена"
    options = "--sequences 1 --seed 5 --layout davis --size 64x96 --frames 3"
    what = ["synth", str(out), *options.split()]
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-m", "vosbook", *what], capture_output=True, env=plain)
    assert done.returncode == 0 and b"\\u0441\\u0446" in done.stdout
    assert (out / "JPEGImages").is_dir()
    done = subprocess.run([sys.executable, "-m", "vosbook", *what], capture_output=True, env=plain)
    assert done.returncode == 2 and b"Traceback" not in done.stderr and b"\\u0441\\u0446" in done.stderr


def test_a_tilde_after_an_equals_sign_is_the_home_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "masks").mkdir()
    _fails(["evaluate", "--gt=~/masks", "--pred=~/masks"], capsys, str(tmp_path / "masks"))
    _fails(["evaluate", "--gt=~/masks", "--pred=~nobody-at-all/x"], capsys, "~nobody-at-all/x")


def test_a_hidden_name_is_shown_to_nobody(monkeypatch, capsys):
    def fails(args):
        raise OSError(28, "No space left on device", "/data/.masks.partial-0a-12-xy/00000.png")

    monkeypatch.setattr("vosbook.cli.methods.run", fails)
    _fails(["methods"], capsys, "/data/masks/00000.png cannot be read or written (No space left on device)")
