"""float16 block by block: the executor of saved packages is the witness of what a choice costs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.converter.coreml import CoreMLOptions, export
from blazepalm.errors import CouldNotVerify
from blazepalm.golden.render import render_scene
from blazepalm.reports.backends.mil_package import open_executed
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.bench.precision import Rounded, bench_precision, block_of, crops_of
from blazepalm.reports.subjects.open_subject import open_subject
from support.hand_scenes import SCENES
from support.models import shared_model

CHOSEN = ("backbone.stem", "backbone.stage1", "backbone.stage2", "heads")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "fist.png"
    Image.fromarray(render_scene(SCENES["fist"].hands, **SCENES["fist"].options).image).save(path)
    return path


def test_it_rounds_what_the_package_rounds(picture: Path, tmp_path: Path) -> None:
    hand, palm = (
        open_subject(
            name, shared_model(name).read_bytes(), workers=1, packages=None, only=(TFLITE,)
        )
        for name in ("hand-lite-2022", "palm-lite-2021-11")
    )
    crops = crops_of(hand, palm, [str(picture)])
    rounded = Rounded(hand, crops)
    chosen = [b for b in rounded.blocks if b.startswith(CHOSEN)]
    record = export(hand.converted, tmp_path, CoreMLOptions("raw", "fp16"))
    package = open_executed(tmp_path / record.name, hand.outputs, hand.output_shapes)
    found = package.run(crops)[hand.outputs[rounded.landmarks]].astype(np.float64)
    moved = (found - rounded.exact).reshape(21, 3)[:, :2]
    (error,) = rounded.errors(chosen)
    assert np.hypot(*moved.T).max() == pytest.approx(error, rel=0.05)
    assert rounded.errors(rounded.blocks) == [0.0] and rounded.errors(())[0] > 2 * error
    weights = sum(p.numel() for p in hand.converted.module.parameters())
    assert rounded.bytes_of(rounded.blocks) == 2 * weights
    assert rounded.bytes_of(chosen) == 2 * sum(
        p.numel() for n, p in hand.converted.module.named_parameters() if n.startswith(CHOSEN)
    )


def test_blocks() -> None:
    assert block_of("backbone.stage2.block0.depthwise.weight") == "backbone.stage2.block0"
    assert block_of("backbone.stem.conv") == "backbone.stem"
    assert block_of("heads.landmarks.layer.bias") == block_of("heads") == "heads"
    assert block_of("neck.up1.refine.block1.pointwise") == "neck.up1.refine.block1"


def test_only_hands_are_measured(picture: Path, tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="palm-lite: is no landmark model"):
        bench_precision("palm-lite", [str(picture)])
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(CouldNotVerify, match=r"black\.png: no hand was found"):
        bench_precision("hand-lite", [str(tmp_path / "black.png")])
