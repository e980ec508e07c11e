"""Formats the page's numbers: three digits, thousands separators.

Not `blazepalm.text.figure`, which the other reports use: the page shows the same numbers from
templates and from its script, so this writes what `figure` in `script/dom.js` writes.
"""

from blazepalm.text import NOTHING

MIN, MAX = 1e-4, 1e7  # outside this range, numbers are shown with powers of ten
WHOLE = 1e6  # whole numbers below this are shown in full


def figure(value: float | str | None, unit: str = "") -> str:
    """Formats a number; None becomes a dash, words stay as they are."""
    if value is None or isinstance(value, str):
        return value or NOTHING
    size = abs(value)
    if size < WHOLE and value == int(value):
        text = f"{value:,.0f}"
    elif MIN <= size < MAX:
        text = f"{float(f'{value:.3g}'):,.0f}" if size >= 1000 else _trimmed(f"{value:.3g}")
    else:
        mantissa, exponent = f"{value:.2e}".split("e")
        text = f"{_trimmed(mantissa)}e{int(exponent)}"
    return f"{text} {unit}".rstrip()


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
