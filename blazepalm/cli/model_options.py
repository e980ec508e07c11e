"""The options by which the user states what a model's file does not: for every command that reads
models.
"""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from blazepalm.converter.evidence import Overrides


def model_names(incomplete: str) -> list[str]:
    """The known releases and bundles that begin so, for a shell to complete; it adds files."""
    from blazepalm.models.release_registry import load_registry

    return [name for name in load_registry().names if name.startswith(incomplete)]


OutputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--outputs",
        metavar="ROLE=OUTPUT,…",
        help="What the file's outputs are, by name or position from 0, such as "
        "landmarks=Identity_2,world_landmarks=0; repeatable.",
        show_default="found by evidence",
    ),
]
GenerationOption = Annotated[
    list[str] | None,
    typer.Option(
        "--generation",
        metavar="NAME",
        help="Take the thresholds, the region rule and the value range of this generation; one "
        "for each family.",
        show_default="found by evidence",
    ),
]
ValueRangeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--value-range",
        metavar="LOW,HIGH",
        help="The range of the input's values, such as -1,1; of one family: palm=-1,1; repeatable.",
        show_default="found by evidence",
    ),
]


def overrides_of(
    outputs: list[str] | None, generation: list[str] | None, value_range: list[str] | None
) -> "Overrides":
    """The statements of all three options. Raises InvalidInput or UnknownRelease."""
    from blazepalm.converter.evidence import Overrides

    return Overrides.from_text(outputs or (), generation or (), value_range or ())
