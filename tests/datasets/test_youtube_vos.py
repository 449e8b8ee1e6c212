"""YouTube-VOS's layout as it is unpacked; what the synthetic data set writes is read back in test_synthetic.py."""

import json

import numpy as np
import pytest
from PIL import Image

from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.errors import InputError
from vosbook.video import write_mask


@pytest.fixture
def root(tmp_path):
    """One video of three frames; object 2, a dog, appears in the second."""
    photos, masks = (tmp_path / "valid" / kind / "003234408d" for kind in ("JPEGImages", "Annotations"))
    photos.mkdir(parents=True)
    masks.mkdir(parents=True)
    for name in ("00000", "00005", "00010"):
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(photos / f"{name}.jpg")
    write_mask(masks / "00000.png", np.eye(4, 6, dtype=np.uint8))
    write_mask(masks / "00005.png", 2 * np.eye(4, 6, 1, dtype=np.uint8))
    objects = {
        "2": {"category": "dog", "frames": ["00005", "00010"]},
        "1": {"category": "penguin", "frames": ["00000", "00005"]},
    }
    (tmp_path / "valid/meta.json").write_text(json.dumps({"videos": {"003234408d": {"objects": objects}}}))
    return tmp_path


def test_a_video_is_read(root):
    data = YouTubeVos(root, "valid")
    assert len(data) == 1 and data.names == ("003234408d",)
    (video,) = data
    assert [(o.id, o.first_frame, o.category) for o in video.objects] == [(1, "00000", "penguin"), (2, "00005", "dog")]
    assert video.frames.names == ("00000", "00005", "00010")
    assert video.labels(0).sum() == 4 and video.labels(1).max() == 2 and video.labels(2) is None
    with pytest.raises(KeyError):
        data["other"]


def test_what_is_missing_or_broken_is_named(root):
    with pytest.raises(InputError, match=r"train/meta\.json does not exist"):
        YouTubeVos(root, "train")
    never_shown = '{"videos": {"a": {"objects": {"1": {"category": "x", "frames": []}}}}}'
    for content in ("{", "[]", '{"videos": {"a": {}}}', never_shown):
        (root / "valid/meta.json").write_text(content)
        with pytest.raises(InputError, match=r"meta\.json is not"):
            YouTubeVos(root, "valid")
