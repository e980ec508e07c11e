"""A recognised network → the same with the roles of its outputs, its value range, thresholds and
generation settled by evidence, and a warning for whatever had to be assumed or is contradicted.

What the user states comes first, then a known release. For any other file all evidence is
collected: it may be contradictory. Weights and behaviour show what the network really does, so they
overrule names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.architecture import Recognition
from blazepalm.converter.evidence.behaviour import POINTS, SCORES, Outputs, Seen, watch
from blazepalm.converter.evidence.input_range import Range, quantised_range, stated_range
from blazepalm.converter.evidence.known_weights import Known, known_weights
from blazepalm.converter.evidence.names import Guess, roles_by_names
from blazepalm.converter.evidence.overrides import Overrides
from blazepalm.converter.known import release_of
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import InvalidInput, UnsupportedOperator
from blazepalm.models.releases import Generation, Release, defaults, load_registry
from blazepalm.models.spec import Evidence, PalmDetectorSpec, Spec

OPTION, RELEASE, NAMES, SHAPE = "option", "release", "names", "shape"
WEIGHTS, FILE, BEHAVIOUR, STRUCTURE, ASSUMED = (
    "weights",
    "file",
    "behaviour",
    "structure",
    "assumed",
)

ORDER = (OPTION, NAMES, SHAPE, WEIGHTS, BEHAVIOUR)  # as reports list them
STRENGTH = (WEIGHTS, BEHAVIOUR, NAMES)  # the first decides where they contradict each other

Notice = Callable[[str], None]
Source = tuple[str, Guess]  # kind of evidence, each output's role


def settle(
    graph: Graph, recognition: Recognition, overrides: Overrides, notice: Notice
) -> Recognition:
    """`recognition` with named outputs and a complete spec. Only for a network that is no known
    release, torch is imported and the network is run. Raises InvalidInput if stated outputs do not
    fit the file.
    """
    release = release_of(graph)
    if release is not None and release.family != recognition.family:
        release = None
    stated = _stated(graph, recognition, overrides)

    def warn(message: str) -> None:
        notice(f"{graph.source}: {message}")

    known: Known | None = None
    seen: Seen | None = None
    sources: list[Source] = []
    if release is None:
        known = known_weights(recognition)
        seen = _watched(recognition)
        sources = [(NAMES, guess) for guess in roles_by_names(graph, recognition)]
        if known is not None:
            sources.append((WEIGHTS, _roles_by_weights(recognition, known)))
        if seen is not None:
            sources.append((BEHAVIOUR, seen.outputs))
    roles = _roles(graph, recognition, release, stated, sources, warn)
    generation, by = _generation(recognition, release, overrides, known, roles, warn)
    spec = with_generation(recognition.spec, generation)
    value_range, range_by = _value_range(graph, release, overrides, generation, known, seen, warn)
    spec = replace(
        spec,
        value_range=value_range,
        evidence=Evidence(tuple(roles.items()), range_by, by),
    )
    settled = _renamed(replace(recognition, spec=spec), tuple(roles))
    if seen is not None:
        _tell(seen, warn)
    return settled


def with_generation(spec: Spec, generation: Generation) -> Spec:
    """The spec with the values that the file does not hold: value range, thresholds, and the name
    of the generation that defines these and the region rule.
    """
    if isinstance(spec, PalmDetectorSpec):
        return replace(
            spec,
            value_range=generation.value_range,
            score_threshold=generation.score_threshold,
            suppression_iou=generation.suppression_iou,
            generation=generation.name,
        )
    return replace(
        spec,
        value_range=generation.value_range,
        presence_threshold=generation.presence_threshold,
        z_scale=generation.normalize_z,
        generation=generation.name,
    )


# Roles ------------------------------------------------------------------------------------


def _stated(graph: Graph, recognition: Recognition, overrides: Overrides) -> dict[int, str]:
    """Output's position → the role that the user stated. Raises InvalidInput."""
    names = [graph.tensors[t].name for t in graph.outputs]
    keys = graph.stored.output_keys if graph.stored is not None else ()
    found: dict[int, str] = {}
    for role, at in overrides.outputs_of(recognition.family).items():
        places = [i for i, name in enumerate(names) if at == name]
        places = places or [i for i, key in enumerate(keys) if at == key]
        if not places and at.isdecimal() and int(at) < len(names):
            places = [int(at)]
        if len(places) != 1:
            listed = ", ".join(f"{i} {name!r}" for i, name in enumerate(names))
            raise InvalidInput(f"{graph.source}: no output {at!r} for {role}; it has {listed}")
        if places[0] in found:
            raise InvalidInput(
                f"{graph.source}: output {at!r} cannot be both {found[places[0]]} and {role}"
            )
        if role not in _possible(recognition)[places[0]]:
            shape = list(graph.tensors[graph.outputs[places[0]]].shape)
            raise InvalidInput(f"{graph.source}: output {at!r} of shape {shape} cannot be {role}")
        found[places[0]] = role
    return found


