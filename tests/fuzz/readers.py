"""One reader for each kind of file: sound files (`corpus`), one mutant and its reading (`run`)."""

import json
import shutil
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from blazepalm.errors import BlazePalmError, InvalidModel
from fuzz.mutations import (
    damage_archive,
    damage_bytes,
    damage_json,
    damage_near_start,
    damage_objects,
    json_bytes,
)
from fuzz.outcomes import ACCEPTED, OTHER, UNJUDGED, Escaped

RELATIVE = 1e-3  # two float32 kernels of a few sums; a wrong option is off by far more

MAX_INPUT = 1e7  # values that are made up for a mutant's inputs


@dataclass(frozen=True)
class Reader:
    """`corpus(folder)` is made once in each child; `run(random, corpus, folder)` raises what the
    reading does, or Escaped. `slow`: a tenth of the mutants are enough.
    """

    name: str
    corpus: Callable[[Path], Any]
    run: Callable[[Random, Any, Path], None]
    slow: bool = False


READERS: dict[str, Reader] = {}


def reader(name: str, corpus: Callable[[Path], Any], slow: bool = False) -> Any:
    """Registers a `run` function."""

    def register(run: Callable[[Random, Any, Path], None]) -> Any:
        READERS[name] = Reader(name, corpus, run, slow)
        return run

    return register


# .tflite ---------------------------------------------------------------------------------------


def _convert(content: bytes, whole: bool = True) -> Any:
    """What `inspect` and `convert` do with a file, short of writing; not `whole`: without looking
    for what the file does not state, which takes seconds for a hand model.
    """
    from blazepalm.converter.convert import convert_graph
    from blazepalm.converter.inspect import inspect_graph
    from blazepalm.converter.lowering import lower
    from blazepalm.converter.tflite import read_bytes

    graph = read_bytes(content, "mutant.tflite")
    if not whole:
        return graph, lower(graph)
    with suppress(BlazePalmError):
        inspect_graph(graph)  # what cannot be inspected may not be convertible either
    return graph, convert_graph(graph, lambda note: None).generic


