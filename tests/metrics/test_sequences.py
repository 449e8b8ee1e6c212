"""Which sequences and frames are scored, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from drawings import SIZE, drawn, moving, write, write_info
from PIL import Image

from vosbook.errors import InputError
from vosbook.metrics.evaluate import evaluate
from vosbook.video.masks import write_mask


def test_one_sequence_by_its_own_folder(gt, pred):
    alone = evaluate(gt / "cow", pred / "cow")
    assert alone["sequences"] == {"cow": evaluate(gt, pred)["sequences"]["cow"]}


@pytest.fixture
def many(gt, pred):
    """True masks of 14 sequences, predictions for the 12 of a validation list. Returns that list."""
    for n in range(12):
        write(gt / f"seq{n:02d}", moving(3))
    for n in range(10):
        write(pred / f"seq{n:02d}", moving(3))
    return sorted(folder.name for folder in pred.iterdir())


def remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize("line", ["{}\n", "/JPEGImages/480p/{0}/00000.jpg /Annotations/480p/{0}/00000.png \n"])
def test_an_official_list_may_stand_for_all_sequences(gt, pred, many, tmp_path, line):
    with pytest.raises(InputError, match=r"pred lacks seq10, seq11 of the 14 sequences"):
        evaluate(gt, pred)
    lists = tmp_path / "ImageSets" / "480p"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("".join(line.format(name) for name in many))
    (lists / "notes.txt").write_text("")
    (lists / "other.txt").write_text("".join(line.format(name) for name in [*many[:11], "elsewhere"]))
    notes = []
    assert list(evaluate(gt, pred, note=notes.append)["sequences"]) == many
    assert notes == [f"scoring the 12 sequences of ImageSets/480p/val.txt; {gt} holds 14"]
    remove(pred / "bear")
    remove(pred / "cow")
    with pytest.raises(InputError, match=r"pred lacks bear, cow of the 12 sequences"):
        evaluate(gt, pred)


def test_the_sets_of_db_info_are_lists_too(gt, pred, many, tmp_path):
    write_info(tmp_path, seq10={"set": "training"}, **{name: {"set": "test"} for name in many})
    assert list(evaluate(gt, pred)["sequences"]) == many


def test_a_list_that_leaves_sequences_out_is_said(gt, pred, tmp_path, caplog):
    """What is left of two sequences is easily the validation list, by chance."""
    evaluate(gt, pred)
    assert not caplog.messages
    write_info(tmp_path, bear={"set": "test"}, cow={"set": "training"})
    remove(pred / "cow")
    evaluate(gt, pred)
    assert caplog.messages == [f"scoring the 1 sequence of db_info.yml's set test; {gt} holds 2"]


def test_missing_sequence(gt, pred):
    write(gt / "dog", moving())
    with pytest.raises(InputError, match=r"pred lacks dog of the 3 sequences"):
        evaluate(gt, pred)


def test_extra_sequence(gt, pred):
    write(pred / "dog", moving())
    with pytest.raises(InputError, match=r"pred has dog, which"):
        evaluate(gt, pred)


@pytest.mark.parametrize("name", ["00001", "00003", "00006"])
def test_missing_frame(gt, pred, name):
    (pred / "cow" / f"{name}.png").unlink()
    with pytest.raises(InputError, match=rf"pred/cow lacks {name} of 8 frames"):
        evaluate(gt, pred)


@pytest.mark.parametrize(
    ("protocol", "names"),
    [("davis2016", ["00000"]), ("davis2016", ["00000", "00007"]), ("davis2017", ["00007"]), ("youtube-vos", ["00000"])],
)
def test_frames_that_are_not_scored_may_be_missing(gt, pred, caplog, protocol, names):
    """As in official result sets, a sixth of which lack the first frame, which is given, or the last."""
    whole = evaluate(gt, pred, protocol=protocol, analysis=True)
    for name in names:
        (pred / "cow" / f"{name}.png").unlink()
    caplog.clear()
    assert evaluate(gt, pred, protocol=protocol, analysis=True) == whole
    said = ", ".join(f"cow/{name}" for name in names)
    assert caplog.messages == [f"{pred} lacks {said}, which the protocol does not score"]


def test_a_frame_that_another_protocol_scores_stays_required(gt, pred):
    (pred / "cow" / "00007.png").unlink()
    with pytest.raises(InputError, match="pred/cow lacks 00007 of 8 frames"):
        evaluate(gt, pred, protocol="youtube-vos")
    (pred / "cow" / "00000.png").unlink()
    with pytest.raises(InputError, match="pred/cow lacks 00000, 00007 of 8 frames"):
        evaluate(gt, pred, protocol="davis2017-unsupervised")


def test_chosen_sequences_are_scored_alone(gt, pred):
    whole = evaluate(gt, pred, protocol="davis2017")
    remove(pred / "cow")
    write(pred / "dog", moving())  # another method's, or not finished
    one = evaluate(gt, pred, protocol="davis2017", sequences=["bear"])
    assert one["sequences"] == {"bear": whole["sequences"]["bear"]}
    with pytest.raises(InputError, match="pred has no cow: it has bear, dog"):
        evaluate(gt, pred, sequences=["bear", "cow"])
    with pytest.raises(InputError, match="gt has no dog: it has bear, cow"):
        evaluate(gt, pred, sequences=["dog"])
    with pytest.raises(InputError, match="one sequence's folder itself"):
        evaluate(gt / "bear", pred / "bear", sequences=["cow"])


@pytest.mark.parametrize("name", ["00008", "extra"])
def test_extra_frame(gt, pred, name):
    write_mask(pred / "cow" / f"{name}.png", drawn())
    with pytest.raises(InputError, match=rf"pred/cow has {name}"):
        evaluate(gt, pred)


def test_gap_in_the_true_masks(gt, pred):
    (gt / "cow" / "00003.png").unlink()
    with pytest.raises(InputError, match=r"gt/cow has no frame 00003"):
        evaluate(gt, pred)


def test_every_few_frames_annotated(tmp_path):
    """Predictions between the annotated frames, and until the next would come, are left alone; not so beyond."""
    truth = write(tmp_path / "a", moving(4), stride=5)  # 0, 5, 10, 15
    folder = write(tmp_path / "b", [moving(1, start=t // 5)[0] for t in range(20)])
    assert evaluate(truth, folder)["sequences"]["a"]["objects"]["1"]["J"] == [1.0, 1.0]
    write_mask(folder / "00020.png", drawn())
    with pytest.raises(InputError, match="b has 00020"):
        evaluate(truth, folder)


def test_empty_and_absent_folders(gt, tmp_path):
    with pytest.raises(InputError, match="nowhere is not a folder"):
        evaluate(gt, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no masks"):
        evaluate(gt, tmp_path / "empty")
    with pytest.raises(InputError, match="empty holds no masks"):
        evaluate(tmp_path / "empty", gt)


def test_empty_sequence_folder(gt, pred):
    for file in (pred / "cow").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="cow holds no images"):
        evaluate(gt, pred)


def test_levels_that_differ(gt, pred):
    with pytest.raises(InputError, match=r"pred holds no masks itself"):
        evaluate(gt / "bear", pred)
    with pytest.raises(InputError, match=r"pred/bear holds masks itself"):
        evaluate(gt, pred / "bear")


def test_size_that_differs(gt, pred):
    write_mask(pred / "cow" / "00002.png", drawn(size=(20, 30)))
    with pytest.raises(InputError, match=r"cow/00002\.png is 30x20 .* 60x40"):
        evaluate(gt, pred)


def test_damaged_mask(gt, pred):
    file = pred / "cow" / "00002.png"
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(InputError, match=r"cow/00002\.png"):
        evaluate(gt, pred)


def test_soft_mask_is_refused(gt, pred):
    Image.fromarray(np.arange(SIZE[0] * SIZE[1], dtype=np.uint8).reshape(SIZE)).save(pred / "cow" / "00002.png")
    with pytest.raises(InputError, match=r"cow/00002\.png has 256 gray values"):
        evaluate(gt, pred)
