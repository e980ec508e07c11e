"""Values inside a saved package's program, read from Apple's Core AI (extra `coreai`).

Core AI returns a program's outputs and nothing else, so a second program is made of the same
package whose outputs are the values asked for. The gap: Core AI may fuse its operations in another
way than the first program's; both return the same outputs.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from blazepalm.reports.backends.coreai import core_ai_inputs
from blazepalm.reports.backends.coreai_asset import Asset, asset_key
from blazepalm.reports.backends.hashing import package_sha256
from blazepalm.reports.backends.mil import Program


class CoreAILayers:
    """Those of `names`, MIL names of values, that the default function of a package computes."""

    def __init__(self, program: Program, names: Iterable[str]) -> None:
        self.program = program
        function = program.functions[program.default_function]
        computed = {output.name for op in function.operations for output in op.outputs}
        self.names = tuple(name for name in names if name in computed)
        self._types = function.types

    def run(
        self, inputs: Mapping[str, Any], replace: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        """The values by name, float16 or float32. `inputs`: as `Program.run` takes them. `replace`:
        for every name, the values that the operations after it compute with, in place of what was
        computed (which is what is returned).

        Raises what `Program.run` raises, and ProcessDied if Core AI fails.
        """
        arrays = core_ai_inputs(self.program, inputs)
        if replace is not None:
            for place, name in enumerate(self.names, len(arrays)):
                arrays[f"i{place}"] = self._carried(name, replace[name])
        path = self.program.path
        asset = Asset(
            self.program.source,
            path,
            partial(_key, path, self.names),
            self.names,
            "cumulative" if replace is None else "local",
        )
        try:
            found = asset(arrays)
        finally:
            asset.close()
        return {name: found[f"o{place}"] for place, name in enumerate(self.names)}

    def _carried(self, name: str, value: np.ndarray) -> np.ndarray:
        """The values in the shape and type that the program declares."""
        declared = self._types[name]
        half = declared.dtype == "FLOAT16"
        shaped = value.reshape([n for n in declared.shape or () if n is not None])
        return shaped.astype(np.float16 if half else np.float32)


def _key(path: Any, names: tuple[str, ...]) -> str:
    return asset_key(package=package_sha256(path), layers=names)
