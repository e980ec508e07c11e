"""The public interface of this package: a saved ML program, read and ready to run anywhere; alone,
or with the non-maximum suppression that follows it in a pipeline.

This package executes the program operation by operation, in torch on a CPU. Apple's runtime, which
this is not, may fuse and reorder operations and choose other precisions.
"""

import copy
import difflib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.errors import BlazePalmError, InvalidModel, UnsupportedOperator
from blazepalm.reports.backends.mil.accumulation import FLOAT32_SUMS
from blazepalm.reports.backends.mil.blob import Blob, BlobFile
from blazepalm.reports.backends.mil.interface import Feature, Interface, read_interface
from blazepalm.reports.backends.mil.notes import notes_of
from blazepalm.reports.backends.mil.package import Package, open_package
from blazepalm.reports.backends.mil.schema import parse_model
from blazepalm.reports.backends.mil.suppression import pipeline_interface, stages
from blazepalm.reports.backends.mil.syntax import Function, read_functions
from blazepalm.text import printable

if TYPE_CHECKING:
    from torch import Tensor

    from blazepalm.reports.backends.mil.plan import Plan

LABEL = "executed by blazepalm"


def load(path: str | Path, *, suppressing: bool = True) -> "Program":
    """Reads a `.mlpackage` folder or `.mlmodel` file. Imports neither torch nor coremltools.
    Without `suppressing`, a pipeline is read as its program alone. Raises InvalidModel if it is
    broken or holds no ML program.
    """
    with _escaping():
        return Program(open_package(path), suppressing=suppressing)


@contextmanager
def _escaping() -> Iterator[None]:
    """Escapes what is unprintable in an error's sentence: names in it are the file's own. A list of
    unsupported operations has lines, whose names are escaped already.
    """
    try:
        yield
    except UnsupportedOperator:
        raise
    except BlazePalmError as error:
        error.args = (printable(str(error)),)
        raise


