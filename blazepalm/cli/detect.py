"""`blazepalm detect`: the hands of one image, printed, drawn, or as JSON.

The readable PyTorch modules do the work, converted in memory. Coordinates in JSON are
normalised to the image (0 to 1, left to right and top to bottom); in the table, pixels.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blazepalm.cli import console
from blazepalm.cli.files import check_file, whole_file
from blazepalm.models.errors import ArtifactError, InvalidModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.table import Table
    from torch import Tensor

    from blazepalm.converter.convert import Converted
    from blazepalm.models.hand_pipeline import Hand
    from blazepalm.models.palm_detector import PalmDetections
    from blazepalm.reports.draw import DrawnHand

DRAWN = (".png", ".jpg", ".jpeg")
NONE = "none"
DIGITS = 6


def detect(
    image: Annotated[Path, typer.Argument(help="A picture: PNG, JPEG, WebP, …")],
    model: Annotated[
        str, typer.Option("--model", metavar="FILE_OR_RELEASE", help="The palm detector.")
    ] = "palm-full",
    landmarks: Annotated[
        str,
        typer.Option(
            "--landmarks",
            metavar="FILE_OR_RELEASE",
            help="The landmark model; `none` stops at the palms.",
        ),
    ] = "hand-full",
    draw: Annotated[
        Path | None,
        typer.Option("--draw", metavar="FILE", help="Draw them on a copy: .png or .jpg."),
    ] = None,
    max_hands: Annotated[
        int | None,
        typer.Option("--max-hands", min=1, help="Follow up this many palms. [default: all]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing drawing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Find hands in an image: palm box, score, 21 landmarks, left or right.

    Left and right are the hand's own in a picture that is not mirrored.
    """
    from blazepalm.golden.images import read_image

    if draw is not None:
        check_drawing(draw, image, force)
    pixels = read_image(image)
    with console.working(f"looking for hands in {image}"):
        detector, hand_model = load_models(model, landmarks)
        hands = find(pixels, detector, hand_model, max_hands)
    size = (pixels.shape[0], pixels.shape[1])
    if draw is not None:
        from blazepalm.reports.draw import draw_hands

        write_drawing(draw_hands(pixels, [as_drawn(hand, size) for hand in hands]), draw)
    if as_json:
        console.emit_json(
            {
                "image": str(image),
                "width": size[1],
                "height": size[0],
                "detector": detector.name,
                "landmark_model": None if hand_model is None else hand_model.name,
                "hands": hands,
                "drawn": None if draw is None else str(draw),
            }
        )
        return
    name = console.clean(str(image))
    if not hands:
        console.out(f"{name}, {size[1]}×{size[0]}: no hand found")
    else:
        what = "hand" if hand_model else "palm"
        console.out(
            f"{name}, {size[1]}×{size[0]}: {len(hands)} {what}{'s' * (len(hands) > 1)}",
            table(hands, size),
        )
    if draw is not None:
        console.out(f"drawn: {console.clean(str(draw))}")


def load_models(model: str, landmarks: str) -> "tuple[Converted, Converted | None]":
    """The two networks, converted in memory. Raises InvalidModel where one is of the other's
    family, or of none.
    """
    from blazepalm.converter.convert import module_of

    detector = module_of(model, console.warn)
    _check_family(detector, model, "palm", "--model")
    if landmarks == NONE:
        return detector, None
    hand_model = module_of(landmarks, console.warn)
    _check_family(hand_model, landmarks, "hand", "--landmarks")
    return detector, hand_model


def _check_family(converted: "Converted", asked: str, family: str, option: str) -> None:
    wanted = {"palm": "a palm detector", "hand": "a hand landmark model"}
    found = None if converted.recognition is None else converted.recognition.family
    if found != family:
        what = wanted.get(found or "", "a model of no known family")
        raise InvalidModel(f"{asked}: is {what}, {option} takes {wanted[family]}")


