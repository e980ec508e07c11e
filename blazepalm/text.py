"""Text for reports: makes names harmless and numbers short.

Names of tensors, files and cases come from untrusted files. Anything that a terminal, an XML parser
or a page could act on (control characters, changes of direction, unpaired surrogates) is shown as
an escape instead.
"""

import json
import re

NOTHING = "–"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what formulas begin with, in one program or another
# where a long name may go on in the next line: after a mark that joins its words
JOINTS = re.compile(r"(?<=[-_./:~])(?=[^-_./:~])")


def printable(text: str, *, keep: str = "") -> str:
    """`text` with every unprintable character but those in `keep` escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def printable_json(line: str) -> str:
    """A line of JSON with the same values and every unprintable character as an escape of JSON."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def spreadsheet_cell(text: str) -> str:
    """`text` for a cell of CSV: printable, and behind an apostrophe where a spreadsheet would take
    it for a formula.
    """
    shown = printable(text)
    return f"'{shown}" if text.startswith(FORMULA) else shown


def folded_name(name: str, width: int) -> str:
    """A name in lines of at most `width` characters, broken between words if possible."""
    lines = [""]
    for word in JOINTS.split(name):
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        while len(word) > width:  # one that fits no line
            lines[-1:] = [word[:width], ""]
            word = word[width:]
        lines[-1] += word
    return "\n".join(lines)


def counted(number: int, what: str) -> str:
    """`1 process`, `2 processes`, `1,000 pictures`."""
    ending = "" if number == 1 else "es" if what.endswith("s") else "s"
    return f"{number:,} {what}{ending}"


def figure(value: float | None, unit: str = "") -> str:
    """Three significant digits and the unit; a dash for None."""
    if value is None:
        return NOTHING
    whole = float(value).is_integer() and abs(value) < 1e6
    text = f"{value:.0f}" if whole else f"{value:.3g}"
    return f"{text} {unit}".rstrip()
