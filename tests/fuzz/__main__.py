"""`python -m fuzz [--n N] [--reader NAME] [--seed S]`: the table reader × outcomes × mutants."""

import argparse
import json
import math
import sys
from pathlib import Path

from fuzz.outcomes import ESCAPES, OUTCOMES, Tally, fuzz, judge, serve
from fuzz.readers import READERS
from support.whole_file import write_whole

HEAD = """# Damaged files

What becomes of damaged files of every kind that blazepalm reads; `make fuzz` made this table.
*Fine*: still valid, or harmless; *sentence*: refused in one sentence; *unjudged*: LiteRT's answer
cannot be compared, or the damaged values cannot be written as a file. Everything else is an escape,
and has a column only if there was one.

"""
SHOWN = 12  # kinds of escape listed for a reader


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        name, seed, start, end = sys.argv[2:]
        serve(READERS[name], int(seed), range(int(start), int(end)))
        return 0
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--n", type=int, default=1000, help="mutants for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", default="", help="one reader, or several with commas")
    parser.add_argument("--one", type=int, help="only this mutant, with its traceback")
    parser.add_argument("--seconds", type=float, default=math.inf, help="for each reader, at most")
    parser.add_argument("--tally", type=Path, help="JSON of earlier runs, which this one continues")
    parser.add_argument("--table", type=Path, help="Markdown that the table is written to, too")
    given = parser.parse_args()
    names = given.reader.split(",") if given.reader else list(READERS)
    if unknown := [name for name in names if name not in READERS]:
        parser.error(f"unknown reader {unknown[0]!r}; choose from {', '.join(READERS)}")
    if given.one is not None:
        return show_one(names[0], given.seed, given.one)
    kept = read_tallies(given.tally, given.seed)
    for name in names:
        reader = READERS[name]
        count = max(1, given.n // 10) if reader.slow else given.n
        kept[name] = fuzz(reader, count, given.seed, kept.get(name), given.seconds)
        print_tally(kept[name])
        if given.tally:
            values = {"seed": given.seed, "readers": [each.plain() for each in kept.values()]}
            write_whole(given.tally, json.dumps(values))
    tallies = [kept[name] for name in READERS if name in kept]
    print("\n" + table(tallies))
    if given.table:
        write_whole(given.table, HEAD + table(tallies) + "\n")
    return int(any(tally.escapes for tally in tallies))


def print_tally(tally: Tally) -> None:
    print(f"{tally.reader}: {tally.mutants} mutants, {tally.seconds:.0f} s", flush=True)
    found = sorted(tally.kinds.items(), key=lambda kind: -len(kind[1]))
    for (outcome, why), numbers in found[:SHOWN]:
        print(f"  {len(numbers):>6} {outcome}: {why}  (mutants {numbers[:3]})")
    if len(found) > SHOWN:
        print(f"  and {len(found) - SHOWN} more kinds")


def read_tallies(path: Path | None, seed: int) -> dict[str, Tally]:
    """By reader; none of a file that does not exist yet. Exits if the file is of another seed."""
    if path is None or not path.exists():
        return {}
    values = json.loads(path.read_text("utf-8"))
    if values["seed"] != seed:
        sys.exit(f"{path}: counts mutants of seed {values['seed']}, not {seed}")
    return {each["reader"]: Tally.read(each) for each in values["readers"]}


def table(tallies: list[Tally]) -> str:
    """Markdown: reader × outcomes."""
    used = [o for o in OUTCOMES if o not in ESCAPES or any(t.counts[o] for t in tallies)]
    head = ["reader", "mutants", *used, "seconds"]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
    for t in tallies:
        counts = [t.mutants, *(t.counts[o] for o in used), round(t.seconds)]
        lines.append([t.reader, *(f"{count:,}" for count in counts)])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def show_one(name: str, seed: int, number: int) -> int:
    import tempfile
    import traceback
    from random import Random

    reader = READERS[name]
    with tempfile.TemporaryDirectory() as place:
        corpus = reader.corpus(Path(place) / "corpus")
        print(judge(reader, corpus, seed, number, Path(place)))
        try:
            reader.run(Random(f"{name} {seed} {number}"), corpus, Path(place))
        except Exception:
            traceback.print_exc()
    return 0


if __name__ == "__main__":
    sys.exit(main())
