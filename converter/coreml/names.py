"""Names in a program: where in the torch module each operation comes from.

A MIL identifier holds letters, digits and underscores, so a dot becomes two underscores:
`backbone__stage2__block0__depthwise` is the convolution of the module
`backbone.stage2.block0.depthwise`. Any other computation of a module gets the torch function's name
appended (`backbone.stage2.block0.add`); a module's second call gets `.2` appended. In a graph of no
known family, the file's operator takes the place of the module (`op017_prelu`).
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
    """`paths` gives the path of each node; each name is used only once."""

    paths: dict[Node, str]
    taken: set[str] = field(default_factory=set)

    def take(self, node: Node, suffix: str = "") -> str:
        """An unused name for the operation of a node, or for a helper of it."""
        place = self.paths[node]
        return self.free(f"{place}.{suffix}" if suffix else place)

    def free(self, wanted: str) -> str:
        """`wanted` as an identifier, with a number appended if it is taken."""
        return unique_name(identifier(wanted), self.taken, SEPARATOR, key=str)

    def release(self, name: str) -> None:
        """Frees the name of a removed operation."""
        self.taken.discard(name)
