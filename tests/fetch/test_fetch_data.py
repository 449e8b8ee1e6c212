"""A data set from a real server into its folder: whole or not at all, whatever happens on the way."""

import errno
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest
from file_server import Site, serve
from tiny_data import QUICK, davis_files, davis_set, davis_zip, silent

from vosbook.datasets.davis import Davis
from vosbook.datasets.synthetic import SyntheticConfig, write_dataset
from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.errors import InputError
from vosbook.fetch import archives, http, store
from vosbook.fetch.check import check
from vosbook.fetch.manifest import Archive, DataSet, read_manifest
from vosbook.fetch.record import RECEIPT
from vosbook.fetch.store import fetch

HERE = Path(__file__).parent
TINY = SyntheticConfig(size=(32, 48), frames=2, objects=(1, 1))


@pytest.fixture
def site():
    with serve(Site(files={"/DAVIS-data.zip": davis_zip()})) as site:
        yield site


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def bring(notes):
    return partial(fetch, progress=silent, note=notes.append, patience=QUICK)


def address(site: Site) -> str:
    return f"{site.url}/DAVIS-data.zip"


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def visible(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if not path.name.startswith("."))


def test_a_data_set_lies_where_its_reader_wants_it(site, tmp_path, bring):
    folder = bring(davis_set(address(site)), tmp_path)
    assert folder == tmp_path / "DAVIS2016"
    found = contents(folder)
    receipt = json.loads(found.pop(RECEIPT))
    assert found == davis_files()
    assert set(receipt["files"]) == set(found) and receipt["subset"] is None
    assert [s.name for s in Davis(folder, split="val")] == ["cow"]
    report = check(davis_set(), folder, progress=silent)
    assert (report.lacking, report.damaged) == ([], [])
    assert visible(tmp_path) == ["DAVIS2016", "DAVIS2016.downloads.json"]
    assert not list((tmp_path / ".downloads").rglob("*.zip"))


def test_what_nobody_has_verified_is_recorded_and_said(site, tmp_path, bring, notes):
    bring(davis_set(address(site)), tmp_path)
    sha256 = hashlib.sha256(davis_zip()).hexdigest()
    entry = json.loads((tmp_path / "DAVIS2016.downloads.json").read_text())["DAVIS-data.zip"]
    assert (entry["sha256"], entry["size"], entry["verified"]) == (sha256, len(davis_zip()), None)
    assert entry["url"] == address(site)
    assert any("nobody has verified" in note and sha256 in note for note in notes)


def test_a_file_that_is_not_what_it_was_is_refused(site, tmp_path, bring):
    bring(davis_set(address(site)), tmp_path)
    (tmp_path / "DAVIS2016").rename(tmp_path / "old")
    site.files["/DAVIS-data.zip"] = davis_zip() + b"more"
    with pytest.raises(InputError, match=r"its sha256 is .*, and was .* on .*remove the entry from .*downloads.json"):
        bring(davis_set(address(site)), tmp_path)
    assert not (tmp_path / "DAVIS2016").exists()


def test_a_verified_checksum_is_insisted_on(site, tmp_path, bring, notes):
    for algorithm in ("sha256", "md5"):
        digits = hashlib.new(algorithm, davis_zip()).hexdigest()
        one = davis_set(address(site), checksum=f"{algorithm}:{digits}", checksum_from="somebody")
        bring(one, tmp_path / algorithm)
        entry = json.loads((tmp_path / algorithm / "DAVIS2016.downloads.json").read_text())["DAVIS-data.zip"]
        assert entry["verified"] == "somebody" and not any("nobody" in note for note in notes)
        wrong = davis_set(address(site), checksum=f"{algorithm}:{'0' * len(digits)}")
        with pytest.raises(InputError, match=rf"its {algorithm} is {digits}, and should be 0+.; by hand"):
            bring(wrong, tmp_path / "wrong")
    assert not (tmp_path / "wrong" / "DAVIS2016").exists()


def test_the_first_digits_of_a_checksum_will_do(site, tmp_path, bring):
    bring(davis_set(address(site), checksum=f"sha256:{hashlib.sha256(davis_zip()).hexdigest()[:8]}"), tmp_path)


def test_an_address_that_is_gone(site, tmp_path, bring):
    one = davis_set(f"{site.url}/old/DAVIS-data.zip", f"{site.url}/older/DAVIS-data.zip")
    with pytest.raises(InputError) as error:
        bring(one, tmp_path)
    said = str(error.value)
    assert f"{site.url}/old/DAVIS-data.zip (404 Not Found), {site.url}/older/DAVIS-data.zip (404 Not Found)" in said
    assert "by hand: see http://example.org, save DAVIS-data.zip in a folder DIR" in said
    assert "`vosbook data davis2016 --archives DIR`" in said and "\n" not in said
    assert visible(tmp_path) == []


