"""Downloads from a local server that can be made to misbehave."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from blazepalm import atomic
from blazepalm.cli.fetch import FetchFailed, fetch

CONTENT = bytes(range(256)) * 1200  # 300 kB, so that it comes in several blocks
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """A server with one file; its faults, and the requests it received."""

    url: str = ""
    content: bytes = CONTENT
    ranges: bool = True  # honours Range
    break_after: list[int] = field(default_factory=list)  # bytes of each reply, then it hangs up
    length: bool | str = True  # sends Content-Length: the true one, or these digits
    pause: float = 0.0  # seconds between single bytes
    wrong_start: int = 0  # added to where it says a range starts
    asked: list[str | None] = field(default_factory=list)  # Range headers


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/model.tflite":
                self.send_error(404)
                return
            asked = self.headers.get("Range")
            state.asked.append(asked)
            start = int(asked[len("bytes=") : -1]) if asked and state.ranges else 0
            if start >= len(state.content) > 0 and start:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.content)}")
                self.end_headers()
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            if start:
                first, last = start + state.wrong_start, len(state.content) - 1
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(state.content)}")
            if state.length:
                digits = state.length if isinstance(state.length, str) else str(len(body))
                self.send_header("Content-Length", digits)
            self.end_headers()
            while state.pause and body:
                try:
                    self.wfile.write(body[:1])
                except OSError:
                    return
                body = body[1:]
                time.sleep(state.pause)
            most = state.break_after.pop(0) if state.break_after else len(body)
            self.wfile.write(body[:most])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/model.tflite"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "model.tflite"


def part_of(target: Path) -> Path:
    return atomic.part_of(target, ".part")


def test_whole_file(site: Site, target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    digest = fetch(
        site.url, target, sha256=SHA256, size=len(CONTENT), progress=lambda *at: seen.append(at)
    )
    assert digest == SHA256
    assert target.read_bytes() == CONTENT
    assert [p.name for p in target.parent.iterdir()] == [target.name]
    assert seen[0] == (0, len(CONTENT)) and seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(seen) > 3
    assert site.asked == [None]


def test_broken_transfer_is_taken_up_again(site: Site, target: Path) -> None:
    site.break_after = [100_000, 50_000]
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256
    assert site.asked == [None, "bytes=100000-", "bytes=150000-"]
    assert target.read_bytes() == CONTENT


def test_broken_for_good_keeps_what_came(site: Site, target: Path) -> None:
    site.break_after = [1000, 1000, 1000]
    with pytest.raises(FetchFailed, match="broke off 3 times; 3000 bytes are kept"):
        fetch(site.url, target, sha256=SHA256, size=len(CONTENT))
    assert not target.exists()
    assert part_of(target).read_bytes() == CONTENT[:3000]
    site.asked.clear()
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256
    assert site.asked == ["bytes=3000-"]
    assert not part_of(target).exists()


def test_server_without_ranges_starts_anew(site: Site, target: Path) -> None:
    site.ranges = False
    site.break_after = [100_000]
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256
    assert target.read_bytes() == CONTENT


def test_part_that_was_whole_is_used(site: Site, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT)
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256
    assert site.asked == [f"bytes={len(CONTENT)}-"]


def test_part_that_is_too_long_is_dropped(site: Site, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT + b"x")
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256
    assert target.read_bytes() == CONTENT


def test_the_part_of_another_file_is_found_out(site: Site, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(b"something else")
    with pytest.raises(FetchFailed, match=f"expected {SHA256}; removed"):
        fetch(site.url, target, sha256=SHA256, size=len(CONTENT))
    assert list(target.parent.iterdir()) == []


def test_unknown_hash_never_resumes(site: Site, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(b"something else")
    assert fetch(site.url, target, sha256=None, size=None) == SHA256
    assert site.asked == [None]


def test_wrong_file_is_removed(site: Site, target: Path) -> None:
    wrong = "0" * 64
    with pytest.raises(FetchFailed, match=f"its SHA-256 is {SHA256}, expected {wrong}"):
        fetch(site.url, target, sha256=wrong, size=len(CONTENT))
    assert not target.parent.exists()


def test_wrong_file_leaves_the_old_one(site: Site, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(FetchFailed):
        fetch(site.url, target, sha256="0" * 64, size=len(CONTENT))
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("length", [True, False])
def test_more_than_expected_is_not_taken(site: Site, target: Path, length: bool) -> None:
    site.length = length
    with pytest.raises(FetchFailed, match="expected at most 1000"):
        fetch(site.url, target, sha256=SHA256, size=1000)
    assert not target.parent.exists()


def test_no_length_given(site: Site, target: Path) -> None:
    site.length = False
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256


def test_range_that_does_not_fit_is_refused(site: Site, target: Path) -> None:
    site.break_after = [1000]
    site.wrong_start = 7
    with pytest.raises(FetchFailed, match="sent bytes from 1007, expected 1000"):
        fetch(site.url, target, sha256=SHA256, size=len(CONTENT))


def test_missing_file(site: Site, target: Path) -> None:
    with pytest.raises(FetchFailed, match=r"other: the server answered 404 Not Found"):
        fetch(site.url.replace("model.tflite", "other"), target, sha256=SHA256, size=None)
    assert not target.exists()


def test_closed_port(site: Site, target: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchFailed, match=f"127.0.0.1:{port}/x: connection refused"):
        fetch(f"http://127.0.0.1:{port}/x", target, sha256=SHA256, size=None)


def test_silence_ends_in_time(target: Path) -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(FetchFailed, match="no answer in time"):
            fetch(url, target, sha256=SHA256, size=None, timeout=0.1)


def test_file_url(tmp_path: Path, target: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    url = (tmp_path / "source").as_uri()
    assert fetch(url, target, sha256=SHA256, size=len(CONTENT)) == SHA256
    assert target.read_bytes() == CONTENT


def test_file_url_of_nothing(tmp_path: Path, target: Path) -> None:
    with pytest.raises(FetchFailed, match="no such file"):
        fetch((tmp_path / "nothing").as_uri(), target, sha256=SHA256, size=None)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "model.tflite", "", "data:,x"])
def test_other_schemes_are_refused(url: str, target: Path) -> None:
    with pytest.raises(FetchFailed, match="expected a URL of https, http, file"):
        fetch(url, target, sha256=None, size=None)
    assert not target.parent.exists()


def test_folder_that_is_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(FetchFailed, match="cannot be written"):
        fetch(site.url, tmp_path / "taken" / "model.tflite", sha256=SHA256, size=None)


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_nothing_is_written_through_a_link(
    site: Site, target: Path, tmp_path: Path, link: Callable[..., None]
) -> None:
    target.parent.mkdir()
    (tmp_path / "mine").write_bytes(CONTENT[:100])
    link(tmp_path / "mine", part_of(target))
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256
    assert target.read_bytes() == CONTENT and (tmp_path / "mine").read_bytes() == CONTENT[:100]
    assert site.asked == [None] and not part_of(target).exists()


def test_a_target_that_is_a_link_is_refused(site: Site, target: Path, tmp_path: Path) -> None:
    target.parent.mkdir()
    (tmp_path / "mine").write_bytes(b"mine")
    target.symlink_to(tmp_path / "mine")
    with pytest.raises(FetchFailed, match="is a link"):
        fetch(site.url, target, sha256=SHA256, size=len(CONTENT))
    assert target.is_symlink() and (tmp_path / "mine").read_bytes() == b"mine"
    assert site.asked == []


def test_two_downloads_never_mix(site: Site, target: Path) -> None:
    with atomic.claim(target), pytest.raises(FetchFailed, match="another process is writing it"):
        fetch(site.url, target, sha256=SHA256, size=len(CONTENT))
    assert site.asked == []
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256


@pytest.mark.parametrize("digest", [None, SHA256])
def test_an_empty_answer_is_no_file(site: Site, target: Path, digest: str | None) -> None:
    site.content = b""
    with pytest.raises(FetchFailed, match="the server sent an empty file"):
        fetch(site.url, target, sha256=digest, size=None)
    assert not target.parent.exists()


def test_a_slow_drip_ends_in_time(site: Site, target: Path) -> None:
    """Each byte comes within the time allowed for one, all of them would take 50 minutes."""
    site.pause = 0.01
    with pytest.raises(FetchFailed, match="the server sends too slowly; [0-9]+ bytes are kept"):
        fetch(site.url, target, sha256=SHA256, size=len(CONTENT), timeout=0.2)
    assert 0 < part_of(target).stat().st_size < 1000


def test_endless_digits_in_a_header_are_no_number(site: Site, target: Path) -> None:
    site.length = "9" * 5000
    assert fetch(site.url, target, sha256=SHA256, size=len(CONTENT)) == SHA256
