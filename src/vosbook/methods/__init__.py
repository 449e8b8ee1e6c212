"""The four systems, each a network and the `Segmenter` that runs it, and the registry of them by name."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosbook.errors import InputError
from vosbook.segmenter import Segmenter

if TYPE_CHECKING:
    from vosbook.proposals import ProposalSource
    from vosbook.training.fine_tune import Budget

log = logging.getLogger(__name__)

# A method is imported when it is built: listing them should not wait for torch.


@dataclass(frozen=True)
class Method:
    """What the registry knows of a method. `build` takes the keyword arguments of `build` below, but the name."""

    name: str
    paper: str
    needs: str  # weights or training, in words
    build: Callable[..., Segmenter]
    zero_shot: bool = False  # finds the objects itself
    tuned: bool = False  # on the first frame, for a time: its `build` takes a `budget` as well
    by_looks: bool = False  # knows objects by their looks, not by where they were: it can leave frames out
    half: bool = False  # its steps can be computed in half precision: nothing is learned in them
    guided: bool = False  # by instance proposals: its `build` takes a source of `proposals`, or a `detector`'s weights
    reads_backbone: bool = False  # from a file of its own: its `build` takes `backbone_weights`. Others have it inside


def _frtm_d_only(*, checkpoint: Path | None, **options: Any) -> Segmenter:
    from vosbook.methods.frtm import FrtmSegmenter

    if checkpoint is not None:
        raise InputError(f"{checkpoint} is no use to frtm-d-only, which is not trained: leave --checkpoint out")
    return _enlarged(FrtmSegmenter.d_only(**options))


def _frtm(**options: Any) -> Segmenter:
    from vosbook.methods.frtm import FULL, FrtmSegmenter

    return _enlarged(FrtmSegmenter.complete(FULL, **options))


def _frtm_fast(**options: Any) -> Segmenter:
    from vosbook.methods.frtm import FAST, FrtmSegmenter

    return _enlarged(FrtmSegmenter.complete(FAST, **options))


def _enlarged(segmenter: Any) -> Segmenter:
    """One of FRTM's, which enlarges frames with small objects where its backbone gains by that."""
    from vosbook.methods.frtm import enlarge_for

    segmenter.enlarge = enlarge_for(segmenter.backbone)
    return segmenter


def _s2s(**options: Any) -> Segmenter:
    from vosbook.methods.s2s import S2SSegmenter

    return S2SSegmenter.load(**options)


def _s2s_online(**options: Any) -> Segmenter:
    from vosbook.methods.s2s import OnlineConfig, S2SSegmenter

    return S2SSegmenter.load(OnlineConfig(), **options)


def _rvos(**options: Any) -> Segmenter:
    from vosbook.methods.rvos import RvosSegmenter

    return RvosSegmenter.load("rvos", **options)


def _rvos_zero_shot(**options: Any) -> Segmenter:
    from vosbook.methods.rvos import RvosSegmenter

    return RvosSegmenter.load("rvos-zero-shot", **options)


def _osvos(*, device: str, **options: Any) -> Segmenter:
    from vosbook.contours.detector import Snapper

    return _osvos_fast(snapper=Snapper.load(device=device), device=device, **options)


def _osvos_fast(*, budget: float | None, **options: Any) -> Segmenter:
    from vosbook.methods.osvos import OnlineConfig, OsvosSegmenter

    return OsvosSegmenter.load(OnlineConfig(budget=_seconds(budget)), **options)


def _osvos_s(*, budget: float | None, device: str, **options: Any) -> Segmenter:
    from vosbook.contours.detector import Snapper
    from vosbook.methods.osvos_s import OsvosSConfig, OsvosSSegmenter

    snapper = Snapper.load(device=device)
    return OsvosSSegmenter.load(OsvosSConfig(budget=_seconds(budget)), snapper=snapper, device=device, **options)


def _seconds(budget: float | None) -> "Budget":
    from vosbook.training.fine_tune import Budget

    return Budget() if budget is None else Budget(seconds=budget)


