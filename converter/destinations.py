"""What `convert` reads, and the folders that it goes to."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from blazepalm.converter.known import release_of
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import Members, read_members
from blazepalm.errors import ArtifactError
from blazepalm.file_names import folded
from blazepalm.models.releases import resolve


class Opened(NamedTuple):
    """A release, a file or a bundle that was read, and a folder for each of its models."""

    members: Members
    folders: list[Path]

    def pairs(self) -> Iterator[tuple[Path, Graph]]:
        """Each model's folder and graph."""
        return zip(self.folders, self.members.graphs, strict=True)

    def without(self, folders: Collection[Path]) -> "Opened":
        """The same without the models of these folders."""
        left = [(folder, graph) for folder, graph in self.pairs() if folder not in folders]
        members = replace(self.members, graphs=tuple(graph for _, graph in left))
        return Opened(members, [folder for folder, _ in left])


def open_source(
    source: str | Path, output: str | Path | None = None, within: str | Path = ""
) -> Opened:
    """Reads `source`. `output` is the folder of its model (for a bundle of several models, the
    parent of one folder per model); by default the release's or the file's name, in the folder
    `within`. Raises InvalidModel, UnknownRelease, or ArtifactError if a name cannot be a folder's.
    """
    members = read_members(resolve(str(source)))
    several = len(members.graphs) + len(members.failures) > 1
    if output is None:
        release = None if several else release_of(members.graphs[0])
        name = release.name if release else Path(str(source).rpartition(":")[2]).stem
        if name.strip(". ") == "":
            raise ArtifactError(f"{source}: {name!r} cannot be a folder name; rename the file")
        output = Path(within) / name
    parent = Path(output)
    if not several:
        return Opened(members, [parent])
    names = folder_names(members.file, [graph.source for graph in members.graphs])
    return Opened(members, [parent / name for name in names])


def folder_names(file: str, sources: Sequence[str]) -> list[str]:
    """One folder name per member: `x.task:hand_detector.tflite` → `hand_detector`, or its whole
    path in the bundle if two members would share a name. Raises ArtifactError if a member's name
    gives no folder name, or if two still collide.
    """
    short = [Path(source.rpartition(":")[2]).stem for source in sources]
    counts = Counter(folded(name) for name in short)
    long = [_joined(source.removeprefix(f"{file}:")) for source in sources]
    names = [a if counts[folded(a)] == 1 else b for a, b in zip(short, long, strict=True)]
    for source, name in zip(sources, names, strict=True):
        if name.strip(". ") == "":
            raise ArtifactError(f"{source}: {name!r} cannot be a folder name; rename the member")
    if len({folded(name) for name in names}) < len(names):
        raise ArtifactError(f"{file}: two members would share a folder; name one of them")
    return names


def _joined(path: str) -> str:
    """`a.task:b/m.tflite` → `a-b-m`."""
    return "-".join(Path(part).stem for part in path.replace("/", ":").split(":"))
