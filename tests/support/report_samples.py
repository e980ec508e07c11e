"""Parity reports made up of whole cloth, for what is rendered from them: `passing`, `failing`,
`hostile`. Four releases, ten cases with pictures (hands of known joints, painted flat), two of
noise, hundreds of rows; every number comes from a seed.

To look at one in a browser:
    PYTHONPATH=tests python -m support.report_samples failing DIR      writes DIR/report.html
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import convert
from msgspec.structs import replace

from blazepalm.converter.tensor_map import TensorMapRow
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import Listed, ListedHand, ListedTruth
from blazepalm.reports.compare.meters import Difference, Range, Worst
from blazepalm.reports.compare.rows import Row
from blazepalm.reports.judge.judge import coverage, is_useless, judge_backend, litert_bits
from blazepalm.reports.judge.judge_rows import judge_row
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.judge.report import (
    BackendSummary,
    CaseResult,
    Failure,
    ModelParity,
    OutputFacts,
    ParityReport,
    concluded,
)
from blazepalm.reports.judge.report_parts import (
    Accuracy,
    Counts,
    Device,
    GoldenName,
    Layers,
    Machine,
    ModelSeconds,
    PhotoCredit,
    RunOptions,
    SelfTestResult,
    Timing,
)
from blazepalm.reports.judge.task_limits import LEAST
from blazepalm.reports.stored.case_values import HOW
from blazepalm.reports.stored.read import report_from
from blazepalm.reports.subjects.compression import Compression, LayerCost, Tried
from support.report_scenes import Scene, scenes, write_images

HOSTILE = "<script>alert(1)</script>\"'&`"
SCRIPT = "javascript:alert(1)"
RIGHT_TO_LEFT = "conv\u202e2d\x00\ud800"
PALMS, HANDS = ("palm-lite-2021-11", "palm-full-2023-09"), ("hand-lite-2022", "hand-full-2022")
OUTPUTS = {
    "palm": {"Identity": "boxes", "Identity_1": "scores"},
    "hand": {
        "Identity": "landmarks",
        "Identity_1": "presence",
        "Identity_2": "handedness",
        "Identity_3": "world_landmarks",
    },
}
FLOORS = {"boxes": 6e-5, "scores": 2e-5, "landmarks": 9e-5, "presence": 3e-7, "handedness": 4e-7}
# name → label, precision, judge, typical error in floors
BACKENDS = {
    "oracle": ("the generic torch lowering in float64", "float64", "reference", 0.0),
    "tflite": ("LiteRT, default kernels (XNNPACK)", "float32", "reference", 1.0),
    "tflite-ref": ("LiteRT, reference kernels", "float32", "reference", 0.8),
    "generic": ("the generic torch lowering", "float32", "none", 1.1),
    "torch": ("the readable torch module", "float32", "floor", 1.1),
    "coreml-mil": ("Core ML package, raw face, executed by blazepalm", "float32", "floor", 2.4),
    "coreml-mil-fp16": ("Core ML package, raw face, executed by blazepalm", "float16", "task", 3e3),
    "coreml-mil-app": ("Core ML package as shipped, executed by blazepalm", "float16", "task", 3e3),
}
# name, credit, licence, url, SHA-256, caution
PHOTOS = (
    ("park", "someone/photos", "CC-BY-4.0", "https://example.org/park.jpg", "a1" * 32, ""),
    ("desk", "else/pictures", "CC0", "https://example.org/desk.jpg", "b2" * 32, "a known person"),
)
RAW_PAIRS = (
    ("tflite", "oracle"),
    ("tflite-ref", "oracle"),
    ("generic", "oracle"),
    ("torch", "oracle"),
    ("torch", "tflite"),
    ("torch", "generic"),
    ("coreml-mil", "oracle"),
    ("coreml-mil", "tflite"),
    ("coreml-mil-fp16", "oracle"),
)
CANDIDATES = ("torch", "coreml-mil", "coreml-mil-fp16", "coreml-mil-app")
# stage, output, metric, unit, limit, typical value of float16; "least" where more is better
PALM_TASK = (
    (rows.SUPPRESSED, "detections", "unmatched", "detections", 0.0, 0.0),
    (rows.SUPPRESSED, "boxes", "IoU", "", LIMITS.iou, 0.9982),
    (rows.SUPPRESSED, "boxes", "centre error", "px", None, 0.02),
    (rows.REGION, "region", "position error", "image sides", None, 1e-4),
)
HAND_TASK = (
    (rows.LANDMARKS, "landmarks", "mean error", "px", LIMITS.landmarks_mean_px, 0.03),
    (rows.LANDMARKS, "landmarks", "largest error", "px", LIMITS.landmarks_max_px, 0.19),
    (rows.LANDMARKS, "presence", "difference", "", LIMITS.presence, 4e-4),
    (rows.LANDMARKS, "presence", "flips", "flips", 0.0, 0.0),
    (rows.LANDMARKS, "handedness", "difference", "", LIMITS.handedness, 1.2e-3),
    (rows.IMAGE, "hands", "unmatched", "hands", 0.0, 0.0),
    (rows.IMAGE, "landmarks", "mean error", "image px", None, 0.05),
)


def typed(values: dict[str, Any]) -> ParityReport:
    """The report that these values are, as it is read from a file."""
    return report_from(_without_lost_row(values), "a sample")


def write(values: Any, path: Path) -> Path:
    """Writes a report's values as parity does, whatever its names hold; creates the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(values, ensure_ascii=False).encode("utf-8", "backslashreplace"))
    return path


