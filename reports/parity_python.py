"""`blazepalm.parity`: a parity run with the command line's words as keywords."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.errors import check_path
from blazepalm.golden.photos import local_photos
from blazepalm.reports.backends.names import INSTALLED
from blazepalm.reports.backends.registry import not_installed
from blazepalm.reports.engine.engine import THREADS
from blazepalm.reports.judge import policy
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.parity import parity as run
from blazepalm.reports.parity_models import OnStep
from blazepalm.reports.parity_options import Options, check_count, input_cases
from blazepalm.reports.report_folder import save_report, writing

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet

KINDS: tuple[tuple[str, type | tuple[type, ...], str], ...] = (  # keyword, type, in words
    ("coreml", bool, "True or False"),
    ("layers", bool, "True or False"),
    ("self_test", bool, "True or False"),
    ("every_kernel", bool, "True or False"),
    ("photos", bool, "True or False"),
    ("raw", bool, "True or False"),
    ("cache", bool, "True or False"),
    ("force", bool, "True or False"),
    ("keep_going", bool, "True or False"),
    ("overrides", Overrides, "Overrides"),
    ("compress", (str, type(None)), "a str or None"),
    ("address", (str, type(None)), "a str or None"),
)


def parity(
    *sources: str | Path,
    output: str | Path | None = None,
    golden: "GoldenSet | str | Path | bool" = False,
    photos: bool = False,
    images: str | Path | Sequence[str | Path] = (),
    inputs: int | None = None,
    seed: int = policy.SEED,
    jobs: int | None = None,
    engine: str = THREADS,
    address: str | None = None,
    coreml: bool = True,
    compress: str | None = None,
    backends: Sequence[str] = (),
    candidates: str | Path | Sequence[str | Path] = (),
    layers: bool = False,
    self_test: bool = False,
    every_kernel: bool = False,
    raw: bool = True,
    cache: bool = True,
    force: bool = False,
    overrides: Overrides = NO_OVERRIDES,
    limits: Limits = LIMITS,
    keep_going: bool = False,
    notice: Callable[[str], None] = lambda note: None,
    on_step: OnStep = lambda what, done, total: None,
) -> ParityReport:
    """Compares each source's PyTorch module and Core ML packages with LiteRT and a float64 oracle.
    The report is true if all pass; `report.save(folder)` writes it.

    `sources`: releases, `.tflite` files, bundles, folders that `convert` or `save` wrote.

    What they are run on: `golden`, a rendered set's folder (rendered there if missing), True for
    the one in the user's cache, or False; `photos`, the golden set's photographs that are on this
    machine (the command line's defaults are True); `images`, your own pictures, folders, patterns
    or videos; `inputs`, the number of seeded random inputs (by default 2 with images, else 50), of
    `seed`.

    How: `jobs` cases at once (default: one for each processor) in `engine` "threads", "processes"
    (a script then needs `if __name__ == "__main__":`) or "ray", at `address`; the numbers do not
    depend on it. `output`: a folder for the report, raw outputs (unless `raw` is False) and the
    progress of a run, which the same call resumes; `force` also takes a folder of other files.

    What else: `coreml` False leaves the packages out; `compress` compresses the float16 ones
    ("palettize8", "palettize6", "int8"); `backends`, also run these, which take long to open
    ("installed": all that are); `candidates`, other people's conversions of the only source (Core
    ML, ONNX, TFLite, a converted folder), compared with it in place of ours; `layers` compares
    every layer; `self_test` plants faults, which must be caught; `every_kernel` runs LiteRT's
    reference kernels, and what `backends` names, on every input, and with `layers` compares
    Core AI's, too.
    With `cache`, pictures, network outputs, Core ML packages and layers' errors that this code has
    computed before, on the same inputs, versions and processor, are taken from the user's cache
    folder.
    `overrides` state what the files do not, `limits` what passes. `notice` is told what is left
    out, `on_step` the progress: (step, done, total or None).

    Raises TypeError or ValueError for an argument of another kind; BlazePalmError if a source
    cannot be read or converted, CouldNotVerify if LiteRT is missing or cannot run it; with
    `keep_going` the error becomes one of the report's `failures` instead, and the other sources are
    compared.
    """
    given: dict[str, Any] = dict(locals())
    for source in sources:
        check_path(source, "releases, files or folders")
    for name, kind, words in KINDS:
        if not isinstance(given[name], kind):
            raise TypeError(f"{name} is {given[name]!r:.80}, expected {words}")
    check_count("inputs", inputs, 0, True)
    check_count("jobs", jobs, 1, True)

    folder = None
    if output is not None:
        check_path(output, "output, a folder,")
        folder = Path(output)
    with nullcontext() if folder is None else writing(folder, force):
        asked = _listed("backends", backends)
        for reason in not_installed() if INSTALLED in asked else ():
            notice(reason)
        options = Options(
            golden=_golden_set(golden, cache),
            photos=local_photos() if photos else (),
            images=_listed("images", images),
            noise=inputs,
            seed=seed,
            workers=jobs,
            engine=engine,
            address=address,
            folder=folder,
            raw=raw,
            coreml=coreml,
            compress=compress,
            backends=asked,
            candidates=_listed("candidates", candidates),
            layers=layers,
            self_test=self_test,
            reference_every=1 if every_kernel else policy.REFERENCE_EVERY,
            cache=cache,
            overrides=overrides,
            limits=limits,
        )
        report = run(
            *sources, keep_going=keep_going, notice=notice, on_step=on_step, **vars(options)
        )
        if folder is not None:
            save_report(report, folder, input_cases(options), cache=cache)
    return report


def _listed(name: str, given: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """One or several, as text. Raises TypeError."""
    several = [given] if isinstance(given, str | Path) else given
    if not isinstance(several, list | tuple) or not all(isinstance(s, str | Path) for s in several):
        raise TypeError(f"{name} is {given!r:.80}, expected a str, a Path, or a list of them")
    return tuple(str(one) for one in several)


def _golden_set(golden: "GoldenSet | str | Path | bool", cache: bool) -> "GoldenSet | None":
    """Renders what is missing. Raises TypeError, ArtifactError."""
    from blazepalm.golden.make import cached_folder, make_golden
    from blazepalm.golden.manifest import MANIFEST, GoldenSet, load_golden

    if golden is False:
        return None
    if isinstance(golden, GoldenSet):
        return golden
    if golden is True:
        folder = cached_folder()
    else:
        check_path(golden, "golden, True, False, a GoldenSet or a folder")
        folder = Path(golden)
    if (folder / MANIFEST).is_file():
        return load_golden(folder)
    return make_golden(folder, cache=cache)
