"""The verdict of a whole report in a few words, the same in every form of the report.

Each says no more than is true: a failed self-test, a source without a verdict or a backend that
did not run is not the same as a comparison that failed.
"""

from collections.abc import Iterable, Sequence

HOLDS = "parity holds"
FAILS = "parity fails"
USELESS = "equal, and useless"  # every copy equals its file, but the file does not find the hands
UNTESTED = "the self-test failed"
PARTLY = "not everything could be compared"
UNVERIFIED = "parity could not be verified"
NOTHING = "nothing was compared"
HEADLINES = (HOLDS, FAILS, USELESS, UNTESTED, PARTLY, UNVERIFIED, NOTHING)


def headline(
    models: Sequence[tuple[bool, bool]], *, failed: bool, tested: bool, failures: Iterable[int]
) -> str:
    """One of `HEADLINES`. `models`: whether each passes, and whether it is useless; `failed`:
    whether any row fails; `tested`: whether the self-test passed, or was not asked for;
    `failures`: the exit codes of sources without a verdict.
    """
    codes = list(failures)
    wrong = [useless for passed, useless in models if not passed]
    if failed or 1 in codes:
        return USELESS if wrong and all(wrong) and 1 not in codes else FAILS
    if not tested:
        return UNTESTED
    if not models:
        return UNVERIFIED if 3 in codes else NOTHING
    if wrong:
        return UNVERIFIED
    return PARTLY if codes else HOLDS
