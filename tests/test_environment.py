"""Both ways to install, pip and conda, give the versions that the book was made with, and pyproject allows them."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = [line for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if line.strip()]
PINS = {canonicalize_name(r.name): next(iter(r.specifier)).version for r in map(Requirement, LOCK)}
WANTED = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]


def test_every_line_of_the_lock_is_one_exact_pin():
    for line in LOCK:
        requirement = Requirement(line)  # an option, an address or a hash does not parse
        assert [s.operator for s in requirement.specifier] == ["=="], line
        assert requirement.url is None, line
    assert len(PINS) == len(LOCK)


def test_the_lock_names_no_address():
    text = "\n".join(LOCK)
    assert not re.search(r"https?:|--|@ |sha256", text)


@pytest.mark.parametrize("line", WANTED)
def test_the_lock_satisfies_the_package(line):
    requirement = Requirement(line)
    pin = PINS[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pin), f"{line} does not allow {pin}"


def test_conda_installs_the_lock_and_nothing_beside_it():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}
    names = [re.split(r"[=<>]", line)[0] for line in conda]
    assert names == ["python", "pip"]
    python = next(line for line in conda if line.startswith("python=")).split("=")[1]
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(f"{python}.0")
