"""A method over a data set: the same masks however often it is broken off and whoever shares it, and honest records."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from patience import HANGS
from stand_ins import Recorder
from torch import nn

import vosbook.methods
from vosbook.cli import main
from vosbook.datasets.catalog import load_split
from vosbook.datasets.davis import Davis
from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.methods import Method, build
from vosbook.metrics.evaluate import evaluate
from vosbook.segmenter import segment_frames
from vosbook.split_run import MethodOptions, run_split
from vosbook.video.masks import MaskFolder, read_mask

DYING = """
import os, signal, sys
import vosbook.split_run
from vosbook.cli import main
written = []
def write_and_die(path, labels):
    written.append(path)
    if len(written) == 9:  # in the middle of the second sequence
        os.kill(os.getpid(), signal.SIGKILL)
    write_mask(path, labels)
write_mask, vosbook.split_run.write_mask = vosbook.split_run.write_mask, write_and_die
main(sys.argv[1:])
"""


class Weighted(Recorder):
    """A stand-in with a network, whose weights are the size of the checkpoint."""

    def __init__(self, *, checkpoint=None, **options):
        super().__init__()
        self.network = nn.Linear(1, 1)
        nn.init.constant_(self.network.weight, checkpoint.stat().st_size if checkpoint else 0)
        nn.init.zeros_(self.network.bias)


class Finder(Recorder):
    """A zero-shot stand-in, which finds the left half of every frame."""

    def start(self, frame, masks):
        assert masks is None
        self.labels = np.zeros(frame.shape[:2], np.uint8)
        self.labels[:, : frame.shape[1] // 2] = 1
        return self.labels.copy()


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Three sequences of six frames in the layout of DAVIS 2017, and five in that of YouTube-VOS, two of them valid."""
    root = tmp_path_factory.mktemp("data")
    what = "--seed 3 --size 48x64 --frames 6"
    assert main(["synth", str(root / "DAVIS2017"), "--layout", "davis", "--sequences", "3", *what.split()]) == 0
    out = root / "YouTubeVOS2018"
    assert main(["synth", str(out), "--layout", "youtube-vos", "--sequences", "4", *what.split()]) == 0
    return root


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As the other processes have: more may round otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def unbroken(root, tmp_path_factory) -> Path:
    """A run of one process that nothing disturbs."""
    out = tmp_path_factory.mktemp("unbroken") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOSBOOK_DATA", str(root))
        assert main(argv(out, method="frtm-d-only")) == 0
    return out


@pytest.fixture(autouse=True)
def _data(root, monkeypatch) -> None:
    monkeypatch.setenv("VOSBOOK_DATA", str(root))


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch) -> None:
    """Two methods: still, which repeats what it is given, and finder, which is given nothing."""
    still = Method("still", "", "", Weighted)
    finder = Method("finder", "", "", lambda **options: Finder(), zero_shot=True)
    for method in (still, finder):
        monkeypatch.setitem(vosbook.methods.METHODS, method.name, method)


def names(root: Path) -> tuple[str, ...]:
    return Davis(root / "DAVIS2017", year=2017).names


def argv(out: Path, *more: str, method: str = "still") -> list[str]:
    return ["run", "--data", "davis2017", "--method", method, "--out", str(out), *more]


def masks_of(out: Path) -> dict[str, bytes]:
    """The files of all masks, by their place."""
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.glob("[!.]*/*.png"))}


def record_of(out: Path) -> dict:
    return json.loads((out / "run.json").read_text())


# -------------------------------------------------------------------------------------------------- what is made


