"""Damages bytes, JSON values, trees of schema objects and ZIP archives; all from one Random."""

import copy
import io
import json
import math
import re
import struct
import warnings
import zipfile
from random import Random
from typing import Any

EDGES = (0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 32767, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
INTEGERS = (*EDGES, *(-value for value in EDGES), 2**62, -(2**63), 2**63 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e-30, 3.4e38, math.nan, math.inf, -math.inf)
TEXTS = ("", "x", "a\nb", "\x1b[31m", "\u202e", "\x9b", "../up", "/abs", "é" * 200, "\0", "NONE")
ODD: tuple[Any, ...] = (
    *(None, True, False, [], [0], [[]], {}, {"x": 1}, "NaN", "Infinity", 1e308, 1e-308, 0.5),
    *TEXTS,
    *INTEGERS,
    10**40,
    "\udc80",
)
MOST_SLOWLY = 1 << 20  # bytes that are packed by the slow methods
METHODS = (  # LZMA is rare, because it is slow
    *((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) * 20),
    *(zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA),
)


def damage_bytes(random: Random, content: bytes) -> bytes:
    """One to four edits: flips, edge values, cuts, repeats, runs of zeros."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        if not data:
            break
        at, kind = random.randrange(len(data)), random.randrange(7)
        if kind == 0:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            data[at] = random.randrange(256)
        elif kind == 2:
            size = random.choice("bhiq")
            value = random.choice(INTEGERS)
            width = struct.calcsize(size)
            packed = (value % (1 << 8 * width)).to_bytes(width, "little")
            data[at : at + width] = packed[: len(data) - at]
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at : at + random.randrange(1, 64)]
        elif kind == 5:
            data[at:at] = data[max(0, at - random.randrange(1, 64)) : at]
        else:
            end = min(len(data), at + random.randrange(1, 32))
            data[at:end] = bytes(end - at)
    return bytes(data)


def damage_near_start(random: Random, content: bytes, size: int = 512) -> bytes:
    """As `damage_bytes`, mostly within the header."""
    if random.random() < 0.7:
        return damage_bytes(random, content[:size]) + content[size:]
    return damage_bytes(random, content)


def damage_json(random: Random, values: Any) -> Any:
    """A copy with one to three values dropped, retyped, scaled, repeated or exchanged; it shares
    with `values` what is unchanged.
    """
    found = copy.copy(values)
    for _ in range(random.choice((1, 1, 2, 3))):
        holder, key = _somewhere(random, found)
        if holder is None:
            return random.choice(ODD)
        kind, value = random.randrange(7), holder[key]
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(value, int | float) and not isinstance(value, bool):
            factor = random.choice((2, -1, 0.5, 1000, 1e9))
            holder[key] = type(value)(value * factor) if math.isfinite(value * factor) else 0
        elif kind == 2 and isinstance(value, list) and value:
            value.append(random.choice(value))
        elif kind == 3 and isinstance(value, list) and value:
            value.pop(random.randrange(len(value)))
        elif kind == 4 and isinstance(holder, dict):
            holder[random.choice(TEXTS) + "x"] = value
        elif kind == 5:
            other, at = _somewhere(random, found)
            holder[key] = copy.deepcopy(other[at]) if other is not None else None
        else:
            holder[key] = random.choice(ODD)
    return found


def json_bytes(random: Random, values: Any) -> bytes:
    """The damaged values as a file; in one of ten the text itself is damaged."""
    found = damage_json(random, values)
    content = json.dumps(found, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    return damage_bytes(random, content) if random.random() < 0.1 else content


def _somewhere(random: Random, tree: Any) -> tuple[Any, Any]:
    """A container and a key in it, reached by a random walk; (None, None) in an empty tree. Each
    container on the way is replaced by a copy, so that it may be changed.
    """
    holder, key = None, None
    while isinstance(tree, dict | list) and tree:
        if holder is not None and random.random() < 0.15:
            break
        holder = tree
        key = random.choice(list(tree)) if isinstance(tree, dict) else random.randrange(len(tree))
        tree = holder[key] = copy.copy(tree[key])
    return holder, key


def damage_objects(random: Random, root: Any) -> None:
    """Changes fields of a tree of the schema's objects (`ModelT` and what it holds), in place."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        owners = [owner for owner in _objects(root) if vars(owner)]
        owner = random.choice(owners)
        data = getattr(owner, "data", None)
        if data is not None and len(data) >= 4 and random.random() < 0.5:
            owner.data = _odd_weights(random, data)
            continue
        name = random.choice(list(vars(owner)))
        setattr(owner, name, _other(random, getattr(owner, name), root))


def _odd_weights(random: Random, data: Any) -> bytes:
    """A buffer with one of its float32 values, or all, not finite, denormal, huge or zero."""
    content = bytearray(data.encode() if isinstance(data, str) else bytes(data))
    value = struct.pack("<f", random.choice(FLOATS))
    whole = len(content) // 4 * 4
    if random.random() < 0.2:
        content[:whole] = value * (whole // 4)
    else:
        at = random.randrange(0, whole, 4)
        content[at : at + 4] = value
    return bytes(content)


def _objects(node: Any) -> list[Any]:
    found, waiting = [], [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
        elif hasattr(here, "Pack"):
            found.append(here)
            waiting += [v for v in vars(here).values() if isinstance(v, list) or hasattr(v, "Pack")]
    return found


def _other(random: Random, value: Any, root: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        near = (value + 1, value - 1, value * 2, -value, 0, 1)
        return random.choice((*near, *near, *EDGES, -1, -2))
    if isinstance(value, float):
        return random.choice(FLOATS)
    if isinstance(value, str):
        return random.choice(TEXTS)
    if isinstance(value, bytes):
        return damage_bytes(random, value)
    if isinstance(value, list) or hasattr(value, "tolist"):
        items = list(value)
        kind = random.randrange(6)
        if not items or kind == 0:
            return random.choice((None, [], [0], [1], [-1]))
        at = random.randrange(len(items))
        if kind == 1:
            del items[at]
        elif kind == 2:
            items.append(items[at])
        elif kind == 3:
            items.reverse()
        elif isinstance(items[at], int | float):
            items[at] = _other(random, items[at], root)
        else:
            items[at] = random.choice(items)
        return items
    if value is None:
        return random.choice((None, "", b"x", [0], [1]))
    return None  # an object: dropped


# each record's signature → (offset, format) of its fields: versions, flags (encryption), methods,
# CRCs, sizes, lengths of names and extras, disks, attributes, offsets, counts
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
RECORDS = {
    b"PK\3\4": tuple(zip((4, 6, 8, 14, 18, 22, 26, 28), "HHHIIIHH", strict=True)),
    b"PK\1\2": tuple(
        zip((6, 8, 10, 16, 20, 24, 28, 30, 32, 34, 38, 42), "HHHIIIHHHHII", strict=True)
    ),
    b"PK\5\6": tuple(zip((4, 6, 8, 10, 12, 16, 20), "HHHHIIH", strict=True)),
}


def damage_archive(random: Random, members: dict[str, bytes]) -> bytes:
    """A ZIP of the members with something wrong in names, sizes, methods, its records' fields or
    its own bytes; one in a hundred holds a bomb.
    """
    packed = io.BytesIO()
    names = list(members)
    if random.random() < 0.3:
        names.append(random.choice(names))  # twice
    bomb = random.choice(names) if random.random() < 0.01 else None
    with zipfile.ZipFile(packed, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that comes twice
        for name in names:
            content = bytes(50 << 20) if name == bomb else members[name]
            if random.random() < 0.2:
                name = random.choice(("../" + name, "/" + name, "a\\" + name, name + "/", "é" * 90))
            if random.random() < 0.2:
                content = damage_bytes(random, content)
            info = zipfile.ZipInfo(name)
            info.compress_type = random.choice(METHODS)
            if len(content) > MOST_SLOWLY:
                info.compress_type = zipfile.ZIP_DEFLATED
            if random.random() < 0.1:
                info.external_attr = 0o120777 << 16  # a link
            with archive.open(info, "w", force_zip64=random.random() < 0.1) as file:
                file.write(content)
    found = packed.getvalue()
    kind = random.random()
    if kind < 0.4:
        return damage_bytes(random, found)
    return _damage_records(random, found) if kind < 0.8 else found


def _damage_records(random: Random, content: bytes) -> bytes:
    """Sets one or two fields of the archive's records to edge values."""
    data = bytearray(content)
    places = [
        (found.start() + offset, form)
        for signature, fields in RECORDS.items()
        for found in re.finditer(re.escape(signature), content)
        for offset, form in fields
        if found.start() + offset + struct.calcsize(form) <= len(content)
    ]
    for at, form in random.sample(places, random.choice((1, 1, 2))):
        (old,) = struct.unpack_from(f"<{form}", data, at)
        near = (old ^ 1, old + 1, old - 1, old * 2, random.choice(EDGES))
        top = (1 << 8 * struct.calcsize(form)) - 1
        struct.pack_into(f"<{form}", data, at, random.choice(near) & top)
    return bytes(data)
