"""What the user states about models: the roles of outputs, generations, value ranges.

One set of statements may serve several models (a bundle, a detector and a landmark model). A role
and a generation belong to one family, so each model takes those of its own.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from blazepalm.errors import InvalidInput, UnknownRelease
from blazepalm.models.generation import Generation
from blazepalm.models.release_registry import load_registry
from blazepalm.models.releases import find_generation

ROLES: Mapping[str, tuple[str, ...]] = {
    "palm": ("boxes", "scores"),
    "hand": ("landmarks", "presence", "handedness", "world_landmarks"),
}
EVERY_FAMILY = ""
T = TypeVar("T")


@dataclass(frozen=True)
class Overrides:
    """`outputs`: role → an output's name or its position (from 0), as text. `generations`: at most
    one of each family. `value_ranges`: family → (low, high); `EVERY_FAMILY` for any model.
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    generations: tuple[str, ...] = ()
    value_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        roles = [role for family in ROLES.values() for role in family]
        for role in self.outputs:
            if role not in roles:
                raise InvalidInput(f"unknown output {role!r}; choose from {', '.join(roles)}")
        known = load_registry().generations
        for name in self.generations:
            if name not in known:
                raise UnknownRelease(f"unknown generation {name!r}; choose from {', '.join(known)}")
        families = [known[name].family for name in self.generations]
        for family in families:
            if families.count(family) > 1:
                raise InvalidInput(f"two generations for {family} models; give one")
        for family, (low, high) in self.value_ranges.items():
            if family not in (EVERY_FAMILY, *ROLES):
                raise InvalidInput(f"unknown family {family!r}; choose from {', '.join(ROLES)}")
            if not -math.inf < low < high < math.inf:
                raise InvalidInput(f"value range {low:g},{high:g}: the first must be the smaller")

    @classmethod
    def from_text(
        cls,
        outputs: Iterable[str] = (),
        generations: Iterable[str] = (),
        value_ranges: Iterable[str] = (),
    ) -> "Overrides":
        """From the command line: `landmarks=Identity_2,presence=1`, names of generations, and
        `0,1` or `palm=-1,1`. Raises InvalidInput or UnknownRelease.
        """
        return cls(
            outputs=_once("outputs", chain.from_iterable(map(_outputs, outputs))),
            generations=tuple(generations),
            value_ranges=_once("value range", map(_value_range, value_ranges)),
        )

    def outputs_of(self, family: str) -> dict[str, str]:
        """The stated outputs of one family's models."""
        return {role: at for role, at in self.outputs.items() if role in ROLES.get(family, ())}

    def generation_of(self, family: str) -> Generation | None:
        """The generation stated for one family's models."""
        for name in self.generations:
            if load_registry().generations[name].family == family:
                return find_generation(name, family)
        return None

    def value_range_of(self, family: str) -> tuple[float, float] | None:
        """The value range stated for one family's models."""
        return self.value_ranges.get(family, self.value_ranges.get(EVERY_FAMILY))

    def concern(self, family: str) -> bool:
        """Whether anything is stated about models of this family."""
        return bool(
            self.outputs_of(family) or self.generation_of(family) or self.value_range_of(family)
        )

    def check_used(self, families: Iterable[str | None]) -> None:
        """Raises InvalidInput or UnknownRelease if a statement fits no model of these families."""
        found = {family for family in families if family is not None}
        kinds = " or ".join(sorted(found)) or "known"
        for role in self.outputs:
            if not any(role in ROLES.get(family, ()) for family in found):
                raise InvalidInput(f"output {role}: no {kinds} model has it")
        for name in self.generations:
            if load_registry().generations[name].family in found:
                continue
            if len(found) == 1:
                find_generation(name, *found)  # says which there are
            raise UnknownRelease(f"generation {name} is not one of {kinds} models")
        for family in self.value_ranges:
            if family not in (EVERY_FAMILY, *found):
                raise InvalidInput(f"value range of {family} models: there is none")


NO_OVERRIDES = Overrides()


def _once(what: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidInput(f"{what}{f' of {key}' if key else ''} is given twice; give it once")
        found[key] = value
    return found


def _outputs(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        role, equals, at = (word.strip() for word in part.partition("="))
        if not equals or not at:
            raise InvalidInput(
                f"outputs {text!r}: expected ROLE=NAME or ROLE=POSITION, commas between several"
            )
        yield role, at


def _value_range(text: str) -> tuple[str, tuple[float, float]]:
    family, equals, numbers = text.rpartition("=")
    try:
        low, high = (float(number) for number in numbers.split(","))
    except ValueError:
        raise InvalidInput(
            f"value range {text!r}: expected LOW,HIGH (0,1) or FAMILY=LOW,HIGH (palm=-1,1)"
        ) from None
    return family.strip() if equals else EVERY_FAMILY, (low, high)
