"""What a reader is: sound files of one kind, one mutant of them and its reading."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any


@dataclass(frozen=True)
class Reader:
    """`corpus(folder)` is made once in each child; `run(random, corpus, folder)` raises what the
    reading does, or Escaped. `slow`: a tenth of the mutants are enough.
    """

    name: str
    corpus: Callable[[Path], Any]
    run: Callable[[Random, Any, Path], None]
    slow: bool = False


READERS: dict[str, Reader] = {}


def reader(name: str, corpus: Callable[[Path], Any], slow: bool = False) -> Any:
    """Registers a `run` function."""

    def register(run: Callable[[Random, Any, Path], None]) -> Any:
        READERS[name] = Reader(name, corpus, run, slow)
        return run

    return register
