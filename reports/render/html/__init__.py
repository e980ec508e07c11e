"""Renders the parity report as one self-contained HTML file that needs no network.

The verdict, the matrix, the reasons for failures and the
models' facts need no script and are text in the file; rows, layers, tensors and landmarks are in
one JSON island that the page's script displays. The same report and pictures give the same
bytes.
"""

from pathlib import Path

from blazepalm.atomic import atomic_file
from blazepalm.reports.judge.report import ParityReport


def render_html(report: ParityReport, folder: Path | None = None) -> str:
    """Renders a report as a page. `folder` holds the cases' pictures (a case's `image`
    is a path in it); landmarks of a case without a readable picture are drawn on a blank.
    """
    from blazepalm.reports.render.html.page import render

    return render(report, folder)


def write_html(report: ParityReport, target: Path, folder: Path) -> None:
    """Writes the page whole or not at all. Raises ArtifactError if it cannot be written."""
    page = render_html(report, folder).encode("utf-8")
    with atomic_file(target) as temporary:
        temporary.write_bytes(page)
