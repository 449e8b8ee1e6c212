"""The picture of a run that goes on: always whole, seldom enough not to hold the run up."""

import numpy as np
import pytest
from PIL import Image

from vosbook.errors import InputError
from vosbook.view import live
from vosbook.view.live import LivePicture

FRAME = np.full((100, 960, 3), 90, np.uint8)
OBJECT = np.zeros((100, 960), np.uint8)
OBJECT[20:80, 100:400] = 1


@pytest.fixture()
def clock(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    return now


def test_the_newest_frame_replaces_the_picture_a_few_times_a_second(tmp_path, clock):
    picture = LivePicture(tmp_path / "now.jpg")
    sizes = []
    for k, labels in enumerate((OBJECT * 0, OBJECT, OBJECT * 0, OBJECT * 0, OBJECT)):
        clock[0] = 0.1 * k
        picture(FRAME, labels)
        with Image.open(tmp_path / "now.jpg") as image:
            assert image.size == (480, 50) and image.format == "JPEG"
            sizes.append(np.asarray(image)[25, 120].astype(int))
    plain = np.abs([rgb - 90 for rgb in sizes]).max(axis=1) < 10
    assert plain.tolist() == [True, True, True, True, True], "the second came too soon, the fourth is plain"
    clock[0] = 0.6
    picture(FRAME, OBJECT)
    with Image.open(tmp_path / "now.jpg") as image:
        assert np.asarray(image)[25, 120, 0] > 130, "orange"
    assert [p.name for p in tmp_path.iterdir()] == ["now.jpg"]


def test_a_picture_that_cannot_be_written_is_refused_before_the_run(tmp_path):
    with pytest.raises(InputError, match=r"now\.png is no name for the preview.*\.jpg"):
        LivePicture(tmp_path / "now.png")
    with pytest.raises(InputError, match=r"folder does not exist"):
        LivePicture(tmp_path / "no/now.jpg")
