"""Layer by layer: every operator of every release has a place in the torch module and in the MIL
program, and a fault is found at its layer, in all three vocabularies. Here a few releases are
joined, with BLAZEPALM_EVERY_RELEASE=1 all.
"""

import gc
import os
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blazepalm.converter.coreai.needed import missing_coreai
from blazepalm.converter.coreml.names import identifier
from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import ProcessDied
from blazepalm.reports import layers
from blazepalm.reports.backends.coreai_layers import CoreAILayers
from blazepalm.reports.backends.mil.accumulation import CORE_AI_SUMS
from blazepalm.reports.backends.names import COREAI, MIL, MIL_FP16, MIL_FP16_CORE_AI, TORCH
from blazepalm.reports.cases.compare import Group
from blazepalm.reports.cases.inputs import noise
from blazepalm.reports.faults.catalogue import FAULTS, Fault
from blazepalm.reports.layers.compare import compare_layers, programs_of
from blazepalm.reports.layers.join import Joined, join
from blazepalm.reports.layers.truth import LayerTruth
from blazepalm.reports.layers.values import (
    run_core_ai,
    run_lowered,
    run_program,
    run_traced,
    trace_subject,
)
from blazepalm.reports.parity_inside import compare_inside
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject
from support.models import SHARED, shared_model
from support.synthetic import synthetic_palm

QUICK = ("palm-lite-2021-11", "hand-lite-2022")
SYNTHETIC = "synthetic"
EVERY = SHARED.values() if os.environ.get("BLAZEPALM_EVERY_RELEASE") else QUICK


@dataclass(frozen=True)
class Opened:
    """A model with its packages, joined, and the true values of its layers on noise."""

    subject: Subject
    joined: tuple[Joined, ...]
    image: np.ndarray
    truth: LayerTruth


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packages")


@cache
def opened(name: str, folder: Path) -> Opened:
    content = synthetic_palm().content if name == SYNTHETIC else shared_model(name).read_bytes()
    with one_torch_thread():
        subject = open_subject(name, content, workers=1, packages=folder)
        image = noise(subject.input_shape, subject.value_range, 11, 0)
        joined = join(subject, trace_subject(subject), programs_of(subject)[MIL])
        return Opened(subject, joined, image, LayerTruth(subject, joined, content, image))


def compared(model: Opened) -> dict[str, Any]:
    with one_torch_thread():
        return compare_layers(model.truth, trace_subject(model.subject), programs_of(model.subject))


def given_by_node(truth: LayerTruth) -> dict[str, np.ndarray]:
    return {j.node: v for j, v in zip(truth.joined, truth.given, strict=True) if j.node}


@pytest.mark.parametrize("name", [*EVERY, SYNTHETIC])
def test_every_operator_has_a_call_and_a_mil_operation(name: str, folder: Path) -> None:
    model = opened(name, folder)
    operators = {op.index: op.name for op in model.subject.converted.graph.operators}
    assert {j.operator for j in model.joined} == set(operators), "none is left out"
    # a fully connected layer needs no RESHAPE before it, a pooling pads by itself
    assert {operators[j.operator] for j in model.joined if j.node is None} <= {"RESHAPE"}
    assert {operators[j.operator] for j in model.joined if j.mil is None} <= {"RESHAPE", "PAD"}
    if name in QUICK:
        assert all(j.node and j.mil and j.module for j in model.joined)
    for names in ([j.node for j in model.joined], [j.mil for j in model.joined]):
        given = [n for n in names if n is not None]
        assert len(given) == len(set(given)), "a call is one operator's alone"


@pytest.mark.parametrize("name", QUICK)
def test_what_is_found_by_value_has_the_name_that_the_exporter_gave(
    name: str, folder: Path
) -> None:
    """Names are an independent witness: the join ignores them."""
    model = opened(name, folder)
    traced, _ = trace_subject(model.subject)
    places = {node.name: path for node, path in traced.paths.items()}
    outputs = set(model.subject.fields)
    for j in model.joined:
        assert j.node is not None and j.mil is not None
        name_of_call = identifier(places[j.node])
        assert j.mil == name_of_call or j.mil.startswith(f"{name_of_call}__") or j.mil in outputs


@pytest.mark.parametrize("name", [*QUICK, SYNTHETIC])
def test_no_layer_of_an_unharmed_model_diverges(name: str, folder: Path) -> None:
    found = compared(opened(name, folder))
    assert found.culprits == {TORCH: None, MIL: None, MIL_FP16: None}
    rows = found.rows
    for backend in (TORCH, MIL, MIL_FP16):
        errors = [row.backends[backend] for row in rows]
        assert {e.status for e in errors} == {"pass"}
        assert all(e.local is not None and e.cumulative is not None for e in errors)
    halves = [row.backends[MIL_FP16].local for row in rows]
    assert max(halves) > 0.5, "float16 rounds"