def find(
    pixels: "NDArray[np.uint8]",
    detector: "Converted",
    hand_model: "Converted | None",
    max_hands: int | None = None,
) -> list[dict[str, Any]]:
    """The hands of (H, W, 3) uint8 RGB as JSON values, best first; every key always there."""
    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.hand_pipeline import PALM_RULE, HandPipeline
    from blazepalm.models.palm_detector import PalmDetector

    assert isinstance(detector.module, PalmDetector)
    if hand_model is None:
        palms = detector.module.predict_on_image(pixels)
        return [_palm_values(palms, i) for i in range(len(palms))[:max_hands]]
    assert isinstance(hand_model.module, HandLandmarks)
    rule = detector.release.generation.roi if detector.release else PALM_RULE
    pipeline = HandPipeline(detector.module, hand_model.module, rule, max_hands)
    return [_hand_values(hand) for hand in pipeline(pixels)]


def _palm_values(palms: "PalmDetections", index: int) -> dict[str, Any]:
    return {
        "score": _plain(palms.scores[index]),
        "box": _plain(palms.boxes[index]),
        "keypoints": _plain(palms.keypoints[index]),
        "handedness": None,
        "handedness_score": None,
        "presence": None,
        "landmarks": None,
        "world_landmarks": None,
    }


def _hand_values(hand: "Hand") -> dict[str, Any]:
    right = None if hand.handedness is None else float(hand.handedness)
    return {
        "score": _plain(hand.score),
        "box": _plain(hand.box),
        "keypoints": _plain(hand.keypoints),
        "handedness": None if right is None else "right" if right > 0.5 else "left",
        "handedness_score": None if right is None else round(max(right, 1.0 - right), DIGITS),
        "presence": _plain(hand.presence),
        "landmarks": _plain(hand.landmarks),
        "world_landmarks": None if hand.world_landmarks is None else _plain(hand.world_landmarks),
    }


def _plain(values: "Tensor") -> Any:
    """A number, or nested lists of them, to six digits."""

    def rounded(value: Any) -> Any:
        return [rounded(v) for v in value] if isinstance(value, list) else round(value, DIGITS)

    return rounded(values.tolist())


def as_drawn(hand: dict[str, Any], size: tuple[int, int]) -> "DrawnHand":
    """A hand's JSON values as what is drawn on an image of `size` (height, width)."""
    from blazepalm.reports.draw import in_pixels

    points = hand["landmarks"]
    keypoints = hand["keypoints"] if points is None else None
    label = f"{hand['handedness'] or 'palm'} {hand['score']:.2f}"
    return in_pixels(size, hand["box"], points, keypoints, label)


def table(hands: list[dict[str, Any]], size: tuple[int, int]) -> "Table":
    """One row a hand; boxes in pixels of an image of `size` (height, width)."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("hand", "palm score", "handedness", "presence", "palm box in pixels"):
        shown.add_column(name, justify="left" if name == "handedness" else "right")
    height, width = size
    for number, hand in enumerate(hands, start=1):
        xmin, ymin, xmax, ymax = hand["box"]
        side = hand["handedness"]
        shown.add_row(
            str(number),
            f"{hand['score']:.3f}",
            "–" if side is None else f"{side} {hand['handedness_score']:.3f}",
            "–" if hand["presence"] is None else f"{hand['presence']:.3f}",
            f"{xmin * width:.0f}, {ymin * height:.0f} to {xmax * width:.0f}, {ymax * height:.0f}",
        )
    return shown


def check_drawing(path: Path, image: Path, force: bool) -> None:
    """Raises ArtifactError where the drawing cannot be written, or would destroy something."""
    if path.exists() and image.exists() and path.samefile(image):
        raise ArtifactError(f"{path}: is the image itself; draw on another file")
    check_file(path, DRAWN, "drawings", option="--draw", force=force)


def write_drawing(pixels: "NDArray[np.uint8]", path: Path) -> None:
    """Writes the file whole or not at all. Raises ArtifactError."""
    from PIL import Image

    kind, options = ("PNG", {}) if path.suffix.lower() == ".png" else ("JPEG", {"quality": 92})
    with whole_file(path) as temporary:
        Image.fromarray(pixels).save(temporary, kind, **options)