def test_what_the_user_fetched_is_taken_and_kept(tmp_path, bring):
    given = tmp_path / "given"
    given.mkdir()
    (given / "DAVIS-data.zip").write_bytes(davis_zip())
    folder = bring(davis_set("http://127.0.0.1:1/none.zip"), tmp_path / "out", archives=given)
    assert contents(folder).keys() - {RECEIPT} == davis_files().keys()
    assert (given / "DAVIS-data.zip").read_bytes() == davis_zip()
    with pytest.raises(
        InputError, match=r"DAVIS-data.zip is not what it should be: it has \d+ bytes, and should have 7"
    ):
        bring(davis_set(size=7), tmp_path / "other", archives=given)
    with pytest.raises(InputError, match="is not a folder"):
        bring(davis_set(), tmp_path / "other", archives=tmp_path / "none")


def test_a_second_run_fetches_nothing(site, tmp_path, bring, notes):
    bring(davis_set(address(site)), tmp_path)
    site.log.clear()
    bring(davis_set(address(site)), tmp_path)
    assert site.log == [] and notes[-1].endswith("DAVIS2016 is there already")


def test_the_users_own_data_is_never_touched(site, tmp_path, bring):
    own = tmp_path / "DAVIS2016" / "JPEGImages" / "mine.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(InputError, match=r"DAVIS2016 is there and was not put there by this command"):
        bring(davis_set(address(site)), tmp_path)
    assert own.read_text() == "mine" and site.log == []


def test_an_empty_folder_is_no_obstacle(site, tmp_path, bring):
    (tmp_path / "DAVIS2016").mkdir()
    assert contents(bring(davis_set(address(site)), tmp_path)).keys() >= davis_files().keys()


@pytest.mark.parametrize("ranges", [True, False], ids=["parts", "whole"])
def test_a_subset(site, tmp_path, bring, notes, ranges):
    site.ranges = ranges
    one = davis_set(address(site))
    folder = bring(one, tmp_path, subset=1)
    names = {name for name in davis_files() if "/cow/" not in name}
    found = contents(folder)
    assert found.keys() == names | {RECEIPT, "ImageSets/subset.txt"}
    assert all(found[name] == davis_files()[name] for name in names)
    assert [s.name for s in Davis(folder, split="subset")] == ["bear"]
    report = check(one, folder, progress=silent)
    assert (report.lacking, report.damaged) == ([], [])
    assert any(("only what the subset needs" if ranges else "nobody has verified") in note for note in notes)
    bring(one, tmp_path, subset=1)
    assert notes[-1].endswith("is there already")
    for more in (2, None):
        with pytest.raises(InputError, match="holds 1 sequences only: remove it, then fetch more"):
            bring(one, tmp_path, subset=more)


def test_a_subset_is_a_small_part_of_the_download(tmp_path, bring, monkeypatch):
    monkeypatch.setattr(archives, "REMOTE_CHUNK", 4096)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("ant", "bee", "cow"):
            archive.writestr(f"DAVIS/JPEGImages/480p/{name}/00000.jpg", random.Random(name).randbytes(100_000))
    with serve(Site(files={"/DAVIS-data.zip": file.getvalue()}, cuts=[2**20, 2**20, 100])) as site:
        folder = bring(davis_set(address(site)), tmp_path, subset=1)
        frame = folder / "JPEGImages" / "480p" / "ant" / "00000.jpg"
        assert frame.read_bytes() == random.Random("ant").randbytes(100_000)
        asked = [tuple(map(int, wanted.removeprefix("bytes=").split("-"))) for _, wanted, _ in site.log]
        assert 100_000 < sum(last - first + 1 for first, last in asked) < 150_000
        assert {condition for _, _, condition in site.log[1:]} == {'"one"'}


def test_a_file_that_changes_while_parts_of_it_are_read(site, tmp_path, bring, monkeypatch):
    monkeypatch.setattr(archives, "REMOTE_CHUNK", 512)
    seen = []

    def change(self, data_set, *rest, real=http.RemoteFile._part):
        seen.append(self)
        if len(seen) == 12:
            site.etag = '"two"'
        return real(self, data_set, *rest)

    monkeypatch.setattr(http.RemoteFile, "_part", change)
    folder = bring(davis_set(address(site)), tmp_path, subset=1)  # begins anew, and takes the whole file
    assert contents(folder)["JPEGImages/480p/bear/00002.jpg"] == davis_files()["JPEGImages/480p/bear/00002.jpg"]
    assert site.log[-1] == ("/DAVIS-data.zip", None, None)
    assert not list(tmp_path.glob(".*partial*"))


