"""The forms that `blazepalm.fast` chooses from: other ways to compute a readable module's outputs.

A form takes (B, 3, H, W) float32 and returns the module's named tuple, without gradients. It
computes a batch image by image, on as many images at a time as it has threads: the maps of one
image stay in the processor's caches, and no thread waits for another.
"""

import copy
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from blazepalm.converter.threads import use_one_torch_thread
from blazepalm.errors import CouldNotVerify, first_line

if TYPE_CHECKING:
    from torch import Tensor, nn

Forward = Callable[["Tensor"], Any]  # (B, 3, H, W) → the module's named tuple
Compute = Callable[["Tensor"], Sequence["Tensor"]]  # (1, 3, H, W) → the outputs that it has

PLAIN, CHANNELS_LAST, FROZEN, COMPILED = "plain", "channels-last", "frozen", "compiled"
EXECUTORCH, OPENVINO = "executorch", "openvino"
DISTRIBUTIONS = ("torch", "executorch", "openvino")  # whose versions decide what is quickest


def make_form(name: str, module: "nn.Module", threads: int, callers: int = 1) -> Forward:
    """The form of this name of a `PalmDetector` or `HandLandmarks` in float32 on the CPU. Up to
    `callers` threads call it at a time without waiting for each other.

    Raises CouldNotVerify where its library is missing or cannot take the module.
    """
    return MAKERS[name](module, threads, callers)


def by_image(module: Any, alone: Compute, threads: int, busy: Compute | None = None) -> Forward:
    """Computes each image of a batch by itself: one by `alone`, which may use all threads; several
    by `busy` (by default the same), `threads` at a time.
    """
    import torch

    from blazepalm.converter.pte import output_fields
    from blazepalm.models.hand_landmarks import HandLandmarks, HandOutput
    from blazepalm.models.layers import image_batch
    from blazepalm.models.palm_detector import PalmOutput

    fields = output_fields(module)
    kind = HandOutput if isinstance(module, HandLandmarks) else PalmOutput
    channels, size = module.spec.backbone.stem.in_channels, module.spec.input_size

    @cache
    def pool() -> ThreadPoolExecutor:
        return ThreadPoolExecutor(threads, "blazepalm-form", use_one_torch_thread)

    def one(image: "Tensor") -> Sequence["Tensor"]:
        with torch.inference_mode():  # each thread has its own
            return (busy or alone)(image)

    def run(images: "Tensor") -> Any:
        image_batch(images, channels, size)
        with torch.no_grad():
            if not len(images):  # the outputs of one image, without it
                none = [value[:0] for value in alone(images.new_zeros((1, *images.shape[1:])))]
                return kind(**dict(zip(fields, none, strict=True)))
            if len(images) == 1:
                return kind(**dict(zip(fields, alone(images), strict=True)))
            each = (pool().map if threads > 1 else map)(one, images.split(1))
            joined = [torch.cat(column) for column in zip(*each, strict=True)]
        return kind(**dict(zip(fields, joined, strict=True)))

    return run


def channels_last(module: "nn.Module", threads: int, callers: int) -> Forward:
    """The module itself on channels-last maps."""
    import torch

    turned: Any = copy.deepcopy(module).eval()
    turned.to(memory_format=torch.channels_last)

    def compute(image: "Tensor") -> Sequence["Tensor"]:
        found = turned(image.contiguous(memory_format=torch.channels_last))
        return [value for value in found if value is not None]

    return by_image(module, compute, threads)


def frozen(module: Any, threads: int, callers: int) -> Forward:
    """The same without Python: traced, with the weights as constants."""
    import torch

    from blazepalm.converter.pte import plain_outputs

    turned = copy.deepcopy(module).eval().to(memory_format=torch.channels_last)
    example = torch.zeros(image_shape(module)).contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of `image_batch`, whose checks are not traced
        try:
            traced: Any = torch.jit.freeze(torch.jit.trace(plain_outputs(turned), example))
        except Exception as error:  # whatever TorchScript raises
            raise CouldNotVerify(f"TorchScript cannot trace it: {first_line(error)}") from error

    def compute(image: "Tensor") -> Sequence["Tensor"]:
        found: Sequence[Tensor] = traced(image.contiguous(memory_format=torch.channels_last))
        return found

    return by_image(module, compute, threads)


def compiled(module: Any, threads: int, callers: int) -> Forward:
    """Our own kernels, compiled in a few seconds the first time, then kept (`compiled.build`)."""
    from blazepalm.reports.forms.compiled.network import Network

    busy = cache(lambda: Network(module, 1))
    alone = busy() if threads == 1 else Network(module, threads)
    return by_image(module, alone.compute, threads, lambda image: busy().compute(image))


def executorch(module: Any, threads: int, callers: int) -> Forward:
    """The program is lowered in some ten seconds the first time, then kept (`pte_cache`)."""
    from blazepalm.converter.pte import missing_executorch
    from blazepalm.converter.pte_cache import cached_program
    from blazepalm.models.spec_json import spec_to_dict
    from blazepalm.reports.backends.executorch import load_program

    if (reason := missing_executorch()) is not None:
        raise CouldNotVerify(reason)
    name = type(module).__name__
    content = cached_program(module, (image_shape(module),), spec_to_dict(module.spec), name)
    program = load_program(content, name, copies=max(threads, callers), threads=threads)
    return by_image(module, lambda image: program([image.contiguous()]), threads)


def openvino(module: Any, threads: int, callers: int) -> Forward:
    from blazepalm.reports.forms.openvino import open_network

    network = open_network(module, image_shape(module))
    alone = network.compiled(streams=callers, threads=callers * threads)
    busy = cache(lambda: network.compiled(streams=threads, threads=threads))
    return by_image(module, alone, threads, lambda image: busy()(image))


def image_shape(module: Any) -> tuple[int, ...]:
    """(1, 3, H, W)"""
    return (1, module.spec.backbone.stem.in_channels, *module.spec.input_size)


MAKERS: dict[str, Callable[[Any, int, int], Forward]] = {
    CHANNELS_LAST: channels_last,
    FROZEN: frozen,
    COMPILED: compiled,
    EXECUTORCH: executorch,
    OPENVINO: openvino,
}
FORMS = tuple(MAKERS)
