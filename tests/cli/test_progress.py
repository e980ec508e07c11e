"""Progress in a log and on a terminal, and the first and second Ctrl-C."""

import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

from blazepalm.cli import progress
from blazepalm.cli.progress import frames, until_interrupted
from support.models import ROOT


def test_a_log_gets_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with frames(3) as quick:
        for _ in range(3):
            quick.advance("clip.mp4")
    assert quick.done == 3 and quick.speed > 0
    assert capsys.readouterr().err == ""  # it did not take ten seconds
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with frames(None) as slow:
        slow.advance("clip.mp4")
        slow.expect(2)
        slow.advance("new\nline.mp4")
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("clip.mp4: 1 frames, ") and first.endswith(" per second")
    assert second.startswith("new\\nline.mp4: 2 of 2 frames, ")


@pytest.mark.parametrize("columns", [50, 80, 160])
def test_a_terminal_gets_a_bar(columns: int) -> None:
    """In a real terminal the bar shows numbers and fits, and other lines appear above it intact."""
    code = (
        "import time\n"
        "from blazepalm.cli import console\n"
        "from blazepalm.cli.progress import frames\n"
        "with frames(4) as progress:\n"
        "    for i in range(4):\n"
        "        progress.advance('a-clip-with-a-long-name-of-its-own-[red].mp4')\n"
        "        time.sleep(0.15)\n"
        "    with progress.aside():\n"
        "        console.out('a result')\n"
    )
    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=child, stderr=child, env=environment
    )
    os.close(child)
    shown = b""
    while True:
        try:
            part = os.read(parent, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(parent)
    assert process.wait() == 0
    text = shown.decode()
    assert "/4 frames" in text and "per second" in text
    assert "a result\r\n" in text
    assert "a-clip" in text


def test_the_first_interruption_is_an_answer() -> None:
    before = signal.getsignal(signal.SIGINT)
    with until_interrupted() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_elsewhere_than_in_the_main_thread() -> None:
    answers = []

    def work() -> None:
        with until_interrupted() as interrupted:
            answers.append(interrupted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]
