"""The registry: `releases.toml` as frozen dataclasses, and names → files on this machine.

It supplies what a `.tflite` does not hold: where it came from, its input's range, its thresholds
and regions. A file is identified by its SHA-256 or its network's, never by name; an unknown one
gets its family's newest generation (`defaults`).
"""

import difflib
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from blazepalm.errors import UnknownRelease, unknown_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REGISTRY = Path(__file__).parent / "releases.toml"
WEIGHTS = Path(__file__).parent / "weights"
CACHE_VARIABLE = "BLAZEPALM_CACHE"
MODEL_SUFFIXES = (".tflite", ".task", ".zip")

# The fields that a generation of each family sets besides size, value range and region.
STATED: Mapping[str, tuple[str, ...]] = {
    "palm": ("ssd", "score_threshold", "suppression_iou"),
    "hand": ("presence_threshold", "landmark_divisor", "normalize_z", "outputs"),
    "recrop": ("landmark_divisor", "output_values", "output_meaning"),
}


@dataclass(frozen=True)
class SsdOptions:
    """MediaPipe's SsdAnchorsCalculatorOptions; `input_size` is (height, width) in pixels.

    https://github.com/google-ai-edge/mediapipe/blob/1461bcf97d2b7d816f6d36f0dff05140d48bc3bf/mediapipe/calculators/tflite/ssd_anchors_calculator.cc
    """

    input_size: tuple[int, int]
    strides: tuple[int, ...]
    min_scale: float
    max_scale: float
    aspect_ratios: tuple[float, ...] = (1.0,)
    interpolated_scale_aspect_ratio: float = 1.0
    anchor_offset: tuple[float, float] = (0.5, 0.5)  # x, y, in cells
    fixed_anchor_size: bool = True
    reduce_boxes_in_lowest_layer: bool = False

    @property
    def anchors(self) -> int:
        """Number of anchors that the options give."""
        per_cell = [len(self.aspect_ratios) + (self.interpolated_scale_aspect_ratio > 0)] * len(
            self.strides
        )
        if self.reduce_boxes_in_lowest_layer:
            per_cell[0] = 3
        height, width = self.input_size
        cells = [math.ceil(height / s) * math.ceil(width / s) for s in self.strides]
        return sum(c * n for c, n in zip(cells, per_cell, strict=True))


@dataclass(frozen=True)
class RegionRule:
    """How the region for the next model follows from points of this one.

    The rectangle around the points `box` (all points if empty; for a palm, its box) is rotated
    until the line from point `start` to the weighted mean of `towards` points to `target_degrees`,
    scaled by `scale` (x, y), shifted by `shift` (x, y, fractions of its size), and squared on its
    long side. If `turned`, the rectangle is measured along the rotated axes; else upright and then
    rotated about its centre.
    """

    start: int
    towards: tuple[tuple[int, float], ...]  # (point, weight); the weights add up to 1
    target_degrees: float
    scale: tuple[float, float]
    shift: tuple[float, float]
    box: tuple[int, ...] = ()
    turned: bool = False
    square_long: bool = True


@dataclass(frozen=True)
class Generation:
    """The values that releases of one period share and their files do not hold. Fields that do not
    apply to a family keep their default and are left out of `to_dict`.
    """

    name: str
    family: str  # "palm", "hand" or "recrop"
    input_size: tuple[int, int]  # height, width
    value_range: tuple[float, float]
    roi: RegionRule
    source: str  # the MediaPipe graph that sets these values
    ssd: SsdOptions | None = None
    score_threshold: float = 0.5
    suppression_iou: float = 0.3
    presence_threshold: float = 0.5
    landmark_divisor: float = 1.0  # raw coordinates / this = normalised to the input
    normalize_z: float = 1.0  # z is also divided by this
    outputs: tuple[str, ...] = ()  # the roles that its releases' outputs may have
    output_values: tuple[str, ...] = ()  # the meaning of each value of a single output
    output_meaning: str = ""  # a sentence about all of them

    def to_dict(self) -> dict[str, Any]:
        """The fields that apply, as plain values."""
        unstated = {key for keys in STATED.values() for key in keys} - set(STATED[self.family])
        return {key: value for key, value in asdict(self).items() if key not in unstated}


