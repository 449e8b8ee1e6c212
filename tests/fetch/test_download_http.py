"""Downloads against a real server that cuts, lies, changes its mind and goes away."""

import json
from functools import partial

import pytest
from file_server import Site, serve
from tqdm import tqdm

from vosbook.errors import InputError
from vosbook.fetch import http
from vosbook.fetch.http import Patience, Unreachable, download

BODY = bytes(range(256)) * 40  # 10,240 bytes, no two of its 256-byte windows with other offsets mod 256 alike
QUICK = Patience(tries=3, pause=0.001, timeout=60.0)  # on the same machine, which may be busy
get = partial(download, progress=partial(tqdm, disable=True), patience=QUICK)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(http, "CHUNK", 1000)


@pytest.fixture
def site():
    with serve(Site(files={"/a.zip": BODY})) as site:
        yield site


def ranges(site: Site) -> list[str | None]:
    return [wanted for _, wanted, _ in site.log]


def only(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_file(site, tmp_path):
    assert get([f"{site.url}/a.zip"], tmp_path / "a.zip") == f"{site.url}/a.zip"
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert only(tmp_path) == ["a.zip"]
    assert ranges(site) == [None]


def test_cut_connections_are_resumed_where_they_broke(site, tmp_path):
    site.cuts = [3000, 2500]
    get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert ranges(site) == [None, "bytes=3000-", "bytes=5500-"]
    assert [wanted for _, _, wanted in site.log] == [None, '"one"', '"one"']


def test_a_later_run_goes_on_and_sees_a_file_that_changed(site, tmp_path):
    site.cuts = [3000, 0, 0]
    with pytest.raises(Unreachable, match=r"cut after 3000 of 10240 bytes; 3 tries"):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert only(tmp_path) == [".a.zip.part", ".a.zip.part.json"]
    site.log.clear()
    site.etag, site.files["/a.zip"] = '"two"', BODY[::-1]
    get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY[::-1]  # not half of one and half of the other
    assert site.log == [("/a.zip", "bytes=3000-", '"one"')]


@pytest.mark.parametrize("fault", [{"ranges": False}, {"etag": None}, {"etag": 'W/"one"'}])
def test_without_ranges_or_a_sure_name_it_begins_anew(site, tmp_path, fault):
    for name, value in fault.items():
        setattr(site, name, value)
    site.cuts = [3000]
    get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert len(site.log) == 2


def test_a_part_that_is_longer_than_the_file_is_dropped(site, tmp_path):
    site.cuts = [9000, 0, 0]
    with pytest.raises(Unreachable):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    site.files["/a.zip"] = BODY[:5000]  # a server that does not even change its ETag
    get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY[:5000]


def test_a_file_that_grew_under_its_old_name(site, tmp_path):
    site.cuts = [3000, 0, 0]
    with pytest.raises(Unreachable):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    site.files["/a.zip"] = BODY[::-1] + b"more"  # and the same ETag
    get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY[::-1] + b"more"


def test_a_kill_between_the_last_byte_and_the_name(site, tmp_path):
    (tmp_path / ".a.zip.part").write_bytes(BODY)
    about = {"url": f"{site.url}/a.zip", "validator": '"one"', "total": len(BODY)}
    (tmp_path / ".a.zip.part.json").write_text(json.dumps(about))
    get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY and site.log == []


def test_the_part_of_another_address_is_not_used(site, tmp_path):
    site.files["/b.zip"] = BODY[::-1]
    (tmp_path / ".a.zip.part").write_bytes(BODY[:4000])
    about = {"url": f"{site.url}/b.zip", "validator": '"one"', "total": len(BODY)}
    (tmp_path / ".a.zip.part.json").write_text(json.dumps(about))
    get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY and ranges(site) == [None]


def test_passing_troubles_are_waited_for(site, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(http.time, "sleep", pauses.append)
    site.status["/a.zip"] = [503, 429]
    site.headers["Retry-After"] = "7"
    get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert pauses == [7.0, 7.0] and len(site.log) == 3


def test_the_pauses_grow(site, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(http.time, "sleep", pauses.append)
    site.status["/a.zip"] = [500] * 9
    with pytest.raises(Unreachable, match="500 Internal Server Error; 4 tries"):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip", patience=Patience(tries=4, pause=1.0))
    assert [round(pause, 1) for pause in pauses] == pytest.approx([1, 2, 4], rel=0.21)


def test_a_server_that_always_cuts_is_given_up(site, tmp_path):
    site.cuts = [100] * 50
    with pytest.raises(Unreachable, match="cut again and again; 20 tries"):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip", patience=Patience(tries=3, most_tries=20, pause=0))
    assert len(site.log) == 20


def test_a_mirror_is_tried_and_all_addresses_are_named(site, tmp_path):
    urls = [f"{site.url}/gone.zip", f"{site.url}/a.zip"]
    assert get(urls, tmp_path / "a.zip") == urls[1]
    site.status["/old.zip"] = [410]
    with pytest.raises(Unreachable) as error:
        get([urls[0], f"{site.url}/old.zip", "http://127.0.0.1:1/x.zip"], tmp_path / "b.zip")
    said = str(error.value)
    assert f"{site.url}/gone.zip (404 Not Found)" in said and f"{site.url}/old.zip (410 Gone)" in said
    assert "http://127.0.0.1:1/x.zip (Connection refused; 3 tries)" in said
    assert only(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1])
def test_a_wrong_length_is_refused_before_anything_is_written(site, tmp_path, size):
    with pytest.raises(Unreachable, match=f"it has 10240 bytes there, and should have {size}"):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip", size=size)
    assert only(tmp_path) == []


def test_a_length_that_is_a_lie(site, tmp_path):
    site.length = len(BODY) + 5  # more is announced than comes
    with pytest.raises(Unreachable, match="; 3 tries"):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_a_size_that_nobody_states(site, tmp_path):
    site.states_length = False
    with pytest.raises(Unreachable, match="does not say how large"):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    get([f"{site.url}/a.zip"], tmp_path / "a.zip", size=len(BODY))
    assert (tmp_path / "a.zip").read_bytes() == BODY
    with pytest.raises(Unreachable, match="more than the 5000 bytes"):  # and it could go on for ever
        get([f"{site.url}/a.zip"], tmp_path / "b.zip", size=5000)
    assert only(tmp_path) == ["a.zip"]


def test_a_wrong_checksum_leads_to_the_mirror_and_leaves_nothing(site, tmp_path):
    site.files["/bad.zip"] = BODY[::-1]
    check = lambda path: None if path.read_bytes() == BODY else "its checksum is wrong"  # noqa: E731
    urls = [f"{site.url}/bad.zip", f"{site.url}/a.zip"]
    assert get(urls, tmp_path / "a.zip", check=check) == urls[1]
    with pytest.raises(Unreachable, match=r"bad.zip .its checksum is wrong"):
        get(urls[:1], tmp_path / "b.zip", check=check)
    assert only(tmp_path) == ["a.zip"]


def test_older_bytes_that_were_wrong_are_fetched_once_more(site, tmp_path):
    (tmp_path / ".a.zip.part").write_bytes(b"?" * 4000)
    about = {"url": f"{site.url}/a.zip", "validator": '"one"', "total": len(BODY)}
    (tmp_path / ".a.zip.part.json").write_text(json.dumps(about))
    check = lambda path: None if path.read_bytes() == BODY else "its checksum is wrong"  # noqa: E731
    get([f"{site.url}/a.zip"], tmp_path / "a.zip", check=check)
    assert (tmp_path / "a.zip").read_bytes() == BODY and ranges(site) == ["bytes=4000-", None]


def test_a_full_disk_is_foreseen(site, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "RESERVE", 10**18)
    with pytest.raises(InputError, match=r"has no room for a.zip.*--out"):
        get([f"{site.url}/a.zip"], tmp_path / "a.zip")
    assert only(tmp_path) == []


def test_where_a_redirect_may_lead(site, tmp_path):
    site.status["/old.zip"] = [302]
    site.headers["Location"] = "/a.zip"
    get([f"{site.url}/old.zip"], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == BODY
    site.status["/trap.zip"] = [302]
    site.headers["Location"] = "ftp://127.0.0.1/a.zip"
    with pytest.raises(Unreachable, match="it leads to ftp://"):
        get([f"{site.url}/trap.zip"], tmp_path / "b.zip")


def test_https_is_not_left_for_http():
    request = http.urllib.request.Request("https://127.0.0.1/a.zip")

    class Answer:
        def close(self):
            pass

    with pytest.raises(http._Gone, match="which is not https"):
        http._SafeRedirects().redirect_request(request, Answer(), 302, "", {}, "http://127.0.0.1/a.zip")