def _without_lost_row(values: Any) -> Any:
    """The same without `tightest`, if a test took its row away."""
    tightest = values.get("tightest") if isinstance(values, dict) else None
    if tightest and tightest["row"] >= len(values["rows"]):
        return {**values, "tightest": None}
    return values


def passing() -> dict[str, Any]:
    """Everything holds; there are layers, a self-test, accuracy and a phone's results."""
    return _report().to_dict()


def failing() -> dict[str, Any]:
    """hand-full's torch module is wrong from its 20th layer on, which the raw outputs, the
    landmarks and the images show; a case has a NaN, and a source could not be read.
    """

    def broken(row: Row) -> Row:
        if row.model != "hand-full-2022" or row.backend != "torch":
            return row
        if row.judge == rows.BY_FLOOR and row.floor and row.value and row.stage == rows.RAW:
            value = row.value * 31_000
            return _judged(
                replace(
                    row,
                    value=value,
                    multiple=value / row.floor,
                    difference=replace(_known(row), max_abs=value),
                )
            )
        if row.judge == rows.BY_BITS:
            return _judged(replace(row, value=61.0, difference=replace(_known(row), unequal=61)))
        if row.stage == rows.LANDMARKS and row.limit is not None and row.metric != "flips":
            return _judged(replace(row, value=row.limit * 7.5))
        return row

    found = _report(broken, off={"torch": 4.0})
    models = tuple(
        replace(m, passed=False, layers=_layers("hand", culprit=20)) if m.name == HANDS[1] else m
        for m in found.models
    )
    failure = Failure(
        "palm.tflite",
        "palm.tflite: unsupported operator: HARD_SWISH (builtin 117, version 1), 11 times\n"
        "  first: palm.tflite, subgraph 0, operator 17, output %42 'conv2d_3/act'\n"
        "  help:  add a lowering in converter/ops/activation.py",
        2,
    )
    assert found.self_test is not None
    test = replace(found.self_test, passed=False, caught=93, located=90)
    return concluded(found, models=models, failures=(failure,), self_test=test).to_dict()


