"""Raw outputs beside the report: `raw/<model>/<case>.safetensors`, arrays `<backend>/<output>`.

`report recheck --raw` and `report diff` read them, so that nothing has to run again. The names of
a landmark model's outputs end in the hand's number in the image: `#0`, `#1`.
"""

from pathlib import Path

import numpy as np

from blazepalm.atomic import atomic_file
from blazepalm.file_names import file_name
from blazepalm.reports.compare.record import Record


def raw_path(folder: Path, model: str, case: str) -> Path:
    """The file of one model's outputs on one case; no name can lead outside the folder."""
    return folder / file_name(model) / f"{file_name(case)}.safetensors"


def write_raw(folder: Path, record: Record) -> None:
    """Writes a record's arrays, each file atomically. Raises ArtifactError."""
    from safetensors.numpy import save

    for model, arrays in record.raw.items():
        path = raw_path(folder, model, record.case)
        tensors = {name: np.ascontiguousarray(value) for name, value in sorted(arrays.items())}
        with atomic_file(path) as temporary:
            temporary.write_bytes(save(tensors))
