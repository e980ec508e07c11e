"""What a conversion writes: Core ML packages, converted folders, weights and arrays."""

import json
import shutil
import struct
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np

from blazepalm.errors import BlazePalmError, InvalidModel
from fuzz.mutations import damage_bytes, damage_json, damage_near_start, json_bytes
from fuzz.reader import reader


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


@reader("converted", _converted, slow=True)
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
