"""The models of a parity run: reads and converts its sources, and drops those that cannot run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from blazepalm.converter.evidence import NO_OVERRIDES
from blazepalm.converter.folder import is_converted, original
from blazepalm.errors import BlazePalmError, CouldNotVerify, InvalidInput
from blazepalm.file_names import file_name
from blazepalm.reports.backends.lowering_ahead import lowering_ahead
from blazepalm.reports.backends.names import EXECUTORCH
from blazepalm.reports.cases.inputs import noise
from blazepalm.reports.engine.engine import THREADS
from blazepalm.reports.engine.groups import Opened
from blazepalm.reports.engine.plan import Source, open_source, processors
from blazepalm.reports.judge import policy
from blazepalm.reports.parity_options import Options
from blazepalm.reports.subjects.subject import Subject

OnStep = Callable[[str, int, int | None], None]  # (step, done, total); total None: unknown


def open_models(
    sources: Sequence[str | Path],
    packages: Path | None,
    options: Options,
    images: bool,
    failed: Callable[[str, BlazePalmError], None],
    notice: Callable[[str], None],
    on_step: OnStep,
) -> Opened:
    """Every model of every source. Refuses two with one name, since a report lists it once."""
    copies = (options.workers or processors()) if options.engine == THREADS else 1
    opened: dict[str, tuple[Source, Subject]] = {}
    contents: Iterable[tuple[str, bytes, Path | None]] = _contents(sources, failed, notice)
    later: list[tuple[str, bytes]] = []
    if options.candidates:
        contents = list(contents)
        if len(contents) > 1:
            listed = ", ".join(name for name, _, _ in contents)
            raise InvalidInput(f"candidates are compared with one model; name one of {listed}")
    elif EXECUTORCH in options.backends and options.overrides == NO_OVERRIDES:
        contents = list(contents)
        later = [(name, content) for name, content, folder in contents[1:] if folder is None]
    with lowering_ahead(later, max(1, processors() - 1)) as ahead:
        for name, content, folder in contents:
            on_step(f"converting {Path(name).name}", 0, None)
            source = Source(
                name,
                content,
                overrides=options.overrides,
                folder=folder,
                candidates=options.candidates,
            )
            try:
                subject = open_source(
                    source,
                    workers=copies,
                    packages=packages,
                    compress=options.compress,
                    images=images,
                    asked_for=options.backends,
                    before_lowering=ahead,
                    cache=options.cache,
                )
                place = file_name(subject.name).casefold()
                twice = place in opened and folder is None and opened[place][0].folder is None
                if twice and is_same_network(subject, opened[place][1]):
                    notice(f"{name}: same network as {subject.name}, compared only once")
                    continue
                if place in opened:
                    raise CouldNotVerify(
                        f"{name}: another model is already called {subject.name}; rename the file"
                    )
            except BlazePalmError as error:
                failed(
                    next((path for path in options.candidates if path in str(error)), name), error
                )
                continue
            opened[place] = (source, subject)
    if opened:
        options.overrides.check_used([subject.family for _, subject in opened.values()])
    return list(opened.values())


def without_broken(
    opened: Opened, error: BlazePalmError, failed: Callable[[str, BlazePalmError], None]
) -> Opened:
    """The models that run on noise, after comparing all of them raised `error`: those that do not
    are reported, so that they take no other's results along. Raises `error` if all run.
    """
    running = []
    for source, subject in opened:
        inputs = noise(subject.input_shape, subject.value_range, policy.SEED, 0)
        try:
            for name in subject.names:
                subject.runner(name)(inputs)
        except BlazePalmError as broken:
            failed(source.name, broken)
            continue
        running.append((source, subject))
    if len(running) == len(opened):
        raise error
    return running


def is_same_network(one: Subject, other: Subject) -> bool:
    """Whether two models compute the same network, even if their files differ."""
    from blazepalm.converter.known import network_of

    networks = {network_of(subject.converted.graph) for subject in (one, other)}
    return len(networks) == 1 and None not in networks


def _contents(
    sources: Sequence[str | Path],
    failed: Callable[[str, BlazePalmError], None],
    notice: Callable[[str], None],
) -> Iterator[tuple[str, bytes, Path | None]]:
    """(name, bytes, converted folder) of every model."""
    from blazepalm.converter.tflite.bundle import left_out, open_contents
    from blazepalm.models.releases import resolve

    for source in sources:
        try:
            if is_converted(source):
                found = original(Path(source))
                yield found.source, found.content, Path(source)
                continue
            contents = open_contents(resolve(str(source)))
        except BlazePalmError as error:
            failed(str(source), error)
            continue
        if note := left_out(contents):
            notice(note)
        for member, failure in contents.failures:
            failed(member, failure)
        yield from ((*model, None) for model in contents.models)
