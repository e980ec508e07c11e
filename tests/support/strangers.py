"""A release as another converter might have written it: LiteRT computes it, the wrapping changes
its input's layout, range and colours, and its outputs' names, order, units and shapes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blazepalm.reports.backends.backend import FLOAT32, Opening
from blazepalm.reports.backends.candidate.candidate import Opened, fit
from blazepalm.reports.backends.candidate.model import ForeignModel, Input, shape_text
from blazepalm.reports.backends.litert import LiteRT, open_litert
from blazepalm.reports.subjects.open_subject import value_range_of
from support.converted import converted
from support.models import shared_model

Values = dict[str, np.ndarray]  # by role


@dataclass(frozen=True)
class Stranger:
    """A release to wrap."""

    opening: Opening
    litert: LiteRT

    @property
    def shape(self) -> tuple[int, ...]:
        return self.opening.input_shapes[0]

    @property
    def roles(self) -> tuple[str, ...]:
        return self.opening.converted.outputs

    def answer(self, shares: np.ndarray) -> Values:
        """The outputs by role for (1, H, W, 3), of which 0 is black and 1 white."""
        low, high = value_range_of(self.opening.converted)[0]
        image = (low + shares.astype(np.float64) * (high - low)).astype(np.float32)
        found = self.litert.run(np.ascontiguousarray(image))
        return {
            role: found[output]
            for role, output in zip(self.roles, self.litert.outputs, strict=True)
        }

    def found(
        self,
        shape: tuple[int, ...],
        shares: Callable[[np.ndarray], np.ndarray],
        outputs: Callable[[Values], Values],
    ) -> Opened:
        """The release in another's wrapping, made comparable: it takes `shape`, `shares` turns that
        into what `answer` takes, `outputs` turns the answer into what the wrapping returns.
        """

        def run(values: np.ndarray) -> Values:
            return outputs(self.answer(shares(values)))

        model = ForeignModel(
            "stranger",
            "0" * 64,
            "wrapped",
            Input("image", lambda given: given == shape, shape_text(shape)),
            tuple(run(np.zeros(shape, np.float32))),
            FLOAT32,
            FLOAT32,
            run,
        )
        value_range, _ = value_range_of(self.opening.converted)
        return fit(model, self.opening, self.litert, value_range, "stranger")


def stranger(release: str) -> Stranger:
    content, model = shared_model(release).read_bytes(), converted(release)
    opening = Opening(model, content)
    return Stranger(opening, open_litert(content, opening.outputs, source=release))
