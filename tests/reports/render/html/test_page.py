"""The page as text: it contains no markup but its own, loads nothing, and shows the report's
content.
"""

import base64
import copy
import hashlib
import json
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from blazepalm.errors import ArtifactError
from blazepalm.reports.render.html import render_html, write_html
from support import report_samples
from support.report_samples import typed

ROOT = Path(__file__).resolve().parents[4]
Values = dict[str, Any]


def rendered(values: Values, folder: Path | None = None) -> str:
    return render_html(typed(values), folder)


class Reader(HTMLParser):
    """What a browser would see: elements with their attributes, and the text in each tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._last = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._last = tag

    def handle_endtag(self, tag: str) -> None:
        self._last = ""

    def handle_data(self, data: str) -> None:
        self.texts.append((self._last, data))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def inside(self, tag: str) -> list[str]:
        return [text for last, text in self.texts if last == tag]

    @property
    def text(self) -> str:
        shown = "".join(text for tag, text in self.texts if tag not in ("script", "style"))
        return " ".join(shown.split())

    @property
    def island(self) -> Any:
        return json.loads(self.inside("script")[0])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    report_samples.write_images(folder)
    return folder


@pytest.fixture(scope="module")
def passing() -> Values:
    return report_samples.passing()


@pytest.fixture(scope="module")
def failing() -> Values:
    return report_samples.failing()


def test_hostile_names_are_text(pictures: Path) -> None:
    page = rendered(report_samples.hostile(), pictures)
    read = Reader(page)
    assert [a.get("type") for a in read.named("script")] == ["application/json", None]
    assert "<script>alert" not in page
    assert report_samples.HOSTILE in read.text
    assert report_samples.HOSTILE in read.island["cases"][0]["name"]
    assert "\u202e" not in page and "\x00" not in page, "direction and control characters"
    assert "conv\\u202e2d\\x00\\ud800" in read.text
    handlers = [n for _, attributes in read.elements for n in attributes if n.startswith("on")]
    assert not handlers


def test_nothing_is_fetched(passing: Values, pictures: Path) -> None:
    read = Reader(rendered(passing, pictures))
    addresses = [
        address
        for _, attributes in read.elements
        for name in ("src", "href", "action", "data", "srcset")
        if (address := attributes.get(name)) is not None
    ]
    assert len(addresses) > 20
    sources = {photo["url"] for photo in passing["photos"]}  # to follow, not to fetch
    links = {a["href"] for a in read.named("a") if a.get("href") in sources}
    assert links == sources
    here = ("#", "data:image/jpeg;base64,", "data:,")
    assert all(address in links or address.startswith(here) for address in addresses)
    style = read.inside("style")[0]
    assert "url(" not in style and "@import" not in style


def test_photographs_are_apart_with_their_credits(passing: Values, pictures: Path) -> None:
    page = rendered(passing, pictures)
    apart = Reader(page.split("<h3>Photographs</h3>")[1].split("</section>")[0])
    assert [a["alt"] for a in apart.named("img")] == [p["name"] for p in passing["photos"]]
    for photo in passing["photos"]:
        assert f"{photo['credit']}, {photo['licence']}" in apart.text
    read = Reader(page)
    assert "a known person" in read.text, "what to mind"
    assert "14 inputs with 2 photographs" in read.text
    assert "Photographs have none, and do not count" in read.text
    names = {case["name"]: case["credit"] for case in read.island["cases"]}
    assert names["park"] == "someone/photos, CC-BY-4.0" and names["own-photo"] is None
    without = {**passing, "photos": [], "cases": passing["cases"][:9]}
    assert "hotographs" not in Reader(rendered(without, pictures)).text


def test_names_fold_between_words(passing: Values, pictures: Path) -> None:
    case = {**passing["cases"][0], "name": "own-IMG_2025.a<b"}
    page = rendered({**passing, "cases": [case]}, pictures)
    assert "<bdi>own-<wbr>IMG_<wbr>2025.<wbr>a&lt;b</bdi>" in page


def test_a_hostile_address_is_no_link(pictures: Path) -> None:
    read = Reader(rendered(report_samples.hostile(), pictures))
    assert report_samples.HOSTILE in read.text
    assert not any("javascript" in (a.get("href") or "") for a in read.named("a"))


def test_only_what_is_named_by_hash_may_run(passing: Values) -> None:
    read = Reader(rendered(passing))
    (policy,) = (
        a["content"] for a in read.named("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None

    def digest(text: str) -> str:
        packed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        return f"'sha256-{packed}'"

    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == digest(read.inside("script")[1])
    assert rules["style-src"] == digest(read.inside("style")[0])
    assert rules["img-src"] == "data:"
    assert not any("style" in attributes for _, attributes in read.elements), "would be refused"


def test_script_makes_no_markup_of_data() -> None:
    scripts = sorted((ROOT / "reports" / "render" / "html" / "script").glob("*.js"))
    assert len(scripts) > 5
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, f"{path.name}: {word}"
        assert len(text.splitlines()) < 400


def test_same_bytes_for_the_same_report(passing: Values, pictures: Path) -> None:
    page = rendered(passing, pictures)
    assert rendered(json.loads(json.dumps(passing)), pictures) == page
    other = {**passing, "timing": {"seconds": 0.25, "resumed": 0, "models": []}}
    assert rendered(other, pictures) != page
    assert not re.search(r"20\d\d-\d\d-\d\dT", page), "no point in time"


def test_size_of_the_default_run(passing: Values, pictures: Path) -> None:
    many = copy.deepcopy(passing)
    shown = [case for case in many["cases"] if case["image"]]
    assert len(shown) == 12
    many["cases"] = [{**shown[i % 12], "name": f"case {i}"} for i in range(48)]
    many["models"], many["rows"] = many["models"] * 2, many["rows"] * 3
    for case in many["cases"]:
        case["values"] = case["values"] * 3
    size = len(rendered(many, pictures).encode())
    assert 500_000 < size < 5_000_000


def test_pictures_are_small(passing: Values, pictures: Path) -> None:
    read = Reader(rendered(passing, pictures))
    sources = [str(attributes["src"]) for attributes in read.named("img")]
    assert len(sources) == 12
    for source in sources:
        content = base64.b64decode(source.partition(",")[2])
        assert Image.open(BytesIO(content)).size == (480, 360)
        assert len(content) < 40_000


@pytest.mark.parametrize("name", ["../secret.jpg", "images/none.jpg", "images", "text.jpg"])
def test_what_is_no_picture_of_the_report_is_left_out(
    passing: Values, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "report"
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.jpg")
    (folder / "text.jpg").write_text("no picture")
    values = {**passing, "cases": [{**passing["cases"][0], "image": name}]}
    read = Reader(rendered(values, folder))
    assert not read.named("img") and "no picture" in read.text
    assert read.island["cases"][0]["pictured"] is False


def test_first_screen_when_it_holds(passing: Values) -> None:
    text = Reader(rendered(passing)).text
    assert "Parity holds" in text and "First divergence" not in text
    assert f"{passing['counts']['pass']} of {passing['counts']['rows']}" in text
    worst = max(
        b["worst_multiple"]
        for m in passing["models"]
        for b in m["backends"]
        if b["judge"] == "floor"
    )
    assert f"{worst:.3g} × the float32 floor at most" in text
    assert text.count("not Apple’s runtime") > 4
    assert text.count("LiteRT’s bits: 4 of 48") == 4
    assert "coreml-mil: Core ML package, raw face, executed by blazepalm, not by Apple's" in text
    assert "tflite: LiteRT, default kernels (XNNPACK)" in text


def test_first_screen_when_it_fails(failing: Values) -> None:
    text = Reader(rendered(failing)).text
    assert "Parity fails" in text
    assert "hand-full-2022 on torch: first diverges at raw outputs" in text
    assert "First divergence: raw outputs" in text
    assert "Culprit: operator 20 DEPTHWISE_CONV_2D" in text
    (torch,) = (
        b for b in failing["models"][3]["backends"] if b["name"] == "torch" and b["reasons"]
    )
    assert all(reason in text for reason in torch["reasons"][:4])
    assert "unsupported operator: HARD_SWISH" in text
    assert "93 of 96 planted faults were caught" in text


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"exit_code": 2, "verdict": "not everything could be compared"}, "Not everything"),
        ({"exit_code": 1, "verdict": "nothing was compared", "models": []}, "Nothing was compared"),
        (
            {"exit_code": 3, "verdict": "parity could not be verified", "models": []},
            "Parity could not be verified",
        ),
        ({"exit_code": 1, "verdict": "equal, and useless"}, "Equal, and useless"),
    ],
)
def test_other_verdicts(passing: Values, changes: Values, headline: str) -> None:
    values = {**passing, "passed": False, **changes}
    if not values["models"]:
        values |= {"rows": [], "cases": [], "accuracy": [], "device": [], "self_test": None}
    assert headline in Reader(rendered(values)).text


def test_sections_are_there_only_with_something_to_show(passing: Values) -> None:
    full = Reader(rendered(passing))
    empty = {"device": [], "accuracy": [], "self_test": None, "golden": None}
    models = [{**model, "layers": None} for model in passing["models"]]
    rows = [
        {**row, "stage": "landmarks"} if row["stage"] == "rendered truth" else row
        for row in passing["rows"]
    ]
    bare = Reader(rendered({**passing, **empty, "models": models, "rows": rows}))

    def sections(read: Reader) -> set[str | None]:
        return {attributes.get("id") for attributes in read.named("section")}

    gone = {"device", "accuracy", "self-test", "layers"}
    assert gone <= sections(full)
    assert sections(bare) == sections(full) - gone
    assert not any(a.get("href") in {f"#{name}" for name in gone} for a in bare.named("a"))


def test_limits_that_are_not_the_default_are_told(passing: Values) -> None:
    said = "The limits are not the defaults"
    assert said not in Reader(rendered(passing)).text
    assert said in Reader(rendered({**passing, "default_limits": False})).text


def test_written_whole_or_not_at_all(passing: Values, tmp_path: Path) -> None:
    target = tmp_path / "new" / "report.html"
    write_html(typed(passing), target, tmp_path)
    assert target.read_text(encoding="utf-8") == rendered(passing, tmp_path)
    assert [p.name for p in target.parent.iterdir()] == ["report.html"]
    (tmp_path / "taken").mkdir()
    with pytest.raises(ArtifactError, match="taken: is a folder, expected a file name"):
        write_html(typed(passing), tmp_path / "taken", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "taken"]


def test_words_are_explained_where_they_stand(passing: Values) -> None:
    page = rendered(passing)
    matrix = page.split('id="matrix"')[1].split("</section>")[0]
    for word in ("the floor", "fp16", "app", "inputs"):
        assert f"<b>{word}</b>: " in matrix
    for section in ("heat", "comparisons"):
        assert "Isolated: the stage is given" in page.split(f'id="{section}"')[1].split("</p>")[0]
    only = copy.deepcopy(passing)
    kept = [i for i, row in enumerate(only["rows"]) if row["backend"] == "torch"]
    only["rows"] = [only["rows"][i] for i in kept]
    for case in only["cases"]:
        case["values"] = [case["values"][i] for i in kept]
    page = rendered(only)
    assert "<b>the floor</b>: " in page and "<b>fp16</b>: " not in page


def test_a_run_without_pictures_has_no_empty_gallery(passing: Values) -> None:
    noise = copy.deepcopy(passing)
    for case in noise["cases"]:
        case.update(width=0, height=0, image=None, hands={}, truth=None)
    page = rendered(noise)
    assert 'id="images"' not in page and 'href="#images"' not in page