@dataclass(frozen=True)
class Asset:
    """A published file. `urls` are tried in turn; `sha256` and `bytes` are None if not recorded;
    `embedded` is its name in `models/weights/`.
    """

    name: str
    file: str  # path in MediaPipe's repository or bucket
    urls: tuple[str, ...]
    first_seen: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    commit: str | None = None
    package: str | None = None
    embedded: str | None = None
    notes: str = ""

    @property
    def suffix(self) -> str:
        """`.tflite` or `.task`."""
        return Path(self.file).suffix

    @property
    def cached(self) -> Path:
        """Where `releases fetch` keeps the file, whether or not it exists."""
        return cache_folder() / f"{self.name}{self.suffix}"

    def location(self) -> Path | None:
        """The file on this machine, embedded or fetched earlier; None if it is neither."""
        if self.embedded is not None:
            return WEIGHTS / self.embedded
        return self.cached if self.cached.is_file() else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the generation as its name."""
        values = asdict(self)
        if isinstance(self, Release):
            values["generation"] = self.generation.name
            values["family"] = self.generation.family
        if isinstance(self, Bundle):
            values["members"] = dict(self.members)
            values["family"] = "bundle"
        return values


@dataclass(frozen=True, kw_only=True)
class Release(Asset):
    """One published model. `network_sha256` hashes what it computes, however the file is written
    (None if no file was available); `also_sha256` are other files of the same network.
    `float32_modules` compute in float32 in its float16 Core ML package; None if nobody measured
    which pay.
    """

    generation: Generation
    network_sha256: str | None = None
    also_sha256: tuple[str, ...] = ()
    float32_modules: tuple[str, ...] | None = None

    @property
    def family(self) -> str:
        return self.generation.family


@dataclass(frozen=True, kw_only=True)
class Bundle(Asset):
    """A ZIP of models: member's path → the name of its release, if it is one. An inner bundle is
    part of the path: `hand_landmarker.task:hand_detector.tflite`.
    """

    members: tuple[tuple[str, str], ...]

    @property
    def family(self) -> str:
        return "bundle"


@dataclass(frozen=True)
class Registry:
    """Everything in `releases.toml`, in its order."""

    generations: Mapping[str, Generation]
    releases: tuple[Release, ...]
    bundles: tuple[Bundle, ...]
    aliases: Mapping[str, str]
    defaults: Mapping[str, str]  # family → generation
    tasks: Mapping[str, RegionRule]  # family → its rule in MediaPipe's tasks, if it is another

    @property
    def assets(self) -> tuple["Release | Bundle", ...]:
        """Releases, then bundles."""
        return (*self.releases, *self.bundles)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and alias that `by_name` knows."""
        return (*self.aliases, *(asset.name for asset in self.assets))

    def aliases_of(self, asset: Asset) -> tuple[str, ...]:
        return tuple(alias for alias, name in self.aliases.items() if name == asset.name)


@cache
def load_registry(path: Path = REGISTRY) -> Registry:
    """Reads the registry. Raises ValueError, KeyError or TypeError if the table is wrong."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    generations = {name: _generation(name, t) for name, t in table["generation"].items()}
    releases = tuple(
        Release(
            **{
                **_tuples(_asset(t, table["source"])),
                "generation": generations[t["generation"]],
            }
        )
        for t in table["release"]
    )
    bundles = tuple(
        Bundle(**{**_asset(t, table["source"]), "members": tuple(t["members"].items())})
        for t in table["bundle"]
    )
    tasks = {family: _region_rule(rule) for family, rule in table["tasks"].items()}
    return Registry(generations, releases, bundles, table["aliases"], table["defaults"], tasks)


def by_name(name: str) -> Release | Bundle:
    """The release or bundle with that name or alias. Raises UnknownRelease with near misses."""
    registry = load_registry()
    full = registry.aliases.get(name, name)
    for asset in registry.assets:
        if asset.name == full:
            return asset
    near = difflib.get_close_matches(name, registry.names, n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else "see `blazepalm releases`"
    raise UnknownRelease(f"{name!r} is neither a file nor a known release; {advice}")


def by_sha256(digest: str) -> Release | None:
    """The release one of whose known files has that SHA-256 (hex); None if unknown."""
    wanted = digest.lower()
    return next((r for r in load_registry().releases if wanted in (r.sha256, *r.also_sha256)), None)


def by_network(digest: str) -> Release | None:
    """The release whose network has that SHA-256 (hex, `converter.tflite.network`); None if
    unknown.
    """
    wanted = digest.lower()
    return next((r for r in load_registry().releases if r.network_sha256 == wanted), None)


def generation_of(name: str, family: str) -> Generation:
    """The generation that a spec's `generation` names; the family's newest if it names none."""
    return find_generation(name, family) if name else defaults(family)


def find_generation(name: str, family: str) -> Generation:
    """A family's generation by its name. Raises UnknownRelease."""
    generations = load_registry().generations
    if name not in generations or generations[name].family != family:
        known = [n for n, g in generations.items() if g.family == family]
        raise UnknownRelease(unknown_name(f"{family} generation", name, known))
    return generations[name]


