"""Records against hand-written values, the JSON document against its schema, and the table."""

import csv
import io
import json
from typing import Any

import jsonschema
import numpy as np
import pytest

from blazepalm.errors import InvalidModel
from blazepalm.media.frames import Frame
from blazepalm.models.decode import Palms
from blazepalm.models.hand_pipeline import Hand
from blazepalm.models.regions import Region
from blazepalm.reports.hands.detections import (
    CsvTable,
    FrameRecord,
    JsonDocument,
    ModelsRecord,
    csv_columns,
    frame_record,
    hand_record,
    palm_records,
)
from blazepalm.reports.schemas import json_schema

SCHEMA = json_schema("detections")
MODELS: ModelsRecord = {
    "detector": "palm-full-2023-09",
    "landmarks": "hand-full-2022",
    "backend": "torch",
    "rule": "solutions",
}
FLOAT = np.float32


def hand(**changed: Any) -> Hand:
    values: dict[str, Any] = {
        "box": np.array([0.1, 0.2, 0.3, 0.4], FLOAT),
        "keypoints": np.arange(14, dtype=FLOAT).reshape(7, 2) / 8,
        "score": FLOAT(0.75),
        "landmarks": np.arange(63, dtype=FLOAT).reshape(21, 3) / 64,
        "presence": FLOAT(0.5),
        "handedness": FLOAT(0.25),
        "world_landmarks": -np.arange(63, dtype=FLOAT).reshape(21, 3) / 1024,
        "region": Region(0.5, 0.5, 0.2, 0.2, 0.0),
    }
    return Hand(**{**values, **changed})


def frame(name: str = "clip.mp4", index: int = 3, seconds: float | None = 0.1) -> Frame:
    return Frame("clip", name, index, seconds, np.zeros((24, 32, 3), np.uint8))


def document(*records: FrameRecord, failures: Any = (), interrupted: bool = False) -> Any:
    file = io.StringIO()
    written = JsonDocument(file, MODELS)
    for record in records:
        written.add(record)
    written.finish(failures, interrupted=interrupted)
    return json.loads(file.getvalue())


def valid(values: Any) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(values)


def test_a_hand() -> None:
    record = hand_record(hand())
    assert record["box"] == [0.1, 0.2, 0.3, 0.4]  # to six digits, not float32's 0.10000000149
    assert record["keypoints"][6] == [1.5, 1.625]
    assert record["landmarks"][20] == [0.9375, 0.953125, 0.96875]
    assert record["world_landmarks"][1] == [-0.00293, -0.003906, -0.004883]
    assert (record["score"], record["presence"], record["tracked"]) == (0.75, 0.5, False)
    assert (record["handedness"], record["handedness_score"]) == ("left", 0.75)
    right = hand_record(hand(handedness=FLOAT(0.875), tracked=True))
    assert (right["handedness"], right["handedness_score"]) == ("right", 0.875)
    assert right["tracked"] is True


def test_a_release_that_says_less() -> None:
    record = hand_record(hand(handedness=None, world_landmarks=None))
    assert record["handedness"] is record["handedness_score"] is record["world_landmarks"] is None


def test_palms() -> None:
    boxes, points = np.full((2, 4), 0.5, FLOAT), np.full((2, 7, 2), 0.25, FLOAT)
    records = palm_records(Palms(boxes, points, np.array([0.75, 0.5], FLOAT)))
    assert [record["score"] for record in records] == [0.75, 0.5]
    assert records[0]["keypoints"] == [[0.25, 0.25]] * 7
    assert set(records[0]) == set(hand_record(hand()))
    valid(document(frame_record(frame(), records)))


def test_the_document_is_as_its_schema_says() -> None:
    records = [
        frame_record(frame(), [hand_record(hand()), hand_record(hand(handedness=None))]),
        frame_record(frame("naïve\n\u202e.png", 0, None), []),
    ]
    failures = [{"source": "a.png", "message": "a.png: is no image"}]
    values = document(*records, failures=failures, interrupted=True)
    valid(values)
    assert values["frames"] == records
    assert values["failures"] == failures and values["interrupted"] is True
    assert values["models"] == MODELS
    assert (records[0]["width"], records[0]["height"], records[0]["index"]) == (32, 24, 3)
    valid(document())
    assert document()["frames"] == []


def test_the_schema_refuses_other_documents() -> None:
    values = document(frame_record(frame(), [hand_record(hand())]))
    valid(values)
    found = values["frames"][0]["hands"][0]
    for key, wrong in (
        ("landmarks", found["landmarks"][:20]),
        ("handedness", "Left"),
        ("score", 1.5),
        ("box", None),
        ("more", 1),
    ):
        changed = {**found, key: wrong}
        with pytest.raises(jsonschema.ValidationError):
            valid({**values, "frames": [{**values["frames"][0], "hands": [changed]}]})
    for key in values:
        with pytest.raises(jsonschema.ValidationError):
            valid({k: v for k, v in values.items() if k != key})


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(wrong: float) -> None:
    points = np.zeros((21, 3), FLOAT)
    points[4, 1] = wrong
    with pytest.raises(InvalidModel, match="not finite"):
        hand_record(hand(landmarks=points))


def test_the_table() -> None:
    file = io.StringIO(newline="")
    table = CsvTable(file, keypoints=7)
    table.add(frame_record(frame("a, b.mp4"), [hand_record(hand()), hand_record(hand())]))
    table.add(frame_record(frame(index=4), []))
    without = hand_record(hand(handedness=None, world_landmarks=None, tracked=True))
    table.add(frame_record(frame("p.png", 0, None), [without]))
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert len(rows) == 3
    assert [row["hand"] for row in rows] == ["1", "2", "1"]
    first = rows[0]
    assert (first["source"], first["index"], first["seconds"]) == ("a, b.mp4", "3", "0.1")
    assert (first["width"], first["height"], first["tracked"]) == ("32", "24", "0")
    assert (first["box_xmin"], first["box_ymax"]) == ("0.1", "0.4")
    assert (first["palm_6_x"], first["palm_6_y"]) == ("1.5", "1.625")
    assert (first["wrist_x"], first["pinky_tip_z"]) == ("0.0", "0.96875")
    assert first["index_mcp_x"] == str(15 / 64)  # landmark 5
    assert first["world_thumb_cmc_x"] == "-0.00293"
    assert rows[2]["seconds"] == rows[2]["handedness"] == rows[2]["world_wrist_x"] == ""
    assert rows[2]["tracked"] == "1"
    assert all(None not in row and None not in row.values() for row in rows)


def test_the_columns() -> None:
    columns = csv_columns(7)
    assert len(columns) == len(set(columns)) == 11 + 4 + 14 + 63 + 63
    assert len(csv_columns(0)) == len(columns) - 14
