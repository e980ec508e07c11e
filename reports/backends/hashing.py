"""The SHA-256 by which a report names a model that is a file or a folder."""

import hashlib
from pathlib import Path


def package_sha256(package: Path) -> str:
    """SHA-256 of a file's bytes, or of the paths and contents of a folder's files, in the order of
    their paths.
    """
    if package.is_file():
        return hashlib.sha256(package.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for path in sorted(p for p in package.rglob("*") if p.is_file()):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
