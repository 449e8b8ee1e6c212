"""The mask painter: draw the objects of a frame in a notebook, by hand, or by a box or a click that finds them.

`painter.js` draws; the labels come back after every stroke. A frame and its labels travel as they do for the
inspector: JPEG, and zlib of the labels' bytes.
"""

import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import anywidget
import numpy as np
import traitlets
from PIL import Image

from vosbook.errors import InputError
from vosbook.output import output_file
from vosbook.video.labels import check_objects, object_ids
from vosbook.video.masks import write_mask
from vosbook.view.assist import Clicks, grab_cut
from vosbook.view.overlay import OBJECT_COLOURS
from vosbook.view.scripts import together

TOOLS = ("brush", "eraser", "polygon", "box", "click")
QUALITY = 90  # of the JPEG that is drawn on


class Painter(anywidget.AnyWidget):
    """Draw masks on `frame`, uint8 (H, W, 3) RGB, beginning with `labels`, uint8 (H, W), where they are given.

    `names` gives objects names by id, and has them ready to be drawn; without it there is object 1. `proposals`, bool
    (N, H, W), are masks of which a click takes the smallest that lies there. Python can read
    and set `labels`, `object` (the id that is drawn), `tool` (one of TOOLS) and `radius`, the brush's, in pixels of
    the frame. Setting `labels` is a step that the painter's undo takes back. ValueError for arrays of another form.
    """

    _esm = together("controls.js", "geometry.js", "sheet.js", "session.js", "stage.js", "tools.js", "painter.js")
    _css = together("controls.css", "painter.css")

    object = traitlets.Int(1).tag(sync=True)
    tool = traitlets.Enum(TOOLS, default_value="brush").tag(sync=True)
    radius = traitlets.Float(min=0.5).tag(sync=True)

    # What the browser draws from; see `painter.js`. Bytes leave Python as binary buffers.
    _frame = traitlets.Bytes().tag(sync=True)  # JPEG
    # zlib of the labels' H*W bytes; from the browser they come as a memoryview, which `Bytes` would refuse
    _labels = traitlets.Bytes().tag(sync=True, from_json=lambda data, widget: bytes(data))
    _edition = traitlets.Int(0).tag(sync=True)  # how often Python has set the labels
    _key = traitlets.Unicode().tag(sync=True)  # under which the browser keeps the drawing when the page is loaded again
    _size = traitlets.Tuple(traitlets.Int(), traitlets.Int()).tag(sync=True)  # (H, W)
    _objects = traitlets.List(traitlets.Dict()).tag(sync=True)  # id and name
    _colours = traitlets.List(traitlets.Tuple()).tag(sync=True)  # of ids 1, 2, ...; the next id starts over

    def __init__(
        self,
        frame: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        names: Mapping[int, str] | None = None,
        proposals: np.ndarray | None = None,
    ):
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(f"frame must be uint8 (H, W, 3), got {frame.dtype} {frame.shape}")
        self.frame = frame
        if proposals is not None and (proposals.dtype != bool or proposals.shape[1:] != frame.shape[:2]):
            raise ValueError(f"proposals must be bool (N, H, W), got {proposals.dtype} {proposals.shape}")
        self._clicks = Clicks(frame, proposals)
        labels = np.zeros(frame.shape[:2], np.uint8) if labels is None else self._checked(labels)
        names = dict(names or {})
        ids = sorted({*names, *object_ids(labels)} or {1})
        super().__init__(
            object=ids[0],
            radius=max(2.0, round(max(frame.shape) / 50)),
            _frame=_jpeg(frame),
            _labels=_packed(labels),
            _key=uuid4().hex,
            _size=frame.shape[:2],
            _objects=[{"id": i, "name": names.get(i, f"object {i}")} for i in ids],
            _colours=OBJECT_COLOURS,
        )
        self.on_msg(self._on_message)

    @traitlets.validate("object")
    def _check_object(self, proposal: dict) -> int:
        ids = [entry["id"] for entry in self._objects]
        if ids and proposal["value"] not in ids:
            raise ValueError(f"object must be one of the painter's, {ids}, got {proposal['value']}")
        return proposal["value"]

    @property
    def labels(self) -> np.ndarray:
        """What is drawn: a new uint8 (H, W), 0 background, ids as in the painter."""
        return _unpacked(self._labels, self._size)

    @labels.setter
    def labels(self, labels: np.ndarray) -> None:
        self._checked(labels)
        with self.hold_sync():  # the browser gets all at once
            self._edition += 1
            self._list_objects(labels)
            self._labels = _packed(labels)

    def drawn(self, labels: bytes) -> None:
        """Take labels as the browser sends them, zlib of H*W bytes, where no kernel's messages do that."""
        self._list_objects(_unpacked(labels, self._size))
        self._labels = labels

    def _list_objects(self, labels: np.ndarray) -> None:
        known = {entry["id"] for entry in self._objects}
        new = [{"id": i, "name": f"object {i}"} for i in object_ids(labels) if i not in known]
        self._objects = [*self._objects, *new]

    def save(self, path: str | Path) -> Path:
        """Write the labels as an indexed PNG, a first mask for any method, and return its path.

        InputError where no object is drawn, one covers the whole frame, or the file cannot be written: then whatever
        was there stays.
        """
        check_objects(self.labels, "the drawn mask")
        with output_file(path) as partial:
            write_mask(partial, self.labels)
        return Path(path)

    def __repr__(self) -> str:
        height, width = self._size
        return f"Painter({width}x{height}, objects {object_ids(self.labels)})"

    def _checked(self, labels: np.ndarray) -> np.ndarray:
        if labels.dtype != np.uint8 or labels.shape != self.frame.shape[:2]:
            size = self.frame.shape[:2]
            raise ValueError(f"labels must be uint8 {size} like the frame, got {labels.dtype} {labels.shape}")
        return labels

    def answer(self, message: dict[str, Any]) -> str:
        """What the browser asks for: an object in a box, or at a click. The labels change, or the text says why not."""
        try:
            self.labels = self._found(message)
        except InputError as error:
            return str(error)
        if "box" in message:
            return "found; mend it with brush and eraser, or Ctrl+Z takes it back"
        return "found; click on what is missing, or on what is too much; Ctrl+Z takes it back"

    def _found(self, message: dict[str, Any]) -> np.ndarray:
        i, labels = int(message["object"]), self.labels
        sure = _of_runs(message["sure"], labels.shape)
        if "box" in message:
            left, top, right, bottom = map(int, message["box"])
            return grab_cut(self.frame, labels, (left, top, right, bottom), i=i, sure=sure)
        x, y = map(int, message["click"])
        return self._clicks.find(labels, (x, y), i=i, sure=sure, away=message["away"])

    def _on_message(self, _: "Painter", message: dict[str, Any], buffers: list[bytes]) -> None:
        self.send({"text": self.answer(message)})


def _jpeg(frame: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=QUALITY, subsampling=0)  # 0: colours keep their edges
    return buffer.getvalue()


def _packed(labels: np.ndarray) -> bytes:
    return zlib.compress(np.ascontiguousarray(labels).tobytes())


def _unpacked(labels: bytes, size: tuple[int, int]) -> np.ndarray:
    return np.frombuffer(zlib.decompress(labels), np.uint8).reshape(size).copy()


def _of_runs(runs: list[int], size: tuple[int, int]) -> np.ndarray:
    """bool (H, W) of values and how often each stands there in a row."""
    return np.repeat(np.array(runs[::2], bool), runs[1::2]).reshape(size)
