"""Right answers to the final project's exercise in other styles than the solution's: the check may not refuse them."""

import numpy as np
from scipy.spatial import cKDTree


class VotesOfFive:
    """Five pixels of the first and the last frame vote, the nearer the more."""

    def start(self, frame, masks):
        self.ids = np.unique(masks)
        self.memory = [(self._features(frame), masks.ravel())] * 2

    def step(self, frame):
        here = self._features(frame)
        points, labels = (np.concatenate(part) for part in zip(*self.memory))
        distance, near = cKDTree(points).query(here, k=5)
        weights = 1 / (distance + 0.01)
        votes = [(weights * (labels[near] == i)).sum(axis=1) for i in self.ids]
        answer = self.ids[np.argmax(votes, axis=0)]
        self.memory[1] = here, answer
        return answer.reshape(frame.shape[:2])

    @staticmethod
    def _features(frame):
        H, W = frame.shape[:2]
        y, x = np.indices((H, W)).reshape(2, -1) / H
        return np.column_stack([frame.reshape(-1, 3) / 255, 0.3 * y, 0.3 * x])


class ColourWhereItWas:
    """The nearest colour of the first frame, among labels that were near by in the last frame."""

    def start(self, frame, masks):
        self.ids, self.last = np.unique(masks), masks
        y, x = np.mgrid[: frame.shape[0], : frame.shape[1]] / frame.shape[0] / 3
        self.place = np.dstack([y, x])
        points = np.dstack([frame / 255, self.place])
        self.first = {i: cKDTree(points[masks == i]) for i in self.ids}
        self.then = frame

    def step(self, frame):
        points = np.dstack([frame / 255, self.place])
        before = np.dstack([self.then / 255, self.place])
        costs = []
        for i in self.ids:
            old = self.first[i].query(points)[0]
            here = self.last == i
            new = cKDTree(before[here]).query(points)[0] if here.any() else old + 1
            costs.append(np.minimum(old, new))
        self.last, self.then = self.ids[np.argmin(costs, axis=0)], frame
        return self.last


RIGHT = {"project-1": [VotesOfFive, ColourWhereItWas]}
