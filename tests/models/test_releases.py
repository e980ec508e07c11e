"""The registry against a handwritten table of known releases, and the real files."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from blazepalm.errors import ArtifactError, UnknownRelease
from blazepalm.models import release_registry
from blazepalm.models.release_registry import REGISTRY, WEIGHTS, Bundle, Release, load_registry
from blazepalm.models.releases import by_name, by_network, by_sha256, defaults, resolve
from support.models import ROOT, SHARED, shared_model

# name: SHA-256 (first 16 digits), bytes
KNOWN = {
    "palm-2019-08": (None, None),
    "palm-2020-11": ("1590b8eb1ad838b5", 3877888),
    "palm-lite-2021-11": ("e9a4aaddf90dda56", 1985440),
    "palm-full-2021-11": ("2f25e740121983f6", 2341280),
    "palm-full-2023-09": ("1b14e9422c6ad006", 2339846),
    "hand-3d-2019-08": ("883ff80c976ae95d", 4063072),
    "hand-2019-08": (None, None),
    "hand-2020-05": ("bad88ac1fd144f03", 4086864),
    "hand-2020-11": ("276abb7cb09c3862", 3792620),
    "hand-sparse-2021-02": ("2afbc20bfa7c25a8", 3756096),
    "hand-2021-09": ("3cf900c4d7529fb4", 2071344),
    "hand-sparse-2021-10": ("8fbb7bfa9b6ed8c9", 2175808),
    "hand-lite-2021-10": ("d7fde8ac11f8ce03", 2071408),
    "hand-full-2021-10": ("8c026882c9ec059c", 5478688),
    "hand-lite-2022": ("048edd3645c9bf73", 2071597),
    "hand-full-2022": ("11c272b891e1a99a", 5478917),
    "hand-recrop-2020-07": ("67d996ce96f9d36f", 123792),
}
BUNDLES = {
    "hand-landmarker-2022": (
        "32d1eab97e80a9a20edb29231e15301ce65abfd0fa9d41cf1757e0ecc8078a4e",
        None,
    ),
    "hand-landmarker-1": (
        "fbc2a30080c3c557093b5ddfc334698132eb341044ccee322ccf8bcf3607cde1",
        7819105,
    ),
    "gesture-recognizer-1": (
        "97952348cf6a6a4915c2ea1496b4b37ebabc50cbbf80571435643c455f2b0482",
        8373440,
    ),
}
COMMIT = {
    "palm-2019-08": "c27a7c1e1064e66427ad0656f776155ab456f90b",
    "palm-2020-11": "f96eadd6df64a5f9a31918d6319e51847497641a",
    "hand-sparse-2021-10": "33d683c67100ef3db37d9752fcf65d30bea440c4",
}
EMBEDDED = ("palm-lite-2021-11", "palm-full-2023-09", "hand-lite-2022", "hand-full-2022")


def release(name: str) -> Release:
    found = by_name(name)
    assert isinstance(found, Release)
    return found


def test_holds_every_known_release_and_bundle() -> None:
    registry = load_registry()
    found = {
        r.name: (None if r.sha256 is None else r.sha256[:16], r.bytes) for r in registry.releases
    }
    assert found == KNOWN
    assert all(r.sha256 is None or len(r.sha256) == 64 for r in registry.releases)
    assert {b.name: (b.sha256, b.bytes) for b in registry.bundles} == BUNDLES
    both = {
        "hand_detector.tflite": "palm-full-2023-09",
        "hand_landmarks_detector.tflite": "hand-full-2022",
    }
    for name in ("hand-landmarker-2022", "hand-landmarker-1"):
        bundle = by_name(name)
        assert isinstance(bundle, Bundle) and dict(bundle.members) == both


@pytest.mark.parametrize(
    ("name", "url"),
    [
        (
            "hand-landmarker",
            "mediapipe-models/hand_landmarker/hand_landmarker/float16/1/hand_landmarker.task",
        ),
        (
            "gesture-recognizer",
            "mediapipe-models/gesture_recognizer/gesture_recognizer/float16/1/"
            "gesture_recognizer.task",
        ),
        ("hand-landmarker-2022", "mediapipe-assets/tasks/testdata/vision/hand_landmarker.task"),
    ],
)
def test_bundles_have_their_public_urls(name: str, url: str) -> None:
    assert by_name(name).urls == (f"https://storage.googleapis.com/{url}",)


@pytest.mark.parametrize(
    ("digest", "name"),
    [
        ("945f713bc23570bd4ed60f848c401dc8eaf95713183d43ba14cf12e467d27a7d", "palm-full-2023-09"),
        ("60d1bf8d70a80aba35b36290bb2a0e52e784ca2e524937d49ea80e8161a8a384", "palm-full-2023-09"),
        ("6acda74af3fbf40e68265c20c7394b2bad81a16a481dcd79ad7a081887c3d6b9", "hand-full-2022"),
    ],
)
def test_members_of_official_bundles_are_known(digest: str, name: str) -> None:
    assert by_sha256(digest) is release(name)
    assert release(name).sha256 != digest


def test_networks_are_known() -> None:
    """Set for each release whose file was available, and different for all."""
    networks = {r.name: r.network_sha256 for r in load_registry().releases if r.network_sha256}
    assert set(networks) == set(SHARED.values())
    assert len(set(networks.values())) == len(networks)
    for name, digest in networks.items():
        assert by_network(digest.upper()) is release(name)
    assert by_network("0" * 64) is None


def test_names_are_unique() -> None:
    names = load_registry().names
    assert len(names) == len(set(names)) == 17 + 3 + 6


@pytest.mark.parametrize("name", sorted(COMMIT))
def test_raw_url_is_that_of_the_commit(name: str) -> None:
    asset = release(name)
    assert asset.urls[0] == (
        f"https://github.com/google-ai-edge/mediapipe/raw/{COMMIT[name]}/{asset.file}"
    )


def test_every_release_can_be_fetched_from_somewhere() -> None:
    assert all(asset.urls for asset in load_registry().assets)
    assert release("hand-2020-05").urls[-1] == (
        "https://storage.googleapis.com/mediapipe-assets/models/hand_landmark.tflite"
    )


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_file_is_the_release(name: str) -> None:
    asset = release(name)
    assert asset.embedded is not None
    content = (WEIGHTS / asset.embedded).read_bytes()
    assert hashlib.sha256(content).hexdigest() == asset.sha256
    assert len(content) == asset.bytes
    assert resolve(name).read_bytes() == content


def test_only_those_four_are_embedded() -> None:
    assert {r.name for r in load_registry().releases if r.embedded} == set(EMBEDDED)
    assert {p.name for p in WEIGHTS.glob("*.tflite")} == {
        r.embedded for r in load_registry().releases if r.embedded
    }


@pytest.mark.parametrize(("digits", "name"), sorted(SHARED.items()))
def test_real_file_is_found_by_its_hash(digits: str, name: str) -> None:
    content = shared_model(name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    found = by_sha256(digest.upper())
    assert digest.startswith(digits)
    assert found is release(name)
    assert found.bytes == len(content)


def test_unknown_hash_is_none() -> None:
    assert by_sha256("0" * 64) is None


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("palm-full", "palm-full-2023-09"),
        ("palm-lite", "palm-lite-2021-11"),
        ("hand-full", "hand-full-2022"),
        ("hand-lite", "hand-lite-2022"),
    ],
)
def test_aliases_mean_the_newest(alias: str, name: str) -> None:
    assert by_name(alias).name == name


@pytest.mark.parametrize(
    ("name", "size", "values", "strides", "scales"),
    [
        ("palm-2019-08", 256, (-1.0, 1.0), (8, 16, 32, 32, 32), (0.1171875, 0.75)),
        ("palm-2020-11", 128, (-1.0, 1.0), (8, 16, 16, 16), (0.1484375, 0.75)),
        ("palm-full-2021-11", 192, (0.0, 1.0), (8, 16, 16, 16), (0.1484375, 0.75)),
        ("palm-lite", 192, (0.0, 1.0), (8, 16, 16, 16), (0.1484375, 0.75)),
    ],
)
def test_palm_generations(
    name: str,
    size: int,
    values: tuple[float, float],
    strides: tuple[int, ...],
    scales: tuple[float, float],
) -> None:
    generation = release(name).generation
    assert generation.family == "palm"
    assert generation.input_size == (size, size)
    assert generation.value_range == values
    assert (generation.score_threshold, generation.suppression_iou) == (0.5, 0.3)
    assert generation.ssd is not None
    assert generation.ssd.strides == strides
    assert (generation.ssd.min_scale, generation.ssd.max_scale) == scales
    roi = generation.roi
    assert (roi.start, roi.towards, roi.target_degrees) == (0, ((2, 1.0),), 90.0)
    assert (roi.scale, roi.shift, roi.square_long) == ((2.6, 2.6), (0.0, -0.5), True)


@pytest.mark.parametrize(
    ("name", "size", "presence", "normalize_z", "scale", "shift"),
    [
        ("hand-3d-2019-08", 256, 0.1, 1.0, 1.6, 0.0),
        ("hand-2019-08", 256, 0.1, 1.0, 1.6, 0.0),
        ("hand-2020-05", 256, 0.1, 1.0, 2.1, -0.1),
        ("hand-2020-11", 224, 0.5, 0.4, 2.0, -0.1),
        ("hand-sparse-2021-02", 224, 0.5, 0.4, 2.0, -0.1),
        ("hand-full", 224, 0.5, 0.4, 2.0, -0.1),
    ],
)
def test_hand_generations(
    name: str, size: int, presence: float, normalize_z: float, scale: float, shift: float
) -> None:
    generation = release(name).generation
    assert generation.family == "hand"
    assert generation.input_size == (size, size)
    assert generation.value_range == (0.0, 1.0)
    assert generation.presence_threshold == presence
    assert generation.normalize_z == normalize_z
    assert generation.landmark_divisor == size
    assert generation.roi.scale == (scale, scale)
    assert generation.roi.shift == (0.0, shift)


def test_region_directions_are_means() -> None:
    for generation in load_registry().generations.values():
        assert sum(weight for _, weight in generation.roi.towards) == 1.0
    newest = defaults("hand").roi
    assert dict(newest.towards) == {5: 0.25, 9: 0.5, 13: 0.25}
    assert newest.box == (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)


def test_a_generation_states_what_applies_and_nothing_else() -> None:
    palm, hand = defaults("palm").to_dict(), defaults("hand").to_dict()
    assert "ssd" in palm and "normalize_z" not in palm
    assert "normalize_z" in hand and "suppression_iou" not in hand


def test_unknown_files_are_taken_for_the_newest() -> None:
    assert defaults("palm") is release("palm-full").generation
    assert defaults("hand") is release("hand-full").generation


def test_an_existing_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("palm-full").write_bytes(b"mine")
    assert resolve("palm-full") == Path("palm-full")


def test_a_folder_does_not_hide_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("palm-full").mkdir()  # what `convert palm-full -o palm-full` leaves
    assert resolve("palm-full").is_file()


def fetched(name: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts an empty file into the cache as that release."""
    monkeypatch.setitem(vars(by_name(name)), "sha256", hashlib.sha256(b"").hexdigest())
    by_name(name).cached.write_bytes(b"")


