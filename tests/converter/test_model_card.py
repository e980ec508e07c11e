"""The model card and licence in a converted folder. Figures: README's table; bytes: read back."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

import blazepalm
from blazepalm.converter.model_card import ACCURACY, model_card
from support.models import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("card") / "hand-lite"
    blazepalm.convert("hand-lite", place, coreml=None)
    return place


def record_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "conversion.json").read_text())
    return values


def test_a_release_s_card(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: blazepalm\nlicense: apache-2.0\n")
    assert "# hand-lite-2022\n" in card
    assert "Input: N × 3 × 224 × 224 float32, RGB, 0 to 1" in card
    assert "| world_landmarks | N × 63 | 21 × (x, y, z) in metres" in card
    assert "mean joint error 5.5 % of the palm's size" in card
    assert "048edd3645c9bf7397d19a9f6e3a42957d6e414c9bea6598030a2e9b624156e6" in card
    assert "mediapipe/modules/hand_landmark/hand_landmark_lite.tflite" in card


def test_the_licence_of_the_weights(folder: Path) -> None:
    licence = (folder / "LICENSE").read_bytes()
    assert licence == (ROOT / "models" / "weights" / "LICENSE").read_bytes()
    notice = (folder / "NOTICE").read_text()
    assert "hand-lite-2022, a model of MediaPipe by Google LLC" in notice
    assert "unchanged" in notice


def test_all_files_are_recorded_and_checked(folder: Path) -> None:
    artifacts = record_of(folder)["artifacts"]
    names = {path.name for path in folder.iterdir()} - {"conversion.json"}
    assert artifacts.keys() == names >= {"README.md", "LICENSE", "NOTICE"}
    for name, digest in artifacts.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    whats = [finding.what for finding in blazepalm.verify(folder).findings]
    assert names <= set(whats)


def test_safetensors_metadata_in_one_order(folder: Path) -> None:
    with safe_open(folder / "model.safetensors", "pt") as weights:
        metadata = weights.metadata()
        assert len(weights.keys()) == len(record_of(folder)["tensor_map"])
    assert metadata["format"] == "pt"
    assert metadata["blazepalm.release"] == "hand-lite-2022"
    assert metadata["license"] == "apache-2.0"
    content = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    assert size % 8 == 0
    written = list(json.loads(content[8 : 8 + size])["__metadata__"])
    assert written == sorted(written)


def test_the_figures_are_those_of_the_readme() -> None:
    rows = re.findall(
        r"^\| ((?:palm|hand)-[\w-]+) \| ([\w-]+) \| ([\d.]+) % \| ([\d.]+) % \|(.*)\|(.*)\|$",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == len(ACCURACY)

    def number(text: str) -> float | None:
        return float(text.strip(" %")) if re.search(r"\d", text) else None

    for release, partner, recall, precision, joints, sides in rows:
        expected = (partner, float(recall), float(precision), number(joints), number(sides))
        assert tuple(ACCURACY[release]) == expected


def test_an_unknown_file_s_card_promises_nothing(folder: Path) -> None:
    record = record_of(folder)
    record["release"] = None
    record["source"]["file"] = "a|b`c\x1b[2J.tflite"
    card = model_card(record)
    assert "license: other" in card
    assert "Not measured" in card and "that of the source file" in card
    assert "`a¦b'c\\x1b[2J`" in card
    assert "\x1b" not in card


def test_a_tuned_model_s_card(folder: Path) -> None:
    record = record_of(folder)
    origin = {"release": "hand-lite-2022", **record["source"]}
    record["fine_tuning"] = {"from": origin, "moved": ["heads.presence.layer.bias"]}
    record["release"] = None
    card = model_card(record)
    assert "# hand-lite-2022 (fine-tuned)" in card
    assert "Fine-tuned: 1 of 102 weights moved" in card
    assert "Not measured since the weights were tuned" in card
