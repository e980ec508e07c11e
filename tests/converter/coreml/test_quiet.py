"""What is hidden from an import is hidden whole, and found again afterwards."""

from importlib import import_module
from pathlib import Path

import pytest

from blazepalm.converter.coreml.quiet import without


def test_parts_of_a_package_that_was_imported_before_are_hidden_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "half_imported"
    package.mkdir()
    for name in ("__init__", "part"):
        (package / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    import_module("half_imported")
    with without(("half_imported",)), pytest.raises(ModuleNotFoundError, match="half_imported"):
        import_module("half_imported.part")
    assert import_module("half_imported.part").__name__ == "half_imported.part"
