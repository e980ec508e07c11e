"""Numbers for reading: three digits, thousands parted; `figure` in `script/dom.js` is the same."""

from blazepalm.text import NOTHING

MIN, MAX = 1e-4, 1e7  # outside of which powers of ten are shorter
WHOLE = 1e6  # below which a whole number is shown as it is


def figure(value: float | str | None, unit: str = "") -> str:
    """A dash for None; words as they are."""
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
