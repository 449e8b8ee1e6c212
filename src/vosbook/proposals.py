"""Instance proposals: masks of whatever objects a frame shows, each with a category and a score.

OSVOS-S (Maninis et al., TPAMI 2018, section 4.2) takes them from an instance segmenter that knows nothing of the video.
Here that is torchvision's Mask R-CNN, a file that any detector has written, or a source for synthetic video that knows
the truth and makes as many errors as it is asked to.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import cv2
import numpy as np
import torch
import torchvision
from scipy.ndimage import distance_transform_edt

from vosbook.datasets.sequence import FrameStream, Sequence
from vosbook.errors import InputError
from vosbook.exchange.coco import CocoFile, Image, Instance, mask_of, read_coco
from vosbook.weights import find_weights, read_tensors
from vosbook.words import some

MASK_RCNN = "maskrcnn_resnet50_fpn"
WEIGHTS = torchvision.models.detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1
COCO = tuple(WEIGHTS.meta["categories"])  # by label


@dataclass(frozen=True)
class Proposals:
    """What a source says of one frame: N instances."""

    masks: np.ndarray  # bool (N, H, W); they may overlap
    categories: tuple[str, ...]  # N
    scores: np.ndarray  # float (N,), in 0..1: how sure the source is

    def __post_init__(self) -> None:
        if self.masks.ndim != 3 or self.masks.dtype != bool:
            raise ValueError(f"masks must be bool (N, H, W), got {self.masks.dtype} {self.masks.shape}")
        if not len(self.masks) == len(self.categories) == len(self.scores):
            counts = len(self.masks), len(self.categories), len(self.scores)
            raise ValueError(
                "there must be as many categories and scores as masks, got {} masks, {}, {}".format(*counts)
            )

    def __len__(self) -> int:
        return len(self.masks)


class ProposalSource(Protocol):
    """Anything that proposes instances, frame by frame."""

    def propose(self, frame: np.ndarray) -> Proposals:
        """The instances of a frame `uint8 (H, W, 3)` RGB; their masks have its size."""


# --------------------------------------------------------------------------------------------------- Mask R-CNN


class MaskRcnn:
    """torchvision's Mask R-CNN with a ResNet-50-FPN: 34.6 mask AP on COCO's val2017 by its authors' count."""

    def __init__(self, network: torchvision.models.detection.MaskRCNN, categories: tuple[str, ...] = COCO):
        """`categories` by label, the background first."""
        self.network, self.categories = network.eval(), categories

    @classmethod
    def load(cls, weights: Path | None = None, *, device: str | torch.device = "cpu") -> "MaskRcnn":
        """The network with COCO's weights: those of the file `weights`, else found as a backbone's are.

        InputError: weights that cannot be had, or a file that holds something else.
        """
        path = weights or find_weights(MASK_RCNN, WEIGHTS.url)
        if path is None:
            raise InputError(
                f"Mask R-CNN's weights are missing and cannot be downloaded: fetch {WEIGHTS.url} where there is a "
                "network, and give the file as --detector, or put it into VOSBOOK_DATA/weights; or give what "
                "another detector has found as --proposals"
            )
        network = torchvision.models.detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        try:
            network.load_state_dict(read_tensors(path))
        except RuntimeError as error:
            key = str(error).splitlines()[1].strip()
            raise InputError(f"{path} is not torchvision's {MASK_RCNN} ({key[:80]}): take {WEIGHTS.url}") from None
        return cls(network.to(device))

    @torch.no_grad()
    def propose(self, frame: np.ndarray) -> Proposals:
        """As `ProposalSource`. A pixel is an instance's where its soft mask is over one half, as in its paper."""
        device = next(self.network.parameters()).device
        image = torch.from_numpy(frame).to(device).permute(2, 0, 1).float() / 255  # (H, W, 3) -> (3, H, W)
        found = self.network([image])[0]
        return Proposals(
            masks=(found["masks"][:, 0] > 0.5).cpu().numpy(),  # (N, 1, H, W) -> (N, H, W)
            categories=tuple(self.categories[label] for label in found["labels"].tolist()),
            scores=found["scores"].cpu().numpy(),
        )


# ------------------------------------------------------------------------------------------------------- a file


