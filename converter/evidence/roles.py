"""Each output's role, from what the user states and all evidence.

Weights and behaviour show what the network really does, so they overrule names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from blazepalm.converter.architecture import Recognition
from blazepalm.converter.evidence.kinds import (
    ASSUMED,
    BEHAVIOUR,
    NAMES,
    OPTION,
    POINTS,
    RELEASE,
    SCORES,
    SHAPE,
    WEIGHTS,
    Notice,
)
from blazepalm.converter.evidence.names import Guess
from blazepalm.converter.evidence.overrides import Overrides
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import InvalidInput
from blazepalm.models.release_registry import Release
from blazepalm.models.spec import PalmDetectorSpec

if TYPE_CHECKING:
    from blazepalm.converter.evidence.known_weights import Known

ORDER = (OPTION, NAMES, SHAPE, WEIGHTS, BEHAVIOUR)  # as reports list them
STRENGTH = (WEIGHTS, BEHAVIOUR, NAMES)  # the first decides where they contradict each other

Source = tuple[str, Guess]  # kind of evidence, each output's role


def stated_roles(graph: Graph, recognition: Recognition, overrides: Overrides) -> dict[int, str]:
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


def are_possible(guess: Guess, recognition: Recognition) -> bool:
    """Whether the outputs' shapes allow all these roles."""
    allowed = zip(guess, _possible(recognition), strict=True)
    return all(role is None or role in roles for role, roles in allowed)


def settle_roles(
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
        if asked is None and any(i in stated for i in members):
            raise InvalidInput(
                f"{graph.source}: has {len(members)} outputs of that kind, so they are "
                f"{' and '.join(group[: len(members)])}; --outputs says otherwise"
            )
        if release is not None:
            options = [(RELEASE, {i: placed[i] for i in members})]
        if asked is not None:
            options.insert(0, (OPTION, asked))
            decisive = asked
        elif release is not None:
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
        others = [found for _, found in options if found != decisive]
        for number, found in enumerate(others):
            if found not in others[:number]:
                warn(
                    f"by {_joined(options, found)} its outputs are {_listed(graph, found)}, but by "
                    f"{_joined(options, decisive)}, which decides, {_listed(graph, decisive)}"
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


def roles_by_weights(recognition: Recognition, known: "Known") -> Guess:
    """Each output's role in the release that has its head."""
    found: dict[str, str] = {}
    for own, path in known.roles.items():  # heads.landmarks.layer, heads.stride8.boxes
        part = 1 if recognition.family == "hand" else 2
        found[own.split(".")[part]] = path.split(".")[part]
    return tuple(found.get(name) for name in recognition.outputs)


def renamed(recognition: Recognition, roles: Sequence[str]) -> Recognition:
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
