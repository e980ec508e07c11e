"""Finds hands from Python: `hands` in pictures, `HandFinder` also from frame to frame of a video.

Pictures are paths, PIL pictures, H×W×3 uint8 arrays (RGB), or 3×H×W tensors (uint8, or float 0..1).
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, cast, overload

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.convert import warn
from blazepalm.converter.converted import Converted
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.errors import check_path, in_python
from blazepalm.media.cage import read_picture
from blazepalm.media.images import picture_pixels
from blazepalm.models.hand_pipeline import Hand
from blazepalm.models.letterbox import as_pixels
from blazepalm.reports.hands.detections import HandRecord, hand_record, label_of
from blazepalm.reports.hands.draw import draw_hands, in_pixels
from blazepalm.reports.hands.finder import Find, landmarks_beside, open_finder
from blazepalm.reports.hands.gestures import gestures_beside
from blazepalm.reports.hands.open_model import Source

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage
    from torch import Tensor

Picture = Union[str, Path, "PilImage", NDArray[Any], "Tensor"]


class Hands(Sequence[Hand]):
    """The hands of one picture, best first: a sequence of `Hand`. `picture`: (H, W, 3) uint8 RGB,
    where they were found; coordinates are normalised to it.
    """

    def __init__(self, found: Sequence[Hand], picture: NDArray[np.uint8]) -> None:
        self._found = tuple(found)
        self.picture = picture

    @overload
    def __getitem__(self, index: int) -> Hand: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Hand]: ...
    def __getitem__(self, index: int | slice) -> Hand | Sequence[Hand]:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Hand]:
        return iter(self._found)

    def __eq__(self, other: object) -> bool:
        """Whether both hold equal hands, bit for bit, whatever the pictures."""
        return isinstance(other, Hands) and self._found == other._found

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __repr__(self) -> str:
        height, width = self.picture.shape[:2]
        names = ", ".join(label_of(hand_record(hand)) for hand in self) or "none"
        return f"<{len(self)} hands in {width}×{height} pixels: {names}>"

    def draw(self) -> "PilImage":
        """The picture with the hands drawn on it: bones, joints, palm boxes, labels."""
        from PIL import Image

        size = (self.picture.shape[0], self.picture.shape[1])
        drawn = [
            in_pixels(size, hand.box, hand.landmarks, label=label_of(hand_record(hand)))
            for hand in self
        ]
        return Image.fromarray(draw_hands(self.picture, drawn))

    def to_dicts(self) -> list[HandRecord]:
        """Each hand as JSON values, as `blazepalm detect --json` writes it."""
        return [hand_record(hand) for hand in self]

    def _repr_png_(self) -> bytes:
        """What Jupyter shows."""
        packed = BytesIO()
        self.draw().save(packed, "PNG")
        return packed.getvalue()


class HandFinder:
    """Finds hands with a detector and a landmark model.

    `model`: a detector or a bundle of both (a release, a file, a converted folder); `landmarks`:
    the landmark model, by default the bundle's, else "hand-full". `backend`: `torch`, `fast` (its
    quickest form on this machine), `tflite`, `coreml` (executed by blazepalm, not by Apple's
    runtime) or any registered one. `max_hands`: None finds all in a picture and tracks two in a
    video. `threads`: of LiteRT. `rule`: "solutions" finds what MediaPipe until 0.10 finds, "tasks"
    what MediaPipe 1 finds; None is "tasks" for a bundle, else "solutions".
    `overrides`: what the files do not state, and evidence does not show. `gestures`: True names
    each hand's gesture (`hand.gesture`) by the models of the same bundle, else of
    "gesture-recognizer-1"; or a bundle of gesture models. `device`: where `torch` computes the
    networks, "cpu", "cuda" or "cuda:1"; for many pictures at a time see `BatchedHandFinder`.

    Raises UnknownRelease, InvalidModel, UnsupportedOperator, CouldNotVerify where a backend is
    missing or cannot run a model, and NoDevice for a GPU that is not there.
    """

    def __init__(
        self,
        model: Source = "palm-full",
        landmarks: Source | None = None,
        *,
        backend: str = "torch",
        max_hands: int | None = None,
        threads: int = 1,
        rule: str | None = None,
        overrides: Overrides = NO_OVERRIDES,
        gestures: bool | str | Path = False,
        device: str = "cpu",
    ) -> None:
        if max_hands is not None and (not isinstance(max_hands, int) or max_hands < 1):
            raise ValueError(f"max_hands is {max_hands!r:.80}, expected at least 1, or None")
        for named in (model, *(() if landmarks is None else (landmarks,))):
            if not isinstance(named, Converted):
                check_path(named, "a release, a file or a folder")
        with in_python():
            finder = open_finder(
                model,
                landmarks_beside(model) if landmarks is None else landmarks,
                backend,
                warn,
                threads=threads,
                max_hands=max_hands,
                rule=rule,
                overrides=overrides,
                gestures=gestures_beside(model) if gestures is True else gestures or None,
                device=device,
            )
        assert finder.find is not None and finder.new_tracker is not None
        self.models = finder.models  # their names, and what runs them
        self._find: Find = finder.find
        self._new_tracker = finder.new_tracker
        self.reset()

    def __call__(self, picture: Picture) -> Hands:
        """The hands of one picture; no picture influences another. Raises InvalidImage for a file
        that cannot be read, TypeError or ValueError for anything that is not a picture.
        """
        pixels = as_picture(picture)
        return Hands(self._find(pixels), pixels)

    def track(self, frame: Picture) -> Hands:
        """The hands of a video's next frame, followed from the frame before. Raises like a call."""
        pixels = as_picture(frame)
        return Hands(self._tracker(pixels), pixels)

    def reset(self) -> None:
        """Forgets all hands: the next frame that is tracked starts another video."""
        self._tracker = self._new_tracker()

    def __repr__(self) -> str:
        names = self.models
        return f"<HandFinder: {names['detector']}, {names['landmarks']}, {names['backend']}>"