def hostile() -> dict[str, Any]:
    """Every name that a file or a user can choose says something that a browser could obey."""
    found = _report()

    def rename(text: str) -> str:
        return f"{HOSTILE} {text} {RIGHT_TO_LEFT}"

    def model(old: ModelParity) -> ModelParity:
        assert old.layers is not None
        named = tuple(replace(r, tensor=rename(r.tensor), mil=HOSTILE) for r in old.layers.rows)
        return replace(
            old,
            name=rename(old.name),
            source=rename(old.source),
            notes=(HOSTILE,),
            outputs=tuple(replace(o, name=rename(o.name)) for o in old.outputs),
            tensor_map=tuple(replace(r, name=rename(r.name)) for r in old.tensor_map),
            layers=replace(old.layers, case=HOSTILE, rows=named),
        )

    return concluded(
        found,
        models=tuple(model(m) for m in found.models),
        rows=tuple(
            replace(
                r, model=rename(r.model), output=rename(r.output), reasons=(HOSTILE,), status="fail"
            )
            for r in found.rows
        ),
        cases=tuple(replace(c, name=rename(c.name)) for c in found.cases),
        photos=tuple(
            replace(p, name=rename(p.name), credit=HOSTILE, licence=HOSTILE, url=SCRIPT)
            for p in found.photos
        ),
        failures=(Failure(HOSTILE, f"{HOSTILE}\n{RIGHT_TO_LEFT}", 2),),
        options=replace(found.options, images=(HOSTILE,), compress=HOSTILE),
        tools={HOSTILE: HOSTILE},
        machine=Machine(HOSTILE, HOSTILE, HOSTILE),
        device=tuple(replace(d, name=HOSTILE, failures=(HOSTILE,)) for d in found.device),
    ).to_dict()  # fmt: skip


def _report(
    change: Callable[[Row], Row] = lambda row: row, off: dict[str, float] | None = None
) -> ParityReport:
    random = np.random.Generator(np.random.PCG64(7))
    found = [change(row) for row in _rows(random)]
    models = tuple(_model(name, found) for name in (*PALMS, *HANDS))
    cases = [_case(s, found, random, off or {}) for s in scenes()]
    cases += [_noise_case(n, found, random) for n in range(2)]
    report = ParityReport(
        passed=False,
        exit_code=1,
        verdict="",
        counts=Counts(0, 0, 0, 0),
        default_limits=True,
        models=models,
        rows=tuple(_counted(row, cases, number) for number, row in enumerate(found)),
        cases=_adding_up(cases, found),
        cases_total=len(cases),
        failures=(),
        options=RunOptions(2, 0, (), True, None, 16),
        limits=LIMITS,
        golden=GoldenName(1, "5b" * 32, 10),
        photos=tuple(PhotoCredit(*credit) for credit in PHOTOS),
        accuracy=convert(tuple(_accuracy()), tuple[Accuracy, ...]),
        self_test=convert(_self_test(), SelfTestResult),
        device=(convert(_phone(), Device),),
        tools={"blazepalm": "0.4.0", "torch": "2.13.0", "numpy": "2.4.6", "coremltools": "9.0"},
        machine=Machine("Linux", "x86_64", "a processor"),
        timing=Timing(41.7, 0, tuple(ModelSeconds(m.name, {"tflite": 1.2}) for m in models)),
    )
    return concluded(report)


def _rows(random: np.random.Generator) -> Iterator[Row]:
    for name in (*PALMS, *HANDS):
        family = name.split("-")[0]
        yield from _truth_rows(name, f"{family}s")
        for output, field in OUTPUTS[family].items():
            for backend, reference in RAW_PAIRS:
                yield _tensor_row(random, name, rows.RAW, output, field, backend, reference)
        stages = (rows.DECODED, "boxes and keypoints", "probabilities") if family == "palm" else ()
        for output in stages[1:]:
            for backend in CANDIDATES[:2]:
                for reference in ("oracle", "tflite"):
                    yield _tensor_row(
                        random, name, rows.DECODED, output, output, backend, reference, rows.CASCADE
                    )
        for stage, output, metric, unit, limit, typical in (
            PALM_TASK if family == "palm" else HAND_TASK
        ):
            for backend in CANDIDATES:
                half = BACKENDS[backend][1] == "float16"
                spread = float(random.uniform(0.7, 1.3))
                value = typical if metric == "IoU" else typical * spread * (1.0 if half else 1e-5)
                yield _judged(
                    Row(
                        model=name, stage=stage, mode=rows.CASCADE, output=output, field=output,
                        backend=backend, reference="tflite", metric=metric,
                        judge=rows.NOT_JUDGED if limit is None else rows.BY_TASK, unit=unit,
                        inputs=10, value=1.0 if metric == "IoU" and not half else value,
                        limit=limit, floor=None, multiple=None, worst_case=_worst(random, family),
                        difference=None, status=rows.PASS, reasons=(),
                    )
                )  # fmt: skip


