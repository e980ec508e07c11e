"""Renders a report's dictionary as a page: templates, style and script in one file.

Text from the dictionary is never markup. Three barriers protect the browser from a hostile name:
templates escape everything, the JSON island has no `<`, `>` or `&`, and the page's
Content-Security-Policy allows only the script and style whose SHA-256 it names, and no fetching.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from blazepalm.reports.compare.rows import TRUTH
from blazepalm.reports.render.html.curves import curves
from blazepalm.reports.render.html.heat import heat
from blazepalm.reports.render.html.numbers import figure
from blazepalm.reports.render.html.page_data import page_data
from blazepalm.reports.render.html.pictures import pictures
from blazepalm.reports.render.html.summary import masthead, matrix, why
from blazepalm.reports.stored.read import read_rows
from blazepalm.text import NOTHING, printable

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
SCRIPTS = ("dom", "theme", "overlay", "gallery", "table", "tables", "explore", "start")
STATUS = {
    "pass": ("✓", "pass"),
    "fail": ("✗", "fail"),
    "not_run": ("○", "not run"),
    "not_mapped": ("–", "not mapped"),
    "ambiguous": ("?", "ambiguous"),
}


def render(values: Mapping[str, Any], folder: Path | None) -> str:
    report = harmless(values)
    rows = read_rows(report)
    failed = why(report, rows)
    style, script = _style(), _script()
    images = pictures(values["cases"], folder)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            masthead=masthead(report, failed),
            matrix=matrix(report, rows),
            why=failed,
            truth=[row for row in rows if row.stage == TRUTH],
            heat=heat(report, rows),
            curves=curves(report),
            images=images,
            policy=content_security_policy(script, style),
            style=Markup(style),
            script=Markup(script),
            island=Markup(embedded_json(page_data(report, rows, images))),
        )
    )


def harmless(value: Any) -> Any:
    """Escapes control characters, direction changes and lone surrogates in every string of a
    report.
    """
    if isinstance(value, str):
        return printable(value, keep="\n")
    if isinstance(value, Mapping):
        return {printable(str(k)): harmless(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(v) for v in value]
    return value


def embedded_json(data: Any) -> str:
    """JSON that cannot end its script element: `<`, `>` and `&` are escaped."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def content_security_policy(script: str, style: str) -> str:
    def named(text: str) -> str:
        digest = hashlib.sha256(text.encode("utf-8")).digest()
        return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"

    return (
        f"default-src 'none'; script-src {named(script)}; style-src {named(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "shape": _shape, "percent": _percent}
    environment.globals |= {"NOTHING": NOTHING, "STATUS": STATUS}
    return environment


@cache
def _style() -> str:
    return (HERE / "style.css").read_text(encoding="utf-8")


@cache
def _script() -> str:
    parts = [(HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return "(() => {\n'use strict';\n" + "\n".join(parts) + "})();\n"


def _shape(sizes: list[int] | None) -> str:
    return NOTHING if sizes is None else "×".join(map(str, sizes)) or "scalar"


def _percent(part: float | None) -> str:
    return NOTHING if part is None else f"{100 * part:.1f} %"