@overload
def hands(
    pictures: Picture,
    model: Source = ...,
    landmarks: Source | None = ...,
    *,
    backend: str = ...,
    max_hands: int | None = ...,
    threads: int = ...,
    rule: str | None = ...,
    overrides: Overrides = ...,
    gestures: bool | str | Path = ...,
    device: str = ...,
) -> Hands: ...
@overload
def hands(
    pictures: list[Any] | tuple[Any, ...],
    model: Source = ...,
    landmarks: Source | None = ...,
    *,
    backend: str = ...,
    max_hands: int | None = ...,
    threads: int = ...,
    rule: str | None = ...,
    overrides: Overrides = ...,
    gestures: bool | str | Path = ...,
    device: str = ...,
) -> list[Hands]: ...
def hands(
    pictures: Picture | list[Any] | tuple[Any, ...],
    model: Source = "palm-full",
    landmarks: Source | None = None,
    *,
    backend: str = "torch",
    max_hands: int | None = None,
    threads: int = 1,
    rule: str | None = None,
    overrides: Overrides = NO_OVERRIDES,
    gestures: bool | str | Path = False,
    device: str = "cpu",
) -> Hands | list[Hands]:
    """The hands of a picture; of each picture of a list, or of an array or tensor of four axes
    (type checkers take that for one picture: give `list(batch)`). Opens both models each time: use
    one `HandFinder` for many calls. For arguments and errors see `HandFinder`.
    """
    finder = HandFinder(
        model,
        landmarks,
        backend=backend,
        max_hands=max_hands,
        threads=threads,
        rule=rule,
        overrides=overrides,
        gestures=gestures,
        device=device,
    )
    if isinstance(pictures, list | tuple) or getattr(pictures, "ndim", 0) == 4:
        return [finder(picture) for picture in cast("Sequence[Picture]", pictures)]
    return finder(pictures)


def as_picture(picture: Picture) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB, upright. Raises InvalidImage, TypeError or ValueError."""
    if isinstance(picture, str | Path):
        return read_picture(picture)
    if hasattr(picture, "convert"):  # PIL's, which is not imported for others' sake
        return picture_pixels(cast("PilImage", picture))
    if isinstance(picture, np.ndarray) or hasattr(picture, "detach"):
        return as_pixels(cast("NDArray[Any]", picture))
    raise TypeError(
        "expected a picture: a path, a PIL picture, an H×W×3 array or a 3×H×W tensor, got "
        f"{type(picture).__name__}"
    )
