"""Run records: what was run, on what, and what came out.

A record is `book/results/NAME.json`: every number that the book prints comes from one, so it carries what is needed to
ask for the number again.
"""

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Many
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.output import output_file, partial_file
from vosbook.profiles import book_folder

PACKAGES = ("vosbook", "torch", "torchvision", "numpy", "scipy", "scikit-image", "opencv-python-headless", "pillow")


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
    with partial_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
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


def kept(part: Path, work: Callable[[], Any]) -> Any:
    """What `work` returns, numbers and text; from the JSON file `part` where a run that was stopped has left it there.

    The file appears when the work is done, so that a run which was stopped goes on after its last whole part.
    """
    if not part.is_file():
        part.parent.mkdir(parents=True, exist_ok=True)
        with output_file(part) as file:
            file.write_text(json.dumps(work()))
    return json.loads(part.read_text())


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
