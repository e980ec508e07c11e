"""`save`: a fine-tuned module becomes a folder like `convert`'s. Reference: `convert` itself for an
untouched module, LiteRT on `model.tflite` for a tuned one, arithmetic on paper for small graphs.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import blazepalm
from blazepalm.converter.tflite.with_weights import with_weights
from blazepalm.converter.transforms import TRANSFORMS, apply_transform, undo_transform
from blazepalm.converter.verify import HOLDS
from blazepalm.errors import ArtifactError
from blazepalm.reports.backends.litert import open_litert
from support.tflite_builder import ModelBuilder, schema

TUNED = ("heads.stride8.scores.bias", "heads.stride8.scores.weight")


def one_step(palm: blazepalm.PalmDetector) -> None:
    """Trains the finest map's scores by one step, everything else frozen."""
    palm.requires_grad_(False)
    head = palm.heads["stride8"].scores
    assert isinstance(head, nn.Module)
    head.requires_grad_(True)
    step = torch.optim.SGD(head.parameters(), lr=1e-3)
    images = torch.rand(1, 3, 192, 192, generator=torch.Generator().manual_seed(1))
    palm(images).scores.square().mean().backward()
    step.step()


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[blazepalm.PalmDetector, Path]:
    palm = blazepalm.PalmDetector.from_pretrained("palm-lite")
    one_step(palm)
    folder = tmp_path_factory.mktemp("saved") / "tuned"
    assert blazepalm.save(palm, folder) == folder
    return palm, folder


def litert(folder: Path, images: np.ndarray) -> list[np.ndarray]:
    content = (folder / "model.tflite").read_bytes()
    backend = open_litert(content, ("boxes", "scores"), source="model.tflite")
    found = backend.run(images)
    return [found["boxes"], found["scores"]]


def test_an_untouched_module_gives_what_convert_gives(tmp_path: Path) -> None:
    blazepalm.convert("hand-lite", tmp_path / "converted", coreml=None)
    blazepalm.save(blazepalm.load(tmp_path / "converted"), tmp_path / "saved")
    names = [path.name for path in (tmp_path / "converted").iterdir()]
    assert sorted(names) == sorted(path.name for path in (tmp_path / "saved").iterdir())
    for name in names:
        assert (tmp_path / "saved" / name).read_bytes() == (
            tmp_path / "converted" / name
        ).read_bytes(), name


def test_the_weights_come_back(tuned: tuple[blazepalm.PalmDetector, Path]) -> None:
    palm, folder = tuned
    again = blazepalm.load(folder).state_dict()
    assert all(again[name].equal(value) for name, value in palm.state_dict().items())
    assert {path.name for path in folder.iterdir()} == {
        "anchors.npy", "conversion.json", "model.pth", "model.safetensors", "model.tflite",
        "README.md", "LICENSE", "NOTICE",
    }  # fmt: skip


def test_litert_runs_the_tuned_file(tuned: tuple[blazepalm.PalmDetector, Path]) -> None:
    """To within float32's noise, although one step moved the scores by a thousand times more."""
    palm, folder = tuned
    images = np.random.Generator(np.random.PCG64(2)).random((1, 192, 192, 3), np.float32)
    with torch.no_grad():
        mine = palm(torch.from_numpy(images).permute(0, 3, 1, 2))
        before = blazepalm.PalmDetector.from_pretrained("palm-lite")(
            torch.from_numpy(images).permute(0, 3, 1, 2)
        )
    boxes, scores = litert(folder, images)
    assert np.abs(scores - mine.scores.numpy()).max() < 1e-4
    assert np.abs(boxes - mine.boxes.numpy()).max() < 1e-3
    assert (mine.scores - before.scores).abs().max() > 1e-1


def test_the_record_says_which_weights_moved(
    tuned: tuple[blazepalm.PalmDetector, Path],
) -> None:
    _, folder = tuned
    record = json.loads((folder / "conversion.json").read_text())
    origin = record["fine_tuning"]["from"]
    assert (origin["release"], origin["sha256"][:8]) == ("palm-lite-2021-11", "e9a4aadd")
    assert tuple(record["fine_tuning"]["moved"]) == TUNED
    assert record["release"] is None
    assert record["source"]["file"] == "model.tflite"


def test_verify_holds_and_finds_a_weight_that_is_not_listed(
    tuned: tuple[blazepalm.PalmDetector, Path],
) -> None:
    _, folder = tuned
    found = blazepalm.verify(folder)
    assert {finding.status for finding in found.findings} == {HOLDS}, found.findings
    assert found.findings[-1].detail.startswith("2 of ")
    record = folder / "conversion.json"
    text = record.read_text()
    values = json.loads(text)
    values["fine_tuning"]["moved"] = [TUNED[0]]
    record.write_text(json.dumps(values))
    assert f"{TUNED[1]} is not palm-lite-2021-11's" in blazepalm.verify(folder).findings[-1].detail
    record.write_text(text)


