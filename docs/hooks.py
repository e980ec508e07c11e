"""Pages of the site that the tool makes: one for each release, and the notebook.

A release's page: the registry's facts, the model card's text and accuracy, and the parity table
of `build/parity/parity.json` (`make parity`) if it is there; otherwise the page says how to get it.
"""

import json
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from blazepalm import inspect
from blazepalm.converter.model_card import ACCURACY, LIMITS, PURPOSE, UNITS
from blazepalm.models.release_registry import Release, load_registry

ROOT = Path(__file__).parents[1]
OTHER = "A part of MediaPipe's hand graphs that is no detector and no landmark model."
NOT_HERE = "The file is not part of the package; `blazepalm inspect`"
REPORT = ROOT / "build" / "parity" / "parity.json"


def on_config(config: Any) -> Any:
    pages = [f"releases/{release.name}.md" for release in load_registry().releases]
    config.nav[-1] = {"Releases": ["releases/index.md", *pages]}
    return config


def on_files(files: Files, config: Any) -> Files:
    registry = load_registry()
    report = json.loads(REPORT.read_text()) if REPORT.exists() else {"models": []}
    parity = {model["release"]: model for model in report["models"]}
    add = lambda name, text: files.append(File.generated(config, name, content=text))  # noqa: E731
    add("notebook.md", notebook(json.loads((ROOT / "docs" / "notebook.ipynb").read_text())))
    add("releases/index.md", overview(registry.releases))
    for release in registry.releases:
        add(f"releases/{release.name}.md", page(release, parity.get(release.name)))
    return files


def overview(releases: tuple[Release, ...]) -> str:
    rows = [
        f"| [{r.name}]({r.name}.md) | {r.family} | {r.first_seen} | "
        f"{'in the package' if r.embedded else 'to fetch'} |"
        for r in releases
    ]
    head = (
        "# Releases\n\n`blazepalm releases fetch NAME` brings those that are to fetch.\n\n"
        "| release | family | first seen | here |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def page(release: Release, parity: dict[str, Any] | None) -> str:
    generation = release.generation
    low, high = generation.value_range
    height, width = generation.input_size
    facts = {
        "family": f"{release.family}, generation {generation.name}",
        "input": f"{width} × {height} RGB, values {low:g} to {high:g}",
        "MediaPipe's file": f"`{release.file}`",
        "SHA-256": f"`{release.sha256}`" if release.sha256 else "unknown",
        "preprocessing from": f"`{generation.source}`",
        "first seen": release.first_seen,
    }
    names = outputs_of(release)
    units = [(f"`{name}`", UNITS[name]) for name in names]
    outputs = table(("output", "unit"), units) if units else f"{NOT_HERE} names them."
    parts = [
        f"# {release.name}",
        " ".join(filter(None, (PURPOSE.get(release.family), release.notes))) or OTHER,
        table(("fact", "value"), list(facts.items())),
        "## Outputs",
        outputs,
        "## Accuracy",
        accuracy(release),
        "## Parity",
        parity_table(release, parity),
        "## Limits",
        LIMITS.get(release.family, "It finds no hands by itself."),
        "## Get it",
        f"```console\n$ blazepalm convert {release.name} -o {release.name}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def outputs_of(release: Release) -> list[str]:
    """What the file's outputs are, if it is here."""
    if not release.embedded:
        return []
    (model,) = inspect(release.name).to_dict()["models"]
    return list(model["evidence"]["outputs"])


def accuracy(release: Release) -> str:
    found = ACCURACY.get(release.name)
    if found is None:
        return "Not measured: the file was not at hand, or does not find hands by itself."
    rows = [("recall", f"{found.recall:g} %"), ("precision", f"{found.precision:g} %")]
    if found.joints is not None:
        rows.append(("mean joint error", f"{found.joints:g} % of the palm's size"))
    if found.sides is not None:
        rows.append(("left or right", f"{found.sides:g} %"))
    by = "alone" if found.partner == "alone" else f"with {found.partner}"
    return f"Against the rendered truth of the golden set, {by}:\n\n" + table(
        ("measure", "value"), rows
    )


def parity_table(release: Release, model: dict[str, Any] | None) -> str:
    command = f"```console\n$ blazepalm parity {release.name} --golden golden -o report\n```"
    if model is None:
        return f"No report was at hand when this page was made. Yours:\n\n{command}"
    rows = [
        (
            f"`{backend['name']}`",
            backend["precision"],
            "–" if (worst := backend["worst_multiple"]) is None else f"{worst:.2f}",
            backend["status"],
        )
        for backend in model["backends"]
    ]
    head = ("backend", "computes in", "floors, at worst", "verdict")
    return f"{table(head, rows)}\n\n{model['inputs']} inputs. To repeat it:\n\n{command}"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def notebook(document: dict[str, Any]) -> str:
    """A notebook as Markdown: text as it is, code as code. The tests run it."""
    parts = []
    for cell in document["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join(parts) + "\n"
