"""The report in a real browser: everything is drawn, maps answer to mouse and keyboard, nothing is asked for."""

from __future__ import annotations

import io

import numpy as np
import pytest
from made import CLASSES, colour_of
from opened import PIXELS

MEAN = """canvas => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const sum = [0, 0, 0];
  for (let k = 0; k < data.length; k += 4) for (const c of [0, 1, 2]) sum[c] += data[k + c];
  return sum.map((s) => s / (data.length / 4));
}"""


def picture(page, selector: str, place: int = 0) -> np.ndarray:
    """What is really on the screen at an element, uint8 (h, w, 3)."""
    from PIL import Image

    shot = page.locator(selector).nth(place).screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def drawn(page) -> str:
    """The points of the first map, as they lie on its canvas."""
    return page.locator(".map .points").first.evaluate("canvas => canvas.toDataURL()")


def walk_to_a_point(page, place: int = 0) -> None:
    """Focus a map and go to the point in its middle by keyboard."""
    page.locator(".map .overlay").nth(place).focus()
    page.keyboard.press("ArrowRight")


def test_nothing_is_asked_for_and_nothing_complained_of(opened, report) -> None:
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [report.as_uri()]


def test_every_map_is_drawn(opened) -> None:
    """Pixels, not only elements: ten maps, each with hundreds of points in ten colours, on the screen too."""
    found = opened.page.locator(".map .points").evaluate_all(f"list => list.map({PIXELS})")
    assert len(found) == 10
    for painted, colours in found:
        assert painted > 1500
        assert colours >= 10
    for place in range(10):
        shown = picture(opened.page, ".map", place)
        assert (np.abs(shown.astype(int) - shown[60, 2]).max(2) > 40).mean() > 0.02


def test_maps_of_different_subjects_differ_on_screen(opened) -> None:
    first, second, floor = (picture(opened.page, ".map", place) for place in (0, 1, 2))
    for other in (second, floor):
        height, width = np.minimum(first.shape, other.shape)[:2]
        apart = np.abs(first[:height, :width].astype(int) - other[:height, :width]).max(2)
        assert (apart > 40).mean() > 0.02


def test_every_curve_is_drawn(opened) -> None:
    plots = opened.page.locator(".plot")
    lines = plots.evaluate_all(
        "list => list.map(p => [...p.querySelectorAll('path.js-line')].map(l => l.getTotalLength()))"
    )
    assert len(lines) == 6 + 1 + 2
    assert all(found and min(found) > 20 for found in lines)


def test_every_tile_of_the_sheets_is_drawn_with_its_own_image(opened) -> None:
    tiles = opened.page.locator("canvas[data-image]")
    means = np.array(tiles.evaluate_all(f"list => list.map({MEAN})"))
    labels = tiles.evaluate_all("list => list.map(c => c.getAttribute('aria-label'))")
    classes = np.array([CLASSES.index(label.split(",")[0]) for label in labels])
    assert len(means) == 5 * 6 * 20 + 6 + 2 * 12
    assert np.abs(means - (colour_of(classes) + 20)).max() < 25


def test_hover_shows_the_thumbnail_of_the_point(maps) -> None:
    page = maps.page
    page.locator(".map .overlay").first.scroll_into_view_if_needed()
    walk_to_a_point(page)
    tip = page.locator(".tip").first
    assert tip.is_visible()
    shown = tip.inner_text().split("\n")
    assert shown[0] in CLASSES
    assert shown[1].startswith("cifar10 test, image ")
    mean = np.array(tip.locator("canvas").evaluate(MEAN))
    expected = colour_of(np.array([CLASSES.index(shown[0])]))[0] + 20
    assert np.abs(mean - expected).max() < 25


def test_mouse_hover_marks_the_image_in_every_map(maps) -> None:
    page = maps.page
    area = page.locator(".map .overlay").first
    area.scroll_into_view_if_needed()
    walk_to_a_point(page)
    tip = page.locator(".tip").first
    box, card = area.bounding_box(), tip.bounding_box()
    named = tip.inner_text()
    page.keyboard.press("Escape")
    tip.wait_for(state="hidden")
    page.mouse.move(card["x"] - 14, card["y"] + card["height"] / 2)
    assert tip.inner_text() == named
    assert box["x"] < card["x"]
    rings = page.locator(".map .overlay").evaluate_all(f"list => list.map(c => ({PIXELS})(c)[0])")
    assert len(rings) == 10
    assert min(rings) > 10
    page.mouse.move(2, 2)
    assert page.locator(".map .overlay").evaluate_all(f"list => list.map(c => ({PIXELS})(c)[0])") == [0] * 10


def test_legend_hides_a_class_in_every_map(maps) -> None:
    page = maps.page
    count = f"list => list.map(c => ({PIXELS})(c)[0])"
    before = np.array(page.locator(".map .points").evaluate_all(count))
    button = page.locator(".legend button", has_text="cat").first
    button.click()
    page.wait_for_timeout(100)
    after = np.array(page.locator(".map .points").evaluate_all(count))
    assert (after < 0.97 * before).all()
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    page.wait_for_timeout(100)
    assert (np.array(page.locator(".map .points").evaluate_all(count)) == before).all()


