"""Renders the report as JUnit XML, for the test pages of CI: a test case is image × stage × pair.

There is one suite per model. Each stage and pair has one case for all inputs, with the verdict's
reasons, and one for each image listed in the report. An image fails only if its row fails too (a
mean over all images may pass though one image exceeds it), so the file fails exactly when the
report does. A suite's properties say how many outputs have LiteRT's own bits. Times: a model's
verdict has the seconds that its backends took, added up over threads, and the file the whole run's.
Elements and attributes are those of the schema that Jenkins and pytest use, `junit-10` of
https://github.com/jenkinsci/xunit-plugin.
"""

from collections.abc import Iterable, Iterator, Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from blazepalm.reports.compare.rows import FAIL, PASS, Row
from blazepalm.reports.judge.report import (
    TRUTH_UNCHECKED,
    CaseResult,
    ModelParity,
    ParityReport,
)
from blazepalm.reports.judge.report_parts import SelfTestResult
from blazepalm.reports.judge.task_limits import exceeds_limit, most_or_least
from blazepalm.reports.render.first_words import unknown_files, warnings, worst
from blazepalm.text import figure, printable

ALL = "all inputs"

# model, stage, mode, backend, reference: the rows of one test case, by index in the report
Group = tuple[str, str, str, str, str]


def junit(report: ParityReport) -> str:
    """Renders a report as XML text."""
    xml = JUnitXml("blazepalm parity")
    taken = {each.model: sum(each.seconds.values()) for each in report.timing.models}
    unknown, found = unknown_files(report), worst(report)
    for model in report.models:
        cases = list(_model_cases(model, report.rows, report.cases))
        if model.name in unknown:
            cases.insert(1, _case(model.name, "known release", [], skipped=unknown[model.name]))
        cases[0].time = round(taken.get(model.name, 0.0), 3)
        properties = [
            (f"LiteRT's bits, {backend.name}", "{} of {}".format(*backend.litert_bits))
            for backend in model.backends
            if backend.litert_bits is not None
        ]
        own = (line for line in warnings(report) if line.startswith(printable(model.name)))
        properties += [("note", line) for line in own]
        if found is not None and report.rows[found.row].model == model.name:
            properties.append(("worst", found.sentence))
        suite = _suite(model.name, cases, properties)
        if report.timing.started:
            suite.timestamp = report.timing.started
        xml.add_testsuite(suite)
    if report.self_test is not None:
        xml.add_testsuite(_suite("self-test", _self_test_cases(report.self_test)))
    sources = list(_source_cases(report))
    if sources:
        xml.add_testsuite(_suite("sources", sources))
    xml.update_statistics()  # type: ignore[no-untyped-call]
    xml._elem.attrib.pop("skipped", None)  # only a suite may have it
    xml.time = round(report.timing.seconds, 3)
    text: str = xml.tostring().decode("utf-8")  # type: ignore[no-untyped-call]
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(
    name: str, cases: Iterable[TestCase], properties: Iterable[tuple[str, str]] = ()
) -> TestSuite:
    """The properties come first, where every schema allows them."""
    suite = TestSuite(_text(name))
    for key, value in properties:
        suite.add_property(_text(key), _text(value))
    suite.add_testcases(list(cases))
    return suite


def _model_cases(
    model: ModelParity, rows: Sequence[Row], cases: Sequence[CaseResult]
) -> Iterator[TestCase]:
    name = model.name
    reasons = [
        f"{backend.name}: {reason}"
        for backend in model.backends
        if backend.status == FAIL
        for reason in backend.reasons or ("fails",)
    ]
    if model.useless:
        reasons.insert(0, "equal, and useless: the file fails against the rendered truth")
    yield _case(name, "verdict", [] if model.passed else reasons or ["the model fails"])
    if TRUTH_UNCHECKED in model.notes:
        yield _case(name, "rendered truth", [], skipped=TRUTH_UNCHECKED)
    groups: dict[Group, list[int]] = {}
    for index, row in enumerate(rows):
        if row.model == name and row.judged:
            group = (name, row.stage, row.mode, row.backend, row.reference)
            groups.setdefault(group, []).append(index)
    for (_, stage, mode, backend, reference), members in groups.items():
        place = f"{name}.{stage}.{mode}"
        pair = f"{backend} against {reference}"
        yield _over_all(place, f"{ALL}: {pair}", [rows[i] for i in members])
        for case in cases:
            measured = [(rows[i], value) for i in members if (value := case.values[i]) is not None]
            if measured:
                failed = [
                    _sentence(row, value)
                    for row, value in measured
                    if row.status == FAIL and exceeds_limit(row, value)
                ]
                yield _case(place, f"{case.name}: {pair}", failed)


def _over_all(place: str, name: str, rows: Sequence[Row]) -> TestCase:
    failed = [
        f"{row.field}, {row.metric}: {reason}"
        for row in rows
        if row.status == FAIL
        for reason in row.reasons or ("fails",)
    ]
    if failed or any(row.status == PASS for row in rows):
        return _case(place, name, failed)
    reasons = [reason for row in rows for reason in row.reasons] or [rows[0].status]
    return _case(place, name, [], skipped="; ".join(dict.fromkeys(reasons)))


def _sentence(row: Row, value: float) -> str:
    return (
        f"{row.field}, {row.metric}: {figure(value, row.unit)}; "
        f"at {most_or_least(row)} {figure(row.limit, row.unit)} passes"
    )


def _self_test_cases(test: SelfTestResult) -> Iterator[TestCase]:
    for fault in test.faults:
        missed = [] if fault.caught else [fault.message or "the fault was not caught"]
        yield _case(f"self-test.{fault.release}", fault.fault, missed)
    summary = (
        f"{test.caught} of {test.planted} caught, {test.located} located, "
        f"{test.false_alarms} false alarms"
    )
    yield _case("self-test", "verdict", [] if test.passed else [summary])


def _source_cases(report: ParityReport) -> Iterator[TestCase]:
    for failure in report.failures:
        case = _case("sources", failure.source, [])
        case.result = [Error(_text(failure.message), f"exit code {failure.exit_code}")]
        yield case
    if not report.models and not report.failures:
        yield _case("sources", "verdict", ["nothing was compared"])


def _case(place: str, name: str, failed: Sequence[str], *, skipped: str = "") -> TestCase:
    case = TestCase(_text(name), classname=_text(place))
    if failed:
        failure = Failure(_text(failed[0]), "parity")
        failure.text = _text("\n".join(failed))
        case.result = [failure]
    elif skipped:
        case.result = [Skipped(_text(skipped))]
    return case


def _text(text: str) -> str:
    return printable(text, keep="\n")
