"""YouTube-VOS from end to end: the synthetic set in its layout, through the reader, a method and the evaluator."""

import json
from pathlib import Path

import numpy as np
import pytest

from vosbook.cli import main
from vosbook.datasets.synthetic import SEEN
from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.video.labels import object_ids
from vosbook.video.masks import MaskFolder, read_mask, write_mask

FRAMES = tuple(f"{5 * t:05d}" for t in range(6))


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Four sequences, two for validation. With this seed objects enter in frames 5, 15 and 25, the last."""
    out = tmp_path_factory.mktemp("ytvos") / "data"
    what = "--sequences 4 --seed 3 --layout youtube-vos --size 48x64 --frames 6"
    assert main(["synth", str(out), *what.split()]) == 0
    return out


@pytest.fixture(scope="module")
def truth(root) -> dict[str, MaskFolder]:
    """All masks of the validation sequences."""
    return {name: MaskFolder(root / "valid_truth/Annotations" / name) for name in YouTubeVos(root, "valid").names}


def evaluated(root: Path, pred: Path, capsys) -> tuple[dict, str]:
    """What `vosbook evaluate` writes and prints."""
    file = pred.parent / "scores.json"
    gt = root / "valid_truth/Annotations"
    argv = ["evaluate", "--protocol", "youtube-vos", "--gt", str(gt), "--pred", str(pred), "--json", str(file)]
    capsys.readouterr()
    assert main(argv) == 0
    return json.loads(file.read_text()), capsys.readouterr().out


def test_the_reader_gives_what_was_written(root, truth):
    train, valid = YouTubeVos(root, "train"), YouTubeVos(root, "valid")
    assert (len(train), len(valid)) == (2, 2) and train.categories <= set(SEEN)
    assert {o.first_frame for s in valid for o in s.objects} == {"00000", "00005", "00015", "00025"}
    for sequence in valid:
        assert sequence.frames.names == truth[sequence.name].names == FRAMES
        whole = [truth[sequence.name][name] for name in FRAMES]
        for o in sequence.objects:
            first = next(t for t, labels in enumerate(whole) if (labels == o.id).any())
            assert o.first_frame == FRAMES[first]
            assert np.array_equal(sequence.labels(first) == o.id, whole[first] == o.id)


def test_a_prediction_with_holes_scores_what_its_pixels_say(root, truth, tmp_path, capsys):
    """Of object i every pixel of one in i + 1 columns is kept: J is a count of pixels."""
    columns = np.arange(64)
    expected: dict[str, dict[str, list]] = {}
    for name, masks in truth.items():
        (tmp_path / "pred" / name).mkdir(parents=True)
        shown: dict[int, list] = {}
        for t, frame in enumerate(FRAMES):
            labels = masks[frame]
            kept = np.where(columns % (labels + 1) == 0, labels, 0).astype(np.uint8)
            write_mask(tmp_path / "pred" / name / f"{frame}.png", kept)
            for i, j in shown.items():
                whole = (labels == i).sum()
                j.append((kept == i).sum() / whole if whole else 1.0)
            for i in object_ids(labels):
                shown.setdefault(i, [None] * (t + 1))
        expected[name] = {str(i): j for i, j in shown.items()}

    result, table = evaluated(root, tmp_path / "pred", capsys)
    measured = {name: {i: o["J"] for i, o in one["objects"].items()} for name, one in result["sequences"].items()}
    assert measured == {name: dict(sorted(objects.items())) for name, objects in expected.items()}

    seen = YouTubeVos(root, "train").categories
    means: dict[bool, list[float]] = {True: [], False: []}
    for sequence in YouTubeVos(root, "valid"):
        for o in sequence.objects:
            scores = [j for j in expected[sequence.name][str(o.id)] if j is not None]
            if scores:
                means[o.category in seen].append(float(np.mean(scores)))
    assert result["mean"]["seen"]["J"] == pytest.approx(np.mean(means[True]))
    assert result["mean"]["unseen"]["J"] == pytest.approx(np.mean(means[False]))
    four = [result["mean"][part][key] for part in ("seen", "unseen") for key in ("J", "F")]
    assert result["mean"]["G"] == pytest.approx(np.mean(four))
    assert f"{np.mean(four):.3f}" in table and f"{np.mean(means[False]):.3f}" in table
    assert "Not scored, since the last true mask is the first to show it" in table


def test_the_truth_scores_one(root, truth, tmp_path, capsys):
    (tmp_path / "pred").symlink_to(root / "valid_truth/Annotations")
    result, _ = evaluated(root, tmp_path / "pred", capsys)
    assert result["mean"]["G"] == 1.0


def test_segment_takes_the_annotations_of_valid(root, truth, tmp_path, capsys):
    """Objects that appear late begin with their given mask, are absent before, and are followed after."""
    for sequence in YouTubeVos(root, "valid"):
        out = tmp_path / "pred" / sequence.name
        frames, mask = (root / "valid" / kind / sequence.name for kind in ("JPEGImages", "Annotations"))
        argv = ["segment", str(frames), "--mask", str(mask), "--method", "frtm-d-only", "--out", str(out)]
        assert main(argv) == 0
        answers = {name: read_mask(out / f"{name}.png") for name in FRAMES}
        for o in sequence.objects:
            given = truth[sequence.name][o.first_frame] == o.id
            assert (answers[o.first_frame][given] == o.id).all()
            assert not any((answers[name] == o.id).any() for name in FRAMES if name < o.first_frame)
    result, _ = evaluated(root, tmp_path / "pred", capsys)
    assert result["mean"]["J"]["mean"] > 0.1
    late = [o for one in result["sequences"].values() for o in one["objects"].values() if o["J"][3] is None]
    assert any(j > 0 for o in late for j in o["J"][4:] if j is not None)


def test_a_first_mask_only_in_frame_30(root, truth, tmp_path, capsys):
    """All frames before it are background, whatever the method."""
    name = next(iter(truth))
    frames, masks = tmp_path / "frames", tmp_path / "masks"
    masks.mkdir()
    frames.mkdir()
    for t in range(8):  # 00000 to 00035: a still picture
        (frames / f"{5 * t:05d}.jpg").write_bytes((root / "valid/JPEGImages" / name / "00000.jpg").read_bytes())
    write_mask(masks / "00030.png", (truth[name]["00000"] == 1).astype(np.uint8))
    argv = ["segment", str(frames), "--mask", str(masks), "--method", "frtm-d-only", "--out", str(tmp_path / "out")]
    assert main(argv) == 0
    answers = MaskFolder(tmp_path / "out")
    assert [bool(answers[f"{5 * t:05d}"].any()) for t in range(8)] == [False] * 6 + [True] * 2
