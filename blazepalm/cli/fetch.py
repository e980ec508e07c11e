"""URL → file: resumed where a part of it is already there, bounded, checked, then renamed.

What has come stays in a part of ours beside the target until it is whole. A part is only resumed
where a SHA-256 will tell whether the two halves fit; a file of unknown hash starts anew. HTTP
ranges: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

import hashlib
import http.client
import os
import re
import socket
import ssl
import stat
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from blazepalm.atomic import check_file, check_free, claim, part_of, status, told
from blazepalm.errors import ArtifactError, BlazePalmError
from blazepalm.version import __version__

SCHEMES = ("https", "http", "file")
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 16
MAX_BYTES = 64 << 20  # bytes of a file of unknown size; the largest known release has 5.5 MB
TRIES = 3  # times that a broken transfer is taken up again by itself

Progress = Callable[[int, int | None], None]  # bytes there, of how many


class FetchFailed(BlazePalmError):
    """One URL did not give the file; another may."""


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

    `sha256` and `size` are what is expected, None where unknown. Raises FetchFailed where the
    URL cannot be had, sends more than it should, or another file; what it sent instead is
    removed, an unfinished part is kept for the next time.
    """
    if urlsplit(url).scheme not in SCHEMES:
        raise FetchFailed(f"{url}: expected a URL of {', '.join(SCHEMES)}")
    try:
        check_file(target, force=force)
        with told(target), claim(target):
            try:
                return _fetch(url, target, sha256, size, force, progress, timeout)
            finally:
                if sha256 is None:  # nothing would tell whether another half fits
                    part_of(target, ".part").unlink(missing_ok=True)
    except ArtifactError as error:  # of the disk: those of the network are FetchFailed by now
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
        part.unlink()  # what a link led to stays as it is
    for _ in range(TRIES):
        if _transfer(url, part, size, progress, timeout):
            break
    else:
        kept = part.stat().st_size
        raise FetchFailed(f"{url}: broke off {TRIES} times; {kept} bytes are kept, try again")
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    if sha256 is not None and digest != sha256:
        part.unlink()
        raise FetchFailed(
            f"{url}: is another file: its SHA-256 is {digest}, expected {sha256}; removed"
        )
    check_free(target, force, "-o")
    os.replace(part, target)
    return digest


def _transfer(url: str, part: Path, size: int | None, progress: Progress, timeout: float) -> bool:
    """One request, appended to `part`; whether the file is whole then."""
    there = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": f"blazepalm/{__version__}"})
    if there and not url.startswith("file:"):
        request.add_header("Range", f"bytes={there}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and there:  # no such range: the part is whole already, or too long
            if _total(error.headers.get("Content-Range")) == there:
                return True
            part.unlink()
            return False
        raise FetchFailed(f"{url}: the server says {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchFailed(f"{url}: {_reason(error)}") from error
    with response:
        start, total = 0, _integer(response.headers.get("Content-Length"))
        if getattr(response, "status", None) == 206:
            start = _start(response.headers.get("Content-Range"))
            total = None if total is None else start + total
            if start != there:
                raise FetchFailed(f"{url}: the server sends bytes from {start}, not {there}")
        _check_size(url, total or 0, size)
        return _receive(url, response, part, start, total, size, progress)


def _receive(
    url: str,
    response: http.client.HTTPResponse,
    part: Path,
    start: int,
    total: int | None,
    size: int | None,
    progress: Progress,
) -> bool:
    done = start
    progress(done, total)
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(part, flags, 0o666), "wb") as file:
        file.truncate(start)
        file.seek(start)
        while True:
            try:
                block = response.read(CHUNK)
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


def _check_size(url: str, found: int, expected: int | None) -> None:
    most = MAX_BYTES if expected is None else expected
    if found > most:
        raise FetchFailed(f"{url}: sends {found} bytes or more, expected at most {most}")


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, socket.gaierror):
        return "its host cannot be found (is this machine offline?)"
    if isinstance(cause, ssl.SSLError):
        return f"its certificate is not accepted ({cause.reason or cause})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(cause) or type(cause).__name__


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _start(content_range: str | None) -> int:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return int(found.group(1)) if found else -1


def _total(content_range: str | None) -> int | None:
    found = re.fullmatch(r"bytes \*/(\d+)", content_range or "")
    return int(found.group(1)) if found else None
