"""`make bench-field`: what people use on these models today, beside blazepalm and LiteRT.

Each tool has an environment of its own (`environments`), since their pins contradict each other.
A cell is one tool on one release, in a JSON file of its own (`cells`); one that exists is not
measured again. `table` writes all of them to `docs/performance.json` and `docs/performance.md`.
The package knows none of this.
"""
