"""Exports layer errors as node data for Google's Model Explorer: colours on a TFLite file's graph.

`blazepalm parity --layers` measures the errors; Model Explorer, with the file and this data open,
colours each operator by its error in multiples of float32's cost there. The format is that of a
single graph, which Model Explorer applies to the graph on screen whatever its name
(`GraphNodeData`, https://github.com/google-ai-edge/model-explorer,
src/server/package/src/model_explorer/node_data_builder.py). A node is named by its operator's
output tensor, or by its position in the file if that name is empty or not unique.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from blazepalm.file_names import file_name
from blazepalm.reports.compare.rows import FAIL, NOT_MAPPED, NOT_RUN
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.judge.report_parts import Layer

KINDS = ("local", "cumulative")  # error of this layer alone; of all layers up to it

# upper bounds in multiples of float32's cost, coloured from harmless to wrong
THRESHOLDS = (
    {"value": 1.0, "bgColor": "#d8f0dc"},
    {"value": 10.0, "bgColor": "#f7f0c6"},
    {"value": 1000.0, "bgColor": "#f6c58f"},
    {"value": 1e300, "bgColor": "#e5736f"},
)
NOT_FINITE = {"value": "not finite", "bgColor": "#8c1d18", "textColor": "#ffffff"}


def node_data(report: ParityReport) -> dict[str, dict[str, Any]]:
    """File name → node data, one per model, backend and kind; empty without `--layers`."""
    found = {}
    for model in report.models:
        if model.layers is None:
            continue
        rows = model.layers.rows
        backends = dict.fromkeys(name for row in rows for name in row.backends)
        for backend in backends:
            for kind in KINDS:
                name = file_name(f"{model.name}.{backend}.{kind}")
                found[f"{name}.json"] = _graph(rows, backend, kind)
    return found


def dumps(data: Mapping[str, Any]) -> str:
    """A file's text; the same data gives the same bytes."""
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def _graph(rows: Sequence[Layer], backend: str, kind: str) -> dict[str, Any]:
    count = Counter(row.tensor for row in rows)
    results = {}
    for row in rows:
        measured = row.backends.get(backend)
        if measured is None or measured.status in (NOT_MAPPED, NOT_RUN):
            continue
        node = row.tensor if row.tensor and count[row.tensor] == 1 else str(row.op)
        value = getattr(measured, kind)
        if value is not None:
            results[node] = {"value": value}
        elif measured.status == FAIL:
            results[node] = dict(NOT_FINITE)
    return {"results": results, "thresholds": [dict(t) for t in THRESHOLDS]}
