"""Profiles: which data and which sizes the chapters and runs take, `book/profiles/NAME.yml`."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vosbook.errors import InputError


def book_folder() -> Path:
    """The book: the folder `book/` in or above the working directory, else in the checkout the package runs from."""
    here = Path.cwd()
    for parent in (here, *here.parents, Path(__file__).parents[2]):
        for folder in (parent, parent / "book"):
            if (folder / "profiles" / "smoke.yml").is_file():
                return folder
    raise InputError(f"{here} is not inside the book: run this from a checkout of the repository")


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