def test_core_ai_s_layers_are_summed_in_its_order(folder: Path) -> None:
    """The same package with Core AI's sums: no layer diverges, and the errors are others."""
    model = opened(SYNTHETIC, folder)
    half = programs_of(model.subject)[MIL_FP16]
    programs = {MIL_FP16: half, MIL_FP16_CORE_AI: half}
    found = compare_layers(model.truth, trace_subject(model.subject), programs)
    assert found.culprits[MIL_FP16_CORE_AI] is None
    pairs = [
        (row.backends[MIL_FP16].cumulative, row.backends[MIL_FP16_CORE_AI].cumulative)
        for row in found.rows
    ]
    assert all(ours is not None and theirs is not None for ours, theirs in pairs)
    assert any(ours != theirs for ours, theirs in pairs)


def test_core_ai_s_layers_are_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Core AI returns is compared, here the executor's values, the stem's spoilt."""
    model = opened(SYNTHETIC, folder)
    program = programs_of(model.subject)[MIL]
    asked: list[set[str]] = []

    def run(layers: CoreAILayers, inputs: Any, replace: Any = None) -> dict[str, np.ndarray]:
        asked.append(set(layers.names if replace is None else replace))
        found = program.run(inputs, intermediates=layers.names, replace=replace)
        return {name: found[name] + (name == "backbone__stem__conv") for name in layers.names}

    monkeypatch.setattr(CoreAILayers, "run", run)
    calls = trace_subject(model.subject)
    found = compare_layers(model.truth, calls, core_ai={COREAI: program})
    assert asked == [{j.mil for j in model.joined}] * 2
    culprit = found.culprits[COREAI]
    assert culprit is not None and culprit.mil == "backbone__stem__conv"
    assert found.culprits[TORCH] is None and not found.unread
    others = [row.backends[COREAI] for row in found.rows if row.mil != culprit.mil]
    assert {error.status for error in others} == {"pass"}


def test_layers_that_core_ai_cannot_give_are_left_out_and_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = opened(SYNTHETIC, folder)

    def dies(*given: Any) -> None:
        raise ProcessDied("Core AI on palm: its process was killed by SIGABRT")

    monkeypatch.setattr(CoreAILayers, "run", dies)
    program = programs_of(model.subject)[MIL]
    found = compare_layers(model.truth, trace_subject(model.subject), core_ai={COREAI: program})
    assert set(found.culprits) == {TORCH} == set(found.rows[0].backends)
    assert found.unread == {COREAI: "Core AI on palm: its process was killed by SIGABRT"}


@pytest.mark.skipif(len(EVERY) == len(QUICK), reason="slow; set BLAZEPALM_EVERY_RELEASE=1")
@pytest.mark.parametrize("name", SHARED.values())
def test_the_executor_has_the_bits_of_core_ai_s_layers(name: str, folder: Path) -> None:
    """Of every operator that has a MIL value, in float32: two runtimes, one's code in C++."""
    if (reason := missing_coreai()) is not None:
        pytest.skip(reason)
    model = opened(name, folder)
    program = programs_of(model.subject)[MIL]
    layers = CoreAILayers(program, [j.mil for j in model.joined if j.mil])
    inputs = model.subject.inputs(model.image)
    given = dict(zip([j.mil for j in model.truth.joined], model.truth.given, strict=True))
    for replace in (None, {name: given[name] for name in layers.names}):
        theirs = run_core_ai(layers, inputs, replace)
        ours = run_program(program, inputs, replace, CORE_AI_SUMS)
        assert len(theirs) == len(layers.names) > 0
        assert [n for n, value in theirs.items() if not np.array_equal(value, ours[n])] == []


