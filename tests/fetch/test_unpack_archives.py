"""Archives: the hostile are refused before a byte is written, the rest is laid out as the manifest says."""

import gzip
import stat
import struct
import tarfile
import zipfile
from functools import partial
from pathlib import Path, PurePosixPath

import pytest
from hostile import tar_with, zip_with
from tqdm import tqdm

from vosbook.errors import InputError
from vosbook.fetch import archives
from vosbook.fetch.archives import open_archive, plan, unpack
from vosbook.fetch.manifest import Archive

GOOD = {"DAVIS/JPEGImages/480p/bear/00000.jpg": b"frame", "DAVIS/README.md": b"read"}
DAVIS = Archive("a.zip", root="JPEGImages", items=("JPEGImages/480p", "Annotations/480p"))
bar = partial(tqdm, disable=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def laid_out(path: Path, archive: Archive, folder: Path, subset: int | None = None) -> dict[str, bytes]:
    folder.mkdir()
    with open_archive(path) as opened:
        planned, _ = plan(opened, archive, subset)
        unpack(opened, planned, folder, bar=bar())
    return contents(folder)


# ------------------------------------------------------------------------------------------------- hostile names

NAMES = {
    "absolute": "/tmp/evil.jpg",
    "two slashes": "//tmp/evil.jpg",
    "parent": "DAVIS/../../evil.jpg",
    "parent at the end": "DAVIS/JPEGImages/..",
    "drive": "C:/evil.jpg",
    "backslash": "DAVIS\\..\\..\\evil.jpg",
    "newline": "DAVIS/e\nvil.jpg",
    "escape": "DAVIS/\x1b[2Jevil.jpg",
    "direction": "DAVIS/\u202egpj.evil",
    "long": "DAVIS/" + "a" * 1100,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("make", [zip_with, tar_with], ids=["zip", "tar"])
def test_names_that_lead_out_or_deceive_are_refused(tmp_path, make, name):
    path = make(tmp_path / ("a.zip" if make is zip_with else "a.tar"), {**GOOD, name: b"evil"})
    with pytest.raises(InputError, match="is not to be trusted"):
        laid_out(path, DAVIS, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_a_name_that_ends_early_for_some_programs(tmp_path):
    path = zip_with(tmp_path / "a.zip", {"DAVIS/JPEGImages/x\x00": b""} | GOOD)
    data = path.read_bytes().replace(b"DAVIS/README.md", b"DAVIS/READ\x00../")
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"is not to be trusted|damaged"):
        laid_out(path, DAVIS, tmp_path / "out")


ZIP_MODES = {
    "link": stat.S_IFLNK | 0o777,
    "device": stat.S_IFBLK | 0o600,
    "pipe": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
}


@pytest.mark.parametrize("mode", ZIP_MODES.values(), ids=ZIP_MODES)
def test_what_is_no_file_in_a_zip_is_refused(tmp_path, mode):
    name = "DAVIS/JPEGImages/480p/bear/00001.jpg"
    path = zip_with(tmp_path / "a.zip", {**GOOD, name: b"/etc/passwd"}, modes={name: mode})
    with pytest.raises(InputError, match=r"00001.jpg' is a link or a device"):
        laid_out(path, DAVIS, tmp_path / "out")


TAR_KINDS = {
    "symbolic link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "block device": tarfile.BLKTYPE,
    "character device": tarfile.CHRTYPE,
    "pipe": tarfile.FIFOTYPE,
}


@pytest.mark.parametrize("kind", TAR_KINDS.values(), ids=TAR_KINDS)
@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_what_is_no_file_in_a_tar_is_refused(tmp_path, kind, ending):
    entries = {**GOOD, "DAVIS/JPEGImages/x": b"", "DAVIS/JPEGImages/x/00001.jpg": b"through the link"}
    path = tar_with(tmp_path / f"a.{ending}", entries, kinds={"DAVIS/JPEGImages/x": kind}, links="../../../..")
    with pytest.raises(InputError, match=r"JPEGImages/x' is a link or a device"):
        laid_out(path, DAVIS, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_a_link_outside_the_wanted_folder_is_refused_too(tmp_path):
    path = tar_with(tmp_path / "a.tar", {**GOOD, "elsewhere": b""}, kinds={"elsewhere": tarfile.SYMTYPE}, links="/etc")
    with pytest.raises(InputError, match="'elsewhere' is a link"):
        laid_out(path, DAVIS, tmp_path / "out")


def test_one_name_twice(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("DAVIS/JPEGImages/a.jpg", "DAVIS/JPEGImages/./a.jpg"):
            archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(InputError, match=r"a.jpg' is there twice"):
        laid_out(path, DAVIS, tmp_path / "out")


def test_a_file_that_is_a_folder_too(tmp_path):
    path = zip_with(tmp_path / "a.zip", {"DAVIS/JPEGImages": b"", "DAVIS/JPEGImages/a.jpg": b""})
    with pytest.raises(InputError, match=r"JPEGImages' is a file and a folder"):
        laid_out(path, DAVIS, tmp_path / "out")


def test_an_encrypted_zip(tmp_path):
    path = zip_with(tmp_path / "a.zip", GOOD)
    data = bytearray(path.read_bytes())
    place = data.find(b"PK\x01\x02")
    data[place + 8] |= 1  # the flag in the central directory
    path.write_bytes(data)
    with pytest.raises(InputError, match="is encrypted"):
        laid_out(path, DAVIS, tmp_path / "out")


# --------------------------------------------------------------------------------------------------------- bombs


@pytest.mark.parametrize("make", [zip_with, tar_with], ids=["zip", "tar.gz"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, make, monkeypatch):
    monkeypatch.setattr(archives, "SMALL", 10**6)
    path = make(
        tmp_path / ("a.zip" if make is zip_with else "a.tar.gz"), {**GOOD, "DAVIS/JPEGImages/big": bytes(4 * 10**6)}
    )
    assert path.stat().st_size < 10**4
    with pytest.raises(InputError, match="too many bytes for an archive of"):
        laid_out(path, DAVIS, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_a_zip_that_claims_little_and_holds_much(tmp_path):
    path = zip_with(tmp_path / "a.zip", {"DAVIS/JPEGImages/big": bytes(10**6)})
    data = bytearray(path.read_bytes())
    for sign, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.find(sign) + place
        data[start : start + 4] = struct.pack("<I", 1000)
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        laid_out(path, DAVIS, tmp_path / "out")
    assert sum(len(content) for content in contents(tmp_path / "out").values()) <= 1000


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK], ids=repr)
def test_a_tar_header_that_claims_to_be_long(tmp_path, kind):
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 5 * 10**9
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf() + bytes(4096)))
    with pytest.raises(InputError, match="a header of 5000000000 bytes"):
        laid_out(path, DAVIS, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK], ids=repr)
def test_a_tar_header_that_claims_less_than_nothing_is_not_read_to_the_end(tmp_path, kind, monkeypatch):
    """A stream takes a length below 0 for all that there is."""
    header = tarfile.TarInfo("x")
    header.type = kind
    data = bytearray(header.tobuf())
    data[124:136] = (2**96 - 1024).to_bytes(12, "big")  # the size, -1024 in base 256
    data[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(data))[0]
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(bytes(data) + bytes(10**6)))
    asked = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: asked.append(size) or read(self, size))
    with pytest.raises(InputError):
        laid_out(path, DAVIS, tmp_path / "out")
    assert all(0 <= size <= 512 for size in asked)


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_FILES", 3)
    path = zip_with(tmp_path / "a.zip", {f"DAVIS/JPEGImages/{i}": b"" for i in range(4)})
    with pytest.raises(InputError, match="too many"):
        laid_out(path, DAVIS, tmp_path / "out")