class Program:
    """A program that was read and checked. `run` may be called from several threads."""

    label = LABEL

    def __init__(self, package: Package, *, suppressing: bool = True) -> None:
        self.path = package.path
        self.source = str(package.path)
        self._package = package
        self._files: dict[str, BlobFile] = {}
        self._weights: dict[tuple[str, int], Blob] = {}
        self._plans: dict[tuple[str, str], Plan] = {}
        model = parse_model(package.model)
        self.specification_version: int = model.specificationVersion
        first, suppression = stages(model, self.source)
        self.suppression = suppression if suppressing else None
        self.functions = read_functions(first.mlProgram, self.source, self._read_blob)
        self.default_function = self._default_function(first.description)
        self._own: dict[str, Interface] = {  # of the program alone
            name: read_interface(first.description, function, self.source)
            for name, function in self.functions.items()
        }
        self.interfaces = dict(self._own)
        if self.suppression is not None:
            self.interfaces = {
                name: pipeline_interface(model.description, own, self.suppression, self.source)
                for name, own in self._own.items()
            }
        metadata = model.description.metadata
        self.metadata: dict[str, str] = {
            "description": metadata.shortDescription,
            "version": metadata.versionString,
            "author": metadata.author,
            "licence": metadata.license,
        }
        for key in sorted(metadata.userDefined):
            self.metadata.setdefault(key, metadata.userDefined[key])
        self.metadata.update(notes_of(first.mlProgram))
        self.file_bytes = package.model.stat().st_size + sum(f.size for f in self._files.values())

    # What it is -------------------------------------------------------------------------

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """What the default function takes."""
        return self.interfaces[self.default_function].inputs

    @property
    def outputs(self) -> tuple[Feature, ...]:
        """What the default function returns."""
        return self.interfaces[self.default_function].outputs

    @cached_property
    def operations(self) -> dict[str, int]:
        """How often each operation occurs in all functions, most frequent first; `const`, which
        computes nothing, is left out.
        """
        counts = Counter(op.type for f in self.functions.values() for op in f.operations)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def precisions(self) -> dict[str, int]:
        """The number of computed values of each element type, most frequent first; operations that
        only unpack weights are left out.
        """
        counts = Counter(
            output.type.dtype
            for function in self.functions.values()
            for op in function.operations
            if not op.type.startswith("constexpr_")
            for output in op.outputs
        )
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def weight_bytes(self) -> dict[str, int]:
        """Bytes in the weight files by element type, each stored weight counted once."""
        counts: Counter[str] = Counter()
        for blob in self._weights.values():
            counts[blob.dtype] += blob.data.nbytes
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    # What it does -----------------------------------------------------------------------

    @_escaping()
    def run(
        self,
        inputs: Mapping[str, Any],
        function: str | None = None,
        *,
        accumulation: str = FLOAT32_SUMS,
        intermediates: bool | Collection[str] = False,
        replace: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, np.ndarray]:
        """Executes a function; the outputs by name, in the description's order, of their MIL
        types. An image output is the program's tensor, (1, C, H, W).

        `inputs`: an array (or, for image inputs, a PIL image or uint8 (H, W, 3) RGB) by name.
        `function`: the model's default one where None.
        `accumulation`: how products are summed, one of `ACCUMULATIONS` (`float16` and
        `coreai` are slow).
        `intermediates`: True adds every value that the function computes, a collection of MIL
        names adds those. `replace`: values by MIL name that the operations after them compute
        with, in place of what was computed (which is what is returned).

        Raises InvalidInput or InvalidImage for what is given, UnsupportedOperator listing every
        operation that cannot be executed, InvalidModel where the program contradicts itself.
        """
        from blazepalm.reports.backends.mil.run import run_plan

        name = self.function_name(function)
        plan = self.plan(name, accumulation=accumulation)
        keep = self._kept(plan, intermediates)
        tensors, thresholds = self._prepared(name, inputs)
        values = run_plan(plan, tensors, self.source, keep, replace)
        if self.suppression is not None:
            values |= self.suppression.run(values, thresholds, self.source)
        outputs = {feature.name: values[feature.name] for feature in self.interfaces[name].outputs}
        inner = set(keep) - set(outputs)
        return {**outputs, **{name: value for name, value in values.items() if name in inner}}

    @_escaping()
    def plan(self, function: str | None = None, *, accumulation: str = FLOAT32_SUMS) -> "Plan":
        """The function made ready to run; made once. Raises as `run` does."""
        from blazepalm.reports.backends.mil.plan import make_plan

        key = (self.function_name(function), accumulation)
        if key not in self._plans:
            self._plans[key] = make_plan(
                self.functions[key[0]], self.source, accumulation=accumulation
            )
        return self._plans[key]

    def with_plan(self, plan: "Plan") -> "Program":
        """This program with another plan of its default function, for float32 sums."""
        changed = copy.copy(self)
        changed._plans = {(self.function_name(None), FLOAT32_SUMS): plan}
        return changed

    @_escaping()
    def function_name(self, function: str | None) -> str:
        """The name of that function, or of the default one. Raises InvalidModel if there
        is none.
        """
        name = function or self.default_function
        if name not in self.functions:
            raise InvalidModel(
                f"{self.source} has no function '{name}'; it has {', '.join(self.functions)}"
            )
        return name

    # How ---------------------------------------------------------------------------------

    def _prepared(
        self, name: str, inputs: Mapping[str, Any]
    ) -> "tuple[dict[str, Tensor], dict[str, Any]]":
        """The program's inputs as tensors, and what its suppression is given."""
        from blazepalm.reports.backends.mil.inputs import prepare_inputs, values_by_input

        own = self._own[name]
        if self.suppression is None:
            return prepare_inputs(own, inputs, self.source), {}
        checked = values_by_input(self.interfaces[name], inputs, self.source)
        given = {feature.name: value for feature, value in checked}
        mine = {feature.name: given[feature.name] for feature in own.inputs}
        return prepare_inputs(own, mine, self.source), given

    def _kept(self, plan: "Plan", intermediates: bool | Collection[str]) -> list[str]:
        function: Function = plan.function
        if intermediates is True:
            return [output.name for step in plan.steps for output in step.operation.outputs]
        names = [intermediates] if isinstance(intermediates, str) else list(intermediates or ())
        for name in names:
            if name not in plan.slots:
                near = difflib.get_close_matches(name, function.types, n=3)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise InvalidModel(f"{self.source}: no value '{name}' is computed{hint}")
        return names

    def _default_function(self, description: Any) -> str:
        name: str = description.defaultFunctionName or "main"
        if name in self.functions:
            return name
        if description.defaultFunctionName:
            raise InvalidModel(f"{self.source}: there is no default function '{name}'")
        return next(iter(self.functions))

    def _read_blob(self, name: str, offset: int) -> Blob:
        if name not in self._files:
            self._files[name] = BlobFile(self._package.weight_file(name))
        key = (name, offset)
        if key not in self._weights:
            self._weights[key] = self._files[name].read(offset)
        return self._weights[key]
