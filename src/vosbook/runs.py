"""Profiles (which data, which sizes), what runs measure, and run records (what was run, on what, and what came out).

A profile is `book/profiles/NAME.yml`. A record is `book/results/NAME.json`: every number that the book prints comes
from one, so it carries what is needed to ask for the number again.
"""

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from collections.abc import Sequence as Many
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.metrics.evaluate import frame_scores, statistics
from vosbook.metrics.stability import sequence_stability
from vosbook.segment import Segmenter, segment_frames

PACKAGES = ("vosbook", "torch", "torchvision", "numpy", "scipy", "scikit-image", "opencv-python-headless", "pillow")


def book_folder() -> Path:
    """The book: the folder `book/` in or above the working directory, else in the checkout the package runs from."""
    here = Path.cwd()
    for parent in (here, *here.parents, Path(__file__).parents[2]):
        for folder in (parent, parent / "book"):
            if (folder / "profiles" / "smoke.yml").is_file():
                return folder
    raise InputError(f"{here} is not inside the book: run this from a checkout of the repository")


# ---------------------------------------------------------------------------------------------------- profiles


@dataclass(frozen=True)
class Profile:
    """Settings of every chapter and run, under one name: the same notebook, other numbers."""

    name: str
    description: str
    defaults: Mapping[str, Any]
    settings: Mapping[str, Mapping[str, Any]]  # by chapter or run, e.g. "first_tracker"

    def of(self, name: str) -> dict[str, Any]:
        """Settings of one chapter or run: the profile's defaults, overridden by its own where it has some.

        Every answer has `data` (a list of specs for `load_sequence`), `backbone`, `device` and `seed`.
        """
        return {**self.defaults, **self.settings.get(name, {})}

    def of_variant(self, name: str, variant: str) -> dict[str, Any]:
        """`of(name)`, overridden by the entry `variant` of its `variants`. InputError names the variants there are."""
        settings = self.of(name)
        if variant not in settings["variants"]:
            known = ", ".join(settings["variants"])
            raise InputError(f"{name} in the profile {self.name} has no variant {variant}: it has {known}")
        return settings | settings["variants"][variant]


def lists_as_tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a frozen configuration takes them: YAML has lists where that has tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}


def load_profile(name: str) -> Profile:
    """Read `book/profiles/NAME.yml`. InputError names the profiles that exist."""
    folder = book_folder() / "profiles"
    path = folder / f"{name}.yml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yml")))
        raise InputError(f"{path} does not exist: the profiles are {known}")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Profile(name, content["description"], content["defaults"], content.get("settings") or {})


def script_parameters(**defaults: str) -> tuple[str, ...]:
    """Parameters of a run as its script was given them, NAME=VALUE after the file's name; else the defaults, in order.

    papermill sets a notebook's parameters, but torchrun starts the script itself:
    `torchrun --nproc-per-node 2 book/runs/train_frtm.py profile=small`. InputError: an argument that is none of them.
    """
    if "ipykernel" in sys.modules:  # a notebook: the arguments are the kernel's
        return tuple(defaults.values())
    for argument in sys.argv[1:]:
        name, equals, value = argument.partition("=")
        if name not in defaults or not equals:
            raise InputError(f"{argument}: {sys.argv[0]} takes {', '.join(f'{key}=VALUE' for key in defaults)}")
        defaults[name] = value
    return tuple(defaults.values())


# ---------------------------------------------------------------------------------------------------- measures


def score_sequence(segmenters: Mapping[Hashable, Segmenter], sequence: Sequence) -> dict[Hashable, dict[str, Any]]:
    """J and F of segmenters by name, each given the first frame's objects, and how long their frames took.

    As DAVIS scores: means over the annotated frames but the first and the last, then over objects. The segmenters take
    turns at every frame, so that those with a `SharedBackbone` can share it. Of each, by its name: `J`, `F`, `J&F`,
    `objects` (J and F by id), `seconds_first_frame` and `seconds_per_frame`. ValueError where under three frames are
    annotated.
    """
    names = sequence.frames.names
    annotated = [t for t, name in enumerate(names) if name in sequence.masks]
    scored = set(annotated[1:-1])
    if len(annotated) < 3:
        raise ValueError(f"{sequence.name} has {len(annotated)} masks, of which the first and last do not count")
    ids = [o.id for o in sequence.objects if o.first_frame == names[0]]
    given = {names[0]: sequence.labels(0)}
    labelled = {key: segment_frames(segmenter, sequence.frames, given) for key, segmenter in segmenters.items()}
    scores, seconds = defaultdict(list), defaultdict(list)
    for t in range(len(names)):
        truth = sequence.labels(t)
        for key, frames in labelled.items():
            start = time.perf_counter()
            labels = next(frames)
            seconds[key].append(time.perf_counter() - start)
            if t in scored:
                scores[key].append(frame_scores(labels, truth, ids))
    return {key: _summary(ids, np.array(scores[key]), seconds[key]) for key in segmenters}


