"""`blazepalm` and `python -m blazepalm`: the command line.

Outside the command itself, in imports and at exit, Ctrl-C ends the process without a word, where
Python would print a traceback.
"""

import signal
import sys


def main() -> int:
    """Runs the command line of `sys.argv` and returns its exit code."""
    ours = signal.getsignal(signal.SIGINT) == signal.default_int_handler  # not ignored by `&`
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from blazepalm.cli.app import main

    try:
        return main(interruptible=ours)
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