def _litert(content: bytes, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """LiteRT's own answer, by its reference kernels. Raises RuntimeError, ValueError."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()]


def _compare(content: bytes, whole: bool = True) -> None:
    """Converts; then asks LiteRT whether it takes the file, and for the same numbers."""
    import torch

    graph, module = _convert(content, whole)
    values = np.random.default_rng(1)
    shapes = [graph.tensors[t].shape for t in graph.inputs]
    if any(graph.tensors[t].dtype != "float32" for t in graph.inputs):
        raise Escaped(UNJUDGED, "not of floats")
    if sum(float(np.prod(shape, dtype=float)) for shape in shapes) > MAX_INPUT:
        raise Escaped(UNJUDGED, "too large to run here")
    inputs = [values.uniform(-2, 2, shape).astype(np.float32) for shape in shapes]
    try:
        with torch.no_grad():
            found = [y.numpy() for y in module(*map(torch.from_numpy, inputs))]
    except ValueError as error:
        raise InvalidModel(f"the module refuses its input: {error}") from error
    _permitted(content)
    try:
        expected = _litert(content, inputs)
    except (RuntimeError, ValueError) as error:
        said = str(error).split("\n")[0]
        raise Escaped(ACCEPTED, f"{_family(said)}") from error
    if graph.dequantised:
        raise Escaped(UNJUDGED, "integers, compared as floats")
    for name, a, b in zip(graph.outputs, found, expected, strict=True):
        op = graph.producer(name)
        kind = "nothing" if op is None else op.name
        if a.shape != b.shape:
            raise Escaped(OTHER, f"{kind}: shape {a.shape}, LiteRT {b.shape}")
        if b.dtype != np.float32 or not np.isfinite(b).all():
            raise Escaped(UNJUDGED, "LiteRT's are not finite floats")
        error = np.abs(a.astype(np.float64) - b).max(initial=0.0)
        if not error <= RELATIVE * (1 + np.abs(b).max(initial=0.0)):
            raise Escaped(OTHER, f"{kind}: {[o.name for o in graph.operators][:4]}")


def _permitted(content: bytes) -> None:
    """What `convert` asks before it writes: whether LiteRT takes the file, in a cage."""
    from blazepalm.converter.litert_probe import refusal

    if reason := refusal(content):
        raise InvalidModel(reason)


def _family(said: str) -> str:
    words = [w for w in said.replace("/", " ").split() if not any(c.isdigit() for c in w)]
    return " ".join(words)[-90:]


@reader("tflite-structure", lambda folder: None)
def tflite_structure(random: Random, corpus: Any, folder: Path) -> None:
    from fuzz.graphs import graphs, pack, prepare

    made = graphs()
    built = prepare(made[random.randrange(len(made))])
    damage_objects(random, built[0].model)
    try:
        content = pack(built)
    except Exception as error:  # the schema's writer cannot write such a tree
        raise Escaped(UNJUDGED, "cannot be written") from error
    _compare(content)


@cache
def _small_files() -> list[bytes]:
    from fuzz.graphs import graphs, pack, prepare

    return [pack(prepare(built)) for built in graphs()]


@reader("tflite-bytes", lambda folder: _small_files())
def tflite_bytes(random: Random, corpus: list[bytes], folder: Path) -> None:
    _compare(damage_bytes(random, random.choice(corpus)))


def _releases(folder: Path) -> list[bytes]:
    from blazepalm.models.releases import resolve

    return [resolve(name).read_bytes() for name in ("palm-lite", "hand-lite")]


@reader("tflite-releases", _releases, slow=True)
def tflite_releases(random: Random, corpus: list[bytes], folder: Path) -> None:
    content = random.choice(corpus)
    half = len(content) // 2  # tables lie at both ends, weights between
    at = random.choice((0, len(content) - 60_000, half))
    _compare(
        content[:at] + damage_bytes(random, content[at : at + 60_000]) + content[at + 60_000 :]
    )


# archives --------------------------------------------------------------------------------------


@reader("archives", lambda folder: _small_files()[:6])
def archives(random: Random, corpus: list[bytes], folder: Path) -> None:
    from blazepalm.converter.tflite import read_members

    members = {f"m{n}.tflite": random.choice(corpus) for n in range(random.randrange(1, 4))}
    members["labels.txt"] = b"left\nright\n"
    for depth in range(random.choice((0, 0, 0, 1, 2))):
        members[f"inner{depth}.task"] = damage_archive(random, dict(list(members.items())[:2]))
    path = folder / "mutant.task"
    path.write_bytes(damage_archive(random, members))
    read_members(path)


# Core ML packages ------------------------------------------------------------------------------


def _package(folder: Path) -> Path:
    from blazepalm.converter.convert import convert
    from blazepalm.converter.coreml.options import CoreMLOptions
    from support.records import many_operators

    folder.mkdir()
    (folder / "small.tflite").write_bytes(many_operators())
    (out,) = convert(folder / "small.tflite", folder / "out", coreml=CoreMLOptions(face="raw"),
                     notice=lambda note: None)  # fmt: skip
    (package,) = out.glob("*.mlpackage")
    return package


@reader("mlpackage", _package, slow=True)
def mlpackage(random: Random, corpus: Path, folder: Path) -> None:
    from blazepalm.reports.backends.mil.program import load
    from blazepalm.reports.backends.mil.summary import summary_of

    place = folder / "mutant.mlpackage"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(corpus, place)
    path = random.choice(sorted(p for p in place.rglob("*") if p.is_file()))
    content = path.read_bytes()
    if path.suffix == ".json":
        path.write_bytes(json_bytes(random, json.loads(content)))
    else:
        path.write_bytes(damage_bytes(random, content))
    program = load(place)
    summary_of(program)
    function = next(iter(program.interfaces))
    inputs = {
        f.name: np.zeros([d or 1 for d in f.shape], np.float32)
        for f in program.interfaces[function].inputs
        if f.shape and 0 < np.prod([float(d or 1) for d in f.shape]) < 1e6
    }
    program.run(inputs)


# Converted folders -----------------------------------------------------------------------------


def _converted(folder: Path) -> list[Path]:
    from blazepalm.converter.convert import convert
    from support.records import hand_spec, many_operators, palm_spec, write_spec_folder

    folder.mkdir()
    (folder / "small.tflite").write_bytes(many_operators())
    found = convert(
        folder / "small.tflite", folder / "graph", coreml=None, notice=lambda note: None
    )
    for name, spec in (("palm", palm_spec()), ("hand", hand_spec())):
        write_spec_folder(folder / name, spec)
        found.append(folder / name)
    return found


@reader("converted", _converted)
def converted(random: Random, corpus: list[Path], folder: Path) -> None:
    import hashlib

    import torch

    from blazepalm.converter.loading import load

    source, place = random.choice(corpus), folder / "mutant"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place)
    record = json.loads((place / "conversion.json").read_text("utf-8"))
    if random.random() < 0.25:
        names = sorted(n for n in ("model.safetensors", "anchors.npy") if (place / n).is_file())
        path = place / random.choice(names)
        path.write_bytes(damage_near_start(random, path.read_bytes(), 2000))
        record["artifacts"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        (place / "conversion.json").write_text(json.dumps(record))
    else:
        part = random.choice([p for p in ("spec", "graph", "artifacts") if p in record])
        changed = {**record, part: damage_json(random, record[part])}
        if random.random() < 0.1:
            changed = damage_json(random, changed)
        text = json.dumps(changed).encode()
        (place / "conversion.json").write_bytes(text)
    module = load(place)
    shapes = [s for _, s in getattr(module, "inputs", [])] or [(1, 3, *module.spec.input_size)]
    with torch.no_grad():
        try:
            module(*map(torch.zeros, shapes))
        except ValueError as error:
            raise InvalidModel(f"the module refuses its input: {error}") from error


# Reports and the like --------------------------------------------------------------------------


def _reports(folder: Path) -> list[Any]:
    from support.report_samples import failing, passing

    return [passing(), failing()]


@reader("reports", _reports)
def reports(random: Random, corpus: list[Any], folder: Path) -> None:
    import io

    from rich.console import Console

    from blazepalm.reports.judge.policy import Limits
    from blazepalm.reports.render.html import render_html
    from blazepalm.reports.render.junit import junit
    from blazepalm.reports.render.markdown import markdown
    from blazepalm.reports.render.model_explorer import dumps, node_data
    from blazepalm.reports.render.terminal import print_report
    from blazepalm.reports.stored.diff import diff
    from blazepalm.reports.stored.read import read_report
    from blazepalm.reports.stored.recheck import recheck

    path = folder / "parity.json"
    path.write_bytes(json_bytes(random, random.choice(corpus)))
    report = read_report(path)
    kind = random.randrange(6)
    if kind == 0:
        render_html(report, folder).encode("utf-8", "backslashreplace")
    elif kind == 1:
        junit(report).encode("utf-8", "backslashreplace")
    elif kind == 2:
        markdown(report).encode("utf-8", "backslashreplace")
    elif kind == 3:
        print_report(report, Console(file=io.StringIO(), width=random.choice((40, 80, 160))))
    elif kind == 4:
        recheck(report, Limits())
    else:
        diff(report, report)
        [dumps(data) for data in node_data(report).values()]


def _device(folder: Path) -> Any:
    from support.device_results import write

    return write(folder)


@reader("results", _device)
def results(random: Random, corpus: Any, folder: Path) -> None:
    from blazepalm.reports.device.expected import read_expected
    from blazepalm.reports.device.ingest import ingest, recount
    from blazepalm.reports.fixtures.manifest import read_fixtures

    fixtures = corpus.fixtures / "manifest.json"
    sound = fixtures.read_bytes()
    try:
        if random.random() < 0.3:
            fixtures.write_bytes(json_bytes(random, json.loads(sound)))
            read_expected(corpus.fixtures)
        else:
            path = corpus.folder / "mutant.json"
            path.write_bytes(json_bytes(random, corpus.values))
            found = ingest(path, read_fixtures(corpus.fixtures))
            list(recount(found))
    finally:
        fixtures.write_bytes(sound)


def _golden(folder: Path) -> Path:
    from support.small_golden import small_golden

    folder.mkdir()
    values = json.loads(small_golden(folder).to_bytes())
    for hand in (hand for case in values["cases"] for hand in case["hands"]):
        hand["joints_3d"] = [[0.0, 0.0, 0.1]] * 21
    (folder / "manifest.json").write_text(json.dumps(values))
    return folder


@reader("manifests", _golden)
def manifests(random: Random, corpus: Path, folder: Path) -> None:
    from blazepalm.golden.manifest import load_golden

    place = folder / "golden"
    place.mkdir(exist_ok=True)
    values = json.loads((corpus / "manifest.json").read_text("utf-8"))
    (place / "manifest.json").write_bytes(json_bytes(random, values))
    found = load_golden(place)
    found.to_bytes()
    _ = found.sha256
    for case in found.cases:
        with suppress(BlazePalmError):
            found.image(case)


def _recording(folder: Path) -> Any:
    hand = {
        "box": [0.25, 0.25, 0.5, 0.5], "keypoints": [[0.25, 0.5]] * 7, "score": 0.9,
        "landmarks": [[0.5, 0.5, 0.0]] * 21, "presence": 0.99, "handedness": 0.25,
        "world_landmarks": [[0.01, 0.02, 0.03]] * 21,
    }  # fmt: skip
    name = {"name": "palm-lite", "sha256": "ab" * 32, "network_sha256": "cd" * 32}
    return {
        "format": "blazepalm-recording", "version": 1,
        "detector": name, "landmarks": name, "backend": "tflite",
        "cases": [{"name": "own-two", "pixels": "ef" * 32, "hands": [hand, hand]}],
    }  # fmt: skip


@reader("recordings", _recording)
def recordings(random: Random, corpus: Any, folder: Path) -> None:
    from blazepalm.reports.recording.recorded_file import load_recording

    (folder / "recorded.json").write_bytes(json_bytes(random, corpus))
    found = load_recording(folder)
    if found is not None:
        found.to_bytes()


@reader("journals", lambda folder: None)
def journals(random: Random, corpus: Any, folder: Path) -> None:
    """Records whose checksum is right and whose content is not, and damaged ones."""
    import hashlib
    import zlib

    from msgspec import msgpack, to_builtins

    from blazepalm.reports.cases.inputs import noise_cases
    from blazepalm.reports.compare.record import Record
    from blazepalm.reports.compare.rows import Key
    from blazepalm.reports.compare.tensors import TensorDifference, TensorRange
    from blazepalm.reports.engine.journal import Journal
    from blazepalm.reports.judge.policy import LIMITS
    from blazepalm.reports.judge.totals import Totals

    case = next(noise_cases(1, 0))
    key = Key("model", "raw outputs", "isolated", "boxes", "torch", "oracle")
    record = Record(
        case.name, case.sha256, case.kind, 0, 0,
        entries=[(key, case.name, TensorDifference(3, max_abs=0.5, worst=((0, 1), 1.0, 1.5)))],
        ranges=[("model", "raw outputs", "torch", "boxes",
                 TensorRange((1, 2), -1.0, 1.0, 0, False, "ab"))],
        inputs={"model": ["ff"]}, seconds={"model": {"torch": 0.25}},
    )  # fmt: skip
    journal = Journal(folder / ".blazepalm-journal", {"x": 1})
    values = msgpack.decode(msgpack.encode(record))
    try:
        content = msgpack.encode(damage_json(random, values))
    except (ValueError, OverflowError) as error:
        raise Escaped(UNJUDGED, "cannot be written") from error
    packed = zlib.compress(content, 1)
    packed = hashlib.sha256(packed).digest() + packed
    if random.random() < 0.3:
        packed = damage_bytes(random, packed)
    (journal.folder / "0000000-0.msgpack.z").write_bytes(packed)
    found = journal.read(0, 0, case)
    if found is not None:
        totals = Totals(LIMITS)
        totals.add([found])
        assert to_builtins(found)


# Weights and arrays ----------------------------------------------------------------------------


def _weights(folder: Path) -> list[Path]:
    from blazepalm.converter.convert import convert
    from support.records import many_operators

    folder.mkdir()
    (folder / "small.tflite").write_bytes(many_operators())
    (out,) = convert(folder / "small.tflite", folder / "out", coreml=None, notice=lambda n: None)
    np.save(out / "anchors.npy", np.zeros((5, 4), np.float32))
    (out / "anchors.csv").write_text("x_center,y_center,w,h\n0.5,0.5,1,1\n0.25,0.5,1,1\n")
    (out / "anchors.json").write_text("[[0.5, 0.5, 1, 1], [0.25, 0.5, 1, 1]]")
    return [out / n for n in ("model.safetensors", "model.pth", "anchors.npy", "anchors.csv",
                              "anchors.json")]  # fmt: skip


@reader("weights", _weights)
def weights(random: Random, corpus: list[Path], folder: Path) -> None:
    from blazepalm.cli.anchors import compare, read
    from blazepalm.models.state import read_anchors, read_weights
    from blazepalm.reports.run.npz import read_npy

    source = random.choice(corpus)
    path = folder / f"mutant{source.suffix}"
    content = source.read_bytes()
    if source.suffix == ".safetensors" and random.random() < 0.5:
        size = struct.unpack("<Q", content[:8])[0]
        header = json.dumps(damage_json(random, json.loads(content[8 : 8 + size]))).encode()
        content = struct.pack("<Q", len(header)) + header + content[8 + size :]
    elif source.suffix == ".json":
        content = json_bytes(random, json.loads(content))
    else:
        content = damage_near_start(random, content, 2000)
    path.write_bytes(content)
    if source.suffix in (".safetensors", ".pth"):
        read_weights(path)
        return
    if source.suffix == ".npy":
        read_npy(path)
        with suppress(BlazePalmError):
            read_anchors(path, 5)
    compare(np.zeros((5, 4), np.float32), read(path))


# Pictures --------------------------------------------------------------------------------------


def _pictures(folder: Path) -> list[tuple[str, bytes]]:
    import io

    from PIL import Image

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8))
    found = []
    for suffix, form in ((".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".bmp", "BMP"),
                         (".gif", "GIF"), (".tiff", "TIFF")):  # fmt: skip
        packed = io.BytesIO()
        picture.save(packed, form)
        found.append((suffix, packed.getvalue()))
    return found


@reader("pictures", _pictures)
def pictures(random: Random, corpus: list[tuple[str, bytes]], folder: Path) -> None:
    from blazepalm.media.images import read_image

    suffix, content = random.choice(corpus)
    path = folder / f"mutant{suffix}"
    path.write_bytes(damage_near_start(random, content, 100))
    found = read_image(path)
    assert found.ndim == 3 and found.dtype == np.uint8


@reader("registry", lambda folder: None)
def registry(random: Random, corpus: Any, folder: Path) -> None:
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
    target = folder / "fetched.tflite"
    target.unlink(missing_ok=True)
    with patch.object(urllib.request, "urlopen", answer):
        fetch("http://localhost/x", target, sha256=digest, size=random.choice((None, 2048)))
    if digest is not None and target.read_bytes() != content:
        raise Escaped(OTHER, "another file was taken")
    if not target.read_bytes():
        raise Escaped(OTHER, "an empty file was taken")
