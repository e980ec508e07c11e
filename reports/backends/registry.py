"""Lists every backend. To add one, add a file and a line here, or in another distribution an
entry point in the group `blazepalm.backends` (CONTRIBUTING.md, "Add a backend").

Each line names a `Registration`, or a tuple of them, as `module:attribute`. They are compared in
this order, followed by those of other distributions.
"""

from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from blazepalm.errors import CouldNotVerify, InvalidInput
from blazepalm.reports.backends.backend import Registration
from blazepalm.reports.backends.names import INSTALLED, PIPELINE

GROUP = "blazepalm.backends"
BUILT_IN = (
    "litert:BACKENDS",
    "integer.network:BACKEND",
    "torch_generic:BACKENDS",
    "torch_readable:BACKEND",
    "tensorflow_lite:BACKEND",
    "mil_package:RAW_BACKENDS",
    "apple:BACKENDS",
    "mil_package:APP_BACKEND",
    "executorch:BACKEND",
    "coreai:BACKENDS",
)


@cache
def registered() -> dict[str, Registration]:
    """The backends by name. Raises CouldNotVerify if one cannot be loaded."""
    found: dict[str, Registration] = {}
    for registration in (each for point in points() for each in registrations(point)):
        if registration.name in found:
            raise CouldNotVerify(f"two backends are called {registration.name!r}; remove one")
        found[registration.name] = registration
    return found


def registration_of(name: str) -> Registration:
    """The registration of a backend that ran here."""
    return registered()[name]


def runs_pipeline(name: str) -> bool:
    """Whether a backend can drive the hand pipeline, which needs the file's own outputs."""
    if name in PIPELINE:
        return True
    found = registered().get(name)
    return found is not None and (found.package is None or found.package.face == "raw")


def spared_backends() -> frozenset[str]:
    """The backends that do not run on every picture by default."""
    return frozenset(r.name for r in registered().values() if not r.every_picture)


def rare_backends() -> frozenset[str]:
    """Those of them that run on fewer pictures still."""
    return frozenset(r.name for r in registered().values() if r.rare)


def asked_for(names: Collection[str]) -> tuple[str, ...]:
    """The same names, each once, with `installed` replaced by every other runtime that is installed
    here (and where Core AI is not, by blazepalm's executor with its sums).

    Raises InvalidInput for a name of no backend that has to be asked for, CouldNotVerify for one
    that cannot run on this machine.
    """
    if not names:
        return ()
    known = _to_ask_for()
    found = []
    for name in names:
        if name == INSTALLED:
            found += _installed()
        elif name not in known:
            choices = ", ".join((INSTALLED, *known))
            raise InvalidInput(f"no backend {name!r} to ask for; choose from {choices}")
        elif (reason := known[name].available()) is not None:
            raise CouldNotVerify(reason)
        else:
            found.append(name)
    return tuple(dict.fromkeys(found))


def not_installed() -> list[str]:
    """For each runtime that `installed` leaves out on this machine, why."""
    known = _to_ask_for().values()
    wanted = [r for r in known if r.stands_in_for is None and not r.by_name]
    reasons = (registration.available() for registration in wanted)
    return list(dict.fromkeys(reason for reason in reasons if reason is not None))


def _installed() -> list[str]:
    known = _to_ask_for()
    runs = {name: r for name, r in known.items() if r.available() is None and not r.by_name}
    return [name for name, r in runs.items() if r.stands_in_for not in runs]


def _to_ask_for() -> dict[str, Registration]:
    return {r.name: r for r in registered().values() if r.asked_for}


def points() -> tuple[EntryPoint, ...]:
    """Where the backends are: the lines above, then the entry points of other distributions."""
    own = [EntryPoint(line, f"blazepalm.reports.backends.{line}", GROUP) for line in BUILT_IN]
    others = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return (*own, *others)


def registrations(point: EntryPoint) -> tuple[Registration, ...]:
    """What one of `points` registers. Raises CouldNotVerify if it cannot be loaded."""
    try:
        loaded = point.load()
    except Exception as error:  # whatever a stranger's module raises
        raise CouldNotVerify(
            f"backend {point.name} ({point.value}) cannot be loaded: {error}; "
            "repair or uninstall the distribution that it comes from"
        ) from error
    found = loaded if isinstance(loaded, tuple) else (loaded,)
    for registration in found:
        if not isinstance(registration, Registration):
            raise CouldNotVerify(
                f"backend {point.name} ({point.value}) is {type(registration).__name__}, "
                "expected Registration"
            )
    return found
