"""Somebody else's conversion → a backend that parity compares and judges like its own.

What the model does not state (which output is which, the layout, range and colours of its input)
is found by what it answers to pictures of known hands, beside the file's own answers.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blazepalm.converter.evidence.kinds import ASSUMED, BEHAVIOUR, FILE, SHAPE
from blazepalm.converter.evidence.names import roles_of_names
from blazepalm.converter.evidence.pictures import crops, exposures, letterboxed
from blazepalm.converter.folder import is_converted
from blazepalm.converter.tflite.foreign import ONNX, described, is_core_ml
from blazepalm.errors import CouldNotVerify
from blazepalm.file_names import file_name, unique_name
from blazepalm.models.crop import to_range
from blazepalm.models.releases import resolve
from blazepalm.reports.backends.backend import Backend, Opening, Outputs, Registration
from blazepalm.reports.backends.candidate.core_ml import open_core_ml
from blazepalm.reports.backends.candidate.folder import open_folder
from blazepalm.reports.backends.candidate.layout import Reading, readings
from blazepalm.reports.backends.candidate.model import ForeignModel, Range, in_batches, shape_text
from blazepalm.reports.backends.candidate.onnx_file import open_onnx
from blazepalm.reports.backends.candidate.pairing import MARGIN, Pairing, Values, pair
from blazepalm.reports.backends.candidate.tflite_file import open_tflite, stored_precision

HEAD = 1 << 20  # bytes of a file that tell its format
TIE = 1.25  # readings whose costs differ by less than this factor are as good
FAR = 8.0  # a reading that costs so many times as much as another is not the right one
MOST_IMAGES = 32  # of a candidate's fixed batch
DRAWS = 3  # seeded images for a network that no rendered hand fits


@dataclass(frozen=True)
class Candidate:
    """A conversion as a backend. `given` is how it takes an image in the file's range `own`."""

    name: str
    model: ForeignModel
    reading: Reading
    own: Range
    pairing: Pairing

    def run(self, images: np.ndarray) -> Outputs:
        """(N, H, W, C) float32 in the file's range → the outputs that the conversion has."""
        rows = [self._run(image[None]) for image in images]
        return {
            name: rows[0][name] if len(rows) == 1 else np.concatenate([row[name] for row in rows])
            for name in rows[0]
        }

    def _run(self, image: np.ndarray) -> Outputs:
        found = self.model.run(self.reading.given(image, self.own))
        return {p.output: p.fit.of(found[p.name]) for p in self.pairing.pairs}


@dataclass(frozen=True)
class Opened:
    """A candidate ready to compare: its entry beside the registry's, its SHA-256, and sentences
    about what was found.
    """

    backend: Backend
    registration: Registration
    sha256: str
    notes: tuple[str, ...]


def open_model(path: str) -> ForeignModel:
    """Opens a model of any format. Raises as the format's own function does,
    UnknownRelease for a name of nothing.
    """
    place = Path(path)
    if is_converted(place):
        return open_folder(place)
    if is_core_ml(place):
        return open_core_ml(place)
    if place.is_file():
        with place.open("rb") as file:
            head = file.read(HEAD)
        if place.suffix.lower() == ".onnx" or described(head) == ONNX:
            return open_onnx(place)
    return open_tflite(resolve(path))


def open_candidate(
    path: str,
    opening: Opening,
    reference: Backend,
    value_range: Range,
    taken: set[str],
) -> Opened:
    """Opens the conversion at `path` of the file in `opening`; `reference` runs the file itself, in
    `value_range`. Its name is the path's last part, unlike those `taken`. Raises as `open_model`
    and `fit` do.
    """
    model = open_model(path)
    name = unique_name(file_name(Path(path).name), taken, key=str)
    return fit(model, opening, reference, value_range, name)


