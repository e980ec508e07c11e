"""A file that is not a TFLite model → what its content says it is, and which command takes it.

Only the start of a file is read, and a Core ML model's outermost fields. ONNX, Core ML and
TensorFlow files are Protocol Buffers, which begin alike and differ in the fields of their outermost
message:
https://protobuf.dev/programming-guides/encoding/
https://github.com/onnx/onnx/blob/v1.16.0/onnx/onnx.proto
https://github.com/tensorflow/tensorflow/blob/v2.16.1/tensorflow/core/framework/graph.proto
https://github.com/apple/coremltools/blob/8.0/mlmodel/format/Model.proto
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePosixPath

IDENTIFIER = b"TFL3"  # bytes 4 to 8 of a TFLite model
START = 64  # bytes needed to tell a model from a bundle
MAX_PADDING = 16  # zero bytes before an archive; known ones have one to three
MAX_FIELDS = 1 << 14  # fields of a Protocol Buffer to look at
MESSAGE = 1 << 20  # bytes of a Protocol Buffer to look at
TEXT = 256  # bytes of a text to look at

TFLITE = "a TFLite model; `blazepalm convert` converts it to Core ML"
BUNDLE = "a ZIP; `blazepalm convert` converts a bundle of TFLite models to Core ML"
CORE_ML = "a Core ML model; `blazepalm inspect` shows it and `blazepalm run` runs it"
ONNX = (
    "an ONNX model; `blazepalm parity --candidate` compares it with the .tflite that it was made "
    "from"
)
SAVED_MODEL = "a TensorFlow SavedModel; give the .tflite that TensorFlow's converter makes from it"
WEIGHTS = (
    "weights without their network; `blazepalm.load` in Python takes the folder "
    "that `blazepalm convert` wrote"
)
FROZEN_GRAPH = (
    "a frozen TensorFlow graph; give the .tflite that TensorFlow's converter makes from it"
)
GRAPH_DEF = {(1, 2), (2, 2), (3, 0), (4, 2)}  # nodes, functions, versions: (field, wire type)
SAFETENSORS = f"a safetensors file: {WEIGHTS}"
PICTURE = "a picture; `blazepalm detect` looks for hands in it"
VIDEO = "a video; `blazepalm detect` looks for hands in it"
KERAS = "a Keras model; give the .tflite that TensorFlow's converter makes from it"
PAGE = "a web page, not the model file; fetch it again"
EXECUTORCH = "an ExecuTorch program, which no command takes; give the .tflite"
ORT = "a model in ONNX Runtime's own format, which no command takes; give the .tflite"
NUMPY = "a NumPy array; `blazepalm anchors --check` takes anchors"

# (offset, bytes, what they mean)
MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", PICTURE),
    (0, b"\xff\xd8\xff", PICTURE),
    (0, b"GIF8", PICTURE),
    (0, b"II*\x00", PICTURE),
    (0, b"MM\x00*", PICTURE),
    (8, b"WEBP", PICTURE),
    (4, b"ftyphei", PICTURE),
    (4, b"ftypmif1", PICTURE),
    (4, b"ftypavif", PICTURE),
    (4, b"ftyp", VIDEO),
    (8, b"AVI ", VIDEO),
    (0, b"\x1aE\xdf\xa3", VIDEO),
    (4, b"ORTM", ORT),
    (4, b"ET1", EXECUTORCH),
    (0, b"\x89HDF\r\n\x1a\n", KERAS),
    (0, b"\x93NUMPY", NUMPY),
    (0, b"GGUF", "a GGUF file of weights, which no command takes; give the .tflite"),
    (0, b"\x1f\x8b", "packed by gzip; unpack it and give the .tflite inside"),
    (0, b"7z\xbc\xaf'\x1c", "packed by 7-Zip; unpack it and give the .tflite inside"),
    (0, b"\xfd7zXZ\x00", "packed by xz; unpack it and give the .tflite inside"),
    (0, b"BZh", "packed by bzip2; unpack it and give the .tflite inside"),
    (0, b"Rar!", "packed by RAR; unpack it and give the .tflite inside"),
    (0, b"(\xb5/\xfd", "packed by zstd; unpack it and give the .tflite inside"),
    (257, b"ustar", "a tar archive; unpack it and give the .tflite inside"),
    (0, b"%PDF", "a PDF document"),
    (0, b"version https://git-lfs", "a Git LFS pointer; fetch the file itself"),
)
TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"<!doctype html", PAGE),
    (b"<html", PAGE),
    (b"<?xml", "an XML document, perhaps a server's error message; fetch the file again"),
    (b"{", "JSON; give reports to `blazepalm report`, a device's results to `parity --device`"),
)


def described(content: bytes) -> str | None:
    """What the bytes are, and what to do; None if unknown."""
    for at, magic, what in MAGIC:
        if content.startswith(magic, at):
            return what
    if _is_safetensors(content):
        return SAFETENSORS
    if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05":
        return f"a Python pickle, perhaps of {WEIGHTS}; blazepalm never loads pickles"
    if content.startswith(b"BM") and content[6:10] == bytes(4):
        return PICTURE
    return _described_text(content[:TEXT]) or _described_message(content)


def described_as_found(content: bytes) -> str | None:
    """Like `described`, for a file given as a Core ML model; None if it is one, or unknown."""
    if content[4:8] == IDENTIFIER:
        return TFLITE
    if starts_archive(content):
        return BUNDLE
    what = described(content)
    return None if what == CORE_ML else what


def described_members(names: Sequence[str]) -> str | None:
    """What an archive with these members is, if it is not a bundle of models."""
    paths = [PurePosixPath(name) for name in names]
    held = {path.name for path in paths}
    if "data.pkl" in held:
        return f"a PyTorch checkpoint: {WEIGHTS}"
    if "Manifest.json" in held and any(path.suffix == ".mlmodel" for path in paths):
        return "a Core ML package in a ZIP; unpack it: `blazepalm inspect` shows it"
    if "saved_model.pb" in held:
        return SAVED_MODEL
    if "model.weights.h5" in held:
        return KERAS
    if names and all(path.suffix == ".npy" for path in paths):
        return "NumPy arrays (.npz), which no command takes as a model"
    return None


def described_folder(folder: Path) -> str:
    """What a folder is."""
    if is_core_ml(folder):
        return f"not a TFLite model but {CORE_ML}"
    if (folder / "saved_model.pb").is_file():
        return f"not a TFLite model but {SAVED_MODEL}"
    if (folder / "coremldata.bin").is_file():
        return "a compiled Core ML model; give the .mlpackage that it was compiled from"
    if (folder / "conversion.json").is_file():
        return (
            "a folder that `blazepalm convert` wrote; `detect`, `inspect`, `parity` and "
            "`blazepalm.load` in Python take it; here give the .tflite that it was made from"
        )
    return "this is a folder, expected a .tflite file"


def is_core_ml(path: Path) -> bool:
    """Whether the content is a Core ML package or a bare model; of a `.mlmodel`, whether it is
    nothing else that is known.
    """
    try:
        if path.is_dir():
            return (path / "Manifest.json").is_file()
        if not path.is_file():  # reading a pipe would block
            return False
        with path.open("rb") as file:
            start = file.read(MESSAGE)
            if start:  # the kind of model may come after a long description
                with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
                    if _described_message(content) == CORE_ML:
                        return True
            return path.suffix.lower() == ".mlmodel" and described_as_found(start) is None
    except (OSError, ValueError):
        return False


def starts_archive(start: bytes) -> bool:
    """Whether the first bytes are a ZIP's, after a few zeros if it is aligned."""
    return start[:START].lstrip(b"\0").startswith((b"PK\x03\x04", b"PK\x05\x06")) and (
        start.find(b"PK") <= MAX_PADDING
    )


