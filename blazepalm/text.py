"""Text for reports: makes names harmless and numbers short.

Names of tensors, files and cases come from untrusted files. Anything that a terminal, an XML parser
or a page could act on (control characters, changes of direction, unpaired surrogates) is shown as
an escape instead.
"""

NOTHING = "–"


def printable(text: str, *, keep: str = "") -> str:
    """`text` with every unprintable character but those in `keep` escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def figure(value: float | None, unit: str = "") -> str:
    """Three significant digits and the unit; a dash for None."""
    if value is None:
        return NOTHING
    whole = float(value).is_integer() and abs(value) < 1e6
    text = f"{value:.0f}" if whole else f"{value:.3g}"
    return f"{text} {unit}".rstrip()
