"""Worker processes: what a terminal's Ctrl-C does to them."""

import os
import signal
import sys

import pytest

from blazepalm.golden.processes import map_in_processes


def hears_ctrl_c(_: int) -> tuple[int, bool]:
    return os.getpid(), signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_workers_never_see_ctrl_c() -> None:
    """From their first moment, in which Python would print a traceback."""
    found = list(map_in_processes(hears_ctrl_c, range(2), jobs=2, few=1))
    assert os.getpid() not in dict(found)
    assert [hears for _, hears in found] == [False, False]
    assert hears_ctrl_c(0) == (os.getpid(), True)