def test_masks_are_those_of_a_new_segmenter_and_scores_those_of_evaluate(root, unbroken, capsys):
    """One segmenter follows all sequences, so nothing of one may be left in the next."""
    for sequence in Davis(root / "DAVIS2017", year=2017):
        new = build("frtm-d-only", device="cpu", note=print)
        expected = segment_frames(new, sequence.frames, {"00000": sequence.labels(0)})
        masks = MaskFolder(unbroken / sequence.name)
        assert all(np.array_equal(masks[n], labels) for n, labels in zip(sequence.frames.names, expected, strict=True))
    scores = evaluate(root / "DAVIS2017/Annotations/480p", unbroken, protocol="davis2017")
    assert json.loads((unbroken / "scores.json").read_text()) == scores
    record = record_of(unbroken)
    assert record["mean"] == scores["mean"] and record["protocol"] == "davis2017"
    capsys.readouterr()
    assert main(argv(unbroken, method="frtm-d-only")) == 0  # there is nothing left to do but to score
    said = capsys.readouterr().out
    assert f"{scores['mean']['J&F']:.3f}" in said and said.endswith(f"{unbroken}\n")


def test_the_record_says_what_was_run_on_what_and_how_long_it_took(root, tmp_path):
    main(argv(tmp_path / "out"))
    record = record_of(tmp_path / "out")
    settings = {"data": "davis2017", "split": "val", "method": "still", "budget": None, "device": "cpu"}
    assert {key: record["settings"][key] for key in settings} == settings
    assert [entry["spec"] for entry in record["data"]] == [f"davis2017/{name}" for name in names(root)]
    assert all(entry["frames"] == 6 and entry["size"] == [48, 64] for entry in record["data"])
    facts = record["sequences"].values()
    whole, first = (sum(about[key] for about in facts) for key in ("seconds", "seconds_first_frame"))
    assert record["seconds"]["per_frame"] == pytest.approx(whole / 18)
    assert record["seconds"]["later_frame"] == pytest.approx((whole - first) / 15)
    assert record["environment"]["torch"] == torch.__version__.split("+")[0] and record["hardware"]["cores"]


@pytest.mark.parametrize("part", ["valid", "train"])
def test_objects_begin_where_they_appear(root, tmp_path, part):
    """YouTube-VOS: a method is given every object once, though train's folder holds all masks. Truth lies beside."""
    result = run_split(load_split("youtube-vos", part), MethodOptions("still"), tmp_path / "out", note=print)
    assert result.scores["protocol"] == "youtube-vos"
    late = 0
    for sequence in YouTubeVos(root / "YouTubeVOS2018", part):
        expected = np.zeros((48, 64), np.uint8)
        for frame in sequence.frames.names:
            for o in (o for o in sequence.objects if o.first_frame == frame):
                expected[sequence.masks[frame] == o.id] = o.id
                late += frame != sequence.frames.names[0]
            assert np.array_equal(read_mask(tmp_path / "out" / sequence.name / f"{frame}.png"), expected)
    assert late or part == "train"


def test_without_truth_there_are_masks_and_no_scores(root, tmp_path, monkeypatch, capsys):
    shutil.copytree(root / "YouTubeVOS2018", tmp_path / "YouTubeVOS2018")
    shutil.rmtree(tmp_path / "YouTubeVOS2018/valid_truth")
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    out = tmp_path / "out"
    assert main(["run", "--data", "youtube-vos", "--method", "still", "--out", str(out)]) == 0
    assert "not scored: of youtube-vos's valid only the first masks are here" in capsys.readouterr().err
    assert record_of(out)["mean"] is None and not (out / "scores.json").exists() and len(masks_of(out)) == 12


def test_a_zero_shot_method_is_scored_by_its_own_protocol_or_not_at_all(tmp_path, capsys):
    assert main(argv(tmp_path / "out", method="finder")) == 0
    assert record_of(tmp_path / "out")["protocol"] == "davis2017-unsupervised"
    capsys.readouterr()
    assert main(["run", "--data", "youtube-vos", "--method", "finder", "--out", str(tmp_path / "other")]) == 0
    assert "youtube-vos has no protocol for finder, which is given no mask" in capsys.readouterr().err


def test_sequences_that_are_made_are_scored_by_what_they_were_made_with(tmp_path):
    split = load_split("synthetic", sequences=["4"])
    result = run_split(split, MethodOptions("still"), tmp_path / "out", note=print)
    assert 0 < result.scores["mean"]["J&F"] < 1
    assert result.record["data"][0] == {"spec": "synthetic/4", "frames": 24, "size": [240, 432]}


