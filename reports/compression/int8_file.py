"""`convert --quantize int8 --tflite`: the TFLite file in 8-bit integers, calibrated on pictures of
hands, and what that costs: the whole file, and each of its operators alone.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.converter.converted import Converted
from blazepalm.converter.int8_file import Int8File, Range, float_file, int8_file, need_quantizer
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.converter.threads import one_torch_thread
from blazepalm.reports.backends.integer.network import (
    CASTS,
    IntegerNetwork,
    alone,
    as_real,
    as_stored,
    open_network,
)
from blazepalm.reports.backends.litert_layers import LayerReader
from blazepalm.reports.compression.measure import Answer, Image, Measure, worst
from blazepalm.reports.compression.pictures import hands
from blazepalm.reports.compression.prices import Step, Values, layer_prices, price
from blazepalm.reports.compression.search import FEW, OnStep
from blazepalm.reports.judge.policy import LIMITS


@dataclass
class IntegerFile:
    """For `convert(…, tflite=IntegerFile())`: writes `model.int8.tflite`, whose inputs, outputs,
    weights and values are 8-bit integers, by the ranges that they have on `pictures` (paths of
    pictures, videos, folders; without any, on rendered hands). `conversion.json` has what it costs
    there, as a whole and by layer. Needs AI Edge Quantizer (extra `quantizer`). `on_step` is told
    what is done.
    """

    pictures: Sequence[str | Path] = ()
    on_step: OnStep = lambda what, done, total: None
    _images: list[Image] = field(default_factory=list, init=False, repr=False)

    def __call__(self, model: Converted, content: bytes) -> Int8File | None:
        """The file for one model, whose TFLite file is `content`; None for a network that reads no
        picture. Raises CouldNotVerify if the pictures show no hand, without the quantizer, or if it
        refuses the file; InvalidImage if a picture cannot be read.
        """
        need_quantizer()
        if model.recognition is None:
            return None
        if not self._images:
            self._images += hands(self.pictures, self.on_step)
        with one_torch_thread():
            return _quantised(model, content, Measure(model, self._images, LIMITS), self.on_step)


def _quantised(model: Converted, content: bytes, measure: Measure, on_step: OnStep) -> Int8File:
    source = model.graph.source
    plain = float_file(model, content)
    graph = read_bytes(plain, source)
    ranges = value_ranges(plain, graph, measure, on_step)
    integers = int8_file(plain, source, ranges)
    network = open_network(integers, model.outputs, source)
    steps = network_steps(graph, network, module_paths(model))

    def answer(values: Mapping[Hashable, Any]) -> Answer:
        found = zip(model.outputs, graph.outputs, strict=True)
        return measure.decoded({name: values[tensor] for name, tensor in found})

    (given,) = graph.inputs
    costs = []
    for number, (image, item) in enumerate(zip(measure.images(), measure.inputs, strict=True)):
        on_step("measuring the integers", number, len(measure.inputs))
        values: Values = {given: image}
        for step in steps:
            values.update(zip(step.writes, step.run(values), strict=True))
        found = measure.decoded(network.run(image))
        costs.append(measure.cost_of(item, answer(values), found))
    few: list[Values] = [{given: image} for image in islice(measure.images(), FEW)]
    layers = layer_prices(steps, few, answer, measure, on_step)
    return Int8File(integers, ranges, price("", "", worst(costs)), layers)


def value_ranges(
    plain: bytes, graph: Graph, measure: Measure, on_step: OnStep
) -> tuple[Range, ...]:
    """The lowest and highest number of every computed tensor, by name, over the measure's inputs;
    the image has its whole value range, so that a grey level is one step.
    """
    reader = LayerReader(plain, graph.source)
    found: dict[str, tuple[float, float]] = {}
    for number, image in enumerate(measure.images()):
        on_step("measuring the range of each value", number, len(measure.inputs))
        for index, value in reader.read([image]).items():
            if index >= len(graph.tensors) or graph.tensors[index].is_constant or not value.size:
                continue  # a kernel's own memory, or a weight
            name = graph.tensors[index].name
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, float(value.min())), max(high, float(value.max()))
    (given,) = graph.inputs
    low, high = measure.rules.spec.value_range
    found[graph.tensors[given].name] = float(low), float(high)
    return tuple((name, *bounds) for name, bounds in sorted(found.items()))


def module_paths(model: Converted) -> dict[int, str]:
    """The tensor that an operator with weights computes → the module that holds them."""
    modules = {row.operator: row.key.rpartition(".")[0] for row in model.tensor_map}
    return {op.outputs[0]: modules[op.index] for op in model.graph.operators if op.index in modules}


def network_steps(graph: Graph, network: IntegerNetwork, paths: Mapping[int, str]) -> list[Step]:
    """The float32 operators of `graph`, each with the integer one of the quantised file that stands
    for it, under its module's path or else its tensor's name.
    """
    integers = [(op, run) for op, run in network.steps if op.name not in CASTS]
    floats = graph.needed()
    assert [op.name for op in floats] == [op.name for op, _ in integers]
    return [
        _step(paths.get(op.outputs[0]), graph, op, network.graph, theirs, run)
        for op, (theirs, run) in zip(floats, integers, strict=True)
    ]


def _step(
    path: str | None,
    graph: Graph,
    op: Operator,
    stored: Graph,
    theirs: Operator,
    integer_run: Any,
) -> Step:
    import torch

    reads = tuple(
        dict.fromkeys(t for t in op.inputs if t >= 0 and not graph.tensors[t].is_constant)
    )
    module = alone(graph, op, reads)
    constants = {t.index: t.data for t in stored.constants()}
    results = [stored.tensors[t] for t in theirs.outputs]

    def run(values: Mapping[Hashable, Any]) -> Sequence[np.ndarray]:
        with torch.inference_mode():
            found = module(
                *(torch.from_numpy(np.require(values[t], requirements="W")) for t in reads)
            )
        return [value.numpy() for value in found]

    def rounded(values: Mapping[Hashable, Any]) -> Sequence[np.ndarray]:
        given = dict(constants)
        for mine, other in zip(op.inputs, theirs.inputs, strict=True):
            if mine in reads:
                given[other] = as_stored(stored.tensors[other], values[mine])
        found = integer_run(given)
        return [as_real(t, value) for t, value in zip(results, found, strict=True)]

    whole = all(tensor.dtype != "float32" for tensor in results)
    name = path or graph.tensors[op.outputs[0]].name.partition(";")[0]
    return Step(name, op.name, reads, op.outputs, run, rounded if whole else None)
