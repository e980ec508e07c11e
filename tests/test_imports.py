"""Every module can be imported by this interpreter."""

from importlib import import_module

import pytest

from blazepalm.converter.coreml.quiet import UNUSED, without
from support.models import ROOT

PARTS = ("cli", "converter", "golden", "models", "reports")
FILES = [p for part in PARTS for p in (ROOT / "blazepalm" / part).rglob("*.py")]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "blazepalm" / "__init__.py", ROOT / "blazepalm" / "__main__.py", *FILES)
)


def test_modules_are_found() -> None:
    assert {"blazepalm", "blazepalm.models.blocks", "blazepalm.cli.app"} < set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_module_can_be_imported(name: str) -> None:
    with without(UNUSED):  # coremltools would look for them, which takes long and warns
        assert import_module(name).__name__ == name
