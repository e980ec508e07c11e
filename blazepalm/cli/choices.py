"""Options whose values are names."""

from collections.abc import Iterable

import typer

from blazepalm.errors import unknown_name


def check_choice(option: str, given: str, known: Iterable[str]) -> None:
    """Raises BadParameter unless `given`, the value of `option`, is known."""
    known = tuple(known)
    if given not in known:
        message = unknown_name(option.removeprefix("--"), given, known)
        raise typer.BadParameter(message, param_hint=option)
