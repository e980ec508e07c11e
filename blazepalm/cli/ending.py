"""Ends the process in order when SIGINT, SIGTERM or SIGHUP comes: an exception in the main thread
has whatever is half written removed.

Python loses an exception that is raised where nobody can catch it (in a weak reference's callback,
a `__del__`), a library may swallow it, and leaving a `with` may mean waiting for threads at work.
So the signal is sent again where the exception is lost, and after AGAIN seconds wherever the main
thread is; after AT_LAST seconds the process ends as it is, as if killed.
"""

import _thread
import os
import signal
import sys
import threading
import time
from functools import partial
from types import FrameType
from typing import Any

from blazepalm.atomic.hold import now_or_later

AGAIN = 5.0  # seconds after which nothing that the main thread waits for is waited for any longer
EVERY = 1.0  # seconds between further attempts
AT_LAST = 9.0  # container runtimes and supervisors send SIGKILL after 10
SAME = 0.5  # a signal within so many seconds of another is its copy, as `timeout` sends one
LOST = 0.01  # seconds after which a lost exception is raised again


class Ending:
    """The signals that end a process: `by`, the first one that came, if any; `working`, whether
    there still is work to interrupt. Set it to False before the exit code is returned: nothing is
    raised from then on.
    """

    def __init__(self) -> None:
        self.by: int | None = None
        self.working = True
        self._last = 0.0
        self._insists = False

    @property
    def how(self) -> str:
        """What happened, in words."""
        assert self.by is not None
        return in_words(128 + self.by)

    def listen(self, number: int) -> None:
        """Handles a signal from here on. Only in the main thread of a process of our own."""
        signal.signal(number, self._came)
        sys.unraisablehook = self._lost
        threading.excepthook = self._in_thread

    def _came(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.by is None:
            self.by = number
            _thread.start_new_thread(self._insist, ())  # a Thread's start may wait for a lock
        elif now - self._last < SAME and not self._insists:
            return
        self._last = now
        self._insists = False
        if self.working:
            now_or_later(partial(_raise, number))

    def _insist(self) -> None:
        until = time.monotonic() + AT_LAST
        time.sleep(AGAIN)
        while time.monotonic() < until:
            self._send_again()
            time.sleep(EVERY)
        assert self.by is not None
        if self.working:
            os.write(2, f"error: {self.how}\n".encode())
        os._exit(128 + self.by)

    def _send_again(self) -> None:
        assert self.by is not None
        self._insists = True
        if not self.working:
            return
        if hasattr(signal, "pthread_kill"):  # it also ends a wait
            signal.pthread_kill(threading.main_thread().ident or 0, self.by)
        else:
            _thread.interrupt_main(signal.Signals(self.by))

    def _lost(self, lost: Any) -> None:
        if self.by is None or not isinstance(lost.exc_value, KeyboardInterrupt | SystemExit):
            sys.__unraisablehook__(lost)
        elif self.working:
            _thread.start_new_thread(self._send_soon, ())

    def _in_thread(self, failed: Any) -> None:
        if self.by is None:  # else it ran into the end of the work
            threading.__excepthook__(failed)

    def _send_soon(self) -> None:
        time.sleep(LOST)
        self._send_again()


def _raise(number: int) -> None:
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


def in_words(code: int) -> str:
    """The exit code of a signal in words."""
    number = code - 128
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