class FileProposals:
    """Proposals of a video's frames that lie in a file: COCO's results, or its instances.

    A frame has no name by itself, so the frames pass through `follow` on their way to the method.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        names: tuple[str, ...],
        size: tuple[int, int],
        video: str,
        note: Callable[[str], None],
    ):
        """`names` are the frames' and `size` (H, W) is theirs; `video` is what they are called together.

        `note` is told what had to be guessed. InputError: a file that is damaged, or speaks of other frames.
        """
        file = read_coco(path)
        frame_of = frames_of_images(file, names=names, video=video, note=note)
        self.file, self.size = file, size
        self._instances: dict[str, list[Instance]] = {name: [] for name in frame_of.values()}
        for one in file.instances:
            if one.image in frame_of:
                self._instances[frame_of[one.image]].append(one)
        self._name = ""
        for name in self._instances:  # what is damaged shows now, not after an hour
            self.of(name)
        if missing := [name for name in names if not self._instances.get(name)]:
            note(f"{path} has no proposal in {len(missing)} of {len(names)} frames: {some(missing)}")

    def of(self, name: str, size: tuple[int, int] | None = None) -> Proposals:
        """The proposals of the frame `name`, of the size (H, W), which is the video's where none is given."""
        found = self._instances.get(name, [])
        masks = [mask_of(one, self.file.path, self.size) for one in found]
        if size is not None and size != self.size:
            masks = [cv2.resize(m.view(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0 for m in masks]
        return Proposals(
            masks=np.stack(masks) if masks else np.zeros((0, *(size or self.size)), bool),
            categories=tuple(one.category for one in found),
            scores=np.array([one.score for one in found]),
        )

    def follow(self, frames: FrameStream) -> "_Followed":
        """The frames as they are: `propose` answers for the one that was read last."""
        return _Followed(frames, self)

    def propose(self, frame: np.ndarray) -> Proposals:
        """As `ProposalSource`; a frame that was made smaller has its masks made smaller."""
        return self.of(self._name, frame.shape[:2])


class _Followed:
    """A `FrameStream` that tells a source which frame is at hand."""

    def __init__(self, frames: FrameStream, source: FileProposals):
        self.frames, self.source, self.names = frames, source, frames.names

    def __iter__(self) -> Iterator[np.ndarray]:
        for name, frame in zip(self.names, self.frames, strict=True):
            self.source._name = name
            yield frame


def frames_of_images(
    file: CocoFile, *, names: tuple[str, ...], video: str, note: Callable[[str], None]
) -> Mapping[Image, str]:
    """Which of the frames `names` of a `video` each image of a file is; images of others are left out.

    Names go by their last part, VIDEO/FRAME; where the file has several videos, by both. Where it has bare numbers,
    they are taken for those that the frames' names end in. InputError where none is a frame's, or it stays open which.
    """
    if all(isinstance(image.key, int) for image in file.images):
        found = _by_number(file.images, names)
        how = "the numbers in its image_id are taken for those of the frames"
    else:
        found = _by_name(file, names, video)
        folders = {PurePosixPath(str(image.key)).parent.name for image in found} - {"", video}
        how = f"its proposals are of {some(folders)}, and taken for {video}'s" if folders else ""
    if not found:
        has = some([str(image.key) for image in file.images], 2) or "nothing"
        raise InputError(f"{file.path} has {has}, and no frame of {video}, such as {names[0]}: name its images so")
    if how:
        note(f"{file.path}: {how}")
    return found


def _by_number(images: Iterable[Image], names: tuple[str, ...]) -> dict[Image, str]:
    numbers: dict[int, str] = {}
    for name in names:
        if match := re.search(r"\d+$", name):
            numbers[int(match[0])] = name
    found = {image: numbers[image.key] for image in images if image.key in numbers}
    return found if len(found) == len(list(images)) else {}  # one beside them, and all may be meant otherwise


def _by_name(file: CocoFile, names: tuple[str, ...], video: str) -> dict[Image, str]:
    known = set(names)
    parts = {image: PurePosixPath(str(image.key)) for image in file.images}
    found = {image: part.name for image, part in parts.items() if part.name in known}
    folders = {parts[image].parent.name for image in found}
    if len(folders) == 1:
        return found
    if folders and video not in folders:
        raise InputError(f"{file.path} is of several videos ({some(sorted(folders))}), and none is called {video}")
    return {image: name for image, name in found.items() if parts[image].parent.name == video}


# ---------------------------------------------------------------------------------------------- synthetic video


@dataclass(frozen=True)
class ProposalErrors:
    """How wrong a synthetic source is; without arguments it makes no error at all."""

    missed: float = 0.0  # chance that an instance is not proposed in a frame
    mistaken: float = 0.0  # chance that a proposal has another category
    coarse: float = 0.0  # how far borders are off: standard deviation, as a share of the root of the instance's area
    spurious: float = 0.0  # proposals a frame, in the mean, where no object is


class SyntheticProposals:
    """Proposals for sequences whose truth is known, with errors that are drawn anew for every frame.

    What is drawn for a frame depends on its pixels and the seed alone. Scores of instances are in .7..1, those of
    spurious proposals in .5..1, so that a score tells a little and not all.
    """

    def __init__(self, sequences: Iterable[Sequence], errors: ProposalErrors = ProposalErrors(), *, seed: int = 0):
        """Every frame must be annotated, every object have a category. ValueError where that is not so."""
        self.errors, self.seed = errors, seed
        self._truth: dict[bytes, Proposals] = {}  # without errors, by digest of the frame
        for sequence in sequences:
            for t, frame in enumerate(sequence.frames):
                self._truth[_digest(frame)] = _true_proposals(sequence, t)
        self._names = sorted({name for truth in self._truth.values() for name in truth.categories})

    def propose(self, frame: np.ndarray) -> Proposals:
        """As `ProposalSource`. ValueError: a frame of none of the sequences."""
        key = _digest(frame)
        if key not in self._truth:
            raise ValueError("the frame belongs to none of the sequences that this source was made for")
        truth, rng = self._truth[key], np.random.default_rng([self.seed, *key])
        found = [
            (self._border(mask, rng), self._category(name, rng), rng.uniform(0.7, 1))
            for mask, name in zip(truth.masks, truth.categories)
            if rng.random() >= self.errors.missed
        ]
        for _ in range(rng.poisson(self.errors.spurious)):
            blob = self._border(_ellipse(frame.shape[:2], rng), rng)
            found.append((blob, str(rng.choice(self._names)), rng.uniform(0.5, 1)))
        found = [one for one in found if one[0].any()]
        masks = np.stack([mask for mask, *_ in found]) if found else np.zeros((0, *frame.shape[:2]), bool)
        return Proposals(masks, tuple(name for _, name, _ in found), np.array([score for *_, score in found]))

    def _category(self, name: str, rng: np.random.Generator) -> str:
        others = [other for other in self._names if other != name]
        return str(rng.choice(others)) if others and rng.random() < self.errors.mistaken else name

    def _border(self, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The mask `bool (H, W)` with its border moved in and out by a smooth random field."""
        if not self.errors.coarse:
            return mask
        side = np.sqrt(mask.sum())
        inside = distance_transform_edt(mask) - distance_transform_edt(~mask)  # pixels from the border
        knots = [2 + int(2 * n / side) for n in mask.shape]  # two to a side
        field = cv2.resize(rng.standard_normal(knots), mask.shape[::-1], interpolation=cv2.INTER_CUBIC)
        return inside + self.errors.coarse * side * field / field.std() > 0


def _digest(frame: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(frame).data).digest()


def _true_proposals(sequence: Sequence, t: int) -> Proposals:
    labels = sequence.labels(t)
    categories = {o.id: o.category for o in sequence.objects if o.category is not None}
    if unnamed := [o.id for o in sequence.objects if o.id not in categories]:
        raise ValueError(f"object {unnamed[0]} of {sequence.name} has no category")
    seen = [i for i in categories if (labels == i).any()]
    masks = labels == np.array(seen, np.uint8)[:, None, None]  # (N, H, W)
    return Proposals(masks, tuple(categories[i] for i in seen), np.ones(len(seen)))


def _ellipse(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """An ellipse `bool (H, W)` anywhere in view, between a tenth and a quarter of H in either radius."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    middle, radii = rng.uniform(0, size, 2), rng.uniform(0.1, 0.25, 2) * size[0]
    return ((rows - middle[0]) / radii[0]) ** 2 + ((columns - middle[1]) / radii[1]) ** 2 < 1
