"""Downloads a URL to a file: resumes a partial file, limits the size, checks, then renames.

Received bytes stay in a partial file beside the target until it is complete. A partial file is
resumed only if a SHA-256 is known that will show whether the halves fit; otherwise the download
starts over. HTTP ranges: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

import hashlib
import http.client
import os
import re
import socket
import ssl
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from blazepalm.atomic import check_file, check_free, claim, part_of, status, told
from blazepalm.errors import ArtifactError, BlazePalmError, first_line
from blazepalm.limits import DOWNLOAD_BYTES
from blazepalm.version import __version__

SCHEMES = ("https", "http", "file")
TIMEOUT = 30.0  # seconds without a byte
SLOWEST = 2000.0  # bytes per second over a whole answer, beyond TIMEOUT: 46 minutes for the largest
CHUNK = 1 << 16
MAX_DIGITS = 18  # of a number in a server's header
TRIES = 3  # attempts before a broken transfer is given up

Progress = Callable[[int, int | None], None]  # (bytes received, total); total None: unknown


class FetchFailed(BlazePalmError):
    """A download from one URL failed; another URL may work."""


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str | None,
    size: int | None,
    force: bool = True,
    progress: Progress = lambda done, total: None,
    timeout: float = TIMEOUT,
) -> str:
    """Downloads `url` to `target` and returns its SHA-256 (hex).

    `sha256` and `size` are the expected ones, None if unknown. Raises FetchFailed if the URL
    cannot be read, sends too many bytes, or sends a different file. A wrong file is removed; an
    unfinished one is kept for the next attempt.
    """
    if urlsplit(url).scheme not in SCHEMES:
        raise FetchFailed(f"{url}: expected a URL of {', '.join(SCHEMES)}")
    try:
        check_file(target, force=force)
        with told(target), claim(target):
            try:
                return _fetch(url, target, sha256, size, force, progress, timeout)
            finally:
                if sha256 is None:  # nothing could show whether the next half fits
                    part_of(target, ".part").unlink(missing_ok=True)
    except ArtifactError as error:  # a disk error: network errors are FetchFailed by now
        raise FetchFailed(str(error)) from error


def _fetch(
    url: str,
    target: Path,
    sha256: str | None,
    size: int | None,
    force: bool,
    progress: Progress,
    timeout: float,
) -> str:
    part = part_of(target, ".part")
    found = status(part)
    if found is not None and (
        sha256 is None or not stat.S_ISREG(found.st_mode) or found.st_nlink > 1
    ):
        part.unlink()  # leaves the target of a symbolic link as it is
    for _ in range(TRIES):
        if _transfer(url, part, size, progress, timeout):
            break
    else:
        kept = part.stat().st_size
        raise FetchFailed(f"{url}: broke off {TRIES} times; {kept} bytes are kept, try again")
    content = part.read_bytes()
    if not content:
        part.unlink()
        raise FetchFailed(f"{url}: the server sent an empty file")
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256:
        part.unlink()
        raise FetchFailed(f"{url}: wrong file: its SHA-256 is {digest}, expected {sha256}; removed")
    check_free(target, force, "-o")
    os.replace(part, target)
    return digest


def _transfer(url: str, part: Path, size: int | None, progress: Progress, timeout: float) -> bool:
    """Makes one request and appends to `part`; returns whether the file is complete."""
    there = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": f"blazepalm/{__version__}"})
    if there and not url.startswith("file:"):
        request.add_header("Range", f"bytes={there}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and there:  # no such range: the part is already complete, or too long
            if _total(error.headers.get("Content-Range")) == there:
                return True
            part.unlink()
            return False
        raise FetchFailed(f"{url}: the server answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchFailed(f"{url}: {_reason(error)}") from error
    with response:
        start, total = 0, _integer(response.headers.get("Content-Length"))
        if getattr(response, "status", None) == 206:
            start = _start(response.headers.get("Content-Range"))
            total = None if total is None else start + total
            if start != there:
                raise FetchFailed(f"{url}: the server sent bytes from {start}, expected {there}")
        _check_size(url, total or 0, size)
        return _receive(url, response, part, start, total, size, progress, timeout)


def _receive(
    url: str,
    response: http.client.HTTPResponse,
    part: Path,
    start: int,
    total: int | None,
    size: int | None,
    progress: Progress,
    timeout: float,
) -> bool:
    done, began = start, time.monotonic()
    progress(done, total)
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(part, flags, 0o666), "wb") as file:
        file.truncate(start)
        file.seek(start)
        while True:
            try:
                block = response.read1(CHUNK)
            except (OSError, http.client.HTTPException):
                return False
            if not block:
                return total is None or done >= total
            done += len(block)
            try:
                _check_size(url, done, size)
            except FetchFailed:
                part.unlink()
                raise
            file.write(block)
            progress(done, total)
            if time.monotonic() - began > timeout + (done - start) / SLOWEST:
                raise FetchFailed(f"{url}: the server sends too slowly; {done} bytes are kept")


def _check_size(url: str, found: int, expected: int | None) -> None:
    most = DOWNLOAD_BYTES if expected is None else expected
    if found > most:
        raise FetchFailed(f"{url}: the server sent {found} bytes or more, expected at most {most}")


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, socket.gaierror):
        return "host not found (is this machine offline?)"
    if isinstance(cause, ssl.SSLError):
        return f"certificate rejected ({cause.reason or cause})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return first_line(cause if isinstance(cause, BaseException) else Exception(cause))


def _integer(text: str | None) -> int | None:
    if text is None or not re.fullmatch(rf"[0-9]{{1,{MAX_DIGITS}}}", text):
        return None
    return int(text)


def _start(content_range: str | None) -> int:
    found = re.match(rf"bytes ([0-9]{{1,{MAX_DIGITS}}})-", content_range or "")
    return int(found.group(1)) if found else -1


def _total(content_range: str | None) -> int | None:
    found = re.fullmatch(rf"bytes \*/([0-9]{{1,{MAX_DIGITS}}})", content_range or "")
    return int(found.group(1)) if found else None
