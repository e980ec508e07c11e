"""`blazepalm.fast`: the quickest form of a readable module on this machine, chosen by measurement.

Each form (`make`) is compared with the module in float64 first (`measure`); one beyond ten floors
is refused. The choice is kept in the user's cache folder, for the same weights, versions,
processor, threads and batch.
"""

import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from blazepalm.cache_file import versions
from blazepalm.converter import program_cache
from blazepalm.errors import BlazePalmError, CouldNotVerify, unknown_name
from blazepalm.processor import processor_name
from blazepalm.reports.forms.compiled.build import SOURCES, compiler_version
from blazepalm.reports.forms.make import DISTRIBUTIONS, FORMS, PLAIN, Forward, make_form
from blazepalm.reports.forms.measure import Form, measure

if TYPE_CHECKING:
    from torch import nn

M = TypeVar("M", bound="nn.Module")
Notice = Callable[[str], None]


@dataclass(frozen=True)
class Choice:
    """What was chosen, and from what: `unavailable` says why a form was not measured."""

    chosen: str
    forms: tuple[Form, ...]
    unavailable: tuple[str, ...] = ()


def tell(line: str) -> None:
    print(line, file=sys.stderr)


def fast(
    module: M,
    form: str | None = None,
    notice: Notice = tell,
    *,
    batch: int = 1,
    remembered: bool = True,
) -> M:
    """A copy of a `PalmDetector` or `HandLandmarks` that computes by the quickest form: the same
    methods and outputs, no gradients. The plain form shares the module's weights; the others keep
    the present ones. `form` ("channels-last", "frozen", "compiled", "executorch", "openvino")
    leaves no choice. "compiled" needs a C++ compiler (c++, g++, clang++, or CXX's) and takes it
    some seconds the first time. `notice` takes each form's error and speed, and what was chosen.
    It is measured on `batch` images, with torch's threads as they are set, and remembered; without
    `remembered`, it is measured again.

    Raises TypeError for another module, ValueError for one that is not in float32 on the CPU, for
    an unknown form or a batch below 1, CouldNotVerify if `form` is not installed, has no compiler
    or is beyond the limit, or if the module's outputs are NaN or infinite.
    """
    check_module(module)
    if form is not None and form not in FORMS:
        raise ValueError(unknown_name("form", form, FORMS))
    if batch < 1:
        raise ValueError(f"batch is {batch}, expected 1 or more")
    name, forward = quickest(module, form, notice, batch, remembered)
    twin = copy.copy(module).eval()
    if name != PLAIN:
        twin.forward = forward
    return twin


def quickest(
    module: Any,
    form: str | None = None,
    notice: Notice = tell,
    batch: int = 1,
    remembered: bool = True,
) -> tuple[str, Forward]:
    """The name of the form that `fast` takes, and the form."""
    import torch

    if form is not None:
        forward = make_form(form, module, torch.get_num_threads())
        (measured,) = measure(module, {PLAIN: module, form: forward}, batch)[1:]
        notice(str(measured))
        if not measured.exact:
            raise CouldNotVerify(str(measured))
        return form, forward
    choice, forward, known = choose(module, batch, remembered)
    for line in (*choice.unavailable, *map(str, choice.forms)):
        notice(line)
    name = "the plain module" if choice.chosen == PLAIN else choice.chosen
    notice(f"chosen: {name}{', as measured before' if known else ''}")
    return choice.chosen, forward


def choose(
    module: Any, batch: int = 1, remembered: bool = True, callers: int = 1
) -> tuple[Choice, Forward, bool]:
    """The choice, the form chosen, and whether it was known before."""
    import torch

    threads = torch.get_num_threads()
    made: dict[str, Forward] = {}

    def again() -> Choice:
        forms, unavailable = all_forms(module, threads, callers)
        made.update(forms)
        measured = measure(module, forms, batch)
        best = max((each for each in measured if each.exact), key=lambda each: each.speed)
        return Choice(best.name, tuple(measured[1:]), tuple(unavailable))

    choice = known_choice(module, threads, batch, again) if remembered else again()
    if made:
        return choice, made[choice.chosen], False
    if choice.chosen == PLAIN:
        return choice, module, True
    try:
        return choice, make_form(choice.chosen, module, threads, callers), True
    except BlazePalmError:  # it was available then
        choice = again()
        return choice, made[choice.chosen], False


def known_choice(module: Any, threads: int, batch: int, make: Callable[[], Choice]) -> Choice:
    """The choice for this module on this machine from the cache, else as `make` returns it."""
    from blazepalm.converter.pte_cache import module_key
    from blazepalm.models.spec_json import spec_to_dict

    found = {"processor": processor_name(), "threads": threads, "batch": batch}
    machine = {**found, "compiler": compiler_version(), **versions(*DISTRIBUTIONS)}
    structure = {"spec": spec_to_dict(module.spec), "machine": machine}
    key = module_key(module, (), structure, ("torch",), "reports/forms", *SOURCES)
    content = program_cache.kept_program("fast", key, lambda: msgspec.json.encode(make()))
    return msgspec.json.decode(content, type=Choice)


def all_forms(module: Any, threads: int, callers: int = 1) -> tuple[dict[str, Forward], list[str]]:
    """The plain module and every form that this machine has; why it has not the others."""
    forms: dict[str, Forward] = {PLAIN: module}
    unavailable: list[str] = []
    for name in FORMS:
        try:
            forms[name] = make_form(name, module, threads, callers)
        except BlazePalmError as error:
            unavailable.append(f"{name}: {error}")
    return forms, unavailable


def check_module(module: object) -> None:
    """Raises as `fast` does."""
    import torch

    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

    if not isinstance(module, PalmDetector | HandLandmarks):
        kind = type(module).__name__
        raise TypeError(f"expected a PalmDetector or a HandLandmarks, got {kind}")
    parameter = next(module.parameters())
    if parameter.dtype != torch.float32 or parameter.device.type != "cpu":
        raise ValueError(
            f"the module is in {str(parameter.dtype).removeprefix('torch.')} on "
            f"{parameter.device}; fast takes float32 on the CPU"
        )
