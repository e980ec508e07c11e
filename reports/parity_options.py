"""The settings of a parity run, checked, and the inputs that they ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.errors import InvalidInput, unknown_name
from blazepalm.reports.backends.registry import asked_for, rare_backends, spared_backends
from blazepalm.reports.cases.inputs import (
    Case,
    distinct_cases,
    golden_cases,
    noise_cases,
    own_cases,
    photo_cases,
    sparing,
)
from blazepalm.reports.engine.engine import ENGINES, THREADS
from blazepalm.reports.judge import policy
from blazepalm.reports.judge.policy import LIMITS, Limits

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet
    from blazepalm.golden.photos import LocalPhoto

COUNTS = (  # fields of Options: name, minimum, whether None is allowed
    ("noise", 0, True),
    ("workers", 1, True),
    ("seed", 0, False),
    ("reference_every", 1, False),
)


def check_count(name: str, value: object, low: int, optional: bool) -> None:
    """Raises ValueError unless `value` is a whole number, or None if that is `optional`."""
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        least = f"a whole number of at least {low}{', or None' if optional else ''}"
        raise ValueError(f"{name} is {value!r:.80}, expected {least}")


@dataclass(frozen=True)
class Options:
    """Settings of a parity run. `golden`: a golden set, or None; `photos`: photographs, as
    `golden.photos.local_photos()` finds them; `images`: your own pictures or videos (or one);
    `noise`: the number of seeded inputs besides. `workers` cases run at once, default one per
    processor; every backend computes a case with one thread, so the numbers do not depend on it.
    `engine`: `threads`, `processes` or `ray` (at `address`). `folder`: for raw outputs, packages
    and the journal of an interrupted run; None keeps nothing. `coreml`: whether to export and
    execute packages, `compress`: how to compress the float16 ones; `layers`: whether to compare
    every layer, on the first image; `self_test`: whether to plant faults in every model.
    `reference_every`: LiteRT's reference kernels and the generic module run on every n-th picture,
    1 for all. `overrides` state what the sources' files do not. `backends`: names of backends that
    run only if asked for (`executorch`; `installed`: all that are). `candidates`: paths of other
    people's conversions of the only source, compared with it in place of ours. `cache`: whether
    what was computed on the same inputs by an earlier run is taken from the user's cache folder.
    """

    golden: "GoldenSet | None" = None
    photos: "tuple[LocalPhoto, ...]" = ()
    images: tuple[str, ...] = ()
    noise: int | None = None
    seed: int = policy.SEED
    workers: int | None = None
    engine: str = THREADS
    address: str | None = None
    folder: Path | None = None
    raw: bool = True
    coreml: bool = True
    compress: str | None = None
    layers: bool = False
    self_test: bool = False
    reference_every: int = policy.REFERENCE_EVERY
    overrides: Overrides = NO_OVERRIDES
    backends: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    cache: bool = False
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        for name in ("images", "candidates"):
            given = getattr(self, name)
            paths = (given,) if isinstance(given, str | Path) else given
            object.__setattr__(self, name, tuple(str(path) for path in paths))
        object.__setattr__(self, "backends", asked_for(self.backends))
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder))
        if self.engine not in ENGINES:
            raise InvalidInput(unknown_name("engine", self.engine, ENGINES))
        for name, low, optional in COUNTS:
            check_count(name, getattr(self, name), low, optional)
        if self.candidates:
            self._check_candidates()
        if not isinstance(self.limits, Limits):
            raise TypeError(f"limits are {type(self.limits).__name__}, expected Limits")

    def _check_candidates(self) -> None:
        """Only outputs are compared: the layers of a stranger's model are unknown."""
        ours = {
            "layers": self.layers,
            "self_test": self.self_test,
            "compress": self.compress is not None,
            "backends": bool(self.backends),
        }
        if wrong := [name for name, asked in ours.items() if asked]:
            raise InvalidInput(
                f"{', '.join(wrong)}: concerns our own conversions; leave it out with candidates"
            )
        if len(set(self.candidates)) < len(self.candidates):
            raise InvalidInput("a candidate is named twice; name each once")
        object.__setattr__(self, "coreml", False)

    @property
    def has_images(self) -> bool:
        return self.golden is not None or bool(self.photos) or bool(self.images)

    @property
    def noise_inputs(self) -> int:
        if self.noise is not None:
            return self.noise
        return policy.NOISE_INPUTS if self.has_images else policy.INPUTS


def input_cases(options: Options) -> Iterator[Case]:
    """All inputs: golden images, photographs, the user's own images, noise."""
    golden = golden_cases(options.golden) if options.golden is not None else iter(())
    photos = photo_cases(options.photos)
    own = own_cases(options.images) if options.images else iter(())
    noisy = noise_cases(options.noise_inputs, options.seed)
    cases = distinct_cases(chain(golden, photos, own, noisy))
    every = options.reference_every
    rarely = policy.RARELY if every > 1 else 1
    return sparing(cases, spared_backends(), every, rare_backends(), rarely)
