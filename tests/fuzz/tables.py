"""Counts by row that several runs add to, and the table that they become."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from support.whole_file import write_whole

Row = tuple[str, ...]
CODES = "exit code "  # keys that stand together in the last column


class Tallies:
    """Counts of `outcomes` by row, whose cells are called `names`; continues the JSON file `kept`,
    if there is one, and keeps it up to date.
    """

    def __init__(self, names: Row, outcomes: Sequence[str], kept: Path | None = None) -> None:
        self.names, self.outcomes, self.kept = names, outcomes, kept
        self.counts: dict[Row, Counter[str]] = {}
        if kept is not None and kept.exists():
            for *row, counts in json.loads(kept.read_text("utf-8")):
                self.counts[tuple(row)] = Counter(counts)

    def add(self, row: Row, found: Counter[str]) -> None:
        """Adds counts, and prints them."""
        told = [f"{count} {what}" for what, count in found.items() if count]
        print(f"{' '.join(row)}: {', '.join(told)}", flush=True)
        self.counts[row] = self.counts.get(row, Counter()) + found
        if self.kept:
            values = [[*row, counts] for row, counts in self.counts.items()]
            write_whole(self.kept, json.dumps(values))

    def table(self) -> str:
        """Markdown; a column for each outcome, and for the exit codes, if there are any."""
        coded = any(key.startswith(CODES) for found in self.counts.values() for key in found)
        head = [*self.names, *self.outcomes, *(["exit codes"] if coded else [])]
        marks = ["---"] * len(self.names) + ["---:"] * len(self.outcomes) + ["---"] * coded
        lines = [head, marks]
        for row, found in self.counts.items():
            codes = sorted(key for key in found if key.startswith(CODES))
            told = ", ".join(f"{key.removeprefix(CODES)}: {found[key]}" for key in codes)
            counts = [f"{found[what]:,}" for what in self.outcomes]
            lines.append([*row, *counts, *([told] if coded else [])])
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"