def fit(
    model: ForeignModel, opening: Opening, reference: Backend, value_range: Range, name: str
) -> Opened:
    """Makes an opened conversion comparable, by what it answers. Raises CouldNotVerify if it does
    not take the file's input or has none of its outputs.
    """
    converted = opening.converted
    graph = converted.graph
    shape = graph.tensors[graph.inputs[0]].shape
    ways = readings(model.input, shape, value_range)
    batch = 1
    while not ways and batch < MOST_IMAGES:
        batch += 1
        several = in_batches(model, batch)
        if ways := readings(several.input, shape, value_range):
            model = several
    if not ways:
        raise CouldNotVerify(
            f"{model.path}: input '{model.input.name}' takes {model.input.takes}, but "
            f"{graph.source} takes {shape_text(shape)}"
        )
    shown = _pictures(converted.family, shape, value_range)
    answers = _answers(reference.run, shown)
    named = {} if converted.family is None else _claims(model, converted.family)
    side = shape[1] if len(shape) == 4 and shape[1] == shape[2] else None

    def paired(way: Reading, pictures: Sequence[int]) -> Pairing:
        given = [way.given(shown[number], value_range) for number in pictures]
        expected = {name: [values[i] for i in pictures] for name, values in answers.items()}
        return pair(expected, converted.outputs, _answers(model.run, given), named, side)

    reading, pairing, by = _cheapest(
        ways, paired, len(shown), stated=model.input.value_range is not None
    )
    if not pairing.pairs and not pairing.seems:
        has = ", ".join(f"'{name}'" for name in model.outputs) or "none"
        raise CouldNotVerify(
            f"{model.path}: none of its outputs ({has}) has the shape of one of {graph.source}"
        )
    candidate = Candidate(name, model, reading, value_range, pairing)
    precision = model.precision(stored_precision(graph))
    registration = Registration(
        name,
        model.label,
        precision,
        lambda _: candidate,
        in_other_units=model.decodes or any(not p.fit.unit.exact for p in pairing.pairs),
    )
    notes = tuple(_notes(candidate, by, converted.outputs))
    if batch > 1:
        notes += (f"{name}: takes {batch} images at once: each is given {batch} times",)
    if model.decodes:
        notes += (f"{name}: blazepalm's face for apps; its outputs are turned back",)
    return Opened(candidate, registration, model.sha256, notes)


def _claims(model: ForeignModel, family: str) -> dict[str, str]:
    """What the names say: the role of each output that has one, by its name."""
    for guess in roles_of_names((*model.texts, model.outputs), family):
        return {name: role for name, role in zip(model.outputs, guess, strict=True) if role}
    return {}


def _pictures(family: str | None, shape: tuple[int, ...], own: Range) -> list[np.ndarray]:
    """What both are shown: a right hand, a left hand and none as the pipeline crops them, and the
    first darker, which tells value ranges apart; for a network of no known family seeded noise.
    Each (1, H, W, C) in the file's range.
    """
    if family is not None:
        shown = (crops if family == "hand" else letterboxed)((shape[1], shape[2]))
        dark = exposures(shown[0].pixels)[1:3]
        return [to_range(pixels, own)[None] for pixels in (*(p.pixels for p in shown), *dark)]
    draws = np.random.Generator(np.random.PCG64(0)).random((DRAWS, *shape), np.float32)
    return [np.float32(own[0]) + draw * np.float32(own[1] - own[0]) for draw in draws]


def _answers(run: Callable[[np.ndarray], Outputs], shown: Sequence[np.ndarray]) -> Values:
    found = [run(image) for image in shown]
    return {name: [answer[name] for answer in found] for name in found[0]}


def _cheapest(
    ways: Sequence[Reading],
    paired: Callable[[Reading, Sequence[int]], Pairing],
    pictures: int,
    *,
    stated: bool,
) -> tuple[Reading, Pairing, str]:
    """The reading under which the candidate answers most like the file, its pairing, and the kind
    of evidence; the first of those that are about as good. What is far off on two of the `pictures`
    is not shown the others.
    """
    every = range(pictures)
    if len(ways) == 1:
        return ways[0], paired(ways[0], every), FILE if stated else SHAPE
    rough = [paired(way, (0, pictures - 1)).cost for way in ways]
    near = min(rough) + math.log(FAR)
    kept = [way for way, cost in zip(ways, rough, strict=True) if cost <= near]
    found = [(way, paired(way, every)) for way in kept]
    least = min(pairing.cost for _, pairing in found)
    chosen = next((w, p) for w, p in found if p.cost <= least + math.log(TIE))
    clear = sum(p.cost < least + math.log(MARGIN) for _, p in found) == 1
    return (*chosen, BEHAVIOUR if clear else ASSUMED)


def _notes(candidate: Candidate, by: str, fields: Sequence[str]) -> list[str]:
    name, pairs = candidate.name, candidate.pairing.pairs
    listed = ", ".join(f"{p.field} from '{p.name}'{p.fit} ({p.by})" for p in pairs)
    notes = [f"{name}: takes {candidate.reading} ({by}); {listed or 'no output fits'}"]
    for output, seems in candidate.pairing.seems.items():
        notes.append(f"{name}: output '{output}' has the values of {seems}, against its name")
    missing = [field for field in fields if field not in [p.field for p in pairs]]
    if missing:
        notes.append(f"{name}: has no output for {', '.join(missing)}")
    return notes
