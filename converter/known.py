"""A graph → the release that it is: by its file's SHA-256, else by its network's.

MediaPipe's bundles hold the networks of known releases in files of their own, with other
metadata; a file that was only written anew is the same release still.
"""

from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.network import network_sha256
from blazepalm.models.releases import Release, by_network, by_sha256


def release_of(graph: Graph) -> Release | None:
    """None where the registry knows neither."""
    release = by_sha256(graph.sha256)
    if release is not None or graph.stored is None:
        return release  # of a known file the network need not be looked at
    return by_network(network_sha256(graph.stored))


def network_of(graph: Graph) -> str | None:
    """The network's SHA-256, hex; the registry's, where it is a release's own file."""
    release = by_sha256(graph.sha256)
    if release is not None and release.sha256 == graph.sha256 and release.network_sha256:
        return release.network_sha256
    return None if graph.stored is None else network_sha256(graph.stored)