def _truth_rows(name: str, what: str) -> Iterator[Row]:
    for metric, value, unit in (
        ("recall", 1.0, ""),
        ("precision", 0.9, ""),
        ("joint error", 0.08, "palm sizes"),
    ):
        yield _judged(
            Row(
                model=name, stage=rows.TRUTH, mode=rows.CASCADE, output=what, field=what,
                backend="tflite", reference="truth", metric=metric, judge=rows.BY_TASK, unit=unit,
                inputs=10, value=value, limit=None, floor=None, multiple=None, worst_case="fist",
                difference=None, status=rows.PASS, reasons=(),
            )
        )  # fmt: skip


def _tensor_row(
    random: np.random.Generator,
    name: str,
    stage: str,
    output: str,
    field: str,
    backend: str,
    reference: str,
    mode: str = rows.ISOLATED,
) -> Row:
    floor = FLOORS.get(field, 4e-6)
    judge = rows.NOT_JUDGED if BACKENDS[backend][2] in ("reference", "none", "task") else "floor"
    value = floor * BACKENDS[backend][3] * float(random.uniform(0.6, 1.4))
    bits = reference == "generic"
    if bits:
        judge, value = rows.BY_BITS, 0.0
    case = _worst(random, name.split("-")[0])
    difference = Difference(
        inputs=12, equal_inputs=12 if bits else 1, elements=12 * 2016 * 18, peak=228.4,
        max_abs=value, mean_abs=value / 21, p50=value / 40, p99=value / 4, p999=value / 2,
        rmse=value / 15, rel_l2=value / 900,
        snr_db=132.6, psnr_db=151.2, cosine=1.0, half_units=value * 2e3,
        worst=Worst(case, (0, int(random.integers(2016)), 4), -12.0625, -12.0625 + value),
        unequal=0 if bits else 412_031, nonfinite_reference=0, nonfinite_candidate=0, problems=(),
    )  # fmt: skip
    return _judged(
        Row(
            model=name, stage=stage, mode=mode, output=output, field=field, backend=backend,
            reference=reference, metric=rows.MAX_ABS, judge=judge, unit="values" if bits else "",
            inputs=12, value=value, limit=None if judge == "none" else 0.0 if bits else 10 * floor,
            floor=None if bits else floor, multiple=None if bits else value / floor,
            worst_case=case, difference=difference, status=rows.PASS, reasons=(),
        )
    )  # fmt: skip


def _judged(row: Row) -> Row:
    return judge_row(replace(row, reasons=()), LIMITS)


def _known(row: Row) -> Difference:
    assert row.difference is not None
    return row.difference


def _worst(random: np.random.Generator, family: str) -> str:
    name = scenes()[int(random.integers(len(scenes()) - 2))].name
    return f"{name}#0" if family == "hand" else name