def test_a_hostile_archive_leaves_nothing_behind(tmp_path, bring):
    given = tmp_path / "given"
    given.mkdir()
    with zipfile.ZipFile(given / "DAVIS-data.zip", "w") as archive:
        archive.writestr("DAVIS/JPEGImages/480p/bear/00000.jpg", b"frame")
        archive.writestr("DAVIS/../../../evil.txt", b"evil")
    with pytest.raises(InputError, match="is not to be trusted"):
        bring(davis_set(), tmp_path / "out", archives=given)
    assert visible(tmp_path / "out") == []
    assert not list(tmp_path.rglob("evil.txt"))


def test_an_archive_that_is_damaged_inside_leaves_nothing_behind(tmp_path, bring):
    given = tmp_path / "given"
    given.mkdir()
    data = bytearray(davis_zip())
    data[data.rfind(b"Annotations/480p/cow/00001.png", 0, data.find(b"PK\x01\x02")) + 60] ^= 1
    (given / "DAVIS-data.zip").write_bytes(data)
    with pytest.raises(InputError, match="damaged or cut short"):
        bring(davis_set(), tmp_path / "out", archives=given)
    assert not list((tmp_path / "out").glob("*DAVIS2016*/")) and not list((tmp_path / "out").glob(".*partial*"))


