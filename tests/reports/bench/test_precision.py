"""float16 block by block: the executor of saved packages is the witness of what a choice costs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.converter.coreml import CoreMLOptions, export
from blazepalm.errors import CouldNotVerify
from blazepalm.golden.make import make_golden
from blazepalm.golden.render import render_scene
from blazepalm.models.crop import Letterbox
from blazepalm.models.decode import intersection_over_union
from blazepalm.reports.backends.mil_package import open_executed
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.bench.precision import (
    Choice,
    Rounded,
    bench_precision,
    block_of,
    crops_of,
    landmark_errors,
    palm_errors,
    rounded_palms,
    shown,
)
from blazepalm.reports.stages.stages import PalmRules
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject
from support.hand_scenes import SCENES
from support.models import shared_model

CHOSEN = ("backbone.stem", "backbone.stage1", "backbone.stage2", "heads")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "fist.png"
    Image.fromarray(render_scene(SCENES["fist"].hands, **SCENES["fist"].options).image).save(path)
    return path


def opened(name: str) -> Subject:
    content = shared_model(name).read_bytes()
    return open_subject(name, content, workers=1, packages=None, only=(TFLITE,))


@pytest.fixture(scope="module")
def hand() -> Subject:
    return opened("hand-lite-2022")


@pytest.fixture(scope="module")
def palm() -> Subject:
    return opened("palm-lite-2021-11")


def test_it_rounds_what_the_package_rounds(
    hand: Subject, palm: Subject, picture: Path, tmp_path: Path
) -> None:
    crops = crops_of(hand, palm, [str(picture)])
    rounded = Rounded(hand, crops, landmark_errors)
    chosen = [b for b in rounded.blocks if b.startswith(CHOSEN)]
    record = export(hand.converted, tmp_path, CoreMLOptions("raw", "fp16"))
    package = open_executed(tmp_path / record.name, hand.outputs, hand.output_shapes)
    name = dict(zip(hand.fields, hand.outputs, strict=True))["landmarks"]
    moved = (package.run(crops)[name] - rounded.exact["landmarks"]).reshape(21, 3)[:, :2]
    (error,) = rounded.errors(chosen)
    assert np.hypot(*moved.T).max() == pytest.approx(error, rel=0.05)
    assert rounded.errors(rounded.blocks) == [0.0] and rounded.errors(())[0] > 2 * error
    weights = sum(p.numel() for p in hand.converted.module.parameters())
    assert rounded.bytes_of(rounded.blocks) == 2 * weights
    assert rounded.bytes_of(chosen) == 2 * sum(
        p.numel() for n, p in hand.converted.module.named_parameters() if n.startswith(CHOSEN)
    )


def test_a_rendered_hand_shows_what_photographs_show(hand: Subject, tmp_path: Path) -> None:
    """On the golden set's small hand a package with only its heads in float32 leaves the limit of
    half a pixel, as on the hardest of 21 photographs; the release's own choice holds it.
    """
    make_golden(tmp_path / "set", names=["stress-small"], jobs=1)
    crops = crops_of(hand, opened("palm-full-2023-09"), [str(tmp_path / "set/stress-small.png")])
    rounded = Rounded(hand, crops, landmark_errors)
    chosen = [b for b in rounded.blocks if b.startswith(CHOSEN)]
    assert rounded.errors(["heads"]) > 0.5 > 2 * rounded.errors(chosen)


def test_blocks() -> None:
    assert block_of("backbone.stage2.block0.depthwise.weight") == "backbone.stage2.block0"
    assert block_of("backbone.stem.conv") == "backbone.stem"
    assert block_of("heads.landmarks.layer.bias") == block_of("heads") == "heads"
    assert block_of("neck.up1.refine.block1.pointwise") == "neck.up1.refine.block1"


def test_it_rounds_a_detector_as_the_package_does(
    palm: Subject, picture: Path, tmp_path: Path
) -> None:
    """The witness: the package's boxes, executed, and their IoU with float32's."""
    assert isinstance(palm.rules, PalmRules)
    rounded = rounded_palms(palm, [str(picture)])
    record = export(palm.converted, tmp_path, CoreMLOptions("raw", "fp16"))
    package = open_executed(tmp_path / record.name, palm.outputs, palm.output_shapes)
    image = np.asarray(Image.open(picture))
    tensor, box = palm.rules.prepare(image)
    found = palm.rules.suppress(palm.named(package.run(tensor)), box)
    exact = palm.rules.suppress(palm.named(palm.backends[TFLITE].run(tensor)), box)
    assert len(found.boxes) == len(exact.boxes) == 1
    overlap = float(intersection_over_union(exact.boxes[0], found.boxes[0]))
    assert overlap < 0.9999
    assert rounded.errors(()) == [pytest.approx(1 - overlap, rel=0.1)]
    assert rounded.errors(rounded.blocks) == [0.0]


def test_another_palm_is_an_error_of_one(palm: Subject) -> None:
    """A palm that one of the two misses; then the same on both sides, or nothing."""
    assert isinstance(palm.rules, PalmRules)
    boxes = np.zeros((1, 2016, 18), np.float32)
    boxes[..., 2:4] = 96.0
    none = {"boxes": boxes, "scores": np.full((1, 2016, 1), -9, np.float32)}
    one = {"boxes": boxes, "scores": none["scores"].copy()}
    one["scores"][0, 700] = 3.0
    measure = palm_errors(palm.rules, [Letterbox(0.0, 0.0)])
    assert measure(one, one) == measure(none, none) == [0.0]
    assert measure(one, none) == measure(none, one) == [1.0]


def test_lines_say_which_blocks() -> None:
    choices = [
        Choice((), 0.0, 1.0, 0.5, 0.25),
        Choice(("heads",), 0.1, 1.0, 0.5, 0.25),
        Choice(("heads", "backbone.stem", "backbone.stage1.block0"), 0.2, 1.0, 0.5, 0.25),
        Choice(("neck.up2", "heads"), 0.3, 1.0, 0.5, 0.25),
    ]
    names = [line[:46].rstrip() for line in shown(choices).splitlines()]
    assert names == [
        "float32",
        "none",
        "heads",
        "heads, until backbone.stage1.block0",
        "heads, from neck.up2",
    ]
    assert shown(choices).splitlines()[1].split() == ["none", "0.0%", "1.000", "0.500", "0.250"]


def test_what_cannot_be_measured(picture: Path, tmp_path: Path) -> None:
    recrop = str(shared_model("hand-recrop-2020-07"))
    with pytest.raises(CouldNotVerify, match="is neither a landmark model nor a detector"):
        bench_precision(recrop, [str(picture)])
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(CouldNotVerify, match=r"black\.png: no hand was found"):
        bench_precision("hand-lite", [str(tmp_path / "black.png")])
    with pytest.raises(CouldNotVerify, match=r"black\.png: no hand was found"):
        bench_precision("palm-lite", [str(tmp_path / "black.png")])