def _possible(recognition: Recognition) -> tuple[tuple[str, ...], ...]:
    """The roles that each output's shape allows."""
    if recognition.family == "palm":
        return tuple((name,) for name in recognition.outputs)
    return tuple(POINTS if name in POINTS else SCORES for name in recognition.outputs)


def _roles(
    graph: Graph,
    recognition: Recognition,
    release: Release | None,
    stated: Mapping[int, str],
    sources: Sequence[Source],
    warn: Notice,
) -> dict[str, str]:
    """Role → evidence, in the file's order of outputs."""
    possible = _possible(recognition)
    placed = recognition.outputs
    chosen: dict[int, tuple[str, str]] = {}
    for group in dict.fromkeys(possible):
        members = [i for i, roles in enumerate(possible) if roles == group]
        options = [
            (kind, found)
            for kind, guess in sources
            if (found := _completed(members, group, {i: guess[i] for i in members})) is not None
        ]
        asked = _completed(members, group, {i: stated.get(i) for i in members})
        if asked is not None:
            options.insert(0, (OPTION, asked))
            decisive = asked
        elif release is not None:
            options = [(RELEASE, {i: placed[i] for i in members})]
            decisive = options[0][1]
        elif len(members) == 1:
            decisive = {members[0]: placed[members[0]]}
            options.append((SHAPE, decisive))
            options.sort(key=lambda option: ORDER.index(option[0]))
        elif options:
            decisive = min(options, key=lambda option: STRENGTH.index(option[0]))[1]
        else:
            decisive = {i: placed[i] for i in members}
            options = [(ASSUMED, decisive)]
            warn(
                f"nothing shows which output is {' and which '.join(decisive.values())}; assumed "
                f"{_listed(graph, decisive)} unless --outputs states them"
            )
        for kind, found in options:
            if found != decisive:
                says = {NAMES: "names say", WEIGHTS: "the weights say"}
                warn(
                    f"its {says.get(kind, f'{kind} says')} {_listed(graph, found)}, but it is "
                    f"taken as {_listed(graph, decisive)}, by "
                    f"{_joined(options, decisive)}"
                )
        for i, role in decisive.items():
            chosen[i] = (role, _joined(options, decisive))
    return dict(chosen[i] for i in range(len(placed)))


def _completed(
    members: Sequence[int], group: Sequence[str], guess: Mapping[int, str | None]
) -> dict[int, str] | None:
    """The guess as one role for every member; a single one left follows. None if it does not
    decide, or is impossible.
    """
    roles = [role for role in guess.values() if role in group]
    if not roles or len(set(roles)) < len(roles):
        return None
    wanted = group[: len(members)]
    if any(role not in wanted for role in roles):  # such as only world landmarks
        return None
    rest = [role for role in wanted if role not in roles]
    if len(rest) > 1:
        return None
    return {i: role if (role := guess[i]) in group else rest[0] for i in members}  # type: ignore[misc]