def _summary(ids: list[int], scores: np.ndarray, seconds: list[float]) -> dict[str, Any]:
    """What `score_sequence` says of one segmenter, from the scores (T - 2, 2, N) of T annotated frames."""
    j, f = scores.mean(axis=0)  # (T - 2, 2, N) -> (2, N)
    return {
        "J": j.mean(),
        "F": f.mean(),
        "J&F": (j.mean() + f.mean()) / 2,
        "objects": {i: {"J": j[n], "F": f[n]} for n, i in enumerate(ids)},
        "seconds_first_frame": seconds[0],
        "seconds_per_frame": np.mean(seconds[1:]),
    }


def score_masks(masks: Many[np.ndarray], truth: Many[np.ndarray], *, timed: bool = True) -> dict[str, Any]:
    """One object's masks of a whole video against the true ones, both `(H, W)` and true on the object.

    As DAVIS 2016 scores: `J` and `F`, each with mean, recall and decay over the frames but the first and the last,
    `J&F`, and `T` over the pairs of frames in which both have a mask; None where there is no such pair, or where it is
    not `timed`. ValueError where there are under three frames.
    """
    masks, truth = ([np.asarray(mask) > 0 for mask in video] for video in (masks, truth))
    if len(truth) < 3:
        raise ValueError(f"there are {len(truth)} masks, of which the first and last do not count")
    pairs = zip(masks[1:-1], truth[1:-1], strict=True)
    scores = np.array([frame_scores(mask.astype(np.uint8), true.astype(np.uint8), [1]) for mask, true in pairs])
    j, f = (asdict(statistics(curve)) for curve in scores[..., 0].T)  # (T - 2, 2, 1) -> (T - 2,) each
    t = sequence_stability([truth[0], *masks[1:-1]]) if timed else np.nan
    return {"J": j, "F": f, "J&F": (j["mean"] + f["mean"]) / 2, "T": None if np.isnan(t) else t}


def mean_of(entries: Many[Any]) -> Any:
    """The mean of numbers, None left out, or of mappings with the same keys, key by key. None where none is known."""
    known = [entry for entry in entries if entry is not None]
    if not known:
        return None
    if isinstance(known[0], Mapping):
        return {key: mean_of([entry[key] for entry in known]) for key in known[0]}
    return float(np.mean(known))


