"""Names in a program: where in the torch module each operation comes from.

A MIL identifier holds letters, digits and underscores, so a dot becomes two underscores:
`backbone__stage2__block0__depthwise` is the convolution of the module
`backbone.stage2.block0.depthwise`. What a module computes besides has the torch function's name
behind it (`backbone.stage2.block0.add`); a second call of one module has `.2` behind. In a
graph of no known family the place of a module is taken by the file's operator
(`op017_prelu`).
"""

import re
from dataclasses import dataclass, field

from torch.fx import Node

from blazepalm.file_names import unique_name

SEPARATOR = "__"


def identifier(path: str) -> str:
    """`backbone.stage2.block0.add` → `backbone__stage2__block0__add`."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", path.replace(".", SEPARATOR))
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"


def path(name: str) -> str:
    """The inverse: `backbone__stage2__block0__add` → `backbone.stage2.block0.add`."""
    return name.replace(SEPARATOR, ".")


@dataclass
class Names:
    """`paths` gives the path of each node; a name is given away once."""

    paths: dict[Node, str]
    taken: set[str] = field(default_factory=set)

    def take(self, node: Node, suffix: str = "") -> str:
        """A free name for the operation of a node, or for a helper of it."""
        place = self.paths[node]
        return self.free(f"{place}.{suffix}" if suffix else place)

    def free(self, wanted: str) -> str:
        """`wanted` as an identifier, with a number behind it where it is taken."""
        return unique_name(identifier(wanted), self.taken, SEPARATOR, key=str)

    def release(self, name: str) -> None:
        """An operation is gone: its name is free again."""
        self.taken.discard(name)