def test_a_damaged_archive_from_a_server_is_not_remembered(site, tmp_path, bring):
    good = site.files["/DAVIS-data.zip"]
    site.files["/DAVIS-data.zip"] = good[: len(good) // 2]  # as long as the server says, but not whole
    with pytest.raises(InputError, match="fetch it again"):
        bring(davis_set(address(site)), tmp_path)
    assert visible(tmp_path) == []
    site.files["/DAVIS-data.zip"] = good
    assert contents(bring(davis_set(address(site)), tmp_path)).keys() - {RECEIPT} == davis_files().keys()


def test_a_full_disk_keeps_what_was_fetched(site, tmp_path, bring, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_copy", full)
        with pytest.raises(InputError, match=r"No space left on device.: check permissions and room"):
            bring(davis_set(address(site)), tmp_path)
    assert visible(tmp_path) == [] and not list(tmp_path.glob(".*partial*"))
    site.log.clear()
    bring(davis_set(address(site)), tmp_path)
    assert site.log == []


def test_the_size_is_known_before_anything_is_unpacked(site, tmp_path, bring, monkeypatch):
    monkeypatch.setattr(store, "check_room", lambda folder, size, what: http.check_room(folder, size + 10**18, what))
    with pytest.raises(InputError, match=r"has no room for what DAVIS-data.zip holds: it takes"):
        bring(davis_set(address(site)), tmp_path)
    assert not (tmp_path / "DAVIS2016").exists()


# ---------------------------------------------------------------------------------------- kills, and two at once

CHILD = """
import os, signal, sys
sys.path.insert(0, {here!r})
from tiny_data import QUICK, davis_set
from vosbook.fetch import archives, http
from vosbook.fetch.store import fetch

http.CHUNK = archives.CHUNK = 500
kill_in, left = sys.argv[3], 6

class Bar:
    def __init__(self, *, desc, **more):
        self.dies = desc.startswith(kill_in)
    def __enter__(self):
        return self
    def __exit__(self, *error):
        pass
    def update(self, size):
        global left
        left -= self.dies
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

fetch(davis_set(sys.argv[1]), sys.argv[2], progress=Bar, note=print, patience=QUICK)
"""


def child(site: Site, out: Path, *, kill_in: str = "never") -> subprocess.Popen:
    code = CHILD.format(here=str(HERE))
    return subprocess.Popen([sys.executable, "-c", code, address(site), str(out), kill_in])


def test_a_kill_in_the_middle_of_a_download(site, tmp_path, bring):
    killed = child(site, tmp_path, kill_in="DAVIS-data.zip")
    assert killed.wait(300) == -signal.SIGKILL
    (part,) = (tmp_path / ".downloads" / "DAVIS2016").glob(".*.part")
    length = part.stat().st_size
    assert 0 < length < len(davis_zip()) and visible(tmp_path) == []
    site.log.clear()
    folder = bring(davis_set(address(site)), tmp_path)
    assert contents(folder).keys() - {RECEIPT} == davis_files().keys()
    assert site.log == [("/DAVIS-data.zip", f"bytes={length}-", '"one"')]


def test_a_kill_in_the_middle_of_unpacking(site, tmp_path, bring):
    killed = child(site, tmp_path, kill_in="unpacking")
    assert killed.wait(300) == -signal.SIGKILL
    assert visible(tmp_path) == [] and list(tmp_path.glob(".DAVIS2016.partial-*"))
    site.log.clear()
    folder = bring(davis_set(address(site)), tmp_path)
    assert contents(folder).keys() - {RECEIPT} == davis_files().keys()
    assert site.log == []  # the archive was whole: it need not be fetched again
    assert not list(tmp_path.glob(".DAVIS2016.partial-*"))


def test_two_at_once_do_the_work_once(site, tmp_path):
    runs = [child(site, tmp_path) for _ in range(2)]
    assert [run.wait(300) for run in runs] == [0, 0]
    assert contents(tmp_path / "DAVIS2016").keys() - {RECEIPT} == davis_files().keys()
    assert len(site.log) == 1


# ------------------------------------------------------------------------------------------------ other layouts


def test_youtube_vos_from_archives_that_the_user_fetched(tmp_path, bring, notes):
    write_dataset(tmp_path / "made", sequences=3, seed=1, layout="youtube-vos", config=TINY)
    counts = {"train": 2, "valid": 1}
    one = DataSet(**{**vars(read_manifest()["youtube-vos-2019"]), "expect": {"videos": counts, "objects": counts}})
    with pytest.raises(InputError, match=r"needs an account; fetch train.zip, .*--archives DIR"):
        bring(one, tmp_path / "out")
    given = tmp_path / "given"
    given.mkdir()
    with pytest.raises(InputError, match="given holds none of its files"):
        bring(one, tmp_path / "out", archives=given)
    shutil.make_archive(str(given / "train"), "zip", tmp_path / "made", "train")  # below a folder, as some are
    shutil.make_archive(str(given / "valid"), "zip", tmp_path / "made" / "valid")
    folder = bring(one, tmp_path / "out", archives=given, subset=1)
    assert len(list((tmp_path / "made" / "train" / "JPEGImages").iterdir())) == 2
    for split in ("train", "valid"):
        videos = YouTubeVos(folder, split)
        (name,) = videos.names
        original = YouTubeVos(tmp_path / "made", split)[name]
        assert (videos[name].frames[0] == original.frames[0]).all() and videos[name].objects == original.objects
    assert check(one, folder, progress=silent).lacking == []
    (given / "valid.zip").unlink()
    bring(one, tmp_path / "out", archives=given, subset=1)  # what is there stays
    assert notes[-1].endswith("train is there already") and (folder / "valid" / "meta.json").is_file()


def test_another_years_archive_is_noticed(tmp_path, bring):
    write_dataset(tmp_path / "made", sequences=2, seed=1, layout="youtube-vos", config=TINY)
    given = tmp_path / "given"
    given.mkdir()
    shutil.make_archive(str(given / "valid"), "zip", tmp_path / "made", "valid")
    one = read_manifest()["youtube-vos-2019"]
    with pytest.raises(
        InputError, match=r"valid.zip lists 1 videos with 1 objects, and YouTube-VOS 2019 has 507 videos"
    ):
        bring(one, tmp_path / "out", archives=given)
    assert visible(tmp_path / "out") == [] and (given / "valid.zip").is_file()


def test_single_files_and_scores_are_converted(site, tmp_path, bring):
    site.files["/osvos_davis.json"] = b'{"id": "osvos", "cows": {"J": ["0.968", "0.970"], "F": ["0.972", "0.987"]}}'
    site.files["/all.js"] = (
        b'var all = {\n"Tgt": "0.088",\n"techniques": ["osvos",\n//"no"\n"stm"],\n"osvos": {"T": "0.378"}\n};\n'
    )
    archives = (
        Archive("a.pth", (address(site),)),
        Archive(
            "b.json", (f"{site.url}/osvos_davis.json",), into="scores/osvos_per_frame.json", convert="frame-scores"
        ),
        Archive("c.js", (f"{site.url}/all.js",), into="scores/val_summary.json", convert="summary"),
    )
    folder = bring(DataSet("w", "W", "files", "weights", "p", "l", "c", archives, {}), tmp_path)
    assert (folder / "a.pth").read_bytes() == davis_zip()
    frames = json.loads((folder / "scores" / "osvos_per_frame.json").read_text())
    assert frames == {"cows": {"J": [0.968, 0.97], "F": [0.972, 0.987]}}
    assert json.loads((folder / "scores" / "val_summary.json").read_text()) == {"osvos": {"T": 0.378}}
    site.log.clear()
    bring(DataSet("w", "W", "files", "weights", "p", "l", "c", archives, {}), tmp_path)
    assert site.log == []


def test_scores_that_are_none(site, tmp_path, bring):
    site.files["/b.json"] = b"<html>moved</html>"
    one = Archive("b.json", (f"{site.url}/b.json",), into="scores/b.json", convert="frame-scores")
    with pytest.raises(InputError, match="is no JSON"):
        bring(DataSet("w", "W", "files", "weights", "p", "l", "c", (one,), {}), tmp_path)
    assert not (tmp_path / "weights" / "scores" / "b.json").exists()
