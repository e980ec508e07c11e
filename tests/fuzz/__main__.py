"""`python -m fuzz [--n N] [--reader NAME] [--seed S]`: the table reader × outcomes × mutants."""

import argparse
import sys

from fuzz.outcomes import ESCAPES, OUTCOMES, Tally, fuzz, judge, serve
from fuzz.readers import READERS

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
    given = parser.parse_args()
    names = given.reader.split(",") if given.reader else list(READERS)
    if unknown := [name for name in names if name not in READERS]:
        parser.error(f"unknown reader {unknown[0]!r}; choose from {', '.join(READERS)}")
    if given.one is not None:
        return show_one(names[0], given.seed, given.one)
    tallies = []
    for name in names:
        reader = READERS[name]
        count = max(1, given.n // 10) if reader.slow else given.n
        tallies.append(fuzz(reader, count, given.seed))
        print_tally(tallies[-1])
    print()
    print_table(tallies)
    return int(any(tally.escapes for tally in tallies))


def print_tally(tally: Tally) -> None:
    print(f"{tally.reader}: {tally.mutants} mutants, {tally.seconds:.0f} s", flush=True)
    found = sorted(tally.kinds.items(), key=lambda kind: -len(kind[1]))
    for (outcome, why), numbers in found[:SHOWN]:
        print(f"  {len(numbers):>6} {outcome}: {why}  (mutants {numbers[:3]})")
    if len(found) > SHOWN:
        print(f"  and {len(found) - SHOWN} more kinds")


def print_table(tallies: list[Tally]) -> None:
    used = [o for o in OUTCOMES if o not in ESCAPES or any(t.counts[o] for t in tallies)]
    head = ["reader", "mutants", *used, "seconds"]
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for t in tallies:
        cells = [t.reader, f"{t.mutants}", *(str(t.counts[o]) for o in used), f"{t.seconds:.0f}"]
        print("| " + " | ".join(cells) + " |")


def show_one(name: str, seed: int, number: int) -> int:
    import tempfile
    import traceback
    from pathlib import Path
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
