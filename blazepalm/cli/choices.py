"""Options whose values are names."""

from collections.abc import Iterable

import typer


def check_choice(option: str, given: str, known: Iterable[str]) -> None:
    """Raises BadParameter unless `given`, the value of `option`, is known."""
    known = tuple(known)
    if given not in known:
        raise typer.BadParameter(
            f"unknown {given!r}; choose one of {', '.join(known)}", param_hint=option
        )
