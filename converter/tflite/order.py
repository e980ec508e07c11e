"""Checks that a graph can be computed in the file's order, as TFLite does: every operand is an
input, a constant or computed earlier, and nothing is written twice.
"""

from collections.abc import Collection

from blazepalm.converter.tflite.graph import StoredModel
from blazepalm.errors import InvalidModel


def check_order(model: StoredModel, constants: Collection[int]) -> None:
    """Raises InvalidModel naming the first operator and tensor that break the order."""
    _check_edges(model, constants)
    written = {t: op.index for op in reversed(model.operators) for t in op.outputs}
    defined = {*constants, *model.inputs}
    for op in model.operators:
        for index in op.inputs:
            if index < 0 or index in defined:
                continue
            tensor = model.tensors[index]
            if index not in written:
                raise InvalidModel(f"{model.where(op)} reads {tensor}, which nothing computes")
            later = model.operators[written[index]]
            raise InvalidModel(
                f"{model.where(op)} reads {tensor} before operator {later.index} {later.name} "
                "computes it: the graph is cyclic or out of order"
            )
        for index in op.outputs:
            if index in defined:
                what = "a constant" if index in constants else "an input or already written"
                raise InvalidModel(
                    f"{model.where(op)} writes {model.tensors[index]}, which is {what}"
                )
            defined.add(index)
    for index in model.outputs:
        if index not in defined:
            raise InvalidModel(
                f"{model.source}: nothing computes the graph's output {model.tensors[index]}"
            )


def _check_edges(model: StoredModel, constants: Collection[int]) -> None:
    if not model.inputs or not model.outputs:
        what = "output" if model.inputs else "input"
        raise InvalidModel(f"{model.source}: the graph has no {what}")
    for position, index in enumerate(model.inputs):
        if index in constants or index in model.inputs[:position]:
            what = "a constant" if index in constants else "listed twice"
            raise InvalidModel(
                f"{model.source}: the graph's input {model.tensors[index]} is {what}"
            )
