"""`python -m field`: makes the environments, measures the cells that are not there, and writes the
tables. See `--help`.
"""

import argparse

from field import cells, environments, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="field", description=__doc__)
    parser.add_argument("--tool", action="append", default=[], help="only these (repeatable)")
    parser.add_argument("--release", action="append", default=[], help="only these (repeatable)")
    parser.add_argument("--kind", action="append", default=[], choices=cells.KINDS)
    parser.add_argument("--rounds", type=int, help="of every measurement, instead of the usual")
    parser.add_argument("--no-install", action="store_true", help="take what is there")
    given = parser.parse_args()
    if not given.no_install:
        environments.make_all()
    try:
        cells.run_all(given.tool, given.release, given.rounds, given.kind or cells.KINDS)
    finally:
        table.write()


if __name__ == "__main__":
    main()