def defaults(family: str) -> Generation:
    """The generation assumed for an unknown file of a family: the newest."""
    registry = load_registry()
    return registry.generations[registry.defaults[family]]


def resolve(file_or_release: str) -> Path:
    """A file's path, a release's name or an alias → the file.

    An existing file takes precedence over a release of the same name. `bundle.task:member.tflite`,
    or `hand-landmarker:member.tflite`, stands for a member of a bundle; its existence is not
    checked here. Raises UnknownRelease if there is no such file or release, or the release has not
    been fetched.
    """
    path = Path(file_or_release)
    known = file_or_release in load_registry().names
    try:
        if path.is_file() or (file_or_release and path.exists() and not known):
            return path
        parts = file_or_release.split(":")
        if any(Path(":".join(parts[:count])).is_file() for count in range(1, len(parts))):
            return path
    except (OSError, ValueError):  # too long, or with a null character: not a path
        pass
    name, _, member = file_or_release.partition(":")
    if member and name in load_registry().names:
        return Path(f"{resolve(name)}:{member}")
    if not known and (path.suffix.lower() in MODEL_SUFFIXES or len(path.parts) > 1):
        raise UnknownRelease(f"{file_or_release!r}: no such file")
    asset = by_name(file_or_release)
    found = asset.location()
    if found is None:
        raise UnknownRelease(
            f"{asset.name} is not on this machine: fetch it with `blazepalm releases fetch "
            f"{asset.name}`, or give the path of its file"
        )
    return found


def cache_folder() -> Path:
    """The folder of fetched releases: BLAZEPALM_CACHE, else this user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    from platformdirs import user_cache_path

    return Path(user_cache_path("blazepalm", appauthor=False)) / "releases"


def _generation(name: str, table: Mapping[str, Any]) -> Generation:
    values = _tuples(table)
    family = values["family"]
    expected = {"family", "input_size", "value_range", "roi", "source", *STATED[family]}
    if set(values) != expected:
        raise ValueError(f"generation {name} must set {sorted(expected)}, not {sorted(values)}")
    roi = _region_rule(values.pop("roi"))
    ssd = values.pop("ssd", None)
    if ssd is not None:
        ssd = SsdOptions(input_size=values["input_size"], **_tuples(ssd))
    return Generation(name=name, roi=roi, ssd=ssd, **values)


def _region_rule(table: Mapping[str, Any]) -> RegionRule:
    values = _tuples(table)
    values["towards"] = tuple((int(point), weight) for point, weight in values["towards"].items())
    return RegionRule(**values)


def _asset(table: Mapping[str, Any], source: Mapping[str, str]) -> dict[str, Any]:
    values = {
        k: v for k, v in table.items() if k not in ("asset", "model", "generation", "members")
    }
    urls = []
    if "model" in table:
        urls.append(source["models"].format(model=table["model"]))
    if "commit" in table:
        urls.append(source["raw"].format(commit=table["commit"], file=table["file"]))
    if "asset" in table:
        urls.append(source["assets"].format(asset=table["asset"]))
    return {**values, "urls": tuple(urls)}


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    """Converts TOML's lists to tuples."""
    return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
