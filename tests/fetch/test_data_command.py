"""`vosbook data` and the scripts: a new user's way from the manifest to a checked data set."""

import ast
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from file_server import Site, serve
from tiny_data import LENGTHS, davis_zip

from vosbook.cli import main
from vosbook.errors import InputError
from vosbook.fetch.listing import what_is_here
from vosbook.fetch.manifest import Archive, find_manifest, read_manifest

SCRIPTS = Path(__file__).parents[2] / "data_scripts"
MANIFEST = read_manifest()


@pytest.fixture
def site():
    with serve(Site(files={"/DAVIS-data.zip": davis_zip()})) as site:
        yield site


@pytest.fixture
def manifest(site, tmp_path) -> str:
    """The book's own entry of DAVIS 2016, with the test server's address and two sequences."""
    entry = yaml.safe_load(find_manifest().read_text())["davis2016"]
    entry["archives"][0]["urls"] = [f"{site.url}/gone.zip", f"{site.url}/DAVIS-data.zip"]
    entry["expect"] |= {"frames": {"all": LENGTHS}}
    entry["expect"]["lists"] = dict.fromkeys(entry["expect"]["lists"], 1)
    path = tmp_path / "manifest.yml"
    path.write_text(yaml.safe_dump({"davis2016": entry}))
    return str(path)


def test_fetch_and_check(site, tmp_path, manifest, capsys, monkeypatch):
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    command = ["data", "davis2016", "--manifest", manifest]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path}/DAVIS2016\n"
    assert "nobody has verified its checksum" in err and "CC BY-NC 4.0" in err and "Perazzi" in err
    assert main([*command, "--check"]) == 0
    out, err = capsys.readouterr()
    assert "480p masks: 2 of 2 sequences complete, 5 of 5 images" in out and err == ""
    (tmp_path / "DAVIS2016/Annotations/480p/cow/00001.png").unlink()
    assert main([*command, "--check"]) == 2
    out, err = capsys.readouterr()
    assert "00001.png: it was unpacked, and is gone" in out
    assert err.count("\n") == 1 and "is damaged, as listed (1)" in err


def test_a_data_set_that_is_not_complete(site, tmp_path, manifest, capsys):
    assert main(["data", "davis2016", "--manifest", manifest, "--out", str(tmp_path), "--subset", "1"]) == 0
    (tmp_path / "DAVIS2016" / ".vosbook.json").unlink()  # as if the user had copied it
    assert main(["data", "davis2016", "--manifest", manifest, "--out", str(tmp_path), "--check"]) == 2
    out, err = capsys.readouterr()
    assert "480p frames: nothing of cow" in out
    assert "is sound but not complete, it lacks 480p frames of cow, 480p masks of cow" in err


