"""What this project noted in a program's attribute `buildInfo`, a dictionary of texts: the whole
spec, which would fill Xcode's pane if it lay among the metadata. Packages written earlier have it
there.
"""

from typing import Any

OWN = "blazepalm."  # what our keys begin with


def notes_of(program: Any) -> dict[str, str]:
    """Our entries of `buildInfo`: key → text. Entries of another form are not ours."""
    if "buildInfo" not in program.attributes:
        return {}
    found = {}
    for pair in program.attributes["buildInfo"].immediateValue.dictionary.values:
        key, value = (side.immediateValue.tensor.strings.values for side in (pair.key, pair.value))
        if len(key) == len(value) == 1 and key[0].startswith(OWN):
            found[key[0]] = value[0]
    return found
