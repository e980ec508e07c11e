"""An Xcode project file as plain values.

Apple's old property lists, as `project.pbxproj` has them: dictionaries `{key = value;}`, lists
`(value,)`, words and quoted strings, comments. A key that comes twice is an error: it would hide
an object.
"""

import re
from pathlib import Path
from typing import Any

TOKEN = re.compile(r'\s+|//[^\n]*|/\*.*?\*/|("(?:[^"\\]|\\.)*"|[\w./$-]+|[{}()=;,])', re.DOTALL)
IDENTIFIER = re.compile(r"[0-9A-F]{24}")


def parse(text: str) -> Any:
    """The value that `text` writes down. Raises ValueError where it is not well formed."""
    tokens, position = [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"character {position}: {text[position : position + 20]!r}")
        position = match.end()
        if match[1]:
            tokens.append(match[1])
    value, rest = _value(tokens, 0)
    if rest != len(tokens):
        raise ValueError(f"{tokens[rest]!r} after the end")
    return value


def _value(tokens: list[str], at: int) -> tuple[Any, int]:
    if at >= len(tokens):
        raise ValueError("ends too early")
    if tokens[at] == "{":
        return _dictionary(tokens, at + 1)
    if tokens[at] == "(":
        return _list(tokens, at + 1)
    if tokens[at] in tuple("})=;,"):
        raise ValueError(f"{tokens[at]!r} where a value should be")
    return _word(tokens[at]), at + 1


def _dictionary(tokens: list[str], at: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    while at < len(tokens) and tokens[at] != "}":
        key = _word(tokens[at])
        if tokens[at + 1 : at + 2] != ["="]:
            raise ValueError(f"no = after {key}")
        value, at = _value(tokens, at + 2)
        if tokens[at : at + 1] != [";"]:
            raise ValueError(f"no ; after the value of {key}")
        if key in values:
            raise ValueError(f"{key} comes twice")
        values[key] = value
        at += 1
    if at >= len(tokens):
        raise ValueError("ends inside { }")
    return values, at + 1


def _list(tokens: list[str], at: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    while at < len(tokens) and tokens[at] != ")":
        value, at = _value(tokens, at)
        values.append(value)
        if tokens[at : at + 1] == [","]:
            at += 1
        elif tokens[at : at + 1] != [")"]:
            raise ValueError("no , between two values")
    if at >= len(tokens):
        raise ValueError("ends inside ( )")
    return values, at + 1


def _word(token: str) -> str:
    if not token.startswith('"'):
        return token
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def mentioned(value: Any) -> set[str]:
    """Every identifier that stands in a value, keys included."""
    if isinstance(value, dict):
        return set().union(*(mentioned(part) for pair in value.items() for part in pair))
    if isinstance(value, list):
        return set().union(*(mentioned(part) for part in value))
    return {value} if IDENTIFIER.fullmatch(value) else set()


class Project:
    """The objects of a `project.pbxproj`, by identifier, and what is read of them often."""

    def __init__(self, path: Path) -> None:
        self.root_folder = path.parents[1]
        self.values: dict[str, Any] = parse(path.read_text(encoding="utf-8"))
        self.objects: dict[str, dict[str, Any]] = self.values["objects"]
        self.project = self.objects[self.values["rootObject"]]

    def all(self, isa: str) -> dict[str, dict[str, Any]]:
        """The objects of a class."""
        return {key: value for key, value in self.objects.items() if value["isa"] == isa}

    def dangling(self) -> set[str]:
        """Identifiers that name no object."""
        return mentioned(self.values) - set(self.objects)

    def unreachable(self) -> set[str]:
        """Objects that nothing leads to from the root."""
        left, seen = [self.values["rootObject"]], set()
        while left:
            key = left.pop()
            if key in self.objects and key not in seen:
                seen.add(key)
                left += mentioned(self.objects[key])
        return set(self.objects) - seen

    def paths(self) -> dict[str, Path]:
        """Where the files and folders of the group tree are on disk, by identifier; products,
        which a build makes, are left out."""
        found: dict[str, Path] = {}

        def walk(key: str, folder: Path) -> None:
            node = self.objects[key]
            if node["sourceTree"] == "BUILT_PRODUCTS_DIR":
                return
            if node["sourceTree"] != "<group>":
                raise ValueError(f"{key}: source tree {node['sourceTree']}")
            here = folder / node["path"] if "path" in node else folder
            if node["isa"] != "PBXGroup":
                found[key] = here
            for child in node.get("children", []):
                walk(child, here)

        walk(self.project["mainGroup"], self.root_folder)
        return found

    def settings(self, owner: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The build settings of the project or of a target, by configuration."""
        configurations = self.objects[owner["buildConfigurationList"]]["buildConfigurations"]
        return {self.objects[c]["name"]: self.objects[c]["buildSettings"] for c in configurations}

    def target(self, name: str) -> tuple[str, dict[str, Any]]:
        """A target's identifier and the target."""
        (found,) = [t for t in self.all("PBXNativeTarget").items() if t[1]["name"] == name]
        return found

    def phases(self, target: dict[str, Any]) -> dict[str, list[str]]:
        """The files of each build phase of a target, by the phase's class."""
        return {self.objects[p]["isa"]: self.objects[p]["files"] for p in target["buildPhases"]}
