"""A converted folder's README.md, in the form of a Hugging Face model card, and the licence of its
weights.

Everything in the card comes from `conversion.json`, except a known release's accuracy. Names from a
file are not trusted: they are shown as code, on one line.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from blazepalm.models.gesture_spec import CLASSIFIER, EMBEDDER
from blazepalm.models.release_registry import WEIGHTS as EMBEDDED
from blazepalm.models.release_registry import load_registry
from blazepalm.text import printable

CARD, LICENSE, NOTICE = "README.md", "LICENSE", "NOTICE"
MEDIAPIPE = "https://github.com/google-ai-edge/mediapipe"
CARD_FILES = (CARD, LICENSE, NOTICE)

UNITS = {  # output → shape of one image, unit
    "boxes": "x, y, width, height, then seven keypoints x, y; pixels, relative to the anchor",
    "scores": "one logit for each anchor; its sigmoid is the probability of a palm",
    "landmarks": "21 × (x, y, z) in pixels of the input; smaller z is nearer",
    "presence": "probability that there is a hand, 0..1",
    "handedness": "0..1: 1 is a right hand in a picture that is not mirrored",
    "world_landmarks": "21 × (x, y, z) in metres, about the hand's centre",
    "embedding": "describes the gesture; a gesture classifier reads it",
}
CLASSES = {
    "palm": "PalmDetector",
    "hand": "HandLandmarks",
    EMBEDDER: "GestureEmbedder",
    CLASSIFIER: "GestureClassifier",
}
IMAGES = ("palm", "hand")  # the families that read pictures
PURPOSE = {
    "palm": "Finds palms in a picture: a box, seven keypoints and a score for each.",
    "hand": "Finds the 21 landmarks of the hand in a crop, whether there is a hand, and which one.",
    EMBEDDER: "Turns the landmarks of one hand into a vector that describes its gesture.",
    CLASSIFIER: "Names the gesture of an embedding: one probability for each.",
}
LIMITS = {
    "palm": "Finds palms of a size that the input's resolution shows; hands seen from the edge, "
    "covered or blurred are missed more often. It knows no persons.",
    "hand": "Expects a square crop of one hand, turned upright, as the detector's region gives it; "
    "without a hand in the crop its landmarks mean nothing: look at `presence` first.",
    EMBEDDER: "Reads x, y, z of landmarks, about the wrist and of unit size "
    "(`blazepalm.models.gesture_pipeline`); what it was trained on is not known.",
    CLASSIFIER: "Knows its own gestures only, in embeddings of the network that it was trained "
    "with.",
}


class Accuracy(NamedTuple):
    """Against the rendered truth of the golden set, in percent: with which partner's regions or
    alone; hands found, finds that are right, mean joint error in palm sizes, sides that are right.
    """

    partner: str
    recall: float
    precision: float
    joints: float | None = None
    sides: float | None = None


# measured with PyTorch on the golden set's 44 hands; the README's table
ACCURACY = {
    "palm-2020-11": Accuracy("alone", 95.5, 87.5),
    "palm-lite-2021-11": Accuracy("alone", 100, 100),
    "palm-full-2023-09": Accuracy("alone", 100, 100),
    "hand-3d-2019-08": Accuracy("palm-full", 95.5, 100, 8.5),
    "hand-2020-05": Accuracy("palm-full", 100, 100, 6.5, 100),
    "hand-2020-11": Accuracy("palm-2020-11", 90.9, 90.9, 8.0, 95.0),
    "hand-sparse-2021-02": Accuracy("palm-2020-11", 90.9, 93.0, 6.5, 87.5),
    "hand-lite-2022": Accuracy("palm-lite", 100, 100, 5.5, 100),
    "hand-full-2022": Accuracy("palm-full", 100, 100, 4.5, 100),
}


def write_card(folder: Path, record: Mapping[str, Any]) -> None:
    """Writes README.md for a folder's record, and LICENSE and NOTICE if Google's release is known
    to be where the weights come from.
    """
    (folder / CARD).write_text(model_card(record), encoding="utf-8")
    release = release_name(record)
    if release is not None:
        (folder / LICENSE).write_bytes((EMBEDDED / LICENSE).read_bytes())
        (folder / NOTICE).write_text(_notice(record, release), encoding="utf-8")


def release_name(record: Mapping[str, Any]) -> str | None:
    """The release of the weights, or that they were trained from; None if unknown."""
    tuning = record.get("fine_tuning")
    name = record["release"] if tuning is None else tuning["from"]["release"]
    return None if name is None else str(name)


def model_card(record: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    release = release_name(record)
    family = record["spec"]["family"] if "spec" in record else ""
    title = release or Path(record["source"]["file"]).stem
    tuned = " (fine-tuned)" if "fine_tuning" in record else ""
    head = ["---", "library_name: blazepalm"]
    head += ["license: apache-2.0"] if release else ["license: other"]
    head += ["tags: [mediapipe, hand-tracking, pytorch, coreml]", "---", ""]
    parts = [
        f"# {_name(title)}{tuned}",
        PURPOSE.get(family, "A graph of no known family, converted operator by operator."),
        _use(family),
        _ports(record, family),
        _accuracy(record, release),
        f"## Limits\n\n{LIMITS[family]}" if family else "",
        _provenance(record, release),
    ]
    return "\n".join(head) + "\n\n".join(part for part in parts if part) + "\n"


def _use(family: str) -> str:
    network = f", blazepalm.{CLASSES[family]}" if family else ""
    run = "found = model.predict_on_image(picture)  # H×W×3 uint8, RGB\n"
    run = run if family in IMAGES else ""
    return (
        f"## Use\n\n```python\nimport blazepalm\n\n"
        f'model = blazepalm.load("folder"{network})\n{run}```'
    )


def _ports(record: Mapping[str, Any], family: str) -> str:
    lines = ["## Input and outputs", ""]
    if family in IMAGES:
        spec = record["spec"]
        (height, width), (low, high) = spec["input_size"], spec["value_range"]
        lines += [
            f"Input: N × 3 × {height} × {width} float32, RGB, {low:g} to {high:g}; pictures of "
            "another shape are letterboxed."
        ]
    lines += ["", "| output | shape | meaning |", "|---|---|---|"]
    for output in record["outputs"]:
        shape = " × ".join(("N", *map(str, output["shape"][1:])))
        values = ", ".join(map(_name, output.get("values", ())))
        lines.append(f"| {_name(output['name'])} | {shape} | {UNITS.get(output['name'], values)} |")
    return "\n".join(lines)


def _accuracy(record: Mapping[str, Any], release: str | None) -> str:
    head = "## Accuracy\n\n"
    found = ACCURACY.get(release or "")
    if found is None:
        return f"{head}Not measured: `blazepalm parity` measures it on rendered hands."
    if "fine_tuning" in record:
        return (
            f"{head}Not measured since the weights were tuned: `blazepalm parity` measures it on "
            "rendered hands."
        )
    partner = "" if found.partner == "alone" else f", with {found.partner}'s regions"
    facts = [f"recall {found.recall:g} %", f"precision {found.precision:g} %"]
    if found.joints is not None:
        facts.append(f"mean joint error {found.joints:g} % of the palm's size")
    if found.sides is not None:
        facts.append(f"{found.sides:g} % of left and right hands named right")
    return (
        f"{head}On the 44 rendered hands of blazepalm's golden set, run by PyTorch{partner}: "
        f"{', '.join(facts)}. Rendered hands are easier than photographs."
    )


def _provenance(record: Mapping[str, Any], release: str | None) -> str:
    tuning = record.get("fine_tuning")
    origin = record["source"] if tuning is None else tuning["from"]
    lines = [
        "## Provenance",
        "",
        f"- Weights from {_name(origin['file'])}, {origin['bytes']} bytes, SHA-256 "
        f"`{origin['sha256']}`" + (f": {release}." if release else "."),
    ]
    if release is not None:
        lines.append(f"- A model of [MediaPipe]({MEDIAPIPE}) by Google LLC: {_path(release)}.")
    if tuning is not None:
        moved, all_ = len(tuning["moved"]), len(record["tensor_map"])
        lines.append(
            f"- Fine-tuned: {moved} of {all_} weights moved (`conversion.json` lists them)."
        )
    lines.append(
        f"- Converted by blazepalm {record['tools']['blazepalm']}; `conversion.json` has every "
        "tensor's way, `blazepalm verify` checks it."
    )
    terms = "Apache License 2.0 (`LICENSE`, `NOTICE`)" if release else "that of the source file"
    lines.append(f"- Licence of the weights: {terms}.")
    return "\n".join(lines)


def _notice(record: Mapping[str, Any], release: str) -> str:
    tuning = record.get("fine_tuning")
    origin = record["source"] if tuning is None else tuning["from"]
    changed = (
        "The values of all weights are unchanged; the format is another."
        if tuning is None
        else f"{len(tuning['moved'])} of the weights were changed by training; conversion.json "
        "lists them."
    )
    return (
        f"The weights in this folder are those of {release}, a model of MediaPipe by Google LLC\n"
        f"({MEDIAPIPE}), under the Apache License 2.0 (LICENSE).\n\n"
        f"from {_path(release)}\nSHA-256 {origin['sha256']}\n\nConverted by blazepalm. {changed}\n"
    )


def _path(release: str) -> str:
    """The release's file in MediaPipe's repository."""
    return next(asset.file for asset in load_registry().releases if asset.name == release)


def _name(text: str) -> str:
    """A name from a file, as code of one line; plain if it is harmless."""
    if re.fullmatch(r"[\w.-]+", text, re.ASCII):
        return text
    return "`" + printable(text).replace("`", "'").replace("|", "¦") + "`"
