"""Names that a stranger chooses: markup, escape sequences of terminals, line breaks, changes of
direction, characters that are no text, formulas of spreadsheets.
"""

NAMES = {
    "markup": "</script><img src=x onerror=alert(1)>\"'&`",
    "template": "]]>{{7*7}}${7*7}<!--",
    "console": "[bold red]x[/] [/nonsense]",
    "link": "[x](javascript:alert(1)) | ![y](z) | <a href=javascript:alert(1)>",
    "escape": "\x1b]0;title\x07\x1b[2J\x1b[31m",
    "c1": "\x9b2J\x90q\x9c\x85\x7f",
    "lines": "a\nerror: b\r\nc\u2028d\u2029e\x0bf",
    "direction": "\u202egpj.exe\u2066\u200f\u061c",
    "surrogate": "a\udcff\ud800b",
    "formula": "=HYPERLINK(1)",
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "at": "@SUM(1)",
    "tab": "\t=1",
}
ON_DISK = [kind for kind in NAMES if kind != "surrogate"]

ALL = "".join(NAMES.values())


def shown(name: str) -> str:
    """What must be seen of a name, by Python's own escapes of what cannot be printed."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name
    )
