"""Whole networks by the kernels: releases against LiteRT, small specs against float64."""

import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from blazepalm.converter.convert import module_of
from blazepalm.converter.pte import output_fields
from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.models.palm_detector import PalmDetector
from blazepalm.models.spec import (
    BlockSpec,
    ConvSpec,
    HandLandmarksSpec,
    OutputSpec,
    PalmDetectorSpec,
    StageSpec,
)
from blazepalm.reports.forms.compiled import inverted
from blazepalm.reports.forms.compiled.network import Network, Workplace
from blazepalm.reports.forms.make import COMPILED, make_form
from blazepalm.reports.forms.measure import FLOORS, errors, half_spacing, seeded_images
from blazepalm.reports.hands.open_models import open_model
from support.kernels import need_compiler
from support.records import hand_spec, palm_spec


@pytest.fixture(autouse=True)
def _compiler() -> None:
    need_compiler()
    torch.manual_seed(3)


@pytest.mark.parametrize(("release", "family"), [("palm-full", "palm"), ("hand-full", "hand")])
def test_a_release_computes_what_litert_computes(release: str, family: str) -> None:
    """Within ten of LiteRT's own floors: its largest error against float64."""
    converted = module_of(release)
    module = converted.module
    litert = open_model(converted, family, "tflite", threads=1)
    images = seeded_images(module.spec, 2)
    theirs = litert.run(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
    found = make_form(COMPILED, module, 2)(torch.from_numpy(images))
    exact = module.double()(torch.from_numpy(images).double())
    for name in output_fields(module):
        truth = getattr(exact, name).detach()
        reference = torch.from_numpy(theirs[name]).double().reshape(truth.shape)
        floor = max(float((reference - truth).abs().max()), half_spacing(truth))
        assert float((getattr(found, name) - reference).abs().max()) <= FLOORS * floor, name


def flattened() -> HandLandmarksSpec:
    """The features in the order height, width, channels; all outputs, in another order."""
    spec = hand_spec()
    points = OutputSpec("world_landmarks", 63, False)
    return replace(
        spec, pooling="flatten", pooled=8 * 8 * 10, outputs=(points, *spec.outputs[::-1])
    )


def convolved() -> HandLandmarksSpec:
    """Heads that convolve: two alike, one of which has 3 × 7 points."""
    spec = hand_spec()
    whole = ConvSpec(10, 1, (8, 8))
    points = ConvSpec(10, 63, (8, 8))
    wide = ConvSpec(10, 3, (8, 2))  # (3, 1, 7)
    outputs = (
        OutputSpec("landmarks", 63, False, points),
        OutputSpec("world_landmarks", 21, False, wide),
        OutputSpec("presence", 1, True, whole),
    )
    return replace(spec, pooling="none", outputs=outputs)


def odd_palm() -> PalmDetectorSpec:
    """A head of 3 × 3, a kernel of no special code, and a stem in groups."""
    spec = palm_spec()
    heads = (replace(spec.heads[0], boxes=ConvSpec(8, 36, (3, 3), 1, (1, 1, 1, 1))), spec.heads[1])
    depthwise = ConvSpec(8, 8, (3, 5), 1, (1, 1, 2, 2), groups=8)
    first = StageSpec((BlockSpec(depthwise, ConvSpec(8, 8), shortcut="identity"),))
    stem = replace(spec.backbone.stem, out_channels=9, groups=3)
    widen = StageSpec((BlockSpec(replace(depthwise, in_channels=9, out_channels=9, groups=9),
                                 ConvSpec(9, 8)),))  # fmt: skip
    stages = (widen, first, *spec.backbone.stages[1:])
    neck = tuple(replace(step, tap=replace(step.tap, stage=1)) for step in spec.neck)
    return replace(spec, heads=heads, neck=neck, backbone=replace(
        spec.backbone, stem=stem, stages=stages))  # fmt: skip


NETWORKS = {
    "palm": lambda: PalmDetector(palm_spec()),
    "palm, odd": lambda: PalmDetector(odd_palm()),
    "hand": lambda: HandLandmarks(hand_spec()),
    "hand, flattened": lambda: HandLandmarks(flattened()),
    "hand, convolved": lambda: HandLandmarks(convolved()),
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("cached", [1 << 19, 0], ids=["whole", "row by row"])
@pytest.mark.parametrize("name", NETWORKS)
def test_small_networks(
    name: str, cached: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within ten floors of float64, a batch and one image, which have the same bits."""
    monkeypatch.setattr(inverted, "CACHED", cached)
    module: nn.Module = NETWORKS[name]().eval()
    form = make_form(COMPILED, module, threads)
    images = torch.from_numpy(seeded_images(module.spec, 4))  # type: ignore[arg-type]
    assert errors(module, {COMPILED: form}, images)[COMPILED] <= FLOORS
    together = form(images)
    for i, image in enumerate(images.split(1)):
        for all_of_them, alone in zip(together, form(image), strict=True):
            assert (all_of_them is None) == (alone is None)
            assert alone is None or torch.equal(all_of_them[i : i + 1], alone)
    later = form(images.flip(0))
    assert all(a is None or torch.equal(a, b.flip(0)) for a, b in zip(together, later, strict=True))


@pytest.mark.parametrize("cached", [1 << 19, 0], ids=["whole", "row by row"])
def test_threads_do_not_touch_what_is_each_others(
    cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bits of one thread, again and again: a network so large that all three are at work."""
    monkeypatch.setattr(inverted, "CACHED", cached)
    module = module_of("hand-lite").module
    image = torch.from_numpy(seeded_images(module.spec, 1))  # type: ignore[arg-type]
    alone = make_form(COMPILED, module, 1)(image)
    together = make_form(COMPILED, module, 3)
    for _ in range(30):
        assert all(map(torch.equal, together(image), alone))


def test_what_is_no_number_stays_so_and_is_forgotten() -> None:
    """An image's NaN reaches its outputs, and nothing of it the next image's."""
    module = PalmDetector(palm_spec()).eval()
    form = make_form(COMPILED, module, 1)
    images = torch.from_numpy(seeded_images(module.spec, 2))
    before = form(images[:1]).boxes
    broken = images[1:].clone()
    broken[0, 1, 5, 5] = torch.nan
    assert torch.equal(form(broken).boxes.isnan(), module(broken).boxes.isnan())
    assert torch.equal(form(images[:1]).boxes, before)
    with pytest.raises(ValueError, match="expected float32 images on the CPU, got float64 on cpu"):
        form(images[:1].double())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_helpers_that_are_not_there() -> None:
    """A forked process has none of the threads that help: the calling one does everything."""
    network = Network(HandLandmarks(hand_spec()).eval(), 3)
    image = torch.from_numpy(seeded_images(hand_spec(), 1))
    place = Workplace(network)
    place.run(image)
    before = [place.map(output).clone() for parts in network.outputs.values() for output in parts]
    place.run(0 * image)
    child = os.fork()
    if child == 0:
        place.run(image)
        after = [place.map(output) for parts in network.outputs.values() for output in parts]
        os._exit(0 if all(map(torch.equal, before, after)) else 1)
    for _ in range(1000):  # ten seconds
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        pytest.fail("it waits for threads that are not there")
    assert os.waitstatus_to_exitcode(status) == 0
