"""A release, a file, a bundle or a converted folder → a readable network with its weights."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from blazepalm.converter.artifacts import RECORD
from blazepalm.converter.choose import WANTED, choose
from blazepalm.converter.convert import convert_graph, warn
from blazepalm.converter.loading import any_spec, from_here, load, read_record
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import ArtifactError, InvalidModel, check_path, one_line
from blazepalm.models.gesture_spec import CLASSIFIER, EMBEDDER, GestureSpec
from blazepalm.models.newest import newest_hand_spec, newest_palm_spec

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.models.spec import Spec

    Network = TypeVar("Network", bound=nn.Module)
else:
    Network = TypeVar("Network")

WEIGHTS = (".pth", ".pt", ".safetensors")


def pretrained(kind: type[Network], family: str, source: str | Path) -> Network:
    """A network of class `kind`, in evaluation mode. `source`: a release, a `.tflite`, a bundle
    (its one model of `family`, "palm" or "hand"), a folder that `convert` or `save` wrote, or
    weights: a `model.pth`, which records its structure, or `.safetensors`, whose structure is that
    of the `conversion.json` beside it or, without one, the newest release's.

    Raises TypeError, UnknownRelease, InvalidModel (also for a model of another family),
    UnsupportedOperator, ArtifactError.
    """
    check_path(source, "a release, a file or a folder")
    if is_weights(source):
        return _of_kind(kind, family, source, _from_weights(Path(source), family))
    return _of_kind(kind, family, source, _of_model(source, family))


def pretrained_gestures(kind: "type[nn.Module]", source: str | Path) -> "nn.Module":
    """A gesture network of class `kind`, in evaluation mode: of a `.tflite`, a bundle (its only
    one), or a folder that `convert` or `save` wrote. Raises as `pretrained`.
    """
    from blazepalm.models.gestures import GestureEmbedder

    family = EMBEDDER if kind is GestureEmbedder else CLASSIFIER
    check_path(source, "a release, a file or a folder")
    return _of_kind(kind, family, source, _of_model(source, family))


def _of_model(source: str | Path, family: str) -> "nn.Module":
    """The network of a folder, or of a release's, a file's or a bundle's one model of a family."""
    if Path(source).is_dir():
        return load(source)
    name, content = choose(source, family)
    return convert_graph(read_bytes(content, name), warn).module


def _of_kind(kind: type[Network], family: str, source: str | Path, module: "nn.Module") -> Network:
    """The module in evaluation mode. Raises InvalidModel if it is of another class."""
    if not isinstance(module, kind):
        raise InvalidModel(f"{source}: does not hold {WANTED[family]}")
    return module.eval()


def is_weights(source: str | Path) -> bool:
    """Whether a path names weights without their network."""
    return Path(source).suffix.lower() in WEIGHTS and not Path(source).is_dir()


def trained(source: str | Path, start: str | Path | None = None) -> "nn.Module":
    """Any network that `save` takes: of a release, a file, a folder that `convert` or `save` wrote,
    or of weights (`.safetensors`, `.pth`), whose structure is that of `start` (a release, file or
    folder), else the one that a `model.pth` or the `conversion.json` beside them records.

    Raises ArtifactError if the structure is recorded nowhere or does not fit, and as `pretrained`.
    """
    from blazepalm.converter.convert import module_of
    from blazepalm.models.state import load_state

    path = Path(source)
    if path.is_dir():
        return load(path)
    if not is_weights(source):
        return module_of(source).module
    if start is None:
        return _from_weights(path, None)
    module = load(start) if Path(start).is_dir() else module_of(start).module
    load_state(module, path)
    return module


def _from_weights(path: Path, family: str | None) -> "nn.Module":
    """Builds the network that the weights belong to, then fills it; without a record, the newest of
    `family`. Raises ArtifactError, also for weights of unknown structure without a family.
    """
    from blazepalm.models.gestures import gesture_module
    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector
    from blazepalm.models.spec import PalmDetectorSpec
    from blazepalm.models.state import load_state, read_weights

    spec: Spec | GestureSpec
    state, text = read_weights(path)
    record = path.parent / RECORD
    try:
        if text is not None:
            spec = any_spec(json.loads(text)["spec"])
        elif record.is_file():
            spec = any_spec(read_record(path.parent)["spec"])
        elif family is None:
            raise ArtifactError(
                f"{path}: records no structure; name the release, file or folder that it was "
                "trained from"
            )
        else:
            spec = newest_palm_spec() if family == "palm" else newest_hand_spec()
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        where = path if text is not None else record
        raise ArtifactError(
            f"{where}: describes no readable network ({one_line(error)})"
        ) from error
    module: nn.Module
    if isinstance(spec, GestureSpec):
        module = gesture_module(spec)
    else:
        module = PalmDetector(spec) if isinstance(spec, PalmDetectorSpec) else HandLandmarks(spec)
    load_state(module, path, state)
    return from_here(module, path.parent) if record.is_file() else module
