"""Models: `.tflite` by structure and by bytes, real releases, archives, `convert` as a whole."""

import json
import pickle
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from blazepalm.errors import BlazePalmError, InvalidModel
from fuzz.mutations import damage_archive, damage_bytes, damage_objects
from fuzz.outcomes import ACCEPTED, LEFT, OTHER, UNJUDGED, Escaped
from fuzz.reader import reader

RELATIVE = 1e-3  # two float32 kernels of a few sums; a wrong option is off by far more
KEPT = ("mutant.tflite", "corpus")  # what a reader's folder holds anyway
MAX_INPUT = 1e7  # values that are made up for a mutant's inputs


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
        if detail["dtype"] != value.dtype:  # a scale makes floats of it
            raise Escaped(UNJUDGED, "integers, compared as floats")
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
        if b.dtype != np.float32:
            raise Escaped(UNJUDGED, f"LiteRT's output is {b.dtype}")
        # at an overflow LiteRT's reference kernels stop at the largest float, its fast ones do not
        a, b = (np.nan_to_num(values, nan=np.nan) for values in (a, b))
        finite = np.isfinite(b)
        odd = a[~finite], b[~finite]
        error = np.abs(a[finite].astype(np.float64) - b[finite]).max(initial=0.0)
        limit = RELATIVE * (1 + np.abs(b[finite]).max(initial=0.0))
        if not error <= limit or not np.array_equal(*odd, equal_nan=True):
            raise Escaped(OTHER, f"{kind}: {[o.name for o in graph.operators][:4]}")


def _permitted(content: bytes) -> None:
    """What `convert` asks before it writes: whether LiteRT takes the file, in a cage."""
    from blazepalm.converter.litert_probe import refusal

    if reason := refusal(content):
        raise InvalidModel(reason)


def _family(said: str) -> str:
    words = [w for w in said.replace("/", " ").split() if not any(c.isdigit() for c in w)]
    return " ".join(words)[-90:]


@cache
def _trees() -> list[bytes]:
    """The small graphs, pickled: damage is done to a copy."""
    from fuzz.graphs import graphs, prepare

    return [pickle.dumps(prepare(built)) for built in graphs()]


@reader("tflite-structure", lambda folder: None)
def tflite_structure(random: Random, corpus: Any, folder: Path) -> None:
    from fuzz.graphs import pack

    content = None
    while content is None:
        built = pickle.loads(random.choice(_trees()))
        damage_objects(random, built[0].model)
        with suppress(Exception):  # the schema's writer cannot write every such tree
            content = pack(built)
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
        content[:at] + damage_bytes(random, content[at : at + 60_000]) + content[at + 60_000 :],
        whole=random.random() < 0.05,
    )


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


@reader("convert", lambda folder: _small_files(), slow=True)
def convert_whole(random: Random, corpus: list[bytes], folder: Path) -> None:
    """`convert` as a whole: of a refused file nothing is left, of an accepted one all its files."""
    from blazepalm.converter.convert import convert

    path, out = folder / "mutant.tflite", folder / "out"
    content = random.choice(corpus)
    path.write_bytes(content if random.random() < 0.2 else damage_bytes(random, content))
    try:
        (made,) = convert(path, out, coreml=None, notice=lambda note: None)
        stated = json.loads((made / "conversion.json").read_text("utf-8"))["artifacts"]
        if missing := [name for name in stated if not (made / name).is_file()]:
            raise Escaped(LEFT, f"{missing} not written")
    except BlazePalmError:
        if left := sorted(p.name for p in folder.iterdir() if p.name not in KEPT):
            raise Escaped(LEFT, f"{left} of a refused file") from None
        raise
    finally:
        shutil.rmtree(out, ignore_errors=True)
