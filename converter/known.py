"""A graph → its release: by the file's SHA-256, else by the network's.

MediaPipe's bundles hold the networks of known releases in separate files with other metadata; a
file that was only rewritten still counts as the same release.
"""

from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.network import network_sha256
from blazepalm.models.release_registry import Release
from blazepalm.models.releases import by_network, by_sha256


def release_of(graph: Graph) -> Release | None:
    """The graph's release; None if the registry knows neither hash."""
    release = by_sha256(graph.sha256)
    if release is not None or graph.stored is None:
        return release  # a known file needs no network hash
    return by_network(network_sha256(graph.stored))


def network_of(graph: Graph) -> str | None:
    """The network's SHA-256 in hex; taken from the registry for a release's own file."""
    release = by_sha256(graph.sha256)
    if release is not None and release.sha256 == graph.sha256 and release.network_sha256:
        return release.network_sha256
    return None if graph.stored is None else network_sha256(graph.stored)
