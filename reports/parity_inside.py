"""Parity's optional checks on a few cases: comparing layer by layer (`--layers`) and planting
faults (`--self-test`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from blazepalm.converter.threads import use_one_torch_thread
from blazepalm.reports.cases.compare import Group
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.judge.report_parts import Layers, SelfTestResult

OnStep = Callable[[str, int, int | None], None]


def compare_inside(
    groups: Sequence[Group],
    contents: Mapping[str, bytes],
    cases: Iterator[Case],
    workers: int,
    on_step: OnStep,
    *,
    core_ai: bool = False,
) -> dict[str, Layers]:
    """Compares the layers of every judged model, on the first image that may hold a hand, else on
    noise, `workers` models at once. `contents`: each model's bytes by name; `core_ai`: also those
    of the packages that Core AI runs. Returns by name.
    """
    from blazepalm.reports.layers.compare import layer_input, layers_of
    from blazepalm.reports.layers.values import trace_subject

    case = next((case for case in cases if case.image is not None and case.truth != ()), None)
    pairs = [(group, subject) for group in groups for subject in group.subjects]
    found: dict[str, Layers] = {}
    on_step("comparing layers", 0, len(pairs))
    inputs = [layer_input(*pair, case, core_ai=core_ai) for pair in pairs]
    calls = [  # before any thread runs a module
        trace_subject(subject) if given.known is None else None
        for (_, subject), given in zip(pairs, inputs, strict=True)
    ]
    with ThreadPoolExecutor(workers, initializer=use_one_torch_thread) as pool:
        waiting = [
            pool.submit(layers_of, subject, traced, contents[subject.name], given, core_ai=core_ai)
            for (_, subject), traced, given in zip(pairs, calls, inputs, strict=True)
        ]
        try:
            for number, ((_, subject), layers) in enumerate(zip(pairs, waiting, strict=True), 1):
                found[subject.name] = layers.result()
                on_step("comparing layers", number, len(pairs))
        finally:  # after Ctrl-C, tasks that have not begun never do
            for layers in waiting:
                layers.cancel()
    return found


def plant_faults(
    groups: Sequence[Group],
    contents: Mapping[str, bytes],
    cases: Iterator[Case],
    on_step: OnStep,
) -> SelfTestResult:
    """The self-test's result, on the first images that may hold hands."""
    from blazepalm.reports.faults.check import IMAGES
    from blazepalm.reports.faults.self_test import self_test

    hands = (case for case in cases if case.image is not None and case.truth != ())
    return self_test(
        groups,
        contents,
        list(islice(hands, IMAGES)),
        on_fault=lambda name, done, total: on_step("planting faults", done, total),
    )
