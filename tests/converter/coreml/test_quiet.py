"""What is hidden from an import is hidden whole, and found again afterwards."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from blazepalm.converter.coreml.quiet import without


def test_a_folder_of_packages_is_hidden_even_if_a_part_was_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("part", "other"):
        (tmp_path / "half_imported" / part).mkdir(parents=True)
        (tmp_path / "half_imported" / part / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    part, whole = import_module("half_imported.part"), import_module("half_imported")
    with without(("half_imported",)):
        for name in ("half_imported", "half_imported.other"):
            with pytest.raises(ModuleNotFoundError, match="half_imported"):
                import_module(name)
    assert import_module("half_imported") is whole and import_module("half_imported.part") is part
    assert import_module("half_imported.other").__name__ == "half_imported.other"
    for name in ("half_imported", "half_imported.part", "half_imported.other"):
        del sys.modules[name]
