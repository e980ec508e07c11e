"""Apple's Core AI computes the readable module, too, without Core ML in between."""

from pathlib import Path

import numpy as np
import pytest

from blazepalm import cache_file
from blazepalm.converter.coreai.needed import missing_coreai
from blazepalm.errors import ProcessDied
from blazepalm.reports.backends import coreai_asset
from blazepalm.reports.backends.coreai_asset import Asset
from blazepalm.reports.subjects.open_subject import open_subject
from support.tiny import doubling


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))


def test_a_module_runs_without_core_ml_and_its_program_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if (reason := missing_coreai()) is not None:
        pytest.skip(reason)

    def opened() -> np.ndarray:
        subject = open_subject("x.tflite", doubling(), workers=1, packages=None, only=("coreai",))
        shape = subject.input_shape
        given = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
        (found,) = subject.backends["coreai"].run(given).values()
        assert np.array_equal(found, 2 * given)
        return found

    opened()

    def again(*given: object) -> bytes:
        raise AssertionError("converted twice")

    monkeypatch.setattr(coreai_asset._CONVERTER, "make", again)
    opened()


def test_what_died_once_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture would otherwise cost another ten seconds, and fail again."""
    made: list[str] = []

    def dies(source: str, origin: Path, layers: object = None) -> bytes:
        made.append(source)
        raise ProcessDied(f"Core AI on {source}: its process was killed by SIGABRT")

    monkeypatch.setattr(coreai_asset._CONVERTER, "make", dies)
    asset = Asset("palm", tmp_path / "palm.mlpackage", lambda: "key")
    for _ in range(2):
        with pytest.raises(ProcessDied, match="^Core AI on palm: its process was killed"):
            asset({})
    assert made == ["palm"]


def test_a_program_s_key_holds_versions_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coreai_asset, "version", lambda name: "1.0")
    first = coreai_asset.asset_key(package="a")
    assert first == coreai_asset.asset_key(package="a") != coreai_asset.asset_key(package="b")
    monkeypatch.setattr(coreai_asset, "version", lambda name: "2.0")
    assert coreai_asset.asset_key(package="a") != first
    monkeypatch.setattr(coreai_asset, "version", lambda name: "1.0")
    monkeypatch.setattr(coreai_asset, "code_sha256", lambda *parts: "other")
    assert coreai_asset.asset_key(package="a") != first
    folder = cache_file.PACKAGE
    assert all((folder / part).exists() for part in coreai_asset.CODE)
