"""The folder that a run over many sequences fills, and by which it knows what is finished and how it was begun."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vosbook.errors import InputError
from vosbook.output import check_masks_only, leftovers, output_file
from vosbook.words import count

RECORD, SCORES, FACTS = "run.json", "scores.json", ".run"
ANEW = "or add --overwrite to begin anew"


class RunFolder:
    """The folder `path`. Everything in it appears when it is complete, and is known by its name."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def masks(self, name: str) -> Path:
        """Where the masks of a sequence are, once it is finished."""
        return self.path / name

    def holds(self, name: str, frames: int) -> bool:
        """Whether a sequence of so many frames is finished. InputError where masks of it have gone since."""
        folder = self.masks(name)
        if not folder.is_dir():
            return False
        there = sum(1 for _ in folder.glob("*.png"))
        if there != frames:
            raise InputError(f"{folder} has {count(there, 'mask')}, not {frames}: remove it to have it made again")
        return True

    # ---------------------------------------------------------------------------------------- the beginning

    def begin(self, about: Mapping[str, Any], *, overwrite: bool) -> None:
        """Make the folder, which holds what the run is `about`, or find that it was begun with the same settings.

        InputError where it was begun with others, or belongs to something else. `overwrite`: what a run left there is
        removed.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file: give a folder for the run")
        begun = self._read(self.path / RECORD)
        if begun is None and self.path.exists() and any(self.path.iterdir()):
            raise InputError(f"{self.path} is not empty and has no {RECORD}, so it is no run's: choose another folder")
        if begun is not None and overwrite:
            self._empty()
        elif begun is not None:
            self._check_settings(begun["settings"], about["settings"])
        self._make()
        if begun is None or overwrite:
            self._write(self.path / RECORD, about)

    def _make(self) -> None:
        try:
            (self.path / FACTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.path} cannot be made ({error.strerror}): choose another folder") from error

    def _check_settings(self, begun: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        for name, value in now.items():
            if begun.get(name) == value:
                continue
            if name == "weights":
                raise InputError(f"{self.path} was begun with other weights: give the same files, {ANEW}")
            raise InputError(
                f"{self.path} was begun with {name} = {begun.get(name)}, which is now {value}: choose another folder, "
                f"{ANEW}"
            )

    def _empty(self) -> None:
        """Remove what a run left. InputError, and nothing is removed, where there is something else."""
        folders = [entry for entry in self.path.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
        strangers = [e for e in self.path.iterdir() if e.is_file() and e.name not in (RECORD, SCORES)]
        if strangers:
            raise InputError(f"{strangers[0]} is not of the run, so nothing is removed: choose another folder")
        for folder in folders:
            check_masks_only(folder)
        hidden = [*self.path.glob(".*.partial-*"), *self.path.glob(FACTS)]
        for folder in [*folders, *hidden]:
            shutil.rmtree(folder)
        (self.path / SCORES).unlink(missing_ok=True)

    def sweep(self, names: Iterable[str]) -> None:
        """Remove what killed runs, on whichever machine, left hidden of sequences that are finished."""
        for name in names:
            for orphan in leftovers(self.masks(name)):
                shutil.rmtree(orphan, ignore_errors=True)

    # --------------------------------------------------------------------------------------------- the facts

    def write_facts(self, name: str, facts: Mapping[str, Any]) -> None:
        """What there is to say of a sequence that is about to be finished."""
        self._write(self.path / FACTS / f"{name}.json", facts)

    def read_facts(self, name: str) -> dict[str, Any] | None:
        """What `write_facts` wrote; None where the folder was copied without it."""
        return self._read(self.path / FACTS / f"{name}.json")

    def finish(self, scores: Mapping[str, Any] | None, found: Mapping[str, Any]) -> dict[str, Any]:
        """Write the scores, as `evaluate` returns them, and the whole record, which is returned."""
        begun = self._read(self.path / RECORD)
        if begun is None:
            raise InputError(f"{self.path / RECORD} is gone: the masks are there, score them with vosbook evaluate")
        record = {"settings": begun["settings"], "weights": begun["weights"], **found}
        record |= {"protocol": scores and scores["protocol"], "mean": scores and scores["mean"]}
        if scores is not None:
            self._write(self.path / SCORES, scores)
        self._write(self.path / RECORD, record)
        return record

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            raise InputError(f"{path} is damaged: remove it, or choose another folder") from None

    @staticmethod
    def _write(path: Path, content: Mapping[str, Any]) -> None:
        with output_file(path) as file:
            file.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
