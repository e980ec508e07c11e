"""Makes a decorator that registers plain functions in a table by key; registering a key twice
raises at import.
"""

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def registers_in(
    table: dict[Any, Function], done: str
) -> Callable[..., Callable[[Function], Function]]:
    """A decorator that takes the keys of a function. `done` says in an error what is done twice:
    "lowered", "executed".
    """

    def decorator(*keys: Any) -> Callable[[Function], Function]:
        def register(function: Function) -> Function:
            for key in keys:
                if key in table:
                    raise ValueError(f"{key} is {done} twice: {table[key]} and {function}")
                table[key] = function
            return function

        return register

    return decorator