def test_parity_compares_with_the_tuned_file(
    tuned: tuple[blazepalm.PalmDetector, Path],
) -> None:
    _, folder = tuned
    report = blazepalm.parity(folder, inputs=2, coreml=False)
    assert report.passed


def test_a_second_round_still_started_from_the_release(
    tuned: tuple[blazepalm.PalmDetector, Path], tmp_path: Path
) -> None:
    """And replaces the folder that it was loaded from."""
    _, folder = tuned
    palm = blazepalm.load(folder)
    assert isinstance(palm, blazepalm.PalmDetector)
    with torch.no_grad():
        palm.backbone.stem.conv.bias.add_(0.5)  # type: ignore[union-attr]
    blazepalm.save(palm, tmp_path / "second")
    record = json.loads((tmp_path / "second" / "conversion.json").read_text())
    assert record["fine_tuning"]["from"]["release"] == "palm-lite-2021-11"
    assert record["fine_tuning"]["moved"] == ["backbone.stem.conv.bias", *TUNED]


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    palm = blazepalm.PalmDetector.from_pretrained("palm-lite")
    out = tmp_path / "out"
    with pytest.raises(
        TypeError, match="expected a PalmDetector, a HandLandmarks, a gesture network or a"
    ):
        blazepalm.save(nn.Linear(2, 2), out)
    with pytest.raises(ArtifactError, match=r"its structure is not the module's; .* with source="):
        blazepalm.save(palm, out, source="palm-full")
    with pytest.raises(ArtifactError, match=r"backbone\.stem\.conv\.weight of the module is float"):
        blazepalm.save(palm.double(), out)
    palm.float()
    palm.heads["mine"] = nn.Linear(2, 2)
    with pytest.raises(ArtifactError, match=r"heads\.mine\.bias is not in the network of"):
        blazepalm.save(palm, out)
    del palm.heads["mine"]
    with torch.no_grad():
        palm.backbone.stem.conv.bias[3] = torch.nan  # type: ignore[index]
    with pytest.raises(ArtifactError, match=r"1 of 32 values of backbone\.stem\.conv\.bias are"):
        blazepalm.save(palm, out)
    with pytest.raises(ArtifactError, match="has no values yet"):
        blazepalm.save(palm.to("meta"), out)
    assert not out.exists()


def test_a_shared_constant_is_parted() -> None:
    model = ModelBuilder()
    x, total, y = (model.tensor((1, 2, 2, 3), name=name) for name in ("x", "total", "y"))
    c = model.tensor((3,), "float32", np.array([1, 2, 3], np.float32), "c")
    model.operator("ADD", [x, c], [total], schema.AddOptionsT())
    model.operator("MUL", [total, c], [y], schema.MulOptionsT())
    content = model.build([x], [y])
    tuned = with_weights(content, "two.tflite", {(1, 1): np.array([10, 20, 30], np.float32)})
    found = open_litert(tuned, ("y",), source="two.tflite").run(np.zeros((1, 2, 2, 3), "f4"))["y"]
    assert found[0, 0, 0].tolist() == [10, 40, 90]


def test_a_graph_of_no_known_family(tmp_path: Path) -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 2, 2, 3), name="x"), model.tensor((1, 2, 2, 3), name="y")
    c = model.tensor((3,), "float32", np.array([1, 2, 3], np.float32), "c")
    model.operator("ADD", [x, c], [y], schema.AddOptionsT())
    (tmp_path / "sum.tflite").write_bytes(model.build([x], [y]))
    for layout in ("nhwc", "nchw"):
        place = tmp_path / layout
        blazepalm.convert(
            tmp_path / "sum.tflite", place, coreml=None, layout=layout, notice=lambda note: None
        )
        module = blazepalm.load(place)
        with torch.no_grad():
            next(module.parameters()).mul_(10)
        blazepalm.save(module, place, force=True)
        again = blazepalm.load(place)
        shape = (1, 2, 2, 3) if layout == "nhwc" else (1, 3, 2, 2)
        assert again(torch.zeros(shape)).y[0].flatten().tolist() == [10, 20, 30] * 4
        assert blazepalm.verify(place).passed


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_undone(name: str) -> None:
    shapes = {"as stored": (2, 3), "11C→C": (1, 1, 5), "C→C11": (4,), "WC→C1W": (2, 3)}
    shape = shapes.get(name, (2, 3, 4) if name == "HWC→CHW" else (2, 3, 4, 5))
    if name == "1HWO→O1HW":
        shape = (1, 3, 4, 5)
    stored = np.random.Generator(np.random.PCG64(0)).random(shape, np.float32)
    moved = np.ascontiguousarray(apply_transform(stored, name))
    assert np.array_equal(undo_transform(moved, name, shape), stored)
    with pytest.raises(ValueError, match="not"):
        undo_transform(moved[..., None], name, shape)
