"""Reports, a phone's results, golden manifests, recordings, journals."""

import json
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from blazepalm.errors import BlazePalmError
from fuzz.mutations import damage_bytes, damage_json, json_bytes
from fuzz.outcomes import UNJUDGED, Escaped
from fuzz.reader import reader


def _reports(folder: Path) -> list[Any]:
    from support.report_samples import failing, passing

    return [_short(passing()), _short(failing())]


def _short(report: Any, most: int = 8) -> Any:
    """The report with at most so many rows, and 2 entries in other lists of objects; the cases'
    values and the worst row keep to the rows.
    """
    rows = len(report["rows"])

    def cut(values: Any) -> Any:
        if isinstance(values, dict):
            return {key: cut(value) for key, value in values.items()}
        if isinstance(values, list):
            objects = values and isinstance(values[0], dict)
            kept = most if len(values) == rows else 2 if objects else len(values)
            return [cut(value) for value in values[:kept]]
        return values

    found = cut(report)
    found["tightest"]["row"] = 0
    return found


@reader("reports", _reports)
def reports(random: Random, corpus: list[Any], folder: Path) -> None:
    import io

    from rich.console import Console

    from blazepalm.reports.judge.policy import Limits
    from blazepalm.reports.render.html import render_html
    from blazepalm.reports.render.junit import junit
    from blazepalm.reports.render.markdown import markdown
    from blazepalm.reports.render.model_explorer import dumps, node_data
    from blazepalm.reports.render.terminal import print_report
    from blazepalm.reports.stored.diff import diff
    from blazepalm.reports.stored.read import read_report
    from blazepalm.reports.stored.recheck import recheck

    path = folder / "parity.json"
    path.write_bytes(json_bytes(random, random.choice(corpus)))
    report = read_report(path)
    kind = random.randrange(6)
    if kind == 0:
        render_html(report, folder).encode("utf-8", "backslashreplace")
    elif kind == 1:
        junit(report).encode("utf-8", "backslashreplace")
    elif kind == 2:
        markdown(report).encode("utf-8", "backslashreplace")
    elif kind == 3:
        print_report(report, Console(file=io.StringIO(), width=random.choice((40, 80, 160))))
    elif kind == 4:
        recheck(report, Limits())
    else:
        diff(report, report)
        [dumps(data) for data in node_data(report).values()]


def _device(folder: Path) -> Any:
    from support.device_results import write

    return write(folder)


@reader("results", _device)
def results(random: Random, corpus: Any, folder: Path) -> None:
    from blazepalm.reports.device.expected import read_expected
    from blazepalm.reports.device.ingest import ingest, recount
    from blazepalm.reports.fixtures.manifest import read_fixtures

    fixtures = corpus.fixtures / "manifest.json"
    sound = fixtures.read_bytes()
    try:
        if random.random() < 0.3:
            fixtures.write_bytes(json_bytes(random, json.loads(sound)))
            read_expected(corpus.fixtures)
        else:
            path = corpus.folder / "mutant.json"
            path.write_bytes(json_bytes(random, corpus.values))
            found = ingest(path, read_fixtures(corpus.fixtures))
            list(recount(found))
    finally:
        fixtures.write_bytes(sound)


def _golden(folder: Path) -> Path:
    from support.small_golden import small_golden

    folder.mkdir()
    values = json.loads(small_golden(folder).to_bytes())
    for hand in (hand for case in values["cases"] for hand in case["hands"]):
        hand["joints_3d"] = [[0.0, 0.0, 0.1]] * 21
    (folder / "manifest.json").write_text(json.dumps(values))
    return folder


@reader("manifests", _golden)
def manifests(random: Random, corpus: Path, folder: Path) -> None:
    from blazepalm.golden.manifest import load_golden

    place = folder / "golden"
    place.mkdir(exist_ok=True)
    values = json.loads((corpus / "manifest.json").read_text("utf-8"))
    (place / "manifest.json").write_bytes(json_bytes(random, values))
    found = load_golden(place)
    found.to_bytes()
    _ = found.sha256
    for case in found.cases:
        with suppress(BlazePalmError):
            found.image(case)


def _recording(folder: Path) -> Any:
    hand = {
        "box": [0.25, 0.25, 0.5, 0.5], "keypoints": [[0.25, 0.5]] * 7, "score": 0.9,
        "landmarks": [[0.5, 0.5, 0.0]] * 21, "presence": 0.99, "handedness": 0.25,
        "world_landmarks": [[0.01, 0.02, 0.03]] * 21,
    }  # fmt: skip
    name = {"name": "palm-lite", "sha256": "ab" * 32, "network_sha256": "cd" * 32}
    return {
        "format": "blazepalm-recording", "version": 1,
        "detector": name, "landmarks": name, "backend": "tflite",
        "cases": [{"name": "own-two", "pixels": "ef" * 32, "hands": [hand, hand]}],
    }  # fmt: skip


@reader("recordings", _recording)
def recordings(random: Random, corpus: Any, folder: Path) -> None:
    from blazepalm.reports.recording.recorded_file import load_recording

    (folder / "recorded.json").write_bytes(json_bytes(random, corpus))
    found = load_recording(folder)
    if found is not None:
        found.to_bytes()


@reader("journals", lambda folder: None)
def journals(random: Random, corpus: Any, folder: Path) -> None:
    """Records whose checksum is right and whose content is not, and damaged ones."""
    import hashlib
    import zlib

    from msgspec import msgpack, to_builtins

    from blazepalm.reports.cases.inputs import noise_cases
    from blazepalm.reports.compare.record import Record
    from blazepalm.reports.compare.rows import Key
    from blazepalm.reports.compare.tensors import TensorDifference, TensorRange
    from blazepalm.reports.engine.journal import Journal
    from blazepalm.reports.judge.policy import LIMITS
    from blazepalm.reports.judge.totals import Totals

    case = next(noise_cases(1, 0))
    key = Key("model", "raw outputs", "isolated", "boxes", "torch", "oracle")
    record = Record(
        case.name, case.sha256, case.kind, 0, 0,
        entries=[(key, case.name, TensorDifference(3, max_abs=0.5, worst=((0, 1), 1.0, 1.5)))],
        ranges=[("model", "raw outputs", "torch", "boxes",
                 TensorRange((1, 2), -1.0, 1.0, 0, False, "ab"))],
        inputs={"model": ["ff"]}, seconds={"model": {"torch": 0.25}},
    )  # fmt: skip
    journal = Journal(folder / ".blazepalm-journal", {"x": 1})
    values = msgpack.decode(msgpack.encode(record))
    try:
        content = msgpack.encode(damage_json(random, values))
    except (ValueError, OverflowError) as error:
        raise Escaped(UNJUDGED, "cannot be written") from error
    packed = zlib.compress(content, 1)
    packed = hashlib.sha256(packed).digest() + packed
    if random.random() < 0.3:
        packed = damage_bytes(random, packed)
    (journal.folder / "0000000-0.msgpack.z").write_bytes(packed)
    found = journal.read(0, 0, case)
    if found is not None:
        totals = Totals(LIMITS)
        totals.add([found])
        assert to_builtins(found)