def _model(name: str, found: list[Row]) -> ModelParity:
    family = name.split("-")[0]
    own = [row for row in found if row.model == name]
    outputs = tuple(
        OutputFacts(
            output, field,
            Range(12, (1, 2016, 18), -64.2, 228.4, False, False, 0),
            FLOORS.get(field, 4e-6),
            {"tflite": FLOORS.get(field, 4e-6), "tflite-ref": 1e-6, "spacing": 1e-7},
        )
        for output, field in OUTPUTS[family].items()
    )  # fmt: skip
    return ModelParity(
        name=name, source=f"{name}.tflite", release=name, family=family,
        sha256=("1b14e942" if family == "palm" else "11c272b8") + "0" * 56, size=2_339_846,
        input_shape=(1, 192, 192, 3) if family == "palm" else (1, 224, 224, 3),
        value_range=(0.0, 1.0), value_range_from="registry", inputs=12, inputs_sha256="a0" * 32,
        notes=("LiteRT ran a copy: 2 custom operators as TRANSPOSE_CONV and ADD",),
        backends=tuple(_backend(b, own) for b in BACKENDS), outputs=outputs,
        coverage=coverage(own, ()), passed=all(r.status == "pass" for r in own),
        useless=is_useless(own),
        tensor_map=convert(tuple(_tensor_map(name)), tuple[TensorMapRow, ...]),
        layers=_layers(family),
        compression=COMPRESSION if family == "palm" else None,
    )  # fmt: skip


COMPRESSION = Compression(
    weights=2,
    curve=(
        Tried(2208192, 0.0, 0.0),
        Tried(2179520, 0.153, 0.024),
        Tried(2147264, 0.428, 0.056),
        Tried(1887168, 0.815, 0.131),
        Tried(1546432, None, 0.322),
    ),
    prices={
        "Palm.mlpackage": (
            LayerCost("", "", None, 4.61, 0.653),
            *(
                LayerCost(f"backbone.stage{i}.add", "add", 5.3 / i, 0.8 / i, 1 - 0.05 / i)
                for i in range(1, 16)
            ),
        )
    },
)


def _backend(name: str, own: list[Row]) -> BackendSummary:
    label, precision, judge, _ = BACKENDS[name]
    judged = [row for row in own if row.backend == name and row.judged]
    outcome = judge_backend(judge, judged)
    multiples = [r.multiple for r in judged if r.stage == rows.RAW and r.multiple is not None]
    return BackendSummary(
        name=name, label=label, precision=precision, judge=judge,
        artifact_sha256="c4" * 32 if name.startswith("coreml") else None,
        status=outcome.status, worst_multiple=max(multiples, default=None),
        litert_bits=litert_bits(judge, judged),
        first_divergence=outcome.first_divergence, reasons=outcome.reasons,
    )  # fmt: skip


def _case(
    each: Scene, found: list[Row], random: np.random.Generator, off: dict[str, float]
) -> CaseResult:
    """What each backend sees: the joints, LiteRT's own error, and the backend's from LiteRT."""
    seen = [joints + random.normal(0, 2.5, (21, 2)) for joints in each.joints]
    hands: Listed = {}
    for pair in zip(PALMS, HANDS, strict=True):
        by_backend = hands.setdefault(" + ".join(pair), {})
        for backend in ("tflite", *CANDIDATES):
            error = {"tflite": 0.0, "torch": 2e-5, "coreml-mil": 5e-5}.get(backend, 0.04)
            error = max(error, off.get(backend, 0.0) if pair[1] == HANDS[1] else 0.0)
            by_backend[backend] = tuple(
                _hand(joints + random.normal(0, 1, (21, 2)) * error, side)
                for joints, side in zip(seen, each.sides, strict=True)
            )
    truth = tuple(
        ListedTruth(
            box=(*joints.min(axis=0).tolist(), *joints.max(axis=0).tolist()),
            landmarks=tuple(map(tuple, joints.tolist())),
            handedness=side,
        )
        for joints, side in zip(each.joints, each.sides, strict=True)
    )
    height, width = each.image.shape[:2]
    values = tuple(_case_value(row, each.name, bool(each.joints), random) for row in found)
    known = truth if each.kind != "own" else None
    image = f"images/{each.name}.jpg"
    digest = f"{len(each.name):02x}" * 32
    return CaseResult(each.name, each.kind, width, height, digest, image, known, hands, values)


