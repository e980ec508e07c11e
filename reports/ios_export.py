"""Releases and golden pictures become the folder that the iOS harness takes to a device
(`ios_harness/FIXTURES.md`): packages, pictures, inputs of single models with the outputs
expected, and what the pipeline says of each stage.

What is `recorded` is LiteRT's, decoded; with `replay` it is what the saved packages give here,
so that a fake `MLModel` can answer with it, and raw detector outputs and a video are added.
LiteRT's outputs are always there, as `reference`: `reports.device_rows` judges by them.
The one gap: the pipeline's stages follow from what is recorded, not from the reference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blazepalm.golden.manifest import GoldenCase, GoldenSet, load_golden
from blazepalm.models.errors import ArtifactError, InvalidModel
from blazepalm.reports.chain import PalmRules
from blazepalm.reports.fixtures_folder import Entry, whole_fixtures
from blazepalm.reports.ios_cases import MAXIMUM_HANDS, CaseExport
from blazepalm.reports.ios_models import (
    AppModel,
    open_models,
)
from blazepalm.reports.ios_sequence import (
    rendered,
    write_sequence,
)

MODELS = ("palm-full", "hand-full")
CASES = (
    *("open-right", "open-left", "fist", "point", "rotated-100", "rotated-220", "two-hands"),
    *("near-border-left", "wide-frame", "tall-frame", "odd-frame", "hard-noise"),
)
ALL = "all"
FRAMES = 300
MOST_PIXELS = 1 << 26  # of a picture: the harness reads files of at most 256 MB

OnStep = Callable[[str, int, int | None], None]  # what is done, how far, of how many


@dataclass(frozen=True)
class Exported:
    """What was written: names of models and cases, and how many single predictions."""

    folder: Path
    models: tuple[str, ...]
    cases: tuple[str, ...]
    records: int
    frames: int
    bytes: int
    manifest_sha256: str


def export_ios(
    folder: Path,
    *,
    models: Sequence[str] = MODELS,
    cases: Sequence[str] = (),
    golden: Path,
    precision: str = "fp16",
    replay: bool = False,
    frames: int = FRAMES,
    force: bool = False,
    jobs: int | None = None,
    on_step: OnStep = lambda what, done, total: None,
) -> Exported:
    """Writes the fixtures. `cases` are names of the golden set, or ALL; none: those of CASES.
    `frames` of a video (0: none) come with `replay` alone.

    Raises ArtifactError where a case is unknown or cannot be read, or the folder is not to be
    replaced, and BlazePalmError for a model; then nothing is written.
    """
    with whole_fixtures(folder, force=force) as writer:
        found = load_golden(golden)
        chosen = choose(found, cases)
        opened = open_models(
            models, writer, precision, lambda name: on_step(f"converting {name}", 0, None)
        )
        palm, hands = _roles(opened)
        entries: list[Entry] = []
        records: list[Entry] = []
        decoders: list[Entry] = []
        for number, case in enumerate(chosen):
            one = CaseExport(writer, case.name, found.image(case), replay)
            entries.append(one.stages(palm, hands[0] if hands else None))
            for model in opened:
                if isinstance(model.rules, PalmRules):
                    one.detect(model)
                    decoders += [one.decoder(model)] if replay else []
            for model in hands[1:]:
                one.look(palm, model)
            records += one.records
            on_step("cases", number + 1, len(chosen))
        sequences = []
        if replay and frames and hands:
            images = _counted(rendered(frames, jobs), frames, on_step)
            sequences.append(write_sequence(writer, palm, hands[0], images, MAXIMUM_HANDS))
        sha256 = writer.manifest(
            {
                "commit": None,
                "recorded": "coreml-mil" if replay else "tflite",
                "models": [model.entry for model in opened],
                "pipeline": _pipeline(palm, hands),
                "cases": entries,
                "records": sorted(records, key=lambda record: (record["model"], record["name"])),
                "decoders": decoders,
                "sequences": sequences,
            }
        )
        size = sum(p.stat().st_size for p in writer.folder.rglob("*") if p.is_file())
    return Exported(
        folder=folder,
        models=tuple(model.name for model in opened),
        cases=tuple(case.name for case in chosen),
        records=len(records),
        frames=sum(sequence["frames"] for sequence in sequences),
        bytes=size,
        manifest_sha256=sha256,
    )


def choose(golden: GoldenSet, names: Sequence[str]) -> list[GoldenCase]:
    """The cases of those names, in the set's order. Raises ArtifactError."""
    by_name = {case.name: case for case in golden.cases}
    if ALL in names:
        return [case for case in golden.cases if case.readable and _fits(case)]
    if not names:
        names = [name for name in CASES if name in by_name]
        if not names:
            raise ArtifactError(f"{golden.folder}: has none of the usual cases; give --cases")
    for name in names:
        if name not in by_name:
            known = ", ".join(list(by_name)[:8])
            raise ArtifactError(f"{golden.folder}: has no case {name!r}; it has {known}, …")
        if not (by_name[name].readable and _fits(by_name[name])):
            raise ArtifactError(f"case {name}: is no picture that a device can be given")
    return [case for case in golden.cases if case.name in names]


def _fits(case: GoldenCase) -> bool:
    return case.width * case.height <= MOST_PIXELS


def _roles(opened: Sequence[AppModel]) -> tuple[AppModel, list[AppModel]]:
    """The detector that points to where the landmark models look, and those models."""
    palms = [model for model in opened if isinstance(model.rules, PalmRules)]
    if not palms:
        raise InvalidModel(
            "a landmark model looks where a palm detector points: name one of each with --models"
        )
    return palms[0], [model for model in opened if not isinstance(model.rules, PalmRules)]


def _pipeline(palm: AppModel, hands: Sequence[AppModel]) -> Entry | None:
    if not hands:
        return None
    return {"palm": palm.name, "hand": hands[0].name, "maximum_hands": MAXIMUM_HANDS}


def _counted(images: Any, total: int, on_step: OnStep) -> Any:
    for number, image in enumerate(images):
        yield image
        on_step("frames of the video", number + 1, total)