def _joined(options: Sequence[tuple[str, Mapping[int, str]]], decisive: Mapping[int, str]) -> str:
    """The kinds of evidence that agree: `names, behaviour`."""
    return ", ".join(dict.fromkeys(kind for kind, found in options if found == decisive))


def _listed(graph: Graph, roles: Mapping[int, str]) -> str:
    """`'Identity' landmarks, 'Identity_3' world_landmarks`."""
    names = [graph.tensors[t].name for t in graph.outputs]
    return ", ".join(f"{names[i]!r} {role}" for i, role in roles.items())


def _roles_by_weights(recognition: Recognition, known: Known) -> Guess:
    """Each output's role in the release that has its head."""
    found: dict[str, str] = {}
    for own, path in known.roles.items():  # heads.landmarks.layer, heads.stride8.boxes
        part = 1 if recognition.family == "hand" else 2
        found[own.split(".")[part]] = path.split(".")[part]
    return tuple(found.get(name) for name in recognition.outputs)


def _renamed(recognition: Recognition, roles: Sequence[str]) -> Recognition:
    """The recognition with its outputs' roles changed, in the spec and in the modules' paths."""
    spec = recognition.spec
    if isinstance(spec, PalmDetectorSpec) or tuple(roles) == recognition.outputs:
        return recognition
    paths = {
        f"heads.{old}.layer": f"heads.{new}.layer"
        for old, new in zip(recognition.outputs, roles, strict=True)
    }
    outputs = tuple(
        replace(output, name=role) for output, role in zip(spec.outputs, roles, strict=True)
    )
    return replace(
        recognition,
        spec=replace(spec, outputs=outputs),
        modules={op: paths.get(path, path) for op, path in recognition.modules.items()},
        outputs=tuple(roles),
    )


# Generation and value range ---------------------------------------------------------------


def _generation(
    recognition: Recognition,
    release: Release | None,
    overrides: Overrides,
    known: Known | None,
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


def _value_range(
    graph: Graph,
    release: Release | None,
    overrides: Overrides,
    generation: Generation,
    known: Known | None,
    seen: Seen | None,
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


# Behaviour --------------------------------------------------------------------------------


def _watched(recognition: Recognition) -> Seen | None:
    """What the network does; None if it cannot be run."""
    import torch

    from blazepalm.converter.lowering import lower
    from blazepalm.converter.threads import one_torch_thread

    graph = recognition.normal
    try:
        module = lower(graph)
    except UnsupportedOperator:
        return None
    batch = graph.tensors[graph.inputs[0]].shape[0] if module.batch_fixed_by is not None else 1

    def run(image: NDArray[np.float32]) -> Outputs:
        images = torch.from_numpy(np.repeat(image, batch, axis=0))
        with torch.no_grad():
            return [value[:1].double().numpy().reshape(-1) for value in module(images)]

    with one_torch_thread(), np.errstate(all="ignore"):
        return watch(recognition, run)


def summary(spec: Spec) -> str:
    """How everything was found, in half a sentence."""
    by = spec.evidence
    low, high = spec.value_range
    kinds = dict.fromkeys(evidence for _, evidence in by.outputs)
    if len(kinds) == 1:
        roles = f"outputs named by {next(iter(kinds))}"
    else:
        roles = ", ".join(f"{role} by {evidence}" for role, evidence in by.outputs)
    return (
        f"{roles}; value range {low:g}..{high:g} by {by.value_range}; "
        f"generation {spec.generation} by {by.generation}"
    )


def _tell(seen: Seen, warn: Notice) -> None:
    if not seen.sees:
        warn("it does not find the rendered hands, whatever its outputs and range are taken for")
    if seen.mirrored:
        warn("its handedness is high for left hands, the reverse of every known release")
