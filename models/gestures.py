"""The gesture networks of MediaPipe's GestureRecognizer: landmarks → embedding → probabilities.

`GestureEmbedder` normalises the landmarks of one hand and sends them through a small residual
network; `GestureClassifier` gives one probability for each gesture. One class serves every network
of its kind: `models.gesture_spec` describes each. `models.gesture_pipeline` prepares the landmarks
and names the gesture.
"""

from importlib import import_module
from pathlib import Path
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn, zeros
from torch.fx import Proxy

from blazepalm.models.gesture_spec import (
    GestureClassifierSpec,
    GestureEmbedderSpec,
    GestureSpec,
    check_gesture_spec,
)
from blazepalm.models.layers import NotScriptable, activation
from blazepalm.models.state import load_state


class Constant(nn.Module):
    """One stored weight without a layer of its own."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(zeros(shape))


class Scale(nn.Module):
    """A batch normalisation as it is stored: (B, C) · factor + summand, one each per number."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.factor = Constant(values)
        self.summand = Constant(values)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor.weight + self.summand.weight


class Normalise(nn.Module):
    """Landmarks in any unit → about the mean of the landmarks `origin`, in units of the larger of
    their width and height. (B, L, 3) → (B, 3·L): x, y, z of each point
    """

    def __init__(self, spec: GestureEmbedderSpec) -> None:
        super().__init__()
        self.origin = list(spec.origin)
        self.epsilon = Constant()

    def forward(self, landmarks: Tensor) -> Tensor:
        centre = landmarks[:, self.origin].mean((1,), keepdim=True)  # (B, 1, 3)
        x = landmarks - centre  # (B, L, 3)
        width, height, _ = (x.amax((1,)) - x.amin((1,))).unbind(1)  # (B,) each
        extent = width.maximum(height).reshape(-1, 1, 1) + self.epsilon.weight  # (B, 1, 1)
        return (x / extent).flatten(1)  # (B, 3·L)


class FirstBlock(nn.Module):
    """shortcut(x) + outer(relu(inner(x))). (B, 3·L) → (B, width)"""

    def __init__(self, values: int, spec: GestureEmbedderSpec) -> None:
        super().__init__()
        self.shortcut = nn.Linear(values, spec.width)
        self.inner = nn.Linear(values, spec.hidden)
        self.outer = nn.Linear(spec.hidden, spec.width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.shortcut(x) + self.outer(F.relu(self.inner(x))))


class ResidualBlock(nn.Module):
    """x + layer(relu(scale(x))). (B, width) → (B, width)"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = Scale(width)
        self.layer = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.layer(F.relu(self.scale(x))))


class GestureEmbedder(NotScriptable, nn.Module):
    """Landmarks of one hand → a vector that describes its gesture. `forward` takes (B, L, 3)
    float32: x, y, z of `spec.landmarks` points in any unit and returns (B, `spec.embedding`).
    MediaPipe also gives its file the handedness and world landmarks, which the network ignores.
    """

    origin: str | None = None  # the file or folder of its weights, for `blazepalm.save`

    def __init__(self, spec: GestureEmbedderSpec) -> None:
        super().__init__()
        if not isinstance(spec, GestureEmbedderSpec):
            raise TypeError(f"expected a GestureEmbedderSpec, got {type(spec).__name__}")
        check_gesture_spec(spec)
        self.spec = spec
        self.normalise = Normalise(spec)
        self.first = FirstBlock(3 * spec.landmarks, spec)
        self.blocks = nn.Sequential()
        for i in range(spec.blocks):
            self.blocks.add_module(f"block{i}", ResidualBlock(spec.width))
        self.scale = Scale(spec.width)
        self.head = nn.Linear(spec.width, spec.embedding)

    @classmethod
    def from_pretrained(cls, source: str | Path) -> "GestureEmbedder":
        """The embedder of a `.tflite`, a bundle (`gesture_recognizer.task`) or a converted folder,
        in evaluation mode. For errors see `converter.pretrained.pretrained_gestures`.
        """
        return cast("GestureEmbedder", _pretrained(cls, source))

    def forward(self, landmarks: Tensor) -> Tensor:
        _check_input(landmarks, (self.spec.landmarks, 3))
        x = self.blocks(self.first(self.normalise(landmarks)))  # (B, width)
        return F.relu(self.head(F.relu(self.scale(x))))  # (B, embedding)

    def load_weights(self, path: str | Path) -> None:
        """Reads `model.safetensors` or `model.pth`. Raises ArtifactError."""
        load_state(self, path)


class DenseLayer(nn.Module):
    """A linear layer or a scale, and its activation. (B, I) → (B, O)"""

    def __init__(self, values: int, kind: str, out: int, after: str) -> None:
        super().__init__()
        self.layer = Scale(out) if kind == "scale" else nn.Linear(values, out)
        self.activation = activation(after, out)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.activation(self.layer(x)))


class GestureClassifier(NotScriptable, nn.Module):
    """An embedding → the probability of each gesture. `forward` takes (B, `spec.embedding`) and
    returns (B, G), which add up to 1, in the order of `spec.labels`.
    """

    origin: str | None = None  # the file or folder of its weights, for `blazepalm.save`

    def __init__(self, spec: GestureClassifierSpec) -> None:
        super().__init__()
        if not isinstance(spec, GestureClassifierSpec):
            raise TypeError(f"expected a GestureClassifierSpec, got {type(spec).__name__}")
        check_gesture_spec(spec)
        self.spec = spec
        self.layers = nn.Sequential()
        values = spec.embedding
        for i, layer in enumerate(spec.layers):
            built = DenseLayer(values, layer.kind, layer.values, layer.activation)
            self.layers.add_module(f"layer{i}", built)
            values = layer.values

    @classmethod
    def from_pretrained(cls, source: str | Path) -> "GestureClassifier":
        """The classifier of a `.tflite`, a bundle (its only one) or a converted folder, in
        evaluation mode. For errors see `converter.pretrained.pretrained_gestures`.
        """
        return cast("GestureClassifier", _pretrained(cls, source))

    def forward(self, embedding: Tensor) -> Tensor:
        _check_input(embedding, (self.spec.embedding,))
        return cast(Tensor, self.layers(embedding).softmax(1))  # (B, G)

    def load_weights(self, path: str | Path) -> None:
        """Reads `model.safetensors` or `model.pth`. Raises ArtifactError."""
        load_state(self, path)


def gesture_module(spec: GestureSpec) -> GestureEmbedder | GestureClassifier:
    """The network of a spec, untrained."""
    if isinstance(spec, GestureEmbedderSpec):
        return GestureEmbedder(spec)
    return GestureClassifier(spec)


def _check_input(values: Tensor, shape: tuple[int, ...]) -> None:
    if isinstance(values, Proxy):  # torch.fx traces: there is nothing to check
        return
    if tuple(values.shape[1:]) != shape:
        wanted = "×".join(("B", *map(str, shape)))
        raise ValueError(f"input has shape {list(values.shape)}, expected {wanted}")


def _pretrained(kind: type[nn.Module], source: str | Path) -> nn.Module:
    converter = import_module("blazepalm.converter.pretrained")  # two floors up: only if called
    return cast(nn.Module, converter.pretrained_gestures(kind, source))
