"""The options that several commands share: what a model's file does not state, and what its Core ML
package is like.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from blazepalm.converter.evidence import Overrides


def model_names(incomplete: str) -> list[str]:
    """The known releases and bundles that begin so, for a shell to complete; it adds files."""
    from blazepalm.models.release_registry import load_registry

    return [name for name in load_registry().names if name.startswith(incomplete)]


def model_option(name: str, what: str, show_default: bool | str = True) -> Any:
    """An option that takes a file or a release; `what` is its help."""
    return typer.Option(
        name,
        metavar="FILE_OR_RELEASE",
        autocompletion=model_names,
        help=what,
        show_default=show_default,
    )


OutputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--outputs",
        metavar="ROLE=OUTPUT,…",
        help="What the file's outputs are, by name or position from 0, such as "
        "landmarks=Identity or presence=1; repeatable.",
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
PrecisionOption = Annotated[
    str, typer.Option(metavar="fp16|fp32", help="Precision of the Core ML package.")
]
TargetOption = Annotated[
    str, typer.Option(metavar="iOS", help="The oldest iOS the package must run on.")
]


def overrides_of(
    outputs: list[str] | None, generation: list[str] | None, value_range: list[str] | None
) -> "Overrides":
    """The statements of all three options. Raises InvalidInput or UnknownRelease."""
    from blazepalm.converter.evidence import Overrides

    return Overrides.from_text(outputs or (), generation or (), value_range or ())
