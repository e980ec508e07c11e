"""Size against error of folders that `convert --quantize auto` wrote, as a Markdown table.

    python tests/support/compression_table.py FOLDER[=REPORT]…

`REPORT`: the folder of a parity report on that folder, for its verdict and what is tightest.
"""

import sys
from pathlib import Path

from blazepalm.converter.folder import package_of
from blazepalm.converter.loading import read_record
from blazepalm.reports.judge.policy import COMPRESSION_SHARE
from blazepalm.reports.stored.read import read_report
from blazepalm.reports.subjects.compression import Tried, compression_of

HEAD = ("release", "large weights → largest error, on the pictures that were measured", "package",
        "parity")  # fmt: skip


def row(folder: Path, report: Path | None) -> tuple[str, ...]:
    """The release; what was tried, that which was written in bold; the package's size; parity."""
    found, kept = compression_of(folder), package_of(folder)
    assert found is not None and kept is not None
    package, _ = kept
    size = sum(path.stat().st_size for path in package.rglob("*") if path.is_file())
    within = [
        one.size for one in found.curve if one.used is not None and one.used <= COMPRESSION_SHARE
    ]
    tried = ", ".join(
        f"**{text(one)}**" if one.size == min(within) else text(one) for one in found.curve
    )
    verdict = "–"
    if report is not None:
        read = read_report(report / "parity.json")
        worst = read.tightest
        verdict = str(read.verdict)
        if worst is not None:
            tight = read.rows[worst.row]
            verdict += f"; tightest: {tight.output}, {tight.metric} {tight.value:.3g} {tight.unit}"
    return str(read_record(folder)["release"]), tried, f"{size / 1e6:.2f} MB", verdict.strip()


def text(one: Tried) -> str:
    error = "a hand lost" if one.used is None else f"{one.pixels:.2f} px"
    return f"{one.size / 1e6:.2f} MB → {error}"


def main(given: list[str]) -> None:
    rows = [HEAD, ("---",) * len(HEAD)]
    for word in given:
        folder, _, report = word.partition("=")
        rows.append(row(Path(folder), Path(report) if report else None))
    print("\n".join(f"| {' | '.join(cells)} |" for cells in rows))


if __name__ == "__main__":
    main(sys.argv[1:])
