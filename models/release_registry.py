"""The registry: `releases.toml` as frozen dataclasses.

It supplies what a `.tflite` does not hold: where it came from, its input's range, its thresholds
and regions.
"""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from blazepalm.cache_folder import cache_folder
from blazepalm.errors import ArtifactError, one_line
from blazepalm.models.generation import STATED, Generation, RegionRule
from blazepalm.models.plain_values import build

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REGISTRY = Path(__file__).parent / "releases.toml"
WEIGHTS = Path(__file__).parent / "weights"
RELEASES = "releases"  # folder of fetched releases in the cache folder


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
        return cache_folder() / RELEASES / f"{self.name}{self.suffix}"

    def location(self) -> Path | None:
        """The file on this machine, embedded or fetched earlier (also one that lies directly in
        the cache folder); None if it is neither, or if what is in the cache is another file.
        """
        if self.embedded is not None:
            return WEIGHTS / self.embedded
        return next(filter(self._is_at, (self.cached, cache_folder() / self.cached.name)), None)

    def _is_at(self, path: Path) -> bool:
        if not path.is_file():
            return False
        return self.sha256 in (None, hashlib.sha256(path.read_bytes()).hexdigest())

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
    """Reads the registry. Raises ArtifactError if the table is damaged."""
    try:
        return _registry(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"{path}: is damaged ({one_line(error)}); reinstall blazepalm"
        ) from error


def _registry(table: Mapping[str, Any]) -> Registry:
    generations = {name: _generation(name, t) for name, t in table["generation"].items()}
    releases = tuple(
        build(
            Release,
            {**_asset(t, table["source"]), "generation": generations[t["generation"]]},
            f"release {t['name']}",
        )
        for t in table["release"]
    )
    bundles = tuple(
        build(
            Bundle,
            {**_asset(t, table["source"]), "members": tuple(t["members"].items())},
            f"bundle {t['name']}",
        )
        for t in table["bundle"]
    )
    tasks = {family: _region_rule(rule, family) for family, rule in table["tasks"].items()}
    assets = {asset.name for asset in (*releases, *bundles)}
    for alias, name in table["aliases"].items():
        if name not in assets:
            raise ValueError(f"alias {alias} names no release")
    for family, name in table["defaults"].items():
        if generations[name].family != family:
            raise ValueError(f"default {name} is no generation of family {family}")
    return Registry(generations, releases, bundles, table["aliases"], table["defaults"], tasks)


def _generation(name: str, table: Mapping[str, Any]) -> Generation:
    where = f"generation {name}"
    expected = {"family", "input_size", "value_range", "roi", "source", *STATED[table["family"]]}
    if set(table) != expected:
        raise ValueError(f"{where} must set {sorted(expected)}, not {sorted(table)}")
    values = {**table, "name": name, "roi": _region_rule(table["roi"], where)}
    if "ssd" in table:
        values["ssd"] = {"input_size": table["input_size"], **table["ssd"]}
    return build(Generation, values, where)


def _region_rule(table: Mapping[str, Any], where: str) -> RegionRule:
    towards = tuple((int(point), weight) for point, weight in table["towards"].items())
    return build(RegionRule, {**table, "towards": towards}, f"{where}.roi")


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
