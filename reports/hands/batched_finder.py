"""Finds hands in many pictures at a time, from the pixels to the landmarks on one device."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.converted import Converted
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.errors import BlazePalmError, check_path, in_python
from blazepalm.models.hand_pipeline import Hand
from blazepalm.reports.forms.fast import tell
from blazepalm.reports.hands.finder import landmarks_beside
from blazepalm.reports.hands.hand_finder import Picture, as_picture
from blazepalm.reports.hands.open_model import Notice, OpenModel, Source, not_finite
from blazepalm.reports.hands.open_models import hand_models, open_model, rule_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from blazepalm.models.batched.pipeline import HandSlots, Network


class BatchedHandFinder:
    """Finds hands in a batch of pictures, everything on one device: letterbox, palms, crops,
    landmarks. On a GPU the networks run as CUDA graphs.

    `model`, `landmarks`, `max_hands`, `rule`, `overrides`: as for `HandFinder`, whose hands it
    finds but for the last digits of float32. `device`: "cpu", "cuda" or "cuda:1". `precision`:
    "fp32", or "bf16" for the networks, whose error on rendered hands `notice` is told. `batch`: how
    many pictures, and how many crops, are computed at a time, which bounds the memory.

    Raises NoDevice where the device is not there, BlazePalmError for another precision, ValueError
    for a `batch` or `max_hands` below 1, and as `HandFinder` for the models.
    """

    def __init__(
        self,
        model: Source = "palm-full",
        landmarks: Source | None = None,
        *,
        device: "str | torch.device" = "cpu",
        precision: str = "fp32",
        max_hands: int | None = None,
        batch: int = 16,
        rule: str | None = None,
        overrides: Overrides = NO_OVERRIDES,
        notice: Notice = tell,
    ) -> None:
        for name, value in (("max_hands", max_hands), ("batch", batch)):
            if name == "max_hands" and value is None:
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r:.80}, expected at least 1")
        for named in (model, *(() if landmarks is None else (landmarks,))):
            if not isinstance(named, Converted):
                check_path(named, "a release, a file or a folder")
        with in_python():
            import torch

            from blazepalm.models.batched.networks import FP32, device_of, precision_of
            from blazepalm.models.batched.pipeline import BatchedModels

            self.device = device_of(device)
            precision_of(precision)
            palm = open_model(model, "palm", notice=notice, overrides=overrides)
            beside = landmarks_beside(model) if landmarks is None else landmarks
            hand = open_model(beside, "hand", notice=notice, overrides=overrides)
            settings = hand_models(palm, hand, rule or rule_of(model))
            detector, finder = (
                self._open(each, precision, batch, None if precision == FP32 else notice)
                for each in (palm, hand)
            )
        self._models = BatchedModels(
            detector,
            settings.detector_spec,
            torch.from_numpy(settings.anchors).to(self.device),
            finder,
            settings.landmarks_spec,
            settings.palm_rule,
            settings.rule,
        )
        self.precision, self.max_hands, self.batch = precision, max_hands, batch
        self._names = palm.name, hand.name

    def __call__(
        self, pictures: "NDArray[Any] | Tensor | Sequence[Picture]"
    ) -> list[tuple[Hand, ...]]:
        """The hands of each picture, in order, best palm first. A batch is uint8 (N, H, W, 3) or
        (N, 3, H, W), or floating point (N, 3, H, W) in 0..1, an array or a tensor on any device; a
        list holds pictures as `HandFinder` takes them, of any sizes, those of one size are computed
        together.

        Raises InvalidImage for a file that cannot be read or a side that is too long, TypeError or
        ValueError for anything that is no picture, InvalidModel for a network's NaN or infinity,
        BlazePalmError if the device has too little memory.
        """
        from blazepalm.models.batched.pictures import pixel_batch
        from blazepalm.models.batched.pipeline import to_hands

        if not isinstance(pictures, list | tuple):
            parts = pixel_batch(pictures).split(self.batch)  # type: ignore[arg-type]
            found = (to_hands(self.tensors(part)) for part in parts)
            return [hands for part in found for hands in part]
        pixels = [as_picture(picture) for picture in pictures]
        places: dict[tuple[int, ...], list[int]] = {}
        for place, each in enumerate(pixels):
            places.setdefault(each.shape, []).append(place)
        results: list[tuple[Hand, ...]] = [()] * len(pixels)
        for same in places.values():
            for start in range(0, len(same), self.batch):
                part = same[start : start + self.batch]
                found_here = self(np.stack([pixels[place] for place in part]))
                for place, hands in zip(part, found_here, strict=True):
                    results[place] = hands
        return results

    def tensors(self, pictures: "NDArray[Any] | Tensor") -> "HandSlots":
        """The hands of a whole batch as tensors that stay on the device, in `max_hands` slots for
        each picture (None: as many as the picture with the most palms needs). Takes and raises what
        a call does, but no list.
        """
        from blazepalm.models.batched.pictures import pixel_batch
        from blazepalm.models.batched.pipeline import find_hands

        pixels = pixel_batch(pictures)
        with in_python(), self._enough_memory():
            on_device = pixels.to(self.device)
            return find_hands(self._models, on_device, self.max_hands, self.batch)

    def __repr__(self) -> str:
        return f"<BatchedHandFinder: {', '.join(self._names)}, {self.precision} on {self.device}>"

    def _open(
        self, opened: OpenModel, precision: str, batch: int, notice: Notice | None
    ) -> "Network":
        """The network on the device; tells its error to `notice`."""
        from blazepalm.models.batched.networks import open_network
        from blazepalm.reports.forms.rounded import rounded_error

        assert opened.module is not None
        with self._enough_memory():
            network = finite(
                opened.name, open_network(opened.module, self.device, precision, batch)
            )
            if notice is not None:
                notice(rounded_error(opened.name, opened.module, network, self.device))
        return network

    @contextmanager
    def _enough_memory(self) -> Iterator[None]:
        import torch

        try:
            yield
        except torch.OutOfMemoryError as error:
            raise BlazePalmError(
                f"device {self.device} has too little memory: give a smaller batch"
            ) from error


def finite(name: str, network: "Network") -> "Network":
    """The network, which raises InvalidModel where an output holds NaN or infinity."""

    def run(images: "Tensor") -> "Mapping[str, Tensor]":
        import torch

        outputs = network(images)
        sound = torch.stack([values.isfinite().all() for values in outputs.values()]).tolist()
        wrong = [key for key, well in zip(outputs, sound, strict=True) if not well]
        if wrong:
            raise not_finite(name, wrong)
        return outputs

    return run
