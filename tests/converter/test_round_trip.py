"""Our modules through other exporters and back: the same class, spec and weights. The exporters'
graphs are stored as structures (`support.structures`), so that this runs without the exporters;
where their environments exist (`support.exporters`), the real exporters run, too.
"""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from blazepalm.converter.architecture import examine, recognise
from blazepalm.converter.convert import convert, module_of
from blazepalm.converter.heads import heads_of
from blazepalm.converter.tflite import read
from support.converted import converted
from support.exporters import EXPORTERS, export
from support.models import shared_model
from support.recognised import shape_of, weights_of
from support.structures import FOLDER
from support.structures import read as read_structure

STORED = sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))


def test_there_are_structures_of_both_exporters() -> None:
    assert {name.partition("_")[0] for name in STORED} == set(EXPORTERS)
    assert len(STORED) >= 9


@pytest.mark.parametrize("name", STORED)
def test_an_exported_structure_is_recognised(name: str) -> None:
    release = name.partition("_")[2]
    graph, digests = read_structure(name)
    found, expected = recognise(graph), recognise(read(shared_model(release)))
    assert found is not None and expected is not None
    assert (found.family, found.outputs) == (expected.family, expected.outputs)
    assert shape_of(found.spec) == shape_of(expected.spec)
    mine, theirs = weights_of(found, digests), weights_of(expected)
    assert set(mine) == set(theirs)
    compared = 0
    for module, values in theirs.items():
        for here, there in zip(mine[module], values, strict=True):
            if here != "unknown":
                assert here == there, module
                compared += 1
    assert compared > 0.8 * sum(map(len, theirs.values()))


def test_heads_are_found_behind_transposes() -> None:
    """palm-lite: 24² · 2 and 12² · 6 anchors, whoever exported it."""
    for name in STORED:
        if "palm-lite" in name:
            graph, _ = read_structure(name)
            assert heads_of(graph) == ((24, 24, 2), (12, 12, 6))


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_graph_is_not_recognised_and_nothing_worse(seed: int) -> None:
    """Operators with wrong names, missing operands, wrong shapes: a reason, no traceback."""
    rng = random.Random(seed)
    graph, _ = read_structure(STORED[seed % len(STORED)])
    names = sorted({op.name for op in graph.operators} | {"PADV2", "MEAN", "MAXIMUM", "SELECT"})
    for _ in range(10):
        operators, tensors = list(graph.operators), list(graph.tensors)
        place = rng.randrange(len(operators))
        op = operators[place]
        kept = op.inputs[: rng.randint(0, len(op.inputs))]
        operators[place] = rng.choice(
            [
                replace(op, inputs=kept),
                replace(op, inputs=(*kept, -1)),
                replace(op, name=rng.choice(names)),
                replace(op, options=None),
            ]
        )
        result = tensors[op.outputs[0]]
        if rng.random() < 0.5:
            axes = result.shape[: rng.randint(0, len(result.shape))]
            tensors[result.index] = replace(result, shape=axes)
        damaged = replace(graph, operators=tuple(operators), tensors=tuple(tensors))
        found, reason = examine(damaged)
        assert found is not None or reason


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("release", ["palm-lite-2021-11", "hand-3d-2019-08"])
def test_there_and_back(exporter: str, release: str, tmp_path: Path) -> None:
    (folder,) = convert(shared_model(release), tmp_path / release, coreml=None)
    found = module_of(export(exporter, folder, tmp_path / "exported"), lambda message: None)
    expected = converted(release)
    assert type(found.module) is type(expected.module)
    mine, theirs = found.module.state_dict(), expected.module.state_dict()
    assert list(mine) == list(theirs)
    assert all(torch.equal(mine[key], value) for key, value in theirs.items())
