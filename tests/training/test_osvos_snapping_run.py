"""What snapping adds to OSVOS, as a run, on masks made here."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from run_book import change_training, run_here

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.metrics.region import jaccard
from vosbook.runs import read_record

RUN, NAME = "osvos_snapping", "osvos_snapping_smoke_base"
SCENE = {"size": [96, 160], "frames": 4, "objects": [1, 1], "effects": []}


@pytest.fixture
def book(book: Path) -> Path:
    change_training(book, "osvos_ablation", data=["synthetic/900"], synthetic=SCENE)
    return book


def write_masks(book: Path) -> list[np.ndarray]:
    """Soft masks as the other run leaves them: the true ones, smoothed."""
    sequence = load_sequence("synthetic/900", config=SyntheticConfig(**SCENE))
    folder = book.parent / "build" / "runs" / "osvos_ablation_smoke_base" / sequence.name
    folder.mkdir(parents=True)
    found = []
    for t, name in enumerate(sequence.frames.names):
        found.append(cv2.blur(np.where(sequence.labels(t) > 0, 255, 0).astype(np.uint8), (21, 21)))
        cv2.imwrite(str(folder / f"{name}.png"), found[-1])
    return found


def test_every_row_is_scored(book, monkeypatch, capsys):
    found = write_masks(book)
    run_here(book, monkeypatch, RUN)
    record = read_record(NAME, folder=book / "results")
    sequence = load_sequence("synthetic/900", config=SyntheticConfig(**SCENE))
    J = np.mean([jaccard(found[t] > round(255 * 0.635), sequence.labels(t) > 0) for t in (1, 2)])
    assert record.metrics["mask"]["J"]["mean"] == pytest.approx(J)
    assert record.metrics["superpixels"]["F"]["mean"] > record.metrics["mask"]["F"]["mean"]
    assert record.metrics["clear"]["F"]["mean"] > record.metrics["mask"]["F"]["mean"]
    assert record.metrics["clear"] != record.metrics["superpixels"]
    assert set(record.metrics["seconds"]) == {"network", "superpixels", "recovery"}
    assert record.config["masks"] == "osvos_ablation_smoke_base"
    assert f"mask         J {J:.3f}" in capsys.readouterr().out


def test_without_masks_it_says_what_makes_them(book, monkeypatch):
    with pytest.raises(InputError, match=r"00000\.png does not exist: first make the masks with"):
        run_here(book, monkeypatch, RUN)
    assert not (book / "results" / f"{NAME}.json").exists()
