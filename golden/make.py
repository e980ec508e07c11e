"""Renders the golden set into a folder: pictures and `manifest.json`, whole or not at all.

Files in the folder with the right bytes are kept; your own pictures always are. Cases are rendered
in processes; the same version gives the same manifest. Files that are not the set's are never
replaced.
"""

import itertools
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import DecodeError, msgpack

from blazepalm.atomic import atomic_folder
from blazepalm.cache_file import CacheFile, code_sha256, key_of, versions
from blazepalm.cache_folder import cache_folder
from blazepalm.errors import ArtifactError, InvalidImage, unknown_name
from blazepalm.golden import layer
from blazepalm.golden.cases import (
    CASES,
    FILE,
    FILE_SCENE,
    GOLDEN_VERSION,
    CasePlan,
    draw_case,
)
from blazepalm.golden.files import LARGE_SCALE, large_corner, make_file
from blazepalm.golden.manifest import (
    MANIFEST,
    MAX_CASES,
    GoldenCase,
    GoldenSet,
    TrueHand,
    file_sha256,
    load_golden,
)
from blazepalm.golden.own import own_pictures, png, recordings
from blazepalm.golden.processes import map_in_processes
from blazepalm.golden.render import HandTruth
from blazepalm.golden.scene_plan import draw_scene
from blazepalm.media.frames import OnSkip
from blazepalm.media.images import read_image

SHEET = "sheet.png"  # may also be in the folder; deleted when the set changes
UNSEEN = ("1x1", "truncated", "not-an-image")  # difficult files that show no hand

PICTURES = "pictures.sqlite"
MOST = 128 << 20  # bytes of kept pictures: some four versions of the set
DECIDING = ("numpy", "opencv-python-headless", "pillow")

Result = tuple[str, bytes, tuple[TrueHand, ...]]  # suffix, the file's content, the hands
_decoder = msgpack.Decoder(Result)
OnCase = Callable[[str, int, int], None]  # name, number done, number to render


def cached_folder() -> Path:
    """Where this version's set is kept if no folder is named."""
    return cache_folder() / f"golden-{GOLDEN_VERSION}"


def make_golden(
    folder: Path,
    *,
    names: Sequence[str] | None = None,
    images: str | Path | Iterable[str | Path] = (),
    force: bool = False,
    jobs: int | None = None,
    on_case: OnCase = lambda name, done, total: None,
    on_skip: OnSkip = lambda path, sentence: None,
    cache: bool = False,
    on_kept: Callable[[str], None] = lambda name: None,
) -> GoldenSet:
    """Renders the set (or the named cases) into `folder`; `images` become cases of kind `own`.

    Existing correct cases are kept (`force` renders them again), and so are the set's other cases
    and your own pictures. `on_skip`: as for `find_sources`. `cache`: whether pictures that this
    code has rendered before are taken from the user's cache folder (with `force`, they are not);
    `on_kept` is called with the name of each. Raises ArtifactError if a name is unknown, or if the
    folder holds anything else or cannot be written; InvalidImage if one of `images` cannot be read.
    """
    folder = Path(folder)
    images = [images] if isinstance(images, str | Path) else list(images)
    names = (names,) if isinstance(names, str) else names
    if jobs is not None and (not isinstance(jobs, int) or jobs < 1):
        raise ValueError(f"jobs is {jobs!r:.80}, expected a whole number of at least 1, or None")
    plans = _chosen(names)
    known = _existing(folder)
    if known is not None and not images and not force and _is_whole(known, _kept(known), plans):
        return known
    with suppress(_Whole), atomic_folder(folder, owned=owned_files, force=True, wait=True) as place:
        known = _existing(folder)  # another process may have made it in the meantime
        kept = {} if known is None else _kept(known)
        needed = [plan for plan in plans if force or plan.name not in kept]
        needed.sort(key=_brevity)
        own = own_pictures(images, kept, on_skip)
        first = next(own, None)
        if known is not None and first is None and not force and _is_whole(known, kept, plans):
            found = known
            raise _Whole
        made = {plan.name: plan for plan in needed}
        cases = {name: case for name, case in kept.items() if name not in made}
        for file in (*(case.file for case in cases.values()), *recordings(folder)):
            shutil.copyfile(folder / file, place / file)
        results = _results(needed, jobs, open_pictures() if cache else None, force, on_kept)
        for plan, result in zip(needed, results, strict=True):
            cases[plan.name] = _written(plan, result, place)
            on_case(plan.name, sum(name in cases for name in made), len(made))
        for name, content, parameters in itertools.chain((first,) if first else (), own):
            if len(cases) >= MAX_CASES:
                raise ArtifactError(f"{folder}: more than {MAX_CASES} cases; keep fewer images")
            (place / f"{name}.png").write_bytes(content)
            cases[name] = _case(place / f"{name}.png", name, "own", 0, parameters, ())
        order = {plan.name: number for number, plan in enumerate(CASES)}
        inside = sorted(cases.values(), key=lambda case: order.get(case.name, len(order)))
        found = GoldenSet(GOLDEN_VERSION, folder, tuple(inside))
        (place / MANIFEST).write_bytes(found.to_bytes())
    return found


def render_plan(plan: CasePlan) -> Result:
    """Renders one case's file and truth; the same plan gives the same bytes."""
    if plan.file is None:
        image, hands = draw_case(plan)
        return ".png", png(image), tuple(_truth(hand) for hand in hands)
    image, hands = draw_scene(FILE_SCENE, plan.seed)
    suffix, content = make_file(plan.file, image)
    if plan.file in UNSEEN:
        return suffix, content, ()
    if plan.file == "8000x6000":
        corner = large_corner(image)
        return suffix, content, tuple(_truth(hand, LARGE_SCALE, corner) for hand in hands)
    return suffix, content, tuple(_truth(hand) for hand in hands)