def _is_safetensors(content: bytes) -> bool:
    """Whether the bytes are the length of a JSON header, then that header."""
    length = int.from_bytes(content[:8], "little")
    return 2 <= length <= len(content) - 8 and content[8:10] in (b'{"', b"{}", b"{ ")


def _described_text(start: bytes) -> str | None:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((what for mark, what in TEXTS if text.startswith(mark)), None)


def _described_message(content: bytes | mmap) -> str | None:
    """What a Protocol Buffer is, by its outermost fields."""
    fields = set(_fields(content))
    if (1, 0) not in fields:  # the version, in all of them but a frozen graph
        return FROZEN_GRAPH if fields and fields <= GRAPH_DEF and _is_node(content) else None
    if (7, 2) in fields:  # its graph
        return ONNX
    if any(number >= 200 and wire == 2 for number, wire in fields):  # the kind of model
        return CORE_ML
    return SAVED_MODEL if fields == {(1, 0), (2, 2)} else None


def _is_node(content: bytes | mmap) -> bool:
    """Whether a message begins with a TensorFlow node: its name, then its operator."""
    length, at = _varint(content, 1)
    return [*islice(_fields(content[at : at + min(length, MESSAGE)]), 2)] == [(1, 2), (2, 2)]


def _fields(content: bytes | mmap) -> Iterator[tuple[int, int]]:
    """(number, wire type) of the valid leading outermost fields; a last one that reaches beyond the
    end counts, since the file may be cut short.
    """
    at = 0
    for _ in range(MAX_FIELDS):
        if at >= len(content):
            return
        key, at = _varint(content, at)
        number, wire = key >> 3, key & 7
        if number == 0 or wire not in (0, 1, 2, 5):
            return
        yield number, wire
        if wire == 0:
            _, at = _varint(content, at)
        elif wire == 2:
            length, at = _varint(content, at)
            at += length
        else:
            at += 8 if wire == 1 else 4


def _varint(content: bytes | mmap, at: int) -> tuple[int, int]:
    """A number stored with 7 bits per byte, and the offset after it."""
    value = 0
    for position, byte in enumerate(content[at : at + 10]):
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return value, at + position + 1
    return value, len(content)
