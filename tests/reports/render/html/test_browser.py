"""The page in headless Chromium: it opens from a file without console messages or requests, sorts,
filters, draws, and works on a phone, in print, in dark mode and by keyboard.
"""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from blazepalm.reports.render.html import write_html
from support import hostile_names, report_samples
from support.report_samples import typed
from tests.reports.render.html.test_views import FIGURES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SAMPLES = ("passing", "failing", "hostile")
NAMES = "hostile names"  # the last sample with every kind of name there is
SCRIPT = Path(__file__).resolve().parents[4] / "reports" / "render" / "html" / "script"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def values() -> dict[str, dict[str, Any]]:
    found = {name: getattr(report_samples, name)() for name in SAMPLES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_samples, "HOSTILE", hostile_names.ALL)
        return {**found, NAMES: report_samples.hostile()}


@pytest.fixture(scope="module")
def files(
    values: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("report")
    report_samples.write_images(folder)
    for name, report in values.items():
        write_html(typed(report), folder / f"{name}.html", folder)
    return {name: (folder / f"{name}.html").as_uri() for name in values}


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    opened = browser.new_page(
        viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    opened.set_default_timeout(5000)
    yield opened
    opened.close()


def overflow(page: "Page") -> float:
    """How much wider the page is than the window."""
    wide: float = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wide


def column(listing: "Locator", number: int) -> list[str]:
    return listing.locator(f"tbody tr:not(.because) > :nth-child({number})").all_inner_texts()


def in_wide_window(page: "Page", files: dict[str, str], name: str) -> "Locator":
    page.goto(files[name])
    return page.locator('[data-listing="rows"]')


@pytest.mark.parametrize("name", [*SAMPLES, NAMES])
def test_opens_without_a_word_or_a_request(page: "Page", files: dict[str, str], name: str) -> None:
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(files[name])
    page.wait_for_selector("#gallery svg path")
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert overflow(page) == 0, width
    page.locator("#gallery button.card").first.click()
    assert page.locator("#explorer .picture svg path").count() > 10
    assert page.locator("#explorer").evaluate("e => e.scrollWidth - e.clientWidth") == 0
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [files[name]]
    assert page.locator("script").count() == 2


@pytest.mark.parametrize(
    ("sample", "names"),
    [("hostile", {"markup": report_samples.HOSTILE}), (NAMES, hostile_names.NAMES)],
)
def test_hostile_names_stay_text(
    page: "Page", files: dict[str, str], sample: str, names: dict[str, str]
) -> None:
    """A page shows a line break as a space."""
    listing = in_wide_window(page, files, sample)
    texts = [column(listing, 4)[0]]
    listing.locator("button.open").first.click()
    texts.append(page.locator("#explorer-body").inner_text())
    page.keyboard.press("Escape")
    page.locator("#gallery button.card").first.click()
    texts.append(page.locator("#explorer-title").inner_text())
    for name in names.values():
        expected = hostile_names.shown(name.replace("\n", " "))
        assert [expected in " ".join(text.splitlines()) for text in texts] == [True] * 3, name


def test_sorting(page: "Page", files: dict[str, str], values: dict[str, dict[str, Any]]) -> None:
    listing = in_wide_window(page, files, "passing")
    heading = listing.get_by_role("columnheader", name="× floor")
    expected = sorted(r["multiple"] for r in values["passing"]["rows"] if r["multiple"] is not None)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    shown = [float(text.replace(",", "")) for text in column(listing, 11)[:20]]
    assert shown == pytest.approx(expected[::-1][:20], rel=5e-3)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    shown = [float(text.replace(",", "")) for text in column(listing, 11)[:20]]
    assert shown == pytest.approx(expected[:20], rel=5e-3)
    assert listing.locator('[aria-sort]:not([aria-sort="none"])').count() == 1


def test_filters_and_search(
    page: "Page", files: dict[str, str], values: dict[str, dict[str, Any]]
) -> None:
    rows = values["failing"]["rows"]
    failed = [row for row in rows if row["status"] == "fail"]
    listing = in_wide_window(page, files, "failing")
    assert "fail" in column(listing, 1)[0], "the worst lead"
    listing.get_by_label("Status").select_option("fail")
    assert [text.split()[-1] for text in column(listing, 1)] == ["fail"] * len(failed)
    assert f"{len(failed)} of {len(rows)} rows" in listing.inner_text()
    assert failed[0]["reasons"][0] in listing.inner_text()
    listing.get_by_label("Stage").select_option("landmarks")
    listing.get_by_label("Search Comparisons").fill("PRESENCE torch")
    wanted = [r for r in failed if r["stage"] == "landmarks" and r["field"] == "presence"]
    assert len(column(listing, 1)) == len(wanted) > 0
    page.locator('#matrix a[data-backend="torch"]').last.click()
    assert set(column(listing, 4)) == {"hand-full-2022"} and set(column(listing, 5)) == {"torch"}


def test_long_lists_open_in_full(
    page: "Page", files: dict[str, str], values: dict[str, dict[str, Any]]
) -> None:
    page.goto(files["passing"])
    listing = page.locator('[data-listing="tensors"]')
    total = sum(len(model["tensor_map"]) for model in values["passing"]["models"])
    assert listing.locator("tbody tr").count() == 100
    listing.get_by_role("button", name=f"Show all {total} rows").click()
    assert listing.locator("tbody tr").count() == total


def test_the_way_from_image_to_weights_and_back_by_keyboard(
    page: "Page", files: dict[str, str], values: dict[str, dict[str, Any]]
) -> None:
    page.goto(files["failing"])
    card = page.locator("#gallery button.card").first
    card.focus()
    page.keyboard.press("Enter")
    explorer = page.locator("#explorer")
    assert explorer.is_visible() and page.evaluate(
        "document.activeElement.closest('dialog') !== null"
    )
    stages = explorer.locator("details[open]").filter(has_not_text="rendered truth")
    stages.locator("button.open").first.focus()
    page.keyboard.press("Enter")
    assert "beyond" in explorer.inner_text() or "fail" in explorer.inner_text()
    explorer.get_by_role("button", name="Layers of the model").click()
    explorer.get_by_role("button", name="DEPTHWISE_CONV_2D", exact=True).first.click()
    assert "Weights of this operator" in explorer.inner_text()
    explorer.locator("button.open").first.click()
    digest = values["failing"]["models"][3]["tensor_map"][0]["source_sha256"]
    assert digest in explorer.inner_text()
    assert page.locator("#trail button").count() == 5
    page.locator("#trail button").first.click()
    assert page.locator("#trail button").count() == 1
    page.keyboard.press("Escape")
    assert not explorer.is_visible()
    assert card.evaluate("card => card === document.activeElement"), "back where it began"


def test_landmarks_lie_where_the_report_says_and_differences_are_magnified(
    page: "Page", files: dict[str, str], values: dict[str, dict[str, Any]]
) -> None:
    page.goto(files["passing"])
    pair = "palm-full-2023-09 + hand-full-2022"
    case = next(c for c in values["passing"]["cases"] if c["name"] == "open-right-light")
    hands = case["hands"][pair]
    number = values["passing"]["cases"].index(case)
    drawing = page.locator(f'#gallery li[data-case="{number}"] svg').first
    tools = page.locator("#overlay-tools")
    for name in ("tflite", "torch", "coreml-mil-app", "coreml-mil"):
        tools.get_by_label(name, exact=True).uncheck()
    assert drawing.locator(".joint").count() == 1, "float16 alone is left"
    thumb = drawing.locator(".f-thumb").get_attribute("d")
    assert thumb is not None
    drawn = [[float(v) for v in p.split()] for p in thumb[1:].split("L")]
    expected = [hands["coreml-mil-fp16"][0]["landmarks"][i][:2] for i in (1, 2, 3, 4)]
    assert drawn == [pytest.approx(point, abs=0.02) for point in expected]
    assert drawing.locator(".offset").count() == 0
    tools.get_by_label("Magnify differences from LiteRT").fill("3")
    assert "× 1,000" in tools.inner_text()
    first = drawing.locator(".offset").get_attribute("d")
    assert first is not None
    start, end = ([float(v) for v in p.split()] for p in first[1:].split("M")[0].split("L"))
    truth, found = hands["tflite"][0]["landmarks"][0], hands["coreml-mil-fp16"][0]["landmarks"][0]
    moved = [1000 * (b - a) for a, b in zip(truth[:2], found[:2], strict=True)]
    assert [b - a for a, b in zip(start, end, strict=True)] == pytest.approx(moved, rel=0.01)
    tools.get_by_label("truth").uncheck()
    assert drawing.locator(".truth").count() == 0


def test_a_picture_opens_on_what_is_worst_and_leads_to_the_next(
    page: "Page", files: dict[str, str], values: dict[str, dict[str, Any]]
) -> None:
    page.goto(files["failing"])
    cards = page.locator("#gallery button.card")
    cards.first.click()
    explorer = page.locator("#explorer")
    assert "Worst here: hand-full-2022, torch" in explorer.inner_text()
    marked = explorer.locator("tr.marked")
    assert marked.is_visible() and marked.inner_text().startswith("worst ✗")
    assert "hand-full-2022" in explorer.locator("h3").first.inner_text()
    title = page.locator("#explorer-title")
    names = [title.inner_text()]
    assert page.get_by_label("Previous image").is_disabled(), "it is the worst"
    page.keyboard.press("ArrowRight")
    names.append(title.inner_text())
    page.get_by_label("Next image").click()
    names.append(title.inner_text())
    page.keyboard.press("ArrowLeft")
    assert len(set(names)) == 3 and title.inner_text() == names[1]
    assert f"case={names[1]}" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    page.wait_for_url(lambda address: "case=" not in address)  # the page's policy forbids eval


def test_the_address_shows_the_same_page_again(page: "Page", files: dict[str, str]) -> None:
    listing = in_wide_window(page, files, "failing")
    listing.get_by_label("Status").select_option("fail")
    listing.get_by_label("Search Comparisons").fill("presence")
    page.locator("#case-tools").get_by_label("Kind").select_option("hand")
    page.locator("#overlay-tools").get_by_label("torch", exact=True).uncheck()
    page.locator("#overlay-tools").get_by_label("boxes").check()
    page.locator(".worst a").click()
    assert page.locator("#explorer").is_visible()
    address = page.url
    shown = [column(listing, 2), page.locator("#explorer-title").inner_text()]
    page.goto("about:blank")
    page.goto(address)
    assert page.url == address
    listing = page.locator('[data-listing="rows"]')
    assert [column(listing, 2), page.locator("#explorer-title").inner_text()] == shown
    assert listing.get_by_label("Search Comparisons").input_value() == "presence"
    assert page.locator("#case-tools").get_by_label("Kind").input_value() == "hand"
    tools = page.locator("#overlay-tools")
    assert not tools.get_by_label("torch", exact=True).is_checked()
    assert tools.get_by_label("boxes").is_checked()
    assert page.locator("#gallery .joint.b1").count() == 0 < page.locator("#gallery .box").count()
    page.evaluate("location.hash = 'case=no-such&row=x&rows.sort=99down&rows.Status=none'")
    assert not page.locator("#explorer").is_visible(), "what an address says is not trusted"


def test_the_worst_model_is_open(page: "Page", files: dict[str, str]) -> None:
    page.goto(files["failing"])
    for section in ("#heat", "#layers"):
        first = page.locator(f"{section} details").first
        assert first.get_attribute("open") is not None
        assert "hand-full-2022" in first.locator("summary").inner_text()


def test_a_phone_shows_what_scrolls_and_cuts_nothing(page: "Page", files: dict[str, str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(files["failing"])
    page.wait_for_selector(".scroll.wide")
    page.evaluate("document.querySelectorAll('main details').forEach((d) => { d.open = true; })")
    page.wait_for_timeout(100)
    silent = page.evaluate(
        "[...document.querySelectorAll('.scroll, nav')].filter((n) => n.offsetParent"
        " && (n.scrollWidth > n.clientWidth + 1) !== n.classList.contains('wide')).length"
    )
    assert silent == 0
    assert (
        page.evaluate(
            "getComputedStyle(document.querySelector('.scroll.wide'), '::before').content"
        )
        == '"scrolls sideways →"'
    )
    cut = page.evaluate(
        "[...document.querySelectorAll('main *')]"
        ".filter((n) => n.offsetParent && !n.closest('.scroll, svg')"
        " && n.getBoundingClientRect().right > innerWidth + 1).map((n) => n.outerHTML.slice(0, 80))"
    )
    assert cut == []


def test_the_layers_table_has_rows_of_one_height(page: "Page", files: dict[str, str]) -> None:
    page.goto(files["failing"])
    heights = page.evaluate(
        "[...document.querySelectorAll('[data-listing=layers] tbody tr')]"
        ".filter((row) => !row.matches('.because, .has-because'))"
        ".map((row) => Math.round(row.getBoundingClientRect().height))"
    )
    assert len(heights) > 50 and max(heights) - min(heights) <= 1


def contrast(page: "Page", selector: str) -> float:
    """Of an element's text to the nearest background behind it, by WCAG 2."""
    ratio: float = page.evaluate(
        """selector => {
          const often = { willReadFrequently: true };
          const canvas = document.createElement('canvas').getContext('2d', often);
          const channels = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
          const light = (colour) => channels(colour).slice(0, 3).map((c) => c / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
          const node = document.querySelector(selector);
          const ground = (element) => getComputedStyle(element).backgroundColor;
          let behind = node;
          while (channels(ground(behind))[3] < 255) behind = behind.parentElement;
          const [a, b] = [light(getComputedStyle(node).color), light(ground(behind))];
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }""",
        selector,
    )
    return ratio


TEXTS = (
    "body", ".title p", ".facts", "#theme", ".bar nav a", ".matrix small", ".status.fail",
    ".heat .l0 button", ".heat .l2 button", ".heat .l4 button", ".heat .l5 button", ".seal",
    ".caption small", ".reasons li", ".because td", ".notice", ".legend",
)  # fmt: skip


def test_light_and_dark_can_be_read(page: "Page", files: dict[str, str]) -> None:
    page.goto(files["failing"])
    colours = []
    for theme in ("auto", "light", "dark"):
        assert theme in page.locator("#theme").inner_text()
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        weak = {text: ratio for text in TEXTS if (ratio := contrast(page, text)) < 4.5}
        assert weak == {}, theme
        page.locator("#theme").click()
    assert colours[0] == colours[1] != colours[2]
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colours[2], "auto"


def test_paper(page: "Page", files: dict[str, str], values: dict[str, dict[str, Any]]) -> None:
    page.set_viewport_size({"width": 690, "height": 1000})  # A4 between its margins
    page.emulate_media(media="print", color_scheme="dark")
    for name in ("failing", "hostile"):
        page.goto(files[name])
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert overflow(page) == 0
        cut = page.evaluate(
            "[...document.querySelectorAll('main table')].filter((t) => t.offsetParent && "
            "t.getBoundingClientRect().right > innerWidth + 1).map((t) => t.innerText.slice(0, 80))"
        )
        assert cut == []
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )
        assert not page.locator(".bar").is_visible()
        assert page.locator("main details:not([open])").count() == 0
        listing = page.locator('[data-listing="rows"]')
        assert len(column(listing, 1)) == len(values[name]["rows"]), "every row is on paper"
        assert page.locator("#gallery li:visible").count() == page.locator("#gallery li").count()
        for left_out in ("#layers", "#weights"):
            assert not page.locator(f"{left_out} .listing").is_visible()
            assert "left out on paper" in page.locator(left_out).inner_text()
        displays = page.evaluate(
            "[...document.querySelectorAll('main table:not(.matrix) thead')]"
            ".filter((t) => t.offsetParent).map((t) => getComputedStyle(t).display)"
        )
        assert len(displays) > 5 and set(displays) == {"table-header-group"}, "on every page"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(column(listing, 1)) == 100
    assert page.locator("main details:not([open])").count() > 0


def test_verdict_needs_no_script(browser: "Browser", files: dict[str, str]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["failing"])
    text = page.locator("main").inner_text()
    assert "Parity fails" in text and "first diverges at raw outputs" in text
    assert "need this page’s script" in text
    assert page.locator("#gallery img").count() == 12
    context.close()


def test_figures_are_python_s(page: "Page") -> None:
    source = (SCRIPT / "dom.js").read_text(encoding="utf-8")
    function = source[source.index("function figure") : source.index("const times")]
    numbers = [value for value, _ in FIGURES]
    found = page.evaluate(
        f"values => {{ const NOTHING = '–'; {function}; return values.map((v) => figure(v)); }}",
        numbers,
    )
    assert found == [text for _, text in FIGURES]