def test_nothing_is_traced_while_modules_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.fx patches nn.Module for every thread while it traces."""
    subjects = [opened(name, folder).subject for name in QUICK]
    contents = {s.name: shared_model(n).read_bytes() for s, n in zip(subjects, QUICK, strict=True)}
    palm, hand = subjects
    events: list[str] = []
    for module, name in ((layers.values, "trace_subject"), (layers.compare, "layers_of")):
        original = getattr(module, name)

        def recorded(*given: Any, name: str = name, original: Any = original, **more: Any) -> Any:
            events.append(name)
            return original(*given, **more)

        monkeypatch.setattr(module, name, recorded)
    with one_torch_thread():
        found = compare_inside(
            [Group(palm, (hand,))], contents, iter(()), 2, on_step=lambda what, done, total: None
        )
    assert events == ["trace_subject"] * 2 + ["layers_of"] * 2
    assert all(not any(each.culprits.values()) for each in found.values())
    assert list(found) == [palm.name, hand.name]


def test_the_values_of_a_run_are_let_go_of_at_once(folder: Path) -> None:
    """In a report on four releases these values take a gigabyte, if they are kept until Python
    collects them.
    """
    model = opened(QUICK[1], folder)
    calls, program = trace_subject(model.subject), programs_of(model.subject)[MIL]
    runs: list[Callable[[], Mapping[Any, np.ndarray]]] = [
        lambda: run_traced(*calls, [model.image]),
        lambda: run_lowered(model.subject.converted.generic, [model.image]),
        lambda: run_program(program, [model.image]),
    ]
    gc.disable()
    try:
        for run in runs:
            kept = [weakref.ref(value) for value in run().values()]
            assert kept and all(value() is None for value in kept)
    finally:
        gc.enable()


def test_luck_of_a_single_number_makes_no_culprit(folder: Path) -> None:
    """A head's single number may happen to round almost exactly in LiteRT; not so on inputs that
    differ in the last digits, and among many numbers such luck is small.
    """
    model = opened(QUICK[1], folder)
    calls = trace_subject(model.subject)
    content = shared_model(QUICK[1]).read_bytes()
    with one_torch_thread():
        truth = LayerTruth(model.subject, model.joined, content, model.image)
        for exact, cost in zip(truth.exacts, truth.costs, strict=True):
            assert exact.single <= cost
            assert exact.values.size < 1000 or cost < 4 * exact.single
        torch_values = run_traced(*calls, [model.image], given_by_node(truth))
        place = truth.shapes.index((1, 1))
        node = truth.joined[place].node
        assert node is not None
        far = abs(float(torch_values[node].item()) - float(truth.exacts[place].values.item()))
        assert far > 0
        truth = LayerTruth(model.subject, model.joined, content, model.image)
        truth.exacts[place] = truth.exacts[place]._replace(single=far / 11)
        found = compare_layers(truth, calls)
    assert found.culprits == {TORCH: None}
    assert found.rows[place].backends[TORCH].local < 10


@pytest.mark.parametrize("fault", [f for f in FAULTS if "kernel" in f.name or "bias" in f.name])
def test_a_fault_in_the_module_is_named_three_times(fault: Fault, folder: Path) -> None:
    model = opened(QUICK[0], folder)
    planted = fault.plant(model.subject)
    assert planted is not None and planted.candidate is not None
    with one_torch_thread():
        found = compare_layers(model.truth, planted.candidate, programs_of(model.subject))
    assert found.culprits[MIL] is None, "the package is as it was"
    culprit = found.culprits[TORCH]
    operators = {op.index: op for op in model.subject.converted.graph.operators}
    assert culprit is not None and culprit.local > 100
    assert culprit.operator == operators[culprit.op].name == "CONV_2D"
    assert (culprit.module, culprit.mil) == ("backbone.stem.conv", "backbone__stem__conv")
    after = [row for row in found.rows if row.op > culprit.op]
    assert all(row.backends[TORCH].local < 10 for row in after), "only that layer is wrong"
    assert any(row.backends[TORCH].cumulative > 100 for row in after), "and spoils the rest"


def test_a_fault_in_the_package_is_named_three_times(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One weight of the saved program is changed."""
    model = opened(QUICK[1], folder)
    program = programs_of(model.subject)[MIL]
    plan = program.plan()
    number, step = next(
        (i, s) for i, s in enumerate(plan.steps) if s.operation.type == "conv" and i > 20
    )
    original: Callable[..., torch.Tensor] = step.run

    def damaged(*operands: torch.Tensor) -> torch.Tensor:
        value = original(*operands).clone()
        value[0, 0] += 0.01 * value.abs().max()
        return value

    steps = list(plan.steps)
    steps[number] = type(step)(**{**vars(step), "run": damaged})
    monkeypatch.setattr(
        program, "plan", lambda *_, **__: type(plan)(**{**vars(plan), "steps": steps})
    )
    found = compared(model)
    culprit = found.culprits[MIL]
    assert found.culprits[TORCH] is None and culprit is not None
    assert culprit.mil == step.operation.outputs[0].name
    assert culprit.module is not None and identifier(culprit.module) in culprit.mil
    tensors = {t.name for t in model.subject.converted.graph.tensors}
    assert culprit.tensor in tensors and culprit.operator in ("CONV_2D", "DEPTHWISE_CONV_2D")


def test_a_graph_of_no_family_has_layers_too(folder: Path) -> None:
    model = opened("hand-recrop-2020-07", folder)
    found = compared(model)
    assert found.culprits == {TORCH: None, MIL: None}
    assert len(found.rows) == len(model.subject.converted.graph.operators)
    assert all(j.module is not None and j.module.startswith("op") for j in model.joined)