# ------------------------------------------------------------------------------------------------------- damaged


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_archives_that_are_cut_short(tmp_path, ending):
    make = zip_with if ending == "zip" else tar_with
    path = make(
        tmp_path / f"a.{ending}", {f"DAVIS/JPEGImages/480p/bear/{i}.jpg": bytes(range(256)) * 9 for i in range(9)}
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=r"fetch it again"):
        laid_out(path, DAVIS, tmp_path / "out")


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_a_tar_that_ends_between_two_files(tmp_path, ending):
    whole = tar_with(tmp_path / "whole.tar", {"JPEGImages/a": b"1", "JPEGImages/b": b"2"}).read_bytes()
    path = tmp_path / f"a.{ending}"
    path.write_bytes(whole[:1024] if ending == "tar" else gzip.compress(whole[:1024]))
    with pytest.raises(InputError, match="its end is missing"):
        laid_out(path, DAVIS, tmp_path / "out")


def test_a_zip_with_a_flipped_bit(tmp_path):
    path = zip_with(tmp_path / "a.zip", {"DAVIS/JPEGImages/a": b"frame" * 100})
    data = bytearray(path.read_bytes())
    data[data.find(b"JPEGImages/a") + 14] ^= 4
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        laid_out(path, DAVIS, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"no zip or tar archive|holds no JPEGImages"):
        laid_out(tmp_path / "a.zip", DAVIS, tmp_path / "out")


