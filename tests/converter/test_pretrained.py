"""`from_pretrained`: releases, files, folders and saved weights give the same network."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import blazepalm
from blazepalm.errors import ArtifactError, BlazePalmError, InvalidModel
from blazepalm.models.newest import newest_hand_spec, newest_palm_spec
from blazepalm.models.releases import by_name
from support.converted import converted


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return blazepalm.convert(
        "palm-lite", tmp_path_factory.mktemp("palm") / "palm-lite", coreml=None
    )[0]


def same(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(mine[k].equal(theirs[k]) for k in mine)


def test_every_source_gives_the_same_network(folder: Path, tmp_path: Path) -> None:
    expected = converted("palm-lite-2021-11").module
    lonely = tmp_path / "weights.pth"
    shutil.copy(folder / "model.pth", lonely)
    file = by_name("palm-lite").location()
    sources = ["palm-lite", file, folder, folder / "model.safetensors", lonely]
    for source in sources:
        assert source is not None
        found = blazepalm.PalmDetector.from_pretrained(source)
        assert same(found, expected)
        assert found.spec == expected.spec
        assert not found.training


def test_without_a_file_it_is_the_newest_release() -> None:
    palm, hand = blazepalm.PalmDetector(), blazepalm.HandLandmarks()
    assert palm.spec == newest_palm_spec() == converted("palm-full-2023-09").module.spec
    assert hand.spec == newest_hand_spec() == converted("hand-full-2022").module.spec
    assert torch.equal(palm.anchors, converted("palm-full-2023-09").module.anchors)  # type: ignore[arg-type]


def test_weights_alone_fit_the_newest_release(tmp_path: Path) -> None:
    expected = converted("hand-full-2022").module
    save_file(expected.state_dict(), tmp_path / "tuned.safetensors")
    assert same(blazepalm.HandLandmarks.from_pretrained(tmp_path / "tuned.safetensors"), expected)
    torch.save(expected.state_dict(), tmp_path / "tuned.pth")
    assert same(blazepalm.HandLandmarks.from_pretrained(tmp_path / "tuned.pth"), expected)


def test_another_family_is_refused(folder: Path) -> None:
    for source in (folder, folder / "model.pth"):
        with pytest.raises(InvalidModel, match="does not hold a hand landmark model"):
            blazepalm.HandLandmarks.from_pretrained(source)


def test_damage_gets_one_sentence(folder: Path, tmp_path: Path) -> None:
    state = torch.load(folder / "model.pth", weights_only=True)
    for structure in ("{", "[]", '{"spec": {"family": "palm"}}', '{"graph": {}}'):
        torch.save({**state, "structure": structure}, tmp_path / "odd.pth")
        with pytest.raises(
            ArtifactError, match=r"odd\.pth: describes no readable network"
        ) as caught:
            blazepalm.PalmDetector.from_pretrained(tmp_path / "odd.pth")
        assert "\n" not in str(caught.value)
    with pytest.raises(BlazePalmError, match="no such file"):
        blazepalm.PalmDetector.from_pretrained(tmp_path / "none.pth")
    with pytest.raises(TypeError, match="expected a release, a file or a folder"):
        blazepalm.PalmDetector.from_pretrained(None)  # type: ignore[arg-type]
