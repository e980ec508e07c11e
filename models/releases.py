"""Releases by name, by hash and by file.

A file is identified by its SHA-256 or its network's, never by name; an unknown one gets its
family's newest generation (`defaults`).
"""

import difflib
from pathlib import Path

from blazepalm.errors import UnknownRelease, unknown_name
from blazepalm.models.generation import Generation
from blazepalm.models.release_registry import Bundle, Release, load_registry

MODEL_SUFFIXES = (".tflite", ".task", ".zip")


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
    if found is None and asset.cached.is_file():
        raise UnknownRelease(
            f"{asset.cached}: is not {asset.name}: its SHA-256 is another; fetch the release again "
            f"with `blazepalm releases fetch {asset.name}`"
        )
    if found is None:
        raise UnknownRelease(
            f"{asset.name} is not on this machine: fetch it with `blazepalm releases fetch "
            f"{asset.name}`, or give the path of its file"
        )
    return found