def _hand(joints: np.ndarray, side: str) -> ListedHand:
    depth = np.linspace(0, -18, 21)[:, None]
    low, high = joints.min(axis=0), joints.max(axis=0)
    return ListedHand(
        box=(*low.tolist(), *high.tolist()),
        score=0.9471,
        landmarks=tuple(map(tuple, np.hstack((joints, depth)).tolist())),
        presence=0.9987,
        handedness=0.981 if side == "right" else 0.022,
    )


def _case_value(row: Row, case: str, has_hands: bool, random: np.random.Generator) -> float | None:
    if row.value is None or (row.model.startswith("hand") and not has_hands):
        return None
    if row.metric in LEAST:  # no case is worse than all together
        return row.value + (1 - row.value) * float(random.uniform(0, 1))
    worst = row.worst_case is not None and row.worst_case.split("#")[0] == case
    return row.value * (1.0 if worst else float(random.uniform(0.2, 0.95)))


def _noise_case(number: int, found: list[Row], random: np.random.Generator) -> CaseResult:
    name = f"noise-{number:04d}"
    values = tuple(
        _case_value(row, name, True, random) if row.stage == rows.RAW else None for row in found
    )
    return CaseResult(name, "noise", 0, 0, "0f" * 32, None, None, {}, values)


def _counted(row: Row, cases: list[CaseResult], number: int) -> Row:
    """A number of the task with an input for each case that has a value."""
    inputs = sum(case.values[number] is not None for case in cases)
    return row if row.difference is not None else replace(row, inputs=inputs)


def _adding_up(cases: list[CaseResult], found: list[Row]) -> tuple[CaseResult, ...]:
    """The cases with values that make each row: its largest or least number, the sum of its bits
    or counts, or the mean of equal ones.
    """
    columns = [list(column) for column in zip(*(case.values for case in cases), strict=True)]
    for row, column in zip(found, columns, strict=True):
        known = [value for value in column if value is not None]
        if row.value is None or not known:
            continue
        worst = column.index(min(known) if row.metric in LEAST else max(known))
        how = HOW.get(row.metric, rows.MAX)
        if how in (rows.MEAN, rows.SHARE):
            column[:] = [None if value is None else row.value for value in column]
        elif row.judge == rows.BY_BITS or how == rows.SUM:
            column[:] = [None if value is None else 0.0 for value in column]
        column[worst] = row.value
    values = zip(*columns, strict=True)
    return tuple(replace(c, values=tuple(v)) for c, v in zip(cases, values, strict=True))


def _tensor_map(name: str) -> Iterator[dict[str, Any]]:
    for block in range(24):
        for part, (kind, shape) in enumerate(
            (("depthwise.weight", (64, 1, 5, 5)), ("pointwise.weight", (64, 64, 1, 1)),
             ("pointwise.bias", (64,)), ("activation.weight", (64,)))
        ):  # fmt: skip
            yield {
                "key": f"backbone.stage{block // 6}.block{block % 6}.{kind}",
                "shape": shape, "dtype": "float32", "operator": 3 * block + part, "operand": 1,
                "tensor": 100 + 4 * block + part,
                "name": f"{name[:4]}/conv2d_{block}/{kind.replace('.', '/')};PartitionedCall",
                "stored_dtype": "FLOAT16", "stored_shape": shape[::-1], "sparse": False,
                "folded": ("DEQUANTIZE",), "transform": "1HWC→C1HW" if part == 0 else "OHWI→OIHW",
                "source_sha256": f"{block * 4 + part:02x}" * 32,
                "value_sha256": f"{255 - block * 4 - part:02x}" * 32,
            }  # fmt: skip


