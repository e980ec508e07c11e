"""A saved Core ML package executed by blazepalm: the backend `coreml-mil`.

Only what is on disk counts: the package is read back, and its MIL program runs operation by
operation in torch (`reports.backends.mil`). It is not Apple's runtime.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blazepalm.reports.backends.backend import Outputs
from blazepalm.reports.backends.mil import load
from blazepalm.reports.backends.package_outputs import RawPackage, match


@dataclass(frozen=True)
class Executed:
    """With `float16_accumulation`, sums of float16 products are rounded after every step: a
    bound on what such hardware may do, and slow. Several threads may call it.
    """

    name: str
    package: RawPackage
    float16_accumulation: bool = False

    def run(self, images: np.ndarray) -> Outputs:
        """(N, H, W, C) float32 in the release's range → the file's outputs in float32."""
        return self.package.run(images, self._execute)

    def intermediates(
        self, images: np.ndarray, names: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Every value that the program computes for one batch (or those of `names`), by its MIL
        name, in execution order and in the program's own layout and dtype.
        """
        program = self.package.program
        found = program.run(
            self.package.given(images),
            float16_accumulation=self.float16_accumulation,
            intermediates=True if names is None else names,
        )
        plan = program.plan(float16_accumulation=self.float16_accumulation)
        wanted = plan.slots if names is None else names
        return {name: found[name] for name in plan.slots if name in found and name in wanted}

    def _execute(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self.package.program.run(given, float16_accumulation=self.float16_accumulation)


def open_executed(
    package: Path,
    outputs: tuple[str, ...],
    shapes: Sequence[tuple[int, ...]],
    *,
    name: str = "coreml-mil",
    float16_accumulation: bool = False,
) -> Executed:
    """Reads a package and makes it ready to run. `outputs` and `shapes` are those of the TFLite
    file, in its order.

    Raises InvalidModel for a broken package, UnsupportedOperator listing all that cannot be
    executed, CouldNotVerify for one whose input and outputs are not the file's.
    """
    program = load(package)
    executed = Executed(name, match(program, outputs, shapes), float16_accumulation)
    program.plan(float16_accumulation=float16_accumulation)
    return executed