class Clock:
    """Seconds that functions take, call by call, under the names they are wrapped with."""

    def __init__(self, synchronize: Callable[[], None] = lambda: None):
        """`synchronize` waits for work that a call leaves behind, e.g. torch.cuda.synchronize."""
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.synchronize = synchronize

    def wrap(self, owner: object, attribute: str, name: str) -> None:
        """Replace a function of `owner` by one that is timed as `name`."""
        setattr(owner, attribute, self.timed(getattr(owner, attribute), name))

    def timed(self, function: Callable, name: str) -> Callable:
        """The function, timed as `name`."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.synchronize()
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.synchronize()
            self.seconds[name].append(time.perf_counter() - start)
            return result

        return timed


# ----------------------------------------------------------------------------------------------------- records


@dataclass(frozen=True)
class RunRecord:
    """One run. `metrics` holds the numbers by name, nested as the run likes; floats are never rounded."""

    name: str
    profile: str
    config: Mapping[str, Any]
    seed: int
    data: Many[Mapping[str, Any]]  # the manifest: spec, frames, size and a digest of the pixels, per sequence
    metrics: Mapping[str, Any]
    curve: Many[Mapping[str, float]] = ()  # one entry per step that was logged, e.g. {"step": 10, "loss": .3}
    wall_seconds: float = 0.0
    peak_memory_mb: float = 0.0  # of the whole process; with a GPU `hardware` carries the GPU's own
    commit: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""  # UTC, ISO 8601


def write_record(record: RunRecord, *, folder: Path | None = None) -> Path:
    """Write `folder/NAME.json` (default `book/results`). The file appears under its name only when it is complete."""
    folder = book_folder() / "results" if folder is None else Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(record), indent=1, default=_plain, allow_nan=False)  # NaN is no JSON: ValueError
    path = folder / f"{record.name}.json"
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.partial-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
    return path


def read_record(name: str, *, folder: Path | None = None) -> RunRecord:
    """Read `folder/NAME.json`. InputError where there is none, or where it is no record."""
    path = (book_folder() / "results" if folder is None else Path(folder)) / f"{name}.json"
    if not path.is_file():
        raise InputError(f"{path} does not exist: this run has not been made ({_command(name)})")
    try:
        return RunRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, json.JSONDecodeError) as error:
        wanted = ", ".join(f.name for f in fields(RunRecord))
        raise InputError(f"{path} is no run record ({error}): it needs {wanted}") from error


def _command(record: str) -> str:
    """How the run is made that writes a record of this name, as far as the name says."""
    run, _, profile = record.rpartition("_")
    if (book_folder() / "runs" / f"{run}.py").is_file():
        return f"make it with `make run RUN={run} PROFILE={profile}`"
    return "see `make run`"


@contextmanager
def record_run(
    name: str, *, profile: str, config: Any, seed: int, data: Many[Mapping[str, Any]], folder: Path | None = None
) -> Iterator[dict[str, Any]]:
    """Time a run and write its record when the block ends without an error.

    Yields a dict with `metrics` (dict) and `curve` (list) for the block to fill. `config` is a dataclass or a dict.

        with record_run("frtm_d_only_small", profile="small", config=config, seed=0, data=manifest) as run:
            run["metrics"]["J"] = 0.73
    """
    config = asdict(config) if is_dataclass(config) and not isinstance(config, type) else dict(config)
    result: dict[str, Any] = {"metrics": {}, "curve": []}
    start, commit = time.perf_counter(), git_commit()  # the commit that runs: others may come while it does
    yield result
    record = RunRecord(
        name=name,
        profile=profile,
        config=config,
        seed=seed,
        data=data,
        metrics=result["metrics"],
        curve=result["curve"],
        wall_seconds=round(time.perf_counter() - start, 2),
        peak_memory_mb=round(_peak_memory_mb(), 1),
        commit=commit,
        environment=environment(),
        hardware=hardware(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_record(record, folder=folder)


def manifest_entry(spec: str, sequence: Sequence) -> dict[str, Any]:
    """What a record says of one sequence: its spec, length, size (H, W), and a digest of all pixels and labels."""
    digest = hashlib.sha256()
    for frame in sequence.frames:
        digest.update(np.ascontiguousarray(frame).data)
    for name in sequence.masks.names:
        digest.update(np.ascontiguousarray(sequence.masks[name]).data)
    size = [int(n) for n in sequence.frames.size]
    return {"spec": spec, "frames": len(sequence.frames), "size": size, "sha256": digest.hexdigest()}


def manifest_digest(data: Many[Mapping[str, Any]]) -> str:
    """One digest of all that a manifest lists; an entry without pixels of its own counts by its spec."""
    return hashlib.sha256("".join(entry.get("sha256", entry["spec"]) for entry in data).encode()).hexdigest()


# ----------------------------------------------------------------------------------------------- circumstances


def git_commit() -> str:
    """The commit of the package's checkout, with "+changes" where it is not clean; "unknown" outside git."""
    root = Path(__file__).parents[2]
    try:
        commit = _output("git", "-C", str(root), "rev-parse", "HEAD")
        changed = _output("git", "-C", str(root), "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+changes" if changed else "")


def environment() -> dict[str, str]:
    """Python, operating system, and the versions of the packages that make the numbers."""
    versions = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def hardware() -> dict[str, Any]:
    """Processor and cores; the GPU and its peak memory (MB) where torch has used one."""
    found: dict[str, Any] = {"cpu": _cpu_name(), "cores": os.cpu_count()}
    torch = sys.modules.get("torch")  # a run without torch has used no GPU, and need not wait for the import
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        found["gpu"] = torch.cuda.get_device_name()
        found["gpu_peak_memory_mb"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
    return found


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes on macOS, kilobytes on Linux


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _plain(value: Any) -> Any:
    """numpy's numbers and arrays, and paths, as JSON can hold them."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a record cannot hold {type(value).__name__}: {value!r}")