def test_a_method_that_finds_nothing_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Weighted, "step", lambda self, frame: np.zeros(frame.shape[:2], np.uint8))
    main(argv(tmp_path / "out", "--limit", "1"))
    assert "still found nothing in any frame of synthetic-0300000" in capsys.readouterr().err


# --------------------------------------------------------------------------------------------- broken off, resumed


def test_a_run_that_is_killed_goes_on_where_it_was(root, unbroken, tmp_path):
    broken = tmp_path / "broken"
    command = [sys.executable, "-c", DYING, *argv(broken, method="frtm-d-only")]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=HANGS)
    assert done.returncode == -9
    first, second, _ = names(root)
    assert [f.name for f in sorted(broken.glob("[!.]*"))] == ["run.json", first]
    assert [f for f in broken.glob(".*") if f.name.startswith(f".{second}.partial-")]
    times = {file: file.stat().st_mtime_ns for file in (broken / first).iterdir()}

    assert main(argv(broken, method="frtm-d-only")) == 0
    assert masks_of(broken) == masks_of(unbroken) and len(masks_of(unbroken)) == 18
    assert {file: file.stat().st_mtime_ns for file in (broken / first).iterdir()} == times
    assert sorted(f.name for f in broken.glob(".*")) == [".run"]
    assert record_of(broken)["mean"] == record_of(unbroken)["mean"]


def test_ctrl_c_says_that_it_can_go_on(root, tmp_path, monkeypatch, capsys):
    frames = []

    def step(self, frame):
        frames.append(frame)
        if len(frames) == 8:
            raise KeyboardInterrupt
        return self.labels.copy()

    monkeypatch.setattr(Weighted, "step", step)
    assert main(argv(tmp_path / "out")) == 130
    assert capsys.readouterr().err.endswith("interrupted, what is finished stays: run it again to go on\n")
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == [".run", "run.json", names(root)[0]]


def test_more_sequences_join_a_run_and_the_bar_begins_where_it_was(root, tmp_path):
    bars = []

    def bar(items, **about):
        bars.append(about)
        return items

    options, out = MethodOptions("still"), tmp_path / "out"
    run_split(load_split("davis2017", limit=1), options, out, progress=bar, note=print)
    run_split(load_split("davis2017", sequences=[names(root)[2]]), options, out, progress=bar, note=print)
    result = run_split(load_split("davis2017"), options, out, progress=bar, note=print)
    assert [(b["total"], b["initial"]) for b in bars if "total" in b] == [(6, 0), (6, 0), (18, 12)]
    assert set(result.scores["sequences"]) == set(names(root))


def test_a_damaged_frame_stops_the_run_and_is_named(root, tmp_path, monkeypatch, capsys):
    shutil.copytree(root / "DAVIS2017", tmp_path / "DAVIS2017")
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    frame = tmp_path / "DAVIS2017/JPEGImages/480p" / names(root)[1] / "00003.jpg"
    content = frame.read_bytes()
    frame.write_bytes(content[: len(content) // 2])
    out = tmp_path / "out"
    assert main(argv(out)) == 2
    assert f"{names(root)[1]}, frame 00003: " in (said := capsys.readouterr().err) and str(frame) in said
    assert [f.name for f in sorted(out.glob("[!.]*"))] == ["run.json", names(root)[0]]
    frame.write_bytes(content)
    assert main(argv(out)) == 0


# ------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--split", "other"], "was begun with split = val, which is now other"),
        (["--method", "finder"], "was begun with method = still, which is now finder"),
        (["--checkpoint", "{0}/some"], "was begun with other weights"),
    ],
)
def test_other_settings_are_refused_and_begin_anew_when_asked(root, tmp_path, capsys, more, says):
    lists = root / "DAVIS2017/ImageSets"
    (lists / "other.txt").write_text(names(root)[0])
    (tmp_path / "some").write_text("weights")
    out = tmp_path / "out"
    assert main(argv(out)) == 0
    before = masks_of(out), record_of(out)
    changed = argv(out, *(word.format(tmp_path) for word in more))
    capsys.readouterr()
    assert main(changed) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1) and says in said.err and "--overwrite to begin anew" in said.err
    assert (masks_of(out), record_of(out)) == before
    assert main([*changed, "--overwrite"]) == 0
    assert record_of(out)["settings"] != before[1]["settings"]


