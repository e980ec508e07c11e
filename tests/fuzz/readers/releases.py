"""A lying server's answers to `releases fetch`, and a damaged registry."""

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

from blazepalm.errors import BlazePalmError
from fuzz.mutations import INTEGERS, TEXTS, damage_bytes
from fuzz.outcomes import LEFT, OTHER, Escaped
from fuzz.reader import reader

# values as TOML writes them
VALUES = (
    *("true", "nan", "inf", "-inf", "1e400", "0.5", "1979-05-27", "[]", "{}", "[[1]]", "{x = 1}"),
    *(f"{number}" for number in INTEGERS),
    *(json.dumps(text) for text in TEXTS),
)


@reader("server", lambda folder: None)
def server(random: Random, corpus: Any, folder: Path) -> None:
    """A lying server's answers to `releases fetch`."""
    import hashlib
    import http.client
    import io
    import urllib.request
    from unittest.mock import patch

    from blazepalm.cli.fetch import fetch

    content = bytes(range(256)) * 8

    def answer(*_: Any, **__: Any) -> Any:
        head = {
            "Content-Length": random.choice(("2048", "0", "-1", "x", "9" * 5000, "１２", "2049")),
            "Content-Range": random.choice(("bytes 0-2047/2048", "x", f"bytes {'9' * 5000}-")),
            "Transfer-Encoding": random.choice(("chunked", "identity", "")),
        }  # fmt: skip
        lines = "".join(f"{k}: {v}\r\n" for k, v in head.items() if random.random() < 0.6)
        status = random.choice((200, 200, 206, 416, 500, 302, 99))
        raw = f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode() + content[: random.randrange(2049)]

        class Socket:
            def makefile(self, *_: Any) -> Any:
                return io.BytesIO(damage_bytes(random, raw) if random.random() < 0.3 else raw)

        response = http.client.HTTPResponse(Socket())  # type: ignore[arg-type]
        response.begin()
        return response

    digest = random.choice((None, hashlib.sha256(content).hexdigest()))
    place = folder / "fetched"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    target = place / "fetched.tflite"
    try:
        with patch.object(urllib.request, "urlopen", answer):
            fetch("http://localhost/x", target, sha256=digest, size=random.choice((None, 2048)))
    except BlazePalmError:
        left = [path.name for path in place.iterdir() if path.suffix != ".part" or digest is None]
        if left:
            raise Escaped(LEFT, f"{sorted(left)} of a failed download") from None
        raise
    if digest is not None and target.read_bytes() != content:
        raise Escaped(OTHER, "another file was taken")
    if not target.read_bytes():
        raise Escaped(OTHER, "an empty file was taken")


def _registry(folder: Path) -> str:
    from blazepalm.models.release_registry import REGISTRY

    return REGISTRY.read_text("utf-8")


@reader("registry", _registry, slow=True)
def registry(random: Random, corpus: str, folder: Path) -> None:
    """The table of releases, as a damaged installation has it."""
    from blazepalm.models.release_registry import load_registry

    lines = corpus.splitlines()
    for _ in range(random.choice((1, 1, 2, 3))):
        at, kind = random.randrange(len(lines)), random.randrange(5)
        name, equals, _value = lines[at].partition(" = ")
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(random.randrange(len(lines)), lines[at])
        elif kind == 2 and equals:
            lines[at] = f"{name}x = {_value}"
        elif equals:
            lines[at] = f"{name} = {random.choice(VALUES)}"
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    path = folder / "releases.toml"
    path.write_bytes(damage_bytes(random, content) if random.random() < 0.3 else content)
    found = load_registry.__wrapped__(path)
    json.dumps([asset.to_dict() for asset in found.assets])
    for asset in found.assets:
        _ = asset.suffix, asset.cached, found.aliases_of(asset)
    for generation in found.generations.values():
        generation.to_dict()
