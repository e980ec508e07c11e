"""`python -m fuzz.guided [--seconds S] [--reader tflite-bytes,mlpackage]`: bytes that coverage
guides, by atheris (libFuzzer): https://github.com/google/atheris. It is installed by hand, because
its wheels exist for some Pythons only.

The inputs that reached something new are kept in `build/fuzz/NAME`, where the next run begins; the
first of each kind of escape is in `build/fuzz/NAME-escapes`.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from fuzz.__main__ import print_tally, table
from fuzz.outcomes import (
    ESCAPES,
    Tally,
    collect,
    limit_this_process,
    only_output,
    outcome_of,
    scratch,
    timed,
)

BUILD = Path("build/fuzz")
MOST = 1 << 16  # bytes of an input

Read = Callable[[bytes], None]


def tflite(folder: Path) -> tuple[list[bytes], Read]:
    """The reader of `.tflite` and the lowering to torch."""
    from blazepalm.converter.lowering import lower
    from blazepalm.converter.tflite import read_bytes
    from fuzz.graphs import graphs, pack, prepare

    return [pack(prepare(b)) for b in graphs()], lambda data: void(
        lower(read_bytes(data, "mutant.tflite"))
    )


def mlpackage(folder: Path) -> tuple[list[bytes], Read]:
    """The reader of Core ML's model files, in a package whose weights are sound."""
    from blazepalm.reports.backends.mil.program import load
    from blazepalm.reports.backends.mil.summary import summary_of
    from fuzz.readers.folders import _package

    package = _package(folder / "corpus")
    (model,) = package.rglob("*.mlmodel")
    sound = model.read_bytes()

    def read(data: bytes) -> None:
        model.write_bytes(data)
        summary_of(load(package))

    return [sound], read


TARGETS = {"tflite-bytes": tflite, "mlpackage": mlpackage}


def void(_: object) -> None:
    """Drops a result."""


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    parser = argparse.ArgumentParser(prog="fuzz.guided")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", default="", help="one reader, or several with commas")
    given = parser.parse_args()
    if find_spec("atheris") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"atheris is not installed: pip install atheris (is there a wheel for {version}?)")
        return 2
    names = given.reader.split(",") if given.reader else list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"unknown reader {unknown[0]!r}; choose from {', '.join(TARGETS)}")
    tallies = []
    for name in names:

        def command(at: int, name: str = name) -> list[str]:
            return ["-m", "fuzz.guided", "--child", name, str(given.seed), str(at)]

        tallies.append(collect(command, Tally(f"{name}, guided"), sys.maxsize, given.seconds))
        print_tally(tallies[-1])
    print("\n" + table(tallies))
    return int(any(tally.escapes for tally in tallies))


def child(name: str, seed: int, at: int) -> None:
    """Never returns: libFuzzer ends the process, or the parent does."""
    import atheris

    with atheris.instrument_imports(include=["blazepalm"]):
        import blazepalm.converter.lowering
        import blazepalm.converter.tflite
        import blazepalm.reports.backends.mil.program
        import blazepalm.reports.backends.mil.summary  # noqa: F401
    kept, escapes = BUILD / name, BUILD / f"{name}-escapes"
    for folder in (kept, escapes):
        folder.mkdir(parents=True, exist_ok=True)
    with scratch() as place:
        seeds, read = TARGETS[name](Path(place))
        for number, content in enumerate(seeds):
            (kept / f"seed-{number}").write_bytes(content)
        out = only_output()
        limit_this_process()
        numbers = iter(range(at, sys.maxsize))
        now, known = escapes / "now", {path.name for path in escapes.iterdir()}

        def one(data: bytes) -> None:
            now.write_bytes(data)  # stays if this process dies of it
            outcome, why = timed(next(numbers), lambda: outcome_of(lambda: read(data)), out)
            kind = "".join(c if c.isalnum() else "-" for c in f"{outcome} {why}")[:80]
            if outcome in ESCAPES and kind not in known:
                known.add(kind)
                shutil.copy(now, escapes / kind)

        options = (f"-seed={seed + at + 1}", f"-max_len={MOST}", "-handle_alrm=0", "-timeout=0")
        atheris.Setup([sys.argv[0], *options, "-rss_limit_mb=0", str(kept)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