def test_a_fetched_release_is_found_in_the_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownRelease, match="blazepalm releases fetch palm-2020-11"):
        resolve("palm-2020-11")
    fetched("palm-2020-11", cache, monkeypatch)
    assert resolve("palm-2020-11") == cache / "palm-2020-11.tflite"


def test_a_release_directly_in_the_cache_folder_is_found(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where BLAZEPALM_CACHE named the folder of releases itself."""
    monkeypatch.setenv("BLAZEPALM_CACHE", str(cache))
    before = cache / "palm-2020-11.tflite"
    before.write_bytes(b"")
    assert by_name("palm-2020-11").location() is None, "another file"
    monkeypatch.setitem(vars(by_name("palm-2020-11")), "sha256", hashlib.sha256(b"").hexdigest())
    assert resolve("palm-2020-11") == before
    by_name("palm-2020-11").cached.parent.mkdir()
    fetched("palm-2020-11", cache, monkeypatch)
    assert resolve("palm-2020-11") == by_name("palm-2020-11").cached


def test_all_that_is_kept_lies_in_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blazepalm.converter.program_cache import kept_program
    from blazepalm.golden import make, photos
    from blazepalm.reports.backends import kept_answers

    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "own"))
    monkeypatch.delenv("BLAZEPALM_PHOTOS")
    kept_program("executorch", "key", lambda: b"program")
    folders = [by_name("palm-2020-11").cached, photos.photos_folder(), make.cached_folder()]
    files = [make.open_pictures().path, kept_answers.open_answers().path]
    assert all((tmp_path / "own") in path.parents for path in (*folders, *files))
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_another_file_in_the_cache_is_no_release(cache: Path) -> None:
    (cache / "palm-2020-11.tflite").write_bytes(resolve("palm-lite").read_bytes())
    assert by_name("palm-2020-11").location() is None
    with pytest.raises(UnknownRelease, match="is not palm-2020-11: its SHA-256 is another"):
        resolve("palm-2020-11")


def test_a_fetched_bundle_keeps_its_suffix(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched("hand-landmarker-1", cache, monkeypatch)
    assert resolve("hand-landmarker") == cache / "hand-landmarker-1.task"
    assert isinstance(by_name("hand-landmarker"), Bundle)


def test_a_member_of_a_bundle_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "x.task").write_bytes(b"")
    member = f"{tmp_path}/x.task:hand_detector.tflite"
    assert str(resolve(member)) == member


def test_a_member_of_a_bundle_in_a_folder_with_a_colon(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    (tmp_path / "a:b" / "x.task").write_bytes(b"")
    member = f"{tmp_path}/a:b/x.task:inner.task:m.tflite"
    assert str(resolve(member)) == member


def test_a_member_of_a_fetched_bundle(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownRelease, match="blazepalm releases fetch hand-landmarker-1"):
        resolve("hand-landmarker:hand_detector.tflite")
    fetched("hand-landmarker-1", cache, monkeypatch)
    found = resolve("hand-landmarker:hand_detector.tflite")
    assert str(found) == f"{cache}/hand-landmarker-1.task:hand_detector.tflite"


def test_what_the_crop_finder_puts_out() -> None:
    """hand_recrop_by_roi_cpu.pbtxt: two landmarks of two values; AlignmentPointsRectsCalculator
    takes the first as the center, and the second as the point that gives size and rotation.
    """
    generation = release("hand-recrop-2020-07").generation
    assert generation.output_values == ("center_x", "center_y", "scale_x", "scale_y")
    assert (generation.roi.start, generation.roi.towards) == (0, ((1, 1.0),))
    assert (generation.roi.target_degrees, generation.landmark_divisor) == (-90.0, 256.0)
    assert "output_values" in generation.to_dict()
    assert "output_values" not in defaults("hand").to_dict()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("palm-ful", "did you mean palm-full"),
        ("hand_lite", "did you mean hand-lite"),
        ("something else", "see `blazepalm releases`"),
        ("", "neither a file nor a known release"),
        ("missing.tflite", "no such file"),
        ("no/such/folder/x", "no such file"),
        ("null\0character", r"'null\\x00character'"),
        ("a" * 5000, "neither a file"),
        ("nothing.task:member.tflite", "no such file"),
    ],
)
def test_unknown_names_say_what_to_do(name: str, message: str) -> None:
    with pytest.raises(UnknownRelease, match=message):
        resolve(name)


def test_the_user_cache_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLAZEPALM_CACHE")
    monkeypatch.setattr(release_registry, "RELEASES", "releases")
    assert by_name("palm-2020-11").cached.parts[-3:-1] == ("blazepalm", "releases")


def test_needs_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, blazepalm.models.releases as r; r.load_registry(); "
        "sys.exit(bool({'torch', 'numpy', 'platformdirs'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[source]", "[source", r"is damaged \(.*\); reinstall blazepalm$"),
        (
            "score_threshold = 0.5",
            'score_threshold = "much"',
            "score_threshold is 'much', expected",
        ),
        ("input_size = [256, 256]", "input_size = [256]", "has 1 entries, expected 2"),
        ('family = "palm"', 'family = "foot"', "'foot' is missing"),
        ("sha256 = ", "sha257 = ", r"unknown fields \['sha257'\]"),
        ("[defaults]", '[defaults]\nfoot = "palm-2020-11"', "no generation of family foot"),
    ],
)
def test_a_damaged_registry_is_one_sentence(old: str, new: str, said: str, tmp_path: Path) -> None:
    text = REGISTRY.read_text("utf-8")
    assert old in text
    (tmp_path / "releases.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ArtifactError, match=said) as caught:
        load_registry.__wrapped__(tmp_path / "releases.toml")
    assert "\n" not in str(caught.value)
