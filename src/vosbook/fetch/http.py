"""One file over HTTP: resumed after a cut or a kill, tried again with growing pauses, verified before it has its name.

The bytes so far lie in `.NAME.part`, and `.NAME.part.json` says of which file they are. They are added to only where
the server confirms that it still has that very file (If-Range with its ETag or date); anything else begins anew.
"""

import http.client
import io
import json
import os
import random
import re
import shutil
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from vosbook.errors import InputError

CHUNK = 1 << 20  # bytes
RESERVE = 10**9  # bytes that are left free on the disk
PASSING = {408, 425, 429, 500, 502, 503, 504}  # answers that may be others in a minute
LONGEST_PAUSE = 60.0  # seconds

Progress = Callable[..., Any]  # called as tqdm is
Check = Callable[[Path], str | None]  # what is wrong with a file, or None


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try an address again."""

    tries: int = 6  # without a byte of progress
    most_tries: int = 100  # in all: a server may send a few bytes and hang up, again and again
    pause: float = 1.0  # seconds before the second try; doubled each time
    timeout: float = 30.0  # seconds without an answer


class Unreachable(InputError):
    """No address gives the file."""


class _Gone(Exception):
    """This address will not do: take the next."""


class _Cut(Exception):
    """Worth another try, after `pause` seconds where the server said so."""

    def __init__(self, reason: str, pause: float | None = None):
        super().__init__(reason)
        self.pause = pause


class _Shorter(_Cut):
    """The file ends before the first byte that was asked for."""


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows where it is sent, but not from https to plain http, where others could read and change the answer."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        allowed = ("https:",) if req.full_url.startswith("https:") else ("https:", "http:")
        if not newurl.startswith(allowed):
            fp.close()
            raise _Gone(f"it leads to {newurl}, which is not {allowed[0]}//")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    urls: Sequence[str],
    target: Path,
    *,
    progress: Progress,
    size: int | None = None,
    check: Check = lambda path: None,
    patience: Patience = Patience(),
) -> str:
    """Fetch `target` from the first of `urls` that gives it, and return that address.

    `size`, in bytes, is the one to insist on; None takes what the server says. `check` says what is wrong with the
    finished file. Unreachable names every address that was tried, and why it failed; InputError where the disk has no
    room.
    """
    part = _Part(target)
    tried = []
    for url in urls:
        try:
            _patiently(url, part, size=size, check=check, progress=progress, patience=patience)
            part.finish()
            return url
        except _Gone as reason:
            tried.append(f"{url} ({reason})")
    raise Unreachable(f"{target.name} could not be fetched; tried {', '.join(tried)}")


class _Part:
    """The bytes of a file so far, and of which file they are."""

    def __init__(self, target: Path):
        self.target = target
        self.path = target.with_name(f".{target.name}.part")
        self._about = target.with_name(f".{target.name}.part.json")

    def __len__(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def about(self, url: str) -> dict[str, Any]:
        """`{"url", "validator", "total"}` of the bytes that are here; empty if they are not of `url`."""
        try:
            about = json.loads(self._about.read_text(encoding="utf-8"))
            return about if about["url"] == url and about["validator"] else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def begin(self, about: dict[str, Any]) -> None:
        """Forget the bytes so far. What follows is described before the first byte is written."""
        self.clear()
        self._about.write_text(json.dumps(about), encoding="utf-8")
        self.path.touch()

    def clear(self) -> None:
        self._about.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        self.path.replace(self.target)
        self._about.unlink(missing_ok=True)


def _patiently(url: str, part: _Part, *, size, check: Check, progress: Progress, patience: Patience) -> None:
    """Fetch `url` into `part` until it is whole and passes `check`. _Gone where that cannot be had."""
    failures, most = 0, len(part)
    for _ in range(patience.most_tries):
        before = len(part)
        try:
            _request(url, part, size=size, progress=progress, timeout=patience.timeout)
            if problem := check(part.path):
                part.clear()
                if not before:
                    raise _Gone(problem)
                raise _Cut(problem)  # the older bytes may be the wrong ones: once more, from the start
            return
        except _Cut as cut:
            failures, most = (1, len(part)) if len(part) > most else (failures + 1, most)
            if failures >= patience.tries:
                raise _Gone(f"{cut}; {failures} tries") from None
            time.sleep(_pause(patience, failures, cut))
    raise _Gone(f"the connection is cut again and again; {patience.most_tries} tries")


def _request(url: str, part: _Part, *, size: int | None, progress: Progress, timeout: float) -> None:
    """One request, for the rest of the file or for all of it. _Cut or _Gone where the file is not whole after it."""
    about = part.about(url)
    have = len(part) if about else 0
    if have and have == about["total"]:
        return  # a kill between the last byte and the name
    headers = {"Range": f"bytes={have}-", "If-Range": about["validator"]} if have else {}
    try:
        response = _open(url, headers, timeout)
    except _Shorter:
        part.clear()
        raise
    with response:
        start, total = _extent(response)
        if start != have:
            part.clear()
        if start not in (0, have):
            raise _Cut(f"it sent the bytes from {start} on instead of {have}")
        if start and total not in (None, about["total"]):
            part.clear()
            raise _Cut("the server has another file now")
        total = _agreed(total, size)
        check_room(part.path.parent, total - start, part.target.name)
        if start == 0:
            part.begin({"url": url, "validator": _validator(response.headers), "total": total})
        with progress(total=total, initial=start, unit="B", unit_scale=True, desc=part.target.name) as bar:
            _receive(response, part, total, bar)


def _open(url: str, headers: Mapping[str, str], timeout: float) -> http.client.HTTPResponse:
    headers = {"User-Agent": "vosbook", "Accept-Encoding": "identity", **headers}
    try:
        request = urllib.request.Request(url, headers=headers)
        return urllib.request.build_opener(_SafeRedirects).open(request, timeout=timeout)
    except HTTPError as error:
        with error:
            if error.code == 416:
                raise _Shorter("the server has another file now") from None
            if error.code in PASSING:
                raise _Cut(f"{error.code} {error.reason}", _retry_after(error.headers)) from None
            raise _Gone(f"{error.code} {error.reason}") from None
    except URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _Gone(f"its certificate is not valid: {error.reason.verify_message}") from None
        raise _Cut(_words(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(_words(error)) from None
    except ValueError as error:  # an address that is none
        raise _Gone(str(error)) from None


class RemoteFile(io.RawIOBase):
    """A file on a server that is read in parts, wherever they lie: a zip's list of contents is at its end.

    Unreachable where the server does not give parts, or has another file after a while.
    """

    def __init__(self, url: str, *, size: int | None = None, patience: Patience = Patience()):
        self.url, self.patience = url, patience
        self._validator: str | None = None
        self._place = 0
        _, self.size = self._ask(0, 1, size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence])
        return self._place

    def readinto(self, buffer) -> int:
        length = min(len(buffer), self.size - self._place)
        if length <= 0:
            return 0
        buffer[:length], _ = self._ask(self._place, length, self.size)
        self._place += length
        return length

    def _ask(self, start: int, length: int, size: int | None) -> tuple[bytes, int]:
        """Bytes of the file, and how many it has: `size`, where that is known."""
        last = ""
        for failures in range(1, self.patience.tries + 1):
            try:
                return self._part(start, length, size)
            except _Gone as reason:
                raise Unreachable(f"{self.url} cannot be read in parts: {reason}") from None
            except _Cut as cut:
                last = str(cut)
                time.sleep(_pause(self.patience, failures, cut))
        raise Unreachable(f"{self.url} cannot be read in parts: {last}; {self.patience.tries} tries")

    def _part(self, start: int, length: int, size: int | None) -> tuple[bytes, int]:
        headers = {"Range": f"bytes={start}-{start + length - 1}"}
        if self._validator:
            headers["If-Range"] = self._validator
        with _open(self.url, headers, self.patience.timeout) as response:
            if response.status != 206:
                raise _Gone("it gives the file as a whole only")
            found, total = _extent(response)
            if found != start or total is None or size not in (None, total):
                raise _Gone("it has another file now")
            self._validator = self._validator or _validator(response.headers)
            try:
                content = response.read(length)
            except (OSError, http.client.HTTPException) as error:
                raise _Cut(_words(error)) from None
        if len(content) != length:
            raise _Cut("the connection was cut")
        return content, total


def _pause(patience: Patience, failures: int, cut: _Cut) -> float:
    """Seconds to wait before the next try."""
    own = patience.pause * 2 ** (failures - 1) * random.uniform(0.8, 1.2)
    return min(own if cut.pause is None else cut.pause, LONGEST_PAUSE)


def _words(error: Any) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _retry_after(headers) -> float | None:
    """Seconds that the server asks to wait; dates are not worth reading."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _extent(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """The first byte that this answer holds, and how many the whole file has (None: not said)."""
    if response.status == 206:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
        if not match:
            raise _Gone("it answers a part of the file and does not say which")
        return int(match[1]), None if match[3] == "*" else int(match[3])
    if response.status != 200:
        raise _Gone(f"it answers {response.status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _Gone("it compresses the file, although asked not to")
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _agreed(total: int | None, size: int | None) -> int:
    """The size of the whole file, in bytes, known before any of it is written."""
    known = size if total is None else total
    if known is None:
        raise _Gone("it does not say how large the file is")
    if size not in (None, known):
        raise _Gone(f"it has {total} bytes there, and should have {size}")
    return known


def check_room(folder: Path, size: int, what: str) -> None:
    """InputError where `size` bytes more would leave too little of the disk."""
    free = shutil.disk_usage(folder).free
    if size + RESERVE > free:
        raise InputError(
            f"{folder} has no room for {what}: it takes {size / 1e9:.1f} GB more, {free / 1e9:.1f} GB are free, and "
            f"{RESERVE / 1e9:.0f} GB are left alone; make room, or choose another folder with --out"
        )


def _validator(headers) -> str | None:
    """What If-Range may hold to name this very file: a strong ETag, else a date. None: the server gives neither."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified")


def _receive(response: http.client.HTTPResponse, part: _Part, total: int, bar: Any) -> None:
    """Append what comes. _Cut where it ends before `total` bytes, _Gone where it goes on after them."""
    with part.path.open("ab") as file:
        while True:
            try:
                chunk = response.read(CHUNK)
            except http.client.IncompleteRead as error:
                chunk = error.partial
            except (OSError, http.client.HTTPException) as error:
                raise _Cut(_words(error)) from None
            file.write(chunk)
            file.flush()  # what a kill finds in Python's buffer is lost
            bar.update(len(chunk))
            if not chunk or file.tell() > total:
                break
        length = file.tell()
        os.fsync(file.fileno())
    if length > total:
        part.clear()
        raise _Gone(f"it sends more than the {total} bytes it should")
    if length < total:
        raise _Cut(f"the connection was cut after {length} of {total} bytes")
