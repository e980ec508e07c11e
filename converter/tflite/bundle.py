"""A path → the bytes of its models: a plain file, or the members of a bundle.

MediaPipe's `.task` is a ZIP of `.tflite` files and further bundles. The content decides what a file
is, not its suffix: a file with `TFL3` is a model, even with a ZIP of label files appended. Members
are named by path: `gesture_recognizer.task:hand_landmarker.task` stands for all models of the inner
bundle, `…:hand_landmarker.task:hand_detector.tflite` for one.

The other members are still read when one of them cannot be.
"""

import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from blazepalm.converter.tflite import archive
from blazepalm.converter.tflite.archive import Budget, inflate, is_archive, open_archive, start_of
from blazepalm.converter.tflite.foreign import (
    IDENTIFIER,
    START,
    described_folder,
    described_members,
    starts_archive,
)
from blazepalm.errors import InvalidModel
from blazepalm.limits import MODEL_BYTES

MAX_NESTING = 8  # levels of bundles inside bundles
MAX_NAMED = 8  # members that a message lists

Model = tuple[str, bytes]  # its name in messages, and its bytes


@dataclass(frozen=True)
class Contents:
    """Everything found at a path. `others` are the members that are not models, by path in the
    bundle; `failures` are (name in messages, error) of the members that cannot be read.
    """

    file: str
    is_bundle: bool
    models: tuple[Model, ...]
    others: tuple[str, ...] = ()
    failures: tuple[tuple[str, InvalidModel], ...] = ()


def open_contents(path: str | Path) -> Contents:
    """The models at `path`. Raises InvalidModel if the file itself cannot be read, holds no model,
    or does not have the named member.
    """
    file, member = _split(str(path))
    content = read_file(file)
    if not is_bundle(content):
        if member is not None:
            raise InvalidModel(f"{file}: not a bundle, so it has no member {member}")
        return Contents(file, False, ((file, content),))
    found = _Members()
    found.walk(content, file, MAX_NESTING)
    if not found.models and not found.failures:
        raise InvalidModel(f"{file}: {_no_model(_inside(file, found.others))}")
    if member is not None:
        found = found.chosen(file, member)
    others = _inside(file, found.others)
    return Contents(file, True, tuple(found.models), others, tuple(found.failures))


def file_of(path: str | Path) -> str:
    """The file to read: for a member, its bundle."""
    return _split(str(path))[0]


def read_contents(path: str | Path) -> list[Model]:
    """(source, content) of every model at `path`. Raises InvalidModel, also if any member cannot be
    read.
    """
    contents = open_contents(path)
    for _, failure in contents.failures:
        raise failure
    return list(contents.models)


def choose_one(path: str | Path) -> Model:
    """The one model at `path`. Raises InvalidModel listing the members if there are several."""
    models = read_contents(path)
    if len(models) > 1:
        raise InvalidModel(
            f"{path}: the bundle holds {len(models)} models; name one of them: {_listed(models)}"
        )
    return models[0]


def is_bundle(content: bytes) -> bool:
    """Whether the bytes are an archive, intact or broken, rather than a model."""
    if content[4:8] == IDENTIFIER:
        return False
    return is_archive(content) or starts_archive(content)


def read_file(path: str) -> bytes:
    """The bytes of a regular file of at most a gigabyte. Raises InvalidModel."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)  # does not block on a pipe
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidModel(f"{path}: not a regular file")
            if status.st_size > MODEL_BYTES:
                raise InvalidModel(f"{path}: {status.st_size} bytes, more than {MODEL_BYTES}")
            content = file.read(MODEL_BYTES + 1)
    except FileNotFoundError as error:
        raise InvalidModel(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise InvalidModel(f"{path}: {described_folder(Path(path))}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidModel(f"{path!r}: cannot be read: {reason}") from error
    if len(content) > MODEL_BYTES:
        raise InvalidModel(f"{path}: more than {MODEL_BYTES} bytes")
    return content


class _Members:
    """What a walk through a bundle and its inner bundles finds."""

    def __init__(self) -> None:
        self.models: list[Model] = []
        self.others: list[str] = []
        self.failures: list[tuple[str, InvalidModel]] = []
        self.budget = Budget(archive.MAX_INFLATED)

    def walk(self, content: bytes, source: str, depth: int) -> None:
        """Collects a bundle's members, in its order. Raises InvalidModel if the bundle as a whole
        cannot be trusted or read.
        """
        with open_archive(content, source, self.budget) as bundle:
            for member in bundle.infolist():
                if member.is_dir():
                    continue
                label = f"{source}:{member.filename}"
                try:
                    self.take(bundle, member, label, depth)
                except InvalidModel as error:
                    self.failures.append((label, error))
                except archive.DAMAGE as error:
                    reason = f"{label}: this member is damaged ({error}); fetch the bundle again"
                    self.failures.append((label, InvalidModel(reason)))

    def take(
        self, bundle: zipfile.ZipFile, member: zipfile.ZipInfo, label: str, depth: int
    ) -> None:
        suffix = PurePosixPath(member.filename).suffix.lower()
        start = start_of(bundle, member, START)
        if start[4:8] == IDENTIFIER or suffix == ".tflite":
            self.models.append((label, inflate(bundle, member, label, self.budget)))
        elif not starts_archive(start):
            self.others.append(label)
        elif depth == 1:
            raise InvalidModel(f"{label}: is nested more than {MAX_NESTING} bundles deep")
        else:
            self.walk(inflate(bundle, member, label, self.budget), label, depth - 1)

    def chosen(self, file: str, member: str) -> "_Members":
        """The members that `member` names: itself, or everything inside it."""

        def meant(label: str) -> bool:
            return label == wanted or label.startswith(f"{wanted}:")

        wanted = f"{file}:{member}"
        found = _Members()
        found.models = [model for model in self.models if meant(model[0])]
        found.failures = [failure for failure in self.failures if meant(failure[0])]
        found.others = [label for label in self.others if meant(label)]
        if found.models or found.failures:
            return found
        if found.others:
            raise InvalidModel(f"{file}: the member {member} is not a model")
        raise InvalidModel(f"{file}: no member {member}; there are {_listed(self.models)}")


def _inside(file: str, labels: Sequence[str]) -> tuple[str, ...]:
    """The members' paths in the bundle."""
    return tuple(label.removeprefix(f"{file}:") for label in labels)


def _no_model(others: Sequence[str]) -> str:
    """Why an archive is not a bundle of models."""
    if found := described_members(others):
        return f"not a TFLite model but {found}"
    held = f"; it holds {shortened(others)}" if others else ""
    return f"the bundle holds no .tflite model{held}"


def shortened(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def left_out(contents: Contents) -> str | None:
    """A message about a bundle's members that are not models; None if there are none."""
    if not contents.others:
        return None
    return f"{contents.file}: skipped members that are not models: {shortened(contents.others)}"


def _split(path: str) -> tuple[str, str | None]:
    """`bundle.task:member` → both parts, unless a file has the whole name."""
    if os.path.lexists(path):
        return path, None
    for file, member in splits(path):
        if os.path.isfile(file):
            return file, member
    return path, None


def splits(path: str) -> Iterator[tuple[str, str]]:
    """Every way of reading a path as `file:member`, the shortest file first."""
    at = path.find(":")
    while at > 0:
        if path[at + 1 :]:
            yield path[:at], path[at + 1 :]
        at = path.find(":", at + 1)


def _listed(models: list[Model]) -> str:
    return shortened([source for source, _ in models])
