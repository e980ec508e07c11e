"""Writes docs/api.md: every public name of `blazepalm` with its signature and docstring, from the
source. Run it after a change: python tests/support/api_reference.py
"""

import ast
import inspect
from pathlib import Path
from types import FunctionType
from typing import Any

import blazepalm

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
HEAD = (
    "# blazepalm's Python interface\n\n"
    "Made from the docstrings by `python tests/support/api_reference.py`. Everything is imported "
    "from `blazepalm`; errors are `BlazePalmError`s of `blazepalm.errors`.\n"
)


def page() -> str:
    names = sorted((n for n in blazepalm.__all__ if n != "__version__"), key=str.casefold)
    places = [name.lower() for name in names]  # a second one of a name gets -1
    links = (
        f"[{name}](#{place}{'-1' if place in places[:position] else ''})"
        for position, (name, place) in enumerate(zip(names, places, strict=True))
    )
    parts = [HEAD, ", ".join(links) + "\n"]
    parts += [entry(name, getattr(blazepalm, name)) for name in names]
    return "\n".join(parts)


def entry(name: str, value: Any) -> str:
    """A function, or a class with its public methods."""
    value = inspect.unwrap(value) if isinstance(value, FunctionType) else value
    source = inspect.getsource(inspect.getmodule(value))  # type: ignore[arg-type]
    tree = Unquoted().visit(ast.parse(source))
    node = next(n for n in reversed(tree.body) if getattr(n, "name", None) == name)
    lines = [
        f"## {name}\n",
        "```python",
        *signature(node, source.splitlines()),
        "```\n",
        text(node),
    ]
    if isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and wanted(method):
                lines += [f"**`{described(method)}`**\n\n{text(method)}"]
    return "\n".join(lines)


def wanted(method: ast.FunctionDef) -> bool:
    decorators = {ast.unparse(d) for d in method.decorator_list}
    named = method.name == "__call__" or not method.name.startswith("_")
    return named and "overload" not in decorators and ast.get_docstring(method) is not None


def signature(node: ast.AST, lines: list[str]) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [f"blazepalm.{described(node)}"]
    assert isinstance(node, ast.ClassDef)
    init = next((m for m in node.body if getattr(m, "name", "") == "__init__"), None)
    if isinstance(init, ast.FunctionDef):
        return [f"blazepalm.{node.name}({arguments(init)})"]
    fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
    shown = (lines[field.lineno - 1 : field.end_lineno] for field in fields)  # with their comments
    return [f"class blazepalm.{node.name}", *(line for field in shown for line in field)]


def described(node: ast.FunctionDef) -> str:
    decorators = {ast.unparse(d) for d in node.decorator_list}
    returns = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    if "property" in decorators:
        return f"{node.name}{returns.replace(' ->', ':')}"
    return f"{node.name}({arguments(node)}){returns}"


def arguments(node: ast.FunctionDef) -> str:
    """Without `self`; one a line if they do not fit."""
    given = node.args
    bare = len(given.args) - len(given.defaults)
    found = [
        argument(one, given.defaults[place - bare] if place >= bare else None)
        for place, one in enumerate(given.args)
        if one.arg not in ("self", "cls")
    ]
    if given.vararg is not None:
        found.append(f"*{argument(given.vararg, None)}")
    elif given.kwonlyargs:
        found.append("*")
    keywords = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    found += [argument(one, default) for one, default in keywords]
    text = ", ".join(found)
    return text if len(text) < 70 else "\n    " + ",\n    ".join(found) + ",\n"


def argument(node: ast.arg, default: ast.expr | None) -> str:
    value = "" if default is None else f" = {ast.unparse(default)}"
    return ast.unparse(node) + value


class Unquoted(ast.NodeTransformer):
    """Annotations without the quotes that keep heavy imports away."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = self.unquoted(node.annotation)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = self.unquoted(node.returns)
        self.generic_visit(node)
        return node

    def unquoted(self, node: ast.expr | None) -> ast.expr | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return ast.parse(node.value, mode="eval").body
        return node


def text(node: ast.AST) -> str:
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    return (ast.get_docstring(node) or "").strip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