def test_overwrite_removes_what_the_run_made_and_nothing_else(root, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(argv(out)) == 0
    (out / names(root)[0] / "photo.jpg").write_bytes(b"\xff\xd8")
    assert main(argv(out, "--overwrite")) == 2
    assert "photo.jpg, which is no mask, so it is kept" in capsys.readouterr().err
    assert len(masks_of(out)) == 18
    (out / names(root)[0] / "photo.jpg").unlink()
    (out / "thesis.tex").write_text("")
    assert main(argv(out, "--overwrite")) == 2
    assert "thesis.tex is not of the run, so nothing is removed" in capsys.readouterr().err
    assert len(masks_of(out)) == 18
    (out / "thesis.tex").unlink()
    assert main(argv(out, "--overwrite", "--limit", "1")) == 0
    assert sorted(f.name for f in out.glob("[!.]*")) == ["run.json", "scores.json", names(root)[0]]


def test_a_folder_that_is_no_runs_is_left_alone(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    for more in ([], ["--overwrite"]):
        assert main(argv(tmp_path, *more)) == 2
        assert "is not empty and has no run.json, so it is no run's" in capsys.readouterr().err
    assert [f.name for f in tmp_path.iterdir()] == ["notes.txt"]


def test_masks_that_have_gone_are_missed(root, tmp_path, capsys):
    out = tmp_path / "out"
    main(argv(out))
    (out / names(root)[1] / "00002.png").unlink()
    assert main(argv(out)) == 2
    assert f"{names(root)[1]} has 5 masks, not 6: remove it to have it made again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--data coco --method still", "coco is no data set: choose one of synthetic, davis2016"),
        ("--data synthetic --method still", "synthetic has no lists: name sequences instead"),
        ("--data davis2017 --method still --sequences goat", "val.txt has no goat: it has synthetic-0300000"),
        ("--data davis2017 --method still --split dev", "dev.txt does not exist"),
        ("--data youtube-vos --method still --split val", "youtube-vos has no val: choose one of train, valid, test"),
        ("--data davis2017 --method magic", "there is no method magic"),
        ("--data davis2017 --method still --budget 3", "still is not tuned for a time"),
        ("--data davis2017 --method still --share 2/2", "2/2 is no share"),
        ("--data davis2017 --method still --limit 0", "0 is not a whole number above 0"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(words, says, tmp_path, capsys):
    try:
        status = main(["run", *words.split(), "--out", str(tmp_path / "out")])
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr()
    assert (status, said.out, said.err.count("\n")) == (2, "", 1) and says in said.err
    assert not (tmp_path / "out").exists()


# ----------------------------------------------------------------------------------------------------- processes


def test_two_processes_make_the_masks_of_one(unbroken, tmp_path):
    two = tmp_path / "two"
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "vosbook"]
    done = subprocess.run(
        [*start, *argv(two, method="frtm-d-only")],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("davis2017: 3 sequences") == 1
    assert masks_of(two) == masks_of(unbroken)
    assert {about["process"] for about in record_of(two)["sequences"].values()} == {0, 1}
    assert record_of(two)["mean"] == record_of(unbroken)["mean"]


def test_the_shares_of_a_job_array_make_the_masks_of_one(tmp_path, capsys):
    one, three = tmp_path / "one", tmp_path / "three"
    assert main(argv(one)) == 0
    for k in range(3):
        assert not (three / "scores.json").exists()
        capsys.readouterr()
        assert main(argv(three, "--share", f"{k}/3")) == 0
        said = capsys.readouterr()
        assert (f"{k + 1} of 3 sequences are finished" in said.err, said.out != "") == (k < 2, k == 2)
    assert masks_of(three) == masks_of(one) and record_of(three)["mean"] == record_of(one)["mean"]