def _layers(family: str, culprit: int | None = None) -> Layers:
    random = np.random.Generator(np.random.PCG64(len(family)))
    operators = ("DEPTHWISE_CONV_2D", "CONV_2D", "ADD", "PRELU")
    found = []
    for op in range(72):
        side = 96 >> (op // 18)
        module = f"backbone.stage{op // 18}.block{op // 3 % 6}"
        kind = operators[op % 4]
        measured: dict[str, dict[str, Any]] = {}
        for backend, size in (("torch", 1.0), ("coreml-mil", 1.8)):
            local, grown = size * float(random.uniform(0.4, 1.6)), size * (1 + op / 40)
            late = culprit is not None and backend == "torch" and op >= culprit
            measured[backend] = {
                "cumulative": grown * float(random.uniform(0.6, 1.5)) * (2e4 if late else 1),
                "local": local * (3e4 if late and op == culprit else 1),
                "status": "fail" if late and op == culprit else "pass",
            }  # fmt: skip
        if kind == "PRELU":
            measured["coreml-mil"] = {"cumulative": None, "local": None, "status": "not_mapped"}
        found.append(
            {
                "op": op, "operator": kind, "tensor": f"model/conv2d_{op}/{kind.title()}",
                "shape": [1, side, side, 64], "module": None if kind == "ADD" else module,
                "mil": f"{module.replace('.', '_')}_{kind.lower()}", "backends": measured,
            }
        )  # fmt: skip
    named = None
    if culprit is not None:
        row = found[culprit]
        named = {name: row[name] for name in ("op", "operator", "tensor", "module", "mil")}
        named["local"] = row["backends"]["torch"]["local"]  # type: ignore[index]
    values = {
        "case": "open-right-light",
        "reference": "tflite",
        "rows": found,
        "culprits": {"torch": named, "coreml-mil": None},
    }
    return convert(values, Layers)


def _accuracy() -> Iterator[dict[str, Any]]:
    for pair in zip(PALMS, HANDS, strict=True):
        for backend in ("tflite", *CANDIDATES):
            yield {
                "pair": " + ".join(pair), "backend": backend, "images": 9, "hands": 9, "found": 9,
                "false": 0, "recall": 1.0, "precision": 1.0, "joint_error": 0.0612,
                "handedness_accuracy": 8 / 9,
            }  # fmt: skip


def _self_test() -> dict[str, Any]:
    names = ("SAME padding made symmetric", "PReLU slopes permuted", "two heads swapped")
    faults = [
        {
            "release": release, "fault": fault, "caught": True, "located": True,
            "expected": "op 12", "found": "op 12", "message": "local error 3.1e+04 floors",
        }
        for release in (*PALMS, *HANDS)
        for fault in names
    ]  # fmt: skip
    return {
        "passed": True, "planted": 96, "caught": 96, "located": 94, "false_alarms": 0, "alarms": [],
        "seeds": 5, "faults": faults,
    }  # fmt: skip


def _phone() -> dict[str, Any]:
    return {
        "name": "simulator", "model": "iPhone17,1", "os": "iOS 26.1", "is_simulator": True,
        "status": "complete", "channel": "xcresult",
        "not_a_benchmark": ["a simulator's times are the Mac's"],
        "bench": [
            {
                "model": "palm-full-2023-09", "units": units, "p50_ms": 1.21, "p90_ms": 1.4,
                "p95_ms": 1.52, "p99_ms": 2.2, "first_ms": 38.0, "samples": 500,
                "memory_mb": {"before": 41.0, "loaded": 52.5, "peak": 61.2},
                "thermal": {"start": "nominal", "end": "nominal"},
                "plan": {"ane": 0, "gpu": 0, "cpu": 139},
            }
            for units in ("all", "cpuOnly")
        ],
        "failures": ["hand-lite-2022: no memory for a second model"],
    }  # fmt: skip


if __name__ == "__main__":
    from blazepalm.reports.render.html import write_html

    kind, folder = sys.argv[1], Path(sys.argv[2])
    write_images(folder)
    write_html(typed({"passing": passing, "failing": failing, "hostile": hostile}[kind]()),
               folder / "report.html", folder)  # fmt: skip
