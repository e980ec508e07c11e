"""The generation and the input's value range, from what the user states and all evidence."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from blazepalm.converter.architecture import Recognition
from blazepalm.converter.evidence.input_range import Range, quantised_range, stated_range
from blazepalm.converter.evidence.kinds import (
    ASSUMED,
    BEHAVIOUR,
    FILE,
    OPTION,
    RELEASE,
    STRUCTURE,
    WEIGHTS,
    Notice,
)
from blazepalm.converter.evidence.overrides import Overrides
from blazepalm.converter.tflite.graph import Graph
from blazepalm.models.generation import Generation
from blazepalm.models.release_registry import Release, load_registry
from blazepalm.models.releases import defaults

if TYPE_CHECKING:
    from blazepalm.converter.evidence.behaviour import Seen
    from blazepalm.converter.evidence.known_weights import Known


def settle_generation(
    recognition: Recognition,
    release: Release | None,
    overrides: Overrides,
    known: "Known | None",
    roles: Mapping[str, str],
    warn: Notice,
) -> tuple[Generation, str]:
    family = recognition.family
    size = "×".join(map(str, recognition.spec.input_size))
    if (stated := overrides.generation_of(family)) is not None:
        if stated.input_size != recognition.spec.input_size:
            own = "×".join(map(str, stated.input_size))
            warn(f"generation {stated.name} has inputs of {own}, but it takes {size}")
        return stated, OPTION
    if release is not None:
        return release.generation, RELEASE
    if known is not None:
        return known.release.generation, WEIGHTS
    fitting = [
        generation
        for generation in load_registry().generations.values()
        if generation.family == family
        and generation.input_size == recognition.spec.input_size
        and (family == "palm" or set(roles) <= set(generation.outputs))
    ]
    if fitting:
        return min(fitting, key=lambda generation: len(generation.outputs)), STRUCTURE
    newest = defaults(family)
    warn(
        f"no known generation has {size} inputs and such outputs; thresholds and regions are "
        f"those of the newest, {newest.name}, unless --generation names another"
    )
    return newest, ASSUMED


def settle_value_range(
    graph: Graph,
    release: Release | None,
    overrides: Overrides,
    generation: Generation,
    known: "Known | None",
    seen: "Seen | None",
    warn: Notice,
) -> tuple[Range, str]:
    stated = overrides.value_range_of(generation.family)
    if stated is None and overrides.generation_of(generation.family) is not None:
        stated = generation.value_range
    if stated is None and release is not None:
        return generation.value_range, RELEASE
    found: list[tuple[str, Range | None]] = [
        (OPTION, stated),
        (WEIGHTS, None if known is None else known.value_range),
        (FILE, quantised_range(graph)),
        (BEHAVIOUR, None if seen is None else seen.value_range),
        (FILE, stated_range(graph)),
    ]
    options = [(kind, value_range) for kind, value_range in found if value_range is not None]
    if not options:
        low, high = generation.value_range
        warn(
            f"nothing shows the range of its input; assumed {low:g}..{high:g}, as in "
            f"{generation.name}, unless --value-range states another"
        )
        return generation.value_range, ASSUMED
    decisive = options[0][1]
    agreeing = ", ".join(dict.fromkeys(kind for kind, r in options if r == decisive))
    for kind, other in options:
        if other != decisive:
            warn(
                f"its input takes {decisive[0]:g}..{decisive[1]:g} by {agreeing}, but "
                f"{other[0]:g}..{other[1]:g} by {kind}"
                + ("" if stated is not None else "; --value-range decides")
            )
    return decisive, agreeing
