"""PASCAL-Context's layout, on a tiny copy made here."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from vosbook.datasets.pascal_context import PascalContext
from vosbook.errors import InputError

SIZE = (12, 17)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two photographs with labels, and one without."""
    for folder in ("trainval", "JPEGImages"):
        (tmp_path / folder).mkdir()
    rng = np.random.default_rng(0)
    for n, name in enumerate(("2008_000002", "2008_000015", "2010_000001")):
        photograph = np.full((*SIZE, 3), 40 + 60 * n, np.uint8)
        Image.fromarray(photograph).save(tmp_path / "JPEGImages" / f"{name}.jpg")
        if n < 2:
            labels = rng.integers(1, 460, SIZE).astype(np.uint16)
            savemat(tmp_path / "trainval" / f"{name}.mat", {"LabelMap": labels})
    return tmp_path


def test_photographs_with_their_areas(root):
    data = PascalContext(root)
    assert data.names == ("2008_000002", "2008_000015") and len(data) == 2 and data.band is None
    expected = np.random.default_rng(0).integers(1, 460, (2, *SIZE))
    for n in range(2):
        frame, areas = data[n]
        assert frame.shape == (*SIZE, 3) and abs(int(frame.mean()) - (40 + 60 * n)) <= 1
        assert areas.dtype == np.uint16 and np.array_equal(areas, expected[n])


def test_what_is_missing_is_named(root):
    (root / "JPEGImages" / "2008_000015.jpg").unlink()
    with pytest.raises(InputError, match=r"2008_000015\.jpg does not exist \(1 of 2 photographs"):
        PascalContext(root)
    with pytest.raises(InputError, match=r"JPEGImages/trainval holds no \.mat file"):
        PascalContext(root / "JPEGImages")


@pytest.mark.parametrize("content", [b"", b"not matlab" * 40])
def test_a_damaged_file_is_named(root, content):
    (root / "trainval" / "2008_000002.mat").write_bytes(content)
    with pytest.raises(InputError, match=r"2008_000002\.mat is no label file"):
        PascalContext(root)[0]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_cut_short_is_named(root, compressed):
    path = root / "trainval" / "2008_000002.mat"
    savemat(path, {"LabelMap": np.arange(204, dtype=np.uint16).reshape(SIZE)}, do_compression=compressed)
    path.write_bytes(path.read_bytes()[:-90])
    with pytest.raises(InputError, match=r"2008_000002\.mat is no label file"):
        PascalContext(root)[0]


def test_another_table_is_refused(root):
    savemat(root / "trainval" / "2008_000002.mat", {"GTcls": np.zeros(SIZE)})
    with pytest.raises(InputError, match=r"2008_000002\.mat is no label file .*LabelMap"):
        PascalContext(root)[0]


def test_sizes_that_differ(root):
    savemat(root / "trainval" / "2008_000002.mat", {"LabelMap": np.ones((5, 6), np.uint16)})
    with pytest.raises(InputError, match=r"2008_000002\.mat has the size \(5, 6\), its photograph \(12, 17\)"):
        PascalContext(root)[0]
