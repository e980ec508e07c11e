"""Records what one run finds in a golden folder's pictures as `recorded.json` beside them, for
later runs to reproduce: mainly in your own pictures, which have no known truth
(`recorded_file.py` is the file, `check.py` compares).
"""

from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np

from blazepalm.errors import ArtifactError, CouldNotVerify, InvalidModel
from blazepalm.golden.manifest import GoldenCase, GoldenSet
from blazepalm.golden.own import RECORDING
from blazepalm.models.hand_pipeline import Hand, HandPipeline, Image
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.hands.open_model import OpenModel
from blazepalm.reports.hands.open_models import hand_models
from blazepalm.reports.recording.recorded_file import (
    KeptCase,
    KeptHand,
    ModelName,
    Models,
    Recording,
    load_recording,
)

Find = Callable[[str, Image], "tuple[KeptHand, ...]"]  # name, (H, W, 3) uint8 RGB
OnCase = Callable[[str, int, int], None]  # name, done, of how many


def finder(palm: OpenModel, hand: OpenModel) -> Find:
    """Returns a function that finds every hand of a picture, and raises InvalidModel if a number
    is not finite.
    """
    pipeline = HandPipeline(hand_models(palm, hand), max_hands=None)
    return lambda name, image: tuple(kept_hand(found, name) for found in pipeline(image))


def pixels(image: Image) -> str:
    """SHA-256 of a picture's shape and pixels, independent of its file."""
    return Case("", "", image).sha256


def models_of(palm: OpenModel, hand: OpenModel) -> Models:
    """The entry of two open models in a recording."""
    detector, landmarks = (
        ModelName(model.name, model.sha256, model.network_sha256) for model in (palm, hand)
    )
    return Models(detector, landmarks, palm.backend)


def choose(golden: GoldenSet, names: Sequence[str] | None) -> list[GoldenCase]:
    """The readable cases, or those named. Raises ArtifactError for a name that is not one of them,
    and CouldNotVerify if there are none at all.
    """
    readable = {case.name: case for case in golden.cases if case.readable}
    for name in names or ():
        if name not in readable:
            raise ArtifactError(f"{golden.folder}: has no readable case {name!r}")
    if not readable:
        raise CouldNotVerify(f"{golden.folder}: has no readable picture")
    return [case for case in readable.values() if not names or case.name in names]


def record(
    golden: GoldenSet,
    palm: OpenModel,
    hand: OpenModel,
    *,
    names: Sequence[str] | None = None,
    force: bool = False,
    on_case: OnCase = lambda name, done, total: None,
) -> tuple[Recording, tuple[str, ...]]:
    """Returns the folder's new recording, and the names of the cases that were run for it: those
    (of `names`, else all) that were not recorded before, with `force` also those that were.

    Raises ArtifactError if a name has no readable picture, the existing recording is damaged,
    or it is from other models and not replaced as a whole (`force` without `names` does that).
    """
    models = models_of(palm, hand)
    chosen, known = choose(golden, names), load_recording(golden.folder)
    whole = force and not names
    if known is not None and not whole and not known.models.are_same(models):
        raise ArtifactError(
            f"{golden.folder / RECORDING}: was recorded with {known.models}; use those models, "
            "or replace the recording: --force without --only"
        )
    kept = {} if known is None else {case.name: case for case in known.cases}
    if known is not None and not whole:
        models = known.models  # the same networks, perhaps in other files
    if force:
        kept = {name: case for name, case in kept.items() if names and name not in names}
    needed = [case for case in chosen if case.name not in kept]
    find = finder(palm, hand)
    for done, case in enumerate(needed, start=1):
        image = golden.image(case)
        kept[case.name] = KeptCase(case.name, pixels(image), find(case.name, image))
        on_case(case.name, done, len(needed))
    order = {case.name: number for number, case in enumerate(golden.cases)}
    cases = sorted(kept.values(), key=lambda case: (order.get(case.name, len(order)), case.name))
    return Recording(models, tuple(cases)), tuple(case.name for case in needed)


def kept_hand(hand: Hand, name: str) -> KeptHand:
    values = {field.name: getattr(hand, field.name) for field in fields(KeptHand)}
    for part, value in values.items():
        if value is not None:
            values[part] = np.asarray(value, np.float32)
            if not np.isfinite(values[part]).all():
                raise InvalidModel(
                    f"{name}: the model gave {part} that are not finite: its weights are damaged"
                )
    return KeptHand(**values)
