"""A runtime's process that is started anew after it died of an input, but not for ever."""

import threading
from collections.abc import Callable, Mapping

import numpy as np

from blazepalm.child import Child
from blazepalm.child_pipe import Arrays
from blazepalm.errors import NotTried, ProcessDied

MOST_DEATHS = 2  # in a row


class Revived:
    """Callable as a Child is, from several threads, one at a time. `start` opens the process, on
    the first call or with `open`.

    Raises ProcessDied if the process dies, and starts another for the next call. After
    `MOST_DEATHS` deaths in a row it raises NotTried, after one while it opens the same again.
    """

    def __init__(self, start: Callable[[], Child]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._deaths = 0
        self._given_up: ProcessDied | None = None

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> Arrays:
        with self._lock:
            child = self._opened()
            try:
                found = child(arrays)
            except ProcessDied as error:
                self._child = None
                child.close()
                self._deaths += 1
                if self._deaths == MOST_DEATHS:
                    self._given_up = NotTried(
                        f"not tried, because the runtime died of {MOST_DEATHS} inputs in a row "
                        f"({error})"
                    )
                raise
            self._deaths = 0
            return found

    def open(self) -> None:
        """Starts the process now."""
        with self._lock:
            self._opened()

    def close(self) -> None:
        """Ends the process, which otherwise ends with this object."""
        with self._lock:
            if self._child is not None:
                self._child.close()

    def _opened(self) -> Child:
        if self._given_up is not None:
            raise self._given_up
        try:
            self._child = self._child or self._start()
        except ProcessDied as error:
            self._given_up = error
            raise
        return self._child
