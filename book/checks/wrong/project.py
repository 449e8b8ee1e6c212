"""Wrong answers to the final project's exercise, named after the mistake."""

import numpy as np
from scipy.spatial import cKDTree


class Still:
    """Never moves the first masks."""

    def start(self, frame, masks):
        self.masks = masks

    def step(self, frame):
        return self.masks


class NearestMeanColour:
    """Gives every pixel to the object, or the background, whose mean colour is nearest."""

    def start(self, frame, masks):
        self.ids = np.unique(masks)
        self.means = np.stack([frame[masks == i].mean(axis=0) for i in self.ids])

    def step(self, frame):
        return self.ids[((frame[:, :, None] - self.means) ** 2).sum(axis=-1).argmin(axis=-1)]


class _Votes:
    """A tracker that works: the pixels of the first and of the last frame vote by colour and place."""

    def start(self, frame, masks):
        self.first = self.last = self._features(frame), masks.ravel()

    def step(self, frame):
        here = self._features(frame)
        points, labels = (np.concatenate(part) for part in zip(self.first, self.last))
        near = labels[cKDTree(points).query(here, k=3)[1]]
        labels = np.where(near[:, 1] == near[:, 2], near[:, 1], near[:, 0])
        self.last = here, labels
        return labels.reshape(frame.shape[:2])

    @staticmethod
    def _features(frame):
        y, x = np.mgrid[: frame.shape[0], : frame.shape[1]] / frame.shape[0] / 2
        return np.dstack([frame / 255, y, x]).reshape(-1, 5)


class NearestColour:
    """Gives every pixel the label of the first frame's pixel whose colour is nearest: the twin has the same colours."""

    def start(self, frame, masks):
        self.tree, self.labels = cKDTree(frame.reshape(-1, 3) / 255), masks.ravel()

    def step(self, frame):
        return self.labels[self.tree.query(frame.reshape(-1, 3) / 255)[1]].reshape(frame.shape[:2])


class ColourHistogram:
    """Asks which label had the largest share of pixels of a colour."""

    def start(self, frame, masks):
        self.ids, bins = np.unique(masks), self._bins(frame)
        counts = [np.bincount(bins[masks == i], minlength=512) / (masks == i).sum() for i in self.ids]
        self.shares = np.stack(counts)  # (ids, 512)

    def step(self, frame):
        return self.ids[self.shares[:, self._bins(frame)].argmax(axis=0)]

    @staticmethod
    def _bins(frame):
        return (frame // 32).astype(int) @ np.array([64, 8, 1])


class OneShiftForAll:
    """Moves the first masks as the whole frame moves, which is not what an object does."""

    def start(self, frame, masks):
        self.before, self.masks = frame.mean(axis=2), masks

    def step(self, frame):
        grey = frame.mean(axis=2)
        spectrum = np.fft.fft2(grey) * np.conj(np.fft.fft2(self.before))
        peak = np.abs(np.fft.ifft2(spectrum / (np.abs(spectrum) + 1e-9))).argmax()
        self.before, self.masks = grey, np.roll(self.masks, np.unravel_index(peak, grey.shape), (0, 1))
        return self.masks


class ColourOfBothFrames(_Votes):
    """The pixels of two frames vote by colour alone."""

    @staticmethod
    def _features(frame):
        return (frame / 255).reshape(-1, 3)


class Everything(_Votes):
    """Calls all that is near an object the object's: masks that grow from frame to frame."""

    def step(self, frame):
        labels = super().step(frame)
        for axis in (0, 1):
            for by in (-3, 3):
                labels = np.maximum(labels, np.roll(labels, by, axis))
        return labels


class NumbersAnew(_Votes):
    """Returns 1, 2, ... in place of the ids that were given."""

    def start(self, frame, masks):
        super().start(frame, np.unique(masks, return_inverse=True)[1].reshape(masks.shape).astype(np.uint8))


class OneForAll(_Votes):
    """Keeps its state in the class, so that two trackers share it."""

    def __setattr__(self, name, value):
        setattr(type(self), name, value)


class WideLabels(_Votes):
    """Returns labels of 64 bits."""

    def step(self, frame):
        return super().step(frame).astype(np.int64)


class AllLost(_Votes):
    """Returns background from the second frame on."""

    def step(self, frame):
        return np.zeros(frame.shape[:2], np.uint8)


class OneOfThem(_Votes):
    """Follows the object with the lowest id, and calls all others background."""

    def start(self, frame, masks):
        super().start(frame, np.where(masks == masks[masks > 0].min(), masks, 0).astype(np.uint8))


WRONG = {
    "project-1": [
        Still,
        NearestMeanColour,
        NearestColour,
        ColourHistogram,
        ColourOfBothFrames,
        OneShiftForAll,
        Everything,
        NumbersAnew,
        OneForAll,
        WideLabels,
        AllLost,
        OneOfThem,
    ]
}
