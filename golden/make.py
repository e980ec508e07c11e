"""The golden set, rendered into a folder: pictures, `manifest.json`; whole or not at all.

A folder that holds the very same set is left as it is. Cases are rendered in processes; the
same version gives the same bytes.
"""

import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.cases import (
    CASES,
    FILE,
    FILE_SCENE,
    GOLDEN_VERSION,
    CasePlan,
    draw_case,
    draw_scene,
)
from blazepalm.golden.files import make_file
from blazepalm.golden.images import read_image
from blazepalm.golden.manifest import (
    MANIFEST,
    GoldenCase,
    GoldenSet,
    TrueHand,
    file_sha256,
    load_golden,
)
from blazepalm.golden.render import HandTruth
from blazepalm.models.errors import ArtifactError, InvalidImage

LOCK = Path(__file__).with_name("golden.lock.json")

OnCase = Callable[[str, int, int], None]  # name, done, in all


def make_golden(
    folder: Path,
    *,
    names: Sequence[str] | None = None,
    images: Iterable[str | Path] = (),
    force: bool = False,
    jobs: int | None = None,
    on_case: OnCase = lambda name, done, total: None,
) -> GoldenSet:
    """Renders the set (or the cases named) into `folder`; `images` become cases of kind `own`.

    Raises ArtifactError where a name is unknown or the folder holds something else (but for a
    golden set, with `force` or of another version), InvalidImage where an own image cannot be
    read.
    """
    plans = _chosen(names)
    own = list(images)
    wanted = [plan.name for plan in plans]
    known = _existing(folder)
    if known is not None and not own and not force and _is_same(known, wanted):
        return known
    if folder.exists() and known is None and any(folder.iterdir()):
        raise ArtifactError(f"{folder}: exists and is no golden set; choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        cases = _render(plans, temporary, jobs, on_case)
        cases += _own(own, temporary)
        found = GoldenSet(GOLDEN_VERSION, folder, tuple(cases))
        (temporary / MANIFEST).write_bytes(found.to_bytes())
        os.chmod(temporary, 0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return found


def check_lock(found: GoldenSet) -> list[str]:
    """How a set differs from the one that is locked in the repository, one sentence a case."""
    locked = json.loads(LOCK.read_text(encoding="utf-8"))
    told = []
    if locked["version"] != found.version:
        told.append(f"the set is version {found.version}, the lock is of {locked['version']}")
    have = lock_of(found)["cases"]
    for name in sorted({*locked["cases"], *have}):
        if name not in have:
            told.append(f"{name}: is missing")
        elif name not in locked["cases"]:
            told.append(f"{name}: is not in the lock")
        elif have[name] != locked["cases"][name]:
            told.append(f"{name}: differs from the locked picture or truth")
    return told


def lock_of(found: GoldenSet) -> dict[str, Any]:
    """What `golden.lock.json` says of a set: case → SHA-256 of the file and of its truth."""
    import hashlib

    def digest(case: GoldenCase) -> str:
        truth = json.dumps([asdict(hand) for hand in case.hands], sort_keys=True)
        return hashlib.sha256(f"{case.sha256} {truth}".encode()).hexdigest()

    cases = {case.name: digest(case) for case in found.cases if case.kind != "own"}
    return {"version": found.version, "cases": dict(sorted(cases.items()))}


def render_plan(plan: CasePlan) -> tuple[str, bytes, tuple[HandTruth, ...]]:
    """(suffix, the file's content, the hands) of one case."""
    if plan.file is not None:
        image, hands = draw_scene(FILE_SCENE, plan.seed)
        suffix, content = make_file(plan.file, image)
        upright = plan.file not in ("1x1", "8000x6000", "truncated", "not-an-image")
        return suffix, content, hands if upright else ()
    image, hands = draw_case(plan)
    return ".png", png(image), hands


def png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=2)
    return stream.getvalue()


def _chosen(names: Sequence[str] | None) -> list[CasePlan]:
    known = {plan.name: plan for plan in CASES}
    for name in names or ():
        if name not in known:
            raise ArtifactError(f"there is no golden case {name!r}; there are {', '.join(known)}")
    return [plan for plan in CASES if names is None or plan.name in names]


def _existing(folder: Path) -> GoldenSet | None:
    try:
        return load_golden(folder)
    except ArtifactError:
        return None


def _is_same(known: GoldenSet, wanted: list[str]) -> bool:
    names = [case.name for case in known.cases if case.kind != "own"]
    return (
        known.version == GOLDEN_VERSION
        and set(wanted) <= set(names)
        and all(file_sha256(known.folder / case.file) == case.sha256 for case in known.cases)
    )


def _render(
    plans: list[CasePlan], folder: Path, jobs: int | None, on_case: OnCase
) -> list[GoldenCase]:
    import multiprocessing

    workers = min(jobs or os.cpu_count() or 1, max(len(plans), 1))
    if workers == 1 or len(plans) <= 2:
        results = map(render_plan, plans)
        return _write_all(plans, results, folder, on_case)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        return _write_all(plans, pool.map(render_plan, plans), folder, on_case)


def _write_all(
    plans: list[CasePlan],
    results: Iterable[tuple[str, bytes, tuple[HandTruth, ...]]],
    folder: Path,
    on_case: OnCase,
) -> list[GoldenCase]:
    return [
        _write(plan, result, folder, on_case, index, len(plans))
        for index, (plan, result) in enumerate(zip(plans, results, strict=True))
    ]


def _write(
    plan: CasePlan,
    result: tuple[str, bytes, tuple[HandTruth, ...]],
    folder: Path,
    on_case: OnCase,
    index: int,
    total: int,
) -> GoldenCase:
    suffix, content, hands = result
    path = folder / f"{plan.name}{suffix}"
    path.write_bytes(content)
    scene = FILE_SCENE if plan.kind == FILE else plan.scene
    case = _case(
        path,
        plan.name,
        plan.kind,
        plan.seed,
        parameters={
            "drawing": plan.hard,
            "file": plan.file,
            "scene": None if scene is None else asdict(scene),
        },
        hands=tuple(_truth(hand) for hand in hands),
    )
    on_case(plan.name, index + 1, total)
    return case


def _case(
    path: Path,
    name: str,
    kind: str,
    seed: int,
    parameters: dict[str, Any],
    hands: tuple[TrueHand, ...],
) -> GoldenCase:
    try:
        height, width = read_image(path).shape[:2]
    except InvalidImage:
        height = width = 0
    digest = file_sha256(path)
    assert digest is not None
    return GoldenCase(
        name=name,
        kind=kind,
        file=path.name,
        sha256=digest,
        readable=width > 0,
        width=width,
        height=height,
        seed=seed,
        parameters=parameters,
        hands=hands,
    )


def _truth(hand: HandTruth) -> TrueHand:
    """To a thousandth of a pixel and of a millimetre: the last digits differ between machines."""
    pixels = np.round(hand.joints_2d, 3).tolist()
    metres = np.round(hand.joints_3d, 6).tolist()
    left, top, right, bottom = np.round(hand.box, 3).tolist()
    return TrueHand(
        tuple((x, y) for x, y in pixels),
        tuple((x, y, z) for x, y, z in metres),
        (left, top, right, bottom),
        hand.handedness,
    )


def _own(paths: Sequence[str | Path], folder: Path) -> list[GoldenCase]:
    from blazepalm.golden.frames import find_sources, read_frames

    cases = []
    for source in find_sources(paths) if paths else ():
        for frame in read_frames(source):
            name = f"own-{frame.name}"
            path, number = folder / f"{name}.png", 1
            while path.exists():
                number += 1
                path = folder / f"{name}-{number}.png"
            path.write_bytes(png(frame.image))
            cases.append(_case(path, path.stem, "own", 0, {"source": Path(frame.source).name}, ()))
    return cases
