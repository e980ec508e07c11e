"""A face in a Core ML package's precision: torch's own bits in float32, and in float16 the weights
that Core ML Tools read from the saved package.
"""

from collections import Counter
from pathlib import Path

import coremltools
import torch
import torch.nn.functional as F

from blazepalm.converter.convert import module_of
from blazepalm.converter.coreai.mixed import Mixed, fits_half, prelu
from blazepalm.converter.coreml import CoreMLOptions, export
from blazepalm.converter.coreml.faces import face_module
from blazepalm.converter.coreml.trace import trace


def test_a_face_in_both_precisions(tmp_path: Path) -> None:
    model = module_of("hand-lite", lambda note: None)
    face = face_module(model, "raw")
    traced = trace(face, model.graph)
    image = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected, found = face(image), Mixed(traced, "fp32")(image)
    assert len(found) == 4 and all(map(torch.equal, found, expected))

    mixed = Mixed(traced, "fp16")
    export(model, tmp_path, CoreMLOptions(face="raw", precision="fp16"))
    (package,) = tmp_path.iterdir()
    weights = coremltools.models.utils.load_spec(str(package)).mlProgram.functions["main"]
    (block,) = weights.block_specializations.values()
    stored = Counter(
        (tuple(d.constant.size for d in kind.dimensions), kind.dataType == 10)  # 10: FLOAT16
        for op in block.operations
        if op.type == "const"
        for kind in [op.outputs[0].type.tensorType]
        if op.attributes["val"].HasField("blobFileValue")
    )
    ours = Counter((tuple(b.shape), b.dtype == torch.float16) for b in mixed.buffers())
    assert len(stored) > 20 and not stored - ours
    with torch.no_grad():
        halves = mixed(image)
    assert all(value.dtype == torch.float32 for value in halves)
    assert 0 < float((halves[0] - expected[0]).abs().max()) < 0.5  # pixels, as parity's limit


def test_prelu_keeps_torch_s_bits() -> None:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(1, 7, 5, 3, generator=generator)
    x[0, 0, 0] = torch.tensor((0.0, float("inf"), -1e-45))
    alpha = torch.randn(7, generator=generator)
    assert torch.equal(prelu(x, alpha), F.prelu(x, alpha))


def test_what_fits_float16() -> None:
    assert fits_half(torch.tensor((65504.0, float("inf"), float("nan"))))
    assert fits_half(torch.tensor((1 << 40,)))  # integers stay integers
    assert fits_half(torch.tensor(()))
    assert not fits_half(torch.tensor((-65505.0,)))