def test_the_list_of_data_sets(capsys):
    assert main(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(MANIFEST)


def test_the_list_says_how_much_there_is_to_fetch_and_what_is_here(site, manifest, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    assert main(["data"]) == 0
    out, err = capsys.readouterr()
    assert "833 MB" in next(line for line in out.splitlines() if line.startswith("davis2017 "))
    assert "1.1 GB" in next(line for line in out.splitlines() if line.startswith("backbones "))
    assert "here" not in out and "--out DIR" in err
    listed = ["data", "--manifest", manifest, "--out", str(tmp_path / "sets")]

    def here() -> str:
        assert main(listed) == 0
        return capsys.readouterr().out[32:62].strip()

    assert here() == "? MB"
    assert main(["data", "davis2016", *listed[1:], "--subset", "1"]) == 0
    capsys.readouterr()
    assert here() == "? MB  here: 1 sequence"
    shutil.rmtree(tmp_path / "sets")
    assert main(["data", "davis2016", *listed[1:]]) == 0
    capsys.readouterr()
    assert here() == "? MB  here"


def test_some_of_several_files_are_part_of_a_data_set(tmp_path):
    files = tuple(Archive(name=f"{name}.pth", megabytes=1.5) for name in "ab")
    data_set = replace(MANIFEST["backbones"], archives=files)
    assert data_set.bytes == 3 * 2**20
    (tmp_path / "weights").mkdir()
    assert what_is_here(data_set, tmp_path) == ""
    (tmp_path / "weights/a.pth").touch()
    assert what_is_here(data_set, tmp_path) == "here: 1 of 2 parts"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nix"], "nix is no data set: choose one of davis2016, "),
        (["davis2016", "--check", "--out", "/nowhere"], "/nowhere/DAVIS2016 is not a folder: fetch it with"),
        (["davis2016", "--check", "--subset", "2"], "leave --subset and --archives out"),
        (["backbones", "--subset", "1", "--out", "/nowhere"], "has no sequences to choose from: leave --subset out"),
        (["davis2016", "--out", "/proc/none"], "/proc/none cannot be read or written"),
        (["davis2016", "--subset", "0"], "0 is not a whole number above 0"),
        (["davis2016", "--manifest", "/nowhere.yml"], "/nowhere.yml does not exist"),
        (["youtube-vos-2018", "--out", "/tmp"], "YouTube-VOS 2018 needs an account; fetch train.zip"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, says, capsys):
    try:
        status = main(["data", *arguments])
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1) and says in err


def test_without_a_folder_for_data(capsys, monkeypatch):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    assert main(["data", "davis2016"]) == 2
    assert "VOSBOOK_DATA is not set" in (said := capsys.readouterr().err) and "or give --out DIR" in said


def test_an_interrupt_says_that_it_can_go_on(site, manifest, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("vosbook.fetch.store.fetch", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(["data", "davis2016", "--manifest", manifest, "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "vosbook data: interrupted, run it again to go on\n"


# --------------------------------------------------------------------------------------- the manifest and the scripts


def test_every_data_set_has_its_script_and_its_line_in_the_readme():
    scripts = {path.stem: path for path in SCRIPTS.glob("*.py")}
    assert set(scripts) == {name.replace("-", "_") for name in MANIFEST}
    readme = (SCRIPTS / "README.md").read_text(encoding="utf-8")
    for name, data_set in MANIFEST.items():
        path = scripts[name.replace("-", "_")]
        text = path.read_text(encoding="utf-8")
        assert f'["data", "{name}", *sys.argv[1:]]' in text
        assert ast.get_docstring(ast.parse(text)).startswith(f"{data_set.title}. ")
        assert f"| `{name}` | `{data_set.folder}` |" in readme


def test_a_script_is_the_command():
    done = subprocess.run(
        [sys.executable, SCRIPTS / "davis2016.py", "--check", "--out", "/nowhere"],
        capture_output=True,
        text=True,
        env={**os.environ, "VOSBOOK_DATA": "/nowhere"},
    )
    assert done.returncode == 2 and done.stderr.startswith("vosbook data: /nowhere/DAVIS2016 is not a folder")


def test_what_the_manifest_says_of_every_file():
    """No checksum without who verified it; https wherever there is one; terms and credit for each data set."""
    for data_set in MANIFEST.values():
        assert data_set.licence and data_set.credit and data_set.page.startswith("https://")
        for archive in data_set.archives:
            assert (archive.checksum is None) == (archive.checksum_from is None)
            assert all(url.startswith("https://") for url in archive.urls[:1])
            assert archive.checksum is not None or archive.size is None  # nobody verifies the size alone
            assert archive.name in archive.urls[0] if archive.urls else data_set.by_hand


def test_davis_2016_is_counted_as_its_official_lists_count():
    frames = MANIFEST["davis2016"].expect["frames"]
    assert {split: (len(f), sum(f.values())) for split, f in frames.items()} == {"train": (30, 2079), "val": (20, 1376)}


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "../evil.zip"},
        {"name": "a/b.zip"},
        {"into": "../elsewhere"},
        {"into": "/etc"},
        {"move": {"a": "../../b"}},
        {"items": ("..",)},
        {"urls": ("file:///etc/passwd",)},
        {"urls": ("ftp://example.org/a.zip",)},
        {"checksum": "sha256:xyz"},
        {"checksum": "crc32:00000000"},
        {"checksum": "sha256:0"},
        {"size": -1},
        {"size": "large"},
        {"convert": "anything"},
    ],
    ids=str,
)
def test_a_manifest_that_says_nonsense(fault):
    with pytest.raises(ValueError):
        Archive(**{"name": "a.zip", **fault})


@pytest.mark.parametrize("text", ["- a", "a: 1", "a: {title: b}", "a: [", "!!python/object/apply:os.getcwd []"])
def test_a_manifest_that_is_none(tmp_path, text):
    (tmp_path / "m.yml").write_text(text)
    with pytest.raises(InputError, match=r"m.yml is no manifest of data sets"):
        read_manifest(tmp_path / "m.yml")
