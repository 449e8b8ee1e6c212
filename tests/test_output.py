"""Output is whole or absent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from patience import HANGS
from PIL import Image

from vosbook import output
from vosbook.errors import InputError
from vosbook.output import (
    check_output_file,
    kept_folder,
    leftovers,
    output_file,
    output_folder,
    partial_file,
    partial_folder,
    visible,
)
from vosbook.video.masks import write_mask

LABELS = np.array([[0, 0, 1, 1], [0, 2, 2, 1], [0, 2, 2, 0]], np.uint8)


def test_output_appears_when_it_is_complete(tmp_path):
    out = tmp_path / "new/masks"
    with output_folder(out) as folder:
        write_mask(folder / "00000.png", LABELS)
        assert not out.exists()
    assert [p.name for p in out.iterdir()] == ["00000.png"]
    assert [p.name for p in out.parent.iterdir()] == ["masks"]


def test_output_refuses_what_is_not_empty(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with output_folder(out) as folder:  # an empty folder is fine
        write_mask(folder / "00000.png", LABELS)
    with pytest.raises(InputError, match=r"out is not empty.*--overwrite"), output_folder(out):
        pass
    with pytest.raises(InputError, match=r"choose another folder$"), output_folder(out, overwrite=None):
        pass
    with output_folder(out, overwrite=True) as folder:
        write_mask(folder / "00001.png", LABELS)
    assert [p.name for p in out.iterdir()] == ["00001.png"]
    (out / "thesis.tex").write_text("dear")
    with pytest.raises(InputError, match=r"thesis\.tex"), output_folder(out, overwrite=True):
        pass
    assert (out / "thesis.tex").exists()


def test_output_keeps_photographs(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match=r"holiday\.jpg"), output_folder(tmp_path, overwrite=True):
        pass
    assert (tmp_path / "holiday.jpg").exists()


def test_output_follows_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    with output_folder(tmp_path / "link") as folder:
        write_mask(folder / "00000.png", LABELS)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "disk/00000.png").is_file()


def test_output_refuses_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file/out"):
        with pytest.raises(InputError, match="file"), output_folder(path):
            pass
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, InputError])
def test_output_leaves_nothing_after_an_error(tmp_path, error):
    with pytest.raises(error), output_folder(tmp_path / "out") as folder:
        write_mask(folder / "00000.png", LABELS)
        raise error("half way")
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_what_was_to_be_overwritten(tmp_path):
    with output_folder(tmp_path / "out") as folder:
        write_mask(folder / "00000.png", LABELS)
    with pytest.raises(RuntimeError), output_folder(tmp_path / "out", overwrite=True):
        raise RuntimeError
    assert (tmp_path / "out/00000.png").exists()


def test_a_full_disk_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"out could not be written \(No space left"), output_folder(tmp_path / "out"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_leaves_no_folder_that_looks_whole(tmp_path, how):
    code = (
        "import sys, time; from vosbook.output import output_folder\n"
        "with output_folder(sys.argv[1]) as f:\n"
        "    (f / '00000.png').write_bytes(b'x'); print('ready', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "out")], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(how)
        process.wait(timeout=HANGS)
    assert not (tmp_path / "out").exists()
    assert all(p.name.startswith(".out.partial-") for p in tmp_path.iterdir())


def test_a_file_appears_when_it_is_complete_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    for write in (output_file, partial_file):
        with write(path) as partial:
            partial.write_text(f"new, by {write.__name__}")
            assert partial.suffix == ".json" and leftovers(path) == [partial]
            assert write.__name__ not in path.read_text()
        assert path.read_text() == f"new, by {write.__name__}"
        with pytest.raises(RuntimeError), write(path) as partial:
            partial.write_text("half")
            raise RuntimeError
        assert path.read_text() == f"new, by {write.__name__}"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path):
    with (
        pytest.raises(InputError, match=r"a\.json could not be written \(No space left"),
        output_file(tmp_path / "a.json"),
    ):
        raise OSError(28, "No space left on device")
    with pytest.raises(InputError, match="its folder does not exist"), output_file(tmp_path / "no/a.json"):
        pass
    with pytest.raises(InputError, match="is there and is no file"), output_file(tmp_path):
        pass
    with pytest.raises(OSError, match="No such file"), partial_file(tmp_path / "a.json"):
        pass  # nothing was written
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_something_larger_is_hidden_beside_that(tmp_path):
    whole = tmp_path / "whole [1]"
    with partial_folder(whole / "part", beside=whole) as partial:
        (partial / "a").write_text("x")
        assert partial.parent == tmp_path and leftovers(whole) == [partial]
        assert leftovers(tmp_path / "whole") == leftovers(tmp_path / "other") == []
        whole.mkdir()
    assert (whole / "part/a").read_text() == "x" and leftovers(whole) == []


def test_pngs_that_are_no_masks_are_kept(tmp_path):
    """Photographs, and gray pictures: what we write is indexed."""
    for mode in ("RGB", "L"):
        out = tmp_path / mode
        out.mkdir()
        Image.new(mode, (4, 3)).save(out / "00000.png")
        with pytest.raises(InputError, match=r"holds 00000\.png, which is no mask"), output_folder(out, overwrite=True):
            pass
        assert (out / "00000.png").is_file()


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_else(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine = output._this_run()
    left = tmp_path / f".out.partial-{mine.partition('-')[0]}-{dead.pid}-abc"
    alive = tmp_path / f".out.partial-{mine.partition('-')[0]}-{os.getppid()}-abc"
    elsewhere = tmp_path / f".out.partial-00000000-{dead.pid}-abc"
    other = tmp_path / f".other.partial-{mine.partition('-')[0]}-{dead.pid}-abc"
    for folder in (left, alive, elsewhere, other):
        folder.mkdir()
    with output_folder(tmp_path / "out") as folder:
        (folder / "a.png").touch()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["out", alive.name, elsewhere.name, other.name])


def test_a_kill_while_masks_are_replaced_loses_nothing(tmp_path):
    """The process dies between the old folder's going and the new one's coming; the next run puts the old one back."""
    out = tmp_path / "out"
    out.mkdir()
    write_mask(out / "old.png", LABELS)
    code = (
        "import os, sys; from pathlib import Path; from vosbook.output import output_folder\n"
        "rename = Path.rename\n"
        "Path.rename = lambda self, to: os._exit(9) if Path(to).name == 'out' else rename(self, to)\n"
        "with output_folder(sys.argv[1], overwrite=True): pass\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(out)]).returncode == 9
    assert not out.exists() and len(list(tmp_path.rglob("old.png"))) == 1
    with pytest.raises(InputError, match="is not empty"), output_folder(out):
        pass
    assert (out / "old.png").is_file()


def test_an_error_in_the_last_moment_puts_the_old_masks_back(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    write_mask(out / "old.png", LABELS)
    rename = Path.rename

    def fails(self, target):
        if Path(target) == out and not self.name.endswith("-old"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(InputError, match="No space left"), output_folder(out, overwrite=True):
        pass
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "old.png"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="a folder in which nobody may write")
def test_a_file_that_cannot_be_written_is_noticed_before(tmp_path, monkeypatch):
    nowhere = {"/proc/first.png": "cannot be written", tmp_path: "is no file", tmp_path / "a/b": "folder does not"}
    for path, words in nowhere.items():
        with pytest.raises(InputError, match=words):
            check_output_file(path)
    old = tmp_path / "old.png"
    check_output_file(old)
    old.write_text("x")
    check_output_file(old)
    monkeypatch.setattr(os, "access", lambda path, mode: path != old)  # the superuser may write everywhere
    with pytest.raises(InputError, match=r"old\.png is read-only"):
        check_output_file(old)
    assert [file.name for file in tmp_path.iterdir()] == ["old.png"]


def test_hidden_names_are_shown_to_nobody(tmp_path):
    assert visible("/a/.out.partial-0a-12-xy/00000.png is full") == "/a/out/00000.png is full"
    assert visible("'.w.pth.partial-7.pth': no room, .bashrc") == "'w.pth': no room, .bashrc"
    with pytest.raises(RuntimeError), partial_file(tmp_path / "a b.json") as hidden:
        assert visible(f"in '{hidden}'!") == f"in '{tmp_path / 'a b.json'}'!"
        raise RuntimeError


def test_a_kept_folder_stays_after_an_error_and_is_found_again(tmp_path):
    out, kept = tmp_path / "new/masks", tmp_path / "new/masks.partial"
    with pytest.raises(RuntimeError), kept_folder(out) as folder:
        write_mask(folder / "00000.png", LABELS)
        assert folder == kept
        raise RuntimeError
    assert [p.name for p in kept.iterdir()] == ["00000.png"] and not out.exists()
    with kept_folder(out) as folder:
        write_mask(folder / "00001.png", LABELS)
    assert sorted(p.name for p in out.iterdir()) == ["00000.png", "00001.png"] and not kept.exists()
    with pytest.raises(InputError, match=r"masks is not empty.*--overwrite"), kept_folder(out):
        pass
    with kept_folder(out, overwrite=True) as folder:
        write_mask(folder / "00002.png", LABELS)
    assert [p.name for p in out.iterdir()] == ["00002.png"]


def test_a_kept_folder_that_a_run_is_at_work_on_is_refused(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / "masks.partial").mkdir()
    mark = tmp_path / "masks.partial/.run"
    mark.write_text(f"{output._this_run().partition('-')[0]}-{other.pid}")
    with (
        pytest.raises(InputError, match=r"another run is at work in .*masks\.partial.*\.run"),
        kept_folder(tmp_path / "masks"),
    ):
        pass
    assert mark.exists()
    other.communicate(b"\n")
    with kept_folder(tmp_path / "masks"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["masks"]
