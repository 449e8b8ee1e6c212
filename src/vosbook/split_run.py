"""A method over a list of sequences: masks in the layout that `evaluate` reads, their scores, and a record of the run.

    OUT/goat/00000.png, ...    the masks of a sequence; the folder appears when it is complete
    OUT/run.json               the record: settings from the beginning, scores and times when all is finished
    OUT/scores.json            what `vosbook evaluate --json` writes, for `vosbook compare`
    OUT/.run/goat.json         of a finished sequence, how long it took, and where

A run that was killed goes on with the sequences that are not there yet. Several processes share a run by sequences, and
need no more in common than the disk: those of torchrun, or those of a job array, each with its `share`.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from collections.abc import Sequence as Many
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vosbook.datasets.catalog import SOURCES, Split, load_sequence
from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.methods import METHODS, build, check_method
from vosbook.metrics.evaluate import evaluate
from vosbook.output import output_folder
from vosbook.processes import (
    is_main,
    join_processes,
    leave_processes,
    own_device,
    process_count,
    process_number,
    shares,
    wait_for_others,
)
from vosbook.run_folder import RunFolder
from vosbook.runs import environment, git_commit, hardware
from vosbook.segmenter import Segmenter, segment_frames
from vosbook.video.masks import write_mask
from vosbook.weights import fingerprint
from vosbook.words import count, some

PATIENCE = timedelta(days=14)  # of a process that has finished, with those that have not

Progress = Callable[..., Iterable]
Note = Callable[[str], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MethodOptions:
    """A method, and what `build` makes it from."""

    method: str
    backbone_weights: Path | None = None
    checkpoint: Path | None = None
    device: str = "auto"
    budget: float | None = None
    detector: Path | None = None


@dataclass(frozen=True)
class Result:
    """A run of which all sequences are finished."""

    record: dict[str, Any]
    scores: dict[str, Any] | None  # as `evaluate` returns them; None where there is nothing to score by


def run_split(
    split: Split,
    options: MethodOptions,
    out: str | Path,
    *,
    share: tuple[int, int] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    note: Note = log.warning,
) -> Result | None:
    """Segment the sequences of `split` that the folder `out` lacks. Returns what came out, once all are there.

    `share` (k, n) does the k-th, from 0, of n parts of about as many frames. Processes that torchrun started share of
    themselves. All of them but the first return None, and so does whoever finds that others are at work still.
    `overwrite`: what an earlier run left in `out` is removed. `progress` wraps an iterable as tqdm does, `note` is
    called with lines that the user should know. InputError: data, weights or settings that cannot be used, or that are
    not those which the run was begun with; what is finished stays.
    """
    check_method(options.method, options.budget, detector=options.detector is not None)
    device = own_device(options.device).type
    join_processes("gloo", patience=PATIENCE)
    try:
        if share is not None and process_count() > 1:
            raise InputError("torchrun shares the sequences itself: leave --share out")
        run = _prepare(split, options, RunFolder(out), device=device, overwrite=overwrite, note=note)
        wait_for_others()  # the first has made the folder
        run.segment(share or (process_number(), process_count()), progress=progress if is_main() else None)
        wait_for_others()
        return run.finish(progress=progress, note=note) if is_main() else None
    finally:
        leave_processes()


def _prepare(
    split: Split, options: MethodOptions, folder: RunFolder, *, device: str, overwrite: bool, note: Note
) -> "_Run":
    """Open all sequences, build the method, and begin the folder or find that it was begun in the same way."""
    sequences = {name: load_sequence(spec) for name, spec in split.specs.items()}
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        note(line)

    segmenter = build(
        options.method,
        backbone_weights=options.backbone_weights,
        checkpoint=options.checkpoint,
        device=device,
        budget=options.budget,
        detector=options.detector,
        note=tell,
    )
    settings = {
        "data": split.data,
        "split": split.name,
        "method": options.method,
        "budget": options.budget,
        "device": device,
        "weights": fingerprint(segmenter),
    }
    files = {name: getattr(options, name) for name in ("backbone_weights", "checkpoint", "detector")}
    weights = {key: path and path.name for key, path in files.items()} | {"notes": list(said)}
    if hasattr(segmenter, "backbone"):
        weights["backbone"] = segmenter.backbone.source
    if is_main():
        folder.begin({"settings": settings, "weights": weights}, overwrite=overwrite)
    return _Run(split, options, folder, sequences, segmenter)


@dataclass(frozen=True)
class _Run:
    """A run whose folder is begun."""

    split: Split
    options: MethodOptions
    folder: RunFolder
    sequences: Mapping[str, Sequence]
    segmenter: Segmenter

    @property
    def lengths(self) -> dict[str, int]:
        """Frames by sequence."""
        return {name: len(sequence.frames) for name, sequence in self.sequences.items()}

    # ---------------------------------------------------------------------------------------------------- masks

    def segment(self, share: tuple[int, int], *, progress: Progress | None) -> None:
        """Segment what is not finished of the k-th of n shares."""
        k, n = share
        lengths = self.lengths
        mine = shares(lengths, n)[k]
        left = [name for name in mine if not self.folder.holds(name, lengths[name])]
        total, before = (sum(lengths[name] for name in names) for names in (mine, set(mine) - set(left)))
        with closing(self._frames(left)) as frames:
            shown = frames if progress is None else progress(frames, total=total, initial=before, unit="frame")
            for _ in shown:
                pass

    def _frames(self, names: Many[str]) -> Generator[None, None, None]:
        """Segment these sequences, frame by frame."""
        commit = git_commit()
        for name in names:
            with output_folder(self.folder.masks(name), overwrite=None) as masks:
                facts = yield from self._one(self.sequences[name], masks)
                where = {"process": process_number(), "commit": commit, "hardware": hardware()}
                self.folder.write_facts(name, facts | where)

    def _one(self, sequence: Sequence, masks: Path) -> Generator[None, None, dict[str, Any]]:
        """Segment one sequence, frame by frame. Returns what there is to say of it."""
        given = None if METHODS[self.options.method].zero_shot else sequence.given
        labelled = segment_frames(self.segmenter, sequence.frames, given)
        seconds, found = [], 0
        for name in sequence.frames.names:
            start = time.perf_counter()
            try:
                labels = next(labelled)
            except InputError as error:
                raise InputError(f"{sequence.name}, frame {name}: {error}") from error
            seconds.append(time.perf_counter() - start)
            found += bool(labels.any()) and name not in (given or {})
            write_mask(masks / f"{name}.png", labels)
            yield
        return {"frames": len(seconds), "seconds": sum(seconds), "seconds_first_frame": seconds[0], "found": found}

    # --------------------------------------------------------------------------------------------------- record

    def finish(self, *, progress: Progress | None, note: Note) -> Result | None:
        """Score the masks and write the record, where all sequences are there."""
        lengths = self.lengths
        there = [name for name in lengths if self.folder.holds(name, lengths[name])]
        if len(there) < len(lengths):
            note(f"{len(there)} of {count(len(lengths), 'sequence')} are finished: the last to finish scores them")
            return None
        self.folder.sweep(lengths)
        facts = {name: self.folder.read_facts(name) for name in lengths}
        if lost := [name for name, about in facts.items() if about and not about["found"]]:
            note(f"{self.options.method} found nothing in any frame of {some(lost)}")
        scores = self._scores(progress, note)
        found = {
            "data": [self._entry(name) for name in self.sequences],
            "seconds": _seconds([about for about in facts.values() if about]),
            "sequences": facts,
            "commit": git_commit(),
            "environment": environment(),
            "hardware": hardware(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        return Result(self.folder.finish(scores, found), scores)

    def _entry(self, name: str) -> dict[str, Any]:
        frames = self.sequences[name].frames
        return {"spec": self.split.specs[name], "frames": len(frames), "size": [int(n) for n in frames.size]}

    def _scores(self, progress: Progress | None, note: Note) -> dict[str, Any] | None:
        """What `evaluate` says; None, which is told, where there is nothing to say it by."""
        source = SOURCES[self.split.data]
        protocol = source.zero_shot if METHODS[self.options.method].zero_shot else source.protocol
        if protocol is None:
            note(f"not scored: {self.split.data} has no protocol for {self.options.method}, which is given no mask")
            return None
        with self._truth() as truth:
            if truth is None:
                note(f"not scored: of {self.split.data}'s {self.split.name} only the first masks are here")
                return None
            names = tuple(self.sequences)
            return evaluate(truth, self.folder.path, protocol=protocol, sequences=names, progress=progress, note=note)

    @contextmanager
    def _truth(self) -> Iterator[Path | None]:
        """The folder of true masks; those of sequences that were made are written for the time being."""
        if not self.split.made:
            yield self.split.truth
            return
        with TemporaryDirectory() as folder:
            for name, sequence in self.sequences.items():
                (Path(folder) / name).mkdir()
                for t in sequence.annotated:
                    write_mask(Path(folder) / name / f"{sequence.frames.names[t]}.png", sequence.labels(t))
            yield Path(folder)


def _seconds(facts: Many[Mapping[str, Any]]) -> dict[str, float | None]:
    """The means of a first frame, of a later one, and of a frame when all share the first ones."""
    first, whole = (sum(about[key] for about in facts) for key in ("seconds_first_frame", "seconds"))
    frames = sum(about["frames"] for about in facts)
    later = frames - len(facts)
    return {
        "first_frame": first / len(facts) if facts else None,
        "later_frame": (whole - first) / later if later else None,
        "per_frame": whole / frames if frames else None,
    }
