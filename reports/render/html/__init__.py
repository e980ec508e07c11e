"""Renders the parity report as one self-contained HTML file that needs no network.

It is made from `ParityReport.to_dict()`. The verdict, the matrix, the reasons for failures and the
models' facts need no script and are text in the file; rows, layers, tensors and landmarks are in
one JSON island that the page's script displays. The same dictionary and pictures give the same
bytes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blazepalm.atomic import atomic_file


def render_html(values: Mapping[str, Any], folder: Path | None = None) -> str:
    """Renders a report's dictionary as a page. `folder` holds the cases' pictures (a case's `image`
    is a path in it); landmarks of a case without a readable picture are drawn on a blank.
    """
    from blazepalm.reports.render.html.page import render

    return render(values, folder)


def write_html(values: Mapping[str, Any], target: Path, folder: Path) -> None:
    """Writes the page whole or not at all. Raises ArtifactError if it cannot be written."""
    page = render_html(values, folder).encode("utf-8")
    with atomic_file(target) as temporary:
        temporary.write_bytes(page)