METHODS = {
    method.name: method
    for method in (
        Method(
            "frtm",
            "Robinson et al. 2020",
            "trained: comes with networks for ResNet-18's ImageNet weights (a download) and the package's trunk",
            _frtm,
            by_looks=True,
            reads_backbone=True,
        ),
        Method(
            "frtm-fast",
            "Robinson et al. 2020",
            "trained: as frtm",
            _frtm_fast,
            by_looks=True,
            reads_backbone=True,
        ),
        Method(
            "frtm-d-only",
            "Robinson et al. 2020",
            "no training; ResNet-18's ImageNet weights (a download), else the package's trunk",
            _frtm_d_only,
            by_looks=True,
            reads_backbone=True,
        ),
        Method("s2s", "Xu et al. 2018", "trained: comes with a network for one or more objects", _s2s, half=True),
        Method("s2s-online", "Xu et al. 2018", "trained: as s2s; learns from the first frame", _s2s_online),
        Method("rvos", "Ventura et al. 2019", "trained: comes with a network for up to 10 objects", _rvos, half=True),
        Method(
            "rvos-zero-shot",
            "Ventura et al. 2019",
            "trained: comes with a network that takes no mask and finds up to 4 objects",
            _rvos_zero_shot,
            zero_shot=True,
            half=True,
        ),
        Method(
            "osvos",
            "Maninis et al. 2018",
            "trained: comes with a parent network; a minute for every object, or --budget",
            _osvos,
            tuned=True,
            by_looks=True,
            half=True,
        ),
        Method(
            "osvos-fast",
            "Maninis et al. 2018",
            "trained: as osvos; no snapping to contours; the best that needs no download",
            _osvos_fast,
            tuned=True,
            by_looks=True,
            half=True,
        ),
        Method(
            "osvos-s",
            "Maninis et al. 2018",
            "osvos's networks; instances, by Mask R-CNN (a download, or --detector) or of --proposals",
            _osvos_s,
            tuned=True,
            by_looks=True,
            guided=True,
        ),
    )
}


def build(
    name: str,
    *,
    backbone_weights: Path | None = None,
    checkpoint: Path | None = None,
    device: str = "auto",
    budget: float | None = None,
    proposals: "ProposalSource | None" = None,
    detector: Path | None = None,
    enlarge: float | None = None,
    note: Callable[[str], None] | None = None,
) -> Segmenter:
    """The method `name` with its paper's settings. `note` is called with a line that the user should know.

    `backbone_weights`: a file for the backbone of a method that does not have it in its own network; the others say
    that it is not used. `budget`: seconds of tuning for every object, where a method has such a time. `proposals`:
    where instances come from, where a method asks for them; None: from Mask R-CNN, whose weights `detector` may be.
    `enlarge`: how much larger than in the paper a method sees frames, where it can; None: as serves it best.
    InputError: an unknown method, a file that is missing or does not fit it, a budget, proposals or a detector that it
    has no use for, a device that is not there.
    """
    check_method(name, budget, proposals=proposals is not None, detector=detector is not None)
    method, note = METHODS[name], note or log.warning
    more: dict[str, Any] = {"budget": budget} if method.tuned else {}
    if method.guided:
        more |= {"proposals": proposals, "detector": detector}
    if method.reads_backbone:
        more["backbone_weights"] = backbone_weights
    elif backbone_weights is not None:
        _say_unused(backbone_weights, name, note)
    built = method.build(checkpoint=checkpoint, device=_device(device), note=note, **more)
    if enlarge is not None and hasattr(built, "enlarge"):
        built.enlarge = enlarge
    return built


def _say_unused(backbone_weights: Path, name: str, note: Callable[[str], None]) -> None:
    if not Path(backbone_weights).is_file():
        raise InputError(f"{backbone_weights} does not exist: check the path of the weight file")
    note(f"{backbone_weights} is not used: {name}'s network has its backbone inside, as it was trained")


def check_method(name: str, budget: float | None, *, proposals: bool = False, detector: bool = False) -> None:
    """InputError where there is no method `name`, or it has no use for `budget`, `proposals` or `detector`."""
    if name not in METHODS:
        raise InputError(f"there is no method {name}: choose one of {', '.join(METHODS)}")
    if budget is not None and not 0 <= budget < float("inf"):  # NaN is refused too
        raise InputError(f"a budget is seconds, 0 or more, got {budget}")
    if budget is not None and not METHODS[name].tuned:
        tuned = ", ".join(method.name for method in METHODS.values() if method.tuned)
        raise InputError(f"{name} is not tuned for a time, as {tuned} are: leave --budget out")
    if (proposals or detector) and not METHODS[name].guided:
        guided = ", ".join(method.name for method in METHODS.values() if method.guided)
        option = "--proposals" if proposals else "--detector"
        raise InputError(f"{name} takes no proposals, as {guided} does: leave {option} out")


def _device(name: str) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device on this machine: use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
