"""The mask inspector: a video with its masks, its errors and its scores, to scrub through in a notebook or on a page.

Everything travels to the browser with the widget (`inspector.js` draws it), so that a printed page without a kernel
can do what JupyterLab can.
"""

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

import anywidget
import cv2
import numpy as np
import traitlets
from PIL import Image

from vosbook.metrics.scores import frame_scores
from vosbook.video.labels import object_ids
from vosbook.view.overlay import ERROR_COLOURS, ERROR_NAMES, object_colour
from vosbook.view.scripts import together

MODES = ("prediction", "truth", "errors")


class Inspector(anywidget.AnyWidget):
    """Scrub and play a video with its masks; compare a prediction with the truth, by eye and by J and F.

    `frames` are uint8 (H, W, 3) RGB; `truth` and `prediction`, either of them optional, one label map uint8 (H, W) a
    frame: 0 background, 255 void. All three are read once, in step, and may be generators. `names` gives objects
    names by id. `frame_names` stand beside the frames' numbers; without them, those that a folder or a video file
    as `frames` has. Scores are computed at full size; what is drawn is at most `max_width` pixels wide, frames as JPEG
    of `quality` 1..95. `fps` is the speed of play. ValueError if lengths or sizes differ.

    Python can read and set `frame` (from 0), `opacity` (0..1), `outline`, `mode` (one of MODES), and `hidden`, the
    ids that are not drawn. `scores` holds J and F: {id: {"J": [...], "F": [...]}}, NaN before an object's first frame.
    """

    _esm = together("controls.js", "inspector.js")
    _css = together("controls.css", "inspector.css")

    frame = traitlets.Int(0).tag(sync=True)
    opacity = traitlets.Float(0.5, min=0, max=1).tag(sync=True)
    outline = traitlets.Bool(True).tag(sync=True)
    mode = traitlets.Enum(MODES, default_value="prediction").tag(sync=True)
    hidden = traitlets.List(traitlets.Int()).tag(sync=True)

    # What the browser draws from; see `inspector.js`. Bytes leave Python as binary buffers.
    _frames = traitlets.List(traitlets.Bytes()).tag(sync=True)  # JPEG, T of them
    _truth = traitlets.List(traitlets.Bytes()).tag(sync=True)  # zlib of the labels' h*w bytes, T of them or none
    _prediction = traitlets.List(traitlets.Bytes()).tag(sync=True)
    _size = traitlets.Tuple(traitlets.Int(), traitlets.Int()).tag(sync=True)  # (h, w) as drawn
    _fps = traitlets.Float().tag(sync=True)
    _frame_names = traitlets.List(traitlets.Unicode()).tag(sync=True)  # T of them or none
    _objects = traitlets.List(traitlets.Dict()).tag(sync=True)  # id, name, colour; J and F where they are scored
    _errors = traitlets.List(traitlets.Dict()).tag(sync=True)  # name and colour of each kind

    def __init__(
        self,
        frames: Iterable[np.ndarray],
        *,
        truth: Iterable[np.ndarray] | None = None,
        prediction: Iterable[np.ndarray] | None = None,
        names: Mapping[int, str] | None = None,
        frame_names: Sequence[str] | None = None,
        max_width: int = 640,
        fps: float = 10,
        quality: int = 80,
    ):
        packed = _Packed(max_width, quality)
        for frame, true_labels, labels in _in_step(frames, truth, prediction):
            packed.add(frame, true_labels, labels)
        if not packed.frames:
            raise ValueError("frames is empty: give at least one")
        frame_names = list(getattr(frames, "names", ()) if frame_names is None else frame_names)
        if frame_names and len(frame_names) != len(packed.frames):
            raise ValueError(f"frame_names has {len(frame_names)} names for {len(packed.frames)} frames: give one each")
        self.scores = packed.scores
        super().__init__(
            mode="truth" if prediction is None else "prediction",
            _frames=packed.frames,
            _truth=packed.truth,
            _prediction=packed.prediction,
            _size=packed.size,
            _fps=fps,
            _frame_names=frame_names,
            _objects=[self._object(i, names or {}) for i in sorted(packed.ids)],
            _errors=[{"name": ERROR_NAMES[kind], "colour": ERROR_COLOURS[kind]} for kind in ERROR_NAMES],
        )

    def _object(self, i: int, names: Mapping[int, str]) -> dict:
        """What the browser is told about object `i`. JSON has no NaN: null stands for it."""
        curves = {
            measure: [None if np.isnan(value) else round(value, 4) for value in values]
            for measure, values in self.scores.get(i, {}).items()
        }
        return {"id": i, "name": names.get(i, f"object {i}"), "colour": object_colour(i), **curves}

    @traitlets.validate("frame")
    def _check_frame(self, proposal: dict) -> int:
        if not 0 <= proposal["value"] < len(self._frames):
            raise ValueError(f"frame must be in 0..{len(self._frames) - 1}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("mode")
    def _check_mode(self, proposal: dict) -> str:
        mode = proposal["value"]
        needs = {"prediction": [self._prediction], "truth": [self._truth], "errors": [self._prediction, self._truth]}
        if self._frames and any(self._prediction or self._truth) and not all(needs[mode]):
            raise ValueError(f"mode {mode!r} needs masks that this inspector was not given")
        return mode

    @property
    def weight(self) -> int:
        """Bytes of frames and masks; a saved page holds 4/3 of that (base64)."""
        return sum(map(len, [*self._frames, *self._truth, *self._prediction]))

    def __repr__(self) -> str:
        height, width = self._size
        return f"Inspector({len(self._frames)} frames of {width}x{height}, {len(self._objects)} objects)"


class _Packed:
    """A video made small enough to travel, and its scores at full size."""

    def __init__(self, max_width: int, quality: int):
        self.max_width, self.quality = max_width, quality
        self.frames: list[bytes] = []
        self.truth: list[bytes] = []
        self.prediction: list[bytes] = []
        self.size = (0, 0)
        self.ids: set[int] = set()
        self.scores: dict[int, dict[str, list[float]]] = {}
        self._full_size: tuple[int, ...] | None = None

    def add(self, frame: np.ndarray, truth: np.ndarray | None, prediction: np.ndarray | None) -> None:
        self._check(frame, truth, prediction)
        self.frames.append(self._jpeg(frame))
        for labels, kept in ((truth, self.truth), (prediction, self.prediction)):
            if labels is not None:
                self.ids.update(object_ids(labels))
                kept.append(zlib.compress(self._shrink(labels, cv2.INTER_NEAREST).tobytes(), 9))
        if truth is not None and prediction is not None:
            self._score(prediction, truth)

    def _check(self, frame: np.ndarray, truth: np.ndarray | None, prediction: np.ndarray | None) -> None:
        t = len(self.frames)
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(f"frame {t} must be uint8 (H, W, 3), got {frame.dtype} {frame.shape}")
        self._full_size = self._full_size or frame.shape
        if frame.shape != self._full_size:
            raise ValueError(f"frame {t} has shape {frame.shape}, and those before it {self._full_size}")
        for kind, labels in (("truth", truth), ("prediction", prediction)):
            if labels is not None and (labels.dtype != np.uint8 or labels.shape != frame.shape[:2]):
                raise ValueError(
                    f"{kind} {t} must be uint8 {frame.shape[:2]} like its frame, got {labels.dtype} {labels.shape}"
                )

    def _shrink(self, image: np.ndarray, interpolation: int) -> np.ndarray:
        """At most `max_width` pixels wide: (H, W, ...) -> (h, w, ...)."""
        height, width = image.shape[:2]
        if width > self.max_width:
            new_size = (self.max_width, max(1, round(height * self.max_width / width)))
            image = cv2.resize(image, new_size, interpolation=interpolation)
        self.size = image.shape[:2]
        return np.ascontiguousarray(image)

    def _jpeg(self, frame: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(self._shrink(frame, cv2.INTER_AREA)).save(buffer, "JPEG", quality=self.quality, optimize=True)
        return buffer.getvalue()

    def _score(self, prediction: np.ndarray, truth: np.ndarray) -> None:
        """Add this frame's J and F of every object of the truth so far; before its first frame an object has none."""
        before = len(self.frames) - 1
        for i in object_ids(truth):
            self.scores.setdefault(i, {"J": [np.nan] * before, "F": [np.nan] * before})
        ids = list(self.scores)
        for i, j, f in zip(ids, *frame_scores(prediction, truth, ids)):
            self.scores[i]["J"].append(float(j))
            self.scores[i]["F"].append(float(f))


_ENDED = np.empty(0, np.uint8)  # stands where there is nothing more


def _in_step(
    frames: Iterable[np.ndarray], truth: Iterable[np.ndarray] | None, prediction: Iterable[np.ndarray] | None
) -> Iterator[tuple[np.ndarray, np.ndarray | None, np.ndarray | None]]:
    """Frame, truth and prediction of one moment at a time; None for what was not given."""
    kinds = {"frames": frames, "truth": truth, "prediction": prediction}
    given = {kind: items for kind, items in kinds.items() if items is not None}
    for t, items in enumerate(zip_longest(*given.values(), fillvalue=_ENDED)):
        moment = dict(zip(given, items))
        for kind, item in moment.items():
            if item is _ENDED:
                raise ValueError(f"{kind} ended after {t}, but the others go on: give one of each per frame")
        yield moment["frames"], moment.get("truth"), moment.get("prediction")
