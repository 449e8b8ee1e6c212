"""Both ways to install, pip and conda, give the versions that the book was made with, and all of the package."""

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pipeline.imports import imports

from vosbook.runs import read_record
from vosbook.weights import SHIPPED, read_about

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
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


def test_the_package_depends_on_what_it_imports_and_on_nothing_else():
    """Pictures and widgets may need more: what draws in a notebook comes with the extra `book`."""
    core = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    files = list((ROOT / "src" / "vosbook").rglob("*.py"))
    outside_view = _imported_by(file for file in files if file.parent.name != "view")
    assert outside_view <= core <= _imported_by(files)


def _imported_by(files: Iterable[Path]) -> set[str]:
    """The packages that the files import, beside Python's own and ours, as an index calls them."""
    found = {names for file in files for names in imports(file.read_text(encoding="utf-8"), package="vosbook.room")}
    modules = {name.split(".")[0] for names in found for name in names} - sys.stdlib_module_names - {"vosbook"}
    held_by = packages_distributions()
    return {canonicalize_name(held_by[module][0]) for module in modules}


def test_conda_installs_the_lock_and_nothing_beside_it():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}
    names = [re.split(r"[=<>]", line)[0] for line in conda]
    assert names == ["python", "pip"]
    python = next(line for line in conda if line.startswith("python=")).split("=")[1]
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(f"{python}.0")


def test_a_wheel_carries_every_file_of_the_package_that_is_no_code():
    source = ROOT / "src"
    listed = {
        path
        for package, patterns in PYPROJECT["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in (source / package.replace(".", "/")).glob(pattern)
    }
    files = {path for path in (source / "vosbook").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert listed == {path for path in files if path.suffix != ".py"}
    assert SHIPPED / "README.md" in listed


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.safetensors")), ids=lambda path: path.name)
def test_a_shipped_network_is_described_and_has_its_record(path):
    about, text = read_about(path), (SHIPPED / "README.md").read_text(encoding="utf-8")
    of_backbone = f"_{about['backbone']}" if about["method"] == "frtm" else ""
    assert path.stem == about["method"].replace("-", "_") + of_backbone
    (row,) = (line for line in text.splitlines() if line.startswith(f"| `{path.name}`"))
    assert f"`{about['record']}`" in row
    assert about["licence"].split(",")[0] in text
    assert (ROOT / "book" / "results" / f"{about['record']}.json").is_file()
    assert path.stat().st_size < 12e6


def test_what_a_shipped_network_reaches_is_what_the_record_says():
    for backbone, record in (("resnet18", "frtm_ablation_small"), ("resnet18-davis", "frtm_ablation_small_davis")):
        about = read_about(SHIPPED / f"frtm_{backbone}.safetensors")
        reached = read_record(record).metrics["davis2016"]["fast"]
        for variant in ("complete", "no_update"):
            assert f" {100 * reached[variant]['J&F']:.1f} " in about["measured"]
    enlarged = read_record("frtm_size_small_resnet18").metrics["frtm-fast"]["unseen"]["library"]["J&F"]
    assert f" J&F {100 * enlarged:.1f} on 5 " in read_about(SHIPPED / "frtm_resnet18.safetensors")["measured"]
    for path in SHIPPED.glob("rvos*.safetensors"):
        about = read_about(path)
        reached = read_record(about["record"]).metrics["held_out"]["rvos"]
        assert f" reaches J {100 * reached['J']:.1f} and F {100 * reached['F']:.1f} on 5 of " in about["measured"]