def open_pictures() -> CacheFile:
    """The file of all pictures that were rendered before."""
    return CacheFile(cache_folder() / PICTURES, MOST)


def picture_key(plan: CasePlan) -> str:
    """The key of a case: all that decides its file and truth."""
    return key_of(
        {
            "case": [plan.name, plan.kind, plan.seed, _parameters(plan)],
            "code": code_sha256("golden", "media"),
            "versions": versions(*DECIDING),
            "system": [platform.system(), platform.machine(), *platform.libc_ver()],
        }
    )


def _results(
    plans: Sequence[CasePlan],
    jobs: int | None,
    pictures: CacheFile | None,
    force: bool,
    on_kept: Callable[[str], None],
) -> Iterator[Result]:
    """Each case's result, in order: kept, or rendered and then kept."""
    known: dict[str, Result] = {}
    for plan in plans if pictures is not None and not force else ():
        assert pictures is not None
        with suppress(DecodeError):
            if (content := pictures.get(picture_key(plan))) is not None:
                known[plan.name] = _decoder.decode(content)
    missing = [plan for plan in plans if plan.name not in known]
    rendered = map_in_processes(render_plan, missing, jobs=jobs, few=3, initializer=_begin)
    for plan in plans:
        if plan.name in known:
            on_kept(plan.name)
            yield known[plan.name]
            continue
        result = next(rendered)
        if pictures is not None:
            pictures.put(picture_key(plan), msgpack.encode(result))
        yield result


def _chosen(names: Sequence[str] | None) -> list[CasePlan]:
    known = {plan.name: plan for plan in CASES}
    for name in names or ():
        if name not in known:
            raise ArtifactError(unknown_name("golden case", name, known))
    return [plan for plan in CASES if names is None or plan.name in names]


def _brevity(plan: CasePlan) -> tuple[bool, int]:
    """Sort key that puts slow cases first, so that no process starts one at the end: a large file
    is read again here, and each hand takes as long as a picture.
    """
    return plan.kind != FILE, -len(plan.scene.poses) if plan.scene else 0


def owned_files(folder: Path) -> tuple[str, ...]:
    """The files of the set in its folder, from its manifest; empty without one."""
    try:
        known = load_golden(folder)
    except ArtifactError:
        return ()
    return (MANIFEST, SHEET, *recordings(folder), *(case.file for case in known.cases))


def _existing(folder: Path) -> GoldenSet | None:
    """The set in a folder, None if there is none. Raises ArtifactError if it is damaged."""
    if os.path.islink(folder) or not os.path.isfile(folder / MANIFEST):
        return None
    return load_golden(folder)


class _Whole(Exception):
    """Nothing is left to do."""


def _is_whole(known: GoldenSet, kept: Mapping[str, GoldenCase], plans: Iterable[CasePlan]) -> bool:
    return len(kept) == len(known.cases) and all(plan.name in kept for plan in plans)


def _kept(known: GoldenSet) -> dict[str, GoldenCase]:
    """Cases that need no rendering: your own pictures, and those of exactly this table."""
    plans = {plan.name: plan for plan in CASES}
    kept = {}
    for case in known.cases:
        right = file_sha256(known.folder / case.file) == case.sha256
        if case.kind == "own":
            if not right:
                raise ArtifactError(
                    f"{known.folder / case.file}: your picture is changed or missing, and "
                    "cannot be rendered again; restore it, or choose another -o"
                )
            kept[case.name] = case
        elif (
            right
            and known.version == GOLDEN_VERSION
            and case.name in plans
            and case.parameters == _parameters(plans[case.name])
        ):
            kept[case.name] = case
    return kept


def _begin() -> None:
    """Initialises each of several processes: more threads would only compete, and the C library,
    after freeing such a large block, keeps smaller ones instead of returning each.
    """
    layer.threads = 1
    np.empty(31 << 20, np.uint8)


def _written(plan: CasePlan, result: Result, folder: Path) -> GoldenCase:
    suffix, content, hands = result
    path = folder / f"{plan.name}{suffix}"
    path.write_bytes(content)
    return _case(path, plan.name, plan.kind, plan.seed, _parameters(plan), hands)


def _parameters(plan: CasePlan) -> dict[str, Any]:
    """The parameters as JSON returns them: tuples become lists."""
    scene = FILE_SCENE if plan.file is not None else plan.scene
    values = {
        "drawing": plan.hard,
        "file": plan.file,
        "scene": None if scene is None else asdict(scene),
    }
    return {key: _plain(value) for key, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


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
        name, kind, path.name, digest, width > 0, width, height, seed, parameters, hands
    )


def _truth(hand: HandTruth, scale: int = 1, corner: tuple[int, int] = (0, 0)) -> TrueHand:
    """Rounded to a thousandth of a pixel and of a millimetre, more exact than any known joint.
    `scale` and `corner`: the picture's place in a larger one.
    """
    pixels = np.round(hand.joints_2d * scale + corner, 3).tolist()
    metres = np.round(hand.joints_3d, 6).tolist()
    box = np.array(hand.box) * scale + np.tile(corner, 2)
    left, top, right, bottom = np.round(box, 3).tolist()
    return TrueHand(
        tuple((x, y) for x, y in pixels),
        tuple((x, y, z) for x, y, z in metres),
        (left, top, right, bottom),
        hand.handedness,
    )