# -------------------------------------------------------------------------------------------------------- layout


@pytest.mark.parametrize("prefix", ["", "DAVIS/", "./", "a/b/"])
@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_what_is_wanted_is_found_wherever_it_lies(tmp_path, prefix, ending):
    names = [
        "JPEGImages/480p/bear/00000.jpg",
        "JPEGImages/1080p/bear/00000.jpg",
        "Annotations/db_info.yml",
        ".DS_Store",
    ]
    entries = {f"{prefix}{name}": name.encode() for name in names} | {"__MACOSX/JPEGImages2/._x": b""}
    make = zip_with if ending == "zip" else tar_with
    path = make(tmp_path / f"a.{ending}", entries)
    archive = Archive(
        "a", root="JPEGImages", skip=("JPEGImages/1080p",), move={"Annotations/db_info.yml": "db_info.yml"}
    )
    assert laid_out(path, archive, tmp_path / "out") == {
        "JPEGImages/480p/bear/00000.jpg": b"JPEGImages/480p/bear/00000.jpg",
        "db_info.yml": b"Annotations/db_info.yml",
    }


def test_a_folder_that_is_renamed(tmp_path):
    path = zip_with(
        tmp_path / "a.zip", {"DAVIS/JPEGImages/a": b"", "DAVIS/Annotations_unsupervised/480p/a/0.png": b"m"}
    )
    archive = Archive("a", root="JPEGImages", move={"Annotations_unsupervised": "Annotations"})
    assert set(laid_out(path, archive, tmp_path / "out")) == {"JPEGImages/a", "Annotations/480p/a/0.png"}


def test_a_subset_keeps_the_first_sequences_and_all_lists(tmp_path):
    names = [f"D/{kind}/480p/{s}/0" for kind in ("JPEGImages", "Annotations") for s in ("cow", "ant", "bee")]
    path = zip_with(tmp_path / "a.zip", dict.fromkeys([*names, "D/ImageSets/2017/val.txt"], b""))
    found = laid_out(path, DAVIS, tmp_path / "out", subset=2)
    kept = {f"{kind}/480p/{s}/0" for kind in ("JPEGImages", "Annotations") for s in ("ant", "bee")}
    assert set(found) == kept | {"ImageSets/2017/val.txt"}
    with open_archive(path) as opened:
        assert [plan(opened, DAVIS, subset)[1] for subset in (2, 3, None)] == [["ant", "bee"], None, None]


def test_size_and_checksum_are_those_of_the_files(tmp_path):
    path = tar_with(tmp_path / "a.tar.gz", {"JPEGImages/a": b"123456789"})
    (tmp_path / "out").mkdir()
    with open_archive(path) as opened:
        planned, _ = plan(opened, DAVIS, None)
        written = unpack(opened, planned, tmp_path / "out", bar=bar())
    assert written == {"JPEGImages/a": (9, 0xCBF43926)}  # the check value that defines CRC-32
    assert list(planned) == [PurePosixPath("JPEGImages/a")]


def test_modes_and_dates_are_not_taken_over(tmp_path):
    mode = stat.S_IFREG | stat.S_ISUID | 0o777
    path = zip_with(tmp_path / "a.zip", {"JPEGImages/a": b"#!"}, modes={"JPEGImages/a": mode})
    laid_out(path, DAVIS, tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out" / "JPEGImages" / "a").stat().st_mode) & 0o7111 == 0


def test_another_archive_than_the_one_meant(tmp_path):
    path = zip_with(tmp_path / "a.zip", {"train/meta.json": b"{}"})
    with pytest.raises(InputError, match="holds no JPEGImages: it is another archive"):
        laid_out(path, DAVIS, tmp_path / "out")


def test_zipfile_still_reads_what_these_tests_made(tmp_path):
    with zipfile.ZipFile(zip_with(tmp_path / "a.zip", GOOD)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == GOOD
