"""The parity report as one HTML file: no network, nothing beside it, opened by double click.

`ParityReport.to_dict()` is all it is made from. What needs no script (the verdict, the matrix,
why something failed, the models' facts) is text in the file; rows, layers, tensors and landmarks
travel as one JSON island that the page's own script shows. The same dictionary and pictures
give the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blazepalm.atomic import atomic_file


def render_html(values: Mapping[str, Any], folder: Path | None = None) -> str:
    """The page of a report's dictionary. `folder` is where the cases' pictures lie (`image` of a
    case is a path in it); without it, or where one cannot be read, landmarks stand on a blank.
    """
    from blazepalm.reports.render.html.page import render

    return render(values, folder)


def write_html(values: Mapping[str, Any], target: Path, folder: Path) -> None:
    """Writes the page whole or not at all. Raises ArtifactError where that cannot be."""
    page = render_html(values, folder).encode("utf-8")
    with atomic_file(target) as temporary:
        temporary.write_bytes(page)
