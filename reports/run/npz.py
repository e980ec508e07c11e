"""Reads and writes named arrays as `.npy` and `.npz` files: without pickle, reproducible bytes.

Names come from a model and may hold anything; in the archive they are file names, so parts that
could lead outside a folder are removed.
"""

import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from blazepalm.errors import InvalidInput, first_line
from blazepalm.file_names import unique_name

MADE = (1980, 1, 1, 0, 0, 0)  # of every member: zip's earliest date


def member_names(names: Iterable[str]) -> dict[str, str]:
    """Maps each name to a distinct name in the archive; plain names stay unchanged."""
    members: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        parts = re.sub(r"[^\w./ -]", "_", name).split("/")
        plain = "/".join(part for part in parts if part.strip(". ")) or "value"
        members[name] = unique_name(plain, taken, "_", key=str)
    return members


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Writes the arrays in their order; returns their names in the archive. Text is stored as
    text. Raises OSError.
    """
    members = member_names(arrays)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            plain = array.astype(str) if array.dtype == object else array
            info = zipfile.ZipInfo(f"{members[name]}.npy", MADE)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(plain), allow_pickle=False)
    return members


def read_npy(path: Path) -> np.ndarray:
    """The array of a `.npy` file, memory-mapped so that a huge size in its header costs nothing.
    Raises InvalidInput.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or 'is not a .npy file'}") from error
    except Exception as error:  # whatever a hostile header makes numpy raise
        raise InvalidInput(f"{path}: cannot be read as a .npy file: {first_line(error)}") from error
    if not isinstance(found, np.ndarray):
        raise InvalidInput(f"{path}: holds several arrays, expected one .npy array")
    return found
