"""Sequences in memory, made from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.datasets.synthetic.attributes import Evidence, measure_tags
from vosbook.datasets.synthetic.dice import Dice
from vosbook.datasets.synthetic.render import Picture, render
from vosbook.datasets.synthetic.scene import Scene, SyntheticConfig, draw_scene
from vosbook.errors import InputError

LEAST_SHOWN = 0.4  # share of itself that every object that starts in view shows in frame 0


class ArrayFrames:
    """Frames held in memory: `pixels` uint8 (T, H, W, 3) RGB."""

    def __init__(self, pixels: np.ndarray, names: tuple[str, ...]):
        self.pixels = pixels
        self.names = names
        self.size: tuple[int, int] = pixels.shape[1:3]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, t: int) -> np.ndarray:
        return self.pixels[t]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.pixels)


class ArrayMasks:
    """Masks held in memory: `labels` uint8 (T, H, W), one for each of `names`."""

    def __init__(self, labels: np.ndarray, names: tuple[str, ...]):
        self.labels = labels
        self.names = names
        self._place = {name: t for t, name in enumerate(names)}

    def __contains__(self, name: object) -> bool:
        return name in self._place

    def __getitem__(self, name: str) -> np.ndarray:
        return self.labels[self._place[name]]


@dataclass(frozen=True)
class Shot:
    """A scene with its rendered frames: what a sequence and its tags are made of."""

    scene: Scene
    pictures: list[Picture]


def film(seed: int, config: SyntheticConfig) -> Shot:
    """Draw scenes until one starts well, and render it. InputError for a seed below 0."""
    if seed < 0:
        raise InputError(f"the seed is {seed}: give 0 or more")
    attempts = count()
    while True:
        dice = Dice(seed, next(attempts))
        scene = draw_scene(dice, config)
        pictures = render(scene, config.frames, config.size, dice)
        first = next(pictures)
        present = [first.seen[actor.id] for actor in scene.actors if actor.id and not actor.late]
        if all(s.visible > LEAST_SHOWN * s.whole for s in present):
            return Shot(scene, [first, *pictures])


def make_sequence(seed: int, config: SyntheticConfig = SyntheticConfig()) -> Sequence:  # noqa: B008 - frozen
    """An annotated sequence, the same bit for bit whenever it is made from this seed and configuration.

    Frames are uint8 (H, W, 3) RGB, named 00000, 00001, ...; every frame has its mask. Objects are numbered from 1.
    """
    shot = film(seed, config)
    names = tuple(f"{t:05d}" for t in range(config.frames))
    objects = tuple(_objects(shot, names))
    return Sequence(
        name=f"synthetic-{seed:07d}",
        frames=ArrayFrames(np.stack([p.frame for p in shot.pictures]), names),
        masks=ArrayMasks(np.stack([p.labels for p in shot.pictures]), names),
        objects=objects,
        attributes=measure_tags(Evidence(shot.scene, shot.pictures), [o.id for o in objects]),
    )


def _objects(shot: Shot, names: tuple[str, ...]) -> Iterator[VideoObject]:
    """The objects that show at all, by id."""
    for actor in sorted(shot.scene.actors, key=lambda a: a.id):
        shown = [name for name, p in zip(names, shot.pictures) if actor.id and p.seen[actor.id].visible]
        if shown:
            yield VideoObject(actor.id, shown[0], actor.category)
