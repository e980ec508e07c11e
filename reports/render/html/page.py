"""Renders a report as a page: templates, style and script in one file.

Text from the report is never markup. Three barriers protect the browser from a hostile name:
templates escape everything, the JSON island has no `<`, `>` or `&`, and the page's
Content-Security-Policy allows only the script and style whose SHA-256 it names, and no fetching.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from msgspec.structs import asdict

from blazepalm.reports.backends.names import MIL_APP, MIL_FP16
from blazepalm.reports.compare.rows import TRUTH
from blazepalm.reports.judge.known_accuracy import pair_worse_than_known, worse_than_known
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.render.first_words import MODES, WORDS, capitalised, when_and_what
from blazepalm.reports.render.html.compression import compressions
from blazepalm.reports.render.html.curves import curves
from blazepalm.reports.render.html.heat import heat
from blazepalm.reports.render.html.numbers import figure
from blazepalm.reports.render.html.page_data import page_data
from blazepalm.reports.render.html.pictures import galleries, pictures
from blazepalm.reports.render.html.summary import masthead, matrix, why
from blazepalm.text import JOINTS, NOTHING, printable

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
SCRIPTS = ("dom", "address", "theme", "overlay", "gallery", "table", "tables", "explore", "start")
STATUS = {
    "pass": ("✓", "pass"),
    "fail": ("✗", "fail"),
    "not_run": ("○", "not run"),
    "not_mapped": ("–", "not mapped"),
    "ambiguous": ("?", "ambiguous"),
}


def render(report: ParityReport, folder: Path | None) -> str:
    failed = why(report)
    style, script = _style(), _script()
    images = pictures(report.cases, folder)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            known_of=partial(worse_than_known, report=report),
            pair_known=partial(pair_worse_than_known, report=report),
            masthead=masthead(report, failed),
            words=_words(report),
            when=when_and_what(report),
            modes=capitalised(MODES),
            matrix=matrix(report),
            why=failed,
            truth=[row for row in report.rows if row.stage == TRUTH],
            heat=heat(report),
            curves=curves(report),
            compressions=compressions(report),
            images=images,
            lost=sum(
                case.image is not None and image is None
                for case, image in zip(report.cases, images, strict=True)
            ),
            galleries=galleries(report, images),
            policy=content_security_policy(script, style),
            style=Markup(style),
            script=Markup(script),
            island=Markup(embedded_json(harmless(page_data(report, images)))),
        )
    )


def _words(report: ParityReport) -> dict[str, str]:
    """The words to explain, those of packages only if one was compared."""
    names = {row.backend for row in report.rows}
    absent = {"fp16": MIL_FP16, "app": MIL_APP}
    return {word: said for word, said in WORDS.items() if absent.get(word) in {None, *names}}


def harmless(value: Any) -> Any:
    """Escapes control characters, direction changes and lone surrogates in every string."""
    if isinstance(value, str):
        return value if isinstance(value, Markup) else printable(value, keep="\n")
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
        finalize=harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "shape": _shape, "percent": _percent, "facts": asdict}
    environment.filters["foldable"] = _foldable
    environment.globals |= {"NOTHING": NOTHING, "STATUS": STATUS}
    return environment


@cache
def _style() -> str:
    return (HERE / "style.css").read_text(encoding="utf-8")


@cache
def _script() -> str:
    parts = [(HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return "(() => {\n'use strict';\n" + "\n".join(parts) + "})();\n"


def _shape(sizes: Sequence[int] | None) -> str:
    return NOTHING if sizes is None else "×".join(map(str, sizes)) or "scalar"


def _foldable(name: str) -> Markup:
    """A name that the browser may break between its words."""
    return Markup("<wbr>").join(JOINTS.split(printable(name)))


def _percent(part: float | None) -> str:
    return NOTHING if part is None else f"{100 * part:.1f} %"
