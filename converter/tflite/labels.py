"""The labels that a model's file carries: TFLite's tools append them as a ZIP of text files, one
label per line, in the order of an output's values.
https://ai.google.dev/edge/litert/models/metadata#associated_files
"""

import io
import zipfile

from blazepalm.converter.tflite.archive import Budget, inflate, is_archive, open_archive
from blazepalm.errors import InvalidModel

LABELS = "labels.txt"  # the name that MediaPipe gives them
MAX_LABELS = 1 << 16  # bytes


def read_labels(content: bytes, source: str) -> tuple[str, ...]:
    """The lines of `labels.txt`, else of the only text file; empty if there is none or it cannot be
    read as UTF-8.
    """
    if not is_archive(content):
        return ()
    budget = Budget(MAX_LABELS)
    try:
        with open_archive(content, source, budget) as archive:
            texts = [m for m in archive.infolist() if m.filename.endswith(".txt")]
            named = [m for m in texts if m.filename == LABELS] or (texts if len(texts) == 1 else [])
            if not named:
                return ()
            text = inflate(archive, named[0], source, budget).decode("utf-8")
    except (InvalidModel, UnicodeDecodeError):  # the model itself is whole
        return ()
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def with_labels(content: bytes, labels: tuple[str, ...]) -> bytes:
    """The file with `labels.txt` appended; `content` itself without labels. Equal labels give equal
    bytes.
    """
    if not labels:
        return content
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS), "\n".join(labels))
    return file.getvalue()