@pytest.mark.parametrize(("name", "legend"), [("cluster", "buttons"), ("anomaly score", "ramp")])
def test_other_colours(name: str, legend: str, maps) -> None:
    page = maps.page
    before = picture(page, ".map")
    page.locator(".controls select").select_option(name)
    page.wait_for_timeout(100)
    assert (np.abs(picture(page, ".map").astype(int) - before).max(2) > 40).mean() > 0.005
    assert page.locator(".legend .ramp").count() == (legend == "ramp")
    assert page.locator(".legend button").count() == (5 if legend == "buttons" else 0)


def test_lasso_selects_in_every_map_and_says_what(maps) -> None:
    page = maps.page
    area = page.locator(".map .overlay").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    corners = [(0.5, 0.02), (0.98, 0.02), (0.98, 0.98), (0.5, 0.98)]
    x, y = [(box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in corners][0]
    page.mouse.move(x, y)
    page.keyboard.down("Shift")
    page.mouse.down()
    for a, b in corners[1:]:
        page.mouse.move(box["x"] + a * box["width"], box["y"] + b * box["height"], steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    chosen = page.locator(".selection")
    words = chosen.inner_text()
    count = int(words.split()[0])
    assert 120 < count < 280
    assert (
        sum(int(part.split()[0]) for part in words.split(": ")[1].split("\n")[0].split(" Clear")[0].split(", "))
        == count
    )
    assert chosen.locator("canvas").count() == 60
    assert page.locator(".map .points").evaluate_all(f"list => list.map(c => ({PIXELS})(c)[0])")[3] > 200
    chosen.locator("button").click()
    chosen.wait_for(state="hidden")


def test_keyboard_zooms_pans_and_selects(maps) -> None:
    page = maps.page
    whole = drawn(page)
    walk_to_a_point(page)
    page.keyboard.press("Enter")
    assert page.locator(".selection").inner_text().startswith("1 selected")
    page.keyboard.press("Escape")
    page.locator(".selection").wait_for(state="hidden")
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_timeout(100)
    page.keyboard.press("Escape")
    assert drawn(page) != whole
    page.keyboard.press("0")
    page.wait_for_timeout(100)
    assert drawn(page) == whole


def test_wheel_scrolls_the_page_until_a_map_is_clicked(maps) -> None:
    page = maps.page
    area = page.locator(".map .overlay").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    at = page.evaluate("scrollY")
    page.mouse.wheel(0, 60)
    page.wait_for_timeout(200)
    assert page.evaluate("scrollY") > at
    box = area.bounding_box()
    page.mouse.click(box["x"] + 20, box["y"] + 20)
    at, before = page.evaluate("scrollY"), drawn(page)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(200)
    assert page.evaluate("scrollY") == at
    assert drawn(page) != before


def test_phone_is_narrow_dark_and_complete(opened_on_phone) -> None:
    page = opened_on_phone.page
    assert opened_on_phone.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 22, 26)"
    assert page.locator(".map .points").first.evaluate("c => c.width / c.clientWidth") == pytest.approx(2, rel=0.02)
    found = page.locator(".map .points").evaluate_all(f"list => list.map(c => ({PIXELS})(c)[0])")
    assert len(found) == 10
    assert min(found) > 3000
    overlay = page.locator(".map .overlay").first
    overlay.scroll_into_view_if_needed()
    assert overlay.evaluate("c => getComputedStyle(c).touchAction") == "pan-y"


def test_print_unfolds_the_recipe_in_light_colours(opened_on_phone) -> None:
    page = opened_on_phone.page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    folded = page.locator("main > section > details")
    assert folded.evaluate_all("list => list.map(d => d.open)") == [True] * 3
    assert page.locator(".plot text").first.evaluate("t => getComputedStyle(t).fill") == "rgb(34, 37, 43)"
    widths = page.locator(".plot .main-svg").evaluate_all("list => list.map(s => s.clientWidth)")
    assert set(widths) == {335}
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert folded.evaluate_all("list => list.map(d => d.open)") == [False] * 3


def test_what_is_printed_before_all_curves_were_drawn_has_them_all(browser, report) -> None:
    page = browser.new_page()
    page.add_init_script("""new MutationObserver((_, watching) => {
      if (!document.querySelector(".js-plotly-plot")) return;
      watching.disconnect();
      dispatchEvent(new Event("beforeprint"));
      window.printed = [...document.querySelectorAll(".plot")].map(p => p.querySelectorAll("path.js-line").length);
    }).observe(document, { subtree: true, attributes: true, childList: true })""")
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    printed = page.evaluate("window.printed")
    page.close()
    assert len(printed) == 6 + 1 + 2
    assert min(printed) > 0
