"""The container for GPU machines, as far as can be checked without an engine: what its steps name exists and agrees."""

import json
import os
import re
import shlex
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from jupyter_server import DEFAULT_JUPYTER_SERVER_PORT
from jupyter_server.serverapp import ServerApp

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".devcontainer"
STEPS = [
    line.split(None, 1)
    for line in re.sub(r"\\\n", " ", (FOLDER / "Dockerfile").read_text()).splitlines()
    if line and not line.startswith("#")
]
ENVIRONMENT = dict(pair.split("=", 1) for kind, rest in STEPS if kind == "ENV" for pair in shlex.split(rest))
DEVCONTAINER = json.loads((FOLDER / "devcontainer.json").read_text())


def step(kind: str) -> str:
    (rest,) = (rest for name, rest in STEPS if name == kind)
    return rest


@cache
def dry_run(target: str) -> str:
    """What make would do in the container."""
    environment = os.environ | {"MAKEFLAGS": ENVIRONMENT["MAKEFLAGS"]}
    done = subprocess.run(["make", "-n", target], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("target", ["/opt/venv/.ready", *json.loads(step("CMD"))[1:]])
def test_make_uses_the_environment_of_the_image(target):
    commands = dry_run(target)
    assert "/opt/venv/bin/" in commands and ".venv" not in commands


def test_lab_is_started_from_the_book():
    assert "cd book && /opt/venv/bin/jupyter lab" in dry_run("lab")


def test_the_environment_is_made_before_it_is_configured():
    made = [rest for kind, rest in STEPS if kind == "RUN"]
    assert made.index("make /opt/venv/.ready") < next(n for n, rest in enumerate(made) if "/opt/venv/etc" in rest)
    assert f"make {ENVIRONMENT['MAKEFLAGS'].removeprefix('VENV=')}/.ready" == DEVCONTAINER["postCreateCommand"]


def test_the_python_is_that_of_the_conda_route_and_new_enough():
    version = re.match(r"python:(\d+\.\d+)-", step("FROM"))[1]
    assert f"python={version}" in yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    least = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert tuple(map(int, version.split("."))) >= tuple(map(int, least.split(".")))


def test_devcontainer_and_dockerfile_agree():
    assert (FOLDER / DEVCONTAINER["build"]["dockerfile"]).is_file()
    assert (FOLDER / DEVCONTAINER["build"]["context"]).resolve() == ROOT
    assert DEVCONTAINER["workspaceFolder"] == step("WORKDIR")
    assert f"target={step('WORKDIR')}," in DEVCONTAINER["workspaceMount"]
    assert DEVCONTAINER["remoteUser"] == step("USER")
    assert DEVCONTAINER["forwardPorts"] == [int(step("EXPOSE"))] == [DEFAULT_JUPYTER_SERVER_PORT]
    settings = DEVCONTAINER["customizations"]["vscode"]["settings"]
    assert settings["python.defaultInterpreterPath"].startswith(ENVIRONMENT["MAKEFLAGS"].removeprefix("VENV="))


def test_jupyter_knows_its_settings():
    written = next(rest for kind, rest in STEPS if kind == "RUN" and "ServerApp" in rest)
    settings = json.loads(shlex.split(written)[1])["ServerApp"]
    for name, value in settings.items():
        assert type(ServerApp.class_traits()[name].default_value) is type(value), name


def test_nothing_that_was_built_on_the_host_travels():
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    assert {".venv", "build"} <= set(ignored)
